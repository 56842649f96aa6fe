//! Words of the context: names of the company, its products, its town. Nobody else's list has them, and whoever guesses
//! begins with them.

use super::common::undone;
use super::policy::{MAX_CHARACTERS, MIN_OWN_CHARACTERS};

/// A word that no new password may contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForbiddenWord {
    word: String,
    /// As it is looked for.
    plain: String,
}

impl ForbiddenWord {
    /// `None` for a word with fewer letters and digits than a part of an address must have to count (it would be in many
    /// good passwords), or with more than a password.
    #[must_use]
    pub fn new(word: &str) -> Option<Self> {
        let word = word.to_lowercase();
        let plain = undone(word.chars().filter(|character| character.is_alphanumeric()));
        let length = plain.chars().take(MAX_CHARACTERS + 1).count();
        (MIN_OWN_CHARACTERS..=MAX_CHARACTERS)
            .contains(&length)
            .then_some(Self { word, plain })
    }

    /// In lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.word
    }
}

/// Whether one of the words is in the password, in any case, with leet undone, whatever symbols stand in between.
///
/// A `!` may be an i or only a mark, so it is read both ways.
pub(super) fn contains_any(password: &str, words: &[ForbiddenWord]) -> bool {
    if words.is_empty() {
        return false;
    }
    let given = || password.chars().take(2 * MAX_CHARACTERS);
    let marks_dropped = undone(given().filter(|character| character.is_alphanumeric()));
    let marks_read = undone(given())
        .chars()
        .filter(|character| character.is_alphanumeric())
        .collect::<String>();
    words
        .iter()
        .any(|word| marks_dropped.contains(&word.plain) || marks_read.contains(&word.plain))
}

#[cfg(test)]
mod tests;
