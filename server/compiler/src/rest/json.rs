//! One pass over the JSON body of a write. It is checked here, and reaches PostgreSQL as the one text it was.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::MAX_JSON_DEPTH;
use super::distinct::Distinct;
use super::payload::Payload;
use crate::error::BodyError;

/// Checks a body: JSON, an object or (`many`) also an array of objects, no key twice, not too deep, no NUL.
pub(super) fn parse(body: &[u8], many: bool) -> Result<Payload<'_>, BodyError> {
    let text = text(body)?;
    let check = Check {
        refusal: Cell::new(None),
        many,
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Body(&check)
        .deserialize(&mut reader)
        .and_then(|rows| reader.end().map(|()| rows));
    match (check.refusal.take(), read) {
        (Some(refusal), _) => Err(refusal),
        (None, Ok(rows)) => Ok(Payload {
            many: rows.many,
            text: Cow::Borrowed(text),
            keys: rows.keys.names,
            rows: rows.rows,
        }),
        (None, Err(error)) => Err(not_json(error)),
    }
}

fn text(body: &[u8]) -> Result<&str, BodyError> {
    std::str::from_utf8(body).map_err(|error| {
        let read = body.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + read.iter().filter(|byte| **byte == b'\n').count();
        let column = 1 + read.iter().rev().take_while(|byte| **byte != b'\n').count();
        BodyError::NotJson { line, column }
    })
}

/// Whether a body can only be an object, if it is JSON at all.
pub(super) fn is_object(body: &[u8]) -> bool {
    body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// Checks that a body is JSON of any type.
pub(super) fn check(body: &[u8]) -> Result<(), BodyError> {
    serde_json::from_slice::<serde::de::IgnoredAny>(body)
        .map(|_| ())
        .map_err(not_json)
}

/// Checks that a body is JSON of any type, with no key twice, not too deep, no NUL; its text.
pub(super) fn checked(body: &[u8]) -> Result<&str, BodyError> {
    let text = text(body)?;
    strict(text, 1)?;
    Ok(text)
}

/// Checks a text that stands `depth` levels deep in what is sent: JSON, no key twice, not too deep, no NUL.
pub(crate) fn strict(text: &str, depth: usize) -> Result<(), BodyError> {
    let check = Check {
        refusal: Cell::new(None),
        many: false,
    };
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Anything {
        check: &check,
        depth,
    }
    .deserialize(&mut reader)
    .and_then(|()| reader.end());
    match (check.refusal.take(), read) {
        (Some(refusal), _) => Err(refusal),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) => Err(not_json(error)),
    }
}

/// Where the text stops being JSON.
pub(super) fn not_json(error: serde_json::Error) -> BodyError {
    BodyError::NotJson {
        line: error.line(),
        column: error.column(),
    }
}

/// serde's errors are texts; the precise reason waits here.
struct Check {
    refusal: Cell<Option<BodyError>>,
    many: bool,
}

impl Check {
    fn refuse<E: serde::de::Error>(&self, refusal: BodyError) -> E {
        self.refusal.set(Some(refusal));
        E::custom("refused")
    }

    fn wrong_type<E: serde::de::Error>(&self) -> E {
        self.refuse(BodyError::WrongType(if self.many {
            "an object or an array of objects"
        } else {
            "an object"
        }))
    }

    fn text<E: serde::de::Error>(&self, text: &str) -> Result<(), E> {
        if text.contains('\0') {
            Err(self.refuse(BodyError::Nul))
        } else {
            Ok(())
        }
    }
}

#[derive(Default)]
struct Rows<'a> {
    many: bool,
    keys: Keys<'a>,
    rows: Vec<Vec<usize>>,
}

/// Names in order of first appearance.
#[derive(Default)]
struct Keys<'a> {
    names: Vec<Cow<'a, str>>,
    positions: HashMap<Cow<'a, str>, usize>,
}

impl<'a> Keys<'a> {
    fn position(&mut self, name: Cow<'a, str>) -> usize {
        let next = self.names.len();
        *self.positions.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            next
        })
    }
}

/// Makes the seven ways JSON can be a scalar one refusal.
macro_rules! refuse_scalars {
    ($($visit:ident: $kind:ty),*) => {
        $(fn $visit<E: serde::de::Error>(self, _: $kind) -> Result<Self::Value, E> {
            Err(self.wrong_type())
        })*
        fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
            Err(self.wrong_type())
        }
    };
}

/// The whole body.
struct Body<'c>(&'c Check);

impl<'c> Body<'c> {
    fn wrong_type<E: serde::de::Error>(&self) -> E {
        self.0.wrong_type()
    }
}

impl<'de> DeserializeSeed<'de> for Body<'_> {
    type Value = Rows<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Rows<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Body<'_> {
    type Value = Rows<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rows")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Rows<'de>, A::Error> {
        let mut rows = Rows::default();
        let row = Row {
            check: self.0,
            keys: &mut rows.keys,
            depth: 1,
        }
        .visit_map(map)?;
        rows.rows.push(row);
        Ok(rows)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Rows<'de>, A::Error> {
        if !self.0.many {
            return Err(self.0.wrong_type());
        }
        let mut rows = Rows {
            many: true,
            ..Rows::default()
        };
        while let Some(row) = seq.next_element_seed(Row {
            check: self.0,
            keys: &mut rows.keys,
            depth: 2,
        })? {
            rows.rows.push(row);
        }
        Ok(rows)
    }

    refuse_scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
}

/// One row: its keys are names of columns, its values anything.
struct Row<'c, 'k, 'de> {
    check: &'c Check,
    keys: &'k mut Keys<'de>,
    depth: usize,
}

impl Row<'_, '_, '_> {
    fn wrong_type<E: serde::de::Error>(&self) -> E {
        self.check.wrong_type()
    }
}

impl<'de> DeserializeSeed<'de> for Row<'_, '_, 'de> {
    type Value = Vec<usize>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<usize>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Row<'_, '_, 'de> {
    type Value = Vec<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<usize>, A::Error> {
        let mut seen = Distinct::default();
        while let Some(name) = map.next_key_seed(Key(self.check))? {
            let position = self.keys.position(name.clone());
            if !seen.insert(position) {
                return Err(self
                    .check
                    .refuse(BodyError::DuplicateKey(name.as_ref().into())));
            }
            map.next_value_seed(Anything {
                check: self.check,
                depth: self.depth + 1,
            })?;
        }
        let mut row = seen.values;
        row.sort_unstable();
        Ok(row)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<Vec<usize>, A::Error> {
        Err(self.check.wrong_type())
    }

    refuse_scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
}

/// A key, borrowed from the body unless it holds escapes.
struct Key<'c>(&'c Check);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, key: &'de str) -> Result<Self::Value, E> {
        self.0.text(key).map(|()| Cow::Borrowed(key))
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        self.0.text(key).map(|()| Cow::Owned(key.to_owned()))
    }
}

/// Any value; nothing of it is kept.
#[derive(Clone, Copy)]
struct Anything<'c> {
    check: &'c Check,
    /// Of this value, were it an object or array; the outermost one has 1.
    depth: usize,
}

impl Anything<'_> {
    fn descend<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth > MAX_JSON_DEPTH {
            return Err(self.check.refuse(BodyError::TooDeep(MAX_JSON_DEPTH)));
        }
        Ok(Anything {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'de> DeserializeSeed<'de> for Anything<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Anything<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.descend()?;
        let mut seen = Distinct::default();
        while let Some(key) = map.next_key_seed(Key(self.check))? {
            map.next_value_seed(inner)?;
            if !seen.insert(key.clone()) {
                return Err(self
                    .check
                    .refuse(BodyError::DuplicateKey(key.as_ref().into())));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.descend()?;
        while seq.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.check.text(text)
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
