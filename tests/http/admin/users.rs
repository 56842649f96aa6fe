//! What administrators do to accounts.

use super::{ENRICHED, Test, members, only_event};
use crate::site::Site;
use fluxbase_tests::fixture::PASSWORD;
use fluxbase_tests::forge;
use fluxbase_tests::http::Response;
use serde_json::{Value, json};

pub const TESTS: &[Test] = &[
    ("a_user_is_made_in_both_spellings", made),
    ("a_user_that_cannot_be_made_is_not", not_made),
    ("a_user_is_changed_by_what_was_sent", changed),
    ("a_change_that_cannot_be_is_none", not_changed),
    ("a_role_holds_at_the_next_request", role),
    ("the_endpoint_of_the_role_changes_nothing_else", role_alone),
    ("a_locked_user_is_out_until_unlocked", locked),
    ("a_deleted_user_is_gone_at_the_next_request", deleted),
    ("without_mail_no_password_is_reset", no_mail),
    ("an_instance_admin_is_a_dashboard_admin", instance_admin),
];

const OTHER: &str = "Wrong-Donkey-8-Staple";

/// Sends it with what the audit is to know.
fn send(site: &Site, token: &str, method: &str, path: &str, body: &Value) -> Response {
    let request = site.by(token, method, path).json(body);
    let request = request.header("X-Request-ID", "admin-1");
    request.header("User-Agent", "console/1.0").send()
}

/// The event of an act sent by `send`.
#[track_caller]
fn assert_event(site: &Site, event: &str, actor: &str, user: &Value, details: &Value) {
    let expected = json!({"outcome": "success", "reason": null, "actor": actor, "user": user, "ip": "127.0.0.1",
        "agent": "console/1.0", "request": "admin-1", "details": details});
    assert_eq!(only_event(site, event), expected);
}

fn made(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    for (nth, path) in ["/admin/users", "/admin/users/invite?type=app"]
        .into_iter()
        .enumerate()
    {
        site.database
            .superuser()
            .batch_execute("delete from audit.events")
            .expect("forgotten");
        let email = format!("made{nth}@example.com");
        let body = json!({"email": email.to_uppercase(), "password": OTHER, "role": "editor", "skip_email": true,
            "user_metadata": {"a": 1}, "app_metadata": {"b": 2}, "email_verified": true});
        let answer = send(site, &root.token, "POST", path, &body);
        let reply = answer.expect(201);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(members(&reply), ["email_sent", "message", "user"]);
        assert_eq!(reply["email_sent"], false);
        let user = &reply["user"];
        assert_eq!(members(user), ENRICHED);
        for (name, value) in [
            ("email", json!(email)),
            ("email_verified", json!(true)),
            ("role", json!("editor")),
            ("user_metadata", json!({"a": 1})),
            ("metadata", json!({"a": 1})),
            ("app_metadata", json!({"b": 2})),
            ("provider", json!("email")),
            ("active_sessions", json!(0)),
            ("last_sign_in", json!(null)),
            ("is_locked", json!(false)),
            ("is_anonymous", json!(false)),
            ("two_factor_enabled", json!(false)),
        ] {
            assert_eq!(user[name], value, "{name}");
        }
        assert_event(
            site,
            "admin.user_create",
            &root.id,
            &user["id"],
            &json!({"role": "editor"}),
        );
        let signed_in = site.sign_in(&email, OTHER);
        assert_eq!(forge::payload_of(&signed_in.token)["role"], "editor");
        // Without a password one is made, told once and nowhere written.
        let email = format!("temporary{nth}@example.com");
        let body = json!({"email": email, "skip_email": true});
        let answer = send(site, &root.token, "POST", path, &body);
        let reply = answer.expect(201);
        assert_eq!(reply["email_sent"], false);
        let password = reply["temporary_password"].as_str().expect("a password");
        assert_eq!(reply["user"]["role"], "authenticated");
        let written = format!(
            "select count(*) from auth.users u, audit.events e where position('{password}' in u::text || e::text) > 0"
        );
        assert_eq!(site.count(&written), 0);
        let row = send(
            site,
            &root.token,
            "GET",
            &format!("/admin/users/{}", reply["user"]["id"].as_str().expect("id")),
            &json!({}),
        );
        assert!(!row.text().contains(password), "{}", row.text());
        // This server sends no mail: what was not asked to be skipped is, and the reply says so.
        for (turn, skip) in [json!(null), json!(false), json!("no")].iter().enumerate() {
            let email = format!("unmailed{nth}-{turn}@example.com");
            let body = json!({"email": email, "skip_email": skip});
            let reply = send(site, &root.token, "POST", path, &body).expect(201);
            assert_eq!(
                members(&reply),
                ["email_sent", "message", "temporary_password", "user"]
            );
            assert_eq!(reply["email_sent"], false);
        }
        assert_eq!(site.count(INVITATIONS), 0);
    }
}

const INVITATIONS: &str = "select count(*) from auth.one_time_tokens where kind = 'invitation'";

/// With nothing but an address somebody is invited, where mail leaves.
pub fn invited(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    for (nth, path) in ["/admin/users", "/admin/users/invite"].iter().enumerate() {
        let email = format!("invited{nth}@example.com");
        let answer = send(site, &root.token, "POST", path, &json!({"email": email}));
        let reply = answer.expect(201);
        assert_eq!(members(&reply), ["email_sent", "message", "user"]);
        assert_eq!(reply["email_sent"], true);
        let queued = format!(
            "{INVITATIONS} and user_id = '{}'",
            reply["user"]["id"].as_str().expect("id")
        );
        assert_eq!(site.count(&queued), 1);
    }
}

fn not_made(site: &Site) {
    let chief = site.with_role("chief@example.com", "admin");
    let good = json!({"email": "new@example.com", "password": OTHER, "skip_email": true});
    let bodies = [
        (json!({"email": null}), 400, "INVALID_REQUEST_BODY"),
        (json!({"email": ""}), 400, "INVALID_REQUEST_BODY"),
        (json!({"email": ["a@b.c"]}), 400, "INVALID_REQUEST_BODY"),
        (json!({"email": "no address"}), 400, "VALIDATION_FAILED"),
        (
            json!({"email": "a@b.c\r\nBcc: d@e.f"}),
            400,
            "VALIDATION_FAILED",
        ),
        (json!({"email": "ANN@example.com"}), 409, "ALREADY_EXISTS"),
        (json!({"password": "short"}), 400, "WEAK_PASSWORD"),
        (
            json!({"password": "New@example.com-1"}),
            400,
            "WEAK_PASSWORD",
        ),
        (json!({"password": 7}), 400, "INVALID_REQUEST_BODY"),
        (json!({"role": 7}), 400, "VALIDATION_FAILED"),
        (json!({"role": ""}), 403, "INVALID_ROLE"),
        (json!({"role": "anon"}), 403, "INVALID_ROLE"),
        (json!({"role": "a b"}), 403, "INVALID_ROLE"),
        (
            json!({"role": "dashboard_admin"}),
            403,
            "INSUFFICIENT_PERMISSIONS",
        ),
        (
            json!({"role": "service_role"}),
            403,
            "INSUFFICIENT_PERMISSIONS",
        ),
        (json!({"user_metadata": []}), 400, "VALIDATION_FAILED"),
        (json!({"app_metadata": "x"}), 400, "VALIDATION_FAILED"),
        (
            json!({"app_metadata": {"x": "y".repeat(2048)}}),
            400,
            "VALIDATION_FAILED",
        ),
        (
            json!({"password": null, "password_hash": "plain"}),
            400,
            "VALIDATION_FAILED",
        ),
        (
            json!({"password_hash": "$argon2id$v=19$m=19456,t=2,p=1$YWFhYWFhYWE$YWFhYWFhYWFhYWFhYWFhYQ"}),
            400,
            "VALIDATION_FAILED",
        ),
    ];
    for path in ["/admin/users", "/admin/users/invite"] {
        for (change, status, code) in &bodies {
            let mut body = good.clone();
            for (name, value) in change.as_object().expect("members") {
                body[name] = value.clone();
            }
            let answer = site.silently(|| send(site, &chief.token, "POST", path, &body));
            answer.refused(*status, code);
            assert!(!answer.text().contains(OTHER), "{}", answer.text());
        }
    }
    let answer = send(site, &chief.token, "POST", "/admin/users", &good);
    answer.expect(201);
}

fn changed(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let bob = site.database.fixture.bob.clone();
    let path = format!("/admin/users/{}", bob.id);
    let body = json!({"user_metadata": {"a": 1}, "app_metadata": {"b": 2}, "email_verified": true});
    let user = send(site, &root.token, "PATCH", &path, &body).expect(200);
    assert_eq!(members(&user), ENRICHED);
    assert_eq!(
        (
            &user["user_metadata"],
            &user["app_metadata"],
            &user["email_verified"]
        ),
        (&json!({"a": 1}), &json!({"b": 2}), &json!(true))
    );
    assert_eq!(
        (&user["id"], &user["role"]),
        (&json!(bob.id), &json!("authenticated"))
    );
    assert_event(
        site,
        "admin.user_update",
        &root.id,
        &json!(bob.id),
        &json!({}),
    );
    // What the token says is no longer so.
    site.by(&bob.token, "GET", "/auth/user")
        .send()
        .refused(401, "REVOKED_TOKEN");
    let bob = site.sign_in("bob@example.com", PASSWORD);
    let body = json!({"password": OTHER, "email": "Robert@example.com"});
    let user = send(site, &root.token, "PATCH", &path, &body).expect(200);
    assert_eq!(user["email"], "robert@example.com");
    assert_eq!(user["active_sessions"], 0);
    site.by(&bob.token, "GET", "/auth/user")
        .send()
        .refused(401, "REVOKED_TOKEN");
    site.ask("/refresh", &json!({"refresh_token": bob.refresh}))
        .refused(401, "INVALID_TOKEN");
    site.try_sign_in("robert@example.com", PASSWORD)
        .refused(401, "INVALID_CREDENTIALS");
    site.try_sign_in("bob@example.com", OTHER)
        .refused(401, "INVALID_CREDENTIALS");
    // The administrator knows it, so it only lets its user choose another.
    let chosen = site.try_sign_in("robert@example.com", OTHER);
    chosen.refused(403, "PASSWORD_EXPIRED");
}

fn not_changed(site: &Site) {
    let chief = site.with_role("chief@example.com", "admin");
    let bob = &site.database.fixture.bob;
    let path = format!("/admin/users/{}", bob.id);
    for (body, status, code) in [
        (json!([]), 400, "INVALID_REQUEST_BODY"),
        (json!({"email": "no address"}), 400, "VALIDATION_FAILED"),
        (
            json!({"email": "ann@example.com"}),
            400,
            "VALIDATION_FAILED",
        ),
        (json!({"email": 7}), 400, "VALIDATION_FAILED"),
        (json!({"password": "short"}), 400, "WEAK_PASSWORD"),
        (
            json!({"password": "Bob@example.com-1"}),
            400,
            "WEAK_PASSWORD",
        ),
        (json!({"role": "anon"}), 403, "INVALID_ROLE"),
        (
            json!({"role": "dashboard_admin"}),
            403,
            "INSUFFICIENT_PERMISSIONS",
        ),
        (json!({"user_metadata": null}), 400, "VALIDATION_FAILED"),
        (json!({"app_metadata": [1]}), 400, "VALIDATION_FAILED"),
    ] {
        // Beside something that could be done: nothing is.
        let mut body = body;
        if let Some(members) = body.as_object_mut() {
            members.insert("email_verified".to_owned(), true.into());
        }
        let answer = site.silently(|| send(site, &chief.token, "PATCH", &path, &body));
        answer.refused(status, code);
    }
    let nobody = "/admin/users/00000000-0000-4000-8000-000000000001";
    let change = json!({"email_verified": true});
    site.silently(|| send(site, &chief.token, "PATCH", nobody, &change))
        .refused(404, "NOT_FOUND");
    site.silently(|| send(site, &chief.token, "PATCH", "/admin/users/me", &change))
        .refused(400, "INVALID_REQUEST_BODY");
    send(site, &chief.token, "PATCH", &path, &change).expect(200);
}

fn role(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let bob = site.database.fixture.bob.clone();
    let path = format!("/admin/users/{}/role", bob.id);
    let list = |token: &str| site.by(token, "GET", "/admin/users").send();
    list(&bob.token).refused(403, "ADMIN_REQUIRED");
    let user = send(site, &root.token, "PATCH", &path, &json!({"role": "admin"})).expect(200);
    assert_eq!(members(&user), ENRICHED);
    assert_eq!(user["role"], "admin");
    let details = json!({"from": "authenticated", "to": "admin"});
    assert_event(
        site,
        "admin.role_change",
        &root.id,
        &json!(bob.id),
        &details,
    );
    // The old token does not say so, and is refused rather than believed.
    list(&bob.token).refused(401, "REVOKED_TOKEN");
    let refreshed = site
        .ask("/refresh", &json!({"refresh_token": bob.refresh}))
        .expect(200);
    let chief = fluxbase_tests::fixture::Account::from_reply(&refreshed);
    list(&chief.token).expect(200);
    // And taken away again: nothing is left of it.
    let back = json!({"role": "authenticated"});
    send(site, &root.token, "PATCH", &path, &back).expect(200);
    list(&chief.token).refused(401, "REVOKED_TOKEN");
    let refreshed = site
        .ask("/refresh", &json!({"refresh_token": chief.refresh}))
        .expect(200);
    let bob = fluxbase_tests::fixture::Account::from_reply(&refreshed);
    list(&bob.token).refused(403, "ADMIN_REQUIRED");
}

/// Attack: whoever lets a console through that may change roles does not mean passwords.
fn role_alone(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let bob = site.database.fixture.bob.clone();
    let path = format!("/admin/users/{}/role", bob.id);
    let beside = json!({"password": OTHER, "email": "x@example.com", "app_metadata": {"a": 1}, "user_metadata": {"a": 1},
        "email_verified": true});
    for role in [json!(null), json!(""), json!(7), json!(["admin"])] {
        let mut body = beside.clone();
        body["role"] = role;
        let answer = site.silently(|| send(site, &root.token, "PATCH", &path, &body));
        answer.refused(400, "INVALID_REQUEST_BODY");
    }
    let mut body = beside;
    body["role"] = json!("editor");
    let user = send(site, &root.token, "PATCH", &path, &body).expect(200);
    assert_eq!(user["role"], "editor");
    let untouched = "select count(*) from auth.users where email = 'bob@example.com' and role = 'editor' and not email_verified \
                     and user_metadata = '{}' and app_metadata = '{}'";
    assert_eq!(site.count(untouched), 1);
    site.sign_in("bob@example.com", PASSWORD);
}

fn locked(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let bob = site.database.fixture.bob.clone();
    let path = |verb: &str| format!("/admin/users/{}{verb}", bob.id);
    let is_locked = || {
        let user = site.by(&root.token, "GET", &path("")).send().expect(200);
        user["is_locked"].clone()
    };
    let reply = send(site, &root.token, "POST", &path("/lock"), &json!({})).expect(200);
    assert_eq!(reply, json!({"message": "The user was locked"}));
    assert_event(
        site,
        "admin.user_lock",
        &root.id,
        &json!(bob.id),
        &json!({}),
    );
    assert_eq!(is_locked(), true);
    site.by(&bob.token, "GET", "/auth/user")
        .send()
        .refused(401, "REVOKED_TOKEN");
    site.ask("/refresh", &json!({"refresh_token": bob.refresh}))
        .refused(401, "INVALID_TOKEN");
    let refused = site
        .try_sign_in("bob@example.com", PASSWORD)
        .refused(401, "INVALID_CREDENTIALS");
    assert_eq!(refused["error"], "Invalid email or password");
    let reply = send(site, &root.token, "POST", &path("/unlock"), &json!({})).expect(200);
    assert_eq!(reply, json!({"message": "The user was unlocked"}));
    assert_event(
        site,
        "admin.user_unlock",
        &root.id,
        &json!(bob.id),
        &json!({}),
    );
    assert_eq!(is_locked(), false);
    site.by(&bob.token, "GET", "/auth/user")
        .send()
        .refused(401, "REVOKED_TOKEN");
    // It opens what too many wrong passwords closed, too.
    for _ in 0..5 {
        site.try_sign_in("bob@example.com", OTHER)
            .refused(401, "INVALID_CREDENTIALS");
    }
    site.try_sign_in("bob@example.com", PASSWORD)
        .refused(401, "INVALID_CREDENTIALS");
    send(site, &root.token, "POST", &path("/unlock"), &json!({})).expect(200);
    site.sign_in("bob@example.com", PASSWORD);
}

fn deleted(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let bob = site.database.fixture.bob.clone();
    let path = format!("/admin/users/{}", bob.id);
    let reply = send(
        site,
        &root.token,
        "DELETE",
        &format!("{path}?type=app"),
        &json!({}),
    )
    .expect(200);
    assert_eq!(reply, json!({"message": "The user was deleted"}));
    assert_event(
        site,
        "admin.user_delete",
        &root.id,
        &json!(bob.id),
        &json!({}),
    );
    site.by(&bob.token, "GET", "/tables/notes")
        .send()
        .refused(401, "REVOKED_TOKEN");
    site.ask("/refresh", &json!({"refresh_token": bob.refresh}))
        .refused(401, "INVALID_TOKEN");
    site.try_sign_in("bob@example.com", PASSWORD)
        .refused(401, "INVALID_CREDENTIALS");
    for (method, path) in [
        ("DELETE", path.clone()),
        ("GET", path.clone()),
        ("POST", format!("{path}/lock")),
    ] {
        let answer = site.silently(|| site.by(&root.token, method, &path).send());
        let refusal = answer.refused(404, "NOT_FOUND");
        assert_eq!(refusal["error"], "There is no such user");
    }
    // The address is free again, and nothing of the old account is in the new one.
    let again = site.sign_up("bob@example.com");
    assert_ne!(again.id, bob.id);
}

/// Nobody would learn how to get in again.
fn no_mail(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let path = format!(
        "/admin/users/{}/reset-password",
        site.database.fixture.bob.id
    );
    let answer = site.silently(|| send(site, &root.token, "POST", &path, &json!({})));
    answer.refused(400, "SMTP_NOT_CONFIGURED");
    site.sign_in("bob@example.com", PASSWORD);
}

fn instance_admin(site: &Site) {
    let instance = site.with_role("instance@example.com", "instance_admin");
    let root = site.with_role("root@example.com", "dashboard_admin");
    for path in [
        "/admin/users",
        "/admin/service-keys",
        "/admin/audit",
        "/admin/me",
    ] {
        site.by(&instance.token, "GET", path).send().expect(200);
    }
    let path = format!("/admin/users/{}", root.id);
    send(
        site,
        &instance.token,
        "POST",
        &format!("{path}/lock"),
        &json!({}),
    )
    .expect(200);
    let list = site
        .by(&instance.token, "GET", "/admin/users?type=dashboard")
        .send();
    assert_eq!(list.expect(200)["total"], 2);
    // Not by the case of its letters.
    let other = site.with_role("other@example.com", "Instance_Admin");
    let refused = site.by(&other.token, "GET", "/admin/users").send();
    refused.refused(403, "ADMIN_REQUIRED");
}
