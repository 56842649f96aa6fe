//! The wire executor: what PostgreSQL's protocol holds ready for whoever sends several statements before one Sync, each
//! trap by its name. What every executor must hold stands elsewhere and is run on both.

mod crossing;
mod lines;

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCHEMA: &str = r#"
    create table public.marks (id bigint generated always as identity primary key, owner uuid not null default auth.uid(), n bigint not null);
    alter table public.marks enable row level security, force row level security;
    create policy own on public.marks using (owner = auth.uid()) with check (owner = auth.uid());
    grant select, insert, delete on public.marks to authenticated;
    grant select on public.marks to anon;
    create table public.parents (id int primary key);
    create table public.children (id int primary key, parent int references public.parents deferrable initially deferred);
    grant select, insert on public.parents, public.children to authenticated;
    create view public.backend as select pg_backend_pid() as pid, auth.uid() as who, current_user::text as role,
        coalesce(current_setting('request.jwt.claims', true), '') as claims;
    grant select on public.backend to anon, authenticated;
    create function public.scribble() returns int language plpgsql as $$
        begin insert into public.parents values (99); return 99; end $$;
    create view public.scribbling as select public.scribble() as id;
    grant select on public.scribbling to authenticated;
    create view public.napping as select 1 as id, public.slow(0.05) as state;
    grant select on public.napping to anon, authenticated;
    create function public.leave(name text, value text) returns text language sql volatile as $$
        select pg_catalog.set_config(name, value, false) $$;
    create function public.forget_all() returns int language plpgsql volatile as $$
        begin deallocate all; return 1; end $$;
    create function public.divide(by int) returns int language sql volatile as $$
        insert into public.marks (n) values (1); select 1 / by $$;
    create view public.limited as select current_setting('statement_timeout') as limit;
    grant select on public.limited to anon, authenticated;
    create function public.own_limit(n int) returns text language sql volatile as $$
        select current_setting('statement_timeout') $$;
    create function public.nap(seconds double precision) returns text language plpgsql stable as $$
        begin perform pg_sleep(seconds); return 'rested'; end $$;
    create procedure public.commits() language plpgsql as $$ begin commit; perform 1; end $$;
"#;

/// One worker with one connection: whatever one request leaves behind, the next one meets.
fn single(fixture: &Arc<Fixture>, settings: &[(&str, &str)]) -> Site {
    let database = fixture.database();
    let mut all = vec![
        ("DATABASE_EXECUTOR", "wire"),
        ("DATABASE_MAX_CONNECTIONS", "1"),
        ("SERVER_WORKERS", "1"),
        ("DATABASE_POOL_TIMEOUT", "10s"),
    ];
    all.extend(settings);
    on(database, &all)
}

fn on(database: fluxbase_tests::fixture::Database, settings: &[(&str, &str)]) -> Site {
    let site = Site::on(database, settings);
    site.database
        .superuser()
        .batch_execute(SCHEMA)
        .expect("schema");
    let began = Instant::now();
    while site.get("/api/v1/tables/backend").send().status != 200 {
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "{}",
            site.log_tail(5)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    site
}

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Arc<Fixture>)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("executor::{name}"), move || {
            body(&fixture)
        }));
    };
    add("an_identity_ends_with_its_sync", identity_ends);
    add(
        "an_error_undoes_the_batch_and_the_session_goes_on",
        error_undoes,
    );
    add(
        "a_write_that_is_tried_out_and_fails_leaves_no_open_transaction",
        tried_out,
    );
    add(
        "a_constraint_checked_at_the_end_is_never_answered_too_early",
        deferred,
    );
    add("a_read_cannot_write_whatever_it_calls", read_only);
    add(
        "a_time_limit_holds_for_a_statement_behind_another",
        time_limit,
    );
    add("a_procedure_that_commits_is_out_of_reach", procedure);
    add(
        "a_client_that_goes_away_is_cancelled_and_its_session_used_again",
        client_gone,
    );
    add(
        "a_column_that_changes_its_type_costs_no_request",
        changed_type,
    );
    add(
        "a_session_that_forgot_its_statements_is_told_them_again",
        forgotten,
    );
    add(
        "what_a_request_sets_for_the_session_does_not_reach_the_next",
        left_behind,
    );
    add("behind_a_pooler_nothing_needs_a_name", unnamed);
    add(
        "short_reads_share_a_session_and_each_gets_its_own",
        lines::shared,
    );
    add(
        "a_read_that_is_cut_off_in_a_line_is_answered_all_the_same",
        lines::cut,
    );
    add("a_client_that_leaves_a_line_cancels_nobody", lines::left);
    add(
        "ten_thousand_interleaved_requests_of_fifty_users_never_cross",
        crossing::crossing,
    );
    trials
}

fn backend(site: &Site, token: Option<&str>) -> serde_json::Value {
    let mut request = site.get("/api/v1/tables/backend");
    if let Some(token) = token {
        request = request.bearer(token);
    }
    request.send().expect(200)[0].clone()
}

/// 1. Ann asks, and the only session is hers until the Sync.
/// 2. A visitor asks in the same session.
fn identity_ends(fixture: &Arc<Fixture>) {
    let site = single(fixture, &[]);
    let ann = &fixture.ann;
    for _ in 0..3 {
        let hers = backend(&site, Some(&ann.token));
        assert_eq!(
            (&hers["who"], &hers["role"]),
            (&json!(ann.id), &json!("authenticated"))
        );
        let visitors = backend(&site, None);
        assert_eq!(visitors["pid"], hers["pid"], "the same session");
        assert_eq!(
            (&visitors["who"], &visitors["role"]),
            (&json!(null), &json!("anon"))
        );
        assert!(
            !visitors["claims"].to_string().contains(&ann.id),
            "{visitors}"
        );
    }
}

fn error_undoes(fixture: &Arc<Fixture>) {
    let site = single(fixture, &[]);
    let ann = &fixture.ann;
    let pid = backend(&site, None)["pid"].clone();
    for by in [0, 1, 0, 1] {
        let answer = site
            .post("/api/v1/rpc/default/divide", &json!({"params": {"by": by}}))
            .bearer(&ann.token)
            .send();
        match by {
            0 => drop(answer.refused(400, "INVALID_INPUT")),
            _ => drop(answer.expect(200)),
        }
        assert_eq!(backend(&site, None)["pid"], pid);
    }
    assert_eq!(site.count("select count(*) from public.marks"), 2);
}

/// A block's ROLLBACK is skipped by the error before it.
fn tried_out(fixture: &Arc<Fixture>) {
    let site = single(fixture, &[]);
    let pid = backend(&site, None)["pid"].clone();
    let attempt = |id: i32, parent: i32| {
        site.post(
            "/api/v1/tables/children",
            &json!({"id": id, "parent": parent}),
        )
        .header("Prefer", "tx=rollback")
        .bearer(&fixture.ann.token)
        .send()
    };
    for _ in 0..2 {
        attempt(1, 7).refused(409, "FOREIGN_KEY_VIOLATION");
        assert_eq!(backend(&site, None)["pid"], pid);
    }
    site.post("/api/v1/tables/parents", &json!({"id": 7}))
        .bearer(&fixture.ann.token)
        .send()
        .expect(201);
    attempt(1, 7).expect(201);
    assert_eq!(site.count("select count(*) from public.children"), 0);
    let idle = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'";
    assert_eq!(site.count(idle), 0);
}

/// The row and the end of the statement are there before the refusal.
fn deferred(fixture: &Arc<Fixture>) {
    let site = single(fixture, &[]);
    let insert = |id: i32| {
        site.post("/api/v1/tables/children", &json!({"id": id, "parent": id}))
            .bearer(&fixture.ann.token)
            .send()
    };
    for _ in 0..3 {
        insert(1).refused(409, "FOREIGN_KEY_VIOLATION");
    }
    assert_eq!(site.count("select count(*) from public.children"), 0);
    site.post("/api/v1/tables/parents", &json!({"id": 1}))
        .bearer(&fixture.ann.token)
        .send()
        .expect(201);
    insert(1).expect(201);
    assert_eq!(site.count("select count(*) from public.children"), 1);
}

fn read_only(fixture: &Arc<Fixture>) {
    let site = single(fixture, &[]);
    let ann = &fixture.ann;
    for _ in 0..2 {
        site.get("/api/v1/tables/scribbling")
            .bearer(&ann.token)
            .send()
            .refused(503, "service_unavailable");
        assert_eq!(site.count("select count(*) from public.parents"), 0);
        // What reads does not make the next one read only.
        site.post("/api/v1/tables/marks", &json!({"n": 1}))
            .bearer(&ann.token)
            .send()
            .expect(201);
    }
    site.post("/api/v1/rpc/default/scribble", &json!({}))
        .bearer(&ann.token)
        .send()
        .expect(200);
    assert_eq!(site.count("select count(*) from public.parents"), 1);
}

fn time_limit(fixture: &Arc<Fixture>) {
    let site = single(fixture, &[("DATABASE_STATEMENT_TIMEOUT", "300ms")]);
    let pid = backend(&site, None)["pid"].clone();
    for _ in 0..3 {
        let answer = site
            .get("/api/v1/tables/sleepy")
            .bearer(&fixture.ann.token)
            .send();
        answer.refused(503, "service_unavailable");
        assert!(answer.took < Duration::from_secs(2), "{:?}", answer.took);
        assert_eq!(
            backend(&site, None)["pid"],
            pid,
            "the session is good still"
        );
    }
    site.get("/api/v1/tables/napping").send().expect(200);
}

/// Without BEGIN, what a procedure does after its COMMIT would be done by the server's login.
fn procedure(fixture: &Arc<Fixture>) {
    let site = single(fixture, &[]);
    for path in ["/api/v1/rpc/default/commits", "/rest/v1/rpc/commits"] {
        let answer = site
            .post(path, &json!({}))
            .bearer(&fixture.ann.token)
            .send();
        assert_eq!(answer.status, 404, "{}", answer.text());
    }
    // And if one were called, by a statement that nobody prints: the block around it refuses the commit.
    let mut app = site.database.app();
    app.batch_execute("begin read write").expect("begun");
    app.execute("select auth.enter($1)", &[&fixture.ann.token])
        .expect("entered");
    let refused = app
        .execute("call public.commits()", &[])
        .expect_err("it commits");
    assert_eq!(refused.code().map(|code| code.code()), Some("2D000"));
}

fn client_gone(fixture: &Arc<Fixture>) {
    let site = single(fixture, &[]);
    let pid = backend(&site, None)["pid"].clone();
    for round in 0..10 {
        let stream = site
            .get("/api/v1/tables/sleepy")
            .bearer(&fixture.ann.token)
            .start()
            .expect("sent");
        std::thread::sleep(Duration::from_millis(15 * round));
        drop(stream);
        let began = Instant::now();
        let after = backend(&site, None);
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
        assert_eq!((&after["pid"], &after["role"]), (&pid, &json!("anon")));
    }
}

/// `cached plan must not change result type`, and the parameters' types with it.
fn changed_type(fixture: &Arc<Fixture>) {
    let site = single(fixture, &[]);
    let ask = || {
        site.get("/api/v1/tables/things?select=rating&id=eq.1")
            .bearer(&fixture.ann.token)
            .send()
    };
    assert_eq!(ask().expect(200), json!([{"rating": 1.5}]));
    for kind in ["text", "double precision", "numeric"] {
        site.database
            .superuser()
            .batch_execute(&format!(
                "alter table public.things alter column rating type {kind} using rating::{kind}"
            ))
            .expect("altered");
        assert_eq!(ask().status, 200);
    }
    assert_eq!(ask().expect(200), json!([{"rating": 1.5}]));
}

/// 26000 at Bind: nothing has run, so the same request is sent again with what it needs.
fn forgotten(fixture: &Arc<Fixture>) {
    let site = single(fixture, &[]);
    let pid = backend(&site, Some(&fixture.ann.token))["pid"].clone();
    for round in 1..=3 {
        site.post("/api/v1/rpc/default/forget_all", &json!({}))
            .bearer(&fixture.ann.token)
            .send()
            .expect(200);
        site.post("/api/v1/tables/marks", &json!({"n": round}))
            .bearer(&fixture.ann.token)
            .send()
            .expect(201);
        assert_eq!(
            site.count("select count(*) from public.marks"),
            round,
            "once and not twice"
        );
        assert_eq!(backend(&site, Some(&fixture.ann.token))["pid"], pid);
    }
}

/// A function may set something for the session; RESET ALL at the next entering comes too late for what governs
/// how a transaction begins.
fn left_behind(fixture: &Arc<Fixture>) {
    let site = single(fixture, &[]);
    let ann = &fixture.ann;
    let leave = |name: &str, value: &str| {
        site.post(
            "/api/v1/rpc/default/leave",
            &json!({"params": {"name": name, "value": value}}),
        )
        .bearer(&ann.token)
        .send()
        .expect(200);
    };
    let pid = backend(&site, None)["pid"].clone();
    let insert = |n: i32| {
        site.post("/api/v1/tables/marks", &json!({"n": n}))
            .bearer(&fixture.bob.token)
            .send()
            .expect(201);
    };
    leave("default_transaction_read_only", "on");
    insert(1);
    leave("default_transaction_read_only", "on");
    backend(&site, None);
    insert(2);
    leave("statement_timeout", "1");
    site.get("/api/v1/tables/napping")
        .bearer(&fixture.bob.token)
        .send()
        .expect(200);
    leave("search_path", "private");
    insert(3);
    assert_eq!(site.count("select count(*) from public.marks"), 3);
    assert_eq!(backend(&site, None)["pid"], pid);
}

fn unnamed(fixture: &Arc<Fixture>) {
    let site = single(fixture, &[("DATABASE_PREPARED_STATEMENTS", "0")]);
    let ann = &fixture.ann;
    for n in 0..3 {
        site.post("/api/v1/tables/marks", &json!({"n": n}))
            .bearer(&ann.token)
            .send()
            .expect(201);
        let rows = site
            .get("/api/v1/tables/marks?select=n&order=n")
            .bearer(&ann.token)
            .send()
            .expect(200);
        assert_eq!(rows.as_array().map(Vec::len), Some(n + 1));
        site.get("/api/v1/tables/marks?id=eq.x")
            .bearer(&ann.token)
            .send()
            .refused(400, "INVALID_INPUT");
        site.post("/api/v1/rpc/default/forget_all", &json!({}))
            .bearer(&ann.token)
            .send()
            .expect(200);
    }
}
