//! The rules of the specification: what breaks each, and beside it what does not.

use fluxbase_compiler::graphql::{Code, Location, Options};

use crate::common::graphql::{Api, said};

/// Each row: what is refused, with what message, and its allowed twin.
#[track_caller]
fn rule(rows: &[(&str, &str, &str)]) {
    let api = Api::recorded();
    for (refused, message, allowed) in rows {
        assert_eq!(
            api.refused(refused),
            [(Code::ValidationFailed, (*message).to_owned())],
            "{refused}"
        );
        assert_eq!(api.refused(allowed), [], "{allowed}");
    }
}

#[test]
fn executable_definitions() {
    rule(&[(
        "{ _health } type Posts { id: Int }",
        "A definition of a type is not executable.",
        "{ _health }",
    )]);
}

#[test]
fn unique_operation_names() {
    let api = Api::recorded();
    let said = api
        .query("query A { _health } query A { _health }")
        .unwrap_err();
    assert_eq!(
        said.errors[0].message,
        "The document holds more than one operation; operationName says which"
    );
    let request = |query| fluxbase_compiler::graphql::Request {
        operation: Some("A"),
        ..fluxbase_compiler::graphql::Request::new(query)
    };
    let refusal = api
        .compile(&request("query A { _health } query A { _health }"))
        .unwrap_err();
    assert_eq!(
        refusal.errors[0].message,
        "There can be only one operation named \"A\"."
    );
    assert_eq!(
        refusal.errors[0].locations,
        [
            Location { line: 1, column: 7 },
            Location {
                line: 1,
                column: 27
            }
        ]
    );
    assert!(
        api.compile(&request("query A { _health } query B { _health }"))
            .is_ok()
    );
    let refusal = api.compile(&request("query B { _health }")).unwrap_err();
    assert_eq!(refusal.errors[0].message, "Unknown operation named \"A\".");
}

#[test]
fn lone_anonymous_operation() {
    let api = Api::recorded();
    let request = |query| fluxbase_compiler::graphql::Request {
        operation: Some("A"),
        ..fluxbase_compiler::graphql::Request::new(query)
    };
    assert_eq!(
        said(api.compile(&request("{ _health } query A { _health }"))),
        [(
            Code::ValidationFailed,
            "This anonymous operation must be the only defined operation.".to_owned()
        )]
    );
    assert_eq!(
        said(api.compile(&request("query B { _health } query A { _health }"))),
        []
    );
}

#[test]
fn operation_types() {
    rule(&[(
        "subscription { posts { id } }",
        "Schema is not configured to execute subscription operation.",
        "query { posts { id } }",
    )]);
}

#[test]
fn known_type_names() {
    rule(&[
        (
            "query Q($x: Strng) { posts(filter: {title_eq: $x}) { id } }",
            "Unknown type \"Strng\".",
            "query Q($x: String = \"a\") { posts(filter: {title_eq: $x}) { id } }",
        ),
        (
            "{ posts { ... on Post { id } } }",
            "Unknown type \"Post\". Did you mean \"Posts\"?",
            "{ posts { ... on Posts { id } } }",
        ),
    ]);
}

#[test]
fn fragments_on_composite_types() {
    rule(&[(
        "{ posts { ... on UUID { id } } }",
        "Fragment cannot condition on non composite type \"UUID\".",
        "{ posts { ... on Posts { id } } }",
    )]);
}

#[test]
fn variables_are_input_types() {
    rule(&[(
        "query Q($x: Posts) { posts(filter: $x) { id } }",
        "Variable \"$x\" cannot be non-input type \"Posts\".",
        "query Q($x: PostsFilter = {}) { posts(filter: $x) { id } }",
    )]);
}

#[test]
fn scalar_leafs() {
    rule(&[
        (
            "{ posts }",
            "Field \"posts\" of type \"[Posts!]!\" must have a selection of subfields. Did you mean \"posts { ... }\"?",
            "{ posts { id } }",
        ),
        (
            "{ posts { title { length } } }",
            "Field \"title\" must not have a selection since type \"String!\" has no subfields.",
            "{ posts { title } }",
        ),
    ]);
}

#[test]
fn fields_on_correct_type() {
    rule(&[
        (
            "{ posts { tilte } }",
            "Cannot query field \"tilte\" on type \"Posts\". Did you mean \"title\"?",
            "{ posts { title } }",
        ),
        (
            "{ secrets { id } }",
            "Cannot query field \"secrets\" on type \"Query\".",
            "{ users { id } }",
        ),
        (
            "mutation { posts { id } }",
            "Cannot query field \"posts\" on type \"Mutation\".",
            "mutation { deletePosts(id: 1) { id } }",
        ),
        (
            "mutation { insertDaily(data: {}) { day } }",
            "Cannot query field \"insertDaily\" on type \"Mutation\".",
            "mutation { insertAppInbox(data: {}) { id } }",
        ),
    ]);
}

#[test]
fn unique_fragment_names() {
    rule(&[(
        "{ posts { ...A } } fragment A on Posts { id } fragment A on Posts { title }",
        "There can be only one fragment named \"A\".",
        "{ posts { ...A ...B } } fragment A on Posts { id } fragment B on Posts { title }",
    )]);
}

#[test]
fn known_fragment_names() {
    rule(&[(
        "{ posts { id ...A } }",
        "Unknown fragment \"A\".",
        "{ posts { id ...A } } fragment A on Posts { id }",
    )]);
}

#[test]
fn no_unused_fragments() {
    rule(&[(
        "{ posts { ...B } } fragment A on Posts { ...B } fragment B on Posts { id }",
        "Fragment \"A\" is never used.",
        "{ posts { ...A } } fragment A on Posts { ...B } fragment B on Posts { id }",
    )]);
}

#[test]
fn possible_fragment_spreads() {
    rule(&[
        (
            "{ posts { ... on Users { id } } }",
            "Fragment cannot be spread here as objects of type \"Posts\" can never be of type \"Users\".",
            "{ posts { user { ... on Users { id } } } }",
        ),
        (
            "{ posts { ...A } } fragment A on Users { id }",
            "Fragment \"A\" cannot be spread here as objects of type \"Posts\" can never be of type \"Users\".",
            "{ users { ...A } } fragment A on Users { id }",
        ),
    ]);
}

#[test]
fn unique_variable_names() {
    rule(&[(
        "query Q($a: Int = 1, $a: Int = 2) { posts(limit: $a) { id } }",
        "There can be only one variable named \"$a\".",
        "query Q($a: Int = 1, $b: Int = 2) { posts(limit: $a, offset: $b) { id } }",
    )]);
}

#[test]
fn no_undefined_variables() {
    rule(&[
        (
            "query Q { posts(limit: $a) { id } }",
            "Variable \"$a\" is not defined by operation \"Q\".",
            "query Q($a: Int) { posts(limit: $a) { id } }",
        ),
        (
            "query Q { posts { ...A } } fragment A on Posts { id @include(if: $a) }",
            "Variable \"$a\" is not defined by operation \"Q\".",
            "query Q($a: Boolean = true) { posts { ...A } } fragment A on Posts { id @include(if: $a) }",
        ),
    ]);
}

#[test]
fn no_unused_variables() {
    rule(&[(
        "query Q($a: Int) { posts { id } }",
        "Variable \"$a\" is never used in operation \"Q\".",
        "query Q($a: Int) { posts(limit: $a) { id } }",
    )]);
}

#[test]
fn known_directives() {
    rule(&[
        (
            "{ _health @cached }",
            "Unknown directive \"@cached\".",
            "{ _health @skip(if: false) }",
        ),
        (
            "query @skip(if: true) { _health }",
            "Directive \"@skip\" may not be used on QUERY.",
            "query { _health @skip(if: true) }",
        ),
        (
            "query Q($a: Int @include(if: true)) { posts(limit: $a) { id } }",
            "Directive \"@include\" may not be used on VARIABLE_DEFINITION.",
            "query Q($a: Int) { posts(limit: $a) @include(if: true) { id } }",
        ),
    ]);
}

#[test]
fn unique_directives_per_location() {
    rule(&[(
        "{ _health @skip(if: false) @skip(if: false) }",
        "The directive \"@skip\" can only be used once at this location.",
        "{ _health @skip(if: false) @include(if: true) }",
    )]);
}

#[test]
fn known_argument_names() {
    rule(&[
        (
            "{ posts(limt: 1) { id } }",
            "Unknown argument \"limt\" on field \"Query.posts\". Did you mean \"limit\"?",
            "{ posts(limit: 1) { id } }",
        ),
        (
            "{ posts { title(upper: true) } }",
            "Unknown argument \"upper\" on field \"Posts.title\".",
            "{ posts { title } }",
        ),
        (
            "{ _health @include(if: true, unless: false) }",
            "Unknown argument \"unless\" on directive \"@include\".",
            "{ _health @include(if: true) }",
        ),
    ]);
}

#[test]
fn unique_argument_names() {
    rule(&[(
        "{ posts(limit: 1, limit: 2) { id } }",
        "There can be only one argument named \"limit\".",
        "{ posts(limit: 1, offset: 2) { id } }",
    )]);
}

#[test]
fn values_of_correct_type() {
    let refused = |value: &str| format!("{{ posts(offset: {value}) {{ id }} }}");
    let api = Api::recorded();
    for (value, message) in [
        ("\"a\"", "Int cannot represent non-integer value: \"a\""),
        ("1.5", "Int cannot represent non-integer value: 1.5"),
        (
            "2147483648",
            "Int cannot represent non 32-bit signed integer value: 2147483648",
        ),
        ("true", "Int cannot represent non-integer value: true"),
        ("ASC", "Int cannot represent non-integer value: ASC"),
    ] {
        assert_eq!(
            api.refused(&refused(value)),
            [(Code::ValidationFailed, message.to_owned())]
        );
    }
    assert_eq!(api.refused(&refused("10000")), []);
    rule(&[
        (
            "{ post(id: 9223372036854775808) { id } }",
            "BigInt cannot represent anything but a whole number of 64 bits, as a number or as a string of digits; got 9223372036854775808",
            "{ post(id: 9223372036854775807) { id } }",
        ),
        (
            "{ post(id: null) { id } }",
            "Expected value of type \"BigInt!\", found null.",
            "{ post(id: \"-5\") { id } }",
        ),
        (
            "{ user(id: \"me\") { id } }",
            "UUID cannot represent anything but a UUID; got \"me\"",
            "{ user(id: \"5D1F6F3E-8a2f-4a37-9a40-2f5f5a0f2b10\") { id } }",
        ),
        (
            "{ posts(orderBy: {title: UP}) { id } }",
            "Value \"UP\" does not exist in \"PostsOrderDirection\" enum.",
            "{ posts(orderBy: {title: DESC}) { id } }",
        ),
        (
            "{ posts(orderBy: {title: \"ASC\"}) { id } }",
            "Enum \"PostsOrderDirection\" cannot represent non-enum value: \"ASC\".",
            "{ posts(orderBy: [{title: ASC}]) { id } }",
        ),
        (
            "{ posts(filter: {title: \"a\"}) { id } }",
            "Field \"title\" is not defined by type \"PostsFilter\".",
            "{ posts(filter: {title_eq: \"a\"}) { id } }",
        ),
        (
            "{ posts(filter: 5) { id } }",
            "Expected value of type \"PostsFilter\", found 5.",
            "{ posts(filter: {}) { id } }",
        ),
        (
            "{ posts(filter: {_or: [null]}) { id } }",
            "Expected value of type \"PostsFilter!\", found null.",
            "{ posts(filter: {_or: {id_eq: 1}}) { id } }",
        ),
        (
            "{ appKinds(filter: {amount_gt: 1e400}) { id } }",
            "Float cannot represent non numeric value: 1e400",
            "{ appKinds(filter: {amount_gt: 1e300}) { id } }",
        ),
        (
            "query Q($a: Int = \"a\") { posts(limit: $a) { id } }",
            "Int cannot represent non-integer value: \"a\"",
            "query Q($a: Int = 5) { posts(limit: $a) { id } }",
        ),
        (
            "{ posts(filter: {title_eq: \"a\\u0000\"}) { id } }",
            "String cannot hold a NUL character",
            "{ posts(filter: {title_eq: \"a\\u0001\"}) { id } }",
        ),
    ]);
}

#[test]
fn unique_input_field_names() {
    rule(&[(
        "{ posts(filter: {id_eq: 1, id_eq: 2}) { id } }",
        "There can be only one input field named \"id_eq\".",
        "{ posts(filter: {id_eq: 1, id_neq: 2}) { id } }",
    )]);
}

#[test]
fn provided_required_arguments() {
    rule(&[
        (
            "{ post { id } }",
            "Field \"Query.post\" argument \"id\" of type \"BigInt!\" is required, but it was not provided.",
            "{ post(id: 1) { id } }",
        ),
        (
            "{ _health @include }",
            "Directive \"@include\" argument \"if\" of type \"Boolean!\" is required, but it was not provided.",
            "{ _health @include(if: true) }",
        ),
    ]);
}

#[test]
fn variables_in_allowed_position() {
    let api = Api::recorded();
    for (query, variables, message) in [
        (
            "query Q($a: BigInt) { post(id: $a) { id } }",
            "{\"a\": 1}",
            "Variable \"$a\" of type \"BigInt\" used in position expecting type \"BigInt!\".",
        ),
        (
            "query Q($a: String) { posts(limit: $a) { id } }",
            "{\"a\": \"1\"}",
            "Variable \"$a\" of type \"String\" used in position expecting type \"Int\".",
        ),
        (
            "query Q($a: [UUID]) { posts(filter: {userId_in: $a}) { id } }",
            "{\"a\": []}",
            "Variable \"$a\" of type \"[UUID]\" used in position expecting type \"[UUID!]\".",
        ),
        (
            "query Q($a: UUID) { posts(filter: {userId_in: [$a]}) { id } }",
            "{\"a\": null}",
            "Variable \"$a\" of type \"UUID\" used in position expecting type \"UUID!\".",
        ),
    ] {
        assert_eq!(
            said(api.variables(query, variables)),
            [(Code::ValidationFailed, message.to_owned())]
        );
    }
    for (query, variables) in [
        ("query Q($a: BigInt!) { post(id: $a) { id } }", "{\"a\": 1}"),
        ("query Q($a: BigInt = 1) { post(id: $a) { id } }", "{}"),
        (
            "query Q($a: Int!) { posts(limit: $a) { id } }",
            "{\"a\": 1}",
        ),
        (
            "query Q($a: [UUID!]!) { posts(filter: {userId_in: $a}) { id } }",
            "{\"a\": []}",
        ),
    ] {
        assert_eq!(said(api.variables(query, variables)), []);
    }
    // A default stands in for nothing, and not for null.
    assert_eq!(
        said(api.variables(
            "query Q($a: BigInt = 1) { post(id: $a) { id } }",
            "{\"a\": null}"
        )),
        [(
            Code::ValidationFailed,
            "Variable \"$a\" must not be null where \"BigInt!\" is expected.".to_owned()
        )]
    );
}

#[test]
fn overlapping_fields_can_be_merged() {
    let advice = "Use different aliases on the fields to fetch both if this was intentional.";
    let different = format!(
        "Fields \"a\" conflict because \"id\" and \"title\" are different fields. {advice}"
    );
    let arguments =
        format!("Fields \"posts\" conflict because they have differing arguments. {advice}");
    rule(&[
        (
            "{ posts { a: id a: title } }",
            &different,
            "{ posts { a: id b: title a: id } }",
        ),
        (
            "{ posts(limit: 1) { id } posts(limit: 2) { id } }",
            &arguments,
            "{ posts(limit: 1, offset: 2) { id } posts(offset: 2, limit: 1) { title } }",
        ),
        (
            "{ posts { id } posts(limit: 2) { id } }",
            &arguments,
            "{ posts { id } more: posts(limit: 2) { id } }",
        ),
    ]);
    // Far apart, each in a fragment of its own.
    rule(&[(
        "{ posts { ...F ...G } } fragment F on Posts { user { posts { a: id } } } fragment G on Posts { user { posts { a: title } } }",
        &different,
        "{ posts { ...F ...G } } fragment F on Posts { user { posts { a: id } } } fragment G on Posts { user { posts { b: title } } }",
    )]);
}

#[test]
fn variables_are_coerced_exactly() {
    let api = Api::recorded();
    let query =
        "query Q($filter: PostsFilter!, $n: Int) { posts(filter: $filter, offset: $n) { id } }";
    for (variables, message) in [
        (
            "{}",
            "Variable \"$filter\" of required type \"PostsFilter!\" was not provided.",
        ),
        (
            "{\"filter\": null}",
            "Variable \"$filter\" got an invalid value: Expected \"PostsFilter!\" not to be null.",
        ),
        (
            "{\"filter\": {\"id_eq\": \"x\"}}",
            "Variable \"$filter.id_eq\" got an invalid value: BigInt cannot represent anything but a whole number of 64 bits, as a number or as a string of digits; got \"x\"",
        ),
        (
            "{\"filter\": {\"_or\": [{\"nothing\": 1}]}}",
            "Variable \"$filter._or[0]\" got an invalid value: Field \"nothing\" is not defined by type \"PostsFilter\".",
        ),
        (
            "{\"filter\": {}, \"n\": 1.5}",
            "Variable \"$n\" got an invalid value: Int cannot represent non-integer value: 1.5",
        ),
        (
            "{\"filter\": {}, \"n\": \"1\"}",
            "Variable \"$n\" got an invalid value: Int cannot represent non-integer value: \"1\"",
        ),
        (
            "{\"filter\": {}, \"n\": 9007199254740993}",
            "Variable \"$n\" got an invalid value: Int cannot represent non 32-bit signed integer value: 9007199254740993",
        ),
        (
            "{\"filter\": {}, \"filter\": {}}",
            "Cannot read the variables. The key filter stands twice in one object",
        ),
        ("[]", "The variables must be an object"),
        (
            "{",
            "Cannot read the variables. The body is not valid JSON (line 1, column 1)",
        ),
    ] {
        let said = said(api.variables(query, variables));
        assert_eq!(
            said,
            [(Code::ValidationFailed, message.to_owned())],
            "{variables}"
        );
    }
    assert_eq!(
        said(api.variables(query, "{\"filter\": {}, \"n\": 5.0, \"unused\": 1}")),
        []
    );
}

#[test]
fn syntax_errors_have_their_place() {
    let api = Api::recorded();
    for (query, line, column) in [
        ("{", 1, 2),
        ("{ posts { id }\n  ]", 2, 3),
        ("query ($a: ) { a }", 1, 12),
        ("{ é: posts { id } }", 1, 3),
        ("{ a(b: 01) }", 1, 8),
    ] {
        let refusal = api.query(query).unwrap_err();
        assert_eq!(refusal.errors.len(), 1);
        assert_eq!(refusal.errors[0].code, Code::ParseFailed, "{query}");
        assert_eq!(
            refusal.errors[0].locations,
            [Location { line, column }],
            "{query}"
        );
    }
    for empty in ["", "   ", "# nothing", "fragment A on Posts { id }"] {
        assert!(api.query(empty).is_err(), "{empty:?}");
    }
}

#[test]
fn a_refusal_is_listed_with_its_place_and_its_code() {
    let refusal = Api::recorded().query("{\r\n  nothing }").unwrap_err();
    assert_eq!(
        refusal.listed(),
        serde_json::json!([{
            "message": "Cannot query field \"nothing\" on type \"Query\".",
            "locations": [{"line": 2, "column": 3}],
            "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
        }])
    );
}

/// 1. Introspection is off. 2. A slip of the pen is asked for on purpose, to be told what there is.
#[test]
fn without_introspection_no_name_is_suggested() {
    let api = Api::with(Options {
        introspection: false,
        ..Options::default()
    });
    for query in [
        "{ post { id } pots { id } }",
        "{ posts { tilte } }",
        "{ posts(limt: 1) { id } }",
        "{ posts(filter: {tite_eq: 1}) { id } }",
        "{ posts { ... on Post { id } } }",
        "{ posts(orderBy: {title: DES}) { id } }",
    ] {
        let body = api.query(query).unwrap_err().listed().to_string();
        assert!(!body.contains("Did you mean"), "{query}: {body}");
        let told = Api::recorded()
            .query(query)
            .unwrap_err()
            .listed()
            .to_string();
        assert!(told.contains("Did you mean"), "{query}: {told}");
    }
}

#[test]
fn introspection_is_blocked_on_every_way_when_it_is_off() {
    let api = Api::with(Options {
        introspection: false,
        ..Options::default()
    });
    for query in [
        "{ __schema { types { name } } }",
        "{ a: __schema { queryType { name } } }",
        "{ __type(name: \"Posts\") { name } }",
        "{ ... { __schema { queryType { name } } } }",
        "{ ...A } fragment A on Query { ... on Query { __type(name: \"Posts\") { name } } }",
        "query Q($yes: Boolean = false) { __schema @include(if: $yes) { queryType { name } } _health }",
        "{ __schema { nothing } nothing }",
    ] {
        let refusal = api.query(query).unwrap_err();
        assert!(!refusal.errors.is_empty());
        for error in refusal.errors {
            assert_eq!(error.code, Code::IntrospectionDisabled, "{query}");
        }
    }
    // What every client asks for is no introspection.
    assert_eq!(api.refused("{ __typename posts { __typename } }"), []);
}
