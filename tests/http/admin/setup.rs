//! The first administrator, and the doors of the console.

use super::{Test, members, only_event};
use crate::site::Site;
use fluxbase_tests::fixture::{Account, PASSWORD};
use fluxbase_tests::forge;
use fluxbase_tests::http::Response;
use serde_json::{Value, json};
use std::thread;

pub const TESTS: &[Test] = &[
    ("without_a_token_configured_nobody_sets_up", disabled),
    (
        "a_wrong_setup_token_makes_nobody_an_administrator",
        wrong_token,
    ),
    ("the_setup_makes_one_administrator_and_closes", setup),
    ("of_ten_who_set_up_at_once_one_is_the_administrator", race),
    ("the_console_signs_in_refreshes_and_signs_out", console),
    ("who_is_no_administrator_is_nobody_to_the_console", not_me),
];

const TOKEN: &str = "a-setup-token-of-thirty-two-characters";

fn set_up(site: &Site, change: &Value) -> Response {
    let mut body = json!({"email": "Root@Example.com", "password": PASSWORD, "name": "Ruth", "setup_token": TOKEN});
    for (name, value) in change.as_object().expect("members") {
        body[name] = value.clone();
    }
    site.post("/api/v1/admin/setup", &body).send()
}

fn status(site: &Site) -> Value {
    site.get("/api/v1/admin/setup/status").send().expect(200)
}

fn disabled(site: &Site) {
    for token in [json!(TOKEN), json!(""), json!(null)] {
        let answer = site.silently(|| set_up(site, &json!({"setup_token": token})));
        answer.refused(403, "SETUP_DISABLED");
    }
    assert_eq!(
        status(site),
        json!({"has_admin": false, "needs_setup": true})
    );
    site.configure(&[("setup_token", TOKEN)]);
    set_up(site, &json!({})).expect(200);
}

fn wrong_token(site: &Site) {
    site.configure(&[("setup_token", TOKEN)]);
    let before = site.database.state();
    let wrong = [
        json!(null),
        json!(""),
        json!("a-setup-token-of-thirty-two-character"),
        json!("A-setup-token-of-thirty-two-characters"),
        json!("a-setup-token-of-thirty-two-characters "),
        json!("x' or '1'='1"),
    ];
    for token in &wrong {
        let answer = set_up(site, &json!({"setup_token": token}));
        let body = answer.refused(403, "INVALID_SETUP_TOKEN");
        assert!(!body.to_string().contains("thirty"), "{body}");
    }
    assert_eq!(site.database.state(), before);
    // Guesses are written down.
    assert_eq!(
        site.database.events("admin.setup"),
        vec!["failure wrong_setup_token"; wrong.len()]
    );
    for token in [json!(7), json!([TOKEN])] {
        let answer = site.silently(|| set_up(site, &json!({"setup_token": token})));
        answer.refused(400, "INVALID_REQUEST_BODY");
    }
    assert_eq!(status(site)["has_admin"], false);
}

fn setup(site: &Site) {
    site.configure(&[("setup_token", TOKEN)]);
    for (change, code) in [
        (json!({"email": null}), "INVALID_REQUEST_BODY"),
        (json!({"password": ""}), "INVALID_REQUEST_BODY"),
        (json!({"email": "no address"}), "VALIDATION_FAILED"),
        (json!({"password": "short"}), "WEAK_PASSWORD"),
        (json!({"password": "Root@example.com-1"}), "WEAK_PASSWORD"),
    ] {
        site.silently(|| set_up(site, &change)).refused(400, code);
    }
    // What else is sent is passed over.
    let beside = json!({"role": "service_role", "app_metadata": {"a": 1}, "id": site.database.fixture.ann.id});
    let answer = set_up(site, &beside);
    let reply = answer.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(
        members(&reply),
        [
            "access_token",
            "expires_in",
            "refresh_token",
            "token_type",
            "user"
        ]
    );
    let root = Account::from_reply(&reply);
    assert_eq!(root.email, "root@example.com");
    let user = &reply["user"];
    assert_eq!(
        (
            &user["role"],
            &user["email_verified"],
            &user["user_metadata"],
            &user["app_metadata"]
        ),
        (
            &json!("dashboard_admin"),
            &json!(true),
            &json!({"name": "Ruth"}),
            &json!({})
        )
    );
    assert_eq!(
        status(site),
        json!({"has_admin": true, "needs_setup": false})
    );
    let event = only_event(site, "admin.setup");
    assert_eq!(
        (&event["outcome"], &event["user"]),
        (&json!("success"), &json!(root.id))
    );
    site.by(&root.token, "GET", "/admin/users")
        .send()
        .expect(200);
    // Closed, whoever comes and with the right token.
    for email in ["root@example.com", "second@example.com", "ann@example.com"] {
        let answer = site.silently(|| set_up(site, &json!({"email": email})));
        answer.refused(403, "SETUP_ALREADY_COMPLETED");
    }
    site.try_sign_in("second@example.com", PASSWORD)
        .refused(401, "INVALID_CREDENTIALS");
}

fn race(site: &Site) {
    site.configure(&[("setup_token", TOKEN)]);
    let answers: Vec<Response> = thread::scope(|scope| {
        let all: Vec<_> = (0..10)
            .map(|nth| {
                scope.spawn(move || {
                    set_up(site, &json!({"email": format!("root{nth}@example.com")}))
                })
            })
            .collect();
        all.into_iter()
            .map(|one| one.join().expect("answered"))
            .collect()
    });
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.refused(403, "SETUP_ALREADY_COMPLETED");
    }
    assert_eq!(
        site.count("select count(*) from auth.users where email like 'root%'"),
        1
    );
    assert_eq!(
        site.count("select count(*) from auth.users where role = 'dashboard_admin'"),
        1
    );
}

fn console(site: &Site) {
    site.with_role("root@example.com", "dashboard_admin");
    let sign_in = |body: &Value| site.post("/api/v1/admin/login", body).send();
    let answer = sign_in(&json!({"email": " ROOT@example.com", "password": PASSWORD}));
    let reply = answer.expect(200);
    assert_eq!(
        members(&reply),
        [
            "access_token",
            "expires_in",
            "refresh_token",
            "token_type",
            "user"
        ]
    );
    assert_eq!(
        (&reply["user"]["role"], &reply["token_type"]),
        (&json!("dashboard_admin"), &json!("bearer"))
    );
    let root = Account::from_reply(&reply);
    let me = |token: &str| site.by(token, "GET", "/admin/me").send();
    assert_eq!(me(&root.token).expect(200), reply["user"]);
    // One answer, whatever was wrong: that there is such an administrator is not told.
    let wrong = |email: &str, password: &str| {
        let answer = sign_in(&json!({"email": email, "password": password}));
        crate::acts::without_id(answer.refused(401, "INVALID_CREDENTIALS"))
    };
    let first = wrong("root@example.com", "Wrong-Horse-7-Battery");
    assert_eq!(first["error"], "Invalid email or password");
    assert_eq!(wrong("nobody@example.com", PASSWORD), first);
    assert_eq!(wrong("ann@example.com", "Wrong-Horse-7-Battery"), first);
    site.silently(|| sign_in(&json!({"email": "root@example.com"})))
        .refused(400, "INVALID_REQUEST_BODY");
    let refresh = |token: &str| {
        let body = json!({"refresh_token": token});
        site.post("/api/v1/admin/refresh", &body).send()
    };
    let refreshed = refresh(&root.refresh).expect(200);
    let again = Account::from_reply(&refreshed);
    let session = |token: &str| forge::payload_of(token)["session_id"].clone();
    assert_eq!(session(&again.token), session(&root.token));
    let out = || site.by(&again.token, "POST", "/admin/logout").send();
    assert_eq!(out().expect(200), json!({"message": "Signed out"}));
    me(&again.token).refused(401, "REVOKED_TOKEN");
    out().refused(401, "REVOKED_TOKEN");
    refresh(&again.refresh).refused(401, "INVALID_TOKEN");
    // One that was used up ends the session, here as everywhere.
    let third = Account::from_reply(
        &sign_in(&json!({"email": "root@example.com", "password": PASSWORD})).expect(200),
    );
    let fourth = Account::from_reply(&refresh(&third.refresh).expect(200));
    refresh(&third.refresh).refused(401, "INVALID_TOKEN");
    me(&fourth.token).refused(401, "REVOKED_TOKEN");
}

/// Signing in at the console gives a user what signing in gives, and nothing of the console.
fn not_me(site: &Site) {
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let ann = Account::from_reply(&site.post("/api/v1/admin/login", &body).send().expect(200));
    for token in [&ann.token, &site.database.fixture.ann.token] {
        let answer = site.silently(|| site.by(token, "GET", "/admin/me").send());
        answer.refused(403, "ADMIN_REQUIRED");
    }
    site.silently(|| site.get("/api/v1/admin/me").send())
        .refused(401, "AUTHENTICATION_REQUIRED");
    site.by(&ann.token, "GET", "/auth/user").send().expect(200);
    site.by(&ann.token, "POST", "/admin/logout")
        .send()
        .expect(200);
    site.by(&ann.token, "GET", "/auth/user")
        .send()
        .refused(401, "REVOKED_TOKEN");
}
