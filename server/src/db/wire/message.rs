//! Bytes of PostgreSQL's side of the protocol → messages. Pure: no socket, no clock.
//!
//! Whatever the bytes are, the outcome is a message, the wish for more bytes, or a refusal.

use super::refusal::Refusal;
use super::row::Row;
use bytes::{Buf, BytesMut};

/// A tag and a length that counts itself.
const HEADER: usize = 5;

/// The longest message that is taken as a whole. PostgreSQL itself goes up to 1 GB for one value; what is kept in memory,
/// once for each request under way, must end earlier.
pub const LONGEST: usize = 256 << 20;

/// Room made at once for a message that announced to be long; the rest follows as its bytes arrive.
const STEP: usize = 256 << 10;

/// What PostgreSQL says after the login.
#[derive(Debug, PartialEq)]
pub enum Message {
    /// A statement was parsed.
    Parsed,
    /// A statement was forgotten, or was none.
    Closed,
    /// A portal is open.
    Bound,
    /// A row.
    Row(Row),
    /// The portal ran to its end.
    Completed,
    /// The statement or the session was refused.
    Refused(Refusal),
    /// Everything up to a Sync was answered.
    Ready(Standing),
    /// Number and secret of the session, for cancelling.
    Key(Key),
    /// A wish of PostgreSQL's in the login.
    Login(Login),
    /// What needs no answer: notices, notifications, settings of the session.
    Aside,
}

/// Where the session stands between two batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Outside any transaction.
    Idle,
    /// Inside one.
    Open,
    /// Inside one that failed.
    Failed,
}

/// What cancels a session's query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The process.
    pub process: i32,
    /// What only its client knows.
    pub secret: i32,
}

/// Steps of the login.
#[derive(Debug, PartialEq, Eq)]
pub enum Login {
    /// Enough was shown.
    Welcome,
    /// The password as it is.
    Plain,
    /// The password hashed with this.
    Md5([u8; 4]),
    /// One of these mechanisms, each ended by a NUL.
    Sasl(Vec<u8>),
    /// The mechanism's next question.
    SaslNext(Vec<u8>),
    /// Its last word.
    SaslLast(Vec<u8>),
    /// One that is not spoken here.
    Other(i32),
}

/// What is no message of the protocol. The session can only be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// A length that is shorter than itself.
    #[error("a message of impossible length")]
    Length,
    /// Longer than is taken.
    #[error("a message longer than {LONGEST} bytes")]
    TooLong,
    /// Its content is not what its tag says.
    #[error("a message of type {0:#04x} with the wrong content")]
    Content(u8),
    /// A tag without meaning here.
    #[error("a message of unexpected type {0:#04x}")]
    Unexpected(u8),
}

/// Takes the next whole message out of what arrived; `None` until there is one.
///
/// # Errors
/// When this is not PostgreSQL's protocol.
pub fn next(arrived: &mut BytesMut) -> Result<Option<Message>, Malformed> {
    let Some(&[tag, a, b, c, d]) = arrived.first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([a, b, c, d]);
    let length = usize::try_from(length).map_err(|_| Malformed::TooLong)?;
    if length < HEADER - 1 {
        return Err(Malformed::Length);
    }
    if length > LONGEST {
        return Err(Malformed::TooLong);
    }
    let whole = length + 1;
    if arrived.len() < whole {
        // A length is only a claim; memory follows the bytes.
        arrived.reserve((whole - arrived.len()).min(STEP));
        return Ok(None);
    }
    if tag == b'D' {
        let mut message = arrived.split_to(whole);
        message.advance(HEADER);
        let row = Row::new(message.freeze()).ok_or(Malformed::Content(tag))?;
        return Ok(Some(Message::Row(row)));
    }
    let body = arrived.get(HEADER..whole).unwrap_or_default();
    let message = of(tag, body)?;
    arrived.advance(whole);
    Ok(Some(message))
}

fn of(tag: u8, body: &[u8]) -> Result<Message, Malformed> {
    let wrong = Malformed::Content(tag);
    let empty = |message| body.is_empty().then_some(message).ok_or(wrong);
    match tag {
        b'1' => empty(Message::Parsed),
        b'2' => empty(Message::Bound),
        b'3' => empty(Message::Closed),
        // An empty statement is complete as well.
        b'I' => empty(Message::Completed),
        b'C' => Ok(Message::Completed),
        b'E' => Refusal::read(body).map(Message::Refused).ok_or(wrong),
        b'Z' => match body {
            b"I" => Ok(Message::Ready(Standing::Idle)),
            b"T" => Ok(Message::Ready(Standing::Open)),
            b"E" => Ok(Message::Ready(Standing::Failed)),
            _ => Err(wrong),
        },
        b'K' => key(body).map(Message::Key).ok_or(wrong),
        b'R' => login(body).map(Message::Login).ok_or(wrong),
        b'N' | b'A' | b'S' => Ok(Message::Aside),
        // COPY and descriptions are never asked for.
        _ => Err(Malformed::Unexpected(tag)),
    }
}

fn number(body: &[u8]) -> Option<(i32, &[u8])> {
    let (number, rest) = body.split_first_chunk::<4>()?;
    Some((i32::from_be_bytes(*number), rest))
}

fn key(body: &[u8]) -> Option<Key> {
    let (process, rest) = number(body)?;
    let (secret, rest) = number(rest)?;
    rest.is_empty().then_some(Key { process, secret })
}

fn login(body: &[u8]) -> Option<Login> {
    let (kind, rest) = number(body)?;
    Some(match kind {
        0 => Login::Welcome,
        3 => Login::Plain,
        5 => Login::Md5(rest.try_into().ok()?),
        10 => Login::Sasl(rest.to_vec()),
        11 => Login::SaslNext(rest.to_vec()),
        12 => Login::SaslLast(rest.to_vec()),
        other => Login::Other(other),
    })
}

#[cfg(test)]
mod tests;
