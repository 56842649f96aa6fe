//! What each scalar takes. What PostgreSQL alone can judge (a date, for instance) is left to it.

use std::borrow::Cow;

use super::{Given, shown};
use crate::graphql::types::Scalar;
use crate::json::string;

/// A number as it is written.
pub(super) fn number(scalar: Scalar, text: Cow<'_, str>, whole: bool) -> Result<Given<'_>, String> {
    let fits = match scalar {
        Scalar::Int => {
            if whole && text.parse::<i32>().is_err() {
                return Err(format!(
                    "Int cannot represent non 32-bit signed integer value: {}",
                    shown(&text)
                ));
            }
            whole
        }
        Scalar::BigInt => whole && text.parse::<i64>().is_ok(),
        Scalar::Float => text.parse::<f64>().is_ok_and(f64::is_finite),
        _ => false,
    };
    if fits {
        Ok(Given::Number(text))
    } else {
        Err(refusal(scalar, &text))
    }
}

/// A string.
pub(super) fn text(scalar: Scalar, text: Cow<'_, str>) -> Result<Given<'_>, String> {
    if text.as_bytes().contains(&0) {
        return Err(format!("{} cannot hold a NUL character", scalar.name()));
    }
    let refused = |text: &str| Err(refusal(scalar, &format!("\"{text}\"")));
    match scalar {
        Scalar::String | Scalar::DateTime => Ok(Given::Text(text)),
        Scalar::Uuid if is_uuid(&text) => Ok(Given::Text(text)),
        // A whole number of 64 bits, which a JSON reader of the caller could not hold.
        Scalar::BigInt => match text.parse() {
            Ok(number) => Ok(Given::Number(canonical(text, number))),
            Err(_) => refused(&text),
        },
        _ => refused(&text),
    }
}

/// `+5` and `007` are numbers to a parser and not to JSON.
fn canonical(text: Cow<'_, str>, number: i64) -> Cow<'_, str> {
    let digits = text.strip_prefix('-').unwrap_or(&text);
    match text == "0" || !digits.starts_with(['+', '0']) {
        true => text,
        false => Cow::Owned(number.to_string()),
    }
}

pub(super) fn boolean(scalar: Scalar, value: bool) -> Result<Given<'static>, String> {
    match scalar {
        Scalar::Boolean => Ok(Given::Boolean(value)),
        other => Err(refusal(other, if value { "true" } else { "false" })),
    }
}

/// A variable's value, which is JSON that has been checked.
pub(super) fn json(scalar: Scalar, raw: &str) -> Result<Given<'_>, String> {
    match raw.bytes().next() {
        Some(b'"') => match string(raw) {
            Some(string) => text(scalar, string),
            None => Err(refusal(scalar, raw)),
        },
        Some(b't' | b'f') => boolean(scalar, raw == "true"),
        Some(b'-' | b'0'..=b'9') => {
            // 5.0 is a whole number to clients whose numbers are all floating.
            let whole = whole(raw);
            number(scalar, Cow::Borrowed(whole.unwrap_or(raw)), whole.is_some())
        }
        _ => Err(refusal(scalar, "a list or an object")),
    }
}

fn whole(raw: &str) -> Option<&str> {
    let (digits, fraction) = raw.split_once('.').unwrap_or((raw, ""));
    let digits_only = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let zeroes = fraction.bytes().all(|byte| byte == b'0');
    (digits_only(digits.strip_prefix('-').unwrap_or(digits)) && zeroes).then_some(digits)
}

pub(super) fn refusal(scalar: Scalar, value: &str) -> String {
    let what = match scalar {
        Scalar::Int => "non-integer",
        Scalar::BigInt => {
            "anything but a whole number of 64 bits, as a number or as a string of digits;"
        }
        Scalar::Float => "non numeric",
        Scalar::Boolean => "a non boolean",
        Scalar::String | Scalar::Json => "a non string",
        Scalar::Uuid => "anything but a UUID;",
        Scalar::DateTime => "a non string",
    };
    let value = shown(value);
    format!("{} cannot represent {what} value: {value}", scalar.name()).replace("; value:", "; got")
}

/// With hyphens or without.
fn is_uuid(text: &str) -> bool {
    let mut bytes = text.bytes().enumerate();
    match text.len() {
        32 => bytes.all(|(_, byte)| byte.is_ascii_hexdigit()),
        36 => bytes.all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        }),
        _ => false,
    }
}
