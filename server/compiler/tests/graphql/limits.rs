//! What an operation may cost. Each refusal has beside it what is just allowed, and none takes longer than an honest
//! request.

use std::time::Instant;

use fluxbase_compiler::graphql::{Code, Limits, Options, Request};

use crate::common::graphql::{Api, said};

fn api(change: impl FnOnce(&mut Limits)) -> Api {
    let mut options = Options::default();
    change(&mut options.limits);
    Api::with(options)
}

/// Refused with this alone, and in time.
#[track_caller]
fn refused(api: &Api, query: &str, code: Code, message: &str) {
    refused_with(api, query, "{}", code, message);
}

#[track_caller]
fn refused_with(api: &Api, query: &str, variables: &str, code: Code, message: &str) {
    in_time(|| {
        let said = said(api.variables(query, variables));
        assert_eq!(said, [(code, message.to_owned())]);
    });
}

/// Twenty times what the release build may take, at the best of three: this one is not optimised, and shares its
/// processor.
#[track_caller]
fn in_time(mut act: impl FnMut()) {
    let mut times = [(); 3].map(|()| {
        let start = Instant::now();
        act();
        start.elapsed()
    });
    times.sort_unstable();
    assert!(times[0].as_millis() < 100, "took {times:?}");
}

#[track_caller]
fn allowed(api: &Api, query: &str) {
    if let Err(refusal) = api.query(query) {
        panic!("{query:.200} is refused: {}", refusal.listed());
    }
}

/// `posts { user { posts { user … { id } } } }`, this many fields deep.
fn nested(depth: usize) -> String {
    let mut query = String::from("id");
    for level in (1..depth).rev() {
        let field = if level % 2 == 1 {
            "posts(limit: 1)"
        } else {
            "user"
        };
        query = format!("{field} {{ {query} }}");
    }
    format!("{{ {query} }}")
}

#[test]
fn the_example_six_fields_deep_runs_with_ten_and_not_with_five() {
    let example = "{ users(limit: 1) { posts(limit: 1) { comments(limit: 1) { user { posts(limit: 1) { title } } } } } }";
    refused(
        &api(|limits| limits.max_depth = 5),
        example,
        Code::DepthLimit,
        "query depth 6 exceeds maximum allowed depth of 5",
    );
    allowed(&api(|limits| limits.max_depth = 6), example);
    let compiled = api(|_| {}).query(example).unwrap();
    assert_eq!(compiled.statements.len(), 1);
}

#[test]
fn a_query_twelve_fields_deep_is_refused() {
    refused(
        &api(|_| {}),
        &nested(12),
        Code::DepthLimit,
        "query depth 12 exceeds maximum allowed depth of 10",
    );
    allowed(&api(|_| {}), &nested(10));
}

/// 1. Each fragment holds one level. 2. Spread into each other they are as deep as if they were written out.
#[test]
fn depth_through_fragments_is_counted() {
    let query = |levels: usize| {
        let mut text = String::from("{ ...F0 }");
        for level in 0..levels {
            let (on, field) = match level {
                0 => ("Query", "posts(limit: 1)"),
                odd if odd % 2 == 1 => ("Posts", "user"),
                _ => ("Users", "posts(limit: 1)"),
            };
            let inner = match level + 1 == levels {
                true => "id".to_owned(),
                false => format!("...F{}", level + 1),
            };
            text.push_str(&format!(
                " fragment F{level} on {on} {{ {field} {{ {inner} }} }}"
            ));
        }
        text
    };
    refused(
        &api(|_| {}),
        &query(10),
        Code::DepthLimit,
        "query depth 11 exceeds maximum allowed depth of 10",
    );
    allowed(&api(|_| {}), &query(9));
}

#[test]
fn inline_fragments_hide_no_depth_and_add_none() {
    let api = api(|limits| limits.max_depth = 3);
    refused(
        &api,
        "{ posts { ... on Posts { user { ... { posts { id } } } } } }",
        Code::DepthLimit,
        "query depth 4 exceeds maximum allowed depth of 3",
    );
    allowed(
        &api,
        "{ posts { ... on Posts { ... { ... { user { id } } } } } }",
    );
}

#[test]
fn braces_a_hundred_thousand_deep_do_not_overflow_the_stack() {
    let deep = |levels: usize| format!("{}id{}", "{posts".repeat(levels), "}".repeat(levels));
    let api = api(|limits| limits.max_bytes = 1_000_000);
    refused(
        &api,
        &deep(100_000),
        Code::ParseFailed,
        "the document has more than 5000 tokens",
    );
    refused(
        &api,
        &deep(1_000),
        Code::ParseFailed,
        "the document is nested more than 200 levels deep",
    );
    refused(
        &api,
        &deep(150),
        Code::DepthLimit,
        "query depth 150 exceeds maximum allowed depth of 10",
    );
    let values = |levels: usize| {
        format!(
            "{{ posts(filter: {}{}) {{ id }} }}",
            "[".repeat(levels),
            "]".repeat(levels)
        )
    };
    refused(
        &api,
        &values(2_000),
        Code::ParseFailed,
        "the document is nested more than 200 levels deep",
    );
    assert_eq!(api.refused(&values(100)).len(), 1);
}

/// 1. A chain of fragments, each spread inside many inline ones. 2. No set of them is deep; all together would take
///    whoever follows them down beyond the end of the stack.
#[test]
fn a_chain_of_fragments_does_not_overflow_the_stack() {
    let query = |fragments: usize| {
        let mut text = String::from("{ ...F0 }");
        for fragment in 0..fragments {
            let inner = match fragment + 1 == fragments {
                true => "_health".to_owned(),
                false => format!("...F{}", fragment + 1),
            };
            let (open, close) = ("...{".repeat(90), "}".repeat(90));
            text.push_str(&format!(
                " fragment F{fragment} on Query {{ {open}{inner}{close} }}"
            ));
        }
        text
    };
    let api = api(|_| {});
    let too_deep = "the document is nested more than 500 levels deep";
    refused(&api, &query(15), Code::DepthLimit, too_deep);
    refused(&api, &query(6), Code::DepthLimit, too_deep);
    allowed(&api, &query(5));
}

#[test]
fn complexity_is_the_sum_of_what_lists_multiply() {
    let api = api(|limits| limits.max_complexity = 1_210);
    // 10 for the users, 10 × 10 for their posts, 10 × 10 × 10 for the comments, 10 × 10 × 10 for each field of them.
    refused(
        &api,
        "{ users { posts { comments { body } } } }",
        Code::ComplexityLimit,
        "query complexity 2110 exceeds maximum of 1210",
    );
    // The same with one comment each: 10 + 100 + 1000 + 100.
    allowed(&api, "{ users { posts { comments(limit: 1) { body } } } }");
    refused(
        &api,
        "{ users { posts { comments(limit: 1) { body id } } } }",
        Code::ComplexityLimit,
        "query complexity 1310 exceeds maximum of 1210",
    );
}

/// 1. `series` ends in an s and is no list, `days` neither: the schema says what is one.
#[test]
fn a_list_is_what_the_schema_says_is_one() {
    let api = api(|limits| limits.max_complexity = 30);
    // 10 + 10 × (1 + 1): a row of another table is one row.
    allowed(&api, "{ posts { user { id } } }");
    refused(
        &api,
        "{ posts { user { id name } } }",
        Code::ComplexityLimit,
        "query complexity 40 exceeds maximum of 30",
    );
}

#[test]
fn a_limit_in_a_variable_counts_like_one_in_the_document() {
    let api = api(|limits| limits.max_complexity = 110);
    let query = "query Q($n: Int = 10) { users(limit: $n) { id name } }";
    assert_eq!(said(api.variables(query, "{\"n\": 50}")).len(), 0);
    refused_with(
        &api,
        query,
        "{\"n\": 51}",
        Code::ComplexityLimit,
        "query complexity 112 exceeds maximum of 110",
    );
    let query = "query Q($n: Int = 51) { users(limit: $n) { id name } }";
    refused(
        &api,
        query,
        Code::ComplexityLimit,
        "query complexity 112 exceeds maximum of 110",
    );
    assert_eq!(said(api.variables(query, "{\"n\": 5}")).len(), 0);
}

/// 1. `limit: 0` would make what is below cost nothing, `limit: -1` less. 2. Each counts as one.
#[test]
fn a_limit_of_nothing_makes_nothing_free() {
    let api = api(|limits| limits.max_complexity = 12);
    let below = |limit: &str| format!("{{ users(limit: {limit}) {{ id name email }} }}");
    let message = "query complexity 13 exceeds maximum of 12";
    for limit in ["0", "1", "-1"] {
        let limit = below(limit);
        let message = if limit.contains('-') {
            "query complexity 40 exceeds maximum of 12"
        } else {
            message
        };
        refused(&api, &limit, Code::ComplexityLimit, message);
    }
    allowed(&api, "{ users(limit: 0) { id name } }");
}

#[test]
fn a_limit_above_the_page_counts_as_the_page() {
    let api = api(|limits| limits.max_complexity = 1_010);
    allowed(&api, "{ users(limit: 1000000) { id } }");
    refused(
        &api,
        "{ users(limit: 1000000) { id name } }",
        Code::ComplexityLimit,
        "query complexity 2010 exceeds maximum of 1010",
    );
}

#[test]
fn a_mutation_costs_ten_more() {
    let api = api(|limits| limits.max_complexity = 12);
    allowed(&api, "mutation { deletePosts(id: 1) { id } }");
    refused(
        &api,
        "mutation { deletePosts(id: 1) { id title } }",
        Code::ComplexityLimit,
        "query complexity 13 exceeds maximum of 12",
    );
}

/// 1. Each fragment spreads the next one ten times under ten names. 2. Thirty of them are 10^30 fields.
#[test]
fn fragments_that_multiply_are_counted_without_being_expanded() {
    let query = |fragments: usize| {
        let mut text = String::from("{ posts(limit: 1) { ...F0 } }");
        for fragment in 0..fragments {
            let inner = match fragment + 1 == fragments {
                true => "id".to_owned(),
                false => format!("...F{}", fragment + 1),
            };
            let fields: Vec<String> = (0..10)
                .map(|n| format!("a{n}: sameAuthor(limit: 1) {{ {inner} }}"))
                .collect();
            text.push_str(&format!(
                " fragment F{fragment} on Posts {{ {} }}",
                fields.join(" ")
            ));
        }
        text
    };
    let api = api(|_| {});
    let message = format!("query alias count {} exceeds maximum of 100", u64::MAX);
    refused(&api, &query(30), Code::ComplexityLimit, &message);
    // What is counted too is not only the aliases.
    let api = self::api(|limits| limits.max_aliases = u64::MAX);
    let message = "query depth 32 exceeds maximum allowed depth of 10";
    refused(&api, &query(30), Code::DepthLimit, message);
    refused(
        &api,
        &query(7),
        Code::ComplexityLimit,
        "query selection count 22222222 exceeds maximum of 10000",
    );
    let api = self::api(|limits| limits.max_aliases = 110);
    refused(
        &api,
        &query(2),
        Code::ComplexityLimit,
        "query complexity 1210 exceeds maximum of 1000",
    );
    allowed(&api, &query(1));
}

#[test]
fn a_fragment_within_itself_is_refused() {
    let api = api(|_| {});
    refused(
        &api,
        "{ posts { ...A } } fragment A on Posts { id ...A }",
        Code::ValidationFailed,
        "Cannot spread fragment \"A\" within itself.",
    );
    refused(
        &api,
        "{ posts { ...A } } fragment A on Posts { ...B } fragment B on Posts { user { posts { ...C } } } fragment C on Posts { ...A }",
        Code::ValidationFailed,
        "Cannot spread fragment \"A\" within itself via \"B\", \"C\".",
    );
    // Not even where nobody spreads it.
    refused(
        &api,
        "{ _health } fragment A on Posts { ...B } fragment B on Posts { ...A }",
        Code::ValidationFailed,
        "Cannot spread fragment \"A\" within itself via \"B\".",
    );
    allowed(
        &api,
        "{ posts(limit: 1) { ...A ...B } } fragment A on Posts { ...B } fragment B on Posts { id }",
    );
}

#[test]
fn a_hundred_thousand_aliases_are_refused() {
    let query = |count: usize| {
        let fields: Vec<String> = (0..count).map(|n| format!("a{n}:_health")).collect();
        format!("{{ {} }}", fields.join(" "))
    };
    let api = api(|limits| {
        limits.max_bytes = 10_000_000;
        limits.max_root_fields = 200;
    });
    refused(
        &api,
        &query(100_000),
        Code::ParseFailed,
        "the document has more than 5000 tokens",
    );
    refused(
        &api,
        &query(101),
        Code::ComplexityLimit,
        "query alias count 101 exceeds maximum of 100",
    );
    allowed(&api, &query(100));
}

#[test]
fn root_fields_are_counted_with_those_of_fragments() {
    let api = api(|limits| limits.max_root_fields = 3);
    allowed(
        &api,
        "{ ...R a: _health } fragment R on Query { b: _health c: _health }",
    );
    refused(
        &api,
        "{ ...R a: _health d: _health } fragment R on Query { b: _health c: _health }",
        Code::ComplexityLimit,
        "query root field count 4 exceeds maximum of 3",
    );
}

#[test]
fn a_flood_of_directives_is_refused() {
    let query = |count: usize| format!("{{ _health {} }}", "@a ".repeat(count));
    let api = api(|_| {});
    refused(
        &api,
        &query(101),
        Code::ComplexityLimit,
        "query directive count 101 exceeds maximum of 100",
    );
    // Fewer are judged by the rules, in few words.
    let said = api.refused(&query(100));
    assert_eq!(said.len(), 20);
    assert!(
        said.iter()
            .all(|(_, message)| message == "Unknown directive \"@a\".")
    );
    let include = "a: _health @include(if: true) ";
    allowed(&api, &format!("{{ {} }}", include));
}

#[test]
fn tokens_are_counted_before_the_document_is_read() {
    let api = api(|limits| limits.max_tokens = 7);
    allowed(&api, "{ a: _health , , , }");
    refused(
        &api,
        "{ a: _health b: _health }",
        Code::ParseFailed,
        "the document has more than 7 tokens",
    );
    // Blanks and commas cost the parser the same and end sooner or later too.
    refused(
        &api,
        &format!("{{ _health {} }}", ",".repeat(40)),
        Code::ParseFailed,
        "the document has more than 7 tokens",
    );
}

#[test]
fn a_document_longer_than_any_honest_one_is_not_looked_at() {
    let query = |length: usize| format!("{{_health}}#{}", "x".repeat(length - 10));
    let api = api(|_| {});
    allowed(&api, &query(100_000));
    refused(
        &api,
        &query(100_001),
        Code::ParseFailed,
        "the document is longer than 100000 bytes",
    );
}

#[test]
fn thousands_of_errors_are_twenty() {
    let fields: Vec<String> = (0..1_500).map(|n| format!("nothing{n}")).collect();
    let api = api(|limits| {
        limits.max_root_fields = 10_000;
        limits.max_complexity = 10_000;
    });
    let query = format!("{{ {} }}", fields.join(" "));
    in_time(|| assert_eq!(api.refused(&query).len(), 20));
}

/// 1. Many operations share many fragments. 2. Looking up for each which it reaches must not take their product.
#[test]
fn many_operations_over_many_fragments_are_bounded() {
    let query = |count: usize| {
        let mut text = String::new();
        for n in 0..count {
            let inner = match n + 1 == count {
                true => "_health".to_owned(),
                false => format!("...F{}", n + 1),
            };
            text.push_str(&format!(
                "query Q{n} {{ ...F0 }} fragment F{n} on Query {{ {inner} }} "
            ));
        }
        text
    };
    let api = api(|_| {});
    let run = |text: &str| {
        said(api.compile(&Request {
            operation: Some("Q7"),
            ..Request::new(text)
        }))
    };
    let (many, fewer) = (query(300), query(90));
    in_time(|| {
        let message = "query selection count 90300 exceeds maximum of 10000".to_owned();
        assert_eq!(run(&many), [(Code::ComplexityLimit, message)]);
    });
    in_time(|| assert_eq!(run(&fewer), []));
}

#[test]
fn variables_are_bounded_too() {
    let api = api(|_| {});
    let query = "query Q($f: PostsFilter) { posts(filter: $f) { id } }";
    let deep = |levels: usize| {
        format!(
            "{{\"f\": {}{}{}}}",
            "{\"_not\":".repeat(levels),
            "{\"id_eq\":1}",
            "}".repeat(levels)
        )
    };
    assert_eq!(said(api.variables(query, &deep(50))), []);
    refused_with(
        &api,
        query,
        &deep(100),
        Code::ValidationFailed,
        "Cannot read the variables. The body is nested more than 64 levels deep",
    );
    refused_with(
        &api,
        query,
        &deep(100_000),
        Code::ValidationFailed,
        "Cannot read the variables. The body is nested more than 64 levels deep",
    );
}

/// 1. The document is small and its variable holds as many conditions as the body has room for. 2. Each is a piece of
///    SQL and a parameter.
#[test]
fn conditions_in_variables_are_counted() {
    let api = api(|_| {});
    let query =
        "query Q($f: PostsFilter, $o: [PostsOrderBy!]) { posts(filter: $f, orderBy: $o) { id } }";
    let filter = |count: usize| {
        let any = vec!["{\"id_eq\":1}"; count];
        format!("{{\"f\": {{\"_or\": [{}]}}}}", any.join(","))
    };
    let order =
        |count: usize| format!("{{\"o\": [{}]}}", vec!["{\"id\":\"ASC\"}"; count].join(","));
    let message = "filters and orders hold more than 2000 terms";
    assert_eq!(said(api.variables(query, &filter(1_999))), []);
    refused_with(&api, query, &filter(2_000), Code::ComplexityLimit, message);
    assert_eq!(said(api.variables(query, &order(2_000))), []);
    refused_with(&api, query, &order(2_001), Code::ComplexityLimit, message);
    // A list of values is one condition and one parameter.
    let values: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
    let variables = format!("{{\"f\": {{\"id_in\": [{}]}}}}", values.join(","));
    assert_eq!(said(api.variables(query, &variables)), []);
}

/// 1. One variable of a megabyte stands in twenty fields. 2. Each place takes a copy.
#[test]
fn a_large_variable_in_many_places_is_refused() {
    let api = api(|_| {});
    let query = |count: usize| {
        let fields: Vec<String> = (0..count)
            .map(|n| format!("a{n}: posts(limit: 1, filter: {{title_eq: $t}}) {{ id }}"))
            .collect();
        format!("query Q($t: String!) {{ {} }}", fields.join(" "))
    };
    let variables = format!("{{\"t\": \"{}\"}}", "x".repeat(1_000_000));
    assert_eq!(said(api.variables(&query(8), &variables)), []);
    let message = "the variables are too large for the places they stand in";
    assert_eq!(
        said(api.variables(&query(9), &variables)),
        [(Code::ComplexityLimit, message.to_owned())]
    );
}
