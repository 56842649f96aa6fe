//! What `Prefer` asks of the transaction around a statement: a time zone, a limit of what may change, a trial run, a
//! number of rows. None of it may reach the next request on the same connection.

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::{Request, Response};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

const ITEMS: &str = "/api/v1/tables/items";
const SEEN: &str = "/api/v1/tables/things?select=seen&id=eq.1";

const SCHEMA: &str = "
    create table public.parents (id int primary key);
    create table public.children (id int primary key, parent int references public.parents deferrable initially deferred);
    grant all on public.parents, public.children to authenticated;
    create table public.many (id int primary key);
    insert into public.many select generate_series(1, 3000);
    analyze public.many;
    create table public.few (id int primary key);
    insert into public.few select generate_series(1, 40);
    analyze public.few;
    insert into public.few select generate_series(41, 45);
    grant select on public.many, public.few to authenticated;
";

struct User {
    site: Arc<Site>,
    token: String,
}

impl User {
    fn request(&self, method: &str, target: &str) -> Request {
        self.site.request(method, target).bearer(&self.token)
    }

    fn prefer(&self, method: &str, target: &str, prefer: &str) -> Request {
        self.request(method, target).header("Prefer", prefer)
    }

    fn rows(&self, target: &str) -> Value {
        self.request("GET", target).send().expect(200)
    }
}

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let database = fixture.database();
    let mut trials = Vec::new();
    database
        .superuser()
        .batch_execute(SCHEMA)
        .expect("schema of these tests");
    // One connection, so that whatever a request leaves behind meets the next one.
    let site = Arc::new(Site::on(
        database,
        &[("DATABASE_MAX_CONNECTIONS", "1"), ("SERVER_WORKERS", "1")],
    ));
    let mut add = |name: &'static str, body: fn(&User)| {
        let site = Arc::clone(&site);
        trials.push(trial(
            &fixture.cluster,
            format!("preferences::{name}"),
            move || {
                let token = site.sign_up(&format!("{name}@example.com")).token;
                body(&User { site, token });
            },
        ));
    };
    add("a_time_zone_is_that_of_one_request", time_zone);
    add("an_unknown_time_zone_changes_nothing", unknown_zone);
    add("a_trial_run_answers_and_keeps_nothing", rollback);
    add("a_trial_run_finds_what_only_commit_would", deferred);
    add("max_affected_undoes_what_goes_beyond", max_affected);
    add("a_planned_count_is_the_planners", planned);
    add("an_estimated_count_is_exact_while_rows_are_few", estimated);
    add(
        "an_estimate_needs_the_same_right_as_the_rows",
        estimate_right,
    );
    trials
}

fn time_zone(user: &User) {
    let plain = user.rows(SEEN);
    for (zone, shown) in [
        ("America/Los_Angeles", "2025-12-31T16:00:00-08:00"),
        ("Asia/Kolkata", "2026-01-01T05:30:00+05:30"),
        ("UTC", "2026-01-01T00:00:00+00:00"),
    ] {
        // Twice: prepared and not prepared take different ways.
        for _ in 0..2 {
            let answer = user.prefer("GET", SEEN, &format!("timezone={zone}")).send();
            assert_eq!(answer.expect(200), json!([{"seen": shown}]), "{zone}");
            assert_eq!(user.rows(SEEN), plain, "after {zone}");
        }
    }
}

fn unknown_zone(user: &User) {
    for zone in ["Middle/Earth", "UTC+abc", "posixrules/x"] {
        let answer = user
            .prefer("POST", ITEMS, &format!("timezone={zone}"))
            .json(&json!({"name": "zoned"}))
            .send();
        let body = answer.refused(400, "INVALID_INPUT");
        assert_eq!(body["error"], "Unknown time zone", "{zone}");
    }
    assert_eq!(user.rows(ITEMS), json!([]));
    user.prefer("POST", ITEMS, "timezone=UTC")
        .json(&json!({"name": "zoned"}))
        .send()
        .expect(201);
    assert_eq!(user.rows(ITEMS).as_array().map(Vec::len), Some(1));
}

fn rollback(user: &User) {
    let body = json!({"name": "tried"});
    for _ in 0..2 {
        let answer = user.prefer("POST", ITEMS, "tx=rollback").json(&body).send();
        assert_eq!(answer.expect(201)["name"], "tried");
        assert_eq!(user.rows(ITEMS), json!([]));
    }
    user.prefer("POST", ITEMS, "tx=commit")
        .json(&body)
        .send()
        .expect(201);
    assert_eq!(user.rows(ITEMS).as_array().map(Vec::len), Some(1));
    let gone = user
        .prefer("DELETE", &format!("{ITEMS}?name=eq.tried"), "tx=rollback")
        .send();
    assert_eq!(gone.expect(200)["affected"], 1);
    assert_eq!(user.rows(ITEMS).as_array().map(Vec::len), Some(1));
}

fn deferred(user: &User) {
    let orphan = json!({"id": 1, "parent": 7});
    let children = "/api/v1/tables/children";
    for prefer in ["tx=rollback", "tx=commit"] {
        user.prefer("POST", children, prefer)
            .json(&orphan)
            .send()
            .refused(409, "FOREIGN_KEY_VIOLATION");
        assert_eq!(user.rows(children), json!([]), "{prefer}");
    }
    // Without a parent there is nothing to check.
    user.prefer("POST", children, "tx=rollback")
        .json(&json!({"id": 1, "parent": null}))
        .send()
        .expect(201);
    assert_eq!(user.rows(children), json!([]));
}

fn max_affected(user: &User) {
    let three = json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]);
    user.request("POST", ITEMS).json(&three).send().expect(201);
    let all = format!("{ITEMS}?amount=eq.7");
    let names = || user.rows(&format!("{ITEMS}?select=name,amount&order=name"));
    let before = names();
    user.prefer("PATCH", &all, "max-affected=2")
        .json(&json!({"amount": 8}))
        .send()
        .refused(400, "TOO_MANY_ROWS");
    user.prefer("DELETE", &all, "handling=strict, max-affected=2")
        .send()
        .refused(400, "TOO_MANY_ROWS");
    assert_eq!(names(), before);
    let changed = user
        .prefer("PATCH", &all, "max-affected=3")
        .json(&json!({"amount": 8}))
        .send();
    assert_eq!(changed.expect(200).as_array().map(Vec::len), Some(3));
}

fn range(answer: &Response) -> Option<&str> {
    answer.expect(200);
    answer.header("content-range")
}

fn planned(user: &User) {
    for _ in 0..2 {
        let answer = user
            .prefer("GET", "/api/v1/tables/many?limit=2", "count=planned")
            .send();
        assert_eq!(range(&answer), Some("0-1/3000"));
    }
    // With a condition it is an opinion.
    let answer = user
        .prefer("GET", "/api/v1/tables/many?id=lte.10", "count=planned")
        .send();
    let total = range(&answer).and_then(|range| range.strip_prefix("0-9/"));
    let total: i64 = total.expect("ten rows").parse().expect("a number");
    assert!((1..100).contains(&total), "{total}");
}

fn estimated(user: &User) {
    for (target, expected) in [
        ("/api/v1/tables/few?limit=2", "0-1/45"),
        ("/api/v1/tables/few?id=gt.100", "*/0"),
        ("/api/v1/tables/many?limit=2", "0-1/3000"),
    ] {
        for _ in 0..2 {
            let answer = user.prefer("GET", target, "count=estimated").send();
            assert_eq!(range(&answer), Some(expected), "{target}");
        }
    }
}

fn estimate_right(user: &User) {
    for prefer in ["count=planned", "count=estimated"] {
        user.prefer("GET", "/api/v1/tables/closed", prefer)
            .send()
            .refused(403, "RLS_POLICY_VIOLATION");
        user.prefer("GET", "/api/v1/tables/things?limit=1", prefer)
            .send()
            .expect(200);
    }
}
