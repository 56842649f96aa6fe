//! Parallel workers: they must know the right user, and be no way around the seal.

use super::{assert_ann, enter, sqlstate, value};
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

const EAGER: &str = "set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set min_parallel_table_scan_size = 0; \
    set max_parallel_workers_per_gather = 2; set parallel_leader_participation = off; set enable_indexscan = off; \
    set enable_bitmapscan = off; set enable_indexonlyscan = off";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(
            &cluster,
            format!("seal_parallel::{name}"),
            move || body(&fixture.database()),
        ));
    };
    add("workers_see_the_entered_user", right_user);
    add(
        "a_function_labelled_parallel_safe_cannot_change_the_role",
        lying_label,
    );
    add("workers_of_a_trusted_session_see_its_claims", trusted);
    trials
}

fn fill(database: &Database) {
    database
        .superuser()
        .batch_execute(&database.fixture.fill(
            "insert into public.notes (owner, body) select '{ANN_ID}'::uuid, 'a' from generate_series(1, 3000); \
             insert into public.notes (owner, body) select '{BOB_ID}'::uuid, 'b' from generate_series(1, 5000); analyze public.notes; \
             create function public.who() returns text language sql stable parallel safe as \
               $$ select current_user || ' ' || auth.uid() || ' ' || auth.role() || ' ' || auth.email() || ' ' || (auth.jwt()->>'sub') $$",
        ))
        .expect("rows");
}

fn right_user(database: &Database) {
    fill(database);
    let fixture = &database.fixture;
    let mut app = database.app();
    app.batch_execute(EAGER).expect("settings");
    enter(&mut app, fixture);
    let plan = app
        .simple_query(
            "explain (analyze, costs off) select count(*) from public.notes where not is_public",
        )
        .expect("a plan");
    let plan = format!("{plan:?}");
    assert!(
        plan.contains("Workers Launched: 2") || plan.contains("Workers Launched: 1"),
        "not parallel: {plan}"
    );
    assert_eq!(
        value(
            &mut app,
            "select count(*) from public.notes where not is_public"
        )
        .expect("counted")
        .as_deref(),
        Some("3001")
    );
    let who = value(
        &mut app,
        "select string_agg(distinct public.who(), ',') from public.notes",
    )
    .expect("asked");
    let id = &fixture.ann.id;
    assert_eq!(
        who,
        Some(format!(
            "authenticated {id} authenticated ann@example.com {id}"
        ))
    );
    assert_ann(&mut app, fixture);
}

fn lying_label(database: &Database) {
    fill(database);
    let mut app = database.app();
    app.batch_execute(EAGER).expect("settings");
    for change in [
        "set_config('role', 'service_role', true)",
        "set_config('request.jwt.claims', '', true)",
        "set_config('role', null, true)",
    ] {
        enter(&mut app, &database.fixture);
        let quoted = change.replace('\'', "''");
        let outcome = app.batch_execute(&format!(
            "create function pg_temp.f(text) returns boolean language plpgsql parallel safe as 'begin perform {quoted}; return true; end'; \
             select count(*) from public.notes where pg_temp.f(body)"
        ));
        // 25000: PostgreSQL itself forbids settings in parallel mode.
        assert!(
            matches!(sqlstate(&outcome).as_deref(), Some("42501" | "25000")),
            "{outcome:?}"
        );
        app.batch_execute("rollback").expect("ends");
    }
    enter(&mut app, &database.fixture);
    let allowed = value(
        &mut app,
        "create function pg_temp.f(text) returns boolean language sql parallel safe as 'select auth.is_authenticated()'; \
         select count(*) from public.notes where pg_temp.f(body) and not is_public",
    );
    assert_eq!(allowed.expect("allowed").as_deref(), Some("3001"));
}

fn trusted(database: &Database) {
    fill(database);
    let mut trusty = database.connect("trusty");
    trusty.batch_execute(EAGER).expect("settings");
    let count = value(
        &mut trusty,
        &database.fixture.fill(
            r#"begin; select set_config('request.jwt.claims', '{"sub":"{BOB_ID}","role":"authenticated"}', true), set_config('role', 'authenticated', true); select count(*) from public.notes where not is_public"#,
        ),
    );
    assert_eq!(count.expect("counted").as_deref(), Some("5001"));
}
