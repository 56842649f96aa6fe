//! Well formed, but the catalog disagrees.

use crate::{INPUT, assert_refused, common, refusal};

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

/// PostgreSQL's own list of what is selected ends soon behind; `*` brings the six columns of the table.
#[test]
fn rows_wider_than_postgresql_selects_cannot_be_renamed() {
    let columns: Vec<String> = (0..1599).map(|n| format!("c{n}:title")).collect();
    let request = |count: usize| format!("GET /posts?select=*,{}", columns[..count].join(","));
    let (s, c) = INPUT;
    assert_refused(&[(&request(1595), s, c, "At most 1600 columns", &request(1594))]);
}
