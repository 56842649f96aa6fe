//! Who makes keys, and what is left of them in the database.

use super::{Key, Test, client_key, service_key};
use crate::acts::{
    act_as, assert_refused, configure, count, enters, events, promoted, state, try_as,
};
use crate::seal::value;
use fluxbase_tests::fixture::Database;
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        ("a_key_is_shown_once_and_stored_hashed", shown_once),
        ("the_keys_of_another_user_are_out_of_reach", another_user),
        (
            "what_a_key_cannot_be_made_with_is_refused_as_a_value",
            malformed,
        ),
        ("client_keys_can_be_switched_off", switched_off),
        ("keys_that_are_none_are_refused_alike", garbage),
    ]
}

fn shown_once(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    let options = json!({"name": "reports", "description": "nightly", "scopes": ["tables:read"]});
    let service = Key::from_reply(act_as(
        &mut app,
        &ann.token,
        "auth.create_service_key($1)",
        &[&options],
    ));
    let client = client_key(database, &database.fixture.bob, &["read:tables"]);
    assert!(
        service.key.starts_with("sk_") && service.key.len() == 46,
        "{}",
        service.key
    );
    assert!(
        client.key.starts_with("fbk_") && client.key.len() == 47,
        "{}",
        client.key
    );
    assert_eq!(service.object["key_prefix"], service.key[..16]);
    assert_eq!(client.object["key_prefix"], client.key[..12]);
    assert_eq!(service.object["scopes"], json!(["read:tables"]));
    assert_eq!(service.object["created_by"], ann.id.as_str());
    assert_eq!(client.object["user_id"], database.fixture.bob.id.as_str());
    for (table, key) in [("service_keys", &service), ("client_keys", &client)] {
        let found = format!(
            "select count(*) from auth.{table} k where k.key_hash = sha256(convert_to('{}', 'UTF8'))",
            key.key
        );
        assert_eq!(count(database, &found), 1, "{table}");
        let shown = &key.key[20..];
        for place in [format!("auth.{table}"), "audit.events".to_owned()] {
            assert_eq!(
                count(
                    database,
                    &format!("select count(*) from {place} t where t::text like '%{shown}%'")
                ),
                0
            );
        }
    }
    for (token, call, id) in [
        (&ann.token, "auth.list_service_keys()", None),
        (
            &ann.token,
            "auth.get_service_key($1::text::uuid)",
            Some(&service.id),
        ),
        (&database.fixture.bob.token, "auth.list_client_keys()", None),
        (
            &database.fixture.bob.token,
            "auth.get_client_key($1::text::uuid)",
            Some(&client.id),
        ),
    ] {
        let reply = match id {
            Some(id) => act_as(&mut app, token, call, &[id]),
            None => act_as(&mut app, token, call, &[]),
        };
        let reply = reply.to_string();
        assert!(reply.contains("key_prefix"), "{reply}");
        for hidden in [&service.key, &client.key] {
            assert!(!reply.contains(hidden.as_str()), "{call}");
        }
        assert!(!reply.contains("hash"), "{reply}");
    }
    assert_eq!(events(database, "admin.service_key_create"), ["success"]);
    assert_eq!(events(database, "auth.client_key_create"), ["success"]);
}

fn another_user(database: &Database) {
    let key = client_key(database, &database.fixture.ann, &["read:tables"]);
    let bob = &database.fixture.bob.token;
    let mut app = database.app();
    let before = state(database);
    let none = json!({"error": "There is no such key", "code": "NOT_FOUND"});
    for call in [
        "auth.get_client_key($1::text::uuid)",
        "auth.change_client_key($1::text::uuid, 'revoke')",
        "auth.change_client_key($1::text::uuid, 'delete')",
        "auth.change_client_key($1::text::uuid, 'update', '{\"name\": \"mine\"}')",
    ] {
        assert_eq!(act_as(&mut app, bob, call, &[&key.id]), none, "{call}");
    }
    assert_eq!(
        act_as(&mut app, bob, "auth.list_client_keys()", &[]),
        json!({"client_keys": [], "total": 0})
    );
    assert_eq!(state(database), before);
    let call = "auth.change_client_key($1::text::uuid, 'update', '{\"name\": \"mine\"}')";
    let reply = act_as(&mut app, &database.fixture.ann.token, call, &[&key.id]);
    assert_eq!(reply["name"], "mine");
}

fn malformed(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    let before = state(database);
    let long = "x".repeat(256);
    for (options, code) in [
        (json!({}), "MISSING_REQUIRED_FIELD"),
        (json!([]), "MISSING_REQUIRED_FIELD"),
        (
            json!({"name": "", "scopes": ["*"]}),
            "MISSING_REQUIRED_FIELD",
        ),
        (json!({"name": 7, "scopes": ["*"]}), "VALIDATION_FAILED"),
        (json!({"name": long, "scopes": ["*"]}), "VALIDATION_FAILED"),
        (json!({"name": "k", "scopes": "*"}), "VALIDATION_FAILED"),
        (json!({"name": "k", "scopes": []}), "VALIDATION_FAILED"),
        (json!({"name": "k", "scopes": [7]}), "VALIDATION_FAILED"),
        (
            json!({"name": "k", "scopes": ["read:everything"]}),
            "VALIDATION_FAILED",
        ),
        (
            json!({"name": "k", "scopes": ["*"], "rate_limit_per_minute": 0}),
            "VALIDATION_FAILED",
        ),
        (
            json!({"name": "k", "scopes": ["*"], "expires_at": 7}),
            "VALIDATION_FAILED",
        ),
        (
            json!({"name": "k", "scopes": ["*"], "expires_at": "someday"}),
            "VALIDATION_FAILED",
        ),
        (
            json!({"name": "k", "scopes": ["*"], "expires_at": "2020-01-01T00:00:00Z"}),
            "VALIDATION_FAILED",
        ),
    ] {
        for call in ["auth.create_service_key($1)", "auth.create_client_key($1)"] {
            match try_as(&mut app, &ann.token, call, &[&options]) {
                Ok(reply) => assert_eq!(reply["code"], code, "{call} {options}: {reply}"),
                Err(sqlstate) => panic!("{call} {options}: {sqlstate}"),
            }
        }
    }
    let no_scopes = json!({"name": "k"});
    assert_refused(
        &act_as(
            &mut app,
            &ann.token,
            "auth.create_client_key($1)",
            &[&no_scopes],
        ),
        "MISSING_REQUIRED_FIELD",
    );
    assert_eq!(state(database), before);
    for end in ["2099-01-01T00:00:00Z", "2099-01-01", "infinity"] {
        let options = json!({"name": "k", "scopes": ["*"], "expires_at": end});
        let made = Key::from_reply(act_as(
            &mut app,
            &ann.token,
            "auth.create_client_key($1)",
            &[&options],
        ));
        assert_eq!(enters(&mut app, &made.key), Ok(()), "{end}");
    }
}

fn switched_off(database: &Database) {
    let key = client_key(database, &database.fixture.ann, &["read:tables"]);
    configure(database, "allow_user_client_keys", "false");
    let mut app = database.app();
    let options = json!({"name": "k", "scopes": ["read:tables"]});
    let reply = act_as(
        &mut app,
        &database.fixture.ann.token,
        "auth.create_client_key($1)",
        &[&options],
    );
    assert_eq!(
        reply,
        json!({"error": "Client keys are disabled", "code": "FEATURE_DISABLED"})
    );
    // What was made is still its owner's to end.
    let call = "auth.change_client_key($1::text::uuid, 'delete')";
    let reply: Value = act_as(&mut app, &database.fixture.ann.token, call, &[&key.id]);
    assert_eq!(reply, json!({"message": "The key was deleted"}));
    configure(database, "allow_user_client_keys", "true");
    client_key(database, &database.fixture.ann, &["read:tables"]);
}

fn garbage(database: &Database) {
    let (service, client) = (
        service_key(database, &["*"]),
        client_key(database, &database.fixture.ann, &["*"]),
    );
    let mut app = database.app();
    let turned = |key: &str| key.chars().rev().collect::<String>();
    for presented in [
        "sk_".to_owned(),
        "fbk_".to_owned(),
        format!("{}x", service.key),
        service.key[..45].to_owned(),
        service.key.replace("sk_", "fbk_"),
        client.key.replace("fbk_", "sk_"),
        format!("sk_{}", turned(&service.key[3..])),
        format!("sk_{}", "x".repeat(100_000)),
        "sk_' or true --".to_owned(),
        text_of_hash(database),
    ] {
        assert_eq!(
            enters(&mut app, &presented),
            Err("FX003".to_owned()),
            "{presented:.60}"
        );
    }
    assert_eq!(enters(&mut app, &service.key), Ok(()));
    assert_eq!(enters(&mut app, &client.key), Ok(()));
}

/// What whoever reads a dump has.
fn text_of_hash(database: &Database) -> String {
    let hash = value(
        &mut database.superuser(),
        "select 'sk_' || encode(key_hash, 'hex') from auth.service_keys",
    );
    hash.expect("asked").expect("a hash")
}
