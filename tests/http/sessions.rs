//! A user's own account and sessions over HTTP: where somebody is signed in, what of the account can be changed, and
//! what a sign-in page is told.

use crate::site::Site;
use fluxbase_tests::fixture::{Account, Fixture, PASSWORD};
use fluxbase_tests::forge;
use fluxbase_tests::http::Response;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

const OTHER: &str = "Wrong-Donkey-8-Staple";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, settings: &'static [(&str, &str)], body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("sessions::{name}"), move || {
            body(&Site::new(&fixture, settings));
        }));
    };
    add("a_session_that_was_revoked_is_over_at_once", &[], revoke);
    add("all_other_sessions_end_and_this_one_does_not", &[], others);
    add(
        "the_address_of_a_stranger_s_header_is_not_believed",
        &[],
        peer,
    );
    add(
        "the_address_a_proxy_saw_is_that_of_the_session",
        &[("SERVER_TRUSTED_PROXIES", "127.0.0.1")],
        forwarded,
    );
    add("own_endpoints_refuse_visitors", &[], visitors);
    add("only_what_is_a_user_s_own_can_be_changed", &[], own_fields);
    add(
        "a_new_password_takes_the_old_one_and_ends_the_rest",
        &[],
        password,
    );
    add("a_nonce_works_once_and_in_its_session", &[], nonce);
    add(
        "an_expired_password_gives_a_way_to_choose_another",
        &[],
        expired,
    );
    add("anonymous_users_are_off_until_switched_on", &[], anonymous);
    add("what_is_switched_off_is_403_and_told", &[], switched_off);
    let limited = &[("RATE_LIMITING_ENABLED", "true")];
    add(
        "the_eleventh_sign_in_is_429_whatever_the_header_says",
        limited,
        limits,
    );
    add(
        "one_address_reaching_its_limit_leaves_others_theirs",
        &[
            ("RATE_LIMITING_ENABLED", "true"),
            ("SERVER_TRUSTED_PROXIES", "127.0.0.1"),
        ],
        limits_behind_a_proxy,
    );
    trials
}

fn sessions(site: &Site, token: &str) -> Vec<Value> {
    let reply = site.by(token, "GET", "/auth/sessions").send().expect(200);
    reply["sessions"].as_array().expect("a list").clone()
}

fn user(site: &Site, token: &str) -> Response {
    site.by(token, "GET", "/auth/user").send()
}

fn revoke(site: &Site) {
    let (first, second) = (
        site.sign_up("two@example.com"),
        site.sign_in("two@example.com", PASSWORD),
    );
    let listed = sessions(site, &second.token);
    assert_eq!(listed.len(), 2);
    let id = |account: &Account| forge::payload_of(&account.token)["session_id"].clone();
    for (account, current) in [(&first, false), (&second, true)] {
        let found = listed.iter().find(|session| session["id"] == id(account));
        let found = found.expect("listed");
        assert_eq!(found["current"], current);
        assert_eq!(found["user_id"], account.id);
        assert!(found["expires_at"].is_string() && found["created_at"].is_string());
    }
    let text = json!(listed).to_string();
    assert!(!text.contains("hash") && !text.contains("eyJ"), "{text}");
    let path = format!("/auth/sessions/{}", id(&first).as_str().expect("text"));
    let delete = |token: &str, path: &str| site.by(token, "DELETE", path).send();
    // Nobody else's, and no hint that it exists.
    delete(&site.database.fixture.bob.token, &path).refused(404, "NOT_FOUND");
    let unknown = "/auth/sessions/00000000-0000-4000-8000-000000000001";
    delete(&second.token, unknown).refused(404, "NOT_FOUND");
    delete(&second.token, "/auth/sessions/mine").refused(400, "INVALID_REQUEST_BODY");
    user(site, &first.token).expect(200);
    assert!(delete(&second.token, &path).expect(200)["message"].is_string());
    user(site, &first.token).refused(401, "REVOKED_TOKEN");
    site.ask("/refresh", &json!({"refresh_token": first.refresh}))
        .refused(401, "INVALID_TOKEN");
    delete(&second.token, &path).refused(404, "NOT_FOUND");
    assert_eq!(sessions(site, &second.token).len(), 1);
}

fn others(site: &Site) {
    let first = site.sign_up("three@example.com");
    let second = site.sign_in("three@example.com", PASSWORD);
    let here = site.sign_in("three@example.com", PASSWORD);
    let ended = site
        .by(&here.token, "DELETE", "/auth/sessions")
        .send()
        .expect(200);
    assert_eq!(ended["ended"], 2);
    for gone in [&first, &second] {
        user(site, &gone.token).refused(401, "REVOKED_TOKEN");
    }
    user(site, &here.token).expect(200);
    user(site, &site.database.fixture.ann.token).expect(200);
}

fn session_of(site: &Site, forwarded: &[&str]) -> Value {
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let mut request = site
        .post("/api/v1/auth/signin", &body)
        .header("User-Agent", "test/1.0 (été)");
    for line in forwarded {
        request = request.header("X-Forwarded-For", line);
    }
    let account = Account::from_reply(&request.send().expect(200));
    let listed = sessions(site, &account.token);
    let current = listed
        .into_iter()
        .find(|session| session["current"] == true);
    current.expect("the current one")
}

fn peer(site: &Site) {
    let session = session_of(site, &["203.0.113.7"]);
    assert_eq!(session["ip"], "127.0.0.1");
    let address: String = site
        .database
        .superuser()
        .query_one(
            "select host(ip) from audit.events where event = 'auth.login' order by at desc limit 1",
            &[],
        )
        .expect("audited")
        .get(0);
    assert_eq!(address, "127.0.0.1");
}

fn forwarded(site: &Site) {
    for (lines, address) in [
        (&["203.0.113.7"][..], "203.0.113.7"),
        // What stands to the left was written by the client.
        (&["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        (&["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        (&["203.0.113.7, 127.0.0.1"], "203.0.113.7"),
        (&["'; drop table auth.users; --"], "127.0.0.1"),
        (&["2001:db8::1"], "2001:db8::1"),
        (&["::ffff:203.0.113.7"], "203.0.113.7"),
        (&[], "127.0.0.1"),
    ] {
        assert_eq!(session_of(site, lines)["ip"], address, "{lines:?}");
    }
}

fn visitors(site: &Site) {
    let id = "00000000-0000-4000-8000-000000000001";
    for (method, path) in [
        ("POST", "/auth/signout"),
        ("POST", "/auth/logout"),
        ("POST", "/admin/logout"),
        ("GET", "/auth/user"),
        ("GET", "/admin/me"),
        ("PATCH", "/auth/user"),
        ("POST", "/auth/reauthenticate"),
        ("GET", "/auth/sessions"),
        ("DELETE", "/auth/sessions"),
        ("DELETE", &format!("/auth/sessions/{id}")),
        ("GET", "/client-keys"),
        ("POST", "/client-keys"),
    ] {
        let ask = |key: Option<&str>| {
            let mut request = site.request(method, &format!("/api/v1{path}"));
            if let Some(key) = key {
                request = request.header("apikey", key);
            }
            let answer = request.json(&json!({"name": "x", "scopes": ["*"]})).send();
            answer.refused(401, "AUTHENTICATION_REQUIRED");
        };
        ask(None);
        ask(Some(&site.database.fixture.anon_key));
    }
}

fn own_fields(site: &Site) {
    let ann = &site.database.fixture.ann;
    let bob = &site.database.fixture.bob;
    let before = user(site, &ann.token).expect(200);
    let patch = |body: &Value| site.by(&ann.token, "PATCH", "/auth/user").json(body).send();
    let body = json!({"role": "service_role", "app_metadata": {"admin": true}, "email_verified": true,
        "id": bob.id, "is_anonymous": true, "disabled_at": null, "user_metadata": {"nick": "ä"},
        "password_hash": "x", "created_at": "2000-01-01T00:00:00Z"});
    let after = patch(&body).expect(200);
    for member in [
        "id",
        "role",
        "app_metadata",
        "email_verified",
        "email",
        "created_at",
    ] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(after["user_metadata"], json!({"nick": "ä"}));
    assert_eq!(after["metadata"], after["user_metadata"]);
    for bad in [json!([]), json!("x"), json!(7)] {
        patch(&json!({"user_metadata": bad})).refused(400, "VALIDATION_FAILED");
    }
    let long = json!({"user_metadata": {"x": "y".repeat(20_000)}});
    patch(&long).refused(400, "VALIDATION_FAILED");
    patch(&json!({"email": 7})).refused(400, "VALIDATION_FAILED");
    let taken = json!({"email": "bob@example.com", "current_password": PASSWORD});
    patch(&taken).refused(400, "VALIDATION_FAILED");
    let unchanged = user(site, &ann.token).expect(200);
    assert_eq!(unchanged["user_metadata"], json!({"nick": "ä"}));
    assert_eq!(
        user(site, &bob.token).expect(200)["email"],
        "bob@example.com"
    );
    // The same address again is no change and needs no proof.
    patch(&json!({"email": "ANN@example.com"})).expect(200);
    // A new one makes tokens that name the old one stale; the refresh token gives those that do not.
    patch(&json!({"email": "anna@example.com", "current_password": PASSWORD})).expect(200);
    user(site, &ann.token).refused(401, "REVOKED_TOKEN");
    let body = json!({"refresh_token": ann.refresh});
    let fresh = Account::from_reply(&site.ask("/refresh", &body).expect(200));
    assert_eq!(forge::payload_of(&fresh.token)["email"], "anna@example.com");
    user(site, &fresh.token).expect(200);
}

fn password(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    let here = site.sign_in("ann@example.com", PASSWORD);
    let patch = |body: &Value| {
        let request = site.by(&here.token, "PATCH", "/auth/user");
        request.json(body).send()
    };
    patch(&json!({"password": OTHER})).refused(403, "REAUTHENTICATION_REQUIRED");
    let wrong = json!({"password": OTHER, "current_password": "Wrong-Horse-7-Battery"});
    patch(&wrong).refused(401, "INVALID_CREDENTIALS");
    for weak in ["short", "Ann@example.com-1", "Password-1234"] {
        let body = json!({"password": weak, "current_password": PASSWORD});
        let answer = patch(&body).refused(400, "WEAK_PASSWORD");
        assert!(!answer.to_string().contains(weak), "{answer}");
    }
    user(site, &ann.token).expect(200);
    patch(&json!({"password": OTHER, "current_password": PASSWORD})).expect(200);
    user(site, &here.token).expect(200);
    user(site, &ann.token).refused(401, "REVOKED_TOKEN");
    site.try_sign_in("ann@example.com", PASSWORD)
        .refused(401, "INVALID_CREDENTIALS");
    site.sign_in("ann@example.com", OTHER);
}

fn nonce(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    let here = site.sign_in("ann@example.com", PASSWORD);
    let reauthenticate = |body: &Value| {
        let request = site.by(&here.token, "POST", "/auth/reauthenticate");
        request.json(body).send()
    };
    // Signed in just now: that is enough. Later it takes the password.
    assert!(reauthenticate(&json!({})).expect(200)["nonce"].is_string());
    site.database
        .superuser()
        .batch_execute("update auth.sessions set authenticated_at = now() - interval '1 h'")
        .expect("long ago");
    reauthenticate(&json!({})).refused(403, "REAUTHENTICATION_REQUIRED");
    let wrong = json!({"password": "Wrong-Horse-7-Battery"});
    reauthenticate(&wrong).refused(401, "INVALID_CREDENTIALS");
    let reply = reauthenticate(&json!({"password": PASSWORD})).expect(200);
    let body = json!({"password": OTHER, "nonce": reply["nonce"]});
    let patch = |token: &str| site.by(token, "PATCH", "/auth/user").json(&body).send();
    patch(&ann.token).refused(401, "INVALID_CREDENTIALS");
    patch(&here.token).expect(200);
    patch(&here.token).refused(401, "INVALID_CREDENTIALS");
    site.sign_in("ann@example.com", OTHER);
}

fn expired(site: &Site) {
    site.configure(&[("password_max_age_days", "90")]);
    site.sign_in("ann@example.com", PASSWORD);
    site.database
        .superuser()
        .batch_execute("update auth.users set password_changed_at = now() - interval '91 d'")
        .expect("aged");
    site.try_sign_in("ann@example.com", "Wrong-Horse-7-Battery")
        .refused(401, "INVALID_CREDENTIALS");
    let refusal = site.try_sign_in("ann@example.com", PASSWORD);
    let refusal = refusal.refused(403, "PASSWORD_EXPIRED");
    assert_eq!(refusal["password_expired"], true);
    assert!(refusal.get("access_token").is_none());
    let confirm = |password: &str| {
        let body = json!({"token": refusal["reset_token"], "new_password": password});
        site.ask("/password/reset/confirm", &body)
    };
    confirm(OTHER).expect(200);
    confirm("Third-Donkey-9-Staple").refused(400, "TOKEN_USED");
    site.sign_in("ann@example.com", OTHER);
}

fn anonymous(site: &Site) {
    let users = "select count(*) from auth.users";
    let before = site.count(users);
    let sign_in = || site.ask("/signin/anonymous", &json!({}));
    sign_in().refused(403, "ANONYMOUS_DISABLED");
    assert_eq!(site.count(users), before);
    site.configure(&[("anonymous_enabled", "true")]);
    let reply = sign_in().expect(200);
    assert_eq!(reply["is_anonymous"], true);
    let token = reply["access_token"].as_str().expect("a token");
    let claims = forge::payload_of(token);
    assert_eq!(claims["is_anonymous"], true);
    assert_eq!(claims["role"], "authenticated");
    assert_eq!(user(site, token).expect(200)["id"], claims["sub"]);
    let body = json!({"email": "kept@example.com", "password": PASSWORD});
    let kept = site
        .by(token, "PATCH", "/auth/user")
        .json(&body)
        .send()
        .expect(200);
    assert_eq!(kept["id"], claims["sub"]);
    assert_eq!(kept["email"], "kept@example.com");
    let account = site.sign_in("kept@example.com", PASSWORD);
    assert_eq!(account.id, claims["sub"]);
    assert_ne!(forge::payload_of(&account.token)["is_anonymous"], true);
}

fn switched_off(site: &Site) {
    let config = || site.get("/api/v1/auth/config").send().expect(200);
    let before = config();
    assert_eq!(before["password_min_length"], 12);
    assert_eq!(before["mfa_available"], true);
    assert_eq!(before["captcha"], json!({"enabled": false}));
    assert!(before["oauth_providers"].is_array() && before["saml_providers"].is_array());
    site.configure(&[
        ("signup_enabled", "false"),
        ("password_login_enabled", "false"),
        ("magic_link_enabled", "false"),
        ("password_min_length", "14"),
        ("allow_user_client_keys", "false"),
    ]);
    let after = config();
    for member in [
        "signup_enabled",
        "password_login_enabled",
        "magic_link_enabled",
    ] {
        assert_eq!(
            (&before[member], &after[member]),
            (&json!(true), &json!(false))
        );
    }
    assert_eq!(after["password_min_length"], 14);
    let body = json!({"email": "new@example.com", "password": PASSWORD});
    site.ask("/signup", &body).refused(403, "SIGNUP_DISABLED");
    for password in [PASSWORD, "Wrong-Horse-7-Battery"] {
        site.try_sign_in("ann@example.com", password)
            .refused(403, "PASSWORD_LOGIN_DISABLED");
    }
    let ann = &site.database.fixture.ann.token;
    site.by(ann, "POST", "/client-keys")
        .json(&json!({"name": "x", "scopes": ["*"]}))
        .send()
        .refused(403, "FEATURE_DISABLED");
    user(site, ann).expect(200);
}

fn limits(site: &Site) {
    let sign_in = |path: &str, nth: usize| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        let header = format!("203.0.113.{nth}");
        site.post(path, &body)
            .header("X-Forwarded-For", &header)
            .send()
    };
    let paths = [
        "/api/v1/auth/signin",
        "/api/v1/auth/login",
        "/api/v1/auth/sign%69n",
    ];
    for nth in 0..10 {
        let answer = sign_in(paths[nth % 3], nth);
        answer.expect(200);
        let left = (9 - nth).to_string();
        assert_eq!(answer.header("x-ratelimit-remaining"), Some(left.as_str()));
        assert_eq!(answer.header("x-ratelimit-limit"), Some("10"));
    }
    for (nth, path) in paths.into_iter().chain(["/api/v1/admin/login"]).enumerate() {
        let answer = sign_in(path, 100 + nth);
        let body = answer.refused(429, "RATE_LIMIT_EXCEEDED");
        assert_eq!(answer.header("x-ratelimit-remaining"), Some("0"));
        let reset: i64 = answer
            .header("x-ratelimit-reset")
            .and_then(|reset| reset.parse().ok())
            .expect("a time");
        assert!((1..=900).contains(&(reset - forge::now())), "{reset}");
        let after: u64 = answer
            .header("retry-after")
            .and_then(|after| after.parse().ok())
            .expect("seconds");
        assert!((1..=900).contains(&after), "{after}");
        assert_eq!(body["retry_after"], after);
    }
    // The limit is on signing in.
    user(site, &site.database.fixture.ann.token).expect(200);
}

fn limits_behind_a_proxy(site: &Site) {
    let sign_in = |forwarded: &str| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        site.post("/api/v1/auth/signin", &body)
            .header("X-Forwarded-For", forwarded)
            .send()
    };
    for nth in 0..10 {
        // The client's own word, to the left of the proxy's, is not counted by.
        sign_in(&format!("198.51.100.{nth}, 203.0.113.1")).expect(200);
    }
    sign_in("198.51.100.99, 203.0.113.1").refused(429, "RATE_LIMIT_EXCEEDED");
    sign_in("203.0.113.2").expect(200);
    // IPv6 clients pick an address of their /64 whenever they like.
    for nth in 0..10 {
        sign_in(&format!("2001:db8::{nth}")).expect(200);
    }
    sign_in("2001:db8::ffff").refused(429, "RATE_LIMIT_EXCEEDED");
    sign_in("2001:db8:0:1::1").expect(200);
}
