//! Six digits are guessed in a day unless guesses are counted, and nothing takes one back.

use super::{Protected, Test, bad, challenge, protect, verify_with};
use crate::acts::{act, act_as, count, enters, events, state, superuser};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use postgres::Client;
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        ("after_five_wrong_codes_the_right_one_is_refused", five),
        (
            "four_wrong_codes_and_the_right_one_start_the_count_anew",
            four,
        ),
        ("a_guess_rolled_back_stays_counted", rolled_back),
        (
            "a_guess_in_a_savepoint_or_a_failing_statement_stays_counted",
            savepoint,
        ),
        ("a_new_challenge_brings_no_new_guesses", new_challenge),
        ("backup_codes_are_guessed_on_the_same_count", backup_codes),
        (
            "guesses_with_sensitive_acts_are_on_the_same_count",
            sensitive_acts,
        ),
        ("the_factor_of_another_user_is_not_locked", another),
        (
            "trying_while_locked_does_not_prolong_the_lock",
            not_prolonged,
        ),
        ("an_administrator_unlocks", unlocked),
    ]
}

fn locked() -> Value {
    json!({"error": "Too many wrong codes; try again later", "code": "RATE_LIMITED", "retry_after": 900})
}

fn counted(database: &Database, who: &Protected) -> i64 {
    let id = &who.account.id;
    count(
        database,
        &format!("select count(*) from auth.login_attempts where email = 'factor {id}'"),
    )
}

fn guess(app: &mut Client, who: &Protected, token: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(verify_with(app, who, &who.wrong_code(), token), bad());
    }
}

fn five(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    guess(&mut app, &ann, &token, 5);
    let before = state(database);
    for code in [ann.code(), ann.backup[0].clone(), ann.wrong_code()] {
        assert_eq!(verify_with(&mut app, &ann, &code, &token), locked());
    }
    assert_eq!(state(database), before);
    assert_eq!(
        events(database, "auth.factor"),
        [["failure wrong_code"; 5].as_slice(), &["failure locked"; 3]].concat()
    );
    // The session that is open is not touched.
    assert_eq!(enters(&mut app, &ann.account.token), Ok(()));
}

fn four(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    guess(&mut app, &ann, &token, 4);
    Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &token));
    assert_eq!(counted(database, &ann), 0);
    let token = challenge(&mut app, "ann@example.com");
    guess(&mut app, &ann, &token, 4);
    Account::from_reply(&verify_with(&mut app, &ann, &ann.backup[0], &token));
}

fn rolled_back(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    for _ in 0..5 {
        app.batch_execute("begin").expect("begins");
        guess(&mut app, &ann, &token, 1);
        app.batch_execute("rollback").expect("ends");
    }
    assert_eq!(counted(database, &ann), 5);
    assert_eq!(verify_with(&mut app, &ann, &ann.code(), &token), locked());
    assert_eq!(events(database, "auth.factor").len(), 6);
}

fn savepoint(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    app.batch_execute("begin").expect("begins");
    for _ in 0..3 {
        app.batch_execute("savepoint guess").expect("set");
        guess(&mut app, &ann, &token, 1);
        app.batch_execute("rollback to savepoint guess")
            .expect("back");
    }
    app.batch_execute("commit").expect("ends");
    let wrong = ann.wrong_code();
    let call = format!(
        "auth.verify_factor('{}', '{wrong}', '{token}')",
        ann.account.id
    );
    for failing in [
        format!("select {call}, 1 / (random() * 0)::int"),
        format!(
            "do $$ begin begin perform {call}; raise exception 'no'; exception when others then null; end; end $$"
        ),
    ] {
        let _ = app.batch_execute(&failing);
    }
    assert_eq!(counted(database, &ann), 5);
    assert_eq!(verify_with(&mut app, &ann, &ann.code(), &token), locked());
}

fn new_challenge(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    for _ in 0..5 {
        let token = challenge(&mut app, "ann@example.com");
        guess(&mut app, &ann, &token, 1);
    }
    let token = challenge(&mut app, "ann@example.com");
    assert_eq!(verify_with(&mut app, &ann, &ann.code(), &token), locked());
}

fn backup_codes(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    for _ in 0..5 {
        assert_eq!(verify_with(&mut app, &ann, "aaaaa-aaaaa", &token), bad());
    }
    assert_eq!(
        verify_with(&mut app, &ann, &ann.backup[0], &token),
        locked()
    );
}

/// A stolen access token must not be a way to find a code out.
fn sensitive_acts(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let wrong = json!({"code": ann.wrong_code(), "password": PASSWORD});
    for call in [
        "auth.reauthenticate($1)",
        "auth.totp_disable('Correct-Horse-7-Battery', $1)",
    ] {
        assert_eq!(
            act_as(&mut app, &ann.account.token, call, &[&wrong]),
            bad(),
            "{call}"
        );
    }
    assert_eq!(counted(database, &ann), 2);
    let token = challenge(&mut app, "ann@example.com");
    guess(&mut app, &ann, &token, 3);
    let right = json!({"code": ann.code(), "password": PASSWORD});
    let before = state(database);
    for call in [
        "auth.reauthenticate($1)",
        "auth.totp_disable('Correct-Horse-7-Battery', $1)",
    ] {
        assert_eq!(
            act_as(&mut app, &ann.account.token, call, &[&right]),
            locked(),
            "{call}"
        );
    }
    assert_eq!(state(database), before);
}

fn another(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let bob = protect(database, &database.fixture.bob);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    guess(&mut app, &ann, &token, 5);
    let token = challenge(&mut app, "bob@example.com");
    Account::from_reply(&verify_with(&mut app, &bob, &bob.code(), &token));
}

fn not_prolonged(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    guess(&mut app, &ann, &token, 5);
    for _ in 0..3 {
        assert_eq!(verify_with(&mut app, &ann, &ann.code(), &token), locked());
    }
    superuser(
        database,
        "update auth.login_attempts set at = at - interval '899 seconds'",
    );
    assert_eq!(verify_with(&mut app, &ann, &ann.code(), &token), locked());
    superuser(
        database,
        "update auth.login_attempts set at = at - interval '2 seconds'",
    );
    Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &token));
}

fn unlocked(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    guess(&mut app, &ann, &token, 5);
    let unlock = "auth.admin_unlock_user($1::text::uuid)";
    let reply = act_as(
        &mut app,
        &database.fixture.bob.token,
        unlock,
        &[&ann.account.id],
    );
    assert_eq!(reply["code"], "ADMIN_REQUIRED");
    assert_eq!(verify_with(&mut app, &ann, &ann.code(), &token), locked());
    act(&mut database.superuser(), unlock, &[&ann.account.id]);
    Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &token));
}
