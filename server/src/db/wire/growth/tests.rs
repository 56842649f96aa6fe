use super::{CALM, Growth, LEAST, PATIENCE, WINDOW};
use std::time::{Duration, Instant};

const MOST: usize = 25;

/// Statements of one kind under more clients than there are sessions.
#[derive(Clone, Copy)]
struct Load {
    /// What one statement needs of a processor.
    cpu: Duration,
    /// How long it sleeps besides.
    sleeps: Duration,
    cores: f64,
}

impl Load {
    /// Answers in a second with so many sessions.
    fn rate(self, sessions: usize) -> f64 {
        let sessions = sessions as f64;
        let alone = (self.cpu + self.sleeps).as_secs_f64();
        let by_cores = self.cores / self.cpu.as_secs_f64().max(1e-9);
        (sessions / alone).min(by_cores)
    }
}

/// For so long somebody waits all the time; what is allowed over time, a look every [`PATIENCE`].
fn under(growth: &mut Growth, load: Load, now: &mut Instant, time: Duration) -> Vec<usize> {
    let end = *now + time;
    let (mut allowed, mut owed) = (Vec::new(), 0.0);
    while *now < end {
        let before = growth.answered();
        *now += PATIENCE;
        owed += load.rate(growth.allowed()) * PATIENCE.as_secs_f64();
        while owed >= 1.0 {
            growth.answer();
            owed -= 1.0;
        }
        growth.waited(before, *now);
        allowed.push(growth.allowed());
    }
    allowed
}

fn mean(numbers: &[usize]) -> f64 {
    numbers.iter().sum::<usize>() as f64 / numbers.len() as f64
}

const BUSY: Load = Load {
    cpu: Duration::from_micros(400),
    sleeps: Duration::ZERO,
    cores: 1.0,
};
const ASLEEP: Load = Load {
    cpu: Duration::ZERO,
    sleeps: Duration::from_millis(50),
    cores: 1.0,
};

#[test]
fn where_processors_are_what_is_missing_more_sessions_are_tried_and_given_up() {
    let mut now = Instant::now();
    let mut growth = Growth::new(MOST, now);
    let allowed = under(&mut growth, BUSY, &mut now, Duration::from_secs(60));
    assert!(
        allowed.iter().all(|number| *number <= LEAST + 1),
        "{allowed:?}"
    );
    assert!(mean(&allowed) < 2.1, "{}", mean(&allowed));
    // Twice as many processors, twice as many sessions.
    let mut growth = Growth::new(MOST, now);
    let more = Load { cores: 4.0, ..BUSY };
    let allowed = under(&mut growth, more, &mut now, Duration::from_secs(60));
    let settled = mean(&allowed[1000..]);
    assert!((3.5..5.5).contains(&settled), "{settled}");
}

#[test]
fn where_statements_sleep_all_sessions_are_used_soon() {
    let mut now = Instant::now();
    for sleeps in [5, 50, 1000] {
        let mut growth = Growth::new(MOST, now);
        let load = Load {
            sleeps: Duration::from_millis(sleeps),
            ..ASLEEP
        };
        let allowed = under(&mut growth, load, &mut now, Duration::from_secs(30));
        let soon = allowed.iter().position(|number| *number == MOST);
        assert!(soon.is_some_and(|look| look < 300), "{sleeps}: {allowed:?}");
        assert!(mean(&allowed[300..]) > 22.0, "{sleeps}: {allowed:?}");
    }
}

#[test]
fn nobody_waits_behind_statements_that_do_not_end() {
    let mut now = Instant::now();
    let mut growth = Growth::new(MOST, now);
    for expected in LEAST + 1..=MOST {
        now += PATIENCE;
        growth.waited(growth.answered(), now);
        assert_eq!(growth.allowed(), expected);
    }
    growth.waited(growth.answered(), now + PATIENCE);
    assert_eq!(growth.allowed(), MOST);
}

#[test]
fn what_a_slow_moment_allowed_is_taken_back_under_load_that_needs_processors() {
    let mut now = Instant::now();
    let mut growth = Growth::new(MOST, now);
    under(&mut growth, ASLEEP, &mut now, Duration::from_secs(10));
    assert!(growth.allowed() > 20);
    let allowed = under(&mut growth, BUSY, &mut now, Duration::from_secs(60));
    assert!(mean(&allowed[3000..]) < 3.0, "{allowed:?}");
}

#[test]
fn in_calm_one_a_second_is_taken_back() {
    let mut now = Instant::now();
    let mut growth = Growth::new(MOST, now);
    under(&mut growth, ASLEEP, &mut now, Duration::from_secs(5));
    let before = growth.allowed();
    assert!(!growth.calm(now + CALM / 2));
    for less in 1..=3 {
        now += CALM;
        assert!(growth.calm(now));
        assert!(!growth.calm(now));
        assert_eq!(growth.allowed(), before - less);
    }
}

#[test]
fn what_was_answered_while_nobody_waited_is_not_counted() {
    let mut now = Instant::now();
    let mut growth = Growth::new(MOST, now);
    growth.answer();
    growth.waited(0, now);
    // A long pause with few answers, then a wait: no rate to compare with.
    growth.answer();
    now += WINDOW * 20;
    growth.waited(1, now);
    assert_eq!(growth.allowed(), LEAST);
    assert!(growth.count.is_some_and(|count| count.since == now));
}

#[test]
fn where_there_is_room_for_one_there_is_one() {
    let mut now = Instant::now();
    let mut growth = Growth::new(1, now);
    let allowed = under(&mut growth, ASLEEP, &mut now, Duration::from_secs(5));
    assert!(allowed.iter().all(|number| *number == 1), "{allowed:?}");
}
