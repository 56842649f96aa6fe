//! Media types that a function makes of nothing or an aggregate of rows: it returns a domain that goes by the type's name.

use super::{Act, Base, Made, MemberName, Read, Value, answered};
use crate::Error;
use crate::ask::{Shape, Wishes};
use crate::catalog::{Catalog, Function, Handler, Returns};
use crate::error::QueryError;

/// What a function or an aggregate makes of what is accepted, if anything.
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
    let made = match made.filter(wanted) {
        None => of_rows(catalog, act, wishes)?,
        made => made,
    };
    match (made, media.only) {
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
    let bytes = Handler::is_bytes(catalog.base_type(data_type)?)?;
    is_media_type(media_type).then_some(Made {
        media_type,
        bytes,
        of_rows: None,
    })
}

/// The best of the types asked for by name that an aggregate makes of the rows of this act. It takes whole rows: of what
/// was chosen of them it makes nothing.
fn of_rows<'a>(
    catalog: &'a Catalog,
    act: &Act<'a>,
    wishes: &Wishes<'_>,
) -> Result<Option<Made<'a>>, Error> {
    let Some(read) = answered(act).filter(|_| wishes.explain.is_none()) else {
        return Ok(None);
    };
    let mut named = wishes.media.named.iter();
    let handler = named.find_map(|name| {
        let handler = catalog.handler(read.relation, name);
        handler.filter(|handler| is_media_type(&handler.media_type))
    });
    match handler {
        None => Ok(None),
        Some(_) if !is_whole(read) => Err(Error::Unsupported(
            "A media type that is made of whole rows, of chosen columns",
        )),
        Some(handler) => Ok(Some(Made {
            media_type: &handler.media_type,
            bytes: handler.bytes,
            of_rows: Some((handler, read.relation)),
        })),
    }
}

/// Whether its rows are those of the relation, column by column.
fn is_whole(read: &Read<'_>) -> bool {
    let columns = &read.relation.columns;
    let mut pairs = read.output.iter().zip(columns);
    read.output.len() == columns.len()
        && pairs.all(|(member, column)| {
            matches!(&member.value, Value::Field(field)
                if matches!(field.base, Base::Column(of) if std::ptr::eq(of, column))
                    && field.path.is_empty() && field.cast.is_none() && field.cut.is_none())
                && matches!(member.name, MemberName::Own(name) if *name == column.name)
        })
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
