//! Mutations: each root field one write, whose rows come back as they are selected.

use std::borrow::Cow;

use super::arguments::{self, Arguments};
use super::call;
use super::coerce::Given;
use super::document::Pos;
use super::error::Problem;
use super::filter;
use super::schema::{self, Act, InputUse, Root, Source};
use super::select::{Merged, Operation};
use crate::ask::{
    self, Answer, Ask, Body, Comparison, Conflict, Datum, Delete, Filter, Group, Insert, Read,
    Resolution, Rows, Shape, Update, Wishes, write_row,
};

/// Different sets of columns in one `insertMany`: each is an INSERT of its own inside the statement.
const MAX_GROUPS: usize = 32;

/// What a root field of a mutation asks.
pub(super) fn ask<'c, 'd>(
    operation: &Operation<'c, 'd>,
    merged: &Merged<'c, 'd>,
    found: &schema::Field<'c>,
    root: &'c Root,
) -> Result<Option<Ask<'c>>, Problem> {
    let world = operation.world;
    let field = merged.field;
    let given = arguments::read(operation, found, field)?;
    if let Some(called) = world.called(root) {
        let (table, call) = call::ask(operation, called, merged, &given)?;
        let act = ask::Act::Call(call);
        let wishes = Wishes::default();
        return Ok(Some(Ask { table, act, wishes }));
    }
    let Some(entity) = world.entity(root.entity) else {
        return Ok(None);
    };
    let answer = match root.act {
        Act::DeleteMany => Answer::Nothing,
        _ => {
            let select = operation.select(root.entity, merged.sets())?;
            Answer::Rows(Box::new(Read::of(select)))
        }
    };
    let at = field.at;
    let act = match root.act {
        Act::Insert | Act::InsertMany => {
            let many = root.act == Act::InsertMany;
            ask::Act::Insert(Insert {
                many,
                groups: groups(operation, root.entity, &given, many, at)?,
                conflict: conflict(operation, root.entity, &given),
                only: None,
                answer,
            })
        }
        Act::Update | Act::UpdateMany => ask::Act::Update(Update {
            rows: rows(operation, root, &given, at)?,
            set: set(operation, root.entity, &given, at)?,
            page: None,
            answer,
        }),
        Act::Delete | Act::DeleteMany => ask::Act::Delete(Delete {
            rows: rows(operation, root, &given, at)?,
            page: None,
            answer,
        }),
        Act::Collection | Act::Connection | Act::ByKey | Act::Call(_) => return Ok(None),
    };
    let many = matches!(
        root.act,
        Act::InsertMany | Act::UpdateMany | Act::DeleteMany
    );
    Ok(Some(Ask {
        table: operation.table(entity),
        act,
        wishes: Wishes {
            shape: if many { Shape::Array } else { Shape::Own },
            ..Wishes::default()
        },
    }))
}

/// The one row whose key is given.
pub(super) fn key<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    given: &Arguments<'c>,
) -> Rows<'c> {
    let fields = operation
        .world
        .entity(place)
        .map_or(&[][..], |entity| &entity.fields);
    let conditions = given.iter().filter_map(|(used, value)| {
        let InputUse::Key(member) = used else {
            return None;
        };
        Some(Filter::Compare {
            field: operation.column(place, fields.get(*member)?),
            op: Comparison::Eq,
            quantifier: None,
            value: value.text(),
        })
    });
    let mut conditions: Vec<Filter<'c>> = conditions.collect();
    match (conditions.len(), conditions.pop()) {
        (1, Some(only)) => Rows::One(only),
        (_, last) => {
            conditions.extend(last);
            Rows::One(Filter::And(conditions))
        }
    }
}

/// Which rows a write touches. A filter every row satisfies is nearly always a mistake, and is refused.
fn rows<'c>(
    operation: &Operation<'c, '_>,
    root: &Root,
    given: &Arguments<'c>,
    at: Pos,
) -> Result<Rows<'c>, Problem> {
    if matches!(root.act, Act::Update | Act::Delete) {
        return Ok(key(operation, root.entity, given));
    }
    for (used, value) in given {
        if let (InputUse::Filter, Given::Object(fields)) = (used, value.as_ref())
            && let Some(filter) = filter::object(operation, root.entity, fields, at)?
        {
            return Ok(Rows::Where(filter));
        }
    }
    let message = format!("{} needs a filter that is not empty", root.name.as_str());
    Err(Problem::invalid(message, at))
}

/// One row: columns and their values.
type Row<'c> = (Vec<Cow<'c, str>>, Vec<Datum<'c>>);

fn row<'g, 'c: 'g>(
    operation: &Operation<'c, '_>,
    place: usize,
    fields: impl Iterator<Item = &'g (InputUse, Given<'c>)>,
) -> Row<'c> {
    let members = operation
        .world
        .entity(place)
        .map_or(&[][..], |entity| &entity.fields);
    let set = fields.filter_map(|(used, value)| {
        let InputUse::Set(member) = used else {
            return None;
        };
        let column = operation.column(place, members.get(*member)?).column;
        Some((column, value.datum()))
    });
    set.unzip()
}

/// A new row with its columns in the order of the table, so that rows of the same columns are made by one statement.
fn new_row<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    fields: &[(InputUse, Given<'c>)],
) -> Row<'c> {
    let mut sorted: Vec<&(InputUse, Given<'c>)> = fields.iter().collect();
    sorted.sort_by_key(|(used, _)| match used {
        InputUse::Set(member) => *member,
        _ => usize::MAX,
    });
    row(operation, place, sorted.into_iter())
}

fn lone<'c>((columns, values): Row<'c>) -> Group<'c> {
    Group {
        columns,
        json: Body::Row(values),
    }
}

fn data<'g, 'c>(given: &'g Arguments<'c>) -> Option<&'g Given<'c>> {
    given
        .iter()
        .find(|(used, _)| *used == InputUse::Data)
        .map(|(_, value)| value.as_ref())
}

fn set<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    given: &Arguments<'c>,
    at: Pos,
) -> Result<Group<'c>, Problem> {
    let group = match data(given) {
        Some(Given::Object(fields)) => lone(row(operation, place, fields.iter())),
        _ => lone(Row::default()),
    };
    if group.columns.is_empty() {
        return Err(Problem::invalid("data sets no column", at));
    }
    Ok(group)
}

/// The rows in groups that give the same columns, so that what a row does not give takes its default.
fn groups<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    given: &Arguments<'c>,
    many: bool,
    at: Pos,
) -> Result<Vec<Group<'c>>, Problem> {
    let rows = match (many, data(given)) {
        (false, Some(Given::Object(fields))) => {
            return Ok(vec![lone(new_row(operation, place, fields))]);
        }
        (_, Some(Given::List(rows))) => rows.as_slice(),
        (_, one) => one.map_or(&[][..], std::slice::from_ref),
    };
    let mut groups: Vec<(Vec<Cow<'c, str>>, String)> = Vec::new();
    for one in rows {
        let Given::Object(fields) = one else { continue };
        let (columns, values) = new_row(operation, place, fields);
        let known = groups.iter().position(|(known, _)| *known == columns);
        if known.is_none() && groups.len() == MAX_GROUPS {
            let message = format!("The rows give more than {MAX_GROUPS} different sets of columns");
            return Err(Problem::invalid(message, at));
        }
        let known = known.unwrap_or(groups.len());
        if known == groups.len() {
            groups.push((columns, String::new()));
        }
        if let Some((columns, json)) = groups.get_mut(known) {
            json.push(if json.is_empty() { '[' } else { ',' });
            write_row(columns.iter().map(AsRef::as_ref), &values, json);
        }
    }
    if groups.is_empty() {
        groups.push((Vec::new(), "[".to_owned()));
    }
    let written = groups.into_iter().map(|(columns, mut json)| {
        json.push(']');
        Group {
            columns,
            json: Body::Text(Cow::Owned(json)),
        }
    });
    Ok(written.collect())
}

fn conflict<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    given: &Arguments<'c>,
) -> Option<Conflict<'c>> {
    let asked = given
        .iter()
        .find_map(|(used, value)| match (used, value.as_ref()) {
            (InputUse::OnConflict, Given::Object(fields)) => Some(fields),
            _ => None,
        })?;
    let entity = operation.world.entity(place)?;
    let (mut columns, mut resolution) = (None, Resolution::Merge);
    for (used, value) in asked {
        match (used, value) {
            (InputUse::ConflictColumns, Given::List(names)) => {
                let named = names.iter().filter_map(|name| {
                    let member = entity.field(&name.text())?;
                    let of_table = matches!(member.source, Source::Column(_));
                    of_table.then(|| operation.column(place, member).column)
                });
                columns = Some(named.collect());
            }
            (InputUse::ConflictAction, Given::Name(action)) if action == "IGNORE" => {
                resolution = Resolution::Ignore;
            }
            _ => {}
        }
    }
    Some(Conflict {
        columns,
        resolution,
    })
}
