//! `select=a,alias:b::text,meta->c->>d,rel!hint(x,y),...other(z),price.sum()` → [`Select`] items.

use std::borrow::Cow;

use super::text::Cursor;
use super::{Dialect, field};
use crate::Error;
use crate::ask::{Aggregate, Embed, Field, Key, Read, Select};
use crate::error::QueryError;

/// Items of one select; PostgreSQL tables end at 1,600 columns.
const MAX_ITEMS: usize = 1_600;

/// Relations inside relations beyond this are refused.
pub const MAX_EMBED_DEPTH: usize = 10;

/// Relations inside one request: each is a subquery that PostgreSQL plans.
const MAX_EMBEDS: usize = 64;

/// Reads the value of `select`.
pub(super) fn parse(dialect: Dialect, text: Cow<'_, str>) -> Result<Vec<Select<'_>>, Error> {
    let mut cursor = Cursor::new("select".into(), text);
    let mut reader = Reader { dialect, embeds: 0 };
    let items = reader.items(&mut cursor, 0)?;
    if !cursor.is_at_end() {
        return Err(cursor.malformed("a comma is expected"));
    }
    Ok(items)
}

/// Reads the value of `columns`, `on_conflict`: names only.
pub(super) fn parse_columns<'a>(
    parameter: &'static str,
    text: Cow<'a, str>,
) -> Result<Vec<Cow<'a, str>>, Error> {
    let mut cursor = Cursor::new(parameter.into(), text);
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

struct Reader {
    dialect: Dialect,
    embeds: usize,
}

impl Reader {
    /// Up to a closing parenthesis or the end.
    fn items<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        depth: usize,
    ) -> Result<Vec<Select<'a>>, Error> {
        let mut items = Vec::new();
        loop {
            if items.len() == MAX_ITEMS {
                return Err(QueryError::TooLong("list").into());
            }
            items.push(self.item(cursor, depth)?);
            cursor.skip_spaces();
            if !cursor.eat(",") {
                return Ok(items);
            }
        }
    }

    fn item<'a>(&mut self, cursor: &mut Cursor<'a>, depth: usize) -> Result<Select<'a>, Error> {
        cursor.skip_spaces();
        if cursor.eat("*") {
            return Ok(Select::All);
        }
        if cursor.eat("...") {
            let target = field::name(cursor)?;
            return self.embed(cursor, None, target, true, depth);
        }
        let first = field::name(cursor)?;
        let renamed = cursor.rest().starts_with(':') && !cursor.rest().starts_with("::");
        let (rename, name) = if renamed {
            cursor.eat(":");
            (Some(Key::Given(first)), field::name(cursor)?)
        } else {
            (None, first)
        };
        if cursor.rest().starts_with('(')
            && let Some(function) = Aggregate::of_name(&name)
            && let Some(item) = self.call(cursor, rename.clone(), function)?
        {
            return Ok(item);
        }
        if cursor.rest().starts_with(['(', '!']) {
            return self.embed(cursor, rename, name, false, depth);
        }
        let field = field::path(cursor, name)?;
        let input = cast(cursor)?;
        if !cursor.eat(".") {
            return Ok(Select::Field {
                rename,
                field,
                cast: input,
            });
        }
        let word = cursor.until(|c| !c.is_ascii_alphabetic());
        let Some(function) = Aggregate::of_name(&word).filter(|_| cursor.eat("()")) else {
            return Err(cursor.malformed("count(), sum(), avg(), min() or max() is expected"));
        };
        Ok(Select::Aggregate {
            rename,
            function,
            of: Some(field),
            input,
            cast: cast(cursor)?,
            named_after_column: false,
        })
    }

    /// `count()`, and in the Fluxbase spelling `count(*)` and `sum(price)`; `None` when it is a relation of that name.
    fn call<'a>(
        &self,
        cursor: &mut Cursor<'a>,
        rename: Option<Key<'a>>,
        function: Aggregate,
    ) -> Result<Option<Select<'a>>, Error> {
        let of: Option<Field<'a>> = if function == Aggregate::Count && cursor.eat("()") {
            None
        } else if self.dialect == Dialect::PostgRest {
            return Ok(None);
        } else if function == Aggregate::Count && cursor.eat("(*)") {
            None
        } else {
            cursor.eat("(");
            let field = field::field(cursor)?;
            if !cursor.eat(")") {
                return Err(cursor.malformed("a closing parenthesis is expected"));
            }
            Some(field)
        };
        Ok(Some(Select::Aggregate {
            rename,
            function,
            named_after_column: of.is_some(),
            of,
            input: None,
            cast: cast(cursor)?,
        }))
    }

    /// `!hint!inner(items)` behind the name of a relation.
    fn embed<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        rename: Option<Key<'a>>,
        target: Cow<'a, str>,
        spread: bool,
        depth: usize,
    ) -> Result<Select<'a>, Error> {
        self.embeds += 1;
        if depth == MAX_EMBED_DEPTH || self.embeds > MAX_EMBEDS {
            return Err(QueryError::TooLong("nesting of relations").into());
        }
        let (mut hint, mut join) = (None, None);
        while cursor.eat("!") {
            let word = field::name(cursor)?;
            match word.as_ref() {
                "inner" if join.is_none() => join = Some(true),
                "left" if join.is_none() => join = Some(false),
                "inner" | "left" => {
                    return Err(cursor.malformed("!inner and !left exclude each other"));
                }
                _ if hint.is_none() => hint = Some(word),
                _ => return Err(cursor.malformed("a relation takes one hint, and !inner or !left")),
            }
        }
        if !cursor.eat("(") {
            return Err(cursor.malformed("an opening parenthesis is expected"));
        }
        cursor.skip_spaces();
        let select = if cursor.rest().starts_with(')') {
            Vec::new()
        } else {
            self.items(cursor, depth + 1)?
        };
        if !cursor.eat(")") {
            return Err(cursor.malformed("a comma or a closing parenthesis is expected"));
        }
        Ok(Select::Embed(Embed {
            rename,
            target,
            hint,
            inner: join.unwrap_or(false),
            spread,
            read: Read::of(select),
        }))
    }
}

/// `::type`, if it comes next.
fn cast<'a>(cursor: &mut Cursor<'a>) -> Result<Option<Cow<'a, str>>, Error> {
    if !cursor.eat("::") {
        return Ok(None);
    }
    let name = cursor.until(|c| matches!(c, ',' | '(' | ')' | '.' | ':' | '"'));
    if name.trim().is_empty() {
        return Err(cursor.malformed("the name of a type is expected"));
    }
    Ok(Some(name))
}
