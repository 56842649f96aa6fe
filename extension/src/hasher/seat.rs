//! Where a core's hashes are computed: by one of two threads, each with its claim to the core, since a thread that has given
//! up its own cannot take it back.

use super::orders::Orders;
use super::turns::{Claim, Turns};
use crate::hash_memory::Blocks;
use fluxbase_rules::password::Digest;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The memory of a seat that has had nothing to do for this long is given back.
const IDLE: Duration = Duration::from_secs(10);

/// Whose turn it is, and the memory that goes with it. Whoever works holds it.
struct Seat {
    turn: Mutex<(Claim, Blocks)>,
    passed: Condvar,
}

/// Starts the threads of one core; false when there is none to be had. They live as long as the process.
pub fn take(orders: &'static Orders) -> bool {
    let seat = Arc::new(Seat {
        turn: Mutex::new((Claim::Least, Blocks::default())),
        passed: Condvar::new(),
    });
    let start = |claim, name: &str, other| {
        let seat = Arc::clone(&seat);
        std::thread::Builder::new()
            .name(name.to_owned())
            .stack_size(256 * 1024)
            .spawn(move || seat.serve(claim, other, orders))
            .is_ok()
    };
    let other = start(Claim::Nothing, "fluxbase idle", true);
    start(Claim::Least, "fluxbase hash", other)
}

impl Seat {
    /// Without an `other` thread there is nobody to pass the turn to.
    fn serve(&self, claim: Claim, other: bool, orders: &Orders) -> ! {
        let turns = Turns::of_this_thread(claim);
        loop {
            let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = self.passed.wait_while(turn, |(whose, _)| *whose != claim);
            let mut turn = turn.unwrap_or_else(PoisonError::into_inner);
            let (whose, memory) = &mut *turn;
            turns.begin();
            while !other || turns.claim() == claim {
                let busy = orders.serve(IDLE, |computation, password| {
                    // Whoever asked hashes alone then, and meets the same error where it can be reported.
                    let hash =
                        std::panic::AssertUnwindSafe(|| computation.run(password, memory).ok());
                    turns.during(|| std::panic::catch_unwind(hash).unwrap_or(None::<Digest>))
                });
                memory.keep(busy);
            }
            *whose = turns.claim();
            self.passed.notify_one();
        }
    }
}
