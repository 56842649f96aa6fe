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
    assert_refused(&[(
        "GET /app/kinds?spot=st_within.x",
        s,
        c,
        "Operator st_within",
        "GET /app/kinds?spot=isdistinct.x",
    )]);
}

#[test]
fn a_relation_that_cannot_be_reached_is_refused() {
    let (s, c) = INPUT;
    assert_refused(&[
        (
            "GET /posts?select=id,app(x)",
            s,
            c,
            "No relationship between posts and app is known",
            "GET /posts?select=id,users(name)",
        ),
        (
            "GET /posts?select=id,user(nme)",
            s,
            c,
            "Unknown column: nme",
            "GET /posts?select=id,user(name)",
        ),
        (
            "GET /posts?select=users!nobody(name)",
            s,
            c,
            "No relationship to users is known by nobody",
            "GET /posts?select=users!posts_user_id_fkey(name)",
        ),
        (
            "GET /posts?select=id&users.name=eq.x",
            s,
            c,
            "users is not an embedded relation",
            "GET /posts?select=id,users(name)&users.name=eq.x",
        ),
        (
            "GET /posts?select=id,users(name)&order=people(name)",
            s,
            c,
            "people is not an embedded relation",
            "GET /posts?select=id,users(name)&order=users(name)",
        ),
        (
            "GET /users?select=id,posts(id)&order=posts(id)",
            s,
            c,
            "Cannot order by posts",
            "GET /users?select=id,posts(id)&order=id",
        ),
        (
            "GET /posts?select=...users()",
            s,
            c,
            "Spreading users needs columns",
            "GET /posts?select=id,users()",
        ),
        (
            "GET /posts?select=id,users(name",
            s,
            c,
            "Cannot read parameter select: a comma or a closing parenthesis",
            "GET /posts?select=id,users(name)",
        ),
        (
            "GET /posts?select=id,users!inner!left(name)",
            s,
            c,
            "Cannot read parameter select: !inner and !left exclude",
            "GET /posts?select=id,users!inner(name)",
        ),
    ]);
}

#[test]
fn relations_inside_relations_have_an_end() {
    let nested = |depth: usize| {
        let (mut select, mut close) = (String::new(), String::new());
        for level in 0..depth {
            select.push_str(if level % 2 == 0 { "users(" } else { "posts(" });
            close.push(')');
        }
        format!("GET /posts?select={select}id{close}")
    };
    let (fits, too_deep) = (nested(10), nested(11));
    let wide = |count: usize| {
        let many: Vec<String> = (0..count).map(|n| format!("a{n}:users(name)")).collect();
        format!("GET /posts?select={}", many.join(","))
    };
    let (s, c) = INPUT;
    assert_refused(&[
        (
            &too_deep,
            s,
            c,
            "The nesting of relations is too long",
            &fits,
        ),
        (
            &wide(65),
            s,
            c,
            "The nesting of relations is too long",
            &wide(40),
        ),
    ]);
}

#[test]
fn operators_are_held_to_the_type() {
    let (s, c) = INPUT;
    assert_refused(&[
        (
            "GET /app/kinds?code=cs.x",
            s,
            c,
            "Operator cs does not apply to column code",
            "GET /app/kinds?tags=cs.{x}",
        ),
        (
            "GET /app/kinds?meta=ov.x",
            s,
            c,
            "Operator ov does not apply to column meta",
            "GET /app/kinds?period=ov.x",
        ),
        (
            "GET /app/kinds?tags=sl.x",
            s,
            c,
            "Operator sl does not apply to column tags",
            "GET /app/kinds?period=sl.x",
        ),
        (
            "GET /app/kinds?id=match.x",
            s,
            c,
            "Operator match does not apply to column id",
            "GET /app/kinds?code=match.x",
        ),
        (
            "GET /app/kinds?id=fts.x",
            s,
            c,
            "Operator fts does not apply to column id",
            "GET /app/kinds?code=fts.x",
        ),
        (
            "GET /posts?id=eq(some).{1}",
            s,
            c,
            "Cannot read parameter id: the modifier is any or all",
            "GET /posts?id=eq(any).{1}",
        ),
        (
            "GET /posts?id=in(any).(1)",
            s,
            c,
            "Cannot read parameter id: this operator takes no modifier",
            "GET /posts?id=in.(1)",
        ),
        (
            "GET /posts?select=id::no_such_type",
            s,
            c,
            "Unknown type: no_such_type",
            "GET /posts?select=id",
        ),
        (
            "GET /posts?select=id.median()",
            s,
            c,
            "Cannot read parameter select: count(), sum(), avg(), min() or max()",
            "GET /posts?select=id.sum()",
        ),
    ]);
}

#[test]
fn pages_that_would_lose_rows_are_refused() {
    let (s, c) = INPUT;
    assert_refused(&[
        (
            "GET /posts?cursor=5&cursor_column=title",
            s,
            c,
            "Pages cannot go by title",
            "GET /posts?cursor=5&cursor_column=id",
        ),
        (
            "GET /posts?cursor=5&order=title",
            s,
            c,
            "With a cursor on id the order must begin with that column",
            "GET /posts?cursor=5&order=id.desc,title",
        ),
        (
            "GET /posts?cursor_column=id",
            s,
            c,
            "cursor_column needs cursor",
            "GET /posts?cursor=1&cursor_column=id",
        ),
        (
            "GET /app/inbox?cursor=5",
            s,
            c,
            "app.inbox has no primary key of a single column",
            "GET /app/inbox?offset=5",
        ),
        (
            "GET /rest/v1/posts?cursor=5",
            s,
            c,
            "Unknown column: cursor",
            "GET /rest/v1/posts?offset=5",
        ),
    ]);
}

#[test]
fn writes_that_do_not_say_what_they_mean_are_refused() {
    let (s, c) = INPUT;
    assert_refused(&[
        (
            "POST /users?on_conflict=email\n\n{\"email\":\"a\"}",
            s,
            c,
            "on_conflict needs Prefer",
            "POST /users?on_conflict=email\nPrefer: resolution=ignore-duplicates\n\n{\"email\":\"a\"}",
        ),
        (
            "PATCH /rest/v1/posts?id=gt.1&limit=5\n\n{\"title\":\"a\"}",
            s,
            c,
            "A limited write needs both limit and order",
            "PATCH /rest/v1/posts?id=gt.1&limit=5&order=id\n\n{\"title\":\"a\"}",
        ),
        (
            "DELETE /rest/v1/posts",
            s,
            c,
            "DELETE needs at least one filter",
            "DELETE /rest/v1/posts?id=eq.1",
        ),
        (
            "PUT /rest/v1/users?email=eq.a\n\n{\"id\":\"1\",\"email\":\"a\",\"name\":\"b\"}",
            s,
            c,
            "The filters of PUT must be the primary key",
            "PUT /rest/v1/users?id=eq.1\n\n{\"id\":\"1\",\"email\":\"a\",\"name\":\"b\"}",
        ),
        (
            "PUT /rest/v1/users?id=eq.1&limit=1\n\n{\"id\":\"1\",\"email\":\"a\",\"name\":\"b\"}",
            s,
            c,
            "limit and offset have no meaning for PUT",
            "PUT /rest/v1/users?id=eq.1\n\n{\"id\":\"1\",\"email\":\"a\",\"name\":\"b\"}",
        ),
        (
            "PUT /rest/v1/users?id=eq.1&order=id\n\n{\"id\":\"1\",\"email\":\"a\",\"name\":\"b\"}",
            s,
            c,
            "Parameter order has no meaning for PUT",
            "PUT /rest/v1/users?id=eq.1\n\n{\"id\":\"1\",\"email\":\"a\",\"name\":\"b\"}",
        ),
        (
            "PUT /rest/v1/users?id=eq.1\n\n{\"id\":\"1\",\"email\":\"a\"}",
            s,
            c,
            "PUT must give every column; name is missing",
            "PUT /rest/v1/users?id=eq.1\n\n{\"id\":\"1\",\"email\":\"a\",\"name\":\"b\"}",
        ),
        (
            "POST /app/inbox\nPrefer: resolution=merge-duplicates\n\n{\"id\":1}",
            s,
            c,
            "app.inbox has no primary key",
            "POST /app/inbox\nPrefer: resolution=ignore-duplicates\n\n{\"id\":1}",
        ),
        (
            "GET /rest/v1/posts\nAccept: image/png",
            406,
            c,
            "None of these media types can be answered: image/png",
            "GET /rest/v1/posts\nAccept: text/csv",
        ),
        // It takes whole rows, of one table, and has to be called as a media type is.
        (
            "GET /rest/v1/posts?select=id,title\nAccept: text/x-posts",
            s,
            "NOT_SUPPORTED",
            "A media type that is made of whole rows, of chosen columns is not supported",
            "GET /rest/v1/posts?select=*\nAccept: text/x-posts",
        ),
        (
            "GET /rest/v1/posts?select=*,users(name)\nAccept: text/x-posts",
            s,
            "NOT_SUPPORTED",
            "A media type that is made of whole rows, of chosen columns is not supported",
            "GET /rest/v1/posts?select=*,users!inner()\nAccept: text/x-posts",
        ),
        (
            "GET /rest/v1/comments\nAccept: text/x-posts",
            406,
            c,
            "None of these media types can be answered: text/x-posts",
            "GET /rest/v1/posts\nAccept: text/x-posts",
        ),
        (
            "GET /rest/v1/posts\nAccept: rows of posts",
            406,
            c,
            "None of these media types can be answered: rows of posts",
            "GET /rest/v1/posts\nAccept: text/x-posts",
        ),
        // PostGIS is not there.
        (
            "GET /rest/v1/posts\nAccept: application/geo+json",
            406,
            c,
            "None of these media types can be answered: application/geo+json",
            "GET /rest/v1/posts\nAccept: application/json",
        ),
        (
            "POST /rest/v1/posts\nContent-Type: image/png\n\nx",
            415,
            c,
            "A body of this type cannot be read: image/png",
            "POST /rest/v1/posts\nContent-Type: application/json\n\n{}",
        ),
        (
            "GET /rest/v1/posts\nRange: 5-2",
            s,
            c,
            "Cannot read Range: 5-2",
            "GET /rest/v1/posts\nRange: 2-5",
        ),
        (
            "GET /rest/v1/posts\nAccept: text/plain",
            s,
            c,
            "A body of this media type takes exactly one column",
            "GET /rest/v1/posts?select=title\nAccept: text/plain",
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
