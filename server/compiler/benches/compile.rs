//! How long a request takes from text to statement: `cargo bench -p fluxbase-compiler`.
//!
//! A loop and a clock. Each line is the median of a hundred runs of a thousand requests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "not shipped"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use fluxbase_compiler::graphql::{Prepared, Request};
use std::hint::black_box;
use std::time::Instant;

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let catalog = common::catalog();
    for name in [
        "read_by_key_filter",
        "read_own_newest",
        "read_or",
        "read_types",
        "insert_one",
        "update_by_filter",
        "embed_nested",
        "embed_renamed",
        "aggregate_grouped",
        "call_get",
        "rest_insert_minimal",
    ] {
        let file = common::tests()
            .join("corpus")
            .join(name)
            .with_extension("http");
        let text = common::Text::read(&std::fs::read_to_string(file).unwrap());
        let mut runs: Vec<u128> = (0..100)
            .map(|_| {
                let start = Instant::now();
                for _ in 0..1_000 {
                    black_box(black_box(&text).compile(&catalog, |_, _| {}).unwrap());
                }
                start.elapsed().as_nanos() / 1_000
            })
            .collect();
        runs.sort_unstable();
        println!("{name:24} {:>6} ns", runs[runs.len() / 2]);
    }
    graphql();
}

fn graphql() {
    let wanted = ["by_key", "nested", "filter_variable", "insert"];
    let corpus = common::graphql::corpus().into_iter();
    for (name, query, variables) in corpus.filter(|(name, ..)| wanted.contains(&name.as_str())) {
        let request = Request {
            variables: variables.as_deref(),
            ..Request::new(&query)
        };
        let mut api = common::graphql::Api::recorded();
        api.options.limits.max_complexity = 100_000;
        let kept = Prepared::read(&query, &api.options).unwrap();
        let known = || kept.compile(&request, &api.catalog, &api.schema, &api.options);
        let fresh = median(|| drop(black_box(api.compile(black_box(&request)).unwrap())));
        let again = median(|| drop(black_box(known().unwrap())));
        println!("graphql {name:16} {fresh:>6} ns, kept {again:>6} ns");
    }
}

fn median(act: impl Fn()) -> u128 {
    let mut runs: Vec<u128> = (0..100)
        .map(|_| {
            let start = Instant::now();
            (0..200).for_each(|_| act());
            start.elapsed().as_nanos() / 200
        })
        .collect();
    runs.sort_unstable();
    runs[runs.len() / 2]
}
