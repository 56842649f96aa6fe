//! Which words are operators, and what each means.

use crate::Error;
use crate::ask::{Comparison, Search};
use crate::error::QueryError;

/// Operators of a filter, as an error lists them.
pub const OPERATORS: &[&str] = &[
    "eq",
    "neq",
    "gt",
    "gte",
    "lt",
    "lte",
    "like",
    "ilike",
    "match",
    "imatch",
    "in",
    "nin",
    "is",
    "isnot",
    "isdistinct",
    "fts",
    "plfts",
    "phfts",
    "wfts",
    "cs",
    "cd",
    "ov",
    "sl",
    "sr",
    "nxr",
    "nxl",
    "adj",
    "not",
];

/// What a word asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Compare(Comparison),
    In { negated: bool },
    Is { negated: bool },
    Search(Search),
}

/// Operators the wire knows and this compiler does not have, each with what an error calls it. They belong to PostGIS
/// and pgvector.
const NOT_BUILT: &[(&str, &str)] = &[
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

/// What the word means.
///
/// # Errors
/// When it means nothing, or something that is not built.
pub(super) fn find(word: &str) -> Result<Operator, Error> {
    use Operator::{Compare, In, Is, Search as Words};
    Ok(match word {
        "eq" => Compare(Comparison::Eq),
        "neq" => Compare(Comparison::Neq),
        "gt" => Compare(Comparison::Gt),
        "gte" => Compare(Comparison::Gte),
        "lt" => Compare(Comparison::Lt),
        "lte" => Compare(Comparison::Lte),
        "like" => Compare(Comparison::Like),
        "ilike" => Compare(Comparison::Ilike),
        "match" => Compare(Comparison::Match),
        "imatch" => Compare(Comparison::Imatch),
        "isdistinct" => Compare(Comparison::IsDistinct),
        "cs" => Compare(Comparison::Contains),
        "cd" => Compare(Comparison::ContainedIn),
        "ov" => Compare(Comparison::Overlaps),
        "sl" => Compare(Comparison::StrictlyLeft),
        "sr" => Compare(Comparison::StrictlyRight),
        "nxr" => Compare(Comparison::NotRightOf),
        "nxl" => Compare(Comparison::NotLeftOf),
        "adj" => Compare(Comparison::Adjacent),
        "in" => In { negated: false },
        "nin" => In { negated: true },
        "is" => Is { negated: false },
        "isnot" => Is { negated: true },
        "fts" => Words(Search::Operators),
        "plfts" => Words(Search::Words),
        "phfts" => Words(Search::Phrase),
        "wfts" => Words(Search::Web),
        _ => return Err(refusal(word)),
    })
}

/// Why a word is not accepted as an operator: not built, or not known.
pub(super) fn refusal(word: &str) -> Error {
    match NOT_BUILT.iter().find(|(name, _)| *name == word) {
        Some((_, called)) => Error::Unsupported(called),
        None => QueryError::UnknownOperator {
            operator: word.into(),
        }
        .into(),
    }
}

/// Whether the wire knows it, built or not.
pub(super) fn is_known(word: &str) -> bool {
    (word != "not" && OPERATORS.contains(&word)) || NOT_BUILT.iter().any(|(name, _)| *name == word)
}

/// Whether a text begins as `operator.value` does: `eq.`, `not.in.`, `fts(english).`, `like(any).`
pub(super) fn begins(text: &str) -> bool {
    let text = text.strip_prefix("not.").unwrap_or(text);
    match text.find(['.', '(']) {
        Some(end) => text.get(..end).is_some_and(is_known),
        None => false,
    }
}
