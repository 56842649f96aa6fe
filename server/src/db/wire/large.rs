//! Rows whose first column is too large to be kept in memory: it goes into a file as it arrives. Pure but for the file.

use super::message::{LONGEST, Malformed, Message, next};
use super::row::Row;
use crate::db::spool::{Filling, MOST};
use bytes::{Buf, BufMut, BytesMut};
use std::path::PathBuf;
use std::sync::Arc;

/// Letter, length, number of columns, length of the first one.
const HEAD: usize = 11;

/// The lengths of the columns count from here in a message's own length.
const BEFORE_COLUMNS: usize = 6;

/// What arrived of a session and was not read yet.
pub struct Incoming {
    /// The bytes, to which is added.
    pub arrived: BytesMut,
    directory: Arc<PathBuf>,
    aside: Option<Aside>,
}

impl Incoming {
    /// What arrived already; large columns go into files there.
    pub fn new(arrived: BytesMut, directory: Arc<PathBuf>) -> Self {
        Self {
            arrived,
            directory,
            aside: None,
        }
    }

    /// The next message, once it arrived to its end. A large first column of a row reads as NULL, since it is in the
    /// row's file.
    ///
    /// # Errors
    /// When this is not PostgreSQL's protocol.
    pub fn next(&mut self) -> Result<Option<Message>, Malformed> {
        if self.aside.is_none() {
            match ahead(&self.arrived) {
                Ahead::Message => return next(&mut self.arrived),
                Ahead::Undecided => return Ok(None),
                Ahead::Large(large) => {
                    self.arrived.advance(HEAD);
                    self.aside = Some(Aside {
                        large,
                        file: Filling::new(Arc::clone(&self.directory)),
                    });
                }
            }
        }
        let row = match &mut self.aside {
            Some(aside) => aside.take(&mut self.arrived)?,
            None => None,
        };
        if row.is_some() {
            self.aside = None;
        }
        Ok(row.map(Message::Row))
    }
}

/// What is next in what arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ahead {
    /// A message that is read as a whole, or none.
    Message,
    /// More bytes will tell.
    Undecided,
    /// A row whose first column is large.
    Large(Large),
}

/// A row whose first column is large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Large {
    columns: [u8; 2],
    /// Bytes of the first column, and of what comes behind it.
    first: usize,
    rest: usize,
}

/// Looks at what arrived and takes nothing of it.
fn ahead(arrived: &[u8]) -> Ahead {
    let Some(&[b'D', a, b, c, d]) = arrived.first_chunk() else {
        return Ahead::Message;
    };
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if length <= MOST {
        return Ahead::Message;
    }
    let Some(&[.., e, f, g, h, i, j]) = arrived.first_chunk::<HEAD>() else {
        return Ahead::Undecided;
    };
    let first = usize::try_from(i32::from_be_bytes([g, h, i, j])).unwrap_or(0);
    let rest = length.checked_sub(BEFORE_COLUMNS + 4 + first);
    match rest {
        // What is no row that way is not one the other way either, and is refused there.
        Some(rest) if first > MOST && rest <= LONGEST => Ahead::Large(Large {
            columns: [e, f],
            first,
            rest,
        }),
        _ => Ahead::Message,
    }
}

/// A large row on its way.
struct Aside {
    large: Large,
    file: Filling,
}

impl Aside {
    /// Takes what arrived of it; the row, once that is all.
    fn take(&mut self, arrived: &mut BytesMut) -> Result<Option<Row>, Malformed> {
        let taken = self.large.first.min(arrived.len());
        self.file.add(arrived.get(..taken).unwrap_or_default());
        arrived.advance(taken);
        self.large.first -= taken;
        if self.large.first > 0 || arrived.len() < self.large.rest {
            return Ok(None);
        }
        let mut content = BytesMut::with_capacity(BEFORE_COLUMNS + self.large.rest);
        content.put_slice(&self.large.columns);
        content.put_i32(-1);
        content.put_slice(&arrived.split_to(self.large.rest));
        let row = Row::new(content.freeze()).ok_or(Malformed::Content(b'D'))?;
        Ok(Some(row.with_first(self.file.end())))
    }
}

#[cfg(test)]
mod tests;
