//! SQL in every place of a request where text can stand. Whatever comes back, the database is as it was: the
//! catalogs, the rows, the roles; and nothing secret is in the answer.

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::{Request, encoded};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Map, Value, json};
use std::sync::Arc;

const PAYLOADS: [&str; 26] = [
    "'; drop table things; --",
    "\"; drop table things; --",
    "'; create table pwned(); --",
    "\"; create table pwned(); select \"",
    "id\"; drop table things; --",
    "1; create table pwned()",
    "1) or (1=1",
    "x' or '1'='1",
    "x\" = \"x\" or \"id",
    "id,(select secret from closed)",
    "id,secret from closed --",
    "(select string_agg(secret, ',') from vault)",
    "id::text||(select secret from vault)",
    "pg_sleep(9)",
    "id;select pg_sleep(9)",
    "*/ union select secret from vault /*",
    "' union select secret from vault --",
    "$$; create table pwned(); $$",
    "$1",
    "\\'; create table pwned(); --",
    "E'\\''; create table pwned(); --",
    "U&\"d\\0061ta\"",
    "set_config('role','service_role',true)",
    "auth.users",
    "things\u{2019}; create table pwned(); --",
    "id\r\n; create table pwned()",
];

/// A request made with a payload.
type Place = fn(&Site, &str) -> Request;

/// Where a payload goes: a request made with it.
const PLACES: [(&str, Place); 26] = [
    ("table", |s, p| {
        s.get(&format!("/api/v1/tables/{}", encoded(p)))
    }),
    ("schema", |s, p| {
        s.get(&format!("/api/v1/tables/{}/things", encoded(p)))
    }),
    ("schema_and_table", |s, p| {
        s.get(&format!("/api/v1/tables/{}/{}", encoded(p), encoded(p)))
    }),
    ("id", |s, p| {
        s.get(&format!("/api/v1/tables/public/things/{}", encoded(p)))
    }),
    ("select", |s, p| {
        s.get(&format!("/api/v1/tables/things?select={}", encoded(p)))
    }),
    ("select_alias", |s, p| {
        s.get(&format!("/api/v1/tables/things?select={}:id", encoded(p)))
    }),
    ("select_json_path", |s, p| {
        s.get(&format!(
            "/api/v1/tables/things?select=meta-%3E%3E{}",
            encoded(p)
        ))
    }),
    ("filter_column", |s, p| {
        s.get(&format!("/api/v1/tables/things?{}=eq.1", encoded(p)))
    }),
    ("filter_operator", |s, p| {
        s.get(&format!("/api/v1/tables/things?id={}.1", encoded(p)))
    }),
    ("filter_value", |s, p| {
        s.get(&format!("/api/v1/tables/things?name=eq.{}", encoded(p)))
    }),
    ("filter_integer", |s, p| {
        s.get(&format!("/api/v1/tables/things?id=eq.{}", encoded(p)))
    }),
    ("filter_like", |s, p| {
        s.get(&format!("/api/v1/tables/things?name=like.{}", encoded(p)))
    }),
    ("filter_in", |s, p| {
        s.get(&format!("/api/v1/tables/things?name=in.({})", encoded(p)))
    }),
    ("filter_in_quoted", |s, p| {
        s.get(&format!(
            "/api/v1/tables/things?name=in.(%22{}%22)",
            encoded(p)
        ))
    }),
    ("filter_is", |s, p| {
        s.get(&format!("/api/v1/tables/things?active=is.{}", encoded(p)))
    }),
    ("filter_json_path", |s, p| {
        s.get(&format!(
            "/api/v1/tables/things?meta-%3E%3E{}=eq.1",
            encoded(p)
        ))
    }),
    ("or", |s, p| {
        s.get(&format!("/api/v1/tables/things?or=({})", encoded(p)))
    }),
    ("or_value", |s, p| {
        s.get(&format!(
            "/api/v1/tables/things?or=(name.eq.{},id.eq.1)",
            encoded(p)
        ))
    }),
    ("order", |s, p| {
        s.get(&format!("/api/v1/tables/things?order={}", encoded(p)))
    }),
    ("order_direction", |s, p| {
        s.get(&format!("/api/v1/tables/things?order=id.{}", encoded(p)))
    }),
    ("limit", |s, p| {
        s.get(&format!("/api/v1/tables/things?limit={}", encoded(p)))
    }),
    ("count", |s, p| {
        s.get(&format!("/api/v1/tables/things?count={}", encoded(p)))
    }),
    ("body_value", |s, p| {
        s.post("/api/v1/tables/items", &json!({"name": p}))
    }),
    ("body_column", |s, p| {
        let mut row = Map::new();
        row.insert(p.to_owned(), json!("x"));
        row.insert("name".to_owned(), json!("x"));
        s.post("/api/v1/tables/items", &Value::Object(row))
    }),
    ("prefer", |s, p| {
        s.post("/api/v1/tables/items", &json!({"name": "x"}))
            .header("Prefer", &p.replace(['\r', '\n'], " "))
    }),
    ("insert_select", |s, p| {
        s.post(
            &format!("/api/v1/tables/items?select={}", encoded(p)),
            &json!({"name": "x"}),
        )
    }),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let site = Arc::new(Site::new(fixture, &[]));
    PLACES
        .into_iter()
        .map(|(name, place)| {
            let site = Arc::clone(&site);
            trial(&fixture.cluster, format!("injection::{name}"), move || {
                everywhere(&site, place)
            })
        })
        .collect()
}

/// All that a successful injection would change.
fn state(site: &Site) -> String {
    let row = site
        .database
        .superuser()
        .query_one(
            "select (select count(*) from pg_class) || ' ' || (select count(*) from pg_proc) || ' ' || \
             (select count(*) from pg_roles) || ' ' || (select count(*) from pg_auth_members) || ' ' || \
             (select string_agg(t::text, ';' order by id) from public.things t) || ' ' || \
             (select string_agg(c::text, ';') from public.closed c) || ' ' || (select count(*) from auth.users)",
            &[],
        )
        .expect("asked");
    row.get(0)
}

fn everywhere(site: &Site, place: Place) {
    let before = state(site);
    for payload in PAYLOADS {
        for token in [None, Some(&site.database.fixture.ann.token)] {
            let request = place(site, payload);
            let answer = token
                .map_or(request.clone(), |token| request.bearer(token))
                .send();
            let text = answer.text();
            assert!(
                matches!(answer.status, 200 | 201 | 400 | 401 | 403 | 404),
                "{payload:?}: {} {text}",
                answer.status
            );
            assert!(
                !text.contains("treasure") && !text.contains("top-secret-of-closed"),
                "{payload:?}: {text}"
            );
            assert!(
                answer.took < std::time::Duration::from_secs(8),
                "{payload:?} slept"
            );
            if answer.status >= 400 {
                let code = answer.json()["code"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned();
                answer.shaped(answer.status, &code);
            }
        }
    }
    assert_eq!(state(site), before);
    // Syntax errors inside PostgreSQL would mean that text reached the statement.
    let rows = site
        .get("/api/v1/tables/things?select=id&id=eq.1")
        .send()
        .expect(200);
    assert_eq!(rows, json!([{"id": 1}]));
}
