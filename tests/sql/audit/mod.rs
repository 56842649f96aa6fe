//! What happened to accounts is written down: every act, failures for good, without what lets in, and for administrators.

mod written;

use crate::acts::{act, act_as, assert_refused, count, mailed, superuser, text, try_as};
use crate::seal::{sqlstate, value};
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::Arc;

type Tests = &'static [(&'static str, fn(&Database))];

const ANN: &str = "ann@example.com";
const NEW: &str = "Another-Staple-8-Mule";
const WRONG: &str = "Wrong-Horse-7-Battery";

const TESTS: Tests = &[
    (
        "a_failure_survives_whatever_becomes_of_its_transaction",
        survives,
    ),
    ("a_success_rolled_back_is_not_written_down", rolled_back),
    (
        "a_failure_with_a_long_strange_user_agent_survives_too",
        strange,
    ),
    ("no_password_token_code_or_address_is_in_it", silent),
    (
        "who_asked_is_written_down_as_far_as_it_can_be_believed",
        context,
    ),
    ("nobody_but_administrators_asks_for_it", refused),
    ("an_administrator_finds_what_was_asked_for", filtered),
    ("its_indexes_hold_every_row", indexes),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    TESTS
        .iter()
        .chain(written::TESTS)
        .map(|(name, body)| {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trial(&cluster, format!("audit::{name}"), move || {
                let database = fixture.database();
                superuser(&database, "delete from audit.events");
                body(&database);
            })
        })
        .collect()
}

/// What has been written since this was last asked: event, outcome, reason, whose, by whom.
fn news(database: &Database) -> Vec<String> {
    let mut owner = database.superuser();
    let named = |column: &str| {
        format!(
            "case when e.{column} is null then '' else ' {column}=' || case e.{column} when '{}' then 'ann' when '{}' then 'bob' else 'other' end end",
            database.fixture.ann.id, database.fixture.bob.id
        )
    };
    let asked = format!(
        "select event || ' ' || outcome || coalesce(' ' || reason, '') || {} || {} from audit.events e order by at",
        named("user_id"),
        named("actor_id")
    );
    let rows = owner.query(&asked, &[]).expect("events");
    owner
        .batch_execute("delete from audit.events")
        .expect("read");
    rows.iter().map(|row| row.get(0)).collect()
}

fn sign_in(app: &mut Client, email: &str, password: &str) -> Value {
    act(app, "auth.sign_in($1, $2)", &[&email, &password])
}

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

fn silent(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let mut secrets = vec![
        PASSWORD.to_owned(),
        NEW.to_owned(),
        WRONG.to_owned(),
        "example.com".to_owned(),
        ann.token.clone(),
        ann.refresh.clone(),
    ];
    let context = json!({"ip": "192.0.2.1", "user_agent": "agent", "request_id": "r", "code": "123456", "nonce": "the-nonce",
        "password": PASSWORD, "mfa_token": "mfa_x", "email": ANN, "token": "the-token"});
    secrets.extend(["123456", "the-nonce", "mfa_x", "the-token"].map(str::to_owned));
    let with = |app: &mut Client, call: &str, given: &[&str]| {
        let mut all: Vec<&(dyn postgres::types::ToSql + Sync)> = Vec::new();
        all.extend(
            given
                .iter()
                .map(|text| text as &(dyn postgres::types::ToSql + Sync)),
        );
        all.push(&context);
        act(app, call, &all)
    };
    for password in [WRONG, PASSWORD] {
        with(&mut app, "auth.sign_in($1, $2, $3)", &[ANN, password]);
        with(
            &mut app,
            "auth.sign_up($1, $2, '{}', $3)",
            &["carl@example.com", password],
        );
    }
    for (request, kind) in [
        // First: the others confirm the address.
        ("email_confirmation", "confirm_email"),
        ("magic_link", "magic_link"),
        ("email_code", "email_otp"),
    ] {
        let call = match request {
            "magic_link" => "auth.request_magic_link($1, null, $2)".to_owned(),
            other => format!("auth.request_{other}($1, $2)"),
        };
        with(&mut app, &call, &[ANN]);
        let carried = mailed(database, kind);
        match kind {
            "magic_link" => with(
                &mut app,
                "auth.sign_in_with_magic_link($1, $2)",
                &[&carried],
            ),
            "email_otp" => with(
                &mut app,
                "auth.sign_in_with_email_code($1, $2, $3)",
                &[ANN, &carried],
            ),
            _ => with(&mut app, "auth.confirm_email($1, $2)", &[&carried]),
        };
        secrets.push(carried);
    }
    let changes = json!({"password": NEW, "current_password": PASSWORD, "email": "ann2@example.com", "user_metadata": {"a": "ann@example.com"}});
    act_as(
        &mut app,
        &ann.token,
        "auth.update_user($1, $2)",
        &[&changes, &json!({"user_agent": "agent"})],
    );
    let mut owner = database.superuser();
    let made = act(
        &mut owner,
        "auth.admin_create_user('x@example.com', '{\"skip_email\": true}', $1)",
        &[&context],
    );
    secrets.push(text(&made, "temporary_password"));
    let key = act(
        &mut owner,
        "auth.create_service_key('{\"name\": \"k\"}', $1)",
        &[&context],
    );
    secrets.push(text(&key, "key"));
    act(
        &mut owner,
        "auth.admin_update_user($1::text::uuid, $2, $3)",
        &[
            &ann.id,
            &json!({"password": PASSWORD, "email": ANN}),
            &context,
        ],
    );
    act(
        &mut owner,
        "auth.admin_delete_user($1::text::uuid, $2)",
        &[&ann.id, &context],
    );
    assert!(count(database, "select count(*) from audit.events") > 12);
    for secret in secrets {
        let found: i64 = owner
            .query_one(
                "select count(*) from audit.events e where position($1 in e::text) > 0",
                &[&secret],
            )
            .expect("searched")
            .get(0);
        assert_eq!(found, 0, "{secret:.12}");
    }
    assert!(
        count(
            database,
            "select count(*) from audit.events e where e::text like '%agent%'"
        ) > 12
    );
}

fn context(database: &Database) {
    let mut app = database.app();
    for (context, expected) in [
        (
            json!({"ip": "192.0.2.1", "user_agent": "a", "request_id": "r"}),
            "192.0.2.1/32|a|r",
        ),
        (
            json!({"ip": "no address", "user_agent": 7, "request_id": ["r"]}),
            "||",
        ),
        (
            json!({"ip": "192.0.2.1; drop table audit.events", "user_agent": "'; --"}),
            "|'; --|",
        ),
        (json!([]), "||"),
        (json!("x"), "||"),
        (Value::Null, "||"),
    ] {
        for password in [WRONG, PASSWORD] {
            act(
                &mut app,
                "auth.sign_in($1, $2, $3)",
                &[&ANN, &password, &context],
            );
            let written = value(
                &mut database.superuser(),
                "select concat_ws('|', coalesce(ip::cidr::text, ''), coalesce(user_agent, ''), coalesce(request_id, '')) \
                 from audit.events order by at desc limit 1",
            );
            assert_eq!(
                written.expect("asked").as_deref(),
                Some(expected),
                "{context} {password}"
            );
        }
    }
    assert_eq!(
        count(
            database,
            "select count(*) from audit.events where outcome = 'failure'"
        ),
        6
    );
}

fn refused(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    sign_in(&mut app, ANN, WRONG);
    let client = act_as(
        &mut app,
        &ann.token,
        "auth.create_client_key('{\"name\": \"k\", \"scopes\": [\"*\"]}')",
        &[],
    );
    for token in [&ann.token, &text(&client, "key")] {
        let refused = act_as(&mut app, token, "auth.admin_audit()", &[]);
        assert_refused(&refused, "ADMIN_REQUIRED");
        assert!(refused.get("events").is_none());
    }
    let visitor = try_as(
        &mut app,
        &database.fixture.anon_key,
        "auth.admin_audit()",
        &[],
    );
    assert_eq!(visitor, Err("42501".to_owned()));
    for login in ["plain", "fluxbase_app", "fluxbase_mailer"] {
        let mut client = database.connect(login);
        for call in [
            "auth.admin_audit()",
            "audit.write('x', null, '{}')",
            "audit.address('::1')",
        ] {
            let outcome = client.batch_execute(&format!("select {call}"));
            assert_eq!(
                sqlstate(&outcome).as_deref(),
                Some("42501"),
                "{login}: {call}"
            );
        }
    }
    let events = act_as(
        &mut app,
        &database.fixture.service_key,
        "auth.admin_audit()",
        &[],
    );
    assert!(
        events["events"]
            .as_array()
            .is_some_and(|events| !events.is_empty()),
        "{events}"
    );
}

fn filtered(database: &Database) {
    superuser(
        database,
        "update auth.users set role = 'admin' where email = 'bob@example.com'",
    );
    let mut app = database.app();
    for _ in 0..3 {
        sign_in(&mut app, ANN, WRONG);
    }
    let bob = Account::from_reply(&sign_in(&mut app, "bob@example.com", PASSWORD));
    act(&mut app, "auth.request_magic_link($1)", &[&ANN]);
    let mut found = |filter: Value| -> Vec<Value> {
        let reply = act_as(&mut app, &bob.token, "auth.admin_audit($1)", &[&filter]);
        reply["events"].as_array().expect("a list").clone()
    };
    let all = found(json!({}));
    assert_eq!(all.len(), 5);
    assert_eq!(all[0]["event"], "auth.magic_link_requested", "newest first");
    let moments: Vec<&str> = all
        .iter()
        .filter_map(|event| event["at"].as_str())
        .collect();
    assert!(
        moments.is_sorted_by(|later, earlier| later >= earlier),
        "{moments:?}"
    );
    let ann = database.fixture.ann.id.as_str();
    for (filter, count) in [
        (json!({"event": "auth.login"}), 4),
        (json!({"event": "auth.login", "outcome": "failure"}), 3),
        (json!({"user_id": ann}), 3),
        (json!({"user_id": bob.id}), 1),
        (json!({"limit": 2}), 2),
        (json!({"limit": 2, "offset": 4}), 1),
        (json!({"limit": 100_000}), 5),
        (json!({"since": moments[1]}), 2),
        (json!({"event": "' or true --"}), 0),
    ] {
        assert_eq!(found(filter.clone()).len(), count, "{filter}");
    }
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
