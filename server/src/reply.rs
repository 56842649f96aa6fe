//! One row → HTTP. The body is copied as PostgreSQL built it; no row is parsed.

mod body;
pub mod fluxbase;
pub mod graphql;
pub mod postgrest;
pub(crate) mod tag;

use crate::db::{Answer, DbError, Kept};
use crate::error::Failure;
use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue};
use bytes::Bytes;
use fluxbase_compiler::sql::{Columns, Statement};

/// Kept by the caller alone, and asked about each time: the next answer may be another caller's.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A statement that was run, and what came of it.
#[derive(Clone, Copy)]
pub struct Done<'a> {
    /// The statement.
    pub statement: &'a Statement,
    /// Its one row.
    pub answer: &'a Answer,
    /// Nobody was signed in.
    pub anonymous: bool,
}

/// The row in its parts.
struct Parts {
    body: Option<Kept>,
    rows: Option<i64>,
    total: Option<i64>,
}

impl Done<'_> {
    /// Takes the row apart as its statement promised it.
    fn parts(&self) -> Result<Parts, Failure> {
        let read = |error: DbError| Failure::Database {
            error,
            anonymous: self.anonymous,
        };
        let Columns { rows, total, .. } = self.statement.columns;
        let integer = |column: Option<usize>| match column {
            Some(column) => self.answer.integer(column).map_err(read),
            None => Ok(None),
        };
        let counted = integer(total)?;
        let total = match (&self.statement.estimate, self.answer.planned()) {
            (Some(estimate), Some(planned)) => Some(estimate.total(counted, planned)),
            _ => counted,
        };
        Ok(Parts {
            body: self.answer.body().map_err(read)?,
            rows: integer(rows)?,
            total,
        })
    }
}

/// A JSON answer made elsewhere.
pub fn json(response: &mut actix_web::HttpResponseBuilder, body: Bytes) -> HttpResponse {
    response.insert_header((CONTENT_TYPE, JSON)).body(body)
}

/// `from-to/total`, counted from the first row of the table; `*` for a page without rows, and for a total nobody knows.
fn content_range(offset: u64, rows: i64, total: Option<i64>) -> String {
    let total = total.map_or_else(|| "*".to_owned(), |total| total.to_string());
    match u64::try_from(rows) {
        Ok(rows @ 1..) => format!("{offset}-{}/{total}", offset + rows - 1),
        _ => format!("*/{total}"),
    }
}

#[cfg(test)]
mod tests {
    use super::content_range;

    #[test]
    fn the_range_counts_from_the_first_row_of_the_table() {
        assert_eq!(content_range(0, 3, Some(10)), "0-2/10");
        assert_eq!(content_range(20, 5, Some(25)), "20-24/25");
        assert_eq!(content_range(30, 0, Some(25)), "*/25");
        assert_eq!(content_range(0, 0, Some(0)), "*/0");
        assert_eq!(content_range(5, 2, None), "5-6/*");
        assert_eq!(content_range(0, 0, None), "*/*");
    }
}
