//! Filters. A condition that cannot be applied is an error: it is never left out, since what is left out of a filter
//! widens it.

use super::coerce::Given;
use super::document::Pos;
use super::error::Problem;
use super::schema::{InputUse, Operator, Quantity, Source};
use super::select::Operation;
use super::types::{Named, TypeRef};
use crate::ask::{Filter, Truth};

/// All conditions of one object; `None` when there are none, so that every row satisfies it.
pub(super) fn object<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    fields: &[(InputUse, Given<'c>)],
    at: Pos,
) -> Result<Option<Filter<'c>>, Problem> {
    let mut all = Vec::with_capacity(fields.len());
    for (used, value) in fields {
        if let Some(one) = condition(operation, place, *used, value, at)? {
            all.push(one);
        }
    }
    Ok(joined(all, Filter::And))
}

fn joined<'c>(
    mut all: Vec<Filter<'c>>,
    with: fn(Vec<Filter<'c>>) -> Filter<'c>,
) -> Option<Filter<'c>> {
    match all.len() {
        0 | 1 => all.pop(),
        _ => Some(with(all)),
    }
}

fn condition<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    used: InputUse,
    value: &Given<'c>,
    at: Pos,
) -> Result<Option<Filter<'c>>, Problem> {
    let refused = |message: &str| Err(Problem::invalid(message, at));
    operation.term(at)?;
    match (used, value) {
        (InputUse::And, Given::List(items)) => {
            let mut all = Vec::with_capacity(items.len());
            for item in items {
                all.extend(nested(operation, place, item, at)?);
            }
            Ok(joined(all, Filter::And))
        }
        (InputUse::Or, Given::List(items)) => {
            let mut any = Vec::with_capacity(items.len());
            for item in items {
                match nested(operation, place, item, at)? {
                    Some(one) => any.push(one),
                    None => return refused("_or holds an empty filter, which every row satisfies"),
                }
            }
            match any.is_empty() {
                true => refused("_or needs at least one filter"),
                false => Ok(joined(any, Filter::Or)),
            }
        }
        (InputUse::Not, Given::Object(_)) => match nested(operation, place, value, at)? {
            Some(one) => Ok(Some(Filter::Not(Box::new(one)))),
            None => refused("_not holds an empty filter, which every row satisfies"),
        },
        (InputUse::Related(member, quantity), Given::Object(fields)) => {
            related(operation, place, member, quantity, fields, at)
        }
        (InputUse::Compare(member, operator), value) if *value != Given::Null => {
            compare(operation, place, member, operator, value).map_or_else(
                || refused("This condition cannot be applied"),
                |found| Ok(Some(found)),
            )
        }
        // `= NULL` holds for no row, and leaving it out for all of them: neither is what was meant.
        _ => refused("A condition cannot be null; whether a value is there is asked with _is_null"),
    }
}

fn nested<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    value: &Given<'c>,
    at: Pos,
) -> Result<Option<Filter<'c>>, Problem> {
    match value {
        Given::Object(fields) => object(operation, place, fields, at),
        _ => Err(Problem::invalid("A filter cannot be null", at)),
    }
}

fn related<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    member: usize,
    quantity: Quantity,
    fields: &[(InputUse, Given<'c>)],
    at: Pos,
) -> Result<Option<Filter<'c>>, Problem> {
    let entity = operation.world.entity(place);
    let found = entity.and_then(|entity| entity.fields.get(member));
    let found = found.and_then(|found| match (found.source, found.ty) {
        (
            Source::Way(way),
            TypeRef {
                named: Named::Row(to),
                ..
            },
        ) => Some((way, to)),
        _ => None,
    });
    let Some((way, to)) = found else {
        return Err(Problem::invalid("This condition cannot be applied", at));
    };
    let inner = object(operation, to, fields, at)?.map(Box::new);
    let there = |rows| Filter::Related { way, rows };
    Ok(match quantity {
        Quantity::One | Quantity::Some => Some(there(inner)),
        Quantity::None => Some(Filter::Not(Box::new(there(inner)))),
        // No row for which it does not hold. Of no condition that is always true.
        Quantity::Every => inner.map(|inner| {
            let failing = Box::new(Filter::Untrue(inner));
            Filter::Not(Box::new(there(Some(failing))))
        }),
    })
}

fn compare<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    member: usize,
    operator: Operator,
    value: &Given<'c>,
) -> Option<Filter<'c>> {
    let member = operation.world.entity(place)?.fields.get(member)?;
    let field = operation.column(place, member);
    Some(match (operator, value) {
        (Operator::Is(op), value) => Filter::Compare {
            field,
            op,
            quantifier: None,
            value: value.text(),
        },
        (Operator::In, Given::List(items)) => Filter::In {
            field,
            values: items.iter().map(Given::text).collect(),
        },
        (Operator::IsNull, Given::Boolean(null)) => Filter::Is {
            field,
            truth: if *null { Truth::Null } else { Truth::NotNull },
        },
        _ => return None,
    })
}
