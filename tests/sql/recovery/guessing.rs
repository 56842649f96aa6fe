//! A code has a million values: three guesses at each, five at an address, and nothing takes a guess back.

use super::{ANN, Tests, a_minute_later, at_once, bad_code, by_code, sign_in, signed_in, token};
use crate::acts::{act, configure, count, events, state, superuser};
use fluxbase_tests::fixture::{Database, PASSWORD};
use postgres::Client;

pub const TESTS: Tests = &[
    (
        "after_three_wrong_codes_the_right_one_is_refused_like_a_wrong_one",
        three,
    ),
    ("new_codes_bring_no_new_guesses", five),
    ("a_wrong_code_rolled_back_stays_counted", rolled_back),
    (
        "a_wrong_code_in_a_savepoint_or_a_failed_statement_stays_counted",
        taken_back,
    ),
    (
        "twenty_guesses_at_once_are_not_judged_more_often_than_allowed",
        crowd,
    ),
    (
        "trying_codes_while_locked_does_not_prolong_the_lock",
        not_prolonged,
    ),
    ("locks_switched_off_leave_codes_guarded", unguarded),
    (
        "wrong_codes_lock_no_password_and_wrong_passwords_no_code",
        apart,
    ),
    (
        "a_right_code_and_an_administrator_start_the_count_anew",
        anew,
    ),
    ("one_client_cannot_try_codes_at_many_addresses", one_client),
];

/// A code that is not this one.
fn other_than(code: &str) -> String {
    let last = if code.ends_with('1') { '2' } else { '1' };
    format!("{}{last}", &code[..5])
}

fn guess(app: &mut Client, code: &str, times: usize) {
    for _ in 0..times {
        assert_eq!(by_code(app, ANN, &other_than(code)), bad_code());
    }
}

fn three(database: &Database) {
    let mut app = database.app();
    let code = token(database, "email_otp", ANN);
    guess(&mut app, &code, 3);
    let before = state(database);
    assert_eq!(by_code(&mut app, ANN, &code), bad_code());
    assert_eq!(state(database), before);
    assert_eq!(
        events(database, "auth.login"),
        [
            "failure wrong_code",
            "failure wrong_code",
            "failure wrong_code",
            "failure too_many_tries"
        ]
    );
    // The twin: two are forgiven.
    configure(database, "max_login_attempts", "100");
    a_minute_later(database);
    superuser(
        database,
        "update auth.login_attempts set at = at - interval '61 s'",
    );
    let code = token(database, "email_otp", ANN);
    guess(&mut app, &code, 2);
    signed_in(&by_code(&mut app, ANN, &code));
}

/// Two guesses at each code, and then another code.
fn five(database: &Database) {
    let mut app = database.app();
    for times in [2, 2, 1] {
        let code = token(database, "email_otp", ANN);
        guess(&mut app, &code, times);
        a_minute_later(database);
        superuser(
            database,
            "update auth.login_attempts set at = at - interval '61 s'",
        );
    }
    let code = token(database, "email_otp", ANN);
    let before = state(database);
    assert_eq!(by_code(&mut app, ANN, &code), bad_code());
    assert_eq!(state(database), before);
    let failures = events(database, "auth.login");
    assert_eq!(
        failures.last().map(String::as_str),
        Some("failure address_locked")
    );
    // The lock passes.
    superuser(
        database,
        "update auth.login_attempts set at = at - interval '15 minutes'",
    );
    signed_in(&by_code(&mut app, ANN, &code));
}

fn rolled_back(database: &Database) {
    let mut app = database.app();
    let code = token(database, "email_otp", ANN);
    for _ in 0..3 {
        let mut guess = app.transaction().expect("begun");
        guess
            .query_one(
                "select auth.sign_in_with_email_code($1, $2)",
                &[&ANN, &other_than(&code)],
            )
            .expect("a reply");
        guess.rollback().expect("rolled back");
    }
    assert_eq!(by_code(&mut app, ANN, &code), bad_code());
    assert_eq!(events(database, "auth.login").len(), 4);
}

fn taken_back(database: &Database) {
    let mut app = database.app();
    let code = token(database, "email_otp", ANN);
    let wrong = other_than(&code);
    let call = format!("select auth.sign_in_with_email_code('{ANN}', '{wrong}')");
    app.batch_execute(&format!(
        "begin; savepoint s; {call}; rollback to s; commit"
    ))
    .expect("taken back");
    for _ in 0..2 {
        app.batch_execute(&format!("{call}, 1 / (length(pg_sleep(0)::text))"))
            .expect_err("divided by zero");
    }
    assert_eq!(by_code(&mut app, ANN, &code), bad_code());
    assert_eq!(
        count(
            database,
            "select count(*) from auth.login_attempts where email = 'code ann@example.com'"
        ),
        4
    );
}

fn crowd(database: &Database) {
    let code = token(database, "email_otp", ANN);
    let right = 10;
    let replies = at_once(database, |app, nth| {
        let mut tries = (0..5).map(|_| other_than(&code));
        let last = if nth == right {
            code.clone()
        } else {
            other_than(&code)
        };
        tries.all(|wrong| by_code(app, ANN, &wrong) == bad_code());
        by_code(app, ANN, &last)
    });
    assert!(replies.iter().all(|reply| *reply == bad_code()));
    assert_eq!(by_code(&mut database.app(), ANN, &code), bad_code());
}

fn not_prolonged(database: &Database) {
    let mut app = database.app();
    let code = token(database, "email_otp", ANN);
    guess(&mut app, &code, 5);
    superuser(
        database,
        "update auth.login_attempts set at = at - interval '14 minutes'",
    );
    for _ in 0..10 {
        assert_eq!(by_code(&mut app, ANN, "000000"), bad_code());
    }
    superuser(
        database,
        "update auth.login_attempts set at = at - interval '61 s'",
    );
    a_minute_later(database);
    let code = token(database, "email_otp", ANN);
    signed_in(&by_code(&mut app, ANN, &code));
}

/// There is no password in the way of a code, so there is always a lock.
fn unguarded(database: &Database) {
    configure(database, "lockout_type", "none");
    let mut app = database.app();
    let code = token(database, "email_otp", ANN);
    guess(&mut app, &code, 5);
    a_minute_later(database);
    let code = token(database, "email_otp", ANN);
    assert_eq!(by_code(&mut app, ANN, &code), bad_code());
}

fn apart(database: &Database) {
    let mut app = database.app();
    let code = token(database, "email_otp", ANN);
    guess(&mut app, &code, 6);
    signed_in(&sign_in(&mut app, ANN, PASSWORD));
    let code = token(database, "email_otp", "bob@example.com");
    for _ in 0..6 {
        sign_in(&mut app, "bob@example.com", "Wrong-Horse-7-Battery");
    }
    signed_in(&by_code(&mut app, "bob@example.com", &code));
}

fn anew(database: &Database) {
    let mut app = database.app();
    for _ in 0..3 {
        let code = token(database, "email_otp", ANN);
        guess(&mut app, &code, 2);
        signed_in(&by_code(&mut app, ANN, &code));
        a_minute_later(database);
    }
    let code = token(database, "email_otp", ANN);
    guess(&mut app, &code, 5);
    assert_eq!(by_code(&mut app, ANN, &code), bad_code());
    let unlocked: bool = database
        .superuser()
        .query_one("select auth.unlock($1)", &[&ANN])
        .expect("unlocked")
        .get(0);
    assert!(unlocked);
    signed_in(&by_code(&mut app, ANN, &code));
}

fn one_client(database: &Database) {
    configure(database, "max_login_attempts_per_ip", "3");
    let mut app = database.app();
    let code = token(database, "email_otp", ANN);
    let from = |app: &mut Client, email: &str, ip: &str, code: &str| {
        let call = format!("auth.sign_in_with_email_code($1, $2, '{{\"ip\": \"{ip}\"}}')");
        act(app, &call, &[&email, &code])
    };
    for nth in 0..3 {
        let reply = from(
            &mut app,
            &format!("u{nth}@example.com"),
            "192.0.2.1",
            "000000",
        );
        assert_eq!(reply, bad_code());
    }
    let before = state(database);
    let refused = from(&mut app, ANN, "192.0.2.1", &code);
    assert_eq!(refused["code"], "RATE_LIMITED", "{refused}");
    assert!(
        refused["retry_after"]
            .as_i64()
            .is_some_and(|after| after > 0)
    );
    assert_eq!(state(database), before);
    signed_in(&from(&mut app, ANN, "192.0.2.2", &code));
}
