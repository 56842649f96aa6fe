//! Entity tags: whether what a client has is what it would get (RFC 9110 section 8.8.3).
//!
//! Weak, because the same rows may be written otherwise by another version of PostgreSQL, and because a proxy that
//! compresses the body changes its bytes.

use actix_web::http::header::{HeaderMap, IF_NONE_MATCH};
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The tag of a body and of the range it is told with: the total may change while the page does not.
pub fn of(body: &[u8], range: Option<&str>) -> String {
    let mut context = Context::new(&SHA256);
    context.update(range.unwrap_or_default().as_bytes());
    context.update(b"\n");
    context.update(body);
    let digest = context.finish();
    // Half of it: nobody gains by two bodies of one tag.
    let half = digest.as_ref().get(..16).unwrap_or_default();
    format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(half))
}

/// Whether the client has it already, as far as `If-None-Match` says.
pub fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(','))
        .map(str::trim)
        .any(|known| known == "*" || opaque(known) == opaque(tag))
}

/// Weak and strong tags compare alike here.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

#[cfg(test)]
mod tests {
    use super::{is_known, of};
    use actix_web::test::TestRequest;

    #[test]
    fn another_body_or_another_total_has_another_tag() {
        let tag = of(b"[1]", None);
        assert_eq!(tag, of(b"[1]", None));
        assert!(
            tag.starts_with("W/\"") && tag.ends_with('"') && tag.len() == 26,
            "{tag}"
        );
        for other in [
            of(b"[2]", None),
            of(b"[1]", Some("0-0/1")),
            of(b"[1]", Some("0-0/2")),
            of(b"", Some("\n[1]")),
        ] {
            assert_ne!(tag, other);
        }
    }

    #[test]
    fn a_tag_is_known_in_every_way_to_say_so() {
        let known = |header: &str| {
            let request = TestRequest::get().insert_header(("if-none-match", header));
            is_known(request.to_http_request().headers(), "W/\"a\"")
        };
        for header in ["W/\"a\"", "\"a\"", "\"b\", W/\"a\"", "\"b\",\"a\"", "*"] {
            assert!(known(header), "{header}");
        }
        for header in ["", "\"b\"", "a", "W/\"aa\"", "W/\"b\", \"c\"", "\"*\""] {
            assert!(!known(header), "{header}");
        }
        let none = TestRequest::get().to_http_request();
        assert!(!is_known(none.headers(), "W/\"a\""));
    }
}
