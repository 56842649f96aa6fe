//! Several statements in one transaction: all of them or none.
//!
//! One after the other, each answered before the next is sent, and COMMIT when nothing is left that could fail. Sent in
//! one flight like a single statement they would be faster, but COMMIT would be on its way before anybody had looked at
//! their answers.

use super::connection::Connection;
use super::error::DbError;
use super::prepared::Owner;
use super::run::{Answer, answer, done};
use super::transaction::{Opening, open, texts};
use crate::caller::Caller;
use fluxbase_compiler::plan::Access;
use fluxbase_compiler::sql::Statement as Compiled;
use std::cell::Cell;
use tokio_postgres::Statement;

/// Statements, whose they are, and what goes before them.
pub struct Several<'a> {
    pub first: Option<&'a str>,
    pub caller: &'a Caller,
    pub statements: &'a [Compiled],
    pub scope: &'static str,
    /// The place of the one under way; none before the first and after the last.
    pub at: Cell<Option<usize>>,
}

impl Several<'_> {
    fn access(&self) -> Access {
        let writes = |one: &Compiled| one.access == Access::ReadWrite;
        match self.statements.iter().any(writes) {
            true => Access::ReadWrite,
            false => Access::ReadOnly,
        }
    }
}

/// Runs them; the answers are in their order.
pub async fn several(
    connection: &mut Connection,
    work: &Several<'_>,
) -> Result<Vec<Answer>, DbError> {
    match inside(connection, work).await {
        Ok(answers) => {
            done(&connection.client, &connection.fixed.commit, &[]).await?;
            Ok(answers)
        }
        Err(error) => {
            done(&connection.client, &connection.fixed.rollback, &[]).await?;
            Err(error)
        }
    }
}

async fn inside(connection: &mut Connection, work: &Several<'_>) -> Result<Vec<Answer>, DbError> {
    work.at.set(None);
    // What an abandoned request left is nobody's.
    drop(connection.spooled.take());
    let opening = Opening::of(work.caller, work.access(), work.scope, &connection.fixed);
    open(&connection.client, &connection.fixed, &opening, None).await?;
    let owner = Owner::Caller(work.caller.role());
    if let Some(sql) = work.first {
        let first = statement(connection, owner, sql).await;
        let first = first.map_err(DbError::of_first)?;
        done(&connection.client, &first, &[]).await?;
    }
    let mut answers = Vec::with_capacity(work.statements.len());
    for (place, one) in work.statements.iter().enumerate() {
        work.at.set(Some(place));
        let main = statement(connection, owner, &one.sql).await?;
        let answer = answer(&connection.client, &main, &texts(&one.params), one).await?;
        answers.push(answer.with_spooled(connection.spooled.take())?);
    }
    work.at.set(None);
    Ok(answers)
}

/// Prepared after entering, as the role that will run it.
async fn statement(
    connection: &mut Connection,
    owner: Owner,
    sql: &str,
) -> Result<Statement, DbError> {
    if let Some(known) = connection.prepared.get(owner, sql) {
        return Ok(known);
    }
    let fresh = connection.client.prepare(sql).await?;
    connection.prepared.put(owner, sql, fresh.clone());
    Ok(fresh)
}
