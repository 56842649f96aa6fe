//! Answers of GraphQL: the pieces that the compiler laid out, with PostgreSQL's JSON between them.

use super::PRIVATE;
use crate::db::{Answer, DbError};
use crate::error::Failure;
use actix_web::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::{BufMut, Bytes, BytesMut};
use fluxbase_compiler::graphql::{Compiled, Piece};

/// What an answer is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// JSON, which every client takes, when nothing in particular is asked for.
    Json,
    /// JSON by name. Clients that ask for it read what is wrong with an operation only if the status is 200, says the
    /// specification.
    PlainJson,
    /// What clients ask for that go by the specification of GraphQL over HTTP.
    GraphQl,
}

const GRAPHQL: &str = "application/graphql-response+json";

impl Media {
    /// The one that is asked for; JSON where neither is, or both alike.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(ACCEPT);
        let ranges = lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .map(weighed);
        let (mut json, mut graphql) = (None, None);
        for (range, weight) in ranges {
            let wish = match range.to_ascii_lowercase().as_str() {
                GRAPHQL => &mut graphql,
                "application/json" => &mut json,
                _ => continue,
            };
            *wish = Some(weight);
        }
        match (graphql, json) {
            (Some(weight), None) if weight > 0.0 => Self::GraphQl,
            // Clients that know both write the better one first and give neither a weight, or the other a lower one.
            (Some(weight), Some(other)) if weight > 0.0 && weight >= other => Self::GraphQl,
            (_, Some(weight)) if weight > 0.0 => Self::PlainJson,
            _ => Self::Json,
        }
    }

    /// For `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::PlainJson => "application/json",
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
        }
    }
}

/// `text/html;q=0.5` in its parts; a weight that cannot be read is none.
fn weighed(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q=")));
    let weight = weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
    (name, weight)
}

/// Puts the answer together; there is one of PostgreSQL's for each statement.
///
/// # Errors
/// When one is not what its statement promised.
pub fn body(compiled: &Compiled, answers: &[Answer], anonymous: bool) -> Result<BytesMut, Failure> {
    let read = |error| Failure::Database { error, anonymous };
    let mut body = BytesMut::new();
    for piece in &compiled.response {
        match piece {
            Piece::Text(text) => body.put_slice(text.as_bytes()),
            Piece::Body(place) => body.put_slice(&value(answers, *place).map_err(read)?),
            Piece::Rows(place) => {
                let rows = rows(compiled, answers, *place).map_err(read)?;
                body.put_slice(rows.to_string().as_bytes());
            }
        }
    }
    Ok(body)
}

/// Sends it.
pub fn answer(http: &HttpRequest, body: Bytes) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    if http.method().is_safe() {
        response.insert_header((CACHE_CONTROL, PRIVATE));
    }
    let media = HeaderValue::from_static(Media::of(http.headers()).content_type());
    response.insert_header((CONTENT_TYPE, media)).body(body)
}

/// The JSON of that statement's row.
fn value(answers: &[Answer], place: usize) -> Result<Bytes, DbError> {
    let answer = answers.get(place).ok_or_else(missing)?;
    Ok(answer.bytes(0)?.unwrap_or(Bytes::from_static(b"null")))
}

/// How many rows that statement wrote.
fn rows(compiled: &Compiled, answers: &[Answer], place: usize) -> Result<i64, DbError> {
    let statement = compiled.statements.get(place).ok_or_else(missing)?;
    let column = statement.columns.rows.ok_or_else(missing)?;
    let answer = answers.get(place).ok_or_else(missing)?;
    answer.integer(column)?.ok_or_else(missing)
}

fn missing() -> DbError {
    DbError::Protocol("a piece of the answer is missing".into())
}

#[cfg(test)]
mod tests {
    use super::Media;
    use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue};

    fn media(lines: &[&'static str]) -> Media {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT, HeaderValue::from_static(line));
        }
        Media::of(&headers)
    }

    #[test]
    fn the_media_type_is_the_one_asked_for_and_json_else() {
        for lines in [
            ["application/graphql-response+json"].as_slice(),
            &["application/graphql-response+json, application/json"],
            &["application/json;q=0.9, Application/GraphQL-Response+JSON"],
            &[
                "application/json; q=0.9",
                "application/graphql-response+json;q=1",
            ],
            &["text/html, application/graphql-response+json;charset=utf-8;q=0.1"],
        ] {
            assert_eq!(media(lines), Media::GraphQl, "{lines:?}");
        }
        for lines in [
            [].as_slice(),
            &[""],
            &["*/*"],
            &["text/html"],
            &["application/graphql-response+json;q=0"],
            &["application/graphql-response+json;q=much"],
            &["application/graphql+json"],
            &["application/json;q=0, */*"],
        ] {
            assert_eq!(media(lines), Media::Json, "{lines:?}");
        }
        for lines in [
            ["application/json"].as_slice(),
            &["Application/JSON; charset=utf-8, */*;q=0.1"],
            &["application/graphql-response+json;q=0.5, application/json"],
            &["application/graphql-response+json;q=0, application/json;q=0.1"],
        ] {
            assert_eq!(media(lines), Media::PlainJson, "{lines:?}");
        }
    }
}
