//! A lost factor, taken away by an administrator.

use super::{Protected, Test, bad, challenge, protect, verify, verify_with};
use crate::acts::{
    act, act_as, assert_refused, count, enters, events, mails, promoted, state, superuser, text,
};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use fluxbase_tests::totp;
use postgres::Client;
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        ("an_administrator_removes_a_lost_factor", removed),
        ("a_factor_removed_ends_whatever_was_open", ends),
        ("who_may_not_remove_a_factor_is_refused", refused),
        ("nobody_removes_the_own_factor_this_way", own),
        ("a_factor_that_is_not_there_is_not_removed", nothing),
    ]
}

const REMOVE: &str = "auth.admin_remove_factor($1::text::uuid, $2)";

fn remove(app: &mut Client, token: &str, who: &str, context: &Value) -> Value {
    act_as(app, token, REMOVE, &[&who, context])
}

fn done() -> Value {
    json!({"message": "The second factor was removed"})
}

fn factors(database: &Database) -> i64 {
    let rows = "select (select count(*) from auth.totp_factors) + (select count(*) from auth.backup_codes)";
    count(database, rows)
}

fn removed(database: &Database) {
    let bob = protect(database, &database.fixture.bob);
    let admin = promoted(database, &database.fixture.ann, "admin");
    mails(database);
    let mut app = database.app();
    assert_eq!(factors(database), 11);
    let told = json!({"ip": "192.0.2.9", "user_agent": "a", "request_id": "r"});
    assert_eq!(
        remove(&mut app, &admin.token, &bob.account.id, &told),
        done()
    );
    assert_eq!(factors(database), 0);
    let sent = mails(database);
    assert_eq!(
        (sent.len(), &sent[0]["kind"], &sent[0]["to"]),
        (
            1,
            &json!("notice_factor_changed"),
            &json!("bob@example.com")
        )
    );
    assert_eq!(events(database, "admin.factor_remove"), ["success"]);
    let whose = format!(
        "select count(*) from audit.events where event = 'admin.factor_remove' and user_id = '{}' and actor_id = '{}' and ip = '192.0.2.9'",
        bob.account.id, admin.id
    );
    assert_eq!(count(database, &whose), 1);
    // The password is what it was, and another factor can be set up.
    let signed_in = act(
        &mut app,
        "auth.sign_in('bob@example.com', $1)",
        &[&PASSWORD],
    );
    let account = Account::from_reply(&signed_in);
    let again = protect(database, &account);
    let token = challenge(&mut app, "bob@example.com");
    for old in [totp::code(&bob.secret), bob.backup[0].clone()] {
        assert_eq!(verify_with(&mut app, &again, &old, &token), bad());
    }
    Account::from_reply(&verify_with(&mut app, &again, &again.code(), &token));
}

/// Whoever found the app may be in, or wait for its code; and may have locked it with wrong ones.
fn ends(database: &Database) {
    let bob = protect(database, &database.fixture.bob);
    let admin = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    let token = challenge(&mut app, "bob@example.com");
    for _ in 0..5 {
        verify_with(&mut app, &bob, &bob.wrong_code(), &token);
    }
    assert_eq!(enters(&mut app, &bob.account.token), Ok(()));
    let reply = remove(&mut app, &admin.token, &bob.account.id, &json!({}));
    assert_eq!(reply, done());
    assert_eq!(
        enters(&mut app, &bob.account.token),
        Err("FX003".to_owned())
    );
    let refreshed = act(&mut app, "auth.refresh($1)", &[&bob.account.refresh]);
    assert_refused(&refreshed, "INVALID_TOKEN");
    let before = state(database);
    for code in [bob.code(), bob.backup[0].clone()] {
        assert_eq!(verify_with(&mut app, &bob, &code, &token), bad());
        assert_eq!(
            verify(&mut app, Some(&bob.account.id), &code, None, &json!({})),
            bad()
        );
    }
    assert_eq!(state(database), before);
    assert_eq!(enters(&mut app, &admin.token), Ok(()));
    // The wrong codes are not counted against the next one.
    let signed_in = act(
        &mut app,
        "auth.sign_in('bob@example.com', $1)",
        &[&PASSWORD],
    );
    let again = protect(database, &Account::from_reply(&signed_in));
    let token = challenge(&mut app, "bob@example.com");
    Account::from_reply(&verify_with(&mut app, &again, &again.code(), &token));
}

fn assert_kept(database: &Database, app: &mut Client, who: &Protected) {
    assert_eq!(enters(app, &who.account.token), Ok(()));
    challenge(app, &who.account.email);
    superuser(database, "delete from auth.challenges");
}

fn refused(database: &Database) {
    let bob = protect(database, &database.fixture.bob);
    let mut app = database.app();
    let mut ann = database.fixture.ann.clone();
    mails(database);
    let events_before = "select count(*) from audit.events where event = 'admin.factor_remove'";
    // A user; then an administrator below the one whose factor it is.
    let before = state(database);
    let reply = remove(&mut app, &ann.token, &bob.account.id, &json!({}));
    assert_refused(&reply, "ADMIN_REQUIRED");
    assert_eq!(state(database), before);
    ann = promoted(database, &ann, "admin");
    superuser(
        database,
        "update auth.users set role = 'dashboard_admin' where email = 'bob@example.com'",
    );
    let before = state(database);
    let reply = remove(&mut app, &ann.token, &bob.account.id, &json!({}));
    assert_refused(&reply, "INSUFFICIENT_PERMISSIONS");
    assert_eq!(state(database), before);
    // Somebody high enough, whose own factor was shown too long ago.
    let ann = protect(database, &promoted(database, &ann, "dashboard_admin"));
    mails(database);
    superuser(
        database,
        "update auth.sessions set factor_at = factor_at - interval '11 minutes'",
    );
    let before = state(database);
    let by = |context: Value| {
        remove(
            &mut database.app(),
            &ann.account.token,
            &bob.account.id,
            &context,
        )
    };
    assert_refused(&by(json!({})), "TWO_FACTOR_REQUIRED");
    assert_eq!(by(json!({"code": ann.wrong_code()})), bad());
    assert_eq!(state(database), before);
    assert!(mails(database).is_empty());
    assert_eq!(count(database, events_before), 0);
    let fresh = promoted(database, &bob.account, "authenticated");
    let bob = Protected {
        account: fresh,
        ..bob
    };
    assert_kept(database, &mut app, &bob);
    // The twin: with a code.
    let reply = remove(
        &mut app,
        &ann.account.token,
        &bob.account.id,
        &json!({"code": ann.code()}),
    );
    assert_eq!(reply, done());
}

/// A session of an administrator left open: its factor would be off without the password.
fn own(database: &Database) {
    let ann = protect(
        database,
        &promoted(database, &database.fixture.ann, "dashboard_admin"),
    );
    let mut app = database.app();
    let before = state(database);
    let with_code = json!({"code": ann.code()});
    for context in [json!({}), with_code] {
        let reply = remove(&mut app, &ann.account.token, &ann.account.id, &context);
        assert_eq!(
            reply,
            json!({"error": "This is your own second factor; disable it with your password", "code": "VALIDATION_FAILED"})
        );
    }
    let but_the_code = |state: Vec<(String, String)>| {
        let kept = |table: &str| !["totp_factors", "sessions"].contains(&table);
        state
            .into_iter()
            .filter(|(table, _)| kept(table))
            .collect::<Vec<_>>()
    };
    assert_eq!(but_the_code(state(database)), but_the_code(before));
    assert_eq!(factors(database), 11);
    let reply = act_as(
        &mut app,
        &ann.account.token,
        "auth.totp_disable($1)",
        &[&PASSWORD],
    );
    assert_eq!(reply["success"], true, "{reply}");
}

fn nothing(database: &Database) {
    let mut owner = database.superuser();
    let bob = &database.fixture.bob;
    // Begun and not enabled is none either.
    let setup = act_as(&mut database.app(), &bob.token, "auth.totp_setup()", &[]);
    text(&setup, "secret");
    let before = state(database);
    for (id, code) in [
        (Some(bob.id.as_str()), "VALIDATION_FAILED"),
        (Some("00000000-0000-0000-0000-000000000001"), "NOT_FOUND"),
        (None, "MISSING_REQUIRED_FIELD"),
    ] {
        assert_refused(&act(&mut owner, REMOVE, &[&id, &json!({})]), code);
    }
    assert_eq!(state(database), before);
    assert!(mails(database).is_empty());
    assert_eq!(events(database, "admin.factor_remove"), [""; 0]);
    assert_eq!(enters(&mut database.app(), &bob.token), Ok(()));
}
