//! An encrypted session whose ends are used apart, by one thread.
//!
//! Neither end waits for the other: who reads takes what is there whether or not anything can be written, so two full
//! directions never stand against each other. What is to be written goes into TLS only when all before it went out, so no more
//! than one piece is ever kept there.

use rustls::ClientConnection;
use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Decrypted at once; no record is longer.
const RECORD: usize = 16 << 10;

/// A socket and its TLS.
pub struct Session {
    socket: TcpStream,
    tls: RefCell<ClientConnection>,
}

/// The socket, as TLS reads and writes it: what cannot be done at once is an error.
struct Below<'a>(&'a TcpStream);

impl Read for Below<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(into)
    }
}

impl Write for Below<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Session {
    /// After the handshake.
    pub fn new(stream: TlsStream<TcpStream>) -> Self {
        let (socket, tls) = stream.into_inner();
        Self {
            socket,
            tls: RefCell::new(tls),
        }
    }

    /// What was decrypted, or will be.
    pub fn poll_read(
        &self,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let heard = self.take_in(into);
            match heard {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_read_ready(context))?;
                }
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    /// Reads until something was decrypted or nothing more is there.
    fn take_in(&self, into: &mut ReadBuf<'_>) -> io::Result<()> {
        let tls = &mut *self.tls.borrow_mut();
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
            tls.read_tls(&mut Below(&self.socket))?;
            if let Err(error) = tls.process_new_packets() {
                // Tells the other side why, if there is room.
                let _ = tls.write_tls(&mut Below(&self.socket));
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }

    /// Takes some of it, when all that was taken before went out.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        if !self.flush()? {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let taken = self.tls.borrow_mut().writer().write(bytes)?;
        self.flush()?;
        Ok(taken)
    }

    /// Whether all that was taken went out.
    pub fn flush(&self) -> io::Result<bool> {
        let tls = &mut *self.tls.borrow_mut();
        while tls.wants_write() {
            match tls.write_tls(&mut Below(&self.socket)) {
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
        self.socket.writable().await
    }
}

impl Drop for Session {
    /// Without this word PostgreSQL notes in its log that somebody cut the connection.
    fn drop(&mut self) {
        self.tls.get_mut().send_close_notify();
        let _ = self.flush();
    }
}
