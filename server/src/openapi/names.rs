//! Names of the database in the places a document has for names, each of which takes other characters.

use serde_json::{Value, json};
use std::fmt::Write as _;

/// A name of components and operations, for one of the database's: letters, digits and `_` stand for themselves, all else
/// for its bytes, so that no two names become one and no name holds the `.` that joins them.
fn component(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "-{byte:02x}");
        }
    }
    out
}

/// Several in one.
pub(super) fn components(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| component(name)).collect();
    names.join(".")
}

/// A segment of a path: nothing in it can be taken for a `/`, or for the braces of a parameter.
pub(super) fn segment(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Where a schema stands.
pub(super) fn schema(component: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{component}")})
}

/// Where a parameter stands.
pub(super) fn parameter(component: &str) -> Value {
    json!({"$ref": format!("#/components/parameters/{component}")})
}

/// Where a response stands.
pub(super) fn response(component: &str) -> Value {
    json!({"$ref": format!("#/components/responses/{component}")})
}

#[cfg(test)]
mod tests {
    use super::{components, segment};

    #[test]
    fn no_two_names_become_one() {
        assert_eq!(components(&["public", "films"]), "public.films");
        assert_eq!(components(&["public", "my films"]), "public.my-20films");
        for other in [["a.b", "c"], ["a", "b.c"], ["a-2eb", "c"]] {
            assert_ne!(components(&other), components(&["a", "b", "c"]));
        }
        assert_ne!(components(&["a.b"]), components(&["a-2eb"]));
        assert_ne!(components(&["é"]), components(&["-c3-a9"]));
    }

    #[test]
    fn a_segment_is_one_and_has_no_parameter() {
        assert_eq!(segment("films"), "films");
        assert_eq!(segment("a/b {id}?é%"), "a%2Fb%20%7Bid%7D%3F%C3%A9%25");
    }
}
