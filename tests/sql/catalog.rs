//! What the server asks PostgreSQL about itself, on this version of it and as the server's login, which has no right to
//! any table.

use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Arc<Fixture>)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("catalog::{name}"), move || {
            body(&fixture)
        }));
    };
    add(
        "every_query_answers_as_recorded_to_a_login_without_rights",
        answers_as_recorded,
    );
    add(
        "memberships_are_seen_by_a_login_without_rights",
        memberships_are_seen,
    );
    add(
        "schemas_of_the_system_stay_out_even_when_asked_for",
        system_stays_out,
    );
    add("a_key_over_periods_links_nothing", periods_link_nothing);
    trials
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The answer of one query of `sql/catalog/`.
fn ask(client: &mut Client, query: &str, schemas: &[&str]) -> Value {
    let file = repository().join(format!("sql/catalog/{query}.sql"));
    let sql = fs::read_to_string(file).expect("a query");
    let row = client
        .query_one(&format!("select ({sql}\n)::text"), &[&schemas])
        .unwrap_or_else(|error| panic!("{query}: {error:?}"));
    let text: String = row.get(0);
    serde_json::from_str(&text).expect("JSON")
}

fn queries() -> Vec<String> {
    let directory = fs::read_dir(repository().join("sql/catalog")).expect("the queries");
    let name = |path: PathBuf| path.file_stem()?.to_str().map(str::to_owned);
    directory
        .filter_map(|entry| name(entry.expect("a file").path()))
        // It asks about the cluster, takes no schemas and is only ever compared with itself.
        .filter(|name| name != "memberships")
        .collect()
}

/// The roles are read by a login without rights as well, and what was granted to one of them is in the text.
fn memberships_are_seen(fixture: &Arc<Fixture>) {
    let file = repository().join("sql/catalog/memberships.sql");
    let sql = fs::read_to_string(file).expect("a query");
    let database = fixture.database();
    let mut app = database.app();
    let mut ask = || -> String {
        let row = app.query_one(&sql, &[]).expect("an answer");
        row.get(0)
    };
    let role = format!("guild_{}", std::process::id());
    let mut superuser = database.superuser();
    superuser
        .batch_execute(&format!("create role {role}"))
        .expect("a role");
    let row = superuser.query_one(
        "select oid::text from pg_roles where rolname = $1",
        &[&role],
    );
    let oid: String = row.expect("its number").get(0);
    // Others change roles of this cluster at the same time, so only this one is looked for.
    let is_in = |text: String| {
        text.split(';')
            .any(|one| one.split(' ').next() == Some(&oid))
    };
    assert!(!is_in(ask()), "a role that nobody is a member of");
    superuser
        .batch_execute(&format!("grant {role} to authenticated"))
        .expect("a grant");
    let during = is_in(ask());
    superuser
        .batch_execute(&format!("drop role {role}"))
        .expect("dropped");
    assert!(during);
    assert!(!is_in(ask()));
}

/// What the compiler is tested with is what PostgreSQL says, whatever its version.
fn answers_as_recorded(fixture: &Arc<Fixture>) {
    let recorded = repository().join("server/compiler/tests/catalog");
    let corpus = ["public", "app", "auth", "pg_catalog"];
    let database = made_from(fixture, &recorded);
    for query in queries() {
        let said = ask(&mut database.app(), &query, &corpus);
        compare(said, &recorded.join(format!("{query}.json")));
    }
    let recorded = recorded.join("views");
    let database = made_from(fixture, &recorded);
    for (query, file) in [
        ("relations", "relations.json"),
        ("foreign_keys", "foreign_keys.json"),
        ("views", "views.15.json"),
    ] {
        let said = ask(&mut database.app(), query, &["public", "shown"]);
        compare(said, &recorded.join(file));
    }
}

fn made_from(fixture: &Arc<Fixture>, folder: &Path) -> Database {
    let schema = fs::read_to_string(folder.join("schema.sql")).expect("the schema");
    let database = fixture.empty_database();
    let mut superuser = database.superuser();
    superuser.batch_execute(&schema).expect("the schema loads");
    database
}

fn compare(said: Value, file: &Path) {
    let text = fs::read_to_string(file)
        .unwrap_or_else(|error| panic!("{} is not recorded: {error}", file.display()));
    let expected = lasting(serde_json::from_str(&text).expect("JSON"));
    let said = lasting(said);
    assert!(
        said.len() == expected.len() && !said.is_empty(),
        "{}: {said:#?}",
        file.display()
    );
    for (said, expected) in said.iter().zip(&expected) {
        assert_eq!(said, expected, "{}", file.display());
    }
}

/// What does not depend on the version or the cluster: PostgreSQL's own types come and go, and numbers, the text of stored
/// views and the names made up for arrays differ.
fn lasting(rows: Value) -> Vec<Value> {
    let Value::Array(mut rows) = rows else {
        panic!("no list: {rows}");
    };
    rows.retain(|row| row["schema"] != "pg_catalog");
    for row in rows.iter_mut().filter_map(Value::as_object_mut) {
        row.remove("oid");
        for name in ["tree", "array"] {
            if let Some(text) = row.get_mut(name) {
                *text = text.is_string().into();
            }
        }
    }
    rows
}

fn system_stays_out(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    database
        .superuser()
        .batch_execute(
            "create type public.colour as enum ('red');
             create function public.paint(colour public.colour) returns void language sql as 'select'",
        )
        .expect("a type and a function");
    let mut app = database.app();
    let schemas = [
        "auth",
        "audit",
        "api",
        "pg_catalog",
        "pg_toast",
        "information_schema",
        "public",
    ];
    let names = |rows: &Value, of: &str| -> Vec<String> {
        let rows = rows.as_array().expect("a list").iter();
        rows.filter(|row| row["schema"] == of)
            .map(|row| row["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    let described = ask(&mut app, "schemas", &schemas);
    assert_eq!(described.as_array().map(Vec::len), Some(1), "{described}");
    assert_eq!(described[0]["name"], "public");
    let relations = ask(&mut app, "relations", &schemas);
    assert_eq!(names(&relations, "public"), ["notes", "vault"]);
    assert_eq!(relations.as_array().map(Vec::len), Some(2), "{relations}");
    let views = ask(&mut app, "views", &schemas);
    assert_eq!(views.as_array().map(Vec::len), Some(0), "{views}");
    let types = ask(&mut app, "types", &schemas);
    let castable: Vec<&Value> = types
        .as_array()
        .expect("a list")
        .iter()
        .filter(|row| row["castable"] == true && row["schema"] != "pg_catalog")
        .map(|row| &row["name"])
        .collect();
    assert_eq!(castable, ["colour"]);
    let functions = ask(&mut app, "functions", &schemas);
    assert_eq!(names(&functions, "public"), ["paint"]);
    assert_eq!(functions.as_array().map(Vec::len), Some(1), "{functions}");
}

/// Rows of such a key overlap; a join that asks for equal ones would find none.
fn periods_link_nothing(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    let mut superuser = database.superuser();
    superuser
        .batch_execute(
            "create table public.rooms (id int4range primary key);
             create table public.beds (id int primary key, room int4range constraint plain references public.rooms)",
        )
        .expect("tables");
    let row = superuser
        .query_one("select current_setting('server_version_num')::int", &[])
        .expect("a version");
    if row.get::<_, i32>(0) >= 180_000 {
        superuser
            .batch_execute(
                "create table public.tariffs (id int4range, valid daterange, primary key (id, valid without overlaps));
                 create table public.stays (room int4range, valid daterange, constraint temporal
                   foreign key (room, period valid) references public.tariffs (id, period valid))",
            )
            .expect("tables with periods");
    }
    let keys = ask(&mut database.app(), "foreign_keys", &["public"]);
    let names: Vec<&Value> = keys
        .as_array()
        .expect("a list")
        .iter()
        .map(|key| &key["name"])
        .collect();
    assert_eq!(names, ["plain"]);
}
