//! Counts and limits → may this request pass. Pure: the clock is a parameter.
//!
//! A window begins with its first request and ends `seconds` later, whatever happens in between, so
//! waiting as long as told is always enough. Only requests that pass are counted: asking on does not
//! prolong the wait. Around the end of a window up to twice the limit may fall together.

use fluxbase_rules::UnixSeconds;
use std::cmp::Reverse;

/// So many requests in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The last one that passes is this one.
    pub most: u32,
    /// Length of a window.
    pub seconds: u32,
}

impl Limit {
    /// The largest one that can be configured.
    pub const MOST: u32 = 1_000_000_000;
}

/// What one client has used of one limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    began: UnixSeconds,
    taken: u32,
}

/// Where a client stands: what the three headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Requests in a window.
    pub limit: u32,
    /// Of these, how many are left.
    pub remaining: u32,
    /// When the window ends.
    pub reset: UnixSeconds,
}

/// What becomes of a request. Of several limits the strictest is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It passes and has been counted.
    Passes(Standing),
    /// It does not, and has not been counted.
    Refused {
        /// Nothing remains.
        standing: Standing,
        /// Seconds until all limits that are reached have ended; at least one.
        retry_after: u32,
    },
}

impl Verdict {
    /// What the headers say.
    #[must_use]
    pub fn standing(&self) -> Standing {
        match self {
            Self::Passes(standing) | Self::Refused { standing, .. } => *standing,
        }
    }
}

impl Count {
    /// Nothing has been taken, so there is nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// As it stands now: begun anew if its window is over.
    fn at(self, now: UnixSeconds, limit: Limit) -> Self {
        // A clock that is set back a little keeps the count; one that is set back by more than a
        // window must not lock anybody out for the difference.
        let distance = now.saturating_sub(self.began).unsigned_abs();
        if self.taken > 0 && distance < u64::from(limit.seconds) {
            return self;
        }
        Self {
            began: now,
            taken: 0,
        }
    }

    fn standing(self, limit: Limit) -> Standing {
        Standing {
            limit: limit.most,
            remaining: limit.most.saturating_sub(self.taken),
            reset: self.began.saturating_add(i64::from(limit.seconds)),
        }
    }
}

/// Judges one request by several limits and counts it at all of them, or at none if it is refused.
/// `None` when there are no limits.
pub fn judge(counts: &mut [(Limit, Count)], now: UnixSeconds) -> Option<Verdict> {
    for (limit, count) in counts.iter_mut() {
        *count = count.at(now, *limit);
    }
    let standing = |(limit, count): &(Limit, Count)| count.standing(*limit);

    let reached = counts
        .iter()
        .map(standing)
        .filter(|standing| standing.remaining == 0)
        .max_by_key(|standing| standing.reset);
    if let Some(standing) = reached {
        let wait = standing.reset.saturating_sub(now).max(1);
        return Some(Verdict::Refused {
            standing,
            retry_after: u32::try_from(wait).unwrap_or(u32::MAX),
        });
    }

    for (_, count) in counts.iter_mut() {
        count.taken = count.taken.saturating_add(1);
    }
    counts
        .iter()
        .map(standing)
        .min_by_key(|standing| (standing.remaining, Reverse(standing.reset)))
        .map(Verdict::Passes)
}

#[cfg(test)]
mod tests;
