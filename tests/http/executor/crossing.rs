//! No answer ever reaches another request, nothing confirmed is lost, nothing is done twice: under errors, time limits,
//! clients that hang up and sessions that PostgreSQL ends.

use super::on;
use crate::site::Site;
use fluxbase_tests::fixture::{Account, Fixture, sign_up};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const USERS: usize = 50;
const ROUNDS: u64 = 200;
const MARKS: &str = "/api/v1/tables/marks";

/// What one user saw.
#[derive(Default)]
struct Seen {
    /// Written, as far as the answers said.
    confirmed: BTreeSet<u64>,
    /// Written or not: 503.
    unknown: BTreeSet<u64>,
    unavailable: u64,
}

pub fn crossing(fixture: &Arc<Fixture>) {
    let site = on(
        fixture.database(),
        &[
            ("DATABASE_EXECUTOR", "wire"),
            ("DATABASE_MAX_CONNECTIONS", "8"),
            ("SERVER_WORKERS", "2"),
            ("DATABASE_POOL_TIMEOUT", "20s"),
            ("DATABASE_STATEMENT_TIMEOUT", "500ms"),
        ],
    );
    let mut app = site.database.app();
    let accounts: Vec<Account> = (0..USERS)
        .map(|n| sign_up(&mut app, &format!("user{n}@example.com")))
        .collect();
    drop(app);
    let over = AtomicBool::new(false);
    let asked = AtomicU64::new(0);
    let seen: Vec<Seen> = std::thread::scope(|scope| {
        let ending = scope.spawn(|| end_sessions(&site, &over));
        let users: Vec<_> = accounts
            .iter()
            .enumerate()
            .map(|(n, account)| {
                let (site, asked) = (&site, &asked);
                scope.spawn(move || user(site, account, n as u64, asked))
            })
            .collect();
        let seen = users
            .into_iter()
            .map(|user| user.join().expect("a user ended well"))
            .collect();
        over.store(true, Ordering::SeqCst);
        let ended = ending.join().expect("joined");
        assert!(ended > 10, "only {ended} sessions were ended");
        seen
    });
    assert!(asked.load(Ordering::SeqCst) >= 10_000);
    let unavailable: u64 = seen.iter().map(|seen| seen.unavailable).sum();
    assert!(
        unavailable < 1_000,
        "{unavailable} requests were not served"
    );

    let mut superuser = site.database.superuser();
    for (account, seen) in accounts.iter().zip(&seen) {
        let rows = superuser
            .query(
                "select n from public.marks where owner = $1::text::uuid order by n",
                &[&account.id],
            )
            .expect("asked");
        let written: Vec<u64> = rows
            .iter()
            .map(|row| u64::try_from(row.get::<_, i64>(0)).expect("a mark"))
            .collect();
        let once: BTreeSet<u64> = written.iter().copied().collect();
        assert_eq!(once.len(), written.len(), "something was written twice");
        assert!(
            seen.confirmed.is_subset(&once),
            "something confirmed is lost"
        );
        for n in once.difference(&seen.confirmed) {
            assert!(seen.unknown.contains(n), "{n} was refused and written");
        }
    }
    // Nothing goes on, and nobody is inside a transaction.
    let running = "select count(*) from pg_stat_activity where usename = 'fluxbase_app' and datname = current_database() \
                   and (state = 'active' or state like 'idle in%')";
    for _ in 0..100 {
        if site.count(running) == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("something still runs");
}

/// Ends a session of the server's every few milliseconds; how many.
fn end_sessions(site: &Site, over: &AtomicBool) -> u64 {
    let mut superuser = site.database.superuser();
    let mut ended = 0;
    while !over.load(Ordering::SeqCst) {
        std::thread::sleep(Duration::from_millis(60));
        let count: i64 = superuser
            .query_one(
                "select count(pg_terminate_backend(pid)) from (select pid from pg_stat_activity \
                 where usename = 'fluxbase_app' and datname = current_database() order by random() limit 1) x",
                &[],
            )
            .expect("ended")
            .get(0);
        ended += u64::try_from(count).expect("a number");
    }
    ended
}

fn user(site: &Site, account: &Account, number: u64, asked: &AtomicU64) -> Seen {
    let mut seen = Seen::default();
    let mut dice = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    for round in 0..ROUNDS {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        asked.fetch_add(1, Ordering::SeqCst);
        match dice % 20 {
            0..=8 => read(site, account, &mut seen),
            9..=12 => write(site, account, number * 1_000 + round, &mut seen),
            13..=14 => wrong(site, account, &mut seen),
            15..=16 => hang_up(site, account, dice >> 8),
            17 => slow(site, &mut seen, dice >> 8),
            _ => visitor(site, &mut seen),
        }
    }
    seen
}

fn served(answer: &fluxbase_tests::http::Response, seen: &mut Seen) -> bool {
    if answer.status == 503 {
        answer.shaped(503, "service_unavailable");
        seen.unavailable += 1;
    }
    answer.status != 503
}

/// All rows are one's own, and all that was confirmed is there.
fn read(site: &Site, account: &Account, seen: &mut Seen) {
    let answer = site
        .get(&format!("{MARKS}?select=n,owner"))
        .bearer(&account.token)
        .send();
    if !served(&answer, seen) {
        return;
    }
    let rows = answer.expect(200);
    let mut found = BTreeSet::new();
    for row in rows.as_array().expect("rows") {
        assert_eq!(row["owner"], json!(account.id), "a row of somebody else");
        found.insert(row["n"].as_u64().expect("a mark"));
    }
    assert!(
        seen.confirmed.is_subset(&found),
        "something confirmed is not there"
    );
}

fn write(site: &Site, account: &Account, n: u64, seen: &mut Seen) {
    let answer = site
        .post(MARKS, &json!({"n": n}))
        .bearer(&account.token)
        .send();
    if !served(&answer, seen) {
        seen.unknown.insert(n);
        return;
    }
    let row = answer.expect(201);
    assert_eq!(
        (&row["owner"], &row["n"]),
        (&json!(account.id), &json!(n)),
        "the answer of somebody else"
    );
    seen.confirmed.insert(n);
}

fn wrong(site: &Site, account: &Account, seen: &mut Seen) {
    let answer = site
        .get(&format!("{MARKS}?id=eq.x"))
        .bearer(&account.token)
        .send();
    if served(&answer, seen) {
        answer.shaped(400, "INVALID_INPUT");
    }
}

/// Goes away before, during or after the answer.
fn hang_up(site: &Site, account: &Account, dice: u64) {
    let target = if dice.is_multiple_of(2) {
        "/api/v1/tables/napping"
    } else {
        MARKS
    };
    let stream = site
        .get(target)
        .bearer(&account.token)
        .start()
        .expect("sent");
    std::thread::sleep(Duration::from_micros(dice / 2 % 30_000));
    drop(stream);
}

/// A nap, or a sleep that the time limit ends.
fn slow(site: &Site, seen: &mut Seen, dice: u64) {
    if dice.is_multiple_of(8) {
        let answer = site.get("/api/v1/tables/sleepy").send();
        answer.shaped(503, "service_unavailable");
        return;
    }
    let answer = site.get("/api/v1/tables/napping?select=state").send();
    if served(&answer, seen) {
        assert_eq!(answer.expect(200), json!([{"state": "awake"}]));
    }
}

fn visitor(site: &Site, seen: &mut Seen) {
    let answer = site.get("/api/v1/tables/backend?select=who,role").send();
    if served(&answer, seen) {
        assert_eq!(
            answer.expect(200),
            json!([{"who": Value::Null, "role": "anon"}]),
            "somebody's identity"
        );
    }
    let answer = site.get(MARKS).send();
    if served(&answer, seen) {
        assert_eq!(answer.expect(200), json!([]), "somebody's rows");
    }
}
