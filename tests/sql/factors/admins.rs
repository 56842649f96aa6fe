//! `require_2fa_for_admins`: an administrator without a factor can do nothing but set one up.

use super::{Test, bad, forget_last_step, password_step, protect};
use crate::acts::{
    act, act_as, assert_refused, configure, count, enters, mailed, state, superuser, text,
};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use fluxbase_tests::{forge, totp};
use serde_json::json;

pub fn tests() -> Vec<Test> {
    vec![
        ("an_administrator_without_a_factor_gets_no_token", no_token),
        ("setting_up_with_the_challenge_signs_in", sets_up),
        (
            "the_challenge_of_a_setup_is_good_for_nothing_else",
            nothing_else,
        ),
        (
            "the_challenge_of_a_sign_in_sets_nothing_up",
            sign_in_challenge,
        ),
        (
            "a_setup_from_another_client_or_too_late_is_refused",
            other_client,
        ),
        ("no_way_in_leads_around_the_setup", ways_in),
        ("a_session_of_before_is_not_refreshed", refreshed),
        ("users_and_keys_are_not_asked", users),
    ]
}

fn required(database: &Database, role: &str) {
    configure(database, "require_2fa_for_admins", "true");
    superuser(
        database,
        &format!(
            "update auth.users set role = '{role}', email_verified = true where email = 'ann@example.com'"
        ),
    );
}

fn no_token(database: &Database) {
    for role in ["admin", "dashboard_admin", "instance_admin", "service_role"] {
        required(database, role);
        let mut app = database.app();
        let sessions = count(database, "select count(*) from auth.sessions");
        let reply = password_step(&mut app, "ann@example.com", None);
        let token = text(&reply, "mfa_token");
        assert_eq!(
            reply,
            json!({
                "requires_2fa_setup": true, "user_id": database.fixture.ann.id, "mfa_token": token,
                "access_token": token, "token_type": "bearer", "expires_in": 300,
                "message": "Set up a second factor with this token; it is good for nothing else",
            })
        );
        assert!(token.starts_with("mfa_"));
        assert_eq!(
            count(database, "select count(*) from auth.sessions"),
            sessions
        );
        assert_eq!(enters(&mut app, &token), Err("FX010".to_owned()));
        let scoped = app.batch_execute(&format!(
            "begin; select auth.enter('{token}', 'read:tables')"
        ));
        assert_eq!(crate::seal::sqlstate(&scoped).as_deref(), Some("FX010"));
        app.batch_execute("rollback").expect("ends");
        assert_refused(
            &act(&mut app, "auth.refresh($1)", &[&token]),
            "INVALID_TOKEN",
        );
    }
}

fn sets_up(database: &Database) {
    required(database, "admin");
    let mut app = database.app();
    let token = text(
        &password_step(&mut app, "ann@example.com", None),
        "mfa_token",
    );
    let with = json!({"mfa_token": token});
    let secret = text(
        &act(&mut app, "auth.totp_setup(null, $1)", &[&with]),
        "secret",
    );
    let before = state(database);
    let reply = act(
        &mut app,
        "auth.totp_enable($1, $2)",
        &[&totp::wrong_code(&secret), &with],
    );
    assert_eq!(reply, bad());
    assert_eq!(state(database), before);
    let reply = act(
        &mut app,
        "auth.totp_enable($1, $2)",
        &[&totp::code(&secret), &with],
    );
    assert_eq!(reply["backup_codes"].as_array().map(Vec::len), Some(10));
    let account = Account::from_reply(&reply);
    let claims = forge::payload_of(&account.token);
    assert_eq!(
        (&claims["role"], &claims["aal"]),
        (&json!("admin"), &json!("aal2"))
    );
    assert_eq!(enters(&mut app, &account.token), Ok(()));
    let reply = act_as(&mut app, &account.token, "auth.admin_list_users()", &[]);
    assert_eq!(reply["total"], 2);
    // The challenge is used up.
    for call in [
        "auth.totp_setup(null, $1)",
        "auth.totp_enable('123456', $1)",
    ] {
        assert_refused(&act(&mut app, call, &[&with]), "INVALID_TOKEN");
    }
    forget_last_step(database);
    let reply = password_step(&mut app, "ann@example.com", None);
    assert_eq!(reply["requires_2fa"], true, "{reply}");
    let account = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&account.refresh]));
    assert_eq!(enters(&mut app, &account.token), Ok(()));
}

fn nothing_else(database: &Database) {
    required(database, "admin");
    let mut app = database.app();
    let token = text(
        &password_step(&mut app, "ann@example.com", None),
        "mfa_token",
    );
    let with = json!({"mfa_token": token});
    let secret = text(
        &act(&mut app, "auth.totp_setup(null, $1)", &[&with]),
        "secret",
    );
    let before = state(database);
    let id = &database.fixture.ann.id;
    let call = "auth.verify_factor($1::text::uuid, $2, $3)";
    assert_eq!(
        act(&mut app, call, &[id, &totp::code(&secret), &token]),
        bad()
    );
    // What the owner set up meanwhile is not replaced.
    let ann = &database.fixture.ann;
    assert_eq!(enters(&mut app, &ann.token), Err("FX003".to_owned()));
    let other = text(
        &password_step(&mut app, "ann@example.com", None),
        "mfa_token",
    );
    let with_other = json!({"mfa_token": other});
    assert_ne!(state(database), before);
    Account::from_reply(&act(
        &mut app,
        "auth.totp_enable($1, $2)",
        &[&totp::code(&secret), &with_other],
    ));
    forget_last_step(database);
    let before = state(database);
    for call in [
        "auth.totp_setup(null, $1)",
        "auth.totp_enable('123456', $1)",
    ] {
        assert_refused(&act(&mut app, call, &[&with]), "VALIDATION_FAILED");
    }
    assert_eq!(
        act(&mut app, call, &[id, &totp::code(&secret), &token]),
        bad()
    );
    assert_eq!(state(database), before);
}

/// A factor is not set up anew by whoever knows the password alone.
fn sign_in_challenge(database: &Database) {
    protect(database, &database.fixture.ann);
    required(database, "admin");
    let mut app = database.app();
    let token = text(
        &password_step(&mut app, "ann@example.com", None),
        "mfa_token",
    );
    let before = state(database);
    for given in [
        json!({"mfa_token": token}),
        json!({"mfa_token": ""}),
        json!({"mfa_token": "mfa_made-up"}),
    ] {
        for call in [
            "auth.totp_setup(null, $1)",
            "auth.totp_enable('123456', $1)",
        ] {
            assert_refused(&act(&mut app, call, &[&given]), "INVALID_TOKEN");
        }
    }
    for call in ["auth.totp_setup()", "auth.totp_enable('123456')"] {
        assert_refused(&act(&mut app, call, &[]), "AUTHENTICATION_REQUIRED");
    }
    assert_eq!(state(database), before);
}

fn other_client(database: &Database) {
    required(database, "admin");
    let mut app = database.app();
    let token = text(
        &password_step(&mut app, "ann@example.com", Some("203.0.113.7")),
        "mfa_token",
    );
    let before = state(database);
    for theirs in [
        json!({"mfa_token": token, "ip": "198.51.100.9"}),
        json!({"mfa_token": token}),
    ] {
        assert_refused(
            &act(&mut app, "auth.totp_setup(null, $1)", &[&theirs]),
            "INVALID_TOKEN",
        );
    }
    assert_eq!(state(database), before);
    let mine = json!({"mfa_token": token, "ip": "203.0.113.7"});
    let secret = text(
        &act(&mut app, "auth.totp_setup(null, $1)", &[&mine]),
        "secret",
    );
    superuser(database, "update auth.challenges set expires_at = now()");
    let before = state(database);
    let reply = act(
        &mut app,
        "auth.totp_enable($1, $2)",
        &[&totp::code(&secret), &mine],
    );
    assert_refused(&reply, "INVALID_TOKEN");
    assert_eq!(state(database), before);
}

fn ways_in(database: &Database) {
    required(database, "dashboard_admin");
    let mut app = database.app();
    act(&mut app, "auth.request_magic_link('ann@example.com')", &[]);
    let link = mailed(database, "magic_link");
    act(&mut app, "auth.request_email_code('ann@example.com')", &[]);
    let code = mailed(database, "email_otp");
    act(
        &mut app,
        "auth.request_password_reset('ann@example.com')",
        &[],
    );
    let reset = mailed(database, "password_reset");
    for (call, shown) in [
        ("auth.sign_in_with_magic_link($1)", &link),
        ("auth.sign_in_with_email_code('ann@example.com', $1)", &code),
        ("auth.reset_password($1, 'Another-Horse-8-Battery')", &reset),
    ] {
        let reply = act(&mut app, call, &[shown]);
        assert_eq!(reply["requires_2fa_setup"], true, "{call}: {reply}");
        assert!(reply.get("refresh_token").is_none());
    }
    assert_eq!(
        count(
            database,
            "select count(*) from auth.sessions where method <> 'sign_up'"
        ),
        0
    );
}

/// Somebody who was signed in when the factor was asked for, or when the role was given.
fn refreshed(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    required(database, "admin");
    let before = state(database);
    assert_refused(
        &act(&mut app, "auth.refresh($1)", &[&ann.refresh]),
        "INVALID_TOKEN",
    );
    assert_eq!(state(database), before);
    // Where no factor is asked for, the session goes on.
    configure(database, "require_2fa_for_admins", "false");
    let account = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&ann.refresh]));
    assert_eq!(forge::payload_of(&account.token)["role"], "admin");
}

fn users(database: &Database) {
    required(database, "editor");
    let mut app = database.app();
    Account::from_reply(&password_step(&mut app, "ann@example.com", None));
    Account::from_reply(&act(
        &mut app,
        "auth.refresh($1)",
        &[&database.fixture.bob.refresh],
    ));
    assert_eq!(enters(&mut app, &database.fixture.service_key), Ok(()));
    let signed_up = act(&mut app, "auth.sign_up('m@example.com', $1)", &[&PASSWORD]);
    Account::from_reply(&signed_up);
}
