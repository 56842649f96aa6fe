//! An encrypted session whose ends are used apart, by one thread.
//!
//! Neither end waits for the other: who reads takes what is there whether or not anything can be written, so two full
//! directions never stand against each other. What is to be written goes into TLS only when all before it went out, so no more
//! than one piece is ever kept there.

use crate::db::tls::Encrypted;
use futures_util::future::poll_fn;
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// Decrypted at once; no record is longer.
const RECORD: usize = 16 << 10;

/// Borrowed for no longer than a turn of either end.
pub struct Session(RefCell<Encrypted>);

impl Session {
    /// After the handshake.
    pub fn new(stream: Encrypted) -> Self {
        Self(RefCell::new(stream))
    }

    /// What was decrypted, or will be.
    pub fn poll_read(
        &self,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            match self.take_in(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.0.borrow().socket().poll_read_ready(context))?;
                }
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    /// Reads until something was decrypted or nothing more is there.
    fn take_in(&self, into: &mut ReadBuf<'_>) -> io::Result<()> {
        let stream = &mut *self.0.borrow_mut();
        let (mut socket, tls) = stream.parts();
        let room = into.remaining().min(RECORD);
        loop {
            match tls.reader().read(into.initialize_unfilled_to(room)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => {
                    into.advance(outcome?);
                    return Ok(());
                }
            }
            // At the end of the socket nothing is taken, and the reader says in the next turn how it ended.
            tls.read_tls(&mut socket)?;
            if let Err(error) = tls.process_new_packets() {
                // Tells the other side why, if there is room.
                let _ = tls.write_tls(&mut socket);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }

    /// Takes some of it, when all that was taken before went out.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        if !self.flush()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = self.0.borrow_mut().parts().1.writer().write(bytes)?;
        self.flush()?;
        Ok(taken)
    }

    /// Whether all that was taken went out.
    pub fn flush(&self) -> io::Result<bool> {
        let stream = &mut *self.0.borrow_mut();
        let (mut socket, tls) = stream.parts();
        while tls.wants_write() {
            match tls.write_tls(&mut socket) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Returns when the socket may take more.
    pub async fn writable(&self) -> io::Result<()> {
        poll_fn(|context| self.0.borrow().socket().poll_write_ready(context)).await
    }
}
