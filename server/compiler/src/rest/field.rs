//! `column->key->>key`: a column with an optional way into its JSON.

use std::borrow::Cow;

use super::text::Cursor;
use crate::Error;
use crate::ask::{Field, Step};
use crate::error::QueryError;

/// Steps into JSON beyond this are refused; documents that deep cannot even be written here.
const MAX_PATH_STEPS: usize = super::MAX_JSON_DEPTH;

/// Reads a name: quoted, or up to a character that means something in select, order and filters.
pub(super) fn name<'a>(cursor: &mut Cursor<'a>) -> Result<Cow<'a, str>, Error> {
    cursor.skip_spaces();
    if let Some(quoted) = cursor.quoted()? {
        cursor.skip_spaces();
        return Ok(quoted);
    }
    let start = cursor.until(|c| matches!(c, ',' | '(' | ')' | ':' | '.' | '!' | '-' | '"'));
    let name = until_arrow(cursor, start);
    let name = trim_end(name);
    if name.is_empty() {
        Err(cursor.malformed("a name is expected"))
    } else {
        Ok(name)
    }
}

/// A dash alone belongs to the name (`first-name`), a dash that begins `->` does not.
fn until_arrow<'a>(cursor: &mut Cursor<'a>, start: Cow<'a, str>) -> Cow<'a, str> {
    if !cursor.rest().starts_with('-') || cursor.rest().starts_with("->") {
        return start;
    }
    let mut name = start.into_owned();
    while cursor.rest().starts_with('-') && !cursor.rest().starts_with("->") {
        cursor.eat("-");
        name.push('-');
        name.push_str(
            &cursor.until(|c| matches!(c, ',' | '(' | ')' | ':' | '.' | '!' | '-' | '"')),
        );
    }
    Cow::Owned(name)
}

fn trim_end(name: Cow<'_, str>) -> Cow<'_, str> {
    match name {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_end_matches(' ')),
        Cow::Owned(text) => Cow::Owned(text.trim_end_matches(' ').to_owned()),
    }
}

/// Reads a column and its path.
pub(super) fn field<'a>(cursor: &mut Cursor<'a>) -> Result<Field<'a>, Error> {
    let column = name(cursor)?;
    path(cursor, column)
}

/// Reads the path behind a column already read.
pub(super) fn path<'a>(cursor: &mut Cursor<'a>, column: Cow<'a, str>) -> Result<Field<'a>, Error> {
    let mut field = Field {
        column,
        path: Vec::new(),
        as_text: false,
    };
    while cursor.rest().starts_with("->") {
        if field.as_text {
            return Err(cursor.malformed("->> ends a path"));
        }
        if field.path.len() == MAX_PATH_STEPS {
            return Err(QueryError::TooLong("JSON path").into());
        }
        field.as_text = cursor.eat("->>");
        if !field.as_text {
            cursor.eat("->");
        }
        field.path.push(step(cursor)?);
    }
    Ok(field)
}

fn step<'a>(cursor: &mut Cursor<'a>) -> Result<Step<'a>, Error> {
    if let Some(quoted) = cursor.quoted()? {
        return Ok(Step::Key(quoted));
    }
    let key = name(cursor)?;
    let digits = key.strip_prefix('-').unwrap_or(&key);
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return match key.parse() {
            Ok(index) => Ok(Step::Index(index)),
            Err(_) => Err(cursor.malformed("an array index fits 32 bits")),
        };
    }
    Ok(Step::Key(key))
}
