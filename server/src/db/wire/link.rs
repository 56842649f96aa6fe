//! One session: its socket, what is under way in it, and the task that reads it.
//!
//! Whoever asks adds to the queue; a task of the session's own reads all answers. So nothing is lost when somebody stops
//! waiting: what was sent is answered, and read, all the same.

use super::batch::Block;
use super::large::Incoming;
use super::message::{Key, Malformed};
use super::policy::Line;
use super::queue::{Coming, Queue};
use super::stream::{Reader, Writer};
use crate::db::error::DbError;
use crate::db::transaction::Work;
use bytes::Buf;
use std::cell::{Cell, RefCell};
use std::io;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::sync::Notify;

/// Bytes asked for at once. Most answers are shorter, and one buffer serves many of them.
const CHUNK: usize = 16 << 10;

/// A session of the server's login.
pub struct Link {
    /// Which of its pool's sessions it is.
    pub number: u64,
    /// Cancels it.
    pub key: Option<Key>,
    /// Which of the hosts its server is.
    pub place: usize,
    writer: Writer,
    queue: RefCell<Queue>,
    /// There is something to write for the task.
    stuck: Notify,
    /// The session shall end.
    end: Notify,
    /// Something was answered to its end.
    landed: Notify,
    /// Somebody cancels what runs in it.
    held: Cell<bool>,
}

impl Link {
    /// A session that was just opened.
    pub fn new(number: u64, key: Option<Key>, place: usize, writer: Writer, queue: Queue) -> Self {
        Self {
            number,
            key,
            place,
            writer,
            queue: RefCell::new(queue),
            stuck: Notify::new(),
            end: Notify::new(),
            landed: Notify::new(),
            held: Cell::new(false),
        }
    }

    /// Whether it is spoken to in TLS.
    pub fn is_encrypted(&self) -> bool {
        self.writer.is_encrypted()
    }

    /// Sends a request that runs alone.
    ///
    /// # Errors
    /// When it cannot be sent. Nothing was then.
    pub fn send(&self, work: &Work<'_>, block: Block) -> Result<Coming, DbError> {
        let request = self
            .queue
            .borrow_mut()
            .request(work, block, Duration::ZERO, Instant::now());
        let (_, coming) = request?;
        self.write();
        Ok(coming)
    }

    /// Sends a request into a line, where it is expected to take so long. The task writes, and in one go what all
    /// requests of this turn of the thread have to say.
    ///
    /// # Errors
    /// As [`Link::send`].
    pub fn join(&self, work: &Work<'_>, expected: Duration) -> Result<(u64, Coming), DbError> {
        let now = Instant::now();
        let joined = self
            .queue
            .borrow_mut()
            .request(work, Block::Implicit, expected, now)?;
        self.stuck.notify_one();
        Ok(joined)
    }

    /// Sends what is answered by the session's standing alone.
    pub fn send_nothing(&self) {
        self.queue.borrow_mut().nothing(Instant::now());
        self.write();
    }

    /// How many batches are not answered yet.
    pub fn depth(&self) -> usize {
        self.queue.borrow().depth()
    }

    /// How it stands as a line.
    pub fn line(&self, now: Instant) -> Line {
        self.queue.borrow().line(now)
    }

    /// Whether this request is the one that PostgreSQL is busy with.
    pub fn is_first(&self, number: u64) -> bool {
        self.queue.borrow().is_first(number)
    }

    /// Whether no new request gets it.
    pub fn is_retired(&self) -> bool {
        self.queue.borrow().is_retired()
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
        self.queue.borrow_mut().retire();
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
        let out = &mut self.queue.borrow_mut().out;
        while !out.is_empty() {
            match self.writer.try_write(out) {
                Ok(count) => out.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        self.writer.flush()
    }

    /// Reads and writes until the session ends; why it did. `on_landed` is called each time a batch was answered.
    pub async fn drive(
        &self,
        reader: &mut Reader,
        incoming: Incoming,
        on_landed: impl Fn(),
    ) -> DbError {
        tokio::select! {
            biased;
            reason = self.read(reader, incoming, on_landed) => reason,
            error = self.write_rest() => DbError::Lost(error.to_string()),
            () = self.end.notified() => DbError::Lost("the connection was given up".into()),
        }
    }

    async fn read(
        &self,
        reader: &mut Reader,
        mut incoming: Incoming,
        on_landed: impl Fn(),
    ) -> DbError {
        loop {
            if let Err(error) = self.digest(&mut incoming, &on_landed) {
                return error;
            }
            let arrived = &mut incoming.arrived;
            if arrived.capacity() - arrived.len() < CHUNK / 4 {
                arrived.reserve(CHUNK);
            }
            match reader.read_buf(arrived).await {
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
    fn digest(&self, incoming: &mut Incoming, on_landed: impl Fn()) -> Result<(), DbError> {
        let broken = |error: Malformed| DbError::Protocol(error.to_string());
        while let Some(message) = incoming.next().map_err(broken)? {
            let taken = self.queue.borrow_mut().take(message, Instant::now);
            if let Some(done) = taken? {
                // What leads out of a failed transaction.
                self.write();
                self.landed.notify_waiters();
                // First whoever waits for the session is woken, then whoever has waited for this answer: so PostgreSQL has
                // the next statement while the answer is told.
                on_landed();
                done.deliver();
            }
        }
        Ok(())
    }

    /// Fails everything that waits.
    pub fn fail(&self, reason: &DbError) {
        let failed = self.queue.borrow_mut().fail(reason);
        for done in failed {
            done.deliver();
        }
        self.landed.notify_waiters();
    }
}
