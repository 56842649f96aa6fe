//! The body of an account endpoint: an object whose members are looked at one by one.

use crate::error::Failure;
use fluxbase_rules::error::JsonFault;
use fluxbase_rules::json;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The members as sent; numbers keep their digits. Has no `Debug`: passwords are in it.
///
/// Members nobody asks for are passed over, clients send fields of features that are not offered (captcha, challenge)
/// and fields a client may not set (`app_metadata`) always. Two of one name are refused, at whatever depth: which one counts
/// would be a guess.
pub struct Body(BTreeMap<String, Box<RawValue>>);

impl Body {
    /// Reads the body; none at all is an empty object, which is how clients send a POST without one.
    ///
    /// # Errors
    /// When it is no object, or one that PostgreSQL cannot take.
    pub fn read(bytes: &[u8]) -> Result<Self, Failure> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(BTreeMap::new()));
        }
        json::check(bytes)
            .and_then(|text| serde_json::from_str(text).map_err(|_| JsonFault::Syntax))
            .map(Self)
            .map_err(|fault| match fault {
                JsonFault::TooDeep => Failure::malformed(format!(
                    "The body is nested deeper than {} levels",
                    json::MAX_DEPTH
                )),
                JsonFault::Number => Failure::malformed(
                    "The body has a number with more digits than PostgreSQL holds",
                ),
                JsonFault::Nul => Failure::malformed("The body must not hold a NUL character"),
                JsonFault::NotUtf8
                | JsonFault::Syntax
                | JsonFault::NotAnObject
                | JsonFault::DuplicateMember => {
                    Failure::malformed("The body must be a JSON object without repeated members")
                }
            })
    }

    /// A text; `None` when absent or null.
    ///
    /// # Errors
    /// When it is something else.
    pub fn text(&self, name: &str) -> Result<Option<String>, Failure> {
        let Some(raw) = self.0.get(name) else {
            return Ok(None);
        };
        match serde_json::from_str::<Value>(raw.get()) {
            Ok(Value::Null) => Ok(None),
            Ok(Value::String(text)) => Ok(Some(text)),
            _ => Err(Failure::malformed(format!(
                "The field {name} must be a text"
            ))),
        }
    }

    /// `true` or `false`; `None` when absent or null.
    ///
    /// # Errors
    /// When it is something else.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Failure> {
        match self.0.get(name).map(|raw| raw.get()) {
            None | Some("null") => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Failure::malformed(format!(
                "The field {name} must be true or false"
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

    /// Whether there is a member of that name, null aside.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|raw| raw.get() != "null")
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
        self.whole_with(None)
    }

    /// The same with `true` in this member, whatever was sent.
    #[must_use]
    pub fn whole_with(&self, set: Option<&str>) -> String {
        let sent = self
            .0
            .iter()
            .filter(|(name, _)| Some(name.as_str()) != set)
            .map(|(name, raw)| (name.as_str(), raw.get()));
        let members: Vec<String> = sent
            .chain(set.map(|name| (name, "true")))
            .map(|(name, raw)| format!("{}:{raw}", Value::from(name)))
            .collect();
        format!("{{{}}}", members.join(","))
    }
}
