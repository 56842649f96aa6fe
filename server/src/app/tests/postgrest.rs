//! `/rest/v1` without a database: refusals in the form PostgREST's clients read, and in no other.

use super::{LIMITS, code, get, send, server, token};
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

const POSTS: &str = "/rest/v1/posts";

fn request(method: Method, path: &str) -> TestRequest {
    TestRequest::default().method(method).uri(path)
}

fn post(body: &'static str) -> TestRequest {
    TestRequest::post()
        .uri(POSTS)
        .insert_header(("content-length", body.len().to_string()))
        .set_payload(body)
}

#[actix_web::test]
async fn every_refusal_has_the_form_and_the_code_clients_know() {
    let long = "x".repeat(101);
    for (what, request, status, expected) in [
        ("unknown table", get("/rest/v1/post"), 404, "PGRST205"),
        (
            "a schema of ours",
            get("/rest/v1/users").insert_header(("accept-profile", "auth")),
            406,
            "PGRST106",
        ),
        ("unknown column", get("/rest/v1/posts?x=eq.1"), 400, "42703"),
        (
            "unknown column of a body",
            post(r#"{"x":1}"#),
            400,
            "PGRST204",
        ),
        (
            "unknown operator",
            get("/rest/v1/posts?id=equals.1"),
            400,
            "PGRST100",
        ),
        (
            "unknown relation",
            get("/rest/v1/posts?select=id,users(id)"),
            400,
            "PGRST200",
        ),
        (
            "aggregates are off",
            get("/rest/v1/posts?select=id.sum()"),
            400,
            "PGRST123",
        ),
        (
            "a type nobody makes",
            get(POSTS).insert_header(("accept", "image/png")),
            406,
            "PGRST107",
        ),
        (
            "a range that is none",
            get(POSTS).insert_header(("range", "5-2")),
            416,
            "PGRST103",
        ),
        (
            "an unknown preference",
            get(POSTS).insert_header(("prefer", "handling=strict, x=y")),
            400,
            "PGRST122",
        ),
        (
            "a condition on no relation",
            get("/rest/v1/posts?users.id=eq.1"),
            400,
            "PGRST108",
        ),
        (
            "a write without a filter",
            request(Method::DELETE, POSTS),
            400,
            "21000",
        ),
        (
            "put without a key",
            request(Method::PUT, POSTS),
            405,
            "PGRST105",
        ),
        ("a body that is no JSON", post("{"), 400, "PGRST102"),
        (
            "a body of an unknown type",
            post("x").insert_header(("content-type", "image/png")),
            415,
            "PGRST107",
        ),
        (
            "a body too large",
            post("")
                .set_payload(long)
                .insert_header(("content-length", "101")),
            413,
            "PGRST102",
        ),
        (
            "unknown function",
            get("/rest/v1/rpc/f?a=1"),
            404,
            "PGRST202",
        ),
        (
            "a function is not deleted",
            request(Method::DELETE, "/rest/v1/rpc/f"),
            405,
            "PGRST101",
        ),
        (
            "unknown method",
            request(Method::TRACE, POSTS),
            405,
            "PGRST117",
        ),
        ("unknown path", get("/rest/v1/a/b/c"), 404, "PGRST125"),
        ("the root", get("/rest/v1"), 404, "PGRST125"),
        (
            "bad token",
            get(POSTS).insert_header(("authorization", "Bearer x.y.z")),
            401,
            "PGRST301",
        ),
        ("an encoded path", get("/%72est/v1/post"), 404, "PGRST205"),
        ("no database", get(POSTS), 503, "PGRST000"),
    ] {
        let answer = send(request).await;
        assert_eq!(
            (answer.status, code(&answer)),
            (status, expected),
            "{what}: {}",
            answer.body
        );
        let members: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
        assert_eq!(members, ["code", "details", "hint", "message"], "{what}");
        assert_eq!(
            answer.headers.get("content-type").unwrap(),
            "application/json; charset=utf-8",
            "{what}"
        );
        assert!(answer.headers.contains_key("x-request-id"), "{what}");
        assert_eq!(
            answer.headers.contains_key("www-authenticate"),
            status == 401,
            "{what}"
        );
    }
}

#[actix_web::test]
async fn names_a_letter_away_are_hinted_at() {
    let table = send(get("/rest/v1/post")).await;
    assert_eq!(table.body["hint"], "did you mean posts?");
    let schema = send(get(POSTS).insert_header(("accept-profile", "app"))).await;
    assert_eq!(schema.body["hint"], "served: public");
    let function = send(get("/rest/v1/rpc/f?a=1&b=2")).await;
    assert_eq!(
        function.body["details"],
        "Looked for f with the arguments a, b"
    );
}

#[actix_web::test]
async fn the_other_mount_keeps_its_form() {
    let answer = send(get("/api/v1/tables/post")).await;
    assert_eq!(code(&answer), "NOT_FOUND");
    assert!(answer.body["error"].is_string() && answer.body["message"].is_null());
}

#[actix_web::test]
async fn what_is_switched_on_is_served() {
    let yaml = "api: {aggregates: true, unfiltered_writes: true}";
    let switched = server(yaml).await;
    for request in [
        get("/rest/v1/posts?select=id.sum()"),
        request(Method::DELETE, POSTS),
    ] {
        // They get as far as the database, which is not there.
        assert_eq!(code(&switched(request).await), "PGRST000");
    }
    // The switches are that mount's alone.
    let other = switched(request(Method::DELETE, "/api/v1/tables/posts")).await;
    assert_eq!((other.status, code(&other)), (400, "INVALID_INPUT"));
    let aggregates = send(get("/api/v1/tables/posts?select=sum(id)")).await;
    assert_eq!(aggregates.status, 503);
}

#[actix_web::test]
async fn methods_of_both_mounts_are_told() {
    for (path, allow) in [
        (POSTS, "OPTIONS, GET, HEAD, POST, PATCH, PUT, DELETE"),
        ("/rest/v1/rpc/f", "OPTIONS, GET, HEAD, POST"),
        ("/api/v1/rpc/default/f", "POST"),
        ("/api/v1/rpc/procedures", "GET, HEAD"),
    ] {
        let answer = send(request(Method::TRACE, path)).await;
        assert_eq!(answer.status, 405, "{path}");
        assert_eq!(answer.headers.get("allow").unwrap(), allow, "{path}");
    }
}

#[actix_web::test]
async fn functions_of_the_contract_are_refused_in_its_form() {
    let call = |path: &str, body: &'static str| {
        TestRequest::post()
            .uri(path)
            .insert_header(("content-length", body.len().to_string()))
            .insert_header(("authorization", token()))
            .set_payload(body)
    };
    for (path, body, status, expected) in [
        (
            "/api/v1/rpc/default/f",
            r#"{"params":{"a":1}}"#,
            404,
            "NOT_FOUND",
        ),
        ("/api/v1/rpc/app/f", "", 404, "NOT_FOUND"),
        ("/api/v1/rpc/auth/uid", "", 404, "NOT_FOUND"),
        (
            "/api/v1/rpc/default/f",
            r#"{"params":[1]}"#,
            400,
            "INVALID_REQUEST_BODY",
        ),
        (
            "/api/v1/rpc/default/f",
            r#"{"args":{}}"#,
            400,
            "INVALID_REQUEST_BODY",
        ),
        (
            "/api/v1/rpc/default/f",
            r#"{"async":true}"#,
            400,
            "NOT_SUPPORTED",
        ),
        (
            "/api/v1/rpc/default/f",
            r#"{"params":{"a":1,"a":2}}"#,
            400,
            "INVALID_REQUEST_BODY",
        ),
    ] {
        let answer = send(call(path, body)).await;
        assert_eq!(
            (answer.status, code(&answer)),
            (status, expected),
            "{path} {body}"
        );
    }
    let listed = send(get("/api/v1/rpc/procedures?x=1")).await;
    assert_eq!(
        (listed.status, code(&listed)),
        (400, "INVALID_REQUEST_BODY")
    );
}

#[actix_web::test]
async fn a_limit_for_everybody_counts_both_mounts() {
    let yaml = format!("{LIMITS}\nrate_limiting: {{per_minute: 2}}");
    let limited = server(&yaml).await;
    assert_eq!(limited(get(POSTS)).await.status, 503);
    assert_eq!(limited(get("/api/v1/tables/posts")).await.status, 503);
    let refused = limited(get(POSTS)).await;
    assert_eq!(
        (refused.status, code(&refused)),
        (429, "RATE_LIMIT_EXCEEDED")
    );
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(refused.body["message"], "Rate limit exceeded");
    let details: &Value = &refused.body["details"];
    assert!(
        details
            .as_str()
            .is_some_and(|text| text.contains("seconds")),
        "{details}"
    );
    assert_eq!(refused.body["hint"], json!(null));
}
