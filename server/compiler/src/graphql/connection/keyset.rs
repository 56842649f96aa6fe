//! Cursors as conditions: which rows lie behind the values of one, or before them.

use std::borrow::Cow;

use crate::ask::{Comparison, Field, Filter, Nulls, Order, Truth};

/// Whether nulls stand behind all values: PostgreSQL takes them for the largest.
fn nulls_last(key: &Order<'_>) -> bool {
    match key.nulls {
        Some(nulls) => nulls == Nulls::Last,
        None => !key.descending,
    }
}

pub(super) fn turn(key: &mut Order<'_>) {
    let nulls = if nulls_last(key) {
        Nulls::First
    } else {
        Nulls::Last
    };
    key.descending = !key.descending;
    key.nulls = Some(nulls);
}

/// The values in a cursor.
pub(super) fn values(cursor: &str) -> Option<Vec<Option<String>>> {
    let digits = cursor.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes: Vec<u8> = digits.collect::<Option<_>>()?;
    let values: Vec<Option<String>> = serde_json::from_slice(&bytes).ok()?;
    let nul = |value: &Option<String>| value.as_ref().is_some_and(|text| text.contains('\0'));
    (!values.iter().any(nul)).then_some(values)
}

/// Rows behind those values in the order, or before them: equal in some keys, and beyond in the next. `nullable` says of
/// each key whether it can be null.
pub(super) fn beyond<'c>(
    order: &[Order<'c>],
    nullable: &[bool],
    values: &[Option<String>],
    forwards: bool,
) -> Filter<'c> {
    let mut any = Vec::with_capacity(order.len());
    let mut equal: Vec<Filter<'c>> = Vec::new();
    for ((key, value), nullable) in order.iter().zip(values).zip(nullable) {
        if let Some(step) = step(key, *nullable, value.as_deref(), forwards) {
            any.push(match equal.is_empty() {
                true => step,
                false => Filter::And(equal.iter().cloned().chain([step]).collect()),
            });
        }
        equal.push(match value {
            Some(value) => compare(key.field.clone(), Comparison::Eq, value),
            None => is(key.field.clone(), Truth::Null),
        });
    }
    let first = order.first().zip(values.first()).zip(nullable.first());
    // The first key alone bounds all of them, which an index can be asked.
    let bound = first.and_then(|((key, value), nullable)| {
        let (op, _) = direction(key, forwards);
        let or_equal = match op {
            Comparison::Gt => Comparison::Gte,
            _ => Comparison::Lte,
        };
        let value = value.as_ref().filter(|_| any.len() > 1)?;
        let certain = !nullable || nulls_last(key) != forwards;
        certain.then(|| compare(key.field.clone(), or_equal, value))
    });
    let beyond = match (any.len(), any.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            any.push(last);
            Filter::Or(any)
        }
        // No key has anything beyond it: no row is.
        (_, None) => nothing(equal),
    };
    match bound {
        Some(bound) => Filter::And(vec![bound, beyond]),
        None => beyond,
    }
}

/// What no row satisfies: all these and not all these.
fn nothing(conditions: Vec<Filter<'_>>) -> Filter<'_> {
    let all = Filter::And(conditions);
    Filter::And(vec![all.clone(), Filter::Not(Box::new(all))])
}

/// How what is beyond compares in one key, and whether null is beyond every value.
fn direction(key: &Order<'_>, forwards: bool) -> (Comparison, bool) {
    let op = match key.descending != forwards {
        true => Comparison::Gt,
        false => Comparison::Lt,
    };
    (op, nulls_last(key) == forwards)
}

/// Beyond a value in one key.
fn step<'c>(
    key: &Order<'c>,
    nullable: bool,
    value: Option<&str>,
    forwards: bool,
) -> Option<Filter<'c>> {
    let field = key.field.clone();
    let (op, nulls_beyond) = direction(key, forwards);
    match (value, nulls_beyond) {
        (Some(value), true) if nullable => Some(Filter::Or(vec![
            compare(field.clone(), op, value),
            is(field, Truth::Null),
        ])),
        (Some(value), _) => Some(compare(field, op, value)),
        (None, false) => Some(is(field, Truth::NotNull)),
        (None, true) => None,
    }
}

fn compare<'c>(field: Field<'c>, op: Comparison, value: &str) -> Filter<'c> {
    Filter::Compare {
        field,
        op,
        quantifier: None,
        value: Cow::Owned(value.to_owned()),
    }
}

fn is(field: Field<'_>, truth: Truth) -> Filter<'_> {
    Filter::Is { field, truth }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    /// As SQL answers it: true, false or unknown. A column's name is its place in the row.
    fn holds(filter: &Filter<'_>, row: &[Option<i32>]) -> Option<bool> {
        let value = |field: &Field<'_>| row[field.column.parse::<usize>().unwrap()];
        match filter {
            Filter::And(all) => all
                .iter()
                .try_fold(Some(true), |sum, one| match (sum, holds(one, row)) {
                    // Whatever else is unknown.
                    (_, Some(false)) => Err(Some(false)),
                    (Some(true), one) => Ok(one),
                    (sum, _) => Ok(sum),
                })
                .unwrap_or_else(|found| found),
            Filter::Or(any) => any
                .iter()
                .try_fold(Some(false), |sum, one| match (sum, holds(one, row)) {
                    (_, Some(true)) => Err(Some(true)),
                    (Some(false), one) => Ok(one),
                    (sum, _) => Ok(sum),
                })
                .unwrap_or_else(|found| found),
            Filter::Not(inner) => holds(inner, row).map(|inner| !inner),
            Filter::Is { field, truth } => Some(value(field).is_none() == (*truth == Truth::Null)),
            Filter::Compare {
                field,
                op,
                value: other,
                ..
            } => {
                let ordering = value(field)?.cmp(&other.parse().unwrap());
                Some(match op {
                    Comparison::Eq => ordering == Ordering::Equal,
                    Comparison::Gt => ordering == Ordering::Greater,
                    Comparison::Gte => ordering != Ordering::Less,
                    Comparison::Lt => ordering == Ordering::Less,
                    Comparison::Lte => ordering != Ordering::Greater,
                    other => panic!("{other:?}"),
                })
            }
            other => panic!("{other:?}"),
        }
    }

    /// As PostgreSQL sorts.
    fn sorted(order: &[Order<'_>], one: &[Option<i32>], other: &[Option<i32>]) -> Ordering {
        for (place, key) in order.iter().enumerate() {
            let last = match key.nulls {
                Some(Nulls::Last) => true,
                Some(Nulls::First) => false,
                None => !key.descending,
            };
            let ordering = match (one[place], other[place]) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) if last => Ordering::Greater,
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) if last => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (Some(one), Some(other)) if key.descending => other.cmp(&one),
                (Some(one), Some(other)) => one.cmp(&other),
            };
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        Ordering::Equal
    }

    fn keys() -> impl Strategy<Value = Vec<Order<'static>>> {
        let nulls = prop::sample::select(vec![None, Some(Nulls::First), Some(Nulls::Last)]);
        prop::collection::vec((any::<bool>(), nulls), 1..4).prop_map(|keys| {
            let keys = keys.into_iter().enumerate();
            keys.map(|(place, (descending, nulls))| Order {
                embed: None,
                field: Field {
                    column: place.to_string().into(),
                    path: Vec::new(),
                    as_text: false,
                },
                descending,
                nulls,
            })
            .collect()
        })
    }

    fn row() -> impl Strategy<Value = Vec<Option<i32>>> {
        prop::collection::vec(prop::option::of(0..3), 3)
    }

    proptest! {
        #[test]
        fn what_is_beyond_a_cursor_is_what_the_order_says(order in keys(), row in row(), cursor in row(), nullable in prop::collection::vec(any::<bool>(), 3)) {
            // A column that cannot be null is not.
            let given = |row: Vec<Option<i32>>| -> Vec<Option<i32>> {
                row.into_iter().zip(&nullable).map(|(value, nullable)| if *nullable { value } else { value.or(Some(1)) }).collect()
            };
            let (row, cursor) = (given(row), given(cursor));
            let values: Vec<Option<String>> = cursor.iter().take(order.len()).map(|value| value.map(|value| value.to_string())).collect();
            let ordering = sorted(&order, &row, &cursor);
            for (forwards, wanted) in [(true, Ordering::Greater), (false, Ordering::Less)] {
                let filter = beyond(&order, &nullable, &values, forwards);
                prop_assert_eq!(holds(&filter, &row) == Some(true), ordering == wanted, "{:?}", filter);
            }
        }

        #[test]
        fn an_order_turned_round_is_the_same_order_from_its_end(order in keys(), one in row(), other in row()) {
            let mut turned = order.clone();
            turned.iter_mut().for_each(turn);
            prop_assert_eq!(sorted(&order, &one, &other), sorted(&turned, &other, &one));
        }
    }
}
