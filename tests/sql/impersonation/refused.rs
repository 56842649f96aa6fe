//! Who acts as nobody, and as whom nobody acts.

use super::Test;
use crate::acts::{act, act_as, assert_refused, events, promoted, state, superuser, text, try_as};
use fluxbase_tests::fixture::Database;
use serde_json::json;

pub fn tests() -> Vec<Test> {
    vec![
        ("without_a_reason_nobody_acts", no_reason),
        ("nobody_acts_as_an_administrator", administrators),
        ("nobody_acts_as_a_user_who_is_not_or_is_locked", unknown),
        ("only_visitors_and_service_role_are_roles_to_act_as", roles),
        ("users_and_visitors_act_as_nobody", users),
        ("keys_and_sql_sessions_act_as_nobody", keys),
        ("whoever_is_acting_acts_as_nobody_else", nested),
    ]
}

const AS_BOB: &str = "auth.impersonate($1::text::uuid, $2)";

fn no_reason(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    let before = state(database);
    let long = "x".repeat(1001);
    for reason in [
        None,
        Some(""),
        Some("   "),
        Some("\t\n"),
        Some(long.as_str()),
    ] {
        let reply = act_as(
            &mut app,
            &ann.token,
            AS_BOB,
            &[&database.fixture.bob.id, &reason],
        );
        assert_refused(&reply, "MISSING_REQUIRED_FIELD");
        let reply = act_as(
            &mut app,
            &ann.token,
            "auth.impersonate_role('anon', $1)",
            &[&reason],
        );
        assert_refused(&reply, "MISSING_REQUIRED_FIELD");
    }
    assert_eq!(state(database), before);
    let reply = act_as(
        &mut app,
        &ann.token,
        AS_BOB,
        &[&database.fixture.bob.id, &" ticket 4711 "],
    );
    assert_eq!(reply["session"]["reason"], "ticket 4711", "{reply}");
}

fn administrators(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    for role in ["admin", "dashboard_admin", "instance_admin", "service_role"] {
        superuser(
            database,
            &format!("update auth.users set role = '{role}' where email = 'bob@example.com'"),
        );
        let before = state(database);
        let reply = act_as(
            &mut app,
            &ann.token,
            AS_BOB,
            &[&database.fixture.bob.id, &"a reason"],
        );
        assert_eq!(
            reply,
            json!({"error": "Nobody acts as another administrator", "code": "ACCESS_DENIED"}),
            "{role}"
        );
        assert_eq!(state(database), before);
    }
    let before = state(database);
    let reply = act_as(&mut app, &ann.token, AS_BOB, &[&ann.id, &"a reason"]);
    assert_refused(&reply, "ACCESS_DENIED");
    assert_eq!(state(database), before);
    // Trying is written down.
    assert_eq!(
        events(database, "admin.impersonation"),
        ["failure target_is_administrator"; 5]
    );
}

fn unknown(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "admin");
    let mut app = database.app();
    let before = state(database);
    let nobody = "00000000-0000-0000-0000-000000000001";
    assert_refused(
        &act_as(&mut app, &ann.token, AS_BOB, &[&nobody, &"a reason"]),
        "NOT_FOUND",
    );
    let none: Option<&str> = None;
    assert_refused(
        &act_as(&mut app, &ann.token, AS_BOB, &[&none, &"a reason"]),
        "MISSING_REQUIRED_FIELD",
    );
    assert_eq!(state(database), before);
    superuser(
        database,
        "update auth.users set disabled_at = now() where email = 'bob@example.com'",
    );
    let before = state(database);
    let reply = act_as(
        &mut app,
        &ann.token,
        AS_BOB,
        &[&database.fixture.bob.id, &"a reason"],
    );
    assert_refused(&reply, "NOT_FOUND");
    assert_eq!(state(database), before);
}

fn roles(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    let before = state(database);
    for role in [
        "admin",
        "dashboard_admin",
        "instance_admin",
        "authenticated",
        "editor",
        "fluxbase_admin",
        "postgres",
        "",
    ] {
        let reply = act_as(
            &mut app,
            &ann.token,
            "auth.impersonate_role($1, 'a reason')",
            &[&role],
        );
        assert_refused(&reply, "INVALID_ROLE");
    }
    assert_eq!(state(database), before);
    let admin = promoted(database, &ann, "admin");
    let before = state(database);
    let reply = act_as(
        &mut app,
        &admin.token,
        "auth.impersonate_role('service_role', 'a reason')",
        &[],
    );
    assert_refused(&reply, "INSUFFICIENT_PERMISSIONS");
    assert_eq!(state(database), before);
    let reply = act_as(
        &mut app,
        &admin.token,
        "auth.impersonate_role('anon', 'a reason')",
        &[],
    );
    assert!(reply["access_token"].is_string(), "{reply}");
}

fn users(database: &Database) {
    let mut app = database.app();
    let before = state(database);
    for call in [
        "auth.impersonate($1::text::uuid, 'a reason')",
        "auth.impersonate_role(case when $1 <> '' then 'anon' end, 'a reason')",
    ] {
        for target in [&database.fixture.bob.id, &database.fixture.ann.id] {
            let reply = act_as(&mut app, &database.fixture.ann.token, call, &[target]);
            assert_refused(&reply, "ADMIN_REQUIRED");
            let visitor = try_as(&mut app, &database.fixture.anon_key, call, &[target]);
            assert_eq!(visitor, Err("42501".to_owned()));
        }
    }
    assert_refused(
        &act_as(
            &mut app,
            &database.fixture.ann.token,
            "auth.list_impersonations()",
            &[],
        ),
        "ADMIN_REQUIRED",
    );
    for call in ["auth.get_impersonation()", "auth.end_impersonation()"] {
        assert_refused(
            &act_as(&mut app, &database.fixture.ann.token, call, &[]),
            "NOT_FOUND",
        );
    }
    assert_eq!(state(database), before);
}

/// Nobody answers for what a key does.
fn keys(database: &Database) {
    let made = act(
        &mut database.superuser(),
        "auth.create_service_key('{\"name\": \"k\"}')",
        &[],
    );
    let key = text(&made, "key");
    let mut app = database.app();
    let before = state(database);
    for token in [&key, &database.fixture.service_key] {
        let reply = act_as(
            &mut app,
            token,
            AS_BOB,
            &[&database.fixture.bob.id, &"a reason"],
        );
        assert_refused(&reply, "AUTHENTICATION_REQUIRED");
        let reply = act_as(
            &mut app,
            token,
            "auth.impersonate_role('service_role', 'a reason')",
            &[],
        );
        assert_refused(&reply, "AUTHENTICATION_REQUIRED");
    }
    let reply = act(
        &mut database.superuser(),
        AS_BOB,
        &[&database.fixture.bob.id, &"a reason"],
    );
    assert_refused(&reply, "AUTHENTICATION_REQUIRED");
    assert_eq!(state(database), before);
}

fn nested(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    let cyd = act(
        &mut app,
        "auth.sign_up('cyd@example.com', 'Correct-Horse-7-Battery')",
        &[],
    );
    let cyd = text(&cyd["user"], "id");
    let bob = super::act_for(database, &ann, &database.fixture.bob.id);
    let reply = act_as(
        &mut app,
        &ann.token,
        "auth.impersonate_role('service_role', 'a reason')",
        &[],
    );
    let service = text(&reply, "access_token");
    let before = state(database);
    let reply = act_as(&mut app, &bob.token, AS_BOB, &[&cyd, &"a reason"]);
    assert_refused(&reply, "ADMIN_REQUIRED");
    let reply = act_as(&mut app, &service, AS_BOB, &[&cyd, &"a reason"]);
    assert_refused(&reply, "AUTHENTICATION_REQUIRED");
    assert_eq!(state(database), before);
}
