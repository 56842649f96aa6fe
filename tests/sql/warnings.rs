//! What the owner of an account is told of those who try to get in, and that nobody can fill a mailbox with it.

use crate::acts::{act, act_as, configure, count, mails, superuser, text};
use crate::seal::value;
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::totp;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::{Arc, Barrier};

type Tests = &'static [(&'static str, fn(&Database))];

const TESTS: Tests = &[
    ("the_owner_of_a_locked_address_is_told_once", once),
    (
        "whoever_locks_an_address_again_and_again_sends_one_mail_a_day",
        once_a_day,
    ),
    (
        "an_address_nobody_has_costs_the_same_and_mails_nothing",
        nobody,
    ),
    ("a_success_before_the_lock_sends_nothing", success),
    ("guesses_sent_at_once_send_one_mail_at_most", at_once),
    ("a_wrong_current_password_counts_for_it_too", current),
    ("where_no_address_is_locked_nobody_is_told", no_lock),
    ("a_disabled_user_is_told_nothing", disabled),
    ("the_owner_of_a_locked_second_factor_is_told_once", factor),
];

const ANN: &str = "ann@example.com";
const WRONG: &str = "Wrong-Horse-7-Battery";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    TESTS
        .iter()
        .map(|(name, body)| {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trial(&cluster, format!("warnings::{name}"), move || {
                body(&fixture.database());
            })
        })
        .collect()
}

fn sign_in(app: &mut Client, email: &str, password: &str) -> Value {
    act(app, "auth.sign_in($1, $2)", &[&email, &password])
}

fn guess(app: &mut Client, email: &str, times: usize) {
    for _ in 0..times {
        let reply = sign_in(app, email, WRONG);
        assert_eq!(
            reply,
            json!({"error": "Invalid email or password", "code": "INVALID_CREDENTIALS"})
        );
    }
}

fn forget(database: &Database) {
    superuser(database, "delete from auth.login_attempts");
}

/// As if it had been so much earlier.
fn later(database: &Database, interval: &str) {
    superuser(
        database,
        &format!("update auth.one_time_tokens set created_at = created_at - interval '{interval}'"),
    );
}

/// Kind and address of each mail that is due, sorted.
fn told(database: &Database) -> Vec<String> {
    let mut told: Vec<String> = mails(database)
        .iter()
        .map(|mail| {
            assert!(mail["token"].is_null() && mail["code"].is_null(), "{mail}");
            format!("{} {}", text(mail, "kind"), text(mail, "to"))
        })
        .collect();
    told.sort();
    told
}

const LOCKED: &str = "notice_sign_in_locked ann@example.com";

fn once(database: &Database) {
    let mut app = database.app();
    guess(&mut app, ANN, 4);
    assert!(told(database).is_empty());
    guess(&mut app, ANN, 1);
    assert_eq!(told(database), [LOCKED]);
    // Trying on, with the right one too, tells nothing more.
    guess(&mut app, ANN, 5);
    assert!(
        sign_in(&mut app, ANN, PASSWORD)
            .get("access_token")
            .is_none()
    );
    assert!(told(database).is_empty());
}

/// 1. The address is locked.
/// 2. The lock ends, the attacker locks it again, all day long.
/// 3. The owner's mailbox is full.
fn once_a_day(database: &Database) {
    let mut app = database.app();
    for round in 0..4 {
        guess(&mut app, ANN, 5);
        let expected: &[&str] = if round == 0 { &[LOCKED] } else { &[] };
        assert_eq!(told(database), expected, "{round}");
        forget(database);
    }
    later(database, "23 hours 59 minutes");
    guess(&mut app, ANN, 5);
    assert!(told(database).is_empty());
    forget(database);
    later(database, "24 hours");
    guess(&mut app, ANN, 5);
    assert_eq!(told(database), [LOCKED]);
    // Somebody else's mailbox is another.
    guess(&mut app, "bob@example.com", 5);
    assert_eq!(told(database), ["notice_sign_in_locked bob@example.com"]);
}

fn nobody(database: &Database) {
    let mut app = database.app();
    for email in ["nobody@example.com", "no address"] {
        guess(&mut app, email, 7);
    }
    assert!(told(database).is_empty());
    let rows = "select string_agg(concat_ws(' ', kind, email, user_id, mail_due_at), ', ' order by email) from auth.one_time_tokens";
    assert_eq!(
        value(&mut database.superuser(), rows)
            .expect("asked")
            .as_deref(),
        Some("notice_sign_in_locked , notice_sign_in_locked nobody@example.com")
    );
    // The twin has the same row, and it is due.
    guess(&mut app, ANN, 7);
    assert_eq!(
        count(database, "select count(*) from auth.one_time_tokens"),
        3
    );
    assert_eq!(told(database), [LOCKED]);
}

fn success(database: &Database) {
    let mut app = database.app();
    for _ in 0..3 {
        guess(&mut app, ANN, 4);
        Account::from_reply(&sign_in(&mut app, ANN, PASSWORD));
    }
    assert_eq!(
        count(database, "select count(*) from auth.one_time_tokens"),
        0
    );
}

fn at_once(database: &Database) {
    const CROWD: usize = 16;
    let start = Barrier::new(CROWD);
    for _ in 0..3 {
        std::thread::scope(|scope| {
            for _ in 0..CROWD {
                let mut app = database.app();
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    sign_in(&mut app, ANN, WRONG);
                });
            }
        });
    }
    // However many were judged of the crowd, five are now.
    let mut app = database.app();
    guess(&mut app, ANN, 5);
    assert_eq!(told(database), [LOCKED]);
}

fn current(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let changes = json!({"password": "Another-Staple-8-Mule", "current_password": WRONG});
    for nth in 1..=6 {
        let reply = act_as(&mut app, &ann.token, "auth.update_user($1)", &[&changes]);
        assert_eq!(reply["code"], "INVALID_CREDENTIALS");
        let expected: &[&str] = if nth == 5 { &[LOCKED] } else { &[] };
        assert_eq!(told(database), expected, "{nth}");
    }
}

fn no_lock(database: &Database) {
    let mut app = database.app();
    for locked in ["ip", "none"] {
        configure(database, "lockout_type", locked);
        guess(&mut app, ANN, 8);
        forget(database);
    }
    assert_eq!(
        count(database, "select count(*) from auth.one_time_tokens"),
        0
    );
    // As many as the setting says.
    configure(database, "lockout_type", "email");
    configure(database, "max_login_attempts", "2");
    guess(&mut app, ANN, 1);
    assert!(told(database).is_empty());
    guess(&mut app, ANN, 1);
    assert_eq!(told(database), [LOCKED]);
}

fn disabled(database: &Database) {
    superuser(
        database,
        "update auth.users set disabled_at = now() where email = 'ann@example.com'",
    );
    let mut app = database.app();
    guess(&mut app, ANN, 6);
    assert!(told(database).is_empty());
    guess(&mut app, "bob@example.com", 6);
    assert_eq!(told(database), ["notice_sign_in_locked bob@example.com"]);
}

/// Somebody who guesses codes has the password already.
fn factor(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let setup = act_as(&mut app, &ann.token, "auth.totp_setup()", &[]);
    let secret = text(&setup, "secret");
    let code = totp::code(&secret);
    act_as(&mut app, &ann.token, "auth.totp_enable($1)", &[&code]);
    mails(database);
    let challenge = sign_in(&mut app, ANN, PASSWORD);
    let token = text(&challenge, "mfa_token");
    let wrong = totp::wrong_code(&secret);
    let locked = "notice_factor_locked ann@example.com";
    for nth in 1..=7 {
        let call = "auth.verify_factor(null, $1, $2)";
        let reply = act(&mut app, call, &[&wrong, &token]);
        assert!(reply["code"].is_string(), "{reply}");
        let expected: &[&str] = if nth == 5 { &[locked] } else { &[] };
        assert_eq!(told(database), expected, "{nth}");
    }
    // Another lock on the same day is no news, one on the next is.
    forget(database);
    let guess = |app: &mut Client| {
        for _ in 0..5 {
            act(app, "auth.verify_factor(null, $1, $2)", &[&wrong, &token]);
        }
    };
    guess(&mut app);
    assert!(told(database).is_empty());
    forget(database);
    later(database, "24 hours");
    guess(&mut app);
    assert_eq!(told(database), [locked]);
}
