//! Reads. The plain form is `select coalesce(json_agg(x.*), '[]') from (select … from … where …) x`.
//!
//! Related rows are subqueries in the select list: PostgreSQL computes them after sorting and cutting the page, for the
//! rows of the page alone. The same as joins would be computed for every row that matches.
//!
//! The number of a LIMIT is part of the text: it is judged against the page size (at most a thousand values), clients
//! keep to one, and a bound limit makes the planner guess a tenth of the table, so that it either plans an ordered page
//! badly or plans it anew at each execution. OFFSET moves with every page and is bound.

use crate::ask::{Count, Shape};
use crate::plan::{Call, Link, Read, Value};
use crate::sql::fragment::Sql;
use crate::sql::output::{self, Form, Scope};
use crate::sql::{Columns, Estimate, Guard, Manner, Reply, Verb, call, filter};

/// Rows counted before the planner's opinion is asked, where an estimate was asked for.
const COUNTED: u64 = 1_000;

/// The row as it was written, beside its columns: functions of the row take it.
const WHOLE_ROW: &str = ".\"row as written\"";

/// Where the rows of a read come from.
pub(super) enum Origin<'o, 'a> {
    /// The relation.
    Relation,
    /// Those related to a row of another read.
    Link(&'o Link<'a>, &'o Scope<'o, 'a>),
    /// A function.
    Call(&'o Call<'a>),
    /// What a write returned, in the CTE `x`.
    Written,
}

pub(super) fn print(sql: &mut Sql, plan: &Read<'_>, manner: Manner<'_>) -> (Columns, Reply) {
    document(sql, plan, &Origin::Relation, manner, Verb::Read)
}

/// Writes the whole statement of a read.
pub(super) fn document(
    sql: &mut Sql,
    plan: &Read<'_>,
    origin: &Origin<'_, '_>,
    manner: Manner<'_>,
    verb: Verb,
) -> (Columns, Reply) {
    // One row of a function is an object, whatever the mount does with rows of a table.
    let shape = match manner.wishes.shape {
        Shape::Array if plan.single => Shape::Own,
        other => other,
    };
    let form = output::form(shape, plan.single, manner);
    let exact = matches!(form, Form::Object { .. }) && !plan.single;
    // What a call did must be undone when its rows are not as many as they should be; a read did nothing.
    let guard = Guard {
        one: exact && verb == Verb::Call,
        most: manner.wishes.max_affected.filter(|_| verb == Verb::Call),
    };
    let counts =
        plan.count != Count::No || exact || manner.wishes.numbers.answered || guard.most.is_some();
    let mut columns = Columns {
        rows: None,
        total: None,
        lone: false,
    };
    if counts {
        columns.rows = Some(1);
    }
    let scope = Scope::new(sql, plan, false);
    // A scalar subquery, so that there is a row, with a NULL body, also when nothing is found.
    let alone = plan.single && matches!(form, Form::Object { .. });
    sql.word(if alone { "select (select " } else { "select " });
    output::body(sql, &plan.output, form, alone);
    if counts && !alone {
        sql.word(", ");
        guard.number(sql, "pg_catalog.count(*)");
    }
    let mut source = None;
    if matches!(plan.count, Count::Exact | Count::Estimated) && !alone {
        columns.total = Some(2);
        sql.word(", (select pg_catalog.count(*)");
        if plan.grouped || plan.count == Count::Estimated {
            sql.word(" from (");
            if plan.grouped {
                let again = Scope::new(sql, plan, false);
                grouped_rows(sql, &again, origin);
            } else {
                sql.word("select 1");
                let again = Scope::new(sql, plan, false);
                from(sql, &again, origin);
                conditions(sql, &again, origin);
                sql.word(" limit ").number(COUNTED + 1);
            }
            sql.word(") x)");
        } else {
            let begin = sql.mark();
            from(sql, &scope, origin);
            let middle = sql.mark();
            conditions(sql, &scope, origin);
            source = Some((begin..middle, middle..sql.mark()));
            sql.word(")");
        }
    }
    sql.word(" from (select ");
    output::members(sql, &scope, output::numbered(&plan.output, form));
    match source {
        Some((of, which)) => {
            sql.repeat(of);
            output::spreads(sql, &scope);
            sql.repeat(which);
        }
        None => {
            from(sql, &scope, origin);
            output::spreads(sql, &scope);
            conditions(sql, &scope, origin);
        }
    }
    tail(sql, &scope);
    sql.word(if alone { ") x)" } else { ") x" });
    if alone {
        columns.rows = None;
    }
    let reply = Reply {
        verb,
        single: plan.single,
        has_body: true,
        offset: plan.offset,
        shape,
        key: false,
        plan: false,
        pinned: false,
    };
    (columns, reply)
}

/// Writes the rows of a read, to stand in parentheses. `one`: the first one.
pub(super) fn rows(
    sql: &mut Sql,
    scope: &Scope<'_, '_>,
    origin: &Origin<'_, '_>,
    form: Form<'_>,
    to_one: bool,
    uncertain: bool,
) {
    sql.word("select ");
    output::members(sql, scope, output::numbered(&scope.read.output, form));
    from(sql, scope, origin);
    output::spreads(sql, scope);
    conditions(sql, scope, origin);
    group(sql, scope);
    filter::order(sql, scope, &scope.read.order);
    if to_one {
        sql.word(if uncertain { " limit 1" } else { "" });
    } else {
        page(sql, scope.read);
    }
}

fn grouped_rows(sql: &mut Sql, scope: &Scope<'_, '_>, origin: &Origin<'_, '_>) {
    sql.word("select ");
    output::members(sql, scope, true);
    from(sql, scope, origin);
    output::spreads(sql, scope);
    conditions(sql, scope, origin);
    group(sql, scope);
}

/// What stands behind the conditions.
fn tail(sql: &mut Sql, scope: &Scope<'_, '_>) {
    group(sql, scope);
    filter::order(sql, scope, &scope.read.order);
    page(sql, scope.read);
}

fn page(sql: &mut Sql, read: &Read<'_>) {
    if let Some(limit) = read.limit {
        sql.word(" limit ").number(limit);
    }
    if read.offset > 0 {
        sql.word(" offset ").bind(read.offset.to_string());
    }
}

/// Writes ` from …`.
pub(super) fn from(sql: &mut Sql, scope: &Scope<'_, '_>, origin: &Origin<'_, '_>) {
    sql.word(" from ");
    match origin {
        Origin::Written => {
            sql.word("x");
        }
        Origin::Call(plan) => {
            call::source(sql, plan);
        }
        Origin::Link(Link::Computed(function), near) => {
            // Of rows that a write returned the whole row is a column of its own.
            sql.function(function)
                .word("(")
                .alias(near.alias)
                .word(if near.written { WHOLE_ROW } else { ".*" })
                .word(")");
        }
        Origin::Relation | Origin::Link(..) => {
            sql.relation(scope.read.relation);
        }
    }
    sql.word(" ").alias(scope.alias);
    if let Origin::Link(Link::Through { junction, .. }, _) = origin {
        sql.word(", ").relation(junction).word(" ");
        junction_alias(sql, scope);
    }
}

/// The junction goes by the alias of the rows it leads to with a `j` behind it.
fn junction_alias(sql: &mut Sql, scope: &Scope<'_, '_>) {
    sql.alias(scope.alias).word("j");
}

/// Writes ` where …`.
pub(super) fn conditions(sql: &mut Sql, scope: &Scope<'_, '_>, origin: &Origin<'_, '_>) {
    let mut any = false;
    let mut and = |sql: &mut Sql| {
        sql.word(if any { " and " } else { " where " });
        any = true;
    };
    if let Origin::Link(link, near) = origin {
        match link {
            Link::Columns(pairs) => {
                for (one, other) in pairs {
                    and(sql);
                    sql.column(scope.alias, other)
                        .word(" = ")
                        .column(near.alias, one);
                }
            }
            Link::Through {
                near: nears, far, ..
            } => {
                for (one, of_junction) in nears {
                    and(sql);
                    junction_alias(sql, scope);
                    sql.word(".")
                        .name(&of_junction.name)
                        .word(" = ")
                        .column(near.alias, one);
                }
                for (of_junction, other) in far {
                    and(sql);
                    sql.column(scope.alias, other).word(" = ");
                    junction_alias(sql, scope);
                    sql.word(".").name(&of_junction.name);
                }
            }
            Link::Computed(_) => {}
        }
    }
    if let Some(predicate) = &scope.read.filter {
        and(sql);
        // An `or` must not take the link apart.
        let linked = matches!(origin, Origin::Link(..));
        let apart = linked && matches!(predicate, crate::plan::Predicate::Or(_));
        sql.word(if apart { "(" } else { "" });
        filter::predicate(sql, scope, predicate);
        sql.word(if apart { ")" } else { "" });
    }
}

/// Writes ` group by …`: every member that is no aggregate, by its position, and what related rows are found by.
fn group(sql: &mut Sql, scope: &Scope<'_, '_>) {
    if !scope.read.grouped {
        return;
    }
    let mut first = true;
    let mut comma = |sql: &mut Sql| {
        sql.word(if first { " group by " } else { ", " });
        first = false;
    };
    for (place, member) in scope.read.output.iter().enumerate() {
        if matches!(member.value, Value::Field(_) | Value::Spread { .. }) {
            comma(sql);
            sql.count(place + 1);
        }
    }
    for embed in scope.read.embeds.iter().filter(|embed| !embed.spread) {
        if let Link::Columns(pairs) | Link::Through { near: pairs, .. } = &embed.link {
            for (near, _) in pairs {
                comma(sql);
                sql.column(scope.alias, near);
            }
        }
    }
}

/// The statement whose plan stands for a count.
pub(super) fn estimate(read: &Read<'_>) -> Option<Estimate> {
    if !matches!(read.count, Count::Planned | Count::Estimated) {
        return None;
    }
    let mut sql = Sql::new();
    sql.word("explain (format json) ");
    let scope = Scope::new(&mut sql, read, false);
    if read.grouped {
        grouped_rows(&mut sql, &scope, &Origin::Relation);
    } else {
        sql.word("select 1");
        from(&mut sql, &scope, &Origin::Relation);
        conditions(&mut sql, &scope, &Origin::Relation);
    }
    let (sql, params) = sql.into_parts();
    Some(Estimate {
        sql,
        params,
        counted_to: (read.count == Count::Estimated).then_some(COUNTED),
    })
}
