//! The process that hashes.
//!
//! Linux divides the processors between groups first and then between the threads of a group. With
//! `kernel.sched_autogroup_enabled` every session (setsid) is a group, and PostgreSQL makes one of every process of its
//! own: there a low priority of one thread in a backend means nothing beside other backends and the server. So this
//! process gives its group the least weight, and its threads the least claim within it, which is what counts where
//! PostgreSQL is one group (as under systemd).

use super::{SHARED, seat};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The least a group can have.
const LEAST: &str = "19";

/// What the postmaster calls in the new process.
#[unsafe(no_mangle)]
#[pg_guard]
pub extern "C-unwind" fn fluxbase_hasher_main(_argument: pg_sys::Datum) {
    listen();
    let Some(orders) = SHARED.get() else { return };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let started =
        crate::aside::with_signals_blocked(|| (0..threads).filter(|_| seat::take(orders)).count());
    if started > 0 {
        // SAFETY: a number of this process.
        orders.open(unsafe { pg_sys::MyProcPid });
        while !ENDED.load(Ordering::Acquire) && !is_orphan() {
            sleep(pause());
        }
        orders.close();
    }
    // Anything but 0, after which it would not be started again.
    // SAFETY: ends this process the way PostgreSQL's own end.
    unsafe { pg_sys::proc_exit(1) };
}

/// The postmaster wants the process to end.
static ENDED: AtomicBool = AtomicBool::new(false);

/// Takes SIGTERM, which is blocked but for [`sleep`]. Without pgrx's help: that names `pqsignal`, which another major calls
/// otherwise, and then a library of the wrong one is a missing symbol instead of a sentence that says so.
fn listen() {
    extern "C" fn end(_: libc::c_int) {
        ENDED.store(true, Ordering::Release);
    }
    // SAFETY: a handler that lives as long as the library and stores a flag.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = end as *const () as usize;
        libc::sigaction(libc::SIGTERM, &raw const action, std::ptr::null_mut());
    }
}

/// Until the time is over or a signal comes. Not on PostgreSQL's latch: its signals are read from a descriptor, and so every
/// turn that a thread offers would wake this one.
fn sleep(most: Duration) {
    let most = libc::timespec {
        tv_sec: most.as_secs().try_into().unwrap_or(1),
        tv_nsec: most.subsec_nanos().into(),
    };
    // SAFETY: waits for nothing but time and, with none of them blocked, signals.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::ppoll(std::ptr::null_mut(), 0, &raw const most, &raw const none);
    }
}

/// Whether the postmaster still is whom this process belongs to.
fn is_orphan() -> bool {
    // SAFETY: two numbers.
    unsafe { libc::getppid() != pg_sys::PostmasterPid }
}

/// Lowers the group, and says when to try again. Without privileges the kernel takes ten such changes a second from
/// everybody together.
fn pause() -> Duration {
    match std::fs::write("/proc/self/autogroup", LEAST) {
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Duration::from_millis(130),
        // Done, or there are no such groups. Then the postmaster is looked for.
        _ => Duration::from_secs(1),
    }
}
