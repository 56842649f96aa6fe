//! A JSON object read once, strictly.
//!
//! A general reader keeps the last of two equal member names and looks no deeper than it must; the
//! next reader in line (jsonb, another service) may keep the first. Here every name and every
//! string at every depth is looked at, so that what passes means the same to every later reader.

use crate::error::JsonFault;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::{borrow::Cow, cell::Cell, fmt};

/// Levels of objects and arrays, the top object included.
const MAX_DEPTH: usize = 32;

/// The value of a member, as far as a claim or a header needs it.
#[derive(Debug, PartialEq)]
pub(crate) enum Value<'de> {
    Null,
    Bool(bool),
    Integer(i64),
    /// With a fraction or an exponent, or beyond an `i64`.
    Float(f64),
    Text(Cow<'de, str>),
    /// An array of nothing but texts.
    Texts(Vec<Cow<'de, str>>),
    /// Any other array or object: walked and found sound, not kept.
    Nested,
}

/// Walks the object in `bytes`, giving each member of the top level to `member`.
///
/// `member` may be called before a fault further on is found: act on nothing until this returns.
pub(crate) fn walk<'de>(
    bytes: &'de [u8],
    mut member: impl FnMut(&str, Value<'de>),
) -> Result<&'de str, JsonFault> {
    let text = std::str::from_utf8(bytes).map_err(|_| JsonFault::NotUtf8)?;
    let fault = Cell::new(JsonFault::Syntax);
    let mut reader = serde_json::Deserializer::from_str(text);
    let seed = Seed {
        fault: &fault,
        depth: 0,
        member: Some(&mut member),
    };
    match seed
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
    {
        Ok(Value::Nested) if text.trim_start().starts_with('{') => Ok(text),
        Ok(_) => Err(JsonFault::NotAnObject),
        Err(_) => Err(fault.get()),
    }
}

type Member<'a, 'de> = &'a mut dyn FnMut(&str, Value<'de>);

struct Seed<'a, 'de> {
    /// serde_json's errors carry only text; the precise fault travels beside them.
    fault: &'a Cell<JsonFault>,
    depth: usize,
    member: Option<Member<'a, 'de>>,
}

impl<'de> Seed<'_, 'de> {
    fn fail<T, E: Error>(&self, fault: JsonFault) -> Result<T, E> {
        self.fault.set(fault);
        Err(E::custom(fault))
    }

    fn sound<E: Error>(&self, text: Cow<'de, str>) -> Result<Cow<'de, str>, E> {
        if text.contains('\0') {
            self.fail(JsonFault::Nul)
        } else {
            Ok(text)
        }
    }

    fn deeper<E: Error>(&self) -> Result<usize, E> {
        let depth = self.depth + 1;
        if depth > MAX_DEPTH {
            self.fail(JsonFault::TooDeep)
        } else {
            Ok(depth)
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_, 'de> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value<'de>, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, 'de> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value<'de>, E> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "beyond an i64 only the magnitude counts"
        )]
        Ok(i64::try_from(value).map_or(Value::Float(value as f64), Value::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value<'de>, E> {
        Ok(Value::Float(value))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        self.sound(Cow::Borrowed(text)).map(Value::Text)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        self.sound(Cow::Owned(text.to_owned())).map(Value::Text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let depth = self.deeper()?;
        let mut texts = Some(Vec::new());
        while let Some(item) = items.next_element_seed(Seed {
            fault: self.fault,
            depth,
            member: None,
        })? {
            match (item, &mut texts) {
                (Value::Text(text), Some(texts)) => texts.push(text),
                (Value::Text(_), None) => {}
                _ => texts = None,
            }
        }
        Ok(texts.map_or(Value::Nested, Value::Texts))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value<'de>, A::Error> {
        let depth = self.deeper()?;
        let mut names = Vec::new();
        while let Some(name) = members.next_key_seed(Seed {
            fault: self.fault,
            depth,
            member: None,
        })? {
            let Value::Text(name) = name else {
                return self.fail(JsonFault::Syntax);
            };
            let value = members.next_value_seed(Seed {
                fault: self.fault,
                depth,
                member: None,
            })?;
            if let Some(member) = self.member.as_mut() {
                member(&name, value);
            }
            names.push(name);
        }
        // Sorting is n·log n: a payload of a thousand members must not cost a million comparisons.
        names.sort_unstable();
        if names
            .windows(2)
            .any(|pair| matches!(pair, [first, second] if first == second))
        {
            return self.fail(JsonFault::DuplicateMember);
        }
        Ok(Value::Nested)
    }
}
