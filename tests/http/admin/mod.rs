//! Administrators over HTTP, in every spelling of their endpoints: what they are answered, whom they may act on, and that
//! nobody else gets anywhere.

mod listing;

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

/// A name and a body.
type Test = (&'static str, fn(&Site));

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, body) in listing::TESTS {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("admin::{name}"), move || {
            body(&Site::new(&fixture, &[]));
        }));
    }
    trials
}
