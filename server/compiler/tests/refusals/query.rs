//! Query strings and preferences that cannot be read, mean nothing, or are not built.

use crate::{INPUT, assert_refused, common, refusal};

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
fn messages_do_not_repeat_long_requests() {
    let error = refusal(
        &common::catalog(),
        &format!("GET /posts?{}=eq.1", "x".repeat(10_000)),
    );
    assert!(error.message().len() < 200, "{}", error.message());
}
