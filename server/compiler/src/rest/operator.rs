//! Which words are operators.

use crate::Error;
use crate::error::QueryError;

/// Operators of a filter, as an error lists them.
pub const OPERATORS: &[&str] = &[
    "eq", "neq", "gt", "gte", "lt", "lte", "like", "ilike", "in", "nin", "is", "isnot", "not",
];

/// Operators the wire knows and this compiler does not have yet, each with what an error calls it.
const NOT_BUILT: &[(&str, &str)] = &[
    ("cs", "Operator cs"),
    ("cd", "Operator cd"),
    ("ov", "Operator ov"),
    ("fts", "Operator fts"),
    ("plfts", "Operator plfts"),
    ("phfts", "Operator phfts"),
    ("wfts", "Operator wfts"),
    ("match", "Operator match"),
    ("imatch", "Operator imatch"),
    ("isdistinct", "Operator isdistinct"),
    ("adj", "Operator adj"),
    ("sl", "Operator sl"),
    ("sr", "Operator sr"),
    ("nxr", "Operator nxr"),
    ("nxl", "Operator nxl"),
    ("st_intersects", "Operator st_intersects"),
    ("st_contains", "Operator st_contains"),
    ("st_within", "Operator st_within"),
    ("st_touches", "Operator st_touches"),
    ("st_crosses", "Operator st_crosses"),
    ("st_overlaps", "Operator st_overlaps"),
    ("st_dwithin", "Operator st_dwithin"),
    ("st_distance", "Operator st_distance"),
    ("vec_l2", "Operator vec_l2"),
    ("vec_cos", "Operator vec_cos"),
    ("vec_ip", "Operator vec_ip"),
];

/// Why a word is not accepted as an operator: not built, or not known.
pub(super) fn refusal(word: &str) -> Error {
    match NOT_BUILT.iter().find(|(name, _)| *name == word) {
        Some((_, called)) => Error::Unsupported(called),
        None => unknown(word),
    }
}

fn unknown(operator: &str) -> Error {
    QueryError::UnknownOperator {
        operator: operator.into(),
    }
    .into()
}

/// Whether the wire knows it, built or not.
pub(super) fn is_known(word: &str) -> bool {
    (word != "not" && OPERATORS.contains(&word)) || NOT_BUILT.iter().any(|(name, _)| *name == word)
}
