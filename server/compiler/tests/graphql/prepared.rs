//! A document that was read once serves any number of requests, and each as if it had been read for it.

use std::rc::Rc;

use fluxbase_compiler::graphql::{Code, Compiled, Prepared, Refusal, Request};

use crate::common::graphql::{Api, corpus, said};

fn prepared(api: &Api, query: &str) -> Prepared {
    Prepared::read(query, &api.options).unwrap()
}

fn compile(api: &Api, prepared: &Prepared, request: &Request<'_>) -> Result<Rc<Compiled>, Refusal> {
    prepared.compile(request, &api.catalog, &api.schema, &api.options)
}

#[test]
fn what_is_kept_compiles_to_the_same() {
    let mut api = Api::recorded();
    api.options.limits.max_complexity = u64::MAX;
    for (name, query, variables) in corpus() {
        let request = Request {
            variables: variables.as_deref(),
            ..Request::new(&query)
        };
        let fresh = api.compile(&request).unwrap();
        let kept = prepared(&api, &query);
        for _ in 0..3 {
            assert_eq!(*compile(&api, &kept, &request).unwrap(), fresh, "{name}");
        }
    }
}

/// A request must not find what another one's variables made.
#[test]
fn variables_are_those_of_each_request() {
    let api = Api::recorded();
    let query = "query ($id: BigInt!, $all: Boolean! = false, $n: Int = 5) { post(id: $id) { id title @include(if: $all) comments(limit: $n) { id } } }";
    let kept = prepared(&api, query);
    let with = |variables: &str| {
        let request = Request {
            variables: Some(variables),
            ..Request::new(query)
        };
        let fresh = api.variables(query, variables);
        let again = compile(&api, &kept, &request);
        assert_eq!(again.map(Rc::unwrap_or_clone), fresh, "{variables}");
        fresh
    };
    for variables in [
        r#"{"id": 1}"#,
        r#"{"id": 2, "all": true}"#,
        r#"{"id": 2, "all": true, "n": 7}"#,
        r#"{"id": 1}"#,
    ] {
        assert!(with(variables).is_ok(), "{variables}");
    }
    // What it may cost hangs on them too.
    let refused = said(with(r#"{"id": 1, "n": 5000}"#));
    assert_eq!(refused[0].0, Code::ComplexityLimit, "{refused:?}");
    assert!(with("{}").is_err() && with(r#"{"id": null}"#).is_err() && with("[]").is_err());
    assert!(with(r#"{"id": 1}"#).is_ok());
}

#[test]
fn a_kept_mutation_is_refused_where_nothing_may_change() {
    let api = Api::recorded();
    let query = "query Q { posts { id } } mutation M { deletePosts(id: 1) { id } }";
    let kept = prepared(&api, query);
    let asked = |operation, may_write| {
        let request = Request {
            operation: Some(operation),
            may_write,
            ..Request::new(query)
        };
        let codes = said(compile(&api, &kept, &request).map(Rc::unwrap_or_clone));
        codes.into_iter().map(|(code, _)| code).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        assert_eq!(asked("M", true), []);
        assert_eq!(asked("M", false), [Code::NeedsPost]);
        assert_eq!(asked("Q", false), []);
        assert_eq!(asked("X", true), [Code::ValidationFailed]);
    }
}

/// An operation is held against its own limits, whatever the one before it in the document was allowed.
#[test]
fn each_operation_of_a_document_is_judged_for_itself() {
    let api = Api::recorded();
    let query = "query A { posts(limit: 1) { id } } query B { posts(limit: 1000) { comments(limit: 1000) { id } } }";
    let kept = prepared(&api, query);
    for _ in 0..2 {
        for (operation, codes) in [("A", [].as_slice()), ("B", &[Code::ComplexityLimit])] {
            let request = Request {
                operation: Some(operation),
                ..Request::new(query)
            };
            let refused = said(compile(&api, &kept, &request).map(Rc::unwrap_or_clone));
            let refused: Vec<Code> = refused.into_iter().map(|(code, _)| code).collect();
            assert_eq!(refused, codes, "{operation}");
        }
    }
}
