//! Functions a request may call, and functions that add columns and relations to a row.

use super::privilege::{Role, Roles};
use super::{Name, Relation, RelationId, TypeClass, TypeName};

/// Position of a function in its catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FunctionId(pub(super) usize);

/// One function; an overloaded name has several.
#[derive(PartialEq, Eq)]
pub struct Function {
    /// Its schema.
    pub schema: Name,
    /// Its name.
    pub name: Name,
    /// Input arguments (IN, INOUT, VARIADIC) in their order.
    pub arguments: Vec<Argument>,
    /// What it gives back.
    pub returns: Returns,
    /// Whether it returns a set.
    pub set: bool,
    /// Whether it may write.
    pub volatility: Volatility,
    /// `CREATE PROCEDURE`: called, not selected. Its OUT arguments, those columns of its row that are no arguments here,
    /// have to be given as NULL.
    pub procedure: bool,
    /// `COMMENT ON`.
    pub comment: Option<Box<str>>,
    pub(super) execute: Roles,
}

impl Function {
    /// Whether that role was granted EXECUTE; for descriptions only.
    pub fn may(&self, role: Role) -> bool {
        self.execute.hold(role)
    }
}

/// Short: a plan printed for a test or a log names the function instead of repeating the catalog.
impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}()", self.schema.as_str(), self.name.as_str())
    }
}

/// An input argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// `None`: it has none, and can only be given by position.
    pub name: Option<Name>,
    /// Its type; of a VARIADIC argument the array.
    pub data_type: TypeName,
    /// What the type is to the operators.
    pub class: TypeClass,
    /// How it is given.
    pub mode: ArgumentMode,
    /// Whether it may be left out.
    pub has_default: bool,
}

/// How an argument is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgumentMode {
    /// Given.
    In,
    /// Given, and part of the result.
    InOut,
    /// Any number of them, the last one.
    Variadic,
}

/// What a function gives back, for each row when it returns a set.
#[derive(Debug, PartialEq, Eq)]
pub enum Returns {
    /// Nothing.
    Void,
    /// One value.
    Scalar {
        /// Its type.
        data_type: TypeName,
        /// What the type is to the operators.
        class: TypeClass,
    },
    /// A row of a relation served.
    Relation(RelationId),
    /// A row of columns of its own, as a relation without a place: `RETURNS TABLE`, OUT arguments, a composite type, or a relation that is not served.
    Row(Box<Relation>),
    /// `SETOF record` or `record` without columns: nobody can say what it holds.
    Record,
}

/// How much a function may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Volatility {
    /// Neither reads nor writes.
    Immutable,
    /// Reads.
    Stable,
    /// May write.
    Volatile,
}
