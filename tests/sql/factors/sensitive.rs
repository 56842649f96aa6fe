//! What an access token alone must not do to an account with a factor.

use super::{Protected, Test, bad, challenge, forget_last_step, protect, verify_with};
use crate::acts::{
    act, act_as, assert_refused, configure, count, enters, mails, state, superuser, text,
};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        ("turning_the_factor_off_needs_the_password", needs_password),
        ("turning_the_factor_off_needs_a_fresh_factor", needs_factor),
        ("every_sensitive_act_needs_a_fresh_factor", every_act),
        (
            "a_factor_shown_at_the_sign_in_is_fresh_for_ten_minutes",
            fresh,
        ),
        ("a_nonce_is_of_one_session_and_good_once", nonces),
        (
            "acts_of_an_administrator_need_a_fresh_factor",
            administrators,
        ),
        ("the_setting_turns_it_off", switched_off),
    ]
}

/// The factor was shown too long ago.
fn stale(database: &Database) {
    superuser(
        database,
        "update auth.sessions set factor_at = factor_at - interval '11 minutes', authenticated_at = authenticated_at - interval '11 minutes'",
    );
    forget_last_step(database);
}

fn disable(
    app: &mut postgres::Client,
    who: &Protected,
    password: Option<&str>,
    context: &Value,
) -> Value {
    act_as(
        app,
        &who.account.token,
        "auth.totp_disable($1, $2)",
        &[&password, context],
    )
}

fn needs_password(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let before = state(database);
    let with_code = json!({"code": ann.code()});
    assert_refused(
        &disable(&mut app, &ann, None, &with_code),
        "MISSING_REQUIRED_FIELD",
    );
    let reply = disable(&mut app, &ann, Some("Wrong-Horse-7-Battery"), &with_code);
    assert_eq!(
        reply,
        json!({"error": "Invalid password", "code": "INVALID_CREDENTIALS"})
    );
    assert_eq!(state(database), before);
    assert_eq!(
        count(
            database,
            "select count(*) from auth.login_attempts where email = 'ann@example.com'"
        ),
        1
    );
    challenge(&mut app, "ann@example.com");
}

fn needs_factor(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    mails(database);
    stale(database);
    let mut app = database.app();
    let before = state(database);
    assert_refused(
        &disable(&mut app, &ann, Some(PASSWORD), &json!({})),
        "TWO_FACTOR_REQUIRED",
    );
    assert_eq!(
        disable(
            &mut app,
            &ann,
            Some(PASSWORD),
            &json!({"code": ann.wrong_code()})
        ),
        bad()
    );
    assert_eq!(state(database), before);
    assert!(mails(database).is_empty());
    let reply = disable(&mut app, &ann, Some(PASSWORD), &json!({"code": ann.code()}));
    assert_eq!(
        reply,
        json!({"success": true, "message": "The second factor is disabled"})
    );
    assert_eq!(
        count(
            database,
            "select (select count(*) from auth.totp_factors) + (select count(*) from auth.backup_codes)"
        ),
        0
    );
    assert_eq!(mails(database)[0]["kind"], "notice_factor_changed");
    Account::from_reply(&act(
        &mut app,
        "auth.sign_in('ann@example.com', $1)",
        &[&PASSWORD],
    ));
}

fn every_act(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    stale(database);
    let mut app = database.app();
    let before = state(database);
    let key = json!({"name": "k", "scopes": ["read:tables"]});
    let password = json!({"password": "Another-Horse-8-Battery", "current_password": PASSWORD});
    let email = json!({"email": "ann2@example.com", "current_password": PASSWORD});
    let proof = json!({"password": PASSWORD});
    for (call, given) in [
        ("auth.update_user($1)", &password),
        ("auth.update_user($1)", &email),
        ("auth.create_client_key($1)", &key),
        ("auth.reauthenticate($1)", &proof),
    ] {
        let reply = act_as(&mut app, &ann.account.token, call, &[given]);
        assert_refused(&reply, "TWO_FACTOR_REQUIRED");
        let wrong = json!({"code": ann.wrong_code(), "password": PASSWORD});
        if call != "auth.reauthenticate($1)" {
            let call = call.replace("$1", "$1, $2");
            assert_eq!(
                act_as(&mut app, &ann.account.token, &call, &[given, &wrong]),
                bad(),
                "{call}"
            );
        }
    }
    assert_eq!(state(database), before);
    let code = json!({"code": ann.code()});
    let reply = act_as(
        &mut app,
        &ann.account.token,
        "auth.create_client_key($1, $2)",
        &[&key, &code],
    );
    assert!(reply["key"].is_string(), "{reply}");
    // That was showing it: for the next ten minutes nobody asks again.
    let reply = act_as(
        &mut app,
        &ann.account.token,
        "auth.update_user($1)",
        &[&password],
    );
    assert_eq!(reply["id"], ann.account.id.as_str(), "{reply}");
}

fn fresh(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    let account = Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &token));
    let key = json!({"name": "k", "scopes": ["read:tables"]});
    let make = |app: &mut _| act_as(app, &account.token, "auth.create_client_key($1)", &[&key]);
    assert!(make(&mut app)["key"].is_string());
    superuser(
        database,
        "update auth.sessions set factor_at = factor_at - interval '9 minutes'",
    );
    assert!(make(&mut app)["key"].is_string());
    superuser(
        database,
        "update auth.sessions set factor_at = factor_at - interval '61 seconds'",
    );
    assert_refused(&make(&mut app), "TWO_FACTOR_REQUIRED");
}

fn nonces(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let bob = protect(database, &database.fixture.bob);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    let other = Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &token));
    stale(database);
    let proof = json!({"password": PASSWORD, "code": ann.code()});
    let nonce = act_as(&mut app, &other.token, "auth.reauthenticate($1)", &[&proof]);
    stale(database);
    let change =
        |nonce: &Value| json!({"password": "Another-Horse-8-Battery", "nonce": nonce["nonce"]});
    let before = state(database);
    for stranger in [&ann.account, &bob.account] {
        let reply = act_as(
            &mut app,
            &stranger.token,
            "auth.update_user($1)",
            &[&change(&nonce)],
        );
        assert_eq!(
            reply,
            json!({"error": "Invalid or expired nonce", "code": "INVALID_CREDENTIALS"})
        );
    }
    assert_eq!(state(database), before);
    let shown = text(&nonce, "nonce");
    assert_eq!(
        count(
            database,
            &format!("select count(*) from auth.nonces n where n::text like '%{shown}%'")
        ),
        0
    );
    let reply = act_as(
        &mut app,
        &other.token,
        "auth.update_user($1)",
        &[&change(&nonce)],
    );
    assert_eq!(reply["id"], ann.account.id.as_str(), "{reply}");
    let reply = act_as(
        &mut app,
        &other.token,
        "auth.update_user($1)",
        &[&change(&nonce)],
    );
    assert_refused(&reply, "INVALID_CREDENTIALS");
    let proof = json!({"password": "Another-Horse-8-Battery", "code": ann.backup[0]});
    let nonce = act_as(&mut app, &other.token, "auth.reauthenticate($1)", &[&proof]);
    superuser(database, "update auth.nonces set expires_at = now()");
    let reply = act_as(
        &mut app,
        &other.token,
        "auth.update_user($1)",
        &[&change(&nonce)],
    );
    assert_refused(&reply, "INVALID_CREDENTIALS");
}

fn administrators(database: &Database) {
    superuser(
        database,
        "update auth.users set role = 'dashboard_admin' where email = 'ann@example.com'",
    );
    let mut app = database.app();
    let reply = act(
        &mut app,
        "auth.refresh($1)",
        &[&database.fixture.ann.refresh],
    );
    let ann = protect(database, &Account::from_reply(&reply));
    stale(database);
    let bob = &database.fixture.bob.id;
    let made = act(
        &mut database.superuser(),
        "auth.create_service_key('{\"name\": \"k\"}')",
        &[],
    );
    let key = text(&made, "id");
    let before = state(database);
    for (call, given) in [
        ("auth.admin_create_user('new@example.com')", None),
        (
            "auth.admin_update_user($1::text::uuid, '{\"role\": \"admin\"}')",
            Some(bob),
        ),
        ("auth.admin_delete_user($1::text::uuid)", Some(bob)),
        ("auth.admin_reset_password($1::text::uuid)", Some(bob)),
        ("auth.admin_remove_factor($1::text::uuid)", Some(bob)),
        ("auth.admin_lock_user($1::text::uuid)", Some(bob)),
        ("auth.admin_unlock_user($1::text::uuid)", Some(bob)),
        ("auth.admin_revoke_user($1::text::uuid)", Some(bob)),
        ("auth.create_service_key('{\"name\": \"k2\"}')", None),
        ("auth.rotate_service_key($1::text::uuid)", Some(&key)),
        (
            "auth.change_service_key($1::text::uuid, 'revoke')",
            Some(&key),
        ),
        ("auth.impersonate($1::text::uuid, 'a reason')", Some(bob)),
        ("auth.impersonate_role('service_role', 'a reason')", None),
    ] {
        let reply = match given {
            Some(id) => act_as(&mut app, &ann.account.token, call, &[id]),
            None => act_as(&mut app, &ann.account.token, call, &[]),
        };
        assert_eq!(reply["code"], "TWO_FACTOR_REQUIRED", "{call}: {reply}");
    }
    assert_eq!(state(database), before);
    assert_eq!(enters(&mut app, &database.fixture.bob.token), Ok(()));
    let code = json!({"code": ann.code()});
    let call = "auth.admin_delete_user($1::text::uuid, $2)";
    let reply = act_as(&mut app, &ann.account.token, call, &[bob, &code]);
    assert_eq!(reply, json!({"message": "The user was deleted"}));
}

fn switched_off(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    stale(database);
    configure(database, "require_2fa_for_sensitive_ops", "false");
    let mut app = database.app();
    let key = json!({"name": "k", "scopes": ["read:tables"]});
    let reply = act_as(
        &mut app,
        &ann.account.token,
        "auth.create_client_key($1)",
        &[&key],
    );
    assert!(reply["key"].is_string(), "{reply}");
    // Signing in asks all the same.
    challenge(&mut app, "ann@example.com");
}
