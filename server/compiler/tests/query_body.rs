//! A query in the body means what the same query in the address means; each pair becomes one and the same statement.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code outside test functions"
)]

mod common;

use fluxbase_compiler::Error;
use fluxbase_compiler::plan::{self, Limits};
use fluxbase_compiler::rest::{Dialect, Method, Request, parse, parse_query};
use fluxbase_compiler::sql::{self, Statement};
use proptest::prelude::*;

fn of_body(table: &str, body: &str) -> Result<Statement, Error> {
    let request = Request {
        body: body.as_bytes(),
        ..Request::new(Dialect::Fluxbase, Method::Post, table)
    };
    let ask = parse_query(&request)?;
    let catalog = common::catalog();
    Ok(sql::print(&plan::plan(&ask, &catalog, &Limits::default())?))
}

fn of_address(table: &str, query: &str) -> Result<Statement, Error> {
    let request = Request {
        query,
        ..Request::new(Dialect::Fluxbase, Method::Get, table)
    };
    let ask = parse(&request)?;
    let catalog = common::catalog();
    Ok(sql::print(&plan::plan(&ask, &catalog, &Limits::default())?))
}

fn refusal(body: &str) -> Error {
    match of_body("posts", body) {
        Err(error) => error,
        Ok(statement) => panic!("{body} is not refused but compiles to {}", statement.sql),
    }
}

#[test]
fn a_query_in_the_body_is_the_same_statement_as_in_the_address() {
    for (body, query) in [
        ("{}", ""),
        (r#"{"select":"id,title"}"#, "select=id,title"),
        (r#"{"select":"id,users(name)"}"#, "select=id,users(name)"),
        (r#"{"select":"count(*)"}"#, "select=count(*)"),
        (
            r#"{"select":"count(*),max(created_at)","groupBy":["user_id"]}"#,
            "select=count(*),max(created_at)&group_by=user_id",
        ),
        (
            r#"{"filters":[{"column":"id","operator":"gte","value":3}]}"#,
            "id=gte.3",
        ),
        (
            r#"{"filters":[{"column":"title","operator":"eq","value":"a.b,c"},{"column":"is_public","operator":"eq","value":true}]}"#,
            "title=eq.a.b,c&is_public=eq.true",
        ),
        (
            r#"{"filters":[{"column":"id","operator":"in","value":[1,2]}]}"#,
            "id=in.(1,2)",
        ),
        (
            r#"{"filters":[{"column":"title","operator":"in","value":["a,b","\"c\"",7]}]}"#,
            r#"title=in.("a,b","\"c\"",7)"#,
        ),
        (
            r#"{"filters":[{"column":"id","operator":"nin","value":[]}]}"#,
            "id=nin.()",
        ),
        (
            r#"{"filters":[{"column":"body","operator":"is","value":null}]}"#,
            "body=is.null",
        ),
        (
            r#"{"filters":[{"column":"is_public","operator":"is","value":false}]}"#,
            "is_public=is.false",
        ),
        (
            r#"{"filters":[{"column":"title","operator":"like","value":"a*"}]}"#,
            "title=like.a*",
        ),
        (
            r#"{"filters":[{"column":"title","operator":"plfts","value":"two words"}]}"#,
            "title=plfts.two words",
        ),
        (
            r#"{"filters":[{"column":"title","operator":"fts(english)","value":"a"}]}"#,
            "title=fts(english).a",
        ),
        (
            r#"{"filters":[{"column":"title","operator":"like(any)","value":["a%","b%"]}]}"#,
            r#"title=like(any).{"a%25","b%25"}"#,
        ),
        (
            r#"{"filters":[{"column":"title","operator":"not.eq","value":"a"}]}"#,
            "title=not.eq.a",
        ),
        (
            r#"{"filters":[{"column":"title","operator":"not","value":"eq.a"}]}"#,
            "title=not.eq.a",
        ),
        (
            r#"{"orFilters":["title.eq.x,title.eq.y"],"andFilters":["id.lt.9"]}"#,
            "or=(title.eq.x,title.eq.y)&and=(id.lt.9)",
        ),
        (
            r#"{"orFilters":["(title.eq.x,and(id.gt.1,id.lt.3))"]}"#,
            "or=(title.eq.x,and(id.gt.1,id.lt.3))",
        ),
        (
            r#"{"betweenFilters":[{"column":"id","min":1,"max":5,"negated":false}]}"#,
            "and=(id.gte.1,id.lte.5)",
        ),
        (
            r#"{"betweenFilters":[{"column":"id","min":1,"max":5,"negated":true}]}"#,
            "or=(id.lt.1,id.gt.5)",
        ),
        (
            r#"{"order":[{"column":"title","direction":"desc","nulls":"last"},{"column":"id"}],"limit":10,"offset":20}"#,
            "order=title.desc.nullslast,id&limit=10&offset=20",
        ),
        (
            r#"{"select":"id,users(name)","filters":[{"column":"users.name","operator":"eq","value":"a"}],"order":[{"column":"users(name)"}]}"#,
            "select=id,users(name)&users.name=eq.a&order=users(name)",
        ),
        (r#"{"count":"exact","limit":1}"#, "count=exact&limit=1"),
        (r#"{"limit":null,"select":null}"#, ""),
    ] {
        let (one, other) = (of_body("posts", body), of_address("posts", query));
        assert_eq!(one, other, "{body}");
        assert!(one.is_ok(), "{body}: {one:?}");
    }
}

#[test]
fn arrays_and_objects_stay_what_they_are() {
    let request = |filter: &str| {
        let body = format!(r#"{{"select":"id","filters":[{filter}]}}"#);
        let request = Request {
            schema: Some("app"),
            body: body.as_bytes(),
            ..Request::new(Dialect::Fluxbase, Method::Post, "kinds")
        };
        let ask = parse_query(&request).unwrap();
        let catalog = common::catalog();
        sql::print(&plan::plan(&ask, &catalog, &Limits::default()).unwrap()).params
    };
    assert_eq!(
        request(r#"{"column":"meta","operator":"cs","value":{"a":[1,{"b":null}]}}"#),
        [r#"{"a":[1,{"b":null}]}"#]
    );
    assert_eq!(
        request(r#"{"column":"meta","operator":"cs","value":["a",1]}"#),
        [r#"["a",1]"#]
    );
    assert_eq!(
        request(r#"{"column":"tags","operator":"cs","value":["a","b,c"]}"#),
        [r#"{"a","b,c"}"#]
    );
    assert_eq!(
        request(r#"{"column":"meta->>a","operator":"eq","value":12345678901234567890}"#)
            .last()
            .map(String::as_str),
        Some("12345678901234567890")
    );
}

#[test]
fn what_the_contract_does_not_know_is_refused_by_name() {
    for (body, message) in [
        (
            r#"{"where":[]}"#,
            "The body is no query: unknown field `where`",
        ),
        (
            r#"{"filters":[{"column":"id","op":"eq","value":1}]}"#,
            "The body is no query: unknown field `op`",
        ),
        (
            r#"{"filters":[{"column":"id","operator":"eq"}]}"#,
            "The body is no query: missing field `value`",
        ),
        (
            r#"{"filters":[{"column":"id","operator":"equals","value":1}]}"#,
            "Unknown operator: equals",
        ),
        (
            r#"{"filters":[{"column":"id","operator":"eq.5","value":1}]}"#,
            "Cannot read parameter operator",
        ),
        (
            r#"{"filters":[{"column":"nope","operator":"eq","value":1}]}"#,
            "Unknown column: nope",
        ),
        (
            r#"{"filters":[{"column":"id","operator":"eq","value":null}]}"#,
            "Cannot read parameter id: null is matched by the operator is",
        ),
        (
            r#"{"filters":[{"column":"id","operator":"in","value":5}]}"#,
            "Cannot read parameter id: an array is expected",
        ),
        (
            r#"{"filters":[{"column":"id","operator":"in","value":[1,null]}]}"#,
            "Cannot read parameter id: null is in no list",
        ),
        (
            r#"{"filters":[{"column":"or","operator":"eq","value":1}]}"#,
            "Cannot read parameter column",
        ),
        (
            r#"{"filters":[{"column":"id.eq","operator":"eq","value":1}]}"#,
            "Cannot read parameter column",
        ),
        (
            r#"{"filters":[{"column":"users.id","operator":"eq","value":1}]}"#,
            "users is not an embedded relation",
        ),
        (
            r#"{"order":[{"column":"id.desc"}]}"#,
            "Cannot read parameter order",
        ),
        (
            r#"{"order":[{"column":"id","direction":"down"}]}"#,
            "The body is no query",
        ),
        (
            r#"{"orFilters":["id.eq.1) or (1=1"]}"#,
            "Cannot read parameter or",
        ),
        (r#"{"limit":-1}"#, "The body is no query"),
        (r#"{"limit":1.5}"#, "The body is no query"),
        (r#"{"count":"roughly"}"#, "Cannot read parameter count"),
        (
            r#"{"select":"id","select":"title"}"#,
            "The key select stands twice",
        ),
        (
            r#"{"filters":[{"column":"title","operator":"eq","value":"a\u0000"}]}"#,
            "The body holds a NUL character",
        ),
        ("[]", "The body is no query: an object is expected"),
        (
            r#"{"filters":[["id","eq",1]]}"#,
            "The body is no query: an object is expected",
        ),
        (
            r#"{"order":["id"]}"#,
            "The body is no query: an object is expected",
        ),
        ("", "The body is not valid JSON"),
        ("{", "The body is not valid JSON"),
    ] {
        let error = refusal(body);
        assert!(error.message().starts_with(message), "{body}: {error}");
        assert_eq!(error.status(), 400, "{body}");
    }
    let deep = format!(
        r#"{{"filters":[{{"column":"id","operator":"eq","value":{}1{}}}]}}"#,
        "[".repeat(70),
        "]".repeat(70)
    );
    assert_eq!(refusal(&deep).code(), "JSON_TOO_DEEP");
}

#[test]
fn an_address_beside_the_body_is_refused() {
    let request = Request {
        query: "id=eq.1",
        body: b"{}",
        ..Request::new(Dialect::Fluxbase, Method::Post, "posts")
    };
    let error = parse_query(&request).unwrap_err();
    assert_eq!(
        error.message(),
        "Parameter id has no meaning for a query in the body"
    );
}

#[test]
fn a_body_reads_whatever_it_says() {
    let statement = of_body(
        "posts",
        r#"{"filters":[{"column":"id","operator":"gt","value":0}]}"#,
    );
    let access = statement.unwrap().access;
    assert_eq!(access, fluxbase_compiler::plan::Access::ReadOnly);
}

/// Text that would mean something if it stood in SQL, or in the grammar of an address.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z\"'();,.$*:\\\\ -]{0,24}",
        prop::sample::select(vec![
            "'; drop table posts; --",
            "\") or (\"1\"=\"1",
            "id) or (1=1",
            "$1",
            "*",
            "or",
            "users(id)",
            "id.eq.1",
        ])
        .prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn values_never_change_the_statement(value in hostile(), operator in prop::sample::select(vec!["eq", "neq", "like", "plfts", "not.eq"])) {
        let body = |value: &str| {
            let filter = serde_json::json!({"column": "title", "operator": operator, "value": value});
            serde_json::json!({"filters": [filter]}).to_string()
        };
        let harmless = of_body("posts", &body("harmless")).unwrap();
        match of_body("posts", &body(&value)) {
            Ok(statement) => {
                prop_assert_eq!(statement.sql, harmless.sql);
                let sent = if operator == "like" { value.replace('*', "%") } else { value };
                prop_assert_eq!(statement.params, [sent]);
            }
            // PostgreSQL's text has no NUL.
            Err(error) => prop_assert!(value.contains('\0'), "{}", error),
        }
    }

    #[test]
    fn words_never_reach_the_statement(word in hostile(), hole in 0..7) {
        let body = match hole {
            0 => serde_json::json!({"filters": [{"column": word, "operator": "eq", "value": 1}]}),
            1 => serde_json::json!({"filters": [{"column": "id", "operator": word, "value": 1}]}),
            2 => serde_json::json!({"orFilters": [word]}),
            3 => serde_json::json!({"order": [{"column": word}]}),
            4 => serde_json::json!({"select": word}),
            5 => serde_json::json!({"select": "count(*)", "groupBy": [word]}),
            _ => serde_json::json!({"betweenFilters": [{"column": word, "min": 1, "max": word}]}),
        };
        if let Ok(statement) = of_body("posts", &body.to_string()) {
            let catalog = common::catalog();
            let names = common::tokens::names(&catalog);
            let judged = common::tokens::judge(&statement, &names);
            prop_assert!(judged.is_ok(), "{:?}: {}", judged, statement.sql);
        }
    }
}
