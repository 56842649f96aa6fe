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
    self, Answer, Ask, Comparison, Conflict, Delete, Filter, Group, Insert, Read, Resolution, Rows,
    Shape, Update, Wishes,
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
    let Some(field) = merged.field() else {
        return Ok(None);
    };
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
            let select = operation.select(root.entity, &merged.sets())?;
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
            value: Cow::Owned(value.text()),
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
        if let (InputUse::Filter, Given::Object(fields)) = (used, value)
            && let Some(filter) = filter::object(operation, root.entity, fields, at)?
        {
            return Ok(Rows::Where(filter));
        }
    }
    let message = format!("{} needs a filter that is not empty", root.name.as_str());
    Err(Problem::invalid(message, at))
}

/// Columns and their values as one JSON object.
fn row<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    fields: &[(InputUse, Given<'c>)],
) -> (Vec<Cow<'c, str>>, String) {
    let members = operation
        .world
        .entity(place)
        .map_or(&[][..], |entity| &entity.fields);
    let mut columns = Vec::with_capacity(fields.len());
    let mut json = String::from("{");
    for (used, value) in fields {
        let InputUse::Set(member) = used else {
            continue;
        };
        let Some(member) = members.get(*member) else {
            continue;
        };
        let column = operation.column(place, member).column;
        json.push_str(if columns.is_empty() { "" } else { "," });
        json.push_str(&serde_json::Value::from(column.as_ref()).to_string());
        json.push(':');
        json.push_str(&value.json());
        columns.push(column);
    }
    json.push('}');
    (columns, json)
}

fn data<'g, 'c>(given: &'g Arguments<'c>) -> Option<&'g Given<'c>> {
    given
        .iter()
        .find(|(used, _)| *used == InputUse::Data)
        .map(|(_, value)| value)
}

fn set<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    given: &Arguments<'c>,
    at: Pos,
) -> Result<Group<'c>, Problem> {
    let (columns, json) = match data(given) {
        Some(Given::Object(fields)) => row(operation, place, fields),
        _ => (Vec::new(), String::new()),
    };
    if columns.is_empty() {
        return Err(Problem::invalid("data sets no column", at));
    }
    Ok(Group {
        columns,
        json: Cow::Owned(json),
    })
}

/// The rows in groups that give the same columns, so that what a row does not give takes its default.
fn groups<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    given: &Arguments<'c>,
    many: bool,
    at: Pos,
) -> Result<Vec<Group<'c>>, Problem> {
    let rows: Vec<&Given<'c>> = match data(given) {
        Some(Given::List(rows)) => rows.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    let mut groups: Vec<(Vec<Cow<'c, str>>, Vec<String>)> = Vec::new();
    for one in rows {
        let Given::Object(fields) = one else { continue };
        let mut sorted = fields.clone();
        sorted.sort_by_key(|(used, _)| match used {
            InputUse::Set(member) => *member,
            _ => usize::MAX,
        });
        let (columns, json) = row(operation, place, &sorted);
        let known = groups.iter_mut().find(|(known, _)| *known == columns);
        if let Some((_, rows)) = known {
            rows.push(json);
            continue;
        }
        if groups.len() == MAX_GROUPS {
            let message = format!("The rows give more than {MAX_GROUPS} different sets of columns");
            return Err(Problem::invalid(message, at));
        }
        groups.push((columns, vec![json]));
    }
    if groups.is_empty() {
        groups.push((Vec::new(), Vec::new()));
    }
    let written = groups.into_iter().map(|(columns, rows)| Group {
        columns,
        json: Cow::Owned(match (many, rows.first()) {
            (false, Some(row)) => row.clone(),
            _ => format!("[{}]", rows.join(",")),
        }),
    });
    Ok(written.collect())
}

fn conflict<'c>(
    operation: &Operation<'c, '_>,
    place: usize,
    given: &Arguments<'c>,
) -> Option<Conflict<'c>> {
    let asked = given.iter().find_map(|(used, value)| match (used, value) {
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
