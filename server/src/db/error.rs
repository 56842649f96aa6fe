use std::fmt;
use tokio_postgres::error::Severity;

/// A SQLSTATE: five letters or digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SqlState([u8; 5]);

impl SqlState {
    /// From its text; anything that is no SQLSTATE becomes `XX000`, internal error.
    #[must_use]
    pub fn new(code: &str) -> Self {
        let bytes: Result<[u8; 5], _> = code.as_bytes().try_into();
        bytes
            .ok()
            .filter(|bytes| bytes.iter().all(u8::is_ascii_alphanumeric))
            .map_or(Self(*b"XX000"), Self)
    }

    /// The five characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XX000")
    }
}

impl fmt::Debug for SqlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a statement gave no answer. The texts are for the log: they may hold names and values.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// All connections were in use for as long as a request may wait.
    #[error("no connection became free within the time a request may wait")]
    PoolExhausted,
    /// No connection could be opened.
    #[error("cannot connect to the database: {0}")]
    Unreachable(String),
    /// The connection broke before everything was answered; a write may or may not have happened.
    #[error("the connection broke: {0}")]
    Lost(String),
    /// PostgreSQL did not answer although its own time limit had passed.
    #[error("the database did not answer in time")]
    Silent,
    /// PostgreSQL refused; the transaction was rolled back.
    #[error("SQLSTATE {}: {message:?}", state.as_str())]
    Sql {
        /// The class and condition.
        state: SqlState,
        /// PostgreSQL's sentence, for the log only.
        message: Box<str>,
        /// Its detail, where that is written for the caller: a number of rows (FX012, FX013), or what a function of the
        /// schema says with SQLSTATE PGRST.
        detail: Option<Box<str>>,
        /// The session ended with it.
        fatal: bool,
        /// It was the statement itself that was refused, and nothing around it, where that was seen.
        statement: bool,
    },
    /// PostgreSQL knows no time zone of the name asked for.
    #[error("unknown time zone")]
    TimeZone,
    /// The answer is well formed but says something that makes no sense here.
    #[error("cannot use what the database answered: {0}")]
    Unreadable(String),
    /// The answer was too large for memory, and there was no place for it. The transaction is over.
    #[error("cannot keep a large answer in server.spool_directory: {0}")]
    Spool(String),
    /// The answer does not have the form the statement promises.
    #[error("unexpected answer from the database: {0}")]
    Protocol(String),
}

impl DbError {
    /// PostgreSQL's no. Few details are written for the caller; the others may hold what is none of theirs.
    pub(super) fn refused(
        state: SqlState,
        message: Box<str>,
        detail: Option<Box<str>>,
        fatal: bool,
    ) -> Self {
        let told = matches!(state.as_str(), "FX012" | "FX013" | "PGRST");
        Self::Sql {
            state,
            message,
            detail: detail.filter(|_| told),
            fatal,
            statement: false,
        }
    }

    /// No connection, for this reason.
    pub(super) fn unreachable(reason: impl Into<String>) -> Self {
        Self::Unreachable(reason.into())
    }

    /// Why what goes before each request cannot be prepared: that it is not there is nothing a caller can mend.
    pub(super) fn of_first(error: Self) -> Self {
        match &error {
            // undefined_function, invalid_schema_name
            Self::Sql { state, .. } if matches!(state.as_str(), "42883" | "3F000") => {
                Self::Unreadable(format!("api.pre_request cannot be called: {error}"))
            }
            _ => error,
        }
    }

    /// Why the statement of a request was not run: seen from its place among all that is sent.
    pub(super) fn of_the_statement(mut self) -> Self {
        if let Self::Sql { statement, .. } = &mut self {
            *statement = true;
        }
        self
    }

    /// Why a time zone was not set: as far as the caller chose it, it is none.
    pub(super) fn of_time_zone(error: Self) -> Self {
        match &error {
            // invalid_parameter_value
            Self::Sql { state, .. } if state.as_str() == "22023" => Self::TimeZone,
            _ => error,
        }
    }

    /// The connection must not be used again.
    #[must_use]
    pub fn breaks_connection(&self) -> bool {
        match self {
            Self::Sql { fatal, .. } => *fatal,
            Self::Lost(_) | Self::Silent | Self::Protocol(_) => true,
            Self::PoolExhausted
            | Self::Unreachable(_)
            | Self::TimeZone
            | Self::Spool(_)
            | Self::Unreadable(_) => false,
        }
    }

    /// PostgreSQL's no, to one request and not to the session.
    pub(super) fn is_refusal(&self) -> bool {
        matches!(self, Self::Sql { fatal: false, .. })
    }

    /// Whether the statement was seen to be refused.
    pub(super) fn is_of_the_statement(&self) -> bool {
        matches!(
            self,
            Self::Sql {
                fatal: false,
                statement: true,
                ..
            }
        )
    }

    /// A refusal that is not of the credential, with which every transaction begins.
    pub(super) fn is_of_a_statement(&self) -> bool {
        let Self::Sql { state, .. } = self else {
            return false;
        };
        let state = state.as_str();
        self.is_refusal() && (!state.starts_with("FX") || matches!(state, "FX012" | "FX013"))
    }

    /// What was prepared is not there, or there is something else of its name: the session was not what it was thought.
    #[must_use]
    pub(super) fn is_unknown_statement(&self) -> bool {
        matches!(self, Self::Sql { state, .. } if matches!(state.as_str(), "26000" | "42P05"))
    }

    /// The statement never began because what was prepared no longer fits what PostgreSQL holds: after
    /// a schema change, or behind a pooler that gave us another session. With the transaction rolled
    /// back nothing has happened, so a second try on a fresh connection is safe for writes too.
    #[must_use]
    pub fn is_stale_statement(&self) -> bool {
        let Self::Sql { state, message, .. } = self else {
            return false;
        };
        match state.as_str() {
            // invalid_sql_statement_name, duplicate_prepared_statement
            "26000" | "42P05" => true,
            "0A000" => message.contains("cached plan must not change result type"),
            _ => false,
        }
    }
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(refusal) = error.as_db_error() {
            let fatal = matches!(
                refusal.parsed_severity(),
                Some(Severity::Fatal | Severity::Panic)
            );
            return Self::refused(
                SqlState::new(refusal.code().code()),
                refusal.message().into(),
                refusal.detail().map(Into::into),
                fatal,
            );
        }
        if error.is_closed() || is_io(&error) {
            return Self::Lost(whole(&error));
        }
        Self::Protocol(whole(&error))
    }
}

/// With its reason, which the driver keeps apart.
fn whole(error: &tokio_postgres::Error) -> String {
    match std::error::Error::source(error) {
        Some(reason) => format!("{error}: {reason}"),
        None => error.to_string(),
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

#[cfg(test)]
mod tests {
    use super::{DbError, SqlState};

    fn refusal(code: &str, message: &str) -> DbError {
        DbError::Sql {
            state: SqlState::new(code),
            message: message.into(),
            detail: None,
            fatal: false,
            statement: false,
        }
    }

    #[test]
    fn a_statement_that_may_have_run_is_never_stale() {
        for (code, message) in [
            ("23505", "duplicate key"),
            ("0A000", "cannot delete from a view"),
            ("57014", "canceling statement due to statement timeout"),
            ("57P01", "terminating connection"),
            ("40001", "could not serialize access"),
        ] {
            assert!(!refusal(code, message).is_stale_statement(), "{code}");
        }
        assert!(!DbError::Lost("gone".into()).is_stale_statement());
    }

    #[test]
    fn what_entering_refuses_is_of_no_statement() {
        for code in ["FX001", "FX002", "FX003", "FX007", "FX011"] {
            assert!(!refusal(code, "no").is_of_a_statement(), "{code}");
        }
        assert!(!DbError::Silent.is_of_a_statement());
        for code in ["23505", "42501", "57014", "FX012", "FX013", "P0001"] {
            assert!(refusal(code, "no").is_of_a_statement(), "{code}");
        }
    }

    #[test]
    fn a_statement_that_never_began_is_stale() {
        for (code, message) in [
            ("26000", "prepared statement \"s5\" does not exist"),
            ("42P05", "prepared statement \"s5\" already exists"),
            ("0A000", "cached plan must not change result type"),
        ] {
            assert!(refusal(code, message).is_stale_statement(), "{code}");
        }
    }

    #[test]
    fn a_code_that_is_none_reads_as_internal_error() {
        for wrong in ["", "42", "425011", "42\u{e9}1", "42 01"] {
            assert_eq!(SqlState::new(wrong).as_str(), "XX000", "{wrong:?}");
        }
        assert_eq!(SqlState::new("FX001").as_str(), "FX001");
    }
}
