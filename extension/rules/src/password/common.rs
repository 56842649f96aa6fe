//! Whether a password is one of those that are tried first.
//!
//! A list of whole passwords would catch none that the default policy lets through. So the roots of
//! the list are compared with the root of the password: people make a policy's classes by a capital
//! in front and digits and symbols at the end. `common/README.md` names source and licence of the
//! list (MIT).

mod walk;

use super::policy::MAX_CHARACTERS;
use std::cmp::Ordering;

/// One root per line, in ascending order of their [`folded`] bytes.
const WORDS: &str = include_str!("common/words.txt");

/// How many digits and leet symbols at the border of a word may belong to it: `$uperman1`,
/// `princes$1`, `trustno12`.
const BORDER: usize = 3;
/// A unit this short is no better for being repeated.
const SHORT_UNIT: usize = 4;
const REPEATED: usize = 6;

/// See the module's documentation.
pub(super) fn is_common(password: &str) -> bool {
    let lower: Vec<char> = password
        .chars()
        .take(MAX_CHARACTERS)
        .flat_map(char::to_lowercase)
        .collect();
    // Twice: `$uperman` loses its first letter with the symbols, and only without them does
    // `Password1password1!` repeat itself.
    [lower.as_slice(), without_symbols_around(&lower)]
        .into_iter()
        .any(|text| is_plain(text) || units(text).flat_map(spans).any(is_root))
}

/// The character that this one stands for in leet. What is ambiguous is decided by [`folded`].
const fn meant(character: char) -> char {
    match character {
        '@' | '4' => 'a',
        '3' => 'e',
        '1' | '!' => 'i',
        '0' => 'o',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// `1` stands for i and for l: both count as i, in the list too.
const fn folded(byte: u8) -> u8 {
    if byte == b'l' { b'i' } else { byte }
}

/// In lower case, leet undone, l and i alike: for comparing two texts that were both undone.
pub(super) fn undone(text: impl Iterator<Item = char>) -> String {
    text.flat_map(char::to_lowercase)
        .map(meant)
        .map(|character| if character == 'l' { 'i' } else { character })
        .collect()
}

fn without_symbols_around(text: &[char]) -> &[char] {
    let first = text
        .iter()
        .position(|character| character.is_alphanumeric());
    let last = text
        .iter()
        .rposition(|character| character.is_alphanumeric());
    first
        .zip(last)
        .and_then(|(first, last)| text.get(first..=last))
        .unwrap_or_default()
}

/// What the whole text repeats, from the shortest to the text itself.
fn units(text: &[char]) -> impl Iterator<Item = &[char]> {
    (1..=text.len())
        .filter(|length| text.len().is_multiple_of(*length))
        .filter_map(|length| text.get(..length))
        .filter(|unit| text.chunks_exact(unit.len()).all(|part| part == *unit))
}

/// The text between its first and its last letter, with up to [`BORDER`] digits and leet
/// symbols more at either end; the whole text when it has no letter.
fn spans(text: &[char]) -> impl Iterator<Item = &[char]> {
    let first = text.iter().position(|character| character.is_alphabetic());
    let last = text.iter().rposition(|character| character.is_alphabetic());
    let (start, end) = first
        .zip(last)
        .map_or((0, text.len()), |(first, last)| (first, last + 1));
    let may_belong = |c: &&char| c.is_ascii_digit() || meant(**c) != **c;
    let before = text
        .iter()
        .take(start)
        .rev()
        .take(BORDER)
        .take_while(may_belong)
        .count();
    let after = text
        .iter()
        .skip(end)
        .take(BORDER)
        .take_while(may_belong)
        .count();
    (0..=before).flat_map(move |before| {
        (0..=after).filter_map(move |after| text.get(start - before..end + after))
    })
}

/// With leet undone, and as it is, for roots that have digits in them. Other symbols within are
/// left out, `Pass-word` is one of them; but where they are as many as the rest, the rest is chance.
fn is_root(span: &[char]) -> bool {
    let with = |read: fn(char) -> char| -> Vec<char> {
        span.iter()
            .map(|character| read(*character))
            .filter(|character| character.is_alphanumeric())
            .collect()
    };
    let words = [with(|character| character), with(meant)];
    is_plain(span)
        || words
            .iter()
            .filter(|word| word.len() * 2 > span.len())
            .any(|word| is_repeated(word) || units(word).any(is_listed))
}

/// A walk, or a short unit again and again.
fn is_plain(text: &[char]) -> bool {
    walk::is_walk(text) || is_repeated(text)
}

fn is_repeated(text: &[char]) -> bool {
    text.len() >= REPEATED && units(text).any(|unit| unit.len() <= SHORT_UNIT)
}

/// Binary search over the text of the list: no copy of it in every backend of PostgreSQL.
fn is_listed(word: &[char]) -> bool {
    let word: String = word.iter().collect();
    let mut rest = WORDS;
    while !rest.is_empty() {
        let (before, after) = rest.split_at_checked(rest.len() / 2).unwrap_or((rest, ""));
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let end = after
            .find('\n')
            .map_or(rest.len(), |newline| before.len() + newline);
        let line = rest.get(start..end).unwrap_or_default();
        match line.bytes().map(folded).cmp(word.bytes().map(folded)) {
            Ordering::Equal => return true,
            Ordering::Less => rest = rest.get(end + 1..).unwrap_or_default(),
            Ordering::Greater => rest = rest.get(..start.saturating_sub(1)).unwrap_or_default(),
        }
    }
    false
}

#[cfg(test)]
mod tests;
