//! What the planner knows of types.

use std::borrow::Cow;

use super::name::ByName;
use super::{DEFAULT_SCHEMA, Name};

/// Where PostgreSQL's own types are.
pub(super) const SYSTEM_SCHEMA: &str = "pg_catalog";

/// A type as written in SQL: always with its schema, so that no search path can redirect it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeName {
    /// `pg_catalog` for built-in types.
    pub schema: Name,
    /// PostgreSQL's internal name: `int8`, `_text`, `timestamptz`.
    pub name: Name,
}

impl TypeName {
    /// Whether values are plain bytes.
    pub(crate) fn is_bytea(&self) -> bool {
        self.schema.as_str() == "pg_catalog" && self.name.as_str() == "bytea"
    }
}

/// What the planner must know of a type; domains count as the type below them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeClass {
    /// `true` and `false`.
    Boolean,
    /// Has `like`.
    Text,
    /// `json`: no equality, no order.
    Json,
    /// `jsonb`: equality and order, paths.
    Jsonb,
    /// Any array.
    Array,
    /// `tsvector`: has `@@` without being converted.
    TsVector,
    /// Any range or multirange.
    Range,
    /// All others; PostgreSQL itself refuses operators they lack.
    Other,
}

/// The types of a database by schema and name.
#[derive(Debug, Default)]
pub(super) struct Types(ByName<ByName<Entry>>);

/// One of them.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: TypeName,
    pub(super) class: TypeClass,
    /// Of PostgreSQL's own, and of domains over them: which. Empty for all others.
    pub(super) base: Box<str>,
    /// Whether a request may name it.
    pub(super) castable: bool,
    /// The array of it, in the same schema. Usually `_` and its name, but not where that was taken or too long.
    pub(super) array: Option<Name>,
    /// Of an array, what it holds.
    pub(super) element: Option<TypeName>,
    /// Of an enum, in its order.
    pub(super) labels: Vec<Box<str>>,
    /// Whether it is none of PostgreSQL's own and has a cast to JSON.
    pub(super) json: bool,
    /// Whether it came with PostGIS.
    pub(super) post_gis: bool,
}

impl Types {
    pub(super) fn insert(&mut self, entry: Entry) {
        self.0
            .entry(entry.name.schema.as_str().into())
            .or_default()
            .insert(entry.name.name.as_str().into(), entry);
    }

    pub(super) fn entry(&self, schema: &str, name: &str) -> Option<&Entry> {
        self.0.get(schema)?.get(name)
    }

    /// Whether a type takes a text, a number or a truth value from JSON as it takes them by themselves.
    pub(super) fn is_plain(&self, schema: &str, name: &str, class: TypeClass) -> bool {
        let reads_json = matches!(class, TypeClass::Json | TypeClass::Jsonb | TypeClass::Array);
        let entry = self.entry(schema, name);
        !reads_json && entry.is_some_and(|entry| !entry.base.is_empty() || !entry.labels.is_empty())
    }

    /// PostGIS's own type. One that somebody else made and called so could bring functions that run as the caller.
    pub(super) fn geometry(&self) -> Option<&Entry> {
        let types = self.0.values();
        types
            .filter_map(|types| types.get("geometry"))
            .find(|entry| entry.post_gis)
    }

    /// Those a request may name.
    pub(super) fn names(&self) -> impl Iterator<Item = &TypeName> {
        let all = self.0.values().flat_map(ByName::values);
        all.filter(|entry| entry.castable).map(|entry| &entry.name)
    }

    /// Finds a type by the name a request gives it.
    pub(super) fn find(&self, schema: Option<&str>, name: &str) -> Option<&Entry> {
        let (name, is_array) = match name.strip_suffix("[]") {
            Some(element) => (element.trim(), true),
            None => (name.trim(), false),
        };
        let found = match schema {
            Some(schema) => self.entry(schema, name),
            None => {
                let lower = match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
                    true => Cow::Owned(name.to_ascii_lowercase()),
                    false => Cow::Borrowed(name),
                };
                self.entry(SYSTEM_SCHEMA, own_name(&lower))
                    .or_else(|| self.entry(DEFAULT_SCHEMA, name))
            }
        };
        let found = match found? {
            element if is_array => {
                let array = element.array.as_ref()?;
                self.entry(element.name.schema.as_str(), array.as_str())?
            }
            itself => itself,
        };
        found.castable.then_some(found)
    }
}

/// PostgreSQL's own name of a type for SQL's spelling of it, in lower case; all others stay as they are.
///
/// `char` without a length is one character in SQL. Here nothing is cut off, as with `bpchar`: a client that casts to
/// it means text.
fn own_name(spelling: &str) -> &str {
    match spelling {
        "bigint" => "int8",
        "bit varying" => "varbit",
        "boolean" => "bool",
        "char" | "character" => "bpchar",
        "character varying" => "varchar",
        "dec" | "decimal" => "numeric",
        "double precision" | "float" => "float8",
        "int" | "integer" => "int4",
        "real" => "float4",
        "smallint" => "int2",
        "time with time zone" => "timetz",
        "time without time zone" => "time",
        "timestamp with time zone" => "timestamptz",
        "timestamp without time zone" => "timestamp",
        own => own,
    }
}
