//! Names planted in the temporary schema. PostgreSQL looks there first for tables and types, even with an
//! empty search_path: a function that runs as the owner must not run what the caller put there.

use crate::seal::value;
use fluxbase_tests::fixture::{Database, Fixture, PASSWORD};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use std::sync::Arc;

/// Types that the extension's own statements may name.
const TYPES: [&str; 12] = [
    "text",
    "inet",
    "jsonb",
    "json",
    "uuid",
    "timestamptz",
    "bytea",
    "bool",
    "int8",
    "float8",
    "interval",
    "regclass",
];

/// What runs as the owner, called by the server's login or in a sealed transaction.
const CALLS: [(&str, bool, &str); 18] = [
    (
        "sign_up",
        false,
        "select auth.sign_up('carl@example.com', '{PASSWORD}', '{\"a\": 1}', '{\"ip\": \"127.0.0.1\", \"user_agent\": \"x\"}')",
    ),
    (
        "sign_in",
        false,
        "select auth.sign_in('ann@example.com', '{PASSWORD}', '{\"ip\": \"127.0.0.1\"}')",
    ),
    (
        "check_settings",
        false,
        "select auth.check_settings('{\"signup_enabled\": true}')",
    ),
    ("jwks", false, "select auth.jwks()"),
    (
        "enter",
        false,
        "begin; select auth.enter('{ANN}'); rollback",
    ),
    ("get_user", true, "select auth.get_user()"),
    (
        "accessors",
        true,
        "select auth.uid(), auth.role(), auth.jwt(), auth.email(), auth.session_id()",
    ),
    (
        "refresh",
        false,
        "select auth.refresh('{REFRESH}', '{\"ip\": \"127.0.0.1\"}')",
    ),
    (
        "request_password_reset",
        false,
        "select auth.request_password_reset('ann@example.com')",
    ),
    (
        "request_email_code",
        false,
        "select auth.request_email_code('ann@example.com')",
    ),
    ("public_config", false, "select auth.public_config()"),
    (
        "update_user",
        true,
        "select auth.update_user('{\"password\": \"Another-Horse-8-Battery\", \"current_password\": \"{PASSWORD}\"}')",
    ),
    ("reauthenticate", true, "select auth.reauthenticate()"),
    ("list_sessions", true, "select auth.list_sessions()"),
    (
        "revoke_other_sessions",
        true,
        "select auth.revoke_other_sessions()",
    ),
    ("totp_setup", true, "select auth.totp_setup()"),
    (
        "create_client_key",
        true,
        "select auth.create_client_key('{\"name\": \"k\", \"scopes\": [\"read:tables\"]}')",
    ),
    ("sign_out", true, "select auth.sign_out()"),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, sealed, call) in CALLS {
        for (kind, plant) in [
            ("types", types as fn(&mut Client)),
            ("tables", tables),
            ("functions_and_operators", functions),
        ] {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trials.push(trial(
                &cluster,
                format!("hijack::{name}_by_temporary_{kind}"),
                move || {
                    hijack(&fixture.database(), plant, sealed, call);
                },
            ));
        }
    }
    trials
}

/// Raises when it is run by anybody but the caller.
fn spy(app: &mut Client) {
    app.batch_execute(
        "create function pg_temp.spy() returns pg_catalog.bool language plpgsql as $$ begin
           if current_user not in ('fluxbase_app', 'authenticated') then
             raise exception 'ran as %', current_user using errcode = 'HJ001';
           end if;
           return true; end $$",
    )
    .expect("a temporary function");
}

fn types(app: &mut Client) {
    for name in TYPES {
        app.batch_execute(&format!(
            "create domain pg_temp.\"{name}\" as pg_catalog.\"{name}\" check (pg_temp.spy())"
        ))
        .unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}

fn tables(app: &mut Client) {
    for name in [
        "users",
        "sessions",
        "settings",
        "signing_keys",
        "pg_class",
        "pg_proc",
        "pg_roles",
        "u",
        "k",
        "s",
    ] {
        app.batch_execute(&format!(
            "create temp table {name} (id uuid, email text, key text default pg_temp.spy()::text, value text);
             create temp view v_{name} as select pg_temp.spy() as x"
        ))
        .unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}

fn functions(app: &mut Client) {
    app.batch_execute(
        "create function pg_temp.eq(uuid, uuid) returns bool language sql as 'select pg_temp.spy()';
         create operator pg_temp.= (leftarg = uuid, rightarg = uuid, function = pg_temp.eq);
         create function pg_temp.eq(text, text) returns bool language sql as 'select pg_temp.spy()';
         create operator pg_temp.= (leftarg = text, rightarg = text, function = pg_temp.eq);
         create function pg_temp.now() returns timestamptz language plpgsql as 'begin perform pg_temp.spy(); return pg_catalog.now(); end';
         create function pg_temp.jsonb_build_object(variadic text[]) returns jsonb language plpgsql as 'begin perform pg_temp.spy(); return null; end';
         create function pg_temp.uid() returns uuid language plpgsql as 'begin perform pg_temp.spy(); return null; end';
         set search_path = pg_temp, auth, pg_catalog",
    )
    .expect("planted");
}

fn hijack(database: &Database, plant: fn(&mut Client), sealed: bool, call: &str) {
    let fixture = &database.fixture;
    let call = fixture.fill(
        &call
            .replace("{PASSWORD}", PASSWORD)
            .replace("{REFRESH}", &fixture.ann.refresh),
    );
    let mut app = database.app();
    spy(&mut app);
    plant(&mut app);
    if sealed {
        app.batch_execute(&fixture.fill("begin; select auth.enter('{ANN}')"))
            .expect("enters");
    }
    let untouched = fixture.database();
    let mut twin = untouched.app();
    if sealed {
        twin.batch_execute(&fixture.fill("begin; select auth.enter('{ANN}')"))
            .expect("enters");
    }
    let expected = value(&mut twin, &call).expect("the same call with nothing planted");
    let given = value(&mut app, &call)
        .unwrap_or_else(|error| panic!("what was planted ran or stood in the way: {error:?}"));
    assert_eq!(given.is_some(), expected.is_some());
    for given in [given, expected] {
        let given = given.unwrap_or_default();
        assert!(!given.starts_with("{\"code\""), "refused: {given}");
    }
}
