//! Requests that are refused, each with what the caller reads, and beside each a twin that is not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions"
)]

#[path = "../common/mod.rs"]
mod common;

mod body;
mod names;
mod query;

use fluxbase_compiler::Error;
use fluxbase_compiler::catalog::Catalog;

fn refusal(catalog: &Catalog, request: &str) -> Error {
    match common::Text::read(request).compile(catalog, |_, _| {}) {
        Err(error) => error,
        Ok(statement) => panic!("{request} is not refused but compiles to {}", statement.sql),
    }
}

/// Each line: what is refused, status, code, beginning of the message; then the twin.
fn assert_refused(cases: &[(&str, u16, &str, &str, &str)]) {
    let catalog = common::catalog();
    for (request, status, code, message, twin) in cases {
        let error = refusal(&catalog, request);
        let found = (error.status(), error.code(), error.message());
        assert!(
            found.0 == *status && found.1 == *code && found.2.starts_with(message),
            "{request}: {found:?}"
        );
        if let Err(error) = common::Text::read(twin).compile(&catalog, |_, _| {}) {
            panic!("{twin}, the twin of {request}, is refused: {error}");
        }
    }
}

const INPUT: (u16, &str) = (400, "INVALID_INPUT");
