//! The two ends of a socket, whatever it is.

use super::{tls, unix};
use crate::db::socket::Socket;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp;

impl Socket {
    /// Its two ends.
    ///
    /// # Errors
    /// As the operating system says.
    pub fn split(self) -> io::Result<(Reader, Writer)> {
        Ok(match self {
            Self::Unix(stream) => {
                let session = Rc::new(unix::Session::new(stream)?);
                (Reader::Unix(Rc::clone(&session)), Writer::Unix(session))
            }
            Self::Tcp(stream) => {
                let (reader, writer) = stream.into_split();
                (Reader::Tcp(reader), Writer::Tcp(writer))
            }
            Self::Tls(stream) => {
                let session = Rc::new(tls::Session::new(*stream));
                (Reader::Tls(Rc::clone(&session)), Writer::Tls(session))
            }
        })
    }
}

/// The end that is read, by one task.
pub enum Reader {
    Unix(Rc<unix::Session>),
    Tcp(tcp::OwnedReadHalf),
    Tls(Rc<tls::Session>),
}

impl AsyncRead for Reader {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Unix(session) => session.poll_read(context, into),
            Self::Tcp(socket) => Pin::new(socket).poll_read(context, into),
            Self::Tls(session) => session.poll_read(context, into),
        }
    }
}

/// The end that is written, by whoever has something to say.
pub enum Writer {
    Unix(Rc<unix::Session>),
    Tcp(tcp::OwnedWriteHalf),
    Tls(Rc<tls::Session>),
}

impl Writer {
    /// As much as the socket takes at once.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(session) => session.try_write(bytes),
            Self::Tcp(socket) => socket.try_write(bytes),
            Self::Tls(session) => session.try_write(bytes),
        }
    }

    /// Whether all that was taken went out; TLS keeps what it encrypted until there is room.
    pub fn flush(&self) -> io::Result<bool> {
        match self {
            Self::Unix(_) | Self::Tcp(_) => Ok(true),
            Self::Tls(session) => session.flush(),
        }
    }

    /// Returns when the socket may take more.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Unix(session) => session.writable().await,
            Self::Tcp(socket) => socket.writable().await,
            Self::Tls(session) => session.writable().await,
        }
    }

    /// Whether nobody in between can read it.
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }
}
