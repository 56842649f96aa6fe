//! Why a request cannot become a statement. One family per stage; the status and the code follow from the variant.
//! No message ever holds SQL text.

use std::fmt;

/// A refused request, by the stage that refused it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The query string or a header is not well formed.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The body is not what the verb needs.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// Well formed, but the catalog disagrees.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Understood, and not built: never quietly left out.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
}

/// The query string or a header is not well formed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Percent signs that introduce no byte, bytes that are no UTF-8, or NUL.
    #[error("The address holds {0}")]
    Encoding(&'static str),
    /// A parameter's text does not follow its grammar.
    #[error("Cannot read parameter {parameter}: {problem}")]
    Malformed {
        /// Which parameter.
        parameter: Shown,
        /// What was expected or found.
        problem: String,
    },
    /// A parameter that may stand once stands twice.
    #[error("Parameter {0} is given more than once")]
    Repeated(&'static str),
    /// An operator nobody knows.
    #[error("Unknown operator: {operator}")]
    UnknownOperator {
        /// As written.
        operator: Shown,
    },
    /// The parameter has no meaning for this verb.
    #[error("Parameter {parameter} has no meaning for {verb}")]
    NotForVerb {
        /// Which parameter.
        parameter: Shown,
        /// The HTTP method.
        verb: &'static str,
    },
    /// Longer or deeper than any honest request.
    #[error("The {0} is too long")]
    TooLong(&'static str),
    /// POST to a row that has a key in its path.
    #[error("A row addressed by its key is changed with PUT or PATCH")]
    KeyedInsert,
    /// PUT without a key.
    #[error("PUT needs the key of the row in its path")]
    PutWithoutKey,
    /// Columns of an answer that has no rows.
    #[error("select has no meaning when no rows are returned")]
    SelectOfNothing,
    /// A change of every row was asked for, which is nearly always a mistake.
    #[error("{0} needs at least one filter")]
    FilterRequired(&'static str),
    /// A condition on a relation that `select` does not embed.
    #[error("{0} is not an embedded relation of this request")]
    NotEmbedded(Shown),
    /// `on_conflict` alone does not say what to do.
    #[error(
        "on_conflict needs Prefer: resolution=merge-duplicates or resolution=ignore-duplicates"
    )]
    ConflictWithoutResolution,
    /// Nothing to go on from.
    #[error("cursor_column needs cursor")]
    CursorColumnAlone,
    /// A write of some rows must say which.
    #[error("A limited write needs both limit and order")]
    LimitedWrite,
    /// PUT must say which row.
    #[error("The filters of PUT must be the primary key columns, each with eq, and nothing else")]
    PutNeedsKey,
    /// PUT names one row.
    #[error("limit and offset have no meaning for PUT")]
    PutPaged,
    /// Functions are called with GET or POST.
    #[error("A function is not called with {0}")]
    NotCallable(&'static str),
    /// A `Range` that is none.
    #[error("Cannot read Range: {0}")]
    Range(Shown),
    /// Nothing the caller accepts can be made.
    #[error("None of these media types can be answered: {0}")]
    NotAcceptable(Shown),
    /// A body of an unknown type.
    #[error("A body of this type cannot be read: {0}")]
    MediaType(Shown),
    /// A preference whose value is unknown.
    #[error("Unknown preference: {0}")]
    Preference(Shown),
}

/// The body is not what the verb needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not JSON; the position is that of the first byte that cannot be.
    #[error("The body is not valid JSON (line {line}, column {column})")]
    NotJson {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
    },
    /// Not comma-separated values with a line of names.
    #[error("The body is not valid CSV (line {line})")]
    NotCsv {
        /// From 1.
        line: u64,
    },
    /// Nested deeper than [`crate::rest::MAX_JSON_DEPTH`].
    #[error("The body is nested more than {0} levels deep")]
    TooDeep(usize),
    /// JSON of the wrong type.
    #[error("The body must be {0}")]
    WrongType(&'static str),
    /// One object gives a key twice: which value is meant?
    #[error("The key {0} stands twice in one object")]
    DuplicateKey(Shown),
    /// PostgreSQL's text cannot hold U+0000.
    #[error("The body holds a NUL character")]
    Nul,
    /// `columns` names what no row holds.
    #[error("columns names {0}, which the body does not give")]
    NotGiven(Shown),
    /// Too many kinds of row for one statement.
    #[error("The rows give more than {0} different sets of keys")]
    TooManyGroups(usize),
    /// JSON, and not the form of a query.
    #[error("The body is no query: {0}")]
    NotAQuery(Shown),
    /// An update that sets nothing.
    #[error("The body sets no column")]
    NothingToSet,
}

/// Well formed, but the catalog disagrees.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No such table or view in the schemas served.
    #[error("Unknown table: {name}")]
    Table {
        /// As asked for.
        name: Shown,
        /// The closest there is.
        nearest: Option<String>,
    },
    /// No such column.
    #[error("Unknown column: {name}")]
    Column {
        /// As asked for.
        name: Shown,
        /// The closest there is.
        nearest: Option<String>,
    },
    /// The relation does not take this kind of write.
    #[error("{relation} cannot be written with {verb}")]
    NotWritable {
        /// The relation.
        relation: String,
        /// insert, update or delete.
        verb: &'static str,
    },
    /// PostgreSQL computes this column itself.
    #[error("Column {0} is generated and cannot be written")]
    Generated(String),
    /// By-key access needs a primary key of one column.
    #[error("{0} has no primary key of a single column")]
    NoSingleKey(String),
    /// The operator does not exist for the column's type.
    #[error("Operator {operator} does not apply to column {column}: {reason}")]
    Operator {
        /// As in the request.
        operator: &'static str,
        /// The column.
        column: String,
        /// Why.
        reason: &'static str,
    },
    /// The column cannot be ordered by.
    #[error("Column {0} cannot be ordered by: its type has no order")]
    Order(String),
    /// A path into a column that holds no JSON.
    #[error("Column {0} is not JSON and has no path")]
    NotJson(String),
    /// Two different things under one name in the answer.
    #[error("The name {0} would stand twice in each row")]
    DuplicateOutput(Shown),
    /// No type of that name that a value can be shown as.
    #[error("Unknown type: {0}")]
    Type(Shown),
    /// Aggregates are switched off.
    #[error("Aggregate functions are not allowed here")]
    AggregatesOff,
    /// No way leads from one relation to the other.
    #[error("No relationship between {from} and {target} is known")]
    Relationship {
        /// The relation.
        from: String,
        /// As asked for.
        target: Shown,
        /// The closest there is.
        nearest: Option<String>,
    },
    /// A hint that fits no way.
    #[error("No relationship to {target} is known by {hint}")]
    Hint {
        /// As given.
        hint: Shown,
        /// As asked for.
        target: Shown,
        /// Those there are.
        ways: Vec<Way>,
    },
    /// Several ways lead there.
    #[error("More than one relationship between {from} and {target} is known")]
    Ambiguous {
        /// The relation.
        from: String,
        /// As asked for.
        target: Shown,
        /// All of them.
        ways: Vec<Way>,
    },
    /// Nothing to spread.
    #[error("Spreading {0} needs columns")]
    EmptySpread(Shown),
    /// An order by rows of which there may be several.
    #[error("Cannot order by {0}: there may be more than one row of it")]
    OrderByMany(Shown),
    /// Pages by a column that is not unique would lose rows.
    #[error("Pages cannot go by {0}: no unique key says that its values differ")]
    CursorNotUnique(String),
    /// Pages go by one column, rows by another.
    #[error("With a cursor on {0} the order must begin with that column")]
    CursorOrder(String),
    /// Plans are switched off.
    #[error("Plans are not shown here")]
    PlansOff,
    /// A relation without a primary key.
    #[error("{0} has no primary key")]
    NoKey(String),
    /// PUT replaces the whole row.
    #[error("PUT must give every column; {0} is missing")]
    PutIncomplete(String),
    /// No function of that name, or none that takes these arguments.
    #[error("Unknown function: {name}")]
    Function {
        /// As asked for.
        name: Shown,
        /// Names of the arguments given.
        given: Vec<Shown>,
        /// What there is under that name, or the closest name.
        nearest: Option<String>,
    },
    /// Several functions take these arguments.
    #[error("More than one function {name} takes these arguments")]
    Overloaded {
        /// As asked for.
        name: Shown,
        /// The argument lists.
        candidates: Vec<String>,
    },
    /// Text and bytes have no columns.
    #[error("A body of this media type takes exactly one column")]
    OneColumn,
    /// What a function gives is no set of rows.
    #[error("{0} returns no rows: select, filters and order have no meaning")]
    NotRows(String),
    /// How many rows a function without a set touches cannot be known.
    #[error("max-affected needs a function that returns a set, which {0} does not")]
    NotASet(String),
    /// More renamed columns than PostgreSQL can take in one row.
    #[error("At most {0} columns can be selected when one of them is renamed")]
    TooManyOutputs(usize),
    /// The page lies beyond the last row served.
    #[error("Offset {offset} is beyond the last row served ({max})")]
    Offset {
        /// As asked for.
        offset: u64,
        /// Rows served at most.
        max: u64,
    },
}

impl Error {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Error::Name(NameError::Table { .. } | NameError::Function { .. }) => 404,
            Error::Name(NameError::NotWritable { .. }) => 405,
            Error::Query(QueryError::NotCallable(_)) => 405,
            Error::Query(QueryError::NotAcceptable(_)) | Error::Name(NameError::PlansOff) => 406,
            Error::Query(QueryError::MediaType(_)) => 415,
            Error::Query(_) | Error::Body(_) | Error::Name(_) | Error::Unsupported(_) => 400,
        }
    }

    /// The code for the caller.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Body(BodyError::TooDeep(_)) => "JSON_TOO_DEEP",
            Error::Body(_) => "INVALID_REQUEST_BODY",
            Error::Name(NameError::Table { .. } | NameError::Function { .. }) => "NOT_FOUND",
            Error::Name(NameError::NotWritable { .. }) => "METHOD_NOT_ALLOWED",
            Error::Query(_) | Error::Name(_) => "INVALID_INPUT",
            Error::Unsupported(_) => "NOT_SUPPORTED",
        }
    }

    /// One sentence for the caller.
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// What would have been accepted, where that can be said.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Query(QueryError::UnknownOperator { .. }) => {
                Some(format!("accepted: {}", crate::rest::OPERATORS.join(" ")))
            }
            Error::Query(QueryError::NotAcceptable(_)) => {
                Some(format!("accepted: {}", crate::rest::MEDIA_TYPES.join(", ")))
            }
            Error::Name(
                NameError::Table { nearest, .. }
                | NameError::Column { nearest, .. }
                | NameError::Relationship { nearest, .. }
                | NameError::Function { nearest, .. },
            ) => nearest.as_ref().map(|name| format!("did you mean {name}?")),
            Error::Name(NameError::Ambiguous { ways, .. } | NameError::Hint { ways, .. }) => {
                let hints: Vec<&str> = ways.iter().map(|way| way.hint.as_str()).collect();
                Some(format!("say which: {}", hints.join(", ")))
            }
            Error::Name(NameError::Overloaded { candidates, .. }) => {
                Some(format!("candidates: {}", candidates.join(", ")))
            }
            _ => None,
        }
    }
}

/// One of several ways from a relation to another, for an error that lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// `many-to-one` and so on.
    pub cardinality: &'static str,
    /// From where to where.
    pub embedding: String,
    /// By which key.
    pub relationship: String,
    /// How a request says that it means this one.
    pub hint: String,
}

/// Text of the caller inside a message: shortened, so that a long request does not come back as a long answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    const MAX_CHARS: usize = 64;
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        match text.char_indices().nth(Self::MAX_CHARS) {
            Some((end, _)) => Shown(
                text.get(..end)
                    .map(|head| format!("{head}…"))
                    .unwrap_or_default(),
            ),
            None => Shown(text.to_owned()),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
