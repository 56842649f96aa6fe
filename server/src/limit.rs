//! How often a client may ask. Three parts, each of which knows nothing of the next:
//!
//! | module | decides |
//! |---|---|
//! | [`rules`] | which limits stand on a path |
//! | [`window`] | whether counts leave room for one more request, and what the client is told |
//! | `table` | where the counts of all clients are kept, in bounded memory |
//!
//! The counts are this process's own: several servers each allow the whole limit, and a restart
//! forgets. What must survive both, the count of failed sign-ins, is the database's.

pub mod rules;
mod table;
pub mod window;

use crate::config::RateLimiting;
use fluxbase_rules::UnixSeconds;
use rules::{Numbered, Rules};
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
}

impl Limiter {
    /// With nothing counted yet.
    #[must_use]
    pub fn new(config: &RateLimiting) -> Self {
        Self {
            rules: Rules::new(config),
            table: Table::new(ROOM),
        }
    }

    /// The limits that stand on a path, which must be the one the route was found by: a client can
    /// write the same path in many ways. Most paths have none.
    #[must_use]
    pub fn on(&self, path: &str) -> Vec<Numbered> {
        self.rules.on(path)
    }

    /// Counts one request of a client at all these limits, unless one of them is reached; `None`
    /// when there are none.
    pub fn judge(&self, client: IpAddr, limits: &[Numbered], now: UnixSeconds) -> Option<Verdict> {
        self.table
            .judge(crate::client::household(client), limits, now)
    }
}

#[cfg(test)]
mod tests;
