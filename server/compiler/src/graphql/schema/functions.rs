//! Functions a request may call, as root fields: of the query when they only read, else of the mutation.
//!
//! A name that stands for several functions is none here, since a field has one list of arguments; nor is a function with
//! an argument that has no name, a procedure, or one whose rows have columns of their own.

use std::collections::{HashMap, HashSet};

use crate::catalog::{ArgumentMode, Function, Name, Volatility};
use crate::graphql::types::TypeRef;

/// A function as a field.
#[derive(Debug)]
pub(in crate::graphql) struct Called {
    pub(in crate::graphql) schema: Name,
    pub(in crate::graphql) name: Name,
    /// What its field shall be called.
    pub(in crate::graphql) field: String,
    pub(in crate::graphql) description: Option<Box<str>>,
    pub(in crate::graphql) arguments: Vec<CalledArgument>,
    /// What the field gives.
    pub(in crate::graphql) ty: TypeRef,
    pub(in crate::graphql) cast: Option<&'static str>,
    /// The table whose rows it gives.
    pub(in crate::graphql) entity: Option<usize>,
    /// Whether it only reads.
    pub(in crate::graphql) reads: bool,
    /// Whether the role may call it.
    pub(in crate::graphql) granted: bool,
}

/// An argument of a function.
#[derive(Debug)]
pub(in crate::graphql) struct CalledArgument {
    /// As a field takes it.
    pub(in crate::graphql) name: Name,
    /// As the function takes it.
    pub(in crate::graphql) own: Name,
    pub(in crate::graphql) ty: TypeRef,
}

/// Names that the arguments of rows have for themselves.
pub(super) fn names_of_pages() -> HashSet<Box<str>> {
    ["filter", "orderBy", "limit", "offset"]
        .map(Into::into)
        .into()
}

/// The functions that are one of their name, and can be called by names alone.
pub(super) fn callable(all: &[Function]) -> impl Iterator<Item = &Function> {
    let mut count: HashMap<(&str, &str), usize> = HashMap::new();
    for function in all.iter().filter(|function| !function.procedure) {
        let name = (function.schema.as_str(), function.name.as_str());
        *count.entry(name).or_default() += 1;
    }
    all.iter().filter(move |function| {
        let name = (function.schema.as_str(), function.name.as_str());
        let named = |argument: &crate::catalog::Argument| argument.name.is_some();
        !function.procedure && count.get(&name) == Some(&1) && function.arguments.iter().all(named)
    })
}

/// Whether it must be given, as far as GraphQL can say: PostgreSQL takes null for every argument, and a function says
/// nothing else about it.
pub(super) fn is_required(argument: &crate::catalog::Argument) -> bool {
    !argument.has_default && argument.mode != ArgumentMode::Variadic
}

/// Whether the transaction of a query may call it.
pub(super) fn reads(function: &Function) -> bool {
    function.volatility != Volatility::Volatile
}
