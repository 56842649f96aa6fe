//! The common question every front end produces. Names are text from the caller, not resolved, not trusted.
//!
//! [`Read`] is a node without a table of its own, so that an embedded read is the same node below a relation.

use std::borrow::Cow;

/// One request for one table.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask<'a> {
    /// The table or view asked for.
    pub table: TableName<'a>,
    /// What to do with it.
    pub act: Act<'a>,
}

/// A table as the caller names it.
#[derive(Debug, Clone, PartialEq)]
pub struct TableName<'a> {
    /// `None`: the default schema.
    pub schema: Option<Cow<'a, str>>,
    /// The table or view.
    pub name: Cow<'a, str>,
}

/// The verb with what it needs.
#[derive(Debug, Clone, PartialEq)]
pub enum Act<'a> {
    /// Rows out, nothing changed.
    Read(Read<'a>),
    /// New rows.
    Insert(Insert<'a>),
    /// Columns of existing rows.
    Update(Update<'a>),
    /// Rows removed.
    Delete(Delete<'a>),
}

/// Which rows, in which order, with which columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Read<'a> {
    /// Never empty.
    pub select: Vec<Select<'a>>,
    /// Which rows.
    pub rows: Rows<'a>,
    /// First key first.
    pub order: Vec<Order<'a>>,
    /// As asked; the planner applies default and cap.
    pub limit: Option<u64>,
    /// Rows to skip.
    pub offset: u64,
    /// Whether the number of all matching rows is wanted too.
    pub count: Count,
}

/// New rows from JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Insert<'a> {
    /// Whether the body was an array: the answer then is one too.
    pub many: bool,
    /// The rows, grouped by the columns they give. One group unless absent keys shall take their defaults.
    pub groups: Vec<Group<'a>>,
    /// What comes back.
    pub answer: Answer<'a>,
}

/// Rows that give the same columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Group<'a> {
    /// Columns to fill, in order of first appearance.
    pub columns: Vec<Cow<'a, str>>,
    /// An object for a single row, else an array of objects. Checked JSON.
    pub json: Cow<'a, str>,
}

/// New values for existing rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Update<'a> {
    /// Which rows; never [`Rows::All`].
    pub rows: Rows<'a>,
    /// Columns to set and the object that holds their values.
    pub set: Group<'a>,
    /// What comes back.
    pub answer: Answer<'a>,
}

/// Rows to remove.
#[derive(Debug, Clone, PartialEq)]
pub struct Delete<'a> {
    /// Which rows; never [`Rows::All`].
    pub rows: Rows<'a>,
    /// What comes back.
    pub answer: Answer<'a>,
}

/// Which rows of the table are meant.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows<'a> {
    /// No condition.
    All,
    /// Those that satisfy it.
    Where(Filter<'a>),
    /// The one whose primary key has this value: the answer is an object, not an array.
    Key(Cow<'a, str>),
}

/// What a write sends back.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer<'a> {
    /// The changed rows.
    Rows(Vec<Select<'a>>),
    /// Only how many there were.
    Affected,
    /// No body.
    Nothing,
}

/// One item of `select`.
#[derive(Debug, Clone, PartialEq)]
pub enum Select<'a> {
    /// Every column.
    All,
    /// One column, or what a path finds inside it.
    Field {
        /// The name it shall have in the answer.
        rename: Option<Cow<'a, str>>,
        /// Where it comes from.
        field: Field<'a>,
    },
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

/// A condition on rows.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter<'a> {
    /// All must hold; never empty.
    And(Vec<Filter<'a>>),
    /// One must hold; never empty.
    Or(Vec<Filter<'a>>),
    /// Must not hold.
    Not(Box<Filter<'a>>),
    /// A field against one value.
    Compare {
        /// Left side.
        field: Field<'a>,
        /// The operator.
        op: Comparison,
        /// Right side, as text.
        value: Cow<'a, str>,
    },
    /// A field against a list.
    In {
        /// Left side.
        field: Field<'a>,
        /// May be empty: then no row matches.
        values: Vec<Cow<'a, str>>,
    },
    /// A parameter whose value is no condition. When its name is no column either, that is the better report.
    Unreadable {
        /// Left side.
        field: Field<'a>,
        /// What is wrong with the value.
        error: Box<crate::Error>,
    },
    /// A field against a truth value.
    Is {
        /// Left side.
        field: Field<'a>,
        /// Right side.
        truth: Truth,
    },
}

/// Operators between a field and one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Eq,
    /// `<>`
    Neq,
    /// `>`
    Gt,
    /// `>=`
    Gte,
    /// `<`
    Lt,
    /// `<=`
    Lte,
    /// `like`; the value is an SQL pattern.
    Like,
    /// `like` without regard to case.
    Ilike,
}

/// What `is` compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// No value.
    Null,
    /// True, of a boolean.
    True,
    /// False, of a boolean.
    False,
    /// Null, of a boolean.
    Unknown,
}

/// One key of an ordering.
#[derive(Debug, Clone, PartialEq)]
pub struct Order<'a> {
    /// What to order by.
    pub field: Field<'a>,
    /// Largest first.
    pub descending: bool,
    /// `None`: PostgreSQL's own rule, nulls are larger than everything.
    pub nulls: Option<Nulls>,
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
}
