use super::given::Given;
use super::{ConfigError, Setting};
use crate::limit::window::Limit;
use std::time::Duration;

/// The names these limits have always had are of the section `security:`.
const GLOBAL: Setting = Setting::plain(
    "security.enable_global_rate_limit",
    "false",
    "true is another way to write rate_limiting.per_minute: 100; what is written there wins.",
);
const GLOBAL_PER_MINUTE: &str = "100";

const PER_USER: Setting = Setting::plain(
    "security.enable_per_user_rate_limit",
    "true",
    "Whether a caller with a user's token or key is counted as that user, wherever from, and no longer with everybody behind the address; the endpoints that sign in count by address in any case.",
);
const SERVICE: (Setting, Setting) = (
    Setting::plain(
        "security.service_role_rate_limit",
        "10000",
        "Requests in the window of service_role, in the place of all other limits: of each service key, and of each address that signed API keys come from; 0 is no limit.",
    ),
    Setting::plain(
        "security.service_role_rate_window",
        "1m",
        "The window of service_role_rate_limit.",
    ),
);

/// One limit by default, with a window of any length.
struct Account {
    most: Setting,
    window: Setting,
    /// Each is counted by itself.
    paths: &'static [&'static str],
}

/// Where passwords and codes can be guessed, accounts made and letters sent.
const ACCOUNTS: [Account; 8] = [
    Account {
        most: Setting::plain(
            "security.auth_login_rate_limit",
            "10",
            "Requests to /auth/signin, /auth/login and /admin/login together one client address may make in the window; 0 is no limit. An entry of rate_limiting.endpoints for the same path replaces it, here and below.",
        ),
        window: Setting::plain(
            "security.auth_login_rate_window",
            "15m",
            "The window of auth_login_rate_limit; it begins with its first request.",
        ),
        paths: &["/api/v1/auth/signin"],
    },
    Account {
        most: Setting::plain(
            "security.auth_signup_rate_limit",
            "10",
            "The same for /auth/signup and /auth/signin/anonymous, each by itself.",
        ),
        window: Setting::plain(
            "security.auth_signup_rate_window",
            "15m",
            "The window of auth_signup_rate_limit.",
        ),
        paths: &["/api/v1/auth/signup", "/api/v1/auth/signin/anonymous"],
    },
    Account {
        most: Setting::plain(
            "security.auth_password_reset_rate_limit",
            "5",
            "The same for /auth/password/reset.",
        ),
        window: Setting::plain(
            "security.auth_password_reset_rate_window",
            "15m",
            "The window of auth_password_reset_rate_limit.",
        ),
        paths: &["/api/v1/auth/password/reset"],
    },
    Account {
        most: Setting::plain(
            "security.auth_magic_link_rate_limit",
            "5",
            "The same for every endpoint that sends a mail to sign in or confirm with, each by itself.",
        ),
        window: Setting::plain(
            "security.auth_magic_link_rate_window",
            "15m",
            "The window of auth_magic_link_rate_limit.",
        ),
        paths: &[
            "/api/v1/auth/magiclink",
            "/api/v1/auth/otp/signin",
            "/api/v1/auth/otp/resend",
            "/api/v1/auth/verify-email/resend",
        ],
    },
    Account {
        most: Setting::plain(
            "security.auth_2fa_rate_limit",
            "5",
            "The same for /auth/2fa/verify and /auth/otp/verify, each by itself.",
        ),
        window: Setting::plain(
            "security.auth_2fa_rate_window",
            "5m",
            "The window of auth_2fa_rate_limit.",
        ),
        paths: &["/api/v1/auth/2fa/verify", "/api/v1/auth/otp/verify"],
    },
    Account {
        most: Setting::plain(
            "security.auth_refresh_rate_limit",
            "10",
            "The same for /auth/refresh.",
        ),
        window: Setting::plain(
            "security.auth_refresh_rate_window",
            "1m",
            "The window of auth_refresh_rate_limit.",
        ),
        paths: &["/api/v1/auth/refresh"],
    },
    Account {
        most: Setting::plain(
            "security.admin_login_rate_limit",
            "10",
            "The same for /admin/login, beside auth_login_rate_limit.",
        ),
        window: Setting::plain(
            "security.admin_login_rate_window",
            "1m",
            "The window of admin_login_rate_limit.",
        ),
        paths: &["/api/v1/admin/login"],
    },
    Account {
        most: Setting::plain(
            "security.admin_setup_rate_limit",
            "5",
            "The same for /admin/setup.",
        ),
        window: Setting::plain(
            "security.admin_setup_rate_window",
            "15m",
            "The window of admin_setup_rate_limit.",
        ),
        paths: &["/api/v1/admin/setup"],
    },
];

pub fn settings() -> impl Iterator<Item = Setting> {
    let accounts = ACCOUNTS.iter();
    [GLOBAL, PER_USER, SERVICE.0, SERVICE.1]
        .into_iter()
        .chain(accounts.flat_map(|account| [account.most, account.window]))
}

/// The limits of the account endpoints, by path.
pub fn read(given: &Given) -> Result<Vec<(&'static str, Limit)>, ConfigError> {
    let mut limits = Vec::new();
    for Account {
        most,
        window,
        paths,
    } in &ACCOUNTS
    {
        if let Some(limit) = limit(given, most, window)? {
            limits.extend(paths.iter().map(|path| (*path, limit)));
        }
    }
    Ok(limits)
}

/// The limit of `service_role`.
pub fn service(given: &Given) -> Result<Option<Limit>, ConfigError> {
    limit(given, &SERVICE.0, &SERVICE.1)
}

/// Whether users are counted by who they are.
pub fn per_user(given: &Given) -> Result<bool, ConfigError> {
    given.boolean(&PER_USER)
}

fn limit(given: &Given, most: &Setting, window: &Setting) -> Result<Option<Limit>, ConfigError> {
    let second = Duration::from_secs(1);
    let length = given.duration(window, second, 86_400 * second)?;
    let most = given.integer(most, 0, u64::from(Limit::MOST))?;
    let limit = Limit {
        most: u32::try_from(most).unwrap_or(Limit::MOST),
        // Half a second more rather than less.
        seconds: u32::try_from(length.as_millis().div_ceil(1000)).unwrap_or(u32::MAX),
    };
    Ok((limit.most > 0).then_some(limit))
}

/// What rate_limiting.per_minute is when nobody wrote it.
pub fn per_minute(given: &Given) -> Result<&'static str, ConfigError> {
    Ok(match given.boolean(&GLOBAL)? {
        true => GLOBAL_PER_MINUTE,
        false => "0",
    })
}

#[cfg(test)]
mod tests;
