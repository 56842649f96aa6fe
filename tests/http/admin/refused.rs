//! Who is no administrator, and as whom an administrator is none.

use super::Test;
use crate::keys::{client_key, service_key, text};
use crate::site::Site;
use fluxbase_tests::fixture::PASSWORD;
use fluxbase_tests::http::{Request, Response};
use serde_json::{Value, json};

pub const TESTS: &[Test] = &[
    (
        "visitors_users_and_client_keys_reach_no_endpoint",
        strangers,
    ),
    ("an_admin_acts_on_nobody_above", above),
    (
        "who_was_an_administrator_is_none_at_the_next_request",
        no_more,
    ),
    ("a_service_key_administers_within_its_scopes", service_keys),
    (
        "an_invitation_is_said_to_be_sent_where_mail_leaves",
        super::users::invited,
    ),
];

/// Every endpoint for administrators, in an order in which one can call them all: what it is sent, and what it answers who
/// may. {ID} is a user, {SESSION} a session of that user, {KEY} a service key.
const ENDPOINTS: [(&str, &str, &str, u16); 32] = [
    ("GET", "/admin/me", "", 200),
    ("POST", "/admin/schema/refresh", "{}", 200),
    ("GET", "/admin/users", "", 200),
    ("GET", "/admin/users/{ID}", "", 200),
    ("GET", "/admin/users/{ID}?type=app", "", 200),
    ("GET", "/admin/auth/sessions", "", 200),
    ("GET", "/admin/audit", "", 200),
    (
        "POST",
        "/admin/users",
        r#"{"email":"new@example.com","skip_email":true}"#,
        201,
    ),
    (
        "POST",
        "/admin/users/invite",
        r#"{"email":"guest@example.com"}"#,
        201,
    ),
    (
        "POST",
        "/auth/impersonate",
        r#"{"target_user_id":"{ID}","reason":"why"}"#,
        200,
    ),
    ("POST", "/auth/impersonate/anon", r#"{"reason":"why"}"#, 200),
    (
        "POST",
        "/auth/impersonate/service",
        r#"{"reason":"why"}"#,
        200,
    ),
    ("GET", "/auth/impersonate/sessions", "", 200),
    (
        "PATCH",
        "/admin/users/{ID}",
        r#"{"email_verified":true}"#,
        200,
    ),
    (
        "PATCH",
        "/admin/users/{ID}/role",
        r#"{"role":"editor"}"#,
        200,
    ),
    ("POST", "/admin/users/{ID}/lock", "{}", 200),
    ("POST", "/admin/users/{ID}/unlock", "{}", 200),
    ("POST", "/admin/users/{ID}/reset-password", "{}", 200),
    // Gone with the password.
    ("DELETE", "/admin/auth/sessions/{SESSION}", "", 404),
    ("DELETE", "/admin/auth/sessions/user/{ID}", "", 200),
    ("DELETE", "/admin/users/{ID}", "", 200),
    ("GET", "/admin/service-keys", "", 200),
    ("POST", "/admin/service-keys", r#"{"name":"k"}"#, 201),
    ("GET", "/admin/service-keys/{KEY}", "", 200),
    ("PATCH", "/admin/service-keys/{KEY}", r#"{"name":"x"}"#, 200),
    ("PUT", "/admin/service-keys/{KEY}", r#"{"name":"y"}"#, 200),
    ("POST", "/admin/service-keys/{KEY}/disable", "{}", 200),
    ("POST", "/admin/service-keys/{KEY}/enable", "{}", 200),
    (
        "POST",
        "/admin/service-keys/{KEY}/deprecate",
        r#"{"grace_period_hours":1}"#,
        200,
    ),
    (
        "POST",
        "/admin/service-keys/{KEY}/revoke",
        r#"{"reason":"why"}"#,
        200,
    ),
    ("GET", "/admin/service-keys/{KEY}/revocations", "", 200),
    ("DELETE", "/admin/service-keys/{KEY}", "", 200),
];

/// What stands in the place of {ID}, {SESSION} and {KEY}.
struct Targets {
    user: String,
    session: String,
    key: String,
}

impl Targets {
    fn request(&self, site: &Site, (method, path, body, _): &(&str, &str, &str, u16)) -> Request {
        let fill = |text: &str| {
            let text = text.replace("{ID}", &self.user);
            text.replace("{SESSION}", &self.session)
                .replace("{KEY}", &self.key)
        };
        let request = site.request(method, &format!("/api/v1{}", fill(path)));
        match *body {
            "" => request,
            body => request.raw(fill(body)),
        }
    }
}

fn session_of(site: &Site, user: &str) -> String {
    let asked = "select id::text from auth.sessions where user_id = $1::text::uuid limit 1";
    let row = site.database.superuser().query_one(asked, &[&user]);
    row.expect("a session").get(0)
}

fn targets(site: &Site, admin: &str) -> Targets {
    let user = site.database.fixture.bob.id.clone();
    Targets {
        session: session_of(site, &user),
        user,
        key: text(&service_key(site, admin, &json!({"name": "x"})), "id"),
    }
}

/// One refusal, and nothing of it depends on whether what is named is there.
fn strangers(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let editor = site.with_role("editor@example.com", "editor");
    let loud = site.with_role("loud@example.com", "ADMIN");
    let ann = site.database.fixture.ann.clone();
    let options = json!({"name": "k", "scopes": ["*"]});
    let of_root = text(&client_key(site, &root.token, &options), "key");
    let of_ann = text(&client_key(site, &ann.token, &options), "key");
    let real = targets(site, &root.token);
    let made_up = Targets {
        user: "00000000-0000-4000-8000-000000000001".to_owned(),
        session: "00000000-0000-4000-8000-000000000002".to_owned(),
        key: "00000000-0000-4000-8000-000000000003".to_owned(),
    };
    let refuse = |who: &dyn Fn(Request) -> Request, status: u16, code: &str, error: &str| {
        for endpoint in &ENDPOINTS {
            for targets in [&real, &made_up] {
                let request = who(targets.request(site, endpoint));
                let answer = site.silently(|| request.send());
                let body = answer.refused(status, code);
                assert_eq!(body["error"], error, "{} {}", endpoint.0, endpoint.1);
            }
        }
    };
    let first = "Administrators only";
    for token in [&ann.token, &editor.token, &loud.token] {
        refuse(
            &|request| request.bearer(token),
            403,
            "ADMIN_REQUIRED",
            first,
        );
    }
    // A key of an administrator is no administrator: it may be in a browser.
    for key in [&of_ann, &of_root] {
        refuse(
            &|request| request.header("X-Client-Key", key),
            403,
            "ADMIN_REQUIRED",
            first,
        );
    }
    let sign_in = "Authentication required";
    refuse(&|request| request, 401, "AUTHENTICATION_REQUIRED", sign_in);
    let anon = &site.database.fixture.anon_key;
    refuse(
        &|request| request.header("apikey", anon),
        401,
        "AUTHENTICATION_REQUIRED",
        sign_in,
    );
    let refresh = &root.refresh;
    refuse(
        &|request| request.bearer(refresh),
        401,
        "INVALID_TOKEN",
        "Invalid credential",
    );
    // Who may, is let through by all of them.
    for endpoint in &ENDPOINTS {
        let answer = real.request(site, endpoint).bearer(&root.token).send();
        assert_eq!(
            answer.status,
            endpoint.3,
            "{} {}: {}",
            endpoint.0,
            endpoint.1,
            answer.text()
        );
    }
}

fn above(site: &Site) {
    let chief = site.with_role("chief@example.com", "admin");
    let as_chief = |method: &str, path: &str, body: &Value| {
        site.by(&chief.token, method, path).json(body).send()
    };
    for (nth, role) in ["dashboard_admin", "instance_admin", "service_role"]
        .into_iter()
        .enumerate()
    {
        let high = site.with_role(&format!("high{nth}@example.com"), role);
        let path = format!("/admin/users/{}", high.id);
        let refuse = |answer: Response, status: u16, code: &str| {
            answer.refused(status, code);
        };
        for (method, path, body) in [
            ("PATCH", path.clone(), json!({"role": "authenticated"})),
            (
                "PATCH",
                path.clone(),
                json!({"password": "Wrong-Donkey-8-Staple"}),
            ),
            ("PATCH", path.clone(), json!({"email": "mine@example.com"})),
            ("PATCH", path.clone(), json!({"email_verified": false})),
            (
                "PATCH",
                format!("{path}/role"),
                json!({"role": "authenticated"}),
            ),
            ("DELETE", path.clone(), json!({})),
            ("POST", format!("{path}/lock"), json!({})),
            ("POST", format!("{path}/unlock"), json!({})),
            ("POST", format!("{path}/reset-password"), json!({})),
            (
                "DELETE",
                format!("/admin/auth/sessions/user/{}", high.id),
                json!({}),
            ),
            (
                "POST",
                "/admin/users".to_owned(),
                json!({"email": "new@example.com", "role": role}),
            ),
            (
                "POST",
                "/admin/users/invite".to_owned(),
                json!({"email": "new@example.com", "role": role}),
            ),
            (
                "PATCH",
                format!("/admin/users/{}/role", chief.id),
                json!({"role": role}),
            ),
            (
                "PATCH",
                format!("/admin/users/{}", site.database.fixture.ann.id),
                json!({"role": role}),
            ),
            (
                "POST",
                "/auth/impersonate/service".to_owned(),
                json!({"reason": "why"}),
            ),
        ] {
            let answer = site.silently(|| as_chief(method, &path, &body));
            let said = answer.refused(403, "INSUFFICIENT_PERMISSIONS")["error"].clone();
            assert_eq!(
                said, "This needs a higher role than yours",
                "{method} {path}"
            );
        }
        let session = format!("/admin/auth/sessions/{}", session_of(site, &high.id));
        let answer = site.silently(|| as_chief("DELETE", &session, &json!({})));
        refuse(answer, 404, "NOT_FOUND");
        // Looked at they may be, and they go on.
        as_chief("GET", &path, &json!({})).expect(200);
        site.by(&high.token, "GET", "/admin/me").send().expect(200);
        site.sign_in(&format!("high{nth}@example.com"), PASSWORD);
    }
    // On users and on other admins it acts.
    let other = site.with_role("other@example.com", "admin");
    for id in [&site.database.fixture.ann.id, &other.id] {
        let path = format!("/admin/users/{id}");
        for (method, path, body) in [
            ("PATCH", format!("{path}/role"), json!({"role": "admin"})),
            ("POST", format!("{path}/lock"), json!({})),
            ("POST", format!("{path}/unlock"), json!({})),
            ("DELETE", path, json!({})),
        ] {
            as_chief(method, &path, &body).expect(200);
        }
    }
}

/// The last one too: nobody is kept in office, and the way in is open again for whoever knows the setup's token.
fn no_more(site: &Site) {
    let status = || site.get("/api/v1/admin/setup/status").send().expect(200);
    let users = |token: &str| site.by(token, "GET", "/admin/users").send();
    let root = site.with_role("root@example.com", "dashboard_admin");
    assert_eq!(status(), json!({"has_admin": true, "needs_setup": false}));
    let own = format!("/admin/users/{}", root.id);
    let role = json!({"role": "authenticated"});
    let patch = site
        .by(&root.token, "PATCH", &format!("{own}/role"))
        .json(&role);
    assert_eq!(patch.send().expect(200)["role"], "authenticated");
    site.silently(|| users(&root.token))
        .refused(401, "REVOKED_TOKEN");
    let root = site.sign_in("root@example.com", PASSWORD);
    site.silently(|| users(&root.token))
        .refused(403, "ADMIN_REQUIRED");
    assert_eq!(status(), json!({"has_admin": false, "needs_setup": true}));
    for (method, verb) in [("POST", "/lock"), ("DELETE", "")] {
        let last = site.with_role(
            &format!("last{}@example.com", verb.len()),
            "dashboard_admin",
        );
        let path = format!("/admin/users/{}{verb}", last.id);
        site.by(&last.token, method, &path).send().expect(200);
        site.silently(|| users(&last.token))
            .refused(401, "REVOKED_TOKEN");
        site.try_sign_in(&last.email, PASSWORD)
            .refused(401, "INVALID_CREDENTIALS");
    }
    // A session that was ended, and a sign-out.
    let first = site.with_role("first@example.com", "dashboard_admin");
    let second = site.with_role("second@example.com", "dashboard_admin");
    let all = format!("/admin/auth/sessions/user/{}", first.id);
    site.by(&second.token, "DELETE", &all).send().expect(200);
    site.silently(|| users(&first.token))
        .refused(401, "REVOKED_TOKEN");
    users(&second.token).expect(200);
}

fn service_keys(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let key = |scopes: Value| {
        let made = service_key(site, &root.token, &json!({"name": "k", "scopes": scopes}));
        text(&made, "key")
    };
    let (whole, reads, tables) = (
        key(json!(["*"])),
        key(json!(["read:auth"])),
        key(json!(["read:tables", "write:tables"])),
    );
    let ann = format!("/admin/users/{}", site.database.fixture.ann.id);
    let act = |key: &str, method: &str, path: &str| {
        let request = site.request(method, &format!("/api/v1{path}"));
        request
            .header("X-Service-Key", key)
            .json(&json!({"email_verified": true}))
            .send()
    };
    for path in ["/admin/users", "/admin/auth/sessions", "/admin/audit", &ann] {
        for good in [&whole, &reads] {
            act(good, "GET", path).expect(200);
        }
        let refused = site.silently(|| act(&tables, "GET", path));
        let body = refused.refused(403, "INSUFFICIENT_PERMISSIONS");
        assert_eq!(body["required_scope"], "read:auth");
    }
    for key in [&reads, &tables] {
        for (method, path) in [
            ("PATCH", ann.clone()),
            ("DELETE", ann.clone()),
            ("POST", format!("{ann}/lock")),
        ] {
            let refused = site.silently(|| act(key, method, &path));
            let body = refused.refused(403, "INSUFFICIENT_PERMISSIONS");
            assert_eq!(body["required_scope"], "write:auth", "{method} {path}");
        }
    }
    // Nobody answers for a key: it acts as nobody, and is nobody to be told about.
    for path in ["/auth/impersonate/anon", "/auth/impersonate/service"] {
        let refused = site.silently(|| act(&whole, "POST", path));
        refused.refused(401, "AUTHENTICATION_REQUIRED");
    }
    site.silently(|| act(&whole, "GET", "/admin/me"))
        .refused(401, "AUTHENTICATION_REQUIRED");
    act(&whole, "PATCH", &ann).expect(200);
    act(&whole, "DELETE", &ann).expect(200);
}
