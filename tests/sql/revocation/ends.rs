//! Sessions that somebody ends.

use super::{Tests, administrator, assert_ended, assert_lives, over, sign_in};
use crate::acts::{act, act_as, assert_refused, count, enters, events, state, superuser, text};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use fluxbase_tests::forge::payload_of;
use serde_json::json;

pub const TESTS: Tests = &[
    (
        "of_a_disabled_user_nothing_works_and_enabling_brings_nothing_back",
        disabled,
    ),
    ("of_a_user_locked_by_an_administrator_nothing_works", locked),
    ("of_a_deleted_user_nothing_works", deleted),
    (
        "a_session_its_user_ended_is_over_and_the_others_are_not",
        one_of_mine,
    ),
    ("a_session_of_somebody_else_cannot_be_ended", not_mine),
    ("all_other_sessions_end_and_this_one_does_not", others),
    ("who_is_nobody_ends_no_session", nobody),
    ("a_session_an_administrator_ended_is_over", by_administrator),
    ("everything_of_one_user_ends", revoked_user),
    ("everything_ends_for_everybody_but_keys", everything),
    ("with_keys_everything_ends", everything_with_keys),
    ("who_is_no_administrator_ends_nothing_of_others", refused),
];

fn session_of(account: &Account) -> String {
    text(&payload_of(&account.token), "session_id")
}

fn disabled(database: &Database) {
    let (mut knew, ann) = (database.app(), &database.fixture.ann);
    assert_eq!(enters(&mut knew, &ann.token), Ok(()));
    superuser(
        database,
        "update auth.users set disabled_at = now() where email = 'ann@example.com'",
    );
    assert_ended(database, &mut knew, ann);
    let signed_in = "auth.sign_in('ann@example.com', $1)";
    let refused = act(&mut knew, signed_in, &[&PASSWORD]);
    assert_eq!(
        refused,
        json!({"error": "Invalid email or password", "code": "INVALID_CREDENTIALS"})
    );
    assert_eq!(
        count(
            database,
            "select count(*) from auth.sessions s join auth.users u on u.id = s.user_id where u.email = 'ann@example.com'"
        ),
        0
    );
    assert_lives(database, &database.fixture.bob);
    superuser(database, "update auth.users set disabled_at = null");
    assert_ended(database, &mut knew, ann);
    assert_lives(database, &sign_in(&mut knew, "ann@example.com"));
}

fn locked(database: &Database) {
    let bob = administrator(database, "admin");
    let (mut knew, ann) = (database.app(), &database.fixture.ann);
    assert_eq!(enters(&mut knew, &ann.token), Ok(()));
    let mut app = database.app();
    let lock = "auth.admin_lock_user($1::text::uuid)";
    let reply = act_as(&mut app, &bob.token, lock, &[&ann.id]);
    assert_eq!(reply, json!({"message": "The user was locked"}));
    assert_ended(database, &mut knew, ann);
    // Once more changes nothing.
    act_as(&mut app, &bob.token, lock, &[&ann.id]);
    assert_ended(database, &mut knew, ann);
    let unlock = "auth.admin_unlock_user($1::text::uuid)";
    act_as(&mut app, &bob.token, unlock, &[&ann.id]);
    assert_ended(database, &mut knew, ann);
    assert_lives(database, &sign_in(&mut knew, "ann@example.com"));
    assert_lives(database, &bob);
}

fn deleted(database: &Database) {
    let (mut knew, ann) = (database.app(), &database.fixture.ann);
    assert_eq!(enters(&mut knew, &ann.token), Ok(()));
    superuser(
        database,
        "delete from auth.users where email = 'ann@example.com'",
    );
    assert_ended(database, &mut knew, ann);
    // Somebody else with the address is somebody else.
    let again = act(
        &mut knew,
        "auth.sign_up('ann@example.com', $1)",
        &[&PASSWORD],
    );
    let again = Account::from_reply(&again);
    assert_ne!(again.id, ann.id);
    assert_ended(database, &mut knew, ann);
    assert_lives(database, &again);
}

fn one_of_mine(database: &Database) {
    let mut knew = database.app();
    let phone = sign_in(&mut knew, "ann@example.com");
    let ann = &database.fixture.ann;
    assert_eq!(enters(&mut knew, &phone.token), Ok(()));
    let call = "auth.revoke_session($1::text::uuid)";
    let reply = act_as(
        &mut database.app(),
        &ann.token,
        call,
        &[&session_of(&phone)],
    );
    assert_eq!(reply, json!({"message": "The session has ended"}));
    assert_ended(database, &mut knew, &phone);
    // Twice is once, and this one lives.
    let twice = act_as(&mut knew, &ann.token, call, &[&session_of(&phone)]);
    assert_refused(&twice, "NOT_FOUND");
    assert_eq!(enters(&mut knew, &ann.token), Ok(()));
    // The own one is as easily ended.
    act_as(&mut database.app(), &ann.token, call, &[&session_of(ann)]);
    assert_ended(database, &mut knew, ann);
}

fn not_mine(database: &Database) {
    let (ann, bob) = (&database.fixture.ann, &database.fixture.bob);
    let mut app = database.app();
    let before = state(database);
    let mut answers = Vec::new();
    for id in [
        session_of(bob),
        "00000000-0000-0000-0000-000000000000".to_owned(),
    ] {
        let call = "auth.revoke_session($1::text::uuid)";
        let reply = act_as(&mut app, &ann.token, call, &[&id]);
        assert_refused(&reply, "NOT_FOUND");
        answers.push(reply);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(state(database), before);
    assert_eq!(events(database, "auth.session_revoke"), [""; 0]);
    assert_lives(database, bob);
}

fn others(database: &Database) {
    let mut knew = database.app();
    let away: Vec<Account> = (0..3)
        .map(|_| sign_in(&mut knew, "ann@example.com"))
        .collect();
    for account in &away {
        assert_eq!(enters(&mut knew, &account.token), Ok(()));
    }
    let ann = &database.fixture.ann;
    let reply = act_as(
        &mut database.app(),
        &ann.token,
        "auth.revoke_other_sessions()",
        &[],
    );
    assert_eq!(
        reply,
        json!({"message": "All other sessions have ended", "ended": 3})
    );
    for account in &away {
        assert_ended(database, &mut knew, account);
    }
    assert_lives(database, ann);
    assert_lives(database, &database.fixture.bob);
}

fn nobody(database: &Database) {
    let before = state(database);
    let mut app = database.app();
    for call in [
        "auth.revoke_session((select gen_random_uuid()))",
        "auth.revoke_other_sessions()",
        "auth.list_sessions()",
    ] {
        // A visitor has not the right to call; a key is nobody.
        app.batch_execute("begin; select auth.enter_anonymous()")
            .expect("enters");
        let outcome = app.batch_execute(&format!("select {call}"));
        assert_eq!(crate::seal::sqlstate(&outcome).as_deref(), Some("42501"));
        app.batch_execute("rollback").expect("ends");
        let reply = act_as(&mut app, &database.fixture.service_key, call, &[]);
        assert_refused(&reply, "AUTHENTICATION_REQUIRED");
    }
    assert_eq!(state(database), before);
}

fn by_administrator(database: &Database) {
    let bob = administrator(database, "admin");
    let (mut knew, ann) = (database.app(), &database.fixture.ann);
    assert_eq!(enters(&mut knew, &ann.token), Ok(()));
    let call = "auth.admin_revoke_session($1::text::uuid)";
    let mut app = database.app();
    let reply = act_as(&mut app, &bob.token, call, &[&session_of(ann)]);
    assert_eq!(reply, json!({"message": "The session has ended"}));
    assert_ended(database, &mut knew, ann);
    let again = act_as(&mut app, &bob.token, call, &[&session_of(ann)]);
    assert_refused(&again, "NOT_FOUND");
    assert_lives(database, &bob);
}

fn revoked_user(database: &Database) {
    let bob = administrator(database, "admin");
    let (mut knew, ann) = (database.app(), &database.fixture.ann);
    let phone = sign_in(&mut knew, "ann@example.com");
    assert_eq!(enters(&mut knew, &ann.token), Ok(()));
    let call = "auth.admin_revoke_user($1::text::uuid)";
    act_as(&mut database.app(), &bob.token, call, &[&ann.id]);
    assert_ended(database, &mut knew, ann);
    assert_ended(database, &mut knew, &phone);
    assert_lives(database, &sign_in(&mut knew, "ann@example.com"));
    assert_lives(database, &bob);
}

fn everything(database: &Database) {
    let bob = administrator(database, "dashboard_admin");
    let fixture = &database.fixture;
    let mut knew = database.app();
    for token in [&fixture.ann.token, &fixture.service_key, &fixture.anon_key] {
        assert_eq!(enters(&mut knew, token), Ok(()));
    }
    let call = "auth.revoke_everything()";
    let reply = act_as(&mut database.app(), &bob.token, call, &[]);
    assert_eq!(reply, json!({"message": "Everybody must sign in again"}));
    for account in [&fixture.ann, &fixture.bob, &bob] {
        assert_ended(database, &mut knew, account);
    }
    assert_eq!(count(database, "select count(*) from auth.sessions"), 0);
    for key in [&fixture.service_key, &fixture.anon_key] {
        assert_eq!(enters(&mut knew, key), Ok(()));
    }
    assert_lives(database, &sign_in(&mut knew, "ann@example.com"));
}

fn everything_with_keys(database: &Database) {
    let fixture = &database.fixture;
    let (mut knew, mut owner) = (database.app(), database.superuser());
    let made = act(
        &mut owner,
        "auth.create_service_key('{\"name\": \"k\"}')",
        &[],
    );
    let client = act_as(
        &mut database.app(),
        &fixture.ann.token,
        "auth.create_client_key('{\"name\": \"k\", \"scopes\": [\"read:tables\"]}')",
        &[],
    );
    let keys = [
        text(&made, "key"),
        text(&client, "key"),
        fixture.service_key.clone(),
        fixture.anon_key.clone(),
    ];
    for key in &keys {
        assert_eq!(enters(&mut knew, key), Ok(()));
    }
    act(&mut owner, "auth.revoke_everything(true)", &[]);
    assert_ended(database, &mut knew, &fixture.ann);
    for key in &keys {
        assert_eq!(enters(&mut knew, key), over(), "{:.6}", key);
        assert_eq!(enters(&mut database.app(), key), over());
    }
    // What is made from now on is good. Tokens know the second they were made in, and that one is over.
    assert_lives(database, &sign_in(&mut knew, "ann@example.com"));
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let minted: String = owner
        .query_one("select auth.mint_key('anon')", &[])
        .expect("a key")
        .get(0);
    assert_eq!(enters(&mut knew, &minted), Ok(()));
    let made = act(
        &mut owner,
        "auth.create_service_key('{\"name\": \"k\"}')",
        &[],
    );
    assert_eq!(enters(&mut knew, &text(&made, "key")), Ok(()));
}

/// Each call by somebody whose role is too low for it.
fn refused(database: &Database) {
    let admin = administrator(database, "admin");
    let ann = &database.fixture.ann;
    let ids = [ann.id.clone(), session_of(&database.fixture.bob)];
    let before = state(database);
    let mut app = database.app();
    for (token, call, code) in [
        (
            &ann.token,
            "auth.admin_revoke_session($2::text::uuid)",
            "ADMIN_REQUIRED",
        ),
        (
            &ann.token,
            "auth.admin_revoke_user($1::text::uuid)",
            "ADMIN_REQUIRED",
        ),
        (
            &ann.token,
            "auth.admin_lock_user($1::text::uuid)",
            "ADMIN_REQUIRED",
        ),
        (
            &ann.token,
            "auth.admin_delete_user($1::text::uuid)",
            "ADMIN_REQUIRED",
        ),
        (&ann.token, "auth.revoke_everything(true)", "ADMIN_REQUIRED"),
        (
            &admin.token,
            "auth.revoke_everything(true)",
            "INSUFFICIENT_PERMISSIONS",
        ),
    ] {
        let call = call
            .replace("$1", &format!("'{}'", ids[0]))
            .replace("$2", &format!("'{}'", ids[1]));
        assert_refused(&act_as(&mut app, token, &call, &[]), code);
    }
    for token in [&ann.token, &admin.token, &database.fixture.anon_key] {
        let outcome = crate::acts::try_as(
            &mut app,
            token,
            "to_jsonb(auth.revoke_token('x')::text)",
            &[],
        );
        assert_eq!(outcome, Err("42501".to_owned()));
    }
    assert_eq!(state(database), before);
    assert_lives(database, ann);
    assert_lives(database, &admin);
}
