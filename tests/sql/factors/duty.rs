//! `require_2fa_for_users`: nobody has a session without a second factor. And what the duty gives administrators.

use super::{Test, bad, challenge, forget_last_step, password_step, protect};
use crate::acts::{
    act, act_as, assert_refused, configure, count, enters, mailed, state, superuser, text,
};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use fluxbase_tests::{forge, totp};
use postgres::Client;
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        ("with_the_duty_no_way_in_gives_a_session", ways_in),
        ("with_the_duty_a_sign_up_sets_up_first", sign_up),
        (
            "with_the_duty_a_session_of_before_is_not_refreshed",
            refreshed,
        ),
        (
            "with_the_duty_a_factor_turned_off_must_be_set_up_again",
            turned_off,
        ),
        ("the_duty_is_not_for_anonymous_users_and_keys", others),
        (
            "with_the_duty_no_act_of_an_administrator_goes_without_a_fresh_factor",
            administrators,
        ),
    ]
}

const SESSIONS: &str = "select count(*) from auth.sessions";

fn required(database: &Database) {
    configure(database, "require_2fa_for_users", "true");
}

/// A reply that only lets its user set up a factor; its token.
#[track_caller]
fn waiting(reply: &Value) -> String {
    assert_eq!(reply["requires_2fa_setup"], true, "{reply}");
    assert!(reply.get("refresh_token").is_none(), "{reply}");
    text(reply, "mfa_token")
}

/// Sets up with what a sign-in that waits for it gave, and so signs in.
fn set_up(app: &mut Client, token: &str) -> Account {
    let with = json!({"mfa_token": token});
    let setup = act(app, "auth.totp_setup(null, $1)", &[&with]);
    let code = totp::code(&text(&setup, "secret"));
    let wrong = totp::wrong_code(&text(&setup, "secret"));
    assert_eq!(
        act(app, "auth.totp_enable($1, $2)", &[&wrong, &with]),
        bad()
    );
    Account::from_reply(&act(app, "auth.totp_enable($1, $2)", &[&code, &with]))
}

fn ways_in(database: &Database) {
    required(database);
    let mut app = database.app();
    let sessions = count(database, SESSIONS);
    let token = waiting(&password_step(&mut app, "ann@example.com", None));
    assert_eq!(enters(&mut app, &token), Err("FX010".to_owned()));
    for (request, kind, call) in [
        (
            "request_magic_link",
            "magic_link",
            "auth.sign_in_with_magic_link($1)",
        ),
        (
            "request_email_code",
            "email_otp",
            "auth.sign_in_with_email_code('bob@example.com', $1)",
        ),
        (
            "request_password_reset",
            "password_reset",
            "auth.reset_password($1, 'Another-Horse-8-Battery')",
        ),
    ] {
        act(&mut app, &format!("auth.{request}('bob@example.com')"), &[]);
        waiting(&act(&mut app, call, &[&mailed(database, kind)]));
    }
    // The reset ended Bob's session; nobody got another.
    assert_eq!(count(database, SESSIONS), sessions - 1);
    let account = set_up(&mut app, &token);
    assert_eq!(forge::payload_of(&account.token)["aal"], "aal2");
    assert_eq!(enters(&mut app, &account.token), Ok(()));
    challenge(&mut app, "ann@example.com");
}

fn sign_up(database: &Database) {
    required(database);
    let mut app = database.app();
    let sessions = count(database, SESSIONS);
    let call = "auth.sign_up('cyd@example.com', $1)";
    let token = waiting(&act(&mut app, call, &[&PASSWORD]));
    assert_eq!(count(database, SESSIONS), sessions);
    let account = set_up(&mut app, &token);
    assert_eq!(account.email, "cyd@example.com");
    assert_eq!(enters(&mut app, &account.token), Ok(()));
    // Whoever gives up in between signs in later, and is asked again.
    let call = "auth.sign_up('dan@example.com', $1)";
    waiting(&act(&mut app, call, &[&PASSWORD]));
    waiting(&password_step(&mut app, "dan@example.com", None));
}

fn refreshed(database: &Database) {
    let mut app = database.app();
    let (ann, bob) = (&database.fixture.ann, &database.fixture.bob);
    let protected = protect(database, bob);
    required(database);
    let before = state(database);
    let refresh = |app: &mut Client, token: &str| act(app, "auth.refresh($1)", &[&token]);
    assert_refused(&refresh(&mut app, &ann.refresh), "INVALID_TOKEN");
    assert_eq!(state(database), before);
    // A factor was shown in this one.
    Account::from_reply(&refresh(&mut app, &protected.account.refresh));
    configure(database, "require_2fa_for_users", "false");
    Account::from_reply(&refresh(&mut app, &ann.refresh));
}

fn turned_off(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    required(database);
    let mut app = database.app();
    let call = "auth.totp_disable($1)";
    let reply = act_as(&mut app, &ann.account.token, call, &[&PASSWORD]);
    assert_eq!(reply["success"], true, "{reply}");
    let token = waiting(&password_step(&mut app, "ann@example.com", None));
    set_up(&mut app, &token);
}

fn others(database: &Database) {
    required(database);
    configure(database, "anonymous_enabled", "true");
    let mut app = database.app();
    let visitor = act(&mut app, "auth.sign_in_anonymously()", &[]);
    let refreshed = act(
        &mut app,
        "auth.refresh($1)",
        &[&text(&visitor, "refresh_token")],
    );
    let token = text(&refreshed, "access_token");
    assert_eq!(enters(&mut app, &token), Ok(()));
    assert_eq!(enters(&mut app, &database.fixture.service_key), Ok(()));
    // Once it is permanent, it is a user like any other.
    let changes = json!({"email": "vera@example.com", "password": PASSWORD});
    let user = act_as(&mut app, &token, "auth.update_user($1)", &[&changes]);
    assert_eq!(user["is_anonymous"], false, "{user}");
    let refused = act(
        &mut app,
        "auth.refresh($1)",
        &[&text(&refreshed, "refresh_token")],
    );
    assert_refused(&refused, "INVALID_TOKEN");
    waiting(&password_step(&mut app, "vera@example.com", None));
}

/// A token of an administrator, found eleven minutes after the sign-in.
fn administrators(database: &Database) {
    configure(database, "require_2fa_for_admins", "true");
    superuser(
        database,
        "update auth.users set role = 'dashboard_admin' where email = 'ann@example.com'",
    );
    let mut app = database.app();
    let waits = password_step(&mut app, "ann@example.com", None);
    let ann = set_up(&mut app, &waiting(&waits));
    forget_last_step(database);
    superuser(
        database,
        "update auth.sessions set factor_at = factor_at - interval '11 minutes'",
    );
    let bob = &database.fixture.bob.id;
    let before = state(database);
    for call in [
        "auth.admin_delete_user($1::text::uuid)",
        "auth.admin_update_user($1::text::uuid, '{\"role\": \"admin\"}')",
        "auth.admin_reset_password($1::text::uuid)",
        "auth.admin_lock_user($1::text::uuid)",
        "auth.admin_revoke_user($1::text::uuid)",
        "auth.impersonate($1::text::uuid, 'a reason')",
    ] {
        let reply = act_as(&mut app, &ann.token, call, &[bob]);
        assert_eq!(reply["code"], "TWO_FACTOR_REQUIRED", "{call}: {reply}");
    }
    assert_eq!(state(database), before);
    // And no administrator is without one.
    let cyd = json!({"password": PASSWORD, "role": "admin"});
    let made = act(
        &mut database.superuser(),
        "auth.admin_create_user('cyd@example.com', $1)",
        &[&cyd],
    );
    assert_eq!(made["user"]["role"], "admin", "{made}");
    waiting(&password_step(&mut app, "cyd@example.com", None));
    let reply = act(
        &mut app,
        "auth.refresh($1)",
        &[&database.fixture.bob.refresh],
    );
    Account::from_reply(&reply);
}
