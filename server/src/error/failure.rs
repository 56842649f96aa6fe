//! What failed, as precisely as it is known. Nothing here is meant for the caller.

use crate::authenticate::Refused;
use crate::db::DbError;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderValue;
use std::borrow::Cow;
use std::fmt;

/// Why a request was not answered with what it asked for. `Display` is for the log.
#[derive(Debug)]
pub enum Failure {
    /// The request cannot become a statement.
    Compile(fluxbase_compiler::Error),
    /// The GraphQL operation cannot become statements.
    GraphQl(fluxbase_compiler::graphql::Refusal),
    /// The credential was refused before the database was asked.
    Credential(Refused),
    /// The database gave no answer.
    Database {
        /// What happened.
        error: DbError,
        /// Nobody was signed in: signing in might help.
        anonymous: bool,
    },
    /// As below, where a field of a GraphQL operation is to blame.
    Field {
        /// Where the answer would have had it.
        key: Box<str>,
        /// What happened.
        failure: Box<Failure>,
    },
    /// An account function refused; the text is a coded refusal made for the caller.
    Account(Account),
    /// The body is larger than this route takes.
    BodyTooLarge {
        /// In bytes.
        limit: usize,
        /// Which limit it was.
        endpoint_type: &'static str,
    },
    /// The body did not arrive completely.
    BodyBroken(String),
    /// The body did not arrive in time.
    BodySlow,
    /// The body is not the JSON this endpoint takes; the text names the field, not its value.
    BodyMalformed(Cow<'static, str>),
    /// A cookie speaks for a request that changes something, and nothing shows that this site sent it.
    CsrfMissing {
        /// A fresh token, to try again with.
        cookie: Option<HeaderValue>,
    },
    /// As above, with a CSRF token that is not the one of this session.
    CsrfWrong,
    /// The endpoint sends a mail, and the server has no way to send one.
    NoMail,
    /// A code was asked for by SMS, which is not offered.
    NoSms,
    /// The caller's key may not be used for this.
    ScopeMissing {
        /// What it needs.
        required: &'static str,
    },
    /// The schema that a header names is not served.
    NoSuchSchema {
        /// Those that are.
        served: Vec<String>,
    },
    /// One object was asked for, and that many rows match.
    NotOneRow {
        /// How many.
        rows: i64,
    },
    /// The page asked for begins behind the last row.
    BeyondTheEnd {
        /// Where it begins.
        offset: u64,
        /// How many rows there are.
        total: i64,
    },
    /// The body of a PUT is another row than that of its address.
    AnotherRow,
    /// Nothing by this key that the caller may see.
    NoSuchRow,
    /// A write by key that touched nothing: it does not exist or is not the caller's to change. Which
    /// of the two is not told.
    WriteHitNothing {
        /// Nobody was signed in.
        anonymous: bool,
    },
    /// The client's address is not in the list of those that are served.
    AddressNotAllowed,
    /// The client asked too often.
    RateLimited {
        /// In seconds.
        retry_after: u32,
    },
    /// What there is, is not told.
    NotDescribed,
    /// No such route.
    NoSuchRoute,
    /// The hash is of no document that the operator persisted.
    DocumentUnknown,
    /// Only documents that the operator persisted are answered, and this is none of them.
    DocumentNotPersisted,
    /// The route exists, not with this method.
    Method {
        /// The methods there are.
        allow: &'static str,
    },
    /// The catalog is not there yet or the server is broken.
    Internal(&'static str),
    /// Refused by the framework, with this status.
    Foreign(StatusCode),
    /// A bug; where it is was written to the log.
    Panicked,
}

/// A refusal as an account function worded it.
#[derive(Debug)]
pub struct Account {
    /// From the closed list in [`Account::status`].
    pub status: StatusCode,
    /// The whole JSON object, as PostgreSQL gave it.
    pub object: serde_json::Map<String, serde_json::Value>,
    /// Cookies that go with it.
    pub cookies: Vec<HeaderValue>,
}

impl Account {
    /// Its member of that name, in seconds.
    pub(super) fn retry_after(&self) -> Option<u32> {
        let seconds = self.object.get("retry_after")?.as_u64()?;
        u32::try_from(seconds).ok()
    }
}

impl Failure {
    /// A body that is not what the endpoint takes; the text names the field, not its value.
    pub fn malformed(problem: impl Into<Cow<'static, str>>) -> Self {
        Self::BodyMalformed(problem.into())
    }

    /// Why a statement run for a caller gave no answer; a key would have needed `scope` for it.
    #[must_use]
    pub fn of_run(error: DbError, anonymous: bool, scope: &'static str) -> Self {
        match &error {
            DbError::Sql { state, .. } if state.as_str() == "FX011" => {
                Self::ScopeMissing { required: scope }
            }
            _ => Self::Database { error, anonymous },
        }
    }

    /// Said of the field of this response key, if there is one.
    #[must_use]
    pub fn of_field(self, key: Option<&str>) -> Self {
        match key {
            Some(key) => Self::Field {
                key: key.into(),
                failure: Box::new(self),
            },
            None => self,
        }
    }
}

/// The precise reason, for the log. PostgreSQL's own sentence is kept to failures that are ours to
/// mend: in a refusal it may repeat a value the caller sent.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compile(error) => write!(f, "refused by the compiler: {}", error.code()),
            Self::GraphQl(_) => write!(f, "refused by the compiler: {}", self.public().code),
            Self::Credential(refused) => write!(f, "{refused}"),
            Self::Database { error, .. } => match error {
                DbError::Sql { state, .. } if !self.public().status.is_server_error() => {
                    write!(f, "SQLSTATE {}", state.as_str())
                }
                error => write!(f, "{error}"),
            },
            Self::Field { failure, .. } => write!(f, "{failure}"),
            Self::Account(account) => {
                let code = account.object.get("code").and_then(|code| code.as_str());
                write!(f, "account function refused: {}", code.unwrap_or("no code"))
            }
            Self::BodyTooLarge { limit, .. } => write!(f, "body larger than {limit} bytes"),
            Self::BodyBroken(reason) => write!(f, "body incomplete: {reason}"),
            Self::BodySlow => f.write_str("body too slow"),
            Self::BodyMalformed(problem) => write!(f, "body malformed: {problem}"),
            Self::CsrfMissing { .. } => f.write_str("cookie without CSRF token"),
            Self::CsrfWrong => f.write_str("cookie with a wrong CSRF token"),
            Self::NoMail => f.write_str("no way to send mail"),
            Self::NoSms => f.write_str("no way to send an SMS"),
            Self::ScopeMissing { required } => write!(f, "key without scope {required}"),
            Self::NoSuchSchema { .. } => f.write_str("schema not in api.schemas"),
            Self::NotOneRow { rows } => write!(f, "one object of {rows} rows"),
            Self::BeyondTheEnd { .. } => f.write_str("page behind the last row"),
            Self::AnotherRow => f.write_str("body and address of PUT differ"),
            Self::NoSuchRow => f.write_str("no such row"),
            Self::WriteHitNothing { .. } => f.write_str("write by key hit nothing"),
            Self::AddressNotAllowed => f.write_str("address not in server.allowed_ip_ranges"),
            Self::RateLimited { .. } => f.write_str("rate limit reached"),
            Self::NotDescribed => f.write_str("api.openapi is off"),
            Self::NoSuchRoute => f.write_str("no such route"),
            Self::Method { .. } => f.write_str("method not allowed"),
            Self::Internal(reason) => f.write_str(reason),
            Self::Foreign(status) => write!(f, "refused by the framework: {status}"),
            Self::DocumentUnknown => f.write_str("no such persisted document"),
            Self::DocumentNotPersisted => f.write_str("the document is not persisted"),
            Self::Panicked => f.write_str("a handler panicked"),
        }
    }
}

impl std::error::Error for Failure {}

/// Found again by the outermost layer, which knows the request id and writes the body.
impl actix_web::ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.public().status
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

impl From<fluxbase_compiler::Error> for Failure {
    fn from(error: fluxbase_compiler::Error) -> Self {
        Self::Compile(error)
    }
}

impl From<fluxbase_compiler::graphql::Refusal> for Failure {
    fn from(refusal: fluxbase_compiler::graphql::Refusal) -> Self {
        Self::GraphQl(refusal)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Credential(refused)
    }
}
