//! `auth.admin_update_user`: what it changes, what follows, and that a refusal changes nothing at all.

use super::Test;
use crate::acts::{act, act_as, assert_refused, enters, events, mails, promoted, state};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use fluxbase_tests::forge;
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        ("a_new_role_holds_at_the_next_statement", role),
        ("a_new_password_ends_every_session", password),
        ("a_new_address_is_told_to_the_old_one", address),
        ("metadata_is_replaced_and_checked", metadata),
        ("what_is_not_offered_is_ignored", ignored),
        ("a_refusal_changes_nothing", refused),
    ]
}

fn update(database: &Database, id: &str, changes: &Value) -> Value {
    act(
        &mut database.superuser(),
        "auth.admin_update_user($1::text::uuid, $2)",
        &[&id, changes],
    )
}

fn role(database: &Database) {
    let admin = promoted(database, &database.fixture.ann, "dashboard_admin");
    let bob = &database.fixture.bob;
    let mut app = database.app();
    assert_eq!(enters(&mut app, &bob.token), Ok(()));
    let changes = json!({"role": "editor"});
    let reply = act_as(
        &mut database.app(),
        &admin.token,
        "auth.admin_update_user($1::text::uuid, $2)",
        &[&bob.id, &changes],
    );
    assert_eq!(reply["role"], "editor");
    assert_eq!(enters(&mut app, &bob.token), Err("FX003".to_owned()));
    let account = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&bob.refresh]));
    assert_eq!(forge::payload_of(&account.token)["role"], "editor");
    let details = "auth.admin_audit('{\"event\": \"admin.role_change\"}')";
    let found = act_as(&mut app, &admin.token, details, &[]);
    assert_eq!(
        found["events"][0]["details"],
        json!({"from": "authenticated", "to": "editor"})
    );
}

fn password(database: &Database) {
    let bob = &database.fixture.bob;
    let mut app = database.app();
    let reply = update(
        database,
        &bob.id,
        &json!({"password": "Another-Horse-8-Battery"}),
    );
    assert_eq!(reply["id"], bob.id.as_str());
    assert_eq!(enters(&mut app, &bob.token), Err("FX003".to_owned()));
    assert_refused(
        &act(&mut app, "auth.refresh($1)", &[&bob.refresh]),
        "INVALID_TOKEN",
    );
    assert_refused(
        &act(
            &mut app,
            "auth.sign_in('bob@example.com', $1)",
            &[&PASSWORD],
        ),
        "INVALID_CREDENTIALS",
    );
    let signed_in = act(
        &mut app,
        "auth.sign_in('bob@example.com', 'Another-Horse-8-Battery')",
        &[],
    );
    assert_refused(&signed_in, "PASSWORD_EXPIRED");
    let sent = mails(database);
    assert_eq!(
        (sent.len(), &sent[0]["kind"]),
        (1, &json!("notice_password_changed"))
    );
    assert_eq!(enters(&mut app, &database.fixture.ann.token), Ok(()));
}

fn address(database: &Database) {
    let bob = &database.fixture.bob;
    let reply = update(
        database,
        &bob.id,
        &json!({"email": " Robert@Example.com ", "email_verified": true}),
    );
    assert_eq!(
        (&reply["email"], &reply["email_verified"]),
        (&json!("robert@example.com"), &json!(true))
    );
    let sent = mails(database);
    assert_eq!(
        (sent.len(), &sent[0]["kind"], &sent[0]["to"]),
        (1, &json!("notice_email_changed"), &json!("bob@example.com"))
    );
    let mut app = database.app();
    assert_eq!(enters(&mut app, &bob.token), Err("FX003".to_owned()));
    assert_refused(
        &act(
            &mut app,
            "auth.sign_in('bob@example.com', $1)",
            &[&PASSWORD],
        ),
        "INVALID_CREDENTIALS",
    );
    Account::from_reply(&act(
        &mut app,
        "auth.sign_in('robert@example.com', $1)",
        &[&PASSWORD],
    ));
    // The same address anew is no change.
    let reply = update(database, &bob.id, &json!({"email": "robert@example.com"}));
    assert_eq!(reply["email_verified"], true);
    assert!(mails(database).is_empty());
    // Without a word on it, a new one is not confirmed.
    let reply = update(database, &bob.id, &json!({"email": "bobby@example.com"}));
    assert_eq!(reply["email_verified"], false);
}

fn metadata(database: &Database) {
    let bob = &database.fixture.bob;
    let reply = update(
        database,
        &bob.id,
        &json!({"user_metadata": {"a": 1}, "app_metadata": {"b": 2}}),
    );
    assert_eq!(
        (&reply["user_metadata"], &reply["app_metadata"]),
        (&json!({"a": 1}), &json!({"b": 2}))
    );
    assert_eq!(
        enters(&mut database.app(), &bob.token),
        Err("FX003".to_owned())
    );
    let reply = update(database, &bob.id, &json!({"user_metadata": {}}));
    assert_eq!(
        (&reply["user_metadata"], &reply["app_metadata"]),
        (&json!({}), &json!({"b": 2}))
    );
    assert_eq!(
        events(database, "admin.user_update"),
        ["success", "success"]
    );
}

fn ignored(database: &Database) {
    let bob = &database.fixture.bob;
    let before = act(
        &mut database.superuser(),
        "auth.admin_get_user($1::text::uuid)",
        &[&bob.id],
    );
    let changes = json!({
        "id": database.fixture.ann.id, "password_hash": "x", "is_anonymous": true, "disabled_at": "2020-01-01",
        "created_at": "2020-01-01", "is_locked": true, "nonsense": 7,
    });
    let mut reply = update(database, &bob.id, &changes);
    reply["updated_at"] = before["updated_at"].clone();
    assert_eq!(reply, before);
    for nothing in [
        json!({}),
        json!([]),
        json!("role"),
        json!({"role": null, "password": null, "email": null}),
    ] {
        let mut reply = update(database, &bob.id, &nothing);
        reply["updated_at"] = before["updated_at"].clone();
        assert_eq!(reply, before, "{nothing}");
    }
    assert_eq!(enters(&mut database.app(), &bob.token), Ok(()));
    Account::from_reply(&act(
        &mut database.app(),
        "auth.sign_in('bob@example.com', $1)",
        &[&PASSWORD],
    ));
}

/// All that is asked for or nothing: the good part of a refused change is not made.
fn refused(database: &Database) {
    let bob = &database.fixture.bob;
    let before = state(database);
    for (wrong, code) in [
        (json!({"email": "ann@example.com"}), "VALIDATION_FAILED"),
        (json!({"email": " ANN@example.com"}), "VALIDATION_FAILED"),
        (json!({"email": "no address"}), "VALIDATION_FAILED"),
        (json!({"email": 7}), "VALIDATION_FAILED"),
        (json!({"password": "short"}), "WEAK_PASSWORD"),
        (
            json!({"password": "Bob-Bob-7-Battery", "email": "bob-bob@example.com"}),
            "WEAK_PASSWORD",
        ),
        (json!({"password": 7}), "VALIDATION_FAILED"),
        (json!({"user_metadata": []}), "VALIDATION_FAILED"),
        (json!({"app_metadata": "x"}), "VALIDATION_FAILED"),
        (json!({"role": "anon"}), "INVALID_ROLE"),
        (json!({"role": 7}), "VALIDATION_FAILED"),
    ] {
        let mut changes =
            json!({"role": "editor", "user_metadata": {"a": 1}, "email_verified": true});
        for (name, value) in wrong.as_object().expect("an object") {
            changes[name] = value.clone();
        }
        assert_refused(&update(database, &bob.id, &changes), code);
    }
    assert_eq!(state(database), before);
    assert!(mails(database).is_empty());
    assert_eq!(enters(&mut database.app(), &bob.token), Ok(()));
}
