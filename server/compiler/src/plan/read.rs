//! Reads: what each row holds, which rows, in which order, how many.

use std::collections::HashMap;

use crate::Error;
use crate::ask::{self, Count, Rows, Select, Step};
use crate::catalog::{Relation, TypeClass};
use crate::error::NameError;
use crate::plan::{Expression, Limits, Member, OrderBy, Output, Predicate, Read, filter, names};

/// `json_build_object` takes 100 arguments, two for each member.
const MAX_BUILT_MEMBERS: usize = 50;

pub(super) fn plan<'a>(
    relation: &'a Relation,
    read: &'a ask::Read<'a>,
    limits: &Limits,
) -> Result<Read<'a>, Error> {
    let (filter, single) = rows(relation, &read.rows)?;
    let one_row = filter
        .as_ref()
        .is_some_and(|filter| filter::pins_one_row(relation, filter));
    let limit = page(read.limit, read.offset, limits)?;
    Ok(Read {
        relation,
        output: output(relation, &read.select)?,
        order: read
            .order
            .iter()
            .map(|key| order(relation, key))
            .collect::<Result<_, Error>>()?,
        limit: if one_row && limit > 0 {
            None
        } else {
            Some(limit)
        },
        offset: read.offset,
        single,
        total: read.count == Count::Exact,
        filter,
    })
}

/// The condition that means these rows, and whether they are one row addressed by its key.
pub(super) fn rows<'a>(
    relation: &'a Relation,
    rows: &'a Rows<'a>,
) -> Result<(Option<Predicate<'a>>, bool), Error> {
    match rows {
        Rows::All => Ok((None, false)),
        Rows::Where(condition) => Ok((Some(filter::plan(relation, condition)?), false)),
        Rows::Key(value) => {
            let column = match relation.primary_key.as_slice() {
                [only] => relation.columns.get(*only),
                _ => None,
            };
            let column =
                column.ok_or_else(|| NameError::NoSingleKey(names::display_name(relation)))?;
            let left = Expression {
                column,
                path: &[],
                as_text: false,
            };
            let op = ask::Comparison::Eq;
            Ok((
                Some(Predicate::Compare {
                    left,
                    op,
                    value,
                    numeric: false,
                }),
                true,
            ))
        }
    }
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
pub(super) fn output<'a>(
    relation: &'a Relation,
    select: &'a [Select<'a>],
) -> Result<Output<'a>, Error> {
    let mut output = Output::new();
    for item in select {
        match item {
            Select::All => output.extend(relation.columns.iter().map(|column| Member {
                rename: None,
                value: Expression {
                    column,
                    path: &[],
                    as_text: false,
                },
            })),
            Select::Field { rename, field } => {
                let value = names::expression(relation, field)?;
                let rename = rename.as_deref().or_else(|| path_name(field));
                let own = value.column.name.as_str();
                output.push(Member {
                    rename: rename.filter(|name| *name != own),
                    value,
                });
            }
        }
    }
    if select.len() > 1 {
        remove_repetitions(&mut output)?;
    }
    let built = output
        .iter()
        .any(|member| member.rename.is_some() || !member.value.path.is_empty());
    if built && output.len() > MAX_BUILT_MEMBERS {
        return Err(NameError::TooManyOutputs(MAX_BUILT_MEMBERS).into());
    }
    Ok(output)
}

/// A path goes by its last key, as the column it is read from goes by its own name.
fn path_name<'a>(field: &'a ask::Field<'a>) -> Option<&'a str> {
    field.path.iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_ref()),
        Step::Index(_) => None,
    })
}

fn remove_repetitions(output: &mut Output<'_>) -> Result<(), Error> {
    let mut seen: HashMap<&str, Expression<'_>> = HashMap::with_capacity(output.len());
    let mut refused = None;
    output.retain(|member| {
        let name = member.name();
        match seen.get(name) {
            Some(before) if before.same_as(&member.value) => false,
            Some(_) => {
                refused = Some(NameError::DuplicateOutput(name.into()));
                false
            }
            None => {
                seen.insert(name, member.value.clone());
                true
            }
        }
    });
    refused.map_or(Ok(()), |refused| Err(refused.into()))
}

impl<'a> Member<'a> {
    /// The name in the answer.
    pub fn name(&self) -> &'a str {
        self.rename.unwrap_or(self.value.column.name.as_str())
    }
}

impl Expression<'_> {
    fn same_as(&self, other: &Expression<'_>) -> bool {
        std::ptr::eq(self.column, other.column)
            && self.path == other.path
            && self.as_text == other.as_text
    }
}

fn order<'a>(relation: &'a Relation, key: &'a ask::Order<'a>) -> Result<OrderBy<'a>, Error> {
    let by = names::expression(relation, &key.field)?;
    if by.class() == TypeClass::Json {
        return Err(NameError::Order(by.column.name.as_str().to_owned()).into());
    }
    Ok(OrderBy {
        by,
        descending: key.descending,
        nulls: key.nulls,
    })
}
