//! How service keys and client keys end: at the next request, and for good.

use crate::keys::{NOTES, VAULT, client_key, service_key, text, treasure, with};
use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("key_ends::{name}"), move || {
            body(&Site::new(&fixture, &[]));
        }));
    };
    add(
        "a_service_key_that_ended_is_401_at_the_next_request",
        service_ends,
    );
    add(
        "a_deprecated_or_rotated_key_gives_way_in_its_time",
        replaced,
    );
    add("a_client_key_is_its_owner_s_alone", owners);
    add("a_client_key_ends_with_its_owner_or_its_time", client_ends);
    trials
}

fn service_ends(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let made = service_key(site, &root.token, &json!({"name": "x"}));
    let (key, one) = (
        text(&made, "key"),
        format!("/admin/service-keys/{}", text(&made, "id")),
    );
    let act = |verb: &str| {
        let request = site.by(&root.token, "POST", &format!("{one}/{verb}"));
        request
            .json(&json!({"reason": "leaked"}))
            .send()
            .expect(200)
    };
    let dead = || with(site, "apikey", &key, VAULT).refused(401, "REVOKED_TOKEN");
    let alive = || assert_eq!(with(site, "apikey", &key, VAULT).expect(200), treasure());
    alive();
    assert_eq!(act("disable")["enabled"], false);
    dead();
    assert_eq!(act("enable")["enabled"], true);
    alive();
    let revocations = || {
        let path = format!("{one}/revocations");
        site.by(&root.token, "GET", &path).send().expect(200)
    };
    assert_eq!(revocations(), json!([]));
    let revoked = act("revoke");
    assert_eq!(
        revocations(),
        json!([{"key_id": made["id"], "revoked_at": revoked["revoked_at"], "reason": "leaked", "replaced_by": null}])
    );
    assert!(revoked["revoked_at"].is_string());
    assert_eq!(revoked["revoke_reason"], "leaked");
    dead();
    // For good.
    act("enable");
    dead();
    let gone = service_key(site, &root.token, &json!({"name": "y"}));
    let path = format!("/admin/service-keys/{}", text(&gone, "id"));
    with(site, "apikey", &text(&gone, "key"), VAULT).expect(200);
    let deleted = site.by(&root.token, "DELETE", &path).send().expect(200);
    assert!(deleted["message"].is_string());
    with(site, "apikey", &text(&gone, "key"), VAULT).refused(401, "REVOKED_TOKEN");
    site.by(&root.token, "DELETE", &path)
        .send()
        .refused(404, "NOT_FOUND");
}

fn replaced(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let made = service_key(
        site,
        &root.token,
        &json!({"name": "x", "scopes": ["read:tables"]}),
    );
    let key = text(&made, "key");
    let post = |made: &Value, verb: &str, body: &Value| {
        let path = format!("/admin/service-keys/{}/{verb}", text(made, "id"));
        site.by(&root.token, "POST", &path).json(body).send()
    };
    with(site, "apikey", &key, VAULT).expect(200);
    post(&made, "deprecate", &json!({"grace_period_hours": 1})).expect(200);
    with(site, "apikey", &key, VAULT).expect(200);
    // A later end does not give it more time.
    post(&made, "deprecate", &json!({"grace_period_hours": 0})).expect(200);
    post(&made, "deprecate", &json!({"grace_period_hours": 5})).expect(200);
    with(site, "apikey", &key, VAULT).refused(401, "REVOKED_TOKEN");
    let other = service_key(site, &root.token, &json!({"name": "z"}));
    for bad in [json!("soon"), json!({}), json!(1e300)] {
        post(&other, "deprecate", &json!({"grace_period_hours": bad}))
            .refused(400, "VALIDATION_FAILED");
    }
    with(site, "apikey", &text(&other, "key"), VAULT).expect(200);
    let made = service_key(
        site,
        &root.token,
        &json!({"name": "x", "scopes": ["read:tables"]}),
    );
    let rotated = post(&made, "rotate", &json!({})).expect(200);
    assert_eq!(rotated["name"], "x");
    assert_eq!(rotated["scopes"], json!(["read:tables"]));
    with(site, "apikey", &text(&made, "key"), VAULT).refused(401, "REVOKED_TOKEN");
    with(site, "apikey", &text(&rotated, "key"), VAULT).expect(200);
    post(&made, "rotate", &json!({})).refused(404, "NOT_FOUND");
}

fn owners(site: &Site) {
    let fixture = &site.database.fixture;
    let options = json!({"name": "phone", "scopes": ["read:tables"]});
    let made = client_key(site, &fixture.ann.token, &options);
    let one = format!("/client-keys/{}", text(&made, "id"));
    let act = |token: &str, method: &str, path: &str| {
        let request = site.by(token, method, path);
        match method {
            "GET" => request.send(),
            _ => request.json(&json!({"name": "stolen"})).send(),
        }
    };
    let revoke = format!("{one}/revoke");
    for (method, path) in [
        ("GET", &one),
        ("PATCH", &one),
        ("POST", &revoke),
        ("DELETE", &one),
    ] {
        act(&fixture.bob.token, method, path).refused(404, "NOT_FOUND");
    }
    let list = |token: &str| act(token, "GET", "/client-keys").expect(200);
    assert_eq!(
        list(&fixture.bob.token),
        json!({"client_keys": [], "total": 0})
    );
    let own = list(&fixture.ann.token);
    assert_eq!(own["total"], 1);
    assert_eq!(own["client_keys"][0]["name"], "phone");
    assert_eq!(
        act(&fixture.ann.token, "GET", &one).expect(200),
        own["client_keys"][0]
    );
    assert!(
        !own.to_string().contains(&text(&made, "key")[12..]),
        "{own}"
    );
    let body = json!({"name": "tablet", "scopes": ["*"], "user_id": fixture.bob.id});
    let patch = site.by(&fixture.ann.token, "PATCH", &one).json(&body);
    let changed = patch.send().expect(200);
    assert_eq!(changed["name"], "tablet");
    // More than the name would be another key.
    assert_eq!(changed["scopes"], json!(["read:tables"]));
    assert_eq!(changed["user_id"], fixture.ann.id);
    let key = text(&made, "key");
    with(site, "clientkey", &key, NOTES).expect(200);
    act(&fixture.ann.token, "POST", &revoke).expect(200);
    with(site, "clientkey", &key, NOTES).refused(401, "REVOKED_TOKEN");
    act(&fixture.ann.token, "DELETE", &one).expect(200);
    act(&fixture.ann.token, "GET", &one).refused(404, "NOT_FOUND");
}

fn client_ends(site: &Site) {
    let fixture = &site.database.fixture;
    let key = |options: &Value| text(&client_key(site, &fixture.ann.token, options), "key");
    let lasting = key(&json!({"name": "x", "scopes": ["*"]}));
    let now = site.count("select extract(epoch from now())::bigint");
    let end = site.database.superuser().query_one(
        "select to_json(to_timestamp($1::float8 + 3))::text",
        &[&(now as f64)],
    );
    let end: String = end.expect("a time").get(0);
    let short = key(&json!({"name": "x", "scopes": ["*"], "expires_at": end.trim_matches('"')}));
    with(site, "clientkey", &short, NOTES).expect(200);
    with(site, "clientkey", &lasting, NOTES).expect(200);
    std::thread::sleep(Duration::from_millis(3500));
    with(site, "clientkey", &short, NOTES).refused(401, "REVOKED_TOKEN");
    let root = site.with_role("root@example.com", "dashboard_admin");
    let act = |verb: &str| {
        let path = format!("/admin/users/{}/{verb}", fixture.ann.id);
        site.by(&root.token, "POST", &path).send().expect(200);
    };
    act("lock");
    with(site, "clientkey", &lasting, NOTES).refused(401, "REVOKED_TOKEN");
    act("unlock");
    with(site, "clientkey", &lasting, NOTES).expect(200);
}
