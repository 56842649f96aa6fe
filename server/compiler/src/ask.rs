//! The common question every front end produces. Names are text from the caller, not resolved, not trusted.
//!
//! [`Read`] is a node without a table of its own, so that an embedded read is the same node below a relation.

use std::borrow::Cow;
use std::fmt;

use crate::catalog::Name;

/// One request for one table or function.
#[derive(Clone, PartialEq)]
pub struct Ask<'a> {
    /// The table, view or function asked for.
    pub table: TableName<'a>,
    /// What to do with it.
    pub act: Act<'a>,
    /// What else was preferred.
    pub wishes: Wishes<'a>,
}

/// Without wishes that say nothing, so that a recorded request shows what is peculiar about it.
impl std::fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Ask");
        shown.field("table", &self.table).field("act", &self.act);
        if self.wishes != Wishes::default() {
            shown.field("wishes", &self.wishes);
        }
        shown.finish()
    }
}

/// What a request wants of its statement beside rows.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Wishes<'a> {
    /// A write that touches more rows is undone and refused.
    pub max_affected: Option<u64>,
    /// Everything is undone at the end; the answer says what would have been.
    pub rollback: bool,
    /// The zone in which times are written.
    pub time_zone: Option<Cow<'a, str>>,
    /// How the rows are written.
    pub shape: Shape,
    /// Not the rows but how PostgreSQL would find them.
    pub explain: Option<Explain>,
    /// Which numbers the answer says beside its body.
    pub numbers: Numbers,
    /// What of the preferences was taken, for `Preference-Applied`.
    pub applied: String,
}

/// What a plan shall say beside the steps.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Explain {
    /// What it really took: the statement runs, and is undone.
    pub analyze: bool,
    /// Output columns and full names.
    pub verbose: bool,
    /// Settings that differ from their defaults.
    pub settings: bool,
    /// Blocks read and written; with `analyze`.
    pub buffers: bool,
    /// Log written; with `analyze`.
    pub wal: bool,
}

/// Numbers of rows that are told although nobody asked for a count.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Of the rows that a read or a call answers with.
    pub answered: bool,
    /// Of the rows written, as the number of all that match.
    pub written: bool,
}

/// How rows become a body.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// An array of rows; one object where the request names one row or gives one.
    #[default]
    Own,
    /// An array of rows, whatever their number.
    Array,
    /// An array, without members that are null.
    ArrayWithoutNulls,
    /// One object, and an error unless there is exactly one row.
    Object,
    /// The same without members that are null.
    ObjectWithoutNulls,
    /// Comma-separated values with a line of names.
    Csv,
    /// A GeoJSON collection of features.
    GeoJson,
    /// The one value of the one column, as text.
    Text,
    /// The one value of the one column, as bytes.
    Bytes,
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
    /// A function called; [`Ask::table`] names it.
    Call(Call<'a>),
}

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

/// A function with its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Call<'a> {
    /// What it is given.
    pub arguments: Arguments<'a>,
    /// What of its rows comes back.
    pub read: Read<'a>,
    /// Whether the request may not write.
    pub read_only: bool,
    /// Whether the body, if any, is wanted back.
    pub answer: bool,
    /// The type its value is shown as.
    pub cast: Option<Cow<'a, str>>,
}

/// Arguments of a function.
#[derive(Debug, Clone, PartialEq)]
pub enum Arguments<'a> {
    /// Each by its name, as text. A name may stand more than once for a VARIADIC one.
    Named(Vec<(Cow<'a, str>, Cow<'a, str>)>),
    /// The members of a JSON object.
    Json(Group<'a>),
    /// The whole body is the one argument, which has no name.
    Whole(Whole<'a>),
}

/// A body that is an argument as it stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Whole<'a> {
    /// `application/json`; also readable as named arguments when it is an object.
    Json(&'a str),
    /// `text/plain`
    Text(&'a str),
    /// `application/octet-stream`
    Bytes(&'a [u8]),
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

/// Which rows of the table are meant.
#[derive(Debug, Clone, PartialEq)]
pub enum Rows<'a> {
    /// No condition.
    All,
    /// Those that satisfy it.
    Where(Filter<'a>),
    /// The one whose primary key has this value: the answer is an object, not an array.
    Key(Cow<'a, str>),
    /// The one that satisfies it, since a key is among its conditions: the answer is an object, not an array.
    One(Filter<'a>),
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

/// Rows at the end of one of a relation's ways.
#[derive(Debug, Clone, PartialEq)]
pub struct Related<'a> {
    /// The name it shall have in the answer.
    pub name: Key<'a>,
    /// Position among the relationships of the relation.
    pub way: usize,
    /// What is read there.
    pub read: Read<'a>,
}

/// Several reads, each a member of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<'a> {
    /// In the order of the answer.
    pub members: Vec<ObjectMember<'a>>,
    /// How rows are written does not apply.
    pub wishes: Wishes<'a>,
}

/// One member of an [`Object`].
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectMember<'a> {
    /// By what it goes.
    pub name: Key<'a>,
    /// What it holds.
    pub value: Part<'a>,
}

/// What a member of an [`Object`] holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<'a> {
    /// Rows of a relation.
    Read {
        /// Which.
        table: TableName<'a>,
        /// What of it.
        read: Read<'a>,
    },
    /// What a function that only reads gives back.
    Call {
        /// Which.
        function: TableName<'a>,
        /// With what.
        call: Call<'a>,
    },
    /// A page of rows with what is known of all of them.
    Connection {
        /// Of which relation.
        table: TableName<'a>,
        /// What is asked, by the names of the answer.
        facets: Vec<(Key<'a>, Facet<'a>)>,
    },
    /// A text.
    Text(Cow<'a, str>),
    /// JSON that is finished.
    Json(Cow<'a, str>),
}

/// One side of a page of rows that goes by cursors. A cursor holds the values a row is ordered by.
#[derive(Debug, Clone, PartialEq)]
pub enum Facet<'a> {
    /// The rows.
    Edges {
        /// Those of the page, in its order; read backwards from its end where `backwards`.
        read: Read<'a>,
        /// Whether the order is that of the page turned round.
        backwards: bool,
        /// What is told of each row.
        members: Vec<(Key<'a>, EdgePart<'a>)>,
    },
    /// Where the page lies.
    Page {
        /// As for the rows.
        read: Read<'a>,
        /// As for the rows.
        backwards: bool,
        /// Whether there is a page on the side the reading began at.
        behind: bool,
        /// What is told.
        members: Vec<(Key<'a>, PagePart<'a>)>,
    },
    /// How many rows there are.
    Count(Read<'a>),
    /// What is made of all rows, which is one row.
    Row(Read<'a>),
    /// An object of such.
    Object(Vec<(Key<'a>, Facet<'a>)>),
    /// A text.
    Text(Cow<'a, str>),
}

/// What is told of a row of a page.
#[derive(Debug, Clone, PartialEq)]
pub enum EdgePart<'a> {
    /// Its cursor.
    Cursor,
    /// The row.
    Node,
    /// A text.
    Text(Cow<'a, str>),
}

/// What is told of a page.
#[derive(Debug, Clone, PartialEq)]
pub enum PagePart<'a> {
    /// Whether rows follow.
    HasNext,
    /// Whether rows come before.
    HasPrevious,
    /// The cursor of the first row.
    Start,
    /// The cursor of the last row.
    End,
    /// A text.
    Text(Cow<'a, str>),
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
        /// Whether the right side is an array, of which any or all must match.
        quantifier: Option<Quantifier>,
        /// Right side, as text.
        value: Cow<'a, str>,
    },
    /// A text against a query of words.
    Search {
        /// Left side.
        field: Field<'a>,
        /// How the query is written.
        form: Search,
        /// The text search configuration; `None`: the database's own.
        config: Option<Cow<'a, str>>,
        /// The query.
        query: Cow<'a, str>,
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
    /// There is a row at all: a function that finds none gives one of nulls.
    Present,
    /// Does not hold, or nobody knows whether it does.
    Untrue(Box<Filter<'a>>),
    /// There are related rows.
    Related {
        /// Position among the relationships of the relation.
        way: usize,
        /// Which; `None`: any.
        rows: Option<Box<Filter<'a>>>,
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
    /// `~`
    Match,
    /// `~*`
    Imatch,
    /// `is distinct from`
    IsDistinct,
    /// `@>`
    Contains,
    /// `<@`
    ContainedIn,
    /// `&&`
    Overlaps,
    /// `<<`
    StrictlyLeft,
    /// `>>`
    StrictlyRight,
    /// `&<`
    NotRightOf,
    /// `&>`
    NotLeftOf,
    /// `-|-`
    Adjacent,
}

/// How many elements of an array must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// One of them.
    Any,
    /// Each of them.
    All,
}

/// How a text search query is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// With operators: `to_tsquery`.
    Operators,
    /// Words, all of them: `plainto_tsquery`.
    Words,
    /// Words one behind the other: `phraseto_tsquery`.
    Phrase,
    /// As web search engines take it: `websearch_to_tsquery`.
    Web,
}

/// What `is` compares with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// No value.
    Null,
    /// Any value.
    NotNull,
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
