//! How often a client may ask. Parts that know nothing of the next:
//!
//! | module | decides |
//! |---|---|
//! | [`rules`] | which limits stand on a path, and by whom a request is counted |
//! | [`keys`] | what this process knows of keys |
//! | [`window`] | whether counts leave room for one more request, and what the client is told |
//! | `table` | where the counts of all clients are kept, in bounded memory |
//!
//! The counts are this process's own: several servers each allow the whole limit, and a restart
//! forgets. What must survive both, the count of failed sign-ins, is the database's.

pub mod keys;
pub mod rules;
mod table;
pub mod window;

use crate::config::RateLimiting;
use fluxbase_rules::UnixSeconds;
use keys::KnownKeys;
use rules::{Asker, Counted, Rules};
use std::net::IpAddr;
use table::Table;
use window::Verdict;

/// Counts kept at once, each of one client at one limit; some five megabytes. Beyond it the ones
/// longest unused go: whoever can push them out has that many addresses to ask from anyway.
const ROOM: usize = 100_000;

/// The limits and the counts, shared by all workers: each by itself would allow the whole limit.
pub struct Limiter {
    rules: Rules,
    table: Table,
    /// Keys the database has vouched for.
    pub keys: KnownKeys,
}

impl Limiter {
    /// With nothing counted yet.
    #[must_use]
    pub fn new(config: &RateLimiting) -> Self {
        Self {
            rules: Rules::new(config),
            table: Table::new(ROOM),
            keys: KnownKeys::default(),
        }
    }

    /// Whether anything is limited at all.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.rules.is_on()
    }

    /// What a request is counted at. The path must be the one the route was found by: a client can write the same path in
    /// many ways. Most requests are counted nowhere.
    #[must_use]
    pub fn counted(&self, path: &str, asker: &Asker, client: IpAddr) -> Vec<Counted> {
        self.rules
            .counted(path, asker, crate::client::household(client))
    }

    /// Whether a key that a client shows, and nobody here knows, may be looked up; counts that it is.
    pub fn may_look_up(&self, client: IpAddr, now: UnixSeconds) -> bool {
        let counted = rules::look_up(crate::client::household(client));
        matches!(self.table.judge(&[counted], now), Some(Verdict::Passes(_)))
    }

    /// Counts one request at all of these, unless one of them is reached; `None` when there are none.
    pub fn judge(&self, counted: &[Counted], now: UnixSeconds) -> Option<Verdict> {
        self.table.judge(counted, now)
    }
}

#[cfg(test)]
mod tests;
