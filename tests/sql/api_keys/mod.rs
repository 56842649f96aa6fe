//! Keys for programs: shown once, good for what they name, dead when they are to be.

mod accounts;
mod ending;
mod making;
mod powers;
mod scopes;

use crate::acts::{act, act_as, text};
use fluxbase_tests::fixture::{Account, Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (family, tests) in [
        ("api_keys_making", making::tests()),
        ("api_keys_powers", powers::tests()),
        ("api_keys_scopes", scopes::tests()),
        ("api_keys_ending", ending::tests()),
        ("api_keys_accounts", accounts::tests()),
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

/// A key and its row.
struct Key {
    id: String,
    key: String,
    object: Value,
}

impl Key {
    #[track_caller]
    fn from_reply(reply: Value) -> Self {
        Self {
            id: text(&reply, "id"),
            key: text(&reply, "key"),
            object: reply,
        }
    }
}

/// A service key, made in SQL by an administrator of the database.
#[track_caller]
fn service_key(database: &Database, scopes: &[&str]) -> Key {
    let options = json!({"name": "a program", "scopes": scopes});
    Key::from_reply(act(
        &mut database.superuser(),
        "auth.create_service_key($1)",
        &[&options],
    ))
}

/// A client key, made by its user.
#[track_caller]
fn client_key(database: &Database, account: &Account, scopes: &[&str]) -> Key {
    let options = json!({"name": "a program", "scopes": scopes});
    Key::from_reply(act_as(
        &mut database.app(),
        &account.token,
        "auth.create_client_key($1)",
        &[&options],
    ))
}
