//! Bytes of the query string → text, and a cursor over it.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::{Error, QueryError};

/// Splits a raw query string at `&` and `=`, decoding each side exactly once.
pub(super) fn parameters<'a>(
    query: &'a str,
) -> impl Iterator<Item = Result<(Cow<'a, str>, Cow<'a, str>), Error>> {
    query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            Ok((decode(key)?, decode(value)?))
        })
}

/// Percent-decoding as forms do it: `+` is a space. Text without escapes is borrowed.
fn decode(raw: &str) -> Result<Cow<'_, str>, Error> {
    if !raw.bytes().any(|byte| matches!(byte, b'%' | b'+' | 0)) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => match (rest.next().and_then(hex), rest.next().and_then(hex)) {
                (Some(high), Some(low)) => high << 4 | low,
                _ => {
                    return Err(
                        QueryError::Encoding("a % that two hex digits do not follow").into(),
                    );
                }
            },
            other => other,
        });
    }
    if bytes.contains(&0) {
        return Err(QueryError::Encoding("a NUL character").into());
    }
    String::from_utf8(bytes)
        .map(Cow::Owned)
        .map_err(|_| QueryError::Encoding("bytes that are not UTF-8").into())
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Reads one decoded parameter from left to right. What it hands out lives as long as the request where it can.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    parameter: Cow<'a, str>,
    text: Cow<'a, str>,
    at: usize,
}

impl<'a> Cursor<'a> {
    /// `parameter` is what errors call the text.
    pub(super) fn new(parameter: Cow<'a, str>, text: Cow<'a, str>) -> Self {
        Cursor {
            parameter,
            text,
            at: 0,
        }
    }

    /// What is still unread.
    pub(super) fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Steps over `token` if it comes next.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    pub(super) fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches(' ').len();
    }

    /// Reads up to the first character that stops it, or to the end.
    pub(super) fn until(&mut self, stops: impl Fn(char) -> bool) -> Cow<'a, str> {
        let length = self.rest().find(stops).unwrap_or(self.rest().len());
        self.take(length)
    }

    /// Reads all that is left.
    pub(super) fn remainder(&mut self) -> Cow<'a, str> {
        self.take(self.rest().len())
    }

    /// Reads `length` bytes; the caller has found that boundary in [`Self::rest`].
    fn take(&mut self, length: usize) -> Cow<'a, str> {
        let range = self.at..self.at + length;
        self.at = range.end;
        self.slice(range)
    }

    fn slice(&self, range: Range<usize>) -> Cow<'a, str> {
        match &self.text {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(range).unwrap_or_default()),
            Cow::Owned(text) => Cow::Owned(text.get(range).unwrap_or_default().to_owned()),
        }
    }

    /// Reads `"…"` if it comes next; inside, a backslash protects the character behind it.
    pub(super) fn quoted(&mut self) -> Result<Option<Cow<'a, str>>, Error> {
        if !self.eat("\"") {
            return Ok(None);
        }
        let plain = self.until(|c| matches!(c, '"' | '\\'));
        if self.eat("\"") {
            return Ok(Some(plain));
        }
        let mut text = plain.into_owned();
        loop {
            let mut rest = self.rest().chars();
            match (rest.next(), rest.next()) {
                (Some('"'), _) => {
                    self.at += 1;
                    return Ok(Some(Cow::Owned(text)));
                }
                (Some('\\'), Some(protected)) => {
                    text.push(protected);
                    self.at += 1 + protected.len_utf8();
                }
                (Some('\\'), None) | (None, _) => {
                    return Err(self.malformed("a quote is not closed"));
                }
                (Some(other), _) => {
                    text.push(other);
                    self.at += other.len_utf8();
                }
            }
        }
    }

    /// Reads a `{…}` with everything nested in it, if it comes next: a comma inside separates nothing.
    pub(super) fn braced(&mut self) -> Result<Option<Cow<'a, str>>, Error> {
        if !self.rest().starts_with('{') {
            return Ok(None);
        }
        let (mut depth, mut in_string, mut protected, mut end) = (0_usize, false, false, None);
        for (index, c) in self.rest().char_indices() {
            match c {
                _ if protected => protected = false,
                '\\' if in_string => protected = true,
                '"' => in_string = !in_string,
                '{' if !in_string => depth += 1,
                '}' if !in_string => {
                    depth -= 1;
                    if depth == 0 {
                        end = Some(index + 1);
                        break;
                    }
                }
                _ => {}
            }
        }
        match end {
            Some(length) => Ok(Some(self.take(length))),
            None => Err(self.malformed("a brace is not closed")),
        }
    }

    /// The parameter cannot be read at this place.
    pub(super) fn malformed(&self, problem: &str) -> Error {
        let found = match self.rest().chars().next() {
            Some(c) => format!("{problem}, found {c:?} at character {}", self.position()),
            None => format!("{problem}, found its end"),
        };
        QueryError::Malformed {
            parameter: self.parameter.as_ref().into(),
            problem: found,
        }
        .into()
    }

    fn position(&self) -> usize {
        self.text
            .get(..self.at)
            .map_or(0, |read| read.chars().count())
            + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(raw: &str) -> Result<String, Error> {
        decode(raw).map(Cow::into_owned)
    }

    #[test]
    fn decoding_happens_once() {
        assert_eq!(decoded("a%2525+b%2Bc").unwrap(), "a%25 b+c");
        assert_eq!(decoded("%C3%BC").unwrap(), "ü");
        assert!(matches!(
            decode("plain.text"),
            Ok(Cow::Borrowed("plain.text"))
        ));
    }

    #[test]
    fn truncated_and_invalid_escapes_are_refused() {
        for raw in ["%", "%4", "%zz", "%+1", "a%2"] {
            assert!(decoded(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        for raw in ["%ff", "%C3", "%ED%A0%80", "a%00b", "a\0b"] {
            assert!(decoded(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn a_parameter_without_a_value_is_empty() {
        let all: Vec<_> = parameters("a&b=&=c&&d=e=f").map(Result::unwrap).collect();
        let expected = [("a", ""), ("b", ""), ("", "c"), ("d", "e=f")];
        assert_eq!(all, expected.map(|(k, v)| (Cow::from(k), Cow::from(v))));
    }

    #[test]
    fn quotes_protect_everything_but_their_end() {
        let mut cursor = Cursor::new("x".into(), r#""a,\"b\\)"rest"#.into());
        assert_eq!(cursor.quoted().unwrap().unwrap(), r#"a,"b\)"#);
        assert_eq!(cursor.rest(), "rest");
        for open in ["\"abc", "\"abc\\", "\"abc\\\""] {
            assert!(
                Cursor::new("x".into(), open.into()).quoted().is_err(),
                "{open}"
            );
        }
    }

    #[test]
    fn braces_are_read_whole() {
        let mut cursor = Cursor::new("x".into(), r#"{"a":"}\"",{b}},c"#.into());
        assert_eq!(cursor.braced().unwrap().unwrap(), r#"{"a":"}\"",{b}}"#);
        assert!(Cursor::new("x".into(), "{a".into()).braced().is_err());
    }
}
