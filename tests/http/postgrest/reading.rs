use super::{Body, ITEMS, OBJECT, THINGS, User, page};
use serde_json::json;

pub const TRIALS: &[(&str, Body)] = &[
    ("a_page_says_where_it_lies", pages),
    ("a_range_header_is_a_page", range_header),
    ("a_range_in_bytes_is_left_out", range_in_bytes),
    (
        "a_page_behind_the_last_row_is_refused_when_the_total_is_known",
        behind,
    ),
    ("head_has_the_headers_and_no_body", head),
    ("one_object_instead_of_an_array", object),
    ("nulls_are_stripped_when_asked", stripped),
    ("rows_as_comma_separated_values", csv),
    ("one_value_as_text", text),
    ("one_value_as_bytes", bytes),
    ("related_rows_are_embedded_in_both_directions", embedded),
    ("a_profile_chooses_the_schema", profile),
    ("what_was_preferred_is_said_to_be_applied", applied),
    ("rows_of_others_do_not_exist_here_either", isolated),
];

fn pages(user: &User) {
    for (query, prefer, expected) in [
        ("order=id", "", (200, Some("0-4/*"), 5)),
        ("order=id", "count=exact", (200, Some("0-4/5"), 5)),
        ("order=id&limit=2", "count=exact", (206, Some("0-1/5"), 2)),
        (
            "order=id&limit=2&offset=4",
            "count=exact",
            (206, Some("4-4/5"), 1),
        ),
        (
            "order=id&limit=2&offset=5",
            "count=exact",
            (206, Some("*/5"), 0),
        ),
        ("limit=0", "", (200, Some("*/*"), 0)),
        ("id=gt.99", "", (200, Some("*/*"), 0)),
        ("id=gt.99", "count=exact", (200, Some("*/0"), 0)),
        ("limit=2", "count=estimated", (206, Some("0-1/5"), 2)),
    ] {
        let answer = user
            .prefer("GET", &format!("{THINGS}?{query}"), prefer)
            .send();
        assert_eq!(page(&answer), expected, "{query} {prefer}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/json; charset=utf-8")
        );
    }
}

fn range_header(user: &User) {
    for (range, expected) in [
        ("0-1", (206, Some("0-1/5"), 2)),
        ("3-", (206, Some("3-4/5"), 2)),
        ("items=1-1", (206, Some("1-1/5"), 1)),
        ("0-99", (200, Some("0-4/5"), 5)),
    ] {
        let answer = user
            .prefer("GET", &format!("{THINGS}?order=id"), "count=exact")
            .header("Range-Unit", "items")
            .header("Range", range)
            .send();
        assert_eq!(page(&answer), expected, "{range}");
    }
    user.get(THINGS)
        .header("Range", "5-2")
        .send()
        .told(416, "PGRST103");
}

fn range_in_bytes(user: &User) {
    let answer = user.get(THINGS).header("Range", "bytes=0-9").send();
    assert_eq!(page(&answer), (200, Some("0-4/*"), 5));
}

fn behind(user: &User) {
    let target = format!("{THINGS}?offset=6");
    let refused = user.prefer("GET", &target, "count=exact").send();
    let body = refused.told(416, "PGRST103");
    assert!(
        body["details"]
            .as_str()
            .is_some_and(|text| text.contains("5 rows")),
        "{body}"
    );
    assert_eq!(page(&user.get(&target).send()), (200, Some("*/*"), 0));
}

fn head(user: &User) {
    let target = format!("{THINGS}?limit=2");
    let get = user.prefer("GET", &target, "count=exact").send();
    let head = user.prefer("HEAD", &target, "count=exact").send();
    assert_eq!((head.status, head.body.len()), (206, 0));
    for name in ["content-range", "content-type", "preference-applied"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
        assert!(head.header(name).is_some(), "{name}");
    }
    let refused = user.request("HEAD", "/rest/v1/nothing").send();
    assert_eq!((refused.status, refused.body.len()), (404, 0));
}

fn object(user: &User) {
    let one = |filter: &str| {
        user.get(&format!("{THINGS}?select=id,name&{filter}"))
            .header("Accept", OBJECT)
            .send()
    };
    let found = one("id=eq.2");
    assert_eq!(found.expect(200), json!({"id": 2, "name": "Banana"}));
    assert_eq!(
        found.header("content-type"),
        Some("application/vnd.pgrst.object+json; charset=utf-8")
    );
    assert_eq!(one("limit=1&order=id").expect(200)["id"], 1);
    for (filter, rows) in [("id=eq.99", 0), ("id=gt.0", 5), ("id=lt.3", 2)] {
        let body = one(filter).told(406, "PGRST116");
        assert_eq!(body["details"], format!("The result has {rows} rows"));
    }
}

fn stripped(user: &User) {
    let target = format!("{THINGS}?select=id,name,rating&id=eq.5");
    let answer = user
        .get(&target)
        .header("Accept", "application/vnd.pgrst.array+json;nulls=stripped")
        .send();
    assert_eq!(answer.expect(200), json!([{"id": 5}]));
    assert_eq!(
        user.rows(&target),
        json!([{"id": 5, "name": null, "rating": null}])
    );
}

fn csv(user: &User) {
    let answer = user
        .get(&format!("{THINGS}?select=id,name&order=id&limit=3"))
        .header("Accept", "text/csv")
        .send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    assert_eq!(
        answer.text(),
        "id,name\n1,apple\n2,Banana\n3,\"cherry, \"\"sweet\"\"\""
    );
}

fn text(user: &User) {
    let answer = user
        .get(&format!("{THINGS}?select=name&id=eq.4"))
        .header("Accept", "text/plain")
        .send();
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "été 🐘 100%")
    );
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    user.get(&format!("{THINGS}?select=id,name"))
        .header("Accept", "text/plain")
        .send()
        .told(406, "PGRST107");
}

fn bytes(user: &User) {
    let get = |query: &str| {
        user.get(&format!("/rest/v1/pictures?{query}"))
            .header("Accept", "application/octet-stream")
            .send()
    };
    for (query, body) in [
        ("select=picture&id=eq.1", &b"\x00\xff\x0a\x80"[..]),
        ("select=picture&id=eq.3", b""),
        ("select=picture&id=eq.2", b""),
        ("select=picture&id=eq.9", b""),
        ("select=picture&order=id", b"\x00\xff\x0a\x80"),
        ("select=title&id=eq.1", b"first"),
    ] {
        let answer = get(query);
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (200, body),
            "{query}"
        );
        assert_eq!(
            answer.header("content-type"),
            Some("application/octet-stream")
        );
    }
    get("select=id,picture").told(406, "PGRST107");
}

fn embedded(user: &User) {
    user.items(&json!([{"name": "a", "thing": 1}, {"name": "b", "thing": null}]));
    assert_eq!(
        user.rows(&format!("{ITEMS}?select=name,things(name)&order=name")),
        json!([{"name": "a", "things": {"name": "apple"}}, {"name": "b", "things": null}])
    );
    assert_eq!(
        user.rows(&format!("{THINGS}?select=id,items(name)&id=lt.3&order=id")),
        json!([{"id": 1, "items": [{"name": "a"}]}, {"id": 2, "items": []}])
    );
    assert_eq!(
        user.rows(&format!(
            "{ITEMS}?select=name,...things(id)&things.id=not.is.null&order=name"
        )),
        json!([{"name": "a", "id": 1}, {"name": "b", "id": null}])
    );
}

fn profile(user: &User) {
    let drawer = "/rest/v1/drawer";
    user.get(drawer).send().told(404, "PGRST205");
    let answer = user.get(drawer).header("Accept-Profile", "private").send();
    assert_eq!(answer.expect(200), json!([]));
    assert_eq!(answer.header("content-profile"), Some("private"));
    assert_eq!(
        user.get(THINGS).send().header("content-profile"),
        Some("public")
    );
    // Content-Profile is for what is sent; a GET sends nothing.
    user.get(drawer)
        .header("Content-Profile", "private")
        .send()
        .told(404, "PGRST205");
    for schema in [
        "auth",
        "audit",
        "pg_catalog",
        "information_schema",
        "nope",
        "",
    ] {
        let body = user
            .get("/rest/v1/users")
            .header("Accept-Profile", schema)
            .send()
            .told(406, "PGRST106");
        assert_eq!(body["hint"], "served: public, private");
    }
}

fn applied(user: &User) {
    let applied = |prefer: &str| {
        let answer = user.prefer("GET", THINGS, prefer).send();
        answer.expect(200);
        answer.header("preference-applied").map(str::to_owned)
    };
    assert_eq!(
        applied("count=exact, timezone=UTC").as_deref(),
        Some("count=exact, timezone=UTC")
    );
    assert_eq!(applied("something=else"), None);
}

fn isolated(user: &User) {
    let id = user.items(&json!({"name": "mine"}))[0]["id"].clone();
    let other = user.site.sign_up("pgrst-isolated-other@example.com");
    let target = format!("{ITEMS}?id=eq.{id}");
    let as_other = |method: &str| user.site.request(method, &target).bearer(&other.token);
    assert_eq!(as_other("GET").send().expect(200), json!([]));
    let changed = as_other("PATCH").json(&json!({"name": "stolen"})).send();
    assert_eq!(
        (changed.status, changed.header("content-range")),
        (204, Some("*/*"))
    );
    assert_eq!(as_other("DELETE").send().status, 204);
    assert_eq!(user.rows(&target)[0]["name"], "mine");
    // A visitor reads what visitors may, here as there.
    let rows = user
        .site
        .get("/rest/v1/notes?select=body")
        .send()
        .expect(200);
    assert_eq!(rows, json!([{"body": "bob public"}]));
}
