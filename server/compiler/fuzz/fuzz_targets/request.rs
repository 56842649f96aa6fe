//! A request as text, as the corpus has it: whatever it says, the compiler answers or refuses and never panics, and what
//! it answers consists of its own words, names of the catalog and bound values.
//!
//! ```text
//! cd server/compiler/fuzz && cargo +nightly fuzz run request -- -max_len=2048 -dict=words.dict
//! ```
#![no_main]

#[path = "../../tests/common/mod.rs"]
mod common;

use std::collections::HashSet;
use std::sync::LazyLock;

use fluxbase_compiler::catalog::Catalog;
use libfuzzer_sys::{Corpus, fuzz_target};

static WORLD: LazyLock<(Catalog, HashSet<String>)> = LazyLock::new(|| {
    let catalog = common::catalog();
    let names = common::tokens::names(&catalog);
    (catalog, names)
});

fuzz_target!(|data: &[u8]| -> Corpus {
    let Some(text) = std::str::from_utf8(data).ok().and_then(common::Text::try_read) else {
        return Corpus::Reject;
    };
    let (catalog, names) = &*WORLD;
    if let Ok(statement) = text.compile(catalog, |_, _| {}) {
        if let Err(problem) = common::tokens::judge(&statement, names) {
            panic!("{problem}: {}", statement.sql);
        }
    }
    Corpus::Keep
});
