//! Ways in that go through the mailbox: what is asked for, what is mailed, what comes back.

mod asking;
mod claimed;
mod codes;
mod guessing;
mod links;
mod mailer;
mod voided;

use crate::acts::{act, mailed, superuser};
use crate::seal::value;
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::{Arc, Barrier};

type Tests = &'static [(&'static str, fn(&Database))];

const ANN: &str = "ann@example.com";
const NEW: &str = "Another-Staple-8-Mule";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for tests in [
        asking::TESTS,
        claimed::TESTS,
        codes::TESTS,
        guessing::TESTS,
        links::TESTS,
        mailer::TESTS,
        voided::TESTS,
    ] {
        for (name, body) in tests {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trials.push(trial(&cluster, format!("recovery::{name}"), move || {
                body(&fixture.database());
            }));
        }
    }
    trials
}

/// What asking for anything is answered.
fn asked() -> Value {
    json!({"user": null, "session": null})
}

/// What a wrong code is answered, for whatever reason.
fn bad_code() -> Value {
    json!({"error": "Invalid or expired code", "code": "INVALID_CREDENTIALS"})
}

fn ask(client: &mut Client, kind: &str, email: &str) -> Value {
    let function = match kind {
        "password_reset" => "request_password_reset",
        "magic_link" => "request_magic_link",
        "email_otp" => "request_email_code",
        "confirm_email" => "request_email_confirmation",
        other => panic!("nobody asks for {other}"),
    };
    act(client, &format!("auth.{function}($1)"), &[&email])
}

/// Asks for a mail of this kind and takes what it carries.
fn token(database: &Database, kind: &str, email: &str) -> String {
    assert_eq!(ask(&mut database.app(), kind, email), asked());
    mailed(database, kind)
}

fn reset(client: &mut Client, token: &str, password: &str) -> Value {
    act(client, "auth.reset_password($1, $2)", &[&token, &password])
}

fn by_link(client: &mut Client, token: &str) -> Value {
    act(client, "auth.sign_in_with_magic_link($1)", &[&token])
}

fn by_code(client: &mut Client, email: &str, code: &str) -> Value {
    act(
        client,
        "auth.sign_in_with_email_code($1, $2)",
        &[&email, &code],
    )
}

fn sign_in(client: &mut Client, email: &str, password: &str) -> Value {
    act(client, "auth.sign_in($1, $2)", &[&email, &password])
}

#[track_caller]
fn signed_in(reply: &Value) -> Account {
    assert!(reply.get("code").is_none(), "{reply}");
    Account::from_reply(reply)
}

/// Ann has shown before that the address is hers: what the first proof ends is the business of `claimed`.
fn proven(database: &Database) {
    superuser(
        database,
        "update auth.users set email_verified = true where email = 'ann@example.com'",
    );
}

/// As if a minute had passed since anybody asked.
fn a_minute_later(database: &Database) {
    superuser(
        database,
        "update auth.one_time_tokens set created_at = created_at - interval '61 s'",
    );
}

/// Tables of ours in which this text stands, in whatever column.
fn found_in(database: &Database, text: &str) -> Vec<String> {
    let mut superuser = database.superuser();
    let tables = superuser
        .query(
            "select c.oid::regclass::text from pg_class c \
             where c.relnamespace in ('auth'::regnamespace, 'audit'::regnamespace) and c.relkind = 'r'",
            &[],
        )
        .expect("tables");
    let mut found = Vec::new();
    for table in tables.iter().map(|row| row.get::<_, String>(0)) {
        let hits: i64 = superuser
            .query_one(
                &format!(
                    "select count(*) from {table} t where position($1 in t::text) > 0 \
                       or position(encode($1::text::bytea, 'hex') in t::text) > 0"
                ),
                &[&text],
            )
            .expect("searched")
            .get(0);
        if hits > 0 {
            found.push(table);
        }
    }
    found
}

/// Twenty at once; the replies.
fn at_once(database: &Database, body: impl Fn(&mut Client, usize) -> Value + Sync) -> Vec<Value> {
    const CROWD: usize = 20;
    let start = Barrier::new(CROWD);
    let (start, body) = (&start, &body);
    std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..CROWD)
            .map(|nth| {
                let mut app = database.app();
                scope.spawn(move || {
                    start.wait();
                    body(&mut app, nth)
                })
            })
            .collect();
        crowd
            .into_iter()
            .map(|one| one.join().expect("joined"))
            .collect()
    })
}

/// A column of the newest row that was made to be mailed.
fn newest(database: &Database, column: &str) -> Option<String> {
    value(
        &mut database.superuser(),
        &format!("select {column} from auth.one_time_tokens order by created_at desc limit 1"),
    )
    .expect("asked")
}

/// The password is still the old one.
fn assert_unchanged(database: &Database) {
    signed_in(&sign_in(&mut database.app(), ANN, PASSWORD));
}
