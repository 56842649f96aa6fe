//! Reads. The plain form is `select coalesce(json_agg(x.*), '[]') from (select … from … where …) x`.
//!
//! The number of a LIMIT is part of the text: it is judged against the page size (at most a thousand values), clients
//! keep to one, and a bound limit makes the planner guess a tenth of the table, so that it either plans an ordered page
//! badly or plans it anew at each execution. OFFSET moves with every page and is bound.

use crate::plan::Read;
use crate::sql::fragment::Sql;
use crate::sql::{Columns, Reply, Verb, filter, output};

pub(super) fn print(sql: &mut Sql, plan: &Read<'_>) -> (Columns, Reply) {
    let mut columns = Columns {
        rows: None,
        total: None,
    };
    if plan.single {
        // A scalar subquery, so that there is a row, with a NULL body, also when nothing is found.
        sql.word("select (select ");
        output::object(sql, &plan.output);
    } else {
        sql.word("select ");
        output::array(sql, &plan.output);
    }
    let mut condition = None;
    if plan.total {
        columns = Columns {
            rows: Some(1),
            total: Some(2),
        };
        sql.word(", pg_catalog.count(*), (select pg_catalog.count(*) from ")
            .relation(plan.relation)
            .word(" t0");
        let start = sql.mark();
        filter::filter(sql, "t0", plan.filter.as_ref());
        condition = Some(start..sql.mark());
        sql.word(")");
    }
    sql.word(" from (select ");
    output::members(sql, "t0", &plan.output);
    sql.word(" from ").relation(plan.relation).word(" t0");
    match condition {
        Some(written) => {
            sql.repeat(written);
        }
        None => filter::filter(sql, "t0", plan.filter.as_ref()),
    }
    filter::order(sql, "t0", &plan.order);
    if let Some(limit) = plan.limit {
        sql.word(" limit ").number(limit);
    }
    if plan.offset > 0 {
        sql.word(" offset ").bind(plan.offset.to_string());
    }
    sql.word(if plan.single { ") x)" } else { ") x" });
    let reply = Reply {
        verb: Verb::Read,
        single: plan.single,
        has_body: true,
        offset: plan.offset,
    };
    (columns, reply)
}
