//! `op.value`, `(a.op.v,or(…))` → [`Filter`].

use std::borrow::Cow;

use super::field;
use super::operator::{self, Operator};
use super::text::Cursor;
use super::value::{Json, Place, Value};
use crate::Error;
use crate::ask::{Comparison, Field, Filter, Quantifier};
use crate::error::QueryError;

/// Trees nested deeper are refused: nobody writes them, and every level costs stack.
const MAX_DEPTH: usize = 16;

/// Conditions of one request. PostgreSQL takes 65,535 parameters; planning slows down long before.
const MAX_CONDITIONS: usize = 500;

/// Counts the conditions of one request, wherever they belong.
#[derive(Debug, Default)]
pub(super) struct Budget {
    conditions: usize,
}

impl Budget {
    fn take(&mut self) -> Result<(), Error> {
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(QueryError::TooLong("filter").into());
        }
        Ok(())
    }

    /// `col=op.value`
    pub(super) fn condition<'a>(
        &mut self,
        field: Field<'a>,
        key: Cow<'a, str>,
        value: Cow<'a, str>,
    ) -> Result<Filter<'a>, Error> {
        self.take()?;
        let mut value = Cursor::new(key, value);
        // What stands in the value may be wrong because the key is no filter at all: `?debug=1`. Only the planner can
        // tell which of the two to report.
        operation(&mut value, field.clone(), Place::Parameter).or_else(|error| match error {
            Error::Query(QueryError::UnknownOperator { .. } | QueryError::Malformed { .. }) => {
                Ok(Filter::Unreadable {
                    field,
                    error: Box::new(error),
                })
            }
            other => Err(other),
        })
    }

    /// `col.op=value` or `col.not.op=value`.
    pub(super) fn dotted<'a>(
        &mut self,
        field: Field<'a>,
        negated: bool,
        word: &str,
        key: Cow<'a, str>,
        value: Cow<'a, str>,
    ) -> Result<Filter<'a>, Error> {
        self.take()?;
        let mut value = Value::Text(&mut Cursor::new(key, value), Place::Parameter);
        let filter = apply(operator::find(word)?, None, &mut value, field)?;
        Ok(negate(negated, filter))
    }

    /// A condition whose value is JSON: `operator` is `[not.]op[(modifier)]`.
    pub(super) fn given<'a>(
        &mut self,
        field: Field<'a>,
        operator: Cow<'a, str>,
        value: Json<'a>,
    ) -> Result<Filter<'a>, Error> {
        self.take()?;
        let mut cursor = Cursor::new("operator".into(), operator);
        let (negated, operator, modifier) = head(&mut cursor)?;
        if !cursor.is_at_end() {
            return Err(cursor.malformed("nothing is expected behind the operator"));
        }
        let mut value = Value::Json(value, field.column.clone());
        Ok(negate(
            negated,
            apply(operator, modifier, &mut value, field)?,
        ))
    }

    /// `(item,item,…)` as the whole value of a parameter.
    pub(super) fn tree<'a>(
        &mut self,
        negated: bool,
        or: bool,
        key: Cow<'a, str>,
        value: Cow<'a, str>,
    ) -> Result<Filter<'a>, Error> {
        let mut cursor = Cursor::new(key, value);
        let filter = self.group(&mut cursor, or, 1)?;
        if !cursor.is_at_end() {
            return Err(cursor.malformed("nothing is expected behind the closing parenthesis"));
        }
        Ok(negate(negated, filter))
    }

    fn group<'a>(
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

    fn item<'a>(&mut self, cursor: &mut Cursor<'a>, depth: usize) -> Result<Filter<'a>, Error> {
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
        self.take()?;
        let field = field::field(cursor)?;
        if !cursor.eat(".") {
            return Err(cursor.malformed("column.operator.value is expected"));
        }
        operation(cursor, field, Place::Tree)
    }
}

/// `[not.]op[(modifier)].value`
fn operation<'a>(
    cursor: &mut Cursor<'a>,
    field: Field<'a>,
    place: Place,
) -> Result<Filter<'a>, Error> {
    let (negated, operator, modifier) = head(cursor)?;
    if !cursor.eat(".") {
        return Err(cursor.malformed("operator.value is expected"));
    }
    let mut value = Value::Text(cursor, place);
    Ok(negate(
        negated,
        apply(operator, modifier, &mut value, field)?,
    ))
}

/// `[not.]op[(modifier)]`
fn head<'a>(cursor: &mut Cursor<'a>) -> Result<(bool, Operator, Option<Cow<'a, str>>), Error> {
    let negated = cursor.eat("not.");
    let word = cursor.until(|c| matches!(c, '.' | ',' | '(' | ')'));
    let operator = operator::find(&word)?;
    let mut modifier = None;
    if cursor.eat("(") {
        modifier = Some(cursor.until(|c| matches!(c, ')' | '(' | ',')));
        if !cursor.eat(")") {
            return Err(cursor.malformed("the modifier of an operator ends with a parenthesis"));
        }
    }
    Ok((negated, operator, modifier))
}

fn apply<'a>(
    operator: Operator,
    modifier: Option<Cow<'a, str>>,
    given: &mut Value<'_, 'a>,
    field: Field<'a>,
) -> Result<Filter<'a>, Error> {
    if modifier.is_some() && !takes_modifier(operator) {
        return Err(given.malformed("this operator takes no modifier"));
    }
    Ok(match operator {
        Operator::Compare(op) => {
            let quantifier = match modifier.as_deref() {
                None => None,
                Some("any") => Some(Quantifier::Any),
                Some("all") => Some(Quantifier::All),
                Some(_) => return Err(given.malformed("the modifier is any or all")),
            };
            let mut value = match quantifier {
                None => given.one()?,
                Some(_) => given.array()?,
            };
            if matches!(op, Comparison::Like | Comparison::Ilike) && value.contains('*') {
                value = Cow::Owned(value.replace('*', "%"));
            }
            Filter::Compare {
                field,
                op,
                quantifier,
                value,
            }
        }
        Operator::In { negated } => {
            let values = given.list()?;
            negate(negated, Filter::In { field, values })
        }
        Operator::Is { negated } => {
            let truth = given.truth()?;
            negate(negated, Filter::Is { field, truth })
        }
        Operator::Search(form) => Filter::Search {
            field,
            form,
            config: modifier,
            query: given.one()?,
        },
    })
}

fn takes_modifier(operator: Operator) -> bool {
    use Comparison::{Eq, Gt, Gte, Ilike, Imatch, Like, Lt, Lte, Match, Neq};
    match operator {
        Operator::Compare(op) => matches!(
            op,
            Eq | Neq | Gt | Gte | Lt | Lte | Like | Ilike | Match | Imatch
        ),
        Operator::Search(_) => true,
        Operator::In { .. } | Operator::Is { .. } => false,
    }
}

fn negate(negated: bool, filter: Filter<'_>) -> Filter<'_> {
    if negated {
        Filter::Not(Box::new(filter))
    } else {
        filter
    }
}
