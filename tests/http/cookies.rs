//! Browsers that keep their tokens in cookies, against the real database.

use crate::site::Site;
use fluxbase_tests::fixture::{Account, Fixture, PASSWORD};
use fluxbase_tests::http::Response;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

const ON: &[(&str, &str)] = &[(
    "SECURITY_CSRF_SECRET",
    "a-secret-of-cookies-of-thirty-two-letters",
)];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, settings: &'static [(&str, &str)], body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("cookies::{name}"), move || {
            body(&Site::new(&fixture, settings));
        }));
    };
    add(
        "a_sign_in_ends_the_session_of_the_browser_it_comes_from",
        ON,
        replaced,
    );
    add("a_refused_sign_in_leaves_the_session_alone", ON, refused);
    add("where_cookies_are_off_one_ends_nothing", &[], off);
    trials
}

/// What a browser sends back of the cookies an answer set.
fn cookie(answer: &Response) -> String {
    let set = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie");
    let pairs: Vec<&str> = set
        .filter_map(|(_, cookie)| cookie.split(';').next())
        .collect();
    assert_eq!(pairs.len(), 2, "{pairs:?}");
    pairs.join("; ")
}

fn sign_in(site: &Site, email: &str, password: &str, cookie: &str) -> Response {
    let body = json!({"email": email, "password": password});
    let request = site.post("/api/v1/auth/signin", &body);
    match cookie {
        "" => request.send(),
        cookie => request.header("Cookie", cookie).send(),
    }
}

fn lives(site: &Site, answer: &Response) -> bool {
    let token = answer.json()["access_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let asked = site.by(&token, "GET", "/auth/user").send();
    if asked.status != 200 {
        asked.refused(401, "REVOKED_TOKEN");
    }
    asked.status == 200
}

fn replaced(site: &Site) {
    let (ann, bob) = ("ann@example.com", "bob@example.com");
    let elsewhere = sign_in(site, ann, PASSWORD, "");
    let first = sign_in(site, ann, PASSWORD, "");
    assert!(lives(site, &first));
    let second = sign_in(site, ann, PASSWORD, &cookie(&first));
    Account::from_reply(&second.expect(200));
    assert!(!lives(site, &first) && lives(site, &second));
    // Somebody else at the same browser.
    let third = sign_in(site, bob, PASSWORD, &cookie(&second));
    assert!(!lives(site, &second) && lives(site, &third));
    // With a sign-up too, which says so in no member of its body.
    let body =
        json!({"email": "cyd@example.com", "password": PASSWORD, "replaces": refresh(&elsewhere)});
    let signed_up = site
        .post("/api/v1/auth/signup", &body)
        .header("Cookie", &cookie(&third))
        .send();
    Account::from_reply(&signed_up.expect(201));
    assert!(!lives(site, &third) && lives(site, &signed_up));
    assert!(lives(site, &elsewhere), "another browser is another");
    // A refresh is no sign-in: the session goes on.
    let body = json!({"refresh_token": refresh(&signed_up)});
    let refreshed = site
        .post("/api/v1/auth/refresh", &body)
        .header("Cookie", &cookie(&elsewhere))
        .send();
    refreshed.expect(200);
    assert!(lives(site, &refreshed) && lives(site, &elsewhere));
}

fn refresh(answer: &Response) -> Value {
    answer.json()["refresh_token"].clone()
}

fn refused(site: &Site) {
    let first = sign_in(site, "ann@example.com", PASSWORD, "");
    let wrong = sign_in(
        site,
        "ann@example.com",
        "Wrong-Horse-7-Battery",
        &cookie(&first),
    );
    wrong.refused(401, "INVALID_CREDENTIALS");
    assert!(lives(site, &first));
    // What is no token in the cookie keeps nobody out.
    let garbage = sign_in(
        site,
        "ann@example.com",
        PASSWORD,
        "fluxbase_refresh_token=x.y.z",
    );
    assert!(lives(site, &garbage) && lives(site, &first));
}

fn off(site: &Site) {
    let first = sign_in(site, "ann@example.com", PASSWORD, "");
    let token = refresh(&first);
    let cookie = format!(
        "fluxbase_refresh_token={}",
        token.as_str().expect("a token")
    );
    let second = sign_in(site, "ann@example.com", PASSWORD, &cookie);
    assert!(lives(site, &second) && lives(site, &first));
}
