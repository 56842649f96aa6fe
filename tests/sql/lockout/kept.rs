//! Nothing takes a guess back: no rollback, no cancel, no crash.

use super::{ANN, counted, generic, right, wrong};
use crate::crashes::{backend, come_back, gone, kill};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// An attacker with a connection of the login takes each guess back.
pub fn rolled_back(database: &Database) {
    let mut app = database.app();
    for _ in 0..5 {
        let mut guess = app.transaction().expect("begun");
        let reply: Value = guess
            .query_one("select auth.sign_in($1, 'Wrong-Horse-7-Battery')", &[&ANN])
            .expect("a reply")
            .get(0);
        assert_eq!(reply, generic());
        guess.rollback().expect("rolled back");
    }
    assert_eq!(counted(database, ANN), 5);
    assert_eq!(right(&mut app, ANN), generic());
}

pub fn failed_statement(database: &Database) {
    let mut app = database.app();
    for _ in 0..5 {
        app.batch_execute(
            "select 1 / (case when auth.sign_in('ann@example.com', 'Wrong-Horse-7-Battery') is null then 1 else 0 end)",
        )
        .expect_err("division by zero");
    }
    assert_eq!(counted(database, ANN), 5);
    assert_eq!(right(&mut app, ANN), generic());
}

pub fn savepoint(database: &Database) {
    let mut app = database.app();
    let mut all = app.transaction().expect("begun");
    for _ in 0..5 {
        let mut guess = all.transaction().expect("a savepoint");
        guess
            .query_one("select auth.sign_in($1, 'Wrong-Horse-7-Battery')", &[&ANN])
            .expect("a reply");
        guess.rollback().expect("rolled back");
    }
    let reply: Value = all
        .query_one("select auth.sign_in($1, $2)", &[&ANN, &PASSWORD])
        .expect("a reply")
        .get(0);
    assert_eq!(reply, generic());
    drop(all);
    // The sixth was not judged; that it need not count was rolled back as well.
    assert_eq!(counted(database, ANN), 6);
}

/// The guess is cut off while the password is being hashed.
pub fn cancelled(database: &Database) {
    database
        .superuser()
        .batch_execute(
            "select auth.configure('password_hash_iterations', '4');
             select auth.configure('password_hash_memory_kib', '65536')",
        )
        .expect("a slow hash");
    for nth in 1..=2 {
        let mut app = database.app();
        let pid: i32 = app
            .query_one("select pg_backend_pid()", &[])
            .expect("a number")
            .get(0);
        // Of an unknown address: the current, slow parameters are used.
        let guess = std::thread::spawn(move || {
            app.batch_execute("select auth.sign_in('nobody@example.com', 'Wrong-Horse-7-Battery')")
        });
        let began = Instant::now();
        while counted(database, "nobody@example.com") < nth {
            assert!(began.elapsed() < Duration::from_secs(10), "never counted");
            std::thread::sleep(Duration::from_millis(2));
        }
        database
            .superuser()
            .execute("select pg_terminate_backend($1)", &[&pid])
            .expect("terminated");
        guess.join().expect("joined").expect_err("cut off");
    }
    assert_eq!(counted(database, "nobody@example.com"), 2);
}

/// Rows written past the transaction must be whole ones: PostgreSQL's own checker agrees, VACUUM and REINDEX work.
pub fn indexes(database: &Database) {
    let mut app = database.app();
    for nth in 0..30 {
        let mut guess = app.transaction().expect("begun");
        guess
            .query_one(
                "select auth.sign_in($1, 'x', $2)",
                &[
                    &format!("someone{}@example.com", nth % 7),
                    &json!({"ip": format!("198.51.100.{nth}")}),
                ],
            )
            .expect("a reply");
        if nth % 2 == 0 {
            guess.commit().expect("committed");
        }
    }
    let mut admin = database.superuser();
    admin
        .batch_execute(
            "create extension amcheck;
             select bt_index_check(i.indexrelid, true) from pg_index i
               where i.indrelid = 'auth.login_attempts'::regclass",
        )
        .expect("the indexes hold every row");
    let faults = admin
        .query("select msg from verify_heapam('auth.login_attempts')", &[])
        .expect("checked");
    assert!(faults.is_empty(), "{} faults", faults.len());
    admin
        .batch_execute("vacuum (freeze) auth.login_attempts")
        .expect("vacuum");
    admin
        .batch_execute("reindex table auth.login_attempts")
        .expect("reindex");
    let count: i64 = admin
        .query_one("select count(*) from auth.login_attempts", &[])
        .expect("counted")
        .get(0);
    assert_eq!(count, 30);
}

pub fn crash(database: &Database) {
    let mut app = database.app();
    for _ in 0..4 {
        wrong(&mut app, ANN);
    }
    // The fifth in a transaction that never ends.
    app.batch_execute("begin; select auth.sign_in('ann@example.com', 'Wrong-Horse-7-Battery')")
        .expect("a reply");
    kill(backend(&mut database.superuser()));
    gone(&mut app);
    let mut app = come_back(database);
    assert_eq!(counted(database, ANN), 5);
    assert_eq!(right(&mut app, ANN), generic());
    Account::from_reply(&right(&mut app, "bob@example.com"));
}
