//! How the system treats our threads.

use std::io;

/// From here on the calling thread waits, when it is woken, until whoever has the processor lets go of it.
///
/// PostgreSQL wakes a worker with every answer. A worker that took the processor at once would answer one request, find
/// nothing else and go to sleep, and the backend would begin the next statement with cold caches. Waiting for a moment it
/// finds several answers: measured on two cores, a row by key took 5 % less processor time and 20 rows with what
/// belongs to them 10 %. On a processor that is free nothing changes. Beside processes that compute without end the p99 of
/// a row by key was 9 ms instead of 5 to 7, and beside sign-ins that hash on all cores 19 ms instead of 13.
///
/// # Errors
/// When the system does not let it.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no crate in use has this call")]
pub fn give_way() -> io::Result<()> {
    let none = libc::sched_param { sched_priority: 0 };
    // SAFETY: the call reads the parameter and keeps nothing; 0 is the calling thread.
    match unsafe { libc::sched_setscheduler(0, libc::SCHED_BATCH, &raw const none) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Elsewhere there is no such policy.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn give_way() -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn a_thread_that_gives_way_says_so() {
        let policy = |line: &str| {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            let (_, fields) = stat.rsplit_once(')').unwrap();
            // Field 41 of proc_pid_stat(5); the first behind the name is the third.
            fields
                .split_whitespace()
                .nth(41 - 3)
                .map(str::to_owned)
                .expect(line)
        };
        assert_eq!(policy("before"), "0");
        super::give_way().unwrap();
        assert_eq!(policy("after"), "3");
    }
}
