//! REST front end: the text of one HTTP request → [`Ask`].

use crate::Error;
use crate::ask::Ask;

/// JSON bodies nested deeper are refused.
pub const MAX_JSON_DEPTH: usize = 64;

/// Operators of a filter, as an error lists them.
pub const OPERATORS: &[&str] = &[
    "eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "in", "is", "not",
];

/// What of an HTTP request matters here. Path segments are percent-decoded by the router, the query string is not.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The verb; HEAD is a GET whose body the server withholds.
    pub method: Method,
    /// `None`: the default schema.
    pub schema: Option<&'a str>,
    /// Table or view.
    pub table: &'a str,
    /// The third path segment: value of the primary key.
    pub id: Option<&'a str>,
    /// After the `?`, undecoded; empty when there is none.
    pub query: &'a str,
    /// The values of all `Prefer` headers.
    pub prefer: &'a [&'a str],
    /// The body; looked at only by verbs that take one.
    pub body: &'a [u8],
}

/// The verbs of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Read.
    Get,
    /// Insert.
    Post,
    /// Update the columns given.
    Patch,
    /// Like PATCH, of one row by its key.
    Put,
    /// Delete.
    Delete,
}

/// Reads one request. Looks at nothing but its text.
///
/// # Errors
/// Whatever does not follow the grammar, and whatever does and is not built.
pub fn parse<'a>(_request: &Request<'a>) -> Result<Ask<'a>, Error> {
    Err(Error::Unsupported("REST"))
}
