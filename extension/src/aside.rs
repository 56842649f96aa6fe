//! Long computations beside the backend's own thread, with less claim to a core.
//!
//! Hashing passwords takes whole cores for tens of milliseconds. On a server whose cores are all hashing, a request that
//! needs half a millisecond would wait for its turn; so hashes run in a thread of their own whose nice value is raised,
//! which on Linux is a matter of threads. (The backend itself could raise its own, but without privileges never lower it
//! again.) Nothing of PostgreSQL may be called in there: its memory, errors and signals belong to one thread.

use crate::error::Failure;

/// A tenth of the claim of an ordinary thread, so that sign-ins are slow under full load and still happen.
#[cfg(target_os = "linux")]
const NICE: libc::c_int = 10;

/// Runs `work` in a thread of its own and waits for it.
pub fn compute<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Failure> {
    let failed = || Failure::new(*b"FX009", "no thread could be had to hash a password in");
    std::thread::scope(|scope| {
        with_signals_blocked(|| {
            std::thread::Builder::new()
                .name("fluxbase hash".to_owned())
                .stack_size(256 * 1024)
                .spawn_scoped(scope, || {
                    step_back();
                    work()
                })
        })
        .map_err(|_| failed())?
        .join()
        .map_err(|_| failed())
    })
}

/// A thread that is started in here begins with the mask of this one: no signal of PostgreSQL's is handled there.
pub fn with_signals_blocked<T>(start: impl FnOnce() -> T) -> T {
    let before = block_signals();
    let started = start();
    restore_signals(&before);
    started
}

fn block_signals() -> libc::sigset_t {
    // SAFETY: fills and reads sets of this frame; changes the mask of this thread only.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, &raw mut before);
        before
    }
}

fn restore_signals(before: &libc::sigset_t) {
    // SAFETY: as above.
    unsafe {
        libc::pthread_sigmask(
            libc::SIG_SETMASK,
            std::ptr::from_ref(before),
            std::ptr::null_mut(),
        );
    }
}

fn step_back() {
    #[cfg(target_os = "linux")]
    // SAFETY: on Linux "process 0" is the calling thread; raising the value is always allowed.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
}
