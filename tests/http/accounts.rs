//! The account endpoints as client libraries use them.

use crate::site::Site;
use fluxbase_tests::fixture::{Account, PASSWORD};
use fluxbase_tests::forge;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

const SIGN_UP: &str = "/api/v1/auth/signup";
const SIGN_IN: &str = "/api/v1/auth/signin";

pub fn trials(site: &Arc<Site>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let site = Arc::clone(site);
        let cluster = Arc::clone(&site.database.fixture.cluster);
        trials.push(trial(&cluster, format!("accounts::{name}"), move || {
            body(&site)
        }));
    };
    add("sign_up_sign_in_and_user_are_one_round", round);
    add(
        "unknown_address_and_wrong_password_get_one_answer",
        one_answer,
    );
    add("weak_and_malformed_sign_ups_are_refused", refused);
    add("bodies_that_are_no_credentials_are_refused", bodies);
    add("public_endpoints_ignore_credentials", ignore_credentials);
    add("role_and_app_metadata_are_dropped", dropped);
    add("the_published_keys_verify_the_tokens", jwks);
    add("health_needs_no_credentials", health);
    add("methods_there_are_not_get_405_with_allow", methods);
    add(
        "a_refresh_token_works_once_and_authenticates_nothing",
        refresh,
    );
    add("sign_out_ends_access_and_refresh_at_once", sign_out);
    trials
}

fn round(site: &Site) {
    let body = json!({"email": "Round@Example.com", "password": PASSWORD, "user_metadata": {"nick": "ŕ🐘"}});
    let answer = site.post(SIGN_UP, &body).send();
    let reply = answer.expect(201);
    let account = Account::from_reply(&reply);
    assert_eq!(account.email, "round@example.com");
    assert_eq!(reply["token_type"], "bearer");
    assert!(
        reply["expires_in"]
            .as_i64()
            .is_some_and(|seconds| seconds > 0)
    );
    assert_eq!(reply["user"]["user_metadata"]["nick"], "ŕ🐘");
    assert_eq!(reply["user"]["metadata"], reply["user"]["user_metadata"]);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for path in [SIGN_IN, "/api/v1/auth/login"] {
        let answer = site
            .post(
                path,
                &json!({"email": " ROUND@example.com", "password": PASSWORD}),
            )
            .send();
        let again = Account::from_reply(&answer.expect(200));
        assert_eq!(again.id, account.id);
        let user = site
            .get("/api/v1/auth/user")
            .bearer(&again.token)
            .send()
            .expect(200);
        assert_eq!(user["id"], json!(account.id));
        assert_eq!(user["email"], "round@example.com");
        assert!(!user.to_string().contains("argon2"), "{user}");
    }
    site.get("/api/v1/auth/user")
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
}

fn one_answer(site: &Site) {
    let wrong = |email: &str, password: &str| {
        let answer = site
            .post(SIGN_IN, &json!({"email": email, "password": password}))
            .send();
        let mut body = answer.refused(401, "INVALID_CREDENTIALS");
        body.as_object_mut()
            .expect("an object")
            .remove("request_id");
        // As a set: the framework writes them in random order.
        let headers: BTreeSet<String> = answer
            .headers
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        (body, headers)
    };
    let first = wrong("ann@example.com", "Wrong-Horse-7-Battery");
    assert_eq!(first.0["error"], "Invalid email or password");
    assert_eq!(wrong("nobody@example.com", PASSWORD), first);
    assert_eq!(wrong("not an address", PASSWORD), first);
    assert_eq!(
        wrong("ann@example.com'; drop table auth.users; --", PASSWORD),
        first
    );
    assert_eq!(wrong("ann@example.com", &"x".repeat(10_000)), first);
    site.post(
        SIGN_IN,
        &json!({"email": "ann@example.com", "password": PASSWORD}),
    )
    .send()
    .expect(200);
}

fn refused(site: &Site) {
    for (email, password, code) in [
        ("weak@example.com", "short", "WEAK_PASSWORD"),
        (
            "weak@example.com",
            "all-lower-case-letters-1",
            "WEAK_PASSWORD",
        ),
        ("no address", PASSWORD, "VALIDATION_FAILED"),
        ("a@b\r\nX-Evil: 1", PASSWORD, "VALIDATION_FAILED"),
        ("ann@example.com", PASSWORD, "VALIDATION_FAILED"),
        ("ANN@example.com", PASSWORD, "VALIDATION_FAILED"),
    ] {
        let answer = site
            .post(SIGN_UP, &json!({"email": email, "password": password}))
            .send();
        let body = answer.refused(400, code);
        assert!(
            !body.to_string().contains(password),
            "the password comes back: {body}"
        );
    }
    site.sign_up("strong@example.com");
}

fn bodies(site: &Site) {
    for path in [SIGN_UP, SIGN_IN] {
        for body in [
            "",
            "{",
            "null",
            "[]",
            "7",
            "\"x\"",
            "{}",
            r#"{"email":"a@b.example"}"#,
            r#"{"password":"x"}"#,
            r#"{"email":7,"password":"x"}"#,
            r#"{"email":null,"password":null}"#,
            r#"{"email":["a"],"password":"x"}"#,
            r#"{"email":"","password":""}"#,
            "{\"email\":\"a\\u0000@b.example\",\"password\":\"x\"}",
            "\u{feff}{}",
        ] {
            site.request("POST", path)
                .raw(body)
                .send()
                .refused(400, "INVALID_REQUEST_BODY");
        }
        site.request("POST", path)
            .raw(vec![b'{', 0xff, b'}'])
            .send()
            .refused(400, "INVALID_REQUEST_BODY");
        site.request("POST", path)
            .raw(vec![b' '; 70_000])
            .send()
            .refused(413, "PAYLOAD_TOO_LARGE");
    }
    site.post(
        SIGN_IN,
        &json!({"email": "ann@example.com", "password": PASSWORD, "captcha_token": "x"}),
    )
    .send()
    .expect(200);
}

fn ignore_credentials(site: &Site) {
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    for (name, value) in [
        ("Authorization", "Bearer garbage"),
        ("apikey", "garbage"),
        ("Authorization", "nonsense"),
    ] {
        site.post(SIGN_IN, &body)
            .header(name, value)
            .send()
            .expect(200);
    }
    site.get("/api/v1/auth/user")
        .bearer("garbage")
        .send()
        .refused(401, "INVALID_TOKEN");
}

fn dropped(site: &Site) {
    let body = json!({"email": "choosy@example.com", "password": PASSWORD, "role": "service_role",
        "app_metadata": {"admin": true}, "email_verified": true, "id": site.database.fixture.ann.id});
    let reply = site.post(SIGN_UP, &body).send().expect(201);
    assert_eq!(reply["user"]["role"], "authenticated");
    assert_eq!(reply["user"]["app_metadata"], json!({}));
    assert_eq!(reply["user"]["email_verified"], false);
    assert_eq!(
        forge::payload_of(&Account::from_reply(&reply).token)["role"],
        "authenticated"
    );
}

fn jwks(site: &Site) {
    let keys = site.get("/.well-known/jwks.json").send().expect(200);
    let kid = forge::header_of(&site.database.fixture.ann.token)["kid"].clone();
    let key = keys["keys"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|key| key["kid"] == kid)
        .expect("the signing key");
    assert_eq!(key["alg"], "ES256");
    assert!(key.get("d").is_none(), "the private part is published");
}

fn health(site: &Site) {
    assert_eq!(site.get("/").send().expect(200)["status"], "ok");
    let health = site.get("/health").send();
    assert_eq!(health.status, 200, "{}", health.text());
}

fn methods(site: &Site) {
    for (method, path) in [
        ("GET", SIGN_UP),
        ("DELETE", SIGN_IN),
        ("POST", "/api/v1/auth/user"),
        ("PUT", "/api/v1/tables/things"),
    ] {
        let answer = site.request(method, path).send();
        answer.refused(405, "METHOD_NOT_ALLOWED");
        assert!(answer.header("allow").is_some());
    }
    for path in [
        "/api/v1/nothing",
        "/nothing",
        "/api/v1/tables/",
        "/api/v1/auth/users",
        "/api/v2/tables/things",
    ] {
        let answer = site.get(path).send();
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(answer.json()["request_id"].is_string(), "{path}");
    }
}

const REFRESH: &str = "/api/v1/auth/refresh";

fn refresh(site: &Site) {
    let first = site.sign_up("refresh@example.com");
    let ask = |token: &str| site.post(REFRESH, &json!({"refresh_token": token})).send();
    let answer = ask(&first.refresh);
    let reply = answer.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(reply["token_type"], "bearer");
    let second = Account::from_reply(&reply);
    assert_eq!(second.id, first.id);
    let user = |token: &str| site.get("/api/v1/auth/user").bearer(token).send();
    user(&second.token).expect(200);
    for table in ["/api/v1/auth/user", "/api/v1/tables/notes"] {
        site.get(table)
            .bearer(&second.refresh)
            .send()
            .refused(401, "INVALID_TOKEN");
    }
    // Used again: by a thief or by its owner, nobody can tell. The session ends for both.
    ask(&first.refresh).refused(401, "INVALID_TOKEN");
    ask(&second.refresh).refused(401, "INVALID_TOKEN");
    for token in [&first.token, &second.token] {
        user(token).refused(401, "REVOKED_TOKEN");
    }
    for (body, code) in [
        (json!({}), "INVALID_REQUEST_BODY"),
        (json!([]), "INVALID_REQUEST_BODY"),
        (json!({"refresh_token": 7}), "INVALID_REQUEST_BODY"),
        (json!({"refresh_token": ""}), "INVALID_REQUEST_BODY"),
        (json!({"refresh_token": "a\u{0}b"}), "INVALID_REQUEST_BODY"),
    ] {
        site.post(REFRESH, &body).send().refused(400, code);
    }
    ask("a.b.c").refused(401, "INVALID_TOKEN");
    ask(&second.token).refused(401, "INVALID_TOKEN");
}

fn sign_out(site: &Site) {
    for (nth, path) in ["/api/v1/auth/signout", "/api/v1/auth/logout"]
        .into_iter()
        .enumerate()
    {
        let account = site.sign_up(&format!("out{nth}@example.com"));
        let out = || site.request("POST", path).bearer(&account.token).send();
        let notes = || {
            let request = site.get("/api/v1/tables/notes");
            request.bearer(&account.token).send()
        };
        notes().expect(200);
        assert_eq!(out().expect(200), json!({"message": "Signed out"}));
        notes().refused(401, "REVOKED_TOKEN");
        out().refused(401, "REVOKED_TOKEN");
        site.post(REFRESH, &json!({"refresh_token": account.refresh}))
            .send()
            .refused(401, "INVALID_TOKEN");
    }
    site.request("POST", "/api/v1/auth/signout")
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
}
