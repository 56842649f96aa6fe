//! Telling every backend of the cluster that a session ended, without making them forget all the others.
//!
//! A backend remembers the sessions of the tokens it has seen. What voids that is a counter in shared memory, one of
//! 65,536, chosen by the session's id: ending a session raises its counter, and only what was remembered under that
//! counter is looked up again. So asking whether a session still lives is one comparison, however many have ended; a
//! counter shared by two sessions costs a look-up, never a wrong answer. The table is the truth: counters begin anew with
//! the server, when no backend remembers anything.
//!
//! A standby has no writers of its own; it hears of the end of a session through PostgreSQL's relation-cache
//! invalidations, which arrive with the write-ahead log and void all sessions at once.

use crate::backend::PerBackend;
use crate::error::{Failure, raise};
use crate::shared::Shared;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

const COUNTERS: usize = 1 << 16;

pub struct Counters {
    /// Raised when all sessions at once may have ended.
    all: AtomicU64,
    one: [AtomicU64; COUNTERS],
}

// SAFETY: zeros are valid counters.
pub static SHARED: Shared<Counters> = unsafe { Shared::new(c"fluxbase revocations") };

/// What this transaction ended, to be told when it commits.
struct Ended {
    sessions: Vec<u16>,
    all: bool,
}

/// More than these are told as "all".
const MOST: usize = 4096;
static ENDED: PerBackend<Option<Ended>> = PerBackend::new(None);

pub fn init() {
    // SAFETY: called at the end of each transaction from now on.
    unsafe { pg_sys::RegisterXactCallback(Some(at_end_of_transaction), std::ptr::null_mut()) };
}

fn place(session_id: &[u8; 16]) -> u16 {
    // Random bits of a version 4 UUID.
    let [first, second, ..] = *session_id;
    u16::from_be_bytes([first, second])
}

/// What the memory of a session is worth: to be taken before the table is read, and compared at every use.
#[inline]
pub fn generation(session_id: &[u8; 16]) -> u64 {
    let Some(shared) = SHARED.get() else { return 0 };
    let one = shared
        .one
        .get(usize::from(place(session_id)))
        .map_or(0, |counter| counter.load(Ordering::Acquire));
    // Both only grow, so the sum changes when either does.
    one.wrapping_add(shared.all.load(Ordering::Acquire))
}

/// Whether a relation-cache invalidation of the sessions says anything that the counters do not.
pub fn hears_by_log() -> bool {
    // SAFETY: reads a flag of shared memory.
    SHARED.get().is_none() || unsafe { pg_sys::RecoveryInProgress() }
}

fn end(what: impl FnOnce(&mut Ended)) {
    let mut ended = ENDED.replace(None).unwrap_or(Ended {
        sessions: Vec::new(),
        all: false,
    });
    what(&mut ended);
    if ended.sessions.len() > MOST {
        ended.sessions.clear();
        ended.all = true;
    }
    ENDED.set(Some(ended));
}

/// The trigger of `auth.sessions`, for rows that end or change and for TRUNCATE.
#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_forget_session_wrapper() -> &'static pg_sys::Pg_finfo_record {
    &crate::claims::VERSION_1
}

#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn forget_session_wrapper(
    fcinfo: pg_sys::FunctionCallInfo,
) -> pg_sys::Datum {
    // SAFETY: checked to be called as a trigger before the context is read as one; a row trigger has a row, whose first
    // column is the id.
    unsafe {
        let context = (*fcinfo).context;
        if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_TriggerData {
            raise(Failure::new(
                *b"39P01",
                "auth.forget_session() is a trigger function",
            ));
        }
        let trigger = context.cast::<pg_sys::TriggerData>();
        let relation = (*trigger).tg_relation;
        let row = (*trigger).tg_trigtuple;
        let mut null = true;
        let id = if row.is_null() {
            pg_sys::Datum::null()
        } else {
            pg_sys::heap_getattr(row, 1, (*relation).rd_att, &mut null)
        };
        if null {
            end(|ended| ended.all = true);
        } else {
            let bytes = *id.cast_mut_ptr::<[u8; 16]>();
            end(|ended| ended.sessions.push(place(&bytes)));
        }
        pg_sys::CacheInvalidateRelcacheByRelid((*relation).rd_id);
    }
    pg_sys::Datum::null()
}

/// Called after the transaction has become visible to others and before its client hears of it.
#[pg_guard]
unsafe extern "C-unwind" fn at_end_of_transaction(
    event: pg_sys::XactEvent::Type,
    _argument: *mut c_void,
) {
    use pg_sys::XactEvent::*;
    match event {
        XACT_EVENT_COMMIT | XACT_EVENT_PARALLEL_COMMIT => {
            if let (Some(ended), Some(shared)) = (ENDED.replace(None), SHARED.get()) {
                if ended.all {
                    shared.all.fetch_add(1, Ordering::AcqRel);
                }
                for session in ended.sessions {
                    if let Some(counter) = shared.one.get(usize::from(session)) {
                        counter.fetch_add(1, Ordering::AcqRel);
                    }
                }
            }
        }
        XACT_EVENT_ABORT | XACT_EVENT_PARALLEL_ABORT => ENDED.set(None),
        // Committed later by another backend, which would know of nothing to tell.
        XACT_EVENT_PRE_PREPARE if ENDED.replace(None).is_some() => raise(Failure::new(
            *b"0A000",
            "a transaction that has ended sessions cannot be prepared",
        )),
        _ => {}
    }
}
