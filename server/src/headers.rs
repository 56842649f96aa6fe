//! Headers every response carries, refusals included. Strict-Transport-Security is not among them:
//! this server does not speak TLS itself, and a proxy in front that does sets it.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

const FIXED: [(HeaderName, HeaderValue); 6] = [
    (
        HeaderName::from_static("content-security-policy"),
        HeaderValue::from_static("default-src 'self'"),
    ),
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
    for (name, value) in FIXED {
        headers.insert(name, value);
    }
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, value);
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
    use super::{REQUEST_ID, request_id};
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
}
