//! `col=op.value`, `col.op=value`, `or=(…)`, `and=(…)` → [`Filter`].

use std::borrow::Cow;

use super::text::Cursor;
use super::{field, operator};
use crate::Error;
use crate::ask::{Comparison, Field, Filter, Truth};
use crate::error::QueryError;

/// Trees nested deeper are refused: nobody writes them, and every level costs stack.
const MAX_DEPTH: usize = 16;

/// Conditions of one request. PostgreSQL takes 65,535 parameters; planning slows down long before.
const MAX_CONDITIONS: usize = 500;

/// Where a value ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Alone in its parameter: everything belongs to it, quotes too.
    Parameter,
    /// Inside `and(…)`/`or(…)`: a comma or parenthesis ends it unless quotes or braces protect them.
    Tree,
}

/// The conditions of one request, counted.
#[derive(Debug, Default)]
pub(super) struct Filters<'a> {
    all: Vec<Filter<'a>>,
    conditions: usize,
}

impl<'a> Filters<'a> {
    /// All of them must hold; `None` without any.
    pub(super) fn into_filter(mut self) -> Option<Filter<'a>> {
        if self.all.len() > 1 {
            Some(Filter::And(self.all))
        } else {
            self.all.pop()
        }
    }

    /// Adds a parameter: `and`, `or`, `not.and`, `not.or`, or the name of a column.
    pub(super) fn add(&mut self, key: Cow<'a, str>, value: Cow<'a, str>) -> Result<(), Error> {
        let (negated, or) = match key.as_ref() {
            "and" => (false, false),
            "or" => (false, true),
            "not.and" => (true, false),
            "not.or" => (true, true),
            _ => return self.condition(key, value),
        };
        let mut cursor = Cursor::new(key, value);
        let filter = self.group(&mut cursor, or, 1)?;
        if !cursor.is_at_end() {
            return Err(cursor.malformed("nothing is expected behind the closing parenthesis"));
        }
        self.all.push(negate(negated, filter));
        Ok(())
    }

    fn condition(&mut self, key: Cow<'a, str>, value: Cow<'a, str>) -> Result<(), Error> {
        self.count()?;
        let mut cursor = Cursor::new("filter".into(), key.clone());
        let field = field::field(&mut cursor)?;
        let mut value = Cursor::new(key, value);
        let filter = if cursor.is_at_end() {
            // What stands in the value may be wrong because the key is no filter at all: `?debug=1`. Only the
            // planner can tell which of the two to report.
            operation(&mut value, field.clone(), Place::Parameter).or_else(|error| match error {
                Error::Query(QueryError::UnknownOperator { .. } | QueryError::Malformed { .. }) => {
                    Ok(Filter::Unreadable {
                        field,
                        error: Box::new(error),
                    })
                }
                other => Err(other),
            })
        } else {
            dotted(&mut cursor, field, &mut value)
        };
        self.all.push(filter?);
        Ok(())
    }

    fn count(&mut self) -> Result<(), Error> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(QueryError::TooLong("filter").into());
        }
        Ok(())
    }

    /// `(item,item,…)`
    fn group(
        &mut self,
        cursor: &mut Cursor<'a>,
        or: bool,
        depth: usize,
    ) -> Result<Filter<'a>, Error> {
        if depth > MAX_DEPTH {
            return Err(QueryError::TooLong("nesting of and/or").into());
        }
        if !cursor.eat("(") {
            return Err(cursor.malformed("an opening parenthesis is expected"));
        }
        let mut items = Vec::new();
        loop {
            items.push(self.item(cursor, depth)?);
            cursor.skip_spaces();
            if cursor.eat(")") {
                return Ok(if or {
                    Filter::Or(items)
                } else {
                    Filter::And(items)
                });
            }
            if !cursor.eat(",") {
                return Err(cursor.malformed("a comma or a closing parenthesis is expected"));
            }
        }
    }

    fn item(&mut self, cursor: &mut Cursor<'a>, depth: usize) -> Result<Filter<'a>, Error> {
        cursor.skip_spaces();
        for (start, negated, or) in [
            ("and(", false, false),
            ("or(", false, true),
            ("not.and(", true, false),
            ("not.or(", true, true),
        ] {
            if cursor.rest().starts_with(start) {
                cursor.eat(start.trim_end_matches('('));
                return Ok(negate(negated, self.group(cursor, or, depth + 1)?));
            }
        }
        self.count()?;
        let field = field::field(cursor)?;
        if !cursor.eat(".") {
            return Err(cursor.malformed("column.operator.value is expected"));
        }
        operation(cursor, field, Place::Tree)
    }
}

/// The key goes on behind the column: `col.op=value` or `col.not.op=value`.
fn dotted<'a>(
    key: &mut Cursor<'a>,
    field: Field<'a>,
    value: &mut Cursor<'a>,
) -> Result<Filter<'a>, Error> {
    if key.rest().starts_with(['(', '!', ':']) {
        return Err(key.malformed("a filter is column.operator=value or column=operator.value"));
    }
    key.eat(".");
    let negated = key.eat("not.");
    let word = key.until(|c| c == '.');
    if !key.is_at_end() || !operator::is_known(&word) {
        let mut ahead = Cursor::new("filter".into(), value.rest().to_owned().into());
        let first = ahead.until(|c| matches!(c, '.' | '('));
        if !ahead.is_at_end() && (first == "not" || operator::is_known(&first)) {
            return Err(Error::Unsupported("A filter on an embedded table"));
        }
        return Err(operator::refusal(&word));
    }
    Ok(negate(
        negated,
        apply(&word, value, field, Place::Parameter)?,
    ))
}

/// `[not.]op.value`
fn operation<'a>(
    cursor: &mut Cursor<'a>,
    field: Field<'a>,
    place: Place,
) -> Result<Filter<'a>, Error> {
    let negated = cursor.eat("not.");
    let word = cursor.until(|c| matches!(c, '.' | ',' | '(' | ')'));
    if cursor.rest().starts_with('(') && operator::is_known(&word) {
        return Err(Error::Unsupported(
            "A modifier of an operator, such as eq(any)",
        ));
    }
    if !operator::is_known(&word) {
        return Err(operator::refusal(&word));
    }
    if !cursor.eat(".") {
        return Err(cursor.malformed("operator.value is expected"));
    }
    Ok(negate(negated, apply(&word, cursor, field, place)?))
}

fn apply<'a>(
    word: &str,
    cursor: &mut Cursor<'a>,
    field: Field<'a>,
    place: Place,
) -> Result<Filter<'a>, Error> {
    let op = match word {
        "eq" => Comparison::Eq,
        "neq" => Comparison::Neq,
        "gt" => Comparison::Gt,
        "gte" => Comparison::Gte,
        "lt" => Comparison::Lt,
        "lte" => Comparison::Lte,
        "like" => Comparison::Like,
        "ilike" => Comparison::Ilike,
        "in" | "nin" => {
            let filter = Filter::In {
                field,
                values: values(cursor, place)?,
            };
            return Ok(negate(word == "nin", filter));
        }
        "is" | "isnot" => {
            let filter = Filter::Is {
                field,
                truth: truth(cursor, place)?,
            };
            return Ok(negate(word == "isnot", filter));
        }
        _ => return Err(operator::refusal(word)),
    };
    let mut value = value(cursor, place)?;
    if matches!(op, Comparison::Like | Comparison::Ilike) && value.contains('*') {
        value = Cow::Owned(value.replace('*', "%"));
    }
    Ok(Filter::Compare { field, op, value })
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

fn truth(cursor: &mut Cursor<'_>, place: Place) -> Result<Truth, Error> {
    let word = value(cursor, place)?;
    match word.to_ascii_lowercase().as_str() {
        "null" => Ok(Truth::Null),
        "true" => Ok(Truth::True),
        "false" => Ok(Truth::False),
        "unknown" => Ok(Truth::Unknown),
        _ => Err(cursor.malformed("is takes null, true, false or unknown")),
    }
}

fn negate(negated: bool, filter: Filter<'_>) -> Filter<'_> {
    if negated {
        Filter::Not(Box::new(filter))
    } else {
        filter
    }
}
