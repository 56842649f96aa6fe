//! Media types that a function makes: it returns a domain that goes by the type's name.

use super::{Act, Made};
use crate::Error;
use crate::ask::{Shape, Wishes};
use crate::catalog::{Catalog, Function, Returns};
use crate::error::QueryError;

/// What a function makes of what is accepted, if anything.
///
/// # Errors
/// When nothing else is accepted, and this is not made.
pub(super) fn made<'a>(
    catalog: &'a Catalog,
    act: &Act<'a>,
    wishes: &Wishes<'_>,
) -> Result<Option<Made<'a>>, Error> {
    let media = &wishes.media;
    let made = match act {
        // Where the mount has a form of its own, the value stands in it.
        Act::Call(call)
            if call.answer
                && call.read.is_none()
                && wishes.explain.is_none()
                && wishes.shape != Shape::Own =>
        {
            of_function(catalog, call.function)
        }
        _ => None,
    };
    let wanted = |made: &Made<'_>| {
        let named = media.named.iter();
        !media.settled
            || named
                .into_iter()
                .any(|name| name.eq_ignore_ascii_case(made.media_type))
    };
    match (made.filter(wanted), media.only) {
        (Some(made), _) => Ok(Some(made)),
        (None, Some(header)) => Err(QueryError::NotAcceptable(header.into()).into()),
        (None, None) => Ok(None),
    }
}

fn of_function<'a>(catalog: &Catalog, function: &'a Function) -> Option<Made<'a>> {
    let Returns::Scalar { data_type, .. } = &function.returns else {
        return None;
    };
    let media_type = data_type.name.as_str();
    // PostgreSQL's own type below another name is a domain's.
    let bytes = match catalog.base_type(data_type)? {
        "bytea" => true,
        "text" | "varchar" | "json" | "jsonb" | "xml" => false,
        _ => return None,
    };
    is_media_type(media_type).then_some(Made { media_type, bytes })
}

/// `type/subtype` (RFC 6838 section 4.2): whatever it is, it cannot end a header.
fn is_media_type(name: &str) -> bool {
    let is_token = |token: &str| {
        !token.is_empty()
            && token
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
    };
    name.split_once('/')
        .is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

#[cfg(test)]
mod tests {
    use super::is_media_type;

    #[test]
    fn a_media_type_is_two_tokens() {
        for name in ["text/html", "image/svg+xml", "application/vnd.x-1.2"] {
            assert!(is_media_type(name), "{name}");
        }
        for name in [
            "text",
            "text/",
            "/html",
            "a/b/c",
            "*/*",
            "text/html\r\nx: y",
            "text/html; a=b",
            "é/b",
        ] {
            assert!(!is_media_type(name), "{name}");
        }
    }
}
