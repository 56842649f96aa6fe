//! Between the password and the first token stands the code.

use super::{Test, bad, challenge, forget_last_step, password_step, protect, verify, verify_with};
use crate::acts::{act, act_as, assert_refused, count, enters, events, state, superuser, text};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use fluxbase_tests::{forge, totp};
use serde_json::json;
use std::sync::{Arc, Barrier};

pub fn tests() -> Vec<Test> {
    vec![
        (
            "codes_are_those_of_another_implementation",
            another_implementation,
        ),
        (
            "a_factor_that_was_not_confirmed_asks_for_nothing",
            unconfirmed,
        ),
        ("a_setup_not_finished_in_ten_minutes_is_void", late_setup),
        ("no_caller_says_what_time_it_is", own_clock),
        (
            "a_second_setup_over_a_confirmed_factor_is_refused",
            second_setup,
        ),
        (
            "the_password_alone_gives_no_token_and_no_session",
            password_alone,
        ),
        (
            "a_factor_that_cannot_be_looked_up_lets_nobody_in",
            not_looked_up,
        ),
        ("a_wrong_code_gives_nothing", wrong),
        ("a_code_used_once_is_refused", replayed),
        (
            "a_code_used_by_twenty_at_once_has_one_winner",
            replayed_in_parallel,
        ),
        ("the_code_of_another_user_is_refused", code_of_another),
    ]
}

fn another_implementation(database: &Database) {
    for (secret, at) in [
        ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 59),
        ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 1_111_111_109),
        ("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", 20_000_000_000),
    ] {
        assert_eq!(totp::code_at(secret, at), totp::code_by_pyotp(secret, at));
    }
    // RFC 6238, appendix B, its last six digits.
    assert_eq!(
        totp::code_at("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", 59),
        "287082"
    );
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    let code = totp::code_by_pyotp(&ann.secret, forge::now());
    Account::from_reply(&verify_with(&mut app, &ann, &code, &token));
}

/// Attack: keep the factors from being read, and sign in with the password alone. What cannot be asked is refused, for whoever
/// has a factor and for whoever has none.
fn not_looked_up(database: &Database) {
    protect(database, &database.fixture.ann);
    let mut superuser = database.superuser();
    let mut app = database.app();
    app.batch_execute("set lock_timeout = '100ms'")
        .expect("set");
    for (table, email) in [
        ("totp_factors", "ann@example.com"),
        ("totp_factors", "bob@example.com"),
        ("challenges", "ann@example.com"),
    ] {
        let before = count(database, "select count(*) from auth.sessions");
        let mut away = superuser.transaction().expect("begun");
        away.batch_execute(&format!("lock table auth.{table} in access exclusive mode"))
            .expect("locked");
        let error = app
            .query_one("select auth.sign_in($1, $2)", &[&email, &PASSWORD])
            .expect_err("refused");
        assert_eq!(error.code().map(|code| code.code()), Some("55P03"));
        away.rollback().expect("ended");
        assert_eq!(
            count(database, "select count(*) from auth.sessions"),
            before
        );
    }
    // The twins: asked for the code, and let in without one.
    challenge(&mut app, "ann@example.com");
    let reply = app.query_one("select auth.sign_in('bob@example.com', $1)", &[&PASSWORD]);
    Account::from_reply(&reply.expect("a reply").get(0));
}

fn unconfirmed(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let setup = act_as(&mut app, &ann.token, "auth.totp_setup('Ácme & Co')", &[]);
    let (secret, uri) = (text(&setup, "secret"), text(&setup, "uri"));
    assert_eq!(secret.len(), 32);
    assert!(uri.starts_with("otpauth://totp/"), "{uri}");
    assert!(
        uri.contains(&secret) && uri.contains("ann%40example.com"),
        "{uri}"
    );
    assert!(text(&setup, "qr_code").starts_with("data:image/png;base64,"));
    assert_eq!(setup["totp"]["secret"], secret);
    let status = act_as(&mut app, &ann.token, "auth.totp_status()", &[]);
    assert_eq!(
        status,
        json!({"totp_enabled": false, "backup_codes_left": 0})
    );
    Account::from_reply(&password_step(&mut app, "ann@example.com", None));
    // A wrong first code leaves it so.
    let before = state(database);
    let reply = act_as(
        &mut app,
        &ann.token,
        "auth.totp_enable($1)",
        &[&totp::wrong_code(&secret)],
    );
    assert_eq!(reply, bad());
    assert_eq!(state(database), before);
    assert_eq!(
        events(database, "auth.factor_enabled"),
        ["failure wrong_code"]
    );
    // A new setup voids the secret of the one before.
    let second = act_as(&mut app, &ann.token, "auth.totp_setup()", &[]);
    let reply = act_as(
        &mut app,
        &ann.token,
        "auth.totp_enable($1)",
        &[&totp::code(&secret)],
    );
    assert_eq!(reply, bad());
    let code = totp::code(&text(&second, "secret"));
    let reply = act_as(&mut app, &ann.token, "auth.totp_enable($1)", &[&code]);
    assert_eq!(reply["success"], true);
    let status = act_as(&mut app, &ann.token, "auth.totp_status()", &[]);
    assert_eq!(
        status,
        json!({"totp_enabled": true, "backup_codes_left": 10})
    );
    challenge(&mut app, "ann@example.com");
}

/// A code of an hour ago, seen over a shoulder, with a word on when it is now.
fn own_clock(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let then = fluxbase_tests::forge::now() - 3600;
    let old = totp::code_at(&ann.secret, then);
    let token = challenge(&mut app, "ann@example.com");
    let verify = |app: &mut postgres::Client, code: &str| {
        let context = json!({
            "now": then, "time": then, "timestamp": then, "at": "2001-01-01T00:00:00Z", "iat": then, "step": then / 30,
        });
        let call = "auth.verify_factor(null, $1, $2, $3)";
        act(app, call, &[&code, &token, &context])
    };
    let before = state(database);
    assert_eq!(verify(&mut app, &old), bad());
    // Nor does a session's own idea of time count.
    app.batch_execute("set timezone = 'Pacific/Kiritimati'; begin; select pg_sleep(0)")
        .expect("begun");
    assert_eq!(verify(&mut app, &old), bad());
    app.batch_execute("rollback").expect("ends");
    assert_eq!(state(database), before);
    let code = ann.code();
    Account::from_reply(&verify(&mut app, &code));
}

fn late_setup(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let setup = act_as(&mut app, &ann.token, "auth.totp_setup()", &[]);
    superuser(
        database,
        "update auth.totp_factors set created_at = created_at - interval '11 minutes'",
    );
    let before = state(database);
    let reply = act_as(
        &mut app,
        &ann.token,
        "auth.totp_enable($1)",
        &[&totp::code(&text(&setup, "secret"))],
    );
    assert_refused(&reply, "VALIDATION_FAILED");
    assert_eq!(state(database), before);
    protect(database, ann);
}

fn second_setup(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let before = state(database);
    let reply = act_as(&mut app, &ann.account.token, "auth.totp_setup()", &[]);
    assert_refused(&reply, "VALIDATION_FAILED");
    let reply = act_as(
        &mut app,
        &ann.account.token,
        "auth.totp_enable($1)",
        &[&ann.code()],
    );
    assert_refused(&reply, "VALIDATION_FAILED");
    assert_eq!(state(database), before);
}

fn password_alone(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let sessions = count(database, "select count(*) from auth.sessions");
    let reply = password_step(&mut app, "ann@example.com", None);
    let token = text(&reply, "mfa_token");
    assert_eq!(
        reply,
        json!({
            "requires_2fa": true, "user_id": ann.account.id, "mfa_token": token,
            "message": "Enter the code of your authenticator app",
        })
    );
    assert_eq!(
        count(database, "select count(*) from auth.sessions"),
        sessions
    );
    assert_eq!(enters(&mut app, &token), Err("FX010".to_owned()));
    // It is stored hashed.
    let shown = format!("select count(*) from auth.challenges c where c::text like '%{token}%'");
    assert_eq!(count(database, &shown), 0);
    // A wrong password is told nothing of it.
    let mut app = database.app();
    let reply = act(
        &mut app,
        "auth.sign_in('ann@example.com', 'Wrong-Horse-7-Battery')",
        &[],
    );
    assert_eq!(
        reply,
        json!({"error": "Invalid email or password", "code": "INVALID_CREDENTIALS"})
    );
    let account = Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &token));
    assert_eq!(account.id, ann.account.id);
    assert_eq!(forge::payload_of(&account.token)["aal"], "aal2");
    assert_eq!(
        act_as(&mut app, &account.token, "to_jsonb(auth.aal())", &[]),
        json!("aal2")
    );
    // A refresh keeps what was shown.
    let reply = act(&mut app, "auth.refresh($1)", &[&account.refresh]);
    assert_eq!(
        forge::payload_of(&Account::from_reply(&reply).token)["aal"],
        "aal2"
    );
    // Bob has none, and is not asked.
    let bob = Account::from_reply(&password_step(&mut app, "bob@example.com", None));
    assert_eq!(forge::payload_of(&bob.token)["aal"], "aal1");
}

fn wrong(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    let before = state(database);
    for code in [
        ann.wrong_code().as_str(),
        "",
        " ",
        "12345",
        "1234567",
        "-12345",
        "１２３４５６",
        "0x1234",
    ] {
        superuser(database, "delete from auth.login_attempts");
        assert_eq!(verify_with(&mut app, &ann, code, &token), bad(), "{code}");
    }
    let far = totp::code_at(&ann.secret, forge::now() + 90);
    assert_eq!(verify_with(&mut app, &ann, &far, &token), bad());
    assert_eq!(state(database), before);
    let none: Option<&str> = None;
    let reply = act(
        &mut app,
        "auth.verify_factor($1::text::uuid, $2, $3)",
        &[&ann.account.id, &none, &token],
    );
    assert_refused(&reply, "MISSING_REQUIRED_FIELD");
    // As an app shows it.
    let code = ann.code();
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    Account::from_reply(&verify_with(&mut app, &ann, &spaced, &token));
}

fn replayed(database: &Database) {
    let account = &database.fixture.ann;
    let mut app = database.app();
    let setup = act_as(&mut app, &account.token, "auth.totp_setup()", &[]);
    let secret = text(&setup, "secret");
    let code = totp::code(&secret);
    act_as(&mut app, &account.token, "auth.totp_enable($1)", &[&code]);
    let verify = |app: &mut _, code: &str| {
        let token = challenge(app, "ann@example.com");
        verify(app, None, code, Some(&token), &json!({}))
    };
    // The one that turned it on.
    assert_eq!(verify(&mut app, &code), bad());
    // The steps before it are over as well.
    assert_eq!(
        verify(&mut app, &totp::code_at(&secret, forge::now() - 30)),
        bad()
    );
    forget_last_step(database);
    let code = totp::code(&secret);
    Account::from_reply(&verify(&mut app, &code));
    assert_eq!(verify(&mut app, &code), bad());
    assert_eq!(events(database, "auth.factor"), ["failure wrong_code"; 3]);
}

fn replayed_in_parallel(database: &Database) {
    const THIEVES: usize = 20;
    let ann = protect(database, &database.fixture.ann);
    let start = Arc::new(Barrier::new(THIEVES));
    let sessions = count(database, "select count(*) from auth.sessions");
    let code = ann.code();
    let mut app = database.app();
    let tokens: Vec<String> = (0..THIEVES)
        .map(|_| challenge(&mut app, "ann@example.com"))
        .collect();
    let won: usize = std::thread::scope(|scope| {
        let thieves: Vec<_> = tokens
            .iter()
            .map(|token| {
                let (start, mut app, ann, code) =
                    (Arc::clone(&start), database.app(), &ann, code.as_str());
                scope.spawn(move || {
                    start.wait();
                    let reply = verify_with(&mut app, ann, code, token);
                    let won = reply.get("access_token").is_some();
                    // Many at once look like guessing.
                    assert!(
                        won || reply == bad() || reply["code"] == "RATE_LIMITED",
                        "{reply}"
                    );
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

fn code_of_another(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let bob = protect(database, &database.fixture.bob);
    let mut app = database.app();
    let token = challenge(&mut app, "bob@example.com");
    let before = state(database);
    assert_eq!(verify_with(&mut app, &bob, &ann.code(), &token), bad());
    assert_eq!(verify_with(&mut app, &bob, &ann.backup[0], &token), bad());
    assert_eq!(state(database), before);
    Account::from_reply(&verify_with(&mut app, &bob, &bob.code(), &token));
}
