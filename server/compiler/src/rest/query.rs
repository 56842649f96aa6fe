//! The query string as a whole: which parameters a verb knows, and which may stand only once.

use std::borrow::Cow;

use super::address::{self, Part};
use super::filter::Budget;
use super::{Dialect, Method, order, prefer, select, text};
use crate::Error;
use crate::ask::{Count, Field, Filter, Order, Rows, Select};
use crate::error::QueryError;

/// `left()` counts in int4.
const MAX_TRUNCATE: u32 = 1 << 30;

/// The parameters of one request, each read.
#[derive(Debug, Default)]
pub(super) struct Query<'a> {
    pub(super) select: Option<Vec<Select<'a>>>,
    pub(super) group_by: Vec<Field<'a>>,
    pub(super) order: Option<Vec<Order<'a>>>,
    pub(super) limit: Option<u64>,
    pub(super) offset: Option<u64>,
    pub(super) count: Option<Count>,
    pub(super) columns: Option<Vec<Cow<'a, str>>>,
    pub(super) on_conflict: Option<Vec<Cow<'a, str>>>,
    pub(super) cursor: Option<Cow<'a, str>>,
    pub(super) cursor_column: Option<Cow<'a, str>>,
    pub(super) truncate: Option<u32>,
    pub(super) filters: Vec<Filter<'a>>,
    /// Of a call: parameters that are no conditions.
    pub(super) arguments: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// What of a query string has a meaning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    pub(super) dialect: Dialect,
    pub(super) method: Method,
    /// The path names the row, so that conditions have no meaning.
    pub(super) by_key: bool,
    /// A function is called: what is no condition is an argument.
    pub(super) call: bool,
}

impl Scope {
    /// Rows are read, and can be ordered and paged.
    fn reads(self) -> bool {
        (self.method == Method::Get || self.call) && !self.by_key
    }

    fn pages(self) -> bool {
        self.reads()
            || (self.dialect == Dialect::PostgRest
                && matches!(self.method, Method::Patch | Method::Delete))
    }

    /// Parameters that only the contract of our own mount has.
    fn pages_by_cursor(self) -> bool {
        self.reads() && self.dialect == Dialect::Fluxbase
    }

    /// Refused with a word of its own, that of PostgREST.
    fn replaces(self) -> bool {
        self.dialect == Dialect::PostgRest && self.method == Method::Put
    }

    fn filters(self) -> bool {
        (self.call || self.method != Method::Post) && !self.by_key
    }
}

/// Reads a raw query string.
pub(super) fn parse(scope: Scope, raw: &str) -> Result<Query<'_>, Error> {
    let mut query = Query::default();
    // Conditions wait: only the whole select tells which of them belong to embedded relations.
    let mut waiting = Vec::with_capacity(8);
    for parameter in text::parameters(raw) {
        let (key, value) = parameter?;
        match key.as_ref() {
            "select" => once(
                &mut query.select,
                "select",
                select::parse(scope.dialect, value)?,
            )?,
            "order" if scope.pages() => {
                once(&mut query.order, "order", order::parse(key, value)?)?;
            }
            "limit" if scope.pages() || scope.replaces() => {
                once(&mut query.limit, "limit", number("limit", &value)?)?;
            }
            "offset" if scope.pages() || scope.replaces() => {
                once(&mut query.offset, "offset", number("offset", &value)?)?;
            }
            "count" if scope.reads() && scope.dialect == Dialect::Fluxbase => {
                once(&mut query.count, "count", prefer::count(&value)?)?;
            }
            "columns" if takes_columns(scope) => {
                let names = select::parse_columns("columns", value)?;
                once(&mut query.columns, "columns", names)?;
            }
            "on_conflict" if scope.method == Method::Post && !scope.call => {
                let names = select::parse_columns("on_conflict", value)?;
                once(&mut query.on_conflict, "on_conflict", names)?;
            }
            "group_by" if scope.reads() && scope.dialect == Dialect::Fluxbase => {
                query.group_by = order::fields("group_by", value)?;
            }
            "cursor" if scope.pages_by_cursor() => {
                once(&mut query.cursor, "cursor", value)?;
            }
            "cursor_column" if scope.pages_by_cursor() => {
                once(&mut query.cursor_column, "cursor_column", value)?;
            }
            "truncate" if scope.pages_by_cursor() => {
                let most = number("truncate", &value)?;
                let most = u32::try_from(most).unwrap_or(u32::MAX).min(MAX_TRUNCATE);
                once(&mut query.truncate, "truncate", most)?;
            }
            _ if scope.call && !begins_condition(&key, &value, query.select.as_deref()) => {
                query.arguments.push((key, value));
            }
            _ => waiting.push((key, value)),
        }
    }
    let mut budget = Budget::default();
    for (key, value) in waiting {
        query.place(scope, &mut budget, key, value)?;
    }
    Ok(query)
}

/// Whether a parameter of a call is a condition on its result and not an argument of it: PostgREST's rule, the value
/// begins like one.
fn begins_condition(key: &str, value: &str, select: Option<&[Select<'_>]>) -> bool {
    let tree = matches!(key, "and" | "or" | "not.and" | "not.or") && value.starts_with('(');
    let embedded = || {
        key.split_once('.').is_some_and(|(first, _)| {
            select.unwrap_or_default().iter().any(
                |item| matches!(item, Select::Embed(embed) if embed.name() == first.trim_matches('"')),
            )
        })
    };
    tree || super::operator::begins(value) || embedded()
}

impl<'a> Query<'a> {
    /// All conditions on the request's own relation.
    pub(super) fn rows(&mut self) -> Rows<'a> {
        let mut rows = Rows::All;
        match self.filters.len() {
            0 => {}
            1 => rows = self.filters.pop().map_or(Rows::All, Rows::Where),
            _ => rows = Rows::Where(Filter::And(std::mem::take(&mut self.filters))),
        }
        rows
    }

    /// Puts a parameter where it belongs.
    pub(super) fn place(
        &mut self,
        scope: Scope,
        budget: &mut Budget,
        key: Cow<'a, str>,
        value: Cow<'a, str>,
    ) -> Result<(), Error> {
        let select = self.select.get_or_insert_default();
        let filters = scope.filters();
        let not_for_verb = || {
            let (parameter, verb) = (key.as_ref().into(), scope.method.as_str());
            Error::from(QueryError::NotForVerb { parameter, verb })
        };
        if is_reserved(scope.dialect, &key) || (!filters && select.is_empty()) {
            return Err(not_for_verb());
        }
        let address = address::parse(&key, &value, select)?;
        let read = address.read(select);
        if read.is_none() && !filters {
            return Err(not_for_verb());
        }
        let filter = match (address.part, &read) {
            (Part::Condition(field), _) => budget.condition(field, key, value)?,
            (
                Part::Dotted {
                    field,
                    negated,
                    operator,
                },
                _,
            ) => budget.dotted(field, negated, &operator, key, value)?,
            (Part::Tree { negated, or }, _) => budget.tree(negated, or, key, value)?,
            (Part::Order, _) => {
                let keys = order::parse(key, value)?;
                if let Some(read) = read {
                    read.order = keys;
                }
                return Ok(());
            }
            (Part::Limit, _) => {
                let limit = number("limit", &value)?;
                if let Some(read) = read {
                    read.limit = Some(limit);
                }
                return Ok(());
            }
            (Part::Offset, _) => {
                let offset = number("offset", &value)?;
                if let Some(read) = read {
                    read.offset = offset;
                }
                return Ok(());
            }
        };
        match read {
            Some(read) => read.rows.and(filter),
            None => self.filters.push(filter),
        }
        Ok(())
    }
}

fn takes_columns(scope: Scope) -> bool {
    matches!(scope.method, Method::Post | Method::Patch | Method::Put)
}

/// Names that mean the same for every verb: a column called `limit` is reached as `limit.eq=5` or `"limit"=eq.5`.
fn is_reserved(dialect: Dialect, key: &str) -> bool {
    match key {
        "select" | "order" | "limit" | "offset" | "columns" | "on_conflict" => true,
        "count" | "group_by" | "cursor" | "cursor_column" | "truncate" => {
            dialect == Dialect::Fluxbase
        }
        _ => false,
    }
}

fn once<T>(slot: &mut Option<T>, name: &'static str, value: T) -> Result<(), Error> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(QueryError::Repeated(name).into()),
    }
}

pub(super) fn number(name: &'static str, text: &str) -> Result<u64, Error> {
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
