//! Requests on PostgreSQL's own protocol: one flight, one Sync, and nobody in between.
//!
//! What is pure: [`message`] reads, [`batch`] writes, [`flight`] knows what is still to come, [`startup`] logs in.
//! What is not: [`open`] and [`link`] have the sockets, [`pool`] the sessions of one thread, [`cancel`] ends what nobody
//! waits for. Nothing here knows of HTTP.

mod batch;
mod cancel;
mod flight;
mod growth;
#[cfg(any(test, fuzzing))]
#[allow(
    clippy::expect_used,
    clippy::panic,
    reason = "of tests and fuzzing alone"
)]
mod hearing;
mod large;
mod lines;
mod link;
mod loan;
mod message;
mod names;
mod open;
mod policy;
mod pool;
mod probe;
mod queue;
mod refusal;
mod row;
mod startup;
mod stream;
#[cfg(any(test, fuzzing))]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "of tests and fuzzing alone"
)]
#[cfg_attr(fuzzing, allow(dead_code, reason = "the fuzz target takes part of it"))]
mod testing;
mod tls;
mod unix;

#[cfg(fuzzing)]
pub use hearing::hear;
pub use row::Row;

use super::error::DbError;
use super::pool::Options;
use super::run::{Answer, GRACE};
use super::transaction::Work;
use batch::Block;
use fluxbase_compiler::plan::Access;
use lines::{Kinds, in_line, learn};
use policy::Kind;
use pool::Pool;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// The sessions of one worker thread, and what it knows of requests.
pub struct Wire {
    pool: Rc<Pool>,
    kinds: Kinds,
}

impl Wire {
    /// At most so many sessions, opened when needed; the last is kept.
    pub fn new(options: Arc<Options>, connections: usize) -> Self {
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        Self {
            pool: Pool::new(options, connections, seed),
            kinds: Kinds::new(),
        }
    }

    /// Opens a session, which is kept.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open(&self) -> Result<(), DbError> {
        self.pool.lease().await.map(drop)
    }

    /// Runs it.
    ///
    /// # Errors
    /// As [`Db::run_as`](super::Db::run_as).
    pub async fn run(&self, work: &Work<'_>) -> Result<Answer, DbError> {
        let block = Block::of(work);
        // What runs alone is in a box: what runs in a line, most of all, need not be as large.
        if block == Block::Explicit || work.statement.access == Access::ReadWrite {
            return Box::pin(self.alone(work, block, None)).await;
        }
        let kind = self.kinds.of(work);
        if let Some(outcome) = in_line(&self.pool, work, &kind).await {
            return outcome;
        }
        Box::pin(self.alone(work, block, Some(&kind))).await
    }

    /// Runs it in a session of its own.
    async fn alone(
        &self,
        work: &Work<'_>,
        block: Block,
        kind: Option<&Cell<Kind>>,
    ) -> Result<Answer, DbError> {
        match self.attempt(work, block, kind).await {
            // Nothing had run.
            Err(error) if error.is_stale_statement() => self.attempt(work, block, kind).await,
            // A request before this one left default_transaction_read_only behind. Nothing was written, so it may be
            // tried again with a BEGIN that says otherwise.
            Err(error) if block == Block::Implicit && only_reads(work, &error) => {
                self.attempt(work, Block::Explicit, kind).await
            }
            outcome => outcome,
        }
    }

    async fn attempt(
        &self,
        work: &Work<'_>,
        block: Block,
        kind: Option<&Cell<Kind>>,
    ) -> Result<Answer, DbError> {
        let asked = self.pool.lease().await?.send(work, block)?;
        let busy = self.pool.busy();
        let limit = self.pool.options().statement_timeout + GRACE;
        let (outcome, took) = tokio::time::timeout(limit, asked)
            .await
            .unwrap_or((Err(DbError::Silent), Duration::ZERO));
        if let (Some(kind), Ok(_)) = (kind, &outcome) {
            learn(kind, |kind, now| kind.ran_alone(took, busy, now));
        }
        outcome
    }
}

/// A write met a transaction that only reads.
fn only_reads(work: &Work<'_>, error: &DbError) -> bool {
    work.statement.access == Access::ReadWrite
        && matches!(error, DbError::Sql { state, .. } if state.as_str() == "25006")
}

#[cfg(test)]
mod tests;
