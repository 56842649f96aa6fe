//! Headers every response carries, refusals included. Strict-Transport-Security is not among them:
//! this server does not speak TLS itself, and a proxy in front that does sets it.

use crate::limit::window::Standing;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue};
use std::cell::Cell;
use std::sync::Arc;

/// Of everything but a page, which says what it needs.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'self'");

const FIXED: [(HeaderName, HeaderValue); 5] = [
    (
        HeaderName::from_static("x-frame-options"),
        HeaderValue::from_static("DENY"),
    ),
    (
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    ),
    (
        HeaderName::from_static("x-xss-protection"),
        HeaderValue::from_static("1; mode=block"),
    ),
    (
        HeaderName::from_static("referrer-policy"),
        HeaderValue::from_static("strict-origin-when-cross-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("geolocation=(), microphone=(), camera=()"),
    ),
];

/// Name of the header that carries the id of a request in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Adds the fixed headers and the id of the request.
pub fn add(headers: &mut HeaderMap, request_id: &str) {
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    }
    for (name, value) in FIXED {
        headers.insert(name, value);
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
    }
}

/// Tells a client where it stands at the strictest of the limits it is under.
pub fn add_standing(headers: &mut HeaderMap, standing: Standing) {
    for (name, number) in [
        ("x-ratelimit-limit", i64::from(standing.limit)),
        ("x-ratelimit-remaining", i64::from(standing.remaining)),
        ("x-ratelimit-reset", standing.reset),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
}

/// Ids for requests that came without one: unique, not secret.
///
/// Drawn once per worker and stepped from there: fresh random bytes would be the sixth system call
/// of a request that makes five.
pub struct RequestIds {
    start: u128,
    drawn: Cell<u64>,
}

impl RequestIds {
    /// Odd, so that steps repeat only after 2^128; about 2^128 over the golden ratio, so that
    /// neighbours look nothing alike.
    const STEP: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;

    /// Begins anywhere; `random` makes the ids of two workers differ.
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self {
            start: u128::from_be_bytes(random),
            drawn: Cell::new(0),
        }
    }

    /// The next id, in the form of a version 4 UUID.
    #[must_use]
    pub fn next(&self) -> Arc<str> {
        let count = self.drawn.get().wrapping_add(1);
        self.drawn.set(count);
        let bytes = self
            .start
            .wrapping_add(Self::STEP.wrapping_mul(u128::from(count)))
            .to_be_bytes();
        let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        (*id.hyphenated().encode_lower(&mut text)).into()
    }
}

/// The id a client gave its request, if it may go into a log and a header as it is: letters,
/// digits and `-_.:`, at most 64 of them.
#[must_use]
pub fn request_id(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let harmless = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte));
    harmless.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::{REQUEST_ID, RequestIds, request_id};
    use actix_web::http::header::{HeaderMap, HeaderValue};

    fn taken(id: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap());
        request_id(&headers) == Some(id)
    }

    #[test]
    fn an_id_that_could_break_a_log_line_is_replaced() {
        for id in [
            "", " ", "a b", "a\tb", "a\"b", "<script>", "a,b", "{}", "\u{e9}",
        ] {
            assert!(!taken(id), "{id:?}");
        }
        assert!(!taken(&"a".repeat(65)));
    }

    #[test]
    fn an_ordinary_id_is_taken_over() {
        assert!(taken("7f1c0c1e-02b5-4c0c-9a57-0f4d6f3f9b11"));
        assert!(taken("trace:1.2_3"));
        assert!(taken(&"a".repeat(64)));
    }

    #[test]
    fn no_two_requests_get_the_same_id() {
        let (one, other) = (RequestIds::new([1; 16]), RequestIds::new([2; 16]));
        let mut seen = std::collections::HashSet::new();
        for _ in 0..10_000 {
            for id in [one.next(), other.next()] {
                assert!(uuid::Uuid::parse_str(&id).is_ok(), "{id}");
                assert!(seen.insert(id));
            }
        }
    }
}
