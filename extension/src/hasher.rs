//! One process of the cluster that computes hashes for all backends, with the least claim to a core.
//!
//! A sign-in takes a core for 15 ms, a request for a fraction of one. In a thread of its own backend a hash cannot step
//! back far enough (see `worker`), and forking a process for each does not help: the kernel lets unprivileged processes
//! lower their group ten times a second at most, all together. So there is one worker, with two threads for each core, of
//! which one works (see `seat`). It is connected to no database, so it stands in nobody's way.
//!
//! The password lies in shared memory, which is PostgreSQL's alone, until a thread of the worker takes the order, some
//! microseconds where a core is free, and is wiped then. Whoever gives up before that wipes it too.
//!
//! Nobody depends on it: without a worker, or when it gets no core, a backend hashes in a thread of its own.

mod futex;
mod orders;
mod seat;
mod turns;
mod worker;

use crate::backend::PerBackend;
use crate::owner;
use crate::shared::Shared;
use fluxbase_rules::password::{Computation, Digest, Params, patience};
use orders::{Answer, Orders};
use pgrx::bgworkers::BackgroundWorkerBuilder;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::time::{Duration, Instant};

// SAFETY: zeros are the beginning of orders.
pub static SHARED: Shared<Orders> = unsafe { Shared::new(c"fluxbase hasher") };
/// The order under way, for [`at_exit`].
static PLACED: PerBackend<Option<usize>> = PerBackend::new(None);
static EXIT_SEEN_TO: PerBackend<bool> = PerBackend::new(false);

/// Between two looks at whether the statement was cancelled. The signal ends the wait; this is for one that came just
/// before it.
const LOOK: Duration = Duration::from_millis(20);

pub fn init() {
    BackgroundWorkerBuilder::new("fluxbase hasher")
        .set_library("fluxbase")
        .set_function("fluxbase_hasher_main")
        .set_restart_time(Some(Duration::from_secs(1)))
        .load();
}

/// Whether the worker is there and did not keep anybody waiting in vain just now.
pub fn takes_orders() -> bool {
    let cost = Params::default();
    SHARED.get().is_some_and(|orders| {
        orders.has_worker() && patience(cost, owner::now(), orders.last_in_vain()).is_some()
    })
}

/// The digest from the worker; none when the caller has to compute it.
pub fn ask(computation: &Computation, password: &str) -> Option<Digest> {
    let orders = SHARED.get().filter(|orders| orders.has_worker())?;
    let patience = patience(computation.params(), owner::now(), orders.last_in_vain())?;
    if !EXIT_SEEN_TO.replace(true) {
        // SAFETY: called once, when this backend ends.
        unsafe { pg_sys::before_shmem_exit(Some(at_exit), pg_sys::Datum::null()) };
    }
    let until = Instant::now() + patience;
    let placed = Placed::place(orders, computation, password)?;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match orders.look(placed.0, left.min(LOOK)) {
            Answer::Done(digest) => return Some(digest),
            Answer::Failed => return None,
            Answer::NotYet if left.is_zero() => {
                orders.was_in_vain(owner::now());
                return None;
            }
            Answer::NotYet => {
                pgrx::check_for_interrupts!();
            }
        }
    }
}

/// How often a hash slot became free; to be asked before looking for one.
pub fn slots_freed() -> u32 {
    SHARED.get().map_or(0, Orders::slots_freed)
}

/// One more slot is free.
pub fn slot_freed() {
    if let Some(orders) = SHARED.get() {
        orders.slot_freed();
    }
}

/// Waits until one became free since `seen`, a signal arrives or `most` is over.
pub fn await_slot(seen: u32, most: Duration) {
    match SHARED.get() {
        Some(orders) => orders.await_slot(seen, most),
        None => std::thread::sleep(most),
    }
}

/// An order of this backend, given up when dropped, by an error as well.
struct Placed(usize, &'static Orders);

impl Placed {
    fn place(orders: &'static Orders, computation: &Computation, password: &str) -> Option<Self> {
        let place = orders.place(computation, password)?;
        PLACED.set(Some(place));
        Some(Self(place, orders))
    }
}

impl Drop for Placed {
    fn drop(&mut self) {
        PLACED.set(None);
        self.1.give_up(self.0);
    }
}

/// A backend that is told to end while it waits does not come back to drop anything.
#[pg_guard]
unsafe extern "C-unwind" fn at_exit(_code: i32, _argument: pg_sys::Datum) {
    if let (Some(place), Some(orders)) = (PLACED.replace(None), SHARED.get()) {
        orders.give_up(place);
    }
}
