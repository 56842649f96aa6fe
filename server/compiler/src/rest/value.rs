//! The right side of a condition: text that a cursor has not read yet, or JSON.

use std::borrow::Cow;

use super::text::Cursor;
use crate::Error;
use crate::ask::Truth;
use crate::error::QueryError;

/// Where a value ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Alone in its parameter: everything belongs to it, quotes too.
    Parameter,
    /// Inside `and(…)`/`or(…)`: a comma or parenthesis ends it unless quotes or braces protect them.
    Tree,
}

/// The right side of a condition.
pub(super) enum Value<'v, 'a> {
    /// What a cursor has not read yet.
    Text(&'v mut Cursor<'a>, Place),
    /// JSON, and of which column.
    Json(Json<'a>, Cow<'a, str>),
}

/// A JSON value as the text it stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json<'a> {
    Null,
    True,
    False,
    /// Texts without their quotes; numbers and objects as they were written.
    One(Cow<'a, str>),
    /// As it was written, and its elements.
    Many(&'a str, Vec<Json<'a>>),
}

impl<'a> Json<'a> {
    fn text(&self) -> Option<Cow<'a, str>> {
        match self {
            Json::Null => None,
            Json::True => Some(Cow::Borrowed("true")),
            Json::False => Some(Cow::Borrowed("false")),
            Json::One(text) => Some(text.clone()),
            Json::Many(text, _) => Some(Cow::Borrowed(text)),
        }
    }
}

impl<'a> Value<'_, 'a> {
    /// One value as text.
    pub(super) fn one(&mut self) -> Result<Cow<'a, str>, Error> {
        match self {
            Value::Text(cursor, place) => value(cursor, *place),
            Value::Json(json, _) => {
                let text = json.text();
                text.ok_or_else(|| self.malformed("null is matched by the operator is"))
            }
        }
    }

    /// One value that holds many, as PostgreSQL writes an array.
    pub(super) fn array(&mut self) -> Result<Cow<'a, str>, Error> {
        if let Value::Json(Json::Many(..), _) = self {
            let values = self.list()?;
            let values: Vec<&str> = values.iter().map(Cow::as_ref).collect();
            return Ok(Cow::Owned(crate::sql::array(&values)));
        }
        self.one()
    }

    /// Many values.
    pub(super) fn list(&mut self) -> Result<Vec<Cow<'a, str>>, Error> {
        match self {
            Value::Text(cursor, place) => values(cursor, *place),
            Value::Json(Json::Many(_, values), _) => {
                let texts: Option<Vec<_>> = values.iter().map(Json::text).collect();
                texts.ok_or_else(|| self.malformed("null is in no list"))
            }
            Value::Json(..) => Err(self.malformed("an array is expected")),
        }
    }

    pub(super) fn truth(&mut self) -> Result<Truth, Error> {
        let word = match self {
            Value::Text(cursor, place) => value(cursor, *place)?,
            Value::Json(Json::Null, _) => Cow::Borrowed("null"),
            Value::Json(json, _) => json.text().unwrap_or_default(),
        };
        match word.to_ascii_lowercase().as_str() {
            "null" => Ok(Truth::Null),
            "not_null" => Ok(Truth::NotNull),
            "true" => Ok(Truth::True),
            "false" => Ok(Truth::False),
            "unknown" => Ok(Truth::Unknown),
            _ => Err(self.malformed("is takes null, not_null, true, false or unknown")),
        }
    }

    pub(super) fn malformed(&self, problem: &str) -> Error {
        match self {
            Value::Text(cursor, _) => cursor.malformed(problem),
            Value::Json(_, column) => QueryError::Malformed {
                parameter: column.as_ref().into(),
                problem: problem.to_owned(),
            }
            .into(),
        }
    }
}

fn value<'a>(cursor: &mut Cursor<'a>, place: Place) -> Result<Cow<'a, str>, Error> {
    if place == Place::Parameter {
        return Ok(cursor.remainder());
    }
    if let Some(quoted) = cursor.quoted()? {
        return Ok(quoted);
    }
    if let Some(braced) = cursor.braced()? {
        return Ok(braced);
    }
    Ok(cursor.until(|c| matches!(c, ',' | ')')))
}

/// `(a,"b,c",d)`
fn values<'a>(cursor: &mut Cursor<'a>, place: Place) -> Result<Vec<Cow<'a, str>>, Error> {
    if !cursor.eat("(") {
        return Err(cursor.malformed("a list in parentheses is expected"));
    }
    let mut values = Vec::new();
    if !cursor.eat(")") {
        loop {
            values.push(match cursor.quoted()? {
                Some(quoted) => quoted,
                None => cursor.until(|c| matches!(c, ',' | ')' | '(' | '"')),
            });
            if cursor.eat(")") {
                break;
            }
            if !cursor.eat(",") {
                return Err(cursor.malformed("a comma or a closing parenthesis is expected"));
            }
        }
    }
    if place == Place::Parameter && !cursor.is_at_end() {
        return Err(cursor.malformed("nothing is expected behind the list"));
    }
    Ok(values)
}
