//! A value of a row given alone is bound as a text, in a list of rows it is read inside JSON: both must be the same value, or
//! the same refusal.

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::Response;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

const TYPES: &[&str] = &[
    "text",
    "varchar(5)",
    "char(4)",
    "\"char\"",
    "name",
    "int2",
    "int4",
    "int8",
    "numeric",
    "numeric(6,2)",
    "float8",
    "bool",
    "uuid",
    "date",
    "timestamptz",
    "timestamp(0)",
    "interval",
    "bytea",
    "inet",
    "bit(3)",
    "varbit",
    "money",
    "xml",
    "json",
    "jsonb",
    "text[]",
    "int4[]",
    "int4range",
    "point",
    "tsvector",
    "oid",
    "public.mood",
    "public.short",
    "public.moods",
    "public.pair",
    "public.document",
    "public.list",
];

const VALUES: &[&str] = &[
    r#""a""#,
    r#""""#,
    r#""abcdefgh""#,
    r#""12""#,
    r#"" 12 ""#,
    "12",
    "1.10",
    "-0",
    "1E2",
    "1e400",
    "70000",
    "true",
    "false",
    r#""true""#,
    "null",
    r#""null""#,
    "{}",
    "[]",
    r#"{"a": 1}"#,
    "[1, 2]",
    r#"{"x": 1, "y": "b"}"#,
    r#""{1,2}""#,
    r#""(1,b)""#,
    r#""[1,5)""#,
    r#""(1,2)""#,
    r#""{\"a\": 1}""#,
    r#""[1, 2]""#,
    r#""2026-02-28""#,
    r#""2026-02-28T10:00:00.6+02:00""#,
    r#""1 day""#,
    r#""\\x00ff""#,
    r#""10.0.0.1""#,
    r#""101""#,
    r#""6f1c0f5e-1b62-4b1c-9d5c-2f7d6a3b9c11""#,
    r#""sad""#,
    r#""a\"b\\c\nd""#,
    r#""\u00fc\u20ac\ud834\udd1e""#,
    r#""<a>b</a>""#,
    r#""$1; drop table x --""#,
];

const KINDS: &str = "
    create type public.mood as enum ('sad', 'a');
    create domain public.short as varchar(3) check (value <> 'a');
    create domain public.moods as public.mood;
    create type public.pair as (x int, y text);
    create domain public.document as jsonb;
    create domain public.list as int4[];
";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let (own, other) = (Arc::clone(fixture), Arc::clone(fixture));
    vec![
        trial(
            &fixture.cluster,
            "values::a_value_is_the_same_alone_and_in_a_list_for_every_type",
            move || every_type(&own),
        ),
        trial(
            &fixture.cluster,
            "values::a_row_that_a_trigger_or_a_conflict_left_out_is_no_row_and_no_error",
            move || left_out(&other),
        ),
    ]
}

fn every_type(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    let mut superuser = database.superuser();
    superuser.batch_execute(KINDS).expect("made");
    for (number, kind) in TYPES.iter().enumerate() {
        let table = format!(
            "create table public.v{number} (k int generated always as identity, v {kind});
             insert into public.v{number} (v) values (null);
             grant select, insert, update on public.v{number} to authenticated;"
        );
        superuser.batch_execute(&table).expect(kind);
    }
    let site = Site::on(database, &[]);
    let mut accepted = 0;
    for (number, kind) in TYPES.iter().enumerate() {
        for value in VALUES {
            let what = format!("{value} as {kind}");
            let send = |method: &str, target: &str, body: String| {
                let request = site.request(method, &format!("/api/v1/tables/v{number}{target}"));
                let request = request.bearer(&site.database.fixture.ann.token);
                request
                    .header("Content-Type", "application/json")
                    .body(body)
                    .send()
            };
            let alone = send("POST", "?select=v", format!(r#"{{"v": {value}}}"#));
            let listed = send("POST", "?select=v", format!(r#"[{{"v": {value}}}]"#));
            let changed = send("PATCH", "?select=v&k=eq.1", format!(r#"{{"v": {value}}}"#));
            if listed.status == 201 {
                let row = listed.json()[0].clone();
                assert_eq!((alone.status, alone.json()), (201, row.clone()), "{what}");
                assert_eq!(
                    (changed.status, changed.json()),
                    (200, json!([row])),
                    "{what}"
                );
                accepted += 1;
            } else {
                assert_eq!(refusal(&alone), refusal(&listed), "{what}");
                assert_eq!(refusal(&changed), refusal(&listed), "{what}");
            }
        }
    }
    // Neither everything nor nothing is a value of every type.
    assert!((300..1100).contains(&accepted), "{accepted}");
}

fn refusal(answer: &Response) -> (u16, Value) {
    (answer.status, answer.json()["code"].clone())
}

fn left_out(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    let schema = "
        create table public.picky (id int primary key, v text);
        create function public.pick() returns trigger language plpgsql as $$
            begin return case when new.v = 'no' then null else new end; end $$;
        create trigger pick before insert on public.picky for each row execute function public.pick();
        grant select, insert, update on public.picky to authenticated;
    ";
    database.superuser().batch_execute(schema).expect("made");
    let site = Site::on(database, &[]);
    let send = |mount: &str, query: &str, prefer: &str, body: Value| {
        let request = site.request("POST", &format!("{mount}/picky{query}"));
        let request = request.bearer(&site.database.fixture.ann.token);
        request.header("Prefer", prefer).json(&body).send()
    };
    let own = "/api/v1/tables";
    let taken = send(own, "", "", json!({"id": 1, "v": "yes"}));
    assert_eq!(taken.expect(201), json!({"id": 1, "v": "yes"}));
    for (mount, query, prefer, body) in [
        (own, "", "return=representation", ""),
        (own, "", "return=minimal", ""),
        (own, "?on_conflict=id", "resolution=ignore-duplicates", ""),
        ("/rest/v1", "", "return=representation", "[]"),
        ("/rest/v1", "", "return=minimal", ""),
        ("/rest/v1", "", "return=headers-only", ""),
    ] {
        let what = format!("{mount} {query} {prefer}");
        let refused = send(mount, query, prefer, json!({"id": 1, "v": "no"}));
        assert_eq!((refused.status, &*refused.text()), (201, body), "{what}");
        let listed = send(mount, query, prefer, json!([{"id": 1, "v": "no"}]));
        assert_eq!(listed.status, 201, "{what}: {}", listed.text());
    }
    let prefer = "resolution=ignore-duplicates";
    let known = send(own, "?on_conflict=id", prefer, json!({"id": 1, "v": "new"}));
    assert_eq!((known.status, &*known.text()), (201, ""));
    let prefer = "resolution=merge-duplicates";
    let merged = send(
        own,
        "?on_conflict=id",
        prefer,
        json!({"id": 1, "v": "newer"}),
    );
    assert_eq!(merged.json(), json!({"id": 1, "v": "newer"}));
    let rows = site
        .get("/api/v1/tables/picky")
        .bearer(&site.database.fixture.ann.token)
        .send();
    assert_eq!(rows.expect(200), json!([{"id": 1, "v": "newer"}]));
}
