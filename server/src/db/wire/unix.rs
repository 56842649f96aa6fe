//! A unix socket that wakes its thread for what arrived, and for nothing else.
//!
//! A runtime's own socket is also told when there is room to write again. Over TCP that is rare. A unix socket says it
//! each time the other side has read something, so a worker was woken twice for each batch: when PostgreSQL took it, by
//! PostgreSQL's own system call, and when it answered.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll, ready};
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, ReadBuf};

/// Its two ends, used by one thread.
pub struct Session(AsyncFd<UnixStream>);

impl Session {
    /// Of a socket that the runtime knew for reading and writing.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn new(socket: tokio::net::UnixStream) -> io::Result<Self> {
        register(socket.into_std()?, Interest::READABLE).map(Self)
    }

    /// What arrived, or will.
    pub fn poll_read(
        &self,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut guard = ready!(self.0.poll_read_ready(context))?;
            let room = into.initialize_unfilled();
            let wanted = room.len();
            let Ok(read) = guard.try_io(|socket| socket.get_ref().read(room)) else {
                continue;
            };
            if matches!(read, Ok(count) if 0 < count && count < wanted) {
                // There was no more. Asking again to be told so is a system call for each answer.
                guard.clear_ready();
            }
            into.advance(read?);
            return Poll::Ready(Ok(()));
        }
    }

    /// As much as the socket takes at once.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.get_ref().write(bytes)
    }

    /// Returns when the socket may take more: a second descriptor of it asks for that, once.
    pub async fn writable(&self) -> io::Result<()> {
        let again = self.0.get_ref().try_clone()?;
        register(again, Interest::WRITABLE)?
            .writable()
            .await
            .map(|_| ())
    }
}

#[expect(
    unsafe_code,
    reason = "the one way to say what a descriptor is watched for"
)]
fn register(socket: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    // SAFETY: a standard socket keeps its descriptor open, and the same, until it is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(socket, interest) }?)
}
