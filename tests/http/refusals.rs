//! Requests that are refused: the contract's status and code, the request's id, no word of SQL.

use crate::site::Site;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

/// Bodies that are no row: status 400 and one of these codes.
const BODIES: [(&str, &str, &str); 20] = [
    ("empty", "", "INVALID_REQUEST_BODY"),
    ("not_json", "name=x", "INVALID_REQUEST_BODY"),
    ("half", "{\"name\":", "INVALID_REQUEST_BODY"),
    (
        "two_values",
        "{\"name\":\"a\"}{\"name\":\"b\"}",
        "INVALID_REQUEST_BODY",
    ),
    ("null", "null", "INVALID_REQUEST_BODY"),
    ("number", "7", "INVALID_REQUEST_BODY"),
    ("text", "\"name\"", "INVALID_REQUEST_BODY"),
    ("array_of_numbers", "[1,2]", "INVALID_REQUEST_BODY"),
    (
        "array_of_arrays",
        "[[{\"name\":\"a\"}]]",
        "INVALID_REQUEST_BODY",
    ),
    (
        "array_with_null",
        "[{\"name\":\"a\"},null]",
        "INVALID_REQUEST_BODY",
    ),
    (
        "same_name_twice",
        "{\"name\":\"a\",\"name\":\"b\"}",
        "INVALID_REQUEST_BODY",
    ),
    (
        "trailing_comma",
        "{\"name\":\"a\",}",
        "INVALID_REQUEST_BODY",
    ),
    ("comment", "{\"name\":\"a\"/**/}", "INVALID_REQUEST_BODY"),
    (
        "byte_order_mark",
        "\u{feff}{\"name\":\"a\"}",
        "INVALID_REQUEST_BODY",
    ),
    (
        "unknown_column",
        "{\"name\":\"a\",\"nothing\":1}",
        "INVALID_INPUT",
    ),
    (
        "text_for_an_integer",
        "{\"name\":\"a\",\"amount\":\"many\"}",
        "INVALID_INPUT",
    ),
    (
        "integer_out_of_range",
        "{\"name\":\"a\",\"amount\":99999999999}",
        "INVALID_INPUT",
    ),
    (
        "object_for_an_integer",
        "{\"name\":\"a\",\"amount\":{\"x\":1}}",
        "INVALID_INPUT",
    ),
    (
        "generated_column",
        "{\"name\":\"a\",\"total\":1}",
        "INVALID_INPUT",
    ),
    (
        "null_where_a_value_is_required",
        "{\"name\":null}",
        "NOT_NULL_VIOLATION",
    ),
];

const ITEMS: &str = "/api/v1/tables/items";

pub fn trials(site: &Arc<Site>) -> Vec<Trial> {
    let cluster = Arc::clone(&site.database.fixture.cluster);
    let mut trials = Vec::new();
    for (name, body, code) in BODIES {
        let site = Arc::clone(site);
        trials.push(trial(
            &cluster,
            format!("refusals_body::{name}"),
            move || {
                let token = &site.database.fixture.ann.token;
                site.request("POST", ITEMS)
                    .raw(body)
                    .bearer(token)
                    .send()
                    .refused(400, code);
                site.post(ITEMS, &json!({"name": "good"}))
                    .bearer(token)
                    .send()
                    .expect(201);
            },
        ));
    }
    let mut add = |name: &str, body: fn(&Site)| {
        let site = Arc::clone(site);
        trials.push(trial(&cluster, format!("refusals::{name}"), move || {
            body(&site)
        }));
    };
    add("unknown_table_is_404_and_names_the_nearest", unknown_table);
    add(
        "unknown_column_is_400_and_names_the_nearest",
        unknown_column,
    );
    add("a_body_nested_too_deep_is_400", too_deep);
    add("a_body_too_large_is_413", too_large);
    add("a_body_that_is_no_utf8_is_400", no_utf8);
    add("a_write_to_a_view_is_405", view);
    add("update_and_delete_without_a_filter_are_400", no_filter);
    add(
        "a_filter_that_matches_everything_by_accident_is_no_filter",
        accidental_filter,
    );
    add("duplicates_are_409", duplicates);
    add("a_missing_reference_is_409", foreign_key);
    add("a_check_is_400", check);
    add("a_table_without_privilege_is_401_or_403", no_privilege);
    trials
}

fn as_ann<'a>(site: &'a Site) -> impl Fn(&str, &str) -> fluxbase_tests::http::Request + 'a {
    move |method, target| {
        site.request(method, target)
            .bearer(&site.database.fixture.ann.token)
    }
}

fn unknown_table(site: &Site) {
    let body = site
        .get("/api/v1/tables/thing")
        .send()
        .refused(404, "NOT_FOUND");
    assert!(body.to_string().contains("things"), "{body}");
    for path in [
        "nothing",
        "public/nothing",
        "nowhere/things",
        "pg_class",
        "public/things%20",
        "THINGS",
        "things;",
        "things--",
        "%22things%22",
        "public.things",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            let filter = if method == "POST" { "" } else { "?id=eq.1" };
            let request = site.request(method, &format!("/api/v1/tables/{path}{filter}"));
            let request = if method == "POST" {
                request.json(&json!({"name": "x"}))
            } else {
                request
            };
            request.send().shaped(404, "NOT_FOUND");
        }
    }
    site.get("/api/v1/tables/things").send().expect(200);
}

fn unknown_column(site: &Site) {
    for query in [
        "select=id,nam",
        "nam=eq.x",
        "order=nam",
        "or=(nam.eq.x)",
        "select=id,nam-%3E%3Ex",
    ] {
        let body = site
            .get(&format!("/api/v1/tables/things?{query}"))
            .send()
            .refused(400, "INVALID_INPUT");
        assert!(body.to_string().contains("name"), "{body}");
    }
    // Names are exact.
    site.get("/api/v1/tables/things?select=id,NAME")
        .send()
        .refused(400, "INVALID_INPUT");
    // What is not granted exists; it is refused by its privilege, not by the catalog.
    site.get("/api/v1/tables/partly?select=hidden")
        .bearer(&site.database.fixture.ann.token)
        .send()
        .refused(403, "RLS_POLICY_VIOLATION");
}

fn too_deep(site: &Site) {
    let request = as_ann(site);
    for depth in [500, 50_000] {
        let body = format!("{{\"name\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
        request("POST", ITEMS)
            .raw(body)
            .send()
            .refused(400, "JSON_TOO_DEEP");
        let body = format!("{}{}", "{\"a\":".repeat(depth), "1");
        request("POST", ITEMS)
            .raw(body)
            .send()
            .refused(400, "JSON_TOO_DEEP");
    }
    request("POST", ITEMS)
        .json(&json!({"name": "flat"}))
        .send()
        .expect(201);
}

fn too_large(site: &Site) {
    let request = as_ann(site);
    let body = json!({"name": "x".repeat(1_100_000)}).to_string();
    request("POST", ITEMS)
        .raw(body.clone())
        .send()
        .refused(413, "PAYLOAD_TOO_LARGE");
    // Declared large and never sent, or sent in chunks without a length.
    let declared = request("POST", ITEMS).header("Content-Length", "99999999999");
    let answer = declared.try_send();
    assert!(
        answer.is_err() || matches!(answer.as_ref().map(|answer| answer.status), Ok(413 | 400)),
        "{answer:?}"
    );
    let chunks = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let answer = chunked(site, &chunks);
    assert_eq!(answer, 413);
    assert_eq!(chunked(site, "f\r\n{\"name\": \"ok!\"}\r\n0\r\n\r\n"), 201);
    request("POST", ITEMS)
        .json(&json!({"name": "x".repeat(900_000)}))
        .send()
        .expect(201);
}

fn chunked(site: &Site, chunks: &str) -> u16 {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", site.port)).expect("connects");
    let head = format!(
        "POST {ITEMS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        site.database.fixture.ann.token
    );
    stream.write_all(head.as_bytes()).expect("sent");
    let _ = stream.write_all(chunks.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0)
}

fn no_utf8(site: &Site) {
    let request = as_ann(site);
    request("POST", ITEMS)
        .raw(b"{\"name\":\"\xff\xfe\"}".to_vec())
        .send()
        .refused(400, "INVALID_REQUEST_BODY");
    request("POST", ITEMS)
        .raw("{\"name\":\"\\ud800\"}")
        .send()
        .refused(400, "INVALID_REQUEST_BODY");
    let ok = request("POST", ITEMS)
        .raw("{\"name\":\"\\ud83d\\udc18\"}")
        .send()
        .expect(201);
    assert_eq!(ok["name"], "🐘");
}

fn view(site: &Site) {
    let request = as_ann(site);
    for method in ["POST", "PATCH", "DELETE"] {
        let filter = if method == "POST" { "" } else { "?name=eq.x" };
        let answer = request(method, &format!("/api/v1/tables/per_name{filter}"));
        let answer = if method == "DELETE" {
            answer
        } else {
            answer.json(&json!({"name": "x"}))
        };
        let answer = answer.send();
        answer.refused(405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), Some("GET"));
    }
    request("GET", "/api/v1/tables/per_name?select=n&limit=1")
        .send()
        .expect(200);
}

fn no_filter(site: &Site) {
    let request = as_ann(site);
    let before = count(site);
    for target in [
        ITEMS.to_owned(),
        format!("{ITEMS}?"),
        format!("{ITEMS}?select=id"),
        format!("{ITEMS}?order=id"),
        format!("{ITEMS}?limit=1"),
    ] {
        request("DELETE", &target)
            .send()
            .refused(400, "INVALID_INPUT");
        request("PATCH", &target)
            .json(&json!({"amount": 0}))
            .send()
            .refused(400, "INVALID_INPUT");
    }
    assert!(count(site) >= before);
}

fn count(site: &Site) -> i64 {
    site.database
        .superuser()
        .query_one("select count(*) from public.items", &[])
        .expect("counted")
        .get(0)
}

fn accidental_filter(site: &Site) {
    let request = as_ann(site);
    for query in [
        "or=()",
        "and=()",
        "id=in.()&or=()",
        "=",
        "&&",
        "id=",
        "or=",
        "not.or=()",
    ] {
        let answer = request("DELETE", &format!("/api/v1/tables/items?{query}")).send();
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
    }
    let nothing = request("DELETE", "/api/v1/tables/items?id=in.()")
        .send()
        .expect(200);
    assert_eq!(nothing["affected"], 0);
}

fn duplicates(site: &Site) {
    let request = as_ann(site);
    request("POST", ITEMS)
        .json(&json!({"name": "one", "code": "taken"}))
        .send()
        .expect(201);
    let body = request("POST", ITEMS)
        .json(&json!({"name": "two", "code": "taken"}))
        .send()
        .refused(409, "DUPLICATE_KEY");
    assert!(
        !body.to_string().contains("taken") && !body.to_string().contains("items_code_key"),
        "{body}"
    );
    request("POST", ITEMS)
        .json(&json!({"name": "two", "code": "free"}))
        .send()
        .expect(201);
}

fn foreign_key(site: &Site) {
    let request = as_ann(site);
    request("POST", ITEMS)
        .json(&json!({"name": "x", "thing": 999}))
        .send()
        .refused(409, "FOREIGN_KEY_VIOLATION");
    request("POST", ITEMS)
        .json(&json!({"name": "x", "thing": 1}))
        .send()
        .expect(201);
}

fn check(site: &Site) {
    let request = as_ann(site);
    let body = request("POST", ITEMS)
        .json(&json!({"name": "forbidden"}))
        .send()
        .refused(400, "CHECK_VIOLATION");
    assert!(!body.to_string().contains("items_name_check"), "{body}");
    request("POST", ITEMS)
        .json(&json!({"name": "allowed"}))
        .send()
        .expect(201);
}

fn no_privilege(site: &Site) {
    let request = as_ann(site);
    for (method, body) in [
        ("GET", None),
        ("POST", Some(json!({"id": 2}))),
        ("PATCH", Some(json!({"id": 2}))),
        ("DELETE", None),
    ] {
        let filter = if method == "POST" { "" } else { "?id=eq.1" };
        let target = &format!("/api/v1/tables/closed{filter}");
        let with = |request: fluxbase_tests::http::Request, body: &Option<Value>| {
            body.as_ref()
                .map_or(request.clone(), |body| request.json(body))
        };
        with(request(method, target), &body)
            .send()
            .refused(403, "RLS_POLICY_VIOLATION");
        with(site.request(method, target), &body)
            .send()
            .refused(401, "AUTHENTICATION_REQUIRED");
    }
}
