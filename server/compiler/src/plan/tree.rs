//! A plan: what a statement does, in all but text.

use std::borrow::Cow;
use std::fmt;

use crate::ask::{self, Count, Wishes};
use crate::catalog::{Column, Function, Handler, Relation};
use crate::plan::{Expression, MemberName, Output, Predicate};

/// A statement in all but text.
#[derive(Clone)]
pub struct Plan<'a> {
    /// What it does.
    pub act: Act<'a>,
    /// How its rows are written, and under which conditions it holds.
    pub wishes: &'a Wishes<'a>,
    /// The media type of what a function made, which goes out as it is.
    pub made: Option<Made<'a>>,
    /// The schema of PostGIS, where its GeoJSON is wanted.
    pub geo_json: Option<&'a crate::catalog::Name>,
}

/// A value that is a body: that of a domain which goes by a media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made<'a> {
    /// The media type.
    pub media_type: &'a str,
    /// Whether it is bytes; else a text.
    pub bytes: bool,
    /// What makes it of all rows, and whose they are; `None`: it is a function's value.
    pub of_rows: Option<(&'a Handler, &'a Relation)>,
}

/// The act alone: the wishes are the request's own.
impl std::fmt::Debug for Plan<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.act.fmt(f)
    }
}

/// What a statement does.
#[derive(Debug, Clone)]
pub enum Act<'a> {
    /// Rows out.
    Read(Read<'a>),
    /// Rows in.
    Insert(Insert<'a>),
    /// Rows changed.
    Update(Update<'a>),
    /// Rows removed.
    Delete(Delete<'a>),
    /// A function called.
    Call(Call<'a>),
    /// Several reads as one object.
    Object(Object<'a>),
}

/// Several reads as one object.
#[derive(Debug, Clone)]
pub struct Object<'a> {
    /// Its members; a related read is one of `parts`.
    pub output: Output<'a>,
    /// What is read.
    pub parts: Vec<Part<'a>>,
}

/// One read of several.
#[derive(Debug, Clone)]
pub enum Part<'a> {
    /// Rows of a relation.
    Read(Read<'a>),
    /// What a function gives back.
    Call(Call<'a>),
    /// A page of rows with what is known of all of them.
    Connection(Vec<(MemberName<'a>, Facet<'a>)>),
}

/// One side of a page of rows.
#[derive(Debug, Clone)]
pub enum Facet<'a> {
    /// The rows.
    Edges {
        /// Those of the page.
        read: Read<'a>,
        /// Whether they come last first.
        backwards: bool,
        /// What is told of each.
        members: Vec<(MemberName<'a>, &'a ask::EdgePart<'a>)>,
    },
    /// Where the page lies.
    Page {
        /// Those of the page and one more, where there may be more than one.
        read: Read<'a>,
        /// Whether they come last first.
        backwards: bool,
        /// Whether there is a page on the side the reading began at.
        behind: bool,
        /// What is told.
        members: Vec<(MemberName<'a>, &'a ask::PagePart<'a>)>,
    },
    /// How many rows there are.
    Count(Read<'a>),
    /// What is made of all rows, which is one row.
    Row(Read<'a>),
    /// An object of such.
    Object(Vec<(MemberName<'a>, Facet<'a>)>),
    /// A text.
    Text(&'a str),
}

/// Which transaction the statement needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// READ ONLY: even a function called by a view or a policy cannot write.
    ReadOnly,
    /// READ WRITE.
    ReadWrite,
}

impl Plan<'_> {
    /// The transaction it needs: a read can never write, by construction.
    pub fn access(&self) -> Access {
        match &self.act {
            Act::Read(_) | Act::Object(_) => Access::ReadOnly,
            Act::Call(call) if call.read_only => Access::ReadOnly,
            Act::Call(_) | Act::Insert(_) | Act::Update(_) | Act::Delete(_) => Access::ReadWrite,
        }
    }
}

/// A read of one relation, or of the rows a function returns.
#[derive(Debug, Clone)]
pub struct Read<'a> {
    /// From where; of a function the shape of its rows.
    pub relation: &'a Relation,
    /// What each row holds.
    pub output: Output<'a>,
    /// Related rows that members and conditions refer to by their position.
    pub embeds: Vec<Embed<'a>>,
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
    pub count: Count,
    /// Whether rows are grouped by the members that are no aggregates.
    pub grouped: bool,
}

impl<'a> Read<'a> {
    /// A read that says nothing but from where.
    pub(crate) fn bare(relation: &'a Relation) -> Self {
        Read {
            relation,
            output: Vec::new(),
            embeds: Vec::new(),
            filter: None,
            order: Vec::new(),
            limit: None,
            offset: 0,
            single: false,
            count: Count::No,
            grouped: false,
        }
    }
}

/// Related rows inside each row.
#[derive(Debug, Clone)]
pub struct Embed<'a> {
    /// How they are found.
    pub link: Link<'a>,
    /// What is read there.
    pub read: Read<'a>,
    /// One object (or null) instead of an array.
    pub to_one: bool,
    /// There may be several all the same: through a view, or by a function. The first one is taken.
    pub uncertain: bool,
    /// Its columns stand in the row around it.
    pub spread: bool,
}

/// What links a row to the related ones.
#[derive(Debug, Clone)]
pub enum Link<'a> {
    /// Columns of the near relation equal columns of the far one.
    Columns(Vec<(&'a Column, &'a Column)>),
    /// Through a third relation.
    Through {
        /// The junction.
        junction: &'a Relation,
        /// Of the near relation and of the junction.
        near: Vec<(&'a Column, &'a Column)>,
        /// Of the junction and of the far relation.
        far: Vec<(&'a Column, &'a Column)>,
    },
    /// A function of the near row.
    Computed(&'a Function),
}

/// One key of an ordering.
#[derive(Debug, Clone)]
pub struct OrderBy<'a> {
    /// Where it is, if not in the relation itself: in a row of which there is one at most.
    pub embed: Option<OrderOf<'a>>,
    /// By what.
    pub by: Expression<'a>,
    /// Largest first.
    pub descending: bool,
    /// Where nulls go.
    pub nulls: Option<crate::ask::Nulls>,
}

/// A row beside the one to order.
#[derive(Clone)]
pub enum OrderOf<'a> {
    /// That of an embedded read.
    Embed(usize),
    /// That at the end of these, one behind the other.
    Ways(Vec<Embed<'a>>),
}

/// Short where there is little to say.
impl fmt::Debug for OrderOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OrderOf::Embed(place) => place.fmt(f),
            OrderOf::Ways(ways) => {
                let links = ways.iter().map(|way| (&way.link, way.read.relation));
                f.debug_list().entries(links).finish()
            }
        }
    }
}

/// New rows for one relation.
#[derive(Debug, Clone)]
pub struct Insert<'a> {
    /// Into which.
    pub relation: &'a Relation,
    /// The rows; at least one group.
    pub groups: Vec<Values<'a>>,
    /// What happens to rows that are there already.
    pub conflict: Option<Conflict<'a>>,
    /// Rows of the body that do not satisfy it are left out.
    pub only: Option<Predicate<'a>>,
    /// What comes back.
    pub answer: Answer<'a>,
    /// One object (or null) instead of an array.
    pub single: bool,
}

/// `on conflict`
#[derive(Debug, Clone)]
pub struct Conflict<'a> {
    /// The key; empty: any.
    pub key: Vec<&'a Column>,
    /// Whether the given columns take their new values; else the row stays as it is.
    pub merge: bool,
}

/// Changes to rows of one relation.
#[derive(Debug, Clone)]
pub struct Update<'a> {
    /// Of which.
    pub relation: &'a Relation,
    /// What is set.
    pub set: Values<'a>,
    /// Which rows.
    pub filter: Option<Predicate<'a>>,
    /// Only the first of them.
    pub page: Option<Page<'a>>,
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
    pub filter: Option<Predicate<'a>>,
    /// Only the first of them.
    pub page: Option<Page<'a>>,
    /// What comes back.
    pub answer: Answer<'a>,
    /// Addressed by key: no body, only the number of rows.
    pub single: bool,
}

/// The first rows of an order, found by their key.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    /// The primary key.
    pub key: Vec<&'a Column>,
    /// First key first.
    pub order: Vec<OrderBy<'a>>,
    /// How many.
    pub limit: u64,
    /// Rows to skip.
    pub offset: u64,
}

/// Values of columns inside one JSON text.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    /// The columns it fills.
    pub columns: Vec<&'a Column>,
    /// An object, or an array of objects when `many`.
    pub json: &'a ask::Body<'a>,
    /// Of one object: its values in the order of the columns, where each is the same as a text.
    pub texts: Option<Vec<Cow<'a, str>>>,
    /// Which of the two.
    pub many: bool,
}

impl Values<'_> {
    /// All of them as one JSON text.
    pub fn json(&self) -> Cow<'_, str> {
        let columns = self.columns.iter();
        self.json.text(columns.map(|column| column.name.as_str()))
    }
}

/// What a write sends back.
#[derive(Debug, Clone)]
pub enum Answer<'a> {
    /// The changed rows.
    Rows(Box<Read<'a>>),
    /// `{"affected": n}`.
    Affected,
    /// The primary key of the first row, for `Location`; nothing where there is none.
    Key(Vec<&'a Column>),
    /// No body.
    Nothing,
}

/// A function with its arguments.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// Which.
    pub function: &'a Function,
    /// What it is given.
    pub arguments: Arguments<'a>,
    /// What of its rows comes back; `None`: its value as it is.
    pub read: Option<Read<'a>>,
    /// Whether the body is wanted back.
    pub answer: bool,
    /// Whether the transaction is READ ONLY.
    pub read_only: bool,
    /// The type its value is shown as.
    pub cast: Option<&'a crate::catalog::TypeName>,
}

/// Arguments of a function, each resolved.
#[derive(Debug, Clone)]
pub enum Arguments<'a> {
    /// One by one, as text.
    Each(Vec<(&'a crate::catalog::Argument, std::borrow::Cow<'a, str>)>),
    /// As members of one JSON object.
    Json {
        /// Those it gives.
        given: Vec<&'a crate::catalog::Argument>,
        /// The object.
        json: Cow<'a, str>,
    },
    /// One, without a name.
    Whole(&'a crate::catalog::Argument, std::borrow::Cow<'a, str>),
}
