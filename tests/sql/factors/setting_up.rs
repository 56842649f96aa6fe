//! A first second factor: what a session must show before it may lock its own user's door.

use super::{Test, protect};
use crate::acts::{act, act_as, assert_refused, but, count, events, mails, state, superuser, text};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use fluxbase_tests::totp;
use postgres::Client;
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        ("a_stolen_token_sets_up_no_first_factor", stolen),
        ("a_wrong_password_sets_up_nothing_and_counts", wrong),
        ("a_nonce_that_is_none_sets_up_nothing", nonces),
        ("a_refused_setup_does_not_use_the_nonce_up", kept),
        (
            "who_has_a_factor_is_told_so_and_asked_nothing",
            there_is_one,
        ),
        (
            "without_a_password_a_fresh_sign_in_is_the_proof",
            no_password,
        ),
    ]
}

/// The sign-in of everybody was so long ago.
fn later(database: &Database, minutes: u32) {
    superuser(
        database,
        &format!(
            "update auth.sessions set authenticated_at = now() - interval '{minutes} minutes'"
        ),
    );
}

fn set_up(app: &mut Client, account: &Account, context: &Value) -> Value {
    act_as(app, &account.token, "auth.totp_setup(null, $1)", &[context])
}

fn nonce(app: &mut Client, account: &Account) -> String {
    let proof = json!({"password": PASSWORD});
    let reply = act_as(app, &account.token, "auth.reauthenticate($1)", &[&proof]);
    text(&reply, "nonce")
}

/// 1. A token is found: in a log, on a machine left open.
/// 2. With it a factor is set up.
/// 3. The owner, who has the password, is asked for codes of somebody else's app.
fn stolen(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    later(database, 11);
    // A refresh shows no credential.
    let next = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&ann.refresh]));
    let before = state(database);
    assert_eq!(
        act_as(&mut app, &next.token, "auth.totp_setup()", &[]),
        json!({
            "error": "The sign-in is too long ago: send the password, or a nonce of reauthenticate",
            "code": "REAUTHENTICATION_REQUIRED",
        })
    );
    let enable = act_as(&mut app, &next.token, "auth.totp_enable('123456')", &[]);
    assert_refused(&enable, "VALIDATION_FAILED");
    assert_eq!(state(database), before);
    assert!(mails(database).is_empty());
    let signed_in = act(
        &mut app,
        "auth.sign_in('ann@example.com', $1)",
        &[&PASSWORD],
    );
    let mine = Account::from_reply(&signed_in);
    // The allowed twins: the password at any time, a nonce, a sign-in of just now.
    text(
        &set_up(&mut app, &next, &json!({"password": PASSWORD})),
        "secret",
    );
    let given = nonce(&mut app, &next);
    text(&set_up(&mut app, &next, &json!({"nonce": given})), "secret");
    let setup = set_up(&mut app, &mine, &json!({}));
    let code = totp::code(&text(&setup, "secret"));
    let enabled = act_as(&mut app, &mine.token, "auth.totp_enable($1)", &[&code]);
    assert_eq!(enabled["success"], true, "{enabled}");
    later(database, 9);
    let bob = &database.fixture.bob;
    text(&set_up(&mut app, bob, &json!({})), "secret");
}

fn wrong(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    later(database, 11);
    let before = state(database);
    for wrong in ["Wrong-Horse-7-Battery", "", "x", "y", "z"] {
        assert_eq!(
            set_up(&mut app, ann, &json!({"password": wrong})),
            json!({"error": "Invalid password", "code": "INVALID_CREDENTIALS"})
        );
    }
    // The sixth is right, and refused like the others.
    let right = json!({"password": PASSWORD});
    assert_refused(&set_up(&mut app, ann, &right), "INVALID_CREDENTIALS");
    // The owner is told of the lock, and nothing else is written.
    let after = but(state(database), "one_time_tokens");
    assert_eq!(after, but(before, "one_time_tokens"));
    let mut expected = vec!["failure wrong_password"; 5];
    expected.push("failure address_locked");
    assert_eq!(events(database, "auth.reauthenticate"), expected);
    text(&set_up(&mut app, &database.fixture.bob, &right), "secret");
}

fn nonces(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let signed_in = act(
        &mut app,
        "auth.sign_in('ann@example.com', $1)",
        &[&PASSWORD],
    );
    let other = Account::from_reply(&signed_in);
    let (of_other, mine) = (nonce(&mut app, &other), nonce(&mut app, ann));
    later(database, 11);
    let before = state(database);
    let bad = json!({"error": "Invalid or expired nonce", "code": "INVALID_CREDENTIALS"});
    for given in [of_other.as_str(), "", "x"] {
        assert_eq!(set_up(&mut app, ann, &json!({"nonce": given})), bad);
    }
    let with_password = json!({"nonce": "x", "password": PASSWORD});
    assert_eq!(set_up(&mut app, ann, &with_password), bad);
    superuser(
        database,
        "update auth.nonces set expires_at = expires_at - interval '5 minutes'",
    );
    assert_eq!(set_up(&mut app, ann, &json!({"nonce": mine})), bad);
    superuser(
        database,
        "update auth.nonces set expires_at = expires_at + interval '5 minutes'",
    );
    assert_eq!(state(database), before);
    text(&set_up(&mut app, ann, &json!({"nonce": mine})), "secret");
    assert_eq!(set_up(&mut app, ann, &json!({"nonce": mine})), bad);
}

fn kept(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let given = json!({"nonce": nonce(&mut app, ann)});
    later(database, 11);
    let before = state(database);
    let long = "x".repeat(65);
    let reply = act_as(
        &mut app,
        &ann.token,
        "auth.totp_setup($1, $2)",
        &[&long, &given],
    );
    assert_refused(&reply, "VALIDATION_FAILED");
    assert_eq!(state(database), before);
    text(&set_up(&mut app, ann, &given), "secret");
}

fn there_is_one(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let given = json!({"nonce": act_as(
        &mut app,
        &ann.account.token,
        "auth.reauthenticate($1)",
        &[&json!({"password": PASSWORD, "code": ann.code()})],
    )["nonce"]});
    later(database, 11);
    let before = state(database);
    for context in [
        json!({}),
        given,
        json!({"password": "Wrong-Horse-7-Battery"}),
    ] {
        assert_eq!(
            set_up(&mut app, &ann.account, &context),
            json!({"error": "A second factor is set up already; disable it first", "code": "VALIDATION_FAILED"})
        );
    }
    assert_eq!(state(database), before);
    let guesses = "select count(*) from auth.login_attempts";
    assert_eq!(count(database, guesses), 0);
}

fn no_password(database: &Database) {
    superuser(database, "update auth.users set password_hash = null");
    let mut app = database.app();
    let ann = &database.fixture.ann;
    later(database, 11);
    let before = state(database);
    assert_refused(
        &set_up(&mut app, ann, &json!({})),
        "REAUTHENTICATION_REQUIRED",
    );
    for password in ["", PASSWORD] {
        let refused = set_up(&mut app, ann, &json!({"password": password}));
        assert_refused(&refused, "INVALID_CREDENTIALS");
    }
    assert_eq!(state(database), before);
    later(database, 9);
    text(&set_up(&mut app, ann, &json!({})), "secret");
}
