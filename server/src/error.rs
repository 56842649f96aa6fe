//! Every failure → status, public code, body. Internals go to the log, never to the caller.
//!
//! [`Failure`] is the precise reason; [`Public`] is what the caller may know of it. The match in
//! [`Failure::public`] is exhaustive, and SQLSTATEs go through the closed table in [`sqlstate`].

mod graphql;
mod postgrest;
mod sqlstate;
mod table;

pub use sqlstate::{Meaning, meaning};
pub use table::markdown_table;

use crate::authenticate::Refused;
use crate::db::DbError;
use crate::reply::graphql::Media;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE,
};
use fluxbase_compiler::Error;
use fluxbase_compiler::error::QueryError;
use serde::Serialize;
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

/// How a failure is told, which the address decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `{"error", "code", "request_id"}`
    Fluxbase,
    /// `{"code", "message", "details", "hint"}`
    PostgRest,
    /// `{"errors", "error", "code", "request_id"}`
    GraphQl(Media),
}

impl Form {
    /// That of a request to this decoded path.
    #[must_use]
    pub fn of(path: &str, headers: &HeaderMap) -> Self {
        if path == "/rest/v1" || path.starts_with("/rest/v1/") {
            Self::PostgRest
        } else if crate::graphql::PATHS.contains(&path) {
            Self::GraphQl(Media::of(headers))
        } else {
            Self::Fluxbase
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Fluxbase => "application/json",
            Self::PostgRest => "application/json; charset=utf-8",
            Self::GraphQl(media) => media.content_type(),
        }
    }
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
    fn retry_after(&self) -> Option<u32> {
        let seconds = self.object.get("retry_after")?.as_u64()?;
        u32::try_from(seconds).ok()
    }
}

/// What the caller may know.
#[derive(Debug, PartialEq, Eq)]
pub struct Public {
    /// The status.
    pub status: StatusCode,
    /// For programs.
    pub code: &'static str,
    /// For people, one sentence.
    pub error: Cow<'static, str>,
    /// More about it, for people.
    pub message: Option<String>,
    /// What might help.
    pub hint: Option<String>,
    /// Seconds after which a repetition makes sense.
    pub retry_after: Option<u32>,
    /// The methods there are.
    pub allow: Option<&'static str>,
    /// Largest body, and which limit that is.
    pub limit: Option<(usize, &'static str)>,
}

impl Public {
    fn new(status: StatusCode, code: &'static str, error: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            code,
            error: error.into(),
            message: None,
            hint: None,
            retry_after: None,
            allow: None,
            limit: None,
        }
    }

    fn unavailable(error: &'static str) -> Self {
        Self {
            retry_after: Some(1),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "service_unavailable",
                error,
            )
        }
    }
}

const SIGN_IN_FIRST: &str = "Authentication required";
const NOT_ALLOWED: &str = "Insufficient permissions";

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

    /// The status and the words for the caller.
    #[must_use]
    pub fn public(&self) -> Public {
        match self {
            Self::Compile(error) => {
                let status =
                    StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
                let allow = match error {
                    Error::Query(QueryError::NotCallable(_)) => "GET, HEAD, POST",
                    _ => "GET",
                };
                Public {
                    hint: error.hint(),
                    allow: (status == StatusCode::METHOD_NOT_ALLOWED).then_some(allow),
                    ..Public::new(status, error.code(), error.message())
                }
            }
            Self::GraphQl(refusal) => graphql::public(refusal),
            Self::Credential(refused) => {
                let code = match refused {
                    Refused::Token(refusal) => refusal.code(),
                    Refused::UnknownKey
                    | Refused::NotBearer
                    | Refused::Twice(_)
                    | Refused::NotAKey
                    | Refused::NotTheAdministrator => "INVALID_TOKEN",
                };
                let text = match code {
                    "EXPIRED_TOKEN" => "Token has expired",
                    _ => "Invalid credential",
                };
                Public::new(StatusCode::UNAUTHORIZED, code, text)
            }
            Self::Database { error, anonymous } => match error {
                DbError::PoolExhausted => {
                    Public::unavailable("The server is busy; try again shortly")
                }
                DbError::Unreachable(_) | DbError::Lost(_) | DbError::Silent => {
                    Public::unavailable("The database is not available")
                }
                DbError::Spool(_) => {
                    Public::unavailable("There is no room for an answer of this size")
                }
                DbError::Sql { state, .. } => from_meaning(meaning(state.as_str()), *anonymous),
                DbError::TimeZone => Public::new(
                    StatusCode::BAD_REQUEST,
                    "INVALID_INPUT",
                    "Unknown time zone",
                ),
                DbError::Protocol(_) | DbError::Unreadable(_) => Public::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "INTERNAL_ERROR",
                    "Internal server error",
                ),
            },
            // Its own words are written by `respond`; these stand in if there are none.
            Self::Account(account) => Public {
                retry_after: account.retry_after(),
                ..Public::new(
                    account.status,
                    "OPERATION_FAILED",
                    "The request was refused",
                )
            },
            Self::BodyTooLarge {
                limit,
                endpoint_type,
            } => Public {
                hint: Some(format!("send at most {limit} bytes")),
                limit: Some((*limit, endpoint_type)),
                ..Public::new(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "PAYLOAD_TOO_LARGE",
                    "Payload Too Large",
                )
            },
            Self::BodyBroken(_) => Public::new(
                StatusCode::BAD_REQUEST,
                "INVALID_REQUEST_BODY",
                "The request body did not arrive completely",
            ),
            Self::BodySlow => Public::new(
                StatusCode::REQUEST_TIMEOUT,
                "INVALID_REQUEST_BODY",
                "The request body took too long to arrive",
            ),
            Self::BodyMalformed(problem) => Public::new(
                StatusCode::BAD_REQUEST,
                "INVALID_REQUEST_BODY",
                problem.clone(),
            ),
            Self::CsrfMissing { .. } => Public::new(
                StatusCode::FORBIDDEN,
                "ACCESS_DENIED",
                "CSRF token required",
            ),
            Self::CsrfWrong => Public::new(
                StatusCode::FORBIDDEN,
                "ACCESS_DENIED",
                "CSRF token validation failed",
            ),
            Self::NoMail => Public::new(
                StatusCode::BAD_REQUEST,
                "SMTP_NOT_CONFIGURED",
                "This server sends no mail",
            ),
            Self::NoSms => Public::new(
                StatusCode::NOT_IMPLEMENTED,
                "NOT_IMPLEMENTED",
                "Codes are sent by mail only, not by SMS",
            ),
            Self::ScopeMissing { .. } => Public::new(
                StatusCode::FORBIDDEN,
                "INSUFFICIENT_PERMISSIONS",
                NOT_ALLOWED,
            ),
            Self::NoSuchSchema { served } => Public {
                hint: Some(format!("served: {}", served.join(", "))),
                ..Public::new(
                    StatusCode::NOT_ACCEPTABLE,
                    "INVALID_INPUT",
                    "Unknown schema",
                )
            },
            Self::NotOneRow { .. } => from_meaning(Meaning::NotOneRow, false),
            Self::BeyondTheEnd { .. } => Public::new(
                StatusCode::RANGE_NOT_SATISFIABLE,
                "INVALID_INPUT",
                "The page begins behind the last row",
            ),
            Self::AnotherRow => Public::new(
                StatusCode::BAD_REQUEST,
                "INVALID_INPUT",
                "The body is another row than the address",
            ),
            Self::NoSuchRow => Public::new(StatusCode::NOT_FOUND, "NOT_FOUND", "Not found"),
            Self::WriteHitNothing { anonymous } => from_meaning(Meaning::NotAllowed, *anonymous),
            Self::AddressNotAllowed => Public::new(
                StatusCode::FORBIDDEN,
                "ACCESS_DENIED",
                "Access denied - IP not allowlisted",
            ),
            Self::RateLimited { retry_after } => Public {
                message: Some(format!(
                    "Too many requests; try again in {retry_after} seconds"
                )),
                retry_after: Some(*retry_after),
                ..Public::new(
                    StatusCode::TOO_MANY_REQUESTS,
                    "RATE_LIMIT_EXCEEDED",
                    "Rate limit exceeded",
                )
            },
            Self::NotDescribed => Public::new(
                StatusCode::NOT_FOUND,
                "NOT_FOUND",
                "The description of the interface is switched off",
            ),
            Self::NoSuchRoute => Public::new(StatusCode::NOT_FOUND, "NOT_FOUND", "Not found"),
            // Apollo's clients know these words, and send the document then.
            Self::DocumentUnknown => Public::new(
                StatusCode::BAD_REQUEST,
                "PERSISTED_QUERY_NOT_FOUND",
                "PersistedQueryNotFound",
            ),
            Self::DocumentNotPersisted => Public::new(
                StatusCode::FORBIDDEN,
                "ACCESS_DENIED",
                "Only persisted operations are answered",
            ),
            Self::Method { allow } => Public {
                allow: Some(allow),
                ..Public::new(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "METHOD_NOT_ALLOWED",
                    "Method not allowed",
                )
            },
            Self::Foreign(status) if status.is_client_error() => Public::new(
                *status,
                "INVALID_INPUT",
                status.canonical_reason().unwrap_or("Bad request"),
            ),
            Self::Internal(_) | Self::Panicked | Self::Foreign(_) => Public::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL_ERROR",
                "Internal server error",
            ),
        }
    }

    /// The complete answer.
    #[must_use]
    pub fn respond(&self, request_id: &str, form: Form) -> HttpResponse {
        let public = self.public();
        let (status, body) = match form {
            Form::Fluxbase => (public.status, self.body(&public, request_id, None)),
            Form::GraphQl(media) => (
                graphql::status(self, &public, media),
                self.graphql_body(request_id),
            ),
            Form::PostgRest => {
                let told = postgrest::told(self, &public);
                (told.status, told.body())
            }
        };
        let mut response = HttpResponse::build(status);
        if form == Form::PostgRest && status == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        response.insert_header((CONTENT_TYPE, HeaderValue::from_static(form.content_type())));
        if let Some(seconds) = public.retry_after
            && status != StatusCode::METHOD_NOT_ALLOWED
        {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if let Some(allow) = public.allow {
            response.insert_header((ALLOW, allow));
        }
        let cookies = match self {
            Self::Account(account) => account.cookies.as_slice(),
            Self::CsrfMissing {
                cookie: Some(cookie),
            } => std::slice::from_ref(cookie),
            _ => &[],
        };
        for cookie in cookies {
            response.append_header((SET_COOKIE, cookie.clone()));
        }
        response.body(body)
    }

    /// The body as GraphQL has it.
    #[must_use]
    pub fn graphql_body(&self, request_id: &str) -> String {
        let public = self.public();
        let errors = graphql::errors(self, &public);
        self.body(&public, request_id, Some(errors))
    }

    /// The body of the Fluxbase mount; that of GraphQL has a list of errors before it.
    fn body(&self, public: &Public, request_id: &str, errors: Option<serde_json::Value>) -> String {
        match self {
            Self::Account(account) => {
                let mut object = account.object.clone();
                object.insert("request_id".into(), request_id.into());
                serde_json::Value::Object(object).to_string()
            }
            _ => serde_json::to_string(&Body {
                errors,
                error: &public.error,
                code: public.code,
                message: public.message.as_deref(),
                retry_after: public.message.as_ref().and(public.retry_after),
                hint: public.hint.as_deref(),
                details: public.limit.map(|(max_bytes, endpoint_type)| Details {
                    max_bytes,
                    endpoint_type,
                }),
                required_scope: match self {
                    Self::ScopeMissing { required } => Some(required),
                    _ => None,
                },
                request_id,
            })
            .unwrap_or_default(),
        }
    }
}

fn from_meaning(meaning: Meaning, anonymous: bool) -> Public {
    let (status, code, text) = match meaning {
        Meaning::Unavailable => {
            return Public::unavailable("The database cannot do this at the moment");
        }
        Meaning::TimedOut => return Public::unavailable("The statement took too long"),
        Meaning::NotAllowed if anonymous => (
            StatusCode::UNAUTHORIZED,
            "AUTHENTICATION_REQUIRED",
            SIGN_IN_FIRST,
        ),
        Meaning::NotAllowed => (StatusCode::FORBIDDEN, "RLS_POLICY_VIOLATION", NOT_ALLOWED),
        Meaning::Sealed => (
            StatusCode::FORBIDDEN,
            "INSUFFICIENT_PERMISSIONS",
            NOT_ALLOWED,
        ),
        Meaning::FactorNeeded => (
            StatusCode::FORBIDDEN,
            "TWO_FACTOR_SETUP_REQUIRED",
            "Set up a second factor first",
        ),
        Meaning::SignInFirst => (
            StatusCode::UNAUTHORIZED,
            "AUTHENTICATION_REQUIRED",
            SIGN_IN_FIRST,
        ),
        Meaning::BadToken => (
            StatusCode::UNAUTHORIZED,
            "INVALID_TOKEN",
            "Invalid credential",
        ),
        Meaning::ExpiredToken => (
            StatusCode::UNAUTHORIZED,
            "EXPIRED_TOKEN",
            "Token has expired",
        ),
        Meaning::RevokedToken => (
            StatusCode::UNAUTHORIZED,
            "REVOKED_TOKEN",
            "Token has been revoked",
        ),
        Meaning::Duplicate => (
            StatusCode::CONFLICT,
            "DUPLICATE_KEY",
            "A row with these values exists already",
        ),
        Meaning::ForeignKey => (
            StatusCode::CONFLICT,
            "FOREIGN_KEY_VIOLATION",
            "A row this one refers to does not exist, or this row is still referred to",
        ),
        Meaning::Conflict => (
            StatusCode::CONFLICT,
            "CONFLICT",
            "The change collides with another; repeat it",
        ),
        Meaning::NotNull => (
            StatusCode::BAD_REQUEST,
            "NOT_NULL_VIOLATION",
            "A required value is missing",
        ),
        Meaning::Check => (
            StatusCode::BAD_REQUEST,
            "CHECK_VIOLATION",
            "A value is outside what its table accepts",
        ),
        Meaning::BadValue => (
            StatusCode::BAD_REQUEST,
            "INVALID_INPUT",
            "A value does not fit its column or operator",
        ),
        Meaning::Chosen(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            let reason = status.canonical_reason();
            return Public::new(
                status,
                "VALIDATION_FAILED",
                reason.unwrap_or("The request was rejected by the database"),
            );
        }
        Meaning::Rejected | Meaning::Told => (
            StatusCode::BAD_REQUEST,
            "VALIDATION_FAILED",
            "The change was rejected by the database",
        ),
        Meaning::TooManyRows => (
            StatusCode::BAD_REQUEST,
            "TOO_MANY_ROWS",
            "The change would touch more rows than max-affected allows",
        ),
        Meaning::NotOneRow => (
            StatusCode::NOT_ACCEPTABLE,
            "NOT_ONE_ROW",
            "The change would not touch exactly one row",
        ),
        Meaning::NoSuchTable => (StatusCode::NOT_FOUND, "NOT_FOUND", "Unknown table"),
        Meaning::NotWritable => (
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            "This relation cannot be written",
        ),
        Meaning::Ours => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "DATABASE_ERROR",
            "Internal server error",
        ),
        Meaning::OursWithoutDatabase => (
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL_ERROR",
            "Internal server error",
        ),
    };
    let allow = (meaning == Meaning::NotWritable).then_some("GET");
    Public {
        allow,
        ..Public::new(status, code, text)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<serde_json::Value>,
    error: &'a str,
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// Beside the message only; the header has it always.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_scope: Option<&'a str>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Details {
    max_bytes: usize,
    endpoint_type: &'static str,
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

#[cfg(test)]
mod tests;
