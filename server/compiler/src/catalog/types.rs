//! What the planner knows of types.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{DEFAULT_SCHEMA, Name};

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

/// Types by schema and name.
pub(super) type BySchema = HashMap<Box<str>, HashMap<Box<str>, (TypeName, TypeClass)>>;

/// Finds a type by the name a request gives it.
pub(super) fn find<'a>(
    types: &'a BySchema,
    schema: Option<&str>,
    name: &str,
) -> Option<(&'a TypeName, TypeClass)> {
    let (base, array) = match name.strip_suffix("[]") {
        Some(base) => (base, true),
        None => (name, false),
    };
    let lower = base.trim().to_ascii_lowercase();
    let own = SPELLINGS
        .iter()
        .find(|(spelling, _)| schema.is_none() && *spelling == lower)
        .map_or(base.trim(), |(_, own)| own);
    let wanted = if array {
        Cow::Owned(format!("_{own}"))
    } else {
        Cow::Borrowed(own)
    };
    let of_schema = |schema: &str| types.get(schema)?.get(wanted.as_ref());
    let found = match schema {
        Some(schema) => of_schema(schema),
        None => of_schema("pg_catalog").or_else(|| of_schema(DEFAULT_SCHEMA)),
    };
    found.map(|(data_type, class)| (data_type, *class))
}

/// Names of the SQL standard, in lower case → PostgreSQL's own.
const SPELLINGS: &[(&str, &str)] = &[
    ("bigint", "int8"),
    ("boolean", "bool"),
    ("character varying", "varchar"),
    ("char", "bpchar"),
    ("character", "bpchar"),
    ("decimal", "numeric"),
    ("double precision", "float8"),
    ("int", "int4"),
    ("integer", "int4"),
    ("real", "float4"),
    ("smallint", "int2"),
    ("timestamp with time zone", "timestamptz"),
    ("timestamp without time zone", "timestamp"),
    ("time with time zone", "timetz"),
    ("time without time zone", "time"),
];
