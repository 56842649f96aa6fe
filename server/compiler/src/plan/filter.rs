//! Conditions: every column found, every operator judged against its type.

use crate::Error;
use crate::ask::{Comparison, Filter, Truth};
use crate::catalog::Relation;
use crate::catalog::TypeClass;
use crate::error::NameError;
use crate::plan::{Expression, Predicate, names};

pub(super) fn plan<'a>(
    relation: &'a Relation,
    filter: &'a Filter<'a>,
) -> Result<Predicate<'a>, Error> {
    let each = |filters: &'a [Filter<'a>]| -> Result<Vec<_>, Error> {
        filters.iter().map(|one| plan(relation, one)).collect()
    };
    match filter {
        Filter::And(filters) => each(filters).map(Predicate::And),
        Filter::Or(filters) => each(filters).map(Predicate::Or),
        Filter::Not(inner) => plan(relation, inner).map(|inner| Predicate::Not(Box::new(inner))),
        Filter::Compare { field, op, value } => {
            let left = names::expression(relation, field)?;
            judge_comparison(&left, *op)?;
            let numeric = left.as_text && is_ordering(*op) && is_json_number(value);
            Ok(Predicate::Compare {
                left,
                op: *op,
                value,
                numeric,
            })
        }
        Filter::In { field, values } => {
            let left = names::expression(relation, field)?;
            match left.class() {
                TypeClass::Json => Err(mismatch(&left, "in", JSON_HAS_NO_EQUALITY)),
                // PostgreSQL has no arrays of arrays to hold the list.
                TypeClass::Array => Err(mismatch(&left, "in", "it is an array")),
                _ => Ok(Predicate::In { left, values }),
            }
        }
        Filter::Is { field, truth } => {
            let left = names::expression(relation, field)?;
            if *truth != Truth::Null && left.class() != TypeClass::Boolean {
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
        Filter::Unreadable { field, error } => {
            names::column(relation, &field.column)?;
            Err(error.as_ref().clone())
        }
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
                matches!(condition, Predicate::Compare { left, op: Comparison::Eq, .. }
                    if left.path.is_empty() && std::ptr::eq(left.column, column))
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
    let pattern = matches!(op, Comparison::Like | Comparison::Ilike);
    match left.class() {
        TypeClass::Json => Err(mismatch(left, name(op), JSON_HAS_NO_EQUALITY)),
        TypeClass::Text => Ok(()),
        _ if pattern => Err(mismatch(left, name(op), "it is not text")),
        _ => Ok(()),
    }
}

fn mismatch(left: &Expression<'_>, operator: &'static str, reason: &'static str) -> Error {
    NameError::Operator {
        operator,
        column: left.column.name.as_str().to_owned(),
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
