//! What a client need not be sent again, what has no body, and queries too long for an address.

use crate::site::Site;
use fluxbase_tests::http::{Request, Response};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

const ITEMS: &str = "/api/v1/tables/items";
const THINGS: &str = "/api/v1/tables/things";

pub fn trials(site: &Arc<Site>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let site = Arc::clone(site);
        let cluster = Arc::clone(&site.database.fixture.cluster);
        trials.push(trial(&cluster, format!("conditional::{name}"), move || {
            body(&site)
        }));
    };
    add("what_the_client_has_is_not_sent_again", not_modified);
    add("a_tag_of_one_user_is_none_of_another", of_another);
    add("a_tag_changes_with_the_rows_and_with_the_total", changed);
    add("head_is_get_without_the_body", head);
    add("a_query_in_the_body_reads_as_one_in_the_address", query);
    add("a_query_in_the_body_is_longer_than_any_address", long_query);
    add("a_query_in_the_body_writes_nothing", query_writes_nothing);
    trials
}

fn tag(answer: &Response) -> String {
    answer.expect(200);
    assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    let tag = answer.header("etag").expect("a tag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    tag
}

fn known(request: Request, tag: &str) -> Response {
    request.header("If-None-Match", tag).send()
}

fn not_modified(site: &Site) {
    for target in [
        &format!("{THINGS}?select=id&id=eq.1"),
        "/api/v1/tables/public/things/2",
        &format!("{THINGS}?id=gt.99"),
    ] {
        let tag = tag(&site.get(target).send());
        let again = known(site.get(target), &tag);
        assert_eq!((again.status, again.body.len()), (304, 0), "{target}");
        assert_eq!(again.header("etag"), Some(tag.as_str()));
        assert_eq!(again.header("content-type"), None);
        assert_eq!(known(site.get(target), "*").status, 304);
        known(site.get(target), "\"another\"").expect(200);
        assert_eq!(known(site.request("HEAD", target), &tag).status, 304);
    }
    // Refusals and writes have none.
    let refused = site.get("/api/v1/tables/nothing").send();
    assert_eq!((refused.status, refused.header("etag")), (404, None));
    let user = site.sign_up("etag-writes@example.com");
    let made = site
        .post(ITEMS, &json!({"name": "x"}))
        .bearer(&user.token)
        .header("If-None-Match", "*")
        .send();
    made.expect(201);
    assert_eq!(made.header("etag"), None);
}

fn of_another(site: &Site) {
    let (one, two) = (
        site.sign_up("etag-one@example.com"),
        site.sign_up("etag-two@example.com"),
    );
    site.post(ITEMS, &json!({"name": "mine"}))
        .bearer(&one.token)
        .send()
        .expect(201);
    let of_one = tag(&site.get(ITEMS).bearer(&one.token).send());
    let answer = known(site.get(ITEMS).bearer(&two.token), &of_one);
    assert_eq!(answer.expect(200), json!([]));
    // Without the right to read there is no 304 either.
    known(site.get("/api/v1/tables/closed").bearer(&one.token), "*")
        .refused(403, "RLS_POLICY_VIOLATION");
}

fn changed(site: &Site) {
    let user = site.sign_up("etag-changed@example.com");
    let insert = |name: &str| {
        let made = site.post(ITEMS, &json!({"name": name})).bearer(&user.token);
        made.send().expect(201)
    };
    insert("a");
    let page = format!("{ITEMS}?select=name&order=id&limit=1&count=exact");
    let read = || site.get(&page).bearer(&user.token);
    let before = tag(&read().send());
    assert_eq!(known(read(), &before).status, 304);
    insert("b");
    // The same page, of one row more.
    let answer = known(read(), &before);
    assert_eq!(answer.expect(200), json!([{"name": "a"}]));
    assert_eq!(answer.header("content-range"), Some("0-0/2"));
    assert_ne!(tag(&answer), before);
}

fn head(site: &Site) {
    for target in [
        &format!("{THINGS}?limit=2&count=exact"),
        "/api/v1/tables/public/things",
        "/api/v1/tables/public/things/2",
    ] {
        let (get, head) = (site.get(target).send(), site.request("HEAD", target).send());
        assert_eq!((head.status, head.body.len()), (200, 0), "{target}");
        for name in ["content-type", "content-range", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{target}: {name}");
        }
    }
    let refused = site.request("HEAD", "/api/v1/tables/nothing").send();
    assert_eq!((refused.status, refused.body.len()), (404, 0));
}

fn query(site: &Site) {
    let ask = |target: &str, body: &Value| site.post(target, body).send();
    for (body, address) in [
        (json!({}), ""),
        (
            json!({"select": "id,name", "filters": [
                {"column": "id", "operator": "in", "value": [1, 2]},
                {"column": "active", "operator": "is", "value": true}]}),
            "select=id,name&id=in.(1,2)&active=is.true",
        ),
        (
            json!({"select": "id", "orFilters": ["name.eq.apple,id.eq.5"], "order": [{"column": "id", "direction": "desc"}]}),
            "select=id&or=(name.eq.apple,id.eq.5)&order=id.desc",
        ),
        (
            json!({"select": "id", "filters": [{"column": "meta", "operator": "cs", "value": {"a": {"b": 1}}}]}),
            "select=id&meta=cs.{\"a\":{\"b\":1}}",
        ),
        (
            json!({"select": "id", "betweenFilters": [{"column": "rating", "min": 1.5, "max": 2.5, "negated": false}]}),
            "select=id&rating=gte.1.5&rating=lte.2.5",
        ),
        (
            json!({"select": "active,count(*)", "groupBy": ["active"], "order": [{"column": "active", "nulls": "last"}]}),
            "select=active,count(*)&group_by=active&order=active.asc.nullslast",
        ),
        (
            json!({"select": "id,items(name)", "limit": 1, "offset": 1, "order": [{"column": "id"}]}),
            "select=id,items(name)&limit=1&offset=1&order=id",
        ),
    ] {
        let address: String = address
            .chars()
            .map(|c| {
                if c.is_ascii() && !matches!(c, '"' | '{' | '}') {
                    c.to_string()
                } else {
                    fluxbase_tests::http::encoded(&c.to_string())
                }
            })
            .collect();
        let user = site.database.fixture.ann.token.as_str();
        let expected = site
            .get(&format!("{THINGS}?{address}"))
            .bearer(user)
            .send()
            .expect(200);
        for target in [
            "/api/v1/tables/things/query",
            "/api/v1/tables/public/things/query",
        ] {
            let answer = site.post(target, &body).bearer(user).send();
            assert_eq!(answer.expect(200), expected, "{body}");
            assert_eq!(answer.header("etag"), None);
        }
    }
    let counted = ask(
        "/api/v1/tables/things/query",
        &json!({"limit": 2, "offset": 2, "order": [{"column": "id"}], "count": "exact"}),
    );
    assert_eq!(counted.expect(200).as_array().map(Vec::len), Some(2));
    assert_eq!(counted.header("content-range"), Some("2-3/5"));
    ask("/api/v1/tables/things/query", &json!({"where": 1})).shaped(400, "INVALID_REQUEST_BODY");
    ask("/api/v1/tables/nothing/query", &json!({})).refused(404, "NOT_FOUND");
    ask("/api/v1/tables/closed/query", &json!({})).refused(401, "AUTHENTICATION_REQUIRED");
}

fn long_query(site: &Site) {
    let names: Vec<String> = (0..5000)
        .map(|n| format!("a name of some length {n}"))
        .collect();
    let body = |names: &[String]| json!({"select": "id", "filters": [{"column": "name", "operator": "in", "value": names}]});
    let target = "/api/v1/tables/things/query";
    assert_eq!(
        site.post(target, &body(&names)).send().expect(200),
        json!([])
    );
    let mut more = names;
    more.push("apple".to_owned());
    assert_eq!(
        site.post(target, &body(&more)).send().expect(200),
        json!([{"id": 1}])
    );
}

/// A POST that reads must not become one that inserts, whatever tables there are.
fn query_writes_nothing(site: &Site) {
    let user = site.sign_up("query-writes@example.com");
    let target = "/api/v1/tables/items/query";
    site.post(target, &json!({"name": "x"}))
        .bearer(&user.token)
        .send()
        .shaped(400, "INVALID_REQUEST_BODY");
    let rows = site.get(ITEMS).bearer(&user.token).send().expect(200);
    assert_eq!(rows, json!([]));
    // Read only, also for a key that may only read.
    let made = site
        .post(
            "/api/v1/client-keys",
            &json!({"name": "reads", "scopes": ["read:tables"]}),
        )
        .bearer(&user.token)
        .send()
        .expect(201);
    let key = made["key"].as_str().expect("a key");
    let with_key = |target: &str, body: &Value| site.post(target, body).header("X-Client-Key", key);
    assert_eq!(with_key(target, &json!({})).send().expect(200), json!([]));
    let refused = with_key(ITEMS, &json!({"name": "x"})).send();
    refused.refused(403, "INSUFFICIENT_PERMISSIONS");
    // The table query of a schema items, which is not there.
    for method in ["PATCH", "DELETE"] {
        site.request(method, &format!("{target}?id=eq.1"))
            .bearer(&user.token)
            .json(&json!({"name": "x"}))
            .send()
            .refused(404, "NOT_FOUND");
    }
}
