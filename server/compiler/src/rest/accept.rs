//! `Accept` → the shape of the body (RFC 9110 section 12.5.1).

use crate::Error;
use crate::ask::{Explain, Shape};
use crate::error::QueryError;

/// Media types answered, as an error lists them.
pub const MEDIA_TYPES: &[&str] = &[
    "application/json",
    "application/vnd.pgrst.object+json",
    "application/vnd.pgrst.array+json",
    "text/csv",
    "application/geo+json",
    "text/plain",
    "application/octet-stream",
    "application/vnd.pgrst.plan+json",
];

/// The best shape the caller takes; JSON as the mount has it when nothing is said. With it whether the plan is asked for.
pub(super) fn parse(header: Option<&str>) -> Result<(Shape, Option<Explain>), Error> {
    let Some(header) = header.filter(|header| !header.trim().is_empty()) else {
        return Ok((Shape::Array, None));
    };
    let mut offers: Vec<(u16, (Shape, Option<Explain>))> = header
        .split(',')
        .filter_map(|one| {
            let mut parts = one.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut quality, mut stripped, mut explain) = (1000, false, Explain::default());
            for parameter in parts {
                match parameter.split_once('=') {
                    Some(("q" | "Q", value)) => quality = thousandths(value),
                    Some(("nulls", "stripped")) => stripped = true,
                    Some(("options", words)) => explain = options(words)?,
                    _ => {}
                }
            }
            let offer = match media_type.as_str() {
                "application/vnd.pgrst.plan+json" => (Shape::Array, Some(explain)),
                other => (shape(other, stripped)?, None),
            };
            Some((quality, offer)).filter(|(quality, _)| *quality > 0)
        })
        .collect();
    // Stable: among equals the first one said.
    offers.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    match offers.first() {
        Some((_, offer)) => Ok(*offer),
        None => Err(QueryError::NotAcceptable(header.into()).into()),
    }
}

/// `analyze|buffers`; `None` when one of the words is unknown.
fn options(words: &str) -> Option<Explain> {
    let mut explain = Explain::default();
    for word in words
        .trim_matches('"')
        .split('|')
        .filter(|word| !word.is_empty())
    {
        match word {
            "analyze" => explain.analyze = true,
            "verbose" => explain.verbose = true,
            "settings" => explain.settings = true,
            "buffers" => explain.buffers = true,
            "wal" => explain.wal = true,
            _ => return None,
        }
    }
    Some(explain)
}

fn shape(media_type: &str, stripped: bool) -> Option<Shape> {
    Some(match media_type {
        "*/*" | "application/*" | "application/json" => Shape::Array,
        "application/vnd.pgrst.object" | "application/vnd.pgrst.object+json" => {
            if stripped {
                Shape::ObjectWithoutNulls
            } else {
                Shape::Object
            }
        }
        "application/vnd.pgrst.array" | "application/vnd.pgrst.array+json" => {
            if stripped {
                Shape::ArrayWithoutNulls
            } else {
                Shape::Array
            }
        }
        "text/csv" => Shape::Csv,
        "application/geo+json" => Shape::GeoJson,
        "text/plain" | "text/*" => Shape::Text,
        "application/octet-stream" => Shape::Bytes,
        _ => return None,
    })
}

/// `0.85` → 850; what is no number is no preference.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = format!("{fraction:0<3}");
    let fraction = digits.get(..3).and_then(|digits| digits.parse().ok());
    match (whole, fraction) {
        ("0", Some(fraction)) => fraction,
        _ => 1000,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::ask::{Explain, Shape};

    #[test]
    fn the_best_of_what_is_accepted_is_taken() {
        for (header, shape) in [
            ("*/*", Shape::Array),
            ("application/json", Shape::Array),
            ("text/html, */*;q=0.1", Shape::Array),
            ("application/vnd.pgrst.object+json", Shape::Object),
            (
                "application/vnd.pgrst.object+json;nulls=stripped",
                Shape::ObjectWithoutNulls,
            ),
            (
                "application/vnd.pgrst.array+json;nulls=stripped",
                Shape::ArrayWithoutNulls,
            ),
            ("application/json;q=0.5, text/csv", Shape::Csv),
            ("text/csv;q=0, application/json", Shape::Array),
            ("", Shape::Array),
        ] {
            assert_eq!(parse(Some(header)).unwrap(), (shape, None), "{header}");
        }
        assert_eq!(parse(None).unwrap(), (Shape::Array, None));
        let plan = "application/vnd.pgrst.plan+json; for=\"application/json\"; options=analyze|wal";
        let explain = Explain {
            analyze: true,
            wal: true,
            ..Explain::default()
        };
        assert_eq!(parse(Some(plan)).unwrap(), (Shape::Array, Some(explain)));
    }

    #[test]
    fn a_type_nobody_makes_is_refused() {
        for header in [
            "image/png",
            "text/html",
            "application/json;q=0",
            "application/vnd.pgrst.plan+json;options=everything",
        ] {
            assert!(parse(Some(header)).is_err(), "{header}");
        }
    }
}
