//! In every field of every endpoint: NUL, a member sent twice, statements where texts are expected.

use super::{SIGN_UP, USER, admin, number, users};
use crate::site::Site;
use fluxbase_tests::fixture::PASSWORD;
use fluxbase_tests::http::{Response, encoded};
use serde_json::{Map, Value, json};

/// Every endpoint that takes a body, with good values of its fields: `{ID}` is Ann's id.
const ENDPOINTS: [(&str, &str, &str); 33] = [
    (
        "POST",
        "auth/signup",
        r#"{"email":"new@example.com","password":"{PW}"}"#,
    ),
    (
        "POST",
        "auth/signin",
        r#"{"email":"ann@example.com","password":"{PW}"}"#,
    ),
    (
        "POST",
        "auth/login",
        r#"{"email":"ann@example.com","password":"{PW}"}"#,
    ),
    ("POST", "auth/refresh", r#"{"refresh_token":"x"}"#),
    (
        "POST",
        "auth/password/reset",
        r#"{"email":"ann@example.com","redirect_to":"https://app.example/"}"#,
    ),
    ("POST", "auth/password/reset/verify", r#"{"token":"x"}"#),
    (
        "POST",
        "auth/password/reset/confirm",
        r#"{"token":"x","new_password":"{PW}"}"#,
    ),
    (
        "POST",
        "auth/magiclink",
        r#"{"email":"ann@example.com","redirect_to":"https://app.example/"}"#,
    ),
    ("POST", "auth/magiclink/verify", r#"{"token":"x"}"#),
    ("POST", "auth/otp/signin", r#"{"email":"ann@example.com"}"#),
    ("POST", "auth/otp/resend", r#"{"email":"ann@example.com"}"#),
    (
        "POST",
        "auth/otp/verify",
        r#"{"email":"ann@example.com","token":"123456"}"#,
    ),
    ("POST", "auth/verify-email", r#"{"token":"x"}"#),
    (
        "POST",
        "auth/verify-email/resend",
        r#"{"email":"ann@example.com"}"#,
    ),
    (
        "POST",
        "auth/2fa/verify",
        r#"{"user_id":"{ID}","code":"123456","mfa_token":"x"}"#,
    ),
    (
        "PATCH",
        "auth/user",
        r#"{"email":"no@example.com","password":"{PW}","current_password":"no","nonce":"no"}"#,
    ),
    (
        "POST",
        "auth/reauthenticate",
        r#"{"password":"no","code":"123456","nonce":"no"}"#,
    ),
    ("POST", "auth/2fa/setup", r#"{"issuer":"x"}"#),
    ("POST", "auth/2fa/enable", r#"{"code":"123456"}"#),
    (
        "POST",
        "auth/2fa/disable",
        r#"{"password":"no","code":"123456","nonce":"no"}"#,
    ),
    (
        "POST",
        "auth/2fa/backup-codes",
        r#"{"nonce":"no","code":"123456"}"#,
    ),
    (
        "POST",
        "auth/impersonate",
        r#"{"target_user_id":"{ID}","reason":"x"}"#,
    ),
    ("POST", "auth/impersonate/anon", r#"{"reason":"x"}"#),
    (
        "POST",
        "client-keys",
        r#"{"name":"k","description":"d","scopes":["read:tables"],"expires_at":"2099-01-01T00:00:00Z"}"#,
    ),
    (
        "POST",
        "admin/login",
        r#"{"email":"ann@example.com","password":"{PW}"}"#,
    ),
    ("POST", "admin/refresh", r#"{"refresh_token":"x"}"#),
    (
        "POST",
        "admin/setup",
        r#"{"email":"x@example.com","password":"{PW}","name":"n","setup_token":"x"}"#,
    ),
    (
        "POST",
        "admin/users",
        r#"{"email":"a@example.com","password":"{PW}","role":"authenticated"}"#,
    ),
    (
        "POST",
        "admin/users/invite",
        r#"{"email":"b@example.com","role":"authenticated"}"#,
    ),
    (
        "PATCH",
        "admin/users/{ID}",
        r#"{"email":"ann@example.com","role":"authenticated","password":"{PW}"}"#,
    ),
    (
        "PATCH",
        "admin/users/{ID}/role",
        r#"{"role":"authenticated"}"#,
    ),
    (
        "POST",
        "admin/service-keys",
        r#"{"name":"k","description":"d","expires_at":"2099-01-01T00:00:00Z"}"#,
    ),
    ("POST", "admin/users/{ID}/lock", r#"{"nonce":"x"}"#),
];

/// Sends every endpoint once for each of its texts, with `value` in the place of that text, as the administrator.
fn each_field(site: &Site, value: &str, judge: impl Fn(&str, &str, &Response)) {
    let admin = admin(site);
    for (method, path, body) in ENDPOINTS {
        let id = &site.database.fixture.ann.id;
        let fill = |text: &str| text.replace("{ID}", id).replace("{PW}", PASSWORD);
        let (path, body) = (format!("/api/v1/{}", fill(path)), fill(body));
        let body: Map<String, Value> = serde_json::from_str(&body).expect("an object");
        for name in body.keys() {
            let mut changed = body.clone();
            changed.insert(name.clone(), value.into());
            let request = site.request(method, &path).bearer(&admin.token);
            let answer = request.json(&Value::Object(changed)).send();
            judge(&path, name, &answer);
        }
    }
}

pub fn nul(site: &Site) {
    let before = users(site);
    each_field(site, "x\u{0}y", |path, name, answer| {
        assert!(
            answer.status == 400 || (answer.status == 401 && name == "code"),
            "{path} {name}: {} {}",
            answer.status,
            answer.text()
        );
        let code = answer.json()["code"].clone();
        assert!(
            ["INVALID_REQUEST_BODY", "VALIDATION_FAILED", "INVALID_INPUT"]
                .iter()
                .any(|known| code == **known),
            "{path} {name}: {}",
            answer.text()
        );
    });
    let token = &site.database.fixture.ann.token;
    for metadata in [
        r#"{"a":"x\u0000"}"#,
        r#"{"a\u0000":1}"#,
        r#"{"a":[{"b":"\u0000"}]}"#,
    ] {
        let body = format!(
            r#"{{"email":"nul@example.com","password":"{PASSWORD}","user_metadata":{metadata}}}"#
        );
        let answer = site.request("POST", SIGN_UP).raw(body).send();
        assert_eq!(answer.status, 400, "{}", answer.text());
        let answer = site
            .request("PATCH", USER)
            .bearer(token)
            .raw(format!(r#"{{"user_metadata":{metadata}}}"#))
            .send();
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    for target in [
        "/api/v1/admin/users?search=%00",
        "/api/v1/admin/users/%00",
        "/api/v1/client-keys/%00",
    ] {
        let answer = site.get(target).bearer(token).send();
        assert!(
            (400..500).contains(&answer.status),
            "{target}: {}",
            answer.text()
        );
    }
    assert_eq!(users(site), before);
    assert!(site.is_running());
}

pub fn repeated(site: &Site) {
    let admin = admin(site);
    let before = users(site);
    for (method, path, body) in ENDPOINTS {
        let fill = |text: &str| {
            text.replace("{ID}", &site.database.fixture.ann.id)
                .replace("{PW}", PASSWORD)
        };
        let (path, body) = (format!("/api/v1/{}", fill(path)), fill(body));
        let members: Map<String, Value> = serde_json::from_str(&body).expect("an object");
        for (name, value) in &members {
            // As it is, and with a letter escaped.
            let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
            for spelling in [name, &escaped] {
                let doubled = format!("{},\"{spelling}\":{value}}}", body.trim_end_matches('}'));
                let request = site
                    .request(method, &path)
                    .bearer(&admin.token)
                    .raw(doubled);
                request.send().refused(400, "INVALID_REQUEST_BODY");
            }
        }
    }
    let inner = r#"{"code":{"code":"123456","code":"654321"}}"#;
    let request = site
        .request("POST", "/api/v1/auth/2fa/enable")
        .bearer(&admin.token)
        .raw(inner);
    request.send().refused(400, "INVALID_REQUEST_BODY");
    assert_eq!(users(site), before);
}

pub fn sql(site: &Site) {
    site.database
        .superuser()
        .batch_execute("create table public.canary (id int); insert into public.canary values (1)")
        .expect("a canary");
    for value in [
        "'; drop table public.canary; --",
        "x' or '1'='1",
        "$$; delete from public.canary; $$",
        "1); delete from public.canary; --",
        "\\'; delete from public.canary; --",
        "%' union select password_hash from auth.users --",
        "{\"a\":1}",
        "$1",
        "NULL",
    ] {
        each_field(site, value, |path, name, answer| {
            assert!(
                answer.status < 500,
                "{path} {name} {value}: {} {}",
                answer.status,
                answer.text()
            );
            let text = answer.text();
            assert!(
                !text.contains("argon2")
                    && !text.contains("syntax error")
                    && !text.contains("treasure"),
                "{path} {name} {value}: {text}"
            );
        });
        let admin = admin(site);
        for target in [
            "admin/users?search=",
            "admin/users?limit=",
            "admin/audit?event=",
            "admin/users/",
            "client-keys/",
        ] {
            let answer = site
                .get(&format!("/api/v1/{target}{}", encoded(value)))
                .bearer(&admin.token)
                .send();
            assert!(answer.status < 500, "{target}{value}: {}", answer.text());
            assert!(!answer.text().contains("argon2"), "{target}");
        }
        assert_eq!(number(site, "select count(*) from public.canary"), 1);
    }
    assert_eq!(
        number(
            site,
            "select count(*) from auth.users where role = 'dashboard_admin'"
        ),
        1
    );
    // The twin: such a text is data, and comes back as it was.
    let nick = "'; drop table public.canary; -- $1 \\ \" {}";
    let body = json!({"user_metadata": {"nick": nick}});
    let token = &admin(site).token;
    let reply = site
        .request("PATCH", USER)
        .bearer(token)
        .json(&body)
        .send()
        .expect(200);
    assert_eq!(reply["user_metadata"]["nick"], nick);
}
