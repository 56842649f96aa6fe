//! Writes: whether the relation takes them, which columns they fill, what comes back.

use crate::Error;
use crate::ask;
use crate::catalog::{Column, Relation};
use crate::error::NameError;
use crate::plan::{Answer, Delete, Insert, Predicate, Update, Values, names, read};

pub(super) fn insert<'a>(
    relation: &'a Relation,
    insert: &'a ask::Insert<'a>,
) -> Result<Insert<'a>, Error> {
    check_takes(relation, relation.insertable, "insert")?;
    let values = |group| values(relation, group, insert.many);
    Ok(Insert {
        relation,
        groups: insert
            .groups
            .iter()
            .map(values)
            .collect::<Result<_, Error>>()?,
        answer: answer(relation, &insert.answer)?,
        single: !insert.many,
    })
}

pub(super) fn update<'a>(
    relation: &'a Relation,
    update: &'a ask::Update<'a>,
) -> Result<Update<'a>, Error> {
    check_takes(relation, relation.updatable, "update")?;
    let (filter, single) = changed(relation, &update.rows, "update")?;
    Ok(Update {
        relation,
        set: values(relation, &update.set, false)?,
        filter,
        answer: answer(relation, &update.answer)?,
        single,
    })
}

pub(super) fn delete<'a>(
    relation: &'a Relation,
    delete: &'a ask::Delete<'a>,
) -> Result<Delete<'a>, Error> {
    check_takes(relation, relation.deletable, "delete")?;
    let (filter, single) = changed(relation, &delete.rows, "delete")?;
    Ok(Delete {
        relation,
        filter,
        answer: answer(relation, &delete.answer)?,
        single,
    })
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

/// The rows a write changes; every front end must have named some.
fn changed<'a>(
    relation: &'a Relation,
    rows: &'a ask::Rows<'a>,
    verb: &'static str,
) -> Result<(Predicate<'a>, bool), Error> {
    match read::rows(relation, rows)? {
        (Some(filter), single) => Ok((filter, single)),
        (None, _) => Err(crate::error::QueryError::FilterRequired(verb).into()),
    }
}

fn values<'a>(
    relation: &'a Relation,
    group: &'a ask::Group<'a>,
    many: bool,
) -> Result<Values<'a>, Error> {
    let columns = group
        .columns
        .iter()
        .map(|name| writable(relation, name))
        .collect::<Result<_, Error>>()?;
    Ok(Values {
        columns,
        json: &group.json,
        many,
    })
}

fn writable<'a>(relation: &'a Relation, name: &str) -> Result<&'a Column, Error> {
    let column = names::column(relation, name)?;
    if column.writable() {
        return Ok(column);
    }
    Err(NameError::Generated(column.name.as_str().to_owned()).into())
}

fn answer<'a>(relation: &'a Relation, answer: &'a ask::Answer<'a>) -> Result<Answer<'a>, Error> {
    match answer {
        ask::Answer::Rows(select) => read::output(relation, select).map(Answer::Rows),
        ask::Answer::Affected => Ok(Answer::Affected),
        ask::Answer::Nothing => Ok(Answer::Nothing),
    }
}
