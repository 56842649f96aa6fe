//! Who may stand behind whom. Pure: what was measured and what is under way in, the choice out.
//!
//! Requests that run back to back in one session are cheaper than side by side in many: PostgreSQL's own time for a row
//! by key falls by a third. But whoever stands in a line waits for what is before it. So only reads stand in one, only
//! those whose kind was seen to be short, and only behind as much as is expected to take [`LINE`]. What was expected
//! wrongly ends by itself after [`CUT`]: PostgreSQL cuts it, and it is run again on its own. Nobody stays in a line that
//! does not move for [`STUCK`]; whoever waits there is sent again as well. That is the bound: [`STUCK`] behind a statement
//! that turned out to be slow, and then a session of one's own.

use std::time::{Duration, Instant};

/// All that stands in a line is expected to take no longer.
pub const LINE: Duration = Duration::from_millis(4);

/// No more stand in a line. With sixteen, reads went to other sessions whenever processors were short, which made them
/// shorter: beside password hashes each read woke a backend of its own, and the slowest hundredth took up to twice as long.
pub const DEPTH: usize = 64;

/// With more in a line another is opened, for the day this one does not move.
pub const CROWDED: usize = 8;

/// A line whose first has not been answered for so long does not move.
pub const STUCK: Duration = Duration::from_millis(10);

/// PostgreSQL's limit for a statement in a line.
pub const CUT: Duration = Duration::from_millis(25);

/// A run in a line longer than this is a slow one.
const SLOW: Duration = Duration::from_millis(8);

/// How long a kind that was slow stays on its own: first, and at most. It doubles with each slow run.
const APART: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(64));

/// A slow run after so many others in lines is forgiven: where processors are short, anything is slow now and then.
const FORGIVEN: u32 = 500;

/// And one that was only late, of which nobody knows yet whether it or the processor was slow, after so many, if the last
/// was longer ago. So somebody who is late at will holds a line up for a twentieth of the time at most.
const FORGIVEN_LATE: (u32, Duration) = (20, Duration::from_millis(200));

/// Runs on its own before a kind is known.
const KNOWN: u32 = 3;

/// What was measured of a kind of request: a statement, under a role.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kind {
    runs: u32,
    /// Runs in a line since the last slow one.
    since_slow: u32,
    /// What it takes when nothing is in its way: a shorter run counts for a quarter, a longer one, which may have waited
    /// for a processor, for a sixteenth.
    mean: Duration,
    late: Option<Instant>,
    apart_until: Option<Instant>,
    apart_for: Duration,
}

impl Kind {
    /// It took so long in a session of its own, while so many sessions were busy: they share the processors, and what is
    /// slow side by side may be short in a line. If it is not, the line will tell. Nobody waited for it here, so it says
    /// something of the mean, and no more if it is not as long as what is cut off: a run that was late in a line is run
    /// again here, and that is how one finds out what it was.
    pub fn ran_alone(&mut self, took: Duration, busy: usize, now: Instant) {
        let busy = u32::try_from(busy).unwrap_or(u32::MAX).max(1);
        let known = self.runs >= KNOWN;
        self.took(took / busy);
        if known && took / busy > CUT {
            self.slow(now);
        }
    }

    /// It took so long in a line, from when PostgreSQL could begin with it.
    pub fn ran(&mut self, took: Duration, now: Instant) {
        self.since_slow = self.since_slow.saturating_add(1);
        self.took(took);
        if took > SLOW {
            self.late(now);
        } else if self
            .apart_until
            .is_some_and(|until| now > until + self.apart_for)
        {
            // Good for as long as it was kept apart, and again: forgiven.
            self.apart_until = None;
            self.apart_for = Duration::ZERO;
        }
    }

    fn took(&mut self, took: Duration) {
        self.mean = match self.runs {
            0 => took,
            _ if took < self.mean => (self.mean * 3 + took) / 4,
            _ => (self.mean * 15 + took) / 16,
        };
        self.runs = self.runs.saturating_add(1);
    }

    /// It was cut off, or is slow.
    pub fn slow(&mut self, now: Instant) {
        if std::mem::take(&mut self.since_slow) < FORGIVEN {
            self.keep_apart(now);
        }
    }

    /// It has held up a line, for whatever reason.
    pub fn late(&mut self, now: Instant) {
        let (runs, pause) = FORGIVEN_LATE;
        let again = self
            .late
            .replace(now)
            .is_some_and(|last| now < last + pause);
        let since = std::mem::take(&mut self.since_slow);
        if since < runs || (again && since < FORGIVEN) {
            self.keep_apart(now);
        }
    }

    fn keep_apart(&mut self, now: Instant) {
        if self.apart_until.is_some_and(|until| now < until) {
            return;
        }
        self.apart_for = (self.apart_for * 2).clamp(APART.0, APART.1);
        self.apart_until = Some(now + self.apart_for);
        // What was learned was wrong.
        self.runs = self.runs.min(1);
        self.mean = self.mean.max(SLOW);
    }

    /// How long it is expected to take, if it may stand in a line.
    pub fn expected(&self, now: Instant) -> Option<Duration> {
        let apart = self.apart_until.is_some_and(|until| now < until);
        (self.runs >= KNOWN && !apart && self.mean <= LINE).then_some(self.mean)
    }
}

/// A line as it stands.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// How many were not answered yet.
    pub depth: usize,
    /// What they are expected to take together.
    pub expected: Duration,
    /// For how long the first has been the first.
    pub still: Duration,
}

impl Line {
    fn moves(&self) -> bool {
        self.depth == 0 || self.still < STUCK
    }

    fn has_room(&self, for_one: Duration) -> bool {
        self.depth == 0 || (self.depth < DEPTH && self.expected + for_one <= LINE && self.moves())
    }
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Behind those of this line.
    Line(usize),
    /// To a session of its own, when there is one.
    Alone,
}

/// Chooses. `expected` is what [`Kind::expected`] says of a request that only reads, `None` for all others; `idle` whether
/// a session waits that would be its own.
pub fn choose(expected: Option<Duration>, lines: &[Line], idle: bool) -> Choice {
    let Some(expected) = expected else {
        return Choice::Alone;
    };
    // The first that has room: full lines keep few sessions warm, even ones many lukewarm.
    if let Some(line) = lines.iter().position(|line| line.has_room(expected)) {
        return Choice::Line(line);
    }
    if idle {
        return Choice::Alone;
    }
    lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.depth < DEPTH && line.moves())
        .min_by_key(|(_, line)| line.depth)
        .map_or(Choice::Alone, |(line, _)| Choice::Line(line))
}

#[cfg(test)]
mod tests;
