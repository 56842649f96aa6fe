//! A key that is over is over at the next statement, on connections that have used it.

use super::{Key, Test, client_key, service_key};
use crate::acts::{act, act_as, assert_refused, enters, superuser, text, try_as};
use fluxbase_tests::fixture::{Account, Database};
use postgres::Client;
use serde_json::{Value, json};
use std::time::Duration;

pub fn tests() -> Vec<Test> {
    vec![
        ("a_service_key_revoked_disabled_or_deleted_is_dead", service),
        (
            "a_rotated_service_key_is_dead_and_its_successor_good",
            rotated,
        ),
        ("a_deprecated_key_lives_until_its_grace_ends", deprecated),
        ("a_revoked_key_is_not_brought_back", not_brought_back),
        ("a_key_expires", expires),
        ("a_client_key_revoked_or_deleted_is_dead", client),
        (
            "the_client_key_of_a_user_disabled_or_deleted_is_dead",
            user_gone,
        ),
        ("a_client_key_says_what_its_user_is_now", changed_user),
        ("keys_left_alone_live_on", left_alone),
        ("everything_revoked_ends_keys_when_asked_to", everything),
        (
            "a_key_that_ends_in_a_transaction_that_does_not_lives_on",
            rolled_back,
        ),
    ]
}

fn over() -> Result<(), String> {
    Err("FX003".to_owned())
}

/// A connection that knows the key.
fn knows(database: &Database, key: &Key) -> Client {
    let mut app = database.app();
    assert_eq!(enters(&mut app, &key.key), Ok(()));
    app
}

/// What an administrator of the database does to it.
#[track_caller]
fn change(database: &Database, key: &Key, how: &str, options: Value) -> Value {
    let call = "auth.change_service_key($1::text::uuid, $2, $3)";
    let reply = act(&mut database.superuser(), call, &[&key.id, &how, &options]);
    assert!(reply.get("code").is_none(), "{reply}");
    reply
}

fn service(database: &Database) {
    for how in ["revoke", "disable", "delete"] {
        let (key, other) = (service_key(database, &["*"]), service_key(database, &["*"]));
        let (mut app, mut bystander) = (knows(database, &key), knows(database, &other));
        change(database, &key, how, json!({"reason": "leaked"}));
        assert_eq!(enters(&mut app, &key.key), over(), "{how}");
        let scoped = app.batch_execute(&format!(
            "begin; select auth.enter('{}', 'read:tables')",
            key.key
        ));
        assert_eq!(crate::seal::sqlstate(&scoped).as_deref(), Some("FX003"));
        app.batch_execute("rollback").expect("ends");
        assert_eq!(enters(&mut database.app(), &key.key), over());
        assert_eq!(enters(&mut bystander, &other.key), Ok(()));
    }
    let key = service_key(database, &["*"]);
    let mut app = knows(database, &key);
    change(database, &key, "disable", json!({}));
    assert_eq!(enters(&mut app, &key.key), over());
    change(database, &key, "enable", json!({}));
    assert_eq!(enters(&mut app, &key.key), Ok(()));
    // As an administrator does it by hand.
    superuser(database, "update auth.service_keys set revoked_at = now()");
    assert_eq!(enters(&mut app, &key.key), over());
}

fn rotated(database: &Database) {
    let key = service_key(database, &["read:tables"]);
    let mut app = knows(database, &key);
    let rotate = "auth.rotate_service_key($1::text::uuid)";
    let new = Key::from_reply(act(&mut database.superuser(), rotate, &[&key.id]));
    assert_ne!((&new.id, &new.key), (&key.id, &key.key));
    assert_eq!(new.object["scopes"], json!(["read:tables"]));
    assert_eq!(enters(&mut app, &key.key), over());
    assert_eq!(enters(&mut app, &new.key), Ok(()));
    let old = act(
        &mut database.superuser(),
        "auth.get_service_key($1::text::uuid)",
        &[&key.id],
    );
    assert_eq!(
        (&old["revoke_reason"], &old["replaced_by"]),
        (&json!("rotated"), &json!(new.id))
    );
    // Once.
    assert_refused(
        &act(&mut database.superuser(), rotate, &[&key.id]),
        "NOT_FOUND",
    );
    assert_refused(
        &act(
            &mut database.superuser(),
            rotate,
            &[&"00000000-0000-0000-0000-000000000001"],
        ),
        "NOT_FOUND",
    );
}

fn deprecated(database: &Database) {
    let key = service_key(database, &["*"]);
    let mut app = knows(database, &key);
    let reply = change(
        database,
        &key,
        "deprecate",
        json!({"grace_period_hours": 2}),
    );
    assert_eq!(reply["revoke_reason"], "deprecated");
    assert_eq!(enters(&mut app, &key.key), Ok(()));
    // The clock is moved, not the row's past: nothing tells anybody when the moment comes.
    superuser(
        database,
        "update auth.service_keys set revoked_at = clock_timestamp() + interval '2 seconds'",
    );
    assert_eq!(enters(&mut app, &key.key), Ok(()));
    std::thread::sleep(Duration::from_millis(2500));
    assert_eq!(enters(&mut database.app(), &key.key), over());
    assert_eq!(enters(&mut app, &key.key), over());
    // Without grace, and with an end before that of the grace.
    let key = service_key(database, &["*"]);
    let mut app = knows(database, &key);
    change(
        database,
        &key,
        "deprecate",
        json!({"grace_period_hours": 0}),
    );
    assert_eq!(enters(&mut app, &key.key), over());
    let key = service_key(database, &["*"]);
    let mut app = knows(database, &key);
    change(database, &key, "deprecate", json!({}));
    superuser(
        database,
        "update auth.service_keys set expires_at = clock_timestamp() + interval '1 second'",
    );
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(enters(&mut app, &key.key), over());
}

fn not_brought_back(database: &Database) {
    let key = service_key(database, &["*"]);
    change(database, &key, "revoke", json!({"reason": "leaked"}));
    let revoked = act(
        &mut database.superuser(),
        "auth.get_service_key($1::text::uuid)",
        &[&key.id],
    );
    for how in ["enable", "deprecate", "update"] {
        change(
            database,
            &key,
            how,
            json!({"grace_period_hours": 24, "name": "again", "revoked_at": null}),
        );
        assert_eq!(enters(&mut database.app(), &key.key), over(), "{how}");
    }
    let now = act(
        &mut database.superuser(),
        "auth.get_service_key($1::text::uuid)",
        &[&key.id],
    );
    assert_eq!(now["revoked_at"], revoked["revoked_at"]);
    // Revoking one that runs out ends it at once.
    let key = service_key(database, &["*"]);
    let mut app = knows(database, &key);
    change(
        database,
        &key,
        "deprecate",
        json!({"grace_period_hours": 24}),
    );
    change(database, &key, "revoke", json!({}));
    assert_eq!(enters(&mut app, &key.key), over());
}

fn expires(database: &Database) {
    let end = "to_jsonb(clock_timestamp() + interval '2 seconds')";
    let end = text(
        &json!({"end": act(&mut database.superuser(), end, &[])}),
        "end",
    );
    let options = json!({"name": "short", "scopes": ["*"], "expires_at": end});
    let service = Key::from_reply(act(
        &mut database.superuser(),
        "auth.create_service_key($1)",
        &[&options],
    ));
    let ann = &database.fixture.ann.token;
    let client = Key::from_reply(act_as(
        &mut database.app(),
        ann,
        "auth.create_client_key($1)",
        &[&options],
    ));
    let mut known = [knows(database, &service), knows(database, &client)];
    std::thread::sleep(Duration::from_millis(2200));
    for (app, key) in known.iter_mut().zip([&service, &client]) {
        assert_eq!(enters(app, &key.key), over());
        assert_eq!(enters(&mut database.app(), &key.key), over());
    }
}

fn client(database: &Database) {
    let ann = &database.fixture.ann;
    for how in ["revoke", "delete"] {
        let (key, other) = (
            client_key(database, ann, &["*"]),
            client_key(database, ann, &["*"]),
        );
        let (mut app, mut bystander) = (knows(database, &key), knows(database, &other));
        let call = "auth.change_client_key($1::text::uuid, $2)";
        let reply = act_as(&mut database.app(), &ann.token, call, &[&key.id, &how]);
        assert!(reply.get("code").is_none(), "{reply}");
        assert_eq!(enters(&mut app, &key.key), over(), "{how}");
        assert_eq!(enters(&mut bystander, &other.key), Ok(()));
    }
    let unknown = try_as(
        &mut database.app(),
        &ann.token,
        "auth.change_client_key($1::text::uuid, 'enable')",
        &[&client_key(database, ann, &["*"]).id],
    );
    assert_eq!(unknown, Err("22023".to_owned()));
}

fn user_gone(database: &Database) {
    let (ann, bob) = (
        client_key(database, &database.fixture.ann, &["*"]),
        client_key(database, &database.fixture.bob, &["*"]),
    );
    // Keys of users who are not signed in anywhere: their sessions tell nobody anything.
    superuser(database, "delete from auth.sessions");
    let mut app = knows(database, &ann);
    assert_eq!(enters(&mut app, &bob.key), Ok(()));
    superuser(
        database,
        "update auth.users set disabled_at = now() where email = 'ann@example.com'",
    );
    assert_eq!(enters(&mut app, &ann.key), over());
    assert_eq!(enters(&mut app, &bob.key), Ok(()));
    superuser(database, "update auth.users set disabled_at = null");
    assert_eq!(enters(&mut app, &ann.key), Ok(()));
    act(
        &mut database.superuser(),
        "auth.admin_delete_user($1::text::uuid)",
        &[&database.fixture.ann.id],
    );
    assert_eq!(enters(&mut app, &ann.key), over());
    assert_eq!(enters(&mut app, &bob.key), Ok(()));
}

/// Policies compare what the key says of its user.
fn changed_user(database: &Database) {
    let key = client_key(database, &database.fixture.ann, &["read:tables"]);
    superuser(database, "delete from auth.sessions");
    let mut app = knows(database, &key);
    let says = "jsonb_build_array(auth.email(), auth.jwt()->'app_metadata', auth.role())";
    superuser(
        database,
        "update auth.users set app_metadata = '{\"plan\": \"pro\"}' where email = 'ann@example.com'",
    );
    assert_eq!(
        act_as(&mut app, &key.key, says, &[]),
        json!(["ann@example.com", {"plan": "pro"}, "authenticated"])
    );
    superuser(
        database,
        "update auth.users set email = 'ann2@example.com', app_metadata = '{}', role = 'admin' where email = 'ann@example.com'",
    );
    assert_eq!(
        act_as(&mut app, &key.key, says, &[]),
        json!(["ann2@example.com", {}, "authenticated"])
    );
}

fn left_alone(database: &Database) {
    let ann = &database.fixture.ann;
    let (service, client) = (
        service_key(database, &["*"]),
        client_key(database, ann, &["*"]),
    );
    let mut app = knows(database, &service);
    assert_eq!(enters(&mut app, &client.key), Ok(()));
    // What ends every session ends no key.
    let changes = json!({"password": "Another-Horse-8-Battery", "current_password": "Correct-Horse-7-Battery"});
    act_as(
        &mut database.app(),
        &ann.token,
        "auth.update_user($1)",
        &[&changes],
    );
    act(&mut database.superuser(), "auth.revoke_everything()", &[]);
    assert_eq!(enters(&mut app, &ann.token), over());
    for key in [&service, &client] {
        assert_eq!(enters(&mut app, &key.key), Ok(()));
    }
    change(
        database,
        &service,
        "update",
        json!({"name": "renamed", "description": "x"}),
    );
    assert_eq!(enters(&mut app, &service.key), Ok(()));
}

fn everything(database: &Database) {
    let (service, client) = (
        service_key(database, &["*"]),
        client_key(database, &database.fixture.ann, &["*"]),
    );
    let running_out = service_key(database, &["*"]);
    change(database, &running_out, "deprecate", json!({}));
    let mut app = knows(database, &service);
    for key in [&client, &running_out] {
        assert_eq!(enters(&mut app, &key.key), Ok(()));
    }
    act(
        &mut database.superuser(),
        "auth.revoke_everything(true)",
        &[],
    );
    for key in [&service, &client, &running_out] {
        assert_eq!(enters(&mut app, &key.key), over());
    }
    assert_eq!(enters(&mut app, &database.fixture.service_key), over());
    // New ones are good.
    let new = service_key(database, &["*"]);
    assert_eq!(enters(&mut app, &new.key), Ok(()));
    Account::from_reply(&act(
        &mut app,
        "auth.sign_in('ann@example.com', 'Correct-Horse-7-Battery')",
        &[],
    ));
}

fn rolled_back(database: &Database) {
    let key = service_key(database, &["*"]);
    let mut app = knows(database, &key);
    let mut superuser = database.superuser();
    let mut lost = superuser.transaction().expect("begun");
    lost.query_one(
        "select auth.change_service_key($1::text::uuid, 'revoke')",
        &[&key.id],
    )
    .expect("a reply");
    assert_eq!(enters(&mut app, &key.key), Ok(()));
    lost.rollback().expect("rolled back");
    assert_eq!(enters(&mut app, &key.key), Ok(()));
}
