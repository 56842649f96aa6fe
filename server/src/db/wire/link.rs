//! One session: what waits for an answer in it, and what reads and writes its socket.
//!
//! Whoever asks writes its messages itself; a task of the session's own reads all answers. So nothing is lost when
//! somebody stops waiting: what was sent is answered, and read, all the same.

use super::batch::{self, Block};
use super::flight::Flight;
use super::message::{Key, Malformed, Standing, next};
use super::names::Names;
use super::policy::Line;
use super::stream::{Reader, Writer};
use crate::db::error::DbError;
use crate::db::run::Answer;
use crate::db::transaction::Work;
use bytes::{Buf, BytesMut};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::sync::{Notify, oneshot};

/// Bytes asked for at once. Most answers are shorter, and one buffer serves many of them.
const CHUNK: usize = 16 << 10;

/// A session of the server's login.
pub struct Link {
    /// Which of its pool's sessions it is.
    pub number: u64,
    /// Cancels it.
    pub key: Option<Key>,
    /// Where its server is.
    pub place: usize,
    writer: Writer,
    inner: RefCell<Inner>,
    /// More was to be written than the socket took.
    stuck: Notify,
    /// The session shall end.
    end: Notify,
    /// Something was answered to its end.
    landed: Notify,
    /// It is not to be used again, by anybody.
    retired: Cell<bool>,
    /// Somebody cancels what runs in it.
    held: Cell<bool>,
}

struct Inner {
    out: BytesMut,
    names: Names,
    waiting: VecDeque<Waiting>,
    /// What those who wait are expected to take together.
    expected: Duration,
    /// When the last answer came.
    last: Instant,
    sent: u64,
}

struct Waiting {
    number: u64,
    flight: Flight,
    /// `None` where only the session's standing is of interest.
    answer: Option<oneshot::Sender<Given>>,
    since: Instant,
    expected: Duration,
}

/// An answer, and how long PostgreSQL had for it.
pub type Given = (Result<Answer, DbError>, Duration);

/// Where an answer will be.
pub type Coming = oneshot::Receiver<Given>;

impl Link {
    pub fn new(number: u64, key: Option<Key>, place: usize, writer: Writer, names: Names) -> Self {
        Self {
            number,
            key,
            place,
            writer,
            inner: RefCell::new(Inner {
                out: BytesMut::new(),
                names,
                waiting: VecDeque::new(),
                expected: Duration::ZERO,
                last: Instant::now(),
                sent: 0,
            }),
            stuck: Notify::new(),
            end: Notify::new(),
            landed: Notify::new(),
            retired: Cell::new(false),
            held: Cell::new(false),
        }
    }

    /// Sends a request that is expected to take so long, in a line; zero for one on its own. Its number, and where the
    /// answer will be.
    ///
    /// # Errors
    /// When it cannot be written. Nothing was sent then.
    pub fn send(
        &self,
        work: &Work<'_>,
        block: Block,
        expected: Duration,
    ) -> Result<(u64, Coming), DbError> {
        // Nobody would read the answer.
        if self.is_retired() {
            return Err(DbError::Lost("the connection ended".into()));
        }
        let (sender, coming) = oneshot::channel();
        let number = {
            let inner = &mut *self.inner.borrow_mut();
            let flight = batch::request(&mut inner.out, &mut inner.names, work, block)?;
            inner.push(flight, Some(sender), expected)
        };
        if expected.is_zero() {
            self.write();
        } else {
            // In a line, its task writes: in one go what all requests of this turn of the thread have to say.
            self.stuck.notify_one();
        }
        Ok((number, coming))
    }

    /// Sends what is answered by [`Landed`](super::flight::Landed) alone.
    pub fn send_nothing(&self) {
        {
            let inner = &mut *self.inner.borrow_mut();
            let flight = batch::nothing(&mut inner.out);
            inner.push(flight, None, Duration::ZERO);
        }
        self.write();
    }

    /// What waits in it, as a line.
    pub fn line(&self, now: Instant) -> Line {
        let inner = self.inner.borrow();
        let since = inner
            .waiting
            .front()
            .map(|first| first.since.max(inner.last));
        Line {
            depth: inner.waiting.len(),
            expected: inner.expected,
            still: since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since)),
        }
    }

    /// Whether this request is the one that PostgreSQL is busy with.
    pub fn is_first(&self, number: u64) -> bool {
        let inner = self.inner.borrow();
        inner
            .waiting
            .front()
            .is_some_and(|first| first.number == number)
    }

    /// How many batches are not answered yet.
    pub fn depth(&self) -> usize {
        self.inner.borrow().waiting.len()
    }

    /// No new request gets it.
    pub fn retire(&self) {
        self.retired.set(true);
    }

    /// Whether it may be used.
    pub fn is_retired(&self) -> bool {
        self.retired.get()
    }

    /// Keeps it from being used until it is released: a cancel on its way must not hit another request.
    pub fn hold(&self) {
        self.held.set(true);
    }

    /// Ends [`Link::hold`].
    pub fn release(&self) {
        self.held.set(false);
    }

    /// Whether it is held.
    pub fn is_held(&self) -> bool {
        self.held.get()
    }

    /// Ends the session whatever it does.
    pub fn close(&self) {
        self.retire();
        self.end.notify_one();
    }

    /// Returns when everything sent is answered.
    pub async fn settled(&self) {
        loop {
            let landed = self.landed.notified();
            if self.depth() == 0 {
                return;
            }
            landed.await;
        }
    }

    fn write(&self) {
        // A socket that is full or broken is left to the task.
        if !matches!(self.flush(), Ok(true)) {
            self.stuck.notify_one();
        }
    }

    /// Writes as much as the socket takes; whether that was all.
    fn flush(&self) -> io::Result<bool> {
        let inner = &mut *self.inner.borrow_mut();
        while !inner.out.is_empty() {
            match self.writer.try_write(&inner.out) {
                Ok(count) => inner.out.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Reads and writes until the session ends; why it did. `on_landed` is called each time a request was answered.
    pub async fn drive(
        &self,
        reader: &mut Reader,
        arrived: BytesMut,
        on_landed: impl Fn(),
    ) -> DbError {
        tokio::select! {
            biased;
            reason = self.read(reader, arrived, on_landed) => reason,
            error = self.write_rest() => DbError::Lost(error.to_string()),
            () = self.end.notified() => DbError::Lost("the connection was given up".into()),
        }
    }

    async fn read(
        &self,
        reader: &mut Reader,
        mut arrived: BytesMut,
        on_landed: impl Fn(),
    ) -> DbError {
        loop {
            if let Err(error) = self.digest(&mut arrived, &on_landed) {
                return error;
            }
            if arrived.capacity() - arrived.len() < CHUNK / 4 {
                arrived.reserve(CHUNK);
            }
            match reader.read_buf(&mut arrived).await {
                Ok(0) => return DbError::Lost("PostgreSQL closed the connection".into()),
                Ok(_) => {}
                Err(error) => return DbError::Lost(error.to_string()),
            }
        }
    }

    async fn write_rest(&self) -> io::Error {
        loop {
            self.stuck.notified().await;
            loop {
                match self.flush() {
                    Ok(true) => break,
                    Ok(false) => {}
                    Err(error) => return error,
                }
                if let Err(error) = self.writer.writable().await {
                    return error;
                }
            }
        }
    }

    /// Takes in what arrived.
    fn digest(&self, arrived: &mut BytesMut, on_landed: impl Fn()) -> Result<(), DbError> {
        while let Some(message) = next(arrived).map_err(broken)? {
            let mut inner = self.inner.borrow_mut();
            let Some(first) = inner.waiting.front_mut() else {
                drop(inner);
                unasked(message)?;
                continue;
            };
            let Some(landed) = first.flight.take(message)? else {
                continue;
            };
            let Some((done, took)) = inner.pop() else {
                continue;
            };
            if landed.standing != Standing::Idle {
                // An error skipped the end of the transaction. Only what stands alone has a block.
                if landed.standing == Standing::Open || !inner.waiting.is_empty() {
                    return Err(DbError::Protocol("a transaction was left open".into()));
                }
                let Inner { out, names, .. } = &mut *inner;
                let flight = batch::rollback(out, names)?;
                inner.push(flight, None, Duration::ZERO);
            }
            if landed
                .outcome
                .as_ref()
                .is_err_and(DbError::is_unknown_statement)
            {
                inner.names.forget_all();
            }
            drop(inner);
            if landed.standing != Standing::Idle {
                self.write();
            }
            // The outcome of what is no request is none.
            if let Some(answer) = done.answer {
                if landed
                    .outcome
                    .as_ref()
                    .is_err_and(DbError::breaks_connection)
                {
                    self.retire();
                }
                // Nobody may wait any more: what was sent is answered, and that is all.
                let _ = answer.send((landed.outcome, took));
            }
            self.landed.notify_waiters();
            on_landed();
        }
        Ok(())
    }

    /// Fails everything that waits. The first in line may know more of the reason than the others.
    pub fn fail(&self, reason: &DbError) {
        self.retire();
        let waiting = std::mem::take(&mut self.inner.borrow_mut().waiting);
        for (place, waiting) in waiting.into_iter().enumerate() {
            let Some(answer) = waiting.answer else {
                continue;
            };
            let reason = DbError::Lost(reason.to_string());
            let error = if place == 0 {
                waiting.flight.lost(reason)
            } else {
                reason
            };
            let _ = answer.send((Err(error), Duration::ZERO));
        }
        self.landed.notify_waiters();
    }
}

impl Inner {
    fn push(
        &mut self,
        flight: Flight,
        answer: Option<oneshot::Sender<Given>>,
        expected: Duration,
    ) -> u64 {
        self.sent += 1;
        self.expected += expected;
        self.waiting.push_back(Waiting {
            number: self.sent,
            flight,
            answer,
            since: Instant::now(),
            expected,
        });
        self.sent
    }

    /// The first, and for how long it was that.
    fn pop(&mut self) -> Option<(Waiting, Duration)> {
        let done = self.waiting.pop_front()?;
        let now = Instant::now();
        let began = done.since.max(self.last);
        self.last = now;
        self.expected = self.expected.saturating_sub(done.expected);
        Some((done, now.saturating_duration_since(began)))
    }
}

fn broken(malformed: Malformed) -> DbError {
    DbError::Protocol(malformed.to_string())
}

/// Between batches PostgreSQL may say something aside, or that the session ends.
fn unasked(message: super::message::Message) -> Result<(), DbError> {
    use super::message::Message;
    match message {
        Message::Aside => Ok(()),
        Message::Refused(refusal) => Err(DbError::Lost(refusal.message.into())),
        _ => Err(DbError::Protocol("a message nobody asked for".into())),
    }
}
