//! What users change of their own accounts, and what they must show first.

mod metadata;
mod passwords;
mod proof;

use crate::acts::{
    act, act_as, assert_refused, count, events, mails, state, superuser, text, try_as,
};
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::Arc;

type Tests = &'static [(&'static str, fn(&Database))];

const NEW: &str = "Another-Staple-8-Mule";
const UPDATE: &str = "auth.update_user($1)";

const TESTS: Tests = &[
    ("what_is_not_the_users_to_change_is_ignored", ignored),
    (
        "what_cannot_be_read_is_refused_and_changes_nothing",
        malformed,
    ),
    ("who_is_no_signed_in_user_changes_nothing", nobody),
    ("a_change_rolled_back_did_not_happen", rolled_back),
    ("sessions_are_listed_to_their_user_without_secrets", listed),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    [TESTS, metadata::TESTS, passwords::TESTS, proof::TESTS]
        .into_iter()
        .flatten()
        .map(|(name, body)| {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trial(&cluster, format!("profile::{name}"), move || {
                body(&fixture.database());
            })
        })
        .collect()
}

fn update(app: &mut Client, account: &Account, changes: &Value) -> Value {
    act_as(app, &account.token, UPDATE, &[changes])
}

fn sign_in(app: &mut Client, email: &str, password: &str) -> Value {
    act(app, "auth.sign_in($1, $2)", &[&email, &password])
}

fn nonce(app: &mut Client, account: &Account) -> String {
    let reply = act_as(app, &account.token, "auth.reauthenticate()", &[]);
    text(&reply, "nonce")
}

fn an_hour_later(database: &Database) {
    superuser(
        database,
        "update auth.sessions set authenticated_at = authenticated_at - interval '1 hour'",
    );
}

fn ignored(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let row = "select md5((to_jsonb(u) - 'user_metadata' - 'updated_at')::text) from auth.users u where email = 'ann@example.com'";
    let row = || crate::seal::value(&mut database.superuser(), row).expect("asked");
    let before = row();
    let reply = update(
        &mut app,
        ann,
        &json!({"role": "service_role", "app_metadata": {"admin": true}, "email_verified": true, "is_anonymous": true,
            "id": database.fixture.bob.id, "user_id": database.fixture.bob.id, "disabled_at": "2020-01-01", "password_hash": "x",
            "created_at": "2020-01-01", "metadata": {"a": 1}, "user_metadata": {"nick": "a"}}),
    );
    assert_eq!(reply["id"], ann.id.as_str());
    assert_eq!(
        (&reply["role"], &reply["app_metadata"]),
        (&json!("authenticated"), &json!({}))
    );
    assert_eq!(
        (&reply["email_verified"], &reply["is_anonymous"]),
        (&json!(false), &json!(false))
    );
    assert_eq!(reply["user_metadata"], json!({"nick": "a"}));
    assert_eq!(row(), before);
    assert_eq!(
        count(
            database,
            "select count(*) from auth.users where user_metadata <> '{}'"
        ),
        1
    );
    // Nothing to change changes nothing.
    let before = state(database);
    for nothing in [
        json!({}),
        json!({"email": null, "password": null, "user_metadata": null}),
        json!({"email": "ANN@example.com"}),
    ] {
        assert_eq!(update(&mut app, ann, &nothing)["id"], ann.id.as_str());
    }
    let users = |state: Vec<(String, String)>| {
        state
            .into_iter()
            .filter(|(table, _)| table != "users")
            .collect::<Vec<_>>()
    };
    assert_eq!(users(state(database)), users(before));
    assert!(mails(database).is_empty());
}

fn malformed(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let before = state(database);
    let long = "x".repeat(100_000);
    for changes in [
        json!([]),
        json!("text"),
        json!(7),
        json!(null),
        json!({"password": 7, "current_password": PASSWORD}),
        json!({"email": ["a@example.com"], "current_password": PASSWORD}),
        json!({"email": "", "current_password": PASSWORD}),
        json!({"email": "a b@example.com", "current_password": PASSWORD}),
        json!({"email": "a@example.com\r\nBcc: b@example.com", "current_password": PASSWORD}),
        json!({"password": NEW, "current_password": 7}),
        json!({"password": NEW, "nonce": 7}),
        json!({"user_metadata": []}),
        json!({"user_metadata": "x"}),
        json!({"user_metadata": {"long": long}}),
    ] {
        assert_refused(&update(&mut app, ann, &changes), "VALIDATION_FAILED");
    }
    assert_refused(
        &act_as(&mut app, &ann.token, "auth.update_user(null)", &[]),
        "VALIDATION_FAILED",
    );
    assert_eq!(state(database), before);
}

fn nobody(database: &Database) {
    let mut app = database.app();
    superuser(
        database,
        "update auth.users set role = 'admin' where email = 'bob@example.com'",
    );
    let bob = Account::from_reply(&sign_in(&mut app, "bob@example.com", PASSWORD));
    let ann = &database.fixture.ann;
    let acting = act_as(
        &mut app,
        &bob.token,
        "auth.impersonate($1::text::uuid, 'why')",
        &[&ann.id],
    );
    let client = act_as(
        &mut app,
        &ann.token,
        "auth.create_client_key('{\"name\": \"k\", \"scopes\": [\"*\"]}')",
        &[],
    );
    let before = state(database);
    let changes =
        json!({"user_metadata": {"nick": "a"}, "password": NEW, "current_password": PASSWORD});
    for (token, code) in [
        (text(&acting, "access_token"), "ACCESS_DENIED"),
        (text(&client, "key"), "AUTHENTICATION_REQUIRED"),
        (
            database.fixture.service_key.clone(),
            "AUTHENTICATION_REQUIRED",
        ),
    ] {
        assert_refused(&act_as(&mut app, &token, UPDATE, &[&changes]), code);
        assert_refused(
            &act_as(&mut app, &token, "auth.reauthenticate()", &[]),
            code,
        );
    }
    let visitor = try_as(&mut app, &database.fixture.anon_key, UPDATE, &[&changes]);
    assert_eq!(visitor, Err("42501".to_owned()));
    let outcome = app.execute("select auth.update_user($1)", &[&changes]);
    assert_eq!(crate::seal::sqlstate(&outcome).as_deref(), Some("42501"));
    assert_eq!(state(database), before);
}

fn rolled_back(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let before = state(database);
    let mut lost = app.transaction().expect("begun");
    lost.execute("select auth.enter($1)", &[&ann.token])
        .expect("enters");
    let changes = json!({"password": NEW, "current_password": PASSWORD, "user_metadata": {"a": 1}});
    lost.query_one("select auth.update_user($1)", &[&changes])
        .expect("a reply");
    lost.rollback().expect("rolled back");
    assert_eq!(state(database), before);
    assert_eq!(events(database, "auth.password_changed"), [""; 0]);
    assert!(mails(database).is_empty());
    Account::from_reply(&sign_in(&mut app, "ann@example.com", PASSWORD));
}

fn listed(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let phone = act(
        &mut app,
        "auth.sign_in('ann@example.com', $1, '{\"ip\": \"192.0.2.7\", \"user_agent\": \"phone\"}')",
        &[&PASSWORD],
    );
    Account::from_reply(&phone);
    superuser(
        database,
        "insert into auth.sessions (id, user_id, refresh_token_hash, method, expires_at, ends_at) \
         select gen_random_uuid(), id, sha256('x'), 'password', now(), now() from auth.users where email = 'ann@example.com'",
    );
    let reply = act_as(&mut app, &ann.token, "auth.list_sessions()", &[]);
    let sessions = reply["sessions"].as_array().expect("a list");
    assert_eq!(sessions.len(), 2, "{reply}");
    assert_eq!(
        (&sessions[0]["ip"], &sessions[0]["user_agent"]),
        (&json!("192.0.2.7"), &json!("phone"))
    );
    assert_eq!(
        (&sessions[0]["current"], &sessions[1]["current"]),
        (&json!(false), &json!(true))
    );
    assert!(
        sessions
            .iter()
            .all(|session| session["user_id"] == ann.id.as_str())
    );
    assert!(!reply.to_string().contains("hash"), "{reply}");
}
