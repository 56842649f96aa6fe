//! Conditions and orderings.
//!
//! PostgreSQL infers the type of every placeholder from the other side of its operator, so a value is compared as the
//! column's own type and an index on the column serves. Only where nothing stands opposite is a type written.

use crate::ask::{Comparison, Nulls, Quantifier, Search, Step, Truth};
use crate::catalog::TypeClass;
use crate::plan::{Base, Embed, Expression, OrderBy, OrderOf, Predicate};
use crate::sql::fragment::{Param, Sql};
use crate::sql::output::Scope;
use crate::sql::read::{self, Origin};

pub(super) fn predicate(sql: &mut Sql, scope: &Scope<'_, '_>, filter: &Predicate<'_>) {
    match filter {
        Predicate::And(all) => joined(sql, scope, all, " and "),
        Predicate::Or(any) => joined(sql, scope, any, " or "),
        Predicate::Not(inner) => {
            sql.word("not (");
            predicate(sql, scope, inner);
            sql.word(")");
        }
        // `t.*`, not `t`: the bare name would mean a column called t if there is one.
        Predicate::Present => {
            sql.word("not (").alias(scope.alias).word(".* is null)");
        }
        Predicate::Untrue(inner) => {
            sql.word("(");
            predicate(sql, scope, inner);
            sql.word(") is not true");
        }
        Predicate::Compare {
            left,
            op,
            value,
            numeric: true,
            ..
        } => {
            number(sql, scope, left);
            sql.word(operator(*op))
                .bind(value.as_ref())
                .word("::pg_catalog.numeric");
        }
        Predicate::Compare {
            left,
            op,
            quantifier,
            value,
            ..
        } => {
            expression(sql, scope, left);
            sql.word(operator(*op))
                .word(match quantifier {
                    Some(Quantifier::Any) => "any (",
                    Some(Quantifier::All) => "all (",
                    None => "",
                })
                .bind(value.as_ref())
                .word(if quantifier.is_some() { ")" } else { "" });
        }
        Predicate::Search {
            left,
            form,
            config,
            query,
        } => search(sql, scope, left, *form, *config, query),
        Predicate::In { left, values } => {
            expression(sql, scope, left);
            sql.word(" = any (").bind(array(values)).word(")");
        }
        Predicate::Is { left, truth } => {
            expression(sql, scope, left);
            sql.word(match truth {
                Truth::Null => " is null",
                Truth::NotNull => " is not null",
                Truth::True => " is true",
                Truth::False => " is false",
                Truth::Unknown => " is unknown",
            });
        }
        Predicate::Embedded(place) => {
            if let Some(embed) = scope.read.embeds.get(*place) {
                exists(sql, scope, embed);
            }
        }
        Predicate::Related(embed) => exists(sql, scope, embed),
    }
}

fn exists(sql: &mut Sql, scope: &Scope<'_, '_>, embed: &Embed<'_>) {
    let inner = Scope::new(sql, &embed.read, false);
    let origin = Origin::Link(&embed.link, scope);
    sql.word("exists (select 1");
    read::from(sql, &inner, &origin);
    read::conditions(sql, &inner, &origin);
    sql.word(")");
}

/// Words against a text: the configuration is a value too, and what is no `tsvector` is made one with it.
fn search(
    sql: &mut Sql,
    scope: &Scope<'_, '_>,
    left: &Expression<'_>,
    form: Search,
    config: Option<&str>,
    query: &str,
) {
    let config = config.map(|config| sql.param(config));
    let configured = |sql: &mut Sql| {
        if let Some(config) = config {
            sql.place(config).word("::pg_catalog.regconfig, ");
        }
    };
    if left.class() == TypeClass::TsVector {
        expression(sql, scope, left);
    } else {
        sql.word("pg_catalog.to_tsvector(");
        configured(sql);
        expression(sql, scope, left);
        sql.word(")");
    }
    sql.word(" @@ ").word(match form {
        Search::Operators => "pg_catalog.to_tsquery(",
        Search::Words => "pg_catalog.plainto_tsquery(",
        Search::Phrase => "pg_catalog.phraseto_tsquery(",
        Search::Web => "pg_catalog.websearch_to_tsquery(",
    });
    configured(sql);
    sql.bind(query).word(")");
}

fn joined(sql: &mut Sql, scope: &Scope<'_, '_>, filters: &[Predicate<'_>], between: &'static str) {
    for (index, filter) in filters.iter().enumerate() {
        if index > 0 {
            sql.word(between);
        }
        let nested = matches!(filter, Predicate::And(_) | Predicate::Or(_));
        sql.word(if nested { "(" } else { "" });
        predicate(sql, scope, filter);
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
        Comparison::Match => " ~ ",
        Comparison::Imatch => " ~* ",
        Comparison::IsDistinct => " is distinct from ",
        Comparison::Contains => " @> ",
        Comparison::ContainedIn => " <@ ",
        Comparison::Overlaps => " && ",
        Comparison::StrictlyLeft => " << ",
        Comparison::StrictlyRight => " >> ",
        Comparison::NotRightOf => " &< ",
        Comparison::NotLeftOf => " &> ",
        Comparison::Adjacent => " -|- ",
    }
}

/// A list as one array: the statement is the same for any number of values, so it is prepared once.
pub(crate) fn array(values: &[impl AsRef<str>]) -> String {
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

/// Writes a column, or what is made of it.
pub(super) fn expression(sql: &mut Sql, scope: &Scope<'_, '_>, expression: &Expression<'_>) {
    sql.word(if expression.cut.is_some() {
        "pg_catalog.left("
    } else {
        ""
    });
    sql.word(if expression.cast.is_some() { "(" } else { "" });
    if expression.path.is_empty() {
        base(sql, scope, expression.base);
    } else {
        let steps = steps(sql, expression.path);
        sql.word("(");
        path(sql, scope, expression, &steps, expression.as_text);
        sql.word(")");
    }
    if let Some(cast) = expression.cast {
        sql.word(")::").data_type(cast);
    }
    if let Some(most) = expression.cut {
        sql.word(", ").bind(most.to_string()).word(")");
    }
}

fn base(sql: &mut Sql, scope: &Scope<'_, '_>, base: Base<'_>) {
    match base {
        Base::Column(column) => sql.column(scope.alias, column),
        Base::Computed(function) if scope.written => sql.member(scope.alias, &function.name),
        // `t.*`, not `t`: the bare name would mean a column called t if there is one.
        Base::Computed(function) => sql
            .function(function)
            .word("(")
            .alias(scope.alias)
            .word(".*)"),
    };
}

/// A number inside JSON, NULL where the value is no number: one row with a word there must not fail the whole read.
fn number(sql: &mut Sql, scope: &Scope<'_, '_>, expression: &Expression<'_>) {
    let steps = steps(sql, expression.path);
    sql.word("case when ").word(match expression.base.class() {
        TypeClass::Json => "pg_catalog.json_typeof(",
        _ => "pg_catalog.jsonb_typeof(",
    });
    path(sql, scope, expression, &steps, false);
    sql.word(") = 'number' then (");
    path(sql, scope, expression, &steps, true);
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
    scope: &Scope<'_, '_>,
    expression: &Expression<'_>,
    steps: &[BoundStep],
    as_text: bool,
) {
    let json = matches!(expression.base.class(), TypeClass::Json | TypeClass::Jsonb);
    sql.word(if json { "" } else { "pg_catalog.to_jsonb(" });
    base(sql, scope, expression.base);
    sql.word(if json { "" } else { ")" });
    for (index, step) in steps.iter().enumerate() {
        let last = index + 1 == steps.len();
        sql.word(if last && as_text { " ->> " } else { " -> " });
        match step {
            BoundStep::Key(param) => sql.place(*param).word("::pg_catalog.text"),
            BoundStep::Index(param) => sql.place(*param).word("::pg_catalog.int4"),
        };
    }
}

/// Writes a cursor: the values a row is ordered by, as one text.
pub(super) fn cursor(sql: &mut Sql, scope: &Scope<'_, '_>, order: &[OrderBy<'_>]) {
    sql.word("pg_catalog.encode(pg_catalog.convert_to(pg_catalog.json_build_array(")
        .list(order, |sql, key| {
            expression(sql, scope, &key.by);
            sql.word("::pg_catalog.text");
        })
        .word(")::pg_catalog.text, 'UTF8'), 'hex')");
}

/// Writes ` order by …`.
pub(super) fn order(sql: &mut Sql, scope: &Scope<'_, '_>, order: &[OrderBy<'_>]) {
    if order.is_empty() {
        return;
    }
    sql.word(" order by ").list(order, |sql, key| {
        match &key.embed {
            None => expression(sql, scope, &key.by),
            Some(OrderOf::Embed(place)) => {
                let embed = scope.read.embeds.get(*place);
                key_of(sql, scope, embed.map_or(&[], std::slice::from_ref), &key.by);
            }
            Some(OrderOf::Ways(ways)) => key_of(sql, scope, ways, &key.by),
        }
        sql.word(if key.descending { " desc" } else { "" })
            .word(match key.nulls {
                Some(Nulls::First) => " nulls first",
                Some(Nulls::Last) => " nulls last",
                None => "",
            });
    });
}

/// Writes what to order by, in the row at the end of these ways.
fn key_of(sql: &mut Sql, scope: &Scope<'_, '_>, ways: &[Embed<'_>], by: &Expression<'_>) {
    let Some((embed, further)) = ways.split_first() else {
        return expression(sql, scope, by);
    };
    let inner = Scope::new(sql, &embed.read, false);
    let origin = Origin::Link(&embed.link, scope);
    sql.word("(select ");
    key_of(sql, &inner, further, by);
    read::from(sql, &inner, &origin);
    read::conditions(sql, &inner, &origin);
    sql.word(if embed.uncertain { " limit 1)" } else { ")" });
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
