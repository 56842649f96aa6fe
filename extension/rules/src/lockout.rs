//! Whether an attempt to sign in may be judged at all.
//!
//! An attempt is counted before this is asked, so guesses sent at once cannot all find the count low. One that is
//! refused here is taken off the count again by whoever asked: a lock ends when its failures are older than the
//! window, and trying in the meantime does not prolong it.

/// Attempts within the window, the one in question among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// On its e-mail address, known or not.
    pub by_email: u64,
    /// From its client.
    pub by_ip: u64,
}

/// How many attempts may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// For one e-mail address; `None` locks no address.
    pub by_email: Option<u64>,
    /// From one client; `None` locks no client.
    pub by_ip: Option<u64>,
    /// How long an attempt counts, in seconds.
    pub window_seconds: i64,
}

/// What becomes of the attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is judged.
    Judge,
    /// The client has failed too often. May be told: it says nothing about any account.
    ClientLocked,
    /// The address has failed too often. Must look like a wrong password, in time too.
    AddressLocked,
}

/// Decides. The client comes first: what it is told must not depend on the address it asks about.
#[must_use]
pub fn decide(counted: Counted, rules: &Rules) -> Decision {
    let over = |count: u64, limit: Option<u64>| limit.is_some_and(|limit| count > limit);
    if over(counted.by_ip, rules.by_ip) {
        return Decision::ClientLocked;
    }
    if over(counted.by_email, rules.by_email) {
        return Decision::AddressLocked;
    }
    Decision::Judge
}

/// Whether an attempt that was judged, and was wrong, is the last one on its address for a while: the address is locked
/// now.
#[must_use]
pub fn locks(counted: Counted, rules: &Rules) -> bool {
    rules
        .by_email
        .is_some_and(|limit| counted.by_email >= limit)
}

#[cfg(test)]
mod tests {
    use super::{Counted, Decision, Rules, decide, locks};
    use proptest::prelude::*;

    const RULES: Rules = Rules {
        by_email: Some(5),
        by_ip: Some(20),
        window_seconds: 900,
    };

    fn counted(by_email: u64, by_ip: u64) -> Counted {
        Counted { by_email, by_ip }
    }

    #[test]
    fn the_sixth_attempt_on_an_address_is_not_judged_and_the_fifth_is() {
        assert_eq!(decide(counted(5, 5), &RULES), Decision::Judge);
        assert_eq!(decide(counted(6, 6), &RULES), Decision::AddressLocked);
    }

    #[test]
    fn the_attempt_that_locks_is_the_last_that_is_judged() {
        for by_email in 1..10 {
            let (this, next) = (counted(by_email, 1), counted(by_email + 1, 2));
            assert_eq!(
                locks(this, &RULES),
                decide(next, &RULES) == Decision::AddressLocked,
                "{by_email}"
            );
        }
        let none = Rules {
            by_email: None,
            ..RULES
        };
        assert!(!locks(counted(1000, 1), &none));
    }

    #[test]
    fn one_client_cannot_go_through_many_addresses() {
        assert_eq!(decide(counted(1, 20), &RULES), Decision::Judge);
        assert_eq!(decide(counted(1, 21), &RULES), Decision::ClientLocked);
    }

    #[test]
    fn a_locked_client_learns_nothing_about_the_address() {
        for by_email in [0, 1, 5, 6, 1000] {
            assert_eq!(
                decide(counted(by_email, 21), &RULES),
                Decision::ClientLocked
            );
        }
    }

    #[test]
    fn what_is_not_locked_by_the_rules_is_never_locked() {
        let none = Rules {
            by_email: None,
            by_ip: None,
            ..RULES
        };
        assert_eq!(decide(counted(u64::MAX, u64::MAX), &none), Decision::Judge);
        let email = Rules {
            by_ip: None,
            ..RULES
        };
        assert_eq!(decide(counted(1, u64::MAX), &email), Decision::Judge);
        assert_eq!(decide(counted(6, 1), &email), Decision::AddressLocked);
        let ip = Rules {
            by_email: None,
            ..RULES
        };
        assert_eq!(decide(counted(u64::MAX, 20), &ip), Decision::Judge);
        assert_eq!(decide(counted(1, 21), &ip), Decision::ClientLocked);
    }

    proptest! {
        /// However many guesses come at once, each counts those before it: at most the limit is judged.
        #[test]
        fn of_guesses_sent_at_once_at_most_the_limit_is_judged(limit in 1u64..50, guesses in 1u64..200) {
            let rules = Rules { by_email: Some(limit), by_ip: None, window_seconds: 900 };
            let judged = (1..=guesses)
                .filter(|nth| decide(counted(*nth, *nth), &rules) == Decision::Judge)
                .count() as u64;
            prop_assert_eq!(judged, limit.min(guesses));
        }
    }
}
