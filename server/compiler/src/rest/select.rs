//! `select=a,alias:b,meta->c->>d` → [`Select`] items.

use std::borrow::Cow;

use super::field;
use super::text::Cursor;
use crate::Error;
use crate::ask::Select;
use crate::error::QueryError;

/// Items of one select; PostgreSQL tables end at 1,600 columns.
const MAX_ITEMS: usize = 1_600;

const AGGREGATES: [&str; 5] = ["count", "sum", "avg", "min", "max"];

/// Reads the value of `select`.
pub(super) fn parse(text: Cow<'_, str>) -> Result<Vec<Select<'_>>, Error> {
    let mut cursor = Cursor::new("select".into(), text);
    list(&mut cursor, item)
}

/// Reads the value of `columns`: names only.
pub(super) fn parse_columns(text: Cow<'_, str>) -> Result<Vec<Cow<'_, str>>, Error> {
    let mut cursor = Cursor::new("columns".into(), text);
    let mut names = list(&mut cursor, field::name)?;
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    Ok(names)
}

/// Reads items separated by commas up to the end of the text.
pub(super) fn list<'a, T>(
    cursor: &mut Cursor<'a>,
    item: impl Fn(&mut Cursor<'a>) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let mut items = Vec::new();
    loop {
        if items.len() == MAX_ITEMS {
            return Err(QueryError::TooLong("list").into());
        }
        items.push(item(cursor)?);
        cursor.skip_spaces();
        if cursor.is_at_end() {
            return Ok(items);
        }
        if !cursor.eat(",") {
            return Err(cursor.malformed("a comma is expected"));
        }
    }
}

fn item<'a>(cursor: &mut Cursor<'a>) -> Result<Select<'a>, Error> {
    cursor.skip_spaces();
    if cursor.eat("*") {
        return Ok(Select::All);
    }
    if cursor.rest().starts_with("...") {
        return Err(Error::Unsupported(
            "Embedding another table (...) in select",
        ));
    }
    let first = field::name(cursor)?;
    let renamed = cursor.rest().starts_with(':') && !cursor.rest().starts_with("::");
    let (rename, column) = if renamed {
        cursor.eat(":");
        (Some(first), field::name(cursor)?)
    } else {
        (None, first)
    };
    if cursor.rest().starts_with('(') && AGGREGATES.contains(&column.as_ref()) {
        return Err(Error::Unsupported("An aggregate in select"));
    }
    if cursor.rest().starts_with(['(', '!']) {
        return Err(Error::Unsupported("Embedding another table in select"));
    }
    let field = field::path(cursor, column)?;
    if cursor.rest().starts_with("::") {
        return Err(Error::Unsupported("A cast in select"));
    }
    if cursor.rest().starts_with('.') {
        return Err(Error::Unsupported("An aggregate in select"));
    }
    Ok(Select::Field { rename, field })
}
