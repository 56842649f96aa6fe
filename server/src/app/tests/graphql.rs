//! GraphQL without a database: what is refused, and in which form.

use super::{get, send, server};
use actix_web::test::TestRequest;
use serde_json::{Value, json};

const PATHS: [&str; 2] = ["/api/v1/graphql", "/graphql/v1"];

fn post(path: &str, query: &str) -> TestRequest {
    raw(path, &json!({ "query": query }).to_string())
}

fn raw(path: &str, body: &str) -> TestRequest {
    TestRequest::post()
        .uri(path)
        .insert_header(("content-length", body.len().to_string()))
        .insert_header(("content-type", "application/json"))
        .set_payload(body.to_owned())
}

/// Code of `errors` and code beside it, with everything else in its place.
fn codes(body: &Value) -> (&str, &str) {
    let errors = body["errors"].as_array().unwrap();
    let first = &errors[0];
    assert_eq!(first["message"], body["error"], "{body}");
    assert!(body["error"].as_str().is_some_and(|text| !text.is_empty()));
    assert!(body["request_id"].is_string() && body.get("data").is_none());
    (
        first["extensions"]["code"].as_str().unwrap(),
        body["code"].as_str().unwrap(),
    )
}

#[actix_web::test]
async fn every_refusal_is_a_list_of_errors_with_a_code() {
    let server = server("graphql: {max_depth: 3, max_complexity: 200}").await;
    for path in PATHS {
        for (request, status, code, beside) in [
            (post(path, "{"), 400, "GRAPHQL_PARSE_FAILED", ""),
            (post(path, ""), 400, "GRAPHQL_PARSE_FAILED", ""),
            (
                post(path, "{ nothing }"),
                400,
                "GRAPHQL_VALIDATION_FAILED",
                "",
            ),
            (
                post(path, "{ postsConnection { edges { node { id } } } }"),
                400,
                "DEPTH_LIMIT_EXCEEDED",
                "",
            ),
            (
                post(path, "{ posts(limit: 500) { id } }"),
                400,
                "COMPLEXITY_LIMIT_EXCEEDED",
                "",
            ),
            (raw(path, "["), 400, "INVALID_REQUEST_BODY", ""),
            (
                post(path, "{ _health }").insert_header(("content-type", "text/plain")),
                415,
                "INVALID_INPUT",
                "",
            ),
            (
                post(path, "{ _health }").insert_header(("authorization", "Bearer x")),
                401,
                "UNAUTHENTICATED",
                "INVALID_TOKEN",
            ),
            (TestRequest::put().uri(path), 405, "METHOD_NOT_ALLOWED", ""),
            (
                post(path, "{ posts { id } }"),
                503,
                "service_unavailable",
                "",
            ),
        ] {
            let answer = server(request).await;
            assert_eq!(answer.status, status, "{code}: {}", answer.body);
            let beside = if beside.is_empty() { code } else { beside };
            assert_eq!(codes(&answer.body), (code, beside));
            assert_eq!(
                answer.headers.get("content-type").unwrap(),
                "application/json"
            );
        }
        // What stays within the limits, and needs no rows.
        let answer = server(post(path, "{ _health __schema { queryType { name } } }")).await;
        let expected =
            json!({"data": {"_health": "ok", "__schema": {"queryType": {"name": "Query"}}}});
        assert_eq!((answer.status, answer.body), (200, expected));
    }
}

#[actix_web::test]
async fn a_body_above_the_limit_is_refused() {
    let answer = send(post(PATHS[0], &"#".repeat(200))).await;
    assert_eq!(answer.status, 413);
    assert_eq!(
        codes(&answer.body),
        ("PAYLOAD_TOO_LARGE", "PAYLOAD_TOO_LARGE")
    );
    assert_eq!(send(post(PATHS[0], "{ _health }")).await.status, 200);
}

#[actix_web::test]
async fn the_media_type_asked_for_is_that_of_answers_and_of_refusals() {
    let server = server("").await;
    for query in ["{ _health }", "{ nothing }"] {
        let request = post(PATHS[1], query);
        let accept = "application/graphql-response+json, application/json;q=0.9";
        let answer = server(request.insert_header(("accept", accept))).await;
        assert_eq!(
            answer.headers.get("content-type").unwrap(),
            "application/graphql-response+json; charset=utf-8"
        );
        let answer = server(post(PATHS[1], query)).await;
        assert_eq!(
            answer.headers.get("content-type").unwrap(),
            "application/json"
        );
    }
}

/// 1. A link is all it takes to make a browser send a GET, with its cookies. 2. The link holds a mutation.
#[actix_web::test]
async fn a_mutation_over_get_is_refused() {
    let server = server("").await;
    for path in PATHS {
        let write = "mutation%20%7B%20deletePosts(id:%201)%20%7B%20id%20%7D%20%7D";
        let answer = server(get(&format!("{path}?query={write}"))).await;
        assert_eq!(answer.status, 405, "{}", answer.body);
        assert_eq!(answer.headers.get("allow").unwrap(), "POST");
        assert_eq!(
            codes(&answer.body),
            ("METHOD_NOT_ALLOWED", "METHOD_NOT_ALLOWED")
        );
        // A query is answered, and to nobody else from a cache.
        let answer = server(get(&format!("{path}?query=%7B_health%7D"))).await;
        assert_eq!(answer.body, json!({"data": {"_health": "ok"}}));
        assert_eq!(
            answer.headers.get("cache-control").unwrap(),
            "private, no-cache"
        );
    }
}

#[actix_web::test]
async fn introspection_that_is_off_is_off_on_every_way() {
    let on = server("").await;
    let off = server("graphql: {introspection: false}").await;
    for path in PATHS {
        let ways = || {
            [
                get(path),
                get(&format!(
                    "{path}?query=%7B__schema%7BqueryType%7Bname%7D%7D%7D"
                )),
                post(path, "{ __schema { queryType { name } } }"),
                post(path, "{ __type(name: \"Posts\") { name } }"),
                post(
                    path,
                    "{ ...F } fragment F on Query { __schema { queryType { name } } }",
                ),
            ]
        };
        for (refused, answered) in ways().into_iter().zip(ways()) {
            let answer = off(refused).await;
            assert_eq!(answer.status, 403, "{}", answer.body);
            let code = "INTROSPECTION_DISABLED";
            assert_eq!(codes(&answer.body), (code, code));
            let answer = on(answered).await;
            assert_eq!(answer.status, 200);
            assert!(answer.body["data"].is_object() && answer.body.get("errors").is_none());
        }
        assert_eq!(off(post(path, "{ _health }")).await.status, 200);
    }
}

#[actix_web::test]
async fn graphql_that_is_off_is_not_there() {
    let off = server("graphql: {enabled: false}").await;
    for path in PATHS {
        for request in [get(path), post(path, "{ _health }"), post(path, "{")] {
            let answer = off(request).await;
            assert_eq!(answer.status, 404, "{}", answer.body);
            assert_eq!(codes(&answer.body), ("NOT_FOUND", "NOT_FOUND"));
        }
    }
}
