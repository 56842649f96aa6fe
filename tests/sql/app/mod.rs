//! A stolen connection of the server's login, without a token: a visitor, nothing more.

mod attacks;

use crate::seal::{assert_ann, assert_nobody, enter, sqlstate, value};
use attacks::ATTACKS;
use fluxbase_tests::fixture::{Database, Fixture, Shared};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let shared = Shared::new(fixture);
    let mut trials: Vec<Trial> = ATTACKS
        .into_iter()
        .map(|(name, attack, state, twin)| {
            let shared = Arc::clone(&shared);
            trial(
                &fixture.cluster,
                format!("app_without_token::{name}"),
                move || {
                    refused(shared.database(), attack, state, twin);
                },
            )
        })
        .collect();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(
            &cluster,
            format!("app_without_token::{name}"),
            move || body(&fixture.database()),
        ));
    };
    add(
        "granted_a_role_by_mistake_it_still_must_enter",
        granted_by_mistake,
    );
    add(
        "granted_trust_by_mistake_it_still_may_not_claim",
        trusted_by_mistake,
    );
    add("a_login_made_a_member_is_locked_the_same", member_login);
    add(
        "the_login_owns_nothing_and_is_a_member_of_nothing",
        owns_nothing,
    );
    trials
}

fn refused(database: &Database, attack: &str, state: &str, twin: &str) {
    let fixture = &database.fixture;
    // A session that a closing pool may end; never the tests' own.
    let mut app = database.app();
    let outcome = app.simple_query(&fixture.fill(attack));
    assert_eq!(
        sqlstate(&outcome).as_deref(),
        Some(state),
        "{attack}: {outcome:?}"
    );
    app.batch_execute("rollback").expect("ends");
    assert_nobody(&mut app);
    app.simple_query(&fixture.fill(twin))
        .unwrap_or_else(|error| panic!("the twin is refused: {twin}: {error:?}"));
    app.batch_execute("reset search_path").expect("as before");
    assert_nobody(&mut app);
}

/// The seed's way of setting up: `GRANT authenticated TO fluxbase_app`. Roles are the cluster's, so each of
/// these makes a login of its own.
fn granted_by_mistake(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute(
            "create role app_with_roles login noinherit; grant fluxbase_app, anon, authenticated, service_role to app_with_roles",
        )
        .expect("granted");
    let mut app = database.connect("app_with_roles");
    for attack in [
        "set role service_role",
        "set role authenticated",
        "select set_config('role', 'service_role', false)",
    ] {
        assert_eq!(
            sqlstate(&app.batch_execute(attack)).as_deref(),
            Some("42501"),
            "{attack}"
        );
    }
    assert_eq!(
        sqlstate(&app.batch_execute("select secret from public.vault")).as_deref(),
        Some("42501")
    );
    drop(app);
    superuser
        .batch_execute("drop role app_with_roles")
        .expect("dropped");
    enter(&mut database.app(), &database.fixture);
}

fn trusted_by_mistake(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute("create role app_with_trust login; grant fluxbase_app, fluxbase_trusted to app_with_trust")
        .expect("granted");
    let mut app = database.connect("app_with_trust");
    let claim = r#"set request.jwt.claims = '{"role":"service_role"}'"#;
    assert_eq!(
        sqlstate(&app.batch_execute(claim)).as_deref(),
        Some("42501")
    );
    drop(app);
    superuser
        .batch_execute("drop role app_with_trust")
        .expect("dropped");
    database
        .connect("trusty")
        .batch_execute(claim)
        .expect("a trusted login that is not the server's");
}

fn member_login(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute("create role second_server login; grant fluxbase_app to second_server")
        .expect("made");
    let mut second = database.connect("second_server");
    for attack in [
        "set role authenticated",
        "set role fluxbase_app",
        "alter role second_server password 'x'",
        "set app.user_id = 'x'",
    ] {
        assert_eq!(
            sqlstate(&second.batch_execute(attack)).as_deref(),
            Some("42501"),
            "{attack}"
        );
    }
    second
        .batch_execute(&database.fixture.fill("begin; select auth.enter('{ANN}')"))
        .expect("it may enter");
    let id = value(&mut second, "select auth.uid()").expect("asked");
    assert_eq!(id.as_deref(), Some(database.fixture.ann.id.as_str()));
    drop(second);
    superuser
        .batch_execute("drop role second_server")
        .expect("dropped");
}

fn owns_nothing(database: &Database) {
    let mut superuser = database.superuser();
    for (what, count) in [
        (
            "select count(*) from pg_shdepend where refclassid = 'pg_authid'::regclass and refobjid = 'fluxbase_app'::regrole and deptype = 'o'",
            "0",
        ),
        (
            "select count(*) from pg_auth_members where member in ('fluxbase_app'::regrole, 'anon'::regrole, 'authenticated'::regrole)",
            "0",
        ),
        (
            "select count(*) from pg_roles where rolname = 'fluxbase_app' and (rolsuper or rolinherit or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)",
            "0",
        ),
        (
            "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('auth', 'audit') and c.relkind = 'r' and (has_table_privilege('fluxbase_app', c.oid, 'select, insert, update, delete, truncate') or has_any_column_privilege('fluxbase_app', c.oid, 'select'))",
            "0",
        ),
    ] {
        assert_eq!(
            value(&mut superuser, what).expect("asked").as_deref(),
            Some(count),
            "{what}"
        );
    }
    let mut app = database.app();
    enter(&mut app, &database.fixture);
    assert_ann(&mut app, &database.fixture);
}
