//! Conditions and orderings.
//!
//! PostgreSQL infers the type of every placeholder from the other side of its operator, so a value is compared as the
//! column's own type and an index on the column serves. Only where nothing stands opposite is a type written.

use crate::ask::{Comparison, Nulls, Step, Truth};
use crate::catalog::TypeClass;
use crate::plan::{Expression, OrderBy, Predicate};
use crate::sql::fragment::{Param, Sql};

/// Writes ` where …`.
pub(super) fn filter(sql: &mut Sql, alias: &'static str, filter: Option<&Predicate<'_>>) {
    if let Some(filter) = filter {
        sql.word(" where ");
        predicate(sql, alias, filter);
    }
}

fn predicate(sql: &mut Sql, alias: &'static str, filter: &Predicate<'_>) {
    match filter {
        Predicate::And(all) => joined(sql, alias, all, " and "),
        Predicate::Or(any) => joined(sql, alias, any, " or "),
        Predicate::Not(inner) => {
            sql.word("not (");
            predicate(sql, alias, inner);
            sql.word(")");
        }
        Predicate::Compare {
            left,
            op,
            value,
            numeric: false,
        } => {
            expression(sql, alias, left);
            sql.word(operator(*op)).bind(*value);
        }
        Predicate::Compare {
            left,
            op,
            value,
            numeric: true,
        } => {
            number(sql, alias, left);
            sql.word(operator(*op))
                .bind(*value)
                .word("::pg_catalog.numeric");
        }
        Predicate::In { left, values } => {
            expression(sql, alias, left);
            sql.word(" = any (").bind(array(values)).word(")");
        }
        Predicate::Is { left, truth } => {
            expression(sql, alias, left);
            sql.word(match truth {
                Truth::Null => " is null",
                Truth::True => " is true",
                Truth::False => " is false",
                Truth::Unknown => " is unknown",
            });
        }
    }
}

fn joined(sql: &mut Sql, alias: &'static str, filters: &[Predicate<'_>], between: &'static str) {
    for (index, filter) in filters.iter().enumerate() {
        if index > 0 {
            sql.word(between);
        }
        let nested = matches!(filter, Predicate::And(_) | Predicate::Or(_));
        sql.word(if nested { "(" } else { "" });
        predicate(sql, alias, filter);
        sql.word(if nested { ")" } else { "" });
    }
}

fn operator(op: Comparison) -> &'static str {
    match op {
        Comparison::Eq => " = ",
        Comparison::Neq => " <> ",
        Comparison::Gt => " > ",
        Comparison::Gte => " >= ",
        Comparison::Lt => " < ",
        Comparison::Lte => " <= ",
        Comparison::Like => " like ",
        Comparison::Ilike => " ilike ",
    }
}

/// A list as one array: the statement is the same for any number of values, so it is prepared once.
fn array(values: &[impl AsRef<str>]) -> String {
    let mut text = String::from("{");
    for (index, value) in values.iter().enumerate() {
        text.push_str(if index > 0 { ",\"" } else { "\"" });
        for c in value.as_ref().chars() {
            if matches!(c, '"' | '\\') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push('"');
    }
    text.push('}');
    text
}

/// Writes a column or the value at the end of its path.
pub(super) fn expression(sql: &mut Sql, alias: &'static str, expression: &Expression<'_>) {
    if expression.path.is_empty() {
        sql.column(alias, expression.column);
        return;
    }
    let steps = steps(sql, expression.path);
    sql.word("(");
    path(sql, alias, expression, &steps, expression.as_text);
    sql.word(")");
}

/// A number inside JSON, NULL where the value is no number: one row with a word there must not fail the whole read.
fn number(sql: &mut Sql, alias: &'static str, expression: &Expression<'_>) {
    let steps = steps(sql, expression.path);
    sql.word("case when ").word(match expression.column.class {
        TypeClass::Json => "pg_catalog.json_typeof(",
        _ => "pg_catalog.jsonb_typeof(",
    });
    path(sql, alias, expression, &steps, false);
    sql.word(") = 'number' then (");
    path(sql, alias, expression, &steps, true);
    sql.word(")::pg_catalog.numeric end");
}

/// Keys of a path are values like any other. Their types are written because `->` takes text and integers.
enum BoundStep {
    Key(Param),
    Index(Param),
}

fn steps(sql: &mut Sql, path: &[Step<'_>]) -> Vec<BoundStep> {
    path.iter()
        .map(|step| match step {
            Step::Key(key) => BoundStep::Key(sql.param(key.as_ref())),
            Step::Index(index) => BoundStep::Index(sql.param(index.to_string())),
        })
        .collect()
}

fn path(
    sql: &mut Sql,
    alias: &'static str,
    expression: &Expression<'_>,
    steps: &[BoundStep],
    as_text: bool,
) {
    sql.column(alias, expression.column);
    for (index, step) in steps.iter().enumerate() {
        let last = index + 1 == steps.len();
        sql.word(if last && as_text { " ->> " } else { " -> " });
        match step {
            BoundStep::Key(param) => sql.place(*param).word("::pg_catalog.text"),
            BoundStep::Index(param) => sql.place(*param).word("::pg_catalog.int4"),
        };
    }
}

/// Writes ` order by …`.
pub(super) fn order(sql: &mut Sql, alias: &'static str, order: &[OrderBy<'_>]) {
    if order.is_empty() {
        return;
    }
    sql.word(" order by ").list(order, |sql, key| {
        expression(sql, alias, &key.by);
        sql.word(if key.descending { " desc" } else { "" })
            .word(match key.nulls {
                Some(Nulls::First) => " nulls first",
                Some(Nulls::Last) => " nulls last",
                None => "",
            });
    });
}

#[cfg(test)]
mod tests {
    use super::array;

    #[test]
    fn every_element_of_an_array_is_quoted() {
        assert_eq!(
            array(&["a", "b,c", "d\"e\\f", "NULL", ""]),
            r#"{"a","b,c","d\"e\\f","NULL",""}"#
        );
        assert_eq!(array(&[] as &[&str]), "{}");
    }
}
