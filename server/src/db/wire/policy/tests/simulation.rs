//! Requests, from clients that ask, wait for the answer and ask again or as they were recorded; sessions that serve one
//! after another; time that is counted and not waited for. Two lines and six sessions beside them, a processor for each.

use super::super::{CUT, Choice, Kind, Line, STUCK, choose};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_micros(50);
const LINES: usize = 2;
const ALONE: usize = 6;

#[derive(Clone, Copy)]
pub struct Client {
    pub kind: usize,
    pub takes: Duration,
    /// Each so-manieth request takes so long instead.
    pub now_and_then: Option<(usize, Duration)>,
}

/// Who asks, and when.
pub enum Asking<'a> {
    /// Each client whenever it has its answer.
    Clients(&'a [Client]),
    /// At these moments, whatever becomes of it: a kind, and how long it takes.
    Recorded(&'a [(Duration, usize, Duration)]),
}

#[derive(Default)]
pub struct Outcome {
    /// Of each request of kind 0, the time from asking to the answer.
    pub waits: Vec<Duration>,
    /// How many were cut off in a line.
    pub cut: usize,
    /// How many were answered in a line, and how many at all.
    pub in_line: usize,
    pub answered: usize,
}

#[derive(Clone, Copy)]
struct Request {
    client: usize,
    kind: usize,
    asked: Duration,
    takes: Duration,
    expected: Duration,
    /// Whoever asked stands in this line still.
    here: bool,
    number: usize,
}

#[derive(Default)]
struct Session {
    queue: VecDeque<Request>,
    /// When the first became the first.
    since: Duration,
}

impl Session {
    fn line(&self, now: Duration) -> Line {
        Line {
            depth: self.queue.len(),
            expected: self.queue.iter().map(|request| request.expected).sum(),
            still: if self.queue.is_empty() {
                Duration::ZERO
            } else {
                now - self.since
            },
        }
    }

    fn push(&mut self, request: Request, now: Duration) {
        if self.queue.is_empty() {
            self.since = now;
        }
        self.queue.push_back(request);
    }
}

impl Asking<'_> {
    /// Client, number, kind and time of those who ask now; `again` are clients that have their answers.
    fn now(
        &self,
        now: Duration,
        again: Vec<(usize, usize)>,
        next: &mut usize,
    ) -> Vec<(usize, usize, usize, Duration)> {
        match self {
            Self::Clients(clients) => again
                .into_iter()
                .map(|(client, number)| {
                    let of = clients[client];
                    let slow = of
                        .now_and_then
                        .filter(|(each, _)| number % each == each - 1);
                    let takes = slow.map_or(of.takes, |(_, takes)| takes);
                    (client, number, of.kind, takes)
                })
                .collect(),
            Self::Recorded(all) => {
                let first = *next;
                *next += all[first..]
                    .iter()
                    .take_while(|(at, ..)| *at <= now)
                    .count();
                let those = all[first..*next].iter();
                those
                    .map(|(_, kind, takes)| (0, 0, *kind, *takes))
                    .collect()
            }
        }
    }
}

pub fn simulate(asked: &Asking<'_>, length: Duration) -> Outcome {
    let start = Instant::now();
    let mut kinds = [Kind::default(); 3];
    let mut lines: [Session; LINES] = Default::default();
    let mut alone: [Session; ALONE] = Default::default();
    let mut waiting: VecDeque<Request> = VecDeque::new();
    let mut asking: Vec<(usize, usize)> = match asked {
        Asking::Clients(clients) => (0..clients.len()).map(|client| (client, 0)).collect(),
        Asking::Recorded(_) => Vec::new(),
    };
    let mut next = 0;
    let mut outcome = Outcome::default();
    let mut now = Duration::ZERO;
    let done = |request: Request, now: Duration, outcome: &mut Outcome| {
        if request.kind == 0 {
            outcome.waits.push(now - request.asked);
        }
        outcome.answered += 1;
        (request.client, request.number + 1)
    };
    while now < length {
        let coming = asked.now(now, std::mem::take(&mut asking), &mut next);
        for (client, number, kind, takes) in coming {
            let expected = kinds[kind].expected(start + now);
            let request = Request {
                client,
                kind,
                asked: now,
                takes,
                expected: expected.unwrap_or_default(),
                here: true,
                number,
            };
            let views: Vec<Line> = lines.iter().map(|line| line.line(now)).collect();
            let idle = alone.iter().any(|session| session.queue.is_empty());
            match choose(expected, &views, idle) {
                Choice::Line(line) => lines[line].push(request, now),
                Choice::Alone => waiting.push_back(request),
            }
        }
        for session in &mut alone {
            if session.queue.is_empty()
                && let Some(request) = waiting.pop_front()
            {
                session.push(request, now);
            }
        }
        now += STEP;
        for session in &mut alone {
            if session
                .queue
                .front()
                .is_some_and(|request| now - session.since >= request.takes)
                && let Some(request) = session.queue.pop_front()
            {
                kinds[request.kind].ran_alone(request.takes, 1, start + now);
                asking.push(done(request, now, &mut outcome));
            }
        }
        for session in &mut lines {
            let Some(first) = session.queue.front().copied() else {
                continue;
            };
            let kind = &mut kinds[first.kind];
            let still = now - session.since;
            if still >= first.takes.min(CUT) {
                session.queue.pop_front();
                session.since = now;
                match (first.here, first.takes <= CUT) {
                    (true, true) => {
                        kind.ran(first.takes, start + now);
                        outcome.in_line += 1;
                        asking.push(done(first, now, &mut outcome));
                    }
                    (true, false) => waiting.push_back(first),
                    (false, _) => {}
                }
                outcome.cut += usize::from(first.takes > CUT);
            } else if still >= STUCK {
                if first.here {
                    kind.late(start + now);
                }
                for request in session.queue.iter_mut().filter(|request| request.here) {
                    request.here = false;
                    waiting.push_back(*request);
                }
            }
        }
    }
    outcome
}
