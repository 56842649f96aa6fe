//! REST front end: the text of one HTTP request → [`Ask`].

mod distinct;
mod field;
mod filter;
mod json;
mod operator;
mod order;
mod payload;
mod prefer;
mod query;
mod select;
mod text;

use std::borrow::Cow;

pub use operator::OPERATORS;

use crate::Error;
use crate::ask::{Act, Answer, Ask, Count, Delete, Insert, Read, Rows, Select, TableName, Update};
use crate::error::{BodyError, QueryError};
use payload::Payload;
use prefer::{Preferences, Return};
use query::Query;

/// JSON bodies nested deeper are refused.
pub const MAX_JSON_DEPTH: usize = 64;

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

impl Method {
    /// As HTTP spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Patch => "PATCH",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

/// Reads one request. Looks at nothing but its text.
///
/// # Errors
/// Whatever does not follow the grammar, and whatever does and is not built.
pub fn parse<'a>(request: &Request<'a>) -> Result<Ask<'a>, Error> {
    if request.id.is_some_and(|id| id.contains('\0')) {
        return Err(QueryError::Encoding("a NUL character").into());
    }
    let query = query::parse(request.method, request.id.is_some(), request.query)?;
    let preferences = prefer::parse(request.prefer)?;
    let act = match request.method {
        Method::Get => read(request, query, preferences)?,
        Method::Post => insert(request, query, preferences)?,
        Method::Patch | Method::Put => update(request, query, preferences)?,
        Method::Delete => delete(request, query, preferences)?,
    };
    let schema = request.schema.map(Cow::Borrowed);
    Ok(Ask {
        table: TableName {
            schema,
            name: Cow::Borrowed(request.table),
        },
        act,
    })
}

fn read<'a>(
    request: &Request<'a>,
    query: Query<'a>,
    preferences: Preferences,
) -> Result<Act<'a>, Error> {
    let count = match (query.count, preferences.count) {
        (Some(asked), Some(preferred)) if asked != preferred => {
            return Err(QueryError::Preference("count".into()).into());
        }
        (asked, preferred) => asked.or(preferred).unwrap_or(Count::No),
    };
    Ok(Act::Read(Read {
        rows: rows(request, query.filters.into_filter()),
        select: query.select.unwrap_or_else(|| vec![Select::All]),
        order: query.order.unwrap_or_default(),
        limit: query.limit,
        offset: query.offset.unwrap_or(0),
        // An answer of one object has no page to place.
        count: if request.id.is_some() {
            Count::No
        } else {
            count
        },
    }))
}

fn insert<'a>(
    request: &Request<'a>,
    query: Query<'a>,
    preferences: Preferences,
) -> Result<Act<'a>, Error> {
    if request.id.is_some() {
        return Err(QueryError::KeyedInsert.into());
    }
    let payload = json::parse(request.body, true)?;
    let many = payload.many;
    let groups = if preferences.missing_default == Some(true) {
        payload.grouped(query.columns)?
    } else {
        vec![payload.whole(query.columns)?]
    };
    Ok(Act::Insert(Insert {
        many,
        groups,
        answer: answer(query.select, preferences)?,
    }))
}

fn update<'a>(
    request: &Request<'a>,
    query: Query<'a>,
    preferences: Preferences,
) -> Result<Act<'a>, Error> {
    if request.method == Method::Put && request.id.is_none() {
        return Err(QueryError::PutWithoutKey.into());
    }
    let rows = changed_rows(request, query.filters.into_filter())?;
    let payload: Payload<'a> = json::parse(request.body, false)?;
    if !payload.has_keys() {
        return Err(BodyError::NothingToSet.into());
    }
    let set = payload.whole(query.columns)?;
    Ok(Act::Update(Update {
        rows,
        set,
        answer: answer(query.select, preferences)?,
    }))
}

fn delete<'a>(
    request: &Request<'a>,
    query: Query<'a>,
    preferences: Preferences,
) -> Result<Act<'a>, Error> {
    let rows = changed_rows(request, query.filters.into_filter())?;
    let answer = match (request.id, query.select) {
        // The contract's 204: a delete by key has no body, whatever is preferred.
        (Some(_), None) => Answer::Nothing,
        (Some(_), Some(_)) => return Err(QueryError::SelectOfNothing.into()),
        (None, select) => answer(select, preferences)?,
    };
    Ok(Act::Delete(Delete { rows, answer }))
}

fn rows<'a>(request: &Request<'a>, filter: Option<crate::ask::Filter<'a>>) -> Rows<'a> {
    match (request.id, filter) {
        (Some(key), _) => Rows::Key(Cow::Borrowed(key)),
        (None, Some(filter)) => Rows::Where(filter),
        (None, None) => Rows::All,
    }
}

/// A write without any condition would hit every row the caller can reach, and is nearly always a mistake.
fn changed_rows<'a>(
    request: &Request<'a>,
    filter: Option<crate::ask::Filter<'a>>,
) -> Result<Rows<'a>, Error> {
    match rows(request, filter) {
        Rows::All => Err(QueryError::FilterRequired(request.method.as_str()).into()),
        some => Ok(some),
    }
}

fn answer<'a>(
    select: Option<Vec<Select<'a>>>,
    preferences: Preferences,
) -> Result<Answer<'a>, Error> {
    match (preferences.returning, select) {
        (Some(Return::Minimal | Return::HeadersOnly), Some(_)) => {
            Err(QueryError::SelectOfNothing.into())
        }
        (Some(Return::Minimal), None) => Ok(Answer::Nothing),
        (Some(Return::HeadersOnly), None) => Ok(Answer::Affected),
        (Some(Return::Representation) | None, select) => {
            Ok(Answer::Rows(select.unwrap_or_else(|| vec![Select::All])))
        }
    }
}
