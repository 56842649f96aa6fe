//! Writes: the change in a CTE, its rows as JSON behind it, in one statement and one result row.
//!
//! Values travel as one JSON parameter that PostgreSQL unpacks with the column types of the catalog: the statement is
//! the same for one row and for ten thousand. But for one object of plain values, whose texts are parameters, and whose
//! answer stands in RETURNING where it can.

use crate::ask::Shape;
use crate::catalog::{Column, RelationKind};
use crate::plan::Base;
use crate::plan::{
    Answer, Delete, Embed, Insert, Link, Page, Predicate, Read, Update, Value, Values,
};
use crate::sql::fragment::{Alias, Sql};
use crate::sql::output::{self, Form, Scope};
use crate::sql::read::{self, Origin};
use crate::sql::{Columns, Guard, Manner, Reply, Verb, filter};

/// What every write needs to print itself.
struct Target<'s, 'a> {
    answer: &'s Answer<'a>,
    manner: Manner<'s>,
    verb: Verb,
    single: bool,
    /// The rows written.
    alias: Alias,
    /// The one row is named by the address: none means that the body is another one, which is an answer of its own.
    pinned: bool,
}

pub(super) fn insert(sql: &mut Sql, plan: &Insert<'_>, manner: Manner<'_>) -> (Columns, Reply) {
    let target = Target {
        answer: &plan.answer,
        manner,
        verb: Verb::Insert,
        single: plan.single,
        alias: sql.new_alias(),
        pinned: plan.only.is_some(),
    };
    if let ([group], true) = (plan.groups.as_slice(), is_lone(plan, &target)) {
        insert_group(sql, plan, group, &target);
        lone_row(sql, &target);
        return meaning(&target, true);
    }
    sql.word("with ");
    if let [group] = plan.groups.as_slice() {
        sql.word("x as (");
        insert_group(sql, plan, group, &target);
        returning(sql, &target);
        sql.word(")");
    } else {
        // One INSERT for each set of columns given, so that each takes the defaults of the others.
        let groups = || (0_u64..).zip(&plan.groups);
        for (index, group) in groups() {
            sql.word("x").number(index).word(" as (");
            insert_group(sql, plan, group, &target);
            returning(sql, &target);
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
    finish(sql, &target)
}

/// Whether the answer can stand in RETURNING: one row of a table, and nothing that other rows or their number say. A CTE and
/// a count would cost PostgreSQL 4 of 50 µs. A rule could make several rows of one.
fn is_lone(plan: &Insert<'_>, target: &Target<'_, '_>) -> bool {
    let one = plan.only.is_none() && plan.groups.iter().all(|group| group.texts.is_some());
    let of_table = plan.relation.kind == RelationKind::Table && !plan.relation.has_rules;
    let own = target.manner.wishes.shape == Shape::Own
        && target.manner.wishes.max_affected.is_none()
        && target.manner.made.is_none();
    let alone = match target.answer {
        Answer::Rows(read) => target.single && !in_layers(read),
        Answer::Nothing => true,
        Answer::Affected | Answer::Key(_) => false,
    };
    one && of_table && own && alone
}

/// Writes body and number of the one row behind it.
fn lone_row(sql: &mut Sql, target: &Target<'_, '_>) {
    sql.word(" returning ");
    match target.answer {
        Answer::Rows(read) => {
            let form = output::form(target.manner.wishes.shape, target.single, target.manner);
            sql.word("(select ");
            output::body(sql, &read.output, form, true);
            sql.word(" from (select ");
            let scope = Scope::at(sql, read, target.alias, false);
            output::members(sql, &scope, output::numbered(&read.output, form));
            sql.word(") x)");
        }
        Answer::Affected | Answer::Nothing | Answer::Key(_) => {
            sql.word("null::pg_catalog.json");
        }
    }
    sql.word(", 1::pg_catalog.int8");
}

fn insert_group(sql: &mut Sql, plan: &Insert<'_>, values: &Values<'_>, target: &Target<'_, '_>) {
    sql.word("insert into ")
        .relation(plan.relation)
        .word(" as ")
        .alias(target.alias);
    match (values.columns.as_slice(), values.many) {
        ([], false) => {
            sql.word(" default values");
        }
        // As many rows of defaults as the array has elements.
        ([], true) => {
            sql.word(" select from pg_catalog.json_array_elements(")
                .bind(values.json())
                .word(")");
        }
        (columns, _) => {
            sql.word(" (").list(columns, |sql, column| {
                sql.name(&column.name);
            });
            sql.word(") ");
            given(sql, plan, values);
        }
    }
    if let Some(conflict) = &plan.conflict {
        sql.word(" on conflict");
        if !conflict.key.is_empty() {
            sql.word(" (").list(&conflict.key, |sql, column| {
                sql.name(&column.name);
            });
            sql.word(")");
        }
        if conflict.merge {
            sql.word(" do update set ")
                .list(&values.columns, |sql, column| {
                    sql.name(&column.name)
                        .word(" = ")
                        .column(Alias::Word("excluded"), column);
                });
        } else {
            sql.word(" do nothing");
        }
    }
}

/// Writes the rows of the body.
fn given(sql: &mut Sql, plan: &Insert<'_>, values: &Values<'_>) {
    if let (Some(texts), None) = (&values.texts, &plan.only) {
        sql.word("values (").list(texts, |sql, text| {
            sql.bind(&**text);
        });
        sql.word(")");
        return;
    }
    sql.word("select ").list(&values.columns, |sql, column| {
        sql.column(GIVEN, column);
    });
    sql.word(" from ");
    unpack(sql, values);
    if let Some(only) = &plan.only {
        condition(sql, plan.relation, GIVEN, Some(only));
    }
}

/// The rows of the body.
const GIVEN: Alias = Alias::Word("r");

/// Writes ` where …` for rows of a relation that go by `alias`.
fn condition(
    sql: &mut Sql,
    relation: &crate::catalog::Relation,
    alias: Alias,
    filter: Option<&Predicate<'_>>,
) {
    let Some(filter) = filter else {
        return;
    };
    let read = Read::bare(relation);
    let scope = Scope::at(sql, &read, alias, false);
    sql.word(" where ");
    filter::predicate(sql, &scope, filter);
}

pub(super) fn update(sql: &mut Sql, plan: &Update<'_>, manner: Manner<'_>) -> (Columns, Reply) {
    let target = Target {
        answer: &plan.answer,
        manner,
        verb: Verb::Update,
        single: plan.single,
        alias: sql.new_alias(),
        pinned: false,
    };
    sql.word("with x as (update ")
        .relation(plan.relation)
        .word(" as ")
        .alias(target.alias)
        .word(" set ");
    match &plan.set.texts {
        Some(texts) => {
            let set = plan.set.columns.iter().zip(texts);
            sql.list(set, |sql, (column, text)| {
                sql.name(&column.name).word(" = ").bind(&**text);
            });
        }
        None => {
            sql.list(&plan.set.columns, |sql, column: &&Column| {
                sql.name(&column.name).word(" = ").column(GIVEN, column);
            });
        }
    }
    let unpacked = plan.set.texts.is_none();
    if unpacked || plan.page.is_some() {
        sql.word(" from ");
    }
    if unpacked {
        unpack(sql, &plan.set);
    }
    match &plan.page {
        None => condition(sql, plan.relation, target.alias, plan.filter.as_ref()),
        Some(page) => {
            sql.word(if unpacked { ", " } else { "" });
            first_rows(sql, plan.relation, plan.filter.as_ref(), page, target.alias);
        }
    }
    returning(sql, &target);
    sql.word(")");
    finish(sql, &target)
}

pub(super) fn delete(sql: &mut Sql, plan: &Delete<'_>, manner: Manner<'_>) -> (Columns, Reply) {
    let target = Target {
        answer: &plan.answer,
        manner,
        verb: Verb::Delete,
        single: plan.single,
        alias: sql.new_alias(),
        pinned: false,
    };
    sql.word("with x as (delete from ")
        .relation(plan.relation)
        .word(" as ")
        .alias(target.alias);
    match &plan.page {
        None => condition(sql, plan.relation, target.alias, plan.filter.as_ref()),
        Some(page) => {
            sql.word(" using ");
            first_rows(sql, plan.relation, plan.filter.as_ref(), page, target.alias);
        }
    }
    returning(sql, &target);
    sql.word(")");
    finish(sql, &target)
}

/// Writes the keys of the first rows as `k`, and the condition that the rows written are those.
fn first_rows(
    sql: &mut Sql,
    relation: &crate::catalog::Relation,
    filter: Option<&Predicate<'_>>,
    page: &Page<'_>,
    target: Alias,
) {
    let read = Read::bare(relation);
    let scope = Scope::new(sql, &read, false);
    sql.word("(select ").list(&page.key, |sql, column| {
        sql.column(scope.alias, column);
    });
    sql.word(" from ")
        .relation(relation)
        .word(" ")
        .alias(scope.alias);
    condition(sql, relation, scope.alias, filter);
    filter::order(sql, &scope, &page.order);
    sql.word(" limit ").number(page.limit);
    if page.offset > 0 {
        sql.word(" offset ").bind(page.offset.to_string());
    }
    sql.word(") k where ");
    for (index, column) in page.key.iter().enumerate() {
        sql.word(if index > 0 { " and " } else { "" })
            .column(target, column)
            .word(" = ")
            .column(Alias::Word("k"), column);
    }
}

/// Writes the JSON parameter as rows of `r`.
fn unpack(sql: &mut Sql, values: &Values<'_>) {
    sql.word(if values.many {
        "pg_catalog.json_to_recordset("
    } else {
        "pg_catalog.json_to_record("
    });
    sql.bind(values.json())
        .word(") as r(")
        .list(&values.columns, |sql, column| {
            sql.name(&column.name)
                .word(" ")
                .data_type(&column.data_type);
        });
    sql.word(")");
}

/// Whether the answer needs the rows written as a source of its own: related rows cannot be read in RETURNING.
fn in_layers(read: &Read<'_>) -> bool {
    !read.embeds.is_empty() || read.grouped
}

/// `returning 1` names no column: without rows to send back, the caller needs no right to read the table.
fn returning(sql: &mut Sql, target: &Target<'_, '_>) {
    sql.word(" returning ");
    match target.answer {
        Answer::Rows(read) if in_layers(read) => {
            let columns = output::needed(read);
            let mut comma = !columns.is_empty();
            sql.list(&columns, |sql, column| {
                sql.column(target.alias, column);
            });
            for function in computed(read) {
                sql.word(if comma { ", " } else { "" })
                    .function(function)
                    .word("(")
                    .alias(target.alias)
                    .word(".*) as ")
                    .name(&function.name);
                comma = true;
            }
            let of_row = |embed: &Embed<'_>| matches!(embed.link, Link::Computed(_));
            if read.embeds.iter().any(of_row) {
                sql.word(if comma { ", row(" } else { "row(" })
                    .alias(target.alias)
                    .word(".*)::")
                    .relation(read.relation)
                    .word(" as \"row as written\"");
                comma = true;
            }
            if !comma {
                sql.word("1 as c0");
            }
        }
        Answer::Rows(read) => {
            let scope = Scope::at(sql, read, target.alias, false);
            let form = output::form(target.manner.wishes.shape, target.single, target.manner);
            output::members(sql, &scope, output::numbered(&read.output, form));
        }
        Answer::Key(columns) if !columns.is_empty() => {
            sql.list(columns, |sql, column| {
                sql.column(target.alias, column);
            });
        }
        Answer::Affected | Answer::Nothing | Answer::Key(_) => {
            sql.word("1");
        }
    }
}

/// Functions of the row that the answer shows.
fn computed<'a>(read: &Read<'a>) -> Vec<&'a crate::catalog::Function> {
    let mut functions: Vec<&'a crate::catalog::Function> = Vec::new();
    for member in &read.output {
        if let Value::Field(field) = &member.value
            && let Base::Computed(function) = field.base
            && !functions.iter().any(|known| std::ptr::eq(*known, function))
        {
            functions.push(function);
        }
    }
    functions
}

/// Writes the body and the number of rows written.
fn finish(sql: &mut Sql, target: &Target<'_, '_>) -> (Columns, Reply) {
    let form = output::form(target.manner.wishes.shape, target.single, target.manner);
    let one = target.single && target.manner.wishes.shape == Shape::Own;
    sql.word(" select ");
    match target.answer {
        Answer::Rows(rows) if in_layers(rows) => {
            sql.word("(select ");
            records(sql, target, rows, form, one);
            sql.word(" from (");
            let scope = Scope::new(sql, rows, true);
            read::rows(sql, &scope, &Origin::Written, form, one, false);
            sql.word(") x)");
        }
        Answer::Rows(rows) if one => {
            sql.word("(select ");
            output::body(sql, &rows.output, form, true);
            sql.word(" from x)");
        }
        Answer::Rows(rows) => records(sql, target, rows, form, false),
        Answer::Affected => {
            sql.word("pg_catalog.json_build_object('affected', pg_catalog.count(*))");
        }
        Answer::Key(columns) if !columns.is_empty() => {
            sql.word("(pg_catalog.array_agg(pg_catalog.row_to_json(x.*)))[1]");
        }
        Answer::Key(_) | Answer::Nothing => {
            sql.word("null::pg_catalog.json");
        }
    }
    sql.word(", ");
    number(sql, target);
    sql.word(" from x");
    meaning(target, false)
}

/// What the row means.
fn meaning(target: &Target<'_, '_>, lone: bool) -> (Columns, Reply) {
    let key = matches!(target.answer, Answer::Key(columns) if !columns.is_empty());
    let has_body = matches!(target.answer, Answer::Rows(_) | Answer::Affected);
    (
        Columns {
            rows: Some(1),
            total: target.manner.wishes.numbers.written.then_some(1),
            lone,
        },
        Reply {
            verb: target.verb,
            single: target.single,
            has_body,
            offset: 0,
            shape: target.manner.wishes.shape,
            key,
            plan: false,
            pinned: target.pinned,
        },
    )
}

/// Writes the rows of `x`; a delete of the mount's own form says their number too.
fn records(sql: &mut Sql, target: &Target<'_, '_>, rows: &Read<'_>, form: Form<'_>, one: bool) {
    let counted = target.verb == Verb::Delete && target.manner.wishes.shape == Shape::Own && !one;
    if counted {
        sql.word("pg_catalog.json_build_object('affected', pg_catalog.count(*), 'records', ");
    }
    output::body(sql, &rows.output, form, one);
    sql.word(if counted { ")" } else { "" });
}

/// Writes the number of rows written, and what must hold of it: else everything is undone.
fn number(sql: &mut Sql, target: &Target<'_, '_>) {
    let guard = Guard {
        one: matches!(
            target.manner.wishes.shape,
            Shape::Object | Shape::ObjectWithoutNulls
        ) && matches!(target.answer, Answer::Rows(_))
            && !target.pinned,
        most: target.manner.wishes.max_affected,
    };
    guard.number(sql, "pg_catalog.count(*)");
}
