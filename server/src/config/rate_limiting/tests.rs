use crate::config::{Config, ConfigError, Environment, RateLimiting};
use crate::limit::window::Limit;

const NAME: &str = "FLUXBASE_RATE_LIMITING_ENDPOINTS";

fn load(yaml: &str, environment: &Environment) -> Result<RateLimiting, ConfigError> {
    Config::from_text(yaml, environment, Vec::new()).map(|config| config.rate_limiting)
}

fn accepted(yaml: &str) -> RateLimiting {
    load(yaml, &Environment::default()).unwrap_or_else(|error| panic!("{yaml}: {error}"))
}

fn refused(yaml: &str) -> String {
    match load(yaml, &Environment::default()) {
        Ok(read) => panic!("{yaml} was accepted: {read:?}"),
        Err(error) => error.to_string(),
    }
}

fn plain(limits: &[Limit]) -> Vec<(u32, u32)> {
    let plain = |limit: &Limit| (limit.most, limit.seconds);
    limits.iter().map(plain).collect()
}

/// Path and limits of every entry.
fn entries(read: &RateLimiting) -> Vec<(String, Vec<(u32, u32)>)> {
    let entries = read.endpoints.iter();
    entries
        .map(|entry| (entry.path.to_string(), plain(&entry.limits)))
        .collect()
}

#[test]
fn unless_somebody_says_so_there_are_no_limits_beside_the_defaults() {
    for yaml in ["", "rate_limiting:", "rate_limiting: {endpoints: []}"] {
        let read = accepted(yaml);
        assert!(read.enabled);
        assert!(read.general.is_empty() && read.endpoints.is_empty());
    }
}

#[test]
fn a_list_of_maps_arrives_in_its_order() {
    let read = accepted(
        r#"
rate_limiting:
  enabled: true
  per_minute: 60
  per_hour: 1000
  endpoints:
    - path: "/api/v1/auth/login"
      per_minute: 5
      per_hour: 20
    - path: "/api/v1/auth/signup"
      per_minute: 3
      per_hour: 10
    - path: "/api/v1/auth/password/reset"
      per_hour: 5
    - {path: /api/v1/tables/*, per_minute: 600}
    - {path: /api/v1/auth/refresh, per_minute: 0}
"#,
    );
    assert_eq!(plain(&read.general), [(60, 60), (1000, 3600)]);
    assert_eq!(
        entries(&read),
        [
            ("/api/v1/auth/signin".to_owned(), vec![(5, 60), (20, 3600)]),
            ("/api/v1/auth/signup".to_owned(), vec![(3, 60), (10, 3600)]),
            ("/api/v1/auth/password/reset".to_owned(), vec![(5, 3600)]),
            ("/api/v1/tables/*".to_owned(), vec![(600, 60)]),
            ("/api/v1/auth/refresh".to_owned(), vec![]),
        ]
    );
}

#[test]
fn the_tenth_entry_comes_after_the_ninth() {
    let entry = |n: usize| format!("{{path: /api/v1/p{n}, per_minute: {}}}", n + 1);
    let list: Vec<String> = (0..25).map(entry).collect();
    let read = accepted(&format!(
        "rate_limiting: {{endpoints: [{}]}}",
        list.join(", ")
    ));
    for (n, (path, _)) in entries(&read).iter().enumerate() {
        assert_eq!(path, &format!("/api/v1/p{n}"));
    }
}

#[test]
fn an_entry_that_would_limit_nothing_is_refused() {
    for (entry, why) in [
        ("{per_minute: 5}", "needs a path"),
        ("{per_hour: 5}", "needs a path"),
        ("{path: /api/v1/x}", "per_minute or per_hour"),
        ("{}", "empty"),
        ("text", "key: value"),
        ("5", "key: value"),
        ("", "key: value"),
        ("[]", "key: value"),
        ("{path: /auth/login, per_minute: 5}", "/api/v1/"),
        ("{path: /rest/v1, per_minute: 5}", "/rest/v1/"),
        ("{path: /rest/v2/*, per_minute: 5}", "/rest/v1/"),
        ("{path: /api/v1/auth/login/, per_minute: 5}", "empty part"),
        ("{path: /api/v1/*/x, per_minute: 5}", "at the end only"),
        ("{path: '', per_minute: 5}", "/api/v1/"),
        ("{path: 5, per_minute: 5}", "/api/v1/"),
        ("{path: [/api/v1/x], per_minute: 5}", "one value"),
        ("{path: /api/v1/x, per_minute: -1}", "whole number"),
        ("{path: /api/v1/x, per_minute: 1.5}", "whole number"),
        ("{path: /api/v1/x, per_minute: many}", "whole number"),
        ("{path: /api/v1/x, per_hour: 1000000001}", "whole number"),
        ("{path: /api/v1/x, per_second: 5}", "unknown option"),
        ("{path: /api/v1/x, per_minute: {x: 5}}", "unknown option"),
        ("{path: /api/v1/x, per_minute: }", "no value"),
    ] {
        let good = |n| format!("{{path: /api/v1/good{n}, per_minute: 1}}");
        let list = [good(0), entry.to_owned(), good(2)].join("\n    - ");
        let message = refused(&format!("rate_limiting:\n  endpoints:\n    - {list}\n"));
        assert!(message.contains(why), "{entry}: {message}");
    }
}

#[test]
fn a_message_names_the_entry() {
    let yaml = "rate_limiting: {endpoints: [{path: /api/v1/a, per_minute: 1}, {path: /api/v1/b, per_minute: x}]}";
    let message = refused(yaml);
    assert!(
        message.contains("rate_limiting.endpoints.1.per_minute (fluxbase.yaml)"),
        "{message}"
    );
    let message = refused("rate_limiting: {endpoints: [{pth: /api/v1/a}]}");
    assert!(
        message.contains("rate_limiting.endpoints.0.pth"),
        "{message}"
    );
    assert!(message.contains("did you mean"), "{message}");
}

#[test]
fn only_a_list_is_a_list() {
    for wrong in [
        "endpoints: {path: /api/v1/a, per_minute: 1}",
        "endpoints: {0: {path: /api/v1/a, per_minute: 1}}",
        "endpoints: {'*': {path: /api/v1/a, per_minute: 1}}",
        "endpoints: /api/v1/a",
        "endpoints: 5",
        "endpoints:",
        "endpoints.0.path: /api/v1/a",
        "'endpoints.*.path': /api/v1/a",
        "per_minute: [5]",
        "per_minute: -1",
        "enabled: yes",
        "enabled: 1",
    ] {
        refused(&format!("rate_limiting:\n  {wrong}\n"));
    }
}

#[test]
fn the_same_path_twice_is_refused_in_either_spelling() {
    for (one, other) in [
        ("/api/v1/x", "/api/v1/x"),
        ("/api/v1/auth/login", "/api/v1/auth/signin"),
        ("/api/v1/auth/logout", "/api/v1/auth/signout"),
        ("/api/v1/tables/*", "/api/v1/tables/*"),
        ("/rest/v1/*", "/rest/v1/*"),
        ("/rest/v1/rpc/x", "/rest/v1/rpc/x"),
    ] {
        let entry = |path: &str| format!("{{path: {path}, per_minute: 1}}");
        let (one, other) = (entry(one), entry(other));
        let message = refused(&format!("rate_limiting: {{endpoints: [{one}, {other}]}}"));
        assert!(message.contains("given twice"), "{message}");
    }
    accepted(
        "rate_limiting: {endpoints: [{path: /api/v1/x, per_hour: 1}, {path: /api/v1/x/*, per_hour: 1}]}",
    );
}

#[test]
fn entries_may_come_from_the_environment() {
    let environment = Environment::from([
        ("FLUXBASE_RATE_LIMITING_ENDPOINTS_0_PATH", "/api/v1/a"),
        ("FLUXBASE_RATE_LIMITING_ENDPOINTS_0_PER_MINUTE", "5"),
        ("FLUXBASE_RATE_LIMITING_ENDPOINTS_2_PATH", "/api/v1/b/*"),
        ("FLUXBASE_RATE_LIMITING_ENDPOINTS_2_PER_HOUR", "7"),
        ("FLUXBASE_RATE_LIMITING_PER_HOUR", "9"),
    ]);
    let read = load("", &environment).unwrap();
    assert_eq!(plain(&read.general), [(9, 3600)]);
    assert_eq!(
        entries(&read),
        [
            ("/api/v1/a".to_owned(), vec![(5, 60)]),
            ("/api/v1/b/*".to_owned(), vec![(7, 3600)]),
        ]
    );
}

#[test]
fn a_variable_replaces_one_value_of_the_entry_in_the_file() {
    let yaml = "rate_limiting: {endpoints: [{path: /api/v1/a, per_minute: 1, per_hour: 2}]}";
    let environment = Environment::from([("FLUXBASE_RATE_LIMITING_ENDPOINTS_0_PER_MINUTE", "5")]);
    let read = load(yaml, &environment).unwrap();
    assert_eq!(
        entries(&read),
        [("/api/v1/a".to_owned(), vec![(5, 60), (2, 3600)])]
    );
}

#[test]
fn a_variable_that_is_almost_an_entry_stops_the_start() {
    for wrong in [
        "",
        "_0",
        "_0_",
        "_PATH",
        "__PATH",
        "_00_PATH",
        "_01_PATH",
        "_+1_PATH",
        "_-1_PATH",
        "_x_PATH",
        "_*_PATH",
        "_N_PATH",
        "_1000_PATH",
        "_99999999999999999999_PATH",
        "_0_0_PATH",
        "_0_PTH",
        "_0_PATH_FILE",
        "_0_path",
        "_\u{661}_PATH",
    ] {
        let name = format!("{NAME}{wrong}");
        let error = load("", &Environment::from([(name.as_str(), "/api/v1/a")])).unwrap_err();
        assert!(
            matches!(error, ConfigError::Unknown { .. }),
            "{name}: {error}"
        );
    }
    // Half an entry is known, and not enough.
    let half = Environment::from([("FLUXBASE_RATE_LIMITING_ENDPOINTS_999_PATH", "/api/v1/a")]);
    let error = load("", &half).unwrap_err();
    assert!(matches!(error, ConfigError::Malformed { .. }), "{error}");
}

#[test]
fn one_variable_switches_everything_off() {
    let off = Environment::from([("FLUXBASE_RATE_LIMITING_ENABLED", "false")]);
    assert!(
        !load("rate_limiting: {per_minute: 5}", &off)
            .unwrap()
            .enabled
    );
}
