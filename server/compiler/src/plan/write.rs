//! Writes: whether the relation takes them, which columns they fill, what comes back.

use crate::Error;
use crate::ask;
use crate::catalog::{Column, Relation};
use crate::error::{NameError, QueryError};
use crate::plan::{
    Answer, Conflict, Delete, Insert, Page, Predicate, Update, Values, World, filter, given, names,
    read,
};

pub(super) fn insert<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    insert: &'a ask::Insert<'a>,
) -> Result<Insert<'a>, Error> {
    check_takes(relation, relation.insertable, "insert")?;
    let values = |group| values(relation, group, insert.many);
    let groups: Vec<_> = insert
        .groups
        .iter()
        .map(values)
        .collect::<Result<_, Error>>()?;
    let only = match &insert.only {
        None => None,
        Some(condition) => Some(replaced(world, relation, insert, condition)?),
    };
    Ok(Insert {
        relation,
        conflict: match &insert.conflict {
            None => None,
            Some(asked) => Some(conflict(relation, asked, &groups)?),
        },
        only,
        answer: answer(world, relation, &insert.answer)?,
        single: !insert.many,
        groups,
    })
}

/// PUT: the address must pin the whole primary key, and the body give every column, or it would not be replaced.
fn replaced<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    insert: &'a ask::Insert<'a>,
    condition: &'a ask::Filter<'a>,
) -> Result<Predicate<'a>, Error> {
    let scope = filter::Scope {
        world,
        relation,
        select: &[],
    };
    let planned = filter::plan(scope, condition)?;
    let conditions = match &planned {
        Predicate::And(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let key = primary_key(relation)?;
    let pinned = |column: &&Column| {
        conditions.iter().any(|condition| {
            matches!(condition, Predicate::Compare { left, op: ask::Comparison::Eq, quantifier: None, .. }
                if left.is_column(column))
        })
    };
    if conditions.len() != key.len() || !key.iter().all(pinned) {
        return Err(QueryError::PutNeedsKey.into());
    }
    let given = |column: &&Column| {
        insert.groups.iter().all(|group| {
            group
                .columns
                .iter()
                .any(|name| name == column.name.as_str())
        })
    };
    match relation
        .columns
        .iter()
        .filter(|column| column.writable())
        .find(|column| !given(column))
    {
        Some(missing) => Err(NameError::PutIncomplete(missing.name.as_str().to_owned()).into()),
        None => Ok(planned),
    }
}

fn primary_key(relation: &Relation) -> Result<Vec<&Column>, Error> {
    let columns: Vec<&Column> = relation
        .primary_key
        .iter()
        .filter_map(|position| relation.columns.get(*position))
        .collect();
    if columns.is_empty() {
        return Err(NameError::NoKey(names::display_name(relation)).into());
    }
    Ok(columns)
}

fn conflict<'a>(
    relation: &'a Relation,
    asked: &ask::Conflict<'_>,
    groups: &[Values<'a>],
) -> Result<Conflict<'a>, Error> {
    let merge = asked.resolution == ask::Resolution::Merge;
    let key = match &asked.columns {
        Some(names) => names
            .iter()
            .map(|name| names::column(relation, name))
            .collect::<Result<_, Error>>()?,
        // Without a primary key nothing can be there already; an insert that ignores takes any key.
        None if merge => primary_key(relation)?,
        None => primary_key(relation).unwrap_or_default(),
    };
    let nothing_given = groups.iter().any(|group| group.columns.is_empty());
    if merge && nothing_given {
        return Err(crate::error::BodyError::NothingToSet.into());
    }
    Ok(Conflict { key, merge })
}

pub(super) fn update<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    update: &'a ask::Update<'a>,
) -> Result<Update<'a>, Error> {
    check_takes(relation, relation.updatable, "update")?;
    Ok(Update {
        relation,
        set: values(relation, &update.set, false)?,
        filter: read::rows(world, relation, &update.rows, &[])?,
        page: page(world, relation, update.page.as_ref())?,
        answer: answer(world, relation, &update.answer)?,
        single: matches!(update.rows, ask::Rows::Key(_) | ask::Rows::One(_)),
    })
}

pub(super) fn delete<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    delete: &'a ask::Delete<'a>,
) -> Result<Delete<'a>, Error> {
    check_takes(relation, relation.deletable, "delete")?;
    Ok(Delete {
        relation,
        filter: read::rows(world, relation, &delete.rows, &[])?,
        page: page(world, relation, delete.page.as_ref())?,
        answer: answer(world, relation, &delete.answer)?,
        single: matches!(delete.rows, ask::Rows::Key(_) | ask::Rows::One(_)),
    })
}

fn page<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    page: Option<&'a ask::Page<'a>>,
) -> Result<Option<Page<'a>>, Error> {
    let Some(page) = page else {
        return Ok(None);
    };
    let order = page
        .order
        .iter()
        .map(|key| read::order_by(world, relation, key, &[], &[]));
    Ok(Some(Page {
        key: primary_key(relation)?,
        order: order.collect::<Result<_, Error>>()?,
        limit: page.limit,
        offset: page.offset,
    }))
}

fn check_takes(relation: &Relation, takes: bool, verb: &'static str) -> Result<(), Error> {
    if takes {
        return Ok(());
    }
    Err(NameError::NotWritable {
        relation: names::display_name(relation),
        verb,
    }
    .into())
}

fn values<'a>(
    relation: &'a Relation,
    group: &'a ask::Group<'a>,
    many: bool,
) -> Result<Values<'a>, Error> {
    let columns: Vec<&Column> = group
        .columns
        .iter()
        .map(|name| writable(relation, name))
        .collect::<Result<_, Error>>()?;
    let texts = if many {
        None
    } else {
        given::texts(&columns, &group.json)
    };
    Ok(Values {
        columns,
        json: &group.json,
        texts,
        many,
    })
}

fn writable<'a>(relation: &'a Relation, name: &str) -> Result<&'a Column, Error> {
    let column = names::column(relation, name).map_err(|error| match error {
        Error::Name(NameError::Column { name, nearest }) => {
            NameError::WrittenColumn { name, nearest }.into()
        }
        other => other,
    })?;
    if column.writable() {
        return Ok(column);
    }
    Err(NameError::Generated(column.name.as_str().to_owned()).into())
}

fn answer<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    answer: &'a ask::Answer<'a>,
) -> Result<Answer<'a>, Error> {
    match answer {
        ask::Answer::Rows(select) => {
            let read = read::written(world, relation, select)?;
            Ok(Answer::Rows(Box::new(read)))
        }
        ask::Answer::Affected => Ok(Answer::Affected),
        ask::Answer::Key => Ok(Answer::Key(primary_key(relation).unwrap_or_default())),
        ask::Answer::Nothing => Ok(Answer::Nothing),
    }
}
