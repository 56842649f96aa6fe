//! Answers as PostgREST's clients expect them.

use super::{Done, body, content_range};
use crate::db::Kept;
use crate::error::Failure;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderName, LOCATION};
use actix_web::{HttpRequest, HttpResponse};
use fluxbase_compiler::ask::Shape;
use fluxbase_compiler::sql::{Reply, Verb};
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const CONTENT_PROFILE: HeaderName = HeaderName::from_static("content-profile");

/// Status, headers and body of a request for a table or a function; `profile` is the schema, where there was a choice.
///
/// # Errors
/// When the rows are not as many as they should be, and when the answer is not what the statement promised.
pub fn answer(
    done: &Done<'_>,
    http: &HttpRequest,
    profile: Option<&str>,
) -> Result<HttpResponse, Failure> {
    let parts = done.parts()?;
    let statement = done.statement;
    let outcome = decide(statement.reply, parts.rows, parts.total)?;
    let mut response = HttpResponse::build(outcome.status);
    if let Some(range) = outcome.content_range {
        response.insert_header((CONTENT_RANGE, range));
    }
    if !statement.applied.is_empty() {
        response.insert_header((PREFERENCE_APPLIED, statement.applied.as_str()));
    }
    if let Some(profile) = profile {
        response.insert_header((CONTENT_PROFILE, profile));
    }
    if outcome.located
        && let Some(Kept::Bytes(key)) = &parts.body
        && let Some(key) = filters(key)
    {
        response.insert_header((LOCATION, format!("{}?{key}", http.path())));
    }
    if !statement.reply.has_body {
        return Ok(response.finish());
    }
    match statement.media_type.as_deref() {
        // A browser takes a text that does not say for one of Windows.
        Some(made) if made.starts_with("text/") => {
            response.insert_header((CONTENT_TYPE, format!("{made}; charset=utf-8")));
        }
        Some(made) => {
            response.insert_header((CONTENT_TYPE, made));
        }
        None => {
            response.insert_header((CONTENT_TYPE, content_type(statement.reply.shape)));
        }
    }
    Ok(match parts.body {
        Some(kept) => body::send(&mut response, kept),
        None => response.body(""),
    })
}

/// What a body of this shape is.
fn content_type(shape: Shape) -> &'static str {
    match shape {
        Shape::Own | Shape::Array => "application/json; charset=utf-8",
        Shape::ArrayWithoutNulls => {
            "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8"
        }
        Shape::Object => "application/vnd.pgrst.object+json; charset=utf-8",
        Shape::ObjectWithoutNulls => {
            "application/vnd.pgrst.object+json;nulls=stripped; charset=utf-8"
        }
        Shape::Csv => "text/csv; charset=utf-8",
        Shape::GeoJson => "application/geo+json; charset=utf-8",
        Shape::Text => "text/plain; charset=utf-8",
        Shape::Bytes => "application/octet-stream",
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    status: StatusCode,
    content_range: Option<String>,
    /// Column 0 is the key of a new row.
    located: bool,
}

/// What the numbers mean.
fn decide(reply: Reply, rows: Option<i64>, total: Option<i64>) -> Result<Outcome, Failure> {
    // A function without a set gives one value.
    let count = rows.unwrap_or(1);
    let status = |with_body| {
        if reply.has_body {
            with_body
        } else {
            StatusCode::NO_CONTENT
        }
    };
    let all = |total| content_range(0, 0, total);
    let outcome = |status, content_range| Outcome {
        status,
        content_range,
        located: false,
    };
    Ok(match reply.verb {
        Verb::Read | Verb::Call => {
            let one = matches!(reply.shape, Shape::Object | Shape::ObjectWithoutNulls);
            // Those of a call are counted where they can still be undone.
            if one && count != 1 && reply.verb == Verb::Read {
                return Err(Failure::NotOneRow { rows: count });
            }
            if let Some(total) = total
                && i64::try_from(reply.offset).is_ok_and(|offset| offset > total)
            {
                let offset = reply.offset;
                return Err(Failure::BeyondTheEnd { offset, total });
            }
            let whole = total.is_none_or(|total| count >= total);
            let found = if whole {
                StatusCode::OK
            } else {
                StatusCode::PARTIAL_CONTENT
            };
            let range = content_range(reply.offset, count, total);
            outcome(status(found), reply.has_body.then_some(range))
        }
        Verb::Insert if reply.pinned => {
            if count == 0 {
                return Err(Failure::AnotherRow);
            }
            outcome(status(StatusCode::OK), None)
        }
        Verb::Insert => Outcome {
            // Of several rows there is no one address.
            located: reply.key && count == 1,
            ..outcome(StatusCode::CREATED, Some(all(total)))
        },
        Verb::Update => {
            let range = content_range(0, count, total);
            outcome(status(StatusCode::OK), Some(range))
        }
        Verb::Delete => outcome(status(StatusCode::OK), Some(all(total))),
    })
}

/// The filters that mean the row of this key: `{"id":5}` → `id=eq.5`.
fn filters(key: &[u8]) -> Option<String> {
    let Filters(filters) = serde_json::from_slice(key).ok()?;
    Some(filters.join("&"))
}

struct Filters(Vec<String>);

impl<'de> serde::Deserialize<'de> for Filters {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Key;
        impl<'de> Visitor<'de> for Key {
            type Value = Filters;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Filters, A::Error> {
                let mut filters = Vec::new();
                // Raw, so that a number keeps all its digits.
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    let text = serde_json::from_str::<String>(value.get());
                    let value = text.unwrap_or_else(|_| value.get().to_owned());
                    filters.push(format!("{}=eq.{}", encoded(&name), encoded(&value)));
                }
                Ok(Filters(filters))
            }
        }
        deserializer.deserialize_map(Key)
    }
}

/// As it stands in a query string.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Outcome, content_type, decide, filters};
    use crate::error::Failure;
    use actix_web::http::StatusCode;
    use fluxbase_compiler::ask::Shape;
    use fluxbase_compiler::sql::{Reply, Verb};

    fn reply(verb: Verb, has_body: bool) -> Reply {
        Reply {
            verb,
            single: false,
            has_body,
            offset: 0,
            shape: Shape::Array,
            key: false,
            plan: false,
            pinned: false,
        }
    }

    /// Status and range.
    fn decided(reply: Reply, rows: i64, total: Option<i64>) -> (u16, Option<String>) {
        let Outcome {
            status,
            content_range,
            ..
        } = decide(reply, Some(rows), total).unwrap();
        (status.as_u16(), content_range)
    }

    #[test]
    fn a_page_that_is_not_all_is_partial_once_the_total_is_known() {
        for (offset, rows, total, status, range) in [
            (0, 10, None, 200, "0-9/*"),
            (0, 10, Some(10), 200, "0-9/10"),
            (0, 10, Some(100), 206, "0-9/100"),
            (90, 10, Some(100), 206, "90-99/100"),
            (0, 0, Some(0), 200, "*/0"),
            (0, 0, None, 200, "*/*"),
            (100, 0, Some(100), 206, "*/100"),
            // An estimate may be too low.
            (0, 10, Some(3), 200, "0-9/3"),
        ] {
            let mut page = reply(Verb::Read, true);
            page.offset = offset;
            let expected = (status, Some(range.to_owned()));
            assert_eq!(decided(page, rows, total), expected, "{range}");
        }
    }

    #[test]
    fn a_page_behind_the_last_row_is_416_where_the_total_is_known() {
        let mut page = reply(Verb::Read, true);
        page.offset = 101;
        let refused = decide(page, Some(0), Some(100)).unwrap_err();
        assert!(
            matches!(
                refused,
                Failure::BeyondTheEnd {
                    offset: 101,
                    total: 100
                }
            ),
            "{refused:?}"
        );
        assert_eq!(decided(page, 0, None), (200, Some("*/*".to_owned())));
    }

    #[test]
    fn one_object_is_exactly_one_row() {
        for shape in [Shape::Object, Shape::ObjectWithoutNulls] {
            let mut read = reply(Verb::Read, true);
            read.shape = shape;
            for rows in [0, 2, 10] {
                let refused = decide(read, Some(rows), None).unwrap_err();
                assert!(
                    matches!(refused, Failure::NotOneRow { rows: told } if told == rows),
                    "{refused:?}"
                );
            }
            assert_eq!(decided(read, 1, None).0, 200);
        }
    }

    #[test]
    fn writes_have_their_statuses_and_ranges() {
        for (verb, has_body, rows, total, status, range) in [
            (Verb::Insert, false, 2, None, 201, "*/*"),
            (Verb::Insert, true, 2, Some(2), 201, "*/2"),
            (Verb::Update, true, 3, None, 200, "0-2/*"),
            (Verb::Update, false, 3, Some(3), 204, "0-2/3"),
            (Verb::Update, false, 0, Some(0), 204, "*/0"),
            (Verb::Delete, false, 3, None, 204, "*/*"),
            (Verb::Delete, true, 3, Some(3), 200, "*/3"),
        ] {
            let expected = (status, Some(range.to_owned()));
            assert_eq!(decided(reply(verb, has_body), rows, total), expected);
        }
    }

    #[test]
    fn a_put_of_another_row_than_its_address_is_refused() {
        let mut put = reply(Verb::Insert, true);
        put.pinned = true;
        let refused = decide(put, Some(0), None).unwrap_err();
        assert!(matches!(refused, Failure::AnotherRow), "{refused:?}");
        assert_eq!(decided(put, 1, None), (200, None));
        put.has_body = false;
        assert_eq!(decided(put, 1, None), (204, None));
    }

    #[test]
    fn a_function_answers_with_its_rows_its_value_or_nothing() {
        let call = |has_body, rows, total| {
            let Outcome {
                status,
                content_range,
                ..
            } = decide(reply(Verb::Call, has_body), rows, total).unwrap();
            (status, content_range)
        };
        let range = |text: &str| Some(text.to_owned());
        assert_eq!(call(true, None, None), (StatusCode::OK, range("0-0/*")));
        assert_eq!(call(true, Some(3), None), (StatusCode::OK, range("0-2/*")));
        assert_eq!(
            call(true, Some(3), Some(9)),
            (StatusCode::PARTIAL_CONTENT, range("0-2/9"))
        );
        assert_eq!(call(false, Some(1), None), (StatusCode::NO_CONTENT, None));
    }

    #[test]
    fn only_one_new_row_has_an_address() {
        let mut insert = reply(Verb::Insert, false);
        insert.key = true;
        assert!(decide(insert, Some(1), None).unwrap().located);
        assert!(!decide(insert, Some(2), None).unwrap().located);
        insert.verb = Verb::Update;
        assert!(!decide(insert, Some(1), None).unwrap().located);
    }

    #[test]
    fn a_key_becomes_the_filters_that_mean_it() {
        for (key, expected) in [
            (r#"{"id":5}"#, "id=eq.5"),
            (
                r#"{"a": 12345678901234567890123, "b":"x"}"#,
                "a=eq.12345678901234567890123&b=eq.x",
            ),
            (
                r#"{"na me":"a&b=c #\"é"}"#,
                "na+me=eq.a%26b%3Dc+%23%22%C3%A9",
            ),
        ] {
            assert_eq!(filters(key.as_bytes()).as_deref(), Some(expected));
        }
        assert_eq!(filters(b"[]"), None);
    }

    #[test]
    fn each_shape_says_what_it_is() {
        let of = content_type;
        assert_eq!(of(Shape::Array), "application/json; charset=utf-8");
        assert_eq!(of(Shape::Csv), "text/csv; charset=utf-8");
        assert_eq!(of(Shape::Bytes), "application/octet-stream");
    }
}
