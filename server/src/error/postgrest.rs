//! What the clients of PostgREST are told: `{code, message, details, hint}`.
//!
//! PGRST1xx is about the request, 2xx about names of the schema, 3xx about who asks; 0xx and X00 are ours. What PostgreSQL
//! refused keeps its SQLSTATE as the code if it stands in the closed table, and its words are that table's here too.
//! A refusal PostgREST does not have goes by the code of the other mount.

use super::{Failure, Meaning, Public, meaning};
use crate::db::{DbError, SqlState};
use actix_web::http::StatusCode;
use fluxbase_compiler::Error;
use fluxbase_compiler::error::{NameError, QueryError, Way};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;

/// What the caller reads, and with which status.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Told<'a> {
    #[serde(skip)]
    pub(super) status: StatusCode,
    code: Cow<'a, str>,
    message: Cow<'a, str>,
    details: Value,
    hint: Option<Cow<'a, str>>,
}

impl<'a> Told<'a> {
    fn new(public: &'a Public, code: &'static str) -> Self {
        Self {
            status: public.status,
            code: code.into(),
            message: public.error.as_ref().into(),
            details: Value::Null,
            hint: public.hint.as_deref().map(Into::into),
        }
    }

    fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    fn details(self, details: impl Into<Value>) -> Self {
        let details = details.into();
        Self { details, ..self }
    }

    pub(super) fn code(&self) -> &str {
        &self.code
    }

    /// The body as it goes out.
    pub(super) fn body(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The words for a failure; `public` are those of the other mount.
pub(super) fn told<'a>(failure: &'a Failure, public: &'a Public) -> Told<'a> {
    let told = |code| Told::new(public, code);
    match failure {
        Failure::Compile(error) => {
            let (status, code) = compiled(error);
            told(code).status(status).details(compiled_details(error))
        }
        Failure::Credential(_) => told(match public.code {
            "EXPIRED_TOKEN" | "REVOKED_TOKEN" => "PGRST303",
            _ => "PGRST301",
        }),
        Failure::Database { error, .. } => database(error, public),
        Failure::BodyTooLarge { .. }
        | Failure::BodyBroken(_)
        | Failure::BodySlow
        | Failure::BodyMalformed(_) => told("PGRST102"),
        Failure::CsrfMissing { .. } | Failure::CsrfWrong => told("PGRST302"),
        Failure::ScopeMissing { required } => Told {
            hint: Some(format!("the key needs the scope {required}").into()),
            ..told("42501")
        },
        Failure::WriteHitNothing { .. } | Failure::AddressNotAllowed => told("42501"),
        Failure::NoSuchSchema { .. } => told("PGRST106"),
        Failure::NotOneRow { rows } => not_one_row(told("PGRST116"), *rows),
        Failure::BeyondTheEnd { offset, total } => told("PGRST103").details(format!(
            "It begins behind row {offset}, and there are {total} rows"
        )),
        Failure::AnotherRow => told("PGRST115"),
        Failure::NoSuchRow => not_one_row(told("PGRST116"), 0),
        Failure::RateLimited { .. } => {
            let details = public.message.as_deref().map_or(Value::Null, Value::from);
            told(public.code).details(details)
        }
        Failure::NotDescribed => told("PGRST126"),
        Failure::NoSuchRoute => told("PGRST125"),
        Failure::Method { .. } => told("PGRST117"),
        Failure::Foreign(status) if status.is_client_error() => told("PGRST100"),
        Failure::Field { failure, .. } => self::told(failure, public),
        Failure::Account(_)
        | Failure::GraphQl(_)
        | Failure::DocumentUnknown
        | Failure::DocumentNotPersisted
        | Failure::NoMail
        | Failure::NoSms
        | Failure::Internal(_)
        | Failure::Foreign(_)
        | Failure::Panicked => told("PGRSTX00"),
    }
}

/// Clients look for "The result contains 0 rows" in the details to tell none from several: these words are part of the wire.
fn not_one_row(told: Told<'_>, rows: i64) -> Told<'_> {
    Told {
        message: "The result is not one single row".into(),
        ..told
    }
    .details(format!("The result contains {rows} rows"))
}

/// Status and code of a refusal of the compiler.
fn compiled(error: &Error) -> (StatusCode, &'static str) {
    let (status, code) = match error {
        Error::Query(error) => match error {
            QueryError::Encoding(_)
            | QueryError::Malformed { .. }
            | QueryError::Repeated(_)
            | QueryError::UnknownOperator { .. }
            | QueryError::NotForVerb { .. }
            | QueryError::TooLong(_)
            | QueryError::SelectOfNothing
            | QueryError::CursorColumnAlone
            | QueryError::ConflictWithoutResolution => (400, "PGRST100"),
            QueryError::NotCallable(_) => (405, "PGRST101"),
            QueryError::Range(_) => (416, "PGRST103"),
            QueryError::KeyedInsert | QueryError::PutWithoutKey | QueryError::PutNeedsKey => {
                (405, "PGRST105")
            }
            QueryError::NotAcceptable(_) => (406, "PGRST107"),
            QueryError::MediaType(_) => (415, "PGRST107"),
            QueryError::NotEmbedded(_) => (400, "PGRST108"),
            QueryError::LimitedWrite => (400, "PGRST109"),
            QueryError::PutPaged => (400, "PGRST114"),
            QueryError::Preference(_) => (400, "PGRST122"),
            QueryError::FilterRequired("PUT") => (405, "PGRST105"),
            // What PostgreSQL says with the extension that refuses such writes.
            QueryError::FilterRequired(_) => (400, "21000"),
        },
        Error::Body(_) => (400, "PGRST102"),
        Error::Name(error) => match error {
            NameError::Offset { .. } => (416, "PGRST103"),
            NameError::NoSingleKey(_) => (405, "PGRST105"),
            NameError::OneColumn | NameError::PlansOff => (406, "PGRST107"),
            NameError::PutIncomplete(_) => (400, "PGRST102"),
            NameError::OrderByMany(_) => (400, "PGRST118"),
            NameError::AggregatesOff => (400, "PGRST123"),
            NameError::NotASet(_) => (400, "PGRST128"),
            NameError::CursorNotUnique(_)
            | NameError::CursorOrder(_)
            | NameError::DuplicateOutput(_)
            | NameError::EmptySpread(_)
            | NameError::NotRows(_)
            | NameError::TooManyOutputs(_) => (400, "PGRST100"),
            NameError::Relationship { .. } | NameError::Hint { .. } => (400, "PGRST200"),
            NameError::Ambiguous { .. } => (300, "PGRST201"),
            NameError::Function { .. } => (404, "PGRST202"),
            NameError::Overloaded { .. } => (300, "PGRST203"),
            NameError::WrittenColumn { .. } => (400, "PGRST204"),
            NameError::Table { .. } => (404, "PGRST205"),
            // As PostgreSQL would have said, had it been asked.
            NameError::Column { .. } => (400, "42703"),
            NameError::Generated(_) => (400, "428C9"),
            NameError::NoKey(_) => (400, "42P10"),
            NameError::Type(_) => (400, "42704"),
            NameError::NotWritable { .. } => (405, "55000"),
            NameError::Operator { .. } | NameError::Order(_) | NameError::NotJson(_) => {
                (404, "42883")
            }
        },
        Error::Unsupported(_) => (400, "PGRST127"),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, code)
}

fn compiled_details(error: &Error) -> Value {
    match error {
        Error::Name(NameError::Ambiguous { ways, .. } | NameError::Hint { ways, .. }) => {
            ways.iter().map(way).collect()
        }
        Error::Name(NameError::Relationship { from, target, .. }) => {
            format!("Looked for a key that leads from {from} to {target}, or back").into()
        }
        Error::Name(NameError::Function { name, given, .. }) => {
            let given: Vec<String> = given.iter().map(ToString::to_string).collect();
            match given.as_slice() {
                [] => format!("Looked for {name} without named arguments").into(),
                given => {
                    format!("Looked for {name} with the arguments {}", given.join(", ")).into()
                }
            }
        }
        _ => Value::Null,
    }
}

fn way(way: &Way) -> Value {
    json!({
        "cardinality": way.cardinality,
        "embedding": way.embedding,
        "relationship": way.relationship,
    })
}

fn database<'a>(error: &'a DbError, public: &'a Public) -> Told<'a> {
    let told = |code| Told::new(public, code);
    match error {
        DbError::PoolExhausted => told("PGRST003").status(StatusCode::GATEWAY_TIMEOUT),
        DbError::Unreachable(_) => told("PGRST000"),
        DbError::Lost(_) | DbError::Silent | DbError::Spool(_) => told("PGRST001"),
        DbError::TimeZone => told("PGRST122"),
        DbError::Protocol(_) | DbError::Unreadable(_) => told("PGRSTX00"),
        DbError::Sql {
            state,
            message,
            detail,
            ..
        } => refused(state, message, detail.as_deref(), public),
    }
}

fn refused<'a>(
    state: &'a SqlState,
    message: &'a str,
    detail: Option<&'a str>,
    public: &'a Public,
) -> Told<'a> {
    let told = |code| Told::new(public, code);
    let rows = || detail.and_then(|detail| detail.parse::<i64>().ok());
    match meaning(state.as_str()) {
        Meaning::BadToken => told("PGRST301"),
        Meaning::SignInFirst => told("PGRST302"),
        Meaning::ExpiredToken | Meaning::RevokedToken => told("PGRST303"),
        Meaning::TooManyRows => match rows() {
            Some(rows) => told("PGRST124").details(format!("It would touch {rows} rows")),
            None => told("PGRST124"),
        },
        Meaning::NotOneRow => match rows() {
            Some(rows) => not_one_row(told("PGRST116"), rows),
            None => told("PGRST116"),
        },
        Meaning::Told => match of_the_schema(message, detail) {
            Some(given) => given,
            None => told("PGRST121").status(StatusCode::INTERNAL_SERVER_ERROR),
        },
        Meaning::Ours | Meaning::OursWithoutDatabase => told("PGRSTX00"),
        Meaning::Unavailable
        | Meaning::TimedOut
        | Meaning::NotAllowed
        | Meaning::Sealed
        | Meaning::FactorNeeded
        | Meaning::Duplicate
        | Meaning::ForeignKey
        | Meaning::Conflict
        | Meaning::NotNull
        | Meaning::Check
        | Meaning::BadValue
        | Meaning::Rejected
        | Meaning::Chosen(_)
        | Meaning::NoSuchTable
        | Meaning::NotWritable => {
            let told = Told {
                code: state.as_str().into(),
                ..told("")
            };
            match state.as_str() {
                // read_only_sql_transaction: mostly a GET of what writes.
                "25006" => Told {
                    message: "This request may only read".into(),
                    ..told.status(StatusCode::METHOD_NOT_ALLOWED)
                },
                "42883" => told.status(StatusCode::NOT_FOUND),
                _ => told,
            }
        }
    }
}

/// What a function of the schema says to the caller in so many words, with `raise sqlstate 'PGRST'`: message and detail are
/// JSON made for that, so nothing of PostgreSQL's own words can be in it. Headers are not taken over.
fn of_the_schema<'a>(message: &'a str, detail: Option<&'a str>) -> Option<Told<'a>> {
    #[derive(Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        code: Cow<'a, str>,
        #[serde(borrow)]
        message: Cow<'a, str>,
        details: Option<Value>,
        #[serde(borrow)]
        hint: Option<Cow<'a, str>>,
    }
    #[derive(Deserialize)]
    struct Detail {
        status: u16,
    }
    let given: Message<'a> = serde_json::from_str(message).ok()?;
    let Detail { status } = serde_json::from_str(detail?).ok()?;
    let status = StatusCode::from_u16(status).ok()?;
    (status.is_client_error() || status.is_server_error()).then_some(Told {
        status,
        code: given.code,
        message: given.message,
        details: given.details.unwrap_or_default(),
        hint: given.hint,
    })
}

#[cfg(test)]
mod tests;
