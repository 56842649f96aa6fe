use super::{accepted, refused};

/// What shows everybody the schema on the origin of the application is for the developer's machine alone.
#[test]
fn the_page_is_refused_beyond_loopback_and_where_it_could_ask_nothing() {
    for (with, option) in [
        ("server: {address: ':8080'}", "server.address"),
        ("server: {address: '192.0.2.1:8080'}", "server.address"),
        ("server: {address: '[::]:8080'}", "server.address"),
    ] {
        let said = refused(&format!("{with}\ngraphql: {{graphiql: true}}"));
        assert!(said.starts_with(option), "{said}");
        assert!(said.contains("only a loopback address is served"), "{said}");
        accepted(with);
    }
    for (with, option) in [
        ("enabled: false", "graphql.enabled"),
        ("introspection: false", "graphql.introspection"),
        (
            "persisted_only: true, persisted_directory: /documents",
            "graphql.persisted_only",
        ),
    ] {
        let said = refused(&format!("graphql: {{graphiql: true, {with}}}"));
        assert!(said.starts_with(option), "{said}");
        accepted(&format!("graphql: {{{with}}}"));
    }
    for address in ["127.0.0.1:8080", "127.0.0.2:1", "[::1]:8080"] {
        let yaml = format!("server: {{address: '{address}'}}\ngraphql: {{graphiql: true}}");
        assert!(accepted(&yaml).graphql.graphiql);
    }
    assert!(!accepted("").graphql.graphiql);
}
