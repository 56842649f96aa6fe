//! Durations as people write them in a configuration: `15m`, `7d`, `1h30m`, `500ms`.

use thiserror::Error;

const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// A hundred years. Longer is a slip of the keyboard, and sums stay far from overflow.
const MAX_MILLISECONDS: u64 = 100 * 366 * 86_400_000;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DurationError {
    /// No text at all.
    #[error("a duration is missing")]
    Empty,
    /// A unit without a number before it, a sign, a space or a decimal point.
    #[error("a whole number was expected before each unit")]
    NumberExpected,
    /// A number without a unit: `900` could mean seconds or milliseconds.
    #[error("the unit is missing; use ms, s, m, h, d or w, as in 15m")]
    UnitMissing,
    /// A unit outside the list.
    #[error("unknown unit; use ms, s, m, h, d or w")]
    UnknownUnit,
    /// The same unit twice or a larger unit after a smaller one.
    #[error("units must go from large to small, each at most once, as in 1h30m")]
    Order,
    /// More than a hundred years.
    #[error("longer than a hundred years")]
    TooLong,
    /// Whole seconds were needed.
    #[error("whole seconds are needed")]
    NotWholeSeconds,
}

/// Reads a duration in milliseconds. A day is 24 hours, a week seven days.
///
/// # Errors
/// Says what was wrong; the text itself is not repeated.
pub fn parse_milliseconds(text: &str) -> Result<u64, DurationError> {
    if text.is_empty() {
        return Err(DurationError::Empty);
    }
    let mut rest = text;
    let mut total = 0u64;
    let mut last_scale = u64::MAX;
    while !rest.is_empty() {
        let (digits, after) = split_while(rest, |byte| byte.is_ascii_digit());
        let (unit, next) = split_while(after, |byte| byte.is_ascii_alphabetic());
        if digits.is_empty() {
            return Err(DurationError::NumberExpected);
        }
        if unit.is_empty() {
            let missing = after.is_empty();
            return Err(if missing {
                DurationError::UnitMissing
            } else {
                DurationError::NumberExpected
            });
        }
        let scale = UNITS
            .iter()
            .find(|known| known.0 == unit)
            .ok_or(DurationError::UnknownUnit)?
            .1;
        if scale >= last_scale {
            return Err(DurationError::Order);
        }
        last_scale = scale;
        total = digits
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(scale))
            .and_then(|part| part.checked_add(total))
            .filter(|sum| *sum <= MAX_MILLISECONDS)
            .ok_or(DurationError::TooLong)?;
        rest = next;
    }
    Ok(total)
}

/// Reads a duration in whole seconds.
///
/// # Errors
/// As [`parse_milliseconds`], and for a duration that is not a whole number of seconds.
pub fn parse_seconds(text: &str) -> Result<i64, DurationError> {
    let milliseconds = parse_milliseconds(text)?;
    if milliseconds % 1_000 != 0 {
        return Err(DurationError::NotWholeSeconds);
    }
    i64::try_from(milliseconds / 1_000).map_err(|_| DurationError::TooLong)
}

/// The shortest spelling in the units above, largest first; [`parse_seconds`] reads it back.
#[must_use]
pub fn format_seconds(seconds: u64) -> String {
    let mut rest = seconds;
    let mut text = String::new();
    for (unit, scale) in UNITS
        .iter()
        .rev()
        .filter(|unit| unit.1 >= 1_000 && unit.0 != "w")
    {
        let scale = scale / 1_000;
        if rest >= scale {
            text.push_str(&format!("{}{unit}", rest / scale));
            rest %= scale;
        }
    }
    if text.is_empty() {
        "0s".to_owned()
    } else {
        text
    }
}

fn split_while(text: &str, keep: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text
        .bytes()
        .position(|byte| !keep(byte))
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_unit_and_combinations_are_read() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("0s", 0),
            ("15m", 900_000),
            ("7d", 604_800_000),
            ("1w", 604_800_000),
            ("168h", 604_800_000),
            ("1h30m", 5_400_000),
            ("1d12h30m15s250ms", 131_415_250),
        ] {
            assert_eq!(parse_milliseconds(text), Ok(milliseconds), "{text}");
        }
        assert_eq!(parse_seconds("15m"), Ok(900));
    }

    #[test]
    fn what_could_be_meant_two_ways_is_refused() {
        use DurationError as E;
        for (text, error) in [
            ("", E::Empty),
            ("900", E::UnitMissing),
            ("m", E::NumberExpected),
            ("-15m", E::NumberExpected),
            ("+15m", E::NumberExpected),
            (" 15m", E::NumberExpected),
            ("15 m", E::NumberExpected),
            ("1.5h", E::NumberExpected),
            ("15m ", E::NumberExpected),
            ("15M", E::UnknownUnit),
            ("15min", E::UnknownUnit),
            ("1y", E::UnknownUnit),
            ("30m1h", E::Order),
            ("1m1m", E::Order),
            ("99999999999999999999d", E::TooLong),
            ("5300w", E::TooLong),
            ("１５m", E::NumberExpected),
        ] {
            assert_eq!(parse_milliseconds(text), Err(error), "{text}");
        }
        assert_eq!(parse_seconds("1500ms"), Err(E::NotWholeSeconds));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0u64..3_000_000_000) {
            prop_assert_eq!(parse_seconds(&format_seconds(seconds)), Ok(seconds as i64));
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,24}") {
            let _ = parse_milliseconds(&text);
        }
    }
}
