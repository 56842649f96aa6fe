//! What things of the database are called in GraphQL: one rule, so that a name never depends on what else there is
//! unless two things would have the same one.
//!
//! A name of the database is cut into words at every character that is no ASCII letter or digit. `blog_posts` is
//! `BlogPosts` as a type and `blogPosts` as a field; the rest of each word is in small letters, so that `createdAt`,
//! which PostgreSQL only knows quoted, is `createdat`. A name without any letter or digit, or one that would begin with
//! a digit, has `_` before it. GraphQL keeps names with two underscores to itself; no name here begins with them.

use std::collections::HashSet;

/// `BlogPosts`
pub(super) fn pascal(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for word in words(name) {
        let mut letters = word.chars();
        text.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        text.extend(letters.map(|letter| letter.to_ascii_lowercase()));
    }
    startable(text)
}

/// `blogPosts`
pub(super) fn camel(name: &str) -> String {
    let mut words = words(name);
    let first = words.next().unwrap_or_default().to_ascii_lowercase();
    let rest = words.collect::<Vec<_>>().join("_");
    if rest.is_empty() {
        return startable(first);
    }
    startable(first + pascal(&rest).trim_start_matches('_'))
}

/// `blogPosts` of `BlogPosts`.
pub(super) fn uncapitalised(name: &str) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(letters)
        .collect()
}

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
}

fn startable(text: String) -> String {
    match text.bytes().next() {
        Some(first) if !first.is_ascii_digit() => text,
        _ => format!("_{text}"),
    }
}

/// `blogPost` of `blogPosts`; `None` when it has no plural to take away.
pub(super) fn singular(name: &str) -> Option<String> {
    if let Some(stem) = name.strip_suffix("ies") {
        return Some(format!("{stem}y"));
    }
    name.strip_suffix('s')
        .filter(|stem| !stem.is_empty())
        .map(str::to_owned)
}

/// Whether GraphQL takes it as a name that is not its own.
pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !text.starts_with("__")
}

/// The name itself, or the first of `name_2`, `name_3`, … that is free. It is taken then.
pub(super) fn free(name: String, taken: &mut HashSet<Box<str>>) -> String {
    let mut candidate = name.clone();
    let mut number = 1_u32;
    while !taken.insert(candidate.as_str().into()) {
        number += 1;
        candidate = numbered(&name, number);
    }
    candidate
}

/// `name_2`; `_` becomes `_2`, since names with two underscores before them are GraphQL's own.
pub(super) fn numbered(name: &str, number: u32) -> String {
    format!("{}_{number}", name.trim_end_matches('_'))
}

/// What a comment says to GraphQL, and what is left of it for readers: `@graphql({"name": "Post", "hide": true})`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Comment {
    pub(super) name: Option<String>,
    pub(super) hide: bool,
    pub(super) text: Option<Box<str>>,
}

#[derive(serde::Deserialize)]
struct Order {
    name: Option<String>,
    #[serde(default)]
    hide: bool,
}

/// Reads a comment. An order that is not of this form is text like any other.
pub(super) fn comment(comment: Option<&str>) -> Comment {
    let plain = |text: &str| {
        let text = text.trim();
        (!text.is_empty()).then(|| text.into())
    };
    let Some(text) = comment else {
        return Comment::default();
    };
    let found = text.split_once("@graphql(").and_then(|(before, rest)| {
        let mut reader = serde_json::Deserializer::from_str(rest).into_iter::<Order>();
        let order = reader.next()?.ok()?;
        let behind = rest.get(reader.byte_offset()..)?.trim_start();
        Some((order, before, behind.strip_prefix(')')?))
    });
    match found {
        Some((order, before, behind)) => Comment {
            name: order.name.filter(|name| is_name(name)),
            hide: order.hide,
            text: plain(&format!("{}{behind}", before.trim_end())),
        },
        None => Comment {
            text: plain(text),
            ..Comment::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_one_rule() {
        for (name, camels, pascals) in [
            ("blog_posts", "blogPosts", "BlogPosts"),
            ("id", "id", "Id"),
            ("createdAt", "createdat", "Createdat"),
            ("a.b", "aB", "AB"),
            ("q\"uote", "qUote", "QUote"),
            ("we\"ird; table --", "weIrdTable", "WeIrdTable"),
            ("$1", "_1", "_1"),
            ("2fa_codes", "_2faCodes", "_2faCodes"),
            ("__typename", "typename", "Typename"),
            ("日本", "_", "_"),
            ("Ünïcode", "nCode", "NCode"),
            ("year_2026", "year2026", "Year2026"),
        ] {
            assert_eq!(camel(name), camels, "{name}");
            assert_eq!(pascal(name), pascals, "{name}");
            assert!(is_name(&camel(name)) && is_name(&pascal(name)), "{name}");
        }
    }

    #[test]
    fn plurals_lose_their_ending() {
        assert_eq!(singular("blogPosts").as_deref(), Some("blogPost"));
        assert_eq!(singular("categories").as_deref(), Some("category"));
        assert_eq!(singular("staff"), None);
        assert_eq!(singular("s"), None);
    }

    #[test]
    fn a_comment_renames_and_hides_and_nothing_else_is_taken_for_an_order() {
        let read = comment(Some("What users write @graphql({\"name\": \"Post\"})"));
        assert_eq!(read.name.as_deref(), Some("Post"));
        assert_eq!(read.text.as_deref(), Some("What users write"));
        assert!(comment(Some("@graphql({\"hide\": true})")).hide);
        for text in [
            "@graphql(hide)",
            "@graphql({\"hide\": true}",
            "mail@graphql.org",
        ] {
            let read = comment(Some(text));
            assert_eq!(
                (read.hide, read.text.as_deref()),
                (false, Some(text)),
                "{text}"
            );
        }
        assert_eq!(
            comment(Some("@graphql({\"name\": \"__x; drop\"})")).name,
            None
        );
    }
}
