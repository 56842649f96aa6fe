//! `DROP EXTENSION`: the database is as it was before.

use crate::install::catalogs;
use crate::seal::{sqlstate, value};
use fluxbase_tests::fixture::{Database, Fixture, sign_up};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("uninstall::{name}"), move || {
            body(&fixture.empty_database())
        }));
    };
    add("leaves_the_catalogs_as_they_were", leaves_nothing);
    add(
        "with_policies_that_use_it_is_refused_without_cascade",
        policies,
    );
    add(
        "and_installing_again_works_in_a_session_that_saw_both",
        again,
    );
    add(
        "takes_the_door_away_from_sessions_that_are_open",
        open_sessions,
    );
    trials
}

fn leaves_nothing(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute("create table public.kept(a int); insert into public.kept values (1)")
        .expect("a table");
    // Another test may be making a role at this moment; what a role is, is not this database's.
    let own = |text: String| {
        text.split("\n---\n")
            .enumerate()
            .filter(|(n, _)| !(6..=7).contains(n) && *n != 11)
            .map(|(_, part)| part.to_owned())
            .collect::<Vec<_>>()
    };
    let before = own(catalogs(&mut superuser));
    superuser
        .batch_execute("create extension fluxbase")
        .expect("installed");
    sign_up(&mut database.app(), "ann@example.com");
    assert_ne!(own(catalogs(&mut superuser)), before);
    superuser
        .batch_execute("drop extension fluxbase")
        .expect("dropped");
    assert_eq!(own(catalogs(&mut superuser)), before);
    // No event trigger of it is left to fail: DDL works.
    superuser
        .batch_execute("create table public.later(); drop table public.later")
        .expect("DDL works");
    assert_eq!(
        value(&mut superuser, "select a from public.kept")
            .expect("kept")
            .as_deref(),
        Some("1")
    );
}

fn policies(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute(
            "create extension fluxbase; create table public.t(owner uuid default auth.uid()); \
             alter table public.t enable row level security; create policy p on public.t using (owner = auth.uid())",
        )
        .expect("a policy");
    assert_eq!(
        sqlstate(&superuser.batch_execute("drop extension fluxbase")).as_deref(),
        Some("2BP01")
    );
    superuser
        .batch_execute("drop extension fluxbase cascade")
        .expect("dropped with the policy");
    // Closed, not open: row-level security stays on without the policy.
    let state = "select relrowsecurity from pg_class where relname = 't'";
    assert_eq!(
        value(&mut superuser, state).expect("asked").as_deref(),
        Some("t")
    );
}

fn again(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute("create extension fluxbase")
        .expect("installed");
    let mut app = database.app();
    let first = sign_up(&mut app, "ann@example.com");
    app.batch_execute(&format!(
        "begin; select auth.enter('{}'); commit",
        first.token
    ))
    .expect("enters");
    superuser
        .batch_execute("drop extension fluxbase; create extension fluxbase")
        .expect("again");
    let outcome = app.batch_execute(&format!("begin; select auth.enter('{}')", first.token));
    assert_eq!(
        sqlstate(&outcome).as_deref(),
        Some("FX001"),
        "a token of keys that are gone"
    );
    app.batch_execute("rollback").expect("ends");
    let second = sign_up(&mut app, "ann@example.com");
    app.batch_execute(&format!("begin; select auth.enter('{}')", second.token))
        .expect("enters");
    assert_eq!(
        value(&mut app, "select auth.uid()").expect("asked"),
        Some(second.id)
    );
}

fn open_sessions(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute("create extension fluxbase")
        .expect("installed");
    let mut app = database.app();
    let ann = sign_up(&mut app, "ann@example.com");
    superuser
        .batch_execute("drop extension fluxbase")
        .expect("dropped");
    let outcome = app.batch_execute(&format!("begin; select auth.enter('{}')", ann.token));
    assert!(
        matches!(sqlstate(&outcome).as_deref(), Some("3F000" | "42883")),
        "{outcome:?}"
    );
    app.batch_execute("rollback").expect("the session lives");
    // The library still guards what the login is: it gains nothing by the extension being gone.
    assert_eq!(
        sqlstate(&app.batch_execute("set role service_role")).as_deref(),
        Some("42501")
    );
}
