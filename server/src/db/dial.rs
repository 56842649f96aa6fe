//! Opens sessions of the driver over a socket of ours, so that something can stand between it and the driver: TLS, and
//! what puts large answers into files.

use super::error::DbError;
use super::socket::{Socket, dial, places};
use super::spool::{Slot, Spooling};
use super::tls::Tls;
use deadpool_postgres::Connect;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinHandle;
use tokio_postgres::config::{SslMode, SslNegotiation, TargetSessionAttrs};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_postgres::{Client, Config, Connection, Error, SimpleQueryMessage};

/// Connects as the driver would; the rows of the session go through the slot's file when they are large.
pub struct Dial {
    /// Where large answers are left.
    pub slot: Slot,
    /// How it is encrypted.
    pub tls: Tls,
    /// Whether it was: then it is cancelled over TLS.
    pub encrypted: Arc<AtomicBool>,
}

impl Connect for Dial {
    fn connect(&self, config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        let config = config.clone();
        async move {
            let around = |way: Way| {
                self.encrypted.store(way.is_encrypted(), Ordering::Relaxed);
                Spooling::new(way, self.slot.clone())
            };
            let (client, connection) = first_of_all(&config, &self.tls, around).await?;
            let driver = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(error = %DbError::from(error), "a session of the pool ended");
                }
            });
            Ok((client, driver))
        }
        .boxed()
    }
}

/// A session and what drives it.
pub type Opened<S> = (Client, Connection<S, Bound<S>>);

/// Connects as the driver would. The session is whoever asked for it to drive.
///
/// # Errors
/// As PostgreSQL or the network says, or TLS.
pub async fn connect(config: &Config, tls: &Tls) -> Result<Opened<Way>, DbError> {
    Ok(first_of_all(config, tls, |way| way).await?)
}

/// Where no time is set.
const LONGEST: Duration = Duration::from_secs(10);

/// The first host that answers and is what is wanted, in their order.
async fn first_of_all<S>(
    config: &Config,
    tls: &Tls,
    around: impl Fn(Way) -> S,
) -> Result<Opened<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let limit = config.get_connect_timeout().copied().unwrap_or(LONGEST);
    let mut last = io::Error::other("no host is what database.url asks for");
    for place in 0..places(config) {
        let reached = tokio::time::timeout(limit, dial(config, tls, place)).await;
        match reached.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(socket) => {
                let (client, mut connection) = open(config, Way::Open(socket), &around).await?;
                if is_wanted(config, &client, &mut connection).await? {
                    return Ok((client, connection));
                }
            }
            Err(error) => last = error,
        }
    }
    // An error of the driver is made by the driver alone.
    open(config, Way::Broken(Some(last)), &around).await
}

/// Logs in.
async fn open<S>(config: &Config, way: Way, around: impl Fn(Way) -> S) -> Result<Opened<S>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let already = Already(match &way {
        Way::Open(socket) => socket.end_point(),
        Way::Broken(_) => None,
    });
    if !way.is_encrypted() {
        return config.connect_raw(around(way), already).await;
    }
    // To the driver this is a server that is spoken to in TLS from the first byte: it asks nothing, and takes what it is given.
    let mut config = config.clone();
    config
        .ssl_mode(SslMode::Require)
        .ssl_negotiation(SslNegotiation::Direct);
    config.connect_raw(around(way), already).await
}

/// Whether the session may do what `target_session_attrs` says.
async fn is_wanted<S>(
    config: &Config,
    client: &Client,
    connection: &mut Connection<S, Bound<S>>,
) -> Result<bool, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let read_only = match config.get_target_session_attrs() {
        TargetSessionAttrs::ReadWrite => "off",
        TargetSessionAttrs::ReadOnly => "on",
        _ => return Ok(true),
    };
    let answer = tokio::select! {
        biased;
        answer = client.simple_query("show transaction_read_only") => answer?,
        ended = connection => {
            ended?;
            return Ok(false);
        }
    };
    Ok(answer.iter().any(
        |message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some(read_only)),
    ))
}

/// Says of a socket that it is encrypted already, and what a login over it is bound to.
pub struct Already(pub Option<Vec<u8>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsConnect<S> for Already {
    type Stream = Bound<S>;
    type Error = io::Error;
    type Future = Ready<io::Result<Bound<S>>>;

    fn connect(self, stream: S) -> Self::Future {
        let end_point = self.0;
        ready(Ok(Bound { stream, end_point }))
    }
}

/// An encrypted socket, to the driver.
pub struct Bound<S> {
    stream: S,
    end_point: Option<Vec<u8>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Bound<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.end_point
            .clone()
            .map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bound<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, out)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bound<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

/// A way to PostgreSQL, or why there is none.
pub enum Way {
    /// There is one.
    Open(Socket),
    /// Whoever tries to go it is told.
    Broken(Option<io::Error>),
}

impl Way {
    fn is_encrypted(&self) -> bool {
        matches!(self, Self::Open(socket) if socket.is_encrypted())
    }
}

fn broken<T>(error: &mut Option<io::Error>) -> Poll<io::Result<T>> {
    let error = error
        .take()
        .unwrap_or_else(|| io::ErrorKind::NotConnected.into());
    Poll::Ready(Err(error))
}

impl AsyncRead for Way {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Open(socket) => Pin::new(socket).poll_read(context, out),
            Self::Broken(error) => broken(error),
        }
    }
}

impl AsyncWrite for Way {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Open(socket) => Pin::new(socket).poll_write(context, bytes),
            Self::Broken(error) => broken(error),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Open(socket) => Pin::new(socket).poll_flush(context),
            Self::Broken(error) => broken(error),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Open(socket) => Pin::new(socket).poll_shutdown(context),
            Self::Broken(_) => Poll::Ready(Ok(())),
        }
    }
}
