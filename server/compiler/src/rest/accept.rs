//! `Accept` → the shape of the body (RFC 9110 section 12.5.1).

use crate::Error;
use crate::ask::{Explain, Media, Shape};
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
    "application/vnd.pgrst.plan+text",
];

/// What a caller takes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Accepted<'a> {
    /// The best shape; JSON as the mount has it when nothing is said.
    pub(super) shape: Shape,
    /// Whether the plan is asked for.
    pub(super) explain: Option<Explain>,
    /// What only a function could make.
    pub(super) media: Media<'a>,
}

/// One of the types of a header.
enum Offer<'a> {
    /// This shape, or its plan; `None` for any.
    Shape(Shape, Option<Explain>, Option<&'a str>),
    /// A type that is not made here.
    Other(&'a str),
}

/// Reads the header.
pub(super) fn parse(header: Option<&str>) -> Result<Accepted<'_>, Error> {
    let Some(header) = header.filter(|header| !header.trim().is_empty()) else {
        return Ok(Accepted {
            shape: Shape::Array,
            ..Accepted::default()
        });
    };
    let mut offers: Vec<(u16, Offer<'_>)> = header
        .split(',')
        .filter_map(offer)
        .filter(|(quality, _)| *quality > 0)
        .collect();
    // Stable: among equals the first one said.
    offers.sort_by_key(|(quality, _)| std::cmp::Reverse(*quality));
    let mut named = Vec::new();
    for (_, offer) in offers {
        match offer {
            Offer::Other(name) => named.push(name),
            Offer::Shape(shape, explain, name) => {
                // Plain JSON is what nearly everybody asks for, and no function makes that.
                named.extend(name.filter(|_| shape != Shape::Array));
                let media = Media {
                    named,
                    settled: name.is_some(),
                    only: None,
                };
                return Ok(Accepted {
                    shape,
                    explain,
                    media,
                });
            }
        }
    }
    if named.is_empty() {
        return Err(QueryError::NotAcceptable(header.into()).into());
    }
    Ok(Accepted {
        shape: Shape::Array,
        explain: None,
        media: Media {
            named,
            settled: true,
            only: Some(header),
        },
    })
}

/// One type with its parameters; `None` for a plan with an unknown wish.
fn offer(one: &str) -> Option<(u16, Offer<'_>)> {
    let mut parts = one.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let media_type = name.to_ascii_lowercase();
    let (mut quality, mut stripped, mut explain) = (1000, false, Explain::default());
    let mut of = Shape::Array;
    for parameter in parts {
        match parameter.split_once('=') {
            Some(("q" | "Q", value)) => quality = thousandths(value),
            Some(("nulls", "stripped")) => stripped = true,
            Some(("options", words)) => explain = options(words)?,
            Some(("for", planned)) => of = shape(planned.trim_matches('"'), false)?,
            _ => {}
        }
    }
    let offer = match media_type.as_str() {
        "application/vnd.pgrst.plan+json" => Offer::Shape(of, Some(explain), Some(name)),
        "application/vnd.pgrst.plan" | "application/vnd.pgrst.plan+text" => {
            let explain = Explain {
                text: true,
                ..explain
            };
            Offer::Shape(of, Some(explain), Some(name))
        }
        "*/*" | "application/*" | "text/*" => {
            Offer::Shape(shape(&media_type, stripped)?, None, None)
        }
        other => match shape(other, stripped) {
            Some(shape) => Offer::Shape(shape, None, Some(name)),
            None => Offer::Other(name),
        },
    };
    Some((quality, offer))
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
    use crate::ask::{Explain, Media, Shape};

    fn shape(header: Option<&str>) -> (Shape, Option<Explain>) {
        let accepted = parse(header).unwrap();
        (accepted.shape, accepted.explain)
    }

    #[test]
    fn the_best_of_what_is_accepted_is_taken() {
        for (header, expected) in [
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
            assert_eq!(shape(Some(header)), (expected, None), "{header}");
        }
        assert_eq!(shape(None), (Shape::Array, None));
        let explain = Explain {
            text: true,
            ..Explain::default()
        };
        for plan in [
            "application/vnd.pgrst.plan+text",
            "application/vnd.pgrst.plan",
        ] {
            assert_eq!(shape(Some(plan)), (Shape::Array, Some(explain)), "{plan}");
        }
        let plan = "application/vnd.pgrst.plan+json; for=\"application/json\"; options=analyze|wal";
        let explain = Explain {
            analyze: true,
            wal: true,
            ..Explain::default()
        };
        assert_eq!(shape(Some(plan)), (Shape::Array, Some(explain)));
        let plan = "application/vnd.pgrst.plan+json; for=\"text/csv\"";
        assert_eq!(shape(Some(plan)), (Shape::Csv, Some(Explain::default())));
    }

    #[test]
    fn a_type_nobody_makes_is_refused() {
        for header in [
            "application/json;q=0",
            "image/png;q=0",
            "application/vnd.pgrst.plan+json;options=everything",
        ] {
            assert!(parse(Some(header)).is_err(), "{header}");
        }
    }

    #[test]
    fn a_type_that_a_function_may_make_is_kept_for_it() {
        for (header, named, settled, only) in [
            ("text/html", vec!["text/html"], true, true),
            // As browsers ask.
            (
                "text/html,image/webp,*/*;q=0.8",
                vec!["text/html", "image/webp"],
                false,
                false,
            ),
            ("application/json, text/html", vec![], true, false),
            ("text/html;q=0.1, application/json", vec![], true, false),
            ("text/csv", vec!["text/csv"], true, false),
            ("*/*", vec![], false, false),
        ] {
            let media = parse(Some(header)).unwrap().media;
            assert_eq!(media.named, named, "{header}");
            assert_eq!(media.settled, settled, "{header}");
            assert_eq!(media.only, only.then_some(header), "{header}");
        }
        assert_eq!(parse(None).unwrap().media, Media::default());
    }
}
