//! Waiting for a word of shared memory to change, across processes.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Waits until somebody wakes whoever waits for `word`, a signal arrives or `most` is over; not at all when it is no
/// longer `seen`. Says whether the time ran out.
pub fn wait(word: &AtomicU32, seen: u32, most: Duration) -> bool {
    let most = libc::timespec {
        tv_sec: most.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: most.subsec_nanos().into(),
    };
    // SAFETY: the word outlives the call; the kernel reads it and the time.
    let waited = unsafe {
        libc::syscall(
            libc::SYS_futex,
            word.as_ptr(),
            libc::FUTEX_WAIT,
            seen,
            &raw const most,
        )
    };
    waited != 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::ETIMEDOUT)
}

/// Wakes one of those who wait for `word`.
pub fn wake_one(word: &AtomicU32) {
    // SAFETY: the kernel looks for waiters by the address and reads nothing.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, 1) };
}
