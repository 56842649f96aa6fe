//! The value of a setting: from text, and back to its one spelling.

use super::list::MAX_WORDS;
use super::{Kind, Setting, SettingError};
use crate::duration::{format_seconds, parse_seconds};
use crate::password::ForbiddenWord;
use crate::redirect::AllowedUrl;
use std::fmt;
use zeroize::Zeroizing;

/// Secrets that stand in public documentation, so that everyone knows them.
const PUBLISHED: [&str; 1] = ["your-super-secret-key-min-32-chars"];
const SECRET_CHARACTERS: usize = 32;
const TEXT_CHARACTERS: usize = 255;

/// A secret: wiped when dropped, and shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret itself. Every use of this name is a place to look at.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A value that its setting accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A secret, or none.
    Secret(Option<Secret>),
    /// A text.
    Text(String),
    /// A duration in seconds.
    Seconds(i64),
    /// A switch.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// URLs.
    Urls(Vec<AllowedUrl>),
    /// Words that no password may contain.
    Words(Vec<ForbiddenWord>),
}

impl Value {
    /// The one spelling. For a secret this is the secret itself: to store, never to show.
    #[must_use]
    pub fn canonical(&self) -> String {
        match self {
            Self::Secret(secret) => secret
                .as_ref()
                .map(|secret| secret.expose().to_owned())
                .unwrap_or_default(),
            Self::Text(text) => text.clone(),
            Self::Seconds(seconds) => format_seconds(seconds.unsigned_abs()),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Urls(urls) => urls
                .iter()
                .map(AllowedUrl::as_str)
                .collect::<Vec<_>>()
                .join(","),
            Self::Words(words) => words
                .iter()
                .map(ForbiddenWord::as_str)
                .collect::<Vec<_>>()
                .join(","),
        }
    }
}

pub(super) fn read(setting: &'static Setting, text: &str) -> Result<Value, SettingError> {
    interpret(setting.kind, text).map_err(|problem| SettingError::Malformed {
        name: setting.name,
        problem,
        accepted: setting.kind.accepted(),
    })
}

fn interpret(kind: Kind, text: &str) -> Result<Value, String> {
    if text.contains('\0') {
        return Err("a NUL character is not possible".to_owned());
    }
    match kind {
        Kind::Secret if text.is_empty() => Ok(Value::Secret(None)),
        Kind::Secret => match text.chars().count() {
            _ if PUBLISHED.contains(&text) => {
                Err("this is the example from the documentation".to_owned())
            }
            count if count < SECRET_CHARACTERS => Err(format!("{count} characters are too few")),
            _ => Ok(Value::Secret(Some(Secret(Zeroizing::new(text.to_owned()))))),
        },
        Kind::Text => match text.chars().count() {
            0 => Err("it is empty".to_owned()),
            count if count > TEXT_CHARACTERS => Err(format!("{count} characters are too many")),
            _ => Ok(Value::Text(text.to_owned())),
        },
        Kind::Duration { min, max } => match parse_seconds(text) {
            Ok(seconds) if seconds < min => Err(format!("{} is too short", excerpt(text))),
            Ok(seconds) if seconds > max => Err(format!("{} is too long", excerpt(text))),
            Ok(seconds) => Ok(Value::Seconds(seconds)),
            Err(error) => Err(format!("{} is no duration: {error}", excerpt(text))),
        },
        Kind::Urls => listed(text)
            .map(|url| AllowedUrl::parse(url).map_err(|error| format!("{}: {error}", excerpt(url))))
            .collect::<Result<_, _>>()
            .map(Value::Urls),
        Kind::Words => {
            let words: Vec<ForbiddenWord> = listed(text)
                .map(|word| {
                    ForbiddenWord::new(word).ok_or_else(|| {
                        format!(
                            "{} has too few letters and digits, or too many",
                            excerpt(word)
                        )
                    })
                })
                .collect::<Result<_, _>>()?;
            match words.len() {
                count if count > MAX_WORDS => Err(format!("{count} words are too many")),
                _ => Ok(Value::Words(words)),
            }
        }
        Kind::Bool => match text {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(format!("{} is neither", excerpt(text))),
        },
        Kind::Always(_) => match text {
            "true" => Ok(Value::Bool(true)),
            _ => Err(format!("{} is not offered", excerpt(text))),
        },
        Kind::Integer { min, max } => match text.parse::<i64>() {
            Ok(number) if number < min => Err(format!("{number} is too small")),
            Ok(number) if number > max => Err(format!("{number} is too large")),
            Ok(number) => Ok(Value::Integer(number)),
            Err(_) => Err(format!("{} is no whole number", excerpt(text))),
        },
        Kind::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
        Kind::Choice(_) => Err(format!("{} is none of them", excerpt(text))),
    }
}

/// The parts between commas that are not empty.
fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// Enough of a value to recognise it. Control characters are escaped: the text goes to a log.
fn excerpt(text: &str) -> String {
    format!(
        "`{}`",
        text.chars().take(40).collect::<String>().escape_debug()
    )
}
