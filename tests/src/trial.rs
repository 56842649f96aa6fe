//! A test whose failure shows where it broke and what PostgreSQL said meanwhile.

use crate::cluster::Cluster;
use libtest_mimic::{Arguments, Failed, Trial};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

static HOOK: Once = Once::new();

/// `family::attack_in_words`; `body` panics when the property does not hold.
pub fn trial(
    cluster: &Arc<Cluster>,
    name: impl Into<String>,
    body: impl FnOnce() + Send + 'static,
) -> Trial {
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|info| {
            PANIC.with_borrow_mut(|text| *text = info.to_string());
        }));
    });
    let cluster = Arc::clone(cluster);
    Trial::test(name, move || {
        catch_unwind(AssertUnwindSafe(body)).map_err(|_| {
            let what = PANIC.with_borrow(Clone::clone);
            Failed::from(format!(
                "{what}\n--- PostgreSQL said:\n{}",
                cluster.log_tail(12)
            ))
        })
    })
}

/// The command line, with four tests at a time unless told otherwise: every test has its own database, and many wait for
/// time to pass.
pub fn arguments() -> Arguments {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(4);
    arguments
}

/// Runs them, cleans up, and exits with the status `cargo test` expects.
pub fn run(arguments: &Arguments, trials: Vec<Trial>) -> ! {
    let conclusion = libtest_mimic::run(arguments, trials);
    crate::janitor::finish();
    conclusion.exit()
}
