//! Guessing passwords: how often, and that nothing takes a guess back.

mod kept;
mod slots;

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
    add("a_rolled_back_guess_stays_counted", kept::rolled_back);
    add(
        "a_guess_in_a_statement_that_fails_stays_counted",
        kept::failed_statement,
    );
    add(
        "a_guess_in_a_savepoint_rolled_back_stays_counted",
        kept::savepoint,
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
    add(
        "a_lock_of_addresses_leaves_the_client_open",
        addresses_alone,
    );
    add("a_lock_of_clients_leaves_the_address_open", clients_alone);
    add("attempts_cannot_be_read_or_removed_by_the_login", private);
    add(
        "a_sign_in_does_not_read_all_that_was_tried_before",
        not_read,
    );
    add("indexes_agree_with_the_table_after_all_that", kept::indexes);
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
        kept::cancelled,
    );
    alone("a_hash_waits_for_a_slot_and_then_says_busy", slots::busy);
    alone("a_transaction_left_open_keeps_no_slot", slots::left_open);
    alone("a_crash_of_postgresql_forgets_no_failure", kept::crash);
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

/// One client fails on many addresses: each is locked, and nobody else behind it.
fn addresses_alone(database: &Database) {
    database
        .superuser()
        .batch_execute("select auth.configure('lockout_type', 'email'), auth.configure('max_login_attempts_per_ip', '6')")
        .expect("settings");
    let mut app = database.app();
    let here = json!({"ip": "198.51.100.7"});
    for nth in 0..20 {
        let email = format!("someone{nth}@example.com");
        assert_eq!(sign_in(&mut app, &email, "x", &here), generic());
    }
    Account::from_reply(&sign_in(&mut app, ANN, PASSWORD, &here));
    for _ in 0..5 {
        assert_eq!(sign_in(&mut app, ANN, "x", &here), generic());
    }
    assert_eq!(sign_in(&mut app, ANN, PASSWORD, &here), generic());
    assert_eq!(right(&mut app, ANN), generic(), "from elsewhere as well");
    Account::from_reply(&sign_in(&mut app, "bob@example.com", PASSWORD, &here));
}

/// Somebody fails on an address again and again, to keep its owner out.
fn clients_alone(database: &Database) {
    database
        .superuser()
        .batch_execute("select auth.configure('lockout_type', 'ip'), auth.configure('max_login_attempts_per_ip', '6')")
        .expect("settings");
    let mut app = database.app();
    let here = json!({"ip": "198.51.100.7"});
    for _ in 0..6 {
        assert_eq!(sign_in(&mut app, ANN, "x", &here), generic());
    }
    let locked = sign_in(&mut app, "bob@example.com", PASSWORD, &here);
    assert_eq!(locked["code"], "RATE_LIMITED");
    let there = json!({"ip": "198.51.100.8"});
    Account::from_reply(&sign_in(&mut app, ANN, PASSWORD, &there));
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
