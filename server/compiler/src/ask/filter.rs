//! Which rows are meant.

use super::Field;
use std::borrow::Cow;

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
