//! JSON read strictly, and its numbers as they are written.
//!
//! A general reader keeps the last of two equal member names and looks no deeper than it must; the
//! next reader in line (jsonb, another service) may keep the first. Here every name and every
//! string at every depth is looked at, so that what passes means the same to every later reader.
//!
//! A general reader also makes a double of every number, so that 1.10 loses a digit and 1e400, which jsonb holds, is an
//! error. Here a number is its text. Reading goes level by level, each a list of texts that were found well-formed but
//! are not looked into: the outer levels are scanned again for every inner one, which [`MAX_DEPTH`] bounds.

use crate::error::JsonFault;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt};

/// Levels of objects and arrays, the top object included.
pub const MAX_DEPTH: usize = 32;

/// The value of a member, as far as a claim or a header needs it.
#[derive(Debug, PartialEq)]
pub(crate) enum Value<'de> {
    Null,
    Bool(bool),
    Integer(i64),
    /// With a fraction or an exponent, or beyond an `i64`; infinite beyond a double.
    Float(f64),
    Text(Cow<'de, str>),
    /// An array of nothing but texts.
    Texts(Vec<Cow<'de, str>>),
    /// Any other array or object: walked and found sound, not kept.
    Nested,
}

/// One level of a JSON text.
#[derive(Debug)]
pub enum Level<'de> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// As written.
    Number(&'de str),
    /// Escapes resolved.
    Text(Cow<'de, str>),
    /// What stands in an array.
    Items(Vec<&'de RawValue>),
    /// The members of an object, as often as they are there.
    Members(Vec<(Cow<'de, str>, &'de RawValue)>),
}

/// A text that is JSON, not looked into.
///
/// # Errors
/// [`JsonFault::Syntax`].
pub fn parse(text: &str) -> Result<&RawValue, JsonFault> {
    serde_json::from_str(text).map_err(syntax)
}

/// The outermost level of a value.
///
/// # Errors
/// [`JsonFault::Syntax`]: lone surrogates are found here.
pub fn level(value: &RawValue) -> Result<Level<'_>, JsonFault> {
    let text = value.get();
    Ok(match text.as_bytes().first() {
        Some(b'{') => Level::Members(serde_json::from_str::<Members<'_>>(text).map_err(syntax)?.0),
        Some(b'[') => Level::Items(serde_json::from_str(text).map_err(syntax)?),
        Some(b'"') => Level::Text(serde_json::from_str::<Text<'_>>(text).map_err(syntax)?.0),
        Some(b't') => Level::Bool(true),
        Some(b'f') => Level::Bool(false),
        Some(b'n') => Level::Null,
        _ => Level::Number(text),
    })
}

fn syntax(_: serde_json::Error) -> JsonFault {
    JsonFault::Syntax
}

/// An object that means the same to every reader and that jsonb can hold: no name twice, no NUL, no deeper than
/// [`MAX_DEPTH`].
///
/// # Errors
/// What is wrong with it.
pub fn check(bytes: &[u8]) -> Result<&str, JsonFault> {
    walk(bytes, |_, _| ())
}

/// Walks the object in `bytes`, giving each member of the top level to `member`.
///
/// `member` may be called before a fault further on is found: act on nothing until this returns.
pub(crate) fn walk<'de>(
    bytes: &'de [u8],
    mut member: impl FnMut(&str, Value<'de>),
) -> Result<&'de str, JsonFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonFault::NotUtf8)?;
    object(text, 1, &mut member)?;
    Ok(text)
}

/// An object that will stand `depth` levels deep, the level of its own members counted.
pub(crate) fn sound_object(text: &str, depth: usize) -> Result<&str, JsonFault> {
    object(text, depth, &mut |_, _| ())?;
    Ok(text)
}

fn object<'de>(
    text: &'de str,
    depth: usize,
    member: &mut dyn FnMut(&str, Value<'de>),
) -> Result<(), JsonFault> {
    // Every token's payload comes here: one look less than `level` of what was parsed before.
    if text
        .trim_start_matches([' ', '\t', '\n', '\r'])
        .starts_with('{')
    {
        let found = serde_json::from_str::<Members<'_>>(text).map_err(syntax)?;
        return members(found.0, depth, member);
    }
    parse(text)?;
    Err(JsonFault::NotAnObject)
}

fn members<'de>(
    found: Vec<(Cow<'de, str>, &'de RawValue)>,
    depth: usize,
    member: &mut dyn FnMut(&str, Value<'de>),
) -> Result<(), JsonFault> {
    let mut names = Vec::with_capacity(found.len());
    for (name, value) in found {
        let name = sound(name)?;
        member(&name, sound_value(value, depth)?);
        names.push(name);
    }
    // Sorting is n·log n: a payload of a thousand members must not cost a million comparisons.
    names.sort_unstable();
    if names
        .windows(2)
        .any(|pair| matches!(pair, [first, second] if first == second))
    {
        return Err(JsonFault::DuplicateMember);
    }
    Ok(())
}

/// A value that stands in `depth` levels.
fn sound_value(value: &RawValue, depth: usize) -> Result<Value<'_>, JsonFault> {
    let level = level(value)?;
    let deeper = depth + 1;
    if matches!(level, Level::Items(_) | Level::Members(_)) && deeper > MAX_DEPTH {
        return Err(JsonFault::TooDeep);
    }
    Ok(match level {
        Level::Null => Value::Null,
        Level::Bool(flag) => Value::Bool(flag),
        Level::Number(digits) if !jsonb_holds(digits) => return Err(JsonFault::Number),
        Level::Number(digits) => match digits.parse() {
            Ok(integer) => Value::Integer(integer),
            Err(_) => Value::Float(digits.parse().map_err(|_| JsonFault::Syntax)?),
        },
        Level::Text(text) => Value::Text(sound(text)?),
        Level::Items(items) => {
            let mut texts = Some(Vec::new());
            for item in items {
                match (sound_value(item, deeper)?, &mut texts) {
                    (Value::Text(text), Some(texts)) => texts.push(text),
                    (Value::Text(_), None) => {}
                    _ => texts = None,
                }
            }
            texts.map_or(Value::Nested, Value::Texts)
        }
        Level::Members(found) => {
            members(found, deeper, &mut |_, _| ())?;
            Value::Nested
        }
    })
}

/// Whether jsonb takes this number: 131,072 digits before the point and 16,383 behind it.
fn jsonb_holds(number: &str) -> bool {
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let whole = whole.trim_start_matches('-');
    // Even of zero PostgreSQL takes no larger one.
    let Ok(exponent @ -1_073_741_822..=1_073_741_822) = exponent.parse::<i64>() else {
        return false;
    };
    let length = |digits: &str| i64::try_from(digits.len()).unwrap_or(i64::MAX / 4);
    let zeros = |digits: &str| length(digits) - length(digits.trim_start_matches('0'));
    let before_point = match (zeros(whole), zeros(fraction)) {
        (_, leading) if whole == "0" && leading == length(fraction) => 0,
        (_, leading) if whole == "0" => exponent - leading,
        (leading, _) => length(whole) - leading + exponent,
    };
    before_point <= 131_072 && length(fraction) - exponent <= 16_383
}

fn sound(text: Cow<'_, str>) -> Result<Cow<'_, str>, JsonFault> {
    if text.contains('\0') {
        Err(JsonFault::Nul)
    } else {
        Ok(text)
    }
}

/// A text, borrowed where it holds no escapes.
struct Text<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        reader.deserialize_str(Borrowing)
    }
}

struct Members<'de>(Vec<(Cow<'de, str>, &'de RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    members.push((name.0, value));
                }
                Ok(Members(members))
            }
        }
        reader.deserialize_map(All)
    }
}

#[cfg(test)]
mod tests;
