//! What GraphQL over HTTP says of methods, media types and statuses.

use super::{PATHS, Test, data, everything, request};
use crate::site::Site;
use fluxbase_tests::http::{Response, encoded};
use serde_json::{Value, json};

pub(super) const TESTS: &[Test] = &[
    ("a_mutation_over_get_changes_nothing", &[], over_get),
    ("an_answer_is_of_the_type_that_is_asked_for", &[], media),
    ("a_form_that_any_page_can_send_changes_nothing", &[], forms),
    ("several_operations_in_a_body_are_refused", &[], no_batch),
    (
        "where_lists_are_on_each_operation_is_judged_for_itself",
        &[("GRAPHQL_MAX_BATCH", "3")],
        batch,
    ),
    (
        "where_graphql_is_off_there_is_nothing",
        &[("GRAPHQL_ENABLED", "false")],
        off,
    ),
];

fn over_get(site: &Site) {
    let ann = &site.database.fixture.ann;
    let before = everything(site);
    let get = |path: &str, query: &str| {
        let target = format!("{path}?query={}", encoded(query));
        site.get(&target).bearer(&ann.token).send()
    };
    for path in PATHS {
        // Also when the document is known from a POST.
        let query = "mutation { updatePosts(id: 1, data: {price: 1.50}) { id } }";
        data(site, query, Some(&ann.token));
        for query in ["mutation { deletePosts(id: 1) { id } }", query] {
            let answer = get(path, query);
            let body = answer.refused(405, "METHOD_NOT_ALLOWED");
            assert_eq!(
                body["errors"][0]["extensions"]["code"],
                "METHOD_NOT_ALLOWED"
            );
            assert_eq!(answer.header("allow"), Some("POST"));
        }
        // Neither by a function that a query may not hold.
        let answer = get(path, "{ noteDown(words: \"x\") }");
        answer.shaped(400, "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(everything(site), before);
        let answer = get(path, "{ post(id: 1) { title } }");
        assert_eq!(
            answer.expect(200),
            json!({"data": {"post": {"title": "ann private"}}})
        );
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
        // The whole schema, as tools ask for it.
        let schema = site.get(path).send().expect(200);
        assert!(schema["data"]["__schema"]["types"].is_array());
    }
}

fn media(site: &Site) {
    const GRAPHQL: &str = "application/graphql-response+json; charset=utf-8";
    let send = |accept: Option<&str>, query: &str| {
        let mut request = site.post(PATHS[0], &json!({ "query": query }));
        if let Some(accept) = accept {
            request = request.header("Accept", accept);
        }
        request.send()
    };
    for (accept, kind, status) in [
        (None, "application/json", 400),
        (Some("*/*"), "application/json", 400),
        (Some("application/json"), "application/json", 200),
        (Some("application/graphql-response+json"), GRAPHQL, 400),
        (
            Some("application/graphql-response+json, application/json"),
            GRAPHQL,
            400,
        ),
    ] {
        let answer = send(accept, "{ _health }");
        assert_eq!(answer.expect(200), json!({"data": {"_health": "ok"}}));
        assert_eq!(answer.header("content-type"), Some(kind), "{accept:?}");
        // What is wrong with a document.
        for query in ["{", "{ nothing }", "{ posts(limit: 1000) { id } }"] {
            let answer = send(accept, query);
            let body = answer.expect(status);
            assert!(body["errors"].is_array() && body.get("data").is_none());
            assert_eq!(answer.header("content-type"), Some(kind), "{accept:?}");
        }
        // Who may not is told so by the status, whatever is asked for.
        let mut request = site.post(PATHS[0], &json!({"query": "{ posts { id } }"}));
        if let Some(accept) = accept {
            request = request.header("Accept", accept);
        }
        let body = request.bearer("not a token").send().expect(401);
        assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    }
}

/// 1. A page of another site has a form, or a script sends a body of a type that needs no permission.
/// 2. The browser adds what it holds of credentials.
/// 3. The mutation is done.
fn forms(site: &Site) {
    let ann = &site.database.fixture.ann;
    let before = everything(site);
    let query = "mutation { deletePosts(id: 1) { id } }";
    let json = json!({ "query": query }).to_string();
    let form = format!("query={}", encoded(query));
    let part = format!(
        "--x\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\n{query}\r\n--x--\r\n"
    );
    for path in PATHS {
        for (kind, body) in [
            (Some("application/x-www-form-urlencoded"), &form),
            (Some("multipart/form-data; boundary=x"), &part),
            (Some("text/plain"), &json),
            (Some("text/plain; charset=application/json"), &json),
            (None, &json),
        ] {
            let mut request = site
                .request("POST", path)
                .bearer(&ann.token)
                .body(body.clone());
            if let Some(kind) = kind {
                request = request.header("Content-Type", kind);
            }
            let refused = request.send().expect(415);
            assert_eq!(refused["errors"][0]["message"], refused["error"]);
            assert_eq!(everything(site), before, "{kind:?}");
        }
        let query = "mutation { updatePosts(id: 1, data: {price: 1.50}) { id } }";
        let answer = request(site, path, &json!({ "query": query }), Some(&ann.token));
        assert_eq!(
            answer.expect(200),
            json!({"data": {"updatePosts": {"id": 1}}})
        );
    }
}

fn post(site: &Site, body: &Value) -> Response {
    request(site, PATHS[0], body, Some(&site.database.fixture.ann.token))
}

fn no_batch(site: &Site) {
    let before = everything(site);
    let delete = json!({"query": "mutation { deletePosts(id: 1) { id } }"});
    for body in [json!([delete]), json!([delete, delete]), json!([])] {
        post(site, &body).refused(400, "INVALID_REQUEST_BODY");
    }
    assert_eq!(everything(site), before);
    post(site, &json!({"query": "{ _health }"})).expect(200);
}

fn batch(site: &Site) {
    let before = everything(site);
    let answer = post(
        site,
        &json!([
            {"query": "{ post(id: 1) { title } }"},
            {"query": "mutation { a: insertPosts(data: {id: 40, title: \"x\"}) { id } b: insertPosts(data: {id: 41, title: \"bob public\"}) { id } }"},
            {"query": "query ($id: Int!) { post(id: $id) { title } }", "variables": {"id": 40}},
        ]),
    );
    let body = answer.expect(200);
    let all = body.as_array().expect("a list");
    assert_eq!(all[0], json!({"data": {"post": {"title": "ann private"}}}));
    assert_eq!(all[1]["errors"][0]["extensions"]["code"], "DUPLICATE_KEY");
    assert!(all[1].get("data").is_none() && all[1]["request_id"].is_string());
    // Nothing is left of what was refused.
    assert_eq!(all[2], json!({"data": {"post": null}}));
    assert_eq!(all.len(), 3);
    assert_eq!(everything(site), before);
    let health = json!({"query": "{ _health }"});
    let answer = post(site, &json!(vec![health.clone(); 4]));
    answer.refused(400, "INVALID_REQUEST_BODY");
    post(site, &json!(vec![health; 3])).expect(200);
}

fn off(site: &Site) {
    for path in PATHS {
        site.get(path).send().refused(404, "NOT_FOUND");
        post(site, &json!({"query": "{ _health }"})).refused(404, "NOT_FOUND");
    }
    site.get("/api/v1/tables/posts")
        .bearer(&site.database.fixture.ann.token)
        .send()
        .expect(200);
}
