//! One request → the messages for it, ended by one Sync. Pure.
//!
//! Without BEGIN: everything up to a Sync is one transaction anyhow, which an error rolls back and which leaves the
//! session usable at once. BEGIN and COMMIT would cost 4 µs of each request.

use super::flight::{Flight, What};
use super::names::{Fixed, Found, Names};
use crate::db::error::DbError;
use crate::db::prepared::Owner;
use crate::db::transaction::Work;
use bytes::BytesMut;
use fluxbase_compiler::plan::Access;
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;
use std::rc::Rc;

/// How a transaction is bracketed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// By the Sync alone.
    Implicit,
    /// By BEGIN and its end. Nothing may be sent behind it before it is answered: an error skips the end as well.
    Explicit,
}

impl Block {
    /// What a request needs.
    ///
    /// Whatever may end a transaction by itself needs a block: a procedure that commits would go on without the
    /// identity otherwise, as the server's login. In a block it is refused (2D000).
    pub fn of(work: &Work<'_>) -> Self {
        let statement = work.statement;
        if statement.rollback || !is_plain(&statement.sql) {
            Self::Explicit
        } else {
            Self::Implicit
        }
    }
}

/// Whether the statement cannot end a transaction.
fn is_plain(sql: &str) -> bool {
    let word = sql
        .trim_start()
        .split(|letter: char| !letter.is_ascii_alphabetic())
        .next();
    word.is_some_and(|word| {
        [
            "select", "with", "insert", "update", "delete", "merge", "explain", "values",
        ]
        .iter()
        .any(|plain| word.eq_ignore_ascii_case(plain))
    })
}

/// Writes a request's messages; what its answer will be made of.
///
/// # Errors
/// When it has no form in the protocol. Nothing was written then.
pub fn request(
    out: &mut BytesMut,
    names: &mut Names,
    work: &Work<'_>,
    block: Block,
) -> Result<Flight, DbError> {
    let start = out.len();
    let mut writer = Writer::new(out, names);
    let written = writer.request(work, block);
    if written.is_err() {
        writer.flight.skipped();
        out.truncate(start);
    }
    written
}

/// Writes what brings a session out of a failed transaction.
pub fn rollback(out: &mut BytesMut, names: &mut Names) -> Result<Flight, DbError> {
    let mut writer = Writer::new(out, names);
    writer.fixed(Fixed::Rollback, What::End, &[])?;
    Ok(writer.sync())
}

/// Writes what is answered by the session's standing alone.
pub fn nothing(out: &mut BytesMut) -> Flight {
    frontend::sync(out);
    Flight::default()
}

struct Writer<'a> {
    out: &'a mut BytesMut,
    names: &'a mut Names,
    flight: Flight,
}

impl<'a> Writer<'a> {
    fn new(out: &'a mut BytesMut, names: &'a mut Names) -> Self {
        Self {
            out,
            names,
            flight: Flight::default(),
        }
    }

    fn request(&mut self, work: &Work<'_>, block: Block) -> Result<Flight, DbError> {
        let statement = work.statement;
        let owner = Owner::Caller(work.caller.role());
        self.flight.may_have_no_row(statement.columns.lone);
        for name in self.names.take_closed() {
            frontend::close(b'S', &name, self.out).map_err(unwritable)?;
            self.flight.closes();
        }
        let reads = statement.access == Access::ReadOnly;
        if block == Block::Explicit {
            let begin = if reads {
                Fixed::BeginReadOnly
            } else {
                Fixed::Begin
            };
            self.fixed(begin, What::Begin, &[])?;
        }
        self.enter(work, reads && block == Block::Implicit)?;
        if let Some(zone) = &statement.time_zone {
            self.fixed(Fixed::TimeZone, What::Zone, &[zone.as_bytes()])?;
        }
        if let Some(first) = work.first {
            self.owned(owner, first, What::First, &[])?;
        }
        self.owned(owner, &statement.sql, What::Main, &statement.params)?;
        if let Some(estimate) = &statement.estimate {
            self.owned(owner, &estimate.sql, What::Estimate, &estimate.params)?;
        }
        match (block, statement.rollback) {
            (Block::Implicit, _) => {}
            (Block::Explicit, false) => self.fixed(Fixed::Commit, What::End, &[])?,
            (Block::Explicit, true) => {
                // What only COMMIT would have checked is checked then too: whoever tries a write out wants to know
                // whether it would have been refused.
                self.fixed(Fixed::CheckConstraints, What::End, &[])?;
                self.fixed(Fixed::Rollback, What::End, &[])?;
            }
        }
        Ok(self.sync())
    }

    fn enter(&mut self, work: &Work<'_>, reading: bool) -> Result<(), DbError> {
        let scope = work.scope.as_bytes();
        match (work.caller.token().map(str::as_bytes), reading) {
            (None, false) => self.fixed(Fixed::EnterAnonymous, What::Enter, &[]),
            (None, true) => self.fixed(Fixed::EnterAnonymousReading, What::Enter, &[]),
            (Some(key), false) if work.caller.is_key() => {
                self.fixed(Fixed::EnterFor, What::Enter, &[key, scope])
            }
            (Some(key), true) if work.caller.is_key() => {
                self.fixed(Fixed::EnterForReading, What::Enter, &[key, scope])
            }
            (Some(token), false) => self.fixed(Fixed::Enter, What::Enter, &[token]),
            (Some(token), true) => self.fixed(Fixed::EnterReading, What::Enter, &[token]),
        }
    }

    fn fixed(&mut self, fixed: Fixed, what: What, values: &[&[u8]]) -> Result<(), DbError> {
        let found = self.names.of_fixed(fixed);
        self.step(found, fixed.sql(), what, values.iter().copied())
    }

    fn owned(
        &mut self,
        owner: Owner,
        sql: &str,
        what: What,
        values: &[String],
    ) -> Result<(), DbError> {
        let found = self.names.of(owner, sql);
        self.step(found, sql, what, values.iter().map(String::as_bytes))
    }

    /// Parse when it has to be, Bind, Execute.
    fn step<'v>(
        &mut self,
        (name, parse): Found,
        sql: &str,
        what: What,
        values: impl ExactSizeIterator<Item = &'v [u8]>,
    ) -> Result<(), DbError> {
        // Types are left to PostgreSQL, so a value means the same here as in psql. It reads texts, and answers in
        // binary: for text and JSON that is the same, and numbers need no parsing.
        let written = (|| {
            if parse {
                frontend::parse(name.text(), sql, [], self.out).map_err(unwritable)?;
            }
            frontend::bind(
                "",
                name.text(),
                [],
                values,
                |value, out| {
                    out.extend_from_slice(value);
                    Ok(IsNull::No)
                },
                [1],
                self.out,
            )
            .map_err(|_| DbError::Protocol("a request too large for the protocol".into()))?;
            frontend::execute("", 0, self.out).map_err(unwritable)
        })();
        self.flight.step(what, Rc::clone(&name), parse);
        written
    }

    fn sync(&mut self) -> Flight {
        frontend::sync(self.out);
        std::mem::take(&mut self.flight)
    }
}

fn unwritable(error: std::io::Error) -> DbError {
    DbError::Protocol(error.to_string())
}

#[cfg(test)]
mod tests;
