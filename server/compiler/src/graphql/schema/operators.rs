//! What fields can be compared by and ordered in.

use crate::ask::{Comparison, Nulls};

/// What a filter compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum Operator {
    Is(Comparison),
    In,
    IsNull,
}

/// Each operator with what stands behind the field's name. None is the end of another.
pub(super) const OPERATORS: [(&str, Operator); 13] = [
    ("_eq", Operator::Is(Comparison::Eq)),
    ("_neq", Operator::Is(Comparison::Neq)),
    ("_gt", Operator::Is(Comparison::Gt)),
    ("_gte", Operator::Is(Comparison::Gte)),
    ("_lt", Operator::Is(Comparison::Lt)),
    ("_lte", Operator::Is(Comparison::Lte)),
    ("_like", Operator::Is(Comparison::Like)),
    ("_ilike", Operator::Is(Comparison::Ilike)),
    ("_contains", Operator::Is(Comparison::Contains)),
    ("_contained_by", Operator::Is(Comparison::ContainedIn)),
    ("_overlaps", Operator::Is(Comparison::Overlaps)),
    ("_in", Operator::In),
    ("_is_null", Operator::IsNull),
];

/// The values of an order's enum.
pub(in crate::graphql) const DIRECTIONS: [(&str, bool, Option<Nulls>); 6] = [
    ("ASC", false, None),
    ("DESC", true, None),
    ("ASC_NULLS_FIRST", false, Some(Nulls::First)),
    ("ASC_NULLS_LAST", false, Some(Nulls::Last)),
    ("DESC_NULLS_FIRST", true, Some(Nulls::First)),
    ("DESC_NULLS_LAST", true, Some(Nulls::Last)),
];

/// `json` and rows inside rows: there is no order among them, and no equality.
pub(in crate::graphql) const NO_ORDER: &[Operator] = &[Operator::IsNull];

pub(super) const ORDERED: &[Operator] = &[
    Operator::Is(Comparison::Eq),
    Operator::Is(Comparison::Neq),
    Operator::Is(Comparison::Gt),
    Operator::Is(Comparison::Gte),
    Operator::Is(Comparison::Lt),
    Operator::Is(Comparison::Lte),
    Operator::In,
    Operator::IsNull,
];
pub(super) const TEXT: &[Operator] = &[
    Operator::Is(Comparison::Eq),
    Operator::Is(Comparison::Neq),
    Operator::Is(Comparison::Gt),
    Operator::Is(Comparison::Gte),
    Operator::Is(Comparison::Lt),
    Operator::Is(Comparison::Lte),
    Operator::Is(Comparison::Like),
    Operator::Is(Comparison::Ilike),
    Operator::In,
    Operator::IsNull,
];
/// Enums, UUIDs, and types whose order says nothing to a caller.
pub(super) const EQUAL: &[Operator] = &[
    Operator::Is(Comparison::Eq),
    Operator::Is(Comparison::Neq),
    Operator::In,
    Operator::IsNull,
];
pub(super) const BOOLEANS: &[Operator] = &[
    Operator::Is(Comparison::Eq),
    Operator::Is(Comparison::Neq),
    Operator::IsNull,
];
pub(super) const JSONB: &[Operator] = &[
    Operator::Is(Comparison::Eq),
    Operator::Is(Comparison::Neq),
    Operator::Is(Comparison::Contains),
    Operator::Is(Comparison::ContainedIn),
    Operator::IsNull,
];
pub(super) const ARRAYS: &[Operator] = &[
    Operator::Is(Comparison::Eq),
    Operator::Is(Comparison::Neq),
    Operator::Is(Comparison::Contains),
    Operator::Is(Comparison::ContainedIn),
    Operator::Is(Comparison::Overlaps),
    Operator::IsNull,
];
