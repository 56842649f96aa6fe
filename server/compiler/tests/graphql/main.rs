//! GraphQL: the corpus with what it compiles to, and what is refused.
//!
//! A new file in `corpus/` is a new test; the snapshot beside it is reviewed like code, because the SQL in it is what
//! runs. `INSTA_UPDATE=always cargo test -p fluxbase-compiler --test graphql` records what is new or has changed.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions"
)]

#[path = "../common/mod.rs"]
mod common;
mod granted;
// Not in `common`, which the fuzz target has without proptest.
#[path = "../common/hostile.rs"]
mod hostile;
mod injection;
mod limits;
mod prepared;
mod refusals;
mod schema;
mod validation;

use std::fmt::Write as _;

use common::graphql::{Api, corpus};
use fluxbase_compiler::graphql::{Compiled, Limits, Options, Request};

fn shown(compiled: &Compiled) -> String {
    let mut text = String::new();
    for (place, statement) in compiled.statements.iter().enumerate() {
        writeln!(text, "{place}: {}", statement.sql).unwrap();
        for (index, param) in statement.params.iter().enumerate() {
            writeln!(text, "   ${} = {param}", index + 1).unwrap();
        }
        writeln!(text, "   {:?} {:?}", statement.access, statement.columns).unwrap();
    }
    write!(text, "{:?}", compiled.response).unwrap();
    text
}

#[test]
fn every_request_compiles_as_recorded() {
    let api = Api::with(Options {
        schemas: vec!["public".to_owned(), "app".to_owned()],
        limits: Limits {
            max_complexity: 10_000,
            ..Limits::default()
        },
        ..Options::default()
    });
    let names = common::graphql::names(&api);
    let corpus = corpus();
    assert!(
        corpus.len() >= 50,
        "the corpus has shrunk to {}",
        corpus.len()
    );
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(common::tests().join("graphql/snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, query, variables) in corpus {
            let request = Request {
                variables: variables.as_deref(),
                ..Request::new(&query)
            };
            let compiled = api
                .compile(&request)
                .unwrap_or_else(|refusal| panic!("{name} is refused: {}", refusal.listed()));
            for statement in &compiled.statements {
                common::tokens::judge(statement, &names)
                    .unwrap_or_else(|problem| panic!("{name}: {problem}\n{}", statement.sql));
            }
            insta::assert_snapshot!(name, shown(&compiled));
        }
    });
}

#[test]
fn no_snapshot_outlives_its_request() {
    let requests: Vec<String> = corpus().into_iter().map(|(name, ..)| name).collect();
    let snapshots = std::fs::read_dir(common::tests().join("graphql/snapshots")).unwrap();
    for file in snapshots {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(requests.contains(&name), "{name} has no request");
    }
}
