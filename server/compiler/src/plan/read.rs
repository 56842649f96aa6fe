//! Reads: what each row holds, which rows, in which order, how many.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::Error;
use crate::ask::{self, Comparison, Rows, Select, Step};
use crate::catalog::{Relation, TypeClass};
use crate::error::NameError;
use crate::plan::{
    Embed, Expression, Limits, Member, MemberName, OrderBy, OrderOf, Output, Predicate, Read,
    Value, World, embed, filter, names,
};

/// PostgreSQL's lists of what is selected end at 1,664; some of it is for what is not shown.
const MAX_BUILT_MEMBERS: usize = 1_600;

/// A read asked for by itself.
pub(super) fn plan<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    read: &'a ask::Read<'a>,
) -> Result<Read<'a>, Error> {
    let limit = page(read.limit, read.offset, world.limits)?;
    let mut plan = rows_of(world, relation, read, limit)?;
    plan.single = matches!(read.rows, Rows::Key(_) | Rows::One(_));
    let one_row = plan
        .filter
        .as_ref()
        .is_some_and(|filter| filter::pins_one_row(relation, filter));
    if one_row && limit > 0 {
        plan.limit = None;
    }
    Ok(plan)
}

/// A read below another. Its page has the size of any page, so that one request cannot take out more than it may.
pub(super) fn embedded<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    read: &'a ask::Read<'a>,
) -> Result<Read<'a>, Error> {
    let limit = page(
        read.limit,
        read.offset,
        &Limits {
            max_total_results: None,
            ..*world.limits
        },
    )?;
    rows_of(world, relation, read, limit)
}

/// What a write sends back of the rows it touched: all of them, in no order.
pub(super) fn written<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    read: &'a ask::Read<'a>,
) -> Result<Read<'a>, Error> {
    let mut plan = rows_of(world, relation, read, 0)?;
    plan.limit = None;
    Ok(plan)
}

fn rows_of<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    read: &'a ask::Read<'a>,
    limit: u64,
) -> Result<Read<'a>, Error> {
    let (output, embeds) = selected(world, relation, read)?;
    let mut conditions = Vec::new();
    if let Some(filter) = rows(world, relation, &read.rows, &read.select)? {
        conditions.push(filter);
    }
    let inner = embedded_reads(&read.select)
        .enumerate()
        .filter(|(_, embed)| embed.is_some_and(|embed| embed.inner));
    conditions.extend(inner.map(|(place, _)| Predicate::Embedded(place)));
    let mut order = read
        .order
        .iter()
        .map(|key| order_by(world, relation, key, &embeds, &read.select))
        .collect::<Result<Vec<_>, Error>>()?;
    if let Some(after) = &read.after {
        conditions.push(behind(relation, after, &mut order)?);
    }
    let grouped = output
        .iter()
        .any(|member| matches!(member.value, Value::Aggregate { .. }));
    Ok(Read {
        relation,
        order,
        output,
        embeds,
        filter: match conditions.len() {
            0 | 1 => conditions.pop(),
            _ => Some(Predicate::And(conditions)),
        },
        limit: Some(limit),
        offset: read.offset,
        single: false,
        count: read.count,
        grouped,
    })
}

/// The embedded reads of a select in their places; `None` for one that nothing else in the request can name.
fn embedded_reads<'s, 'a>(
    select: &'s [Select<'a>],
) -> impl Iterator<Item = Option<&'s ask::Embed<'a>>> {
    select.iter().filter_map(|item| match item {
        Select::Embed(embed) => Some(Some(embed)),
        Select::Related(_) => Some(None),
        _ => None,
    })
}

/// The place among the embedded reads of the one that goes by that name.
pub(super) fn embed_named(select: &[Select<'_>], name: &str) -> Option<usize> {
    embedded_reads(select).position(|embed| embed.is_some_and(|embed| embed.name() == name))
}

/// The condition that means these rows.
pub(super) fn rows<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    rows: &'a Rows<'a>,
    select: &[Select<'_>],
) -> Result<Option<Predicate<'a>>, Error> {
    match rows {
        Rows::All => Ok(None),
        Rows::Where(condition) | Rows::One(condition) => {
            let scope = filter::Scope {
                world,
                relation,
                select,
            };
            filter::plan(scope, condition).map(Some)
        }
        Rows::Key(value) => {
            let column = match relation.primary_key.as_slice() {
                [only] => relation.columns.get(*only),
                _ => None,
            };
            let column =
                column.ok_or_else(|| NameError::NoSingleKey(names::display_name(relation)))?;
            Ok(Some(Predicate::Compare {
                left: Expression::column(column),
                op: Comparison::Eq,
                quantifier: None,
                value: Cow::Borrowed(value),
                numeric: false,
            }))
        }
    }
}

/// Rows behind the one with which the page before ended. The order becomes that of the column if there is none.
fn behind<'a>(
    relation: &'a Relation,
    after: &'a ask::After<'a>,
    order: &mut Vec<OrderBy<'a>>,
) -> Result<Predicate<'a>, Error> {
    let alone = |position: &usize| relation.unique_keys.iter().any(|key| key == &[*position]);
    let column = match &after.column {
        Some(name) => names::column(relation, name)?,
        None => match relation.primary_key.as_slice() {
            [only] => relation.columns.get(*only),
            _ => None,
        }
        .ok_or_else(|| NameError::NoSingleKey(names::display_name(relation)))?,
    };
    let name = column.name.as_str();
    if column.nullable || !relation.column_index(name).as_ref().is_some_and(alone) {
        return Err(NameError::CursorNotUnique(name.to_owned()).into());
    }
    let by = Expression::column(column);
    let descending = match order.first() {
        None => {
            order.push(OrderBy {
                embed: None,
                by: by.clone(),
                descending: false,
                nulls: None,
            });
            false
        }
        Some(first) if first.embed.is_none() && first.by == by => first.descending,
        Some(_) => return Err(NameError::CursorOrder(name.to_owned()).into()),
    };
    Ok(Predicate::Compare {
        left: by,
        op: if descending {
            Comparison::Lt
        } else {
            Comparison::Gt
        },
        quantifier: None,
        value: Cow::Borrowed(&after.value),
        numeric: false,
    })
}

/// The number of rows to take: default, cap of a page, cap of all pages.
fn page(asked: Option<u64>, offset: u64, limits: &Limits) -> Result<u64, Error> {
    let page = asked
        .unwrap_or(limits.default_page_size)
        .min(limits.max_page_size);
    match limits.max_total_results {
        Some(max) if offset > max => Err(NameError::Offset { offset, max }.into()),
        Some(max) => Ok(page.min(max - offset)),
        None => Ok(page),
    }
}

/// Resolves a select. `*` beside a column it holds already is no repetition; two sources for one name are refused.
fn selected<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    read: &'a ask::Read<'a>,
) -> Result<(Output<'a>, Vec<Embed<'a>>), Error> {
    let (mut output, mut embeds) = (Output::with_capacity(read.select.len()), Vec::new());
    for item in &read.select {
        match item {
            Select::All => output.extend(relation.columns.iter().map(|column| Member {
                name: MemberName::Own(&column.name),
                value: Value::Field(Expression::column(column)),
            })),
            Select::Field {
                rename,
                field,
                cast,
            } => {
                let mut expression = names::expression(world.catalog, relation, field)?;
                expression.cast = names::cast(world.catalog, cast.as_deref())?;
                output.push(Member {
                    name: field_name(rename.as_ref(), field, &expression),
                    value: Value::Field(expression),
                });
            }
            Select::Aggregate { .. } => output.push(aggregate(world, relation, item)?),
            Select::Embed(ask) => {
                let place = embeds.len();
                let (name, found) = embed::plan(world, relation, ask)?;
                if found.spread {
                    output.extend(embed::spread(place, &found));
                } else if !ask.read.select.is_empty() {
                    let value = Value::Embed(place);
                    output.push(Member { name, value });
                }
                embeds.push(found);
            }
            Select::Related(ask) => {
                output.push(Member {
                    name: MemberName::of_key(&ask.name),
                    value: Value::Embed(embeds.len()),
                });
                embeds.push(embed::related(world, relation, ask.way, &ask.read)?);
            }
            Select::Text { name, text } => output.push(Member {
                name: MemberName::of_key(name),
                value: Value::Text(text),
            }),
        }
    }
    for field in &read.group_by {
        let expression = names::expression(world.catalog, relation, field)?;
        let given =
            |member: &Member<'_>| matches!(&member.value, Value::Field(own) if *own == expression);
        if !output.iter().any(given) {
            output.push(Member {
                name: field_name(None, field, &expression),
                value: Value::Field(expression),
            });
        }
    }
    // The columns of a relation alone have a name each.
    if !matches!(read.select.as_slice(), [Select::All]) || !read.group_by.is_empty() {
        remove_repetitions(&mut output)?;
    }
    if read.truncate.is_some() {
        for member in &mut output {
            if let Value::Field(field) = &mut member.value
                && field.class() == TypeClass::Text
                && field.cast.is_none()
            {
                field.cut = read.truncate;
            }
        }
    }
    if is_built(&output) && output.len() > MAX_BUILT_MEMBERS {
        return Err(NameError::TooManyOutputs(MAX_BUILT_MEMBERS).into());
    }
    Ok((output, embeds))
}

/// Whether rows must be built member by member, because one of them goes by a name that cannot stand in SQL.
pub(crate) fn is_built(output: &Output<'_>) -> bool {
    // `returning` takes no empty list, so the row of a table without columns is built too.
    output.is_empty()
        || output
            .iter()
            .any(|member| matches!(member.name, MemberName::Given(_)))
}

fn aggregate<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    item: &'a Select<'a>,
) -> Result<Member<'a>, Error> {
    let Select::Aggregate {
        rename,
        function,
        of,
        input,
        cast,
        named_after_column,
    } = item
    else {
        return Err(Error::Unsupported("This aggregate"));
    };
    if !world.limits.aggregates {
        return Err(NameError::AggregatesOff.into());
    }
    let of = match of {
        None => None,
        Some(field) => {
            let mut expression = names::expression(world.catalog, relation, field)?;
            expression.cast = names::cast(world.catalog, input.as_deref())?;
            Some(expression)
        }
    };
    let name = match (rename, &of) {
        (Some(name), _) => MemberName::of_key(name),
        (None, Some(of)) if *named_after_column => {
            let name = format!("{}_{}", function.as_str(), of.base.name().as_str());
            MemberName::Given(Cow::Owned(name))
        }
        (None, _) => MemberName::Word(function.as_str()),
    };
    Ok(Member {
        name,
        value: Value::Aggregate {
            function: *function,
            of,
            cast: names::cast(world.catalog, cast.as_deref())?,
        },
    })
}

/// A path goes by its last key, as the column it is read from goes by its own name.
fn field_name<'a>(
    rename: Option<&'a ask::Key<'a>>,
    field: &'a ask::Field<'a>,
    expression: &Expression<'a>,
) -> MemberName<'a> {
    let own = expression.base.name();
    match (rename, path_name(field)) {
        (Some(key), _) if key.as_str() != own.as_str() => MemberName::of_key(key),
        (None, Some(name)) if name != own.as_str() => MemberName::Given(Cow::Borrowed(name)),
        _ => MemberName::Own(own),
    }
}

fn path_name<'a>(field: &'a ask::Field<'a>) -> Option<&'a str> {
    field.path.iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_ref()),
        Step::Index(_) => None,
    })
}

fn remove_repetitions(output: &mut Output<'_>) -> Result<(), Error> {
    // Of a few members none need be hashed to see that their names differ, as nearly always.
    const FEW: usize = 12;
    let is_known = |(place, member): (usize, &Member<'_>)| {
        let mut before = output.iter().take(place);
        before.any(|one| one.name.as_str() == member.name.as_str())
    };
    if output.len() <= FEW && !output.iter().enumerate().any(is_known) {
        return Ok(());
    }
    let mut seen: HashMap<&str, &Value<'_>> = HashMap::with_capacity(output.len());
    let mut repeated = Vec::new();
    for (place, member) in output.iter().enumerate() {
        let name = member.name.as_str();
        match seen.entry(name) {
            Entry::Vacant(first) => drop(first.insert(&member.value)),
            Entry::Occupied(first) if same(first.get(), &member.value) => repeated.push(place),
            Entry::Occupied(_) => return Err(NameError::DuplicateOutput(name.into()).into()),
        }
    }
    let (mut repeated, mut places) = (repeated.into_iter().peekable(), 0_usize..);
    output.retain(|_| {
        let place = places.next();
        repeated.next_if(|next| Some(*next) == place).is_none()
    });
    Ok(())
}

fn same(one: &Value<'_>, other: &Value<'_>) -> bool {
    matches!((one, other), (Value::Field(one), Value::Field(other)) if one == other)
}

pub(super) fn order_by<'a>(
    world: World<'a, '_>,
    relation: &'a Relation,
    key: &'a ask::Order<'a>,
    embeds: &[Embed<'a>],
    select: &[Select<'_>],
) -> Result<OrderBy<'a>, Error> {
    let (place, of) = match &key.embed {
        None => (None, relation),
        Some(ask::OrderOf::Ways(ways)) => {
            let mut steps: Vec<Embed<'a>> = Vec::with_capacity(ways.len());
            let mut end = relation;
            for way in ways {
                let step = embed::step(world, end, *way)?;
                if !step.to_one {
                    return Err(
                        NameError::OrderByMany(step.read.relation.name.as_str().into()).into(),
                    );
                }
                end = step.read.relation;
                steps.push(step);
            }
            (Some(OrderOf::Ways(steps)), end)
        }
        Some(ask::OrderOf::Embed(name)) => {
            let place = embed_named(select, name);
            let embed = place.and_then(|place| embeds.get(place));
            let embed =
                embed.ok_or_else(|| crate::error::QueryError::NotEmbedded(name.as_ref().into()))?;
            if !embed.to_one {
                return Err(NameError::OrderByMany(name.as_ref().into()).into());
            }
            (place.map(OrderOf::Embed), embed.read.relation)
        }
    };
    let by = names::expression(world.catalog, of, &key.field)?;
    if by.class() == TypeClass::Json {
        return Err(NameError::Order(by.base.name().as_str().to_owned()).into());
    }
    Ok(OrderBy {
        embed: place,
        by,
        descending: key.descending,
        nulls: key.nulls,
    })
}
