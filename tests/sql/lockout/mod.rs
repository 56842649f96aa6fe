//! Guessing passwords: how often, and that nothing takes a guess back.

mod slots;

use crate::crashes::{backend, come_back, gone, kill};
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

const ANN: &str = "ann@example.com";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("lockout::{name}"), move || {
            body(&fixture.database())
        }));
    };
    add(
        "after_five_wrong_passwords_the_right_one_is_refused_like_a_wrong_one",
        five,
    );
    add(
        "four_wrong_passwords_and_the_right_one_start_the_count_anew",
        four,
    );
    add("a_rolled_back_guess_stays_counted", rolled_back);
    add(
        "a_guess_in_a_statement_that_fails_stays_counted",
        failed_statement,
    );
    add(
        "a_guess_in_a_savepoint_rolled_back_stays_counted",
        savepoint,
    );
    add("an_unknown_address_is_counted_like_a_known_one", unknown);
    add(
        "trying_while_locked_does_not_prolong_the_lock",
        not_prolonged,
    );
    add("another_address_is_not_locked", another);
    add("one_client_cannot_go_through_many_addresses", one_client);
    add("an_administrator_unlocks_and_nobody_else", unlock);
    add("locks_can_be_switched_off", off);
    add("attempts_cannot_be_read_or_removed_by_the_login", private);
    add(
        "a_sign_in_does_not_read_all_that_was_tried_before",
        not_read,
    );
    add("indexes_agree_with_the_table_after_all_that", indexes);
    // Slots are the cluster's, and a crash is everybody's: each has a cluster of its own.
    let mut alone = |name: &str, body: fn(&Database)| {
        let name = format!("lockout::{name}");
        trials.push(trial(&fixture.cluster, name, move || {
            let cluster = Arc::new(Cluster::start(""));
            let own = Arc::new(Fixture::new(Arc::clone(&cluster)));
            body(&own.database());
            drop(own);
            cluster.stop();
        }));
    };
    alone(
        "guesses_sent_at_once_are_not_judged_more_often_than_allowed",
        at_once,
    );
    alone(
        "a_guess_whose_backend_is_terminated_stays_counted",
        cancelled,
    );
    alone("a_hash_waits_for_a_slot_and_then_says_busy", slots::busy);
    alone("a_transaction_left_open_keeps_no_slot", slots::left_open);
    alone("a_crash_of_postgresql_forgets_no_failure", crash);
    trials
}

fn sign_in(client: &mut Client, email: &str, password: &str, context: &Value) -> Value {
    client
        .query_one(
            "select auth.sign_in($1, $2, $3)",
            &[&email, &password, context],
        )
        .expect("a reply")
        .get(0)
}

fn wrong(client: &mut Client, email: &str) -> Value {
    sign_in(client, email, "Wrong-Horse-7-Battery", &json!({}))
}

fn right(client: &mut Client, email: &str) -> Value {
    sign_in(client, email, PASSWORD, &json!({}))
}

fn generic() -> Value {
    json!({"error": "Invalid email or password", "code": "INVALID_CREDENTIALS"})
}

fn counted(database: &Database, email: &str) -> i64 {
    database
        .superuser()
        .query_one(
            "select count(*) from auth.login_attempts where email = $1",
            &[&email],
        )
        .expect("counted")
        .get(0)
}

fn sessions(database: &Database) -> i64 {
    database
        .superuser()
        .query_one("select count(*) from auth.sessions", &[])
        .expect("counted")
        .get(0)
}

fn five(database: &Database) {
    let mut app = database.app();
    for _ in 0..5 {
        assert_eq!(wrong(&mut app, ANN), generic());
    }
    let before = sessions(database);
    assert_eq!(right(&mut app, ANN), generic());
    assert_eq!(right(&mut app, " ANN@example.com "), generic());
    assert_eq!(sessions(database), before);
    // Who is signed in already is not locked out.
    app.batch_execute(&format!(
        "begin; select auth.enter('{}'); select 1 from public.notes; commit",
        database.fixture.ann.token
    ))
    .expect("enters");
}

fn four(database: &Database) {
    let mut app = database.app();
    for _ in 0..3 {
        for _ in 0..4 {
            assert_eq!(wrong(&mut app, ANN), generic());
        }
        Account::from_reply(&right(&mut app, ANN));
        assert_eq!(counted(database, ANN), 0);
    }
}

/// An attacker with a connection of the login takes each guess back.
fn rolled_back(database: &Database) {
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

fn failed_statement(database: &Database) {
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

fn savepoint(database: &Database) {
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
fn cancelled(database: &Database) {
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

/// Guesses that start together: what stays counted is what was judged.
fn at_once(database: &Database) {
    database
        .superuser()
        .batch_execute("select auth.configure('max_concurrent_hashes', '64')")
        .expect("setting");
    let start = Arc::new(Barrier::new(24));
    let replies: Vec<Value> = std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..24)
            .map(|_| {
                let start = Arc::clone(&start);
                let mut app = database.app();
                scope.spawn(move || {
                    start.wait();
                    wrong(&mut app, ANN)
                })
            })
            .collect();
        guesses
            .into_iter()
            .map(|guess| guess.join().expect("joined"))
            .collect()
    });
    assert_eq!(
        replies.iter().map(Value::to_string).collect::<HashSet<_>>(),
        HashSet::from([generic().to_string()])
    );
    // Only judged ones stay counted.
    let judged = counted(database, ANN);
    assert!((0..=5).contains(&judged), "{judged} were judged");
}

fn unknown(database: &Database) {
    let mut app = database.app();
    for _ in 0..7 {
        assert_eq!(wrong(&mut app, "nobody@example.com"), generic());
    }
    assert_eq!(counted(database, "nobody@example.com"), 5);
}

fn not_prolonged(database: &Database) {
    database
        .superuser()
        .batch_execute("select auth.configure('lockout_duration', '3s')")
        .expect("setting");
    let mut app = database.app();
    for _ in 0..5 {
        wrong(&mut app, ANN);
    }
    let locked = Instant::now();
    let mut refused = 0;
    loop {
        let reply = right(&mut app, ANN);
        if reply.get("access_token").is_some() {
            break;
        }
        assert_eq!(reply, generic());
        refused += 1;
        assert!(locked.elapsed() < Duration::from_secs(8), "still locked");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(refused > 5, "{refused} tries were refused");
}

fn another(database: &Database) {
    let mut app = database.app();
    for _ in 0..6 {
        wrong(&mut app, ANN);
    }
    Account::from_reply(&right(&mut app, "bob@example.com"));
}

/// Ten addresses, a few guesses each, all from one client.
fn one_client(database: &Database) {
    database
        .superuser()
        .batch_execute("select auth.configure('max_login_attempts_per_ip', '12')")
        .expect("setting");
    let mut app = database.app();
    let here = json!({"ip": "198.51.100.7"});
    for nth in 0..12 {
        let email = format!("someone{}@example.com", nth % 6);
        assert_eq!(
            sign_in(&mut app, &email, "Wrong-Horse-7-Battery", &here),
            generic()
        );
    }
    let locked = json!({
        "error": "Too many failed sign-ins; try again later", "code": "RATE_LIMITED", "retry_after": 900
    });
    // The same for everybody, so it tells nothing.
    for email in [ANN, "nobody@example.com", "no address"] {
        assert_eq!(sign_in(&mut app, email, PASSWORD, &here), locked);
    }
    // A success clears the address, not the client.
    let there = json!({"ip": "2001:db8::7"});
    Account::from_reply(&sign_in(&mut app, ANN, PASSWORD, &there));
    assert_eq!(sign_in(&mut app, ANN, PASSWORD, &here), locked);
}

fn unlock(database: &Database) {
    let mut app = database.app();
    for _ in 0..5 {
        wrong(&mut app, ANN);
    }
    for login in ["fluxbase_app", "plain", "trusty"] {
        let refused = database
            .connect(login)
            .batch_execute("select auth.unlock('ann@example.com')")
            .expect_err("refused");
        assert_eq!(
            refused.code().map(|code| code.code()),
            Some("42501"),
            "{login}"
        );
    }
    assert_eq!(right(&mut app, ANN), generic());
    let mut admin = database.superuser();
    let unlocked = |admin: &mut Client| -> bool {
        admin
            .query_one("select auth.unlock(' Ann@example.com')", &[])
            .expect("unlocked")
            .get(0)
    };
    assert!(unlocked(&mut admin));
    assert!(!unlocked(&mut admin));
    Account::from_reply(&right(&mut app, ANN));
}

fn off(database: &Database) {
    database
        .superuser()
        .batch_execute("select auth.configure('lockout_type', 'none')")
        .expect("setting");
    let mut app = database.app();
    for _ in 0..7 {
        wrong(&mut app, ANN);
    }
    Account::from_reply(&right(&mut app, ANN));
}

fn private(database: &Database) {
    wrong(&mut database.app(), ANN);
    for statement in [
        "select * from auth.login_attempts",
        "delete from auth.login_attempts",
        "truncate auth.login_attempts",
        "insert into auth.login_attempts select gen_random_uuid(), now(), 'bob@example.com', null",
    ] {
        for login in ["fluxbase_app", "plain", "trusty"] {
            let refused = database.connect(login).batch_execute(statement);
            let code = refused.expect_err("refused");
            assert_eq!(
                code.code().map(|code| code.code()),
                Some("42501"),
                "{login}: {statement}"
            );
        }
    }
    assert_eq!(counted(database, ANN), 1);
}

/// Attack: many addresses are tried, so that the table grows and every sign-in reads all of it. What is counted is asked of
/// an index, also where a planner would read a table as small as it was when he looked.
fn not_read(database: &Database) {
    let mut app = database.app();
    for nth in 0..20 {
        wrong(&mut app, &format!("someone{nth}@example.com"));
    }
    let mut superuser = database.superuser();
    superuser
        .batch_execute("analyze auth.login_attempts")
        .expect("analyzed");
    let table: u32 = superuser
        .query_one("select 'auth.login_attempts'::regclass::oid", &[])
        .expect("there")
        .get(0);
    let read = |transaction: &mut postgres::Transaction<'_>| -> i64 {
        let asked = transaction.query_one("select pg_stat_get_xact_numscans($1)", &[&table]);
        asked.expect("asked").get(0)
    };
    // Another one: what it has read is told some time later.
    let mut app = database.app();
    let mut transaction = app.transaction().expect("begun");
    for _ in 0..3 {
        let context = json!({"ip": "198.51.100.7"});
        let reply = transaction.query_one(
            "select auth.sign_in($1, $2, $3)",
            &[&ANN, &PASSWORD, &context],
        );
        Account::from_reply(&reply.expect("a reply").get(0));
    }
    assert_eq!(read(&mut transaction), 0);
    // The twin: whoever reads the table is seen.
    let mut superuser = database.superuser();
    let mut transaction = superuser.transaction().expect("begun");
    transaction
        .query_one("select count(*) from auth.login_attempts", &[])
        .expect("counted");
    assert_eq!(read(&mut transaction), 1);
}

/// Rows written past the transaction must be whole ones: PostgreSQL's own checker agrees, VACUUM and REINDEX work.
fn indexes(database: &Database) {
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

fn crash(database: &Database) {
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
