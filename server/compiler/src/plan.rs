//! `Ask` + `Catalog` → `Plan`: every name resolved, every default and cap applied. The last stage that can fail.

mod filter;
mod names;
mod read;
mod write;

use std::borrow::Cow;
use std::fmt;

use crate::Error;
use crate::ask::{Act, Ask, Comparison, Nulls, Step, Truth};
use crate::catalog::{Catalog, Column, Relation};

/// How much one request may take out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Rows of a read that asks for no limit.
    pub default_page_size: u64,
    /// Rows of one answer at most; a larger `limit` is cut to it.
    pub max_page_size: u64,
    /// No row at or behind this position is served; `None` for callers without that limit.
    pub max_total_results: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            default_page_size: 1000,
            max_page_size: 1000,
            max_total_results: Some(10_000),
        }
    }
}

/// A statement in all but text.
#[derive(Debug, Clone)]
pub enum Plan<'a> {
    /// Rows out.
    Read(Read<'a>),
    /// Rows in.
    Insert(Insert<'a>),
    /// Rows changed.
    Update(Update<'a>),
    /// Rows removed.
    Delete(Delete<'a>),
}

/// Which transaction the statement needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// READ ONLY: even a function called by a view or a policy cannot write.
    ReadOnly,
    /// READ WRITE.
    ReadWrite,
}

/// A read of one relation.
#[derive(Debug, Clone)]
pub struct Read<'a> {
    /// From where.
    pub relation: &'a Relation,
    /// What each row holds.
    pub output: Output<'a>,
    /// Which rows.
    pub filter: Option<Predicate<'a>>,
    /// First key first.
    pub order: Vec<OrderBy<'a>>,
    /// `None` when a unique key is pinned and at most one row can match.
    pub limit: Option<u64>,
    /// Rows skipped.
    pub offset: u64,
    /// One object (or null) instead of an array.
    pub single: bool,
    /// Whether all matching rows are counted.
    pub total: bool,
}

/// New rows for one relation.
#[derive(Debug, Clone)]
pub struct Insert<'a> {
    /// Into which.
    pub relation: &'a Relation,
    /// The rows; at least one group.
    pub groups: Vec<Values<'a>>,
    /// What comes back.
    pub answer: Answer<'a>,
    /// One object (or null) instead of an array.
    pub single: bool,
}

/// Changes to rows of one relation.
#[derive(Debug, Clone)]
pub struct Update<'a> {
    /// Of which.
    pub relation: &'a Relation,
    /// What is set.
    pub set: Values<'a>,
    /// Which rows.
    pub filter: Predicate<'a>,
    /// What comes back.
    pub answer: Answer<'a>,
    /// One object (or null) instead of an array.
    pub single: bool,
}

/// Removal of rows of one relation.
#[derive(Debug, Clone)]
pub struct Delete<'a> {
    /// From which.
    pub relation: &'a Relation,
    /// Which rows.
    pub filter: Predicate<'a>,
    /// What comes back.
    pub answer: Answer<'a>,
    /// Addressed by key: no body, only the number of rows.
    pub single: bool,
}

/// Values of columns inside one JSON text.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    /// The columns it fills.
    pub columns: Vec<&'a Column>,
    /// An object, or an array of objects when `many`.
    pub json: &'a str,
    /// Which of the two.
    pub many: bool,
}

/// What a write sends back.
#[derive(Debug, Clone)]
pub enum Answer<'a> {
    /// The changed rows.
    Rows(Output<'a>),
    /// `{"affected": n}`.
    Affected,
    /// No body.
    Nothing,
}

/// The members of one JSON object.
pub type Output<'a> = Vec<Member<'a>>;

/// One member of a row's JSON object.
#[derive(Clone)]
pub struct Member<'a> {
    /// `None`: the column's own name.
    pub rename: Option<&'a str>,
    /// Its value.
    pub value: Expression<'a>,
}

/// A column, or what a path finds inside it.
#[derive(Clone)]
pub struct Expression<'a> {
    /// The column.
    pub column: &'a Column,
    /// Steps into its JSON.
    pub path: &'a [Step<'a>],
    /// Whether the last step gives text.
    pub as_text: bool,
}

/// A condition whose every column exists and has the operator.
#[derive(Debug, Clone)]
pub enum Predicate<'a> {
    /// All of them.
    And(Vec<Predicate<'a>>),
    /// Any of them.
    Or(Vec<Predicate<'a>>),
    /// Not that.
    Not(Box<Predicate<'a>>),
    /// Against one value.
    Compare {
        /// Left side.
        left: Expression<'a>,
        /// The operator.
        op: Comparison,
        /// Right side.
        value: &'a str,
        /// Compare as numbers, and only where the JSON value is one.
        numeric: bool,
    },
    /// Against a list.
    In {
        /// Left side.
        left: Expression<'a>,
        /// Right side.
        values: &'a [Cow<'a, str>],
    },
    /// Against a truth value.
    Is {
        /// Left side.
        left: Expression<'a>,
        /// Right side.
        truth: Truth,
    },
}

/// One key of an ordering.
#[derive(Debug, Clone)]
pub struct OrderBy<'a> {
    /// By what.
    pub by: Expression<'a>,
    /// Largest first.
    pub descending: bool,
    /// Where nulls go.
    pub nulls: Option<Nulls>,
}

/// As a request writes it: a plan of many columns stays readable.
impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rename {
            Some(name) => write!(f, "{name:?}: {:?}", self.value),
            None => self.value.fmt(f),
        }
    }
}

/// As a request writes it.
impl fmt::Debug for Expression<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.column.fmt(f)?;
        for (index, step) in self.path.iter().enumerate() {
            let last = index + 1 == self.path.len();
            f.write_str(if last && self.as_text {
                " ->> "
            } else {
                " -> "
            })?;
            match step {
                Step::Key(key) => write!(f, "{key:?}")?,
                Step::Index(index) => write!(f, "{index}")?,
            }
        }
        Ok(())
    }
}

impl Plan<'_> {
    /// The transaction it needs: a read can never write, by construction.
    pub fn access(&self) -> Access {
        match self {
            Plan::Read(_) => Access::ReadOnly,
            Plan::Insert(_) | Plan::Update(_) | Plan::Delete(_) => Access::ReadWrite,
        }
    }
}

/// Resolves an ask against a snapshot.
///
/// # Errors
/// Unknown names, operators a type does not have, writes a relation does not take.
pub fn plan<'a>(
    ask: &'a Ask<'a>,
    catalog: &'a Catalog,
    limits: &Limits,
) -> Result<Plan<'a>, Error> {
    let relation = names::relation(catalog, &ask.table)?;
    match &ask.act {
        Act::Read(read) => read::plan(relation, read, limits).map(Plan::Read),
        Act::Insert(insert) => write::insert(relation, insert).map(Plan::Insert),
        Act::Update(update) => write::update(relation, update).map(Plan::Update),
        Act::Delete(delete) => write::delete(relation, delete).map(Plan::Delete),
    }
}
