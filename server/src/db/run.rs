use super::connection::Connection;
use super::error::DbError;
use super::lease::Lease;
use super::pool::Db;
use super::prepared::Owner;
use super::value::{Raw, Text};
use crate::caller::Caller;
use bytes::Bytes;
use fluxbase_compiler::plan::Access;
use fluxbase_compiler::sql::Statement as Compiled;
use futures_util::{FutureExt, TryStreamExt, future};
use std::pin::pin;
use std::time::Duration;
use tokio_postgres::{Client, Row, Statement};

/// What PostgreSQL may need beyond its own time limit before it is taken for dead.
const GRACE: Duration = Duration::from_secs(2);

/// The one row a statement answers with.
#[derive(Debug)]
pub struct Answer(Row);

impl Answer {
    /// The bytes of a column, copied out of the driver's buffer; `None` is SQL NULL.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn bytes(&self, column: usize) -> Result<Option<Bytes>, DbError> {
        let raw: Option<Raw<'_>> = self.0.try_get(column)?;
        Ok(raw.map(|raw| Bytes::copy_from_slice(raw.0)))
    }

    /// A bigint column; `None` is SQL NULL.
    ///
    /// # Errors
    /// When there is no such column, or it is no bigint.
    pub fn integer(&self, column: usize) -> Result<Option<i64>, DbError> {
        Ok(self.0.try_get(column)?)
    }
}

impl Db {
    /// Runs one statement as the caller: begin, enter, statement, commit.
    ///
    /// The mode of the transaction comes from the statement; a read cannot write whatever a function
    /// in a policy tries.
    ///
    /// A caller with a service key or a client key needs `scope`; a token has every scope.
    ///
    /// # Errors
    /// Why there is no answer. Except for [`DbError::Lost`] and [`DbError::Silent`], nothing was changed.
    pub async fn run_as(
        &self,
        caller: &Caller,
        statement: &Compiled,
        scope: &'static str,
    ) -> Result<Answer, DbError> {
        match self.attempt(caller, statement, scope).await {
            Err(error) if error.is_stale_statement() => {
                self.attempt(caller, statement, scope).await
            }
            outcome => outcome,
        }
    }

    /// Calls an account function as the login itself, before anybody is known. One row, one column.
    ///
    /// # Errors
    /// As [`Db::run_as`].
    pub async fn call(&self, sql: &str, parameters: &[Option<&str>]) -> Result<Answer, DbError> {
        let parameters: Vec<Text<'_>> = parameters
            .iter()
            .map(|value| Text(value.map(str::as_bytes)))
            .collect();
        let mut lease = self.lease().await?;
        let outcome = self
            .bounded(&mut lease, async |connection: &mut Connection| {
                let statement = match connection.prepared.get(Owner::Login, sql) {
                    Some(statement) => statement,
                    None => {
                        let fresh = connection.client.prepare(sql).await?;
                        connection.prepared.put(Owner::Login, sql, fresh.clone());
                        fresh
                    }
                };
                one_row(&connection.client, &statement, &parameters).await
            })
            .await;
        settle(lease, outcome)
    }

    /// Whether a connection can be had and answers.
    ///
    /// # Errors
    /// Why not.
    pub async fn ping(&self) -> Result<(), DbError> {
        let mut lease = self.lease().await?;
        let outcome = self
            .bounded(&mut lease, async |connection: &mut Connection| {
                Ok(connection.client.batch_execute("").await?)
            })
            .await;
        settle(lease, outcome)
    }

    async fn attempt(
        &self,
        caller: &Caller,
        statement: &Compiled,
        scope: &'static str,
    ) -> Result<Answer, DbError> {
        let mut lease = self.lease().await?;
        let outcome = self
            .bounded(&mut lease, async |connection: &mut Connection| {
                transaction(connection, caller, statement, scope).await
            })
            .await;
        settle(lease, outcome)
    }

    /// Marks the connection as busy while `work` is under way, and does not wait for ever.
    async fn bounded<T>(
        &self,
        lease: &mut Lease,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, DbError>,
    ) -> Result<T, DbError> {
        lease.sent();
        let limit = self.options().statement_timeout + GRACE;
        let Some(connection) = lease.connection() else {
            return Err(DbError::Lost("the connection was closed".into()));
        };
        let outcome = tokio::time::timeout(limit, work(connection)).await;
        let Ok(outcome) = outcome else {
            return Err(DbError::Silent);
        };
        lease.answered();
        outcome
    }
}

/// Gives the connection back, or closes it when what happened leaves it unusable. One that fell
/// silent is still busy, so the lease cancels and winds it down by itself.
fn settle<T>(mut lease: Lease, outcome: Result<T, DbError>) -> Result<T, DbError> {
    if let Err(error) = &outcome
        && !matches!(error, DbError::Silent)
        && (error.breaks_connection() || error.is_stale_statement())
    {
        lease.discard();
    }
    outcome
}

async fn transaction(
    connection: &mut Connection,
    caller: &Caller,
    compiled: &Compiled,
    scope: &'static str,
) -> Result<Answer, DbError> {
    let owner = Owner::Caller(caller.role());
    let known = connection.prepared.get(owner, &compiled.sql);
    let (client, fixed) = (&connection.client, &connection.fixed);
    let begin = match compiled.access {
        Access::ReadOnly => &fixed.begin_read_only,
        Access::ReadWrite => &fixed.begin,
    };
    let token = caller.token().map(|token| Text(Some(token.as_bytes())));
    let (one, two);
    let (enter, identity): (&Statement, &[Text<'_>]) = match token {
        None => (&fixed.enter_anonymous, &[]),
        Some(key) if caller.is_key() => {
            two = [key, Text(Some(scope.as_bytes()))];
            (&fixed.enter_for, &two)
        }
        Some(token) => {
            one = [token];
            (&fixed.enter, &one)
        }
    };
    let parameters: Vec<Text<'_>> = compiled
        .params
        .iter()
        .map(|value| Text(Some(value.as_bytes())))
        .collect();

    // Joined futures are first polled in order, and each of them sends when first polled.
    if let Some(statement) = known {
        let (begun, entered, answered, committed) = future::join4(
            done(client, begin, &[]),
            done(client, enter, identity),
            one_row(client, &statement, &parameters),
            done(client, &fixed.commit, &[]),
        )
        .await;
        begun?;
        entered?;
        let answer = answered?;
        committed?;
        return Ok(answer);
    }

    // First use on this connection: parsed after entering, as the role that will run it.
    let opened = {
        let mut prepare = pin!(client.prepare(&compiled.sql).fuse());
        let (begun, entered, prepared) = future::join3(
            done(client, begin, &[]),
            done(client, enter, identity),
            &mut prepare,
        )
        .await;
        begun
            .and(entered)
            .and_then(|()| prepared.map_err(DbError::from))
    };
    let statement = match opened {
        Ok(statement) => statement,
        Err(error) => {
            // Of a failed transaction COMMIT makes a rollback.
            done(client, &fixed.commit, &[]).await?;
            return Err(error);
        }
    };
    // Kept even if the run below fails: preparing is not undone by a rollback.
    connection
        .prepared
        .put(owner, &compiled.sql, statement.clone());
    let (client, fixed) = (&connection.client, &connection.fixed);
    let (answered, committed) = future::join(
        one_row(client, &statement, &parameters),
        done(client, &fixed.commit, &[]),
    )
    .await;
    let answer = answered?;
    committed?;
    Ok(answer)
}

/// Runs a statement whose rows do not matter, to the very end of its answer.
async fn done(
    client: &Client,
    statement: &Statement,
    parameters: &[Text<'_>],
) -> Result<(), DbError> {
    client.execute_raw(statement, parameters).await?;
    Ok(())
}

/// Runs a statement that answers with one row, to the very end of its answer.
async fn one_row(
    client: &Client,
    statement: &Statement,
    parameters: &[Text<'_>],
) -> Result<Answer, DbError> {
    let mut rows = pin!(client.query_raw(statement, parameters).await?);
    let mut first = None;
    while let Some(row) = rows.try_next().await? {
        if first.replace(row).is_some() {
            return Err(DbError::Protocol("more than one row".into()));
        }
    }
    first
        .map(Answer)
        .ok_or_else(|| DbError::Protocol("no row".into()))
}
