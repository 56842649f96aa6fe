//! How many passwords are hashed at once in the whole cluster.
//!
//! A hash takes a core and 19 MiB for some 20 ms. Without a bound, a burst of sign-ins takes every core from the
//! requests of everybody else, and the memory of a hundred backends.
//!
//! The slots are PostgreSQL's own locks, of the kind of advisory locks but with database 0, which no SQL can name: they
//! count across databases, need no shared memory of ours, and a backend that dies gives its slot back.

use crate::backend::PerBackend;
use crate::error::Failure;
#[cfg(target_os = "linux")]
use crate::hasher;
use pgrx::pg_sys;
use std::time::{Duration, Instant};

/// The longest anybody waits for a slot.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two looks, where nobody tells that a slot is free; a hash takes several of these.
const PAUSE: Duration = Duration::from_millis(5);

/// Whether this backend has a slot that it did not give back itself.
#[cfg(target_os = "linux")]
static HELD: PerBackend<bool> = PerBackend::new(false);
#[cfg(target_os = "linux")]
static END_SEEN_TO: PerBackend<bool> = PerBackend::new(false);

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
                #[cfg(target_os = "linux")]
                tell();
            }
        }
    }
}

/// Waits for one of `configured` slots; 0 means as many as there are cores, and one more where the worker hashes: it has a
/// thread for each core, and a slot is not free yet while what was hashed is committed. Without it the cores had nothing to
/// hash for a twentieth of the time.
///
/// # Errors
/// FX009 after a second without one.
pub fn take(configured: u32) -> Result<Slot, Failure> {
    let slots = match configured {
        0 => cores() + spare(),
        given => given,
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        #[cfg(target_os = "linux")]
        let seen = hasher::slots_freed();
        if let Some(slot) = try_take(slots) {
            #[cfg(target_os = "linux")]
            hold();
            return Ok(slot);
        }
        if Instant::now() >= deadline {
            return Err(Failure::new(
                *b"FX009",
                "too many passwords are being checked now; try again shortly",
            ));
        }
        #[cfg(target_os = "linux")]
        hasher::await_slot(seen, PAUSE);
        #[cfg(not(target_os = "linux"))]
        std::thread::sleep(PAUSE);
        pgrx::check_for_interrupts!();
    }
}

/// Sees to it that those who wait hear of the slot when it is free. Looking every 5 ms alone left a core without a
/// hash for a tenth of the time.
#[cfg(target_os = "linux")]
fn hold() {
    HELD.set(true);
    if !END_SEEN_TO.replace(true) {
        // SAFETY: called at the end of each part of a transaction from now on.
        unsafe {
            pg_sys::RegisterResourceReleaseCallback(Some(at_release), std::ptr::null_mut());
        }
    }
}

#[cfg(target_os = "linux")]
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn at_release(
    phase: pg_sys::ResourceReleasePhase::Type,
    _commit: bool,
    top_level: bool,
    _argument: *mut libc::c_void,
) {
    if top_level && phase == pg_sys::ResourceReleasePhase::RESOURCE_RELEASE_AFTER_LOCKS {
        tell();
    }
}

#[cfg(target_os = "linux")]
fn tell() {
    if HELD.replace(false) {
        hasher::slot_freed();
    }
}

/// One where somebody else sees to it that no more are hashed at once than there are cores.
fn spare() -> u32 {
    #[cfg(target_os = "linux")]
    return u32::from(hasher::takes_orders());
    #[cfg(not(target_os = "linux"))]
    return 0;
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
