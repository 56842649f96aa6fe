//! What administrators read.

use super::{ENRICHED, Test, members, only_event};
use crate::site::Site;
use fluxbase_tests::fixture::PASSWORD;
use fluxbase_tests::forge;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub const TESTS: &[Test] = &[
    ("a_filter_that_cannot_be_read_is_refused_by_name", limits),
    ("one_user_is_told_and_an_unknown_one_is_not_found", read_one),
    ("users_are_listed_as_asked_for_and_without_secrets", users),
    ("sessions_of_everybody_are_listed_and_ended", sessions),
    ("the_audit_is_read_by_its_fields_and_holds_no_secret", audit),
    ("the_schema_is_read_again_when_asked", schema),
];

const LIMIT: &str = "a whole number from 0 to 999999999 (1000 are given at most)";

/// An empty page for `limit=-1` looks like a database without users.
fn limits(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let ask = |path: &str, query: &str| {
        let path = format!("{path}?{query}");
        site.silently(|| site.by(&root.token, "GET", &path).send())
    };
    for path in [
        "/admin/users",
        "/admin/auth/sessions",
        "/admin/audit",
        "/auth/impersonate/sessions",
    ] {
        for (name, value, accepted) in [
            ("limit", "-1", LIMIT),
            ("limit", "abc", LIMIT),
            ("limit", "", LIMIT),
            ("limit", "1e3", LIMIT),
            ("limit", "99999999999999999999", LIMIT),
            ("offset", "-1", "a whole number from 0 to 999999999"),
            ("offset", "1%3B2", "a whole number from 0 to 999999999"),
            ("offset", "1%0A", "a whole number from 0 to 999999999"),
            ("exclude_admins", "maybe", "true or false"),
            ("include_expired", "2", "true or false"),
            ("type", "admin", "app or dashboard"),
            ("outcome", "good", "success or failure"),
            ("user_id", "me", "a UUID"),
            (
                "since",
                "soon",
                "a moment, 2026-01-02T03:04:05Z for example",
            ),
        ] {
            let answer = ask(path, &format!("{name}={value}"));
            let said = answer.refused(400, "INVALID_INPUT")["error"].clone();
            assert_eq!(said, format!("{name} must be {accepted}"), "{path}");
        }
        ask(path, "limit=1&limit=2").refused(400, "INVALID_REQUEST_BODY");
        for good in [
            "limit=0",
            "limit=1&offset=0",
            "limit=5000",
            "offset=999999999",
            "since=2026-01-02T03:04:05Z",
        ] {
            ask(path, good).expect(200);
        }
    }
    let users = ask("/admin/users", "limit=5000").expect(200);
    assert_eq!(
        (&users["limit"], &users["total"]),
        (&json!(1000), &json!(3))
    );
    let ann = &site.database.fixture.ann.token;
    let refused = site.by(ann, "GET", "/admin/users?limit=abc").send();
    refused.refused(403, "ADMIN_REQUIRED");
}

fn read_one(site: &Site) {
    let chief = site.with_role("chief@example.com", "admin");
    let ann = &site.database.fixture.ann;
    site.sign_in("ann@example.com", PASSWORD);
    let path = format!("/admin/users/{}", ann.id);
    for path in [
        path.clone(),
        format!("{path}?type=app"),
        path.to_uppercase().replace("/ADMIN/USERS", "/admin/users"),
    ] {
        let answer = site.silently(|| site.by(&chief.token, "GET", &path).send());
        let user = answer.expect(200);
        assert_eq!(members(&user), ENRICHED);
        for (name, value) in [
            ("id", json!(ann.id)),
            ("email", json!("ann@example.com")),
            ("email_verified", json!(false)),
            ("role", json!("authenticated")),
            ("provider", json!("email")),
            ("active_sessions", json!(2)),
            ("is_locked", json!(false)),
            ("two_factor_enabled", json!(false)),
            ("user_metadata", json!({})),
            ("app_metadata", json!({})),
        ] {
            assert_eq!(user[name], value, "{name}");
        }
        for moment in ["created_at", "updated_at", "last_sign_in"] {
            let text = user[moment].as_str().expect("a moment");
            assert!(text.len() == 27 && text.ends_with('Z'), "{text}");
        }
        let list = site
            .by(&chief.token, "GET", "/admin/users?search=ann%40")
            .send();
        assert_eq!(list.expect(200)["users"], json!([user]));
    }
    let unknown = "/admin/users/00000000-0000-4000-8000-000000000001";
    let answer = site.silently(|| site.by(&chief.token, "GET", unknown).send());
    answer.refused(404, "NOT_FOUND");
    for none in ["me", "1", "%27", "00000000-0000-4000-8000-00000000000g"] {
        let answer = site.silently(|| {
            site.by(&chief.token, "GET", &format!("/admin/users/{none}"))
                .send()
        });
        answer.refused(400, "INVALID_REQUEST_BODY");
    }
}

fn users(site: &Site) {
    site.with_role("root@example.com", "dashboard_admin");
    let chief = site.with_role("chief@example.com", "admin");
    let list = |query: &str| {
        let answer = site
            .by(&chief.token, "GET", &format!("/admin/users{query}"))
            .send();
        let list = answer.expect(200);
        assert_eq!(members(&list), ["limit", "offset", "total", "users"]);
        list
    };
    for (query, emails, total, limit, offset) in [
        ("", vec!["ann", "bob", "root", "chief"], 4, 50, 0),
        ("?limit=2&offset=1", vec!["bob", "root"], 4, 2, 1),
        ("?limit=2&offset=9", vec![], 4, 2, 9),
        ("?exclude_admins=true", vec!["ann", "bob"], 2, 50, 0),
        (
            "?exclude_admins=false",
            vec!["ann", "bob", "root", "chief"],
            4,
            50,
            0,
        ),
        ("?type=dashboard", vec!["root"], 1, 50, 0),
        ("?type=app", vec!["ann", "bob", "chief"], 3, 50, 0),
        ("?search=OB%40EXAMPLE", vec!["bob"], 1, 50, 0),
        ("?search=%25", vec![], 0, 50, 0),
        ("?search=%27%20or%20true%20--", vec![], 0, 50, 0),
    ] {
        let list = list(query);
        let found = list["users"].as_array().expect("a list");
        let found: Vec<String> = found
            .iter()
            .map(|user| {
                assert_eq!(members(user), ENRICHED);
                user["email"]
                    .as_str()
                    .expect("an address")
                    .replace("@example.com", "")
            })
            .collect();
        assert_eq!(found, emails, "{query}");
        assert_eq!(
            (&list["total"], &list["limit"], &list["offset"]),
            (&json!(total), &json!(limit), &json!(offset)),
            "{query}"
        );
        let text = list.to_string();
        for secret in ["argon2", "hash", "password", "eyJ"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}

fn sessions(site: &Site) {
    let chief = site.with_role("chief@example.com", "admin");
    let root = site.with_role("root@example.com", "dashboard_admin");
    let fixture = &site.database.fixture;
    let list = |query: &str| {
        let path = format!("/admin/auth/sessions{query}");
        let list = site
            .silently(|| site.by(&chief.token, "GET", &path).send())
            .expect(200);
        assert_eq!(
            members(&list),
            ["count", "limit", "offset", "sessions", "total_count"]
        );
        list
    };
    let all = list("");
    assert_eq!(
        (
            &all["count"],
            &all["total_count"],
            &all["limit"],
            &all["offset"]
        ),
        (&json!(4), &json!(4), &json!(50), &json!(0))
    );
    let newest = &all["sessions"][0];
    assert_eq!(
        members(newest),
        [
            "aal",
            "created_at",
            "ends_at",
            "expires_at",
            "id",
            "impersonated",
            "ip",
            "method",
            "refreshed_at",
            "user_agent",
            "user_email",
            "user_id"
        ]
    );
    assert_eq!(
        (&newest["user_email"], &newest["user_id"], &newest["method"]),
        (
            &json!("root@example.com"),
            &json!(root.id),
            &json!("password")
        )
    );
    assert!(
        !all.to_string().contains("hash") && !all.to_string().contains("eyJ"),
        "{all}"
    );
    let page = list("?limit=1&offset=1");
    assert_eq!(
        (&page["count"], &page["total_count"]),
        (&json!(1), &json!(4))
    );
    assert_eq!(page["sessions"][0]["user_email"], "chief@example.com");
    site.database.superuser().batch_execute(
        "update auth.sessions set expires_at = now() - interval '1 minute' from auth.users u where u.id = user_id and u.email = 'bob@example.com'",
    ).expect("expired");
    assert_eq!(list("")["total_count"], 3);
    assert_eq!(list("?include_expired=true")["total_count"], 4);
    // One ends at the next request, and only that one.
    let here = site.sign_in("ann@example.com", PASSWORD);
    let session = |token: &str| {
        forge::payload_of(token)["session_id"]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    let path = |token: &str| format!("/admin/auth/sessions/{}", session(token));
    let delete = |path: &str| site.by(&chief.token, "DELETE", path).send();
    let reply = delete(&path(&here.token)).expect(200);
    assert_eq!(reply, json!({"message": "The session has ended"}));
    let event = only_event(site, "admin.session_revoke");
    assert_eq!(
        (&event["actor"], &event["user"], &event["details"]),
        (
            &json!(chief.id),
            &json!(fixture.ann.id),
            &json!({"session": session(&here.token)})
        )
    );
    let user = |token: &str| site.by(token, "GET", "/auth/user").send();
    user(&here.token).refused(401, "REVOKED_TOKEN");
    site.ask("/refresh", &json!({"refresh_token": here.refresh}))
        .refused(401, "INVALID_TOKEN");
    user(&fixture.ann.token).expect(200);
    // Not there any more, never there, of somebody above, and no id at all.
    for gone in [
        path(&here.token),
        path(&root.token),
        "/admin/auth/sessions/00000000-0000-4000-8000-000000000001".to_owned(),
    ] {
        site.silently(|| delete(&gone)).refused(404, "NOT_FOUND");
    }
    site.silently(|| delete("/admin/auth/sessions/all"))
        .refused(400, "INVALID_REQUEST_BODY");
    user(&root.token).expect(200);
    // All of one.
    let again = site.sign_in("ann@example.com", PASSWORD);
    let all_of = |id: &str| format!("/admin/auth/sessions/user/{id}");
    let reply = delete(&all_of(&fixture.ann.id)).expect(200);
    assert_eq!(
        reply,
        json!({"message": "Every session and token of the user has ended"})
    );
    assert_eq!(
        only_event(site, "admin.user_revoke")["user"],
        fixture.ann.id
    );
    for token in [&again.token, &fixture.ann.token] {
        user(token).refused(401, "REVOKED_TOKEN");
    }
    let above = site.silently(|| delete(&all_of(&root.id)));
    above.refused(403, "INSUFFICIENT_PERMISSIONS");
    let nobody = all_of("00000000-0000-4000-8000-000000000001");
    site.silently(|| delete(&nobody)).refused(404, "NOT_FOUND");
    user(&root.token).expect(200);
    site.sign_in("ann@example.com", PASSWORD);
}

fn audit(site: &Site) {
    let chief = site.with_role("chief@example.com", "admin");
    let bob = &site.database.fixture.bob;
    site.post(
        "/api/v1/auth/signin",
        &json!({"email": "bob@example.com", "password": "Wrong-Horse-7-Battery"}),
    )
    .header("X-Request-ID", "guess-1")
    .header("User-Agent", "guesser/1.0")
    .send()
    .refused(401, "INVALID_CREDENTIALS");
    site.by(
        &chief.token,
        "POST",
        &format!("/admin/users/{}/lock", bob.id),
    )
    .send()
    .expect(200);
    let read = |query: &str| {
        let path = format!("/admin/audit?{query}");
        let answer = site.silently(|| site.by(&chief.token, "GET", &path).send());
        let reply = answer.expect(200);
        assert_eq!(members(&reply), ["events"]);
        for secret in ["argon2", "Wrong-Horse", "example.com", "eyJ"] {
            assert!(!reply.to_string().contains(secret), "{secret} in {reply}");
        }
        reply["events"].as_array().expect("a list").clone()
    };
    let failed = read(&format!("outcome=failure&user_id={}", bob.id));
    assert_eq!(failed.len(), 1);
    assert_eq!(
        members(&failed[0]),
        [
            "actor_id",
            "at",
            "details",
            "event",
            "id",
            "ip",
            "outcome",
            "reason",
            "request_id",
            "session_id",
            "user_agent",
            "user_id"
        ]
    );
    for (name, value) in [
        ("event", json!("auth.login")),
        ("outcome", json!("failure")),
        ("reason", json!("wrong_password")),
        ("user_id", json!(bob.id)),
        ("actor_id", json!(null)),
        ("session_id", json!(null)),
        ("ip", json!("127.0.0.1")),
        ("user_agent", json!("guesser/1.0")),
        ("request_id", json!("guess-1")),
    ] {
        assert_eq!(failed[0][name], value, "{name}");
    }
    let locked = read("event=admin.user_lock");
    assert_eq!(
        (locked.len(), &locked[0]["actor_id"]),
        (1, &json!(chief.id))
    );
    // Newest first, in pages.
    let all = read("");
    assert_eq!(all[0], locked[0]);
    assert_eq!(read("limit=1&offset=1"), [all[1].clone()]);
    assert_eq!(read("since=2999-01-01T00:00:00Z"), [Value::Null; 0]);
    assert_eq!(read("event=%27%20or%20true%20--"), [Value::Null; 0]);
    let earliest = all.last().expect("one")["at"].as_str().expect("a moment");
    assert_eq!(read(&format!("since={earliest}")).len(), all.len());
}

/// The event trigger does it by itself; where it was switched off, asking does.
fn schema(site: &Site) {
    let chief = site.with_role("chief@example.com", "admin");
    let read = || site.get("/api/v1/tables/quiet").send();
    site.database.superuser().batch_execute(
        "set session_replication_role = replica; create table public.quiet (id int primary key); grant select on public.quiet to anon",
    ).expect("made");
    std::thread::sleep(Duration::from_millis(1500));
    read().refused(404, "NOT_FOUND");
    let answer = site.silently(|| {
        site.by(&chief.token, "POST", "/admin/schema/refresh")
            .send()
    });
    assert_eq!(
        answer.expect(200),
        json!({"message": "The schema is read again"})
    );
    let began = Instant::now();
    while read().status != 200 {
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{}",
            read().text()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
