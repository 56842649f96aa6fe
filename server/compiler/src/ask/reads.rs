//! What is read: members, order, page, and the relations beside.

use super::{Related, Rows};
use crate::catalog::Name;
use std::borrow::Cow;
use std::fmt;

/// Which rows, in which order, with which columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Read<'a> {
    /// Empty only for an embedded read that shows nothing and merely filters.
    pub select: Vec<Select<'a>>,
    /// Columns that rows are grouped by beside those in `select`.
    pub group_by: Vec<Field<'a>>,
    /// Which rows.
    pub rows: Rows<'a>,
    /// First key first.
    pub order: Vec<Order<'a>>,
    /// As asked; the planner applies default and cap.
    pub limit: Option<u64>,
    /// Rows to skip.
    pub offset: u64,
    /// Only rows behind a value of an order.
    pub after: Option<After<'a>>,
    /// Texts are cut to so many characters.
    pub truncate: Option<u32>,
    /// Whether the number of all matching rows is wanted too.
    pub count: Count,
}

impl<'a> Read<'a> {
    /// Everything of these members.
    pub fn of(select: Vec<Select<'a>>) -> Self {
        Read {
            select,
            group_by: Vec::new(),
            rows: Rows::All,
            order: Vec::new(),
            limit: None,
            offset: 0,
            after: None,
            truncate: None,
            count: Count::No,
        }
    }
}

/// Where the page before ended.
#[derive(Debug, Clone, PartialEq)]
pub struct After<'a> {
    /// The unique column pages are ordered by; `None`: the primary key.
    pub column: Option<Cow<'a, str>>,
    /// Its value in the last row.
    pub value: Cow<'a, str>,
}

/// One item of `select`.
#[derive(Debug, Clone, PartialEq)]
pub enum Select<'a> {
    /// Every column.
    All,
    /// One column, or what a path finds inside it.
    Field {
        /// The name it shall have in the answer.
        rename: Option<Key<'a>>,
        /// Where it comes from.
        field: Field<'a>,
        /// The type it shall be shown as.
        cast: Option<Cow<'a, str>>,
    },
    /// A number of rows, or one value out of many.
    Aggregate {
        /// The name it shall have in the answer.
        rename: Option<Key<'a>>,
        /// Which.
        function: Aggregate,
        /// Of what; `None`: of the rows.
        of: Option<Field<'a>>,
        /// The type of each value before.
        input: Option<Cow<'a, str>>,
        /// The type of the result.
        cast: Option<Cow<'a, str>>,
        /// Whether a name of its own holds the column too: `sum_price` instead of `sum`.
        named_after_column: bool,
    },
    /// Rows of another relation.
    Embed(Embed<'a>),
    /// Rows of another relation, by a front end that has resolved the way there.
    Related(Related<'a>),
    /// The same text in every row.
    Text {
        /// The name it shall have in the answer.
        name: Key<'a>,
        /// What it says.
        text: Cow<'a, str>,
    },
}

/// By what a member of the answer goes.
#[derive(Clone, PartialEq, Eq)]
pub enum Key<'a> {
    /// A name the caller chose.
    Given(Cow<'a, str>),
    /// One that the catalog holds, or that this crate made of one.
    Held(&'a Name),
    /// One of this crate.
    Word(&'static str),
}

impl Key<'_> {
    /// As the answer has it.
    pub fn as_str(&self) -> &str {
        match self {
            Key::Given(text) => text,
            Key::Held(name) => name.as_str(),
            Key::Word(word) => word,
        }
    }
}

/// As the answer has it.
impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Given(text) => text.fmt(f),
            Key::Held(name) => name.fmt(f),
            Key::Word(word) => f.write_str(word),
        }
    }
}

/// Rows of a related relation inside each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Embed<'a> {
    /// The name it shall have in the answer.
    pub rename: Option<Key<'a>>,
    /// The relation, the key column, the key or the function that leads there.
    pub target: Cow<'a, str>,
    /// A key, a key's column or a junction, where `target` alone leaves a choice.
    pub hint: Option<Cow<'a, str>>,
    /// Whether rows without any are left out.
    pub inner: bool,
    /// Whether its columns stand in the row itself.
    pub spread: bool,
    /// What is read there.
    pub read: Read<'a>,
}

impl Embed<'_> {
    /// The name by which the rest of the request means it.
    pub fn name(&self) -> &str {
        self.rename.as_ref().map_or(&self.target, Key::as_str)
    }
}

/// Functions over many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// How many.
    Count,
    /// All together.
    Sum,
    /// The mean.
    Avg,
    /// The least.
    Min,
    /// The largest.
    Max,
}

impl Aggregate {
    /// As a request spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Aggregate::Count => "count",
            Aggregate::Sum => "sum",
            Aggregate::Avg => "avg",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
        }
    }

    /// The one of that name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Count, Self::Sum, Self::Avg, Self::Min, Self::Max]
            .into_iter()
            .find(|one| one.as_str() == name)
    }
}

/// A column, possibly with a way into its JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Field<'a> {
    /// The column.
    pub column: Cow<'a, str>,
    /// Steps into its JSON value; empty for the column itself.
    pub path: Vec<Step<'a>>,
    /// Whether the last step gives text (`->>`) instead of JSON (`->`).
    pub as_text: bool,
}

/// One step of a JSON path.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<'a> {
    /// Member of an object.
    Key(Cow<'a, str>),
    /// Element of an array; negative counts from its end.
    Index(i32),
}

/// One key of an ordering.
#[derive(Debug, Clone, PartialEq)]
pub struct Order<'a> {
    /// Where it is, if not in the relation itself.
    pub embed: Option<OrderOf<'a>>,
    /// What to order by.
    pub field: Field<'a>,
    /// Largest first.
    pub descending: bool,
    /// `None`: PostgreSQL's own rule, nulls are larger than everything.
    pub nulls: Option<Nulls>,
}

/// A row beside the one to order.
#[derive(Clone, PartialEq, Eq)]
pub enum OrderOf<'a> {
    /// That of an embedded relation.
    Embed(Cow<'a, str>),
    /// That at the end of these ways: positions among the relationships of one relation after the other.
    Ways(Vec<usize>),
}

/// As a request writes it.
impl fmt::Debug for OrderOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OrderOf::Embed(name) => name.fmt(f),
            OrderOf::Ways(ways) => write!(f, "ways {ways:?}"),
        }
    }
}

/// Where nulls go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// Before all values.
    First,
    /// After all values.
    Last,
}

/// Whether all matching rows are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// No.
    No,
    /// Yes, by counting.
    Exact,
    /// As PostgreSQL's planner thinks.
    Planned,
    /// By counting while there are few, as the planner thinks when there are many.
    Estimated,
}
