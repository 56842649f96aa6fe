//! A session from nothing: socket, login, whether it is the server that was meant.

use super::message::{Key, Malformed, Message, Standing, next};
use super::startup::{Account, Startup, begin};
use super::stream::{Reader, Writer};
use crate::db::error::DbError;
use crate::db::socket::{Socket, dial, places};
use crate::db::tls::Tls;
use bytes::BytesMut;
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, TargetSessionAttrs};

/// A session that is ready.
pub struct Opened {
    pub reader: Reader,
    pub writer: Writer,
    pub key: Option<Key>,
    /// Which of the hosts it was.
    pub place: usize,
    /// What PostgreSQL said already beyond the login.
    pub arrived: BytesMut,
}

/// Tries the hosts in their order.
///
/// # Errors
/// Why the last of them cannot be used.
pub async fn open(config: &Config, tls: &Tls) -> Result<Opened, DbError> {
    let mut last = DbError::Unreachable("database.url names no host".into());
    for place in 0..places(config) {
        match open_at(config, tls, place).await {
            Ok(opened) => return Ok(opened),
            Err(error @ DbError::Unreachable(_)) => last = error,
            Err(error) => last = DbError::unreachable(error.to_string()),
        }
    }
    Err(last)
}

async fn open_at(config: &Config, tls: &Tls, number: usize) -> Result<Opened, DbError> {
    let mut stream = dial(config, tls, number).await.map_err(unreachable)?;
    let user = config.get_user().unwrap_or_default();
    let mut parameters = vec![("client_encoding", "UTF8"), ("user", user)];
    for (name, value) in [
        ("database", config.get_dbname()),
        ("options", config.get_options()),
        ("application_name", config.get_application_name()),
    ] {
        parameters.extend(value.map(|value| (name, value)));
    }
    let binding = config.get_channel_binding();
    let mut startup = Startup::new(Account {
        user,
        password: config.get_password(),
        certificate: stream
            .end_point()
            .filter(|_| binding != ChannelBinding::Disable),
        binding_required: binding == ChannelBinding::Require,
    });
    let mut arrived = BytesMut::new();
    let mut out = BytesMut::new();
    begin(&mut out, &parameters)?;
    loop {
        say(&mut stream, &out).await?;
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
    let (reader, writer) = stream.split().map_err(unreachable)?;
    Ok(Opened {
        reader,
        writer,
        key: startup.key(),
        place: number,
        arrived,
    })
}

async fn say(stream: &mut Socket, out: &[u8]) -> Result<(), DbError> {
    stream.write_all(out).await.map_err(unreachable)?;
    // What is encrypted may wait for room.
    stream.flush().await.map_err(unreachable)
}

async fn hear(stream: &mut Socket, arrived: &mut BytesMut) -> Result<Message, DbError> {
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
async fn reads_only(stream: &mut Socket, arrived: &mut BytesMut) -> Result<bool, DbError> {
    let mut out = BytesMut::new();
    let none: [&[u8]; 0] = [];
    frontend::parse("", "show transaction_read_only", [], &mut out).map_err(unreachable)?;
    frontend::bind("", "", [], none, |_, _| Ok(IsNull::Yes), [], &mut out)
        .map_err(|_| DbError::Protocol("a question without a form".into()))?;
    frontend::execute("", 0, &mut out).map_err(unreachable)?;
    frontend::sync(&mut out);
    say(stream, &out).await?;
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
