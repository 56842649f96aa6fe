//! With the feature `graphiql` the binary holds files of others, which `deploy/graphiql` fetches. Says so where they are not.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_GRAPHIQL").is_none() {
        return;
    }
    // Written last, and anew with each other version.
    let stamp = concat!(env!("CARGO_MANIFEST_DIR"), "/../.fluxbase/graphiql/.stamp");
    println!("cargo::rerun-if-changed={stamp}");
    if !Path::new(stamp).exists() {
        println!(
            "cargo::error=the files of GraphiQL are not there: run deploy/graphiql, or build without the feature graphiql"
        );
    }
}
