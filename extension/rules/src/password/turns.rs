//! Whether a thread that hashes should give up its claim to a core and offer its turn now and then, which costs it a timer.

use std::time::Duration;

/// One interruption in so long. Where nothing but sign-ins runs, their own statements interrupt a hash twice to five times in
/// its 12 ms; with reads beside them, however few, nine times and more.
const RARE: Duration = Duration::from_micros(1_800);

/// Whether others want the core as well: the hash before was interrupted so often in the time it ran.
#[must_use]
pub fn is_core_wanted(interruptions: u64, ran: Duration) -> bool {
    RARE.saturating_mul(u32::try_from(interruptions).unwrap_or(u32::MAX)) > ran
}

#[cfg(test)]
mod tests {
    use super::is_core_wanted;
    use std::time::Duration;

    const HASH: Duration = Duration::from_millis(12);

    #[test]
    fn a_core_is_wanted_when_hashes_are_interrupted_often_for_their_length() {
        assert!(!is_core_wanted(0, HASH));
        assert!(!is_core_wanted(5, HASH));
        assert!(is_core_wanted(9, HASH));
        assert!(!is_core_wanted(9, HASH * 10));
        assert!(is_core_wanted(90, HASH * 10));
    }
}
