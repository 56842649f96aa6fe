use super::{Body, ITEMS, OBJECT, User, page};
use serde_json::{Value, json};

pub const TRIALS: &[(&str, Body)] = &[
    (
        "an_insert_answers_with_nothing_unless_asked",
        insert_minimal,
    ),
    ("an_insert_answers_with_an_array_of_rows", insert_rows),
    ("headers_only_say_where_the_new_row_is", location),
    ("an_insert_of_one_object_can_answer_with_it", insert_object),
    ("a_body_may_be_comma_separated_or_a_form", other_bodies),
    ("an_upsert_merges_or_ignores", upsert),
    ("an_update_counts_what_it_changed", update),
    ("a_limited_update_changes_the_first_rows", limited),
    ("a_delete_answers_with_nothing_unless_asked", delete),
    ("put_makes_or_replaces_the_row_of_its_address", put),
    ("put_of_another_row_writes_nothing", put_elsewhere),
    ("a_write_without_a_filter_changes_nothing", unfiltered),
    (
        "a_write_of_several_rows_cannot_answer_with_one_object",
        singular_write,
    ),
    ("max_affected_undoes_what_goes_beyond", max_affected),
    ("a_profile_chooses_the_schema_of_a_write", profile),
    ("a_trial_run_keeps_nothing", trial_run),
];

fn names(user: &User) -> Value {
    user.rows(&format!("{ITEMS}?select=name&order=name"))
}

fn insert_minimal(user: &User) {
    for (prefer, range, applied) in [
        ("", "*/*", None),
        ("return=minimal", "*/*", Some("return=minimal")),
        ("count=exact", "*/2", Some("count=exact")),
    ] {
        let answer = user
            .prefer("POST", ITEMS, prefer)
            .json(&json!([{"name": "a"}, {"name": "b"}]))
            .send();
        assert_eq!(page(&answer), (201, Some(range), 0), "{prefer}");
        assert!(answer.body.is_empty() && answer.header("content-type").is_none());
        assert_eq!(answer.header("location"), None);
        assert_eq!(answer.header("preference-applied"), applied);
    }
    assert_eq!(names(user).as_array().map(Vec::len), Some(6));
}

fn insert_rows(user: &User) {
    let one = user.items(&json!({"name": "one"}));
    assert_eq!(one[0]["name"], "one");
    assert_eq!(one.as_array().map(Vec::len), Some(1));
    let some = user
        .prefer(
            "POST",
            &format!("{ITEMS}?select=name,total"),
            "return=representation",
        )
        .json(&json!([{"name": "a", "amount": 1}, {"name": "b", "amount": 2}]))
        .send();
    assert_eq!(
        some.expect(201),
        json!([{"name": "a", "total": 2}, {"name": "b", "total": 4}])
    );
    let none = user
        .prefer("POST", ITEMS, "return=representation")
        .json(&json!([]));
    assert_eq!(none.send().expect(201), json!([]));
}

fn location(user: &User) {
    let answer = user
        .prefer("POST", ITEMS, "return=headers-only")
        .json(&json!({"name": "placed"}))
        .send();
    assert_eq!((answer.status, answer.body.len()), (201, 0));
    let place = answer.header("location").expect("a place").to_owned();
    assert!(place.starts_with("/rest/v1/items?id=eq."), "{place}");
    assert_eq!(user.rows(&place)[0]["name"], "placed");

    let text = "a b&c=\"d\"/é,()";
    let answer = user
        .prefer("POST", "/rest/v1/pairs", "return=headers-only")
        .json(&json!({"a": 1, "b": text, "note": "n"}))
        .send();
    let place = answer.header("location").expect("a place").to_owned();
    assert_eq!(user.rows(&place), json!([{"a": 1, "b": text, "note": "n"}]));
    // Two rows have no one place.
    let answer = user
        .prefer("POST", ITEMS, "return=headers-only")
        .json(&json!([{"name": "x"}, {"name": "y"}]))
        .send();
    assert_eq!((answer.status, answer.header("location")), (201, None));
}

fn insert_object(user: &User) {
    let post = |body: &Value| {
        user.prefer("POST", ITEMS, "return=representation")
            .header("Accept", OBJECT)
            .json(body)
            .send()
    };
    assert_eq!(post(&json!({"name": "one"})).expect(201)["name"], "one");
    let refused = post(&json!([{"name": "two"}, {"name": "three"}]));
    let body = refused.told(406, "PGRST116");
    assert_eq!(body["details"], "The result has 2 rows");
    assert_eq!(names(user), json!([{"name": "one"}]));
}

fn other_bodies(user: &User) {
    let send = |kind: &str, body: &str| {
        let mut request = user.prefer(
            "POST",
            &format!("{ITEMS}?select=name,amount"),
            "return=representation",
        );
        request = request.header("Content-Type", kind);
        request.body(body).send()
    };
    assert_eq!(
        send("text/csv", "name,amount\na,1\n\"b, c\",2\n").expect(201),
        json!([{"name": "a", "amount": 1}, {"name": "b, c", "amount": 2}])
    );
    assert_eq!(
        send("application/x-www-form-urlencoded", "name=d+e&amount=3").expect(201),
        json!([{"name": "d e", "amount": 3}])
    );
    send("text/csv", "name\na,b\n").told(400, "PGRST102");
    send("application/xml", "<a/>").told(415, "PGRST107");
    assert_eq!(names(user).as_array().map(Vec::len), Some(3));
}

fn upsert(user: &User) {
    let post = |prefer: &str, amount: i64| {
        let prefer = format!("return=representation, resolution={prefer}");
        user.prefer(
            "POST",
            &format!("{ITEMS}?on_conflict=code&select=code,amount"),
            &prefer,
        )
        .json(&json!([{"name": "n", "code": "upsert", "amount": amount}]))
        .send()
    };
    for (prefer, amount, rows) in [
        (
            "merge-duplicates",
            1,
            json!([{"code": "upsert", "amount": 1}]),
        ),
        (
            "merge-duplicates",
            2,
            json!([{"code": "upsert", "amount": 2}]),
        ),
        ("ignore-duplicates", 3, json!([])),
    ] {
        let answer = post(prefer, amount);
        assert_eq!(answer.expect(201), rows, "{prefer}");
        let applied = answer.header("preference-applied").unwrap_or_default();
        assert!(
            applied.contains(&format!("resolution={prefer}")),
            "{applied}"
        );
    }
    assert_eq!(
        user.rows(&format!("{ITEMS}?select=amount&code=eq.upsert")),
        json!([{"amount": 2}])
    );
}

fn update(user: &User) {
    user.items(&json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]));
    let patch = |filter: &str, prefer: &str| {
        user.prefer("PATCH", &format!("{ITEMS}?{filter}"), prefer)
            .json(&json!({"amount": 9}))
            .send()
    };
    assert_eq!(page(&patch("name=in.(a,b)", "")), (204, Some("0-1/*"), 0));
    assert_eq!(
        page(&patch("name=in.(a,b)", "count=exact")),
        (204, Some("0-1/2"), 0)
    );
    assert_eq!(page(&patch("name=eq.nobody", "")), (204, Some("*/*"), 0));
    let rows = patch("name=eq.c&select=name,total", "return=representation");
    assert_eq!(rows.expect(200), json!([{"name": "c", "total": 18}]));
    assert_eq!(rows.header("content-range"), Some("0-0/*"));
    let none = patch("name=eq.nobody", "return=representation");
    assert_eq!(none.expect(200), json!([]));
}

fn limited(user: &User) {
    user.items(&json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]));
    let patch = |query: &str| {
        user.request("PATCH", &format!("{ITEMS}?amount=eq.7&{query}"))
            .json(&json!({"amount": 8}))
            .send()
    };
    assert_eq!(
        page(&patch("order=name.desc&limit=2")),
        (204, Some("0-1/*"), 0)
    );
    assert_eq!(
        user.rows(&format!("{ITEMS}?select=name&amount=eq.7")),
        json!([{"name": "a"}])
    );
    patch("limit=1").told(400, "PGRST109");
}

fn delete(user: &User) {
    user.items(&json!([{"name": "a"}, {"name": "b"}, {"name": "c"}]));
    let delete = |filter: &str, prefer: &str| {
        user.prefer("DELETE", &format!("{ITEMS}?{filter}"), prefer)
            .send()
    };
    assert_eq!(page(&delete("name=eq.a", "")), (204, Some("*/*"), 0));
    let gone = delete(
        "name=eq.b&select=name",
        "return=representation, count=exact",
    );
    assert_eq!(gone.expect(200), json!([{"name": "b"}]));
    assert_eq!(gone.header("content-range"), Some("*/1"));
    assert_eq!(names(user), json!([{"name": "c"}]));
}

fn put(user: &User) {
    let put = |prefer: &str, row: &Value| {
        user.prefer("PUT", "/rest/v1/keyed?id=eq.1", prefer)
            .json(row)
            .send()
    };
    let answer = put("", &json!({"id": 1, "name": "made", "amount": 1}));
    assert_eq!(
        (answer.status, answer.body.len()),
        (204, 0),
        "{}",
        answer.text()
    );
    let answer = put(
        "return=representation",
        &json!({"id": 1, "name": null, "amount": 2}),
    );
    assert_eq!(
        answer.expect(200),
        json!([{"id": 1, "name": null, "amount": 2}])
    );
    assert_eq!(
        user.rows("/rest/v1/keyed?id=eq.1"),
        json!([{"id": 1, "name": null, "amount": 2}])
    );
    // Every column must be given, or it would not be replaced.
    put("", &json!({"id": 1, "name": "x"})).told(400, "PGRST102");
}

fn put_elsewhere(user: &User) {
    let row = json!({"id": 8, "name": "x", "amount": 1});
    let put = |target: &str| user.request("PUT", target).json(&row).send();
    put("/rest/v1/keyed?id=eq.7").told(400, "PGRST115");
    user.request("PUT", "/rest/v1/keyed?id=eq.7")
        .header("Prefer", "return=representation")
        .header("Accept", OBJECT)
        .json(&row)
        .send()
        .told(400, "PGRST115");
    put("/rest/v1/keyed?name=eq.x").told(405, "PGRST105");
    put("/rest/v1/keyed?id=gt.7").told(405, "PGRST105");
    put("/rest/v1/keyed").told(405, "PGRST105");
    put("/rest/v1/keyed?id=eq.8&limit=1").told(400, "PGRST114");
    assert_eq!(user.rows("/rest/v1/keyed?id=in.(7,8)"), json!([]));
}

fn unfiltered(user: &User) {
    user.items(&json!([{"name": "a"}]));
    user.request("PATCH", ITEMS)
        .json(&json!({"name": "all"}))
        .send()
        .told(400, "21000");
    user.request("DELETE", ITEMS).send().told(400, "21000");
    assert_eq!(names(user), json!([{"name": "a"}]));
}

fn singular_write(user: &User) {
    user.items(&json!([{"name": "a"}, {"name": "b"}]));
    let send = |method: &str, filter: &str| {
        user.prefer(
            method,
            &format!("{ITEMS}?{filter}"),
            "return=representation",
        )
        .header("Accept", OBJECT)
        .json(&json!({"amount": 1}))
        .send()
    };
    for method in ["PATCH", "DELETE"] {
        let body = send(method, "amount=eq.7").told(406, "PGRST116");
        assert_eq!(body["details"], "The result has 2 rows", "{method}");
        let body = send(method, "name=eq.nobody").told(406, "PGRST116");
        assert_eq!(body["details"], "The result has 0 rows", "{method}");
    }
    assert_eq!(
        user.rows(&format!("{ITEMS}?select=name,amount&order=name")),
        json!([{"name": "a", "amount": 7}, {"name": "b", "amount": 7}])
    );
    assert_eq!(send("PATCH", "name=eq.a").expect(200)["amount"], 1);
    assert_eq!(send("DELETE", "name=eq.a").expect(200)["name"], "a");
}

fn max_affected(user: &User) {
    user.items(&json!([{"name": "a"}, {"name": "b"}]));
    let target = format!("{ITEMS}?amount=eq.7");
    let delete = |most: u32| {
        let prefer = format!("handling=strict, max-affected={most}");
        user.prefer("DELETE", &target, &prefer).send()
    };
    let body = delete(1).told(400, "PGRST124");
    assert_eq!(body["details"], "It would touch 2 rows");
    assert_eq!(names(user).as_array().map(Vec::len), Some(2));
    assert_eq!(delete(2).status, 204);
    assert_eq!(names(user), json!([]));
}

fn profile(user: &User) {
    let post = |header: &str| {
        user.request("POST", "/rest/v1/drawer")
            .header(header, "private")
            .json(&json!({"id": 1}))
            .send()
    };
    // Found, and not allowed: nobody has granted it.
    post("Content-Profile").told(403, "42501");
    post("Accept-Profile").told(404, "PGRST205");
}

fn trial_run(user: &User) {
    let answer = user
        .prefer("POST", ITEMS, "tx=rollback, return=representation")
        .json(&json!({"name": "tried"}))
        .send();
    assert_eq!(answer.expect(201)[0]["name"], "tried");
    assert_eq!(
        answer.header("preference-applied"),
        Some("return=representation, tx=rollback")
    );
    assert_eq!(names(user), json!([]));
}
