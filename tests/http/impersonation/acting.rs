//! What whoever acts as somebody else is, sees and may not do.

use super::{Acting, HEADER, Test, root, start};
use crate::admin::{members, only_event};
use crate::keys::{NOTES, VAULT, treasure};
use crate::site::Site;
use fluxbase_tests::fixture::{Account, PASSWORD};
use fluxbase_tests::forge;
use serde_json::json;

pub const TESTS: &[Test] = &[
    ("beside_its_administrator_it_is_the_user", as_a_user),
    ("a_visitor_and_service_role_can_be_acted_as", as_a_role),
    ("whoever_is_acting_changes_nothing_that_signs_in", sensitive),
    ("it_is_listed_and_written_down", listed),
];

fn as_a_user(site: &Site) {
    let (root, bob) = (root(site), &site.database.fixture.bob);
    let before = site.count("select count(*) from auth.users where last_sign_in_at is not null");
    let acting = Acting::bob(site, &root);
    let reply = &acting.reply;
    assert_eq!(
        members(reply),
        [
            "access_token",
            "expires_in",
            "refresh_token",
            "session",
            "target_user",
            "token_type",
            "user"
        ]
    );
    assert_eq!(
        (&reply["expires_in"], &reply["token_type"]),
        (&json!(3600), &json!("bearer"))
    );
    assert_eq!(
        (&reply["target_user"]["id"], &reply["user"]),
        (&json!(bob.id), &reply["target_user"])
    );
    assert_eq!(
        members(&reply["session"]),
        [
            "admin_user_id",
            "ended_at",
            "id",
            "impersonation_type",
            "ip_address",
            "is_active",
            "reason",
            "started_at",
            "target_role",
            "target_user_id",
            "user_agent"
        ]
    );
    for (name, value) in [
        ("admin_user_id", json!(root.id)),
        ("target_user_id", json!(bob.id)),
        ("impersonation_type", json!("user")),
        ("target_role", json!("authenticated")),
        ("reason", json!("ticket 4711")),
        ("is_active", json!(true)),
        ("ended_at", json!(null)),
        ("ip_address", json!("127.0.0.1")),
    ] {
        assert_eq!(reply["session"][name], value, "{name}");
    }
    let claims = forge::payload_of(&acting.token);
    assert_eq!(
        (&claims["sub"], &claims["role"], &claims["impersonated_by"]),
        (&json!(bob.id), &json!("authenticated"), &json!(root.id))
    );
    // What bob sees, and what bob writes is bob's.
    let path = NOTES.trim_start_matches("/api/v1");
    let notes = acting.ask("GET", path).send().expect(200);
    assert_eq!(
        notes,
        json!([{"body": "bob private"}, {"body": "bob public"}])
    );
    let written = acting
        .ask("POST", "/tables/notes")
        .json(&json!({"body": "by root"}));
    assert_eq!(written.send().expect(201)["owner"], bob.id);
    let user = acting.ask("GET", "/auth/user").send().expect(200);
    assert_eq!(user["email"], "bob@example.com");
    acting
        .ask("GET", "/tables/vault")
        .send()
        .refused(403, "RLS_POLICY_VIOLATION");
    // The token without the header is the administrator.
    let user = site.by(&root.token, "GET", "/auth/user").send().expect(200);
    assert_eq!(user["email"], "root@example.com");
    // Refreshed it goes on, and nobody has signed in.
    let body = json!({"refresh_token": acting.refresh});
    let refreshed = Account::from_reply(&site.ask("/refresh", &body).expect(200));
    assert_eq!(
        forge::payload_of(&refreshed.token)["impersonated_by"],
        root.id
    );
    let request = site
        .by(&root.token, "GET", "/auth/user")
        .header(HEADER, &refreshed.token);
    assert_eq!(request.send().expect(200)["email"], "bob@example.com");
    let signed_in = site.count("select count(*) from auth.users where last_sign_in_at is not null");
    assert_eq!(signed_in, before);
}

fn as_a_role(site: &Site) {
    let root = root(site);
    let chief = site.with_role("chief@example.com", "admin");
    let reason = json!({"reason": "ticket 4711"});
    for (path, kind, role, id) in [
        (
            "/anon",
            "anon",
            "anon",
            "00000000-0000-0000-0000-000000000000",
        ),
        (
            "/service",
            "service",
            "service_role",
            "00000000-0000-0000-0000-000000000001",
        ),
    ] {
        let acting = Acting::begin(site, &root, path, &reason);
        let session = &acting.reply["session"];
        assert_eq!(
            (
                &session["impersonation_type"],
                &session["target_role"],
                &session["target_user_id"]
            ),
            (&json!(kind), &json!(role), &json!(id))
        );
        assert_eq!(
            (&acting.reply["user"], &acting.reply["target_user"]),
            (&json!(null), &json!(null))
        );
        let vault = acting
            .ask("GET", VAULT.trim_start_matches("/api/v1"))
            .send();
        let notes = acting
            .ask("GET", NOTES.trim_start_matches("/api/v1"))
            .send()
            .expect(200);
        if role == "anon" {
            vault.refused(401, "AUTHENTICATION_REQUIRED");
            assert_eq!(notes, json!([{"body": "bob public"}]));
        } else {
            assert_eq!(vault.expect(200), treasure());
            assert_eq!(notes.as_array().map(Vec::len), Some(3));
        }
    }
    // An admin is below service_role, and acts as a visitor.
    let refused = site.silently(|| start(site, &chief.token, "/service", &reason));
    refused.refused(403, "INSUFFICIENT_PERMISSIONS");
    Acting::begin(site, &chief, "/anon", &reason).assert_alive();
}

fn sensitive(site: &Site) {
    let root = root(site);
    let bob = site.database.fixture.bob.clone();
    let other = "Wrong-Donkey-8-Staple";
    let acting = Acting::bob(site, &root);
    let acts = [
        (
            "PATCH",
            "/auth/user",
            json!({"password": other, "current_password": PASSWORD}),
        ),
        (
            "PATCH",
            "/auth/user",
            json!({"email": "mine@example.com", "current_password": PASSWORD}),
        ),
        ("PATCH", "/auth/user", json!({"user_metadata": {"a": 1}})),
        (
            "POST",
            "/auth/reauthenticate",
            json!({"password": PASSWORD}),
        ),
        ("POST", "/auth/2fa/setup", json!({})),
        ("POST", "/auth/2fa/enable", json!({"code": "123456"})),
        ("POST", "/auth/2fa/disable", json!({"password": PASSWORD})),
        ("POST", "/auth/2fa/backup-codes", json!({})),
        (
            "POST",
            "/client-keys",
            json!({"name": "k", "scopes": ["*"]}),
        ),
    ];
    for (method, path, body) in &acts {
        let answer = site.silently(|| acting.ask(method, path).json(body).send());
        let refusal = answer.refused(403, "ACCESS_DENIED");
        assert_eq!(
            refusal["error"], "Not possible while acting as somebody else",
            "{method} {path}"
        );
    }
    // Nor does the administrator's credential beside it administer.
    let user = format!("/admin/users/{}", bob.id);
    for (method, path, body) in [
        ("GET", "/admin/users", json!({})),
        ("GET", "/admin/me", json!({})),
        ("GET", "/admin/audit", json!({})),
        ("GET", "/auth/impersonate/sessions", json!({})),
        ("PATCH", &user, json!({"role": "admin"})),
        ("POST", "/admin/service-keys", json!({"name": "k"})),
        (
            "POST",
            "/auth/impersonate",
            json!({"target_user_id": site.database.fixture.ann.id, "reason": "why"}),
        ),
        (
            "POST",
            "/auth/impersonate/service",
            json!({"reason": "why"}),
        ),
    ] {
        let answer = site.silently(|| acting.ask(method, path).json(&body).send());
        answer.refused(403, "ADMIN_REQUIRED");
    }
    // As service_role it makes no keys, which would outlive the hour, and acts as nobody else.
    let service = Acting::begin(site, &root, "/service", &json!({"reason": "why"}));
    for (path, body, status, code) in [
        (
            "/admin/service-keys",
            json!({"name": "k"}),
            403,
            "INSUFFICIENT_PERMISSIONS",
        ),
        (
            "/client-keys",
            json!({"name": "k", "scopes": ["*"]}),
            401,
            "AUTHENTICATION_REQUIRED",
        ),
        (
            "/auth/impersonate/anon",
            json!({"reason": "why"}),
            401,
            "AUTHENTICATION_REQUIRED",
        ),
    ] {
        let answer = site.silently(|| service.ask("POST", path).json(&body).send());
        answer.refused(status, code);
    }
    service.ask("GET", "/admin/users").send().expect(200);
    // Bob does all that as ever.
    for (method, path, body) in &acts {
        let answer = site.by(&bob.token, method, path).json(body).send();
        assert_ne!(
            answer.json()["code"],
            "ACCESS_DENIED",
            "{path}: {}",
            answer.text()
        );
    }
    site.sign_in("bob@example.com", other);
}

fn listed(site: &Site) {
    let root = root(site);
    let bob = &site.database.fixture.bob;
    let acting = Acting::bob(site, &root);
    let session = acting.reply["session"].clone();
    let list = |query: &str| {
        let path = format!("/auth/impersonate/sessions{query}");
        site.silently(|| site.by(&root.token, "GET", &path).send())
            .expect(200)
    };
    assert_eq!(list(""), json!([session]));
    for request in [
        site.by(&root.token, "GET", "/auth/impersonate"),
        acting.ask("GET", "/auth/impersonate"),
    ] {
        assert_eq!(request.send().expect(200), session);
    }
    // The user is acting as nobody.
    site.by(&bob.token, "GET", "/auth/impersonate")
        .send()
        .refused(404, "NOT_FOUND");
    let started = only_event(site, "admin.impersonation_start");
    let details =
        json!({"session": session["id"], "role": "authenticated", "reason": "ticket 4711"});
    assert_eq!(
        started,
        json!({"outcome": "success", "reason": null, "actor": root.id, "user": bob.id, "ip": "127.0.0.1", "agent": null,
            "request": "acting-1", "details": details})
    );
    site.by(&root.token, "DELETE", "/auth/impersonate")
        .send()
        .expect(200);
    let ended = only_event(site, "admin.impersonation_end");
    assert_eq!(
        (&ended["actor"], &ended["details"]),
        (&json!(root.id), &json!({"sessions": [session["id"]]}))
    );
    let second = Acting::begin(site, &root, "/anon", &json!({"reason": "ticket 4712"}));
    let all = list("");
    assert_eq!(all[0], second.reply["session"]);
    assert_eq!(
        (&all[1]["id"], &all[1]["is_active"]),
        (&session["id"], &json!(false))
    );
    assert!(all[1]["ended_at"].is_string(), "{all}");
    assert_eq!(list("?limit=1&offset=1"), json!([all[1]]));
    assert_eq!(list("?limit=0"), json!([]));
    // Another administrator reads it, a user does not; and no token is in it.
    let other = site.with_role("other@example.com", "admin");
    let read = |token: &str| site.by(token, "GET", "/auth/impersonate/sessions").send();
    assert_eq!(read(&other.token).expect(200), all);
    site.silently(|| read(&bob.token))
        .refused(403, "ADMIN_REQUIRED");
    site.silently(|| site.get("/api/v1/auth/impersonate/sessions").send())
        .refused(401, "AUTHENTICATION_REQUIRED");
    assert!(!all.to_string().contains("eyJ"), "{all}");
}
