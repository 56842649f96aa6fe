//! Guessing passwords over HTTP. How attempts are counted is tested in SQL; here, what the guesser sees.

use crate::site::Site;
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::{Fixture, PASSWORD};
use fluxbase_tests::http::Response;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const SIGN_IN: &str = "/api/v1/auth/signin";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("lockout::{name}"), move || {
            // A try that finds no connection in time is not counted, and these tests count.
            let patient = [("SERVER_WORKERS", "1"), ("DATABASE_POOL_TIMEOUT", "10s")];
            body(&Site::new(&fixture, &patient))
        }));
    };
    add("a_locked_address_looks_like_a_wrong_password", address);
    add("a_locked_client_is_told_when_to_come_back", client);
    // Slots for hashing are the cluster's: the crowd would keep other tests waiting.
    let name = "lockout::a_crowd_signing_in_at_once_locks_nobody_out";
    trials.push(trial(&fixture.cluster, name, || {
        let cluster = Arc::new(Cluster::start(""));
        let own = Arc::new(Fixture::new(Arc::clone(&cluster)));
        crowd(&Site::new(&own, &[]));
        drop(own);
        cluster.stop();
    }));
    trials
}

fn sign_in(site: &Site, email: &str, password: &str) -> Response {
    site.post(SIGN_IN, &json!({"email": email, "password": password}))
        .header("X-Forwarded-For", "203.0.113.9")
        .send()
}

/// All of the answer but its id and date.
fn seen(answer: &Response) -> (u16, Value, BTreeSet<String>) {
    let mut body = answer.refused(401, "INVALID_CREDENTIALS");
    body.as_object_mut()
        .expect("an object")
        .remove("request_id");
    let names = answer.headers.iter().map(|(name, _)| name.clone());
    (answer.status, body, names.collect())
}

fn address(site: &Site) {
    let wrong = seen(&sign_in(site, "ann@example.com", "Wrong-Horse-7-Battery"));
    for _ in 0..4 {
        let again = sign_in(site, "ann@example.com", "Wrong-Horse-7-Battery");
        assert_eq!(seen(&again), wrong);
    }
    for path in [SIGN_IN, "/api/v1/auth/login"] {
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        assert_eq!(seen(&site.post(path, &body).send()), wrong);
    }
    sign_in(site, "bob@example.com", PASSWORD).expect(200);
}

/// The client's address is that of its connection: a header that names another one changes nothing.
fn client(site: &Site) {
    site.database
        .superuser()
        .batch_execute("select auth.configure('max_login_attempts_per_ip', '3')")
        .expect("setting");
    for nth in 0..3 {
        let email = format!("someone{nth}@example.com");
        sign_in(site, &email, "Wrong-Horse-7-Battery").refused(401, "INVALID_CREDENTIALS");
    }
    for email in ["ann@example.com", "nobody@example.com"] {
        let answer = sign_in(site, email, PASSWORD);
        let body = answer.refused(429, "RATE_LIMITED");
        assert_eq!(answer.header("retry-after"), Some("900"));
        assert_eq!(body["error"], "Too many failed sign-ins; try again later");
        assert_eq!(body["retry_after"], 900);
    }
    // Tables are not affected, nor is who is signed in.
    site.get("/api/v1/tables/notes")
        .bearer(&site.database.fixture.ann.token)
        .send()
        .expect(200);
}

/// Twelve people behind one address sign in at the same moment, with limits of five.
fn crowd(site: &Site) {
    site.database
        .superuser()
        .batch_execute(
            "select auth.configure('max_login_attempts_per_ip', '5');
             select auth.configure('max_concurrent_hashes', '2')",
        )
        .expect("setting");
    let answers: Vec<_> = std::thread::scope(|scope| {
        let people: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| sign_in(site, "ann@example.com", PASSWORD)))
            .collect();
        people
            .into_iter()
            .map(|person| person.join().expect("joined"))
            .collect()
    });
    // On a busy machine somebody may have to come back, which says so; nobody is locked out.
    for answer in answers {
        if answer.status != 200 {
            answer.refused(503, "service_unavailable");
        }
    }
    sign_in(site, "ann@example.com", PASSWORD).expect(200);
}
