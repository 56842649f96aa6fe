use crate::db::error::{DbError, SqlState};

/// An error of PostgreSQL's, as far as anybody here asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The SQLSTATE.
    pub state: SqlState,
    /// For the log.
    pub message: Box<str>,
    /// For the log, and for few callers.
    pub detail: Option<Box<str>>,
    /// The session ended with it.
    pub fatal: bool,
}

impl Refusal {
    /// From the content of the message: fields of a letter and a text with a NUL, and a NUL at the end.
    pub fn read(content: &[u8]) -> Option<Self> {
        let mut refusal = Self {
            state: SqlState::new(""),
            message: Box::default(),
            detail: None,
            fatal: false,
        };
        let mut rest = content;
        loop {
            let (&field, behind) = rest.split_first()?;
            if field == 0 {
                return behind.is_empty().then_some(refusal);
            }
            let end = behind.iter().position(|byte| *byte == 0)?;
            let (text, behind) = behind.split_at_checked(end)?;
            // A text in another encoding is still worth reading.
            let text = String::from_utf8_lossy(text);
            match field {
                b'C' => refusal.state = SqlState::new(&text),
                b'M' => refusal.message = text.into(),
                b'D' => refusal.detail = Some(text.into()),
                // The severity that is not translated.
                b'V' => refusal.fatal = matches!(&*text, "FATAL" | "PANIC"),
                _ => {}
            }
            (_, rest) = behind.split_first()?;
        }
    }
}

impl From<Refusal> for DbError {
    fn from(refusal: Refusal) -> Self {
        Self::refused(
            refusal.state,
            refusal.message,
            refusal.detail,
            refusal.fatal,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Refusal;

    #[test]
    fn an_error_is_read_field_by_field() {
        let read = Refusal::read(b"SFEHLER\0VERROR\0C23505\0Mdouble\0Dkey\0Xwhat\0\0").unwrap();
        assert_eq!(read.state.as_str(), "23505");
        assert_eq!(&*read.message, "double");
        assert_eq!(read.detail.as_deref(), Some("key"));
        assert!(!read.fatal);
        let read = Refusal::read(b"VFATAL\0C57P01\0\0").unwrap();
        assert!(read.fatal);
        assert_eq!(
            Refusal::read(b"C1\0\0").unwrap().state.as_str(),
            "XX000",
            "a code that is none"
        );
    }

    #[test]
    fn an_error_that_does_not_end_is_none() {
        for content in [&b""[..], b"C", b"C23505", b"C23505\0", b"\0\0", b"\0M"] {
            assert_eq!(Refusal::read(content), None, "{content:?}");
        }
    }
}
