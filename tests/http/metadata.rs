//! Bodies with objects in them: numbers keep their digits all the way, and what PostgreSQL cannot hold is refused in words.

use crate::site::Site;
use fluxbase_tests::fixture::{Fixture, PASSWORD};
use fluxbase_tests::http::Response;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("metadata::{name}"), move || {
            body(&Site::new(&fixture, &[]));
        }));
    };
    add("numbers_keep_every_digit", digits);
    add(
        "what_postgresql_cannot_hold_is_refused_in_every_body",
        cannot,
    );
    trials
}

/// As sent, and as PostgreSQL writes it.
fn written() -> (&'static str, String) {
    let sent = r#"{"a":1.10,"b":1e400,"c":-123456789012345678901234567890,"f":{"$serde_json::private::Number":"x"},"g":{"$serde_json::private::RawValue":"{"}}"#;
    let shown = format!(
        r#"{{"a": 1.10, "b": 1{}, "c": -123456789012345678901234567890, "f": {{"$serde_json::private::Number": "x"}}, "g": {{"$serde_json::private::RawValue": "{{"}}}}"#,
        "0".repeat(400)
    );
    (sent, shown)
}

/// The answer as text: not every reader of JSON knows all these numbers.
#[track_caller]
fn ok(answer: &Response, status: u16) -> String {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.text()
}

/// A text member somewhere in an answer.
fn member(answer: &str, name: &str) -> String {
    let (_, rest) = answer
        .split_once(&format!("\"{name}\": \""))
        .unwrap_or_else(|| panic!("no {name} in {answer}"));
    rest.split('"').next().expect("a text").to_owned()
}

/// Attack: `1e400` in the own metadata was answered 500; 1.10 came back as 1.1, and a number of thirty digits as another.
fn digits(site: &Site) {
    let (sent, shown) = written();
    let root = site.with_role("root@example.com", "dashboard_admin");
    let raw = |token: &str, method: &str, path: &str, body: String| {
        site.by(token, method, path).raw(body).send()
    };
    let body =
        format!(r#"{{"email":"new@example.com","password":"{PASSWORD}","user_metadata":{sent}}}"#);
    let sign_up = site.request("POST", "/api/v1/auth/signup").raw(body);
    let signed_up = ok(&sign_up.send(), 201);
    assert_eq!(signed_up.matches(&shown).count(), 2, "{signed_up}");
    let signed_in = ok(&site.try_sign_in("new@example.com", PASSWORD), 200);
    let refresh = json!({"refresh_token": member(&signed_in, "refresh_token")});
    let refreshed = ok(&site.ask("/refresh", &refresh), 200);
    // The tokens carry it: the server reads them, and so does PostgreSQL.
    for answer in [&signed_up, &refreshed] {
        assert!(answer.contains(&shown), "{answer}");
        let token = member(answer, "access_token");
        let user = ok(&site.by(&token, "GET", "/auth/user").send(), 200);
        assert_eq!(user.matches(&shown).count(), 2, "{user}");
        ok(&site.by(&token, "GET", "/tables/notes").send(), 200);
    }
    let ann = &site.database.fixture.ann;
    let change = format!(r#"{{"user_metadata":{sent}}}"#);
    let changed = ok(&raw(&ann.token, "PATCH", "/auth/user", change), 200);
    assert_eq!(changed.matches(&shown).count(), 2, "{changed}");
    let both = format!(r#""user_metadata":{sent},"app_metadata":{sent}"#);
    for (nth, path) in ["/admin/users", "/admin/users/invite"]
        .into_iter()
        .enumerate()
    {
        let body = format!(r#"{{"email":"made{nth}@example.com",{both}}}"#);
        let made = ok(&raw(&root.token, "POST", path, body), 201);
        assert_eq!(made.matches(&shown).count(), 3, "{made}");
    }
    let bob = format!("/admin/users/{}", site.database.fixture.bob.id);
    let changed = ok(&raw(&root.token, "PATCH", &bob, format!("{{{both}}}")), 200);
    let read = ok(&site.by(&root.token, "GET", &bob).send(), 200);
    for answer in [&changed, &read] {
        assert_eq!(answer.matches(&shown).count(), 3, "{answer}");
    }
    let list = ok(&site.by(&root.token, "GET", "/admin/users").send(), 200);
    assert_eq!(list.matches(&shown).count(), 13, "{list}");
    let acting = json!({"target_user_id": ann.id, "reason": "why"});
    let acting = site
        .by(&root.token, "POST", "/auth/impersonate")
        .json(&acting);
    assert_eq!(ok(&acting.send(), 200).matches(&shown).count(), 4);
    let stored = format!("select count(*) from auth.users where user_metadata::text = '{shown}'");
    assert_eq!(site.count(&stored), 5);
    // In members nobody asks for they do no harm.
    let key = r#"{"name":"k","scopes":["*"],"other":{"n":[1e400]}}"#;
    for path in ["/admin/service-keys", "/client-keys"] {
        ok(&raw(&root.token, "POST", path, key.to_owned()), 201);
    }
}

/// Each body with an object in it, or that is read as one whole.
fn cannot(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let ann = &site.database.fixture.ann;
    let make = |token: &str, path: &str| {
        let body = json!({"name": "k", "scopes": ["*"]});
        let made = site.by(token, "POST", path).json(&body).send().expect(201);
        format!("{path}/{}", made["id"].as_str().expect("an id"))
    };
    let service = make(&root.token, "/admin/service-keys");
    let client = make(&ann.token, "/client-keys");
    let bob = format!("/admin/users/{}", site.database.fixture.bob.id);
    let role = format!("{bob}/role");
    let verb = |verb: &str| format!("{service}/{verb}");
    let (enable, disable, revoke, deprecate) = (
        verb("enable"),
        verb("disable"),
        verb("revoke"),
        verb("deprecate"),
    );
    let client_revoke = format!("{client}/revoke");
    let new = format!(r#""email":"new@example.com","password":"{PASSWORD}""#);
    let bodies: [(&str, &str, &str, &str); 19] = [
        ("", "POST", "/auth/signup", &new),
        (&ann.token, "PATCH", "/auth/user", r#""user_metadata":{}"#),
        (
            &ann.token,
            "POST",
            "/client-keys",
            r#""name":"k","scopes":["*"]"#,
        ),
        (&ann.token, "PATCH", &client, r#""name":"x""#),
        (&ann.token, "POST", &client_revoke, r#""reason":"x""#),
        (&ann.token, "DELETE", &client, r#""reason":"x""#),
        (
            &root.token,
            "POST",
            "/admin/users",
            r#""email":"new@example.com""#,
        ),
        (
            &root.token,
            "POST",
            "/admin/users/invite",
            r#""email":"new@example.com""#,
        ),
        (&root.token, "PATCH", &bob, r#""email_verified":true"#),
        (&root.token, "PATCH", &role, r#""role":"editor""#),
        (&root.token, "POST", "/admin/service-keys", r#""name":"k""#),
        (&root.token, "PATCH", &service, r#""name":"x""#),
        (&root.token, "PUT", &service, r#""name":"x""#),
        (&root.token, "POST", &enable, r#""reason":"x""#),
        (&root.token, "POST", &disable, r#""reason":"x""#),
        (&root.token, "POST", &revoke, r#""reason":"x""#),
        (&root.token, "POST", &deprecate, r#""reason":"x""#),
        (&root.token, "DELETE", &service, r#""reason":"x""#),
        (&ann.token, "POST", "/auth/reauthenticate", r#""nonce":"x""#),
    ];
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    for (token, method, path, members) in bodies {
        for (value, word) in [
            ("1e131072".to_owned(), "more digits"),
            ("-1e-16384".to_owned(), "more digits"),
            (deep(31), "32 levels"),
            (deep(5000), "32 levels"),
            (r#"{"b":"\u0000"}"#.to_owned(), "NUL"),
            (r#"{"b":1,"\u0062":2}"#.to_owned(), "repeated"),
        ] {
            let metadata = if members.contains("user_metadata") {
                format!(r#"{{"user_metadata":{{"a":{value}}}}}"#)
            } else {
                format!(
                    r#"{{{members},"user_metadata":{{"a":{value}}},"app_metadata":{{"a":{value}}}}}"#
                )
            };
            let request = site.request(method, &format!("/api/v1{path}"));
            let request = if token.is_empty() {
                request
            } else {
                request.bearer(token)
            };
            let answer = site.silently(|| request.raw(metadata).send());
            let refusal = answer.refused(400, "INVALID_REQUEST_BODY");
            let said = refusal["error"].as_str().expect("a sentence");
            assert!(said.contains(word), "{method} {path}: {said}");
        }
    }
    // The deepest there may be, and somebody who has it signs in.
    let body = format!(r#"{{{new},"user_metadata":{{"a":{}}}}}"#, deep(30));
    let sign_up = site.request("POST", "/api/v1/auth/signup").raw(body);
    sign_up.send().expect(201);
    let new = site.sign_in("new@example.com", PASSWORD);
    site.by(&new.token, "GET", "/auth/user").send().expect(200);
}
