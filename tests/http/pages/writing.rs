use super::{Body, User};
use fluxbase_tests::http::Request;
use serde_json::{Value, json};

pub const TRIALS: &[(&str, Body)] = &[
    ("insert", insert),
    ("bulk_insert", bulk),
    ("bulk_insert_of_csv", bulk_csv),
    ("url_encoded_body", form),
    ("specifying_columns", columns),
    ("bulk_insert_with_default_values", defaults),
    ("update", update),
    ("upsert", upsert),
    ("on_conflict", on_conflict),
    ("single_upsert_by_put", put),
    ("delete", delete),
    ("limited_update_and_delete", limited),
    ("views_with_triggers", view),
    ("singular", singular),
    ("stripped_nulls", stripped),
];

fn write(user: &User, method: &str, target: &str, prefer: &str) -> Request {
    let prefer = format!("return=representation, {prefer}");
    user.request(method, target)
        .header("Prefer", prefer.trim_end_matches(", "))
}

/// The names of what has this code.
fn names(user: &User, codes: &str) -> Vec<Value> {
    user.each("name", &format!("stock?code=in.({codes})&order=id"))
}

fn insert(user: &User) {
    let made = user
        .request("POST", "stock")
        .json(&json!({"code": "insert", "name": "one"}))
        .send();
    assert_eq!((made.status, made.text().as_str()), (201, ""));
    let located = user
        .request("POST", "stock")
        .header("Prefer", "return=headers-only")
        .json(&json!({"id": 7001, "code": "insert2"}))
        .send();
    assert_eq!(
        located.header("location"),
        Some("/rest/v1/stock?id=eq.7001")
    );
    assert_eq!(names(user, "insert,insert2"), ["one", "thing"]);
}

fn bulk(user: &User) {
    let made = write(user, "POST", "stock?select=code", "")
        .json(&json!([{"code": "bulk1"}, {"code": "bulk2"}]))
        .send();
    assert_eq!(
        made.expect(201),
        json!([{"code": "bulk1"}, {"code": "bulk2"}])
    );
}

fn bulk_csv(user: &User) {
    let made = write(user, "POST", "stock?select=code,name", "")
        .body("code,name\ncsv1,\"a, b\"\ncsv2,NULL\n")
        .header("Content-Type", "text/csv")
        .send();
    assert_eq!(
        made.expect(201),
        json!([{"code": "csv1", "name": "a, b"}, {"code": "csv2", "name": null}])
    );
}

fn form(user: &User) {
    let made = write(user, "POST", "stock?select=code,name", "")
        .body("code=form&name=a+b%26c")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .send();
    assert_eq!(made.expect(201), json!([{"code": "form", "name": "a b&c"}]));
}

fn columns(user: &User) {
    let made = write(user, "POST", "stock?columns=code&select=code,name", "")
        .json(&json!([{"code": "columns", "name": "left out", "unknown": 1}]))
        .send();
    assert_eq!(
        made.expect(201),
        json!([{"code": "columns", "name": "thing"}])
    );
}

fn defaults(user: &User) {
    let rows = json!([{"code": "default1", "amount": 1}, {"code": "default2"}]);
    let made = write(user, "POST", "stock?select=amount", "missing=default")
        .json(&rows)
        .send();
    assert_eq!(made.expect(201), json!([{"amount": 1}, {"amount": 7}]));
    let rows = json!([{"code": "default3", "amount": 1}, {"code": "default4"}]);
    let made = write(user, "POST", "stock?columns=code,amount&select=amount", "")
        .json(&rows)
        .send();
    assert_eq!(made.expect(201), json!([{"amount": 1}, {"amount": null}]));
}

fn update(user: &User) {
    user.request("POST", "stock")
        .json(&json!({"code": "update"}))
        .send();
    let changed = write(user, "PATCH", "stock?code=eq.update&select=name", "")
        .json(&json!({"name": "changed"}))
        .send();
    assert_eq!(changed.expect(200), json!([{"name": "changed"}]));
    let none = user
        .request("PATCH", "stock?code=eq.nothing")
        .json(&json!({"name": "changed"}))
        .send();
    assert_eq!(none.status, 204);
}

fn upsert(user: &User) {
    let rows = |name: &str| json!([{"id": 7101, "name": name}, {"id": 7102, "name": name}]);
    user.request("POST", "stock").json(&rows("first")).send();
    let ignored = write(user, "POST", "stock", "resolution=ignore-duplicates")
        .json(&rows("second"))
        .send();
    assert_eq!(ignored.json(), json!([]));
    assert_eq!(user.each("name", "stock?id=eq.7101"), ["first"]);
    let merged = write(
        user,
        "POST",
        "stock?select=name",
        "resolution=merge-duplicates",
    )
    .json(&rows("third"))
    .send();
    assert_eq!(merged.json(), json!([{"name": "third"}, {"name": "third"}]));
}

fn on_conflict(user: &User) {
    let row = |name: &str| json!({"code": "conflict", "name": name});
    user.request("POST", "stock").json(&row("first")).send();
    let merged = write(
        user,
        "POST",
        "stock?on_conflict=code&select=name",
        "resolution=merge-duplicates",
    )
    .json(&row("second"))
    .send();
    assert_eq!(merged.json(), json!([{"name": "second"}]));
    assert_eq!(names(user, "conflict"), ["second"]);
}

fn put(user: &User) {
    let put = |name: &str| {
        let body = json!({"id": 7201, "code": "put", "name": name, "amount": 1});
        write(user, "PUT", "stock?id=eq.7201&select=name", "")
            .json(&body)
            .send()
    };
    assert_eq!(put("made").json(), json!([{"name": "made"}]));
    assert_eq!(put("replaced").expect(200), json!([{"name": "replaced"}]));
    let other = user
        .request("PUT", "stock?id=eq.7202")
        .json(&json!({"id": 7203, "code": null, "name": null, "amount": 1}));
    other.send().told(400, "PGRST115");
}

fn delete(user: &User) {
    user.request("POST", "stock")
        .json(&json!([{"code": "delete1"}, {"code": "delete2"}]))
        .send();
    let gone = user.request("DELETE", "stock?code=eq.delete1").send();
    assert_eq!((gone.status, gone.text().as_str()), (204, ""));
    let told = write(user, "DELETE", "stock?code=eq.delete2&select=code", "").send();
    assert_eq!(told.expect(200), json!([{"code": "delete2"}]));
    assert!(names(user, "delete1,delete2").is_empty());
}

fn limited(user: &User) {
    let rows = json!([{"code": "limit1"}, {"code": "limit2"}, {"code": "limit3"}]);
    user.request("POST", "stock").json(&rows).send();
    let all = "stock?code=like.limit*&order=code.desc";
    let changed = write(user, "PATCH", &format!("{all}&limit=1&select=code"), "")
        .json(&json!({"name": "last"}))
        .send();
    assert_eq!(changed.expect(200), json!([{"code": "limit3"}]));
    let gone = write(
        user,
        "DELETE",
        &format!("{all}&limit=1&offset=1&select=code"),
        "",
    )
    .send();
    assert_eq!(gone.expect(200), json!([{"code": "limit2"}]));
    assert_eq!(names(user, "limit1,limit2,limit3"), ["thing", "last"]);
}

fn view(user: &User) {
    let made = user
        .request("POST", "things_in_stock")
        .json(&json!({"code": "view"}))
        .send();
    assert_eq!(made.status, 201);
    assert_eq!(names(user, "view"), ["taken"]);
}

fn singular(user: &User) {
    let object = "application/vnd.pgrst.object+json";
    let one = user
        .get("films?id=eq.1&select=title")
        .header("Accept", object)
        .send();
    assert_eq!(one.expect(200), json!({"title": "Ran"}));
    user.get("films?select=title")
        .header("Accept", object)
        .send()
        .told(406, "PGRST116");
    // A write of several is undone.
    let several = write(user, "POST", "stock", "")
        .header("Accept", object)
        .json(&json!([{"code": "singular1"}, {"code": "singular2"}]))
        .send();
    several.told(406, "PGRST116");
    assert!(names(user, "singular1,singular2").is_empty());
}

fn stripped(user: &User) {
    let stripped = user
        .get("films?id=eq.4&select=id,year,title")
        .header("Accept", "application/vnd.pgrst.array+json;nulls=stripped")
        .send();
    assert_eq!(
        stripped.expect(200),
        json!([{"id": 4, "title": "Untitled"}])
    );
}
