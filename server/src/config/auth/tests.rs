use crate::config::{Config, ConfigError, Environment};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn load(yaml: &str) -> Result<Config, ConfigError> {
    let environment = Environment::from([("JWT_SECRET", SECRET)]);
    Config::from_text(yaml, &environment, Vec::new())
}

fn accepted(yaml: &str) -> Config {
    load(yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"))
}

fn refused(yaml: &str) -> String {
    match load(yaml) {
        Ok(_) => panic!("{yaml} was accepted"),
        Err(error) => error.to_string(),
    }
}

/// What is given for the database, as JSON.
fn given(yaml: &str) -> serde_json::Value {
    serde_json::from_str(&accepted(yaml).auth.as_json()).unwrap()
}

/// Whoever hardens a deployment writes all of this, the switches that are on anyway too.
#[test]
fn a_hardened_auth_block_loads_whole() {
    let block = r#"
auth:
  password_min_length: 12
  password_require_uppercase: true
  password_require_lowercase: true
  password_require_number: true
  password_require_special: true
  password_max_age_days: 90 # Force password rotation
  require_2fa_for_admins: true
  require_2fa_for_sensitive_ops: true
  access_token_expiry: "15m" # Short-lived access tokens
  refresh_token_expiry: "7d" # Longer refresh tokens
  refresh_token_rotation: true # Rotate on each use
  max_login_attempts: 5
  lockout_duration: "15m"
  lockout_type: "ip_and_email" # Lock both IP and email
  jwt_secret: "${JWT_SECRET}"
"#;
    let config = accepted(block);
    let settings = &config.auth.settings;
    assert_eq!(settings.password_max_age_seconds, Some(90 * 86_400));
    assert!(settings.require_2fa_for_admins && settings.require_2fa_for_sensitive_ops);
    assert_eq!(settings.access_token_seconds, 900);
    assert_eq!(settings.refresh_token_seconds, 7 * 86_400);
    assert_eq!(settings.lockout.by_email, Some(5));
    assert_eq!(settings.lockout.by_ip, Some(5));
    assert_eq!(settings.lockout.window_seconds, 900);
    assert_eq!(
        settings.jwt_secret.as_ref().map(|secret| secret.expose()),
        Some(SECRET)
    );
    assert_eq!(config.auth.given.len(), 15);
    // The one part that is not offered: a provider that is configured and not asked would be worse.
    let provider = format!("{block}  saml_providers: [{{name: okta, enabled: true}}]\n");
    assert!(refused(&provider).contains("unknown option auth.saml_providers "));
}

#[test]
fn refresh_tokens_that_stay_good_are_refused_with_the_reason() {
    let said = refused("auth: {refresh_token_rotation: false}");
    assert!(
        said.contains("auth.refresh_token_rotation (fluxbase.yaml)")
            && said.contains("a refresh token that could be used again would serve a thief"),
        "{said}"
    );
    assert_eq!(
        given("auth: {refresh_token_rotation: true}")["refresh_token_rotation"],
        "true"
    );
}

#[test]
fn the_cost_of_another_hash_names_the_one_there_is() {
    let said = refused("auth: {bcrypt_cost: 12}");
    assert!(
        said.contains("unknown option auth.bcrypt_cost ")
            && said.contains("did you mean auth.password_hash_iterations?"),
        "{said}"
    );
    accepted("auth: {password_hash_iterations: 3}");
}

#[test]
fn the_own_origin_is_the_one_of_the_public_base_url() {
    let origin = |yaml: &str| given(yaml).get("site_origin").cloned();
    for (url, wanted) in [
        (
            "https://app.example.com/base/",
            Some("https://app.example.com/"),
        ),
        (
            "https://app.example.com:8443",
            Some("https://app.example.com:8443/"),
        ),
        ("http://localhost:8080", Some("http://localhost:8080/")),
        // The token in a link would travel in the open.
        ("http://app.example.com", None),
    ] {
        let yaml = format!("server: {{public_base_url: '{url}'}}");
        assert_eq!(origin(&yaml), wanted.map(Into::into), "{url}");
    }
    // Where it happens to listen is nobody's word.
    assert_eq!(origin("server: {address: '127.0.0.1:9000'}"), None);
    let written = "server: {public_base_url: 'https://a.example'}\nauth: {site_origin: 'https://b.example/x'}";
    assert_eq!(origin(written), Some("https://b.example/x".into()));
    let redirects = accepted(
        "server: {public_base_url: 'https://a.example'}\nauth: {allowed_redirect_urls: 'https://b.example/x'}",
    );
    let redirects = redirects.auth.settings.allowed_redirects;
    let redirects: Vec<&str> = redirects.iter().map(|url| url.as_str()).collect();
    assert_eq!(redirects, ["https://b.example/x", "https://a.example/"]);
}

/// Keys that lie about in files open nothing beyond the machine.
#[test]
fn the_keys_of_make_run_refuse_to_serve_a_non_loopback_address() {
    for address in [":8080", "0.0.0.0:8080", "192.0.2.1:8080", "[::]:8080"] {
        let said = refused(&format!(
            "server: {{address: '{address}'}}\nauth: {{development: true}}"
        ));
        assert!(
            said.contains("server.address (fluxbase.yaml)") && said.contains("loopback"),
            "{said}"
        );
        accepted(&format!("server: {{address: '{address}'}}"));
    }
    for address in ["127.0.0.1:8080", "127.0.0.2:1", "[::1]:8080"] {
        accepted(&format!(
            "server: {{address: '{address}'}}\nauth: {{development: true}}"
        ));
    }
    let run = include_str!("../../../../deploy/run");
    let written = run.split("<<'YAML'\n").nth(1).unwrap();
    let written = written.split("\nYAML\n").next().unwrap();
    let environment = Environment::from([
        ("APP_DATABASE_URL", "postgres://fluxbase_app:a@h/d"),
        ("MAILER_DATABASE_URL", "postgres://fluxbase_mailer:b@h/d"),
        ("MAIL_DIRECTORY", "/tmp/mail"),
    ]);
    let config = Config::from_text(written, &environment, Vec::new()).unwrap();
    assert!(config.auth.settings.development && config.server.listen.ip().is_loopback());
    assert!(config.graphql.graphiql);
}
