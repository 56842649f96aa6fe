//! What is written, and what a write sends back.

use super::{Filter, Order, Read, Rows};
use crate::json::write_string;
use std::borrow::Cow;
use std::fmt;

/// New rows from JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Insert<'a> {
    /// Whether the body was an array: the answer then is one too.
    pub many: bool,
    /// The rows, grouped by the columns they give. One group unless absent keys shall take their defaults.
    pub groups: Vec<Group<'a>>,
    /// What to do with a row that is there already; `None`: it is an error.
    pub conflict: Option<Conflict<'a>>,
    /// Rows of the body that do not satisfy it are not inserted.
    pub only: Option<Filter<'a>>,
    /// What comes back.
    pub answer: Answer<'a>,
}

/// What happens to a row that is there already.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflict<'a> {
    /// Columns of the key that decides; `None`: the primary key.
    pub columns: Option<Vec<Cow<'a, str>>>,
    /// What to do.
    pub resolution: Resolution,
}

/// `Prefer: resolution`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// The columns given take their new values.
    Merge,
    /// The row stays as it is.
    Ignore,
}

/// Rows that give the same columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<'a> {
    /// Columns to fill, in order of first appearance.
    pub columns: Vec<Cow<'a, str>>,
    /// What they give them.
    pub json: Body<'a>,
}

/// The values of rows: JSON, or what would become JSON.
#[derive(Clone, PartialEq)]
pub enum Body<'a> {
    /// An object for a single row, else an array of objects. Checked JSON.
    Text(Cow<'a, str>),
    /// A single row, in the order of the columns. A front end that has the values one by one need not write what the
    /// planner would read again.
    Row(Vec<Datum<'a>>),
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum<'a> {
    /// What a string says.
    String(Cow<'a, str>),
    /// Anything, as JSON writes it.
    Json(Cow<'a, str>),
}

impl<'a> Body<'a> {
    /// As JSON; `columns` are the names of a row's values.
    pub fn text<'n>(&'a self, columns: impl Iterator<Item = &'n str>) -> Cow<'a, str> {
        match self {
            Body::Text(text) => Cow::Borrowed(text),
            Body::Row(row) => {
                let mut text = String::new();
                write_row(columns, row, &mut text);
                Cow::Owned(text)
            }
        }
    }
}

/// Writes a row as an object; `columns` are the names of its values.
pub(crate) fn write_row<'n>(
    columns: impl Iterator<Item = &'n str>,
    row: &[Datum<'_>],
    into: &mut String,
) {
    into.push('{');
    for (place, (name, datum)) in columns.zip(row).enumerate() {
        into.push_str(if place > 0 { "," } else { "" });
        write_string(into, name);
        into.push(':');
        match datum {
            Datum::String(string) => write_string(into, string),
            Datum::Json(json) => into.push_str(json),
        }
    }
    into.push('}');
}

/// JSON as it stands.
impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Text(text) => text.fmt(f),
            Body::Row(row) => row.fmt(f),
        }
    }
}

/// New values for existing rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Update<'a> {
    /// Which rows; [`Rows::All`] only where the mount lets a write go without a filter.
    pub rows: Rows<'a>,
    /// Columns to set and the object that holds their values.
    pub set: Group<'a>,
    /// Only the first rows of an order; `None`: all.
    pub page: Option<Page<'a>>,
    /// What comes back.
    pub answer: Answer<'a>,
}

/// The first rows of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<'a> {
    /// First key first.
    pub order: Vec<Order<'a>>,
    /// How many.
    pub limit: u64,
    /// Rows to skip.
    pub offset: u64,
}

/// Rows to remove.
#[derive(Debug, Clone, PartialEq)]
pub struct Delete<'a> {
    /// Which rows; [`Rows::All`] only where the mount lets a write go without a filter.
    pub rows: Rows<'a>,
    /// Only the first rows of an order; `None`: all.
    pub page: Option<Page<'a>>,
    /// What comes back.
    pub answer: Answer<'a>,
}

/// What a write sends back.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer<'a> {
    /// The changed rows.
    Rows(Box<Read<'a>>),
    /// Only how many there were.
    Affected,
    /// Only the primary key of the first one.
    Key,
    /// No body.
    Nothing,
}
