//! Tokens at `auth.enter`: each forged in its own way, each beside an honest one.

mod forgeries;

use crate::seal::{assert_nobody, sqlstate, value};
use fluxbase_tests::fixture::{Database, Fixture, Shared};
use fluxbase_tests::forge;
use fluxbase_tests::trial::trial;
use forgeries::{Forger, forgeries};
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::Arc;

const SECRET: &[u8] = b"a shared secret of more than thirty-two characters";

/// Tries to enter; the SQLSTATE of the refusal.
fn try_enter(app: &mut Client, token: &str) -> Option<String> {
    app.batch_execute("begin").expect("begins");
    let outcome = app.execute("select auth.enter($1)", &[&token]);
    let state = sqlstate(&outcome);
    if state.is_none() {
        let id: Option<String> = app
            .query_one("select auth.uid()::text", &[])
            .expect("asked")
            .get(0);
        assert!(id.is_some() || app.query_one("select current_user::text", &[]).is_ok());
    }
    app.batch_execute("rollback").expect("ends");
    state
}

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let shared = Shared::new(fixture);
    let mut trials: Vec<Trial> = forgeries()
        .into_iter()
        .map(|(name, forgery, states)| {
            let shared = Arc::clone(&shared);
            trial(&fixture.cluster, format!("token::{name}"), move || {
                let database = shared.database();
                let forger = Forger::new(database);
                let mut app = database.app();
                let forged = forgery(&forger, database);
                // Twice: what is remembered of a token must not make it better.
                for _ in 0..2 {
                    let state = try_enter(&mut app, &forged);
                    assert!(
                        state
                            .as_deref()
                            .is_some_and(|state| states.contains(&state)),
                        "{state:?}"
                    );
                    assert_nobody(&mut app);
                }
                // The twin: the same payload, honest.
                assert_eq!(
                    try_enter(&mut app, &forger.key.sign(&forger.honest)),
                    None,
                    "the honest token"
                );
                assert!(
                    try_enter(&mut app, &forged).is_some(),
                    "after an honest one"
                );
            })
        })
        .collect();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("token::{name}"), move || {
            body(&fixture.database())
        }));
    };
    add(
        "of_a_user_that_signed_out_is_refused_on_every_connection",
        signed_out,
    );
    add("of_a_deleted_session_is_refused", deleted_session);
    add(
        "of_a_session_that_ended_after_an_old_snapshot_is_refused",
        old_snapshot,
    );
    add("of_a_session_past_its_end_is_refused", session_past_its_end);
    add("of_a_deleted_user_is_refused", deleted_user);
    add("signed_with_a_rotated_key_still_verifies", rotated);
    add(
        "signed_with_a_key_past_its_end_is_refused",
        key_past_its_end,
    );
    add("that_expires_while_cached_is_refused", expires_while_cached);
    add(
        "of_the_shared_secret_needs_the_secret_configured",
        shared_secret,
    );
    add(
        "of_the_previous_shared_secret_is_good_until_it_is_emptied",
        previous_secret,
    );
    add("with_nul_bytes_cannot_be_sent_and_breaks_nothing", nul);
    add(
        "of_another_database_of_the_cluster_is_refused",
        other_database,
    );
    add(
        "with_a_custom_application_role_runs_as_authenticated",
        custom_role,
    );
    add("of_an_api_key_runs_as_its_role", api_keys);
    trials
}

fn good(app: &mut Client, token: &str) {
    assert_eq!(try_enter(app, token), None);
}

fn bad(app: &mut Client, token: &str, state: &str) {
    assert_eq!(try_enter(app, token).as_deref(), Some(state));
}

fn signed_out(database: &Database) {
    let (ann, bob) = (&database.fixture.ann.token, &database.fixture.bob.token);
    let (mut one, mut two) = (database.app(), database.app());
    good(&mut one, ann);
    good(&mut two, ann);
    let reply = value(
        &mut one,
        &format!("begin; select auth.enter('{ann}'); select auth.sign_out()"),
    )
    .expect("signed out");
    assert!(reply.expect("a reply").contains("message"));
    good(&mut two, ann);
    one.batch_execute("commit").expect("committed");
    bad(&mut one, ann, "FX003");
    bad(&mut two, ann, "FX003");
    good(&mut two, bob);
    let mut third = database.app();
    bad(&mut third, ann, "FX003");
}

fn deleted_session(database: &Database) {
    let mut app = database.app();
    good(&mut app, &database.fixture.ann.token);
    let mut superuser = database.superuser();
    superuser
        .batch_execute(
            &database
                .fixture
                .fill("delete from auth.sessions where user_id = '{ANN_ID}'"),
        )
        .expect("deleted");
    bad(&mut app, &database.fixture.ann.token, "FX003");
    good(&mut app, &database.fixture.bob.token);
}

/// A transaction that looks at the past must not bring back a session that has ended since.
fn old_snapshot(database: &Database) {
    let token = &database.fixture.ann.token;
    let mut old = database.app();
    old.batch_execute(
        "begin isolation level repeatable read; select count(*) from pg_catalog.pg_class",
    )
    .expect("a snapshot");
    let mut other = database.app();
    other
        .batch_execute(&format!(
            "begin; select auth.enter('{token}'); select auth.sign_out(); commit"
        ))
        .expect("signed out");
    let outcome = old.execute("select auth.enter($1)", &[token]);
    assert_eq!(sqlstate(&outcome).as_deref(), Some("FX003"));
    old.batch_execute("rollback").expect("ends");
    old.batch_execute(
        "begin isolation level repeatable read; select count(*) from pg_catalog.pg_class",
    )
    .expect("a snapshot");
    old.execute("select auth.enter($1)", &[&database.fixture.bob.token])
        .expect("the twin enters");
}

fn session_past_its_end(database: &Database) {
    let mut app = database.app();
    good(&mut app, &database.fixture.ann.token);
    let mut superuser = database.superuser();
    superuser
        .batch_execute(&database.fixture.fill("update auth.sessions set expires_at = now() - interval '1 s' where user_id = '{ANN_ID}'"))
        .expect("ended");
    bad(&mut app, &database.fixture.ann.token, "FX003");
    good(&mut app, &database.fixture.bob.token);
}

fn deleted_user(database: &Database) {
    let mut app = database.app();
    good(&mut app, &database.fixture.ann.token);
    database
        .superuser()
        .batch_execute(
            &database
                .fixture
                .fill("delete from auth.users where id = '{ANN_ID}'"),
        )
        .expect("deleted");
    bad(&mut app, &database.fixture.ann.token, "FX003");
    good(&mut app, &database.fixture.bob.token);
}

fn rotated(database: &Database) {
    let mut superuser = database.superuser();
    let mut app = database.app();
    let old = database.fixture.ann.token.clone();
    good(&mut app, &old);
    let kid = value(&mut superuser, "select auth.rotate_signing_key()")
        .expect("rotated")
        .expect("a kid");
    good(&mut app, &old);
    good(&mut database.app(), &old);
    let fresh = fluxbase_tests::fixture::sign_up(&mut app, "carl@example.com");
    assert_eq!(forge::header_of(&fresh.token)["kid"], json!(kid));
    good(&mut app, &fresh.token);
    let keys = value(
        &mut superuser,
        "select jsonb_array_length(auth.jwks()->'keys')",
    )
    .expect("asked");
    assert_eq!(keys.as_deref(), Some("2"));
}

fn key_past_its_end(database: &Database) {
    let mut superuser = database.superuser();
    let mut app = database.app();
    good(&mut app, &database.fixture.ann.token);
    superuser
        .batch_execute(
            "select auth.rotate_signing_key(); \
             update auth.signing_keys set verify_until = now() - interval '1 s' where retired_at is not null",
        )
        .expect("ended");
    bad(&mut app, &database.fixture.ann.token, "FX001");
    let fresh = fluxbase_tests::fixture::sign_up(&mut app, "carl@example.com");
    good(&mut app, &fresh.token);
}

fn expires_while_cached(database: &Database) {
    let forger = Forger::new(database);
    let mut app = database.app();
    let short = forger.changed("exp", json!(forge::now() + 2));
    good(&mut app, &short);
    std::thread::sleep(std::time::Duration::from_millis(3100));
    bad(&mut app, &short, "FX002");
    good(&mut app, &database.fixture.ann.token);
}

fn shared_payload(database: &Database, role: &str) -> Value {
    json!({"sub": database.fixture.bob.id, "role": role, "exp": forge::now() + 600})
}

fn shared_secret(database: &Database) {
    let token = forge::hs256(&shared_payload(database, "authenticated"), SECRET);
    let mut app = database.app();
    bad(&mut app, &token, "FX001");
    let mut superuser = database.superuser();
    superuser
        .execute(
            "select auth.configure('jwt_secret', $1)",
            &[&std::str::from_utf8(SECRET).expect("text")],
        )
        .expect("configured");
    good(&mut app, &token);
    let id = value(
        &mut app,
        &format!("begin; select auth.enter('{token}'); select auth.uid()"),
    )
    .expect("entered");
    assert_eq!(id.as_deref(), Some(database.fixture.bob.id.as_str()));
    app.batch_execute("rollback").expect("ends");
    let mut late = shared_payload(database, "authenticated");
    late["exp"] = json!(forge::now() - 1);
    bad(&mut app, &forge::hs256(&late, SECRET), "FX002");
    let mut foreign = shared_payload(database, "authenticated");
    foreign["iss"] = json!("somebody");
    bad(&mut app, &forge::hs256(&foreign, SECRET), "FX004");
    let es256_named = forge::hs256_with(
        &json!({"alg": "ES256"}),
        &shared_payload(database, "authenticated").to_string(),
        SECRET,
    );
    bad(&mut app, &es256_named, "FX001");
    superuser
        .batch_execute("select auth.configure('jwt_secret', '')")
        .expect("emptied");
    bad(&mut app, &token, "FX001");
}

fn previous_secret(database: &Database) {
    let token = forge::hs256(&shared_payload(database, "authenticated"), SECRET);
    let mut superuser = database.superuser();
    let secret = std::str::from_utf8(SECRET).expect("text");
    superuser
        .execute(
            "select auth.configure('jwt_secret', $1)",
            &[&"another secret of more than thirty-two characters"],
        )
        .expect("set");
    superuser
        .execute(
            "select auth.configure('jwt_secret_previous', $1)",
            &[&secret],
        )
        .expect("set");
    let mut app = database.app();
    good(&mut app, &token);
    superuser
        .batch_execute("select auth.configure('jwt_secret_previous', '')")
        .expect("emptied");
    bad(&mut app, &token, "FX001");
}

fn nul(database: &Database) {
    let mut app = database.app();
    // The protocol carries the byte inside a bound parameter; PostgreSQL refuses it as text.
    let outcome = app.execute("select auth.enter($1)", &[&"eyJ\0"]);
    assert_eq!(sqlstate(&outcome).as_deref(), Some("22021"));
    assert_nobody(&mut app);
    good(&mut app, &database.fixture.ann.token);
}

fn other_database(database: &Database) {
    let other = database.fixture.empty_database();
    other
        .superuser()
        .batch_execute("create extension fluxbase")
        .expect("installed");
    let stranger = fluxbase_tests::fixture::sign_up(&mut other.app(), "ann@example.com");
    bad(&mut database.app(), &stranger.token, "FX001");
    good(&mut other.app(), &stranger.token);
    bad(&mut other.app(), &database.fixture.ann.token, "FX001");
}

fn custom_role(database: &Database) {
    let forger = Forger::new(database);
    let mut app = database.app();
    for (role, expected) in [
        ("editor", "authenticated editor f"),
        ("admin", "authenticated admin t"),
        ("postgres", "authenticated postgres f"),
        ("fluxbase_admin", "authenticated fluxbase_admin f"),
        ("dashboard_admin", "service_role dashboard_admin f"),
    ] {
        let token = forger.changed("role", json!(role));
        app.batch_execute("begin").expect("begins");
        app.execute("select auth.enter($1)", &[&token])
            .expect("enters");
        let who = value(
            &mut app,
            "select current_user || ' ' || auth.role() || ' ' || left(auth.is_admin()::text, 1)",
        )
        .expect("asked");
        assert_eq!(who.as_deref(), Some(expected));
        app.batch_execute("rollback").expect("ends");
    }
}

fn api_keys(database: &Database) {
    let mut app = database.app();
    for (token, expected) in [
        (&database.fixture.anon_key, "anon anon "),
        (&database.fixture.service_key, "service_role service_role "),
    ] {
        app.batch_execute("begin").expect("begins");
        app.execute("select auth.enter($1)", &[token])
            .expect("enters");
        let who = value(
            &mut app,
            "select current_user || ' ' || auth.role() || ' ' || coalesce(auth.uid()::text, '')",
        )
        .expect("asked");
        assert_eq!(who.as_deref(), Some(expected));
        assert_eq!(
            sqlstate(&app.batch_execute("reset role")).as_deref(),
            Some("42501")
        );
        app.batch_execute("rollback").expect("ends");
    }
    assert_nobody(&mut app);
}
