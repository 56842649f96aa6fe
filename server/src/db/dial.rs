//! Opens a session of PostgreSQL over a socket of ours, so that something can stand between it and the driver.

use super::spool::{Slot, Spooling};
use deadpool_postgres::Connect;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, TargetSessionAttrs};
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

/// Connects as the driver would; the rows of the session go through the slot's file when they are large.
pub struct Dial {
    /// Where large answers are left.
    pub slot: Slot,
}

type Opened = (Client, JoinHandle<()>);

impl Connect for Dial {
    fn connect(&self, config: &Config) -> BoxFuture<'_, Result<Opened, Error>> {
        let config = config.clone();
        async move { first_of_all(&config, &self.slot).await }.boxed()
    }
}

/// The first host that answers and is what is wanted, in their order.
async fn first_of_all(config: &Config, slot: &Slot) -> Result<Opened, Error> {
    let mut last = io::Error::other("no host is what database.url asks for");
    let (hosts, addresses, ports) = (
        config.get_hosts(),
        config.get_hostaddrs(),
        config.get_ports(),
    );
    for place in 0..hosts.len().max(addresses.len()) {
        let port = ports.get(place).or_else(|| ports.first());
        let port = port.copied().unwrap_or(5432);
        let address = addresses.get(place).copied();
        match reach(config, address, hosts.get(place), port).await {
            Ok(socket) => {
                let opened = open(config, socket, slot).await?;
                if is_wanted(config, &opened.0).await? {
                    return Ok(opened);
                }
            }
            Err(error) => last = error,
        }
    }
    // An error of the driver is made by the driver alone.
    open(config, Socket::Broken(Some(last)), slot).await
}

/// A connected socket of one host; of a name with several addresses the first that answers.
async fn reach(
    config: &Config,
    address: Option<IpAddr>,
    host: Option<&Host>,
    port: u16,
) -> io::Result<Socket> {
    let limit = config.get_connect_timeout().copied().unwrap_or(LONGEST);
    let connecting = async {
        let stream = match (address, host) {
            (Some(address), _) => TcpStream::connect((address, port)).await?,
            (None, Some(Host::Tcp(name))) => TcpStream::connect((name.as_str(), port)).await?,
            (None, Some(Host::Unix(directory))) => {
                let path = directory.join(format!(".s.PGSQL.{port}"));
                return Ok(Socket::Unix(UnixStream::connect(path).await?));
            }
            (None, None) => return Err(io::Error::other("no host")),
        };
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        socket.set_tcp_user_timeout(config.get_tcp_user_timeout().copied())?;
        if config.get_keepalives() {
            let keepalive = TcpKeepalive::new().with_time(config.get_keepalives_idle());
            socket.set_tcp_keepalive(&keepalive)?;
        }
        Ok(Socket::Tcp(stream))
    };
    tokio::time::timeout(limit, connecting)
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Where no time is set.
const LONGEST: Duration = Duration::from_secs(10);

/// Logs in. The session is driven until it ends.
async fn open(config: &Config, socket: Socket, slot: &Slot) -> Result<Opened, Error> {
    let socket = Spooling::new(socket, slot.clone());
    let (client, connection) = config.connect_raw(socket, NoTls).await?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a session of the pool ended");
        }
    });
    Ok((client, driver))
}

/// Whether the session may do what `target_session_attrs` says.
async fn is_wanted(config: &Config, client: &Client) -> Result<bool, Error> {
    let read_only = match config.get_target_session_attrs() {
        TargetSessionAttrs::ReadWrite => "off",
        TargetSessionAttrs::ReadOnly => "on",
        _ => return Ok(true),
    };
    let answer = client.simple_query("show transaction_read_only").await?;
    Ok(answer.iter().any(
        |message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some(read_only)),
    ))
}

/// A way to PostgreSQL, or why there is none.
enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
    Broken(Option<io::Error>),
}

fn broken<T>(error: &mut Option<io::Error>) -> Poll<io::Result<T>> {
    let error = error
        .take()
        .unwrap_or_else(|| io::ErrorKind::NotConnected.into());
    Poll::Ready(Err(error))
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, out),
            Self::Unix(stream) => Pin::new(stream).poll_read(context, out),
            Self::Broken(error) => broken(error),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Broken(error) => broken(error),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Self::Unix(stream) => Pin::new(stream).poll_flush(context),
            Self::Broken(error) => broken(error),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Broken(_) => Poll::Ready(Ok(())),
        }
    }
}
