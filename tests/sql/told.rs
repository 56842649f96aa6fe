//! What the server asks and tells beside the acts, from SQL: the settings a sign-in page needs, identities, how often a key
//! may ask, the end of a single token.

use crate::acts::{act, act_as, assert_refused, configure, enters, events, promoted, state, text};
use crate::seal::value;
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::forge::payload_of;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("told::{name}"), move || {
            body(&fixture.database())
        }));
    };
    add("a_sign_in_page_is_told_what_is_in_force", config);
    add("the_address_is_the_only_identity", identities);
    add("the_setup_is_needed_until_there_is_an_administrator", setup);
    add("rotation_cannot_be_switched_off", rotation);
    add("the_server_learns_how_often_a_living_key_may_ask", limits);
    add(
        "a_change_of_keys_is_announced_when_it_is_committed",
        announced,
    );
    add(
        "a_change_that_makes_no_sense_is_a_value_and_changes_nothing",
        nonsense,
    );
    add("a_key_does_not_change_the_limits_of_keys", raised);
    add("one_token_is_revoked_by_a_high_administrator", revoked);
    add("a_key_takes_no_other_key_away", keys);
    trials
}

fn config(database: &Database) {
    let mut app = database.app();
    let mut told = json!({
        "signup_enabled": true, "require_email_verification": false, "magic_link_enabled": true,
        "password_login_enabled": true, "anonymous_enabled": false, "mfa_available": true,
        "password_min_length": 12, "password_require_uppercase": true, "password_require_lowercase": true,
        "password_require_number": true, "password_require_special": true, "oauth_providers": [],
        "saml_providers": [], "captcha": {"enabled": false},
    });
    assert_eq!(act(&mut app, "auth.public_config()", &[]), told);
    for (name, set, shown) in [
        ("signup_enabled", "false", json!(false)),
        ("require_email_verification", "true", json!(true)),
        ("magic_link_enabled", "false", json!(false)),
        ("password_login_enabled", "false", json!(false)),
        ("anonymous_enabled", "true", json!(true)),
        ("password_min_length", "20", json!(20)),
        ("password_require_uppercase", "false", json!(false)),
        ("password_require_lowercase", "false", json!(false)),
        ("password_require_number", "false", json!(false)),
        ("password_require_special", "false", json!(false)),
    ] {
        configure(database, name, set);
        told[name] = shown;
        assert_eq!(act(&mut app, "auth.public_config()", &[]), told, "{name}");
    }
}

fn identities(database: &Database) {
    let mut app = database.app();
    let (ann, bob) = (&database.fixture.ann, &database.fixture.bob);
    let created = value(
        &mut database.superuser(),
        "select auth.utc(created_at) from auth.users where email = 'ann@example.com'",
    );
    let hers = json!({"identities": [{
        "id": ann.id, "user_id": ann.id, "provider": "email", "created_at": created.expect("asked"),
        "identity_data": {"email": "ann@example.com", "email_verified": false},
    }]});
    let list = "auth.list_identities()";
    assert_eq!(act_as(&mut app, &ann.token, list, &[]), hers);
    let before = state(database);
    let mut as_ann = |call: &str| act_as(&mut app, &ann.token, call, &[]);
    assert_refused(&as_ann("auth.link_identity('okta')"), "INVALID_INPUT");
    let unlink = |id: &str| format!("auth.unlink_identity('{id}')");
    assert_refused(&as_ann(&unlink(&ann.id)), "INVALID_INPUT");
    assert_refused(&as_ann(&unlink(&bob.id)), "NOT_FOUND");
    for call in [
        list.to_owned(),
        "auth.link_identity('okta')".to_owned(),
        unlink(&bob.id),
    ] {
        let reply = act_as(&mut app, &database.fixture.service_key, &call, &[]);
        assert_refused(&reply, "AUTHENTICATION_REQUIRED");
    }
    assert_eq!(state(database), before);
    // Who has no address has no identity to show.
    configure(database, "anonymous_enabled", "true");
    let anybody = text(
        &act(&mut app, "auth.sign_in_anonymously()", &[]),
        "access_token",
    );
    let none = json!({"identities": []});
    assert_eq!(act_as(&mut app, &anybody, list, &[]), none);
}

fn setup(database: &Database) {
    let mut app = database.app();
    let mut status = || act(&mut app, "auth.setup_status()", &[]);
    assert_eq!(status(), json!({"has_admin": false, "needs_setup": true}));
    // An application's administrator is none of the service.
    promoted(database, &database.fixture.bob, "admin");
    assert_eq!(status(), json!({"has_admin": false, "needs_setup": true}));
    let create = "auth.create_admin('root@example.com', 'Correct-Horse-7-Battery')";
    act(&mut database.superuser(), create, &[]);
    assert_eq!(status(), json!({"has_admin": true, "needs_setup": false}));
}

fn rotation(database: &Database) {
    let mut owner = database.superuser();
    let refused = owner
        .query_one(
            "select auth.configure('refresh_token_rotation', 'false')",
            &[],
        )
        .expect_err("refused");
    let said = refused.as_db_error().expect("of PostgreSQL");
    assert_eq!(said.code().code(), "FX008");
    let why = "a refresh token that could be used again would serve a thief unnoticed";
    let told = format!("{} {:?}", said.message(), said.detail());
    assert!(told.contains(why), "{told}");
    configure(database, "refresh_token_rotation", "true");
}

const LIMITS: &str = "auth.key_limits(sha256($1::text::bytea))";

fn limits(database: &Database) {
    let (mut app, mut owner) = (database.app(), database.superuser());
    let mut ask = |key: &str| -> Option<Value> {
        let row = app.query_one(&format!("select {LIMITS}"), &[&key]);
        row.expect("asked").get(0)
    };
    let options = json!({"name": "x", "rate_limit_per_minute": 5});
    let service = act(&mut owner, "auth.create_service_key($1)", &[&options]);
    let (key, id) = (text(&service, "key"), text(&service, "id"));
    let told = json!({"id": id, "user_id": null, "per_minute": 5, "per_hour": null});
    assert_eq!(ask(&key), Some(told));
    let ann = &database.fixture.ann;
    let options = json!({"name": "x", "scopes": ["read:tables"], "rate_limit_per_hour": 7});
    let make = "auth.create_client_key($1)";
    let client = act_as(&mut database.app(), &ann.token, make, &[&options]);
    assert_eq!(client["rate_limit_per_hour"], 7);
    let told = json!({"id": client["id"], "user_id": ann.id, "per_minute": null, "per_hour": 7});
    assert_eq!(ask(&text(&client, "key")), Some(told));
    assert_eq!(ask("sk_unknown"), None);
    for (act_of, back) in [("disable", Some("enable")), ("revoke", None)] {
        act(
            &mut owner,
            "auth.change_service_key($1::text::uuid, $2)",
            &[&id, &act_of],
        );
        assert_eq!(ask(&key), None, "{act_of}");
        if let Some(back) = back {
            act(
                &mut owner,
                "auth.change_service_key($1::text::uuid, $2)",
                &[&id, &back],
            );
            assert!(ask(&key).is_some());
        }
    }
    // Nobody who entered asks for it.
    for token in [&ann.token, &database.fixture.service_key] {
        let call = "auth.key_limits('x')";
        let outcome = crate::acts::try_as(&mut database.app(), token, call, &[]);
        assert_eq!(outcome, Err("42501".to_owned()));
    }
}

fn announced(database: &Database) {
    use postgres::fallible_iterator::FallibleIterator;
    let mut owner = database.superuser();
    let made = act(
        &mut owner,
        "auth.create_service_key('{\"name\":\"x\"}')",
        &[],
    );
    let id = text(&made, "id");
    let mut listener = database.app();
    listener
        .batch_execute("listen fluxbase_key_limits")
        .expect("listening");
    let mut heard = || {
        listener.batch_execute("").expect("awake");
        listener.notifications().iter().count().expect("counted")
    };
    let patch = "select auth.change_service_key($1::text::uuid, 'update', '{\"rate_limit_per_minute\": 5}')";
    let mut lost = owner.transaction().expect("begun");
    lost.query_one(patch, &[&id]).expect("changed");
    lost.rollback().expect("undone");
    assert_eq!(heard(), 0);
    owner.query_one(patch, &[&id]).expect("changed");
    assert_eq!(heard(), 1);
    owner
        .execute("delete from auth.service_keys", &[])
        .expect("gone");
    assert_eq!(heard(), 1);
}

/// The service key, the client key and what changes them.
fn both(database: &Database) -> [(Value, &'static str, String); 2] {
    let service = act(
        &mut database.superuser(),
        "auth.create_service_key('{\"name\":\"x\",\"rate_limit_per_minute\":5}')",
        &[],
    );
    let ann = &database.fixture.ann;
    let options = json!({"name": "x", "scopes": ["*"], "rate_limit_per_minute": 5});
    let make = "auth.create_client_key($1)";
    let client = act_as(&mut database.app(), &ann.token, make, &[&options]);
    [
        (service, "auth.change_service_key", String::new()),
        (client, "auth.change_client_key", ann.token.clone()),
    ]
}

fn nonsense(database: &Database) {
    for (key, change, token) in both(database) {
        let id = text(&key, "id");
        let call = |with: &str, options: &Value| {
            let call = format!("{change}('{id}', '{with}', $1)");
            match token.as_str() {
                "" => act(&mut database.superuser(), &call, &[options]),
                token => act_as(&mut database.app(), token, &call, &[options]),
            }
        };
        let before = state(database);
        for wrong in [
            json!({"name": ""}),
            json!({"name": "x".repeat(256)}),
            json!({"name": 7}),
            json!({"description": "x".repeat(2001)}),
            json!({"rate_limit_per_minute": 0}),
            json!({"rate_limit_per_minute": "5"}),
            json!({"rate_limit_per_hour": 1.5}),
            json!({"rate_limit_per_hour": 1e300}),
        ] {
            assert_refused(&call("update", &wrong), "VALIDATION_FAILED");
        }
        if change.contains("service") {
            for wrong in [json!("soon"), json!(-1), json!(8761), json!(0.5), json!([])] {
                let options = json!({"grace_period_hours": wrong});
                assert_refused(&call("deprecate", &options), "VALIDATION_FAILED");
            }
        }
        assert_eq!(state(database), before);
        let options = json!({"name": "y", "rate_limit_per_minute": 5.0, "rate_limit_per_hour": 9});
        let changed = call("update", &options);
        assert_eq!(
            (
                &changed["name"],
                &changed["rate_limit_per_minute"],
                &changed["rate_limit_per_hour"]
            ),
            (&json!("y"), &json!(5), &json!(9)),
            "{changed}"
        );
        let changed = call("update", &json!({"rate_limit_per_hour": null}));
        assert_eq!(changed["rate_limit_per_hour"], Value::Null);
        assert_eq!(changed["rate_limit_per_minute"], 5);
    }
}

fn raised(database: &Database) {
    for (key, change, token) in both(database) {
        let call = format!("{change}('{}', 'update', $1)", text(&key, "id"));
        let mut app = database.app();
        let before = state(database);
        for options in [
            json!({"rate_limit_per_minute": 1000}),
            json!({"rate_limit_per_minute": null}),
            json!({"rate_limit_per_hour": 1000}),
        ] {
            // Entering in SQL asks for the right to read alone; what writes must be able to.
            let mut transaction = app.transaction().expect("begun");
            transaction
                .execute("select auth.enter($1, 'write:auth')", &[&text(&key, "key")])
                .expect("entered");
            let row = transaction.query_one(&format!("select {call}"), &[&options]);
            let reply: Value = row.expect("asked").get(0);
            transaction.commit().expect("committed");
            assert_refused(&reply, "INSUFFICIENT_PERMISSIONS");
        }
        assert_eq!(state(database), before);
        let options = json!({"rate_limit_per_minute": 1000});
        let reply = match token.as_str() {
            "" => act(&mut database.superuser(), &call, &[&options]),
            token => act_as(&mut app, token, &call, &[&options]),
        };
        assert_eq!(reply["rate_limit_per_minute"], 1000);
    }
}

fn revoked(database: &Database) {
    let fixture = &database.fixture;
    let root = promoted(database, &fixture.bob, "dashboard_admin");
    let mut app = database.app();
    let jti = text(&payload_of(&fixture.anon_key), "jti");
    let call = "auth.admin_revoke_token($1, 'leaked', $2, '{\"ip\":\"192.0.2.7\"}')";
    let forever: Option<&str> = None;
    for wrong in ["soon", "", "2020-01-01"] {
        let reply = act_as(&mut app, &root.token, call, &[&jti, &wrong]);
        assert_refused(&reply, "VALIDATION_FAILED");
    }
    let long = "x".repeat(256);
    for wrong in ["", long.as_str()] {
        let reply = act_as(&mut app, &root.token, call, &[&wrong, &forever]);
        assert_refused(&reply, "VALIDATION_FAILED");
    }
    assert_refused(
        &act_as(&mut app, &fixture.ann.token, call, &[&jti, &forever]),
        "ADMIN_REQUIRED",
    );
    assert_eq!(enters(&mut app, &fixture.anon_key), Ok(()));
    assert!(events(database, "admin.token_revoke").is_empty());
    let reply = act_as(&mut app, &root.token, call, &[&jti, &forever]);
    assert_eq!(
        reply,
        json!({"message": "The token is refused from now on"})
    );
    assert_eq!(enters(&mut app, &fixture.anon_key), Err("FX003".to_owned()));
    assert_eq!(enters(&mut app, &fixture.service_key), Ok(()));
    // A shorter revocation does not shorten it.
    let soon = "2999-01-01T00:00:00Z";
    act_as(&mut app, &root.token, call, &[&jti, &soon]);
    let row = value(
        &mut database.superuser(),
        "select jsonb_agg(to_jsonb(r) - 'created_at')::text from auth.revoked_tokens r",
    );
    let rows: Value = serde_json::from_str(&row.expect("asked").expect("rows")).expect("JSON");
    assert_eq!(
        rows,
        json!([{"jti": jti, "reason": "leaked", "expires_at": null, "revoked_by": root.id}])
    );
    let written = value(
        &mut database.superuser(),
        "select string_agg(host(ip) || ' ' || actor_id || ' ' || details, '; ') from audit.events where event = 'admin.token_revoke'",
    );
    let line = format!(
        "192.0.2.7 {} {{\"jti\": \"{jti}\", \"reason\": \"leaked\"}}",
        root.id
    );
    assert_eq!(written.expect("asked"), Some(format!("{line}; {line}")));
}

/// 1. A service key leaks. 2. The thief takes every other key away, to be alone.
fn keys(database: &Database) {
    let fixture = &database.fixture;
    let mut app = database.app();
    let jti = text(&payload_of(&fixture.anon_key), "jti");
    let before = state(database);
    for call in [
        "auth.revoke_everything(true)".to_owned(),
        format!("auth.admin_revoke_token('{jti}')"),
    ] {
        let reply = act_as(&mut app, &fixture.service_key, &call, &[]);
        assert_refused(&reply, "INSUFFICIENT_PERMISSIONS");
    }
    assert_eq!(state(database), before);
    assert_eq!(enters(&mut app, &fixture.anon_key), Ok(()));
    // Sessions alone it may end: everybody signs in again.
    let reply = act_as(
        &mut app,
        &fixture.service_key,
        "auth.revoke_everything()",
        &[],
    );
    assert_eq!(reply, json!({"message": "Everybody must sign in again"}));
    assert_eq!(enters(&mut app, &fixture.anon_key), Ok(()));
}
