//! Values and conditions of a plan.

use std::borrow::Cow;
use std::fmt;

use crate::ask::{Aggregate, Comparison, Key, Quantifier, Search, Step, Truth};
use crate::catalog::{Column, Function, Name, Returns, TypeClass, TypeName};

/// PostgreSQL's names end there.
const MAX_NAME_BYTES: usize = 63;

/// The members of one JSON object.
pub type Output<'a> = Vec<Member<'a>>;

/// One member of a row's JSON object.
#[derive(Clone)]
pub struct Member<'a> {
    /// By what it goes.
    pub name: MemberName<'a>,
    /// Its value.
    pub value: Value<'a>,
}

/// By what a member goes.
#[derive(Clone, PartialEq, Eq)]
pub enum MemberName<'a> {
    /// A name the catalog holds; it may stand in SQL.
    Own(&'a Name),
    /// An aggregate's own name; it may stand in SQL.
    Word(&'static str),
    /// A name the caller chose; it is a value.
    Given(Cow<'a, str>),
}

impl<'a> MemberName<'a> {
    /// What an ask calls it. A name longer than PostgreSQL's would be cut off if it stood in SQL.
    pub(super) fn of_key(key: &'a Key<'a>) -> Self {
        match key {
            Key::Held(name) if name.as_str().len() <= MAX_NAME_BYTES => MemberName::Own(name),
            Key::Word(word) => MemberName::Word(word),
            Key::Held(_) | Key::Given(_) => MemberName::Given(Cow::Borrowed(key.as_str())),
        }
    }
}

impl MemberName<'_> {
    /// As the answer has it.
    pub fn as_str(&self) -> &str {
        match self {
            MemberName::Own(name) => name.as_str(),
            MemberName::Word(word) => word,
            MemberName::Given(text) => text,
        }
    }
}

/// What a member holds.
#[derive(Clone)]
pub enum Value<'a> {
    /// A column or what is made of it.
    Field(Expression<'a>),
    /// One value out of many rows.
    Aggregate {
        /// Which.
        function: Aggregate,
        /// Of what; `None`: of the rows.
        of: Option<Expression<'a>>,
        /// The type of the result.
        cast: Option<&'a TypeName>,
    },
    /// The same text in every row.
    Text(&'a str),
    /// JSON that is finished.
    Json(&'a str),
    /// The rows of an embedded read.
    Embed(usize),
    /// A member of an embedded read whose columns stand here.
    Spread {
        /// The read.
        embed: usize,
        /// The member.
        member: usize,
    },
}

/// A column, or what a path finds inside it, possibly as another type.
#[derive(Clone, PartialEq)]
pub struct Expression<'a> {
    /// Where it begins.
    pub base: Base<'a>,
    /// Steps into its JSON.
    pub path: &'a [Step<'a>],
    /// Whether the last step gives text.
    pub as_text: bool,
    /// The type it is shown as.
    pub cast: Option<&'a TypeName>,
    /// Cut to so many characters.
    pub cut: Option<u32>,
}

/// A column of the row, or a function of the row.
#[derive(Clone, Copy)]
pub enum Base<'a> {
    /// A column.
    Column(&'a Column),
    /// A computed one.
    Computed(&'a Function),
}

impl PartialEq for Base<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Base::Column(one), Base::Column(other)) => std::ptr::eq(*one, *other),
            (Base::Computed(one), Base::Computed(other)) => std::ptr::eq(*one, *other),
            _ => false,
        }
    }
}

impl<'a> Base<'a> {
    /// By what it goes.
    pub fn name(&self) -> &'a Name {
        match self {
            Base::Column(column) => &column.name,
            Base::Computed(function) => &function.name,
        }
    }

    /// What its type is to the operators.
    pub fn class(&self) -> TypeClass {
        match self {
            Base::Column(column) => column.class,
            Base::Computed(function) => match &function.returns {
                Returns::Scalar { class, .. } => *class,
                _ => TypeClass::Other,
            },
        }
    }
}

impl<'a> Expression<'a> {
    /// A column as it is.
    pub fn column(column: &'a Column) -> Self {
        Expression {
            base: Base::Column(column),
            path: &[],
            as_text: false,
            cast: None,
            cut: None,
        }
    }

    /// Its type, where the catalog says it.
    pub fn data_type(&self) -> Option<&'a TypeName> {
        match (self.cast, self.base) {
            (Some(cast), _) => Some(cast),
            (None, _) if !self.path.is_empty() => None,
            (None, Base::Column(column)) => Some(&column.data_type),
            (None, Base::Computed(function)) => match &function.returns {
                Returns::Scalar { data_type, .. } => Some(data_type),
                _ => None,
            },
        }
    }

    /// Whether it is that column and nothing more.
    pub fn is_column(&self, column: &Column) -> bool {
        self.path.is_empty()
            && self.cast.is_none()
            && matches!(self.base, Base::Column(own) if std::ptr::eq(own, column))
    }

    /// What the value is to the operators, at the end of its path.
    pub fn class(&self) -> TypeClass {
        match self.base.class() {
            _ if self.as_text => TypeClass::Text,
            class if self.path.is_empty() || class == TypeClass::Json => class,
            // What has parts and is no JSON is made jsonb for them.
            _ => TypeClass::Jsonb,
        }
    }
}

/// A condition whose every column exists and has the operator.
#[derive(Debug, Clone)]
pub enum Predicate<'a> {
    /// All of them.
    And(Vec<Predicate<'a>>),
    /// Any of them.
    Or(Vec<Predicate<'a>>),
    /// Not that.
    Not(Box<Predicate<'a>>),
    /// Against one value.
    Compare {
        /// Left side.
        left: Expression<'a>,
        /// The operator.
        op: Comparison,
        /// Whether the right side is an array, of which any or all must match.
        quantifier: Option<Quantifier>,
        /// Right side.
        value: Cow<'a, str>,
        /// Compare as numbers, and only where the JSON value is one.
        numeric: bool,
    },
    /// A text against a query of words.
    Search {
        /// Left side.
        left: Expression<'a>,
        /// How the query is written.
        form: Search,
        /// The configuration.
        config: Option<&'a str>,
        /// The query.
        query: &'a str,
    },
    /// Against a list.
    In {
        /// Left side.
        left: Expression<'a>,
        /// Right side.
        values: &'a [Cow<'a, str>],
    },
    /// Against a truth value.
    Is {
        /// Left side.
        left: Expression<'a>,
        /// Right side.
        truth: Truth,
    },
    /// Not all of the row is null.
    Present,
    /// Not that, or nobody knows.
    Untrue(Box<Predicate<'a>>),
    /// There are related rows.
    Embedded(usize),
    /// The same, of rows that nothing else reads.
    Related(Box<super::Embed<'a>>),
}

/// As the answer has it.
impl fmt::Debug for MemberName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// As a request writes it: a plan of many columns stays readable.
impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let MemberName::Given(name) = &self.name {
            write!(f, "{name:?}: ")?;
        }
        match &self.value {
            Value::Field(expression) => expression.fmt(f),
            Value::Aggregate { function, of, cast } => {
                write!(f, "{}(", function.as_str())?;
                if let Some(of) = of {
                    of.fmt(f)?;
                }
                f.write_str(")")?;
                cast.map_or(Ok(()), |cast| write!(f, "::{}", cast.name.as_str()))
            }
            Value::Text(text) => write!(f, "text {text:?}"),
            Value::Json(json) => write!(f, "json {json}"),
            Value::Embed(embed) => write!(f, "embed {embed}"),
            Value::Spread { embed, member } => write!(f, "embed {embed}, member {member}"),
        }
    }
}

/// As a request writes it.
impl fmt::Debug for Expression<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.base {
            Base::Column(column) => column.fmt(f)?,
            Base::Computed(function) => write!(f, "{}()", function.name.as_str())?,
        }
        for (index, step) in self.path.iter().enumerate() {
            let last = index + 1 == self.path.len();
            f.write_str(if last && self.as_text {
                " ->> "
            } else {
                " -> "
            })?;
            match step {
                Step::Key(key) => write!(f, "{key:?}")?,
                Step::Index(index) => write!(f, "{index}")?,
            }
        }
        self.cast
            .map_or(Ok(()), |cast| write!(f, "::{}", cast.name.as_str()))
    }
}
