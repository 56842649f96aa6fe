//! Ends that reach everything: signing out, an incident, a single token; and what is answered while nobody can tell.

use crate::factor::enrol;
use crate::keys::{VAULT, service_key, text, treasure, with};
use crate::site::Site;
use fluxbase_tests::fixture::{Account, Fixture, PASSWORD};
use fluxbase_tests::forge;
use fluxbase_tests::http::Response;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, settings: &'static [(&str, &str)], body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("revocation::{name}"), move || {
            body(&Site::new(&fixture, settings));
        }));
    };
    add(
        "signing_out_reaches_tables_functions_and_administration",
        &[],
        signed_out,
    );
    add(
        "an_incident_ends_every_session_at_the_next_request",
        &[],
        everything,
    );
    add(
        "an_incident_ends_the_keys_too_when_told_to",
        &[],
        everything_and_keys,
    );
    add(
        "a_stolen_token_of_an_administrator_ends_nothing_without_a_code",
        &[],
        second_factor,
    );
    add("a_token_that_was_revoked_is_401_everywhere", &[], one_token);
    add("who_may_not_revoke_revokes_nothing", &[], refused);
    add(
        "a_session_nobody_can_look_up_is_503_and_never_let_in",
        &[("DATABASE_STATEMENT_TIMEOUT", "400ms")],
        unreadable,
    );
    add(
        "a_refresh_token_used_a_thousand_times_at_once_has_one_winner",
        &[("DATABASE_POOL_TIMEOUT", "60s")],
        thousand,
    );
    trials
}

/// One request to everything that answers an administrator.
fn everywhere(site: &Site, token: &str) -> Vec<(&'static str, Response)> {
    let empty = json!({"params": {"seconds": 0}});
    let call = json!({"seconds": 0});
    [
        ("GET", "/api/v1/tables/notes", None),
        ("GET", "/rest/v1/notes", None),
        ("POST", "/api/v1/rpc/default/slow", Some(&empty)),
        ("POST", "/rest/v1/rpc/slow", Some(&call)),
        ("GET", "/api/v1/admin/users", None),
        ("GET", "/api/v1/auth/user", None),
    ]
    .into_iter()
    .map(|(method, path, body)| {
        let request = site.request(method, path).bearer(token);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        (path, request.send())
    })
    .collect()
}

#[track_caller]
fn lives(site: &Site, token: &str) {
    for (path, answer) in everywhere(site, token) {
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
}

#[track_caller]
fn is_over(site: &Site, token: &str) {
    for (path, answer) in everywhere(site, token) {
        if path.starts_with("/rest/") {
            answer.told(401, "PGRST303");
        } else {
            answer.refused(401, "REVOKED_TOKEN");
        }
    }
}

fn user(site: &Site, token: &str) -> Response {
    site.by(token, "GET", "/auth/user").send()
}

fn signed_out(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let other = site.sign_in("root@example.com", PASSWORD);
    lives(site, &root.token);
    site.by(&root.token, "POST", "/auth/signout")
        .send()
        .expect(200);
    is_over(site, &root.token);
    // The twin: another session of the same person.
    lives(site, &other.token);
}

fn everything(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let other = site.with_role("other@example.com", "dashboard_admin");
    let fixture = Arc::clone(&site.database.fixture);
    let made = service_key(site, &root.token, &json!({"name": "x"}));
    for token in [&root.token, &other.token] {
        lives(site, token);
    }
    let answer = site
        .by(&root.token, "DELETE", "/admin/auth/sessions")
        .header("User-Agent", "console")
        .send();
    assert_eq!(
        answer.expect(200),
        json!({"message": "Everybody must sign in again"})
    );
    for token in [&root.token, &other.token] {
        is_over(site, token);
    }
    for account in [&fixture.ann, &fixture.bob] {
        user(site, &account.token).refused(401, "REVOKED_TOKEN");
        site.ask("/refresh", &json!({"refresh_token": account.refresh}))
            .refused(401, "INVALID_TOKEN");
    }
    assert_eq!(site.count("select count(*) from auth.sessions"), 0);
    let event = crate::admin::only_event(site, "admin.revoke_everything");
    assert_eq!(
        (&event["outcome"], &event["actor"], &event["agent"]),
        (&json!("success"), &json!(root.id), &json!("console"))
    );
    assert_eq!(event["details"], json!({"include_keys": false}));
    assert_eq!(event["ip"], "127.0.0.1");
    // Keys go on, and whoever signs in is in.
    assert_eq!(
        with(site, "apikey", &text(&made, "key"), VAULT).expect(200),
        treasure()
    );
    lives(site, &site.sign_in("root@example.com", PASSWORD).token);
}

fn everything_and_keys(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let made = service_key(site, &root.token, &json!({"name": "x"}));
    let key = text(&made, "key");
    with(site, "apikey", &key, VAULT).expect(200);
    let delete = |body: &Value| {
        site.by(&root.token, "DELETE", "/admin/auth/sessions")
            .json(body)
            .send()
    };
    for wrong in [json!("yes"), json!(1), json!([true])] {
        site.silently(|| delete(&json!({"include_keys": wrong})))
            .refused(400, "INVALID_REQUEST_BODY");
    }
    delete(&json!({"include_keys": true})).expect(200);
    is_over(site, &root.token);
    with(site, "apikey", &key, VAULT).refused(401, "REVOKED_TOKEN");
    let signed = &site.database.fixture.service_key;
    let answer = site.get(VAULT).bearer(signed).send();
    answer.refused(401, "REVOKED_TOKEN");
}

/// 1. An administrator's token is stolen. 2. The thief throws everybody out, to be alone with it.
fn second_factor(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let (secret, _) = enrol(site, &root.token);
    let long_ago = "update auth.sessions set factor_at = now() - interval '1 h', authenticated_at = now() - interval '1 h'";
    site.database
        .superuser()
        .batch_execute(long_ago)
        .expect("long ago");
    let jti = forge::payload_of(&site.database.fixture.anon_key)["jti"].clone();
    let delete = || site.by(&root.token, "DELETE", "/admin/auth/sessions");
    let revoke = || {
        site.by(&root.token, "POST", "/admin/auth/tokens/revoke")
            .json(&json!({"jti": jti}))
    };
    for request in [delete(), revoke()] {
        let answer = site.silently(|| request.send());
        answer.refused(403, "TWO_FACTOR_REQUIRED");
    }
    user(site, &site.database.fixture.ann.token).expect(200);
    let code = fluxbase_tests::totp::code(&secret);
    revoke().header("X-2FA-Code", &code).send().expect(200);
    // Shown just now, so it stands for this as well.
    delete().send().expect(200);
    user(site, &site.database.fixture.ann.token).refused(401, "REVOKED_TOKEN");
}

fn one_token(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let fixture = Arc::clone(&site.database.fixture);
    let revoke = |body: &Value| {
        site.by(&root.token, "POST", "/admin/auth/tokens/revoke")
            .json(body)
            .send()
    };
    lives_as_key(site, &fixture.service_key);
    let jti = forge::payload_of(&fixture.service_key)["jti"].clone();
    for (body, code) in [
        (json!({}), "INVALID_REQUEST_BODY"),
        (json!({"jti": ""}), "INVALID_REQUEST_BODY"),
        (json!({"jti": 5}), "INVALID_REQUEST_BODY"),
        (json!({"jti": "x".repeat(256)}), "VALIDATION_FAILED"),
        (
            json!({"jti": jti, "expires_at": "soon"}),
            "VALIDATION_FAILED",
        ),
        (
            json!({"jti": jti, "expires_at": "2020-01-01T00:00:00Z"}),
            "VALIDATION_FAILED",
        ),
    ] {
        let answer = site.silently(|| revoke(&body));
        answer.refused(400, code);
    }
    lives_as_key(site, &fixture.service_key);
    let body = json!({"jti": jti, "reason": "leaked", "expires_at": "2999-01-01T00:00:00Z"});
    assert_eq!(
        revoke(&body).expect(200),
        json!({"message": "The token is refused from now on"})
    );
    is_over(site, &fixture.service_key);
    let event = crate::admin::only_event(site, "admin.token_revoke");
    assert_eq!(event["actor"], root.id);
    assert_eq!(event["ip"], "127.0.0.1");
    assert_eq!(event["details"], json!({"jti": jti, "reason": "leaked"}));
    // The twin: the other key.
    site.get("/api/v1/tables/notes")
        .bearer(&fixture.anon_key)
        .send()
        .expect(200);
}

/// A signed key of service_role has no account of its own.
#[track_caller]
fn lives_as_key(site: &Site, token: &str) {
    for (path, answer) in everywhere(site, token) {
        if path != "/api/v1/auth/user" {
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        }
    }
}

fn refused(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let admin = site.with_role("admin@example.com", "admin");
    let key = text(
        &service_key(site, &root.token, &json!({"name": "x"})),
        "key",
    );
    let fixture = Arc::clone(&site.database.fixture);
    let keys_too = json!({"include_keys": true});
    let jti = json!({"jti": forge::payload_of(&fixture.anon_key)["jti"]});
    for (method, path, body) in [
        ("DELETE", "/admin/auth/sessions", &keys_too),
        ("POST", "/admin/auth/tokens/revoke", &jti),
    ] {
        for (token, status, code) in [
            (&fixture.ann.token, 403, "ADMIN_REQUIRED"),
            (&admin.token, 403, "INSUFFICIENT_PERMISSIONS"),
            // One that leaks must not be able to take the others away.
            (&key, 403, "INSUFFICIENT_PERMISSIONS"),
            (&fixture.service_key, 403, "INSUFFICIENT_PERMISSIONS"),
        ] {
            let answer = site.silently(|| site.by(token, method, path).json(body).send());
            answer.refused(status, code);
        }
        let visitor = site.request(method, &format!("/api/v1{path}")).json(body);
        site.silently(|| visitor.send())
            .refused(401, "AUTHENTICATION_REQUIRED");
    }
    lives(site, &root.token);
    with(site, "apikey", &key, VAULT).expect(200);
}

/// 1. A thief's session is ended. 2. The table of sessions cannot be read: let in, the thief would be in again.
fn unreadable(site: &Site) {
    // Opened elsewhere, so no connection of the server remembers it.
    let row = site
        .database
        .app()
        .query_one("select auth.sign_in('ann@example.com', $1)", &[&PASSWORD]);
    let account = Account::from_reply(&row.expect("signed in").get(0));
    let mut superuser = site.database.superuser();
    let mut lock = superuser.transaction().expect("begun");
    lock.batch_execute("lock table auth.sessions in access exclusive mode")
        .expect("locked");
    for path in ["/api/v1/tables/notes", "/api/v1/auth/user"] {
        let answer = site.get(path).bearer(&account.token).send();
        answer.refused(503, "service_unavailable");
        assert!(answer.header("retry-after").is_some());
    }
    let answer = site.get("/rest/v1/notes").bearer(&account.token).send();
    assert_eq!(answer.status, 503, "{}", answer.text());
    lock.rollback().expect("unlocked");
    user(site, &account.token).expect(200);
}

/// 1. A refresh token is stolen. 2. Thief and owner use it at once, a thousand times between them: one of them wins, and
///    when the other turns up the session is over for both.
fn thousand(site: &Site) {
    const TRIES: usize = 1000;
    let ann = site.database.fixture.ann.clone();
    let barrier = Barrier::new(TRIES);
    let body = json!({"refresh_token": ann.refresh});
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..TRIES)
            .map(|_| {
                let request = site.post("/api/v1/auth/refresh", &body);
                let barrier = &barrier;
                std::thread::Builder::new()
                    .stack_size(256 << 10)
                    .spawn_scoped(scope, move || {
                        barrier.wait();
                        request.send()
                    })
                    .expect("a thread")
            })
            .collect();
        tries
            .into_iter()
            .map(|one| one.join().expect("joined"))
            .collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(won.len(), 1);
    for answer in lost {
        answer.refused(401, "INVALID_TOKEN");
    }
    // Whoever won has nothing of it.
    let winner = Account::from_reply(&won[0].json());
    let began = Instant::now();
    while user(site, &winner.token).status == 200 {
        assert!(began.elapsed() < Duration::from_secs(5), "still in");
    }
    user(site, &winner.token).refused(401, "REVOKED_TOKEN");
    site.ask("/refresh", &json!({"refresh_token": winner.refresh}))
        .refused(401, "INVALID_TOKEN");
    let events = site.database.events("auth.refresh");
    let failed = events.iter().filter(|event| *event == "failure reused");
    assert_eq!(failed.count(), 1, "{events:?}");
    // The twin: somebody else's goes on.
    let bob = &site.database.fixture.bob;
    let next = site.ask("/refresh", &json!({"refresh_token": bob.refresh}));
    Account::from_reply(&next.expect(200));
}
