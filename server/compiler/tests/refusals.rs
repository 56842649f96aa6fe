//! Requests that are refused, each with what the caller reads, and beside each a twin that is not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions"
)]

mod common;

use fluxbase_compiler::Error;
use fluxbase_compiler::catalog::Catalog;

fn refusal(catalog: &Catalog, request: &str) -> Error {
    match common::Text::read(request).compile(catalog, |_, _| {}) {
        Err(error) => error,
        Ok(statement) => panic!("{request} is not refused but compiles to {}", statement.sql),
    }
}

/// Each line: what is refused, status, code, beginning of the message; then the twin.
fn assert_refused(cases: &[(&str, u16, &str, &str, &str)]) {
    let catalog = common::catalog();
    for (request, status, code, message, twin) in cases {
        let error = refusal(&catalog, request);
        let found = (error.status(), error.code(), error.message());
        assert!(
            found.0 == *status && found.1 == *code && found.2.starts_with(message),
            "{request}: {found:?}"
        );
        if let Err(error) = common::Text::read(twin).compile(&catalog, |_, _| {}) {
            panic!("{twin}, the twin of {request}, is refused: {error}");
        }
    }
}

const INPUT: (u16, &str) = (400, "INVALID_INPUT");

#[test]
fn unknown_tables_are_not_found_and_the_nearest_is_named() {
    assert_refused(&[
        (
            "GET /post",
            404,
            "NOT_FOUND",
            "Unknown table: post",
            "GET /posts",
        ),
        (
            "GET /app/kind",
            404,
            "NOT_FOUND",
            "Unknown table: app.kind",
            "GET /app/kinds",
        ),
        (
            "GET /Posts",
            404,
            "NOT_FOUND",
            "Unknown table: Posts",
            "GET /posts",
        ),
        (
            "GET /kinds",
            404,
            "NOT_FOUND",
            "Unknown table: kinds",
            "GET /app/kinds",
        ),
        (
            "POST /post\n\n{}",
            404,
            "NOT_FOUND",
            "Unknown table: post",
            "POST /posts\n\n{}",
        ),
    ]);
    let catalog = common::catalog();
    for (request, hint) in [
        ("GET /post", Some("did you mean posts?")),
        ("GET /kinds", Some("did you mean app.kinds?")),
        ("GET /app/membres", Some("did you mean app.members?")),
        ("GET /zzzzzzzz", None),
        ("GET /nowhere/posts", Some("did you mean posts?")),
    ] {
        assert_eq!(
            refusal(&catalog, request).hint().as_deref(),
            hint,
            "{request}"
        );
    }
}

/// The catalog behind this test was asked for `auth` and `pg_catalog` too.
#[test]
fn schemas_of_the_system_do_not_exist() {
    for request in [
        "GET /auth/secrets",
        "GET /pg_catalog/pg_class",
        "GET /pg_class",
        "GET /information_schema/tables",
        "GET /pg_toast/pg_toast_2619",
        "DELETE /auth/secrets?id=eq.1",
        "GET /auth/secrets/1",
    ] {
        assert_eq!(
            refusal(&common::catalog(), request).status(),
            404,
            "{request}"
        );
    }
}

#[test]
fn unknown_columns_are_named_wherever_they_stand() {
    let (s, c) = INPUT;
    assert_refused(&[
        (
            "GET /posts?titel=eq.x",
            s,
            c,
            "Unknown column: titel",
            "GET /posts?title=eq.x",
        ),
        (
            "GET /posts?debug=1",
            s,
            c,
            "Unknown column: debug",
            "GET /posts?id=eq.1",
        ),
        (
            "GET /posts?apikey",
            s,
            c,
            "Unknown column: apikey",
            "GET /posts?id=eq.",
        ),
        (
            "GET /posts?select=id,nope",
            s,
            c,
            "Unknown column: nope",
            "GET /posts?select=id,body",
        ),
        (
            "GET /posts?order=nope",
            s,
            c,
            "Unknown column: nope",
            "GET /posts?order=id",
        ),
        (
            "GET /posts?or=(id.eq.1,nope.eq.2)",
            s,
            c,
            "Unknown column: nope",
            "GET /posts?or=(id.eq.1,id.eq.2)",
        ),
        (
            "POST /posts\n\n{\"nope\":1}",
            s,
            c,
            "Unknown column: nope",
            "POST /posts\n\n{\"title\":1}",
        ),
        (
            "POST /posts?select=nope\n\n{}",
            s,
            c,
            "Unknown column: nope",
            "POST /posts?select=id\n\n{}",
        ),
        (
            "POST /posts?columns=nope\n\n[]",
            s,
            c,
            "Unknown column: nope",
            "POST /posts?columns=id\n\n[]",
        ),
        (
            "PATCH /posts?id=eq.1\n\n{\"nope\":1}",
            s,
            c,
            "Unknown column: nope",
            "PATCH /posts?id=eq.1\n\n{\"body\":1}",
        ),
        (
            "DELETE /posts?nope=eq.1",
            s,
            c,
            "Unknown column: nope",
            "DELETE /posts?id=eq.1",
        ),
        (
            "GET /posts?ID=eq.1",
            s,
            c,
            "Unknown column: ID",
            "GET /posts?id=eq.1",
        ),
    ]);
    let hint = refusal(&common::catalog(), "GET /posts?titel=eq.x").hint();
    assert_eq!(hint.as_deref(), Some("did you mean title?"));
}

#[test]
fn unknown_operators_are_refused_and_the_known_ones_listed() {
    let (s, c) = INPUT;
    assert_refused(&[
        (
            "GET /posts?id=equals.1",
            s,
            c,
            "Unknown operator: equals",
            "GET /posts?id=eq.1",
        ),
        (
            "GET /posts?id=5",
            s,
            c,
            "Unknown operator: 5",
            "GET /posts?id=eq.5",
        ),
        (
            "GET /posts?id=",
            s,
            c,
            "Unknown operator: ",
            "GET /posts?title=eq.",
        ),
        (
            "GET /posts?id.foo=5",
            s,
            c,
            "Unknown operator: foo",
            "GET /posts?id.eq=5",
        ),
        (
            "GET /posts?id=EQ.5",
            s,
            c,
            "Unknown operator: EQ",
            "GET /posts?id=eq.5",
        ),
        (
            "GET /posts?id=not.not.eq.5",
            s,
            c,
            "Unknown operator: not",
            "GET /posts?id=not.eq.5",
        ),
        (
            "GET /posts?or=(id.xx.5)",
            s,
            c,
            "Unknown operator: xx",
            "GET /posts?or=(id.eq.5)",
        ),
    ]);
    let hint = refusal(&common::catalog(), "GET /posts?id=equals.1")
        .hint()
        .unwrap();
    assert!(hint.starts_with("accepted: eq neq gt"), "{hint}");
}

#[test]
fn what_is_not_built_is_named_and_never_left_out() {
    let (s, c) = (400, "NOT_SUPPORTED");
    assert_refused(&[
        (
            "GET /posts?select=id,users(name)",
            s,
            c,
            "Embedding another table",
            "GET /posts?select=id",
        ),
        (
            "GET /posts?select=author:users(name)",
            s,
            c,
            "Embedding another table",
            "GET /posts?select=author:user_id",
        ),
        (
            "GET /posts?select=users!posts_user_id_fkey(name)",
            s,
            c,
            "Embedding another table",
            "GET /posts",
        ),
        (
            "GET /posts?select=...users(name)",
            s,
            c,
            "Embedding another table",
            "GET /posts",
        ),
        (
            "GET /posts?select=count(*)",
            s,
            c,
            "An aggregate in select",
            "GET /posts?count=exact",
        ),
        (
            "GET /posts?select=sum(id)",
            s,
            c,
            "An aggregate in select",
            "GET /posts?select=id",
        ),
        (
            "GET /posts?select=id.sum()",
            s,
            c,
            "An aggregate in select",
            "GET /posts?select=id",
        ),
        (
            "GET /posts?select=id::text",
            s,
            c,
            "A cast in select",
            "GET /posts?select=id",
        ),
        ("GET /posts?group_by=id", s, c, "group_by", "GET /posts"),
        (
            "GET /posts?cursor=x",
            s,
            c,
            "A cursor",
            "GET /posts?offset=1",
        ),
        ("GET /posts?truncate=5", s, c, "truncate", "GET /posts"),
        (
            "GET /posts?count=planned",
            s,
            c,
            "count=planned",
            "GET /posts?count=exact",
        ),
        (
            "GET /posts?count=estimated",
            s,
            c,
            "count=estimated",
            "GET /posts?count=none",
        ),
        (
            "GET /app/kinds?tags=cs.{a}",
            s,
            c,
            "Operator cs",
            "GET /app/kinds?tags=eq.{a}",
        ),
        (
            "GET /posts?title=fts.x",
            s,
            c,
            "Operator fts",
            "GET /posts?title=like.x",
        ),
        (
            "GET /posts?id=eq(any).{1,2}",
            s,
            c,
            "A modifier of an operator",
            "GET /posts?id=in.(1,2)",
        ),
        (
            "GET /posts?users.name=eq.x",
            s,
            c,
            "A filter on an embedded table",
            "GET /posts?id.eq=1",
        ),
        (
            "GET /posts?order=users(name)",
            s,
            c,
            "Ordering by another table",
            "GET /posts?order=id",
        ),
        (
            "POST /posts?on_conflict=id\n\n{}",
            s,
            c,
            "Upsert",
            "POST /posts\n\n{}",
        ),
        (
            "POST /posts\nPrefer: resolution=merge-duplicates\n\n{}",
            s,
            c,
            "Upsert",
            "POST /posts\nPrefer: return=minimal\n\n{}",
        ),
        (
            "PATCH /posts?id=eq.1\nPrefer: max-affected=1\n\n{\"body\":1}",
            s,
            c,
            "Prefer: max-affected",
            "PATCH /posts?id=eq.1\n\n{\"body\":1}",
        ),
    ]);
}

#[test]
fn changing_every_row_needs_a_filter() {
    let (s, c) = INPUT;
    assert_refused(&[
        (
            "DELETE /posts",
            s,
            c,
            "DELETE needs at least one filter",
            "DELETE /posts?id=gt.0",
        ),
        (
            "DELETE /posts?",
            s,
            c,
            "DELETE needs at least one filter",
            "DELETE /posts?id=gt.0",
        ),
        (
            "DELETE /posts?select=id",
            s,
            c,
            "DELETE needs at least one filter",
            "DELETE /posts?select=id&id=eq.1",
        ),
        (
            "PATCH /posts\n\n{\"body\":1}",
            s,
            c,
            "PATCH needs at least one filter",
            "PATCH /posts?id=eq.1\n\n{\"body\":1}",
        ),
        (
            "PUT /posts?id=eq.1\n\n{\"body\":1}",
            s,
            c,
            "PUT needs the key",
            "PUT /public/posts/1\n\n{\"body\":1}",
        ),
        (
            "POST /public/posts/1\n\n{\"body\":1}",
            s,
            c,
            "A row addressed by its key",
            "PATCH /public/posts/1\n\n{\"body\":1}",
        ),
    ]);
}

#[test]
fn parameters_without_a_meaning_for_the_verb_are_refused() {
    let (s, c) = INPUT;
    assert_refused(&[
        (
            "POST /posts?id=eq.1\n\n{}",
            s,
            c,
            "Parameter id has no meaning for POST",
            "POST /posts\n\n{}",
        ),
        (
            "POST /posts?limit=1\n\n{}",
            s,
            c,
            "Parameter limit has no meaning for POST",
            "GET /posts?limit=1",
        ),
        (
            "DELETE /posts?id=gt.1&limit=1",
            s,
            c,
            "Parameter limit",
            "DELETE /posts?id=gt.1",
        ),
        (
            "PATCH /posts?id=gt.1&order=id\n\n{\"body\":1}",
            s,
            c,
            "Parameter order",
            "PATCH /posts?id=gt.1\n\n{\"body\":1}",
        ),
        (
            "GET /posts?columns=id",
            s,
            c,
            "Parameter columns",
            "GET /posts?select=id",
        ),
        (
            "GET /posts?on_conflict=id",
            s,
            c,
            "Parameter on_conflict",
            "GET /posts",
        ),
        (
            "GET /public/posts/1?title=eq.x",
            s,
            c,
            "Parameter title",
            "GET /public/posts/1?select=title",
        ),
        (
            "GET /public/posts/1?limit=1",
            s,
            c,
            "Parameter limit",
            "GET /public/posts/1",
        ),
        (
            "DELETE /public/posts/1?select=id",
            s,
            c,
            "select has no meaning",
            "DELETE /public/posts/1",
        ),
        (
            "DELETE /posts?id=eq.1&select=id\nPrefer: return=minimal",
            s,
            c,
            "select has no meaning",
            "DELETE /posts?id=eq.1\nPrefer: return=minimal",
        ),
        (
            "GET /posts?select=id&select=title",
            s,
            c,
            "Parameter select is given more than once",
            "GET /posts?select=id,title",
        ),
        (
            "GET /posts?limit=1&limit=1",
            s,
            c,
            "Parameter limit is given more than once",
            "GET /posts?limit=1",
        ),
    ]);
}

#[test]
fn malformed_parameters_are_refused() {
    let (s, c) = INPUT;
    let cases: &[(&str, &str)] = &[
        ("select=", "select=*"),
        ("select=id,", "select=id"),
        ("select=id)", "select=id"),
        ("select=a:*", "select=*"),
        ("select=:id", "select=x:id"),
        ("select=%22id", "select=%22id%22"),
        ("order=", "order=id"),
        ("order=id.up", "order=id.desc"),
        ("order=id.asc.desc", "order=id.asc"),
        ("order=id.nullslast.asc", "order=id.asc.nullslast"),
        ("limit=-1", "limit=1"),
        ("limit=1.5", "limit=1"),
        ("limit=%2B1", "limit=1"),
        ("limit=", "limit=0"),
        ("limit=99999999999999999999", "limit=9223372036854775807"),
        ("offset=x", "offset=1"),
        ("count=many", "count=exact"),
        ("id=eq", "id=eq.1"),
        ("id=in.1,2", "id=in.(1,2)"),
        ("id=in.(1,2", "id=in.(1,2)"),
        ("id=in.(1)2)", "id=in.(1)"),
        ("title=in.(%22a)", "title=in.(%22a%22)"),
        ("title=in.(a%22b)", "title=in.(%22a%5C%22b%22)"),
        ("is_public=is.yes", "is_public=is.true"),
        ("or=id.eq.1", "or=(id.eq.1)"),
        ("or=()", "or=(id.eq.1)"),
        ("or=(id.eq.1", "or=(id.eq.1)"),
        ("or=(id.eq.1)x", "or=(id.eq.1)"),
        ("or=(id)", "or=(id.eq.1)"),
        ("or=(title.eq.%22a)", "or=(title.eq.%22a%22)"),
        ("title=eq.%FF", "title=eq.%C3%BC"),
        ("title=eq.a%00", "title=eq.a%01"),
        ("title=eq.%2", "title=eq.%25"),
        ("%ff=eq.1", "id=eq.1"),
        ("=eq.1", "id=eq.1"),
    ];
    for (refused, twin) in cases {
        let [refused, twin] = [refused, twin].map(|query| format!("GET /posts?{query}"));
        assert_refused(&[(&refused, s, c, "", &twin)]);
    }
}

#[test]
fn operators_are_judged_against_the_type_of_the_column() {
    let (s, c) = INPUT;
    assert_refused(&[
        (
            "GET /posts?id=like.5*",
            s,
            c,
            "Operator like does not apply to column id",
            "GET /posts?title=like.5*",
        ),
        (
            "GET /app/kinds?raw=eq.1",
            s,
            c,
            "Operator eq does not apply to column raw",
            "GET /app/kinds?meta=eq.1",
        ),
        (
            "GET /app/kinds?raw->a=eq.1",
            s,
            c,
            "Operator eq does not apply to column raw",
            "GET /app/kinds?raw->>a=eq.1",
        ),
        (
            "GET /app/kinds?raw=in.(1)",
            s,
            c,
            "Operator in does not apply to column raw",
            "GET /app/kinds?raw->>a=in.(1)",
        ),
        (
            "GET /app/kinds?tags=in.(a)",
            s,
            c,
            "Operator in does not apply to column tags",
            "GET /app/kinds?code=in.(a)",
        ),
        (
            "GET /app/kinds?code=is.true",
            s,
            c,
            "Operator is does not apply to column code",
            "GET /app/kinds?flag=is.true",
        ),
        (
            "GET /app/kinds?meta->a=like.x",
            s,
            c,
            "Operator like does not apply to column meta",
            "GET /app/kinds?meta->>a=like.x",
        ),
        (
            "GET /app/kinds?order=raw",
            s,
            c,
            "Column raw cannot be ordered by",
            "GET /app/kinds?order=raw->>a",
        ),
        (
            "GET /posts?title->>a=eq.1",
            s,
            c,
            "Column title is not JSON",
            "GET /app/kinds?meta->>a=eq.1",
        ),
        (
            "GET /posts?select=title->a",
            s,
            c,
            "Column title is not JSON",
            "GET /app/kinds?select=meta->a",
        ),
        (
            "GET /app/kinds?meta->>a->b=eq.1",
            s,
            c,
            "Cannot read parameter filter: ->> ends a path",
            "GET /app/kinds?meta->a->>b=eq.1",
        ),
        (
            "GET /app/kinds?meta->=eq.1",
            s,
            c,
            "Cannot read parameter filter",
            "GET /app/kinds?meta->a=eq.1",
        ),
        (
            "GET /app/kinds?select=meta->3000000000",
            s,
            c,
            "Cannot read parameter select",
            "GET /app/kinds?select=meta->3",
        ),
    ]);
}

#[test]
fn two_values_under_one_name_are_refused() {
    let (s, c) = INPUT;
    assert_refused(&[
        (
            "GET /posts?select=id,id:title",
            s,
            c,
            "The name id would stand twice",
            "GET /posts?select=id,id",
        ),
        (
            "GET /app/kinds?select=meta->a,raw->a",
            s,
            c,
            "The name a would stand twice",
            "GET /app/kinds?select=meta->a,b:raw->a",
        ),
        (
            "GET /posts?select=*,title:body",
            s,
            c,
            "The name title would stand twice",
            "GET /posts?select=*,title",
        ),
    ]);
}

#[test]
fn relations_that_cannot_be_written_refuse_the_verb() {
    let (s, c) = (405, "METHOD_NOT_ALLOWED");
    assert_refused(&[
        (
            "POST /post_counts\n\n{\"posts\":1}",
            s,
            c,
            "post_counts cannot be written with insert",
            "GET /post_counts",
        ),
        (
            "PATCH /daily?posts=eq.1\n\n{\"posts\":1}",
            s,
            c,
            "daily cannot be written with update",
            "GET /daily",
        ),
        (
            "DELETE /app/inbox?id=eq.1",
            s,
            c,
            "app.inbox cannot be written with delete",
            "POST /app/inbox\n\n{\"id\":1}",
        ),
        (
            "DELETE /post_counts?posts=eq.1",
            s,
            c,
            "post_counts cannot be written with delete",
            "DELETE /public_posts?id=eq.1",
        ),
    ]);
}

#[test]
fn columns_that_postgresql_fills_are_not_written() {
    let (s, c) = INPUT;
    assert_refused(&[
        (
            "POST /app/kinds\n\n{\"id\":1}",
            s,
            c,
            "Column id is generated",
            "POST /posts\n\n{\"id\":1}",
        ),
        (
            "POST /app/kinds\n\n{\"doubled\":1}",
            s,
            c,
            "Column doubled is generated",
            "POST /app/kinds\n\n{\"amount\":1}",
        ),
        (
            "PATCH /app/kinds?id=eq.1\n\n{\"id\":null}",
            s,
            c,
            "Column id is generated",
            "PATCH /app/kinds?id=eq.1\n\n{\"code\":null}",
        ),
    ]);
}

#[test]
fn rows_are_addressed_by_a_key_of_one_column_only() {
    let (s, c) = INPUT;
    assert_refused(&[
        (
            "GET /app/members/1",
            s,
            c,
            "app.members has no primary key of a single column",
            "GET /app/members?team=eq.1",
        ),
        (
            "GET /public/daily/1",
            s,
            c,
            "daily has no primary key of a single column",
            "GET /public/posts/1",
        ),
        (
            "DELETE /app/members/1",
            s,
            c,
            "app.members has no primary key",
            "DELETE /app/kinds/1",
        ),
    ]);
}

#[test]
fn bodies_that_are_no_rows_are_refused() {
    let (s, c) = (400, "INVALID_REQUEST_BODY");
    let cases: &[(&str, &str)] = &[
        ("", "The body is not valid JSON (line 1, column 0)"),
        ("{", "The body is not valid JSON"),
        (
            "{\"title\":1}x",
            "The body is not valid JSON (line 1, column 12)",
        ),
        (
            "{'title':1}",
            "The body is not valid JSON (line 1, column 2)",
        ),
        ("{\"title\":\"\\ud800\"}", "The body is not valid JSON"),
        ("{\"title\":01}", "The body is not valid JSON"),
        ("1", "The body must be an object or an array of objects"),
        ("\"x\"", "The body must be an object or an array of objects"),
        ("null", "The body must be an object or an array of objects"),
        ("true", "The body must be an object or an array of objects"),
        ("-1.5", "The body must be an object or an array of objects"),
        ("[1]", "The body must be an object or an array of objects"),
        (
            "[null]",
            "The body must be an object or an array of objects",
        ),
        ("[[]]", "The body must be an object or an array of objects"),
        (
            "[{},\"x\"]",
            "The body must be an object or an array of objects",
        ),
        (
            "{\"title\":1,\"title\":2}",
            "The key title stands twice in one object",
        ),
        (
            "{\"title\":1,\"t\\u0069tle\":2}",
            "The key title stands twice in one object",
        ),
        (
            "[{\"title\":1},{\"title\":1,\"title\":2}]",
            "The key title stands twice in one object",
        ),
        (
            "{\"title\":{\"a\":1,\"a\":2}}",
            "The key a stands twice in one object",
        ),
        (
            "{\"title\":\"a\\u0000b\"}",
            "The body holds a NUL character",
        ),
        ("{\"title\\u0000\":1}", "The body holds a NUL character"),
        (
            "{\"title\":[{\"\\u0000\":1}]}",
            "The body holds a NUL character",
        ),
    ];
    for (body, message) in cases {
        assert_refused(&[(
            &format!("POST /posts\n\n{body}"),
            s,
            c,
            message,
            "POST /posts\n\n[{\"title\":1}]",
        )]);
    }
    assert_refused(&[
        (
            "PATCH /posts?id=eq.1\n\n[{\"body\":1}]",
            s,
            c,
            "The body must be an object",
            "PATCH /posts?id=eq.1\n\n{\"body\":1}",
        ),
        (
            "PATCH /posts?id=eq.1\n\n{}",
            s,
            c,
            "The body sets no column",
            "PATCH /posts?id=eq.1\n\n{\"body\":null}",
        ),
        (
            "POST /posts?columns=title\n\n{\"body\":1}",
            s,
            c,
            "columns names title",
            "POST /posts?columns=body\n\n{\"body\":1}",
        ),
    ]);
}

#[test]
fn bytes_that_are_no_text_are_no_body() {
    let mut text = common::Text::read("POST /posts\n\n{\"title\":\n\"?\"}");
    let position = text.body.iter().position(|byte| *byte == b'?').unwrap();
    assert!(text.compile(&common::catalog(), |_, _| {}).is_ok());
    text.body[position] = 0xff;
    let error = text.compile(&common::catalog(), |_, _| {}).unwrap_err();
    assert_eq!(
        error.message(),
        "The body is not valid JSON (line 2, column 2)"
    );
}

#[test]
fn deep_bodies_are_refused_and_the_deepest_allowed_is_not() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!("POST /app/kinds\n\n{{\"meta\":{open}{close}}}")
    };
    let message = "The body is nested more than 64 levels deep";
    assert_refused(&[(&nested(65), 400, "JSON_TOO_DEEP", message, &nested(64))]);
    assert_refused(&[(&nested(100_000), 400, "JSON_TOO_DEEP", message, &nested(2))]);
}

#[test]
fn endless_trees_and_lists_are_refused() {
    let tree = |levels: usize| {
        format!(
            "GET /posts?or={}id.eq.1{}",
            "(or".repeat(levels - 1) + "(",
            ")".repeat(levels)
        )
    };
    let list = |count: usize| format!("GET /posts?or=({})", vec!["id.eq.1"; count].join(","));
    let path = |steps: usize| format!("GET /app/kinds?select=meta{}", "->a".repeat(steps));
    let (s, c) = INPUT;
    assert_refused(&[
        (
            &tree(17),
            s,
            c,
            "The nesting of and/or is too long",
            &tree(16),
        ),
        (
            &tree(20_000),
            s,
            c,
            "The nesting of and/or is too long",
            &tree(2),
        ),
        (&list(501), s, c, "The filter is too long", &list(500)),
        (&path(65), s, c, "The JSON path is too long", &path(64)),
    ]);
}

#[test]
fn pages_beyond_the_last_row_served_are_refused() {
    let (s, c) = INPUT;
    assert_refused(&[(
        "GET /posts?offset=10001",
        s,
        c,
        "Offset 10001 is beyond",
        "GET /posts?offset=10000",
    )]);
}

#[test]
fn wide_rows_cannot_be_renamed() {
    let columns: Vec<String> = (0..51).map(|n| format!("c{n}:title")).collect();
    let request = |count: usize| format!("GET /posts?select={}", columns[..count].join(","));
    let (s, c) = INPUT;
    assert_refused(&[(&request(51), s, c, "At most 50 columns", &request(50))]);
}

#[test]
fn too_many_kinds_of_row_are_refused() {
    let names = ["code", "fixed", "mood", "label", "amount", "ratio"];
    let rows = |count: usize| {
        let row = |bits: usize| {
            let keys = names.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1);
            format!(
                "{{{}}}",
                keys.map(|(_, name)| format!("\"{name}\":null"))
                    .collect::<Vec<_>>()
                    .join(",")
            )
        };
        let rows: Vec<String> = (0..count).map(row).collect();
        format!(
            "POST /app/kinds\nPrefer: missing=default\n\n[{}]",
            rows.join(",")
        )
    };
    let message = "The rows give more than 32 different sets of keys";
    assert_refused(&[(&rows(33), 400, "INVALID_REQUEST_BODY", message, &rows(32))]);
}

#[test]
fn messages_do_not_repeat_long_requests() {
    let error = refusal(
        &common::catalog(),
        &format!("GET /posts?{}=eq.1", "x".repeat(10_000)),
    );
    assert!(error.message().len() < 200, "{}", error.message());
}
