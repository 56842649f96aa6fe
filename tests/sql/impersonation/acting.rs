//! What somebody who acts as another sees, says and may not do.

use super::{Acting, Test, act_for};
use crate::acts::{
    act, act_as, configure, count, enters, events, promoted, state, superuser, text, try_as,
};
use crate::seal::value;
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use fluxbase_tests::forge;
use serde_json::json;

pub fn tests() -> Vec<Test> {
    vec![
        ("the_tokens_say_who_acts_as_whom", claims),
        ("it_is_no_sign_in_of_the_user", no_sign_in),
        ("acting_as_a_visitor_or_as_service_role", roles),
        ("sensitive_acts_are_refused", sensitive),
        ("acting_as_service_role_makes_no_keys", makes_no_keys),
        ("it_is_listed_and_written_down", listed),
        ("the_record_outlives_the_users", outlives),
        ("an_anonymous_user_is_acted_as_as_one", anonymous),
    ]
}

fn claims(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "admin");
    let bob = act_for(database, &ann, &database.fixture.bob.id);
    assert_eq!(bob.reply["user"]["id"], database.fixture.bob.id.as_str());
    assert_eq!(bob.reply["target_user"], bob.reply["user"]);
    let claims = forge::payload_of(&bob.token);
    assert_eq!(
        (
            &claims["sub"],
            &claims["role"],
            &claims["email"],
            &claims["impersonated_by"],
            &claims["aal"],
            &claims["session_id"]
        ),
        (
            &json!(database.fixture.bob.id),
            &json!("authenticated"),
            &json!("bob@example.com"),
            &json!(ann.id),
            &json!("aal1"),
            &json!(bob.id)
        )
    );
    let mut app = database.app();
    let asked = "jsonb_build_array(current_user, auth.uid(), auth.role(), auth.jwt()->>'impersonated_by', \
                 (select string_agg(body, ',') from public.notes where not is_public))";
    let expected = json!([
        "authenticated",
        database.fixture.bob.id,
        "authenticated",
        ann.id,
        "bob private"
    ]);
    assert_eq!(act_as(&mut app, &bob.token, asked, &[]), expected);
    // A refresh says it again.
    let refreshed = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&bob.refresh]));
    assert_eq!(act_as(&mut app, &refreshed.token, asked, &[]), expected);
    // Tokens of others do not say it.
    for token in [&ann.token, &database.fixture.bob.token] {
        assert!(forge::payload_of(token).get("impersonated_by").is_none());
    }
}

fn no_sign_in(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "admin");
    let last = "select last_sign_in_at::text from auth.users where email = 'bob@example.com'";
    let before = value(&mut database.superuser(), last).expect("asked");
    let bob = act_for(database, &ann, &database.fixture.bob.id);
    assert_eq!(
        value(&mut database.superuser(), last).expect("asked"),
        before
    );
    assert!(events(database, "auth.login").is_empty());
    let mut app = database.app();
    // The user sees it, and can end it.
    let mine = act_as(
        &mut app,
        &database.fixture.bob.token,
        "auth.list_sessions()",
        &[],
    );
    let seen = mine["sessions"].as_array().expect("sessions");
    let seen = seen
        .iter()
        .find(|session| session["id"] == bob.id.as_str())
        .expect("seen");
    assert_eq!(
        (&seen["impersonated"], &seen["method"], &seen["current"]),
        (&json!(true), &json!("impersonation"), &json!(false))
    );
    act_as(
        &mut app,
        &database.fixture.bob.token,
        "auth.revoke_session($1::text::uuid)",
        &[&bob.id],
    );
    assert_eq!(enters(&mut app, &bob.token), Err("FX003".to_owned()));
}

fn roles(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    for (role, kind) in [("anon", "anon"), ("service_role", "service")] {
        let reply = act_as(
            &mut app,
            &ann.token,
            "auth.impersonate_role($1, 'ticket 4711')",
            &[&role],
        );
        let acting = Acting::from_reply(reply);
        assert_eq!(acting.reply["session"]["impersonation_type"], kind);
        assert_eq!(acting.reply["user"], json!(null));
        for token in [
            acting.token.clone(),
            text(
                &act(&mut app, "auth.refresh($1)", &[&acting.refresh]),
                "access_token",
            ),
        ] {
            let asked = "jsonb_build_array(current_user, auth.uid(), auth.role(), auth.jwt()->>'impersonated_by', (select count(*) from public.notes))";
            let notes = if role == "anon" { 1 } else { 3 };
            assert_eq!(
                act_as(&mut app, &token, asked, &[]),
                json!([role, null, role, ann.id, notes])
            );
        }
    }
}

fn sensitive(database: &Database) {
    configure(database, "require_2fa_for_sensitive_ops", "false");
    let ann = promoted(database, &database.fixture.ann, "admin");
    let bob = act_for(database, &ann, &database.fixture.bob.id);
    let mut app = database.app();
    let before = state(database);
    for (call, given) in [
        (
            "auth.update_user($1)",
            json!({"password": "Another-Horse-8-Battery", "current_password": PASSWORD}),
        ),
        (
            "auth.update_user($1)",
            json!({"email": "stolen@example.com", "current_password": PASSWORD}),
        ),
        ("auth.update_user($1)", json!({"user_metadata": {"a": 1}})),
        ("auth.reauthenticate($1)", json!({"password": PASSWORD})),
        ("auth.totp_setup(null, $1)", json!({})),
        ("auth.totp_enable('123456', $1)", json!({})),
        (
            "auth.totp_disable('Correct-Horse-7-Battery', $1)",
            json!({}),
        ),
        ("auth.totp_backup_codes($1)", json!({})),
        (
            "auth.create_client_key($1)",
            json!({"name": "k", "scopes": ["*"]}),
        ),
    ] {
        let reply = act_as(&mut app, &bob.token, call, &[&given]);
        assert_eq!(
            reply,
            json!({"error": "Not possible while acting as somebody else", "code": "ACCESS_DENIED"}),
            "{call}"
        );
    }
    for call in [
        "auth.admin_list_users()",
        "auth.list_service_keys()",
        "auth.admin_audit()",
        "auth.list_impersonations()",
    ] {
        assert_eq!(
            act_as(&mut app, &bob.token, call, &[])["code"],
            "ADMIN_REQUIRED",
            "{call}"
        );
    }
    assert_eq!(state(database), before);
    // The user does all that as ever.
    let given = json!({"user_metadata": {"a": 1}});
    let reply = act_as(
        &mut app,
        &database.fixture.bob.token,
        "auth.update_user($1)",
        &[&given],
    );
    assert_eq!(reply["user_metadata"], json!({"a": 1}), "{reply}");
}

/// They would outlive the hour, and nobody would be named.
fn makes_no_keys(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let made = act(
        &mut database.superuser(),
        "auth.create_service_key('{\"name\": \"k\"}')",
        &[],
    );
    let id = text(&made, "id");
    let mut app = database.app();
    let reply = act_as(
        &mut app,
        &ann.token,
        "auth.impersonate_role('service_role', 'a reason')",
        &[],
    );
    let token = text(&reply, "access_token");
    let before = state(database);
    for call in [
        "auth.create_service_key('{\"name\": \"k\"}')".to_owned(),
        format!("auth.rotate_service_key('{id}')"),
        format!("auth.change_service_key('{id}', 'delete')"),
    ] {
        assert_eq!(
            act_as(&mut app, &token, &call, &[])["code"],
            "INSUFFICIENT_PERMISSIONS",
            "{call}"
        );
    }
    let reply = act_as(
        &mut app,
        &token,
        "auth.create_client_key('{\"name\": \"k\", \"scopes\": [\"*\"]}')",
        &[],
    );
    assert_eq!(reply["code"], "AUTHENTICATION_REQUIRED");
    assert_eq!(
        try_as(
            &mut app,
            &token,
            "to_jsonb(auth.mint_key('service_role'))",
            &[]
        ),
        Err("42501".to_owned())
    );
    assert_eq!(state(database), before);
}

fn listed(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "admin");
    let mut app = database.app();
    let context = json!({"ip": "203.0.113.7", "user_agent": "Mozilla"});
    let call = "auth.impersonate($1::text::uuid, 'ticket 4711', $2)";
    let bob = Acting::from_reply(act_as(
        &mut app,
        &ann.token,
        call,
        &[&database.fixture.bob.id, &context],
    ));
    let list = act_as(&mut app, &ann.token, "auth.list_impersonations()", &[]);
    let entry = &list[0];
    for (name, expected) in [
        ("id", json!(bob.id)),
        ("admin_user_id", json!(ann.id)),
        ("target_user_id", json!(database.fixture.bob.id)),
        ("impersonation_type", json!("user")),
        ("target_role", json!("authenticated")),
        ("reason", json!("ticket 4711")),
        ("ended_at", json!(null)),
        ("ip_address", json!("203.0.113.7")),
        ("user_agent", json!("Mozilla")),
        ("is_active", json!(true)),
    ] {
        assert_eq!(entry[name], expected, "{name}");
    }
    for token in [&ann.token, &bob.token] {
        assert_eq!(
            &act_as(&mut app, token, "auth.get_impersonation()", &[]),
            entry
        );
    }
    // Bob himself is not acting as anybody.
    assert_eq!(
        act_as(
            &mut app,
            &database.fixture.bob.token,
            "auth.get_impersonation()",
            &[]
        )["code"],
        "NOT_FOUND"
    );
    let found = act_as(
        &mut app,
        &ann.token,
        "auth.admin_audit('{\"event\": \"admin.impersonation_start\"}')",
        &[],
    );
    let event = &found["events"][0];
    assert_eq!(
        (
            &event["user_id"],
            &event["actor_id"],
            &event["details"]["reason"],
            &event["ip"]
        ),
        (
            &json!(database.fixture.bob.id),
            &json!(ann.id),
            &json!("ticket 4711"),
            &json!("203.0.113.7")
        )
    );
    act_as(&mut app, &ann.token, "auth.end_impersonation()", &[]);
    let list = act_as(&mut app, &ann.token, "auth.list_impersonations()", &[]);
    assert_eq!(list[0]["is_active"], false);
    assert!(list[0]["ended_at"].is_string());
    assert_eq!(events(database, "admin.impersonation_end"), ["success"]);
    let shown = format!(
        "select count(*) from auth.impersonation_sessions i where i::text like '%{}%'",
        &bob.refresh[20..60]
    );
    assert_eq!(count(database, &shown), 0);
}

fn outlives(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "admin");
    act_for(database, &ann, &database.fixture.bob.id);
    superuser(database, "delete from auth.users");
    let list = act(&mut database.superuser(), "auth.list_impersonations()", &[]);
    assert_eq!(
        (
            &list[0]["admin_user_id"],
            &list[0]["target_user_id"],
            &list[0]["is_active"]
        ),
        (
            &json!(ann.id),
            &json!(database.fixture.bob.id),
            &json!(false)
        )
    );
    assert_eq!(count(database, "select count(*) from auth.sessions"), 0);
}

fn anonymous(database: &Database) {
    configure(database, "anonymous_enabled", "true");
    let ann = promoted(database, &database.fixture.ann, "admin");
    let mut app = database.app();
    let visitor = act(&mut app, "auth.sign_in_anonymously()", &[]);
    let acting = act_for(database, &ann, &text(&visitor["user"], "id"));
    assert_eq!(forge::payload_of(&acting.token)["is_anonymous"], true);
    let refreshed = act(&mut app, "auth.refresh($1)", &[&acting.refresh]);
    assert_eq!(
        forge::payload_of(&text(&refreshed, "access_token"))["is_anonymous"],
        true
    );
}
