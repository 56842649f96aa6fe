//! Who acts as nobody, and as whom nobody acts.

use super::{Acting, HEADER, Test, root, start};
use crate::keys::{NOTES, VAULT, client_key, service_key, text};
use crate::site::Site;
use fluxbase_tests::fixture::PASSWORD;
use fluxbase_tests::forge::{self, Es256};
use serde_json::{Value, json};

pub const TESTS: &[Test] = &[
    ("a_token_without_its_administrator_is_refused", alone),
    ("a_token_beside_somebody_else_is_refused", beside_others),
    ("nobody_acts_as_an_administrator_or_as_nobody", never),
    ("without_a_reason_nobody_acts", no_reason),
];

fn alone(site: &Site) {
    let root = root(site);
    let acting = Acting::bob(site, &root);
    for target in [
        NOTES,
        VAULT,
        "/api/v1/auth/user",
        "/api/v1/auth/impersonate",
        "/api/v1/tables/things",
    ] {
        let get = || site.get(target);
        for request in [
            get().header(HEADER, &acting.token),
            get().bearer(&acting.token),
            get().header("apikey", &acting.token),
            get().bearer(&acting.token).header(HEADER, &acting.token),
            get()
                .header("apikey", &acting.token)
                .header(HEADER, &acting.token),
            get().header("X-Service-Key", &acting.token),
        ] {
            site.silently(|| request.send())
                .refused(401, "INVALID_TOKEN");
        }
    }
    // Nor does it end anything, or begin something.
    for (method, path) in [
        ("DELETE", "/auth/impersonate"),
        ("POST", "/auth/signout"),
        ("POST", "/auth/impersonate/anon"),
    ] {
        let request = site
            .by(&acting.token, method, path)
            .json(&json!({"reason": "why"}));
        site.silently(|| request.send())
            .refused(401, "INVALID_TOKEN");
    }
    acting.assert_alive();
}

fn beside_others(site: &Site) {
    let root = root(site);
    let other = site.with_role("other@example.com", "dashboard_admin");
    let ann = site.database.fixture.ann.clone();
    let acting = Acting::bob(site, &root);
    let of_other = Acting::bob(site, &other);
    let options = json!({"name": "k", "scopes": ["*"]});
    let client = text(&client_key(site, &root.token, &options), "key");
    let service = text(&service_key(site, &root.token, &options), "key");
    let mut payload = forge::payload_of(&root.token);
    payload["exp"] = json!(forge::now() - 1);
    let expired = Es256::stolen_from(&mut site.database.superuser()).sign(&payload);
    let fixture = &site.database.fixture;
    for (name, bearer, token, code) in [
        (
            "another administrator",
            &other.token,
            &acting.token,
            "INVALID_TOKEN",
        ),
        (
            "the administrator of another",
            &root.token,
            &of_other.token,
            "INVALID_TOKEN",
        ),
        ("a user", &ann.token, &acting.token, "INVALID_TOKEN"),
        (
            "the user",
            &fixture.bob.token,
            &acting.token,
            "INVALID_TOKEN",
        ),
        (
            "a visitor's key",
            &fixture.anon_key,
            &acting.token,
            "INVALID_TOKEN",
        ),
        (
            "a service key that is a token",
            &fixture.service_key,
            &acting.token,
            "INVALID_TOKEN",
        ),
        ("a service key", &service, &acting.token, "INVALID_TOKEN"),
        (
            "the administrator's client key",
            &client,
            &acting.token,
            "INVALID_TOKEN",
        ),
        (
            "the administrator's refresh token",
            &root.refresh,
            &acting.token,
            "INVALID_TOKEN",
        ),
        (
            "the administrator's expired token",
            &expired,
            &acting.token,
            "EXPIRED_TOKEN",
        ),
        (
            "a token of no impersonation",
            &root.token,
            &fixture.bob.token,
            "INVALID_TOKEN",
        ),
        (
            "the administrator's own token",
            &root.token,
            &root.token,
            "INVALID_TOKEN",
        ),
        (
            "a refresh token of the impersonation",
            &root.token,
            &acting.refresh,
            "INVALID_TOKEN",
        ),
        (
            "nothing that is a token",
            &root.token,
            &"garbage".to_owned(),
            "INVALID_TOKEN",
        ),
        (
            "a service key for a token",
            &root.token,
            &service,
            "INVALID_TOKEN",
        ),
    ] {
        for (method, path) in [
            ("GET", "/tables/notes"),
            ("GET", "/auth/user"),
            ("DELETE", "/auth/impersonate"),
        ] {
            let request = site.by(bearer, method, path).header(HEADER, token);
            let answer = site.silently(|| request.send());
            assert_eq!(answer.status, 401, "{name}: {}", answer.text());
            answer.refused(401, code);
        }
    }
    let twice = acting
        .ask("GET", "/auth/user")
        .header(HEADER, &acting.token);
    twice.send().refused(401, "INVALID_TOKEN");
    acting.assert_alive();
    of_other.assert_alive();
    // Another session of the same administrator is the same administrator.
    let again = site.sign_in("root@example.com", PASSWORD);
    let request = site
        .by(&again.token, "GET", "/auth/user")
        .header(HEADER, &acting.token);
    assert_eq!(request.send().expect(200)["email"], "bob@example.com");
}

fn never(site: &Site) {
    let root = root(site);
    let events = || site.database.events("admin.impersonation").len();
    let target = |id: &Value| json!({"target_user_id": id, "reason": "why"});
    for (nth, role) in ["admin", "dashboard_admin", "instance_admin", "service_role"]
        .into_iter()
        .enumerate()
    {
        let other = site.with_role(&format!("other{nth}@example.com"), role);
        let (before, told) = (site.database.state(), events());
        let answer = start(site, &root.token, "", &target(&json!(other.id)));
        let refusal = answer.refused(403, "ACCESS_DENIED");
        assert_eq!(refusal["error"], "Nobody acts as another administrator");
        assert_eq!(site.database.state(), before, "{role}");
        // Trying is written down.
        assert_eq!(events(), told + 1);
    }
    let answer = start(site, &root.token, "", &target(&json!(root.id)));
    answer.refused(403, "ACCESS_DENIED");
    site.database
        .superuser()
        .batch_execute("update auth.users set disabled_at = now() where email = 'ann@example.com'")
        .expect("locked");
    for (id, status, code) in [
        (
            json!("00000000-0000-4000-8000-000000000001"),
            404,
            "NOT_FOUND",
        ),
        (json!(site.database.fixture.ann.id), 404, "NOT_FOUND"),
        (json!(null), 400, "MISSING_REQUIRED_FIELD"),
        (json!("bob@example.com"), 400, "INVALID_REQUEST_BODY"),
        (json!(""), 400, "INVALID_REQUEST_BODY"),
        (json!(7), 400, "INVALID_REQUEST_BODY"),
    ] {
        let answer = site.silently(|| start(site, &root.token, "", &target(&id)));
        answer.refused(status, code);
    }
    Acting::bob(site, &root).assert_alive();
    // A role there is no endpoint for.
    for path in ["/admin", "/postgres", "/service_role"] {
        let answer = site.silently(|| start(site, &root.token, path, &json!({"reason": "why"})));
        assert!(matches!(answer.status, 404 | 405), "{}", answer.text());
    }
}

fn no_reason(site: &Site) {
    let root = root(site);
    let bob = &site.database.fixture.bob.id;
    for path in ["", "/anon", "/service"] {
        for (reason, code) in [
            (json!(null), "MISSING_REQUIRED_FIELD"),
            (json!(""), "MISSING_REQUIRED_FIELD"),
            (json!(" \t\n"), "MISSING_REQUIRED_FIELD"),
            (json!("x".repeat(1001)), "MISSING_REQUIRED_FIELD"),
            (json!(7), "INVALID_REQUEST_BODY"),
            (json!(["why"]), "INVALID_REQUEST_BODY"),
        ] {
            let body = json!({"target_user_id": bob, "reason": reason});
            let answer = site.silently(|| start(site, &root.token, path, &body));
            answer.refused(400, code);
        }
        let body = json!({"target_user_id": bob, "reason": "x".repeat(1000)});
        start(site, &root.token, path, &body).expect(200);
    }
}
