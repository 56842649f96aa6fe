//! The orders themselves: what is asked and answered in shared memory, and who may touch it when.
//!
//! ```text
//!          backend          backend         worker          worker          backend
//!  FREE ──────────▶ TAKEN ──────────▶ READY ───────▶ RUNNING ───────▶ DONE ──────────▶ FREE
//!                     ▲      withdrawn │               │      or FAILED
//!                     └───────────────┘               └▶ ABANDONED (backend) ▶ FREE (worker)
//! ```
//!
//! Whoever brings an order into a state in which it is his own, by an exchange that only one can win, may read and write
//! its content; nobody else does. Passwords and digests are wiped by whoever is done with them.

use super::futex;
use fluxbase_rules::password::{Computation, DIGEST_BYTES, Digest, MAX_CHARACTERS};
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use zeroize::{Zeroize, Zeroizing};

/// More at once are hashed by those who ask.
const ORDERS: usize = 64;
/// Nobody's password is longer: the policy counts characters.
const PASSWORD_BYTES: usize = MAX_CHARACTERS * 4;

/// How long a thread without an order stays awake for the next.
const AWAKE: Duration = Duration::from_micros(300);

const FREE: u32 = 0;
const TAKEN: u32 = 1;
const READY: u32 = 2;
const RUNNING: u32 = 3;
const DONE: u32 = 4;
const FAILED: u32 = 5;
const ABANDONED: u32 = 6;

/// In shared memory. All zeros is its beginning: of `Option<Computation>` nothing is read before it is written.
#[repr(C)]
pub struct Orders {
    /// Raised with every order; what idle threads of the worker wait for.
    placed: AtomicU32,
    /// The worker's process, 0 while there is none.
    worker: AtomicI32,
    /// Raised whenever a hash slot becomes free.
    freed: AtomicU32,
    /// When somebody last waited in vain, in seconds since 1970; 0 for never.
    in_vain: AtomicI64,
    each: [Order; ORDERS],
}

#[repr(C)]
struct Order {
    state: AtomicU32,
    content: UnsafeCell<Content>,
}

#[repr(C)]
struct Content {
    computation: Option<Computation>,
    password: [u8; PASSWORD_BYTES],
    password_bytes: usize,
    digest: [u8; DIGEST_BYTES],
}

// SAFETY: the content is touched by whom the state says alone; see above.
unsafe impl Sync for Order {}

impl Order {
    fn pass(&self, from: u32, to: u32) -> bool {
        self.state
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// SAFETY: for whom the state says.
    #[expect(clippy::mut_from_ref, reason = "the state keeps everybody else away")]
    unsafe fn content(&self) -> &mut Content {
        // SAFETY: by the caller.
        unsafe { &mut *self.content.get() }
    }

    fn free(&self) {
        // SAFETY: whoever frees an order holds it.
        let content = unsafe { self.content() };
        content.password.zeroize();
        content.digest.zeroize();
        self.state.store(FREE, Ordering::Release);
    }
}

impl Orders {
    pub fn has_worker(&self) -> bool {
        self.worker.load(Ordering::Acquire) != 0
    }

    pub fn last_in_vain(&self) -> Option<i64> {
        Some(self.in_vain.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    pub fn was_in_vain(&self, now: i64) {
        self.in_vain.store(now, Ordering::Relaxed);
    }

    /// The worker is there. What its predecessor left is nobody's any more: who still waits for it hashes alone.
    pub fn open(&self, worker: i32) {
        for order in &self.each {
            if order.pass(RUNNING, FAILED) {
                futex::wake_one(&order.state);
            }
            if order.pass(ABANDONED, TAKEN) {
                order.free();
            }
        }
        self.in_vain.store(0, Ordering::Relaxed);
        self.worker.store(worker, Ordering::Release);
    }

    /// The worker goes.
    pub fn close(&self) {
        self.worker.store(0, Ordering::Release);
    }

    pub fn slots_freed(&self) -> u32 {
        self.freed.load(Ordering::Acquire)
    }

    pub fn slot_freed(&self) {
        self.freed.fetch_add(1, Ordering::AcqRel);
        futex::wake_one(&self.freed);
    }

    pub fn await_slot(&self, seen: u32, most: Duration) {
        futex::wait(&self.freed, seen, most);
    }

    /// Places an order; none when the password is nobody's or all places are taken. Its place is freed by [`give_up`].
    ///
    /// [`give_up`]: Self::give_up
    pub fn place(&self, computation: &Computation, password: &str) -> Option<usize> {
        if password.len() > PASSWORD_BYTES {
            return None;
        }
        let (place, order) = self
            .each
            .iter()
            .enumerate()
            .find(|(_, order)| order.pass(FREE, TAKEN))?;
        // SAFETY: taken just now.
        let content = unsafe { order.content() };
        content.computation = Some(*computation);
        content
            .password
            .iter_mut()
            .zip(password.as_bytes())
            .for_each(|(to, from)| *to = *from);
        content.password_bytes = password.len();
        order.state.store(READY, Ordering::Release);
        self.placed.fetch_add(1, Ordering::AcqRel);
        futex::wake_one(&self.placed);
        Some(place)
    }

    /// What has become of the order; waits for a while when nothing has.
    pub fn look(&self, place: usize, most: Duration) -> Answer {
        let Some(order) = self.each.get(place) else {
            return Answer::Failed;
        };
        match order.state.load(Ordering::Acquire) {
            // SAFETY: done, so ours again.
            DONE => Answer::Done(Zeroizing::new(unsafe { order.content() }.digest)),
            seen @ (READY | RUNNING) => {
                futex::wait(&order.state, seen, most);
                Answer::NotYet
            }
            _ => Answer::Failed,
        }
    }

    /// The end of an order for whoever placed it, whatever became of it.
    pub fn give_up(&self, place: usize) {
        let Some(order) = self.each.get(place) else {
            return;
        };
        // Each may be overtaken by the worker, and then the next holds: not begun, under way, answered.
        if order.pass(READY, TAKEN) || !order.pass(RUNNING, ABANDONED) {
            order.free();
        }
    }

    /// For a thread of the worker: does the next order, or waits for one. False when there was none for `idle`.
    pub fn serve(
        &self,
        idle: Duration,
        compute: impl FnOnce(&Computation, &str) -> Option<Digest>,
    ) -> bool {
        let seen = self.placed.load(Ordering::Acquire);
        let Some(order) = self.each.iter().find(|order| order.pass(READY, RUNNING)) else {
            return self.is_placed_soon(seen) || !futex::wait(&self.placed, seen, idle);
        };
        // SAFETY: running, so ours.
        let content = unsafe { order.content() };
        let password = Zeroizing::new(content.password);
        content.password.zeroize();
        let text = password
            .get(..content.password_bytes)
            .and_then(|bytes| std::str::from_utf8(bytes).ok());
        let digest = match (content.computation.take(), text) {
            (Some(computation), Some(text)) => compute(&computation, text),
            _ => None,
        };
        let ended = match digest {
            Some(digest) => {
                content.digest = *digest;
                DONE
            }
            None => FAILED,
        };
        if order.pass(RUNNING, ended) {
            futex::wake_one(&order.state);
        } else {
            order.free();
        }
        true
    }

    /// Stays awake for a moment, behind everybody else: who has waited for a hash slot places an order soon after whoever had
    /// it was told of his digest. With four clients on two cores these had nothing to do for 5 instead of 7 % of the time.
    fn is_placed_soon(&self, seen: u32) -> bool {
        let until = Instant::now() + AWAKE;
        loop {
            // SAFETY: takes nothing and cannot fail.
            unsafe { libc::sched_yield() };
            if self.placed.load(Ordering::Acquire) != seen {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
        }
    }
}

/// See [`Orders::look`].
pub enum Answer {
    NotYet,
    Done(Digest),
    Failed,
}
