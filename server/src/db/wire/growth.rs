//! How many sessions run requests side by side. Pure: what was waited for and what came back in, the number out.
//!
//! More sessions than the processors can serve make everything slower: a backend that used up its turn waits for all the
//! others, three milliseconds each, and with forty of them that was the tail of a tenth of a second in measurements on two
//! cores. Sessions that sleep, wait for a lock or for a disk cost nothing, and the next one is as good as the first. Which
//! of the two it is cannot be seen from here, so it is tried. Where nothing came back while somebody waited, one session
//! more is allowed at once: whatever runs is slow. Where answers come and requests wait all the same, a few more are
//! tried for a moment, or a few less, and kept if what is answered in a second says that they were of use.

use std::time::{Duration, Instant};

/// How long a request waits for a session in use before another is thought of. Requests that take a fraction of a
/// millisecond are cheaper one after another on a backend that is warm than side by side on many that are not, and a
/// burst on a cold server must not open fifty at once; a slow query must not hold up anybody for longer.
pub const PATIENCE: Duration = Duration::from_millis(10);

/// How long is counted what is answered, to compare.
const WINDOW: Duration = Duration::from_millis(100);

/// Between two tries when the last was of no use: first, and at most. It doubles.
const REST: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(16));

/// Of what more sessions could bring if they shared nothing, this part is enough to keep them; as much may be lost by
/// fewer.
const USE: f64 = 0.5;

/// Without anybody waiting for so long, one session is taken back.
const CALM: Duration = Duration::from_secs(1);

/// One runs while the answer of the other is told: with one alone, worker and backend would sleep by turns.
const LEAST: usize = 2;

/// How many there may be.
#[derive(Debug)]
pub struct Growth {
    least: usize,
    most: usize,
    allowed: usize,
    /// Answers so far.
    answered: u64,
    /// When somebody last waited.
    waited: Instant,
    calm_since: Instant,
    count: Option<Count>,
    rest_until: Instant,
    rest: Duration,
    /// Whether less is tried next.
    less: bool,
}

/// Answers being counted.
#[derive(Clone, Copy, Debug)]
struct Count {
    since: Instant,
    from: u64,
    /// What was answered in a second before the number was changed, and the number.
    before: Option<(f64, usize)>,
}

impl Growth {
    /// At first as few as there will ever be are allowed.
    pub fn new(most: usize, now: Instant) -> Self {
        let most = most.max(1);
        let least = LEAST.min(most);
        Self {
            least,
            most,
            allowed: least,
            answered: 0,
            waited: now,
            calm_since: now,
            count: None,
            rest_until: now,
            rest: REST.0,
            less: false,
        }
    }

    /// How many sessions may be busy at once.
    pub fn allowed(&self) -> usize {
        self.allowed
    }

    /// How many answers there were, for [`Growth::waited`].
    pub fn answered(&self) -> u64 {
        self.answered
    }

    /// A session came back.
    pub fn answer(&mut self) {
        self.answered += 1;
    }

    /// There are no more than so many, and no other can be had.
    pub fn limit(&mut self, sessions: usize) {
        self.allowed = sessions.clamp(1, self.most);
        self.count = None;
    }

    /// Somebody has waited for [`PATIENCE`] while all that are allowed were busy; then there had been so many answers.
    pub fn waited(&mut self, answered_before: u64, now: Instant) {
        // What was counted while nobody waited says nothing.
        if now.saturating_duration_since(self.waited) > WINDOW / 2 {
            self.count = None;
        }
        self.waited = now;
        self.calm_since = now;
        if self.answered == answered_before {
            self.count = None;
            self.allowed = (self.allowed + 1).min(self.most);
            return;
        }
        let Some(count) = self.count else {
            return self.begin(None, now);
        };
        let took = now.saturating_duration_since(count.since);
        if took < WINDOW {
            return;
        }
        let rate = (self.answered - count.from) as f64 / took.as_secs_f64();
        match count.before {
            Some((before, number)) => self.judge(before, number, rate, now),
            None if now >= self.rest_until => self.try_another(rate, now),
            None => self.begin(None, now),
        }
    }

    fn begin(&mut self, before: Option<(f64, usize)>, now: Instant) {
        self.count = Some(Count {
            since: now,
            from: self.answered,
            before,
        });
    }

    fn try_another(&mut self, rate: f64, now: Instant) {
        let number = self.allowed;
        let step = (number / 4).max(1);
        if number == self.most {
            self.less = true;
        } else if number == self.least {
            self.less = false;
        }
        self.allowed = match self.less {
            true => number.saturating_sub(step).max(self.least),
            false => (number + step).min(self.most),
        };
        self.begin(Some((rate, number)), now);
    }

    /// Keeps the number that is tried, or goes back to the one before.
    fn judge(&mut self, before: f64, number: usize, rate: f64, now: Instant) {
        let change = self.allowed as f64 / number as f64 - 1.0;
        if rate >= before * (1.0 + change * USE) {
            self.rest = REST.0;
            return self.try_another(rate, now);
        }
        self.allowed = number;
        self.less = !self.less;
        self.rest_until = now + self.rest;
        self.rest = (self.rest * 2).min(REST.1);
        self.begin(None, now);
    }

    /// Somebody got a session without waiting; whether that was so for a while, and one session less is allowed.
    pub fn calm(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.calm_since) < CALM {
            return false;
        }
        self.calm_since = now;
        self.count = None;
        self.allowed = self.allowed.saturating_sub(1).max(self.least);
        true
    }
}

#[cfg(test)]
mod tests;
