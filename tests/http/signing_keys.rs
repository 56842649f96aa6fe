//! The signing key changes while the server runs, and tokens name keys that nobody has.

use crate::site::Site;
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::forge::{self, Es256};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const NOTES: &str = "/api/v1/tables/notes?select=body&order=id";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        // One of its own: whoever signs in on another one must not meet a rotation.
        trials.push(trial(
            &cluster,
            format!("signing_keys::{name}"),
            move || body(&Site::new(&fixture, &[])),
        ));
    };
    add(
        "a_token_of_a_new_key_works_in_the_very_next_request",
        new_key,
    );
    add("a_token_of_a_rotated_key_still_works", rotated);
    add("a_key_that_ended_is_refused_and_stays_so", ended);
    let name = "signing_keys::a_flood_of_made_up_keys_makes_the_server_ask_once_a_second";
    trials.push(trial(&fixture.cluster, name, || {
        // One of its own, whose log tells of nobody else's questions.
        let cluster = Arc::new(Cluster::start("log_statement = 'all'"));
        let own = Arc::new(Fixture::new(cluster));
        flood(&Site::new(&own, &[]));
    }));
    trials
}

fn rotate(site: &Site) {
    let rotate = "select auth.rotate_signing_key()";
    site.database
        .superuser()
        .batch_execute(rotate)
        .expect("rotated");
}

/// Ann's claims, signed with the newest key.
fn fresh(site: &Site, payload: &Value) -> String {
    Es256::stolen_from(&mut site.database.superuser()).sign(payload)
}

fn ann_s() -> Value {
    json!([{"body": "ann private"}, {"body": "bob public"}])
}

/// How often the keys of any database were asked for.
fn readings(site: &Site) -> usize {
    let log = site.database.fixture.cluster.log_tail(usize::MAX);
    log.lines()
        .filter(|line| line.contains("auth.jwks()"))
        .count()
}

fn new_key(site: &Site) {
    let payload = forge::payload_of(&site.database.fixture.ann.token);
    for _ in 0..40 {
        rotate(site);
        let token = fresh(site, &payload);
        let answer = site.get(NOTES).bearer(&token).send();
        assert_eq!(answer.expect(200), ann_s());
    }
    // Wherever a token stands, and on each of the mounts.
    for (path, header) in [
        ("/api/v1/auth/user", "Authorization"),
        ("/rest/v1/notes?select=body&order=id", "apikey"),
        ("/graphql/v1?query=%7B__typename%7D", "Authorization"),
    ] {
        rotate(site);
        let token = match header {
            "apikey" => fresh(site, &payload),
            _ => format!("Bearer {}", fresh(site, &payload)),
        };
        site.get(path).header(header, &token).send().expect(200);
    }
    // All at once, when nobody knows it yet.
    for _ in 0..5 {
        rotate(site);
        let token = fresh(site, &payload);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| site.get(NOTES).bearer(&token).send().expect(200));
            }
        });
    }
    // Somebody else's signature under the name of a new key opens nothing.
    rotate(site);
    let kid = Es256::stolen_from(&mut site.database.superuser()).kid;
    let forged = Es256::made_up(&kid).sign(&payload);
    let answer = site.get(NOTES).bearer(&forged).send();
    answer.refused(401, "INVALID_TOKEN");
}

fn rotated(site: &Site) {
    let before = site.sign_up("before@example.com");
    rotate(site);
    let after = site.sign_up("after@example.com");
    assert_ne!(
        forge::header_of(&before.token)["kid"],
        forge::header_of(&after.token)["kid"]
    );
    for account in [&before, &after, &before] {
        site.get(NOTES).bearer(&account.token).send().expect(200);
    }
}

fn ended(site: &Site) {
    let payload = forge::payload_of(&site.database.fixture.ann.token);
    let old = fresh(site, &payload);
    site.get(NOTES).bearer(&old).send().expect(200);
    rotate(site);
    let end = "update auth.signing_keys set verify_until = pg_catalog.clock_timestamp() where retired_at is not null";
    site.database
        .superuser()
        .batch_execute(end)
        .expect("updated");
    let new = fresh(site, &payload);
    site.get(NOTES).bearer(&new).send().expect(200);
    for _ in 0..5 {
        let answer = site.get(NOTES).bearer(&old).send();
        answer.refused(401, "INVALID_TOKEN");
    }
    site.get(NOTES).bearer(&new).send().expect(200);
}

/// 1. Make up a key pair, and a name for it that nobody has used.
/// 2. Send a token signed with it, as often as possible, each time under another name: whenever the server does not know
///    a name it asks the database, so the database is kept busy from outside, without any credential.
fn flood(site: &Site) {
    let payload = forge::payload_of(&site.database.fixture.ann.token);
    let pair = Es256::made_up("nobody-s");
    let (before, began) = (readings(site), Instant::now());
    let sent = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while began.elapsed() < Duration::from_secs(3) {
                    let number = sent.fetch_add(1, Ordering::Relaxed);
                    let header =
                        json!({"alg": "ES256", "typ": "JWT", "kid": format!("no-{number}")});
                    let token = pair.sign_with(&header, &payload.to_string());
                    let answer = site.get(NOTES).bearer(&token).send();
                    answer.refused(401, "INVALID_TOKEN");
                }
            });
        }
    });
    let seconds = usize::try_from(began.elapsed().as_secs()).expect("a few");
    let (sent, asked) = (sent.into_inner(), readings(site) - before);
    assert!(sent > 100, "only {sent} tokens were sent");
    assert!(
        (1..=seconds + 1).contains(&asked),
        "{asked} readings for {sent} tokens in {seconds} s"
    );
    // Nor did it learn anything: who is known goes on, and a new key is known by its notification at the latest.
    let ann = &site.database.fixture.ann.token;
    assert_eq!(site.get(NOTES).bearer(ann).send().expect(200), ann_s());
    rotate(site);
    let token = fresh(site, &payload);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(site.get(NOTES).bearer(&token).send().expect(200), ann_s());
}
