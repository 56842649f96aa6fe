use super::connection::Connection;
use super::error::DbError;
use super::lease::Lease;
use super::pool::Db;
use super::prepared::Owner;
use super::several::{Several, several};
use super::spool::{Spool, Written};
use super::transaction::{Work, transaction};
use super::value::{Raw, Text};
use super::wire;
use crate::caller::Caller;
use bytes::{Bytes, BytesMut};
use fluxbase_compiler::sql::Statement as Compiled;
use futures_util::TryStreamExt;
use std::cell::Cell;
use std::pin::pin;
use std::time::Duration;
use tokio_postgres::{Client, Row, Statement};

/// What PostgreSQL may need beyond its own time limit before it is taken for dead.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// The one row a statement answers with.
#[derive(Debug)]
pub struct Answer {
    row: Columns,
    planned: Option<i64>,
    spooled: Option<Spool>,
    /// Instead of the first column: that of several rows.
    lines: Option<Bytes>,
}

/// Why several statements gave no answers.
#[derive(Debug)]
pub struct Stopped {
    /// What happened.
    pub error: DbError,
    /// The statement it happened to, where that is known: not the credential, nor what goes before, nor the end of all.
    pub statement: Option<usize>,
}

/// A body, where it is kept.
#[derive(Clone, Debug)]
pub enum Kept {
    /// In memory.
    Bytes(Bytes),
    /// In a file, since it is large.
    File(Spool),
}

/// A row, as whoever read it has it.
#[derive(Debug)]
enum Columns {
    Driver(Row),
    Wire(wire::Row),
    /// No row: nothing was written.
    None,
}

impl Answer {
    /// The first column where it is kept; `None` is SQL NULL.
    ///
    /// # Errors
    /// When there is no column.
    pub fn body(&self) -> Result<Option<Kept>, DbError> {
        match &self.spooled {
            Some(spool) => Ok(Some(Kept::File(spool.clone()))),
            None => Ok(self.bytes(0)?.map(Kept::Bytes)),
        }
    }

    /// The bytes of a column, copied out of the driver's buffer where it has one; `None` is SQL NULL. A large first column is read from
    /// its file.
    ///
    /// # Errors
    /// When there is no such column.
    pub fn bytes(&self, column: usize) -> Result<Option<Bytes>, DbError> {
        if let (0, Some(spool)) = (column, &self.spooled) {
            let whole = spool.read(0, spool.length);
            return whole
                .map(Some)
                .map_err(|error| DbError::Spool(error.to_string()));
        }
        if let (0, Some(lines)) = (column, &self.lines) {
            return Ok(Some(lines.clone()));
        }
        match &self.row {
            Columns::Driver(row) => {
                let raw: Option<Raw<'_>> = row.try_get(column)?;
                Ok(raw.map(|raw| Bytes::copy_from_slice(raw.0)))
            }
            Columns::None => Ok(None),
            Columns::Wire(row) => row
                .column(column)
                .ok_or_else(|| DbError::Protocol("a column is missing".into())),
        }
    }

    /// A bigint column; `None` is SQL NULL.
    ///
    /// # Errors
    /// When there is no such column, or it is no bigint.
    pub fn integer(&self, column: usize) -> Result<Option<i64>, DbError> {
        match &self.row {
            Columns::Driver(row) => Ok(row.try_get(column)?),
            Columns::None => Ok(Some(0)),
            Columns::Wire(_) => match self.bytes(column)? {
                None => Ok(None),
                Some(bytes) => <[u8; 8]>::try_from(&*bytes)
                    .map(|bytes| Some(i64::from_be_bytes(bytes)))
                    .map_err(|_| DbError::Protocol("a number that is no bigint".into())),
            },
        }
    }

    /// How many rows PostgreSQL's planner expects, where the statement asked for that.
    #[must_use]
    pub fn planned(&self) -> Option<i64> {
        self.planned
    }

    /// From a row of [`wire`].
    ///
    /// # Errors
    /// When there was no room for what is large.
    pub(super) fn of_wire(mut row: wire::Row, planned: Option<i64>) -> Result<Self, DbError> {
        let spooled = row.take_first().transpose();
        Ok(Self {
            row: Columns::Wire(row),
            planned,
            spooled: spooled.map_err(|error| DbError::Spool(error.to_string()))?,
            lines: None,
        })
    }

    /// Of a write that answers with no row when it wrote none.
    pub(super) fn nothing() -> Self {
        Self {
            row: Columns::None,
            planned: None,
            spooled: None,
            lines: None,
        }
    }

    /// With what the planner expects.
    pub(super) fn with_planned(self, planned: Option<i64>) -> Self {
        Self { planned, ..self }
    }

    /// With what went into a file instead of its first column, if that is what its mark says.
    pub(super) fn with_spooled(self, written: Vec<Written>) -> Result<Self, DbError> {
        if written.is_empty() {
            return Ok(self);
        }
        let mark = self.bytes(0)?.unwrap_or_default();
        let own = written.into_iter().find(|(of, _)| mark == of.as_slice());
        let spooled = own.map(|(_, spool)| spool).transpose();
        let spooled = spooled.map_err(|error| DbError::Spool(error.to_string()))?;
        Ok(Self { spooled, ..self })
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
        self.run_work(&Work {
            first: None,
            caller,
            statement,
            scope,
        })
        .await
    }

    /// As [`Db::run_as`], with `api.pre_request` called before the statement, in the same transaction and as the same
    /// caller: if it raises an error, that is the answer.
    ///
    /// # Errors
    /// As [`Db::run_as`].
    pub async fn run_request(
        &self,
        caller: &Caller,
        statement: &Compiled,
        scope: &'static str,
    ) -> Result<Answer, DbError> {
        self.run_work(&Work {
            first: self.options().before_requests.as_deref(),
            caller,
            statement,
            scope,
        })
        .await
    }

    /// As [`Db::run_request`], with any number of statements in one transaction: an answer for each, in their order, or
    /// none has happened.
    ///
    /// # Errors
    /// As [`Db::run_as`], with the statement that was refused where it is known.
    pub async fn run_requests(
        &self,
        caller: &Caller,
        statements: &[Compiled],
        scope: &'static str,
    ) -> Result<Vec<Answer>, Stopped> {
        let first = self.options().before_requests.as_deref();
        match statements {
            [] => Ok(Vec::new()),
            [only] => {
                let outcome = self.run_request(caller, only, scope).await;
                let answer = outcome.map_err(|error| {
                    // What goes before it may have done anything, also what is refused at the end only.
                    let its = match first {
                        None => error.is_of_a_statement(),
                        Some(_) => error.is_of_the_statement(),
                    };
                    Stopped {
                        statement: its.then_some(0),
                        error,
                    }
                })?;
                Ok(vec![answer])
            }
            statements => {
                let work = Several {
                    first,
                    caller,
                    statements,
                    scope,
                    at: Cell::new(None),
                };
                let outcome = match self.attempt_several(&work).await {
                    Err(error) if error.is_stale_statement() => self.attempt_several(&work).await,
                    outcome => outcome,
                };
                outcome.map_err(|error| Stopped {
                    statement: work.at.get().filter(|_| error.is_refusal()),
                    error,
                })
            }
        }
    }

    async fn run_work(&self, work: &Work<'_>) -> Result<Answer, DbError> {
        // A plan is many rows, and rare.
        if let Some(wire) = self.wire()
            && !work.statement.reply.plan
        {
            return wire.run(work).await;
        }
        // In a box: under `wire` this is the rare way, and a request would carry its size about with it.
        Box::pin(self.attempt_twice(work)).await
    }

    async fn attempt_twice(&self, work: &Work<'_>) -> Result<Answer, DbError> {
        match self.attempt(work).await {
            Err(error) if error.is_stale_statement() => self.attempt(work).await,
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
                drop(connection.spooled.take());
                let answer = one_row(&connection.client, &statement, &parameters).await?;
                answer.with_spooled(connection.spooled.take())
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

    async fn attempt(&self, work: &Work<'_>) -> Result<Answer, DbError> {
        let mut lease = self.lease().await?;
        let outcome = self
            .bounded(&mut lease, async |connection: &mut Connection| {
                // What an abandoned request left is nobody's.
                drop(connection.spooled.take());
                let answer = transaction(connection, work).await?;
                answer.with_spooled(connection.spooled.take())
            })
            .await;
        settle(lease, outcome)
    }

    async fn attempt_several(&self, work: &Several<'_>) -> Result<Vec<Answer>, DbError> {
        let mut lease = self.lease().await?;
        let outcome = self
            .bounded(&mut lease, async |connection: &mut Connection| {
                several(connection, work).await
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

/// Runs a statement whose rows do not matter, to the very end of its answer.
pub(super) async fn done(
    client: &Client,
    statement: &Statement,
    parameters: &[Text<'_>],
) -> Result<(), DbError> {
    client.execute_raw(statement, parameters).await?;
    Ok(())
}

/// Runs a statement that answers with one row, to the very end of its answer.
pub(super) async fn one_row(
    client: &Client,
    statement: &Statement,
    parameters: &[Text<'_>],
) -> Result<Answer, DbError> {
    answered(any_row(client, statement, parameters).await?)
}

async fn any_row(
    client: &Client,
    statement: &Statement,
    parameters: &[Text<'_>],
) -> Result<Option<Row>, DbError> {
    let mut rows = pin!(client.query_raw(statement, parameters).await?);
    let mut first = None;
    while let Some(row) = rows.try_next().await? {
        if first.replace(row).is_some() {
            return Err(DbError::Protocol("more than one row".into()));
        }
    }
    Ok(first)
}

/// Runs the statement of a request, to the very end of its answer. Of a plan the rows are lines of one text.
pub(super) async fn answer(
    client: &Client,
    statement: &Statement,
    parameters: &[Text<'_>],
    compiled: &Compiled,
) -> Result<Answer, DbError> {
    if !compiled.reply.plan {
        return match any_row(client, statement, parameters).await? {
            None if compiled.columns.lone => Ok(Answer::nothing()),
            row => answered(row),
        };
    }
    let mut rows = pin!(client.query_raw(statement, parameters).await?);
    let (mut first, mut lines) = (None, BytesMut::new());
    while let Some(row) = rows.try_next().await? {
        let line: Raw<'_> = row.try_get(0)?;
        if !lines.is_empty() {
            lines.extend_from_slice(b"\n");
        }
        lines.extend_from_slice(line.0);
        first.get_or_insert(row);
    }
    let answer = answered(first)?;
    Ok(Answer {
        lines: Some(lines.freeze()),
        ..answer
    })
}

fn answered(first: Option<Row>) -> Result<Answer, DbError> {
    first
        .map(|row| Answer {
            row: Columns::Driver(row),
            planned: None,
            spooled: None,
            lines: None,
        })
        .ok_or_else(|| DbError::Protocol("no row".into()))
}
