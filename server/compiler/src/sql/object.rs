//! Several reads as the members of one object: subqueries in the select list of a row without a source.

use crate::ask::Shape;
use crate::plan::{Object, Part, Read, Value, is_built};
use crate::sql::fragment::Sql;
use crate::sql::output::{self, Form, Scope};
use crate::sql::read::{self, Origin};
use crate::sql::{Columns, Reply, Verb, call, connection};

pub(super) fn print(sql: &mut Sql, plan: &Object<'_>) -> (Columns, Reply) {
    let numbered = is_built(&plan.output);
    sql.word("select ");
    output::body(sql, &plan.output, Form::Object { strip: false }, true);
    sql.word(" from (select ");
    sql.list(plan.output.iter().enumerate(), |sql, (place, member)| {
        match &member.value {
            Value::Embed(part) => {
                if let Some(part) = plan.parts.get(*part) {
                    self::part(sql, part);
                }
            }
            constant => output::constant(sql, constant),
        }
        output::member_name(sql, member, numbered, place);
    });
    if plan.output.is_empty() {
        sql.word("1 as c0");
    }
    sql.word(") x");
    let columns = Columns {
        rows: None,
        total: None,
        lone: false,
    };
    let reply = Reply {
        verb: Verb::Read,
        single: true,
        has_body: true,
        offset: 0,
        shape: Shape::Own,
        key: false,
        plan: false,
        pinned: false,
    };
    (columns, reply)
}

fn part(sql: &mut Sql, part: &Part<'_>) {
    sql.word("(");
    match part {
        Part::Read(plan) => document(sql, plan, &Origin::Relation),
        Part::Call(plan) => match &plan.read {
            Some(rows) => document(sql, rows, &Origin::Call(plan)),
            None => call::subquery(sql, plan),
        },
        Part::Connection(facets) => {
            sql.word("select ");
            connection::facets(sql, facets);
        }
    }
    sql.word(")");
}

/// Writes the rows of a read as one value.
fn document(sql: &mut Sql, plan: &Read<'_>, origin: &Origin<'_, '_>) {
    let form = if plan.single {
        Form::Object { strip: false }
    } else {
        Form::Array { strip: false }
    };
    let scope = Scope::new(sql, plan, false);
    sql.word("select ");
    output::body(sql, &plan.output, form, plan.single);
    sql.word(" from (");
    read::rows(sql, &scope, origin, form, plan.single, false);
    sql.word(") x");
}
