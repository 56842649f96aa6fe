//! `order=a.desc.nullslast,b,rel(c).asc` → [`Order`] keys.

use std::borrow::Cow;

use super::text::Cursor;
use super::{field, select};
use crate::Error;
use crate::ask::{Field, Nulls, Order, OrderOf};

/// Reads the value of `order`; `parameter` is what errors call it.
pub(super) fn parse<'a>(
    parameter: Cow<'a, str>,
    text: Cow<'a, str>,
) -> Result<Vec<Order<'a>>, Error> {
    let mut cursor = Cursor::new(parameter, text);
    select::list(&mut cursor, key)
}

/// Reads `column` or `relation(column)`.
pub(super) fn column<'a>(
    cursor: &mut Cursor<'a>,
) -> Result<(Option<Cow<'a, str>>, Field<'a>), Error> {
    let field = field::field(cursor)?;
    if !field.path.is_empty() || !cursor.eat("(") {
        return Ok((None, field));
    }
    let inner = field::field(cursor)?;
    if !cursor.eat(")") {
        return Err(cursor.malformed("a closing parenthesis is expected"));
    }
    Ok((Some(field.column), inner))
}

fn key<'a>(cursor: &mut Cursor<'a>) -> Result<Order<'a>, Error> {
    let (embed, field) = column(cursor)?;
    let embed = embed.map(OrderOf::Embed);
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
        embed,
        field,
        descending: descending.unwrap_or(false),
        nulls,
    })
}

/// Reads fields separated by commas, as `group_by` has them.
pub(super) fn fields<'a>(
    parameter: &'static str,
    text: Cow<'a, str>,
) -> Result<Vec<Field<'a>>, Error> {
    let mut cursor = Cursor::new(parameter.into(), text);
    select::list(&mut cursor, field::field)
}
