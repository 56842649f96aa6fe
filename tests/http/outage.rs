//! PostgreSQL stops, restarts, loses a backend: 503 at once, and service again without a restart of the
//! server. These tests stop a cluster, so each has its own.

use crate::site::Site;
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const THINGS: &str = "/api/v1/tables/things?select=id&id=eq.1";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        trials.push(trial(
            &fixture.cluster,
            format!("outage::{name}"),
            move || {
                let cluster = Arc::new(Cluster::start(""));
                let own = Arc::new(Fixture::new(Arc::clone(&cluster)));
                let site = Site::new(&own, &[("DATABASE_MAX_CONNECTIONS", "4")]);
                for _ in 0..4 {
                    site.get(THINGS).send().expect(200);
                }
                body(&site);
                assert!(site.is_running(), "{}", site.log_tail(20));
                drop((site, own));
                cluster.stop();
            },
        ));
    };
    add(
        "a_stopped_database_is_503_and_service_comes_back_with_it",
        stopped,
    );
    add(
        "a_terminated_backend_costs_one_503_and_no_other",
        terminated,
    );
    add(
        "idle_connections_that_were_terminated_cost_nothing",
        idle_terminated,
    );
    add(
        "a_killed_backend_restarts_the_cluster_and_service_comes_back",
        killed,
    );
    add("a_restarted_database_forgets_no_session", restarted);
    for (executor, name) in [
        ("deadpool", "outage::several_hosts"),
        ("wire", "outage::several_hosts_by_wire"),
    ] {
        let fixture = Arc::clone(fixture);
        trials.push(trial(
            &Arc::clone(&fixture.cluster),
            name.to_owned(),
            move || {
                several_hosts(&fixture, executor);
            },
        ));
    }
    trials
}

/// The first host is away: the second serves, and what is cancelled is cancelled there. One that only reads is none where
/// one that writes is wanted.
fn several_hosts(fixture: &Arc<Fixture>, executor: &str) {
    let database = fixture.database();
    let url = format!(
        "postgres://fluxbase_app@127.0.0.1:1,127.0.0.1:{}/{}?target_session_attrs=read-write",
        fixture.cluster.port, database.name
    );
    let site = Site::on(
        database,
        &[("DATABASE_URL", &url), ("DATABASE_EXECUTOR", executor)],
    );
    site.get(THINGS).send().expect(200);
    let running = || {
        site.count("select count(*) from pg_stat_activity where datname = current_database() and query like '%sleepy%' and state = 'active' and usename = 'fluxbase_app'")
    };
    let until = |what: &str, count: i64| {
        let began = Instant::now();
        while running() != count {
            assert!(began.elapsed() < Duration::from_secs(3), "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let stream = site.get("/api/v1/tables/sleepy").start().expect("sent");
    until("the query runs", 1);
    drop(stream);
    until("the query is cancelled", 0);

    let all = |sql: &str| {
        let name = &site.database.name;
        let mut superuser = fixture.cluster.connect("postgres", "postgres");
        superuser
            .batch_execute(&format!("alter database {name} {sql}"))
            .expect("altered");
        let ended = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'fluxbase_app' and datname = $1";
        superuser.execute(ended, &[name]).expect("ended");
        std::thread::sleep(Duration::from_millis(100));
    };
    all("set default_transaction_read_only = on");
    for _ in 0..4 {
        site.get(THINGS).send().refused(503, "service_unavailable");
    }
    all("reset default_transaction_read_only");
    let began = Instant::now();
    while site.get(THINGS).send().status != 200 {
        assert!(began.elapsed() < Duration::from_secs(2), "no service");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Service again within a second of now; until then only 503.
fn back_within_a_second(site: &Site) {
    let began = Instant::now();
    loop {
        let answer = site.get(THINGS).send();
        if answer.status == 200 {
            return;
        }
        answer.refused(503, "service_unavailable");
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "no service {:?} after the database is back",
            began.elapsed()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn stopped(site: &Site) {
    let cluster = &site.database.fixture.cluster;
    for _ in 0..2 {
        cluster.stop();
        for _ in 0..5 {
            let answer = site.get(THINGS).send();
            answer.refused(503, "service_unavailable");
            assert!(
                answer.took < Duration::from_secs(1),
                "it took {:?}",
                answer.took
            );
            let answer = site
                .get(THINGS)
                .bearer(&site.database.fixture.ann.token)
                .send();
            answer.refused(503, "service_unavailable");
        }
        let body = json!({"email": "ann@example.com", "password": "x"});
        site.post("/api/v1/auth/signin", &body)
            .send()
            .refused(503, "service_unavailable");
        // What needs no database is answered as ever.
        site.get(THINGS)
            .bearer("x")
            .send()
            .refused(401, "INVALID_TOKEN");
        let health = site.get("/health").send();
        assert_eq!(health.status, 503, "{}", health.text());
        cluster.restart();
        back_within_a_second(site);
        site.get("/api/v1/auth/user")
            .bearer(&site.database.fixture.ann.token)
            .send()
            .expect(200);
    }
}

fn terminated(site: &Site) {
    let slow = std::thread::scope(|scope| {
        let asking = scope.spawn(|| site.get("/api/v1/tables/sleepy").send());
        let mut superuser = site.database.superuser();
        let mut gone = false;
        for _ in 0..200 {
            gone = superuser
                .query_one(
                    "select count(pg_terminate_backend(pid)) > 0 from pg_stat_activity \
                     where usename = 'fluxbase_app' and state = 'active' and query like '%sleepy%'",
                    &[],
                )
                .expect("asked")
                .get(0);
            if gone {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(gone, "the slow query was not seen");
        // The others do not notice.
        for _ in 0..20 {
            site.get(THINGS).send().expect(200);
        }
        asking.join().expect("joined")
    });
    slow.refused(503, "service_unavailable");
    assert!(slow.took < Duration::from_secs(4), "{:?}", slow.took);
}

fn idle_terminated(site: &Site) {
    for _ in 0..3 {
        site.database
            .superuser()
            .batch_execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'fluxbase_app'")
            .expect("terminated");
        std::thread::sleep(Duration::from_millis(100));
        // A dead connection in the pool is found out before a request is given to it.
        for _ in 0..8 {
            site.get(THINGS).send().expect(200);
        }
    }
    // The listening session came back as well: a change of the schema is still noticed.
    site.database
        .superuser()
        .batch_execute("alter table public.notes add column later text")
        .expect("DDL");
    let began = Instant::now();
    while site.get("/api/v1/tables/notes?select=later").send().status != 200 {
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "the change went unnoticed"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn killed(site: &Site) {
    let pid: i32 = {
        let stream = site.get("/api/v1/tables/sleepy").start().expect("sent");
        let mut superuser = site.database.superuser();
        let mut found = None;
        for _ in 0..200 {
            let rows = superuser
                .query("select pid from pg_stat_activity where usename = 'fluxbase_app' and state = 'active' and query like '%sleepy%'", &[])
                .expect("asked");
            if let Some(row) = rows.first() {
                found = Some(row.get(0));
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(superuser);
        let pid: i32 = found.expect("the slow query runs");
        let status = Command::new("kill")
            .args(["-9", &pid.to_string()])
            .status()
            .expect("kill runs");
        assert!(status.success());
        drop(stream);
        pid
    };
    // PostgreSQL ends every session and recovers; meanwhile 503, then service.
    let began = Instant::now();
    let mut seen = Vec::new();
    while seen.last() != Some(&200) || began.elapsed() < Duration::from_millis(500) {
        let answer = site.get(THINGS).send();
        assert!(matches!(answer.status, 200 | 503), "{}", answer.text());
        assert!(
            answer.took < Duration::from_millis(1500),
            "{:?}",
            answer.took
        );
        seen.push(answer.status);
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "no service after killing {pid}: {seen:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    for _ in 0..8 {
        site.get(THINGS).send().expect(200);
    }
    let rows = site
        .get("/api/v1/tables/notes?select=body")
        .send()
        .expect(200);
    assert_eq!(rows, json!([{"body": "bob public"}]));
}

fn restarted(site: &Site) {
    let fixture = &site.database.fixture;
    let gone = site.sign_up("gone@example.com");
    let mut app = site.database.app();
    app.batch_execute(&format!(
        "begin; select auth.enter('{}'); select auth.sign_out(); commit",
        gone.token
    ))
    .expect("signed out");
    drop(app);
    fixture.cluster.stop();
    fixture.cluster.restart();
    back_within_a_second(site);
    site.get(THINGS)
        .bearer(&fixture.ann.token)
        .send()
        .expect(200);
    site.get(THINGS)
        .bearer(&gone.token)
        .send()
        .refused(401, "REVOKED_TOKEN");
}
