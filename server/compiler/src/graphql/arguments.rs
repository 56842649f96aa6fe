//! Arguments of a field → which rows, in which order, how many.

use std::borrow::Cow;

use super::coerce::Given;
use super::document::{Field, Pos};
use super::error::{Problem, shown};
use super::filter;
use super::schema::{self, Input, InputUse, Source};
use super::select::Operation;
use super::types::{Named, TypeRef};
use crate::ask::{Order, OrderOf, Read, Rows};

/// What a field is given, argument by argument.
pub(super) type Arguments<'c> = Vec<(InputUse, Cow<'c, Given<'c>>)>;

/// Reads the arguments of a field. Those that are absent, or variables without a value, are not in it.
pub(super) fn read<'c>(
    operation: &Operation<'c, '_>,
    found: &schema::Field<'c>,
    field: &'c Field<'_>,
) -> Result<Arguments<'c>, Problem> {
    if field.arguments.is_empty() {
        return Ok(Arguments::new());
    }
    let mut given = Arguments::with_capacity(field.arguments.len());
    for input in operation.world.arguments(found) {
        let Some(argument) = field.argument(&input.name) else {
            continue;
        };
        match operation.literals().argument(input.ty, &argument.value)? {
            Some(value) => given.push((input.used, value)),
            None if input.ty.is_required() => {
                return Err(absent(operation, &input, argument.value.at));
            }
            None => {}
        }
    }
    Ok(given)
}

fn absent(operation: &Operation<'_, '_>, input: &Input<'_>, at: Pos) -> Problem {
    let message = format!(
        "Argument \"{}\" of required type \"{}\" was provided a variable without a value.",
        shown(&input.name),
        operation.world.written(input.ty)
    );
    Problem::invalid(message, at)
}

/// Applies `filter`, `orderBy`, `limit` and `offset`.
pub(super) fn page<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    given: &Arguments<'c>,
    read: &mut Read<'c>,
    at: Pos,
) -> Result<(), Problem> {
    for (used, value) in given {
        match (used, value.as_ref()) {
            (_, Given::Null) => {}
            (InputUse::Filter, Given::Object(fields)) => {
                if let Some(filter) = filter::object(operation, place, fields, at)? {
                    read.rows = Rows::Where(filter);
                }
            }
            (InputUse::OrderBy, Given::List(items)) => {
                for item in items {
                    if let Given::Object(fields) = item {
                        order(operation, place, fields, &[], at, &mut read.order)?;
                    }
                }
            }
            (InputUse::Limit, Given::Number(number)) => {
                read.limit = Some(count("limit", number, at)?);
            }
            (InputUse::Offset, Given::Number(number)) => {
                read.offset = count("offset", number, at)?;
            }
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn count(name: &str, number: &str, at: Pos) -> Result<u64, Problem> {
    number
        .parse()
        .map_err(|_| Problem::invalid(format!("{name} must not be negative"), at))
}

/// `{createdAt: DESC, author: {name: ASC}}`, first key first. `ways` lead to the table the keys are of.
fn order<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    fields: &[(InputUse, Given<'c>)],
    ways: &[usize],
    at: Pos,
    into: &mut Vec<Order<'c>>,
) -> Result<(), Problem> {
    let members = operation
        .world
        .entity(place)
        .map_or(&[][..], |entity| &entity.fields);
    for (used, value) in fields {
        operation.term(at)?;
        let InputUse::Order(member) = used else {
            continue;
        };
        let Some(member) = members.get(*member) else {
            continue;
        };
        match (value, member.source, member.ty) {
            (
                Given::Object(inner),
                Source::Way(way),
                TypeRef {
                    named: Named::Row(to),
                    ..
                },
            ) => {
                let ways: Vec<usize> = ways.iter().copied().chain([way]).collect();
                order(operation, to, inner, &ways, at, into)?;
            }
            (Given::Name(direction), _, _) => {
                let found = schema::DIRECTIONS
                    .iter()
                    .find(|(name, ..)| name == direction);
                let (descending, nulls) = found.map_or((false, None), |(_, descending, nulls)| {
                    (*descending, *nulls)
                });
                into.push(Order {
                    embed: (!ways.is_empty()).then(|| OrderOf::Ways(ways.to_vec())),
                    field: operation.column(place, member),
                    descending,
                    nulls,
                });
            }
            // An order that says nothing would be dropped, and the caller believe in it.
            _ => {
                let message = format!("{} needs a direction to order by", member.name.as_str());
                return Err(Problem::invalid(message, at));
            }
        }
    }
    Ok(())
}
