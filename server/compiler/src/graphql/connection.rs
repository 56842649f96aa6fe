//! Connections: a page of rows that goes by cursors, and what is known of all rows that match.
//!
//! A cursor holds the values its row is ordered by, the primary key last, so that it stays good when other rows come and
//! go. It is no secret and proves nothing: a made-up one only names another place in the same rows.

mod keyset;

use std::borrow::Cow;

use super::arguments::{self, Arguments};
use super::coerce::Given;
use super::document::Pos;
use super::error::Problem;
use super::schema::{Entity, InputUse, Source, What};
use super::select::{Merged, Operation, Sets};
use super::types::Named;
use crate::ask::{Aggregate, EdgePart, Facet, Filter, Key, Order, PagePart, Read, Rows, Select};

/// What of the rows is read for a page.
struct Page<'c> {
    read: Read<'c>,
    /// Without the cursors: all rows that match.
    all: Rows<'c>,
    backwards: bool,
    /// Whether a cursor says where the reading begins.
    begun: bool,
}

/// What a connection is asked, by the names of the answer.
pub(super) fn facets<'c, 'd>(
    operation: &Operation<'c, 'd>,
    place: usize,
    merged: &Merged<'c, 'd>,
    given: &Arguments<'c>,
) -> Result<Vec<(Key<'c>, Facet<'c>)>, Problem> {
    let at = merged.field.at;
    let page = page(operation, place, given, at)?;
    let on = Named::Connection(place);
    each(operation, on, merged.sets(), |one, name| {
        Ok(Some(match name {
            "edges" => edges(operation, place, &page, one.sets())?,
            "pageInfo" => Facet::Page {
                read: page.read.clone(),
                backwards: page.backwards,
                behind: page.begun,
                members: each(operation, Named::PageInfo, one.sets(), |_, name| {
                    Ok(match name {
                        "hasNextPage" => Some(PagePart::HasNext),
                        "hasPreviousPage" => Some(PagePart::HasPrevious),
                        "startCursor" => Some(PagePart::Start),
                        "endCursor" => Some(PagePart::End),
                        "__typename" => Some(PagePart::Text(Cow::Borrowed("PageInfo"))),
                        _ => None,
                    })
                })?,
            },
            "totalCount" => Facet::Count(counted(&page)),
            "aggregate" => Facet::Object(aggregate(operation, place, &page, one.sets())?),
            "__typename" => Facet::Text(Cow::Owned(operation.world.name_of(on))),
            _ => return Ok(None),
        }))
    })
}

/// What each field of an object asks, by the keys of the answer.
fn each<'c, 'd, T>(
    operation: &Operation<'c, 'd>,
    on: Named,
    sets: Sets<'_, 'c, 'd>,
    mut ask: impl FnMut(&Merged<'c, 'd>, &str) -> Result<Option<T>, Problem>,
) -> Result<Vec<(Key<'c>, T)>, Problem> {
    let mut all = Vec::new();
    for one in operation.collect(sets, on)? {
        if let Some(asked) = ask(&one, one.field.name.text)? {
            all.push((Key::Given(Cow::Borrowed(one.key)), asked));
        }
    }
    Ok(all)
}

fn edges<'c, 'd>(
    operation: &Operation<'c, 'd>,
    place: usize,
    page: &Page<'c>,
    sets: Sets<'_, 'c, 'd>,
) -> Result<Facet<'c>, Problem> {
    let on = Named::Edge(place);
    let mut nodes = 0;
    let mut read = page.read.clone();
    let members = each(operation, on, sets, |one, name| {
        Ok(match name {
            "cursor" => Some(EdgePart::Cursor),
            "node" => {
                nodes += 1;
                if nodes > 1 {
                    let at = one.field.at;
                    let message = "node can be asked for under one name only";
                    return Err(Problem::invalid(message, at));
                }
                read.select = operation.select(place, one.sets())?;
                Some(EdgePart::Node)
            }
            "__typename" => Some(EdgePart::Text(Cow::Owned(operation.world.name_of(on)))),
            _ => None,
        })
    })?;
    Ok(Facet::Edges {
        read,
        backwards: page.backwards,
        members,
    })
}

fn page<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    given: &Arguments<'c>,
    at: Pos,
) -> Result<Page<'c>, Problem> {
    let refused = |message: &str| Err(Problem::invalid(message, at));
    let mut read = Read::of(Vec::new());
    arguments::page(operation, place, given, &mut read, at)?;
    let all = read.rows.clone();
    if read.order.iter().any(|key| key.embed.is_some()) {
        return refused("A connection is ordered by its own rows only");
    }
    if let Some(entity) = operation.world.entity(place) {
        by_key_last(operation, place, entity, &mut read.order);
    }
    let (mut first, mut last, mut after, mut before) = (None, None, None, None);
    for (used, value) in given {
        match (used, value.as_ref()) {
            (InputUse::First, Given::Number(number)) => first = Some(number),
            (InputUse::Last, Given::Number(number)) => last = Some(number),
            (InputUse::After, Given::Text(cursor)) => after = Some(cursor),
            (InputUse::Before, Given::Text(cursor)) => before = Some(cursor),
            _ => {}
        }
    }
    let backwards = last.is_some();
    read.limit = match (first, last) {
        (Some(_), Some(_)) => return refused("first and last exclude each other"),
        (Some(rows), None) => Some(arguments::count("first", rows, at)?),
        (None, Some(rows)) => Some(arguments::count("last", rows, at)?),
        (None, None) => None,
    };
    let mut conditions = match &all {
        Rows::Where(filter) => vec![filter.clone()],
        _ => Vec::new(),
    };
    let relation = operation
        .world
        .entity(place)
        .and_then(|entity| operation.world.relation(entity));
    let can_be_null = |key: &Order<'_>| {
        let column = relation.and_then(|relation| relation.column(&key.field.column));
        column.is_none_or(|column| column.nullable)
    };
    let nullable: Vec<bool> = read.order.iter().map(can_be_null).collect();
    for (cursor, forwards, name) in [(after, true, "after"), (before, false, "before")] {
        let Some(cursor) = cursor else { continue };
        let values = keyset::values(cursor).filter(|values| values.len() == read.order.len());
        let Some(values) = values else {
            return refused(&format!("{name} is no cursor of this order"));
        };
        conditions.push(keyset::beyond(&read.order, &nullable, &values, forwards));
    }
    let begun = if backwards {
        before.is_some()
    } else {
        after.is_some()
    };
    if backwards {
        read.order.iter_mut().for_each(keyset::turn);
    }
    read.rows = match (conditions.len(), conditions.pop()) {
        (_, None) => Rows::All,
        (1, Some(only)) => Rows::Where(only),
        (_, Some(last)) => {
            conditions.push(last);
            Rows::Where(Filter::And(conditions))
        }
    };
    Ok(Page {
        read,
        all,
        backwards,
        begun,
    })
}

/// Makes the order one in which no two rows are equal.
fn by_key_last<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    entity: &Entity,
    order: &mut Vec<Order<'c>>,
) {
    for member in entity.key.iter().filter_map(|at| entity.fields.get(*at)) {
        let field = operation.column(place, member);
        if !order.iter().any(|key| key.field == field) {
            order.push(Order {
                embed: None,
                field,
                descending: false,
                nulls: None,
            });
        }
    }
}

/// All rows that match, as one row of what is made of them.
fn of_all<'c>(page: &Page<'c>, select: Vec<Select<'c>>) -> Read<'c> {
    Read {
        rows: page.all.clone(),
        ..Read::of(select)
    }
}

fn counted<'c>(page: &Page<'c>) -> Read<'c> {
    of_all(page, Vec::new())
}

fn aggregate<'c, 'd>(
    operation: &Operation<'c, 'd>,
    place: usize,
    page: &Page<'c>,
    sets: Sets<'_, 'c, 'd>,
) -> Result<Vec<(Key<'c>, Facet<'c>)>, Problem> {
    let on = Named::Aggregate(place);
    each(operation, on, sets, |one, name| {
        Ok(match (name, Aggregate::of_name(name)) {
            ("__typename", _) => Some(Facet::Text(Cow::Owned(operation.world.name_of(on)))),
            (_, Some(Aggregate::Count)) => Some(Facet::Count(counted(page))),
            (_, Some(function)) => Some(made(operation, place, page, function, one)?),
            _ => None,
        })
    })
}

/// `sum { price }` and its kin.
fn made<'c, 'd>(
    operation: &Operation<'c, 'd>,
    place: usize,
    page: &Page<'c>,
    function: Aggregate,
    merged: &Merged<'c, 'd>,
) -> Result<Facet<'c>, Problem> {
    let bounds = matches!(function, Aggregate::Min | Aggregate::Max);
    let on = if bounds {
        Named::Bounds(place)
    } else {
        Named::Numbers(place)
    };
    let mut select = Vec::new();
    for one in operation.collect(merged.sets(), on)? {
        let Some(found) = operation.world.field(on, one.field.name.text) else {
            continue;
        };
        let name = operation.key(one.key, &found);
        match found.what {
            What::Member(member) if matches!(member.source, Source::Column(_)) => {
                select.push(Select::Aggregate {
                    rename: Some(name),
                    function,
                    of: Some(operation.column(place, member)),
                    input: None,
                    cast: member.cast.filter(|_| bounds).map(Cow::Borrowed),
                    named_after_column: false,
                });
            }
            _ => select.push(Select::Text {
                name,
                text: Cow::Owned(operation.world.name_of(on)),
            }),
        }
    }
    let rows_are_one = |item: &Select<'_>| matches!(item, Select::Aggregate { .. });
    if select.iter().any(rows_are_one) {
        return Ok(Facet::Row(of_all(page, select)));
    }
    let texts = select.into_iter().filter_map(|item| match item {
        Select::Text { name, text } => Some((name, Facet::Text(text))),
        _ => None,
    });
    Ok(Facet::Object(texts.collect()))
}
