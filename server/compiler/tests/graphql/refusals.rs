//! What the rules of GraphQL allow and this crate does not: filters that would mean more than they say, writes without
//! one, pages beyond the last row.

use fluxbase_compiler::graphql::{Code, Request};

use crate::common::graphql::{Api, said};

/// Each row: what is refused, with what message, and its allowed twin.
#[track_caller]
fn refused(rows: &[(&str, &str, &str)]) {
    let api = Api::recorded();
    for (refused, message, allowed) in rows {
        let refusal = api
            .query(refused)
            .map(|compiled| compiled.statements)
            .unwrap_err();
        let [error] = refusal.errors.as_slice() else {
            panic!("{refused}")
        };
        assert_eq!(
            (error.code, error.message.as_str()),
            (Code::ValidationFailed, *message),
            "{refused}"
        );
        assert_eq!(error.path.len(), 1, "{refused}");
        assert!(!error.locations.is_empty(), "{refused}");
        assert_eq!(api.refused(allowed), [], "{allowed}");
    }
}

/// 1. A client leaves out what it filters by. 2. Every row the caller can reach is changed or gone.
#[test]
fn a_write_whose_filter_every_row_satisfies_is_refused() {
    let delete = |filter: &str| format!("mutation {{ deleteManyPosts(filter: {filter}) }}");
    let update = |filter: &str| {
        format!("mutation {{ updateManyPosts(filter: {filter}, data: {{title: \"a\"}}) {{ id }} }}")
    };
    for filter in [
        "{}",
        "{_and: []}",
        "{_and: [{}, {_and: {}}]}",
        "{user: {}, _and: {}}",
        "{comments_every: {}}",
    ] {
        let there = filter.contains("user");
        for (query, name) in [
            (delete(filter), "deleteManyPosts"),
            (update(filter), "updateManyPosts"),
        ] {
            let message = format!("{name} needs a filter that is not empty");
            let expected = if there {
                vec![]
            } else {
                vec![(Code::ValidationFailed, message)]
            };
            assert_eq!(Api::recorded().refused(&query), expected, "{query}");
        }
    }
    assert_eq!(Api::recorded().refused(&delete("{id_in: []}")), []);
}

/// 1. The filter's only condition is a variable. 2. The client forgets to send it: the condition is not there.
#[test]
fn a_condition_whose_variable_is_absent_does_not_empty_the_filter() {
    let api = Api::recorded();
    let query = "mutation M($id: BigInt) { deleteManyPosts(filter: {id_eq: $id}) }";
    let needs = "deleteManyPosts needs a filter that is not empty".to_owned();
    assert_eq!(
        said(api.variables(query, "{}")),
        [(Code::ValidationFailed, needs)]
    );
    let null =
        "A condition cannot be null; whether a value is there is asked with _is_null".to_owned();
    assert_eq!(
        said(api.variables(query, "{\"id\": null}")),
        [(Code::ValidationFailed, null)]
    );
    assert_eq!(said(api.variables(query, "{\"id\": 5}")), []);
}

#[test]
fn a_condition_is_never_left_out() {
    let null = "A condition cannot be null; whether a value is there is asked with _is_null";
    refused(&[
        (
            "{ posts(filter: {title_eq: null}) { id } }",
            null,
            "{ posts(filter: {title_is_null: true}) { id } }",
        ),
        (
            "{ posts(filter: {title_in: null}) { id } }",
            null,
            "{ posts(filter: {title_in: []}) { id } }",
        ),
        (
            "{ posts(filter: {title_is_null: null}) { id } }",
            null,
            "{ posts(filter: {title_is_null: false}) { id } }",
        ),
        (
            "{ posts(filter: {_and: null}) { id } }",
            null,
            "{ posts(filter: {_and: []}) { id } }",
        ),
        (
            "{ posts(filter: {_not: null}) { id } }",
            null,
            "{ posts(filter: {_not: {id_eq: 1}}) { id } }",
        ),
        (
            "{ posts(filter: {user: null}) { id } }",
            null,
            "{ posts(filter: {user: {}}) { id } }",
        ),
        (
            "{ users(filter: {posts_some: null}) { id } }",
            null,
            "{ users(filter: {posts_some: {}}) { id } }",
        ),
        (
            "{ posts(filter: {_or: []}) { id } }",
            "_or needs at least one filter",
            "{ posts(filter: {_or: [{id_eq: 1}]}) { id } }",
        ),
        (
            "{ posts(filter: {_or: [{id_eq: 1}, {}]}) { id } }",
            "_or holds an empty filter, which every row satisfies",
            "{ posts(filter: {_or: [{id_eq: 1}, {id_eq: 2}]}) { id } }",
        ),
        (
            "{ posts(filter: {_not: {}}) { id } }",
            "_not holds an empty filter, which every row satisfies",
            "{ posts(filter: {_not: {_not: {id_eq: 1}}}) { id } }",
        ),
        (
            "{ posts { comments(filter: {id_eq: null}) { id } } }",
            null,
            "{ posts { comments(filter: {id_eq: 1}) { id } } }",
        ),
    ]);
    assert_eq!(
        Api::recorded()
            .refused("{ posts(filter: null, orderBy: null, limit: null, offset: null) { id } }"),
        []
    );
}

#[test]
fn an_order_that_says_nothing_is_refused() {
    refused(&[(
        "{ posts(orderBy: {title: null}) { id } }",
        "title needs a direction to order by",
        "{ posts(orderBy: {title: ASC}) { id } }",
    )]);
}

#[test]
fn pages_are_within_bounds() {
    refused(&[
        (
            "{ posts(limit: -1) { id } }",
            "limit must not be negative",
            "{ posts(limit: 0) { id } }",
        ),
        (
            "{ posts(offset: -1) { id } }",
            "offset must not be negative",
            "{ posts(offset: 0) { id } }",
        ),
        (
            "{ posts(offset: 10001) { id } }",
            "Offset 10001 is beyond the last row served (10000)",
            "{ posts(offset: 10000) { id } }",
        ),
    ]);
}

#[test]
fn an_update_sets_something() {
    refused(&[(
        "mutation { updatePosts(id: 1, data: {}) { id } }",
        "data sets no column",
        "mutation { updatePosts(id: 1, data: {title: null}) { id } }",
    )]);
}

#[test]
fn generated_columns_take_no_value() {
    let api = Api::recorded();
    for field in ["doubled: 1", "id: 1"] {
        let query = format!("mutation {{ insertAppKinds(data: {{{field}}}) {{ id }} }}");
        let name = field.split(':').next().unwrap();
        let message = format!("Field \"{name}\" is not defined by type \"AppKindsInput\".");
        let said = api.refused(&query);
        assert!(said[0].1.starts_with(&message), "{said:?}");
    }
    assert_eq!(
        api.refused("mutation { insertAppKinds(data: {amount: 1}) { id doubled } }"),
        []
    );
}

/// 1. A page of another site has the browser GET an address. 2. GET changes nothing.
#[test]
fn a_mutation_over_get_is_refused() {
    let api = Api::recorded();
    let get = |query| Request {
        may_write: false,
        ..Request::new(query)
    };
    let write = "mutation { deletePosts(id: 1) { id } }";
    let message = "A mutation needs POST".to_owned();
    assert_eq!(said(api.compile(&get(write))), [(Code::NeedsPost, message)]);
    assert_eq!(said(api.compile(&Request::new(write))), []);
    assert_eq!(said(api.compile(&get("{ posts { id } }"))), []);
    // What runs counts, not what else stands there.
    let both = Request {
        operation: Some("R"),
        ..get("query R { posts { id } } mutation W { deletePosts(id: 1) { id } }")
    };
    assert_eq!(said(api.compile(&both)), []);
}

/// A query cannot write whatever it calls: its transaction is READ ONLY.
#[test]
fn a_query_is_read_only() {
    use fluxbase_compiler::plan::Access;
    let api = Api::recorded();
    let access = |query: &str| api.query(query).unwrap().statements[0].access;
    assert_eq!(access("{ posts { excerpt } }"), Access::ReadOnly);
    assert_eq!(
        access("mutation { deleteManyPosts(filter: {id_eq: 1}) }"),
        Access::ReadWrite
    );
}

#[test]
fn insert_many_takes_no_more_kinds_of_row_than_one_statement_can_hold() {
    let columns = ["code", "fixed", "mood", "label", "amount", "ratio"];
    let rows = |count: usize| {
        let row = |bits: usize| {
            let given = columns
                .iter()
                .enumerate()
                .filter(|(place, _)| bits >> place & 1 == 1);
            let given: Vec<String> = given.map(|(_, name)| format!("{name}: null")).collect();
            format!("{{{}}}", given.join(", "))
        };
        let rows: Vec<String> = (0..count).map(row).collect();
        format!(
            "mutation {{ insertManyAppKinds(data: [{}]) {{ id }} }}",
            rows.join(", ")
        )
    };
    refused(&[(
        &rows(33),
        "The rows give more than 32 different sets of columns",
        &rows(32),
    )]);
}

#[test]
fn views_that_take_no_write_have_no_mutations() {
    let api = Api::recorded();
    for name in ["insertDaily", "updateManyPostCounts", "deleteManyDaily"] {
        let query = format!("mutation {{ {name}(filter: {{}}) }}");
        assert!(
            api.refused(&query)[0].1.starts_with("Cannot query field"),
            "{name}"
        );
    }
    assert_eq!(
        api.refused("mutation { insertAppInbox(data: {id: 1}) { id } }"),
        []
    );
}

#[test]
fn a_page_of_a_connection_has_one_end() {
    refused(&[
        (
            "{ postsConnection(first: 1, last: 1) { totalCount } }",
            "first and last exclude each other",
            "{ postsConnection(first: 1) { totalCount } }",
        ),
        (
            "{ postsConnection(last: -1) { totalCount } }",
            "last must not be negative",
            "{ postsConnection(last: 0) { totalCount } }",
        ),
        (
            "{ postsConnection(orderBy: {user: {name: ASC}}) { totalCount } }",
            "A connection is ordered by its own rows only",
            "{ postsConnection(orderBy: {title: ASC}) { totalCount } }",
        ),
        (
            "{ postsConnection { edges { a: node { id } b: node { id } } } }",
            "node can be asked for under one name only",
            "{ postsConnection { a: edges { node { id } } b: edges { node { id } } } }",
        ),
    ]);
}

/// 1. A cursor is made up, or is of another order. 2. It names no place in these rows.
#[test]
fn a_cursor_of_nothing_is_refused() {
    let query = |cursor: &str| {
        format!(
            "{{ postsConnection(after: \"{cursor}\", orderBy: {{title: ASC}}) {{ totalCount }} }}"
        )
    };
    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    let good = query(&hex("[\"a\",\"1\"]"));
    for cursor in [
        "",
        "zz",
        "5",
        "ü",
        &hex("[\"a\"]"),
        &hex("[\"a\",\"1\",\"2\"]"),
        &hex("[\"a\",1]"),
        &hex("{}"),
        &hex("[\"a\",\"\\u0000\"]"),
        &"5b".repeat(5_000),
    ] {
        refused(&[(&query(cursor), "after is no cursor of this order", &good)]);
    }
}

/// A connection costs what the list it is would cost.
#[test]
fn a_connection_is_as_expensive_as_its_rows() {
    let mut api = Api::recorded();
    api.options.limits.max_complexity = 100;
    // 10 for the list, and for each row: edges, node and four fields.
    assert_eq!(
        api.refused("{ postsConnection(last: 15) { edges { node { id title body a: id } } } }"),
        []
    );
    assert_eq!(
        api.refused("{ postsConnection(first: 16) { edges { node { id title body a: id } } } }"),
        [(
            Code::ComplexityLimit,
            "query complexity 106 exceeds maximum of 100".to_owned()
        )]
    );
}
