//! What ends before it expires: it ends at the next statement, on connections that knew it, and stays ended.

mod changes;
mod ends;
mod foreign;
mod lifetime;
mod waiting;

use crate::acts::{act, enters, superuser};
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::Arc;

type Tests = &'static [(&'static str, fn(&Database))];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for tests in [
        changes::TESTS,
        ends::TESTS,
        foreign::TESTS,
        lifetime::TESTS,
        waiting::TESTS,
    ] {
        for (name, body) in tests {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trials.push(trial(&cluster, format!("revocation::{name}"), move || {
                body(&fixture.database());
            }));
        }
    }
    trials.extend(lifetime::alone(fixture));
    trials
}

/// What a token gets whose session has ended, or that was revoked.
fn over() -> Result<(), String> {
    Err("FX003".to_owned())
}

fn refresh(client: &mut Client, account: &Account) -> Value {
    act(client, "auth.refresh($1)", &[&account.refresh])
}

fn not_refreshed() -> Value {
    json!({"error": "Invalid or expired refresh token", "code": "INVALID_TOKEN"})
}

fn sign_in(client: &mut Client, email: &str) -> Account {
    Account::from_reply(&act(client, "auth.sign_in($1, $2)", &[&email, &PASSWORD]))
}

/// Signs Bob in as an administrator of this role.
fn administrator(database: &Database, role: &str) -> Account {
    superuser(
        database,
        &format!("update auth.users set role = '{role}' where email = 'bob@example.com'"),
    );
    sign_in(&mut database.app(), "bob@example.com")
}

/// Neither token is good any more, on connections that knew them and on new ones.
#[track_caller]
fn assert_ended(database: &Database, knew: &mut Client, account: &Account) {
    for client in [knew, &mut database.app()] {
        assert_eq!(enters(client, &account.token), over());
        assert_eq!(refresh(client, account), not_refreshed());
    }
}

/// Both are.
#[track_caller]
fn assert_lives(database: &Database, account: &Account) {
    let mut app = database.app();
    assert_eq!(enters(&mut app, &account.token), Ok(()));
    let next = Account::from_reply(&refresh(&mut app, account));
    assert_eq!(enters(&mut app, &next.token), Ok(()));
}
