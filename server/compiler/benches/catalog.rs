//! How long the answers of the catalog queries take to become a catalog: `cargo bench -p fluxbase-compiler --bench catalog`
//! for the small database of the tests, with ` -- DIRECTORY` behind it for the answers in there. `bench/catalog` asks them
//! of a large one. Medians of twenty runs, in milliseconds: of the catalog, and of the GraphQL schemas of all three roles.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "not shipped"
)]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use fluxbase_compiler::catalog::{Catalog, CatalogJson, Role};
use fluxbase_compiler::graphql::{Options, Schema};

fn main() {
    let named = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let recorded = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/catalog");
    let directory = named.map_or_else(recorded, PathBuf::from);
    let read = |query: &str| {
        let file = directory.join(query).with_extension("json");
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    let answers = [
        "schemas",
        "relations",
        "foreign_keys",
        "types",
        "functions",
        "views",
        "handlers",
    ]
    .map(read);
    let [
        schemas,
        relations,
        foreign_keys,
        types,
        functions,
        views,
        handlers,
    ] = &answers;
    let json = CatalogJson {
        schemas,
        relations,
        foreign_keys,
        types,
        functions,
        views,
        handlers,
    };
    let made = || Catalog::from_json(1, black_box(&json)).unwrap();
    let catalog = made();
    let options = Options {
        schemas: vec!["public".to_owned(), "app".to_owned()],
        ..Options::default()
    };
    let schemas = || {
        [Role::Anon, Role::Authenticated, Role::ServiceRole]
            .map(|role| Schema::build(black_box(&catalog), &options, role))
    };
    println!("{:.1} {:.1}", median(made), median(schemas));
}

fn median<T>(work: impl Fn() -> T) -> f64 {
    let mut runs: Vec<f64> = (0..20)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    runs.sort_unstable_by(f64::total_cmp);
    runs[runs.len() / 2]
}
