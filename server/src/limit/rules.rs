//! Path and caller → the limits a request must pass, and by whom it is counted at each.
//!
//! A request must pass every limit whose path is its own: the general ones, those of the exact path
//! and those of all prefixes. A limit somebody wrote down is never switched off by another one.

use super::window::Limit;
use crate::config::RateLimiting;
use fluxbase_rules::uuid;
use serde::Deserialize;
use std::fmt;
use std::net::IpAddr;

/// Everything that is limited stands below one of these. They are one for the general limits: whoever may ask a hundred
/// times a minute may not ask a hundred times at each.
const ROOTS: [&str; 2] = ["/api/v1/", "/rest/v1/"];

/// Names of one resource: the second is counted as the first.
const SAME: [(&str, &str); 5] = [
    ("/api/v1/graphql", "/graphql/v1"),
    ("/api/v1/auth/signin", "/api/v1/auth/login"),
    ("/api/v1/auth/refresh", "/api/v1/admin/refresh"),
    ("/api/v1/auth/signout", "/api/v1/auth/logout"),
    ("/api/v1/auth/signout", "/api/v1/admin/logout"),
];

/// A request for the second is counted as one for the first too: another door to the same passwords must not be another
/// chance to guess them.
const ALSO: [(&str, &str); 1] = [("/api/v1/auth/signin", "/api/v1/admin/login")];

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
            Self::Exact(own) => own == path || ALSO.contains(&(own.as_str(), path)),
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

/// By whom a request is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whom {
    /// Everybody behind one address.
    Address(IpAddr),
    /// A user, wherever from.
    User([u8; 16]),
    /// A key, wherever from.
    Key([u8; 16]),
}

/// A limit, and by whom it is counted.
pub type Counted = (Whom, Numbered);

/// Who asks, as far as it matters for how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Nobody in particular, or somebody with a credential that is good for nothing.
    Anybody,
    /// A user whose token verifies.
    User([u8; 16]),
    /// An administrator whose token verifies: not counted.
    Administrator,
    /// `service_role` with a token that verifies.
    Service,
    /// A key the database has vouched for.
    Key(KnownKey),
}

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// Of its row.
    pub id: [u8; 16],
    /// Whose client key it is; a service key is nobody's.
    pub owner: Option<[u8; 16]>,
    /// Requests in a minute, if it has a limit of its own.
    pub per_minute: Option<u32>,
    /// Requests in an hour.
    pub per_hour: Option<u32>,
}

impl KnownKey {
    /// From the answer of `auth.key_limits`; `None` when it is none.
    #[must_use]
    pub fn read(answer: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Answer<'a> {
            id: &'a str,
            user_id: Option<&'a str>,
            per_minute: Option<u32>,
            per_hour: Option<u32>,
        }
        let answer: Answer<'_> = serde_json::from_slice(answer).ok()?;
        Some(Self {
            id: uuid::parse(answer.id)?,
            owner: match answer.user_id {
                Some(owner) => Some(uuid::parse(owner)?),
                None => None,
            },
            per_minute: answer.per_minute,
            per_hour: answer.per_hour,
        })
    }

    fn own(self) -> impl Iterator<Item = Counted> {
        // Numbers no rule of the configuration reaches.
        let limits = [
            (self.per_minute, 60, usize::MAX),
            (self.per_hour, 3600, usize::MAX - 1),
        ];
        limits
            .into_iter()
            .filter_map(move |(most, seconds, number)| {
                let limit = Limit {
                    most: most?,
                    seconds,
                };
                Some((Whom::Key(self.id), Numbered { number, limit }))
            })
    }
}

/// Keys that one address may have looked up in a minute. A gateway shows many at once after one of them has changed; who
/// invents more than that is counted as anybody, and costs the database nothing.
const LOOK_UPS: Limit = Limit {
    most: 1000,
    seconds: 60,
};

/// What having a key looked up is counted at.
#[must_use]
pub fn look_up(address: IpAddr) -> Counted {
    let number = usize::MAX - 2;
    let limit = LOOK_UPS;
    (Whom::Address(address), Numbered { number, limit })
}

impl Asker {
    /// The same at an endpoint that looks at no credential: a user's token must not be a further chance to guess, and a
    /// backend that signs people in from one address is still that backend.
    #[must_use]
    pub fn at_a_public_door(self) -> Self {
        match self {
            Self::Service => self,
            Self::Key(key) if key.owner.is_none() => self,
            Self::Anybody | Self::User(_) | Self::Administrator | Self::Key(_) => Self::Anybody,
        }
    }
}

/// All limits there are.
#[derive(Debug)]
pub struct Rules {
    of_paths: Vec<(Pattern, Numbered)>,
    service: Option<Numbered>,
    per_user: bool,
    on: bool,
}

impl Rules {
    /// Those of the account endpoints stand only where no other was given for the very path.
    #[must_use]
    pub fn new(config: &RateLimiting) -> Self {
        if !config.enabled {
            return Self {
                of_paths: Vec::new(),
                service: None,
                per_user: false,
                on: false,
            };
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
        let of_paths: Vec<_> = general
            .chain(given)
            .chain(accounts)
            .enumerate()
            .map(|(number, (pattern, limit))| (pattern, Numbered { number, limit }))
            .collect();
        let number = of_paths.len();
        Self {
            of_paths,
            service: config.service.map(|limit| Numbered { number, limit }),
            per_user: config.per_user,
            on: true,
        }
    }

    /// Whether anything is limited.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// The limits a request for this path must pass.
    fn on(&self, path: &str) -> impl Iterator<Item = Numbered> {
        let path = one_spelling(path);
        self.of_paths
            .iter()
            .filter(move |(pattern, _)| pattern.holds(path))
            .map(|(_, numbered)| *numbered)
    }

    /// What a request of this caller is counted at.
    #[must_use]
    pub fn counted(&self, path: &str, asker: &Asker, address: IpAddr) -> Vec<Counted> {
        let address = Whom::Address(address);
        let user = |id: [u8; 16]| match self.per_user {
            true => Whom::User(id),
            false => address,
        };
        let as_anybody = |whom: Whom| self.on(path).map(move |limit| (whom, limit));
        let as_service = |whom: Whom| self.service.into_iter().map(move |limit| (whom, limit));
        if !self.on {
            return Vec::new();
        }
        match *asker {
            Asker::Anybody => as_anybody(address).collect(),
            Asker::User(id) => as_anybody(user(id)).collect(),
            Asker::Administrator => Vec::new(),
            Asker::Service => as_service(address).collect(),
            Asker::Key(key) => match key.owner {
                None => as_service(Whom::Key(key.id)).chain(key.own()).collect(),
                Some(owner) => as_anybody(user(owner)).chain(key.own()).collect(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
