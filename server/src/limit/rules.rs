//! Path → the limits that stand on it.
//!
//! A request must pass every limit whose path is its own: the general ones, those of the exact path
//! and those of all prefixes. A limit somebody wrote down is never switched off by another one.

use super::window::Limit;
use crate::config::RateLimiting;
use std::fmt;

/// Everything that is limited stands below one of these. They are one for the general limits: whoever may ask a hundred
/// times a minute may not ask a hundred times at each.
const ROOTS: [&str; 2] = ["/api/v1/", "/rest/v1/"];

/// Names of one resource: the second is counted as the first.
const SAME: [(&str, &str); 6] = [
    ("/api/v1/graphql", "/graphql/v1"),
    ("/api/v1/auth/signin", "/api/v1/auth/login"),
    ("/api/v1/auth/signin", "/api/v1/admin/login"),
    ("/api/v1/auth/refresh", "/api/v1/admin/refresh"),
    ("/api/v1/auth/signout", "/api/v1/auth/logout"),
    ("/api/v1/auth/signout", "/api/v1/admin/logout"),
];

/// A path, or all paths below one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// This path.
    Exact(String),
    /// What begins so; ends with a slash.
    Below(String),
    /// Everything that is limited.
    All,
}

impl Pattern {
    /// From `/api/v1/auth/signin` or `/api/v1/tables/*`.
    ///
    /// # Errors
    /// What is wrong with it: a path no request can have would limit nothing, silently.
    pub fn parse(written: &str) -> Result<Self, &'static str> {
        let (path, below) = match written.strip_suffix("/*") {
            Some(path) => (path, true),
            None => (one_spelling(written), false),
        };
        let root = ROOTS
            .iter()
            .any(|root| root.strip_suffix('/') == Some(path));
        if !root && !ROOTS.iter().any(|root| path.starts_with(root)) || root && !below {
            return Err(
                "expected a path that begins with /api/v1/ or /rest/v1/, for instance /api/v1/tables/*",
            );
        }
        if path.ends_with('/') || path.contains("//") {
            return Err("no path that is served has an empty part");
        }
        let literal = path
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte));
        if !literal {
            return Err(
                "expected letters, digits and -_.~ between slashes, and `/*` at the end only",
            );
        }
        Ok(if below {
            Self::Below(format!("{path}/"))
        } else {
            Self::Exact(path.to_owned())
        })
    }

    fn holds(&self, path: &str) -> bool {
        match self {
            Self::Exact(own) => own == path,
            Self::Below(own) => path.starts_with(own),
            Self::All => ROOTS.iter().any(|root| path.starts_with(root)),
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(path) => f.write_str(path),
            Self::Below(path) => write!(f, "{path}*"),
            Self::All => f.write_str("all paths"),
        }
    }
}

fn one_spelling(path: &str) -> &str {
    SAME.iter()
        .find(|(_, other)| *other == path)
        .map_or(path, |(first, _)| *first)
}

/// A limit under the number its counts are kept by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// No other limit has it.
    pub number: usize,
    /// The limit.
    pub limit: Limit,
}

/// All limits there are.
#[derive(Debug)]
pub struct Rules(Vec<(Pattern, Numbered)>);

impl Rules {
    /// Those of the account endpoints stand only where no other was given for the very path.
    #[must_use]
    pub fn new(config: &RateLimiting) -> Self {
        if !config.enabled {
            return Self(Vec::new());
        }
        let said = |path: &str| {
            let said = |pattern: &Pattern| matches!(pattern, Pattern::Exact(own) if own == path);
            config.endpoints.iter().any(|endpoint| said(&endpoint.path))
        };
        let general = config.general.iter().map(|limit| (Pattern::All, *limit));
        let given = config.endpoints.iter().flat_map(|endpoint| {
            let limits = endpoint.limits.iter();
            limits.map(|limit| (endpoint.path.clone(), *limit))
        });
        let accounts = config
            .accounts
            .iter()
            .filter(|(path, _)| !said(path))
            .map(|(path, limit)| (Pattern::Exact((*path).to_owned()), *limit));
        Self(
            general
                .chain(given)
                .chain(accounts)
                .enumerate()
                .map(|(number, (pattern, limit))| (pattern, Numbered { number, limit }))
                .collect(),
        )
    }

    /// The limits a request for this path must pass.
    #[must_use]
    pub fn on(&self, path: &str) -> Vec<Numbered> {
        let path = one_spelling(path);
        self.0
            .iter()
            .filter(|(pattern, _)| pattern.holds(path))
            .map(|(_, numbered)| *numbered)
            .collect()
    }
}

#[cfg(test)]
mod tests;
