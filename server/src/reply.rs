//! One row → HTTP. The body is copied as PostgreSQL built it; no row is parsed.

use crate::db::{Answer, DbError};
use crate::error::Failure;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderValue};
use bytes::Bytes;
use fluxbase_compiler::sql::{Columns, Reply, Statement, Verb};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Status, headers and body for a table request.
///
/// # Errors
/// When a row addressed by key was not there, and when the answer is not what the statement promised.
pub fn rest(
    statement: &Statement,
    answer: &Answer,
    anonymous: bool,
) -> Result<HttpResponse, Failure> {
    let read = |error: DbError| Failure::Database { error, anonymous };
    let Columns { rows, total } = statement.columns;
    let integer = |column: Option<usize>| match column {
        Some(column) => answer.integer(column).map_err(read),
        None => Ok(None),
    };
    let (rows, counted) = (integer(rows)?, integer(total)?);
    let total = match (&statement.estimate, answer.planned()) {
        (Some(estimate), Some(planned)) => Some(estimate.total(counted, planned)),
        _ => counted,
    };
    let body = answer.bytes(0).map_err(read)?;
    let outcome = decide(statement.reply, rows, total, body.is_some(), anonymous)?;

    let mut response = HttpResponse::build(outcome.status);
    if let Some(range) = outcome.content_range {
        response.insert_header((CONTENT_RANGE, range));
    }
    Ok(match body {
        Some(body) if outcome.with_body => json(&mut response, body),
        _ => response.finish(),
    })
}

/// A JSON answer made elsewhere.
pub fn json(response: &mut actix_web::HttpResponseBuilder, body: Bytes) -> HttpResponse {
    response.insert_header((CONTENT_TYPE, JSON)).body(body)
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    status: StatusCode,
    with_body: bool,
    content_range: Option<String>,
}

/// What the numbers mean.
fn decide(
    reply: Reply,
    rows: Option<i64>,
    total: Option<i64>,
    has_row: bool,
    anonymous: bool,
) -> Result<Outcome, Failure> {
    let hit_nothing = reply.single && (rows == Some(0) || (reply.verb == Verb::Read && !has_row));
    match reply.verb {
        Verb::Read if hit_nothing => return Err(Failure::NoSuchRow),
        // Not 404: that would tell which ids exist.
        Verb::Update | Verb::Delete if hit_nothing => {
            return Err(Failure::WriteHitNothing { anonymous });
        }
        Verb::Read | Verb::Insert | Verb::Update | Verb::Delete | Verb::Call => {}
    }
    let status = match reply.verb {
        Verb::Insert => StatusCode::CREATED,
        _ if !reply.has_body => StatusCode::NO_CONTENT,
        _ => StatusCode::OK,
    };
    Ok(Outcome {
        status,
        with_body: reply.has_body,
        content_range: total.map(|total| content_range(reply.offset, rows.unwrap_or(0), total)),
    })
}

/// `from-to/total`, counted from the first row of the table; `*/total` for an empty page.
fn content_range(offset: u64, rows: i64, total: i64) -> String {
    match u64::try_from(rows) {
        Ok(rows @ 1..) => format!("{offset}-{}/{total}", offset + rows - 1),
        _ => format!("*/{total}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, content_range, decide};
    use crate::error::Failure;
    use actix_web::http::StatusCode;
    use fluxbase_compiler::ask::Shape;
    use fluxbase_compiler::sql::{Reply, Verb};

    fn reply(verb: Verb, single: bool, has_body: bool) -> Reply {
        Reply {
            verb,
            single,
            has_body,
            offset: 0,
            shape: Shape::Own,
            key: false,
            plan: false,
            pinned: false,
        }
    }

    fn status(reply: Reply, rows: i64, has_row: bool) -> Result<StatusCode, Failure> {
        decide(reply, Some(rows), None, has_row, false).map(|outcome| outcome.status)
    }

    #[test]
    fn a_write_by_key_that_hits_nothing_does_not_tell_whether_the_row_exists() {
        for verb in [Verb::Update, Verb::Delete] {
            let refused = |anonymous| {
                let outcome = decide(reply(verb, true, true), Some(0), None, false, anonymous);
                outcome.unwrap_err().public()
            };
            assert_eq!(refused(false).status, StatusCode::FORBIDDEN);
            assert_eq!(refused(false).code, "RLS_POLICY_VIOLATION");
            assert_eq!(refused(true).status, StatusCode::UNAUTHORIZED);
            assert_eq!(refused(true).code, "AUTHENTICATION_REQUIRED");
            assert!(status(reply(verb, true, true), 1, true).is_ok());
            // By filter, nothing is a result like any other.
            assert!(status(reply(verb, false, true), 0, true).is_ok());
        }
    }

    #[test]
    fn a_read_by_key_that_finds_nothing_is_404_and_a_page_without_rows_is_not() {
        let missing = decide(reply(Verb::Read, true, true), Some(0), None, false, false);
        assert_eq!(missing.unwrap_err().public().status, StatusCode::NOT_FOUND);
        let missing = decide(reply(Verb::Read, true, true), None, None, false, false);
        assert_eq!(missing.unwrap_err().public().status, StatusCode::NOT_FOUND);
        let empty = status(reply(Verb::Read, false, true), 0, true);
        assert_eq!(empty.unwrap(), StatusCode::OK);
    }

    #[test]
    fn verbs_have_their_statuses() {
        assert_eq!(
            status(reply(Verb::Insert, true, true), 1, true).unwrap(),
            201
        );
        assert_eq!(
            status(reply(Verb::Insert, false, true), 0, true).unwrap(),
            201
        );
        assert_eq!(
            status(reply(Verb::Insert, false, false), 3, false).unwrap(),
            201
        );
        assert_eq!(
            status(reply(Verb::Update, false, true), 3, true).unwrap(),
            200
        );
        assert_eq!(
            status(reply(Verb::Update, false, false), 3, false).unwrap(),
            204
        );
        assert_eq!(
            status(reply(Verb::Delete, true, false), 1, false).unwrap(),
            204
        );
        assert_eq!(
            status(reply(Verb::Delete, false, true), 2, true).unwrap(),
            200
        );
    }

    #[test]
    fn the_range_counts_from_the_first_row_of_the_table() {
        assert_eq!(content_range(0, 3, 10), "0-2/10");
        assert_eq!(content_range(20, 5, 25), "20-24/25");
        assert_eq!(content_range(30, 0, 25), "*/25");
        assert_eq!(content_range(0, 0, 0), "*/0");
        let mut page = reply(Verb::Read, false, true);
        page.offset = 4;
        let outcome = decide(page, Some(2), Some(9), true, false).unwrap();
        assert_eq!(
            outcome,
            Outcome {
                status: StatusCode::OK,
                with_body: true,
                content_range: Some("4-5/9".into())
            }
        );
    }
}
