//! A sign-in that brings the refresh token of a session takes its place; whatever else it brings ends nothing.

use crate::acts::{act, assert_refused, count, enters, events, superuser, text};
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::totp;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::Arc;

type Tests = &'static [(&'static str, fn(&Database))];

const TESTS: Tests = &[
    (
        "a_sign_in_takes_the_place_of_the_session_it_brings",
        replaced,
    ),
    ("so_does_the_sign_in_of_somebody_else", somebody_else),
    ("a_refused_sign_in_ends_nothing", refused),
    ("a_token_that_is_no_living_one_ends_nothing", no_token),
    ("only_the_second_factor_takes_the_place", factor),
    ("rolled_back_it_ends_nothing", rolled_back),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    TESTS
        .iter()
        .map(|(name, body)| {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trial(&cluster, format!("replaced::{name}"), move || {
                body(&fixture.database());
            })
        })
        .collect()
}

fn sign_in(app: &mut Client, email: &str, password: &str, replaces: &str) -> Value {
    let context = json!({"replaces": replaces});
    act(
        app,
        "auth.sign_in($1, $2, $3)",
        &[&email, &password, &context],
    )
}

const ANN: &str = "ann@example.com";
const OVER: &str = "FX003";

fn replaced(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let other = Account::from_reply(&sign_in(&mut app, ANN, PASSWORD, ""));
    assert_eq!(enters(&mut app, &ann.token), Ok(()));
    let sessions = count(database, "select count(*) from auth.sessions");
    let next = Account::from_reply(&sign_in(&mut app, ANN, PASSWORD, &ann.refresh));
    assert_eq!(enters(&mut app, &ann.token), Err(OVER.to_owned()));
    assert_refused(
        &act(&mut app, "auth.refresh($1)", &[&ann.refresh]),
        "INVALID_TOKEN",
    );
    for alive in [&next, &other, &database.fixture.bob] {
        assert_eq!(enters(&mut app, &alive.token), Ok(()));
    }
    assert_eq!(
        count(database, "select count(*) from auth.sessions"),
        sessions
    );
    let written = format!(
        "select count(*) from audit.events where event = 'auth.session_replaced' and outcome = 'success' and user_id = '{}'",
        ann.id
    );
    assert_eq!(count(database, &written), 1);
}

/// Two people, one browser.
fn somebody_else(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let bob = Account::from_reply(&sign_in(
        &mut app,
        "bob@example.com",
        PASSWORD,
        &ann.refresh,
    ));
    assert_eq!(enters(&mut app, &ann.token), Err(OVER.to_owned()));
    assert_eq!(enters(&mut app, &bob.token), Ok(()));
    // And with whatever way in.
    act(&mut app, "auth.request_magic_link($1)", &[&ANN]);
    let link = crate::acts::mailed(database, "magic_link");
    let context = json!({"replaces": bob.refresh});
    let call = "auth.sign_in_with_magic_link($1, $2)";
    Account::from_reply(&act(&mut app, call, &[&link, &context]));
    assert_eq!(enters(&mut app, &bob.token), Err(OVER.to_owned()));
    assert_eq!(enters(&mut app, &database.fixture.bob.token), Ok(()));
    let signed_up = act(
        &mut app,
        "auth.sign_up('cyd@example.com', $1, '{}', $2)",
        &[
            &PASSWORD,
            &json!({"replaces": database.fixture.bob.refresh}),
        ],
    );
    Account::from_reply(&signed_up);
    assert_eq!(
        enters(&mut app, &database.fixture.bob.token),
        Err(OVER.to_owned())
    );
}

fn refused(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    for (email, password) in [
        (ANN, "Wrong-Horse-7-Battery"),
        ("nobody@example.com", PASSWORD),
    ] {
        let reply = sign_in(&mut app, email, password, &ann.refresh);
        assert_refused(&reply, "INVALID_CREDENTIALS");
    }
    assert_eq!(enters(&mut app, &ann.token), Ok(()));
    assert_eq!(events(database, "auth.session_replaced"), [""; 0]);
    Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&ann.refresh]));
}

/// Also: one that was used before must not end the session here, whose newest token is elsewhere, and must not refuse the
/// sign-in.
fn no_token(database: &Database) {
    let mut app = database.app();
    let (ann, bob) = (&database.fixture.ann, &database.fixture.bob);
    let next = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&ann.refresh]));
    let forged = format!("{}x", next.refresh);
    let long = "x".repeat(100_000);
    for token in [
        ann.refresh.as_str(),
        &next.token,
        &forged,
        "",
        "a.b.c",
        &long,
        &database.fixture.service_key,
    ] {
        Account::from_reply(&sign_in(&mut app, ANN, PASSWORD, token));
        assert_eq!(enters(&mut app, &next.token), Ok(()));
    }
    for context in [json!({"replaces": 7}), json!({"replaces": [bob.refresh]})] {
        let call = "auth.sign_in($1, $2, $3)";
        Account::from_reply(&act(&mut app, call, &[&ANN, &PASSWORD, &context]));
    }
    superuser(
        database,
        "update auth.sessions set expires_at = now() where user_id = (select id from auth.users where email = 'bob@example.com')",
    );
    Account::from_reply(&sign_in(&mut app, ANN, PASSWORD, &bob.refresh));
    assert_eq!(events(database, "auth.session_replaced"), [""; 0]);
    // The twin: the newest one.
    Account::from_reply(&sign_in(&mut app, ANN, PASSWORD, &next.refresh));
    assert_eq!(enters(&mut app, &next.token), Err(OVER.to_owned()));
}

fn factor(database: &Database) {
    let mut app = database.app();
    let (ann, bob) = (&database.fixture.ann, &database.fixture.bob);
    let setup = crate::acts::act_as(&mut app, &ann.token, "auth.totp_setup()", &[]);
    let secret = text(&setup, "secret");
    crate::acts::act_as(
        &mut app,
        &ann.token,
        "auth.totp_enable($1)",
        &[&totp::code(&secret)],
    );
    superuser(database, "update auth.totp_factors set last_step = null");
    let waits = sign_in(&mut app, ANN, PASSWORD, &bob.refresh);
    let token = text(&waits, "mfa_token");
    assert_eq!(enters(&mut app, &bob.token), Ok(()));
    let verify = |app: &mut Client, code: &str| {
        let context = json!({"replaces": bob.refresh});
        let call = "auth.verify_factor(null, $1, $2, $3)";
        act(app, call, &[&code, &token, &context])
    };
    assert_refused(
        &verify(&mut app, &totp::wrong_code(&secret)),
        "INVALID_CREDENTIALS",
    );
    assert_eq!(enters(&mut app, &bob.token), Ok(()));
    Account::from_reply(&verify(&mut app, &totp::code(&secret)));
    assert_eq!(enters(&mut app, &bob.token), Err(OVER.to_owned()));
}

fn rolled_back(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let mut lost = app.transaction().expect("begun");
    let context = json!({"replaces": ann.refresh});
    lost.query_one(
        "select auth.sign_in($1, $2, $3)",
        &[&ANN, &PASSWORD, &context],
    )
    .expect("a reply");
    lost.rollback().expect("rolled back");
    assert_eq!(enters(&mut app, &ann.token), Ok(()));
    Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&ann.refresh]));
}
