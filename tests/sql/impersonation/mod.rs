//! An administrator acts as somebody else: with a reason, for an hour at most, never as another administrator, and it
//! is written down.

mod acting;
mod ending;
mod refused;

use crate::acts::{act_as, text};
use fluxbase_tests::fixture::{Account, Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::Value;
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (family, tests) in [
        ("impersonation_refused", refused::tests()),
        ("impersonation_acting", acting::tests()),
        ("impersonation_ending", ending::tests()),
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

/// The tokens of an impersonation, and its id.
struct Acting {
    id: String,
    token: String,
    refresh: String,
    reply: Value,
}

impl Acting {
    #[track_caller]
    fn from_reply(reply: Value) -> Self {
        Self {
            id: text(&reply["session"], "id"),
            token: text(&reply, "access_token"),
            refresh: text(&reply, "refresh_token"),
            reply,
        }
    }
}

/// Ann, or whoever it is, acts as this user.
#[track_caller]
fn act_for(database: &Database, admin: &Account, target: &str) -> Acting {
    let call = "auth.impersonate($1::text::uuid, 'ticket 4711')";
    Acting::from_reply(act_as(&mut database.app(), &admin.token, call, &[&target]))
}
