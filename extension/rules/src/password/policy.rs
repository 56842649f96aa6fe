//! What a new password must be.

use super::common;
use super::forbidden::{self, ForbiddenWord};
use thiserror::Error;

/// Longest password, in characters. Long enough for any passphrase; short enough that hashing one
/// costs the same as hashing another.
pub const MAX_CHARACTERS: usize = 128;

/// A shorter part of an address, or a shorter word, says nothing: `ann` is in many good passwords.
pub const MIN_OWN_CHARACTERS: usize = 4;

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
    /// A common word, a keyboard walk or a repetition, whatever is around it. See [`check_new`].
    #[error("it is among the most common passwords")]
    Common,
    /// The address or what is before its `@` is in the password, or the password in the address.
    #[error("it must not be the e-mail address or a part of it")]
    ContainsEmail,
    /// One of the words that somebody listed for this place.
    #[error("it contains a word that is easily guessed here")]
    ForbiddenWord,
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

/// What [`check_policy`] finds, and then whether it is easily guessed all the same: `P@ssw0rd2024!`
/// has twelve characters of all four classes.
///
/// - [`PolicyBreach::Common`]: what remains in lower case with leet undone (`@` for a, `0` for o and
///   so on), without digits and symbols around it and without repetition, is one of the 10,000 most
///   common roots, or a walk over the keyboard or alphabet. What is taken off counts for nothing,
///   however long it is.
/// - [`PolicyBreach::ContainsEmail`]: as its name says, in any case, with leet undone in both. Parts
///   shorter than four characters do not count. `email` is the person's own, when it is known.
/// - [`PolicyBreach::ForbiddenWord`]: likewise for each of `words`, also with symbols in between.
#[must_use]
pub fn check_new(
    password: &str,
    policy: &PasswordPolicy,
    email: Option<&str>,
    words: &[ForbiddenWord],
) -> Vec<PolicyBreach> {
    let mut breaches = check_policy(password, policy);
    if common::is_common(password) {
        breaches.push(PolicyBreach::Common);
    }
    if email.is_some_and(|email| shares_with(password, email)) {
        breaches.push(PolicyBreach::ContainsEmail);
    }
    if forbidden::contains_any(password, words) {
        breaches.push(PolicyBreach::ForbiddenWord);
    }
    breaches
}

/// With leet undone on both sides, so that a name with digits in it is found as well.
fn shares_with(password: &str, email: &str) -> bool {
    // An address has at most 254 characters, and a password as many as count.
    let plain = |text: &str| -> String { common::undone(text.chars().take(2 * MAX_CHARACTERS)) };
    let (password, address) = (plain(password), plain(email));
    let local = email.rsplit_once('@').map_or(email, |(local, _)| local);
    let within = |whole: &str, part: &str| {
        part.chars().count() >= MIN_OWN_CHARACTERS && whole.contains(part)
    };
    // What follows a plus is the person's own addition, and often left out.
    let name = local.split_once('+').map_or(local, |(name, _)| name);
    within(&password, &plain(local))
        || within(&password, &plain(name))
        || within(&password, &address)
        || within(&address, &password)
}

fn is_special(character: char) -> bool {
    !(character.is_alphanumeric() || character.is_whitespace() || character.is_control())
}
