//! Cookies over the whole server, without a database: what passes the gate is answered 503, what does not 401 or 403.

use super::{Answer, SECRET, server};
use actix_web::test::TestRequest;
use fluxbase_rules::keys::sign_hs256;

const ON: &str = "security: {csrf_secret: 0123456789abcdef0123456789abcdef}";
const NOTES: &str = "/api/v1/tables/posts";

fn access(session: &str) -> String {
    let payload = format!(
        r#"{{"sub":"00000000-0000-4000-8000-000000000001","role":"authenticated","session_id":"{session}","exp":32503680000}}"#
    );
    let token = sign_hs256(SECRET.as_bytes(), &payload).unwrap();
    format!("fluxbase_access_token={token}")
}

const ANN: &str = "00000000-0000-4000-8000-00000000000a";
const BOB: &str = "00000000-0000-4000-8000-00000000000b";

fn write(cookie: &str) -> TestRequest {
    TestRequest::post()
        .uri(NOTES)
        .set_payload(r#"{"id":1}"#)
        .insert_header(("content-type", "application/json"))
        .insert_header(("cookie", cookie))
}

async fn csrf_token(server: &impl AsyncFn(TestRequest) -> Answer, session: &str) -> String {
    let asked = TestRequest::get()
        .uri("/api/v1/auth/csrf")
        .insert_header(("cookie", access(session)));
    let answer = server(asked).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let token = answer.body["csrf_token"].as_str().unwrap().to_owned();
    let cookie = answer.headers.get("set-cookie").unwrap().to_str().unwrap();
    assert!(cookie.starts_with(&format!("csrf_token={token}; ")));
    assert!(!cookie.contains("HttpOnly"), "scripts must read it");
    token
}

/// Another site makes the browser send a form; the browser adds the cookies.
#[actix_web::test]
async fn a_request_forged_by_another_site_changes_nothing() {
    let server = server(ON).await;
    let token = csrf_token(&server, ANN).await;
    let answer = server(write(&access(ANN))).await;
    assert_eq!(answer.status, 403);
    assert_eq!(answer.body["error"], "CSRF token required");
    let fresh = answer.headers.get("set-cookie").unwrap().to_str().unwrap();
    assert!(fresh.starts_with("csrf_token="), "{fresh}");
    // The cookie alone is what a forged request has too.
    let cookies = format!("{}; csrf_token={token}", access(ANN));
    assert_eq!(server(write(&cookies)).await.status, 403);
    let others = csrf_token(&server, BOB).await;
    for (cookie, header) in [
        (cookies.as_str(), others.as_str()),
        (cookies.as_str(), ""),
        (&access(ANN), token.as_str()),
        (
            &format!("{}; csrf_token={others}", access(ANN)),
            others.as_str(),
        ),
    ] {
        let answer = server(write(cookie).insert_header(("x-csrf-token", header))).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert_eq!(answer.body["error"], "CSRF token validation failed");
    }
}

#[actix_web::test]
async fn with_its_token_a_cookie_speaks_and_reading_needs_none() {
    let server = server(ON).await;
    let token = csrf_token(&server, ANN).await;
    let cookies = format!("{}; csrf_token={token}", access(ANN));
    let answer = server(write(&cookies).insert_header(("x-csrf-token", token.as_str()))).await;
    assert_eq!(
        answer.status, 503,
        "it came as far as the database: {}",
        answer.body
    );
    let read = TestRequest::get()
        .uri(NOTES)
        .insert_header(("cookie", access(ANN)));
    assert_eq!(server(read).await.status, 503);
    // A header cannot be forged by another site, so it needs no token.
    let bearer = access(ANN).replace("fluxbase_access_token=", "Bearer ");
    let answer = server(write(&access(BOB)).insert_header(("authorization", bearer))).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
}

#[actix_web::test]
async fn where_cookies_are_off_none_is_looked_at() {
    let server = server("").await;
    let answer = server(
        TestRequest::get()
            .uri("/api/v1/auth/user")
            .insert_header(("cookie", "fluxbase_access_token=junk")),
    )
    .await;
    assert_eq!(answer.status, 503, "a visitor: {}", answer.body);
    let answer = server(TestRequest::get().uri("/api/v1/auth/csrf")).await;
    assert_eq!(answer.status, 404);
}
