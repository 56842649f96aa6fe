//! Strings of JSON, as both front ends read and write them.

use std::borrow::{Borrow, Cow};

/// A string that was read: a piece of what it was read from unless it holds escapes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// What is kept by such a key is found by any text.
impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Writes a string.
pub(crate) fn write_string(into: &mut String, text: &str) {
    let is_escaped = |byte: u8| byte < 0x20 || matches!(byte, b'"' | b'\\');
    if text.bytes().any(is_escaped) {
        into.push_str(&serde_json::Value::from(text).to_string());
        return;
    }
    // Nearly all of them, without a copy in between.
    into.push('"');
    into.push_str(text);
    into.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_written_as_serde_writes_them() {
        let every = (0..0x250).filter_map(char::from_u32);
        for text in every.map(|c| format!("a{c}b")).chain(["".to_owned()]) {
            let mut written = String::new();
            write_string(&mut written, &text);
            assert_eq!(written, serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn only_strings_with_escapes_are_copied() {
        let read = |json| serde_json::from_str::<Text<'_>>(json).unwrap().0;
        assert!(matches!(read("\"a é\""), Cow::Borrowed("a é")));
        assert!(matches!(read(r#""a\n""#), Cow::Owned(text) if text == "a\n"));
    }
}
