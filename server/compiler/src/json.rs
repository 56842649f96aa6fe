//! JSON as both front ends read and write it. Nothing is judged here: what is read was checked before.

use std::borrow::Cow;

/// Reads JSON that has been checked, from its beginning to its end. What comes next is seen before it is read, so that
/// nothing is read twice however deep it lies, and a number stays as it is written. Of what is no JSON it makes nonsense,
/// and comes to an end.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Reader {
            rest: text.trim_ascii(),
        }
    }

    /// The first byte of what comes next.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.bytes().next()
    }

    /// The value that comes next, as it is written.
    pub(crate) fn value(&mut self) -> &'a str {
        let bytes = self.rest.as_bytes();
        let end = match bytes.first() {
            Some(b'"') => string_end(bytes),
            Some(b'[' | b'{') => brackets_end(bytes),
            _ => bytes.iter().position(|byte| is_behind(*byte)),
        };
        self.take(end)
    }

    /// The next member's name; its value comes next.
    pub(crate) fn name(&mut self) -> Cow<'a, str> {
        let written = self.value();
        self.pass(b':');
        string(written).unwrap_or_default()
    }

    /// Goes into the list or object that comes next, and says whether it holds anything.
    pub(crate) fn enter(&mut self) -> bool {
        self.take(Some(1));
        !self.leave()
    }

    /// Goes on behind an item or a member, and says whether another one follows.
    pub(crate) fn next(&mut self) -> bool {
        let follows = self.pass(b',');
        if !follows {
            self.leave();
        }
        follows
    }

    fn leave(&mut self) -> bool {
        self.rest.is_empty() || self.pass(b']') || self.pass(b'}')
    }

    fn pass(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.take(Some(1));
        }
        found
    }

    /// What ends there, or the whole rest.
    fn take(&mut self, end: Option<usize>) -> &'a str {
        let split = end.and_then(|end| self.rest.split_at_checked(end));
        let (taken, rest) = split.unwrap_or((self.rest, ""));
        self.rest = rest.trim_ascii_start();
        taken
    }
}

/// What a string says that is given as it is written; `None` for any other value.
pub(crate) fn string(written: &str) -> Option<Cow<'_, str>> {
    let inner = written.strip_prefix('"')?.strip_suffix('"')?;
    if inner.as_bytes().contains(&b'\\') {
        return serde_json::from_str(written).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// Whether a number or a word ends before it.
fn is_behind(byte: u8) -> bool {
    matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r')
}

/// Where the string ends that begins there.
fn string_end(bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes.iter().enumerate().skip(1);
    while let Some((place, byte)) = rest.next() {
        match byte {
            b'"' => return Some(place + 1),
            b'\\' => drop(rest.next()),
            _ => {}
        }
    }
    None
}

/// Where the list or object ends that begins there.
fn brackets_end(bytes: &[u8]) -> Option<usize> {
    let (mut place, mut open) = (0, 0_usize);
    loop {
        let rest = bytes.get(place..)?;
        let byte = rest.first()?;
        match byte {
            b'[' | b'{' => open += 1,
            b']' | b'}' => open -= 1,
            _ => {}
        }
        place += match byte {
            b'"' => string_end(rest)?,
            _ => 1,
        };
        if open == 0 {
            return Some(place);
        }
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
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn strings_are_written_as_serde_writes_them() {
        let every = (0..0x250).filter_map(char::from_u32);
        for text in every.map(|c| format!("a{c}b")).chain([String::new()]) {
            let mut written = String::new();
            write_string(&mut written, &text);
            assert_eq!(written, serde_json::to_string(&text).unwrap());
            assert_eq!(string(&written).as_deref(), Some(text.as_str()));
        }
    }

    #[test]
    fn only_strings_with_escapes_are_copied() {
        assert!(matches!(string("\"a é\""), Some(Cow::Borrowed("a é"))));
        assert!(matches!(string(r#""a\n""#), Some(Cow::Owned(text)) if text == "a\n"));
        for other in ["", "\"", "null", "1", "[\"a\"]", "{\"a\":\"b\"}"] {
            assert_eq!(string(other), None, "{other}");
        }
    }

    /// JSON with blanks wherever they may be.
    fn json() -> impl Strategy<Value = String> {
        let blank = || prop::sample::select(vec!["", " ", "\n", "\t\r "]);
        let string = prop::string::string_regex("[a-c\"\\\\\\[\\]{},:é\n]{0,6}").unwrap();
        let string = string
            .prop_map(|text| serde_json::to_string(&text).unwrap())
            .boxed();
        let scalar = prop::sample::select(vec!["null", "true", "-1.50e+3", "0", "\"\\u0041\\\"\""]);
        let leaf = prop_oneof![string.clone(), scalar.prop_map(str::to_owned)];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            let item = (blank(), inner, blank()).prop_map(|(a, b, c)| format!("{a}{b}{c}"));
            let items = prop::collection::vec(item.clone(), 0..4);
            let member = (blank(), string.clone(), blank(), item)
                .prop_map(|(a, name, b, value)| format!("{a}{name}{b}:{value}"));
            let members = prop::collection::vec(member, 0..4);
            prop_oneof![
                items.prop_map(|all| format!("[{}]", all.join(","))),
                members.prop_map(|all| format!("{{{}}}", all.join(","))),
            ]
        })
    }

    /// Every value inside, as serde finds it and as the reader does.
    fn same(text: &str) {
        let mut reader = Reader::new(text);
        match reader.peek() {
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).unwrap();
                let mut more = reader.enter();
                for item in items {
                    assert!(more);
                    let found = reader.value();
                    assert_eq!(found, item.get());
                    same(found);
                    more = reader.next();
                }
                assert!(!more);
            }
            Some(b'{') => {
                let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap();
                let mut found = BTreeMap::new();
                let mut more = reader.enter();
                while more {
                    let name = reader.name().into_owned();
                    found.insert(name, reader.value());
                    more = reader.next();
                }
                let members: BTreeMap<String, &str> = members
                    .iter()
                    .map(|(name, raw)| (name.clone(), raw.get()))
                    .collect();
                assert_eq!(found, members);
                found.values().for_each(|value| same(value));
            }
            _ => {
                assert_eq!(reader.value(), text.trim());
                let read: serde_json::Value = serde_json::from_str(text).unwrap();
                assert_eq!(string(text.trim()).as_deref(), read.as_str());
            }
        }
        assert_eq!(reader.peek(), None);
    }

    proptest! {
        #[test]
        fn values_are_found_where_serde_finds_them(text in json()) {
            same(&text);
        }

        /// What is no JSON never comes here; if it did, nothing would hang or panic.
        #[test]
        fn nonsense_comes_to_an_end(text in "[\\[\\]{}\",:\\\\ aé1]{0,12}") {
            let mut reader = Reader::new(&text);
            let mut more = reader.enter();
            while more {
                let _ = (reader.name(), reader.value());
                more = reader.next();
            }
        }
    }
}
