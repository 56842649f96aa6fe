//! `Prefer` headers (RFC 7240) → what a request prefers.

use std::borrow::Cow;

use crate::Error;
use crate::ask::Count;
use crate::error::QueryError;

/// What the caller prefers; `None` where nothing was said.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Preferences {
    pub(super) returning: Option<Return>,
    /// `missing=default`: a row of an array takes the default for a key only other rows have, not NULL.
    pub(super) missing_default: Option<bool>,
    pub(super) count: Option<Count>,
}

/// `return=`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Return {
    Representation,
    Minimal,
    HeadersOnly,
}

/// Reads all `Prefer` headers of a request.
///
/// RFC 7240 section 2 has a server leave out preferences it does not know; with `handling=strict` they are refused.
/// Preferences that would change which rows are touched are never left out: those not built are refused always.
pub(super) fn parse(headers: &[&str]) -> Result<Preferences, Error> {
    let mut found = Preferences::default();
    let mut unknown = None;
    let mut strict = None;
    for preference in headers.iter().flat_map(|header| header.split(',')) {
        // Parameters behind a semicolon belong to preferences this server does not have.
        let (preference, parameters) = preference.split_once(';').unwrap_or((preference, ""));
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        let (name, value) = (name.trim().to_ascii_lowercase(), unquoted(value.trim()));
        let refused = || QueryError::Preference(preference.trim().into());
        match (name.as_str(), value.as_ref()) {
            ("", "") => {}
            ("return", "representation") => {
                set(&mut found.returning, Return::Representation, refused)?
            }
            ("return", "minimal") => set(&mut found.returning, Return::Minimal, refused)?,
            ("return", "headers-only") => set(&mut found.returning, Return::HeadersOnly, refused)?,
            ("missing", "default") => set(&mut found.missing_default, true, refused)?,
            ("count", "none") => set(&mut found.count, Count::No, refused)?,
            ("count", text) => set(&mut found.count, count(text)?, refused)?,
            ("handling", "strict") => set(&mut strict, true, refused)?,
            ("handling", "lenient") => set(&mut strict, false, refused)?,
            ("return" | "missing" | "handling", _) => return Err(refused().into()),
            ("resolution", _) => return Err(Error::Unsupported("Upsert (Prefer: resolution)")),
            ("tx", _) => return Err(Error::Unsupported("Prefer: tx")),
            ("timezone", _) => return Err(Error::Unsupported("Prefer: timezone")),
            ("max-affected", _) => return Err(Error::Unsupported("Prefer: max-affected")),
            _ => unknown = Some(refused()),
        }
        if !parameters.trim().is_empty() {
            unknown = Some(refused());
        }
    }
    match (strict, unknown) {
        (Some(true), Some(refused)) => Err(refused.into()),
        _ => Ok(found),
    }
}

/// Reads a way of counting, also that of the parameter `count`.
pub(super) fn count(text: &str) -> Result<Count, Error> {
    match text {
        "exact" => Ok(Count::Exact),
        "none" => Ok(Count::No),
        "planned" => Err(Error::Unsupported("count=planned")),
        "estimated" => Err(Error::Unsupported("count=estimated")),
        _ => Err(QueryError::Malformed {
            parameter: "count".into(),
            problem: "one of exact, none is expected".to_owned(),
        }
        .into()),
    }
}

/// Saying the same twice is fine, contradicting oneself is not.
fn set<T: PartialEq>(
    slot: &mut Option<T>,
    value: T,
    refused: impl Fn() -> QueryError,
) -> Result<(), Error> {
    if slot.as_ref().is_some_and(|before| *before != value) {
        return Err(refused().into());
    }
    *slot = Some(value);
    Ok(())
}

fn unquoted(value: &str) -> Cow<'_, str> {
    value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .map_or(Cow::Borrowed(value), |inner| {
            Cow::Owned(inner.replace("\\\"", "\""))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preferences_of_several_headers_are_joined() {
        let found = parse(&["Return=minimal, missing=default", "count=\"exact\""]).unwrap();
        let expected = Preferences {
            returning: Some(Return::Minimal),
            missing_default: Some(true),
            count: Some(Count::Exact),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn contradictions_are_refused_and_repetitions_are_not() {
        assert!(parse(&["return=minimal", "return=representation"]).is_err());
        assert!(parse(&["return=minimal", "return=minimal"]).is_ok());
    }

    #[test]
    fn unknown_preferences_are_refused_only_when_handling_is_strict() {
        assert!(parse(&["respond-async, wait=10"]).is_ok());
        assert!(parse(&["respond-async", "handling=strict"]).is_err());
        assert!(parse(&["return=minimal;foo", "handling=strict"]).is_err());
        assert!(parse(&["return=minimal", "handling=strict"]).is_ok());
    }

    #[test]
    fn preferences_that_change_the_rows_touched_are_never_left_out() {
        for header in [
            "resolution=merge-duplicates",
            "tx=rollback",
            "max-affected=1",
            "count=planned",
        ] {
            assert!(
                matches!(parse(&[header]), Err(Error::Unsupported(_))),
                "{header}"
            );
        }
        assert!(parse(&["return=everything"]).is_err());
    }
}
