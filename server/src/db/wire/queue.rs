//! What a session was sent and has not answered yet. Pure but for whom the answers go to: messages in, answers out; the
//! time is a parameter.

use super::batch::{self, Block};
use super::flight::Flight;
use super::message::{Message, Standing};
use super::names::Names;
use super::policy::Line;
use crate::db::error::DbError;
use crate::db::run::Answer;
use crate::db::transaction::Work;
use bytes::BytesMut;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// An answer, and how long PostgreSQL had for it.
pub type Given = (Result<Answer, DbError>, Duration);

/// Where an answer will be.
pub type Coming = oneshot::Receiver<Given>;

/// Everything under way in one session, in its order.
pub struct Queue {
    /// What is to be written.
    pub out: BytesMut,
    names: Names,
    waiting: VecDeque<Waiting>,
    expected: Duration,
    /// When the last answer came.
    last: Instant,
    sent: u64,
    retired: bool,
}

struct Waiting {
    number: u64,
    flight: Flight,
    /// `None` where only the session's standing is of interest.
    answer: Option<oneshot::Sender<Given>>,
    since: Instant,
    expected: Duration,
}

/// A batch that was answered to its end.
#[derive(Debug)]
pub struct Done {
    answer: Option<oneshot::Sender<Given>>,
    given: Given,
}

impl Done {
    /// Hands the answer over. Nobody may wait for it any more: what was sent is answered, and that is all.
    pub fn deliver(self) {
        if let Some(answer) = self.answer {
            let _ = answer.send(self.given);
        }
    }
}

impl Queue {
    /// Of a session that was sent nothing.
    pub fn new(names: Names, now: Instant) -> Self {
        Self {
            out: BytesMut::new(),
            names,
            waiting: VecDeque::new(),
            expected: Duration::ZERO,
            last: now,
            sent: 0,
            retired: false,
        }
    }

    /// Adds a request that is expected to take so long; its number, and where the answer will be.
    ///
    /// # Errors
    /// When it has no form in the protocol, or nobody would read the answer. Nothing was added then.
    pub fn request(
        &mut self,
        work: &Work<'_>,
        block: Block,
        expected: Duration,
        now: Instant,
    ) -> Result<(u64, Coming), DbError> {
        if self.retired {
            return Err(DbError::Lost("the connection ended".into()));
        }
        let (sender, coming) = oneshot::channel();
        let flight = batch::request(&mut self.out, &mut self.names, work, block)?;
        Ok((self.push(flight, Some(sender), expected, now), coming))
    }

    /// Adds what is answered by the session's standing alone.
    pub fn nothing(&mut self, now: Instant) {
        let flight = batch::nothing(&mut self.out);
        self.push(flight, None, Duration::ZERO, now);
    }

    fn push(
        &mut self,
        flight: Flight,
        answer: Option<oneshot::Sender<Given>>,
        expected: Duration,
        now: Instant,
    ) -> u64 {
        self.sent += 1;
        self.expected += expected;
        self.waiting.push_back(Waiting {
            number: self.sent,
            flight,
            answer,
            since: now,
            expected,
        });
        self.sent
    }

    /// Takes what PostgreSQL says; an answer when this was its end.
    ///
    /// # Errors
    /// When the session cannot go on.
    pub fn take(
        &mut self,
        message: Message,
        now: impl FnOnce() -> Instant,
    ) -> Result<Option<Done>, DbError> {
        let Some(first) = self.waiting.front_mut() else {
            return unasked(message).map(|()| None);
        };
        let Some(landed) = first.flight.take(message)? else {
            return Ok(None);
        };
        let Some(done) = self.waiting.pop_front() else {
            return Ok(None);
        };
        let now = now();
        let took = now.saturating_duration_since(done.since.max(self.last));
        self.last = now;
        self.expected = self.expected.saturating_sub(done.expected);
        if let Err(error) = &landed.outcome {
            if error.is_unknown_statement() {
                self.names.forget_all();
            }
            // The outcome of what is no request is none.
            self.retired |= done.answer.is_some() && error.breaks_connection();
        }
        if landed.standing != Standing::Idle {
            // An error skipped the end of the transaction. Only what stands alone has a block.
            if landed.standing == Standing::Open
                || !self.waiting.is_empty()
                || done.answer.is_none()
            {
                return Err(DbError::Protocol("a transaction was left open".into()));
            }
            let flight = batch::rollback(&mut self.out, &mut self.names)?;
            self.push(flight, None, Duration::ZERO, now);
        }
        Ok(Some(Done {
            answer: done.answer,
            given: (landed.outcome, took),
        }))
    }

    /// How many are not answered yet.
    pub fn depth(&self) -> usize {
        self.waiting.len()
    }

    /// How it stands as a line.
    pub fn line(&self, now: Instant) -> Line {
        let since = self.waiting.front().map(|first| first.since.max(self.last));
        Line {
            depth: self.waiting.len(),
            expected: self.expected,
            still: since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since)),
        }
    }

    /// Whether this request is the one that PostgreSQL is busy with.
    pub fn is_first(&self, number: u64) -> bool {
        self.waiting
            .front()
            .is_some_and(|first| first.number == number)
    }

    /// No request is added any more.
    pub fn retire(&mut self) {
        self.retired = true;
    }

    /// Whether no request is added any more.
    pub fn is_retired(&self) -> bool {
        self.retired
    }

    /// The session is over: what everybody is told. The first in line may know more of the reason than the others.
    pub fn fail(&mut self, reason: &DbError) -> Vec<Done> {
        self.retired = true;
        let waiting = std::mem::take(&mut self.waiting);
        let told = |(place, waiting): (usize, Waiting)| {
            let reason = DbError::Lost(reason.to_string());
            let error = match place {
                0 => waiting.flight.lost(reason),
                _ => reason,
            };
            Done {
                answer: waiting.answer,
                given: (Err(error), Duration::ZERO),
            }
        };
        waiting.into_iter().enumerate().map(told).collect()
    }
}

/// Between batches PostgreSQL may say something aside, or that the session ends.
fn unasked(message: Message) -> Result<(), DbError> {
    match message {
        Message::Aside => Ok(()),
        Message::Refused(refusal) => Err(DbError::Lost(refusal.message.into())),
        _ => Err(DbError::Protocol("a message nobody asked for".into())),
    }
}

#[cfg(test)]
mod tests;
