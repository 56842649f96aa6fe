//! Second factors as client libraries and authenticator apps use them. Codes come from pyotp, which is somebody else's.

use crate::acts::without_id;
use crate::site::Site;
use fluxbase_tests::fixture::{Account, Fixture, PASSWORD};
use fluxbase_tests::forge::now;
use fluxbase_tests::http::Response;
use fluxbase_tests::totp::{code_by_pyotp, wrong_code};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("factor::{name}"), move || {
            body(&Site::new(
                &fixture,
                &[("SERVER_TRUSTED_PROXIES", "127.0.0.1")],
            ));
        }));
    };
    add("no_token_before_the_code", round);
    add("both_forms_of_the_code_enable", forms);
    add("a_code_without_the_password_step_is_nothing", no_challenge);
    add("a_challenge_of_another_client_is_nothing", other_client);
    add("five_wrong_codes_keep_the_right_one_out", guessing);
    add("a_backup_code_works_once", backup);
    add("incomplete_requests_are_refused", incomplete);
    add("a_waiting_administrator_can_only_set_up", administrator);
    add("a_mfa_token_that_is_none_is_401", no_mfa_token);
    add("a_stolen_token_changes_nothing_without_a_code", sensitive);
    add("disabling_takes_password_and_code", disable);
    add("a_stolen_token_sets_up_no_first_factor", stolen);
    add("a_lost_factor_is_removed_by_an_administrator", lost);
    trials
}

/// Sets up a factor and enables it; its secret and the backup codes.
pub fn enrol(site: &Site, token: &str) -> (String, Vec<String>) {
    let setup = site.by(token, "POST", "/auth/2fa/setup").send().expect(200);
    let secret = setup["secret"].as_str().expect("a secret").to_owned();
    let code = code_by_pyotp(&secret, now());
    let enabled = site
        .by(token, "POST", "/auth/2fa/enable")
        .json(&json!({"code": code}))
        .send()
        .expect(200);
    forget(site);
    (secret, backup_codes(&enabled))
}

fn backup_codes(enabled: &Value) -> Vec<String> {
    assert_eq!(enabled["success"], true);
    assert!(enabled["message"].is_string());
    let codes = enabled["backup_codes"].as_array().expect("codes");
    assert_eq!(codes.len(), 10);
    let text = |code: &Value| code.as_str().expect("text").to_owned();
    codes.iter().map(text).collect()
}

/// The steps used are forgotten, or every code would take 30 seconds of waiting.
fn forget(site: &Site) {
    site.database
        .superuser()
        .batch_execute("update auth.totp_factors set last_step = null")
        .expect("forgotten");
}

/// The right password of somebody with a factor; the token to go on with.
fn challenged(answer: &Response, id: &str) -> String {
    let reply = answer.expect(200);
    assert_eq!(reply["requires_2fa"], true, "{reply}");
    assert_eq!(reply["user_id"], id);
    assert!(reply["message"].is_string());
    for member in ["access_token", "refresh_token", "user"] {
        assert!(reply.get(member).is_none(), "{member} in {reply}");
    }
    reply["mfa_token"].as_str().expect("a token").to_owned()
}

fn verify(site: &Site, id: &str, code: &str) -> Response {
    site.ask("/2fa/verify", &json!({"user_id": id, "code": code}))
}

fn round(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    let setup = site
        .by(&ann.token, "POST", "/auth/2fa/setup")
        .json(&json!({"issuer": "Acme"}))
        .send()
        .expect(200);
    assert_eq!(setup["type"], "totp");
    assert!(setup["id"].is_string());
    for member in ["qr_code", "secret", "uri"] {
        assert_eq!(setup[member], setup["totp"][member]);
    }
    let text = |member: &str| setup[member].as_str().expect("text").to_owned();
    assert!(text("qr_code").starts_with("data:image/png;base64,"));
    assert!(text("uri").starts_with("otpauth://totp/Acme:ann%40example.com?"));
    let status = || {
        site.by(&ann.token, "GET", "/auth/2fa/status")
            .send()
            .expect(200)
    };
    // Set up is not enabled.
    assert_eq!(status()["totp_enabled"], false);
    site.sign_in("ann@example.com", PASSWORD);
    let (secret, _) = enrol(site, &ann.token);
    assert_ne!(secret, text("secret"), "a new setup replaces the old one");
    assert_eq!(status()["totp_enabled"], true);
    let sessions = "select count(*) from auth.sessions";
    let before = site.count(sessions);
    challenged(&site.try_sign_in("ann@example.com", PASSWORD), &ann.id);
    assert_eq!(site.count(sessions), before);
    site.try_sign_in("ann@example.com", "Wrong-Horse-7-Battery")
        .refused(401, "INVALID_CREDENTIALS");
    let code = code_by_pyotp(&secret, now());
    let account = Account::from_reply(&verify(site, &ann.id, &code).expect(200));
    assert_eq!(account.id, ann.id);
    site.by(&account.token, "GET", "/auth/user")
        .send()
        .expect(200);
    // Seen over the shoulder, it is of no use any more.
    let token = challenged(&site.try_sign_in("ann@example.com", PASSWORD), &ann.id);
    verify(site, &ann.id, &code).refused(401, "INVALID_CREDENTIALS");
    forget(site);
    let body = json!({"mfa_token": token, "code": code_by_pyotp(&secret, now())});
    site.ask("/2fa/verify", &body).expect(200);
}

fn forms(site: &Site) {
    let ann = &site.database.fixture.ann;
    let setup = site
        .by(&ann.token, "POST", "/auth/2fa/setup")
        .send()
        .expect(200);
    let secret = setup["secret"].as_str().expect("a secret");
    let enable = |body: &Value| {
        let request = site.by(&ann.token, "POST", "/auth/2fa/enable");
        request.json(body).send()
    };
    let wrong = wrong_code(secret);
    enable(&json!({"code": wrong})).refused(401, "INVALID_CREDENTIALS");
    enable(&json!({"code": {"code": wrong}})).refused(401, "INVALID_CREDENTIALS");
    let right = code_by_pyotp(secret, now());
    backup_codes(&enable(&json!({"code": {"code": right}})).expect(200));
    enable(&json!({"code": right})).refused(400, "VALIDATION_FAILED");
    site.by(&ann.token, "POST", "/auth/2fa/setup")
        .send()
        .refused(400, "VALIDATION_FAILED");
}

/// The id of a user is no secret, and neither is a code somebody looks at.
fn no_challenge(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    let (secret, backup) = enrol(site, &ann.token);
    let code = || code_by_pyotp(&secret, now());
    let none = without_id(verify(site, &ann.id, &code()).refused(401, "INVALID_CREDENTIALS"));
    let nobody = "00000000-0000-4000-8000-00000000abcd";
    for (id, code) in [(nobody, code()), (&*ann.id, backup[0].clone())] {
        let other = verify(site, id, &code).refused(401, "INVALID_CREDENTIALS");
        assert_eq!(without_id(other), none);
    }
    // Somebody else's challenge does not help.
    let (_, _) = enrol(site, &site.database.fixture.bob.token);
    let bob = &site.database.fixture.bob.id;
    let token = challenged(&site.try_sign_in("bob@example.com", PASSWORD), bob);
    let body = json!({"user_id": ann.id, "mfa_token": token, "code": code()});
    let other = site.ask("/2fa/verify", &body);
    assert_eq!(without_id(other.refused(401, "INVALID_CREDENTIALS")), none);
    let body = json!({"mfa_token": token, "code": code()});
    site.ask("/2fa/verify", &body)
        .refused(401, "INVALID_CREDENTIALS");
    // The allowed twin, and the challenge is used up by it.
    challenged(&site.try_sign_in("ann@example.com", PASSWORD), &ann.id);
    forget(site);
    verify(site, &ann.id, &code()).expect(200);
    forget(site);
    verify(site, &ann.id, &code()).refused(401, "INVALID_CREDENTIALS");
}

fn other_client(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    let (secret, _) = enrol(site, &ann.token);
    let post = |path: &str, body: &Value, client: &str| {
        let request = site.post(path, body).header("X-Forwarded-For", client);
        request.send()
    };
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let asked = post("/api/v1/auth/signin", &body, "203.0.113.1");
    let token = challenged(&asked, &ann.id);
    let verify = |client: &str| {
        let body =
            json!({"user_id": ann.id, "code": code_by_pyotp(&secret, now()), "mfa_token": token});
        post("/api/v1/auth/2fa/verify", &body, client)
    };
    verify("203.0.113.2").refused(401, "INVALID_CREDENTIALS");
    verify("203.0.113.1").expect(200);
}

fn guessing(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    let (secret, _) = enrol(site, &ann.token);
    challenged(&site.try_sign_in("ann@example.com", PASSWORD), &ann.id);
    let wrong = wrong_code(&secret);
    for _ in 0..5 {
        verify(site, &ann.id, &wrong).refused(401, "INVALID_CREDENTIALS");
    }
    // A new challenge brings no new guesses.
    challenged(&site.try_sign_in("ann@example.com", PASSWORD), &ann.id);
    let right = code_by_pyotp(&secret, now());
    let answer = verify(site, &ann.id, &right);
    let body = answer.refused(429, "RATE_LIMITED");
    assert_eq!(answer.header("retry-after"), Some("900"));
    assert_eq!(body["retry_after"], 900);
    // Who is signed in stays so, and the others are not concerned.
    site.by(&ann.token, "GET", "/auth/user").send().expect(200);
    site.sign_in("bob@example.com", PASSWORD);
}

fn backup(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    let (_, codes) = enrol(site, &ann.token);
    let sign_in = |code: &str| {
        challenged(&site.try_sign_in("ann@example.com", PASSWORD), &ann.id);
        verify(site, &ann.id, code)
    };
    let account = Account::from_reply(&sign_in(&codes[0]).expect(200));
    sign_in(&codes[0]).refused(401, "INVALID_CREDENTIALS");
    sign_in(&codes[1].to_lowercase()).expect(200);
    // New ones void the old ones.
    let request = site.by(&account.token, "POST", "/auth/2fa/backup-codes");
    request.send().refused(403, "REAUTHENTICATION_REQUIRED");
    let nonce = site
        .by(&account.token, "POST", "/auth/reauthenticate")
        .send()
        .expect(200)["nonce"]
        .clone();
    let reply = request.json(&json!({"nonce": nonce})).send().expect(200);
    let fresh = reply["backup_codes"].as_array().expect("codes");
    assert_eq!(fresh.len(), 10);
    sign_in(&codes[2]).refused(401, "INVALID_CREDENTIALS");
    sign_in(fresh[0].as_str().expect("text")).expect(200);
}

fn incomplete(site: &Site) {
    let ann = &site.database.fixture.ann;
    for body in [
        json!({}),
        json!({"user_id": ann.id}),
        json!({"user_id": ann.id, "code": ""}),
        json!({"user_id": ann.id, "code": 123_456}),
        json!({"user_id": "ann", "code": "123456"}),
        json!({"user_id": 7, "code": "123456"}),
        json!({"user_id": ann.id, "code": ["123456"]}),
    ] {
        site.ask("/2fa/verify", &body)
            .refused(400, "INVALID_REQUEST_BODY");
    }
    site.ask("/2fa/verify", &json!({"code": "123456"}))
        .refused(400, "MISSING_REQUIRED_FIELD");
    for path in ["setup", "enable", "disable", "backup-codes"] {
        let path = format!("/api/v1/auth/2fa/{path}");
        let request = site.post(&path, &json!({"code": "123456", "password": "x"}));
        request.send().refused(401, "AUTHENTICATION_REQUIRED");
    }
    site.get("/api/v1/auth/2fa/status")
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
    let enable = site.by(&ann.token, "POST", "/auth/2fa/enable");
    enable
        .json(&json!({"code": "123456"}))
        .send()
        .refused(400, "VALIDATION_FAILED");
    let setup = site.by(&ann.token, "POST", "/auth/2fa/setup");
    setup
        .json(&json!({"issuer": "x".repeat(65)}))
        .send()
        .refused(400, "VALIDATION_FAILED");
}

fn administrator(site: &Site) {
    site.with_role("root@example.com", "dashboard_admin");
    site.configure(&[("require_2fa_for_admins", "true")]);
    let sessions = "select count(*) from auth.sessions";
    let before = site.count(sessions);
    let waiting = || {
        let body = json!({"email": "root@example.com", "password": PASSWORD});
        let answer = site.post("/api/v1/admin/login", &body).send();
        let reply = answer.expect(200);
        assert_eq!(reply["requires_2fa_setup"], true, "{reply}");
        assert_eq!(reply["access_token"], reply["mfa_token"]);
        assert!(reply.get("refresh_token").is_none(), "{reply}");
        reply["mfa_token"].as_str().expect("a token").to_owned()
    };
    let token = waiting();
    assert!(token.starts_with("mfa_"), "{token}");
    assert_eq!(site.count(sessions), before);
    for (method, path) in [
        ("GET", "/auth/user"),
        ("PATCH", "/auth/user"),
        ("GET", "/tables/notes"),
        ("GET", "/admin/users"),
        ("POST", "/auth/2fa/disable"),
        ("GET", "/auth/2fa/status"),
        ("POST", "/auth/signout"),
        ("POST", "/client-keys"),
        ("POST", "/auth/reauthenticate"),
    ] {
        let request = site.by(&token, method, path);
        let request = match method {
            "GET" => request,
            _ => request.json(&json!({})),
        };
        request.send().refused(403, "TWO_FACTOR_SETUP_REQUIRED");
    }
    // No factor yet, so nothing to verify.
    site.ask(
        "/2fa/verify",
        &json!({"mfa_token": token, "code": "123456"}),
    )
    .refused(401, "INVALID_CREDENTIALS");
    let setup = site
        .by(&token, "POST", "/auth/2fa/setup")
        .send()
        .expect(200);
    let secret = setup["secret"].as_str().expect("a secret");
    // As a bearer or in the body.
    let body = json!({"mfa_token": token, "code": wrong_code(secret)});
    site.ask("/2fa/enable", &body)
        .refused(401, "INVALID_CREDENTIALS");
    let enabled = site
        .by(&token, "POST", "/auth/2fa/enable")
        .json(&json!({"code": code_by_pyotp(secret, now())}))
        .send()
        .expect(200);
    backup_codes(&enabled);
    let root = Account::from_reply(&enabled);
    site.by(&root.token, "GET", "/admin/users")
        .send()
        .expect(200);
    site.by(&token, "POST", "/auth/2fa/setup")
        .send()
        .refused(401, "INVALID_TOKEN");
    // From now on it is a sign-in like any other with a factor.
    challenged(&site.try_sign_in("root@example.com", PASSWORD), &root.id);
    site.sign_in("ann@example.com", PASSWORD);
}

fn no_mfa_token(site: &Site) {
    let made_up = format!("mfa_{}", "A".repeat(43));
    for path in ["/auth/2fa/setup", "/auth/2fa/enable"] {
        let body = json!({"code": "123456"});
        site.by(&made_up, "POST", path)
            .json(&body)
            .send()
            .refused(401, "INVALID_TOKEN");
        site.by("mfa_short", "POST", path)
            .json(&body)
            .send()
            .refused(401, "INVALID_TOKEN");
        let body = json!({"code": "123456", "mfa_token": made_up});
        site.post(&format!("/api/v1{path}"), &body)
            .send()
            .refused(401, "INVALID_TOKEN");
    }
    // One that asks for a code sets up nothing.
    let ann = site.database.fixture.ann.clone();
    enrol(site, &ann.token);
    let token = challenged(&site.try_sign_in("ann@example.com", PASSWORD), &ann.id);
    site.by(&token, "POST", "/auth/2fa/setup")
        .send()
        .refused(401, "INVALID_TOKEN");
}

fn sensitive(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    let (secret, _) = enrol(site, &ann.token);
    site.database
        .superuser()
        .batch_execute("update auth.sessions set factor_at = now() - interval '1 h', authenticated_at = now() - interval '1 h'")
        .expect("long ago");
    let change = json!({"email": "anna@example.com", "current_password": PASSWORD});
    let patch = || site.by(&ann.token, "PATCH", "/auth/user").json(&change);
    patch().send().refused(403, "TWO_FACTOR_REQUIRED");
    patch()
        .header("X-2FA-Code", &wrong_code(&secret))
        .send()
        .refused(401, "INVALID_CREDENTIALS");
    let user = || site.by(&ann.token, "GET", "/auth/user").send().expect(200);
    assert_eq!(user()["email"], "ann@example.com");
    // The token alone gives no nonce; with password and code it does, for this session and once.
    let again = |body: &Value, code: Option<&str>| {
        let mut request = site
            .by(&ann.token, "POST", "/auth/reauthenticate")
            .json(body);
        if let Some(code) = code {
            request = request.header("X-2FA-Code", code);
        }
        request.send()
    };
    again(&json!({}), None).refused(403, "REAUTHENTICATION_REQUIRED");
    again(&json!({"password": PASSWORD}), None).refused(403, "TWO_FACTOR_REQUIRED");
    let code = code_by_pyotp(&secret, now());
    let nonce = again(&json!({"password": PASSWORD}), Some(&code)).expect(200)["nonce"].clone();
    let weak = json!({"password": "short", "nonce": nonce});
    let change = |body: &Value| site.by(&ann.token, "PATCH", "/auth/user").json(body).send();
    change(&weak).refused(400, "WEAK_PASSWORD");
    change(&json!({"email": "anna@example.com", "nonce": nonce})).expect(200);
    let token = Account::from_reply(
        &site
            .ask("/refresh", &json!({"refresh_token": ann.refresh}))
            .expect(200),
    );
    assert_eq!(token.email, "anna@example.com");
    site.by(&token.token, "PATCH", "/auth/user")
        .json(&json!({"email": "annb@example.com", "nonce": nonce}))
        .send()
        .refused(401, "INVALID_CREDENTIALS");
}

fn disable(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    let (secret, _) = enrol(site, &ann.token);
    site.database
        .superuser()
        .batch_execute("update auth.sessions set factor_at = now() - interval '1 h'")
        .expect("long ago");
    let disable = |body: &Value, code: Option<&str>| {
        let mut request = site.by(&ann.token, "POST", "/auth/2fa/disable").json(body);
        if let Some(code) = code {
            request = request.header("X-2FA-Code", code);
        }
        request.send()
    };
    let code = code_by_pyotp(&secret, now());
    disable(&json!({}), Some(&code)).refused(400, "MISSING_REQUIRED_FIELD");
    disable(&json!({"password": "Wrong-Horse-7-Battery"}), Some(&code))
        .refused(401, "INVALID_CREDENTIALS");
    disable(&json!({"password": PASSWORD}), None).refused(403, "TWO_FACTOR_REQUIRED");
    disable(&json!({"password": PASSWORD}), Some(&wrong_code(&secret)))
        .refused(401, "INVALID_CREDENTIALS");
    challenged(&site.try_sign_in("ann@example.com", PASSWORD), &ann.id);
    let reply = disable(&json!({"password": PASSWORD}), Some(&code)).expect(200);
    assert_eq!(reply["success"], true);
    // Its codes open nothing, nor does the challenge that was waiting for one.
    verify(site, &ann.id, &code_by_pyotp(&secret, now())).refused(401, "INVALID_CREDENTIALS");
    site.sign_in("ann@example.com", PASSWORD);
}

/// A token found an hour after the sign-in must not lock its owner out with a factor of the finder.
fn stolen(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    site.database
        .superuser()
        .batch_execute("update auth.sessions set authenticated_at = now() - interval '1 h'")
        .expect("long ago");
    let setup = || site.by(&ann.token, "POST", "/auth/2fa/setup");
    setup().send().refused(403, "REAUTHENTICATION_REQUIRED");
    for wrong in [
        json!({"password": "Wrong-Horse-7-Battery"}),
        json!({"nonce": "x"}),
    ] {
        setup()
            .json(&wrong)
            .send()
            .refused(401, "INVALID_CREDENTIALS");
    }
    assert_eq!(site.count("select count(*) from auth.totp_factors"), 0);
    site.sign_in("ann@example.com", PASSWORD);
    // The owner has the password; or signs in anew, and then nothing more is asked.
    let password = json!({"password": PASSWORD});
    setup().json(&password).send().expect(200);
    let nonce = site
        .by(&ann.token, "POST", "/auth/reauthenticate")
        .json(&password)
        .send()
        .expect(200)["nonce"]
        .clone();
    setup().json(&json!({"nonce": nonce})).send().expect(200);
    enrol(site, &site.sign_in("ann@example.com", PASSWORD).token);
}

fn lost(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    let bob = &site.database.fixture.bob;
    enrol(site, &ann.token);
    let path = format!("/admin/users/{}/2fa", ann.id);
    let remove = |token: &str| site.by(token, "DELETE", &path).send();
    site.request("DELETE", &format!("/api/v1{path}"))
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
    remove(&bob.token).refused(403, "ADMIN_REQUIRED");
    challenged(&site.try_sign_in("ann@example.com", PASSWORD), &ann.id);
    let admin = site.with_role("root@example.com", "dashboard_admin");
    let (secret, _) = enrol(site, &admin.token);
    site.database
        .superuser()
        .batch_execute("update auth.sessions set factor_at = now() - interval '1 h'")
        .expect("long ago");
    remove(&admin.token).refused(403, "TWO_FACTOR_REQUIRED");
    site.by(&admin.token, "DELETE", "/admin/users/x/2fa")
        .send()
        .refused(400, "INVALID_REQUEST_BODY");
    let reply = site
        .by(&admin.token, "DELETE", &path)
        .header("X-2FA-Code", &code_by_pyotp(&secret, now()))
        .send()
        .expect(200);
    assert_eq!(reply["message"], "The second factor was removed");
    site.by(&ann.token, "GET", "/auth/user")
        .send()
        .refused(401, "REVOKED_TOKEN");
    remove(&admin.token).refused(400, "VALIDATION_FAILED");
    // The password signs in, and another factor is set up.
    enrol(site, &site.sign_in("ann@example.com", PASSWORD).token);
}
