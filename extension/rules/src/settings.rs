//! The `auth:` settings: one closed list, for the configuration file, for `auth.configure` and for
//! the table in the README alike. A name that is not here is refused with the nearest one that is.

mod list;
mod typed;
mod value;

pub use list::{Kind, Setting, all};
pub use value::{Secret, Value};

use crate::{
    Keyring,
    keys::KeyError,
    password::{ForbiddenWord, Params, PasswordPolicy},
    redirect::AllowedUrl,
    token::Expected,
};
use thiserror::Error;

/// Why a setting was not taken. The text names the key, what was wrong and what is accepted; the
/// value of a secret is never in it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SettingError {
    /// No setting of this name.
    #[error("unknown setting `{name}`{}", nearest.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default())]
    Unknown {
        /// As given, at most 64 characters of it.
        name: String,
        /// The known name most like it, if any is like it at all.
        nearest: Option<&'static str>,
    },
    /// A value outside what the setting accepts.
    #[error("setting `{name}`: {problem}; accepted is {accepted}")]
    Malformed {
        /// The setting.
        name: &'static str,
        /// What was wrong.
        problem: String,
        /// What is accepted.
        accepted: String,
    },
    /// A setting given under its two names with different values.
    #[error("setting `{name}` is also given as `{alias}`, with another value; give it once")]
    Conflict {
        /// The setting.
        name: &'static str,
        /// Its other name.
        alias: &'static str,
    },
}

/// Finds a setting by its name or its older name.
///
/// # Errors
/// [`SettingError::Unknown`].
pub fn find(name: &str) -> Result<&'static Setting, SettingError> {
    all()
        .iter()
        .find(|setting| setting.name == name || setting.alias == Some(name))
        .ok_or_else(|| SettingError::Unknown {
            name: name.chars().take(64).collect(),
            nearest: nearest(name),
        })
}

/// Reads a value for a setting.
///
/// # Errors
/// [`SettingError::Unknown`], [`SettingError::Malformed`].
pub fn parse(name: &str, text: &str) -> Result<Value, SettingError> {
    value::read(find(name)?, text)
}

/// The setting's own name and the one spelling of its value (`900s` becomes `15m`): what to store,
/// and what to compare when two sources must agree.
///
/// # Errors
/// [`SettingError::Unknown`], [`SettingError::Malformed`].
pub fn canonical(name: &str, text: &str) -> Result<(&'static str, String), SettingError> {
    let setting = find(name)?;
    Ok((setting.name, value::read(setting, text)?.canonical()))
}

fn nearest(name: &str) -> Option<&'static str> {
    // The name is compared, so its length bounds the work; the longest known name has 30 characters.
    let name: String = name
        .strip_prefix("auth.")
        .unwrap_or(name)
        .to_ascii_lowercase()
        .chars()
        .take(64)
        .collect();
    all()
        .iter()
        .flat_map(|setting| [Some(setting.name), setting.alias].into_iter().flatten())
        .map(|known| (strsim::normalized_damerau_levenshtein(&name, known), known))
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .map(|(_, known)| known)
}

/// All settings, typed, defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `jwt_secret`.
    pub jwt_secret: Option<Secret>,
    /// `jwt_secret_previous`.
    pub jwt_secret_previous: Option<Secret>,
    /// `jwt_issuer`.
    pub jwt_issuer: String,
    /// `jwt_audience`.
    pub jwt_audience: String,
    /// `jwt_leeway`, in seconds.
    pub jwt_leeway_seconds: i64,
    /// `access_token_expiry`, in seconds.
    pub access_token_seconds: i64,
    /// `refresh_token_expiry`, in seconds.
    pub refresh_token_seconds: i64,
    /// `signup_enabled`.
    pub signup_enabled: bool,
    /// `password_min_length` and the four `password_require_…`.
    pub password_policy: PasswordPolicy,
    /// `password_forbidden_words`.
    pub password_forbidden_words: Vec<ForbiddenWord>,
    /// The three `password_hash_…`.
    pub password_hash: Params,
    /// `max_concurrent_hashes`; 0 is the number of cores.
    pub max_concurrent_hashes: u32,
    /// `max_login_attempts`, `max_login_attempts_per_ip`, `lockout_duration` and `lockout_type`.
    pub lockout: crate::lockout::Rules,
    /// `password_max_age_days`, in seconds; `None` for 0.
    pub password_max_age_seconds: Option<i64>,
    /// `temporary_password_expiry`, in seconds.
    pub temporary_password_seconds: i64,
    /// `admins_choose_passwords`.
    pub admins_choose_passwords: bool,
    /// `password_login_enabled`.
    pub password_login_enabled: bool,
    /// `anonymous_enabled`.
    pub anonymous_enabled: bool,
    /// `require_email_verification`.
    pub require_email_verification: bool,
    /// `email_confirmation_expiry`, in seconds.
    pub email_confirmation_seconds: i64,
    /// `password_reset_expiry`, in seconds.
    pub password_reset_seconds: i64,
    /// `magic_link_enabled`.
    pub magic_link_enabled: bool,
    /// `magic_link_expiry`, in seconds.
    pub magic_link_seconds: i64,
    /// `allowed_redirect_urls` and `site_origin`.
    pub allowed_redirects: Vec<AllowedUrl>,
    /// `session_lifetime`, in seconds.
    pub session_seconds: i64,
    /// `totp_issuer`.
    pub totp_issuer: String,
    /// `require_2fa_for_admins`.
    pub require_2fa_for_admins: bool,
    /// `require_2fa_for_users`.
    pub require_2fa_for_users: bool,
    /// `require_2fa_for_sensitive_ops`.
    pub require_2fa_for_sensitive_ops: bool,
    /// `reauthentication_window`, in seconds.
    pub reauthentication_seconds: i64,
    /// `allow_user_client_keys`.
    pub allow_user_client_keys: bool,
    /// `setup_token`.
    pub setup_token: Option<Secret>,
    /// `development`.
    pub development: bool,
}

impl Settings {
    /// Reads the settings that are set; every other has its default.
    ///
    /// # Errors
    /// The first [`SettingError`] met.
    pub fn from_rows<'a>(
        rows: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, SettingError> {
        let mut given: Vec<(&'static Setting, Value)> = Vec::new();
        for (name, text) in rows {
            let setting = find(name)?;
            let value = value::read(setting, text)?;
            match given.iter().find(|(known, _)| known.name == setting.name) {
                Some((_, first)) if *first == value => {}
                Some(_) => {
                    let alias = setting.alias.unwrap_or(setting.name);
                    return Err(SettingError::Conflict {
                        name: setting.name,
                        alias,
                    });
                }
                None => given.push((setting, value)),
            }
        }
        typed::typed(&given)
    }

    /// What these settings expect of a token.
    #[must_use]
    pub fn expected(&self) -> Expected {
        Expected {
            issuer: self.jwt_issuer.clone(),
            audience: self.jwt_audience.clone(),
            leeway_seconds: self.jwt_leeway_seconds,
        }
    }

    /// Adds the shared secrets, current and previous, to `keys`.
    ///
    /// # Errors
    /// None for settings made by [`Self::from_rows`], whose secrets are long enough.
    pub fn push_secrets(&self, keys: &mut Keyring) -> Result<(), KeyError> {
        for secret in [&self.jwt_secret, &self.jwt_secret_previous]
            .into_iter()
            .flatten()
        {
            keys.push_hs256(secret.expose().as_bytes())?;
        }
        Ok(())
    }
}

/// The list as a Markdown table: name, default, what is accepted, what it does.
#[must_use]
pub fn markdown_table() -> String {
    let mut table = String::from("| Setting | Default | Accepted | Meaning |\n|---|---|---|---|\n");
    for setting in all() {
        let alias = setting
            .alias
            .map(|alias| format!(" (also `{alias}`)"))
            .unwrap_or_default();
        let default = if setting.default.is_empty() {
            "not set".to_owned()
        } else {
            format!("`{}`", setting.default)
        };
        table.push_str(&format!(
            "| `{}`{alias} | {default} | {} | {} |\n",
            setting.name,
            setting.kind.accepted(),
            setting.doc
        ));
    }
    table
}

#[cfg(test)]
mod tests;
