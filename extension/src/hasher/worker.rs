//! The process that hashes.
//!
//! Linux divides the processors between groups first and then between the threads of a group. With
//! `kernel.sched_autogroup_enabled` every session (setsid) is a group, and PostgreSQL makes one of every process of its
//! own: there a low priority of one thread in a backend means nothing beside other backends and the server. So this
//! process gives its group the least weight, and its threads the least claim within it, which is what counts where
//! PostgreSQL is one group (as under systemd).

use super::{SHARED, orders::Orders};
use crate::hash_memory::Blocks;
use fluxbase_rules::password::Digest;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The memory of a thread that has had nothing to do for this long is given back.
const IDLE: Duration = Duration::from_secs(10);
/// The least a group can have.
const LEAST: &str = "19";

/// What the postmaster calls in the new process.
#[unsafe(no_mangle)]
#[pg_guard]
pub extern "C-unwind" fn fluxbase_hasher_main(_argument: pg_sys::Datum) {
    listen();
    let Some(orders) = SHARED.get() else { return };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let started = crate::aside::with_signals_blocked(|| {
        (0..threads)
            .filter(|_| {
                std::thread::Builder::new()
                    .name("fluxbase hash".to_owned())
                    .stack_size(256 * 1024)
                    .spawn(|| serve(orders))
                    .is_ok()
            })
            .count()
    });
    if started > 0 {
        // SAFETY: a number of this process.
        orders.open(unsafe { pg_sys::MyProcPid });
        while !ENDED.load(Ordering::Acquire) {
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

/// Takes SIGTERM. Without pgrx's help: that names `pqsignal`, which another major calls otherwise, and then a library of the
/// wrong one is a missing symbol instead of a sentence that says so.
fn listen() {
    extern "C" fn end(_: libc::c_int) {
        ENDED.store(true, Ordering::Release);
        // SAFETY: what PostgreSQL's own handlers do; the latch is this process's.
        unsafe { pg_sys::SetLatch(pg_sys::MyLatch) };
    }
    // SAFETY: a handler that lives as long as the library, and signals that were blocked for it.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = end as *const () as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGTERM, &raw const action, std::ptr::null_mut());
        pg_sys::BackgroundWorkerUnblockSignals();
    }
}

/// Until the time is over, a signal comes or the postmaster is gone.
fn sleep(most: Duration) {
    // SAFETY: waits on this process's own latch, as PostgreSQL's own workers do.
    unsafe {
        pg_sys::WaitLatch(
            pg_sys::MyLatch,
            (pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH) as i32,
            most.as_millis().try_into().unwrap_or(libc::c_long::MAX),
            pg_sys::PG_WAIT_EXTENSION,
        );
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
}

/// Lowers the group, and says when to try again. Without privileges the kernel takes ten such changes a second from
/// everybody together.
fn pause() -> Duration {
    match std::fs::write("/proc/self/autogroup", LEAST) {
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Duration::from_millis(130),
        // Done, or there are no such groups.
        _ => Duration::from_secs(3600),
    }
}

fn serve(orders: &Orders) {
    step_back();
    let mut memory = Blocks::default();
    loop {
        let busy = orders.serve(IDLE, |computation, password| {
            // Whoever asked hashes alone then, and meets the same error where it can be reported.
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                computation.run(password, &mut memory).ok()
            }))
            .unwrap_or(None::<Digest>)
        });
        memory.keep(busy);
    }
}

/// `struct sched_attr` in its first form (sched_setattr(2)), which the C library does not have everywhere.
#[repr(C)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    slice: u64,
    deadline: u64,
    period: u64,
}

/// The least weight, and turns of a tenth of a millisecond: whoever wakes does not wait for the end of a longer one.
///
/// Not SCHED_IDLE: a core that hashes so counts as idle, so nobody sees that two threads are on one while another has nothing to
/// do. A tenth of all cores' time was lost while sign-ins waited, and with each thread bound to a core reads waited longer.
fn step_back() {
    let attributes = Attributes {
        size: size_of::<Attributes>() as u32,
        policy: 0,
        flags: 0,
        nice: 19,
        priority: 0,
        // In nanoseconds. Linux before 6.12 looks at it for other policies only.
        slice: 100_000,
        deadline: 0,
        period: 0,
    };
    // SAFETY: about the calling thread and always allowed; reads the attributes.
    unsafe {
        if libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) != 0 {
            libc::setpriority(libc::PRIO_PROCESS, 0, 19);
        }
    }
}
