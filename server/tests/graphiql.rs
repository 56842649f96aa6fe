//! A binary that was built without the files of GraphiQL; what one with them serves is in `tests/http/graphiql.rs`.
#![cfg(not(feature = "graphiql"))]

use std::process::Command;

/// Else it would serve a page that loads nothing.
#[test]
fn a_page_that_the_binary_does_not_hold_is_refused() {
    let said = |command: &str, graphiql: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_fluxbase"))
            .arg(command)
            .current_dir("/")
            .env_clear()
            // Port 1 refuses at once.
            .env(
                "FLUXBASE_DATABASE_URL",
                "postgres://fluxbase_app:x@127.0.0.1:1/d",
            )
            .env("FLUXBASE_GRAPHQL_GRAPHIQL", graphiql)
            .output()
            .unwrap();
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for command in ["serve", "check"] {
        let refused = said(command, "true");
        assert!(
            refused.contains(
                "graphql.graphiql is true, and this binary was built without the feature graphiql: \
                 deploy/graphiql fetches the files for it"
            ),
            "{refused}"
        );
        // The twin gets as far as the database.
        let on_its_way = said(command, "false");
        assert!(
            on_its_way.contains("cannot connect to database.url"),
            "{on_its_way}"
        );
    }
}
