//! Whatever way somebody comes in by, the factor is asked for.

use super::{Test, bad, challenge, protect, verify_with};
use crate::acts::{act, act_as, configure, count, enters, mailed, state, superuser, text};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use fluxbase_tests::forge;
use serde_json::Value;

pub fn tests() -> Vec<Test> {
    vec![
        ("a_magic_link_alone_gives_no_session", magic_link),
        ("an_email_code_alone_gives_no_session", email_code),
        ("a_password_reset_alone_gives_no_session", password_reset),
        ("an_expired_password_is_no_way_around", expired_password),
        ("confirming_an_address_gives_no_session", confirmation),
        ("a_refresh_token_of_before_shows_no_factor", refreshed),
    ]
}

/// No tokens, no session; with the code there are both.
#[track_caller]
fn asks(database: &Database, method: &str, come_in: impl FnOnce(&mut postgres::Client) -> Value) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let sessions = "select count(*) from auth.sessions where factor_at > now() - interval '1 hour' and method <> 'sign_up'";
    let reply = come_in(&mut app);
    assert_eq!(reply["requires_2fa"], true, "{reply}");
    assert!(
        reply.get("access_token").is_none() && reply.get("refresh_token").is_none(),
        "{reply}"
    );
    assert_eq!(
        count(
            database,
            "select count(*) from auth.sessions where method <> 'sign_up'"
        ),
        0
    );
    let token = text(&reply, "mfa_token");
    assert_eq!(
        verify_with(&mut app, &ann, &ann.wrong_code(), &token),
        bad()
    );
    let account = Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &token));
    assert_eq!(forge::payload_of(&account.token)["aal"], "aal2");
    let by = format!("{sessions} and method = '{method}'");
    assert_eq!(count(database, &by), 1);
}

fn magic_link(database: &Database) {
    asks(database, "magic_link", |app| {
        act(app, "auth.request_magic_link('ann@example.com')", &[]);
        let link = mailed(database, "magic_link");
        act(app, "auth.sign_in_with_magic_link($1)", &[&link])
    });
}

fn email_code(database: &Database) {
    asks(database, "email_code", |app| {
        act(app, "auth.request_email_code('ann@example.com')", &[]);
        let code = mailed(database, "email_otp");
        act(
            app,
            "auth.sign_in_with_email_code('ann@example.com', $1)",
            &[&code],
        )
    });
}

fn password_reset(database: &Database) {
    asks(database, "password_reset", |app| {
        act(app, "auth.request_password_reset('ann@example.com')", &[]);
        let link = mailed(database, "password_reset");
        act(
            app,
            "auth.reset_password($1, 'Another-Horse-8-Battery')",
            &[&link],
        )
    });
}

fn expired_password(database: &Database) {
    configure(database, "password_max_age_days", "30");
    superuser(
        database,
        "update auth.users set password_changed_at = now() - interval '31 days'",
    );
    asks(database, "password_reset", |app| {
        let reply = act(app, "auth.sign_in('ann@example.com', $1)", &[&PASSWORD]);
        assert_eq!(reply["code"], "PASSWORD_EXPIRED", "{reply}");
        let token = text(&reply, "reset_token");
        act(
            app,
            "auth.reset_password($1, 'Another-Horse-8-Battery')",
            &[&token],
        )
    });
}

fn confirmation(database: &Database) {
    protect(database, &database.fixture.ann);
    let mut app = database.app();
    act(
        &mut app,
        "auth.request_email_confirmation('ann@example.com')",
        &[],
    );
    let link = mailed(database, "confirm_email");
    let sessions = count(database, "select count(*) from auth.sessions");
    let reply = act(&mut app, "auth.confirm_email($1)", &[&link]);
    assert_eq!(reply["user"]["email_verified"], true, "{reply}");
    assert!(reply.get("access_token").is_none() && reply.get("mfa_token").is_none());
    assert_eq!(
        count(database, "select count(*) from auth.sessions"),
        sessions
    );
}

/// Turning the factor on is showing it, for this session alone.
fn refreshed(database: &Database) {
    let mut app = database.app();
    let other = Account::from_reply(&act(
        &mut app,
        "auth.sign_in('ann@example.com', $1)",
        &[&PASSWORD],
    ));
    let ann = protect(database, &database.fixture.ann);
    let before = state(database);
    assert_eq!(enters(&mut app, &other.token), Ok(()));
    let mine = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&ann.account.refresh]));
    assert_eq!(forge::payload_of(&mine.token)["aal"], "aal2");
    assert_ne!(state(database), before);
    let other = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&other.refresh]));
    assert_eq!(forge::payload_of(&other.token)["aal"], "aal1");
    assert_eq!(
        act_as(&mut app, &other.token, "to_jsonb(auth.aal())", &[]),
        "aal1"
    );
    challenge(&mut app, "ann@example.com");
}
