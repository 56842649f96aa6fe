//! Temporary passwords over HTTP: what they open, and what they do not.

use crate::site::Site;
use fluxbase_tests::fixture::{Account, Fixture, PASSWORD};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

const NEW: &str = "Another-Staple-8-Mule";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("temporary::{name}"), move || {
            body(&Site::new(&fixture, &[]));
        }));
    };
    add("a_temporary_password_opens_no_session", made);
    add("a_password_of_an_administrator_opens_no_session", set);
    trials
}

/// 403 with a token that sets a new password, and with nothing else.
fn must_change(site: &Site, email: &str, password: &str) -> String {
    let sessions = "select count(*) from auth.sessions";
    let before = site.count(sessions);
    let answer = site.try_sign_in(email, password);
    let reply = answer.refused(403, "PASSWORD_EXPIRED");
    assert_eq!(reply["password_expired"], true);
    let members: Vec<&String> = reply.as_object().expect("an object").keys().collect();
    assert_eq!(
        members,
        [
            "code",
            "error",
            "password_expired",
            "request_id",
            "reset_token"
        ]
    );
    assert!(answer.header("set-cookie").is_none());
    assert_eq!(site.count(sessions), before);
    reply["reset_token"].as_str().expect("a token").to_owned()
}

fn choose(site: &Site, token: &str, temporary: &str) -> Value {
    let confirm = |password: &str| {
        let body = json!({"token": token, "new_password": password});
        site.ask("/password/reset/confirm", &body)
    };
    confirm(temporary).refused(400, "WEAK_PASSWORD");
    let reply = confirm(NEW).expect(200);
    confirm(PASSWORD).refused(400, "TOKEN_USED");
    reply
}

fn made(site: &Site) {
    let admin = site.with_role("root@example.com", "dashboard_admin");
    let body = json!({"email": "guest@example.com", "skip_email": true});
    let reply = site
        .by(&admin.token, "POST", "/admin/users")
        .json(&body)
        .send()
        .expect(201);
    assert_eq!(reply["email_sent"], false);
    let temporary = reply["temporary_password"].as_str().expect("a password");
    let token = must_change(site, "guest@example.com", temporary);
    // The token is for this alone.
    site.by(&token, "GET", "/auth/user")
        .send()
        .refused(401, "INVALID_TOKEN");
    let account = Account::from_reply(&choose(site, &token, temporary));
    site.by(&account.token, "GET", "/auth/user")
        .send()
        .expect(200);
    site.try_sign_in("guest@example.com", temporary)
        .refused(401, "INVALID_CREDENTIALS");
    site.sign_in("guest@example.com", NEW);
}

fn set(site: &Site) {
    let admin = site.with_role("root@example.com", "dashboard_admin");
    let ann = &site.database.fixture.ann;
    let path = format!("/admin/users/{}", ann.id);
    let chosen = json!({"password": "Chosen-Horse-9-Battery"});
    let patch = || site.by(&admin.token, "PATCH", &path).json(&chosen).send();
    patch().expect(200);
    let token = must_change(site, "ann@example.com", "Chosen-Horse-9-Battery");
    choose(site, &token, "Chosen-Horse-9-Battery");
    site.sign_in("ann@example.com", NEW);
    site.configure(&[("admins_choose_passwords", "false")]);
    patch().refused(403, "FEATURE_DISABLED");
    site.sign_in("ann@example.com", NEW);
}
