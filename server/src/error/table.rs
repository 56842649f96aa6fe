//! The README's table of refusals: reason → status and code on both mounts. Generated, so that it says what is sent.

use super::{Failure, postgrest};
use crate::authenticate::Refused;
use crate::db::{DbError, SqlState};
use actix_web::http::StatusCode;
use fluxbase_compiler::Error;
use fluxbase_compiler::error::{BodyError, NameError, QueryError};
use fluxbase_rules::Refusal;
use std::fmt::Write as _;

/// SQLSTATEs as the table shows them, one that stands for them, what they mean.
const STATES: &[(&str, &str, &str)] = &[
    (
        "FX001, FX004",
        "FX001",
        "token malformed, its signature does not hold, or it is another kind of token, audience or issuer",
    ),
    ("FX002", "FX002", "token expired or not yet valid"),
    ("FX003", "FX003", "its session has ended, or it was revoked"),
    (
        "FX006",
        "FX006",
        "`auth.enter` called twice, in a savepoint or in a SECURITY DEFINER function",
    ),
    (
        "FX008",
        "FX008",
        "unknown setting, or a value out of bounds",
    ),
    (
        "FX009",
        "FX009",
        "busy: no memory, or for a second no slot, to hash a password",
    ),
    (
        "FX010",
        "FX010",
        "a second factor must be set up first (`require_2fa_for_admins`)",
    ),
    (
        "FX012",
        "FX012",
        "a write touched more rows than `Prefer: max-affected` allows; it is undone",
    ),
    (
        "FX013",
        "FX013",
        "a write that was to answer with one object touched none or several rows; it is undone",
    ),
    (
        "42501",
        "42501",
        "no right, a policy's refusal, or an attempt to change a sealed identity",
    ),
    (
        "23505",
        "23505",
        "a value that must be unique is there already",
    ),
    (
        "23503, 23001",
        "23503",
        "a row referred to is not there, or this one is still referred to",
    ),
    (
        "23P01, 40001, 40P01",
        "40001",
        "two writers in each other's way",
    ),
    ("23502", "23502", "a value is missing"),
    ("23514, 44000", "23514", "a CHECK, or that of a view"),
    ("22…", "22P02", "a text that is no such value"),
    (
        "42622, 42703, 42803, 42804, 42846, 42P10, 428C9, 0A000, 21000, 54…",
        "42804",
        "a value, operator or conflict target that does not fit",
    ),
    (
        "42883",
        "42883",
        "no such operator or function for these types",
    ),
    (
        "42P01, 3F000",
        "42P01",
        "dropped since the catalog was read",
    ),
    ("55000", "55000", "the relation takes no such write"),
    ("25006", "25006", "a write where only reading is possible"),
    (
        "P0001 … P0003, 23000",
        "P0001",
        "a function or trigger of the schema says no",
    ),
    ("PT400 … PT599", "PT402", "the same, with a status"),
    (
        "57014",
        "57014",
        "took longer than `database.statement_timeout`",
    ),
    (
        "08…, 53…, 57…, 55P03, 55006",
        "53300",
        "PostgreSQL cannot at the moment",
    ),
    ("any other", "XX000", "a mistake of ours or of the schema"),
];

/// Refusals without a SQLSTATE, by what they are called here.
fn reasons() -> Vec<(&'static str, Failure)> {
    let query = |error: QueryError| Failure::Compile(error.into());
    let name = |error: NameError| Failure::Compile(error.into());
    let database = |error| Failure::Database {
        error,
        anonymous: false,
    };
    let text = String::new;
    vec![
        (
            "query string not readable, unknown operator, parameter without a meaning",
            query(QueryError::Repeated("order")),
        ),
        (
            "function called with another method than GET, HEAD, POST",
            query(QueryError::NotCallable("PUT")),
        ),
        (
            "body not readable",
            Failure::Compile(BodyError::NothingToSet.into()),
        ),
        (
            "body nested too deep",
            Failure::Compile(BodyError::TooDeep(64).into()),
        ),
        (
            "`Range` not readable, or page behind `api.max_total_results`",
            name(NameError::Offset { offset: 1, max: 1 }),
        ),
        (
            "page behind the last row, where it is known",
            Failure::BeyondTheEnd {
                offset: 1,
                total: 0,
            },
        ),
        (
            "PUT whose filters are not exactly the primary key",
            query(QueryError::PutNeedsKey),
        ),
        (
            "schema not in `api.schemas`",
            Failure::NoSuchSchema { served: Vec::new() },
        ),
        (
            "nothing in `Accept` can be made",
            query(QueryError::NotAcceptable("".into())),
        ),
        (
            "body of an unknown type",
            query(QueryError::MediaType("".into())),
        ),
        (
            "condition on a relation that is not embedded",
            query(QueryError::NotEmbedded("".into())),
        ),
        (
            "limited write without order",
            query(QueryError::LimitedWrite),
        ),
        ("PUT with limit or offset", query(QueryError::PutPaged)),
        ("PUT of another row than its address", Failure::AnotherRow),
        (
            "one object asked for, and none or several rows",
            Failure::NotOneRow { rows: 0 },
        ),
        (
            "order by a relation of many rows",
            name(NameError::OrderByMany("".into())),
        ),
        (
            "unknown preference, or time zone",
            database(DbError::TimeZone),
        ),
        ("aggregates switched off", name(NameError::AggregatesOff)),
        (
            "known, and not built",
            Failure::Compile(Error::Unsupported("")),
        ),
        (
            "`max-affected` of a function without a set",
            name(NameError::NotASet(text())),
        ),
        (
            "write without a filter",
            query(QueryError::FilterRequired("PATCH")),
        ),
        (
            "no relationship",
            name(NameError::Relationship {
                from: text(),
                target: "".into(),
                nearest: None,
            }),
        ),
        (
            "several relationships; `details` lists them",
            name(NameError::Ambiguous {
                from: text(),
                target: "".into(),
                ways: Vec::new(),
            }),
        ),
        (
            "unknown function, or none with these arguments",
            name(NameError::Function {
                name: "".into(),
                given: Vec::new(),
                nearest: None,
            }),
        ),
        (
            "several functions with these arguments",
            name(NameError::Overloaded {
                name: "".into(),
                candidates: Vec::new(),
            }),
        ),
        (
            "unknown column",
            name(NameError::Column {
                name: "".into(),
                nearest: None,
            }),
        ),
        (
            "unknown column in a body",
            name(NameError::WrittenColumn {
                name: "".into(),
                nearest: None,
            }),
        ),
        (
            "unknown table",
            name(NameError::Table {
                name: "".into(),
                nearest: None,
            }),
        ),
        ("unknown type of a cast", name(NameError::Type("".into()))),
        (
            "generated column written",
            name(NameError::Generated(text())),
        ),
        (
            "relation that takes no such write",
            name(NameError::NotWritable {
                relation: text(),
                verb: "insert",
            }),
        ),
        (
            "operator the column's type does not have",
            name(NameError::NotJson(text())),
        ),
        (
            "credential not readable, signature does not hold",
            Failure::Credential(Refused::NotBearer),
        ),
        (
            "token expired",
            Failure::Credential(Refusal::Expired.into()),
        ),
        ("cookie without its CSRF token", Failure::CsrfWrong),
        (
            "key without the scope (FX011)",
            Failure::ScopeMissing {
                required: "read:tables",
            },
        ),
        (
            "address not in `server.allowed_ip_ranges`",
            Failure::AddressNotAllowed,
        ),
        ("too many requests", Failure::RateLimited { retry_after: 1 }),
        (
            "body too large",
            Failure::BodyTooLarge {
                limit: 1,
                endpoint_type: "rest",
            },
        ),
        ("body too slow", Failure::BodySlow),
        ("`api.openapi` is off", Failure::NotDescribed),
        ("unknown path", Failure::NoSuchRoute),
        ("unknown method", Failure::Method { allow: "GET" }),
        (
            "no room for a large answer in `server.spool_directory`",
            database(DbError::Spool(text())),
        ),
        (
            "no connection free within `database.pool_timeout`",
            database(DbError::PoolExhausted),
        ),
        (
            "database not reachable",
            database(DbError::Unreachable(text())),
        ),
        ("connection lost meanwhile", database(DbError::Silent)),
    ]
}

fn sql(state: &str, anonymous: bool) -> Failure {
    Failure::Database {
        error: DbError::Sql {
            state: SqlState::new(state),
            message: "".into(),
            detail: None,
            fatal: false,
            statement: false,
        },
        anonymous,
    }
}

/// The table in Markdown.
#[must_use]
pub fn markdown_table() -> String {
    let mut table = String::from(
        "| SQLSTATE or reason | means | `/api/v1` | `/rest/v1` |\n|---|---|---|---|\n",
    );
    for (shown, sample, means) in STATES {
        row(&mut table, shown, means, &sql(sample, false));
        if *sample == "42501" {
            row(
                &mut table,
                shown,
                "the same, of a visitor",
                &sql(sample, true),
            );
        }
    }
    for (reason, failure) in reasons() {
        row(&mut table, "", reason, &failure);
    }
    table
}

fn row(table: &mut String, shown: &str, means: &str, failure: &Failure) {
    let public = failure.public();
    let told = postgrest::told(failure, &public);
    let cell = |status: StatusCode, code: &str| format!("{} `{code}`", status.as_u16());
    // Writing to a String cannot fail.
    let _ = writeln!(
        table,
        "| {shown} | {means} | {} | {} |",
        cell(public.status, public.code),
        cell(told.status, told.code()),
    );
}

#[cfg(test)]
mod tests {
    use super::{STATES, sql};
    use crate::error::postgrest::told;

    /// Whoever reads `a, b` in one row believes that both are told alike.
    #[test]
    fn states_that_share_a_row_are_told_alike() {
        let said = |state: &str| {
            let failure = sql(state, false);
            let public = failure.public();
            let there = told(&failure, &public).status;
            (public.status, public.code, there)
        };
        for (shown, sample, _) in STATES {
            let whole =
                |state: &&str| state.len() == 5 && state.is_ascii() && !state.starts_with("PT");
            for state in shown.split([',', ' ']).filter(whole) {
                assert_eq!(said(state), said(sample), "{state}");
            }
        }
    }
}
