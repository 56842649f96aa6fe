//! A session from nothing: socket, login, whether it is the server that was meant.

use super::message::{Key, Malformed, Message, Standing, next};
use super::startup::{Account, Startup, begin};
use super::stream::Stream;
use crate::db::error::DbError;
use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;
use socket2::{SockRef, TcpKeepalive};
use std::net::IpAddr;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, TargetSessionAttrs};

/// A session that is ready.
pub struct Opened {
    pub stream: Stream,
    pub key: Option<Key>,
    /// Which of the hosts it was.
    pub place: usize,
    /// What PostgreSQL said already beyond the login.
    pub arrived: BytesMut,
}

/// Where a server may be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Socket(PathBuf),
    Name(String, u16),
    Address(IpAddr, u16),
}

/// Tries the hosts in their order.
///
/// # Errors
/// Why the last of them cannot be used.
pub async fn open(config: &Config) -> Result<Opened, DbError> {
    let mut last = DbError::Unreachable("database.url names no host".into());
    for place in 0..config.get_hosts().len().max(config.get_hostaddrs().len()) {
        match open_at(config, place).await {
            Ok(opened) => return Ok(opened),
            Err(error @ DbError::Unreachable(_)) => last = error,
            Err(error) => last = DbError::unreachable(error.to_string()),
        }
    }
    Err(last)
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

/// A socket to one of the hosts, nothing said yet.
///
/// # Errors
/// As the operating system says.
pub async fn dial(config: &Config, number: usize) -> std::io::Result<Stream> {
    let socket = match place(config, number) {
        Some(Place::Socket(path)) => return Ok(Stream::Unix(UnixStream::connect(path).await?)),
        Some(Place::Name(name, port)) => TcpStream::connect((name, port)).await?,
        Some(Place::Address(address, port)) => TcpStream::connect((address, port)).await?,
        None => return Err(std::io::Error::other("no such host")),
    };
    socket.set_nodelay(true)?;
    let known = SockRef::from(&socket);
    known.set_tcp_user_timeout(config.get_tcp_user_timeout().copied())?;
    if config.get_keepalives() {
        known.set_tcp_keepalive(&TcpKeepalive::new().with_time(config.get_keepalives_idle()))?;
    }
    Ok(Stream::Tcp(socket))
}

async fn open_at(config: &Config, number: usize) -> Result<Opened, DbError> {
    let mut stream = dial(config, number).await.map_err(unreachable)?;
    let user = config.get_user().unwrap_or_default();
    let mut parameters = vec![("client_encoding", "UTF8"), ("user", user)];
    for (name, value) in [
        ("database", config.get_dbname()),
        ("options", config.get_options()),
        ("application_name", config.get_application_name()),
    ] {
        parameters.extend(value.map(|value| (name, value)));
    }
    let mut startup = Startup::new(Account {
        user,
        password: config.get_password(),
        certificate: None,
        binding_required: false,
    });
    let mut arrived = BytesMut::new();
    let mut out = BytesMut::new();
    begin(&mut out, &parameters)?;
    loop {
        stream.write_all(&out).await.map_err(unreachable)?;
        out.clear();
        let message = hear(&mut stream, &mut arrived).await?;
        if startup.take(message, &mut out)? {
            break;
        }
    }
    let wanted = config.get_target_session_attrs();
    if wanted != TargetSessionAttrs::Any {
        let reads = reads_only(&mut stream, &mut arrived).await?;
        if reads != (wanted == TargetSessionAttrs::ReadOnly) {
            return Err(DbError::Unreachable(
                "no host is what target_session_attrs asks for".into(),
            ));
        }
    }
    Ok(Opened {
        stream,
        key: startup.key(),
        place: number,
        arrived,
    })
}

async fn hear(stream: &mut Stream, arrived: &mut BytesMut) -> Result<Message, DbError> {
    loop {
        let heard =
            next(arrived).map_err(|error: Malformed| DbError::Protocol(error.to_string()))?;
        if let Some(message) = heard {
            return Ok(message);
        }
        if stream.read_buf(arrived).await.map_err(unreachable)? == 0 {
            return Err(DbError::Unreachable(
                "PostgreSQL closed the connection".into(),
            ));
        }
    }
}

/// Whether transactions of the session only read.
async fn reads_only(stream: &mut Stream, arrived: &mut BytesMut) -> Result<bool, DbError> {
    let mut out = BytesMut::new();
    let none: [&[u8]; 0] = [];
    frontend::parse("", "show transaction_read_only", [], &mut out).map_err(unreachable)?;
    frontend::bind("", "", [], none, |_, _| Ok(IsNull::Yes), [], &mut out)
        .map_err(|_| DbError::Protocol("a question without a form".into()))?;
    frontend::execute("", 0, &mut out).map_err(unreachable)?;
    frontend::sync(&mut out);
    stream.write_all(&out).await.map_err(unreachable)?;
    let mut answer = None;
    loop {
        match hear(stream, arrived).await? {
            Message::Row(row) => answer = row.column(0).flatten(),
            Message::Refused(refusal) => return Err(refusal.into()),
            Message::Ready(Standing::Idle) => return Ok(answer.as_deref() == Some(b"on")),
            _ => {}
        }
    }
}

fn unreachable(error: std::io::Error) -> DbError {
    DbError::Unreachable(error.to_string())
}
