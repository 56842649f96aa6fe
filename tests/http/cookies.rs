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
    add(
        "a_cookie_refreshes_and_a_bad_one_is_forgotten",
        ON,
        refreshed_by_cookie,
    );
    add(
        "a_cookie_speaks_until_its_session_is_signed_out",
        ON,
        signed_out,
    );
    add(
        "a_form_of_another_site_administers_nothing",
        ON,
        forged_administration,
    );
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

/// The cookies an answer sets, as name and value; empty values make the browser forget them.
fn set(answer: &Response) -> Vec<(String, String)> {
    let set = answer
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie");
    set.map(|(_, cookie)| {
        let pair = cookie.split(';').next().expect("a pair");
        let (name, value) = pair.split_once('=').expect("a name");
        assert_eq!(
            value.is_empty(),
            cookie.contains("; Max-Age=0;"),
            "{cookie}"
        );
        (name.to_owned(), value.to_owned())
    })
    .collect()
}

#[track_caller]
fn forgotten(answer: &Response) {
    let gone = |name: &str| (name.to_owned(), String::new());
    assert_eq!(
        set(answer),
        [
            gone("fluxbase_access_token"),
            gone("fluxbase_refresh_token")
        ]
    );
}

/// What a page does before it changes anything: the value of the header, and all cookies.
fn with_csrf(site: &Site, cookie: &str) -> (String, String) {
    let answer = site
        .get("/api/v1/auth/csrf")
        .header("Cookie", cookie)
        .send();
    let token = answer.expect(200)["csrf_token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let cookies = format!("{cookie}; csrf_token={token}");
    (token, cookies)
}

fn refreshed_by_cookie(site: &Site) {
    let refresh_with = |cookie: &str| {
        let request = site.request("POST", "/api/v1/auth/refresh");
        request.header("Cookie", cookie).send()
    };
    let first = sign_in(site, "ann@example.com", PASSWORD, "");
    let second = refresh_with(&cookie(&first));
    let account = Account::from_reply(&second.expect(200));
    assert_eq!(
        set(&second),
        [
            ("fluxbase_access_token".to_owned(), account.token.clone()),
            ("fluxbase_refresh_token".to_owned(), account.refresh.clone()),
        ]
    );
    // What is in the body counts before the cookie, and neither is 400.
    let body = json!({"refresh_token": "x.y.z"});
    let answer = site
        .post("/api/v1/auth/refresh", &body)
        .header("Cookie", &cookie(&second))
        .send();
    answer.refused(401, "INVALID_TOKEN");
    let none = site.request("POST", "/api/v1/auth/refresh").send();
    none.refused(400, "INVALID_REQUEST_BODY");
    assert!(set(&none).is_empty());
    assert!(lives(site, &second));
    // 1. The first cookie was stolen. 2. It is used again: the session is over, and the browser is told.
    let reused = refresh_with(&cookie(&first));
    reused.refused(401, "INVALID_TOKEN");
    forgotten(&reused);
    assert!(!lives(site, &second));
    let last = refresh_with(&cookie(&second));
    last.refused(401, "INVALID_TOKEN");
    forgotten(&last);
}

fn signed_out(site: &Site) {
    let first = sign_in(site, "ann@example.com", PASSWORD, "");
    let user = || {
        let request = site.get("/api/v1/auth/user");
        request.header("Cookie", &cookie(&first)).send()
    };
    let notes = || {
        let request = site.get("/api/v1/tables/notes?select=body&order=id");
        request.header("Cookie", &cookie(&first)).send()
    };
    assert_eq!(user().expect(200)["email"], "ann@example.com");
    let hers = json!([{"body": "ann private"}, {"body": "bob public"}]);
    assert_eq!(notes().expect(200), hers);
    let (token, cookies) = with_csrf(site, &cookie(&first));
    let sign_out = || {
        site.request("POST", "/api/v1/auth/signout")
            .header("Cookie", &cookies)
    };
    // Another site cannot sign anybody out.
    site.silently(|| sign_out().send())
        .refused(403, "ACCESS_DENIED");
    user().expect(200);
    let answer = sign_out().header("X-CSRF-Token", &token).send();
    answer.expect(200);
    forgotten(&answer);
    for answer in [user(), notes()] {
        answer.refused(401, "REVOKED_TOKEN");
    }
    let request = site.request("POST", "/api/v1/auth/refresh");
    let answer = request.header("Cookie", &cookie(&first)).send();
    answer.refused(401, "INVALID_TOKEN");
}

/// 1. An administrator is signed in with a cookie. 2. Another site makes the browser send a form to an administrative
///    endpoint: the cookie comes with it, the token does not.
fn forged_administration(site: &Site) {
    site.with_role("root@example.com", "dashboard_admin");
    let first = sign_in(site, "root@example.com", PASSWORD, "");
    let (token, cookies) = with_csrf(site, &cookie(&first));
    let id = &site.database.fixture.bob.id;
    for (method, path, body) in [
        ("DELETE", format!("/admin/users/{id}"), json!({})),
        (
            "PATCH",
            format!("/admin/users/{id}/role"),
            json!({"role": "admin"}),
        ),
        (
            "POST",
            "/admin/users".to_owned(),
            json!({"email": "thief@example.com", "role": "dashboard_admin"}),
        ),
        (
            "POST",
            "/admin/service-keys".to_owned(),
            json!({"name": "x"}),
        ),
        ("DELETE", "/admin/auth/sessions".to_owned(), json!({})),
        (
            "POST",
            "/client-keys".to_owned(),
            json!({"name": "x", "scopes": ["*"]}),
        ),
    ] {
        let send = |headers: &[(&str, &str)]| {
            let mut request = site.request(method, &format!("/api/v1{path}")).json(&body);
            for (name, value) in headers {
                request = request.header(name, value);
            }
            site.silently(|| request.send())
        };
        let answer = send(&[("Cookie", &cookie(&first))]);
        assert_eq!(
            answer.refused(403, "ACCESS_DENIED")["error"],
            "CSRF token required"
        );
        let answer = send(&[("Cookie", &cookies)]);
        assert_eq!(
            answer.refused(403, "ACCESS_DENIED")["error"],
            "CSRF token required"
        );
        let answer = send(&[("Cookie", &cookie(&first)), ("X-CSRF-Token", &token)]);
        let said = answer.refused(403, "ACCESS_DENIED");
        assert_eq!(said["error"], "CSRF token validation failed");
    }
    // The twins: reading, and the site's own page.
    let list = site
        .get("/api/v1/admin/users")
        .header("Cookie", &cookie(&first));
    list.send().expect(200);
    let delete = site.request("DELETE", &format!("/api/v1/admin/users/{id}"));
    let delete = delete.header("Cookie", &cookies);
    delete.header("X-CSRF-Token", &token).send().expect(200);
    let left = "select count(*) from auth.users where email = 'bob@example.com'";
    assert_eq!(site.count(left), 0);
}
