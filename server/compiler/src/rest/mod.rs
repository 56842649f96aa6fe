//! REST front end: the text of one HTTP request → [`Ask`].

mod accept;
mod address;
mod body;
mod distinct;
mod field;
mod filter;
mod json;
mod operator;
mod order;
mod payload;
mod prefer;
mod query;
mod query_body;
mod select;
mod text;
mod value;

use std::borrow::Cow;

pub use accept::MEDIA_TYPES;
pub(crate) use json::strict as check_json;
pub use operator::OPERATORS;
pub use select::MAX_EMBED_DEPTH;

use crate::Error;
use crate::ask::{
    Act, After, Answer, Arguments, Ask, Call, Conflict, Count, Delete, Insert, Numbers, Page, Read,
    Resolution, Rows, Select, TableName, Update, Whole, Wishes,
};
use crate::error::{BodyError, QueryError};
use body::Form;
use payload::Payload;
use prefer::{Applies, Preferences, Return};
use query::{Query, Scope};

/// JSON bodies nested deeper are refused.
pub const MAX_JSON_DEPTH: usize = 64;

/// Whose spelling a request is in. One grammar; they differ in defaults and in a few names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `/api/v1/tables`, `/api/v1/rpc`
    Fluxbase,
    /// `/rest/v1`
    PostgRest,
}

/// What of an HTTP request matters here. Path segments are percent-decoded by the router, the query string is not.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// By the mount.
    pub dialect: Dialect,
    /// The verb; HEAD is a GET whose body the server withholds.
    pub method: Method,
    /// `None`: the default schema.
    pub schema: Option<&'a str>,
    /// Table, view or function.
    pub table: &'a str,
    /// The third path segment: value of the primary key.
    pub id: Option<&'a str>,
    /// After the `?`, undecoded; empty when there is none.
    pub query: &'a str,
    /// The values of all `Prefer` headers.
    pub prefer: &'a [&'a str],
    /// `Accept`
    pub accept: Option<&'a str>,
    /// `Content-Type`
    pub content_type: Option<&'a str>,
    /// `Range`, of items.
    pub range: Option<&'a str>,
    /// Whether a PATCH or DELETE may go without a filter.
    pub unfiltered_writes: bool,
    /// The body; looked at only by verbs that take one.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// A request without query, headers and body.
    pub fn new(dialect: Dialect, method: Method, table: &'a str) -> Self {
        Request {
            dialect,
            method,
            schema: None,
            table,
            id: None,
            query: "",
            prefer: &[],
            accept: None,
            content_type: None,
            range: None,
            unfiltered_writes: false,
            body: b"",
        }
    }

    fn scope(&self, call: bool) -> Scope {
        Scope {
            dialect: self.dialect,
            method: self.method,
            by_key: self.id.is_some(),
            call,
        }
    }
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
    /// Like PATCH, of one row by its key; on PostgREST's mount the whole row, made if it is not there.
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

/// Reads one request for a table. Looks at nothing but its text.
///
/// # Errors
/// Whatever does not follow the grammar, and whatever does and is not built.
pub fn parse<'a>(request: &Request<'a>) -> Result<Ask<'a>, Error> {
    if request.id.is_some_and(|id| id.contains('\0')) {
        return Err(QueryError::Encoding("a NUL character").into());
    }
    let query = query::parse(request.scope(false), request.query)?;
    let preferences = prefer::parse(request.prefer)?;
    let applies = match request.method {
        Method::Get => Applies::Read,
        _ => Applies::Write,
    };
    let wishes = wishes(request, &preferences, applies, false)?;
    let act = match request.method {
        Method::Get => Act::Read(read(request, query, &preferences)?),
        Method::Put if request.dialect == Dialect::PostgRest => put(request, query, preferences)?,
        Method::Post => insert(request, query, preferences)?,
        Method::Patch | Method::Put => update(request, query, preferences)?,
        Method::Delete => delete(request, query, preferences)?,
    };
    Ok(ask(request, act, wishes))
}

/// Reads one request for rows whose query is the body: the same grammar without the limits of an address.
///
/// # Errors
/// As [`parse`].
pub fn parse_query<'a>(request: &Request<'a>) -> Result<Ask<'a>, Error> {
    if let Some(parameter) = text::parameters(request.query).next() {
        let (name, _) = parameter?;
        return Err(QueryError::NotForVerb {
            parameter: name.as_ref().into(),
            verb: "a query in the body",
        }
        .into());
    }
    let query = query_body::parse(request.dialect, request.body)?;
    let preferences = prefer::parse(request.prefer)?;
    let wishes = wishes(request, &preferences, Applies::Read, false)?;
    let act = Act::Read(read(request, query, &preferences)?);
    Ok(ask(request, act, wishes))
}

/// Reads one request for a function.
///
/// # Errors
/// As [`parse`].
pub fn parse_call<'a>(request: &Request<'a>) -> Result<Ask<'a>, Error> {
    let reads = match request.method {
        Method::Get => true,
        Method::Post => false,
        other => return Err(QueryError::NotCallable(other.as_str()).into()),
    };
    let mut query = query::parse(request.scope(true), request.query)?;
    let preferences = prefer::parse(request.prefer)?;
    let wishes = wishes(request, &preferences, Applies::Read, true)?;
    let arguments = if reads {
        Arguments::Named(std::mem::take(&mut query.arguments))
    } else {
        if let Some((name, _)) = query.arguments.first() {
            let (parameter, verb) = (name.as_ref().into(), "POST");
            return Err(QueryError::NotForVerb { parameter, verb }.into());
        }
        arguments(request, query.columns.take())?
    };
    let answer = preferences.returning != Some(Return::Minimal);
    let read = read(request, query, &preferences)?;
    let act = Act::Call(Call {
        arguments,
        read,
        read_only: reads,
        answer,
        cast: None,
    });
    Ok(ask(request, act, wishes))
}

fn ask<'a>(request: &Request<'a>, act: Act<'a>, wishes: Wishes<'a>) -> Ask<'a> {
    Ask {
        table: TableName {
            schema: request.schema.map(Cow::Borrowed),
            name: Cow::Borrowed(request.table),
        },
        act,
        wishes,
    }
}

fn wishes<'a>(
    request: &Request<'a>,
    preferences: &Preferences<'a>,
    applies: Applies,
    call: bool,
) -> Result<Wishes<'a>, Error> {
    let accept::Accepted {
        shape,
        explain,
        media,
    } = match request.dialect {
        Dialect::PostgRest => accept::parse(request.accept)?,
        // Its shape is the mount's own.
        Dialect::Fluxbase => accept::Accepted::default(),
    };
    let analyzed = explain.is_some_and(|explain| explain.analyze);
    Ok(Wishes {
        max_affected: preferences.max_affected,
        // A plan with times is of a statement that ran; it shall not have done anything.
        rollback: analyzed || preferences.rollback == Some(true),
        time_zone: preferences.time_zone.clone(),
        shape,
        media,
        explain,
        numbers: Numbers {
            answered: request.dialect == Dialect::PostgRest || call,
            written: request.dialect == Dialect::PostgRest
                && !matches!(preferences.count, None | Some(Count::No)),
        },
        applied: preferences.applied(applies),
    })
}

fn arguments<'a>(
    request: &Request<'a>,
    columns: Option<Vec<Cow<'a, str>>>,
) -> Result<Arguments<'a>, Error> {
    let text = || {
        let text = std::str::from_utf8(request.body);
        text.map_err(|_| Error::from(QueryError::Encoding("bytes that are not UTF-8")))
    };
    Ok(match body::form(request.content_type)? {
        Form::Text => Arguments::Whole(Whole::Text(text()?)),
        Form::Bytes => Arguments::Whole(Whole::Bytes(request.body)),
        Form::Json if request.body.is_empty() => Arguments::Named(Vec::new()),
        Form::Json if !json::is_object(request.body) => {
            json::check(request.body)?;
            Arguments::Whole(Whole::Json(text()?))
        }
        form => Arguments::Json(body::rows(form, request.body, false)?.whole(columns)?),
    })
}

fn read<'a>(
    request: &Request<'a>,
    mut query: Query<'a>,
    preferences: &Preferences<'_>,
) -> Result<Read<'a>, Error> {
    let count = match (query.count, preferences.count) {
        (Some(asked), Some(preferred)) if asked != preferred => {
            return Err(QueryError::Preference("count".into()).into());
        }
        (asked, preferred) => asked.or(preferred).unwrap_or(Count::No),
    };
    let (limit, offset) = match (query.limit, query.offset) {
        (None, None) => range(request.range)?,
        given => given,
    };
    let after = query.cursor.take().map(|value| After {
        column: query.cursor_column.take(),
        value,
    });
    if query.cursor_column.is_some() {
        return Err(QueryError::CursorColumnAlone.into());
    }
    let grouping = std::mem::take(&mut query.group_by);
    Ok(Read {
        rows: rows(request, &mut query),
        select: selected(query.select),
        group_by: grouping,
        after,
        truncate: query.truncate,
        order: query.order.unwrap_or_default(),
        limit,
        offset: offset.unwrap_or(0),
        // An answer of one object has no page to place.
        count: if request.id.is_some() {
            Count::No
        } else {
            count
        },
    })
}

fn selected(select: Option<Vec<Select<'_>>>) -> Vec<Select<'_>> {
    select
        .filter(|items| !items.is_empty())
        .unwrap_or_else(|| vec![Select::All])
}

/// `0-9`, `10-`: limit and offset.
fn range(header: Option<&str>) -> Result<(Option<u64>, Option<u64>), Error> {
    let Some(text) = header else {
        return Ok((None, None));
    };
    let text = match text.split_once('=') {
        Some(("items", text)) => text,
        // Of another unit, bytes mostly: RFC 9110 section 14.2 has it left out.
        Some(_) => return Ok((None, None)),
        None => text,
    };
    let refused = || QueryError::Range(text.into());
    let (from, to) = text.split_once('-').ok_or_else(refused)?;
    let from = query::number("Range", from).map_err(|_| refused())?;
    let limit = match to {
        "" => None,
        to => {
            let to = query::number("Range", to).map_err(|_| refused())?;
            Some(to.checked_sub(from).ok_or_else(refused)? + 1)
        }
    };
    Ok((limit, Some(from)))
}

fn insert<'a>(
    request: &Request<'a>,
    query: Query<'a>,
    preferences: Preferences<'_>,
) -> Result<Act<'a>, Error> {
    if request.id.is_some() {
        return Err(QueryError::KeyedInsert.into());
    }
    let payload = body::rows(body::form(request.content_type)?, request.body, true)?;
    let many = payload.many;
    let conflict = match (preferences.resolution, query.on_conflict) {
        (Some(resolution), columns) => Some(Conflict {
            columns,
            resolution,
        }),
        (None, Some(_)) => return Err(QueryError::ConflictWithoutResolution.into()),
        (None, None) => None,
    };
    let groups = if preferences.missing_default == Some(true) {
        payload.grouped(query.columns)?
    } else {
        vec![payload.whole(query.columns)?]
    };
    Ok(Act::Insert(Insert {
        many,
        groups,
        conflict,
        only: None,
        answer: answer(request, query.select, &preferences)?,
    }))
}

/// PUT on PostgREST's mount: the row that the filters name, made or replaced.
fn put<'a>(
    request: &Request<'a>,
    mut query: Query<'a>,
    preferences: Preferences<'_>,
) -> Result<Act<'a>, Error> {
    if query.limit.is_some() || query.offset.is_some() {
        return Err(QueryError::PutPaged.into());
    }
    let Rows::Where(only) = query.rows() else {
        return Err(QueryError::FilterRequired("PUT").into());
    };
    let payload = body::rows(body::form(request.content_type)?, request.body, true)?;
    let many = payload.many;
    Ok(Act::Insert(Insert {
        many,
        groups: vec![payload.whole(query.columns)?],
        conflict: Some(Conflict {
            columns: None,
            resolution: Resolution::Merge,
        }),
        only: Some(only),
        answer: answer(request, query.select, &preferences)?,
    }))
}

fn update<'a>(
    request: &Request<'a>,
    mut query: Query<'a>,
    preferences: Preferences<'_>,
) -> Result<Act<'a>, Error> {
    if request.method == Method::Put && request.id.is_none() {
        return Err(QueryError::PutWithoutKey.into());
    }
    let rows = changed_rows(request, &mut query)?;
    let page = page(&mut query)?;
    let payload: Payload<'a> = body::rows(body::form(request.content_type)?, request.body, false)?;
    if !payload.has_keys() {
        return Err(BodyError::NothingToSet.into());
    }
    let set = payload.whole(query.columns)?;
    Ok(Act::Update(Update {
        rows,
        set,
        page,
        answer: answer(request, query.select, &preferences)?,
    }))
}

fn delete<'a>(
    request: &Request<'a>,
    mut query: Query<'a>,
    preferences: Preferences<'_>,
) -> Result<Act<'a>, Error> {
    let rows = changed_rows(request, &mut query)?;
    let page = page(&mut query)?;
    let answer = match (request.id, query.select) {
        // The contract's 204: a delete by key has no body, whatever is preferred.
        (Some(_), None) => Answer::Nothing,
        (Some(_), Some(_)) => return Err(QueryError::SelectOfNothing.into()),
        (None, select) => answer(request, select, &preferences)?,
    };
    Ok(Act::Delete(Delete { rows, page, answer }))
}

/// A limit on a write: only the first rows of an order, which must be given, or the choice would be PostgreSQL's.
fn page<'a>(query: &mut Query<'a>) -> Result<Option<Page<'a>>, Error> {
    match (query.limit, query.order.take()) {
        (None, None) if query.offset.is_none() => Ok(None),
        (Some(limit), Some(order)) => Ok(Some(Page {
            order,
            limit,
            offset: query.offset.unwrap_or(0),
        })),
        _ => Err(QueryError::LimitedWrite.into()),
    }
}

fn rows<'a>(request: &Request<'a>, query: &mut Query<'a>) -> Rows<'a> {
    match request.id {
        Some(key) => Rows::Key(Cow::Borrowed(key)),
        None => query.rows(),
    }
}

/// A write without any condition would hit every row the caller can reach, and is nearly always a mistake.
fn changed_rows<'a>(request: &Request<'a>, query: &mut Query<'a>) -> Result<Rows<'a>, Error> {
    match rows(request, query) {
        Rows::All if !request.unfiltered_writes => {
            Err(QueryError::FilterRequired(request.method.as_str()).into())
        }
        some => Ok(some),
    }
}

fn answer<'a>(
    request: &Request<'a>,
    select: Option<Vec<Select<'a>>>,
    preferences: &Preferences<'_>,
) -> Result<Answer<'a>, Error> {
    let default = match request.dialect {
        Dialect::Fluxbase => Return::Representation,
        Dialect::PostgRest => Return::Minimal,
    };
    let select = select.filter(|items| !items.is_empty());
    match (preferences.returning.unwrap_or(default), select) {
        (Return::Minimal | Return::HeadersOnly, Some(_)) => Err(QueryError::SelectOfNothing.into()),
        (Return::Minimal, None) => Ok(Answer::Nothing),
        (Return::HeadersOnly, None) if request.dialect == Dialect::PostgRest => Ok(Answer::Key),
        (Return::HeadersOnly, None) => Ok(Answer::Affected),
        (Return::Representation, select) => Ok(Answer::Rows(Box::new(Read::of(selected(select))))),
    }
}
