//! The list itself.

use crate::{
    duration::format_seconds,
    password::{MAX_CHARACTERS, MIN_OWN_CHARACTERS, Params},
};

const MINUTE: i64 = 60;
/// Each new password is compared with every one.
pub(super) const MAX_WORDS: usize = 1000;
pub(super) const DAY: i64 = 86_400;

/// What a setting accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text that is never shown again, of at least 32 characters; empty means not set.
    Secret,
    /// A text of 1 to 255 characters.
    Text,
    /// A duration in whole seconds between the two.
    Duration {
        /// Least, in seconds.
        min: i64,
        /// Most, in seconds.
        max: i64,
    },
    /// `true` or `false`.
    Bool,
    /// A whole number between the two.
    Integer {
        /// Least.
        min: i64,
        /// Most.
        max: i64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any number of URLs, separated by commas.
    Urls,
    /// Words that no password may contain, separated by commas.
    Words,
    /// `true`: what cannot be switched off, and why. A configuration may say that it relies on it.
    Always(&'static str),
}

impl Kind {
    /// In words, for error texts and the README.
    #[must_use]
    pub fn accepted(self) -> String {
        let show = |seconds: i64| format_seconds(seconds.unsigned_abs());
        match self {
            Self::Secret => "at least 32 characters, or empty for none".to_owned(),
            Self::Text => "1 to 255 characters".to_owned(),
            Self::Duration { min, max } => format!(
                "a duration from {} to {}, as in 1h30m",
                show(min),
                show(max)
            ),
            Self::Bool => "true or false".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Choice(words) => words.join(", "),
            Self::Urls => {
                "URLs such as https://app.example.com/account, separated by commas".to_owned()
            }
            Self::Always(why) => format!("true, as {why}"),
            Self::Words => format!(
                "at most {MAX_WORDS} words of {MIN_OWN_CHARACTERS} to {MAX_CHARACTERS} letters and digits, separated by commas"
            ),
        }
    }
}

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name, without the section.
    pub name: &'static str,
    /// An older name that means the same.
    pub alias: Option<&'static str>,
    /// What it accepts.
    pub kind: Kind,
    /// The default, as it would be written; empty when there is none.
    pub default: &'static str,
    /// One sentence for the person who sets it.
    pub doc: &'static str,
}

impl Setting {
    /// True when the value must not be shown, logged or compared in the open.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret)
    }
}

const fn setting(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Setting {
    Setting {
        name,
        alias: None,
        kind,
        default,
        doc,
    }
}

pub(super) const JWT_SECRET: Setting = setting(
    "jwt_secret",
    Kind::Secret,
    "",
    "Shared secret whose HS256 tokens are accepted beside those of the database's own keys; whoever knows it can be anyone.",
);
pub(super) const JWT_SECRET_PREVIOUS: Setting = setting(
    "jwt_secret_previous",
    Kind::Secret,
    "",
    "The secret that `jwt_secret` replaced, accepted until it is emptied, so that running tokens survive the change.",
);
pub(super) const JWT_ISSUER: Setting = setting(
    "jwt_issuer",
    Kind::Text,
    "fluxbase",
    "The `iss` written into tokens and expected of them.",
);
pub(super) const JWT_AUDIENCE: Setting = setting(
    "jwt_audience",
    Kind::Text,
    "fluxbase",
    "The `aud` written into tokens and expected of them.",
);
pub(super) const JWT_LEEWAY: Setting = setting(
    "jwt_leeway",
    Kind::Duration {
        min: 0,
        max: MINUTE,
    },
    "0s",
    "How far the clock of a foreign issuer may differ when `exp` and `nbf` are judged.",
);
pub(super) const ACCESS_TOKEN_EXPIRY: Setting = Setting {
    name: "access_token_expiry",
    alias: Some("jwt_expiry"),
    kind: Kind::Duration {
        min: MINUTE,
        max: DAY,
    },
    default: "15m",
    doc: "How long an access token is valid.",
};
pub(super) const REFRESH_TOKEN_EXPIRY: Setting = Setting {
    name: "refresh_token_expiry",
    alias: Some("refresh_expiry"),
    kind: Kind::Duration {
        min: MINUTE,
        max: 366 * DAY,
    },
    default: "7d",
    doc: "How long a session lives without being refreshed.",
};
pub(super) const REFRESH_TOKEN_ROTATION: Setting = setting(
    "refresh_token_rotation",
    Kind::Always("a refresh token that could be used again would serve a thief unnoticed"),
    "true",
    "Whether every refresh gives a new refresh token and ends the old one.",
);
pub(super) const SIGNUP_ENABLED: Setting = setting(
    "signup_enabled",
    Kind::Bool,
    "true",
    "Whether visitors may create accounts themselves.",
);
pub(super) const PASSWORD_MIN_LENGTH: Setting = setting(
    "password_min_length",
    Kind::Integer {
        min: 8,
        max: MAX_CHARACTERS as i64,
    },
    "12",
    "Least length of a new password, in characters.",
);
pub(super) const PASSWORD_REQUIRE_UPPERCASE: Setting = setting(
    "password_require_uppercase",
    Kind::Bool,
    "true",
    "Whether a new password needs an uppercase letter.",
);
pub(super) const PASSWORD_REQUIRE_LOWERCASE: Setting = setting(
    "password_require_lowercase",
    Kind::Bool,
    "true",
    "Whether a new password needs a lowercase letter.",
);
pub(super) const PASSWORD_REQUIRE_NUMBER: Setting = setting(
    "password_require_number",
    Kind::Bool,
    "true",
    "Whether a new password needs a digit.",
);
pub(super) const PASSWORD_REQUIRE_SPECIAL: Setting = setting(
    "password_require_special",
    Kind::Bool,
    "true",
    "Whether a new password needs a character that is neither letter, digit nor space.",
);
pub(super) const PASSWORD_HASH_MEMORY_KIB: Setting = setting(
    "password_hash_memory_kib",
    Kind::Integer {
        min: 7_168,
        max: Params::MAX_MEMORY_KIB as i64,
    },
    "19456",
    "Memory of one argon2id hash in KiB; every sign-in under way needs this much.",
);
pub(super) const PASSWORD_HASH_ITERATIONS: Setting = setting(
    "password_hash_iterations",
    Kind::Integer {
        min: 1,
        max: Params::MAX_ITERATIONS as i64,
    },
    "2",
    "Passes of argon2id over its memory; the time of a sign-in grows with it.",
);
pub(super) const PASSWORD_HASH_PARALLELISM: Setting = setting(
    "password_hash_parallelism",
    Kind::Integer {
        min: 1,
        max: Params::MAX_PARALLELISM as i64,
    },
    "1",
    "Lanes of argon2id, computed one after the other; raise it only to match hashes made elsewhere.",
);
pub(super) const MAX_LOGIN_ATTEMPTS: Setting = setting(
    "max_login_attempts",
    Kind::Integer { min: 1, max: 1000 },
    "5",
    "Failed sign-ins within `lockout_duration` after which an e-mail address is locked; a success starts the count anew.",
);
pub(super) const MAX_LOGIN_ATTEMPTS_PER_IP: Setting = setting(
    "max_login_attempts_per_ip",
    Kind::Integer {
        min: 0,
        max: 100_000,
    },
    "0",
    "The same for a client's address; 0 means as many as `max_login_attempts`. Raise it where many people share an address; behind a proxy set `server.trusted_proxies`, or all its clients share one.",
);
pub(super) const LOCKOUT_DURATION: Setting = setting(
    "lockout_duration",
    Kind::Duration {
        min: 1,
        max: 30 * DAY,
    },
    "15m",
    "How long a failed sign-in counts, and so how long a lock lasts.",
);
pub(super) const LOCKOUT_TYPE: Setting = setting(
    "lockout_type",
    Kind::Choice(&["email", "ip", "ip_and_email", "none"]),
    "ip_and_email",
    "What is locked: the e-mail address, the client's address, either of them by its own count, or nothing.",
);

pub(super) const MAX_CONCURRENT_HASHES: Setting = setting(
    "max_concurrent_hashes",
    Kind::Integer { min: 0, max: 1024 },
    "0",
    "Passwords hashed at the same time in the whole cluster, others wait up to a second; 0 means as many as there are cores.",
);

pub(super) const PASSWORD_MAX_AGE_DAYS: Setting = setting(
    "password_max_age_days",
    Kind::Integer { min: 0, max: 3650 },
    "0",
    "Days after which a password must be changed before signing in; 0 means never.",
);
pub(super) const PASSWORD_FORBIDDEN_WORDS: Setting = setting(
    "password_forbidden_words",
    Kind::Words,
    "",
    "Words that are easily guessed here, such as names of the company and its products: no new password may contain one, however it is dressed up.",
);
pub(super) const TEMPORARY_PASSWORD_EXPIRY: Setting = setting(
    "temporary_password_expiry",
    Kind::Duration {
        min: MINUTE,
        max: 30 * DAY,
    },
    "3d",
    "How long a password that an administrator set, or had made, lets its user in to choose another; it does nothing else.",
);
pub(super) const ADMINS_CHOOSE_PASSWORDS: Setting = setting(
    "admins_choose_passwords",
    Kind::Bool,
    "true",
    "Whether administrators may choose passwords of users; false leaves them invitations, temporary passwords and links by mail.",
);
pub(super) const PASSWORD_LOGIN_ENABLED: Setting = setting(
    "password_login_enabled",
    Kind::Bool,
    "true",
    "Whether users may sign in with a password.",
);
pub(super) const ANONYMOUS_ENABLED: Setting = setting(
    "anonymous_enabled",
    Kind::Bool,
    "false",
    "Whether visitors may sign in without an address; they can become permanent users later.",
);
pub(super) const REQUIRE_EMAIL_VERIFICATION: Setting = setting(
    "require_email_verification",
    Kind::Bool,
    "false",
    "Whether an address must be confirmed by mail before its user may sign in, and before a new address counts.",
);
pub(super) const MAGIC_LINK_ENABLED: Setting = setting(
    "magic_link_enabled",
    Kind::Bool,
    "true",
    "Whether users may sign in with a link or a code sent by mail.",
);
pub(super) const MAGIC_LINK_EXPIRY: Setting = setting(
    "magic_link_expiry",
    Kind::Duration {
        min: MINUTE,
        max: DAY,
    },
    "15m",
    "How long a sign-in link is valid; a code that can be typed never longer than ten minutes.",
);
pub(super) const PASSWORD_RESET_EXPIRY: Setting = setting(
    "password_reset_expiry",
    Kind::Duration {
        min: MINUTE,
        max: DAY,
    },
    "1h",
    "How long a link that resets a password is valid.",
);
pub(super) const EMAIL_CONFIRMATION_EXPIRY: Setting = setting(
    "email_confirmation_expiry",
    Kind::Duration {
        min: MINUTE,
        max: 30 * DAY,
    },
    "1d",
    "How long a link that confirms an address, or accepts an invitation, is valid.",
);
pub(super) const ALLOWED_REDIRECT_URLS: Setting = setting(
    "allowed_redirect_urls",
    Kind::Urls,
    "",
    "Where links in mails may lead: a `redirect_to` must have the same origin as one of these and lie below its path.",
);
pub(super) const SITE_ORIGIN: Setting = setting(
    "site_origin",
    Kind::Urls,
    "",
    "Where a `redirect_to` may lead besides: the service's own origin. Unless it is written down, `fluxbase migrate` takes it from `server.public_base_url`, when that is https or this machine.",
);
pub(super) const SESSION_LIFETIME: Setting = setting(
    "session_lifetime",
    Kind::Duration {
        min: 5 * MINUTE,
        max: 366 * DAY,
    },
    "30d",
    "How long a session lives at most, however often it is refreshed.",
);
pub(super) const TOTP_ISSUER: Setting = setting(
    "totp_issuer",
    Kind::Text,
    "Fluxbase",
    "The name that authenticator apps show beside the account.",
);
pub(super) const REQUIRE_2FA_FOR_ADMINS: Setting = setting(
    "require_2fa_for_admins",
    Kind::Bool,
    "false",
    "Whether an administrator without a second factor may do nothing but set one up.",
);
pub(super) const REQUIRE_2FA_FOR_SENSITIVE_OPS: Setting = setting(
    "require_2fa_for_sensitive_ops",
    Kind::Bool,
    "true",
    "Whether a user with a second factor must show it anew for a new password or address, for keys, roles and deletions.",
);
pub(super) const REQUIRE_2FA_FOR_USERS: Setting = setting(
    "require_2fa_for_users",
    Kind::Bool,
    "false",
    "The same for everybody who signs in, administrators too; anonymous users have nothing to sign in with.",
);
pub(super) const REAUTHENTICATION_WINDOW: Setting = setting(
    "reauthentication_window",
    Kind::Duration {
        min: 0,
        max: 60 * MINUTE,
    },
    "10m",
    "How long a sign-in stands for the password where that must be shown anew; with 0s it never does, for users who have a password.",
);
pub(super) const ALLOW_USER_CLIENT_KEYS: Setting = setting(
    "allow_user_client_keys",
    Kind::Bool,
    "true",
    "Whether users may make keys of their own, with scopes and an end.",
);
pub(super) const SETUP_TOKEN: Setting = setting(
    "setup_token",
    Kind::Secret,
    "",
    "Whoever knows it can make the first administrator over HTTP, once; not set, only `fluxbase user create --admin` does.",
);
pub(super) const DEVELOPMENT: Setting = setting(
    "development",
    Kind::Bool,
    "false",
    "Whether this database is one of `make run`, whose keys lie about in files: `fluxbase serve` then listens on a loopback address or not at all. Before switching it off, end the keys: `auth.revoke_everything(true)`.",
);

static ALL: [Setting; 44] = [
    JWT_SECRET,
    JWT_SECRET_PREVIOUS,
    JWT_ISSUER,
    JWT_AUDIENCE,
    JWT_LEEWAY,
    ACCESS_TOKEN_EXPIRY,
    REFRESH_TOKEN_EXPIRY,
    REFRESH_TOKEN_ROTATION,
    SIGNUP_ENABLED,
    PASSWORD_MIN_LENGTH,
    PASSWORD_REQUIRE_UPPERCASE,
    PASSWORD_REQUIRE_LOWERCASE,
    PASSWORD_REQUIRE_NUMBER,
    PASSWORD_REQUIRE_SPECIAL,
    PASSWORD_FORBIDDEN_WORDS,
    PASSWORD_HASH_MEMORY_KIB,
    PASSWORD_HASH_ITERATIONS,
    PASSWORD_HASH_PARALLELISM,
    MAX_CONCURRENT_HASHES,
    MAX_LOGIN_ATTEMPTS,
    MAX_LOGIN_ATTEMPTS_PER_IP,
    LOCKOUT_DURATION,
    LOCKOUT_TYPE,
    PASSWORD_MAX_AGE_DAYS,
    TEMPORARY_PASSWORD_EXPIRY,
    ADMINS_CHOOSE_PASSWORDS,
    PASSWORD_LOGIN_ENABLED,
    ANONYMOUS_ENABLED,
    REQUIRE_EMAIL_VERIFICATION,
    EMAIL_CONFIRMATION_EXPIRY,
    PASSWORD_RESET_EXPIRY,
    MAGIC_LINK_ENABLED,
    MAGIC_LINK_EXPIRY,
    ALLOWED_REDIRECT_URLS,
    SITE_ORIGIN,
    SESSION_LIFETIME,
    TOTP_ISSUER,
    REQUIRE_2FA_FOR_ADMINS,
    REQUIRE_2FA_FOR_USERS,
    REQUIRE_2FA_FOR_SENSITIVE_OPS,
    REAUTHENTICATION_WINDOW,
    ALLOW_USER_CLIENT_KEYS,
    SETUP_TOKEN,
    DEVELOPMENT,
];

/// Every setting, in the order of the README.
#[must_use]
pub fn all() -> &'static [Setting] {
    &ALL
}
