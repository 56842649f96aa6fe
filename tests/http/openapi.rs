//! The description of the interface: valid, of what the caller's role may see, and true.

use crate::site::Site;
use crate::tours::installed;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::{Request, Response};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

const OF_POSTGREST: &str = "/rest/v1/";
const OF_FLUXBASE: &str = "/api/v1/openapi.json";

const SCHEMA: &str = r#"
    comment on schema public is E'A shop\nWith things in it';
    comment on table public.things is E'What is sold\nBy weight';
    comment on column public.things.born is 'Harvested on';
    create type public.size as enum ('small', 'large');
    create table public."odd {name}/x" (id int primary key, size public.size, sizes public.size[], "select" text);
    grant select on public."odd {name}/x" to anon, authenticated;
    create function public.weigh(thing int, unit text default 'kg') returns numeric stable language sql return 1;
    create function public.for_users() returns setof public.things stable language sql as 'select * from public.things';
    revoke execute on function public.for_users() from public;
    grant execute on function public.for_users() to authenticated;
    create function public.strange(json) returns void language sql as 'select';
    create schema tools;
    grant usage on schema tools to authenticated;
    create table tools.hammers (id int primary key);
    grant select on tools.hammers to anon, authenticated;
"#;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let database = fixture.database();
    let site = Arc::new(Site::on(database, &[("API_SCHEMAS", "public,tools")]));
    site.database
        .superuser()
        .batch_execute(SCHEMA)
        .expect("schema of these tests");
    let mut trials = Vec::new();
    let mut add = |name: &'static str, body: fn(&Site)| {
        let site = Arc::clone(&site);
        trials.push(trial(
            &fixture.cluster,
            format!("openapi::{name}"),
            move || {
                wait_for_functions(&site);
                body(&site);
            },
        ));
    };
    add("every_document_is_valid_to_a_validator_of_others", valid);
    add("a_visitor_is_told_what_visitors_may", visitor);
    add("a_user_is_told_what_users_may", user);
    add(
        "the_service_role_is_told_everything_but_the_server",
        service,
    );
    add("each_address_that_is_told_is_there", true_addresses);
    add("a_bad_credential_is_told_nothing", credentials);
    add("a_known_document_is_not_sent_again", tags);
    // In a database of its own: the others would be told of a table that is gone when they ask.
    let own = Arc::clone(fixture);
    trials.push(trial(
        &fixture.cluster,
        "openapi::a_change_of_grants_changes_the_document",
        move || changes(&Site::new(&own, &[])),
    ));
    let own = Arc::clone(fixture);
    trials.push(trial(
        &fixture.cluster,
        "openapi::nothing_is_told_when_it_is_switched_off",
        move || disabled(&own),
    ));
    trials
}

/// The server was there before the functions.
fn wait_for_functions(site: &Site) {
    for _ in 0..100 {
        if site.get("/rest/v1/rpc/weigh?thing=1").send().status == 200 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the functions were not noticed");
}

/// Who may ask: nobody, a user, the application's server.
fn callers(site: &Site) -> [Option<&str>; 3] {
    let fixture = &site.database.fixture;
    [None, Some(&fixture.ann.token), Some(&fixture.service_key)]
}

fn ask(site: &Site, target: &str, bearer: Option<&str>) -> Request {
    let request = site.get(target);
    match bearer {
        Some(bearer) => request.bearer(bearer),
        None => request,
    }
}

fn document(site: &Site, target: &str, bearer: Option<&str>) -> Value {
    ask(site, target, bearer).send().expect(200)
}

fn paths(document: &Value) -> Vec<&str> {
    let paths = document["paths"].as_object().expect("paths");
    paths.keys().map(String::as_str).collect()
}

fn methods(document: &Value, path: &str) -> Vec<String> {
    let item = document["paths"][path].as_object();
    let names = item.into_iter().flat_map(|item| item.keys().cloned());
    names.filter(|name| name != "parameters").collect()
}

/// What `openapi-spec-validator` says; nothing is good.
fn complaints(document: &str) -> String {
    const SCRIPT: &str = "import json, sys
from openapi_spec_validator import OpenAPIV31SpecValidator
for error in OpenAPIV31SpecValidator(json.load(sys.stdin)).iter_errors(): print(error.message[:300], list(error.path))";
    let python = installed("python").join("bin/python");
    let mut child = Command::new(python)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut stdin = child.stdin.take().expect("its input");
    stdin.write_all(document.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complained}");
    said
}

fn valid(site: &Site) {
    for bearer in callers(site) {
        for target in [OF_POSTGREST, OF_FLUXBASE] {
            let answer = ask(site, target, bearer).send();
            let document = answer.expect(200);
            assert_eq!(document["openapi"], "3.1.0");
            assert!(paths(&document).len() > 60, "{:?}", paths(&document));
            assert_eq!(complaints(&answer.text()), "");
        }
    }
    // It would have said something.
    let wrong = json!({"openapi": "3.1.0", "info": {"title": "x"}, "paths": {"x": {}}});
    assert_ne!(complaints(&wrong.to_string()), "");
}

fn visitor(site: &Site) {
    let document = document(site, OF_POSTGREST, None);
    assert_eq!(methods(&document, "/rest/v1/things"), ["get"]);
    assert_eq!(methods(&document, "/rest/v1/items"), ["get", "post"]);
    assert_eq!(methods(&document, "/rest/v1/rpc/weigh"), ["get", "post"]);
    let all = paths(&document);
    for hidden in [
        "/rest/v1/closed",
        "/rest/v1/vault",
        "/rest/v1/rpc/for_users",
        "/rest/v1/hammers",
    ] {
        assert!(!all.contains(&hidden), "{hidden}");
    }
    let schemas = &document["components"]["schemas"];
    let partly = schemas["public.partly.row"]["properties"]
        .as_object()
        .expect("columns");
    assert_eq!(partly.keys().collect::<Vec<_>>(), ["id", "name"]);
    assert!(!document.to_string().contains("hidden"));
    // Without USAGE of the schema its grants are worth nothing.
    let tools = site
        .get(OF_POSTGREST)
        .header("Accept-Profile", "tools")
        .send()
        .expect(200);
    assert!(
        paths(&tools)
            .iter()
            .all(|path| path.starts_with("/api/v1/"))
    );
    assert_eq!(document["info"]["title"], "A shop");
    assert_eq!(document["info"]["description"], "With things in it");
    let get = &document["paths"]["/rest/v1/things"]["get"];
    assert_eq!(get["summary"], "What is sold");
    assert_eq!(get["description"], "By weight");
    let born = &schemas["public.things.row"]["properties"]["born"];
    assert_eq!(
        *born,
        json!({"type": ["string", "null"], "format": "date", "description": "Harvested on"})
    );
    let odd = &schemas["public.odd-20-7bname-7d-2fx.row"]["properties"];
    assert_eq!(
        odd["size"],
        json!({"type": ["string", "null"], "enum": ["small", "large", null]})
    );
    assert_eq!(odd["sizes"]["items"], odd["size"]);
}

fn user(site: &Site) {
    let token = Some(site.database.fixture.ann.token.as_str());
    let document = document(site, OF_POSTGREST, token);
    assert_eq!(
        methods(&document, "/rest/v1/items"),
        ["delete", "get", "patch", "post", "put"]
    );
    assert_eq!(
        methods(&document, "/rest/v1/rpc/for_users"),
        ["get", "post"]
    );
    assert!(!paths(&document).contains(&"/rest/v1/closed"));
    let tools = ask(site, OF_POSTGREST, token)
        .header("Accept-Profile", "tools")
        .send()
        .expect(200);
    assert_eq!(methods(&tools, "/rest/v1/hammers"), ["get"]);
    ask(site, OF_POSTGREST, token)
        .header("Accept-Profile", "auth")
        .send()
        .told(406, "PGRST106");
}

fn service(site: &Site) {
    site.database
        .superuser()
        .batch_execute("grant all on public.closed to service_role")
        .expect("a grant");
    let key = Some(site.database.fixture.service_key.as_str());
    let document = eventually(|| {
        let document = document(site, OF_FLUXBASE, key);
        (!methods(&document, "/api/v1/tables/closed").is_empty()).then_some(document)
    });
    assert_eq!(
        methods(&document, "/api/v1/tables/closed"),
        ["delete", "get", "patch", "post"]
    );
    // The server's own schemas and PostgreSQL's are not there, although it may read some of them.
    for path in paths(&document) {
        for schema in ["auth", "audit", "pg_catalog", "information_schema"] {
            assert!(
                !path.starts_with(&format!("/api/v1/tables/{schema}/")),
                "{path}"
            );
            assert!(
                !path.starts_with(&format!("/api/v1/rpc/{schema}/")),
                "{path}"
            );
        }
    }
    for name in document["components"]["schemas"]
        .as_object()
        .expect("schemas")
        .keys()
    {
        assert!(
            !name.starts_with("auth.") && !name.starts_with("audit."),
            "{name}"
        );
    }
}

/// What a route says that is not there; what is there refuses in other words.
fn is_no_route(answer: &Response) -> bool {
    answer.status == 404
        && answer.json()["error"] == "Not found"
        && answer.json()["code"] == "NOT_FOUND"
}

fn true_addresses(site: &Site) {
    for bearer in callers(site) {
        for target in [OF_POSTGREST, OF_FLUXBASE] {
            let document = document(site, target, bearer);
            for path in paths(&document) {
                if let Some(columns) = columns(&document, &document["paths"][path]["post"])
                    && path.ends_with("/query")
                {
                    let query = site.post(path, &json!({"select": columns, "limit": 0}));
                    let read = match bearer {
                        Some(bearer) => query.bearer(bearer).send(),
                        None => query.send(),
                    };
                    assert_eq!(read.status, 200, "{path}: {}", read.text());
                    continue;
                }
                // Every method that is told is one of those the address takes.
                let address = path.replace("{id}", "1");
                let by_name = address.starts_with("/rest/v1/");
                let method = if by_name { "OPTIONS" } else { "TRACE" };
                let answer = match bearer {
                    Some(bearer) => site.request(method, &address).bearer(bearer).send(),
                    None => site.request(method, &address).send(),
                };
                assert_eq!(answer.status, if by_name { 200 } else { 405 }, "{address}");
                let allow = answer.header("allow").expect("the methods").to_owned();
                for method in methods(&document, path) {
                    let method = method.to_uppercase();
                    assert!(
                        allow.split(", ").any(|one| one == method),
                        "{method} {address}: {allow}"
                    );
                }
                // A table that is told can be read, in the columns that are told.
                let operation = &document["paths"][path]["get"];
                if !address.contains("/rpc/")
                    && let Some(columns) = columns(&document, operation)
                {
                    let target = format!("{address}?limit=0&select={columns}");
                    let read = ask(site, &target, bearer).send();
                    assert_eq!(read.status, 200, "{target}: {}", read.text());
                }
            }
        }
    }
    let nowhere = site.get("/api/v1/nowhere").send();
    assert!(is_no_route(&nowhere), "{}", nowhere.text());
}

/// What a list of rows can be asked for, without names that need quotes; nothing where no list is answered.
fn columns(document: &Value, operation: &Value) -> Option<String> {
    let schema = operation.pointer("/responses/200/content/application~1json/schema/items/$ref")?;
    let component = schema.as_str()?.rsplit('/').next()?;
    let properties = document["components"]["schemas"][component]["properties"].as_object()?;
    let plain = |name: &&String| name.chars().all(|letter| letter.is_ascii_lowercase());
    let names: Vec<&str> = properties
        .keys()
        .filter(plain)
        .map(String::as_str)
        .collect();
    assert!(!names.is_empty(), "{component}");
    Some(names.join(","))
}

fn credentials(site: &Site) {
    let spoiled = format!("{}x", site.database.fixture.ann.token);
    ask(site, OF_POSTGREST, Some(&spoiled))
        .send()
        .told(401, "PGRST301");
    ask(site, OF_FLUXBASE, Some(&spoiled))
        .send()
        .refused(401, "INVALID_TOKEN");
    // A session that has ended, which PostgreSQL alone knows; before it was told.
    let gone = site.sign_up("gone@example.com");
    document(site, OF_FLUXBASE, Some(&gone.token));
    site.request("POST", "/api/v1/auth/signout")
        .bearer(&gone.token)
        .send()
        .expect(200);
    ask(site, OF_FLUXBASE, Some(&gone.token))
        .send()
        .refused(401, "REVOKED_TOKEN");
    ask(site, OF_POSTGREST, Some(&gone.token))
        .send()
        .told(401, "PGRST303");
}

fn tags(site: &Site) {
    for (target, content_type) in [
        (OF_POSTGREST, "application/openapi+json"),
        (OF_FLUXBASE, "application/openapi+json"),
    ] {
        let first = site.get(target).send();
        assert_eq!(first.header("content-type"), Some(content_type));
        assert_eq!(first.header("cache-control"), Some("private, no-cache"));
        let tag = first.header("etag").expect("a tag").to_owned();
        let again = site.get(target).header("If-None-Match", &tag).send();
        assert_eq!((again.status, again.text().as_str()), (304, ""));
        let head = site.request("HEAD", target).send();
        assert_eq!((head.status, head.text().as_str()), (200, ""));
        assert_eq!(head.header("etag"), Some(tag.as_str()));
        // Another role's is another document.
        let token = &site.database.fixture.ann.token;
        let other = site
            .get(target)
            .bearer(token)
            .header("If-None-Match", &tag)
            .send();
        assert_eq!(other.status, 200);
        let json = site.get(target).header("Accept", "application/json").send();
        assert_eq!(json.header("content-type"), Some("application/json"));
    }
    site.get(OF_POSTGREST)
        .header("Accept", "text/csv")
        .send()
        .told(406, "PGRST107");
}

fn changes(site: &Site) {
    let mut owner = site.database.superuser();
    owner
        .batch_execute("create table public.later (id int primary key)")
        .expect("a table");
    let told = |expected: bool| {
        eventually(|| {
            let document = document(site, OF_POSTGREST, None);
            (paths(&document).contains(&"/rest/v1/later") == expected).then_some(())
        });
    };
    told(false);
    owner
        .batch_execute("grant select on public.later to anon")
        .expect("a grant");
    told(true);
    owner
        .batch_execute("revoke select on public.later from anon")
        .expect("the end of it");
    told(false);
}

/// The catalog is read again a moment after a change.
fn eventually<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    for _ in 0..100 {
        if let Some(found) = attempt() {
            return found;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("it did not happen");
}

fn disabled(fixture: &Arc<Fixture>) {
    let site = Site::new(fixture, &[("API_OPENAPI", "disabled")]);
    let key = Some(fixture.service_key.as_str());
    ask(&site, OF_POSTGREST, key).send().told(404, "PGRST126");
    ask(&site, OF_FLUXBASE, key)
        .send()
        .refused(404, "NOT_FOUND");
    // What it would have described is there.
    site.get("/rest/v1/things?limit=1").send().expect(200);
}
