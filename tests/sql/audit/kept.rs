//! A failure stays written whatever is done to take it back; a success goes with its transaction.

use super::{ANN, Tests, WRONG, news};
use crate::acts::{act, count, superuser};
use fluxbase_tests::fixture::{Database, PASSWORD};
use serde_json::json;

pub const TESTS: Tests = &[
    (
        "a_failure_survives_whatever_becomes_of_its_transaction",
        survives,
    ),
    ("a_success_rolled_back_is_not_written_down", rolled_back),
    (
        "a_failure_with_a_long_strange_user_agent_survives_too",
        strange,
    ),
    ("its_indexes_hold_every_row", indexes),
];

/// Ways to take a failure back.
fn survives(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let wrong = format!("select auth.sign_in('{ANN}', '{WRONG}')");
    let failed = "auth.login failure wrong_password user_id=ann";
    for (statements, works) in [
        (format!("begin; {wrong}; rollback"), true),
        (
            format!("begin; savepoint s; {wrong}; rollback to s; commit"),
            true,
        ),
        (format!("{wrong}, 1 / length(pg_sleep(0)::text)"), false),
        (
            format!(
                "do $$ begin perform 1; {}; raise exception 'x'; end $$",
                wrong.replace("select", "perform")
            ),
            false,
        ),
    ] {
        assert_eq!(
            app.batch_execute(&statements).is_ok(),
            works,
            "{statements}"
        );
        assert_eq!(news(database), [failed], "{statements}");
        superuser(database, "delete from auth.login_attempts");
    }
    for (call, event) in [
        (
            format!("auth.sign_up('{ANN}', '{PASSWORD}')"),
            "auth.signup failure address_taken",
        ),
        (
            format!("auth.sign_in_with_email_code('{ANN}', '000000')"),
            "auth.login failure wrong_code",
        ),
        (
            "auth.sign_in('nobody@example.com', 'x')".to_owned(),
            "auth.login failure unknown_address",
        ),
        (
            "auth.verify_factor((select gen_random_uuid()), '000000')".to_owned(),
            "auth.factor failure no_challenge",
        ),
    ] {
        app.batch_execute(&format!("begin; select {call}; rollback"))
            .expect("taken back");
        assert_eq!(news(database), [event], "{call}");
    }
    // Of somebody who has entered, and a refresh token used again.
    app.batch_execute(&format!(
        "begin; select auth.enter('{}'); select auth.reauthenticate('{{\"password\": \"x\"}}'); rollback",
        ann.token
    ))
    .expect("taken back");
    assert_eq!(
        news(database),
        ["auth.reauthenticate failure wrong_password user_id=ann actor_id=ann"]
    );
    act(&mut app, "auth.refresh($1)", &[&ann.refresh]);
    app.batch_execute(&format!(
        "begin; select auth.refresh('{}'); rollback",
        ann.refresh
    ))
    .expect("taken back");
    assert_eq!(news(database), ["auth.refresh failure reused user_id=ann"]);
}

fn rolled_back(database: &Database) {
    let mut app = database.app();
    for call in [
        format!("auth.sign_in('{ANN}', '{PASSWORD}')"),
        format!("auth.sign_up('carl@example.com', '{PASSWORD}')"),
        format!("auth.request_magic_link('{ANN}')"),
    ] {
        app.batch_execute(&format!("begin; select {call}; rollback"))
            .expect("taken back");
        assert_eq!(news(database), [""; 0], "{call}");
        app.batch_execute(&format!("select {call}"))
            .expect("a reply");
        assert_eq!(news(database).len(), 1, "{call}");
    }
}

/// Too long for the row and hard to compress.
fn strange(database: &Database) {
    let mut app = database.app();
    let mut seed = 7_u32;
    let mut noise = |length: usize| -> String {
        (0..length)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                char::from_u32(0x1F000 + (seed >> 16) % 0x8000).unwrap_or('x')
            })
            .collect()
    };
    for nth in 0..30 {
        let (agent, request) = (noise(600), noise(200));
        let told = json!({"ip": "2001:db8::1", "user_agent": agent, "request_id": request});
        let mut guess = app.transaction().expect("begun");
        guess
            .query_one(
                "select auth.sign_in($1, 'x', $2)",
                &[&format!("u{nth}@example.com"), &told],
            )
            .expect("a reply");
        guess.rollback().expect("rolled back");
        let row = database
            .superuser()
            .query_one("select user_agent, request_id, host(ip) from audit.events order by at desc limit 1", &[])
            .expect("the row");
        let first: String = agent.chars().take(512).collect();
        assert_eq!(row.get::<_, String>(0), first);
        assert_eq!(
            row.get::<_, String>(1),
            request.chars().take(128).collect::<String>()
        );
        assert_eq!(row.get::<_, String>(2), "2001:db8::1");
    }
    superuser(database, "vacuum (freeze) audit.events");
    assert_eq!(
        count(
            database,
            "select count(*) from audit.events where length(user_agent) = 512"
        ),
        30
    );
    assert_eq!(
        count(
            database,
            "select count(distinct user_agent) from audit.events"
        ),
        30
    );
}

fn indexes(database: &Database) {
    let mut app = database.app();
    for nth in 0..40 {
        let mut guess = app.transaction().expect("begun");
        let email = if nth % 3 == 0 {
            ANN.to_owned()
        } else {
            format!("u{nth}@example.com")
        };
        guess
            .query_one("select auth.sign_in($1, 'x')", &[&email])
            .expect("a reply");
        if nth % 2 == 0 {
            guess.commit().expect("committed");
        }
    }
    superuser(
        database,
        "create extension amcheck; \
         select bt_index_check(i.indexrelid, true) from pg_index i where i.indrelid = 'audit.events'::regclass",
    );
    assert_eq!(
        count(
            database,
            "select count(*) from verify_heapam('audit.events')"
        ),
        0
    );
    for scans in [
        "enable_seqscan",
        "enable_indexscan = off; set enable_bitmapscan",
    ] {
        let by = format!(
            "set {scans} = off; select count(*) from audit.events where user_id = '{}' and at > now() - interval '1 hour'",
            database.fixture.ann.id
        );
        assert_eq!(count(database, &by), 14, "{scans}");
    }
}
