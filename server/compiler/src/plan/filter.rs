//! Conditions: every column found, every operator judged against its type.

use std::borrow::Cow;

use crate::Error;
use crate::ask::{Comparison, Filter, Select, Truth};
use crate::catalog::{Relation, TypeClass};
use crate::error::NameError;
use crate::plan::{Embed, Expression, Predicate, World, embed, names, read};

/// What a condition may speak of.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a, 's, 'l> {
    pub(super) world: World<'a, 'l>,
    pub(super) relation: &'a Relation,
    pub(super) select: &'s [Select<'s>],
}

pub(super) fn plan<'a>(
    scope: Scope<'a, '_, '_>,
    filter: &'a Filter<'a>,
) -> Result<Predicate<'a>, Error> {
    let expression = |field| names::expression(scope.world.catalog, scope.relation, field);
    let each = |filters: &'a [Filter<'a>]| -> Result<Vec<_>, Error> {
        filters.iter().map(|one| plan(scope, one)).collect()
    };
    match filter {
        Filter::And(filters) => each(filters).map(Predicate::And),
        Filter::Or(filters) => each(filters).map(Predicate::Or),
        Filter::Not(inner) => plan(scope, inner).map(|inner| Predicate::Not(Box::new(inner))),
        Filter::Compare {
            field,
            op,
            quantifier,
            value,
        } => {
            let left = expression(field)?;
            judge_comparison(&left, *op)?;
            let numeric =
                quantifier.is_none() && left.as_text && is_ordering(*op) && is_json_number(value);
            Ok(Predicate::Compare {
                value: operand(left.class(), *op, value),
                left,
                op: *op,
                quantifier: *quantifier,
                numeric,
            })
        }
        Filter::Search {
            field,
            form,
            config,
            query,
        } => {
            let left = expression(field)?;
            match left.class() {
                TypeClass::TsVector | TypeClass::Text | TypeClass::Json | TypeClass::Jsonb => {}
                _ => return Err(mismatch(&left, "fts", "it is neither text nor tsvector")),
            }
            Ok(Predicate::Search {
                left,
                form: *form,
                config: config.as_deref(),
                query,
            })
        }
        Filter::In { field, values } => {
            let left = expression(field)?;
            match left.class() {
                TypeClass::Json => Err(mismatch(&left, "in", JSON_HAS_NO_EQUALITY)),
                // PostgreSQL has no arrays of arrays to hold the list.
                TypeClass::Array => Err(mismatch(&left, "in", "it is an array")),
                _ => Ok(Predicate::In { left, values }),
            }
        }
        Filter::Is { field, truth } => {
            let null = matches!(truth, Truth::Null | Truth::NotNull);
            if null
                && field.path.is_empty()
                && let Some(place) = read::embed_named(scope.select, &field.column)
            {
                let there = Predicate::Embedded(place);
                return Ok(match truth {
                    Truth::Null => Predicate::Not(Box::new(there)),
                    _ => there,
                });
            }
            let left = expression(field)?;
            if !null && left.class() != TypeClass::Boolean {
                return Err(mismatch(
                    &left,
                    "is",
                    "only is.null applies, it is not boolean",
                ));
            }
            Ok(Predicate::Is {
                left,
                truth: *truth,
            })
        }
        Filter::Present => Ok(Predicate::Present),
        Filter::Untrue(inner) => plan(scope, inner).map(|inner| Predicate::Untrue(Box::new(inner))),
        Filter::Related { way, rows } => {
            let related = embed::step(scope.world, scope.relation, *way)?;
            let inner = Scope {
                world: scope.world,
                relation: related.read.relation,
                select: &[],
            };
            let filter = rows.as_deref().map(|rows| plan(inner, rows)).transpose()?;
            Ok(Predicate::Related(Box::new(Embed {
                read: crate::plan::Read {
                    filter,
                    ..related.read
                },
                ..related
            })))
        }
        Filter::Unreadable { field, error } => {
            expression(field)?;
            Err(error.as_ref().clone())
        }
    }
}

/// An array may be written as PostgreSQL does, as JSON, or as a list in parentheses.
fn operand<'a>(class: TypeClass, op: Comparison, value: &'a str) -> Cow<'a, str> {
    let of_sets = matches!(
        op,
        Comparison::Contains | Comparison::ContainedIn | Comparison::Overlaps
    );
    if class != TypeClass::Array || !of_sets {
        return Cow::Borrowed(value);
    }
    let inner = |open, close| {
        value
            .strip_prefix(open)
            .and_then(|text| text.strip_suffix(close))
    };
    match (inner('(', ')'), inner('[', ']')) {
        // Quotes and commas mean the same in all three; only backslashes of JSON other than \" and \\ would not.
        (Some(list), _) | (None, Some(list)) => Cow::Owned(format!("{{{list}}}")),
        (None, None) => Cow::Borrowed(value),
    }
}

/// Whether the condition can hold for one row at most: a unique key is pinned by equality.
///
/// Then the statement needs no LIMIT, and has the shape and cost of a plain look-up by key. With old-style inheritance
/// a child may repeat its parent's key; all that is lost then is the cap on the page.
pub(super) fn pins_one_row(relation: &Relation, predicate: &Predicate<'_>) -> bool {
    let conditions = match predicate {
        Predicate::And(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let pinned = |position: &usize| {
        relation.columns.get(*position).is_some_and(|column| {
            conditions.iter().any(|condition| {
                matches!(
                    condition,
                    Predicate::Compare { left, op: Comparison::Eq, quantifier: None, .. }
                        if left.is_column(column)
                )
            })
        })
    };
    relation
        .unique_keys
        .iter()
        .any(|key| !key.is_empty() && key.iter().all(pinned))
}

const JSON_HAS_NO_EQUALITY: &str = "json cannot be compared; compare a text inside it (->>)";

fn judge_comparison(left: &Expression<'_>, op: Comparison) -> Result<(), Error> {
    use Comparison::{
        Adjacent, ContainedIn, Contains, Ilike, Imatch, Like, Match, NotLeftOf, NotRightOf,
        Overlaps, StrictlyLeft, StrictlyRight,
    };
    let refuse = |reason| Err(mismatch(left, name(op), reason));
    match (op, left.class()) {
        (_, TypeClass::Json) => refuse(JSON_HAS_NO_EQUALITY),
        (Like | Ilike | Match | Imatch, class) if class != TypeClass::Text => {
            refuse("it is not text")
        }
        (Contains | ContainedIn | Overlaps, TypeClass::Text | TypeClass::Boolean) => {
            refuse("it is neither an array, a range nor jsonb")
        }
        (Overlaps, TypeClass::Jsonb) => refuse("it is neither an array nor a range"),
        (
            StrictlyLeft | StrictlyRight | NotLeftOf | NotRightOf | Adjacent,
            TypeClass::Text | TypeClass::Boolean | TypeClass::Array | TypeClass::Jsonb,
        ) => refuse("it is not a range"),
        _ => Ok(()),
    }
}

fn mismatch(left: &Expression<'_>, operator: &'static str, reason: &'static str) -> Error {
    NameError::Operator {
        operator,
        column: left.base.name().as_str().to_owned(),
        reason,
    }
    .into()
}

fn name(op: Comparison) -> &'static str {
    match op {
        Comparison::Eq => "eq",
        Comparison::Neq => "neq",
        Comparison::Gt => "gt",
        Comparison::Gte => "gte",
        Comparison::Lt => "lt",
        Comparison::Lte => "lte",
        Comparison::Like => "like",
        Comparison::Ilike => "ilike",
        Comparison::Match => "match",
        Comparison::Imatch => "imatch",
        Comparison::IsDistinct => "isdistinct",
        Comparison::Contains => "cs",
        Comparison::ContainedIn => "cd",
        Comparison::Overlaps => "ov",
        Comparison::StrictlyLeft => "sl",
        Comparison::StrictlyRight => "sr",
        Comparison::NotRightOf => "nxr",
        Comparison::NotLeftOf => "nxl",
        Comparison::Adjacent => "adj",
    }
}

/// Equality stays textual: it matches the number 5 and the string "5", and can use an index on the path.
fn is_ordering(op: Comparison) -> bool {
    matches!(
        op,
        Comparison::Gt | Comparison::Gte | Comparison::Lt | Comparison::Lte
    )
}

/// Whether the text is a number as JSON writes it.
fn is_json_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            exponent.strip_prefix(['+', '-']).unwrap_or(exponent),
        ),
        None => (unsigned, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    digits(whole) && digits(fraction) && digits(exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_text() {
        for number in ["0", "-1", "3.25", "1e9", "-2.5E-3", "007"] {
            assert!(is_json_number(number), "{number}");
        }
        for text in [
            "", "-", "1.", ".5", "1e", "0x1", "1 ", "NaN", "Infinity", "1,5", "--1",
        ] {
            assert!(!is_json_number(text), "{text}");
        }
    }
}
