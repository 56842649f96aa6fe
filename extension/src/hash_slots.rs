//! How many passwords are hashed at once in the whole cluster.
//!
//! A hash takes a core and 19 MiB for some 20 ms. Without a bound, a burst of sign-ins takes every core from the
//! requests of everybody else, and the memory of a hundred backends.
//!
//! The slots are PostgreSQL's own locks, of the kind of advisory locks but with database 0, which no SQL can name: they
//! count across databases, need no shared memory of ours, and a backend that dies gives its slot back.

use crate::backend::PerBackend;
use crate::error::Failure;
use pgrx::pg_sys;
use std::time::{Duration, Instant};

/// The longest anybody waits for a slot.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two looks; a hash takes several of these.
const PAUSE_MILLISECONDS: i64 = 5;

/// Distinguishes our locks of database 0 from those of somebody else who had the same idea.
const CLASS: u32 = 0x4658_0001;

/// A slot. PostgreSQL takes it back at the end of the transaction.
#[must_use]
pub struct Slot(pg_sys::LOCKTAG);

impl Slot {
    /// No more hashing. Inside a transaction block the slot is free now: nobody may keep one by leaving a
    /// transaction open. Otherwise it stays taken until the statement is committed, so that of the attempts that are
    /// counted and not yet cleared there are never more than there are slots; when it was given back earlier, twelve
    /// people signing in at once behind one address locked it.
    pub fn hashed(self) {
        // SAFETY: releases what `try_take` acquired.
        unsafe {
            if pg_sys::IsTransactionBlock() {
                pg_sys::LockRelease(&raw const self.0, pg_sys::ExclusiveLock as i32, false);
            }
        }
    }
}

/// Waits for one of `configured` slots; 0 means as many as there are cores.
///
/// # Errors
/// FX009 after a second without one.
pub fn take(configured: u32) -> Result<Slot, Failure> {
    let slots = match configured {
        0 => cores(),
        given => given,
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(slot) = try_take(slots) {
            return Ok(slot);
        }
        if Instant::now() >= deadline {
            return Err(Failure::new(
                *b"FX009",
                "too many passwords are being checked now; try again shortly",
            ));
        }
        // SAFETY: waits on this backend's own latch, as PostgreSQL's own sleeping functions do.
        unsafe {
            pg_sys::WaitLatch(
                pg_sys::MyLatch,
                (pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH) as i32,
                PAUSE_MILLISECONDS,
                pg_sys::PG_WAIT_EXTENSION,
            );
            pg_sys::ResetLatch(pg_sys::MyLatch);
        }
        pgrx::check_for_interrupts!();
    }
}

/// Asked once: it takes reading five files of the kernel.
fn cores() -> u32 {
    static CORES: PerBackend<Option<u32>> = PerBackend::new(None);
    CORES.get().unwrap_or_else(|| {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        CORES.set(Some(cores));
        cores
    })
}

fn try_take(slots: u32) -> Option<Slot> {
    // SAFETY: a number of this process.
    let first = unsafe { pg_sys::MyProcPid }.unsigned_abs();
    (0..slots).find_map(|step| {
        let tag = pg_sys::LOCKTAG {
            locktag_field1: 0,
            locktag_field2: CLASS,
            locktag_field3: first.wrapping_add(step) % slots,
            locktag_field4: 2,
            locktag_type: pg_sys::LockTagType::LOCKTAG_ADVISORY as u8,
            locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
        };
        // SAFETY: an advisory lock of this transaction, not waited for.
        let got = unsafe {
            pg_sys::LockAcquire(&raw const tag, pg_sys::ExclusiveLock as i32, false, true)
        };
        (got != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL).then_some(Slot(tag))
    })
}
