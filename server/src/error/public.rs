//! What the caller is told, by the one match over everything that can fail. It is exhaustive: a new failure does not
//! compile before it says what is told of it.

use super::{Failure, Meaning, graphql, meaning};
use crate::authenticate::Refused;
use crate::db::DbError;
use actix_web::http::StatusCode;
use fluxbase_compiler::Error;
use fluxbase_compiler::error::QueryError;
use std::borrow::Cow;

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
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        error: impl Into<Cow<'static, str>>,
    ) -> Self {
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
            Self::Field { failure, .. } => failure.public(),
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
