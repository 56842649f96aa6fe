//! A way to one of the hosts of a URL: a unix socket, TCP, or TLS over it.

use super::tls::{Encrypted, Tls};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// A socket nothing of the session was said on.
pub enum Socket {
    /// Never encrypted, as it leaves no machine.
    Unix(UnixStream),
    /// In plain text.
    Tcp(TcpStream),
    /// Encrypted.
    Tls(Box<Encrypted>),
}

/// Where a server may be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Socket(PathBuf),
    Name(String, u16),
    Address(IpAddr, u16),
}

/// How many hosts there are to try.
#[must_use]
pub fn places(config: &Config) -> usize {
    config.get_hosts().len().max(config.get_hostaddrs().len())
}

fn place(config: &Config, number: usize) -> Option<Place> {
    let ports = config.get_ports();
    let port = *ports.get(number).or(ports.first()).unwrap_or(&5432);
    if let Some(address) = config.get_hostaddrs().get(number) {
        return Some(Place::Address(*address, port));
    }
    Some(match config.get_hosts().get(number)? {
        Host::Tcp(name) => Place::Name(name.clone(), port),
        Host::Unix(directory) => Place::Socket(directory.join(format!(".s.PGSQL.{port}"))),
    })
}

/// What a certificate of that host would be for.
fn name(config: &Config, number: usize) -> String {
    match (
        config.get_hosts().get(number),
        config.get_hostaddrs().get(number),
    ) {
        (Some(Host::Tcp(name)), _) => name.clone(),
        (_, Some(address)) => address.to_string(),
        _ => String::new(),
    }
}

/// Connects to one of the hosts; of a name with several addresses the first that answers.
///
/// # Errors
/// As the operating system says, or TLS.
pub async fn dial(config: &Config, tls: &Tls, number: usize) -> io::Result<Socket> {
    let socket = match place(config, number) {
        Some(Place::Socket(path)) => return Ok(Socket::Unix(UnixStream::connect(path).await?)),
        Some(Place::Name(name, port)) => TcpStream::connect((name, port)).await?,
        Some(Place::Address(address, port)) => TcpStream::connect((address, port)).await?,
        None => return Err(io::Error::other("no such host")),
    };
    socket.set_nodelay(true)?;
    let known = SockRef::from(&socket);
    known.set_tcp_user_timeout(config.get_tcp_user_timeout().copied())?;
    if config.get_keepalives() {
        let mut keepalive = TcpKeepalive::new().with_time(config.get_keepalives_idle());
        if let Some(interval) = config.get_keepalives_interval() {
            keepalive = keepalive.with_interval(interval);
        }
        if let Some(retries) = config.get_keepalives_retries() {
            keepalive = keepalive.with_retries(retries);
        }
        known.set_tcp_keepalive(&keepalive)?;
    }
    tls.over(socket, name(config, number)).await
}

impl Socket {
    /// Whether nobody in between can read it.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    /// What a login binds itself to (RFC 5929, `tls-server-end-point`).
    #[must_use]
    pub fn end_point(&self) -> Option<Vec<u8>> {
        match self {
            Self::Tls(stream) => stream.end_point(),
            _ => None,
        }
    }
}

macro_rules! on_socket {
    ($stream:expr, $socket:ident => $act:expr) => {
        match $stream.get_mut() {
            Self::Unix($socket) => $act,
            Self::Tcp($socket) => $act,
            Self::Tls($socket) => $act,
        }
    };
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        on_socket!(self, socket => Pin::new(socket).poll_read(context, into))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        on_socket!(self, socket => Pin::new(socket).poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_socket!(self, socket => Pin::new(socket).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_socket!(self, socket => Pin::new(socket).poll_shutdown(context))
    }
}
