//! An encrypted connection that takes its leave, however it ends.

use super::certificate::Certificate;
use rustls::ClientConnection;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// After the handshake.
pub struct Encrypted(TlsStream<TcpStream>);

impl Encrypted {
    pub(super) fn new(stream: TlsStream<TcpStream>) -> Self {
        Self(stream)
    }

    /// What a login binds itself to: a hash of the certificate that the server showed.
    #[must_use]
    pub fn end_point(&self) -> Option<Vec<u8>> {
        let (_, tls) = self.0.get_ref();
        let shown = tls.peer_certificates()?.first()?;
        Certificate::read(shown)?.end_point(shown)
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        self.0.get_ref().0
    }

    /// The socket, and what is said over it.
    pub fn parts(&mut self) -> (Below<'_>, &mut ClientConnection) {
        let (socket, tls) = self.0.get_mut();
        (Below(socket), tls)
    }
}

impl Drop for Encrypted {
    /// Says that nothing more comes, if there is room to say it. A pool drops its sessions without a word; in plain text PostgreSQL
    /// thinks nothing of that, and in TLS it notes in its log each time that the connection was reset.
    fn drop(&mut self) {
        let (mut socket, tls) = self.parts();
        tls.send_close_notify();
        while tls.wants_write() && matches!(tls.write_tls(&mut socket), Ok(1..)) {}
    }
}

/// A socket as TLS reads and writes it: what cannot be done at once is an error.
pub struct Below<'a>(&'a TcpStream);

impl Read for Below<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(into)
    }
}

impl Write for Below<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, records: &[io::IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(records)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_read(context, into)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(context)
    }
}
