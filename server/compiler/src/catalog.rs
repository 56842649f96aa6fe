//! What the database looks like, as plain data. No query here: `sql/catalog/*.sql` asks, the server carries the
//! answers to [`Catalog::from_json`] and swaps the result whole.

mod load;
mod name;

use std::collections::HashMap;
use std::fmt;

pub use load::{CatalogError, CatalogJson};
pub use name::Name;

/// The schema meant when a request names none.
pub const DEFAULT_SCHEMA: &str = "public";

/// One snapshot of all relations served. Immutable; a change of the database makes a new one.
#[derive(Debug)]
pub struct Catalog {
    generation: u64,
    relations: Vec<Relation>,
    foreign_keys: Vec<ForeignKey>,
    by_name: HashMap<Box<str>, HashMap<Box<str>, RelationId>>,
}

/// Position of a relation in its catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RelationId(usize);

/// A table, view, materialised view or foreign table.
pub struct Relation {
    /// Its schema.
    pub schema: Name,
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: RelationKind,
    /// In the order of the table.
    pub columns: Vec<Column>,
    /// Positions in `columns`; empty without a primary key.
    pub primary_key: Vec<usize>,
    /// Every valid unique index over plain columns without a predicate, the primary key included.
    pub unique_keys: Vec<Vec<usize>>,
    /// Whether INSERT can work at all (views: also through INSTEAD OF triggers and rules).
    pub insertable: bool,
    /// Whether UPDATE can work at all.
    pub updatable: bool,
    /// Whether DELETE can work at all.
    pub deletable: bool,
    /// Whether row-level security is enabled.
    pub row_security: bool,
    /// `COMMENT ON`.
    pub comment: Option<Box<str>>,
    by_column: HashMap<Box<str>, usize>,
}

/// The kinds of relation served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationKind {
    /// Also partitioned.
    Table,
    /// An ordinary view.
    View,
    /// Read only.
    MaterializedView,
    /// Lives elsewhere.
    ForeignTable,
}

/// A column of a relation.
pub struct Column {
    /// Its name.
    pub name: Name,
    /// Its declared type.
    pub data_type: TypeName,
    /// What the type is to the operators.
    pub class: TypeClass,
    /// Whether it may hold NULL (a NOT NULL domain says no too).
    pub nullable: bool,
    /// Whether an absent value gets something other than NULL.
    pub has_default: bool,
    /// How PostgreSQL fills it by itself.
    pub generation: Generation,
    /// `COMMENT ON`.
    pub comment: Option<Box<str>>,
}

/// A type as written in SQL: always with its schema, so that no search path can redirect it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeName {
    /// `pg_catalog` for built-in types.
    pub schema: Name,
    /// PostgreSQL's internal name: `int8`, `_text`, `timestamptz`.
    pub name: Name,
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
    /// All others; PostgreSQL itself refuses operators they lack.
    Other,
}

/// How PostgreSQL fills a column by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Generation {
    /// It does not.
    None,
    /// Identity; a given value wins.
    IdentityByDefault,
    /// Identity; a given value is refused.
    IdentityAlways,
    /// Computed from the other columns; cannot be written.
    Computed,
}

/// A foreign key between two relations of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// The constraint.
    pub name: Name,
    /// The referencing relation.
    pub from: RelationId,
    /// Its columns.
    pub from_columns: Vec<usize>,
    /// The referenced relation.
    pub to: RelationId,
    /// Its columns, pairwise with `from_columns`.
    pub to_columns: Vec<usize>,
}

impl Catalog {
    /// Builds a snapshot from the answers of `sql/catalog/*.sql`. `generation` is the caller's number for it.
    ///
    /// # Errors
    /// When the JSON is not what those queries produce.
    pub fn from_json(generation: u64, json: &CatalogJson<'_>) -> Result<Self, CatalogError> {
        load::load(generation, json)
    }

    /// The number given at its making; a later snapshot has a larger one.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The relation of that name, exactly as spelled; no schema means [`DEFAULT_SCHEMA`].
    pub fn relation(&self, schema: Option<&str>, name: &str) -> Option<&Relation> {
        self.relation_id(schema, name).and_then(|id| self.get(id))
    }

    /// Like [`Self::relation`], for use with keys.
    pub fn relation_id(&self, schema: Option<&str>, name: &str) -> Option<RelationId> {
        self.by_name
            .get(schema.unwrap_or(DEFAULT_SCHEMA))?
            .get(name)
            .copied()
    }

    /// The relation at that position; `None` only for an id of another catalog.
    pub fn get(&self, id: RelationId) -> Option<&Relation> {
        self.relations.get(id.0)
    }

    /// All relations, ordered by schema and name.
    pub fn relations(&self) -> &[Relation] {
        &self.relations
    }

    /// All foreign keys between relations of this catalog.
    pub fn foreign_keys(&self) -> &[ForeignKey] {
        &self.foreign_keys
    }
}

impl Relation {
    /// The column of that name, exactly as spelled.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.column_index(name)
            .and_then(|index| self.columns.get(index))
    }

    /// Its position, as keys use it.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.by_column.get(name).copied()
    }
}

impl Column {
    /// Whether a request may give it a value.
    pub fn writable(&self) -> bool {
        matches!(
            self.generation,
            Generation::None | Generation::IdentityByDefault
        )
    }
}

/// Short: a plan printed for a test or a log names the relation instead of repeating the catalog.
impl fmt::Debug for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema.as_str(), self.name.as_str())
    }
}

/// Short, as for [`Relation`].
impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}",
            self.name.as_str(),
            self.data_type.name.as_str()
        )
    }
}
