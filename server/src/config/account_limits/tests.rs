use crate::config::{Config, ConfigError, Environment, RateLimiting};
use crate::limit::window::Limit;

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

#[test]
fn the_limits_of_the_account_endpoints_have_their_older_names() {
    let read = accepted(
        "security: {auth_login_rate_limit: 3, auth_login_rate_window: 1m, auth_signup_rate_limit: 0, \
         auth_magic_link_rate_window: 1s500ms, auth_2fa_rate_limit: 7, admin_setup_rate_limit: 4}",
    );
    let accounts: Vec<_> = read
        .accounts
        .iter()
        .map(|(path, limit)| {
            (
                path.trim_start_matches("/api/v1/auth/"),
                limit.most,
                limit.seconds,
            )
        })
        .collect();
    assert_eq!(
        accounts,
        [
            ("signin", 3, 60),
            ("password/reset", 5, 900),
            ("magiclink", 5, 2),
            ("otp/signin", 5, 2),
            ("otp/resend", 5, 2),
            ("verify-email/resend", 5, 2),
            ("2fa/verify", 7, 300),
            ("otp/verify", 7, 300),
            ("refresh", 10, 60),
            ("/api/v1/admin/login", 10, 60),
            ("/api/v1/admin/setup", 4, 900),
        ]
    );
    for wrong in [
        "auth_login_rate_window: 0s",
        "auth_login_rate_window: 10",
        "auth_login_rate_window: 25h",
        "auth_login_rate_limit: -1",
        "auth_login_rate_limit: ''",
        "auth_signin_rate_limit: 5",
        "enable_global_rate_limit: 100",
        "enable_per_user_rate_limit: 5",
        "service_role_rate_limit: -1",
        "admin_login_rate_window: 0s",
    ] {
        refused(&format!("security: {{{wrong}}}"));
    }
}

#[test]
fn the_older_switch_means_a_hundred_a_minute_unless_a_number_was_written() {
    for (yaml, general) in [
        (
            "security: {enable_global_rate_limit: true}",
            &[(100, 60)][..],
        ),
        ("security: {enable_global_rate_limit: false}", &[]),
        (
            "security: {enable_global_rate_limit: true}\nrate_limiting: {per_minute: 7}",
            &[(7, 60)],
        ),
        (
            "security: {enable_global_rate_limit: true}\nrate_limiting: {per_minute: 0}",
            &[],
        ),
        (
            "security: {enable_global_rate_limit: true}\nrate_limiting: {per_hour: 7}",
            &[(100, 60), (7, 3600)],
        ),
    ] {
        assert_eq!(plain(&accepted(yaml).general), general, "{yaml}");
    }
}

#[test]
fn service_role_has_a_wide_limit_and_users_are_counted_apart_unless_somebody_says_otherwise() {
    let limit = |most, seconds| Limit { most, seconds };
    let bare = accepted("");
    assert_eq!(bare.service, Some(limit(10_000, 60)));
    assert!(bare.per_user);
    let said = accepted(
        "security: {service_role_rate_limit: 5, service_role_rate_window: 1h, enable_per_user_rate_limit: false}",
    );
    assert_eq!(said.service, Some(limit(5, 3600)));
    assert!(!said.per_user);
    let none = accepted("security: {service_role_rate_limit: 0}");
    assert_eq!(none.service, None);
}
