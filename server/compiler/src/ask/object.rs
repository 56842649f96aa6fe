//! Several reads in one object, as GraphQL asks for them.

use super::{Call, Key, Read, TableName, Wishes};
use std::borrow::Cow;

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
