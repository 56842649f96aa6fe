//! Refresh tokens: each works once, and using one twice ends the session for whoever has it.

use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::{Arc, Barrier};
use std::time::Duration;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("sessions::{name}"), move || {
            body(&fixture.database())
        }));
    };
    add(
        "a_refresh_keeps_the_session_and_gives_new_tokens",
        refreshes,
    );
    add("a_refresh_token_used_twice_ends_the_session", reused);
    add(
        "a_stolen_refresh_token_used_in_parallel_has_one_winner",
        parallel,
    );
    add("an_access_token_refreshes_nothing", access_token);
    add(
        "a_refresh_token_authenticates_nothing",
        refresh_token_enters,
    );
    add("tokens_that_are_none_get_the_one_answer", garbage);
    add("a_session_that_has_ended_is_not_refreshed", ended);
    add("a_deleted_user_is_not_refreshed", deleted);
    add("role_and_metadata_are_read_anew", read_anew);
    add(
        "a_refresh_rolled_back_leaves_the_old_token_good",
        rolled_back,
    );
    add(
        "refreshing_makes_no_backend_forget_and_shortening_does",
        forgetting,
    );
    add("other_logins_cannot_refresh", no_door);
    trials
}

fn refresh(client: &mut Client, token: &str) -> Value {
    client
        .query_one("select auth.refresh($1)", &[&token])
        .expect("a reply")
        .get(0)
}

fn bad() -> Value {
    json!({"error": "Invalid or expired refresh token", "code": "INVALID_TOKEN"})
}

fn enters(database: &Database, token: &str) -> Result<(), String> {
    database
        .app()
        .batch_execute(&format!("begin; select auth.enter('{token}'); commit"))
        .map_err(|error| {
            error
                .code()
                .map(|code| code.code().to_owned())
                .unwrap_or_default()
        })
}

fn session_of(database: &Database, token: &str) -> String {
    let mut app = database.app();
    let mut transaction = app.transaction().expect("begun");
    transaction
        .execute("select auth.enter($1)", &[&token])
        .expect("entered");
    transaction
        .query_one("select auth.session_id()::text", &[])
        .expect("asked")
        .get(0)
}

fn refreshes(database: &Database) {
    let mut app = database.app();
    let mut account = database.fixture.ann.clone();
    let session = session_of(database, &account.token);
    for _ in 0..5 {
        let next = Account::from_reply(&refresh(&mut app, &account.refresh));
        assert_eq!(next.id, account.id);
        assert_ne!(next.token, account.token);
        assert_ne!(next.refresh, account.refresh);
        assert_eq!(session_of(database, &next.token), session);
        account = next;
    }
}

/// The thief refreshes first; when the owner's client does, neither has a session any more.
fn reused(database: &Database) {
    let mut app = database.app();
    let stolen = &database.fixture.ann;
    let thief = Account::from_reply(&refresh(&mut app, &stolen.refresh));
    assert_eq!(enters(database, &thief.token), Ok(()));
    assert_eq!(refresh(&mut app, &stolen.refresh), bad());
    for token in [&thief.token, &stolen.token] {
        assert_eq!(enters(database, token), Err("FX003".to_owned()));
    }
    assert_eq!(refresh(&mut app, &thief.refresh), bad());
    // Another session of the same user lives on.
    let other = Account::from_reply(
        &app.query_one("select auth.sign_in('ann@example.com', $1)", &[&PASSWORD])
            .expect("a reply")
            .get(0),
    );
    Account::from_reply(&refresh(&mut app, &other.refresh));
}

fn parallel(database: &Database) {
    const THIEVES: usize = 20;
    const TRIES: usize = 50;
    let start = Arc::new(Barrier::new(THIEVES));
    let token = &database.fixture.ann.refresh;
    let won: usize = std::thread::scope(|scope| {
        let thieves: Vec<_> = (0..THIEVES)
            .map(|_| {
                let start = Arc::clone(&start);
                let mut app = database.app();
                scope.spawn(move || {
                    start.wait();
                    (0..TRIES)
                        .filter(|_| {
                            let reply = refresh(&mut app, token);
                            let won = reply.get("access_token").is_some();
                            assert!(won || reply == bad(), "{reply}");
                            won
                        })
                        .count()
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
        enters(database, &database.fixture.ann.token),
        Err("FX003".to_owned())
    );
}

fn access_token(database: &Database) {
    let mut app = database.app();
    assert_eq!(refresh(&mut app, &database.fixture.ann.token), bad());
    for key in [&database.fixture.anon_key, &database.fixture.service_key] {
        assert_eq!(refresh(&mut app, key), bad());
    }
    // It ended nothing.
    Account::from_reply(&refresh(&mut app, &database.fixture.ann.refresh));
}

fn refresh_token_enters(database: &Database) {
    assert_eq!(
        enters(database, &database.fixture.ann.refresh),
        Err("FX004".to_owned())
    );
}

fn garbage(database: &Database) {
    let mut app = database.app();
    let good = &database.fixture.ann.refresh;
    let mut forged = good.clone();
    forged.pop();
    forged.push(if good.ends_with('A') { 'Q' } else { 'A' });
    for token in [
        "x",
        "a.b.c",
        &forged,
        &good[..good.len() - 10],
        &"x".repeat(100_000),
    ] {
        assert_eq!(refresh(&mut app, token), bad(), "{token:.20}");
    }
    for nothing in [Some(""), None] {
        let reply: Value = app
            .query_one("select auth.refresh($1)", &[&nothing])
            .expect("a reply")
            .get(0);
        assert_eq!(
            reply,
            json!({"error": "refresh_token is required", "code": "MISSING_REQUIRED_FIELD"})
        );
    }
    Account::from_reply(&refresh(&mut app, good));
}

fn ended(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    app.batch_execute(&format!(
        "begin; select auth.enter('{}'); select auth.sign_out(); commit",
        ann.token
    ))
    .expect("signed out");
    assert_eq!(refresh(&mut app, &ann.refresh), bad());
    let bob = &database.fixture.bob;
    database
        .superuser()
        .batch_execute("update auth.sessions set expires_at = now() - interval '1 second'")
        .expect("expired");
    assert_eq!(refresh(&mut app, &bob.refresh), bad());
    assert_eq!(enters(database, &bob.token), Err("FX003".to_owned()));
}

fn deleted(database: &Database) {
    database
        .superuser()
        .batch_execute("delete from auth.users where email = 'ann@example.com'")
        .expect("deleted");
    assert_eq!(
        refresh(&mut database.app(), &database.fixture.ann.refresh),
        bad()
    );
}

fn read_anew(database: &Database) {
    database
        .superuser()
        .batch_execute(
            "update auth.users set role = 'editor', email = 'ann2@example.com', user_metadata = '{\"nick\": \"a\"}', \
             app_metadata = '{\"plan\": \"pro\"}' where email = 'ann@example.com'",
        )
        .expect("changed");
    let mut app = database.app();
    let reply = refresh(&mut app, &database.fixture.ann.refresh);
    assert_eq!(reply["user"]["role"], "editor");
    let account = Account::from_reply(&reply);
    let mut transaction = app.transaction().expect("begun");
    transaction
        .execute("select auth.enter($1)", &[&account.token])
        .expect("entered");
    let claims: Value = transaction
        .query_one("select auth.jwt()", &[])
        .expect("asked")
        .get(0);
    assert_eq!(claims["role"], "editor");
    assert_eq!(claims["email"], "ann2@example.com");
    assert_eq!(claims["user_metadata"], json!({"nick": "a"}));
    assert_eq!(claims["app_metadata"], json!({"plan": "pro"}));
}

/// The answer was lost with the transaction, so the token that asked is still the newest.
fn rolled_back(database: &Database) {
    let mut app = database.app();
    let token = &database.fixture.ann.refresh;
    let mut lost = app.transaction().expect("begun");
    lost.query_one("select auth.refresh($1)", &[token])
        .expect("a reply");
    lost.rollback().expect("rolled back");
    Account::from_reply(&refresh(&mut app, token));
}

/// A session that is prolonged stays known; one that is shortened is over at the next statement, on
/// connections that knew it.
fn forgetting(database: &Database) {
    let mut app = database.app();
    let mut other = database.app();
    let bob = &database.fixture.bob;
    let enter = format!("begin; select auth.enter('{}'); commit", bob.token);
    other.batch_execute(&enter).expect("known from here on");
    database
        .superuser()
        .batch_execute("update auth.sessions set expires_at = now() + interval '2 seconds'")
        .expect("shortened");
    other.batch_execute(&enter).expect("not over yet");
    Account::from_reply(&refresh(&mut app, &bob.refresh));
    std::thread::sleep(Duration::from_millis(2500));
    other.batch_execute(&enter).expect("prolonged");
    database
        .superuser()
        .batch_execute("update auth.sessions set expires_at = now()")
        .expect("shortened");
    let over = other.batch_execute(&enter).expect_err("over");
    assert_eq!(over.code().map(|code| code.code()), Some("FX003"));
}

fn no_door(database: &Database) {
    let refused = database
        .connect("plain")
        .execute("select auth.refresh('x')", &[])
        .expect_err("refused");
    assert_eq!(refused.code().map(|code| code.code()), Some("42501"));
}
