//! Insert, read, update, delete, and what comes back.

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::Request;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

const ITEMS: &str = "/api/v1/tables/items";

/// One server, each test with a user of its own.
struct User {
    site: Arc<Site>,
    token: String,
}

impl User {
    fn request(&self, method: &str, target: &str) -> Request {
        self.site.request(method, target).bearer(&self.token)
    }

    fn insert(&self, rows: &Value) -> Value {
        self.request("POST", ITEMS).json(rows).send().expect(201)
    }
}

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let site = Arc::new(Site::new(fixture, &[]));
    let mut trials = Vec::new();
    let mut add = |name: &'static str, body: fn(&User)| {
        let site = Arc::clone(&site);
        trials.push(trial(
            &fixture.cluster,
            format!("crud::{name}"),
            move || {
                let token = site.sign_up(&format!("{name}@example.com")).token;
                body(&User { site, token });
            },
        ));
    };
    add("insert_one_returns_the_row", one);
    add("insert_many_returns_the_rows_in_order", many);
    add("insert_nothing_is_fine", nothing);
    add("missing_columns_take_defaults", defaults);
    add("values_of_every_type_come_back_as_they_went", types);
    add("update_by_filter_changes_what_matches_only", update);
    add("delete_by_filter_says_how_many", delete);
    add("one_row_by_id_reads_updates_and_deletes", by_id);
    add("return_minimal_sends_no_body", minimal);
    add("ranges_and_counts", ranges);
    add("one_bad_row_of_many_inserts_none", all_or_nothing);
    add("sql_in_values_is_text", sql_as_text);
    trials
}

fn one(user: &User) {
    let row = user.insert(&json!({"name": "first"}));
    assert_eq!(
        (&row["name"], &row["amount"], &row["total"]),
        (&json!("first"), &json!(7), &json!(14))
    );
    let rows = user.request("GET", ITEMS).send().expect(200);
    assert_eq!(rows, json!([row]));
}

fn many(user: &User) {
    let rows: Vec<Value> = (0..50)
        .map(|n| json!({"name": format!("n{n}"), "amount": n}))
        .collect();
    let made = user.insert(&json!(rows));
    let names: Vec<&str> = made
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["name"].as_str().expect("text"))
        .collect();
    assert_eq!(names, (0..50).map(|n| format!("n{n}")).collect::<Vec<_>>());
}

fn nothing(user: &User) {
    assert_eq!(user.insert(&json!([])), json!([]));
    assert_eq!(user.request("GET", ITEMS).send().expect(200), json!([]));
}

fn defaults(user: &User) {
    let header = user
        .request("POST", ITEMS)
        .header("Prefer", "missing=default");
    let made = header
        .json(&json!([{"name": "a", "amount": 1}, {"name": "b"}]))
        .send()
        .expect(201);
    assert_eq!(
        (&made[0]["amount"], &made[1]["amount"]),
        (&json!(1), &json!(7))
    );
}

fn types(user: &User) {
    let things = user
        .site
        .get("/api/v1/tables/things?id=eq.1")
        .send()
        .expect(200);
    let thing = &things[0];
    assert_eq!(thing["rating"], json!(1.5));
    assert_eq!(thing["active"], json!(true));
    assert_eq!(thing["born"], "2001-01-01");
    assert_eq!(thing["big"].to_string(), "9007199254740993");
    assert_eq!(thing["code"], "00000000-0000-4000-8000-000000000001");
    assert_eq!(thing["meta"], json!({"a": {"b": 1}, "t": "x"}));
    assert_eq!(thing["odd \"name\".x"], "one");
    assert!(
        thing["seen"]
            .as_str()
            .is_some_and(|seen| seen.starts_with("2026-01-01T00:00:00")),
        "{thing}"
    );
    for name in [
        "",
        " ",
        "quote ' and \" and \\",
        "ünï — 🐘 \u{202e}",
        "line\nbreak\ttab",
        "null",
        "{}",
        "$1 :x %s ${y}",
    ] {
        let row = user.insert(&json!({"name": name}));
        assert_eq!(row["name"], name);
    }
}

fn update(user: &User) {
    user.insert(&json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]));
    let changed = user
        .request("PATCH", &format!("{ITEMS}?name=in.(a,b)"))
        .json(&json!({"amount": 9, "code": null}))
        .send()
        .expect(200);
    assert_eq!(changed.as_array().map(Vec::len), Some(2));
    let rows = user
        .request("GET", &format!("{ITEMS}?select=name,amount&order=name"))
        .send()
        .expect(200);
    assert_eq!(
        rows,
        json!([{"name": "a", "amount": 9}, {"name": "b", "amount": 9}, {"name": "c", "amount": 7}])
    );
    assert_eq!(
        user.request("PATCH", &format!("{ITEMS}?name=eq.nobody"))
            .json(&json!({"amount": 1}))
            .send()
            .expect(200),
        json!([])
    );
}

fn delete(user: &User) {
    user.insert(&json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]));
    let deleted = user
        .request("DELETE", &format!("{ITEMS}?name=neq.c"))
        .send()
        .expect(200);
    assert_eq!(deleted["affected"], 2);
    assert_eq!(deleted["records"].as_array().map(Vec::len), Some(2));
    let rows = user
        .request("GET", &format!("{ITEMS}?select=name"))
        .send()
        .expect(200);
    assert_eq!(rows, json!([{"name": "c"}]));
}

fn by_id(user: &User) {
    let id = user.insert(&json!({"name": "x"}))["id"].clone();
    let target = format!("/api/v1/tables/public/items/{id}");
    assert_eq!(user.request("GET", &target).send().expect(200)["name"], "x");
    let put = user
        .request("PUT", &target)
        .json(&json!({"name": "y"}))
        .send()
        .expect(200);
    assert_eq!((&put["name"], &put["amount"]), (&json!("y"), &json!(7)));
    assert_eq!(user.request("DELETE", &target).send().status, 204);
    user.request("GET", &target)
        .send()
        .refused(404, "NOT_FOUND");
    user.request("GET", "/api/v1/tables/public/items/not-a-number")
        .send()
        .refused(400, "INVALID_INPUT");
    let thing = user
        .request("GET", "/api/v1/tables/public/things/2?select=name")
        .send()
        .expect(200);
    assert_eq!(thing, json!({"name": "Banana"}));
}

fn minimal(user: &User) {
    let request = user
        .request("POST", ITEMS)
        .header("Prefer", "return=minimal");
    let answer = request.json(&json!({"name": "quiet"})).send();
    assert_eq!((answer.status, answer.body.len()), (201, 0));
    assert_eq!(
        user.request("GET", ITEMS)
            .send()
            .expect(200)
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

fn ranges(user: &User) {
    let rows: Vec<Value> = (0..25)
        .map(|n| json!({"name": format!("n{n}"), "amount": n}))
        .collect();
    user.insert(&json!(rows));
    for (query, range, length) in [
        ("count=exact", Some("0-24/25"), 25),
        ("count=exact&limit=10", Some("0-9/25"), 10),
        ("count=exact&limit=10&offset=20", Some("20-24/25"), 5),
        ("count=exact&limit=10&offset=30", Some("*/25"), 0),
        ("count=exact&amount=gte.20", Some("0-4/5"), 5),
        ("count=exact&amount=gt.99", Some("*/0"), 0),
        ("count=exact&limit=0", Some("*/25"), 0),
        ("limit=3", None, 3),
    ] {
        let answer = user
            .request("GET", &format!("{ITEMS}?order=id&{query}"))
            .send();
        assert_eq!(
            answer.expect(200).as_array().map(Vec::len),
            Some(length),
            "{query}"
        );
        if range.is_some() {
            assert_eq!(answer.header("content-range"), range, "{query}");
        }
    }
    // Only the own rows are counted.
    let other = user.site.sign_up("ranges-other@example.com");
    let answer = user
        .site
        .get(&format!("{ITEMS}?count=exact"))
        .bearer(&other.token)
        .send();
    assert_eq!(answer.header("content-range"), Some("*/0"));
}

fn all_or_nothing(user: &User) {
    let rows = json!([{"name": "good"}, {"name": "forbidden"}, {"name": "good too"}]);
    user.request("POST", ITEMS)
        .json(&rows)
        .send()
        .refused(400, "CHECK_VIOLATION");
    assert_eq!(user.request("GET", ITEMS).send().expect(200), json!([]));
}

fn sql_as_text(user: &User) {
    let texts = [
        "'; drop table items; --",
        "\"; drop table items; --",
        "$$; drop table items; $$",
        "\\'; select 1",
        "1); delete from items; --",
        "%27 or 1=1",
    ];
    let rows: Vec<Value> = texts.iter().map(|text| json!({"name": text})).collect();
    user.insert(&json!(rows));
    for text in texts {
        let target = format!(
            "{ITEMS}?select=name&name=eq.{}",
            fluxbase_tests::http::encoded(text)
        );
        assert_eq!(
            user.request("GET", &target).send().expect(200),
            json!([{"name": text}])
        );
    }
}
