//! To what a parameter applies: `col`, `col.op`, `rel.col`, `rel.inner.or`, `rel.order`.

use std::borrow::Cow;

use super::text::Cursor;
use super::{field, operator};
use crate::Error;
use crate::ask::{Embed, Field, Read, Rows, Select};
use crate::error::QueryError;

/// Where a parameter belongs, and what it is there.
#[derive(Debug)]
pub(super) struct Address<'a> {
    /// Positions in the selects on the way to the embedded read; empty for the request's own relation.
    way: Vec<usize>,
    pub(super) part: Part<'a>,
}

/// What of a read a parameter gives.
#[derive(Debug)]
pub(super) enum Part<'a> {
    /// `col=op.value`
    Condition(Field<'a>),
    /// `col.op=value`
    Dotted {
        field: Field<'a>,
        negated: bool,
        operator: Cow<'a, str>,
    },
    /// `and=(…)`
    Tree { negated: bool, or: bool },
    /// `rel.order=…`
    Order,
    /// `rel.limit=…`
    Limit,
    /// `rel.offset=…`
    Offset,
}

/// Reads a parameter's name. `value` only helps to say what is wrong.
pub(super) fn parse<'a>(
    key: &Cow<'a, str>,
    value: &str,
    select: &[Select<'_>],
) -> Result<Address<'a>, Error> {
    let mut cursor = Cursor::new("filter".into(), key.clone());
    // Each with the place where it begins: quoted names are no words.
    let mut segments: Vec<(usize, Field<'a>)> = Vec::new();
    let start = |cursor: &Cursor<'_>| key.len() - cursor.rest().len();
    loop {
        let begin = start(&cursor);
        segments.push((begin, field::field(&mut cursor)?));
        if cursor.is_at_end() {
            break;
        }
        if !cursor.eat(".") {
            return Err(
                cursor.malformed("a filter is column.operator=value or column=operator.value")
            );
        }
    }
    let (way, words) = descend(select, &segments);
    let raw = words
        .first()
        .and_then(|(begin, _)| key.get(*begin..))
        .unwrap_or_default();
    let part = match raw {
        "and" => Part::Tree {
            negated: false,
            or: false,
        },
        "or" => Part::Tree {
            negated: false,
            or: true,
        },
        "not.and" => Part::Tree {
            negated: true,
            or: false,
        },
        "not.or" => Part::Tree {
            negated: true,
            or: true,
        },
        "order" if !way.is_empty() => Part::Order,
        "limit" if !way.is_empty() => Part::Limit,
        "offset" if !way.is_empty() => Part::Offset,
        _ => condition(words, value)?,
    };
    Ok(Address { way, part })
}

/// Follows the leading names into embedded reads as far as they lead; the last name is never one of them.
fn descend<'s, 'a>(
    select: &[Select<'_>],
    segments: &'s [(usize, Field<'a>)],
) -> (Vec<usize>, &'s [(usize, Field<'a>)]) {
    let (mut way, mut words, mut select) = (Vec::new(), segments, select);
    while let [(_, first), rest @ ..] = words
        && !rest.is_empty()
        && first.path.is_empty()
        && let Some((place, embed)) = find(select, &first.column)
    {
        way.push(place);
        select = &embed.read.select;
        words = rest;
    }
    (way, words)
}

fn find<'s, 'a>(select: &'s [Select<'a>], name: &str) -> Option<(usize, &'s Embed<'a>)> {
    select
        .iter()
        .enumerate()
        .find_map(|(place, item)| match item {
            Select::Embed(embed) if embed.name() == name => Some((place, embed)),
            _ => None,
        })
}

fn condition<'a>(words: &[(usize, Field<'a>)], value: &str) -> Result<Part<'a>, Error> {
    let word = |field: &Field<'a>| field.path.is_empty().then(|| field.column.clone());
    let (field, negated, operator) = match words {
        [(_, field)] => return Ok(Part::Condition(field.clone())),
        [(_, field), (_, operator)] => (field, false, word(operator)),
        [(_, field), (_, not), (_, operator)] if word(not).as_deref() == Some("not") => {
            (field, true, word(operator))
        }
        [(_, first), ..] => return Err(not_embedded(first)),
        [] => return Err(QueryError::TooLong("filter").into()),
    };
    match operator {
        Some(operator) if operator::is_known(&operator) => Ok(Part::Dotted {
            field: field.clone(),
            negated,
            operator,
        }),
        _ if operator::begins(value) => Err(not_embedded(field)),
        Some(operator) => Err(operator::refusal(&operator)),
        None => Err(not_embedded(field)),
    }
}

fn not_embedded(field: &Field<'_>) -> Error {
    QueryError::NotEmbedded(field.column.as_ref().into()).into()
}

impl Address<'_> {
    /// The embedded read it leads to; `None` when it means the request's own relation.
    pub(super) fn read<'s, 'b>(&self, select: &'s mut [Select<'b>]) -> Option<&'s mut Read<'b>> {
        let (first, rest) = self.way.split_first()?;
        let mut read = match select.get_mut(*first)? {
            Select::Embed(embed) => &mut embed.read,
            _ => return None,
        };
        for place in rest {
            read = match read.select.get_mut(*place)? {
                Select::Embed(embed) => &mut embed.read,
                _ => return None,
            };
        }
        Some(read)
    }
}

impl<'a> Rows<'a> {
    /// Adds a condition to those there are.
    pub(super) fn and(&mut self, filter: crate::ask::Filter<'a>) {
        use crate::ask::Filter;
        *self = match std::mem::replace(self, Rows::All) {
            Rows::All => Rows::Where(filter),
            Rows::Where(Filter::And(mut all)) => {
                all.push(filter);
                Rows::Where(Filter::And(all))
            }
            Rows::Where(one) => Rows::Where(Filter::And(vec![one, filter])),
            Rows::Key(key) => Rows::Key(key),
            Rows::One(Filter::And(mut all)) => {
                all.push(filter);
                Rows::One(Filter::And(all))
            }
            Rows::One(one) => Rows::One(Filter::And(vec![one, filter])),
        };
    }
}
