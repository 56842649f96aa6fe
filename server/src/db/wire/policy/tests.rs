mod simulation;

use super::{
    APART, CUT, Choice, DEPTH, FORGIVEN, FORGIVEN_LATE, KNOWN, Kind, LINE, Line, SLOW, STUCK,
    choose,
};
use simulation::{Asking, Client, Outcome, simulate};
use std::time::{Duration, Instant};

const US: fn(u64) -> Duration = Duration::from_micros;
const MS: fn(u64) -> Duration = Duration::from_millis;

fn line(depth: usize, expected: Duration, still: Duration) -> Line {
    Line {
        depth,
        expected,
        still,
    }
}

fn known(took: Duration) -> Kind {
    let mut kind = Kind::default();
    for _ in 0..KNOWN {
        kind.ran_alone(took, 1, Instant::now());
    }
    kind
}

#[test]
fn what_was_never_measured_and_what_writes_stands_alone() {
    let now = Instant::now();
    let mut kind = Kind::default();
    for _ in 0..KNOWN {
        assert_eq!(kind.expected(now), None);
        kind.ran_alone(US(100), 1, now);
    }
    assert_eq!(kind.expected(now), Some(US(100)));
    let empty = [line(0, MS(0), MS(0))];
    assert_eq!(choose(None, &empty, false), Choice::Alone);
    assert_eq!(choose(Some(US(100)), &empty, true), Choice::Line(0));
}

#[test]
fn what_is_long_on_average_stands_alone_and_so_does_what_was_slow_once() {
    let now = Instant::now();
    assert_eq!(known(LINE + US(1)).expected(now), None);
    let mut kind = known(US(100));
    kind.ran(SLOW + US(1), now);
    assert_eq!(kind.expected(now), None);
    assert_eq!(kind.expected(now + APART.0 - MS(1)), None);
}

#[test]
fn each_time_it_is_slow_again_it_stands_apart_for_longer_and_in_the_end_it_is_forgiven() {
    let mut now = Instant::now();
    let mut kind = known(US(100));
    let mut apart = Vec::new();
    for _ in 0..8 {
        kind.slow(now);
        let began = now;
        // Short runs, on its own, until it may stand in a line.
        while kind.expected(now).is_none() {
            now += MS(50);
            kind.ran_alone(US(100), 1, now);
        }
        apart.push(now - began);
    }
    assert!(apart.windows(2).all(|pair| pair[1] >= pair[0]), "{apart:?}");
    assert!(
        apart[0] >= APART.0 && apart[7] >= APART.1 && apart[7] < APART.1 * 2,
        "{apart:?}"
    );
    now += APART.1 * 2;
    kind.ran(US(100), now);
    kind.slow(now);
    assert_eq!(kind.expected(now + APART.0 - MS(1)), None);
    for _ in 0..40 {
        kind.ran_alone(US(100), 1, now);
    }
    assert!(kind.expected(now + APART.0 + MS(1)).is_some());
}

#[test]
fn one_slow_run_among_many_is_forgiven_and_a_second_soon_after_is_not() {
    let now = Instant::now();
    let mut kind = known(US(100));
    for _ in 0..FORGIVEN {
        kind.ran(US(100), now);
    }
    kind.slow(now);
    assert!(kind.expected(now).is_some());
    for _ in 1..FORGIVEN {
        kind.ran(US(100), now);
    }
    kind.slow(now);
    assert_eq!(kind.expected(now), None);
}

#[test]
fn who_was_late_is_forgiven_now_and_then_and_not_each_time() {
    let (runs, pause) = FORGIVEN_LATE;
    let mut now = Instant::now();
    let mut kind = known(US(100));
    let late = |kind: &mut Kind, runs: u32, now: Instant| {
        for _ in 0..runs {
            kind.ran(US(100), now);
        }
        kind.late(now);
        kind.expected(now).is_some()
    };
    assert!(late(&mut kind, runs, now));
    now += pause;
    assert!(late(&mut kind, runs, now));
    // Soon after, many more must have been in time.
    assert!(late(&mut kind, FORGIVEN, now));
    assert!(!late(&mut kind, runs, now + pause - MS(1)));
    // And never one that is late nearly each time.
    let mut kind = known(US(100));
    assert!(!late(&mut kind, runs - 1, now));
}

#[test]
fn who_was_late_and_is_slow_alone_too_is_not_forgiven() {
    let now = Instant::now();
    let late = |alone: Duration| {
        let mut kind = known(US(100));
        for _ in 0..FORGIVEN_LATE.0 {
            kind.ran(US(100), now);
        }
        kind.late(now);
        kind.ran_alone(alone, 1, now);
        kind.expected(now).is_some()
    };
    assert!(!late(CUT + US(1)));
    assert!(late(US(100)));
}

#[test]
fn waits_for_a_processor_do_not_make_a_kind_look_long() {
    let now = Instant::now();
    let mut kind = known(US(50));
    for run in 0..1000 {
        let waited = if run % 10 == 0 { MS(3) } else { MS(0) };
        kind.ran(US(50) + waited, now);
    }
    let expected = kind.expected(now).expect("short");
    assert!(expected < US(150), "{expected:?}");
    // The twin: one that has become long is known for it soon.
    for _ in 0..40 {
        kind.ran(MS(3), now);
    }
    assert!(kind.expected(now).expect("not too long") > MS(2));
}

/// Where processors are short, a line stands still for a moment now and then whatever it runs.
#[test]
fn lines_that_stand_still_now_and_then_are_not_left() {
    let stalls = Client {
        now_and_then: Some((1000, MS(12))),
        ..short(1)[0]
    };
    let outcome = simulate(
        &Asking::Clients(&[short(15), vec![stalls]].concat()),
        MS(10_000),
    );
    let share = outcome.in_line as f64 / outcome.answered as f64;
    assert!(share > 0.95, "{share} in lines");
}

#[test]
fn a_line_takes_no_more_than_is_expected_to_be_done_in_time() {
    let full = line(3, LINE, MS(0));
    let deep = line(DEPTH, US(10), MS(0));
    let stuck = line(1, US(10), STUCK);
    let free = line(1, US(10), MS(1));
    for one in [full, deep, stuck] {
        assert_eq!(choose(Some(US(100)), &[one, free], false), Choice::Line(1));
        assert_eq!(choose(Some(US(100)), &[one], true), Choice::Alone);
    }
    assert_eq!(
        choose(Some(US(100)), &[free, free], true),
        Choice::Line(0),
        "the warm one first"
    );
}

#[test]
fn where_all_is_full_the_shorter_line_is_taken_and_never_one_that_does_not_move() {
    let (long, short) = (line(30, LINE, MS(1)), line(20, LINE, MS(1)));
    let stuck = line(17, LINE, STUCK);
    assert_eq!(
        choose(Some(US(100)), &[long, short], false),
        Choice::Line(1)
    );
    assert_eq!(
        choose(Some(US(100)), &[long, stuck], false),
        Choice::Line(0)
    );
    assert_eq!(choose(Some(US(100)), &[stuck], false), Choice::Alone);
    let endless = line(DEPTH, LINE, MS(1));
    assert_eq!(
        choose(Some(US(100)), &[endless, endless], false),
        Choice::Alone
    );
}

#[test]
fn side_by_side_a_short_kind_does_not_look_slow() {
    let now = Instant::now();
    let mut kind = Kind::default();
    for _ in 0..10 {
        // Thirty at once on one processor.
        kind.ran_alone(MS(15), 30, now);
    }
    assert_eq!(kind.expected(now), Some(US(500)));
}

fn short(count: usize) -> Vec<Client> {
    vec![
        Client {
            kind: 0,
            takes: US(100),
            now_and_then: None
        };
        count
    ]
}

fn slow(count: usize) -> Vec<Client> {
    vec![
        Client {
            kind: 1,
            takes: MS(50),
            now_and_then: None
        };
        count
    ]
}

fn waits(outcome: &Outcome) -> (Duration, Duration) {
    let mut waits: Vec<Duration> = outcome.waits.clone();
    waits.sort();
    (waits[waits.len() * 99 / 100], *waits.last().unwrap())
}

#[test]
fn short_reads_beside_slow_ones_keep_their_rate() {
    // Of sixty-four, eight sessions serve eight at once; the slow ones take two.
    for (clients, kept) in [(4, 0.8), (16, 0.8), (64, 0.7)] {
        let quiet = simulate(&Asking::Clients(&short(clients)), MS(2000));
        let beside = simulate(
            &Asking::Clients(&[short(clients), slow(2)].concat()),
            MS(2000),
        );
        let (p99, _) = waits(&beside);
        assert!(p99 < MS(10), "{clients} clients: {p99:?}");
        let ratio = beside.waits.len() as f64 / quiet.waits.len() as f64;
        assert!(ratio > kept, "{clients} clients: {ratio}");
    }
}

/// 1. Somebody finds a request that is short nearly always and slow at will: the same statement, another value.
/// 2. They send the short form until it is trusted, and then the slow one.
#[test]
fn whoever_makes_a_trusted_kind_slow_at_will_holds_up_others_for_a_moment_only() {
    let trap = Client {
        kind: 2,
        takes: US(100),
        now_and_then: Some((50, MS(50))),
    };
    let outcome = simulate(
        &Asking::Clients(&[short(16), vec![trap; 4]].concat()),
        MS(20_000),
    );
    let (p99, most) = waits(&outcome);
    assert!(p99 < MS(5), "{p99:?}");
    // Behind one that turned out to be slow until the line is seen not to move; then a session of one's own.
    assert!(most < STUCK * 2 + CUT + MS(5), "{most:?}");
    assert!(outcome.cut > 0, "nothing was guessed wrong");
    assert!(outcome.cut < 60, "{} were guessed wrong", outcome.cut);
}

/// Arrivals at a server with one worker, on two cores that compilers used as well: eight clients that read a row by its
/// key (a), four that read twenty with all that belongs to them (b), two that sleep for 50 ms (c); each letter behind the
/// microseconds since the one before.
const ARRIVALS: &str = include_str!("tests/arrivals.txt");

fn recorded(takes: [Duration; 3]) -> (Vec<(Duration, usize, Duration)>, Duration) {
    let mut now = Duration::ZERO;
    let all: Vec<_> = ARRIVALS
        .split_whitespace()
        .map(|one| {
            let (gap, letter) = one.split_at(one.len() - 1);
            now += US(gap.parse().unwrap());
            let kind = "abc".find(letter).unwrap();
            (now, kind, takes[kind])
        })
        .collect();
    (all, now)
}

#[test]
fn requests_as_they_were_recorded_share_lines_and_wait_for_no_slow_one() {
    let (all, length) = recorded([US(50), US(400), MS(50)]);
    assert_eq!(all.len(), 3000);
    let outcome = simulate(&Asking::Recorded(&all), length + MS(200));
    assert_eq!(outcome.answered, all.len(), "some were lost");
    let short = all.iter().filter(|(_, kind, _)| *kind < 2).count();
    let share = outcome.in_line as f64 / short as f64;
    assert!(share > 0.9, "{share} in lines");
    let (p99, most) = waits(&outcome);
    assert!(p99 < LINE + MS(1) && most < STUCK, "{p99:?} {most:?}");
    // The twin: were the second kind slow, it would not be in a line, and the first would not wait for it.
    let (all, length) = recorded([US(50), MS(9), MS(50)]);
    let outcome = simulate(&Asking::Recorded(&all), length + MS(20_000));
    let (p99, _) = waits(&outcome);
    assert_eq!(outcome.answered, all.len(), "some were lost");
    assert!(p99 < STUCK, "{p99:?}");
}
