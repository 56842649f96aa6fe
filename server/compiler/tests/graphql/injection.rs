//! The attack: put SQL wherever a GraphQL request has room for text. Whatever comes in, the outcome is an error or
//! statements made of this crate's own words and the names of catalog and schema, with all else in their parameters.
//!
//! `PROPTEST_CASES=100000 cargo test --release -p fluxbase-compiler --test graphql injection` goes on for longer.

use std::collections::HashSet;
use std::sync::OnceLock;

use fluxbase_compiler::graphql::{Compiled, Request};
use proptest::prelude::*;

use crate::common::graphql::{Api, corpus, names};
use crate::hostile::text as hostile_text;

fn database() -> &'static (Api, HashSet<String>) {
    static DATABASE: OnceLock<(Api, HashSet<String>)> = OnceLock::new();
    DATABASE.get_or_init(|| {
        let mut api = Api::recorded();
        api.options.limits.max_complexity = 100_000;
        let names = names(&api);
        (api, names)
    })
}

/// Compiles a request; statements that come out must pass the tokenizer, and come out again when the document is kept.
fn compiled(query: &str, variables: Option<&str>) -> Option<Compiled> {
    let (api, names) = database();
    let request = Request {
        variables,
        ..Request::new(query)
    };
    match api.judged(&request, names) {
        Ok(outcome) => outcome.ok(),
        Err(problem) => panic!("{query} {variables:?}: {problem}"),
    }
}

/// Of the language and the schema.
const KNOWN: &[&str] = &[
    "id",
    "posts",
    "title",
    "users",
    "__typename",
    "__schema",
    "_and",
    "id_eq",
    "filter",
    "on",
    "fragment F on",
    "query",
    "mutation",
    "insertPosts",
    "@include(if: true)",
    "$v",
    "null",
    "true",
];

fn hostile() -> impl Strategy<Value = String> {
    hostile_text(KNOWN)
}

/// Values of a request, each in a place of its own.
const VALUES: [&str; 12] = [
    "{ posts(filter: {title_eq: $}) { id } }",
    "{ posts(filter: {title_in: [$, \"a\"]}) { id } }",
    "{ posts(filter: {_or: [{title_ilike: $}, {user: {name_eq: $}}]}) { id } }",
    "{ posts(filter: {createdAt_gt: $}) { id } }",
    "{ appKinds(filter: {meta_contains: {a: $, b: [$]}}) { id } }",
    "{ appKinds(filter: {tags_overlaps: [$]}) { id } }",
    "{ publicPosts(filter: {title_neq: $}) { title } }",
    "mutation { insertPosts(data: {title: $, body: $}) { id } }",
    "mutation { insertManyAppKinds(data: [{meta: {a: $}}, {code: $}]) { id } }",
    "mutation { updatePosts(id: 1, data: {title: $}) { id } }",
    "mutation { updateManyPosts(filter: {title_eq: $}, data: {body: $}) { id } }",
    "mutation { deleteManyPosts(filter: {title_like: $}) }",
];

/// A string as GraphQL and JSON write it alike.
fn literal(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn with_literal(hole: usize, value: &str) -> Option<Compiled> {
    compiled(&VALUES[hole].replace('$', &literal(value)), None)
}

fn with_variable(hole: usize, value: &str) -> Option<Compiled> {
    let ty = if VALUES[hole].contains("createdAt") {
        "DateTime"
    } else if VALUES[hole].contains("{a: $, b") {
        "JSON"
    } else {
        "String!"
    };
    let (kind, rest) = match VALUES[hole].strip_prefix("mutation") {
        Some(rest) => ("mutation", rest),
        None => ("query", VALUES[hole]),
    };
    let query = format!("{kind} Q($v: {ty}) {}", rest.replace('$', "$v"));
    compiled(&query, Some(&format!("{{\"v\": {}}}", literal(value))))
}

/// Words of a request, each in a place of its own.
const WORDS: [&str; 14] = [
    "{ $ }",
    "{ $: posts { id } }",
    "{ posts { $ } }",
    "{ posts { $: title } }",
    "{ posts($: 1) { id } }",
    "{ posts(filter: {$: 1}) { id } }",
    "{ posts(orderBy: {$: ASC}) { id } }",
    "{ posts(orderBy: {id: $}) { id } }",
    "{ appKinds(filter: {meta_eq: {$: 1}}) { id } }",
    "{ posts { ... on $ { id } } }",
    "{ posts { ...$ } } fragment $ on Posts { id }",
    "query $($v: Int) { posts(limit: $v) { id } }",
    "{ posts @$ { id } }",
    "mutation { insertPosts(data: {$: \"a\"}) { id } }",
];

#[test]
fn every_hole_compiles_with_harmless_text() {
    for (hole, query) in VALUES.iter().enumerate() {
        assert!(with_literal(hole, "harmless").is_some(), "{query}");
    }
    for (hole, word) in [
        (1, "a"),
        (3, "a"),
        (8, "a"),
        (10, "F"),
        (2, "id"),
        (7, "DESC"),
        (13, "title"),
    ] {
        assert!(
            compiled(&WORDS[hole].replace('$', word), None).is_some(),
            "{}",
            WORDS[hole]
        );
    }
    assert!(with_variable(0, "harmless").is_some() && with_variable(7, "harmless").is_some());
}

fn sql(compiled: &Compiled) -> Vec<&str> {
    compiled
        .statements
        .iter()
        .map(|statement| statement.sql.as_str())
        .collect()
}

proptest! {
    #[test]
    fn values_never_change_the_statements(hole in 0..VALUES.len(), value in hostile()) {
        let harmless = with_literal(hole, "harmless").unwrap();
        // PostgreSQL's text has no NUL, nor has its jsonb; some places take no variable of this type.
        for found in [with_literal(hole, &value), with_variable(hole, &value)].iter().flatten() {
            prop_assert_eq!(sql(found), sql(&harmless));
        }
        if !value.contains('\0') && !value.contains("\\u0000") {
            prop_assert!(with_literal(hole, &value).is_some());
        }
    }

    #[test]
    fn words_never_reach_the_statements(hole in 0..WORDS.len(), word in hostile()) {
        // `compiled` holds what comes out against the tokens and names allowed.
        let _ = compiled(&WORDS[hole].replace('$', &word), None);
    }

    /// What a caller calls a field is a value: two names make one statement.
    #[test]
    fn aliases_never_change_the_statement(alias in "[_A-Za-z][_0-9A-Za-z]{0,70}") {
        prop_assume!(alias != "posts" && alias != "title");
        let query = |alias: &str| compiled(&format!("{{ {alias}: posts {{ {alias}: title }} }}"), None).unwrap();
        let (found, harmless) = (query(&alias), query("harmless"));
        prop_assert_eq!(sql(&found), sql(&harmless));
        prop_assert!(found.statements[0].params.iter().filter(|param| **param == alias).count() == 2);
    }

    #[test]
    fn nothing_panics(query in hostile(), variables in prop::option::of(hostile())) {
        let _ = compiled(&query, variables.as_deref());
    }

    /// Documents of the corpus with a piece torn out or put in.
    #[test]
    fn broken_documents_do_not_panic(
        which in any::<prop::sample::Index>(),
        from in any::<prop::sample::Index>(),
        length in 0..8_usize,
        piece in hostile(),
    ) {
        let corpus = corpus();
        let (_, query, variables) = which.get(&corpus);
        let letters: Vec<char> = query.chars().collect();
        let from = from.index(letters.len());
        let to = (from + length).min(letters.len());
        let broken: String = letters[..from].iter().copied().chain(piece.chars()).chain(letters[to..].iter().copied()).collect();
        let _ = compiled(&broken, variables.as_deref());
    }
}
