//! `Accept` → the shape of the body (RFC 9110 section 12.5.1).

use crate::Error;
use crate::ask::Shape;
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
];

/// The best shape the caller takes; JSON as the mount has it when nothing is said.
pub(super) fn parse(header: Option<&str>) -> Result<Shape, Error> {
    let Some(header) = header.filter(|header| !header.trim().is_empty()) else {
        return Ok(Shape::Array);
    };
    let mut offers: Vec<(u16, Shape)> = header
        .split(',')
        .filter_map(|one| {
            let mut parts = one.split(';').map(str::trim);
            let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
            let (mut quality, mut stripped) = (1000, false);
            for parameter in parts {
                match parameter.split_once('=') {
                    Some(("q" | "Q", value)) => quality = thousandths(value),
                    Some(("nulls", "stripped")) => stripped = true,
                    _ => {}
                }
            }
            Some((quality, shape(&media_type, stripped)?)).filter(|(quality, _)| *quality > 0)
        })
        .collect();
    // Stable: among equals the first one said.
    offers.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    match offers.first() {
        Some((_, shape)) => Ok(*shape),
        None => Err(QueryError::NotAcceptable(header.into()).into()),
    }
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
    use crate::ask::Shape;

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
            assert_eq!(parse(Some(header)).unwrap(), shape, "{header}");
        }
        assert_eq!(parse(None).unwrap(), Shape::Array);
    }

    #[test]
    fn a_type_nobody_makes_is_refused() {
        for header in ["image/png", "text/html", "application/json;q=0"] {
            assert!(parse(Some(header)).is_err(), "{header}");
        }
    }
}
