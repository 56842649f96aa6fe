//! Calls: the function with its arguments, and its rows or its value as a body.

use crate::ask::{Shape, Wishes};
use crate::catalog::{ArgumentMode, Returns};
use crate::plan::{Arguments, Call};
use crate::sql::fragment::{Alias, Sql};
use crate::sql::read::{self, Origin};
use crate::sql::{Columns, Reply, Verb};

pub(super) fn print(sql: &mut Sql, plan: &Call<'_>, wishes: &Wishes<'_>) -> (Columns, Reply) {
    if let Some(rows) = plan.read.as_ref().filter(|_| plan.answer) {
        // One row is an object, whatever the mount does with rows of a table.
        let shape = match wishes.shape {
            Shape::Array if !plan.function.set => Shape::Own,
            other => other,
        };
        return read::document(sql, rows, &Origin::Call(plan), shape, Verb::Call);
    }
    let mut columns = Columns {
        rows: None,
        total: None,
    };
    match (&plan.function.returns, plan.answer) {
        // Of a function that returns nothing PostgreSQL makes an empty text.
        (Returns::Void, _) | (_, false) => {
            columns.rows = Some(1);
            sql.word("select null::pg_catalog.json, pg_catalog.count(x.c0) from (select ");
            invoke(sql, plan);
            sql.word("::pg_catalog.text as c0");
            given(sql, plan, " from ");
            sql.word(") x");
        }
        (_, true) if plan.function.set => {
            columns.rows = Some(1);
            sql.word(match wishes.shape {
                Shape::Text | Shape::Bytes => {
                    "select pg_catalog.string_agg(x.c0::pg_catalog.text, ''), pg_catalog.count(*) from (select "
                }
                _ => "select coalesce(pg_catalog.json_agg(x.c0), '[]'), pg_catalog.count(*) from (select ",
            });
            shown(sql, plan);
            sql.word(" as c0");
            given(sql, plan, " from ");
            sql.word(") x");
        }
        (_, true) => {
            let text = matches!(wishes.shape, Shape::Text | Shape::Bytes);
            sql.word(if text {
                "select ("
            } else {
                "select coalesce(pg_catalog.to_json("
            });
            shown(sql, plan);
            sql.word(if text {
                ")::pg_catalog.text"
            } else {
                "), 'null')"
            });
            given(sql, plan, " from ");
        }
    }
    let reply = Reply {
        verb: Verb::Call,
        single: !plan.function.set,
        has_body: plan.answer,
        offset: 0,
        shape: wishes.shape,
        key: false,
        pinned: false,
    };
    (columns, reply)
}

/// Writes the value, or the values of a set, as one JSON.
pub(super) fn value(sql: &mut Sql, plan: &Call<'_>) {
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
        .bind(*json)
        .word(") as r(")
        .list(given, |sql, argument| {
            if let Some(name) = &argument.name {
                sql.name(name).word(" ").data_type(&argument.data_type);
            }
        })
        .word(")");
    true
}
