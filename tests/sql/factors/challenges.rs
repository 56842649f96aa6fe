//! What the password step gives: bound to the user and the client, good once and for minutes.

use super::{Test, bad, challenge, forget_last_step, password_step, protect, verify, verify_with};
use crate::acts::{act, act_as, assert_refused, count, events, state, superuser, text};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use serde_json::json;
use std::sync::{Arc, Barrier};

pub fn tests() -> Vec<Test> {
    vec![
        (
            "the_challenge_of_another_user_is_refused",
            challenge_of_another,
        ),
        ("the_challenge_of_another_client_is_refused", other_client),
        ("an_expired_challenge_is_refused", expired),
        ("a_challenge_works_once", twice),
        (
            "user_and_code_without_the_password_step_are_refused",
            no_password_step,
        ),
        ("a_user_disabled_meanwhile_is_refused", disabled),
        (
            "a_password_changed_meanwhile_voids_the_challenge",
            password_changed,
        ),
        (
            "a_password_reset_by_an_administrator_voids_the_challenge",
            reset_by_admin,
        ),
        (
            "one_challenge_used_by_twenty_at_once_has_one_winner",
            one_challenge_in_parallel,
        ),
        ("ten_thousand_refusals_are_all_written_down", ten_thousand),
    ]
}

/// Ann's password and Bob's app, or the other way round, are nobody's.
fn challenge_of_another(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let bob = protect(database, &database.fixture.bob);
    let mut app = database.app();
    let (of_ann, of_bob) = (
        challenge(&mut app, "ann@example.com"),
        challenge(&mut app, "bob@example.com"),
    );
    let before = state(database);
    assert_eq!(verify_with(&mut app, &ann, &ann.code(), &of_bob), bad());
    assert_eq!(verify_with(&mut app, &bob, &ann.code(), &of_ann), bad());
    assert_eq!(
        verify(&mut app, None, &ann.code(), Some(&of_bob), &json!({})),
        bad()
    );
    assert_eq!(
        verify_with(&mut app, &ann, &ann.code(), "mfa_made-up"),
        bad()
    );
    assert_eq!(
        verify_with(&mut app, &ann, &ann.code(), &ann.account.token),
        bad()
    );
    assert_eq!(state(database), before);
    Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &of_ann));
}

fn other_client(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let mine = json!({"ip": "203.0.113.7"});
    for with_token in [true, false] {
        forget_last_step(database);
        let reply = password_step(&mut app, "ann@example.com", Some("203.0.113.7"));
        let token = text(&reply, "mfa_token");
        let token = with_token.then_some(token.as_str());
        let before = state(database);
        for theirs in [
            json!({"ip": "198.51.100.9"}),
            json!({"ip": "not an address"}),
            json!({}),
        ] {
            let reply = verify(&mut app, Some(&ann.account.id), &ann.code(), token, &theirs);
            assert_eq!(reply, bad(), "{theirs}");
        }
        assert_eq!(state(database), before);
        let reply = verify(&mut app, Some(&ann.account.id), &ann.code(), token, &mine);
        Account::from_reply(&reply);
    }
}

fn expired(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    assert_eq!(
        count(
            database,
            "select count(*) from auth.challenges where expires_at between now() + interval '4 minutes' and now() + interval '5 minutes'"
        ),
        1
    );
    superuser(database, "update auth.challenges set expires_at = now()");
    let before = state(database);
    assert_eq!(verify_with(&mut app, &ann, &ann.code(), &token), bad());
    assert_eq!(
        verify(
            &mut app,
            Some(&ann.account.id),
            &ann.code(),
            None,
            &json!({})
        ),
        bad()
    );
    assert_eq!(state(database), before);
    assert_eq!(events(database, "auth.factor"), ["failure no_challenge"; 2]);
    let token = challenge(&mut app, "ann@example.com");
    Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &token));
}

fn twice(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &token));
    forget_last_step(database);
    let before = state(database);
    assert_eq!(verify_with(&mut app, &ann, &ann.code(), &token), bad());
    assert_eq!(verify_with(&mut app, &ann, &ann.backup[0], &token), bad());
    assert_eq!(state(database), before);
}

/// Whoever sees the app, and knows the id of its owner, has not shown the password.
fn no_password_step(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let before = state(database);
    for (user_id, token) in [
        (Some(ann.account.id.as_str()), None),
        (Some(ann.account.id.as_str()), Some("")),
        (None, Some("")),
    ] {
        for code in [ann.code(), ann.backup[0].clone()] {
            assert_eq!(
                verify(&mut app, user_id, &code, token, &json!({})),
                bad(),
                "{user_id:?} {token:?}"
            );
        }
    }
    assert_refused(
        &verify(&mut app, None, &ann.code(), None, &json!({})),
        "MISSING_REQUIRED_FIELD",
    );
    assert_eq!(state(database), before);
    // Nothing was guessed, so nothing is counted.
    assert_eq!(
        count(
            database,
            "select count(*) from auth.login_attempts where email like 'factor %'"
        ),
        0
    );
    // With it, the id and the code are enough for clients that send no token back.
    challenge(&mut app, "ann@example.com");
    Account::from_reply(&verify(
        &mut app,
        Some(&ann.account.id),
        &ann.code(),
        None,
        &json!({}),
    ));
}

fn disabled(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    superuser(
        database,
        "update auth.users set disabled_at = now() where email = 'ann@example.com'",
    );
    let before = state(database);
    assert_eq!(verify_with(&mut app, &ann, &ann.code(), &token), bad());
    assert_eq!(state(database), before);
    superuser(
        database,
        "delete from auth.users where email = 'ann@example.com'",
    );
    assert_eq!(verify_with(&mut app, &ann, &ann.code(), &token), bad());
}

/// Somebody knew the old password and has the phone: the owner was quicker.
fn password_changed(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    let changes = json!({"password": "Another-Horse-8-Battery", "current_password": PASSWORD});
    let reply = act_as(
        &mut app,
        &ann.account.token,
        "auth.update_user($1)",
        &[&changes],
    );
    assert_eq!(reply["id"], ann.account.id.as_str(), "{reply}");
    let before = state(database);
    assert_eq!(verify_with(&mut app, &ann, &ann.code(), &token), bad());
    assert_eq!(state(database), before);
}

fn reset_by_admin(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    let reply = act(
        &mut database.superuser(),
        "auth.admin_reset_password($1::text::uuid)",
        &[&ann.account.id],
    );
    assert!(reply.get("code").is_none(), "{reply}");
    let before = state(database);
    assert_eq!(verify_with(&mut app, &ann, &ann.code(), &token), bad());
    assert_eq!(state(database), before);
}

fn one_challenge_in_parallel(database: &Database) {
    const THIEVES: usize = 20;
    let ann = protect(database, &database.fixture.ann);
    let start = Arc::new(Barrier::new(THIEVES));
    let sessions = count(database, "select count(*) from auth.sessions");
    let token = challenge(&mut database.app(), "ann@example.com");
    let won: usize = std::thread::scope(|scope| {
        let thieves: Vec<_> = (0..THIEVES)
            .map(|nth| {
                let (start, mut app, ann, token) =
                    (Arc::clone(&start), database.app(), &ann, token.as_str());
                // Every code is a good one.
                let code = ann.backup.get(nth).cloned().unwrap_or_else(|| ann.code());
                scope.spawn(move || {
                    start.wait();
                    let reply = verify_with(&mut app, ann, &code, token);
                    let won = reply.get("access_token").is_some();
                    assert!(won || reply == bad(), "{reply}");
                    usize::from(won)
                })
            })
            .collect();
        thieves
            .into_iter()
            .map(|thief| thief.join().expect("joined"))
            .sum()
    });
    assert_eq!(won, 1);
    assert_eq!(
        count(database, "select count(*) from auth.sessions"),
        sessions + 1
    );
}

/// A refusal is flushed as far as it was written and no further: that a record ends where a page of the log does
/// happens once in a thousand times.
fn ten_thousand(database: &Database) {
    let mut app = database.app();
    app.batch_execute(
        "do $$ begin for i in 1..10000 loop \
           perform auth.verify_factor('00000000-0000-0000-0000-000000000001', '123456'); \
         end loop; end $$",
    )
    .expect("refused as values");
    let written = "select count(*) from audit.events where reason = 'no_challenge'";
    assert_eq!(count(database, written), 10_000);
}
