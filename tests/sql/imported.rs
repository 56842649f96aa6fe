//! Users who come with the hashes of another system sign in with the passwords they have.

use crate::acts::{act, assert_refused};
use fluxbase_tests::fixture::{Account, Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::sync::Arc;

/// Of "password" too, as another library makes it.
const ARGON2I: &str = "$argon2i$v=19$m=64,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$+VaXPdIkAjW1FK0knxtsAQ";
/// bcrypt of "password", cost 4.
const BCRYPT: &str = "$2b$04$.OC/.OC/.OC/.OC/.OC/.O95QSYC/8XUIcXHqhj9W/iJBxoMii/wa";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("imported::{name}"), move || {
            body(&fixture.database())
        }));
    };
    add("a_bcrypt_hash_lets_in_once_and_is_replaced", bcrypt);
    add("an_argon2i_hash_lets_in_once_and_is_replaced", argon2i);
    add("a_hash_that_cannot_be_computed_is_not_taken", refused);
    trials
}

fn stored(database: &Database) -> String {
    database
        .superuser()
        .query_one(
            "select password_hash from auth.users where email = 'old@example.com'",
            &[],
        )
        .expect("asked")
        .get(0)
}

fn bcrypt(database: &Database) {
    replaced(database, BCRYPT);
}

fn argon2i(database: &Database) {
    replaced(database, ARGON2I);
}

fn replaced(database: &Database, imported: &str) {
    let mut owner = database.superuser();
    let made = act(
        &mut owner,
        "auth.admin_create_user($1, $2)",
        &[&"old@example.com", &json!({"password_hash": imported})],
    );
    assert_eq!(made["user"]["email"], "old@example.com", "{made}");
    assert_eq!(made["email_sent"], false);
    assert_eq!(stored(database), imported);
    let mut app = database.app();
    let mut sign_in = |password: &str| {
        act(
            &mut app,
            "auth.sign_in($1, $2)",
            &[&"old@example.com", &password],
        )
    };
    assert_refused(&sign_in("Password"), "INVALID_CREDENTIALS");
    assert_eq!(stored(database), imported);
    Account::from_reply(&sign_in("password"));
    assert!(stored(database).starts_with("$argon2id$v=19$m=7168,t=1,p=1$"));
    Account::from_reply(&sign_in("password"));
    assert_refused(&sign_in("Password"), "INVALID_CREDENTIALS");
}

fn refused(database: &Database) {
    let mut owner = database.superuser();
    for options in [
        json!({"password_hash": "password"}),
        json!({"password_hash": "$2b$31$.OC/.OC/.OC/.OC/.OC/.O95QSYC/8XUIcXHqhj9W/iJBxoMii/wa"}),
        json!({"password_hash": "$argon2id$v=19$m=99999999,t=2,p=1$c29tZXNhbHQ$AAAA"}),
        json!({"password_hash": BCRYPT, "password": "Correct-Horse-7-Battery"}),
    ] {
        let reply = act(
            &mut owner,
            "auth.admin_create_user($1, $2)",
            &[&"old@example.com", &options],
        );
        assert_refused(&reply, "VALIDATION_FAILED");
    }
    let users: i64 = owner
        .query_one(
            "select count(*) from auth.users where email = 'old@example.com'",
            &[],
        )
        .expect("asked")
        .get(0);
    assert_eq!(users, 0);
}
