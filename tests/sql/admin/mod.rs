//! Administrators: who is one, over whom, and that nobody else is.

mod accounts;
mod changing;
mod listing;
mod rank;
mod temporary;

use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (family, tests) in [
        ("admin_rank", rank::tests()),
        ("admin_listing", listing::tests()),
        ("admin_accounts", accounts::tests()),
        ("admin_changing", changing::tests()),
        ("admin_temporary", temporary::tests()),
    ] {
        for (name, body) in tests {
            let shared = Arc::clone(fixture);
            trials.push(trial(
                &fixture.cluster,
                format!("{family}::{name}"),
                move || {
                    body(&shared.database());
                },
            ));
        }
    }
    trials
}

/// A name and a body.
type Test = (&'static str, fn(&Database));
