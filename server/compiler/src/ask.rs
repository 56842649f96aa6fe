//! The common question every front end produces. Names are text from the caller, not resolved, not trusted.
//!
//! [`Read`] is a node without a table of its own, so that an embedded read is the same node below a relation.

mod calls;
mod filter;
mod object;
mod reads;
mod writes;

pub use calls::{Arguments, Call, Whole};
pub use filter::{Comparison, Filter, Quantifier, Rows, Search, Truth};
pub use object::{EdgePart, Facet, Object, ObjectMember, PagePart, Part, Related};
pub use reads::{
    After, Aggregate, Count, Embed, Field, Key, Nulls, Order, OrderOf, Read, Select, Step,
};
pub(crate) use writes::write_row;
pub use writes::{Answer, Body, Conflict, Datum, Delete, Group, Insert, Page, Resolution, Update};

use std::borrow::Cow;

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
#[derive(Default, Clone, PartialEq)]
pub struct Wishes<'a> {
    /// A write that touches more rows is undone and refused.
    pub max_affected: Option<u64>,
    /// Everything is undone at the end; the answer says what would have been.
    pub rollback: bool,
    /// The zone in which times are written.
    pub time_zone: Option<Cow<'a, str>>,
    /// How the rows are written.
    pub shape: Shape,
    /// Which media types only a function could make.
    pub media: Media<'a>,
    /// Not the rows but how PostgreSQL would find them.
    pub explain: Option<Explain>,
    /// Which numbers the answer says beside its body.
    pub numbers: Numbers,
    /// What of the preferences was taken, for `Preference-Applied`.
    pub applied: String,
}

/// Without media types where none is peculiar, as for [`Ask`].
impl std::fmt::Debug for Wishes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Wishes");
        shown
            .field("max_affected", &self.max_affected)
            .field("rollback", &self.rollback)
            .field("time_zone", &self.time_zone)
            .field("shape", &self.shape);
        if self.media != Media::default() {
            shown.field("media", &self.media);
        }
        shown
            .field("explain", &self.explain)
            .field("numbers", &self.numbers)
            .field("applied", &self.applied)
            .finish()
    }
}

/// Media types of which a function may be the maker.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Media<'a> {
    /// Those at least as good as the shape, the best first.
    pub named: Vec<&'a str>,
    /// Whether the shape was asked for by its name: then no other type will do in its place.
    pub settled: bool,
    /// What is accepted, where no shape is.
    pub only: Option<&'a str>,
}

/// What a plan shall say beside the steps.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub struct Explain {
    /// In lines for people; else JSON.
    pub text: bool,
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

/// With the form where it is the less usual one, as for [`Ask`].
impl std::fmt::Debug for Explain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Explain");
        if self.text {
            shown.field("text", &self.text);
        }
        shown
            .field("analyze", &self.analyze)
            .field("verbose", &self.verbose)
            .field("settings", &self.settings)
            .field("buffers", &self.buffers)
            .field("wal", &self.wal)
            .finish()
    }
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
