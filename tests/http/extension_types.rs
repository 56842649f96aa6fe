//! Columns whose types came with an extension: they are read, written and compared by what the extension says of them, and
//! not by what PostgreSQL would make of their text.

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::{Request, encoded};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

/// `{there}` is the schema the extensions are in.
const SCHEMA: &str = r#"
    create schema if not exists {there};
    grant usage on schema {there} to authenticated;
    create extension citext schema {there};
    create extension hstore schema {there};
    create extension ltree schema {there};
    set search_path = public, {there};
    create table public.members (id int primary key, mail citext unique, traits hstore, place ltree);
    insert into public.members values
        (1, 'Ann@Example.com', 'hair => red, "first pet" => NULL', 'world.europe.france'),
        (2, 'bob@example.com', '', 'world.asia'), (3, null, null, null);
    grant all on public.members to authenticated;
"#;

const MEMBERS: &str = "/rest/v1/members";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, there, path) in [
        ("are_compared_as_their_extension_has_it", "public", ""),
        (
            "of_a_schema_that_is_not_served_are_compared_the_same",
            "extensions",
            "extensions",
        ),
    ] {
        let own = Arc::clone(fixture);
        let name = format!("extension_types::{name}");
        trials.push(trial(&fixture.cluster, name, move || {
            let database = own.database();
            let schema = SCHEMA.replace("{there}", there);
            database.superuser().batch_execute(&schema).expect("schema");
            let site = Site::on(database, &[("API_EXTRA_SEARCH_PATH", path)]);
            read(&site);
            written(&site);
        }));
    }
    trials
}

fn ann(site: &Site, method: &str, target: &str) -> Request {
    let token = &site.database.fixture.ann.token;
    site.request(method, target).bearer(token)
}

fn read(site: &Site) {
    let rows = ann(site, "GET", "/rest/v1/members?order=id&limit=2").send();
    assert_eq!(
        rows.expect(200),
        json!([
            {"id": 1, "mail": "Ann@Example.com", "traits": {"hair": "red", "first pet": null}, "place": "world.europe.france"},
            {"id": 2, "mail": "bob@example.com", "traits": {}, "place": "world.asia"},
        ])
    );
    let ids = |filter: &str| {
        let target = format!("{MEMBERS}?select=id&order=id&{filter}");
        let rows = ann(site, "GET", &target).send().expect(200);
        let id = |row: &Value| row["id"].as_i64().expect("an id");
        let rows = rows.as_array().expect("rows");
        rows.iter().map(id).collect::<Vec<_>>()
    };
    for (filter, expected) in [
        ("mail=eq.ANN@example.com", &[1][..]),
        ("mail=neq.ANN@example.com", &[2]),
        ("mail=in.(ANN@EXAMPLE.COM,BOB@EXAMPLE.COM)", &[1, 2]),
        ("mail=like.ANN*", &[1]),
        ("mail=match.%5EBOB", &[2]),
        ("mail=gt.b", &[2]),
        ("mail=is.null", &[3]),
        ("traits=cs.hair%3D>red", &[1]),
        ("traits=not.cs.hair%3D>red", &[2]),
        ("traits->>hair=eq.red", &[1]),
        ("traits->>first pet=is.null&traits=not.is.null", &[1, 2]),
        ("place=cd.world.europe", &[1]),
        ("place=cs.world.asia.japan", &[2]),
        ("place=eq.world.asia", &[2]),
        ("place=lt.world.b", &[2]),
    ] {
        assert_eq!(
            ids(&filter.replace('>', "%3E").replace(' ', "%20")),
            expected,
            "{filter}"
        );
    }
    let parts = ann(
        site,
        "GET",
        "/rest/v1/members?select=hair:traits-%3Ehair&id=eq.1",
    )
    .send();
    assert_eq!(parts.expect(200), json!([{"hair": "red"}]));
    // A label is no JSON, whatever stands in it.
    let path = ann(site, "GET", "/rest/v1/members?select=place-%3Eworld").send();
    path.told(404, "42883");
    let ask =
        json!({"query": "{ members(filter: {mail_eq: \"ANN@EXAMPLE.COM\"}) { id mail place } }"});
    let members = ann(site, "POST", "/api/v1/graphql")
        .json(&ask)
        .send()
        .expect(200);
    assert_eq!(
        members["data"]["members"],
        json!([{"id": 1, "mail": "Ann@Example.com", "place": "world.europe.france"}])
    );
}

fn written(site: &Site) {
    let post = |target: &str, prefer: &str, body: &Value| {
        let request = ann(site, "POST", target).header("Prefer", prefer);
        request.json(body).send()
    };
    let row = json!({"id": 4, "mail": "Cid@example.com", "traits": "a=>1", "place": "world"});
    let made = post(MEMBERS, "return=representation", &row).expect(201);
    assert_eq!(made[0]["traits"], json!({"a": "1"}));
    // Taken, however it is spelled; and so the row that is meant.
    let taken = json!({"id": 5, "mail": "CID@EXAMPLE.COM"});
    post(MEMBERS, "return=minimal", &taken).told(409, "23505");
    let prefer = "resolution=merge-duplicates,return=representation";
    let row = json!({"id": 4, "mail": "CID@EXAMPLE.COM", "place": "world.africa"});
    let target = format!("{MEMBERS}?on_conflict=mail");
    assert_eq!(
        post(&target, prefer, &row).expect(201)[0]["place"],
        "world.africa"
    );
    let long = json!({"id": 6, "place": "a".repeat(2000)});
    post(MEMBERS, "return=minimal", &long).told(400, "42622");
    let gone = format!("{MEMBERS}?mail=eq.{}", encoded("cid@example.com"));
    assert_eq!(ann(site, "DELETE", &gone).send().status, 204);
    let rest = ann(site, "GET", "/rest/v1/members?select=id&order=id").send();
    assert_eq!(rest.expect(200), json!([{"id": 1}, {"id": 2}, {"id": 3}]));
}
