//! Calls: the function with its arguments, and its rows or its value as a body.

use crate::ask::Shape;
use crate::catalog::{ArgumentMode, Returns};
use crate::plan::{Arguments, Call};
use crate::sql::fragment::{Alias, Sql};
use crate::sql::read::{self, Origin};
use crate::sql::{Columns, Guard, Manner, Reply, Verb};

pub(super) fn print(sql: &mut Sql, plan: &Call<'_>, manner: Manner<'_>) -> (Columns, Reply) {
    if let Some(rows) = plan.read.as_ref().filter(|_| plan.answer) {
        return read::document(sql, rows, &Origin::Call(plan), manner, Verb::Call);
    }
    let function = plan.function;
    let void = matches!(function.returns, Returns::Void);
    let guard = Guard {
        one: matches!(
            manner.wishes.shape,
            Shape::Object | Shape::ObjectWithoutNulls
        ) && function.set
            && plan.answer,
        most: manner.wishes.max_affected,
    };
    // Of a function that returns nothing PostgreSQL makes an empty text.
    let silent = void || !plan.answer;
    sql.word("select ");
    if silent {
        sql.word("null::pg_catalog.json, ");
        guard.number(
            sql,
            if function.set {
                "pg_catalog.count(*)"
            } else {
                // Names the value, or PostgreSQL would not compute it.
                "pg_catalog.count(x.c0)"
            },
        );
    } else if function.set {
        values(sql, plan, manner);
        sql.word(", ");
        guard.number(sql, "pg_catalog.count(*)");
    } else {
        value(sql, plan, manner);
        given(sql, plan, " from ");
    }
    if silent || function.set {
        sql.word(" from (select ");
        invoke(sql, plan);
        sql.word(if silent {
            "::pg_catalog.text as c0"
        } else {
            " as c0"
        });
        given(sql, plan, " from ");
        sql.word(") x");
    }
    let columns = Columns {
        rows: (silent || function.set).then_some(1),
        total: None,
        lone: false,
    };
    let reply = Reply {
        verb: Verb::Call,
        single: !function.set,
        has_body: plan.answer,
        offset: 0,
        shape: manner.wishes.shape,
        key: false,
        plan: false,
        pinned: false,
    };
    (columns, reply)
}

/// Writes the query that gives the value, or the values of a set, as one JSON.
pub(super) fn subquery(sql: &mut Sql, plan: &Call<'_>) {
    if plan.function.set {
        sql.word("select coalesce(pg_catalog.json_agg(x.c0), '[]') from (select ");
        shown(sql, plan);
        sql.word(" as c0");
        given(sql, plan, " from ");
        sql.word(") x");
    } else {
        sql.word("select pg_catalog.to_json(");
        shown(sql, plan);
        sql.word(")");
        given(sql, plan, " from ");
    }
}

/// Writes the one value of a function as a body.
fn value(sql: &mut Sql, plan: &Call<'_>, manner: Manner<'_>) {
    let (before, behind) = match manner.wishes.shape {
        _ if manner.made.is_some_and(|made| made.bytes) => ("(", ")::pg_catalog.bytea"),
        _ if manner.made.is_some() => ("(", ")::pg_catalog.text"),
        Shape::Bytes if returns_bytes(plan) => ("", ""),
        Shape::Text | Shape::Bytes => ("(", ")::pg_catalog.text"),
        Shape::ArrayWithoutNulls | Shape::ObjectWithoutNulls => (
            "pg_catalog.json_strip_nulls(coalesce(pg_catalog.to_json(",
            "), 'null'))",
        ),
        Shape::Own | Shape::Array | Shape::Object | Shape::Csv | Shape::GeoJson => {
            ("coalesce(pg_catalog.to_json(", "), 'null')")
        }
    };
    sql.word(before);
    shown(sql, plan);
    sql.word(behind);
}

/// Writes the values of a function, `x.c0`, as a body.
fn values(sql: &mut Sql, plan: &Call<'_>, manner: Manner<'_>) {
    sql.word(match manner.wishes.shape {
        _ if manner.made.is_some_and(|made| made.bytes) => {
            "pg_catalog.string_agg(x.c0::pg_catalog.bytea, '')"
        }
        _ if manner.made.is_some() => "pg_catalog.string_agg(x.c0::pg_catalog.text, '')",
        Shape::Bytes if returns_bytes(plan) => "pg_catalog.string_agg(x.c0, '')",
        Shape::Text | Shape::Bytes => "pg_catalog.string_agg(x.c0::pg_catalog.text, '')",
        Shape::Object => "(pg_catalog.array_agg(pg_catalog.to_json(x.c0)))[1]",
        Shape::ObjectWithoutNulls => {
            "(pg_catalog.array_agg(pg_catalog.json_strip_nulls(pg_catalog.to_json(x.c0))))[1]"
        }
        Shape::ArrayWithoutNulls => {
            "pg_catalog.json_strip_nulls(coalesce(pg_catalog.json_agg(x.c0), '[]'))"
        }
        Shape::Own | Shape::Array | Shape::Csv | Shape::GeoJson => {
            "coalesce(pg_catalog.json_agg(x.c0), '[]')"
        }
    });
}

fn returns_bytes(plan: &Call<'_>) -> bool {
    matches!(&plan.function.returns, Returns::Scalar { data_type, .. } if data_type.is_bytea())
}

/// Writes the function's rows as they stand in FROM; the alias follows.
pub(super) fn source(sql: &mut Sql, plan: &Call<'_>) {
    if given(sql, plan, "") {
        sql.word(", lateral ");
    }
    invoke(sql, plan);
}

/// Writes the value as what it is shown as.
fn shown(sql: &mut Sql, plan: &Call<'_>) {
    sql.word(if plan.cast.is_some() { "(" } else { "" });
    invoke(sql, plan);
    if let Some(cast) = plan.cast {
        sql.word(")::").data_type(cast);
    }
}

/// Writes `schema.function(arguments)`.
fn invoke(sql: &mut Sql, plan: &Call<'_>) {
    sql.function(plan.function).word("(");
    match &plan.arguments {
        Arguments::Each(each) => {
            sql.list(each, |sql, (argument, value)| {
                argument_name(sql, argument);
                sql.bind(value.as_ref())
                    .word("::")
                    .data_type(&argument.data_type);
            });
        }
        Arguments::Json { given, .. } => {
            sql.list(given, |sql, argument| {
                argument_name(sql, argument);
                if let Some(name) = &argument.name {
                    sql.member(Alias::Word("r"), name);
                }
            });
        }
        Arguments::Whole(argument, value) => {
            sql.bind(value.as_ref())
                .word("::")
                .data_type(&argument.data_type);
        }
    }
    sql.word(")");
}

fn argument_name(sql: &mut Sql, argument: &crate::catalog::Argument) {
    sql.word(match argument.mode {
        ArgumentMode::Variadic => "variadic ",
        ArgumentMode::In | ArgumentMode::InOut => "",
    });
    if let Some(name) = &argument.name {
        sql.name(name).word(" => ");
    }
}

/// Writes the arguments of a JSON object as the row `r`, behind `before`; whether there are any.
fn given(sql: &mut Sql, plan: &Call<'_>, before: &'static str) -> bool {
    let Arguments::Json { given, json } = &plan.arguments else {
        return false;
    };
    if given.is_empty() {
        return false;
    }
    sql.word(before)
        .word("pg_catalog.json_to_record(")
        .bind(json.as_ref())
        .word(") as r(")
        .list(given, |sql, argument| {
            if let Some(name) = &argument.name {
                sql.name(name).word(" ").data_type(&argument.data_type);
            }
        })
        .word(")");
    true
}
