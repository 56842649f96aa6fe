//! Too many, too slow, gone away: a clear answer, never a hang, and nothing left running.

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Arc<Fixture>)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("contention::{name}"), move || {
            body(&fixture)
        }));
    };
    add("an_exhausted_pool_is_503_with_retry_after", exhausted);
    add(
        "two_requests_at_once_on_a_cold_server_are_no_exhausted_pool",
        cold_burst,
    );
    add(
        "a_statement_that_takes_too_long_is_503_and_stops",
        statement_timeout,
    );
    add(
        "the_query_of_a_client_that_hung_up_is_cancelled",
        client_gone,
    );
    add(
        "a_client_that_hangs_up_at_any_moment_leaves_no_query_running",
        client_gone_at_once,
    );
    add(
        "a_client_that_hangs_up_leaves_no_identity_behind",
        client_gone_identity,
    );
    trials
}

/// Queries of the server that run now, without the one that listens.
fn running(site: &Site) -> i64 {
    site.database
        .superuser()
        .query_one(
            "select count(*) from pg_stat_activity where usename = 'fluxbase_app' and datname = current_database() \
             and (state = 'active' or state like 'idle in transaction%') and query not like '%pg_auth_members%'",
            &[],
        )
        .expect("asked")
        .get(0)
}

fn until(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(
            began.elapsed() < limit,
            "{what} does not hold after {limit:?}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn exhausted(fixture: &Arc<Fixture>) {
    let site = Site::new(
        fixture,
        &[("DATABASE_MAX_CONNECTIONS", "2"), ("SERVER_WORKERS", "1")],
    );
    let slow: Vec<_> = (1..=2)
        .map(|nth| {
            let stream = site.get("/api/v1/tables/sleepy").start().expect("sent");
            until(Duration::from_secs(4), "the slow query runs", || {
                running(&site) == nth
            });
            stream
        })
        .collect();
    let answer = site.get("/api/v1/tables/things").send();
    answer.refused(503, "service_unavailable");
    assert!(
        answer
            .header("retry-after")
            .and_then(|after| after.parse::<u32>().ok())
            .is_some_and(|after| after > 0)
    );
    assert!(
        answer.took < Duration::from_secs(3),
        "it hung for {:?}",
        answer.took
    );
    // What needs no connection is answered still, and so is a bad token.
    assert_eq!(site.get("/").send().status, 200);
    site.get("/api/v1/tables/things")
        .bearer("x")
        .send()
        .refused(401, "INVALID_TOKEN");
    site.get("/api/v1/tables/nothing")
        .send()
        .refused(404, "NOT_FOUND");
    drop(slow);
    until(Duration::from_secs(8), "the pool is free again", || {
        site.get("/api/v1/tables/things").send().status == 200
    });
}

/// Two connections are allowed and nothing is open yet: two requests that come together both get one.
fn cold_burst(fixture: &Arc<Fixture>) {
    let site = Site::new(
        fixture,
        &[("DATABASE_MAX_CONNECTIONS", "2"), ("SERVER_WORKERS", "1")],
    );
    let answers = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| site.get("/api/v1/tables/dozing?select=state").send()))
            .collect();
        asking
            .into_iter()
            .map(|asked| asked.join().expect("joined"))
            .collect::<Vec<_>>()
    });
    for answer in answers {
        assert_eq!(answer.expect(200), serde_json::json!([{"state": "awake"}]));
    }
}

fn statement_timeout(fixture: &Arc<Fixture>) {
    let site = Site::new(
        fixture,
        &[
            ("DATABASE_STATEMENT_TIMEOUT", "400ms"),
            ("DATABASE_MAX_CONNECTIONS", "2"),
            ("SERVER_WORKERS", "1"),
        ],
    );
    for _ in 0..4 {
        let answer = site
            .get("/api/v1/tables/sleepy")
            .bearer(&fixture.ann.token)
            .send();
        answer.refused(503, "service_unavailable");
        assert!(answer.took < Duration::from_secs(3), "{:?}", answer.took);
    }
    assert_eq!(running(&site), 0);
    // The connections are good afterwards, and a stranger is a stranger.
    for _ in 0..6 {
        let rows = site
            .get("/api/v1/tables/notes?select=body")
            .send()
            .expect(200);
        assert_eq!(rows.as_array().map(Vec::len), Some(1));
    }
}

fn client_gone(fixture: &Arc<Fixture>) {
    let site = Site::new(
        fixture,
        &[("DATABASE_MAX_CONNECTIONS", "4"), ("SERVER_WORKERS", "1")],
    );
    let streams: Vec<_> = (1..=3)
        .map(|nth| {
            let stream = site.get("/api/v1/tables/sleepy").start().expect("sent");
            until(Duration::from_secs(4), "the query runs", || {
                running(&site) == nth
            });
            stream
        })
        .collect();
    drop(streams);
    // They would sleep for five seconds each.
    until(Duration::from_secs(3), "the queries are gone", || {
        running(&site) == 0
    });
    for _ in 0..8 {
        site.get("/api/v1/tables/things?id=eq.1").send().expect(200);
    }
}

/// Clients hang up at every moment of their request, more of them than there are connections: one that
/// gets its connection when its client is gone already sends a statement and abandons it in the same
/// breath. A cancel then comes before there is anything to cancel, and the query may not run for five
/// seconds for nobody either.
fn client_gone_at_once(fixture: &Arc<Fixture>) {
    let site = Site::new(fixture, &[("DATABASE_MAX_CONNECTIONS", "4")]);
    for _ in 0..16 {
        std::thread::scope(|scope| {
            for nth in 0..24 {
                let site = &site;
                scope.spawn(move || {
                    let stream = site.get("/api/v1/tables/sleepy").start().expect("sent");
                    std::thread::sleep(Duration::from_micros(1500 * nth));
                    drop(stream);
                });
            }
        });
        until(Duration::from_secs(2), "the queries are gone", || {
            running(&site) == 0
        });
    }
    site.get("/api/v1/tables/things?id=eq.1").send().expect(200);
}

fn client_gone_identity(fixture: &Arc<Fixture>) {
    let site = Site::new(
        fixture,
        &[
            ("DATABASE_MAX_CONNECTIONS", "1"),
            ("SERVER_WORKERS", "1"),
            ("DATABASE_POOL_TIMEOUT", "10s"),
        ],
    );
    for _ in 0..5 {
        let stream = site
            .get("/api/v1/tables/sleepy")
            .bearer(&fixture.ann.token)
            .start()
            .expect("sent");
        until(Duration::from_secs(4), "the query runs", || {
            running(&site) == 1
        });
        drop(stream);
        let rows = site
            .get("/api/v1/tables/notes?select=body")
            .send()
            .expect(200);
        assert_eq!(
            rows,
            serde_json::json!([{"body": "bob public"}]),
            "the next visitor is Ann"
        );
        let rows = site
            .get("/api/v1/tables/notes?select=body&order=id")
            .bearer(&fixture.bob.token)
            .send()
            .expect(200);
        assert_eq!(
            rows,
            serde_json::json!([{"body": "bob private"}, {"body": "bob public"}])
        );
    }
}
