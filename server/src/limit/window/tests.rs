use super::{Count, Limit, Standing, Verdict, judge};
use proptest::prelude::*;

const MINUTE: Limit = Limit {
    most: 5,
    seconds: 60,
};
const HOUR: Limit = Limit {
    most: 20,
    seconds: 3600,
};
const START: i64 = 1_800_000_000;

/// One client at some limits.
struct Client(Vec<(Limit, Count)>);

impl Client {
    fn at(limits: &[Limit]) -> Self {
        let fresh = |limit: &Limit| (*limit, Count::default());
        Self(limits.iter().map(fresh).collect())
    }

    fn asks(&mut self, after: i64) -> Verdict {
        judge(&mut self.0, START + after).unwrap()
    }

    fn passes(&mut self, after: i64) -> bool {
        matches!(self.asks(after), Verdict::Passes(_))
    }

    fn waits(&mut self, after: i64) -> u32 {
        match self.asks(after) {
            Verdict::Refused { retry_after, .. } => retry_after,
            Verdict::Passes(standing) => panic!("passed: {standing:?}"),
        }
    }
}

#[test]
fn without_limits_nothing_is_judged() {
    assert_eq!(judge(&mut [], START), None);
}

#[test]
fn the_last_one_within_the_limit_passes_and_the_next_does_not() {
    for most in [1, 2, 5, 100] {
        let limit = Limit { most, seconds: 60 };
        let mut client = Client::at(&[limit]);
        for nth in 1..=most {
            let standing = Standing {
                limit: most,
                remaining: most - nth,
                reset: START + 60,
            };
            assert_eq!(client.asks(0), Verdict::Passes(standing), "{nth} of {most}");
        }
        let standing = Standing {
            limit: most,
            remaining: 0,
            reset: START + 60,
        };
        let refused = Verdict::Refused {
            standing,
            retry_after: 60,
        };
        assert_eq!(client.asks(0), refused);
        assert_eq!(refused.standing(), standing);
    }
}

#[test]
fn a_window_ends_to_the_second() {
    for seconds in [1, 2, 60, 900, 3600] {
        let mut client = Client::at(&[Limit { most: 1, seconds }]);
        let length = i64::from(seconds);
        assert!(client.passes(0));
        assert_eq!(client.waits(length - 1), 1, "{seconds}");
        assert!(client.passes(length), "{seconds}");
        assert_eq!(client.waits(length), seconds);
        assert_eq!(client.waits(2 * length - 1), 1);
        assert!(client.passes(2 * length));
    }
}

#[test]
fn a_window_begins_with_its_first_request_not_on_the_full_minute() {
    for first in [0, 1, 29, 59] {
        let mut client = Client::at(&[MINUTE]);
        for _ in 0..5 {
            assert!(client.passes(first));
        }
        // One that is over at the full minute would let this one pass.
        assert_eq!(client.waits(first + 59), 1);
        assert!(client.passes(first + 60));
    }
}

#[test]
fn after_a_pause_the_next_window_begins_when_it_is_used() {
    let mut client = Client::at(&[MINUTE]);
    assert!(client.passes(0));
    assert_eq!(client.asks(1000).standing().reset, START + 1060);
}

#[test]
fn asking_on_does_not_prolong_the_wait() {
    let mut client = Client::at(&[MINUTE]);
    for _ in 0..5 {
        assert!(client.passes(0));
    }
    for after in 1..60 {
        assert_eq!(client.waits(after), u32::try_from(60 - after).unwrap());
    }
    for _ in 0..5 {
        assert!(client.passes(60));
    }
    assert_eq!(client.waits(60), 60);
}

#[test]
fn both_windows_must_hold() {
    let mut client = Client::at(&[MINUTE, HOUR]);
    for minute in 0..4 {
        for _ in 0..5 {
            assert!(client.passes(minute * 60), "minute {minute}");
        }
        if minute < 3 {
            assert_eq!(client.waits(minute * 60), 60);
        }
    }
    // The minute is over, the hour is not.
    assert_eq!(client.waits(240), 3360);
    assert_eq!(client.waits(3599), 1);
    assert!(client.passes(3600));
}

#[test]
fn what_one_limit_refuses_the_other_does_not_count() {
    let mut client = Client::at(&[MINUTE, HOUR]);
    for _ in 0..5 {
        assert!(client.passes(0));
    }
    for _ in 0..100 {
        assert_eq!(client.waits(1), 59);
    }
    // Of the hour only five are used.
    let standing = client.asks(60).standing();
    assert_eq!((standing.limit, standing.remaining), (5, 4));
    assert_eq!(client.0[1].1.taken, 6);
}

#[test]
fn the_strictest_limit_is_told() {
    let limit = |most, seconds| Limit { most, seconds };
    for (limits, told) in [
        (&[limit(5, 60), limit(20, 3600)][..], 5),
        (&[limit(20, 3600), limit(5, 60)], 5),
        (&[limit(60, 60), limit(30, 3600)], 30),
        (&[limit(7, 60)], 7),
    ] {
        let mut client = Client::at(limits);
        assert_eq!(client.asks(0).standing().limit, told, "{limits:?}");
    }
    // Equally much is left: the one that lasts longer.
    let mut client = Client::at(&[limit(5, 60), limit(5, 3600)]);
    assert_eq!(client.asks(0).standing().reset, START + 3600);
}

#[test]
fn of_two_limits_that_are_reached_the_longer_wait_is_told() {
    for limits in [
        [MINUTE, Limit { most: 5, ..HOUR }],
        [Limit { most: 5, ..HOUR }, MINUTE],
    ] {
        let mut client = Client::at(&limits);
        for _ in 0..5 {
            assert!(client.passes(0));
        }
        assert_eq!(client.waits(0), 3600);
        assert_eq!(client.waits(70), 3530);
    }
}

#[test]
fn waiting_as_long_as_told_is_enough() {
    for limits in [&[MINUTE][..], &[MINUTE, HOUR], &[HOUR, MINUTE]] {
        let mut client = Client::at(limits);
        let mut now = 0;
        for _ in 0..200 {
            if let Verdict::Refused { retry_after, .. } = client.asks(now) {
                now += i64::from(retry_after);
                assert!(client.passes(now), "at {now}");
            }
        }
    }
}

#[test]
fn a_clock_set_back_neither_frees_nor_locks_out_for_long() {
    let mut client = Client::at(&[MINUTE]);
    for _ in 0..5 {
        assert!(client.passes(0));
    }
    assert_eq!(client.waits(-1), 61);
    assert_eq!(client.waits(-59), 119);
    assert!(client.passes(-60));
    let mut client = Client::at(&[HOUR]);
    assert!(client.passes(0));
    assert!(client.passes(-1_000_000_000));
}

#[test]
fn the_ends_of_time_do_not_overflow() {
    for now in [i64::MIN, -1, 0, 1, i64::MAX] {
        for seconds in [1, u32::MAX] {
            for most in [1, u32::MAX] {
                let mut counts = [(Limit { most, seconds }, Count::default())];
                for _ in 0..3 {
                    assert!(judge(&mut counts, now).is_some());
                }
            }
        }
    }
}

proptest! {
    /// Whenever requests come, two windows' worth is the most that falls into one window's length,
    /// and one window's worth into each window.
    #[test]
    fn at_most_twice_the_limit_falls_into_any_window(
        most in 1u32..20,
        seconds in 1u32..100,
        steps in proptest::collection::vec(0i64..30, 1..300),
    ) {
        let mut client = Client::at(&[Limit { most, seconds }]);
        let (mut now, mut passed) = (0, Vec::new());
        for step in steps {
            now += step;
            if client.passes(now) {
                passed.push(now);
            }
        }
        for from in &passed {
            let within = passed.iter().filter(|at| (0..i64::from(seconds)).contains(&(**at - from)));
            prop_assert!(within.count() <= 2 * most as usize);
        }
    }

    /// However many limits there are, a request is counted at all of them or at none.
    #[test]
    fn all_limits_count_or_none(
        most in proptest::collection::vec(1u32..10, 1..5),
        requests in 1u32..30,
    ) {
        let limits: Vec<Limit> = most.iter().map(|most| Limit { most: *most, seconds: 60 }).collect();
        let mut client = Client::at(&limits);
        let passed = (0..requests).filter(|_| client.passes(0)).count();
        let least = most.iter().min().copied().unwrap_or(0);
        prop_assert_eq!(passed, least.min(requests) as usize);
        for (_, count) in &client.0 {
            prop_assert_eq!(count.taken as usize, passed);
        }
    }
}
