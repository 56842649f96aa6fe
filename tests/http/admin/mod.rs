//! Administrators over HTTP, in every spelling of their endpoints: what they are answered, whom they may act on, and that
//! nobody else gets anywhere.

mod listing;
mod refused;
mod setup;
mod users;

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::Value;
use std::sync::Arc;

/// A name and a body.
type Test = (&'static str, fn(&Site));

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let plain = [listing::TESTS, users::TESTS, setup::TESTS].concat();
    let plain = plain.into_iter().map(|test| (test, false));
    let mailing = refused::TESTS.iter().map(|test| (*test, true));
    plain
        .chain(mailing)
        .map(|((name, body), mails)| {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trial(&cluster, format!("admin::{name}"), move || {
                body(&if mails {
                    Site::mailing(fixture.database())
                } else {
                    Site::new(&fixture, &[])
                });
            })
        })
        .collect()
}

/// The names of an object's members, to say that there are no others.
#[track_caller]
pub fn members(object: &Value) -> Vec<&str> {
    let members = object.as_object().expect("an object");
    members.keys().map(String::as_str).collect()
}

/// What administrators are told of a user.
pub const ENRICHED: [&str; 15] = [
    "active_sessions",
    "app_metadata",
    "created_at",
    "email",
    "email_verified",
    "id",
    "is_anonymous",
    "is_locked",
    "last_sign_in",
    "metadata",
    "provider",
    "role",
    "two_factor_enabled",
    "updated_at",
    "user_metadata",
];

/// Who did it, on whom, from where and in which request, of the only event of this name.
#[track_caller]
pub fn only_event(site: &Site, event: &str) -> Value {
    let rows = site.database.superuser().query(
        "select jsonb_build_object('outcome', outcome, 'reason', reason, 'actor', actor_id, 'user', user_id, 'ip', host(ip), \
           'agent', user_agent, 'request', request_id, 'details', details) from audit.events where event = $1",
        &[&event],
    );
    let rows = rows.expect("asked");
    assert_eq!(rows.len(), 1, "{event}");
    rows[0].get(0)
}
