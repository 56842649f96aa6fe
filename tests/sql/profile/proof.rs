//! What a user shows before a password or an address is changed: the password, or a nonce, which is good once.

use super::{NEW, Tests, an_hour_later, nonce, sign_in, update};
use crate::acts::{
    act, act_as, assert_refused, but, configure, count, events, mails, state, superuser, text,
};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use postgres::Client;
use serde_json::{Value, json};

pub const TESTS: Tests = &[
    (
        "a_new_password_or_address_without_proof_is_refused",
        without_proof,
    ),
    (
        "a_wrong_current_password_is_refused_and_counted",
        wrong_password,
    ),
    ("a_nonce_works_once", nonce_once),
    (
        "a_nonce_of_another_session_or_user_is_refused",
        nonce_of_others,
    ),
    ("an_expired_nonce_is_refused", nonce_expired),
    (
        "a_nonce_ends_with_its_session_and_with_the_password",
        nonce_void,
    ),
    ("a_refused_change_does_not_use_the_nonce_up", nonce_kept),
    (
        "a_session_that_is_not_fresh_gets_no_nonce_without_the_password",
        reauthenticate,
    ),
    (
        "without_a_window_a_sign_in_never_stands_for_the_password",
        no_window,
    ),
];

fn without_proof(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let before = state(database);
    for changes in [
        json!({"password": NEW}),
        json!({"email": "new@example.com"}),
        json!({"password": NEW, "current_password": null, "nonce": null}),
        json!({"password": NEW, "user_metadata": {"nick": "a"}}),
    ] {
        assert_refused(
            &update(&mut app, ann, &changes),
            "REAUTHENTICATION_REQUIRED",
        );
    }
    for changes in [
        json!({"password": NEW, "nonce": "x"}),
        json!({"password": NEW, "nonce": ""}),
        json!({"password": NEW, "nonce": "x", "current_password": PASSWORD}),
    ] {
        assert_refused(&update(&mut app, ann, &changes), "INVALID_CREDENTIALS");
    }
    assert_eq!(state(database), before);
    assert!(mails(database).is_empty());
    assert_eq!(
        update(&mut app, ann, &json!({"user_metadata": {"nick": "a"}}))["id"],
        ann.id.as_str()
    );
}

fn wrong_password(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let before = state(database);
    for wrong in [
        "Wrong-Horse-7-Battery",
        "",
        "x",
        &"x".repeat(10_000),
        "wrong",
    ] {
        let changes = json!({"password": NEW, "current_password": wrong});
        assert_refused(&update(&mut app, ann, &changes), "INVALID_CREDENTIALS");
    }
    // The sixth is right, and refused.
    let changes = json!({"password": NEW, "current_password": PASSWORD});
    assert_refused(&update(&mut app, ann, &changes), "INVALID_CREDENTIALS");
    assert_refused(
        &sign_in(&mut app, "ann@example.com", PASSWORD),
        "INVALID_CREDENTIALS",
    );
    // The owner is told of the lock, and nothing else is written.
    let after = but(state(database), "one_time_tokens");
    assert_eq!(after, but(before, "one_time_tokens"));
    let mut expected = vec!["failure wrong_password"; 5];
    expected.push("failure address_locked");
    assert_eq!(events(database, "auth.reauthenticate"), expected);
    // Somebody else's guesses are not Bob's.
    let changed = update(&mut app, &database.fixture.bob, &changes);
    assert_eq!(changed["id"], database.fixture.bob.id.as_str());
}

fn nonce_once(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let given = nonce(&mut app, ann);
    assert_eq!(given.len(), 43);
    assert_eq!(
        count(
            database,
            &format!("select count(*) from auth.nonces n where n::text like '%{given}%'")
        ),
        0
    );
    let email = |email: &str| json!({"email": email, "nonce": given});
    assert_eq!(
        update(&mut app, ann, &email("a2@example.com"))["email"],
        "a2@example.com"
    );
    let next = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&ann.refresh]));
    let before = state(database);
    assert_refused(
        &update(&mut app, &next, &email("a3@example.com")),
        "INVALID_CREDENTIALS",
    );
    assert_eq!(state(database), before);
    // In the context it is as good.
    let given = nonce(&mut app, &next);
    let reply = act_as(
        &mut app,
        &next.token,
        "auth.update_user($1, $2)",
        &[&json!({"password": NEW}), &json!({"nonce": given})],
    );
    assert_eq!(reply["email"], "a2@example.com", "{reply}");
    assert_eq!(events(database, "auth.reauthenticate"), ["success"; 2]);
}

fn nonce_of_others(database: &Database) {
    let mut app = database.app();
    let (ann, bob) = (&database.fixture.ann, &database.fixture.bob);
    let phone = Account::from_reply(&sign_in(&mut app, "ann@example.com", PASSWORD));
    let given = nonce(&mut app, ann);
    let before = state(database);
    let changes = json!({"password": NEW, "nonce": given});
    for other in [&phone, bob] {
        assert_refused(&update(&mut app, other, &changes), "INVALID_CREDENTIALS");
    }
    assert_eq!(state(database), before);
    assert_eq!(update(&mut app, ann, &changes)["id"], ann.id.as_str());
}

fn nonce_expired(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let changes = json!({"password": NEW, "nonce": nonce(&mut app, ann)});
    let minutes =
        "select round(extract(epoch from expires_at - clock_timestamp()) / 60) from auth.nonces";
    assert_eq!(count(database, minutes), 5);
    superuser(
        database,
        "update auth.nonces set expires_at = clock_timestamp()",
    );
    let before = state(database);
    assert_refused(&update(&mut app, ann, &changes), "INVALID_CREDENTIALS");
    assert_eq!(state(database), before);
    superuser(
        database,
        "update auth.nonces set expires_at = now() + interval '9 s'",
    );
    assert_eq!(update(&mut app, ann, &changes)["id"], ann.id.as_str());
}

fn nonce_void(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let kept = nonce(&mut app, ann);
    let changes = json!({"password": NEW, "nonce": nonce(&mut app, ann)});
    assert_eq!(update(&mut app, ann, &changes)["id"], ann.id.as_str());
    assert_eq!(count(database, "select count(*) from auth.nonces"), 0);
    let changes = json!({"password": PASSWORD, "nonce": kept});
    assert_refused(&update(&mut app, ann, &changes), "INVALID_CREDENTIALS");
    nonce(&mut app, ann);
    act_as(&mut app, &ann.token, "auth.sign_out()", &[]);
    assert_eq!(count(database, "select count(*) from auth.nonces"), 0);
}

fn nonce_kept(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let given = nonce(&mut app, ann);
    let before = state(database);
    for (changes, code) in [
        (json!({"password": "weak", "nonce": given}), "WEAK_PASSWORD"),
        (
            json!({"email": "no address", "nonce": given}),
            "VALIDATION_FAILED",
        ),
        (
            json!({"password": NEW, "user_metadata": 7, "nonce": given}),
            "VALIDATION_FAILED",
        ),
    ] {
        assert_refused(&update(&mut app, ann, &changes), code);
    }
    assert_eq!(state(database), before);
    assert_eq!(
        update(&mut app, ann, &json!({"password": NEW, "nonce": given}))["id"],
        ann.id.as_str()
    );
}

fn reauthenticate(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let ask = |app: &mut Client, context: Value| {
        act_as(app, &ann.token, "auth.reauthenticate($1)", &[&context])
    };
    text(&ask(&mut app, json!({})), "nonce");
    an_hour_later(database);
    let before = state(database);
    assert_refused(&ask(&mut app, json!({})), "REAUTHENTICATION_REQUIRED");
    for wrong in ["", "Wrong-Horse-7-Battery", NEW, &format!("{PASSWORD}x")] {
        assert_refused(
            &ask(&mut app, json!({"password": wrong})),
            "INVALID_CREDENTIALS",
        );
    }
    assert_eq!(state(database), before);
    // Refreshing is no proof.
    let next = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&ann.refresh]));
    let refused = act_as(&mut app, &next.token, "auth.reauthenticate()", &[]);
    assert_refused(&refused, "REAUTHENTICATION_REQUIRED");
    text(&ask(&mut app, json!({"password": PASSWORD})), "nonce");
    for _ in 0..6 {
        ask(&mut app, json!({"password": "Wrong-Horse-7-Battery"}));
    }
    assert_refused(
        &ask(&mut app, json!({"password": PASSWORD})),
        "INVALID_CREDENTIALS",
    );
}

/// `reauthentication_window` 0s: the current password, whenever the sign-in was.
fn no_window(database: &Database) {
    configure(database, "reauthentication_window", "0s");
    let mut app = database.app();
    let ann = Account::from_reply(&sign_in(&mut app, "ann@example.com", PASSWORD));
    let before = state(database);
    for call in ["auth.reauthenticate()", "auth.totp_setup()"] {
        let refused = act_as(&mut app, &ann.token, call, &[]);
        assert_refused(&refused, "REAUTHENTICATION_REQUIRED");
    }
    for changes in [json!({"password": NEW}), json!({"email": "a2@example.com"})] {
        let refused = update(&mut app, &ann, &changes);
        assert_refused(&refused, "REAUTHENTICATION_REQUIRED");
    }
    assert_eq!(state(database), before);
    let proof = json!({"password": PASSWORD});
    let given = act_as(&mut app, &ann.token, "auth.reauthenticate($1)", &[&proof]);
    let changes = json!({"password": NEW, "nonce": text(&given, "nonce")});
    assert_eq!(update(&mut app, &ann, &changes)["id"], ann.id.as_str());
    let setup = act_as(
        &mut app,
        &ann.token,
        "auth.totp_setup(null, $1)",
        &[&json!({"password": NEW})],
    );
    text(&setup, "secret");
    // Who has no password has nothing else to show than the sign-in.
    superuser(
        database,
        "update auth.users set password_hash = null where email = 'bob@example.com'",
    );
    let bob = &database.fixture.bob;
    text(
        &act_as(&mut app, &bob.token, "auth.reauthenticate()", &[]),
        "nonce",
    );
    // As long as it says.
    configure(database, "reauthentication_window", "1h");
    superuser(
        database,
        "update auth.sessions set authenticated_at = now() - interval '59 minutes'",
    );
    text(
        &act_as(&mut app, &ann.token, "auth.reauthenticate()", &[]),
        "nonce",
    );
    superuser(
        database,
        "update auth.sessions set authenticated_at = now() - interval '61 minutes'",
    );
    let refused = act_as(&mut app, &ann.token, "auth.reauthenticate()", &[]);
    assert_refused(&refused, "REAUTHENTICATION_REQUIRED");
}
