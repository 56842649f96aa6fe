//! From the list to the typed form.

use super::list::*;
use super::{Setting, SettingError, Settings, Value};
use crate::{
    lockout,
    password::{MAX_CHARACTERS, Params, PasswordPolicy},
};

/// Fills the typed form from the given values and the defaults.
pub(super) fn typed(given: &[(&'static Setting, Value)]) -> Result<Settings, SettingError> {
    let read = |setting: Setting| match given.iter().find(|(known, _)| known.name == setting.name) {
        Some((_, value)) => Ok(value.clone()),
        None => super::parse(setting.name, setting.default),
    };
    let secret = |setting| {
        read(setting).map(|value| {
            if let Value::Secret(secret) = value {
                secret
            } else {
                None
            }
        })
    };
    let text = |setting| read(setting).map(|value| value.canonical());
    let flag = |setting| read(setting).map(|value| value == Value::Bool(true));
    let number = |setting| {
        read(setting).map(|value| {
            if let Value::Integer(number) = value {
                number
            } else {
                0
            }
        })
    };
    let seconds = |setting| {
        read(setting).map(|value| {
            if let Value::Seconds(seconds) = value {
                seconds
            } else {
                0
            }
        })
    };
    let small = |setting| number(setting).map(|number| u32::try_from(number).unwrap_or(0));

    let urls = |setting| {
        read(setting).map(|value| {
            if let Value::Urls(urls) = value {
                urls
            } else {
                Vec::new()
            }
        })
    };

    let count = |setting| number(setting).map(|number| u64::try_from(number).unwrap_or(0));
    let (per_email, per_ip) = (
        count(MAX_LOGIN_ATTEMPTS)?,
        count(MAX_LOGIN_ATTEMPTS_PER_IP)?,
    );
    let locks = |words: &[&str]| text(LOCKOUT_TYPE).map(|word| words.contains(&word.as_str()));

    let password_hash = Params::new(
        small(PASSWORD_HASH_MEMORY_KIB)?,
        small(PASSWORD_HASH_ITERATIONS)?,
        small(PASSWORD_HASH_PARALLELISM)?,
    )
    .map_err(|error| SettingError::Malformed {
        name: PASSWORD_HASH_MEMORY_KIB.name,
        problem: error.to_string(),
        accepted: PASSWORD_HASH_MEMORY_KIB.kind.accepted(),
    })?;
    Ok(Settings {
        jwt_secret: secret(JWT_SECRET)?,
        jwt_secret_previous: secret(JWT_SECRET_PREVIOUS)?,
        jwt_issuer: text(JWT_ISSUER)?,
        jwt_audience: text(JWT_AUDIENCE)?,
        jwt_leeway_seconds: seconds(JWT_LEEWAY)?,
        access_token_seconds: seconds(ACCESS_TOKEN_EXPIRY)?,
        refresh_token_seconds: seconds(REFRESH_TOKEN_EXPIRY)?,
        signup_enabled: flag(SIGNUP_ENABLED)?,
        password_policy: PasswordPolicy {
            min_characters: usize::try_from(number(PASSWORD_MIN_LENGTH)?).unwrap_or(MAX_CHARACTERS),
            require_uppercase: flag(PASSWORD_REQUIRE_UPPERCASE)?,
            require_lowercase: flag(PASSWORD_REQUIRE_LOWERCASE)?,
            require_number: flag(PASSWORD_REQUIRE_NUMBER)?,
            require_special: flag(PASSWORD_REQUIRE_SPECIAL)?,
        },
        password_forbidden_words: match read(PASSWORD_FORBIDDEN_WORDS)? {
            Value::Words(words) => words,
            _ => Vec::new(),
        },
        password_hash,
        max_concurrent_hashes: small(MAX_CONCURRENT_HASHES)?,
        lockout: lockout::Rules {
            by_email: locks(&["email", "ip_and_email"])?.then_some(per_email),
            by_ip: locks(&["ip", "ip_and_email"])?.then_some(if per_ip == 0 {
                per_email
            } else {
                per_ip
            }),
            window_seconds: seconds(LOCKOUT_DURATION)?,
        },
        password_max_age_seconds: match number(PASSWORD_MAX_AGE_DAYS)? {
            0 => None,
            days => Some(days * DAY),
        },
        temporary_password_seconds: seconds(TEMPORARY_PASSWORD_EXPIRY)?,
        admins_choose_passwords: flag(ADMINS_CHOOSE_PASSWORDS)?,
        password_login_enabled: flag(PASSWORD_LOGIN_ENABLED)?,
        anonymous_enabled: flag(ANONYMOUS_ENABLED)?,
        require_email_verification: flag(REQUIRE_EMAIL_VERIFICATION)?,
        email_confirmation_seconds: seconds(EMAIL_CONFIRMATION_EXPIRY)?,
        password_reset_seconds: seconds(PASSWORD_RESET_EXPIRY)?,
        magic_link_enabled: flag(MAGIC_LINK_ENABLED)?,
        magic_link_seconds: seconds(MAGIC_LINK_EXPIRY)?,
        allowed_redirects: [urls(ALLOWED_REDIRECT_URLS)?, urls(SITE_ORIGIN)?].concat(),
        session_seconds: seconds(SESSION_LIFETIME)?,
        totp_issuer: text(TOTP_ISSUER)?,
        require_2fa_for_admins: flag(REQUIRE_2FA_FOR_ADMINS)?,
        require_2fa_for_users: flag(REQUIRE_2FA_FOR_USERS)?,
        require_2fa_for_sensitive_ops: flag(REQUIRE_2FA_FOR_SENSITIVE_OPS)?,
        reauthentication_seconds: seconds(REAUTHENTICATION_WINDOW)?,
        allow_user_client_keys: flag(ALLOW_USER_CLIENT_KEYS)?,
        setup_token: secret(SETUP_TOKEN)?,
        development: flag(DEVELOPMENT)?,
    })
}
