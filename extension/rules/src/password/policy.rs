//! What a new password must be.

use thiserror::Error;

/// Longest password, in characters. Long enough for any passphrase; short enough that hashing one
/// costs the same as hashing another.
pub const MAX_CHARACTERS: usize = 128;

/// The rules for new passwords. Existing ones are never judged by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// Least length in characters (Unicode scalar values).
    pub min_characters: usize,
    /// At least one upper-case letter, of any script.
    pub require_uppercase: bool,
    /// At least one lower-case letter, of any script.
    pub require_lowercase: bool,
    /// At least one digit, of any script.
    pub require_number: bool,
    /// At least one character that is neither letter, digit, space nor control character: all of
    /// Unicode's punctuation and symbols, `!@#$%^&*` among them.
    pub require_special: bool,
}

impl Default for PasswordPolicy {
    /// Twelve characters of all four classes.
    fn default() -> Self {
        Self {
            min_characters: 12,
            require_uppercase: true,
            require_lowercase: true,
            require_number: true,
            require_special: true,
        }
    }
}

/// A rule that a password breaks. The text can be shown to the person choosing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PolicyBreach {
    /// Fewer characters than asked for.
    #[error("at least {min} characters are needed")]
    TooShort {
        /// The least length.
        min: usize,
    },
    /// More than [`MAX_CHARACTERS`].
    #[error("at most {MAX_CHARACTERS} characters are possible")]
    TooLong,
    /// A NUL character: PostgreSQL could not take it as a parameter.
    #[error("a NUL character is not possible")]
    ContainsNul,
    /// No upper-case letter.
    #[error("an uppercase letter is needed")]
    NoUppercase,
    /// No lower-case letter.
    #[error("a lowercase letter is needed")]
    NoLowercase,
    /// No digit.
    #[error("a number is needed")]
    NoNumber,
    /// No special character.
    #[error("a special character is needed")]
    NoSpecial,
}

/// Every rule the password breaks, in a fixed order; empty when it is good.
#[must_use]
pub fn check_policy(password: &str, policy: &PasswordPolicy) -> Vec<PolicyBreach> {
    // Counting stops just past the bound: the length of the text is the sender's choice.
    let length = password.chars().take(MAX_CHARACTERS + 1).count();
    let has = |class: fn(char) -> bool| password.chars().take(MAX_CHARACTERS + 1).any(class);
    let min = policy.min_characters;
    [
        (length < min, PolicyBreach::TooShort { min }),
        (length > MAX_CHARACTERS, PolicyBreach::TooLong),
        (password.contains('\0'), PolicyBreach::ContainsNul),
        (
            policy.require_uppercase && !has(char::is_uppercase),
            PolicyBreach::NoUppercase,
        ),
        (
            policy.require_lowercase && !has(char::is_lowercase),
            PolicyBreach::NoLowercase,
        ),
        (
            policy.require_number && !has(char::is_numeric),
            PolicyBreach::NoNumber,
        ),
        (
            policy.require_special && !has(is_special),
            PolicyBreach::NoSpecial,
        ),
    ]
    .into_iter()
    .filter_map(|(broken, breach)| broken.then_some(breach))
    .collect()
}

fn is_special(character: char) -> bool {
    !(character.is_alphanumeric() || character.is_whitespace() || character.is_control())
}
