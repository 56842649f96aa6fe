//! Writes: the change in a CTE, its rows as JSON behind it, in one statement and one result row.
//!
//! Values travel as one JSON parameter that PostgreSQL unpacks with the column types of the catalog: the statement is
//! the same for one row and for ten thousand.

use crate::catalog::Column;
use crate::plan::{Answer, Delete, Insert, Update, Values};
use crate::sql::fragment::Sql;
use crate::sql::{Columns, Reply, Verb, filter, output};

pub(super) fn insert(sql: &mut Sql, plan: &Insert<'_>) -> (Columns, Reply) {
    sql.word("with ");
    if let [group] = plan.groups.as_slice() {
        sql.word("x as (");
        insert_group(sql, plan, group);
        sql.word(")");
    } else {
        // One INSERT for each set of columns given, so that each takes the defaults of the others.
        let groups = || (0_u64..).zip(&plan.groups);
        for (index, group) in groups() {
            sql.word("x").number(index).word(" as (");
            insert_group(sql, plan, group);
            sql.word("), ");
        }
        sql.word("x as (");
        for (index, _) in groups() {
            sql.word(if index > 0 { " union all " } else { "" })
                .word("select * from x")
                .number(index);
        }
        sql.word(")");
    }
    finish(sql, &plan.answer, Verb::Insert, plan.single)
}

fn insert_group(sql: &mut Sql, plan: &Insert<'_>, values: &Values<'_>) {
    sql.word("insert into ")
        .relation(plan.relation)
        .word(" as t0");
    match (values.columns.as_slice(), values.many) {
        ([], false) => {
            sql.word(" default values");
        }
        // As many rows of defaults as the array has elements.
        ([], true) => {
            sql.word(" select from pg_catalog.json_array_elements(")
                .bind(values.json)
                .word(")");
        }
        (columns, _) => {
            sql.word(" (").list(columns, |sql, column| {
                sql.name(&column.name);
            });
            sql.word(") select ").list(columns, |sql, column| {
                sql.column("r", column);
            });
            sql.word(" from ");
            unpack(sql, values);
        }
    }
    returning(sql, &plan.answer);
}

pub(super) fn update(sql: &mut Sql, plan: &Update<'_>) -> (Columns, Reply) {
    sql.word("with x as (update ")
        .relation(plan.relation)
        .word(" as t0 set ");
    sql.list(&plan.set.columns, |sql, column: &&Column| {
        sql.name(&column.name).word(" = ").column("r", column);
    });
    sql.word(" from ");
    unpack(sql, &plan.set);
    filter::filter(sql, "t0", Some(&plan.filter));
    returning(sql, &plan.answer);
    sql.word(")");
    finish(sql, &plan.answer, Verb::Update, plan.single)
}

pub(super) fn delete(sql: &mut Sql, plan: &Delete<'_>) -> (Columns, Reply) {
    sql.word("with x as (delete from ")
        .relation(plan.relation)
        .word(" as t0");
    filter::filter(sql, "t0", Some(&plan.filter));
    returning(sql, &plan.answer);
    sql.word(")");
    finish(sql, &plan.answer, Verb::Delete, plan.single)
}

/// Writes the JSON parameter as rows of `r`.
fn unpack(sql: &mut Sql, values: &Values<'_>) {
    sql.word(if values.many {
        "pg_catalog.json_to_recordset("
    } else {
        "pg_catalog.json_to_record("
    });
    sql.bind(values.json)
        .word(") as r(")
        .list(&values.columns, |sql, column| {
            sql.name(&column.name)
                .word(" ")
                .data_type(&column.data_type);
        });
    sql.word(")");
}

/// `returning 1` names no column: without rows to send back, the caller needs no right to read the table.
fn returning(sql: &mut Sql, answer: &Answer<'_>) {
    sql.word(" returning ");
    match answer {
        Answer::Rows(output) => output::members(sql, "t0", output),
        Answer::Affected | Answer::Nothing => {
            sql.word("1");
        }
    }
}

/// Writes the body and the number of rows of `x`.
fn finish(sql: &mut Sql, answer: &Answer<'_>, verb: Verb, single: bool) -> (Columns, Reply) {
    sql.word(" select ");
    match answer {
        Answer::Rows(rows) if single => {
            sql.word("(select ");
            output::object(sql, rows);
            sql.word(" from x)");
        }
        Answer::Rows(rows) if verb == Verb::Delete => {
            sql.word("pg_catalog.json_build_object('affected', pg_catalog.count(*), 'records', ");
            output::array(sql, rows);
            sql.word(")");
        }
        Answer::Rows(rows) => output::array(sql, rows),
        Answer::Affected => {
            sql.word("pg_catalog.json_build_object('affected', pg_catalog.count(*))");
        }
        Answer::Nothing => {
            sql.word("null::pg_catalog.json");
        }
    }
    sql.word(", pg_catalog.count(*) from x");
    let has_body = !matches!(answer, Answer::Nothing);
    (
        Columns {
            rows: Some(1),
            total: None,
        },
        Reply {
            verb,
            single,
            has_body,
            offset: 0,
        },
    )
}
