//! `Prefer` headers (RFC 7240) → what a request prefers.

use std::borrow::Cow;

use crate::Error;
use crate::ask::{Count, Resolution};
use crate::error::QueryError;

/// What the caller prefers; `None` where nothing was said.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Preferences<'a> {
    pub(super) returning: Option<Return>,
    /// `missing=default`: a row of an array takes the default for a key only other rows have, not NULL.
    pub(super) missing_default: Option<bool>,
    pub(super) count: Option<Count>,
    pub(super) resolution: Option<Resolution>,
    /// `tx=rollback`
    pub(super) rollback: Option<bool>,
    pub(super) time_zone: Option<Cow<'a, str>>,
    pub(super) max_affected: Option<u64>,
    strict: Option<bool>,
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
/// `max-affected` holds with and without it: it guards rows, and a guard that is left out is none.
pub(super) fn parse<'a>(headers: &[&'a str]) -> Result<Preferences<'a>, Error> {
    let mut found = Preferences::default();
    let mut unknown = None;
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
            ("missing", "null") => set(&mut found.missing_default, false, refused)?,
            ("count", "none") => set(&mut found.count, Count::No, refused)?,
            ("count", text) => set(&mut found.count, count(text)?, refused)?,
            ("handling", "strict") => set(&mut found.strict, true, refused)?,
            ("handling", "lenient") => set(&mut found.strict, false, refused)?,
            ("resolution", "merge-duplicates") => {
                set(&mut found.resolution, Resolution::Merge, refused)?
            }
            ("resolution", "ignore-duplicates") => {
                set(&mut found.resolution, Resolution::Ignore, refused)?
            }
            ("tx", "rollback") => set(&mut found.rollback, true, refused)?,
            ("tx", "commit") => set(&mut found.rollback, false, refused)?,
            ("timezone", text) if is_zone(text) => set(&mut found.time_zone, value, refused)?,
            ("max-affected", text) => {
                let most = text.parse().map_err(|_| refused())?;
                set(&mut found.max_affected, most, refused)?
            }
            ("return" | "missing" | "handling" | "resolution" | "tx" | "timezone", _) => {
                return Err(refused().into());
            }
            _ => unknown = Some(refused()),
        }
        if !parameters.trim().is_empty() {
            unknown = Some(refused());
        }
    }
    match (found.strict, unknown) {
        (Some(true), Some(refused)) => Err(refused.into()),
        _ => Ok(found),
    }
}

/// Whether a text can be the name of a time zone; PostgreSQL decides whether it is one.
fn is_zone(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/_+-:".contains(&byte))
}

impl Preferences<'_> {
    /// As `Preference-Applied` says it, of those that had a meaning for the request.
    pub(super) fn applied(&self, verb: Applies) -> String {
        let mut said: Vec<Cow<'_, str>> = Vec::new();
        let writes = verb == Applies::Write;
        match self.resolution.filter(|_| writes) {
            Some(Resolution::Merge) => said.push("resolution=merge-duplicates".into()),
            Some(Resolution::Ignore) => said.push("resolution=ignore-duplicates".into()),
            None => {}
        }
        if writes && self.missing_default == Some(true) {
            said.push("missing=default".into());
        }
        match self.returning.filter(|_| writes) {
            Some(Return::Representation) => said.push("return=representation".into()),
            Some(Return::Minimal) => said.push("return=minimal".into()),
            Some(Return::HeadersOnly) => said.push("return=headers-only".into()),
            None => {}
        }
        match self.count {
            Some(Count::Exact) => said.push("count=exact".into()),
            Some(Count::Planned) => said.push("count=planned".into()),
            Some(Count::Estimated) => said.push("count=estimated".into()),
            Some(Count::No) | None => {}
        }
        match self.rollback {
            Some(true) => said.push("tx=rollback".into()),
            Some(false) => said.push("tx=commit".into()),
            None => {}
        }
        match self.strict {
            Some(true) => said.push("handling=strict".into()),
            Some(false) => said.push("handling=lenient".into()),
            None => {}
        }
        if let Some(zone) = &self.time_zone {
            said.push(format!("timezone={zone}").into());
        }
        if let Some(most) = self.max_affected {
            said.push(format!("max-affected={most}").into());
        }
        said.join(", ")
    }
}

/// Which preferences have a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applies {
    Read,
    Write,
}

/// Reads a way of counting, also that of the parameter `count`.
pub(super) fn count(text: &str) -> Result<Count, Error> {
    match text {
        "exact" => Ok(Count::Exact),
        "planned" => Ok(Count::Planned),
        "estimated" => Ok(Count::Estimated),
        "none" => Ok(Count::No),
        _ => Err(QueryError::Malformed {
            parameter: "count".into(),
            problem: "one of exact, planned, estimated, none is expected".to_owned(),
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

fn unquoted<'a>(value: &'a str) -> Cow<'a, str> {
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
            ..Preferences::default()
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
    fn preferences_that_change_what_happens_are_never_left_out() {
        for header in [
            "resolution=sometimes",
            "tx=maybe",
            "max-affected=many",
            "max-affected=-1",
            "timezone=a b",
            "count=roughly",
            "return=everything",
        ] {
            assert!(parse(&[header]).is_err(), "{header}");
        }
    }

    #[test]
    fn what_was_applied_is_said_in_one_order() {
        let found = parse(&["max-affected=5, tx=rollback, return=minimal, count=exact"]).unwrap();
        let (read, write) = (found.applied(Applies::Read), found.applied(Applies::Write));
        assert_eq!(read, "count=exact, tx=rollback, max-affected=5");
        assert_eq!(
            write,
            "return=minimal, count=exact, tx=rollback, max-affected=5"
        );
    }
}
