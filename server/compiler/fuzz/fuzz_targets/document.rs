//! A GraphQL document and, behind an empty line, its variables as JSON: whatever they say, the compiler answers or refuses
//! and never panics, what it answers consists of its own words, names of catalog and schema and bound values, and a
//! document that is kept compiles to the same again.
//!
//! ```text
//! cd server/compiler/fuzz && mkdir -p corpus/document
//! for file in ../tests/graphql/corpus/*; do sed 's/^---$//' $file > corpus/document/$(basename $file); done
//! cargo +nightly fuzz run document -- -max_len=2048 -dict=document.dict
//! ```
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use std::collections::HashSet;
use std::sync::LazyLock;

use common::graphql::Api;
use fluxbase_compiler::graphql::Request;
use libfuzzer_sys::{Corpus, fuzz_target};

static WORLD: LazyLock<(Api, HashSet<String>)> = LazyLock::new(|| {
    let mut api = Api::recorded();
    api.options.limits.max_complexity = 100_000;
    let names = common::graphql::names(&api);
    (api, names)
});

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(data) else {
        return Corpus::Reject;
    };
    let (query, variables) = match text.rsplit_once("\n\n") {
        Some((query, variables)) => (query, Some(variables)),
        None => (text, None),
    };
    let (api, names) = &*WORLD;
    let request = Request {
        variables,
        ..Request::new(query)
    };
    if let Err(problem) = api.judged(&request, names) {
        panic!("{problem}");
    }
    Corpus::Keep
});
