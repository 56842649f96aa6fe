//! The body of an account endpoint: an object whose members are looked at one by one.

use crate::error::Failure;
use serde::Deserialize;
use serde::de::{Error, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// The members as sent; numbers keep their digits. Has no `Debug`: passwords are in it.
///
/// Members nobody asks for are passed over, clients send fields of features that are not offered (captcha, challenge)
/// and fields a client may not set (`app_metadata`) always. Two of one name are refused: which one counts would be a
/// guess.
pub struct Body(BTreeMap<String, Box<RawValue>>);

impl Body {
    /// Reads the body; none at all is an empty object, which is how clients send a POST without one.
    ///
    /// # Errors
    /// When it is no object.
    pub fn read(bytes: &[u8]) -> Result<Self, Failure> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(BTreeMap::new()));
        }
        serde_json::from_slice::<Members>(bytes)
            .map(|members| Self(members.0))
            .map_err(|_| {
                Failure::malformed("The body must be a JSON object without repeated members")
            })
    }

    /// A text; `None` when absent or null.
    ///
    /// # Errors
    /// When it is something else, or holds NUL, which PostgreSQL cannot take.
    pub fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        let Some(raw) = self.0.get(name) else {
            return Ok(None);
        };
        match serde_json::from_str::<Value>(raw.get()) {
            Ok(Value::Null) => Ok(None),
            Ok(Value::String(text)) if text.contains('\0') => Err(Failure::malformed(format!(
                "The field {name} must not hold a NUL character"
            ))),
            Ok(Value::String(text)) => Ok(Some(text)),
            _ => Err(Failure::malformed(format!(
                "The field {name} must be a text"
            ))),
        }
    }

    /// A code, which one client sends as `{"code": {"code": "123456"}}` (its library wraps its argument).
    ///
    /// # Errors
    /// As [`Self::text`].
    pub fn code(&self) -> Result<Option<String>, Failure> {
        if let Some(raw) = self.0.get("code")
            && raw.get().starts_with('{')
        {
            return Self::read(raw.get().as_bytes())?.text("code");
        }
        self.text("code")
    }

    /// An object as JSON text; `None` when absent or null.
    ///
    /// # Errors
    /// When it is something else.
    pub fn object(&self, name: &str) -> Result<Option<&str>, Failure> {
        match self.0.get(name).map(|raw| raw.get()) {
            None | Some("null") => Ok(None),
            Some(object) if object.starts_with('{') => Ok(Some(object)),
            Some(_) => Err(Failure::malformed(format!(
                "The field {name} must be an object"
            ))),
        }
    }

    /// The whole of it as JSON text.
    #[must_use]
    pub fn whole(&self) -> String {
        let members: Vec<String> = self
            .0
            .iter()
            .map(|(name, raw)| format!("{}:{}", Value::from(name.as_str()), raw.get()))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}

struct Members(BTreeMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Once;
        impl<'de> Visitor<'de> for Once {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member is repeated"));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Once)
    }
}
