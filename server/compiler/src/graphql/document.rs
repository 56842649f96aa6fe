//! An executable document: what was written and where, nothing looked up yet.

mod read;

use std::borrow::Cow;
use std::collections::HashMap;

pub(super) use read::read;

/// A place in the text, as a byte. Lines and columns are counted only for an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Pos(pub(super) usize);

/// Operations and fragments in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Document<'d> {
    pub(super) operations: Vec<Operation<'d>>,
    pub(super) fragments: Vec<Fragment<'d>>,
    /// Definitions of types, which a request has no use for.
    pub(super) not_executable: Vec<Pos>,
    /// The first fragment of each name.
    pub(super) by_name: HashMap<&'d str, usize>,
}

impl<'d> Document<'d> {
    pub(super) fn fragment(&self, name: &str) -> Option<&Fragment<'d>> {
        self.fragments.get(*self.by_name.get(name)?)
    }
}

/// A name and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name<'d> {
    pub(super) text: &'d str,
    pub(super) at: Pos,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Query,
    Mutation,
    Subscription,
}

#[derive(Debug)]
pub(super) struct Operation<'d> {
    pub(super) at: Pos,
    pub(super) kind: Kind,
    pub(super) name: Option<Name<'d>>,
    pub(super) variables: Vec<Variable<'d>>,
    pub(super) directives: Vec<Directive<'d>>,
    pub(super) selections: Vec<Selection<'d>>,
}

#[derive(Debug)]
pub(super) struct Variable<'d> {
    pub(super) name: Name<'d>,
    pub(super) ty: Type<'d>,
    pub(super) default: Option<Value<'d>>,
    pub(super) directives: Vec<Directive<'d>>,
}

/// A type as a variable names it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Type<'d> {
    pub(super) name: Name<'d>,
    /// How many lists are around it.
    pub(super) lists: u8,
    /// Bit 0 is the outermost list, the bit behind the innermost list the named type.
    pub(super) non_null: u32,
}

#[derive(Debug)]
pub(super) struct Fragment<'d> {
    pub(super) name: Name<'d>,
    pub(super) on: Name<'d>,
    pub(super) directives: Vec<Directive<'d>>,
    pub(super) selections: Vec<Selection<'d>>,
}

#[derive(Debug)]
pub(super) enum Selection<'d> {
    Field(Field<'d>),
    Spread(Spread<'d>),
    Inline(Inline<'d>),
}

#[derive(Debug)]
pub(super) struct Field<'d> {
    pub(super) at: Pos,
    pub(super) alias: Option<Name<'d>>,
    pub(super) name: Name<'d>,
    pub(super) arguments: Vec<Argument<'d>>,
    pub(super) directives: Vec<Directive<'d>>,
    /// Empty when there are no braces; the grammar has no empty ones.
    pub(super) selections: Vec<Selection<'d>>,
}

impl<'d> Field<'d> {
    /// By what it goes in the answer.
    pub(super) fn key(&self) -> &'d str {
        self.alias.unwrap_or(self.name).text
    }

    pub(super) fn argument(&self, name: &str) -> Option<&Argument<'d>> {
        self.arguments
            .iter()
            .find(|argument| argument.name.text == name)
    }
}

#[derive(Debug)]
pub(super) struct Spread<'d> {
    pub(super) at: Pos,
    pub(super) name: Name<'d>,
    pub(super) directives: Vec<Directive<'d>>,
}

#[derive(Debug)]
pub(super) struct Inline<'d> {
    pub(super) at: Pos,
    pub(super) on: Option<Name<'d>>,
    pub(super) directives: Vec<Directive<'d>>,
    pub(super) selections: Vec<Selection<'d>>,
}

#[derive(Debug)]
pub(super) struct Directive<'d> {
    pub(super) at: Pos,
    pub(super) name: Name<'d>,
    pub(super) arguments: Vec<Argument<'d>>,
}

#[derive(Debug, Clone)]
pub(super) struct Argument<'d> {
    pub(super) name: Name<'d>,
    pub(super) value: Value<'d>,
}

#[derive(Debug, Clone)]
pub(super) struct Value<'d> {
    pub(super) at: Pos,
    pub(super) what: What<'d>,
}

/// Numbers stay as they are written: no digit of a number beyond 2^53 is lost.
#[derive(Debug, Clone)]
pub(super) enum What<'d> {
    Variable(&'d str),
    Int(&'d str),
    Float(&'d str),
    String(Cow<'d, str>),
    Boolean(bool),
    Null,
    Enum(&'d str),
    List(Vec<Value<'d>>),
    Object(Vec<Argument<'d>>),
}
