//! Answers of the Fluxbase contract.

use super::{Done, JSON, PRIVATE, body, content_range, json, tag};
use crate::db::Kept;
use crate::error::Failure;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, ETAG};
use actix_web::{HttpRequest, HttpResponse};
use bytes::{BufMut, Bytes, BytesMut};
use fluxbase_compiler::sql::{Reply, Verb};
use std::time::Duration;

/// Status, headers and body for a table request.
///
/// # Errors
/// When a row addressed by key was not there, and when the answer is not what the statement promised.
pub fn table(done: &Done<'_>, http: &HttpRequest) -> Result<HttpResponse, Failure> {
    let parts = done.parts()?;
    let reply = done.statement.reply;
    let has_row = parts.body.is_some();
    let outcome = decide(reply, parts.rows, parts.total, has_row, done.anonymous)?;
    let mut response = HttpResponse::build(outcome.status);
    let body = parts.body.filter(|_| outcome.with_body);
    // A read by POST has nothing a client could keep.
    // Nor is there a tag of what has to be read from a file to make one.
    if let (Verb::Read, Some(Kept::Bytes(body)), true) =
        (reply.verb, &body, http.method().is_safe())
    {
        let tag = tag::of(body, outcome.content_range.as_deref());
        let known = tag::is_known(http.headers(), &tag);
        response.insert_header((ETAG, tag));
        response.insert_header((CACHE_CONTROL, PRIVATE));
        if known {
            return Ok(response.status(StatusCode::NOT_MODIFIED).finish());
        }
    }
    if let Some(range) = outcome.content_range {
        response.insert_header((CONTENT_RANGE, range));
    }
    Ok(match body {
        Some(kept) => body::send(response.insert_header((CONTENT_TYPE, JSON)), kept),
        None => response.finish(),
    })
}

/// The execution of a function; its result is copied as PostgreSQL made it.
///
/// # Errors
/// When the answer is not what the statement promised.
pub fn call(done: &Done<'_>, id: &str, took: Duration) -> Result<HttpResponse, Failure> {
    let parts = done.parts()?;
    let rows = match (done.statement.reply.has_body, parts.rows) {
        (false, _) => 0,
        // A function without a set gives one value.
        (true, rows) => rows.unwrap_or(1),
    };
    let (head, tail) = around(id, rows, took.as_millis());
    let mut response = HttpResponse::Ok();
    Ok(match parts.body {
        Some(Kept::File(spool)) => {
            response.insert_header((CONTENT_TYPE, JSON));
            body::send_between(&mut response, head.into(), spool, tail.into())
        }
        Some(Kept::Bytes(result)) => json(&mut response, execution(&head, &result, &tail)),
        None => json(&mut response, execution(&head, b"null", &tail)),
    })
}

/// What stands before and behind the result.
fn around(id: &str, rows: i64, milliseconds: u128) -> (String, String) {
    let head = format!(r#"{{"execution_id":"{id}","status":"completed","result":"#);
    let tail = format!(r#","rows_returned":{rows},"duration_ms":{milliseconds}}}"#);
    (head, tail)
}

fn execution(head: &str, result: &[u8], tail: &str) -> Bytes {
    let mut body = BytesMut::with_capacity(head.len() + result.len() + tail.len());
    body.put_slice(head.as_bytes());
    body.put_slice(result);
    body.put_slice(tail.as_bytes());
    body.freeze()
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
        content_range: total.map(|_| content_range(reply.offset, rows.unwrap_or(0), total)),
    })
}

#[cfg(test)]
mod tests {
    use super::{Outcome, around, decide, execution};
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
    fn a_page_is_told_by_its_place_and_the_total() {
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

    #[test]
    fn an_execution_holds_the_result_as_it_is() {
        let (head, tail) = around("id-1", 1, 12);
        let body = execution(&head, br#"[{"a" : 1.50}]"#, &tail);
        assert_eq!(
            body,
            r#"{"execution_id":"id-1","status":"completed","result":[{"a" : 1.50}],"rows_returned":1,"duration_ms":12}"#
        );
    }
}
