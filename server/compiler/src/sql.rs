//! `Plan` → `Statement`. Cannot fail: everything that could be wrong was refused before.

mod call;
mod connection;
mod filter;
mod fragment;
mod object;
mod output;
mod read;
mod write;

pub(crate) use filter::array;

use crate::ask::Wishes;
use crate::catalog::Name;
use crate::plan::{Access, Act, Made, Plan};
use fragment::Sql;

/// One statement and what its single result row means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// With `$1…$n`; the same text for the same shape of request, whatever the values.
    pub sql: String,
    /// The values, in text format; PostgreSQL infers every type (declare none in Parse).
    pub params: Vec<String>,
    /// The transaction it needs.
    pub access: Access,
    /// Whether the transaction ends with a rollback.
    pub rollback: bool,
    /// The time zone of the transaction, if one is wanted.
    pub time_zone: Option<String>,
    /// A statement to explain: the number of rows the planner expects of it stands for their number.
    pub estimate: Option<Estimate>,
    /// The columns of the one row it returns.
    pub columns: Columns,
    /// What the row means to the caller.
    pub reply: Reply,
    /// What of the preferences was taken.
    pub applied: String,
    /// The media type of the body, where a function made it.
    pub media_type: Option<String>,
}

impl Statement {
    /// A statement made elsewhere, whose one row has one column.
    pub fn of_text(sql: String, params: Vec<String>, access: Access) -> Self {
        Statement {
            sql,
            params,
            access,
            rollback: false,
            time_zone: None,
            estimate: None,
            columns: Columns {
                rows: None,
                total: None,
                lone: false,
            },
            reply: Reply {
                verb: Verb::Call,
                single: true,
                has_body: true,
                offset: 0,
                shape: crate::ask::Shape::Own,
                key: false,
                plan: false,
                pinned: false,
            },
            applied: String::new(),
            media_type: None,
        }
    }
}

/// A statement whose plan says how many rows there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// `explain (format json) …`; its row is one json.
    pub sql: String,
    /// Its values.
    pub params: Vec<String>,
    /// Rows were counted too, up to one more than this; the plan speaks only if there are more.
    pub counted_to: Option<u64>,
}

impl Estimate {
    /// The number of rows: counted as far as that went, else what the planner expects, which is at least what was counted.
    pub fn total(&self, counted: Option<i64>, planned: i64) -> i64 {
        let all_counted = self
            .counted_to
            .map(|most| i64::try_from(most).unwrap_or(i64::MAX));
        match (counted, all_counted) {
            (Some(counted), Some(most)) if counted <= most => counted,
            (Some(counted), Some(_)) => planned.max(counted),
            _ => planned,
        }
    }
}

/// Columns of the one result row. Column 0 is the body: json, text or bytea, to be copied unparsed, NULL when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    /// Position of the number of rows in the body or changed by the write (bigint).
    pub rows: Option<usize>,
    /// Position of the number of all rows that match (bigint); of a write that counts, the number of rows written.
    pub total: Option<usize>,
    /// No row at all means no body and a number of 0: the one row was not written.
    pub lone: bool,
}

/// How a statement answers.
#[derive(Clone, Copy)]
struct Manner<'m> {
    wishes: &'m Wishes<'m>,
    made: Option<Made<'m>>,
    geo_json: Option<&'m Name>,
}

/// What must hold of a number of rows; else everything is undone.
#[derive(Debug, Clone, Copy)]
struct Guard {
    /// It is 1.
    one: bool,
    /// It is not larger.
    most: Option<u64>,
}

impl Guard {
    /// Writes the number that `count` is, and what must hold of it around it.
    fn number(self, sql: &mut Sql, count: &'static str) {
        sql.word(if self.most.is_some() {
            "auth.at_most("
        } else {
            ""
        })
        .word(if self.one { "auth.exactly_one(" } else { "" })
        .word(count)
        .word(if self.one { ")" } else { "" });
        if let Some(most) = self.most {
            sql.word(", ").bind(most.to_string()).word(")");
        }
    }
}

/// What kind of answer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// The act.
    pub verb: Verb,
    /// One object instead of an array; a read, update or delete addressed by key, or an insert of one object.
    /// `rows` = 0 (for a read: body NULL) then means nothing was found, or nothing the caller may see.
    pub single: bool,
    /// Whether column 0 carries a body at all. A write with `return=minimal` and a delete by key have none.
    pub has_body: bool,
    /// Rows skipped, for `Content-Range`.
    pub offset: u64,
    /// How the body is written.
    pub shape: crate::ask::Shape,
    /// Column 0 is no body but the primary key of the first row, for `Location`.
    pub key: bool,
    /// The body is PostgreSQL's plan, whose rows are lines.
    pub plan: bool,
    /// The write named its one row itself (PUT): no row means that body and address differ.
    pub pinned: bool,
}

/// The act behind a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// select
    Read,
    /// insert
    Insert,
    /// update
    Update,
    /// delete
    Delete,
    /// A function called.
    Call,
}

/// Writes what makes PostgreSQL say how it would do it.
fn explained(sql: &mut Sql, explain: crate::ask::Explain) {
    sql.word("explain (format ")
        .word(if explain.text { "text" } else { "json" })
        .word(if explain.analyze { ", analyze" } else { "" })
        .word(if explain.verbose { ", verbose" } else { "" })
        .word(if explain.settings { ", settings" } else { "" })
        .word(if explain.buffers { ", buffers" } else { "" })
        .word(if explain.wal { ", wal" } else { "" })
        .word(") ");
}

/// What a plan of PostgreSQL's is as a body.
fn plan_type(explain: crate::ask::Explain) -> &'static str {
    if explain.text {
        "application/vnd.pgrst.plan+text; charset=utf-8"
    } else {
        "application/vnd.pgrst.plan+json; charset=utf-8"
    }
}

/// Prints a plan.
pub fn print(plan: &Plan<'_>) -> Statement {
    let mut sql = Sql::new();
    if let Some(explain) = plan.wishes.explain {
        explained(&mut sql, explain);
    }
    let mut estimate = None;
    let manner = Manner {
        wishes: plan.wishes,
        made: plan.made,
        geo_json: plan.geo_json,
    };
    let (columns, reply) = match &plan.act {
        Act::Read(read) => {
            estimate = match plan.wishes.explain {
                None => read::estimate(read),
                Some(_) => None,
            };
            read::print(&mut sql, read, manner)
        }
        Act::Insert(insert) => write::insert(&mut sql, insert, manner),
        Act::Update(update) => write::update(&mut sql, update, manner),
        Act::Delete(delete) => write::delete(&mut sql, delete, manner),
        Act::Call(call) => call::print(&mut sql, call, manner),
        Act::Object(object) => object::print(&mut sql, object),
    };
    let (columns, reply) = match plan.wishes.explain {
        None => (columns, reply),
        // Of a plan there is one row with one column, whatever the statement; as text a row for each line.
        Some(_) => (
            Columns {
                rows: None,
                total: None,
                lone: false,
            },
            Reply {
                verb: Verb::Read,
                single: true,
                has_body: true,
                plan: true,
                ..reply
            },
        ),
    };
    let (sql, params) = sql.into_parts();
    Statement {
        sql,
        params,
        access: plan.access(),
        rollback: plan.wishes.rollback,
        time_zone: plan.wishes.time_zone.as_deref().map(str::to_owned),
        estimate,
        columns,
        reply,
        applied: plan.wishes.applied.clone(),
        media_type: match plan.wishes.explain {
            Some(explain) => Some(plan_type(explain).to_owned()),
            None => plan.made.map(|made| made.media_type.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::Estimate;

    #[test]
    fn an_estimate_is_exact_where_all_rows_were_counted() {
        let estimate = |counted_to| Estimate {
            sql: String::new(),
            params: Vec::new(),
            counted_to,
        };
        // Counted, planned, total.
        for (counted, planned, total) in [
            (0, 700, 0),
            (1000, 700, 1000),
            (1001, 5000, 5000),
            (1001, 700, 1001),
        ] {
            assert_eq!(estimate(Some(1000)).total(Some(counted), planned), total);
        }
        assert_eq!(estimate(None).total(None, 700), 700);
    }
}
