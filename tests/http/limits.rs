//! How often keys may ask, and the limits of doors that have one of their own.

use crate::keys::{NOTES, VAULT, client_key, service_key, text, with};
use crate::site::Site;
use fluxbase_tests::fixture::{Fixture, PASSWORD};
use fluxbase_tests::http::Response;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

const ON: (&str, &str) = ("RATE_LIMITING_ENABLED", "true");

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, settings: &'static [(&str, &str)], body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("limits::{name}"), move || {
            body(&Site::new(&fixture, settings));
        }));
    };
    add(
        "a_service_key_asks_as_often_as_its_limit_says",
        &[ON],
        service,
    );
    add("a_changed_limit_holds_without_a_restart", &[ON], changed);
    add(
        "a_client_key_s_limit_is_its_own_and_no_other_s",
        &[ON],
        client,
    );
    add(
        "two_client_keys_of_one_user_are_one_user",
        &[ON, ("RATE_LIMITING_PER_MINUTE", "5")],
        owner,
    );
    add(
        "invented_keys_are_counted_and_take_nothing_from_real_ones",
        &[ON, ("RATE_LIMITING_PER_MINUTE", "3")],
        invented,
    );
    add(
        "service_role_has_one_wide_limit",
        &[ON, ("SECURITY_SERVICE_ROLE_RATE_LIMIT", "4")],
        service_role,
    );
    add(
        "a_backend_that_signs_people_in_is_counted_as_that_backend",
        &[ON],
        backend,
    );
    add(
        "the_setup_token_is_guessed_at_five_times_in_a_quarter_of_an_hour",
        &[ON],
        setup,
    );
    add("anonymous_users_are_made_ten_at_a_time", &[ON], anonymous);
    add("a_limit_that_makes_no_sense_is_refused", &[], nonsense);
    add("a_key_does_not_raise_its_own_limit", &[], own_limit);
    trials
}

fn root(site: &Site) -> String {
    site.with_role("root@example.com", "dashboard_admin").token
}

#[track_caller]
fn is_limited(answer: &Response, limit: &str) {
    answer.refused(429, "RATE_LIMIT_EXCEEDED");
    assert_eq!(answer.header("x-ratelimit-limit"), Some(limit));
    assert_eq!(answer.header("x-ratelimit-remaining"), Some("0"));
    assert!(answer.header("retry-after").is_some());
}

/// How many of twenty requests are answered before the first 429.
fn served(ask: impl Fn() -> Response) -> usize {
    (0..20)
        .take_while(|_| {
            let answer = ask();
            if answer.status != 429 {
                answer.expect(200);
            }
            answer.status != 429
        })
        .count()
}

fn service(site: &Site) {
    let root = root(site);
    let make = |limits: Value| {
        let mut options = json!({"name": "x"});
        for (name, value) in limits.as_object().expect("members") {
            options[name] = value.clone();
        }
        service_key(site, &root, &options)
    };
    let narrow = make(json!({"rate_limit_per_minute": 3, "rate_limit_per_hour": 100}));
    assert_eq!(
        (
            &narrow["rate_limit_per_minute"],
            &narrow["rate_limit_per_hour"]
        ),
        (&json!(3), &json!(100))
    );
    let path = format!("/admin/service-keys/{}", text(&narrow, "id"));
    let one = site.by(&root, "GET", &path).send().expect(200);
    assert_eq!(one["rate_limit_per_minute"], 3);
    let ask = |key: &Value| with(site, "apikey", &text(key, "key"), VAULT);
    assert_eq!(served(|| ask(&narrow)), 3);
    is_limited(&ask(&narrow), "3");
    // On every mount, and through every header.
    let key = text(&narrow, "key");
    let rest = site.get("/rest/v1/vault").header("X-Service-Key", &key);
    assert_eq!(rest.send().status, 429);
    is_limited(&site.get(VAULT).bearer(&key).send(), "3");
    let hourly = make(json!({"rate_limit_per_hour": 2}));
    assert_eq!(hourly["rate_limit_per_minute"], Value::Null);
    assert_eq!(served(|| ask(&hourly)), 2);
    // The twins: one without a limit, and who replaces the narrow one.
    assert_eq!(served(|| ask(&make(json!({})))), 20);
    let rotate = format!("{path}/rotate");
    let next = site.by(&root, "POST", &rotate).send().expect(200);
    assert_eq!(next["rate_limit_per_minute"], 3);
    assert_eq!(served(|| ask(&next)), 3);
}

/// The server hears of the change a moment after whoever made it.
fn until_served(ask: impl Fn() -> Response) {
    let began = Instant::now();
    while ask().status == 429 {
        assert!(began.elapsed() < Duration::from_secs(5), "still limited");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn changed(site: &Site) {
    let root = root(site);
    let options = json!({"name": "x", "rate_limit_per_minute": 2});
    let made = service_key(site, &root, &options);
    let ask = || with(site, "apikey", &text(&made, "key"), VAULT);
    let path = format!("/admin/service-keys/{}", text(&made, "id"));
    let patch = |body: &Value| site.by(&root, "PATCH", &path).json(body).send().expect(200);
    assert_eq!(served(ask), 2);
    let wider = patch(&json!({"rate_limit_per_minute": 5}));
    assert_eq!(
        (&wider["rate_limit_per_minute"], &wider["name"]),
        (&json!(5), &json!("x"))
    );
    until_served(ask);
    assert_eq!(served(ask), 2, "what was taken stays taken");
    // A change of something else leaves it.
    assert_eq!(patch(&json!({"name": "y"}))["rate_limit_per_minute"], 5);
    std::thread::sleep(Duration::from_millis(200));
    is_limited(&ask(), "5");
    assert_eq!(
        patch(&json!({"rate_limit_per_minute": null}))["rate_limit_per_minute"],
        Value::Null
    );
    until_served(ask);
    assert_eq!(served(ask), 20);
}

fn client(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    let make = |limit: Value| {
        let options =
            json!({"name": "x", "scopes": ["read:tables"], "rate_limit_per_minute": limit});
        client_key(site, &ann.token, &options)
    };
    let made = make(json!(2));
    assert_eq!(made["rate_limit_per_minute"], 2);
    assert_eq!(made["client_key"]["rate_limit_per_minute"], 2);
    let ask = |key: &Value| with(site, "X-Client-Key", &text(key, "key"), NOTES);
    assert_eq!(served(|| ask(&made)), 2);
    is_limited(&ask(&made), "2");
    assert_eq!(served(|| ask(&make(Value::Null))), 20);
    assert_eq!(served(|| site.get(NOTES).bearer(&ann.token).send()), 20);
    let path = format!("/client-keys/{}", text(&made, "id"));
    let patch = site.by(&ann.token, "PATCH", &path);
    let wider = patch.json(&json!({"rate_limit_per_minute": 4})).send();
    assert_eq!(wider.expect(200)["rate_limit_per_minute"], 4);
    until_served(|| ask(&made));
    assert_eq!(served(|| ask(&made)), 1);
}

fn owner(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    let bob = site.database.fixture.bob.clone();
    // Made where nothing is counted.
    let make = |of: &str| {
        let mut app = site.database.app();
        let mut transaction = app.transaction().expect("begun");
        transaction
            .execute("select auth.enter($1)", &[&of])
            .expect("entered");
        let options = json!({"name": "x", "scopes": ["read:tables"]});
        let row = transaction.query_one("select auth.create_client_key($1)", &[&options]);
        let made: Value = row.expect("made").get(0);
        transaction.commit().expect("committed");
        text(&made, "key")
    };
    let keys = [make(&ann.token), make(&ann.token)];
    let ask = |key: &str| with(site, "X-Client-Key", key, NOTES);
    let both = (0..20)
        .filter(|nth| ask(&keys[nth % 2]).status == 200)
        .count();
    assert_eq!(both, 5);
    assert_eq!(site.get(NOTES).bearer(&ann.token).send().status, 429);
    assert_eq!(served(|| site.get(NOTES).bearer(&bob.token).send()), 5);
}

fn invented(site: &Site) {
    let row = site
        .database
        .superuser()
        .query_one("select auth.create_service_key('{\"name\":\"x\"}')", &[]);
    let made: Value = row.expect("made").get(0);
    let real = text(&made, "key");
    with(site, "apikey", &real, VAULT).expect(200);
    let key = |nth: u8| format!("sk_{}", char::from(b'a' + nth).to_string().repeat(43));
    let statuses: Vec<u16> = (0..6)
        .map(|nth| with(site, "apikey", &key(nth), VAULT).status)
        .collect();
    assert_eq!(statuses, [401, 401, 401, 429, 429, 429]);
    // Neither from one that is known already nor from one that is not.
    let row = site
        .database
        .superuser()
        .query_one("select auth.create_service_key('{\"name\":\"y\"}')", &[]);
    let other: Value = row.expect("made").get(0);
    assert_eq!(
        served(|| with(site, "apikey", &text(&other, "key"), VAULT)),
        20
    );
    assert_eq!(served(|| with(site, "apikey", &real, VAULT)), 20);
}

fn service_role(site: &Site) {
    let root = root(site);
    let make = |name: &str| text(&service_key(site, &root, &json!({"name": name})), "key");
    let (one, other) = (make("one"), make("other"));
    for key in [&one, &other] {
        assert_eq!(served(|| with(site, "apikey", key, VAULT)), 4);
        is_limited(&with(site, "apikey", key, VAULT), "4");
    }
    // Signed ones by the address they come from.
    let signed = &site.database.fixture.service_key;
    assert_eq!(served(|| site.get(VAULT).bearer(signed).send()), 4);
    // The twin: administrators are not counted.
    assert_eq!(served(|| site.get(VAULT).bearer(&root).send()), 20);
}

fn backend(site: &Site) {
    let root = root(site);
    let key = text(&service_key(site, &root, &json!({"name": "x"})), "key");
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let ask = || site.post("/api/v1/auth/signin", &body);
    assert_eq!(served(|| ask().header("apikey", &key).send()), 20);
    // The administrator's own sign-in was one of ten.
    assert_eq!(served(|| ask().send()), 9);
    // A user's key is no backend.
    let ann = site.database.fixture.ann.token.clone();
    let client = client_key(site, &ann, &json!({"name": "x", "scopes": ["*"]}));
    let answer = ask().header("apikey", &text(&client, "key")).send();
    assert_eq!(answer.status, 429);
    assert_eq!(ask().bearer(&root).send().status, 429);
}

fn setup(site: &Site) {
    let body = json!({"email": "root@example.com", "password": PASSWORD, "setup_token": "guess"});
    let ask = || site.post("/api/v1/admin/setup", &body).send();
    for _ in 0..5 {
        ask().refused(403, "SETUP_DISABLED");
    }
    is_limited(&ask(), "5");
    let status = site.get("/api/v1/admin/setup/status");
    assert_eq!(served(|| status.send()), 20);
}

fn anonymous(site: &Site) {
    site.configure(&[("anonymous_enabled", "true")]);
    let ask = || site.request("POST", "/api/v1/auth/signin/anonymous").send();
    assert_eq!(served(ask), 10);
    is_limited(&ask(), "10");
    let made = "select count(*) from auth.users where is_anonymous";
    assert_eq!(site.count(made), 10);
    // The twin: signing in and up are counted apart.
    site.sign_in("ann@example.com", PASSWORD);
    site.sign_up("new@example.com");
}

fn nonsense(site: &Site) {
    let root = root(site);
    let ann = site.database.fixture.ann.token.clone();
    let service = service_key(site, &root, &json!({"name": "x"}));
    let client = client_key(site, &ann, &json!({"name": "x", "scopes": ["*"]}));
    let service = format!("/admin/service-keys/{}", text(&service, "id"));
    let client = format!("/client-keys/{}", text(&client, "id"));
    let wrong = [
        json!(0),
        json!(-1),
        json!(1.5),
        json!("5"),
        json!(true),
        json!({}),
        json!(1_000_000_000),
        json!(1e300),
    ];
    for limit in ["rate_limit_per_minute", "rate_limit_per_hour"] {
        for value in &wrong {
            for (method, path, token) in [
                ("POST", "/admin/service-keys", &root),
                ("POST", "/client-keys", &ann),
                ("PATCH", service.as_str(), &root),
                ("PUT", service.as_str(), &root),
                ("PATCH", client.as_str(), &ann),
            ] {
                let mut body = json!({"name": "y", "scopes": ["*"]});
                body[limit] = value.clone();
                let answer = site.silently(|| site.by(token, method, path).json(&body).send());
                let said = answer.refused(400, "VALIDATION_FAILED");
                assert!(
                    said["error"].as_str().expect("text").contains(limit),
                    "{said}"
                );
            }
        }
    }
    for (path, token) in [(&service, &root), (&client, &ann)] {
        for body in [
            json!({"name": ""}),
            json!({"name": "x".repeat(256)}),
            json!({"name": 5}),
            json!({"description": "x".repeat(2001)}),
            json!({"description": []}),
        ] {
            let answer = site.silently(|| site.by(token, "PATCH", path).json(&body).send());
            answer.refused(400, "VALIDATION_FAILED");
        }
        let body = json!({"name": "é".repeat(255), "description": "x".repeat(2000), "rate_limit_per_minute": 999_999_999});
        let changed = site.by(token, "PATCH", path).json(&body).send().expect(200);
        assert_eq!(changed["rate_limit_per_minute"], 999_999_999);
    }
    let deprecate = format!("{service}/deprecate");
    for hours in [
        json!("soon"),
        json!(-1),
        json!(1.5),
        json!(8761),
        json!("1"),
    ] {
        let body = json!({"grace_period_hours": hours});
        let answer = site.silently(|| site.by(&root, "POST", &deprecate).json(&body).send());
        answer.refused(400, "VALIDATION_FAILED");
    }
    let body = json!({"grace_period_hours": 8760});
    site.by(&root, "POST", &deprecate)
        .json(&body)
        .send()
        .expect(200);
}

/// 1. A key leaks. 2. The thief lifts its limit, to take more of what it opens.
fn own_limit(site: &Site) {
    let root = root(site);
    let ann = site.database.fixture.ann.token.clone();
    let service = service_key(
        site,
        &root,
        &json!({"name": "x", "rate_limit_per_minute": 5}),
    );
    let client = client_key(
        site,
        &ann,
        &json!({"name": "x", "scopes": ["*"], "rate_limit_per_minute": 5}),
    );
    for (made, list) in [(&service, "/admin/service-keys"), (&client, "/client-keys")] {
        let path = format!("{list}/{}", text(made, "id"));
        let patch = |body: Value| {
            site.by(&text(made, "key"), "PATCH", &path)
                .json(&body)
                .send()
        };
        for limit in [json!(1000), Value::Null] {
            for name in ["rate_limit_per_minute", "rate_limit_per_hour"] {
                let mut body = json!({"name": "y"});
                body[name] = limit.clone();
                let answer = site.silently(|| patch(body));
                answer.refused(403, "INSUFFICIENT_PERMISSIONS");
            }
        }
        assert_eq!(
            patch(json!({"name": "y"})).expect(200)["rate_limit_per_minute"],
            5
        );
    }
}
