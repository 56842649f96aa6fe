mod graphiql;
mod tls;

use super::Executor;
use super::{Config, ConfigError, Environment, setting};
use std::time::Duration;

const EXAMPLE: &str = include_str!("../../fluxbase.yaml");

fn load(yaml: &str, environment: &Environment) -> Result<Config, ConfigError> {
    Config::from_text(yaml, environment, Vec::new())
}

fn accepted(yaml: &str) -> Config {
    load(yaml, &Environment::default()).unwrap_or_else(|error| panic!("{yaml}: {error}"))
}

fn refused(yaml: &str) -> String {
    match load(yaml, &Environment::default()) {
        Ok(config) => panic!("{yaml} was accepted: {config:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_documented_example_loads_and_says_nothing_but_the_defaults() {
    let example = accepted(EXAMPLE);
    let bare = accepted("");
    assert_eq!(example.server.listen, bare.server.listen);
    assert_eq!(example.auth.settings, bare.auth.settings);
    assert_eq!(format!("{:?}", example.api), format!("{:?}", bare.api));
    assert_eq!(
        format!("{:?}", example.server),
        format!("{:?}", bare.server)
    );
    assert_eq!(
        format!("{:?}", example.rate_limiting),
        format!("{:?}", bare.rate_limiting)
    );
    assert_eq!(
        format!("{:?}", example.logging),
        format!("{:?}", bare.logging)
    );
    assert_eq!(
        example.database.statement_timeout,
        bare.database.statement_timeout
    );
    assert_eq!(example.server.rest_limit, bare.server.rest_limit);
}

#[test]
fn every_option_stands_in_the_documented_example() {
    let aliases: Vec<&str> = fluxbase_rules::settings::all()
        .iter()
        .filter_map(|rule| rule.alias)
        .collect();
    for option in setting::known() {
        let key = option.name.rsplit('.').next().unwrap();
        let shown = EXAMPLE.lines().any(|line| {
            let line = line.trim_start_matches([' ', '#', '-']);
            line.starts_with(&format!("{key}:"))
        });
        assert!(
            shown || aliases.contains(&key),
            "{} is not shown",
            option.name
        );
        assert!(!option.doc.is_empty(), "{}", option.name);
    }
}

#[test]
fn an_unknown_key_stops_the_start_and_names_the_nearest() {
    for (yaml, unknown, nearest) in [
        ("server: {prot: 80}", "server.prot", "server.port"),
        ("servr: {port: 80}", "servr", "server"),
        ("auth: {jwt_secrt: x}", "auth.jwt_secrt", "auth.jwt_secret"),
        (
            "server: {body_limits: {rest_limt: 1}}",
            "server.body_limits.rest_limt",
            "server.body_limits.rest_limit",
        ),
        ("logging: {levle: info}", "logging.levle", "logging.level"),
    ] {
        let message = refused(yaml);
        assert!(
            message.contains(&format!("unknown option {unknown} ")),
            "{message}"
        );
        assert!(
            message.contains(&format!("did you mean {nearest}?")),
            "{message}"
        );
    }
}

#[test]
fn an_option_this_version_does_not_enforce_is_not_accepted() {
    for yaml in [
        "graphql: {allow_fragments: true}",
        "security: {headers: {x_frame_options: DENY}}",
        "server: {tls: {enabled: true}}",
        "server: {cors: {max_age: 3600}}",
        "logging: {audit_enabled: true}",
    ] {
        assert!(refused(yaml).contains("unknown option"), "{yaml}");
    }
}

#[test]
fn statements_without_names_are_for_the_executor_that_can_do_without() {
    let message = refused("database: {executor: deadpool, prepared_statements: 0}");
    assert!(
        message.contains("database.prepared_statements"),
        "{message}"
    );
    refused("database: {prepared_statements: -1}");
    let config = accepted("database: {prepared_statements: 0}");
    assert_eq!(config.database.prepared_statements, 0);
    let message = refused("database: {executor: Wire}");
    assert!(message.contains("wire or deadpool"), "{message}");
    assert_eq!(accepted("").database.executor, Executor::Wire);
}

#[test]
fn a_malformed_value_is_refused_and_a_good_one_beside_it_taken() {
    for (wrong, right) in [
        ("server: {port: 0}", "server: {port: 1}"),
        ("server: {port: 70000}", "server: {port: 65535}"),
        ("server: {port: '80 '}", "server: {port: '80'}"),
        (
            "server: {address: localhost}",
            "server: {address: '127.0.0.1:80'}",
        ),
        ("server: {address: ':x'}", "server: {address: ':80'}"),
        ("server: {read_timeout: 30}", "server: {read_timeout: 30s}"),
        (
            "server: {read_timeout: -1s}",
            "server: {read_timeout: 1s500ms}",
        ),
        (
            "server: {body_limits: {rest_limit: 1MB}}",
            "server: {body_limits: {rest_limit: 2MiB}}",
        ),
        (
            "server: {body_limits: {rest_limit: 0}}",
            "server: {body_limits: {rest_limit: 1}}",
        ),
        ("server: {workers: [2]}", "server: {workers: 2}"),
        ("server: [port]", "server: {}"),
        (
            "database: {max_connections: 0}",
            "database: {max_connections: 1}",
        ),
        (
            "database: {url: 'mysql://a@h/d'}",
            "database: {url: 'postgres://a@h/d'}",
        ),
        (
            "database: {url: 'postgres://a@h1:1,h2:2,h3:3/d?port=1,2'}",
            "database: {url: 'postgresql://a@h1,h2:2/d?target_session_attrs=read-write'}",
        ),
        (
            "database: {url: 'postgres://h/d'}",
            "database: {url: 'postgres://a@%2Frun/d'}",
        ),
        ("logging: {access_log: yes}", "logging: {access_log: true}"),
        ("logging: {level: trace}", "logging: {level: debug}"),
        ("logging: {level: }", "logging: {level: warn}"),
        (
            "server: {trusted_proxies: [10.0.0.1/8]}",
            "server: {trusted_proxies: [10.0.0.1, 10.0.0.0/8, '::1']}",
        ),
        (
            "server: {trusted_proxies: [0.0.0.0/0]}",
            "server: {allowed_ip_ranges: [0.0.0.0/0]}",
        ),
        (
            "server: {trusted_proxies: '*'}",
            "server: {trusted_proxies: '127.0.0.1'}",
        ),
        (
            "server: {allowed_ip_ranges: ['']}",
            "server: {allowed_ip_ranges: []}",
        ),
        (
            "server: {allowed_ip_ranges: [example.com]}",
            "server: {allowed_ip_ranges: ['10.0.0.0/8', '2001:db8::/32']}",
        ),
        ("api: {schemas: []}", "api: {schemas: [public, app]}"),
        ("api: {schemas: 'a,,b'}", "api: {schemas: 'a, b'}"),
        (
            "api: {extra_search_path: 'a,,b'}",
            "api: {extra_search_path: 'a, b'}",
        ),
        (
            "api: {pre_request: check}",
            "api: {pre_request: public.check}",
        ),
        ("api: {pre_request: a.b.c}", "api: {pre_request: 'a b.c d'}"),
        ("api: {pre_request: a.}", "api: {pre_request: a.b}"),
        ("api: {aggregates: 1}", "api: {aggregates: true}"),
        (
            "api: {unfiltered_writes: maybe}",
            "api: {unfiltered_writes: true}",
        ),
        (
            "api: {default_page_size: 2000}",
            "api: {default_page_size: 500}",
        ),
        (
            "auth: {access_token_expiry: 15}",
            "auth: {access_token_expiry: 20m}",
        ),
        (
            "auth: {jwt_secret: short}",
            "auth: {jwt_secret: 'a secret of more than 32 characters'}",
        ),
        (
            "auth: {jwt_secret: 12345678901234567890123456789012}",
            "auth: {jwt_secret: '12345678901234567890123456789012'}",
        ),
        ("just text", ""),
        ("server: {port: 1, port: 2}", "server: {port: 2}"),
    ] {
        refused(wrong);
        accepted(right);
    }
}

#[test]
fn the_two_names_of_a_setting_must_not_contradict_each_other() {
    refused("auth: {access_token_expiry: 15m, jwt_expiry: 20m}");
    let both = accepted("auth: {access_token_expiry: 15m, jwt_expiry: 900s}");
    assert_eq!(both.auth.given.len(), 1);
    assert_eq!(both.auth.as_json(), r#"{"access_token_expiry":"15m"}"#);
    let alias = accepted("auth: {jwt_expiry: 20m}");
    assert_eq!(alias.auth.as_json(), r#"{"access_token_expiry":"20m"}"#);
}

#[test]
fn sources_outrank_each_other_in_the_documented_order() {
    let yaml = "database: {url: 'postgres://yaml@h/d'}\nserver: {port: 1}";
    let user = |environment: &Environment, overrides| {
        let config = Config::from_text(yaml, environment, overrides).unwrap();
        config
            .database
            .login()
            .unwrap()
            .config
            .get_user()
            .map(str::to_owned)
            .unwrap()
    };
    let short = Environment::from([("DATABASE_URL", "postgres://short@h/d")]);
    let prefixed = Environment::from([
        ("DATABASE_URL", "postgres://short@h/d"),
        ("FLUXBASE_DATABASE_URL", "postgres://prefixed@h/d"),
    ]);
    let given = vec![("database.url", "postgres://line@h/d".to_owned())];
    assert_eq!(user(&Environment::default(), Vec::new()), "yaml");
    assert_eq!(user(&short, Vec::new()), "short");
    assert_eq!(user(&prefixed, Vec::new()), "prefixed");
    assert_eq!(user(&prefixed, given), "line");
    let port = Environment::from([("FLUXBASE_SERVER_PORT", "9")]);
    assert_eq!(load(yaml, &port).unwrap().server.listen.port(), 9);
}

#[test]
fn an_unknown_variable_with_our_prefix_stops_the_start() {
    for name in [
        "FLUXBASE_SERVER_PROT",
        "FLUXBASE_GRAPHQL_ALLOW_FRAGMENTS",
        "FLUXBASE_SERVER_PORT_FILE",
    ] {
        let error = load("", &Environment::from([(name, "1")])).unwrap_err();
        assert!(
            matches!(error, ConfigError::Unknown { .. }),
            "{name}: {error}"
        );
    }
    let clients = Environment::from([
        ("FLUXBASE_URL", "http://x"),
        ("FLUXBASE_ANON_KEY", "k"),
        ("FLUXBASE_TEST_X", ""),
    ]);
    load("", &clients).unwrap();
}

#[test]
fn a_secret_may_come_from_a_file_but_not_from_two_places() {
    let path = std::env::temp_dir().join(format!("fluxbase-secret-{}", std::process::id()));
    std::fs::write(&path, "a secret of more than 32 characters\n").unwrap();
    let file = path.to_str().unwrap();
    for name in ["JWT_SECRET_FILE", "FLUXBASE_AUTH_JWT_SECRET_FILE"] {
        let config = load("", &Environment::from([(name, file)])).unwrap();
        let secret = config.auth.settings.jwt_secret.unwrap();
        assert_eq!(secret.expose(), "a secret of more than 32 characters");
    }
    let twice = Environment::from([("JWT_SECRET", "x"), ("JWT_SECRET_FILE", file)]);
    let error = load("", &twice).unwrap_err();
    assert_eq!(
        error,
        ConfigError::Both {
            variable: "JWT_SECRET".into()
        }
    );
    std::fs::remove_file(&path).unwrap();
    assert!(load("", &Environment::from([("JWT_SECRET_FILE", file)])).is_err());
}

#[test]
fn variables_are_expanded_strictly() {
    let environment = Environment::from([("HOST", "h"), ("EMPTY", "")]);
    let user = |url: &str| {
        load(&format!("database: {{url: '{url}'}}"), &environment)
            .map(|config| config.database.login().unwrap().config.get_hosts().to_vec())
    };
    let host = |name: &str| vec![tokio_postgres::config::Host::Tcp(name.into())];
    assert_eq!(user("postgres://a@${HOST}/d").unwrap(), host("h"));
    assert_eq!(
        user("postgres://a@${NONE:-other}/d").unwrap(),
        host("other")
    );
    assert_eq!(
        user("postgres://a@${EMPTY:-other}/d").unwrap(),
        host("other")
    );
    assert_eq!(user("postgres://a@h$$x/d").unwrap(), host("h$x"));
    for wrong in [
        "postgres://a@${NONE}/d",
        "postgres://a@$HOST/d",
        "postgres://a@${HOST/d",
        "postgres://a@${}/d",
        "$",
    ] {
        assert!(user(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn no_message_and_no_debug_output_holds_a_secret() {
    let secret = "hunter2hunter2";
    for yaml in [
        format!("database: {{url: 'postgres://a:{secret}@h/d?sslmode={secret}'}}"),
        format!("database: {{url: 'postgres://a:b@h/d?sslmode=require&sslmode={secret}'}}"),
        format!("database: {{ssl_mode: require, url: 'postgres://a:{secret}@h/d?sslmode=prefer'}}"),
        format!("database: {{url: '{secret}'}}"),
        format!("database: {{url: 'postgres://a:{secret}@h:x/d'}}"),
        format!("auth: {{jwt_secret: {secret}}}"),
        format!("auth: {{jwt_secret: '{secret}', jwt_secret: 2}}"),
        format!("auth: {{jwt_secret: '{secret}"),
    ] {
        let message = refused(&yaml);
        assert!(!message.contains(secret), "{message}");
    }
    let long = format!("{secret}{secret}{secret}");
    let config = accepted(&format!(
        "auth: {{jwt_secret: '{long}'}}\ndatabase: {{url: 'postgres://a:{secret}@h/d'}}"
    ));
    assert!(!format!("{config:?}").contains(secret), "{config:?}");
}

#[test]
fn durations_and_sizes_arrive_as_written() {
    let config = accepted(
        "server: {body_limits: {rest_limit: 2MiB, auth_limit: '100'}}\ndatabase: {pool_timeout: 1s500ms}",
    );
    assert_eq!(config.server.rest_limit, 2 << 20);
    assert_eq!(config.server.auth_limit, 100);
    assert_eq!(config.database.pool_timeout, Duration::from_millis(1500));
}
