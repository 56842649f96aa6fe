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

use crate::plan::{Access, Act, Plan};
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
            },
            reply: Reply {
                verb: Verb::Call,
                single: true,
                has_body: true,
                offset: 0,
                shape: crate::ask::Shape::Own,
                key: false,
                pinned: false,
            },
            applied: String::new(),
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

/// Columns of the one result row. Column 0 is the body: type json (or text), to be copied unparsed, NULL when there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Columns {
    /// Position of the number of rows in the body or changed by the write (bigint).
    pub rows: Option<usize>,
    /// Position of the number of all rows that match (bigint).
    pub total: Option<usize>,
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

/// Prints a plan.
pub fn print(plan: &Plan<'_>) -> Statement {
    let mut sql = Sql::new();
    let mut estimate = None;
    let (columns, reply) = match &plan.act {
        Act::Read(read) => {
            estimate = read::estimate(read);
            read::print(&mut sql, read, plan.wishes)
        }
        Act::Insert(insert) => write::insert(&mut sql, insert, plan.wishes),
        Act::Update(update) => write::update(&mut sql, update, plan.wishes),
        Act::Delete(delete) => write::delete(&mut sql, delete, plan.wishes),
        Act::Call(call) => call::print(&mut sql, call, plan.wishes),
        Act::Object(object) => object::print(&mut sql, object),
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
    }
}
