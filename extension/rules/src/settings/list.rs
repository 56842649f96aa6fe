//! The list itself.

use super::{SettingError, Settings, Value};
use crate::{
    duration::format_seconds,
    lockout,
    password::{MAX_CHARACTERS, Params, PasswordPolicy},
};

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;

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

const JWT_SECRET: Setting = setting(
    "jwt_secret",
    Kind::Secret,
    "",
    "Shared secret whose HS256 tokens are accepted beside those of the database's own keys; whoever knows it can be anyone.",
);
const JWT_SECRET_PREVIOUS: Setting = setting(
    "jwt_secret_previous",
    Kind::Secret,
    "",
    "The secret that `jwt_secret` replaced, accepted until it is emptied, so that running tokens survive the change.",
);
const JWT_ISSUER: Setting = setting(
    "jwt_issuer",
    Kind::Text,
    "fluxbase",
    "The `iss` written into tokens and expected of them.",
);
const JWT_AUDIENCE: Setting = setting(
    "jwt_audience",
    Kind::Text,
    "fluxbase",
    "The `aud` written into tokens and expected of them.",
);
const JWT_LEEWAY: Setting = setting(
    "jwt_leeway",
    Kind::Duration {
        min: 0,
        max: MINUTE,
    },
    "0s",
    "How far the clock of a foreign issuer may differ when `exp` and `nbf` are judged.",
);
const ACCESS_TOKEN_EXPIRY: Setting = Setting {
    name: "access_token_expiry",
    alias: Some("jwt_expiry"),
    kind: Kind::Duration {
        min: MINUTE,
        max: DAY,
    },
    default: "15m",
    doc: "How long an access token is valid.",
};
const REFRESH_TOKEN_EXPIRY: Setting = Setting {
    name: "refresh_token_expiry",
    alias: Some("refresh_expiry"),
    kind: Kind::Duration {
        min: MINUTE,
        max: 366 * DAY,
    },
    default: "7d",
    doc: "How long a session lives without being refreshed.",
};
const SIGNUP_ENABLED: Setting = setting(
    "signup_enabled",
    Kind::Bool,
    "true",
    "Whether visitors may create accounts themselves.",
);
const PASSWORD_MIN_LENGTH: Setting = setting(
    "password_min_length",
    Kind::Integer {
        min: 8,
        max: MAX_CHARACTERS as i64,
    },
    "12",
    "Least length of a new password, in characters.",
);
const PASSWORD_REQUIRE_UPPERCASE: Setting = setting(
    "password_require_uppercase",
    Kind::Bool,
    "true",
    "Whether a new password needs an uppercase letter.",
);
const PASSWORD_REQUIRE_LOWERCASE: Setting = setting(
    "password_require_lowercase",
    Kind::Bool,
    "true",
    "Whether a new password needs a lowercase letter.",
);
const PASSWORD_REQUIRE_NUMBER: Setting = setting(
    "password_require_number",
    Kind::Bool,
    "true",
    "Whether a new password needs a digit.",
);
const PASSWORD_REQUIRE_SPECIAL: Setting = setting(
    "password_require_special",
    Kind::Bool,
    "true",
    "Whether a new password needs a character that is neither letter, digit nor space.",
);
const PASSWORD_HASH_MEMORY_KIB: Setting = setting(
    "password_hash_memory_kib",
    Kind::Integer {
        min: 7_168,
        max: Params::MAX_MEMORY_KIB as i64,
    },
    "19456",
    "Memory of one argon2id hash in KiB; every sign-in under way needs this much.",
);
const PASSWORD_HASH_ITERATIONS: Setting = setting(
    "password_hash_iterations",
    Kind::Integer {
        min: 1,
        max: Params::MAX_ITERATIONS as i64,
    },
    "2",
    "Passes of argon2id over its memory; the time of a sign-in grows with it.",
);
const PASSWORD_HASH_PARALLELISM: Setting = setting(
    "password_hash_parallelism",
    Kind::Integer {
        min: 1,
        max: Params::MAX_PARALLELISM as i64,
    },
    "1",
    "Lanes of argon2id, computed one after the other; raise it only to match hashes made elsewhere.",
);
const MAX_LOGIN_ATTEMPTS: Setting = setting(
    "max_login_attempts",
    Kind::Integer { min: 1, max: 1000 },
    "5",
    "Failed sign-ins within `lockout_duration` after which an e-mail address is locked; a success starts the count anew.",
);
const MAX_LOGIN_ATTEMPTS_PER_IP: Setting = setting(
    "max_login_attempts_per_ip",
    Kind::Integer {
        min: 0,
        max: 100_000,
    },
    "0",
    "The same for a client's address; 0 means as many as `max_login_attempts`. Raise it where many people share an address, and behind a proxy, whose address all its clients have.",
);
const LOCKOUT_DURATION: Setting = setting(
    "lockout_duration",
    Kind::Duration {
        min: 1,
        max: 30 * DAY,
    },
    "15m",
    "How long a failed sign-in counts, and so how long a lock lasts.",
);
const LOCKOUT_TYPE: Setting = setting(
    "lockout_type",
    Kind::Choice(&["email", "ip", "ip_and_email", "none"]),
    "ip_and_email",
    "What is locked: the e-mail address, the client's address, either of them by its own count, or nothing.",
);

const MAX_CONCURRENT_HASHES: Setting = setting(
    "max_concurrent_hashes",
    Kind::Integer { min: 0, max: 1024 },
    "0",
    "Passwords hashed at the same time in the whole cluster, others wait up to a second; 0 means as many as there are cores.",
);

static ALL: [Setting; 21] = [
    JWT_SECRET,
    JWT_SECRET_PREVIOUS,
    JWT_ISSUER,
    JWT_AUDIENCE,
    JWT_LEEWAY,
    ACCESS_TOKEN_EXPIRY,
    REFRESH_TOKEN_EXPIRY,
    SIGNUP_ENABLED,
    PASSWORD_MIN_LENGTH,
    PASSWORD_REQUIRE_UPPERCASE,
    PASSWORD_REQUIRE_LOWERCASE,
    PASSWORD_REQUIRE_NUMBER,
    PASSWORD_REQUIRE_SPECIAL,
    PASSWORD_HASH_MEMORY_KIB,
    PASSWORD_HASH_ITERATIONS,
    PASSWORD_HASH_PARALLELISM,
    MAX_CONCURRENT_HASHES,
    MAX_LOGIN_ATTEMPTS,
    MAX_LOGIN_ATTEMPTS_PER_IP,
    LOCKOUT_DURATION,
    LOCKOUT_TYPE,
];

/// Every setting, in the order of the README.
#[must_use]
pub fn all() -> &'static [Setting] {
    &ALL
}

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
    })
}
