//! Rate limits over the whole server, without a database: a request that passes its limits here is
//! answered 400, 401 or 503, one that does not 429.

use super::{Answer, assert_dressed, get, server};
use crate::clock;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use fluxbase_rules::keys::sign_hs256;
use std::net::IpAddr;

fn from(peer: &str, request: TestRequest) -> TestRequest {
    let peer: IpAddr = peer.parse().unwrap();
    request.peer_addr((peer, 4711).into())
}

fn post(path: &str) -> TestRequest {
    from("192.0.2.1", TestRequest::post().uri(path))
}

fn number(answer: &Answer, header: &str) -> Option<i64> {
    let value = answer.headers.get(header)?;
    Some(value.to_str().unwrap().parse().unwrap())
}

fn service_token() -> String {
    let payload =
        r#"{"sub":"00000000-0000-4000-8000-000000000001","role":"service_role","exp":32503680000}"#;
    let token = sign_hs256(super::SECRET.as_bytes(), payload).unwrap();
    format!("Bearer {token}")
}

/// How many of so many requests pass.
async fn passed(
    server: &impl AsyncFn(TestRequest) -> Answer,
    count: usize,
    request: impl Fn(usize) -> TestRequest,
) -> usize {
    let mut passed = 0;
    for nth in 0..count {
        passed += usize::from(server(request(nth)).await.status != 429);
    }
    passed
}

const SIGN_IN: &str = "/api/v1/auth/signin";

#[actix_web::test]
async fn a_limited_path_tells_where_one_stands_and_then_refuses() {
    let server = server("").await;
    let began = clock::now();
    for nth in 1..=10 {
        let answer = server(post(SIGN_IN)).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
        assert_eq!(number(&answer, "x-ratelimit-limit"), Some(10));
        assert_eq!(number(&answer, "x-ratelimit-remaining"), Some(10 - nth));
        let reset = number(&answer, "x-ratelimit-reset").unwrap();
        assert!((began + 900..=clock::now() + 900).contains(&reset));
        assert!(answer.headers.get("retry-after").is_none());
    }
    let answer = server(post(SIGN_IN).insert_header(("x-request-id", "trace-1"))).await;
    assert_eq!(answer.status, 429);
    assert_dressed(&answer, "refused");
    let wait = number(&answer, "retry-after").unwrap();
    assert!((800..=900).contains(&wait), "{wait}");
    let expected = serde_json::json!({
        "code": "RATE_LIMIT_EXCEEDED",
        "error": "Rate limit exceeded",
        "message": format!("Too many requests; try again in {wait} seconds"),
        "retry_after": wait,
        "request_id": "trace-1",
    });
    assert_eq!(answer.body, expected);
    assert_eq!(number(&answer, "x-ratelimit-limit"), Some(10));
    assert_eq!(number(&answer, "x-ratelimit-remaining"), Some(0));
    let reset = number(&answer, "x-ratelimit-reset").unwrap();
    assert!((clock::now() + wait - 2..=clock::now() + wait).contains(&reset));
}

#[actix_web::test]
async fn a_path_without_limits_says_nothing_of_any() {
    let server = server("").await;
    for path in ["/", "/health", "/api/v1/tables/posts", "/api/v1/nope"] {
        for _ in 0..30 {
            let answer = server(from("192.0.2.1", get(path))).await;
            assert_ne!(answer.status, 429, "{path}");
            assert_eq!(number(&answer, "x-ratelimit-limit"), None, "{path}");
        }
    }
}

#[actix_web::test]
async fn a_limit_is_not_evaded_by_writing_the_path_or_the_client_otherwise() {
    let paths = [
        SIGN_IN,
        "/api/v1/auth/login",
        "/api/v1/auth/sign%69n",
        "/api/v1/auth/%6cogin",
        "/api/v1/%61uth/signin",
        "/%61pi/v1/auth/signin",
        "/api/v1/auth/signin?x=1",
        "http://elsewhere/api/v1/auth/signin",
    ];
    for rest in 0..paths.len() {
        let server = server("").await;
        let all = |nth: usize| {
            let path = paths[(nth + rest) % paths.len()];
            let spoofed = format!("198.51.100.{nth}");
            post(path)
                .insert_header(("x-forwarded-for", spoofed.clone()))
                .insert_header(("x-real-ip", spoofed.clone()))
                .insert_header(("forwarded", format!("for={spoofed}")))
        };
        assert_eq!(passed(&server, 40, all).await, 10);
    }
}

#[actix_web::test]
async fn what_is_no_route_takes_nothing_from_the_count_of_one() {
    let server = server("").await;
    for path in [
        "/api/v1/auth/signin/",
        "/api/v1/auth//signin",
        "/api/v1/AUTH/signin",
    ] {
        assert_eq!(passed(&server, 30, |_| post(path)).await, 30, "{path}");
    }
    assert_eq!(passed(&server, 30, |_| post(SIGN_IN)).await, 10);
}

#[actix_web::test]
async fn the_clients_of_a_trusted_proxy_are_counted_apart() {
    let server = server("server: {trusted_proxies: [10.0.0.0/8]}").await;
    let through = |client: &'static str| {
        move |nth: usize| {
            let line = format!("198.51.100.{nth}, {client}");
            from("10.0.0.1", TestRequest::post().uri(SIGN_IN))
                .insert_header(("x-forwarded-for", line))
        }
    };
    for client in ["203.0.113.1", "203.0.113.2", "2001:db8::1"] {
        assert_eq!(passed(&server, 30, through(client)).await, 10, "{client}");
    }
    assert_eq!(passed(&server, 5, through("2001:db8::2")).await, 0);
}

#[actix_web::test]
async fn peers_without_an_address_are_counted_as_one() {
    let server = server("").await;
    let nowhere = |_| TestRequest::post().uri(SIGN_IN);
    assert_eq!(passed(&server, 30, nowhere).await, 10);
}

#[actix_web::test]
async fn a_limit_comes_before_the_body() {
    let server =
        server("rate_limiting: {endpoints: [{path: /api/v1/tables/*, per_minute: 1}]}").await;
    let broken = || {
        post("/api/v1/tables/posts")
            .insert_header(("content-length", "1"))
            .set_payload("{")
    };
    assert_eq!(server(broken()).await.status, 400);
    assert_eq!(server(broken()).await.status, 429);
}

#[actix_web::test]
async fn a_bad_token_is_counted_and_then_refused_for_being_one_too_many() {
    let server = server("rate_limiting: {per_minute: 3}").await;
    for status in [401, 401, 401, 429, 429] {
        let request = get("/api/v1/tables/posts").insert_header(("apikey", "x"));
        let answer = server(from("192.0.2.1", request)).await;
        assert_eq!(answer.status, status);
        assert_eq!(number(&answer, "x-ratelimit-limit"), Some(3));
    }
}

/// A bearer token of this role.
fn of_role(role: &str, user: usize) -> String {
    let payload = format!(
        r#"{{"sub":"00000000-0000-4000-8000-{user:012}","role":"{role}","exp":32503680000}}"#
    );
    let token = sign_hs256(super::SECRET.as_bytes(), &payload).unwrap();
    format!("Bearer {token}")
}

fn with(path: &'static str, token: String) -> impl Fn(usize) -> TestRequest {
    move |_| post(path).insert_header(("authorization", token.clone()))
}

const POSTS: &str = "/api/v1/tables/posts";

#[actix_web::test]
async fn service_role_is_counted_by_its_own_limit_alone() {
    let yaml = "rate_limiting: {per_minute: 3}\nsecurity: {service_role_rate_limit: 15}";
    for path in [POSTS, "/api/v1/auth/user", SIGN_IN] {
        let server = server(yaml).await;
        let served = passed(&server, 40, with(path, service_token())).await;
        assert_eq!(served, 15, "{path}");
        let answer = server(with(path, service_token())(0)).await;
        assert_eq!(number(&answer, "x-ratelimit-limit"), Some(15), "{path}");
        // The twin: who shares the address has the whole of the other limit.
        assert_eq!(passed(&server, 20, |_| post(path)).await, 3, "{path}");
    }
}

#[actix_web::test]
async fn administrators_are_not_counted_but_where_they_sign_in() {
    for role in ["admin", "dashboard_admin", "instance_admin"] {
        let server = server("rate_limiting: {per_minute: 3}").await;
        for path in [POSTS, "/api/v1/admin/users"] {
            let served = passed(&server, 20, with(path, of_role(role, 1))).await;
            assert_eq!(served, 20, "{role} {path}");
            let answer = server(with(path, of_role(role, 1))(0)).await;
            assert_eq!(number(&answer, "x-ratelimit-limit"), None, "{role} {path}");
        }
        let served = passed(&server, 20, with(SIGN_IN, of_role(role, 1))).await;
        assert_eq!(served, 3, "{role}");
    }
}

#[actix_web::test]
async fn a_user_is_counted_as_that_user_wherever_from() {
    let server = server("rate_limiting: {per_minute: 3}").await;
    let from_anywhere = |user: usize| {
        move |nth: usize| {
            let request = TestRequest::post().uri(POSTS);
            from(&format!("198.51.100.{nth}"), request)
                .insert_header(("authorization", of_role("authenticated", user)))
        }
    };
    for user in 1..4 {
        assert_eq!(passed(&server, 20, from_anywhere(user)).await, 3);
    }
    // Everybody behind the address of those has theirs still.
    assert_eq!(passed(&server, 20, |_| post(POSTS)).await, 3);
    // Signing in is counted by address, whatever token comes with it.
    let signing = |user| with(SIGN_IN, of_role("authenticated", user));
    assert_eq!(passed(&server, 20, signing(8)).await, 0);
}

#[actix_web::test]
async fn users_behind_one_address_share_its_limit_where_that_was_asked_for() {
    let yaml = "rate_limiting: {per_minute: 3}\nsecurity: {enable_per_user_rate_limit: false}";
    let server = server(yaml).await;
    let users = |nth: usize| with(POSTS, of_role("authenticated", nth))(nth);
    assert_eq!(passed(&server, 20, users).await, 3);
    assert_eq!(passed(&server, 20, |_| post(POSTS)).await, 0);
}

#[actix_web::test]
async fn a_forged_or_expired_service_role_is_counted() {
    let server = server("").await;
    let claims = |exp: i64| format!(r#"{{"sub":"x","role":"service_role","exp":{exp}}}"#);
    let expired = sign_hs256(super::SECRET.as_bytes(), &claims(1)).unwrap();
    let forged = sign_hs256(b"another secret of 32 bytes or more", &claims(32503680000)).unwrap();
    let tokens = [expired, forged, "service_role".to_owned(), String::new()];
    let request = |nth: usize| {
        let token = format!("Bearer {}", tokens[nth % tokens.len()]);
        post(SIGN_IN).insert_header(("authorization", token))
    };
    assert_eq!(passed(&server, 40, request).await, 10);
}

#[actix_web::test]
async fn asking_whether_one_may_ask_is_not_counted() {
    let server = server("").await;
    let preflight = |_| {
        from(
            "192.0.2.1",
            TestRequest::default().method(Method::OPTIONS).uri(SIGN_IN),
        )
    };
    assert_eq!(passed(&server, 30, preflight).await, 30);
    assert_eq!(passed(&server, 30, |_| post(SIGN_IN)).await, 10);
}

#[actix_web::test]
async fn switched_off_nothing_is_refused() {
    let yaml = "rate_limiting: {enabled: false, per_minute: 1, endpoints: [{path: /api/v1/*, per_hour: 1}]}";
    let server = server(yaml).await;
    for path in [SIGN_IN, "/api/v1/auth/signup", "/api/v1/auth/refresh"] {
        assert_eq!(passed(&server, 30, |_| post(path)).await, 30, "{path}");
    }
}

#[actix_web::test]
async fn the_stricter_of_general_and_own_limits_is_told() {
    let yaml = "rate_limiting: {per_minute: 4, endpoints: [{path: /api/v1/auth/login, per_minute: 2, per_hour: 20}]}";
    let server = server(yaml).await;
    let answer = server(post("/api/v1/auth/signup")).await;
    assert_eq!(number(&answer, "x-ratelimit-limit"), Some(4));
    let answer = server(post(SIGN_IN)).await;
    assert_eq!(number(&answer, "x-ratelimit-limit"), Some(2));
    assert_eq!(number(&answer, "x-ratelimit-remaining"), Some(1));
    assert_eq!(passed(&server, 5, |_| post(SIGN_IN)).await, 1);
    assert_eq!(passed(&server, 5, |_| post("/api/v1/nope")).await, 1);
}

/// A key is looked up by the database alone: one that only looks like a service key excuses nobody.
#[actix_web::test]
async fn an_invented_service_key_does_not_lift_the_limits() {
    let server = server("").await;
    let invented = format!("sk_{}", "a".repeat(43));
    let count = passed(&server, 12, |_| {
        post(SIGN_IN).insert_header(("apikey", invented.as_str()))
    })
    .await;
    assert_eq!(count, 10);
}
