use crate::db::spool::Spool;
use bytes::Bytes;
use std::io;

/// A row as PostgreSQL sent it. Columns are slices of the buffer it arrived in, not copies.
#[derive(Debug)]
pub struct Row {
    content: Bytes,
    first: Option<io::Result<Spool>>,
}

impl Row {
    /// From the content of a message; `None` when lengths and bytes do not agree.
    pub fn new(content: Bytes) -> Option<Self> {
        let (count, mut rest) = content.split_first_chunk::<2>()?;
        for _ in 0..u16::from_be_bytes(*count) {
            (_, rest) = split(rest)?;
        }
        rest.is_empty().then_some(Self {
            content,
            first: None,
        })
    }

    /// With its first column in a file, or why it is not there.
    pub fn with_first(self, first: io::Result<Spool>) -> Self {
        Self {
            first: Some(first),
            ..self
        }
    }

    /// The first column, if it went into a file.
    #[cfg(test)]
    pub fn first(&self) -> Option<&io::Result<Spool>> {
        self.first.as_ref()
    }

    /// As [`Row::first`], and the row has it no more.
    pub fn take_first(&mut self) -> Option<io::Result<Spool>> {
        self.first.take()
    }

    /// The bytes of a column: `Some(None)` is SQL NULL, `None` says that there is no such column.
    pub fn column(&self, number: usize) -> Option<Option<Bytes>> {
        let (count, mut rest) = self.content.split_first_chunk::<2>()?;
        if number >= usize::from(u16::from_be_bytes(*count)) {
            return None;
        }
        for _ in 0..number {
            (_, rest) = split(rest)?;
        }
        let (value, _) = split(rest)?;
        Some(value.map(|value| self.content.slice_ref(value)))
    }
}

/// As rows that are in memory are compared; what is in a file is like nothing else.
impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.first.is_none() && other.first.is_none() && self.content == other.content
    }
}

/// The first value and what comes behind it.
fn split(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let length = i32::from_be_bytes(*length);
    if length == -1 {
        return Some((None, rest));
    }
    let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((Some(value), rest))
}

#[cfg(test)]
mod tests {
    use super::Row;
    use bytes::Bytes;

    fn row(content: &'static [u8]) -> Option<Row> {
        Row::new(Bytes::from_static(content))
    }

    #[test]
    fn columns_are_found_by_their_lengths() {
        let row = row(b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0").unwrap();
        assert_eq!(row.column(0), Some(Some(Bytes::from_static(b"ab"))));
        assert_eq!(row.column(1), Some(None));
        assert_eq!(row.column(2), Some(Some(Bytes::new())));
        assert_eq!(row.column(3), None);
    }

    #[test]
    fn a_row_that_lies_about_its_lengths_is_none() {
        for content in [
            &b""[..],
            b"\0",
            b"\0\x01",
            b"\0\x01\0\0\0",
            b"\0\x01\0\0\0\x02a",
            b"\0\x01\0\0\0\x01ab",
            b"\0\x01\xff\xff\xff\xfe",
            b"\0\x01\x80\0\0\0",
            b"\0\0a",
            b"\xff\xff\0\0\0\0",
        ] {
            assert!(row(content).is_none(), "{content:?}");
        }
        assert!(row(b"\0\0").is_some());
    }
}
