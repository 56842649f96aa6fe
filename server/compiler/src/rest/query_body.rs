//! The query of a read as a JSON body: `{"select", "filters", "orFilters", …}` → [`Query`]. Values keep their JSON types.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::address::{self, Part};
use super::filter::Budget;
use super::query::{Query, Scope};
use super::text::Cursor;
use super::value::Json;
use super::{Dialect, Method, json, order, prefer, select};
use crate::Error;
use crate::ask::{Filter, Nulls, Order, OrderOf};
use crate::error::{BodyError, QueryError};

/// Members in the order of the contract. One that is not there is refused by its name, like any parameter.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Sent<'a> {
    #[serde(borrow)]
    select: Option<Cow<'a, str>>,
    #[serde(borrow)]
    filters: Vec<&'a RawValue>,
    or_filters: Vec<String>,
    and_filters: Vec<String>,
    #[serde(borrow)]
    between_filters: Vec<&'a RawValue>,
    #[serde(borrow)]
    order: Vec<&'a RawValue>,
    limit: Option<u64>,
    offset: Option<u64>,
    #[serde(borrow)]
    count: Option<Cow<'a, str>>,
    group_by: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition<'a> {
    #[serde(borrow)]
    column: Cow<'a, str>,
    #[serde(borrow)]
    operator: Cow<'a, str>,
    #[serde(borrow)]
    value: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Between<'a> {
    #[serde(borrow)]
    column: Cow<'a, str>,
    #[serde(borrow)]
    min: &'a RawValue,
    #[serde(borrow)]
    max: &'a RawValue,
    #[serde(default)]
    negated: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key<'a> {
    #[serde(borrow)]
    column: Cow<'a, str>,
    direction: Option<Direction>,
    nulls: Option<Place>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Asc,
    Desc,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    First,
    Last,
}

/// Reads a body.
pub(super) fn parse(dialect: Dialect, body: &[u8]) -> Result<Query<'_>, Error> {
    let sent: Sent<'_> = object(json::checked(body)?)?;
    let scope = Scope {
        dialect,
        method: Method::Get,
        by_key: false,
        call: false,
    };
    let mut query = Query {
        select: match sent.select {
            Some(text) => Some(select::parse(dialect, text)?),
            None => None,
        },
        limit: sent.limit,
        offset: sent.offset,
        count: match sent.count {
            Some(text) => Some(prefer::count(&text)?),
            None => None,
        },
        ..Query::default()
    };
    for name in sent.group_by {
        let fields = order::fields("groupBy", name.into())?;
        query.group_by.extend(fields);
    }
    if !sent.order.is_empty() {
        let keys = sent.order.into_iter();
        let keys = keys.map(|raw| key(object(raw.get())?));
        query.order = Some(keys.collect::<Result<_, Error>>()?);
    }
    let mut budget = Budget::default();
    for raw in sent.filters {
        let condition: Condition<'_> = object(raw.get())?;
        let value = value(condition.value)?;
        let (column, operator) = (condition.column, condition.operator);
        add(&mut query, column, |field| {
            match (operator.as_ref(), &value) {
                // One client writes the condition that must not hold as text: "eq.5".
                ("not", Json::One(text)) => {
                    budget.condition(field, "filters".into(), format!("not.{text}").into())
                }
                _ => budget.given(field, operator, value),
            }
        })?;
    }
    for raw in sent.between_filters {
        let between: Between<'_> = object(raw.get())?;
        let (min, max) = (value(between.min)?, value(between.max)?);
        let (low, high) = if between.negated {
            ("lt", "gt")
        } else {
            ("gte", "lte")
        };
        add(&mut query, between.column, |field| {
            let both = vec![
                budget.given(field.clone(), low.into(), min)?,
                budget.given(field, high.into(), max)?,
            ];
            Ok(if between.negated {
                Filter::Or(both)
            } else {
                Filter::And(both)
            })
        })?;
    }
    for (name, trees) in [("or", sent.or_filters), ("and", sent.and_filters)] {
        for tree in trees {
            let tree = if tree.starts_with('(') {
                tree
            } else {
                format!("({tree})")
            };
            query.place(scope, &mut budget, name.into(), tree.into())?;
        }
    }
    Ok(query)
}

/// Puts a condition on the column of that name, or on that of an embedded relation, where it belongs.
fn add<'a>(
    query: &mut Query<'a>,
    column: Cow<'a, str>,
    condition: impl FnOnce(crate::ask::Field<'a>) -> Result<Filter<'a>, Error>,
) -> Result<(), Error> {
    let select = query.select.get_or_insert_default();
    // What follows the name is a condition, whatever its value.
    let address = address::parse(&column, "eq.", select)?;
    let read = address.read(select);
    let Part::Condition(field) = address.part else {
        return Err(QueryError::Malformed {
            parameter: "column".into(),
            problem: "the name of a column is expected".to_owned(),
        }
        .into());
    };
    let filter = condition(field)?;
    match read {
        Some(read) => read.rows.and(filter),
        None => query.filters.push(filter),
    }
    Ok(())
}

fn key(key: Key<'_>) -> Result<Order<'_>, Error> {
    let mut cursor = Cursor::new("order".into(), key.column);
    let (embed, field) = order::column(&mut cursor)?;
    if !cursor.is_at_end() {
        return Err(cursor.malformed("the name of a column is expected"));
    }
    Ok(Order {
        embed: embed.map(OrderOf::Embed),
        field,
        descending: key.direction == Some(Direction::Desc),
        nulls: key.nulls.map(|place| match place {
            Place::First => Nulls::First,
            Place::Last => Nulls::Last,
        }),
    })
}

/// A checked JSON value.
fn value(raw: &RawValue) -> Result<Json<'_>, Error> {
    let text = raw.get();
    Ok(match text.as_bytes().first() {
        Some(b'n') => Json::Null,
        Some(b't') => Json::True,
        Some(b'f') => Json::False,
        Some(b'"') => Json::One(string(text)?),
        Some(b'[') => {
            let elements: Vec<&RawValue> = serde_json::from_str(text).map_err(not_a_query)?;
            let elements = elements.into_iter().map(value);
            Json::Many(text, elements.collect::<Result<_, Error>>()?)
        }
        _ => Json::One(Cow::Borrowed(text)),
    })
}

fn string(text: &str) -> Result<Cow<'_, str>, Error> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    let Text(text) = serde_json::from_str(text).map_err(not_a_query)?;
    Ok(text)
}

/// Reads an object. What reads one would also take an array, member by member, and `[]` for a query of everything.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Error> {
    if !json::is_object(text.as_bytes()) {
        return Err(BodyError::NotAQuery("an object is expected".into()).into());
    }
    serde_json::from_str(text).map_err(not_a_query)
}

fn not_a_query(error: serde_json::Error) -> Error {
    BodyError::NotAQuery(error.to_string().as_str().into()).into()
}
