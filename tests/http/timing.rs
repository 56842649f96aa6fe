//! What an answer's time tells over HTTP. As `tests/sql/timing.rs`, which says why times are asserted here; this is the
//! client's clock, with all that the server does around the act.

use crate::mailbox::mailing;
use crate::site::Site;
use fluxbase_tests::fixture::{Fixture, PASSWORD};
use fluxbase_tests::noise::{Chance, told_apart};
use fluxbase_tests::smtp::{Mode, Receiver};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;

const WRONG: &str = "Wrong-Horse-7-Battery";
const ROUNDS: usize = 500;
/// As often as an address may be tried before it is locked.
const TRIES: usize = 5;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site, &Receiver)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("timing::{name}"), move || {
            let (site, receiver) = mailing(&fixture, Mode::StartTls);
            people(&site);
            body(&site, &receiver);
        }));
    };
    add(
        "a_refused_sign_in_takes_as_long_whatever_the_reason",
        refused,
    );
    add(
        "asking_for_a_mail_takes_as_long_whether_or_not_one_is_sent",
        asking,
    );
    trials
}

/// Accounts `known1@…`, `locked1@…` and so on, all with one password and a cheap hash of it.
fn people(site: &Site) {
    let mut superuser = site.database.superuser();
    superuser
        .batch_execute(&format!(
            "select auth.configure('password_hash_memory_kib', '7168'), auth.configure('password_hash_iterations', '1'),
               auth.configure('max_login_attempts', '{TRIES}');
             select auth.sign_up('first@example.com', '{PASSWORD}');
             insert into auth.users (email, password_hash)
             select kind || n || '@example.com', f.password_hash
             from auth.users f, unnest(array['known', 'locked']) kind, generate_series(1, {ROUNDS} * 2) n
             where f.email = 'first@example.com';
             insert into auth.login_attempts (id, at, email)
             select gen_random_uuid(), now(), 'locked' || n || '@example.com'
             from generate_series(1, {ROUNDS} * 2) n, generate_series(1, {TRIES})"
        ))
        .expect("people");
}

/// What time tells of an endpoint: groups have a name and a kind of address, `each` is how often an address is used.
fn post(
    site: &Site,
    path: &str,
    status: u16,
    each: usize,
    groups: &[(&str, &str, Value)],
) -> Vec<String> {
    let mut tries = vec![0; groups.len()];
    let mut answers = HashSet::new();
    let names: Vec<&str> = groups.iter().map(|(name, ..)| *name).collect();
    let apart = told_apart(&names, ROUNDS, &mut Chance::new(3), |group| {
        let (_, kind, body) = &groups[group];
        let mut body = body.clone();
        body["email"] = format!("{kind}{}@example.com", 1 + tries[group] / each).into();
        tries[group] += 1;
        let answer = site.post(path, &body).send();
        let mut seen = answer.expect(status);
        seen.as_object_mut()
            .expect("an object")
            .remove("request_id");
        answers.insert(seen.to_string());
        answer.took.as_secs_f64() * 1e6
    });
    assert_eq!(answers.len(), 1, "{answers:?}");
    apart
}

fn refused(site: &Site, _: &Receiver) {
    let groups = [
        ("unknown address", "unknown", json!({"password": WRONG})),
        ("known address", "known", json!({"password": WRONG})),
        ("locked address", "locked", json!({"password": PASSWORD})),
    ];
    let apart = post(site, "/api/v1/auth/signin", 401, TRIES, &groups);
    assert_eq!(apart, Vec::<String>::new());
}

fn asking(site: &Site, receiver: &Receiver) {
    let groups = [
        ("unknown address", "unknown", json!({})),
        ("known address", "known", json!({})),
    ];
    for path in ["password/reset", "magiclink"] {
        let path = format!("/api/v1/auth/{path}");
        let apart = post(site, &path, 200, 1, &groups);
        assert_eq!(apart, Vec::<String>::new(), "{path}");
        receiver.wait_for("known1@example.com", 1);
    }
}
