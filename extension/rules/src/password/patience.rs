//! How long somebody waits for the process that hashes with the least claim to a core.
//!
//! Where the cores are busy with other work that process gets next to nothing, and a sign-in must still happen. So nobody
//! waits for longer than several hashes take, and hashes alone then; and for a while nobody asks again, because each
//! sign-in would first wait in vain.

use super::Params;
use crate::UnixSeconds;
use std::time::Duration;

/// After somebody waited in vain, nobody asks for this long.
pub const RESPITE_SECONDS: i64 = 2;

/// For a hash with the default parameters, which takes some 15 ms on a core of its own. With all cores hashing and half
/// of their time taken by requests, one after another took 30 to 60.
const ENOUGH: Duration = Duration::from_millis(500);

/// And never longer, whatever it costs.
const MOST: Duration = Duration::from_secs(60);

/// How long to wait for a hash of this cost; absent when it is better not to ask. `last_in_vain` is when somebody last
/// waited in vain.
#[must_use]
pub fn patience(
    cost: Params,
    now: UnixSeconds,
    last_in_vain: Option<UnixSeconds>,
) -> Option<Duration> {
    let resting = last_in_vain.is_some_and(|at| (0..RESPITE_SECONDS).contains(&(now - at)));
    let work = |params: Params| u64::from(params.memory_kib()) * u64::from(params.iterations());
    let times = work(cost).div_ceil(work(Params::default())).max(1);
    let enough = ENOUGH.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX));
    (!resting).then(|| enough.min(MOST))
}

#[cfg(test)]
mod tests {
    use super::{ENOUGH, MOST, Params, RESPITE_SECONDS, patience};

    #[test]
    fn a_costlier_hash_is_waited_for_longer_and_a_cheaper_one_as_long() {
        let of = |memory, iterations| {
            patience(Params::new(memory, iterations, 1).unwrap(), 100, None).unwrap()
        };
        assert_eq!(of(19_456, 2), ENOUGH);
        assert_eq!(of(19_456, 20), ENOUGH * 10);
        assert_eq!(of(19_457, 2), ENOUGH * 2);
        assert_eq!(of(8, 1), ENOUGH);
        let most = of(Params::MAX_MEMORY_KIB, Params::MAX_ITERATIONS);
        assert_eq!(most, MOST);
    }

    #[test]
    fn after_waiting_in_vain_nobody_asks_for_a_while() {
        let at = |now| patience(Params::default(), now, Some(100));
        assert_eq!(at(100), None);
        assert_eq!(at(100 + RESPITE_SECONDS - 1), None);
        assert_eq!(at(100 + RESPITE_SECONDS), Some(ENOUGH));
        // A clock that was set back must not silence everybody until it has caught up.
        assert_eq!(at(99), Some(ENOUGH));
    }
}
