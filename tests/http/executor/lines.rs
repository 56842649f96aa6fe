//! Short reads that share a session, back to back: nobody gets what is another's, nobody is cancelled for another, and
//! nobody waits for what turned out to be slow.

use super::{backend, on};
use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// One worker with one line and three sessions beside it.
fn lined(fixture: &Arc<Fixture>) -> Site {
    let site = on(
        fixture.database(),
        &[
            ("DATABASE_EXECUTOR", "wire"),
            ("DATABASE_MAX_CONNECTIONS", "4"),
            ("SERVER_WORKERS", "1"),
            ("DATABASE_POOL_TIMEOUT", "10s"),
        ],
    );
    let began = Instant::now();
    while limit(&site) != "25ms" {
        assert!(began.elapsed() < Duration::from_secs(30), "no line came");
    }
    site
}

/// The time limit of the session that answers, which tells a line from others.
fn limit(site: &Site) -> String {
    let rows = site.get("/api/v1/tables/limited").send().expect(200);
    rows[0]["limit"].as_str().expect("a text").to_owned()
}

fn nap(site: &Site, token: &str, seconds: &str) -> (Value, Duration) {
    let answer = site
        .get(&format!("/rest/v1/rpc/nap?seconds={seconds}"))
        .bearer(token)
        .send();
    (answer.expect(200), answer.took)
}

pub fn shared(fixture: &Arc<Fixture>) {
    let site = lined(fixture);
    // Four in a row of each kind, and it is known; what differs in the role is another kind.
    for token in [
        Some(fixture.ann.token.as_str()),
        Some(fixture.bob.token.as_str()),
        None,
    ] {
        for _ in 0..4 {
            backend(&site, token);
        }
    }
    let mut pids = BTreeSet::new();
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..24)
            .map(|n| {
                let site = &site;
                scope.spawn(move || {
                    let (token, who) = match n % 3 {
                        0 => (Some(fixture.ann.token.as_str()), json!(fixture.ann.id)),
                        1 => (Some(fixture.bob.token.as_str()), json!(fixture.bob.id)),
                        _ => (None, Value::Null),
                    };
                    let seen = backend(site, token);
                    assert_eq!(seen["who"], who, "the answer of somebody else");
                    seen["pid"].as_i64().expect("a process")
                })
            })
            .collect();
        pids.extend(
            asking
                .into_iter()
                .map(|asked| asked.join().expect("joined")),
        );
    });
    assert!(pids.len() <= 4, "{pids:?}");
    // A write is never in a line.
    for n in 0..8 {
        let answer = site
            .post(
                "/api/v1/rpc/default/own_limit",
                &json!({"params": {"n": n}}),
            )
            .send()
            .expect(200);
        assert_eq!(answer["result"], json!("30s"));
    }
}

/// 1. A request is short until it is trusted.
/// 2. The same request, with another value, takes longer than a line allows: PostgreSQL cuts it off.
/// 3. It is answered all the same, and those beside it do not notice.
pub fn cut(fixture: &Arc<Fixture>) {
    let site = lined(fixture);
    let token = &fixture.ann.token;
    for round in 0..3 {
        for _ in 0..5 {
            assert_eq!(nap(&site, token, "0").0, json!("rested"));
        }
        let beside = AtomicBool::new(true);
        std::thread::scope(|scope| {
            let quick = scope.spawn(|| {
                let mut waits = Vec::new();
                while beside.load(Ordering::SeqCst) {
                    let answer = site.get("/api/v1/tables/limited").send();
                    answer.expect(200);
                    waits.push(answer.took);
                }
                waits
            });
            let (rested, took) = nap(&site, token, "1");
            beside.store(false, Ordering::SeqCst);
            assert_eq!(rested, json!("rested"), "round {round}");
            assert!(
                took >= Duration::from_secs(1) && took < Duration::from_secs(5),
                "{took:?}"
            );
            let waits = quick.join().expect("joined");
            let most = waits.iter().max().expect("some");
            assert!(
                *most < Duration::from_millis(700),
                "one waited {most:?} beside it"
            );
        });
    }
}

/// A cancel would hit whatever the line is at, so none is sent.
pub fn left(fixture: &Arc<Fixture>) {
    let site = lined(fixture);
    for _ in 0..4 {
        nap(&site, &fixture.ann.token, "0.001");
    }
    let served = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for n in 0..4_u64 {
            let (site, served) = (&site, &served);
            scope.spawn(move || {
                for round in 0..60_u64 {
                    let gone = site
                        .get("/rest/v1/rpc/nap?seconds=0.001")
                        .bearer(&fixture.ann.token)
                        .start()
                        .expect("sent");
                    std::thread::sleep(Duration::from_micros((n * 977 + round * 131) % 3_000));
                    drop(gone);
                }
                served.fetch_add(1, Ordering::SeqCst);
            });
        }
        for _ in 0..4 {
            let (site, served) = (&site, &served);
            scope.spawn(move || {
                while served.load(Ordering::SeqCst) < 4 {
                    assert_eq!(nap(site, &fixture.bob.token, "0.001").0, json!("rested"));
                }
            });
        }
    });
}
