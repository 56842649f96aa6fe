//! What policy authors rely on: `auth.uid()` as an index condition, in parallel plans, and never half there.

use crate::seal::{enter, value};
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("policy::{name}"), move || {
            body(&fixture.database())
        }));
    };
    add("bare_uid_is_an_index_condition", index_condition);
    add("accessors_are_stable_and_parallel_safe", labels);
    add("nobody_matches_no_null_owner", null_owner);
    add("enable_rls_forces_it_on_the_owner_too", enable_rls);
    add(
        "uid_is_right_in_every_row_of_alternating_users",
        alternating,
    );
    trials
}

fn index_condition(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute(
            "insert into public.notes (owner, body) select gen_random_uuid(), 'x' from generate_series(1, 20000); \
             drop policy public_ones on public.notes; analyze public.notes",
        )
        .expect("rows");
    let mut app = database.app();
    enter(&mut app, &database.fixture);
    let plan = format!(
        "{:?}",
        app.simple_query("explain (costs off) select * from public.notes")
            .expect("a plan")
    );
    assert!(plan.contains("Index Cond: (owner = auth.uid())"), "{plan}");
    assert_eq!(
        value(&mut app, "select count(*) from public.notes")
            .expect("counted")
            .as_deref(),
        Some("1")
    );
}

fn labels(database: &Database) {
    let odd = value(
        &mut database.superuser(),
        "select string_agg(proname, ',') from pg_proc where pronamespace = 'auth'::regnamespace and proname in \
         ('uid', 'current_user_id', 'role', 'current_user_role', 'jwt', 'email', 'session_id', 'is_authenticated', 'is_admin') \
         and (provolatile <> 's' or proparallel <> 's')",
    );
    assert_eq!(odd.expect("asked"), None);
}

fn null_owner(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute(
            "create table public.t(owner uuid); insert into public.t values (null); alter table public.t enable row level security; \
             create policy p on public.t using (owner = auth.uid()); grant select on public.t to anon, authenticated",
        )
        .expect("a table");
    let mut app = database.app();
    app.batch_execute("begin; select auth.enter_anonymous()")
        .expect("enters");
    assert_eq!(
        value(&mut app, "select count(*) from public.t")
            .expect("counted")
            .as_deref(),
        Some("0")
    );
    app.batch_execute("rollback").expect("ends");
    superuser
        .batch_execute(
            &database
                .fixture
                .fill("insert into public.t values ('{ANN_ID}')"),
        )
        .expect("a row");
    enter(&mut app, &database.fixture);
    assert_eq!(
        value(&mut app, "select count(*) from public.t")
            .expect("counted")
            .as_deref(),
        Some("1")
    );
}

fn enable_rls(database: &Database) {
    let mut superuser = database.superuser();
    let state = "select relrowsecurity::text || relforcerowsecurity::text from pg_class where oid = 'public.\"T t\"'::regclass";
    superuser
        .batch_execute("create table public.\"T t\"(a int); select auth.enable_rls('T t')")
        .expect("enabled");
    assert_eq!(
        value(&mut superuser, state).expect("asked").as_deref(),
        Some("truetrue")
    );
    superuser
        .batch_execute("select auth.disable_rls('T t', 'public')")
        .expect("disabled");
    assert_eq!(
        value(&mut superuser, state).expect("asked").as_deref(),
        Some("falsefalse")
    );
    let before = value(&mut superuser, "select count(*) from pg_class").expect("asked");
    assert!(superuser.batch_execute("select auth.enable_rls('notes enable row level security; drop table public.vault; --')").is_err());
    assert_eq!(
        value(&mut superuser, "select count(*) from pg_class").expect("asked"),
        before
    );
}

/// One prepared statement, two users in turn: a cached plan must not keep the first one's rows.
fn alternating(database: &Database) {
    let mut app = database.app();
    let statement = app
        .prepare("select body, auth.uid()::text from public.notes where not is_public")
        .expect("prepared");
    for round in 0..20 {
        let account = if round % 2 == 0 {
            &database.fixture.ann
        } else {
            &database.fixture.bob
        };
        app.batch_execute(&format!("begin; select auth.enter('{}')", account.token))
            .expect("enters");
        let rows = app.query(&statement, &[]).expect("read");
        assert_eq!(rows.len(), 1);
        let body: &str = rows[0].get(0);
        assert!(
            account
                .email
                .starts_with(body.split(' ').next().expect("a name")),
            "{body} for {}",
            account.email
        );
        assert_eq!(rows[0].get::<_, &str>(1), account.id);
        app.batch_execute(if round % 3 == 0 { "rollback" } else { "commit" })
            .expect("ends");
    }
}
