//! `order=a.desc.nullslast,b` → [`Order`] keys.

use std::borrow::Cow;

use super::text::Cursor;
use super::{field, select};
use crate::Error;
use crate::ask::{Nulls, Order};

/// Reads the value of `order`.
pub(super) fn parse(text: Cow<'_, str>) -> Result<Vec<Order<'_>>, Error> {
    let mut cursor = Cursor::new("order".into(), text);
    select::list(&mut cursor, key)
}

fn key<'a>(cursor: &mut Cursor<'a>) -> Result<Order<'a>, Error> {
    let field = field::field(cursor)?;
    if cursor.rest().starts_with(['(', '!']) {
        return Err(Error::Unsupported("Ordering by another table"));
    }
    let (mut descending, mut nulls) = (None, None);
    while cursor.eat(".") {
        match cursor.until(|c| matches!(c, '.' | ',' | ' ')).as_ref() {
            "asc" if descending.is_none() && nulls.is_none() => descending = Some(false),
            "desc" if descending.is_none() && nulls.is_none() => descending = Some(true),
            "nullsfirst" if nulls.is_none() => nulls = Some(Nulls::First),
            "nullslast" if nulls.is_none() => nulls = Some(Nulls::Last),
            _ => {
                return Err(cursor
                    .malformed("a key is column, then asc or desc, then nullsfirst or nullslast"));
            }
        }
    }
    Ok(Order {
        field,
        descending: descending.unwrap_or(false),
        nulls,
    })
}
