//! The query string as a whole: which parameters a verb knows, and which may stand only once.

use std::borrow::Cow;

use super::filter::Filters;
use super::{Method, order, prefer, select, text};
use crate::Error;
use crate::ask::{Count, Order, Select};
use crate::error::QueryError;

/// The parameters of one request, each read.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) select: Option<Vec<Select<'a>>>,
    pub(super) order: Option<Vec<Order<'a>>>,
    pub(super) limit: Option<u64>,
    pub(super) offset: Option<u64>,
    pub(super) count: Option<Count>,
    pub(super) columns: Option<Vec<Cow<'a, str>>>,
    pub(super) filters: Filters<'a>,
}

/// Reads a raw query string. `by_key`: the path names the row, so that conditions have no meaning.
pub(super) fn parse(method: Method, by_key: bool, raw: &str) -> Result<Query<'_>, Error> {
    let reads = method == Method::Get && !by_key;
    let filters = method != Method::Post && !by_key;
    let mut query = Query::default();
    for parameter in text::parameters(raw) {
        let (key, value) = parameter?;
        match key.as_ref() {
            "select" => once(&mut query.select, "select", select::parse(value)?)?,
            "order" if reads => once(&mut query.order, "order", order::parse(value)?)?,
            "limit" if reads => once(&mut query.limit, "limit", number("limit", &value)?)?,
            "offset" if reads => once(&mut query.offset, "offset", number("offset", &value)?)?,
            "count" if reads => once(&mut query.count, "count", prefer::count(&value)?)?,
            "columns" if takes_columns(method) => {
                once(&mut query.columns, "columns", select::parse_columns(value)?)?;
            }
            "group_by" if reads => return Err(Error::Unsupported("group_by")),
            "cursor" | "cursor_column" if reads => return Err(Error::Unsupported("A cursor")),
            "truncate" if reads => return Err(Error::Unsupported("truncate")),
            "on_conflict" if method == Method::Post => {
                return Err(Error::Unsupported("Upsert (on_conflict)"));
            }
            _ if !filters || is_reserved(&key) => {
                let (parameter, verb) = (key.as_ref().into(), method.as_str());
                return Err(QueryError::NotForVerb { parameter, verb }.into());
            }
            _ => query.filters.add(key, value)?,
        }
    }
    Ok(query)
}

fn takes_columns(method: Method) -> bool {
    matches!(method, Method::Post | Method::Patch | Method::Put)
}

/// Names that mean the same for every verb: a column called `limit` is reached as `limit.eq=5` or `"limit"=eq.5`.
fn is_reserved(key: &str) -> bool {
    matches!(
        key,
        "select"
            | "order"
            | "limit"
            | "offset"
            | "count"
            | "columns"
            | "on_conflict"
            | "group_by"
            | "cursor"
            | "cursor_column"
            | "truncate"
    )
}

fn once<T>(slot: &mut Option<T>, name: &'static str, value: T) -> Result<(), Error> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(QueryError::Repeated(name).into()),
    }
}

fn number(name: &'static str, text: &str) -> Result<u64, Error> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // PostgreSQL counts rows in bigint.
    let number = text
        .parse::<i64>()
        .ok()
        .filter(|_| digits)
        .and_then(|n| u64::try_from(n).ok());
    number.ok_or_else(|| {
        let problem = "a whole number, not negative, is expected".to_owned();
        QueryError::Malformed {
            parameter: name.into(),
            problem,
        }
        .into()
    })
}
