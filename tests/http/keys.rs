//! Service keys and client keys over HTTP: made, shown once, sent in every header, limited to their scopes.

use crate::site::Site;
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::{Request, Response};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

/// Only service_role reads it.
pub const VAULT: &str = "/api/v1/tables/vault";
/// What a user reads.
pub const NOTES: &str = "/api/v1/tables/notes?select=body&order=id";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("keys::{name}"), move || {
            body(&Site::new(&fixture, &[]));
        }));
    };
    add("a_service_key_is_shown_once_and_stored_hashed", shown_once);
    add("a_key_is_taken_from_every_header_made_for_it", headers);
    add("a_key_in_the_wrong_header_is_401", wrong_header);
    add("authorization_beats_every_key", beaten);
    add("a_missing_scope_is_403_and_named", scopes);
    add("a_key_that_makes_no_sense_is_not_made", nonsense);
    add(
        "a_key_makes_no_keys_and_a_client_key_administers_nothing",
        weaker,
    );
    add("only_high_administrators_make_service_keys", ranks);
    let name = "keys::a_key_that_cannot_be_one_costs_no_connection";
    trials.push(trial(&fixture.cluster, name, || {
        let cluster = Arc::new(Cluster::start(""));
        let own = Arc::new(Fixture::new(Arc::clone(&cluster)));
        malformed(&Site::new(&own, &[]), &cluster);
        drop(own);
    }));
    trials
}

/// A service key with these options.
pub fn service_key(site: &Site, admin: &str, options: &Value) -> Value {
    let request = site.by(admin, "POST", "/admin/service-keys");
    request.json(options).send().expect(201)
}

/// A client key with these options.
pub fn client_key(site: &Site, owner: &str, options: &Value) -> Value {
    let request = site.by(owner, "POST", "/client-keys");
    request.json(options).send().expect(201)
}

/// A member that is a text.
pub fn text(value: &Value, member: &str) -> String {
    value[member].as_str().expect("a text").to_owned()
}

/// A GET with this header.
pub fn with(site: &Site, header: &str, key: &str, target: &str) -> Response {
    site.get(target).header(header, key).send()
}

/// What the vault holds.
pub fn treasure() -> Value {
    json!([{"secret": "treasure"}])
}

fn ann_s() -> Value {
    json!([{"body": "ann private"}, {"body": "bob public"}])
}

fn shown_once(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let options = json!({"name": "backend", "description": "of the shop"});
    let made = service_key(site, &root.token, &options);
    let key = text(&made, "key");
    assert!(key.starts_with("sk_") && key.len() == 46, "{key}");
    assert_eq!(made["key_prefix"], key[..16]);
    assert_eq!(made["scopes"], json!(["*"]));
    assert_eq!(
        (&made["name"], &made["enabled"]),
        (&json!("backend"), &json!(true))
    );
    assert_eq!(made["created_by"], root.id);
    let path = format!("/admin/service-keys/{}", text(&made, "id"));
    let list = site.by(&root.token, "GET", "/admin/service-keys").send();
    let one = site.by(&root.token, "GET", &path).send();
    assert_eq!(list.expect(200), json!([one.expect(200)]));
    for answer in [list, one] {
        assert!(!answer.text().contains(&key[16..]), "{}", answer.text());
        assert!(!answer.text().contains("hash"), "{}", answer.text());
    }
    let row = site.database.superuser().query_one(
        "select (select string_agg(k::text, '') from auth.service_keys k) || (select string_agg(e::text, '') from audit.events e)",
        &[],
    );
    let stored: String = row.expect("read").get(0);
    assert!(!stored.contains(&key[16..]), "{stored}");
    for verb in ["PATCH", "PUT"] {
        let request = site.by(&root.token, verb, &path);
        let changed = request.json(&json!({"name": verb})).send().expect(200);
        assert_eq!(changed["name"], verb);
        assert_eq!(changed["description"], "of the shop");
    }
    let unknown = "/admin/service-keys/00000000-0000-4000-8000-000000000001";
    let request = site.by(&root.token, "GET", unknown);
    request.send().refused(404, "NOT_FOUND");
}

fn headers(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let service = text(
        &service_key(site, &root.token, &json!({"name": "x"})),
        "key",
    );
    let ann = &site.database.fixture.ann;
    let options = json!({"name": "phone", "scopes": ["*"]});
    let made = client_key(site, &ann.token, &options);
    let client = text(&made, "key");
    assert!(client.starts_with("fbk_") && client.len() == 47, "{client}");
    assert_eq!(made["key_prefix"], client[..12]);
    assert_eq!(made["client_key"]["id"], made["id"]);
    assert_eq!(made["user_id"], ann.id);
    for (header, value) in [
        ("X-Service-Key", service.clone()),
        ("Authorization", format!("ServiceKey {service}")),
        ("Authorization", format!("servicekey {service}")),
        ("Authorization", format!("Bearer {service}")),
        ("apikey", service.clone()),
    ] {
        assert_eq!(with(site, header, &value, VAULT).expect(200), treasure());
    }
    for (header, value) in [
        ("X-Client-Key", client.clone()),
        ("clientkey", client.clone()),
        ("Authorization", format!("Bearer {client}")),
        ("apikey", client.clone()),
    ] {
        assert_eq!(with(site, header, &value, NOTES).expect(200), ann_s());
        with(site, header, &value, VAULT).refused(403, "RLS_POLICY_VIOLATION");
    }
    // Not in the address, which is written into logs.
    for parameter in ["apikey", "clientkey", "token"] {
        let target = format!("{VAULT}?{parameter}={service}");
        assert_ne!(site.get(&target).send().status, 200);
    }
}

fn wrong_header(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let service = text(
        &service_key(site, &root.token, &json!({"name": "x"})),
        "key",
    );
    let ann = &site.database.fixture.ann.token;
    let options = json!({"name": "phone", "scopes": ["*"]});
    let client = text(&client_key(site, ann, &options), "key");
    for (header, value) in [
        ("X-Service-Key", client.clone()),
        ("X-Client-Key", service.clone()),
        ("clientkey", service.clone()),
        ("Authorization", format!("ServiceKey {client}")),
        ("Authorization", format!("ServiceKey {ann}")),
        ("Authorization", format!("ClientKey {client}")),
        ("Authorization", service.clone()),
        ("X-Service-Key", ann.clone()),
        ("X-Client-Key", ann.clone()),
        ("X-Service-Key", format!("Bearer {service}")),
        ("apikey", service.replace("sk_", "SK_")),
        ("apikey", format!("{service}A")),
        ("apikey", service[..45].to_owned()),
    ] {
        for target in [NOTES, VAULT] {
            with(site, header, &value, target).refused(401, "INVALID_TOKEN");
        }
    }
    // A key nobody has: as good as one that ended.
    let made_up = format!("sk_{}", "A".repeat(43));
    let answer = with(site, "apikey", &made_up, VAULT);
    assert_eq!(answer.status, 401, "{}", answer.text());
    let twice = site.get(VAULT).header("X-Service-Key", &service);
    let twice = twice.header("X-Service-Key", &service).send();
    twice.refused(401, "INVALID_TOKEN");
}

fn beaten(site: &Site) {
    let fixture = &site.database.fixture;
    let root = site.with_role("root@example.com", "dashboard_admin");
    let service = text(
        &service_key(site, &root.token, &json!({"name": "x"})),
        "key",
    );
    for header in ["X-Service-Key", "apikey"] {
        let both = |target: &str, token: &str| {
            let request = site.get(target).header(header, &service);
            request.bearer(token).send()
        };
        assert_eq!(both(NOTES, &fixture.ann.token).expect(200), ann_s());
        both(VAULT, &fixture.ann.token).refused(403, "RLS_POLICY_VIOLATION");
        // A bad one is not made good by what stands beside it.
        both(VAULT, "garbage").refused(401, "INVALID_TOKEN");
        both(VAULT, &fixture.ann.refresh).refused(401, "INVALID_TOKEN");
    }
    // What a client library does: its key in apikey, and after signing in the user in Authorization.
    let request = site.get(VAULT).header("apikey", &fixture.ann.token);
    let request = request.header("X-Service-Key", &service);
    assert_eq!(request.send().expect(200), treasure());
}

fn scopes(site: &Site) {
    let ann = &site.database.fixture.ann.token;
    let key = |scopes: Value| {
        let options = json!({"name": "x", "scopes": scopes});
        text(&client_key(site, ann, &options), "key")
    };
    let ask = |key: &str, method: &str, path: &str| -> Request {
        let target = format!("/api/v1{path}");
        site.request(method, &target).header("X-Client-Key", key)
    };
    let missing = |answer: Response, scope: &str| {
        let body = answer.refused(403, "INSUFFICIENT_PERMISSIONS");
        assert_eq!(body["error"], "Insufficient permissions");
        assert_eq!(body["required_scope"], scope);
    };
    let note = json!({"body": "by key"});
    let notes = "/tables/notes";
    for reading in [key(json!(["read:tables"])), key(json!(["tables:read"]))] {
        ask(&reading, "GET", notes).send().expect(200);
        let post = ask(&reading, "POST", notes).json(&note).send();
        missing(post, "write:tables");
        let patch = ask(&reading, "PATCH", "/tables/notes?id=eq.1");
        missing(patch.json(&note).send(), "write:tables");
        missing(
            ask(&reading, "DELETE", "/tables/notes?id=eq.1").send(),
            "write:tables",
        );
        missing(ask(&reading, "GET", "/auth/user").send(), "read:auth");
        missing(
            ask(&reading, "GET", "/client-keys").send(),
            "read:clientkeys",
        );
    }
    assert_eq!(site.count("select count(*) from public.notes"), 3);
    let writing = key(json!(["write:tables", "read:tables"]));
    ask(&writing, "POST", notes).json(&note).send().expect(201);
    let account = key(json!(["read:auth"]));
    ask(&account, "GET", "/auth/user").send().expect(200);
    missing(ask(&account, "GET", notes).send(), "read:tables");
    let patch = ask(&account, "PATCH", "/auth/user");
    missing(
        patch.json(&json!({"user_metadata": {}})).send(),
        "write:auth",
    );
    // A service key with fewer scopes is no less limited for passing by every policy.
    let root = site.with_role("root@example.com", "dashboard_admin");
    let options = json!({"name": "x", "scopes": ["read:tables"]});
    let service = text(&service_key(site, &root.token, &options), "key");
    assert_eq!(
        with(site, "apikey", &service, VAULT).expect(200),
        treasure()
    );
    let post = site.post(VAULT, &json!({"secret": "planted"}));
    missing(post.header("apikey", &service).send(), "write:tables");
    missing(
        with(site, "apikey", &service, "/api/v1/admin/users"),
        "read:auth",
    );
}

fn nonsense(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    for path in ["/admin/service-keys", "/client-keys"] {
        for (change, code) in [
            (json!({"name": null}), "MISSING_REQUIRED_FIELD"),
            (json!({"name": ""}), "MISSING_REQUIRED_FIELD"),
            (json!({"name": 7}), "VALIDATION_FAILED"),
            (json!({"name": "x".repeat(256)}), "VALIDATION_FAILED"),
            (json!({"name": "a\u{0}b"}), "INVALID_REQUEST_BODY"),
            (json!({"scopes": []}), "VALIDATION_FAILED"),
            (json!({"scopes": "*"}), "VALIDATION_FAILED"),
            (json!({"scopes": [7]}), "VALIDATION_FAILED"),
            (json!({"scopes": ["everything"]}), "VALIDATION_FAILED"),
            (json!({"expires_at": "soon"}), "VALIDATION_FAILED"),
            (
                json!({"expires_at": "2001-01-01T00:00:00Z"}),
                "VALIDATION_FAILED",
            ),
            (json!({"expires_at": 7}), "VALIDATION_FAILED"),
            (json!({"rate_limit_per_minute": 0}), "VALIDATION_FAILED"),
        ] {
            let mut body = json!({"name": "x", "scopes": ["*"]});
            for (name, value) in change.as_object().expect("members") {
                body[name] = value.clone();
            }
            let request = site.by(&root.token, "POST", path).json(&body);
            let answer = request.send();
            assert_eq!(answer.status, 400, "{path} {body}: {}", answer.text());
            assert_eq!(answer.shaped(400, code)["code"], code);
        }
    }
    let request = site.by(&root.token, "POST", "/client-keys");
    let answer = request.json(&json!({"name": "no scopes"})).send();
    answer.refused(400, "MISSING_REQUIRED_FIELD");
    let made =
        "select (select count(*) from auth.service_keys) + (select count(*) from auth.client_keys)";
    assert_eq!(site.count(made), 0);
}

fn weaker(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let options = json!({"name": "x", "scopes": ["*"]});
    let service = service_key(site, &root.token, &options);
    let client = client_key(site, &root.token, &options);
    let (sk, fbk) = (text(&service, "key"), text(&client, "key"));
    let act =
        |key: &str, method: &str, path: &str| site.by(key, method, path).json(&options).send();
    act(&sk, "POST", "/admin/service-keys").refused(403, "INSUFFICIENT_PERMISSIONS");
    act(&sk, "POST", "/client-keys").refused(401, "AUTHENTICATION_REQUIRED");
    act(&fbk, "POST", "/client-keys").refused(401, "AUTHENTICATION_REQUIRED");
    let one = format!("/admin/service-keys/{}", text(&service, "id"));
    for verb in ["revoke", "deprecate", "disable", "enable", "rotate"] {
        let path = format!("{one}/{verb}");
        act(&sk, "POST", &path).refused(403, "INSUFFICIENT_PERMISSIONS");
        act(&fbk, "POST", &path).refused(403, "ADMIN_REQUIRED");
    }
    act(&sk, "DELETE", &one).refused(403, "INSUFFICIENT_PERMISSIONS");
    for path in ["/admin/users", "/admin/service-keys", "/admin/audit"] {
        site.by(&fbk, "GET", path)
            .send()
            .refused(403, "ADMIN_REQUIRED");
        site.by(&sk, "GET", path).send().expect(200);
    }
    // Nor does it change what signing in needs.
    let body = json!({"password": "Wrong-Donkey-8-Staple"});
    let patch = site.by(&fbk, "PATCH", "/auth/user").json(&body);
    patch.send().refused(401, "AUTHENTICATION_REQUIRED");
    act(&fbk, "POST", "/auth/2fa/setup").refused(401, "AUTHENTICATION_REQUIRED");
    act(&fbk, "POST", "/auth/reauthenticate").refused(401, "AUTHENTICATION_REQUIRED");
}

fn ranks(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let chief = site.with_role("chief@example.com", "admin");
    let made = service_key(site, &root.token, &json!({"name": "x"}));
    let one = format!("/admin/service-keys/{}", text(&made, "id"));
    let revoke = format!("{one}/revoke");
    for (method, path) in [
        ("POST", "/admin/service-keys"),
        ("GET", "/admin/service-keys"),
        ("GET", &one),
        ("PATCH", &one),
        ("DELETE", &one),
        ("POST", &revoke),
    ] {
        let as_ = |request: Request| match method {
            "GET" => request.send(),
            _ => request.json(&json!({"name": "x"})).send(),
        };
        as_(site.by(&chief.token, method, path)).refused(403, "INSUFFICIENT_PERMISSIONS");
        as_(site.by(&site.database.fixture.ann.token, method, path)).refused(403, "ADMIN_REQUIRED");
        let visitor = as_(site.request(method, &format!("/api/v1{path}")));
        assert!(matches!(visitor.status, 401 | 403), "{}", visitor.text());
    }
    let key = text(&made, "key");
    assert_eq!(with(site, "apikey", &key, VAULT).expect(200), treasure());
    assert_eq!(site.count("select count(*) from auth.service_keys"), 1);
}

/// The database is away: whoever gets more than 503 was answered without it.
fn malformed(site: &Site, cluster: &Cluster) {
    with(site, "apikey", &site.database.fixture.service_key, VAULT).expect(200);
    cluster.stop();
    for key in [
        "sk_",
        "sk_short",
        "fbk_short",
        &format!("sk_{}", "A".repeat(44)),
        &format!("fbk_{}!", "A".repeat(42)),
        &format!("sk_{} ", "A".repeat(42)),
        &format!("sk_{}'", "A".repeat(42)),
    ] {
        let bearer = site.get(VAULT).bearer(&format!("{key}."));
        bearer.send().refused(401, "INVALID_TOKEN");
        let padded = format!("{key}.");
        for header in ["apikey", "X-Service-Key", "X-Client-Key", "clientkey"] {
            with(site, header, &padded, VAULT).refused(401, "INVALID_TOKEN");
        }
    }
    let plausible = format!("sk_{}", "A".repeat(43));
    with(site, "apikey", &plausible, VAULT).refused(503, "service_unavailable");
}
