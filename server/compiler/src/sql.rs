//! `Plan` → `Statement`. Cannot fail: everything that could be wrong was refused before.

mod filter;
mod fragment;
mod output;
mod read;
mod write;

use crate::plan::{Access, Plan};
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
    /// The columns of the one row it returns.
    pub columns: Columns,
    /// What the row means to the caller.
    pub reply: Reply,
}

/// Columns of the one result row. Column 0 is the body: type json, to be copied unparsed, NULL when there is none.
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
}

/// Prints a plan.
pub fn print(plan: &Plan<'_>) -> Statement {
    let mut sql = Sql::new();
    let (columns, reply) = match plan {
        Plan::Read(plan) => read::print(&mut sql, plan),
        Plan::Insert(plan) => write::insert(&mut sql, plan),
        Plan::Update(plan) => write::update(&mut sql, plan),
        Plan::Delete(plan) => write::delete(&mut sql, plan),
    };
    let (sql, params) = sql.into_parts();
    Statement {
        sql,
        params,
        access: plan.access(),
        columns,
        reply,
    }
}
