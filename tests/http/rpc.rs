//! Functions as the Fluxbase contract has them: an execution with the result, under the caller's identity and rights.

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::Response;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

const SCHEMA: &str = "
    create function public.add_them(a int, b int default 10) returns int immutable language sql return a + b;
    comment on function public.add_them(int, int) is 'Adds two numbers';
    create function public.big() returns numeric immutable language sql return 12345678901234567890.10;
    create function public.whoami() returns text stable language sql return auth.email() || ' ' || current_user;
    create function public.one_thing(id int) returns public.things stable language sql
      as $$ select * from public.things t where t.id = one_thing.id $$;
    create function public.names_of(upto int) returns table (id int, name text) stable language sql
      as $$ select t.id, t.name from public.things t where t.id <= upto order by t.id $$;
    create table public.ledger (note text);
    grant select, insert on public.ledger to authenticated;
    create function public.note(word text) returns void language sql as $$ insert into public.ledger values (word) $$;
    create function public.refuses() returns void language plpgsql as
      $$ begin insert into public.ledger values ('x'); raise exception 'top-secret-reason'; end $$;
    create function public.forbidden() returns text language sql return 'top-secret-result';
    revoke execute on function public.forbidden() from public;
    create function public.for_users() returns int language sql return 1;
    revoke execute on function public.for_users() from public;
    grant execute on function public.for_users() to authenticated;
    create schema tools;
    grant usage on schema tools to authenticated;
    create function tools.one() returns int immutable language sql return 1;
    create schema hidden;
    create function hidden.one() returns int immutable language sql return 1;
";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let database = fixture.database();
    let mut trials = Vec::new();
    let site = Arc::new(Site::on(
        database,
        &[("API_SCHEMAS", "public,tools,hidden")],
    ));
    site.database
        .superuser()
        .batch_execute(SCHEMA)
        .expect("schema of these tests");
    let mut add = |name: &'static str, body: fn(&Site)| {
        let site = Arc::clone(&site);
        trials.push(trial(&fixture.cluster, format!("rpc::{name}"), move || {
            wait_for_functions(&site);
            body(&site);
        }));
    };
    add("a_result_comes_inside_its_execution", results);
    add("a_call_is_made_by_who_asks", identity);
    add("a_call_that_fails_leaves_nothing", failing);
    add("a_function_is_found_in_its_name_space", namespaces);
    add("what_may_not_be_called_is_refused", refused);
    add("the_list_holds_what_the_caller_may_call", procedures);
    add("keys_need_the_scope", scopes);
    trials
}

/// The server was there before the functions.
fn wait_for_functions(site: &Site) {
    for _ in 0..100 {
        if call(site, "default/add_them", &json!({"params": {"a": 1}})).status == 200 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the functions were not noticed");
}

fn call(site: &Site, function: &str, body: &Value) -> Response {
    site.post(&format!("/api/v1/rpc/{function}"), body)
        .bearer(&site.database.fixture.ann.token)
        .send()
}

/// The result of an execution, which must be whole in all else.
#[track_caller]
fn result(answer: &Response, rows: i64) -> Value {
    let execution = answer.expect(200);
    let members: Vec<&String> = execution.as_object().expect("an object").keys().collect();
    assert_eq!(
        members,
        [
            "duration_ms",
            "execution_id",
            "result",
            "rows_returned",
            "status"
        ]
    );
    assert_eq!(execution["status"], "completed");
    assert_eq!(execution["rows_returned"], rows, "{execution}");
    assert!(execution["duration_ms"].is_u64());
    assert_eq!(execution["execution_id"].as_str().map(str::len), Some(36));
    execution["result"].clone()
}

fn results(site: &Site) {
    let params = |params: Value| json!({"params": params, "async": false});
    let sum = call(site, "default/add_them", &params(json!({"a": 1, "b": 2})));
    assert_eq!(result(&sum, 1), json!(3));
    let thing = call(site, "default/one_thing", &params(json!({"id": 2})));
    assert_eq!(result(&thing, 1)["name"], "Banana");
    let names = call(site, "default/names_of", &params(json!({"upto": 2})));
    assert_eq!(
        result(&names, 2),
        json!([{"id": 1, "name": "apple"}, {"id": 2, "name": "Banana"}])
    );
    let none = call(site, "default/names_of", &params(json!({"upto": 0})));
    assert_eq!(result(&none, 0), json!([]));
    let void = call(site, "default/note", &params(json!({"word": "written"})));
    assert_eq!(result(&void, 0), Value::Null);
    // Digits are PostgreSQL's.
    let big = call(site, "default/big", &json!({}));
    assert!(
        big.text().contains("12345678901234567890.10"),
        "{}",
        big.text()
    );
    let bare = site
        .request("POST", "/api/v1/rpc/default/big")
        .header("Content-Type", "application/json")
        .send();
    bare.expect(200);
    let two = [&sum, &thing].map(|answer| answer.json()["execution_id"].clone());
    assert_ne!(two[0], two[1]);
}

fn identity(site: &Site) {
    let said = call(site, "default/whoami", &json!({}));
    assert_eq!(result(&said, 1), "ann@example.com authenticated");
    let visitor = site.post("/api/v1/rpc/default/whoami", &json!({})).send();
    assert_eq!(result(&visitor, 1), Value::Null);
    site.post("/api/v1/rpc/default/whoami", &json!({}))
        .bearer("x.y.z")
        .send()
        .refused(401, "INVALID_TOKEN");
}

fn failing(site: &Site) {
    let refusal = call(site, "default/refuses", &json!({}));
    refusal.refused(400, "VALIDATION_FAILED");
    assert!(!refusal.text().contains("top-secret"));
    let left = site
        .get("/api/v1/tables/ledger?note=eq.x")
        .bearer(&site.database.fixture.ann.token)
        .send();
    assert_eq!(left.expect(200), json!([]));
}

fn namespaces(site: &Site) {
    assert_eq!(result(&call(site, "tools/one", &json!({})), 1), json!(1));
    assert_eq!(
        result(
            &call(site, "public/add_them", &json!({"params": {"a": 1}})),
            1
        ),
        json!(11)
    );
    call(site, "default/one", &json!({})).refused(404, "NOT_FOUND");
    call(site, "nowhere/one", &json!({})).refused(404, "NOT_FOUND");
    call(site, "auth/uid", &json!({})).refused(404, "NOT_FOUND");
    call(site, "private/one", &json!({})).refused(404, "NOT_FOUND");
    // Served, and closed to this role.
    call(site, "hidden/one", &json!({})).refused(403, "RLS_POLICY_VIOLATION");
}

fn refused(site: &Site) {
    call(site, "default/forbidden", &json!({})).refused(403, "RLS_POLICY_VIOLATION");
    site.post("/api/v1/rpc/default/forbidden", &json!({}))
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
    for (body, status, code) in [
        (json!({"params": {"a": "many"}}), 400, "INVALID_INPUT"),
        (json!({"params": {}}), 404, "NOT_FOUND"),
        (json!({"params": {"a": 1, "c": 1}}), 404, "NOT_FOUND"),
        (json!({"params": [1]}), 400, "INVALID_REQUEST_BODY"),
        (json!({"parameters": {"a": 1}}), 400, "INVALID_REQUEST_BODY"),
        (
            json!({"params": {"a": 1}, "async": true}),
            400,
            "NOT_SUPPORTED",
        ),
    ] {
        call(site, "default/add_them", &body).shaped(status, code);
    }
    for method in ["GET", "PUT", "DELETE"] {
        site.request(method, "/api/v1/rpc/default/add_them")
            .send()
            .refused(405, "METHOD_NOT_ALLOWED");
    }
}

fn procedures(site: &Site) {
    let list = |query: &str, token: Option<&str>| {
        let request = site.get(&format!("/api/v1/rpc/procedures{query}"));
        let request = match token {
            Some(token) => request.bearer(token),
            None => request,
        };
        request.send().expect(200)
    };
    let names = |list: &Value| -> Vec<String> {
        let procedures = list["procedures"].as_array().expect("a list");
        assert_eq!(list["count"], procedures.len());
        procedures
            .iter()
            .map(|one| {
                format!(
                    "{}/{}",
                    one["namespace"].as_str().unwrap_or("?"),
                    one["name"].as_str().unwrap_or("?")
                )
            })
            .collect()
    };
    let ann = site.database.fixture.ann.token.as_str();
    let of_ann = list("", Some(ann));
    let mine = names(&of_ann);
    for there in ["default/add_them", "default/for_users", "tools/one"] {
        assert!(mine.contains(&there.to_owned()), "{there}: {mine:?}");
    }
    for absent in ["default/forbidden", "hidden/one", "auth/uid", "private/one"] {
        assert!(!mine.contains(&absent.to_owned()), "{absent}: {mine:?}");
    }
    let visitors = names(&list("", None));
    assert!(visitors.contains(&"default/add_them".to_owned()));
    assert!(
        !visitors
            .iter()
            .any(|name| name == "default/for_users" || name == "tools/one")
    );
    assert_eq!(names(&list("?namespace=tools", Some(ann))), ["tools/one"]);
    assert_eq!(
        names(&list("?namespace=auth", Some(ann))),
        Vec::<String>::new()
    );
    let added = of_ann["procedures"]
        .as_array()
        .and_then(|all| all.iter().find(|one| one["name"] == "add_them"));
    assert_eq!(
        added,
        Some(
            &json!({"namespace": "default", "name": "add_them", "description": "Adds two numbers",
                     "input": "a integer, b integer", "output": "integer"})
        )
    );
}

fn scopes(site: &Site) {
    let user = site.sign_up("rpc-scopes@example.com");
    let key = |scopes: &[&str]| {
        let made = site
            .post(
                "/api/v1/client-keys",
                &json!({"name": "k", "scopes": scopes}),
            )
            .bearer(&user.token)
            .send()
            .expect(201);
        made["key"].as_str().expect("a key").to_owned()
    };
    let call = |key: &str| {
        site.post(
            "/api/v1/rpc/default/note",
            &json!({"params": {"word": "by-key"}}),
        )
        .header("X-Client-Key", key)
        .send()
    };
    let list = |key: &str| {
        site.get("/api/v1/rpc/procedures")
            .header("X-Client-Key", key)
            .send()
    };
    let (reads, calls) = (key(&["read:rpc", "write:tables"]), key(&["execute:rpc"]));
    let body = call(&reads).refused(403, "INSUFFICIENT_PERMISSIONS");
    assert_eq!(body["required_scope"], "execute:rpc");
    list(&reads).expect(200);
    assert_eq!(
        list(&calls).refused(403, "INSUFFICIENT_PERMISSIONS")["required_scope"],
        "read:rpc"
    );
    call(&calls).expect(200);
    let notes = site
        .get("/api/v1/tables/ledger?note=eq.by-key")
        .bearer(&user.token)
        .send();
    assert_eq!(notes.expect(200).as_array().map(Vec::len), Some(1));
}
