//! What the database looks like, as plain data. No query here: `sql/catalog/*.sql` asks, the server carries the
//! answers to [`Catalog::from_json`] and swaps the result whole.

mod function;
mod handler;
mod load;
mod name;
mod privilege;
mod relationship;
mod types;

use std::fmt;

pub use function::{Argument, ArgumentMode, Function, FunctionId, Returns, Volatility};
pub use handler::Handler;
pub use load::{CatalogError, CatalogJson};
pub(crate) use name::ByName;
pub use name::Name;
pub use privilege::{Privilege, Role};
pub use relationship::{Columns, Relationship, RelationshipKind};
pub use types::{TypeClass, TypeName};

/// The schema meant when a request names none.
pub const DEFAULT_SCHEMA: &str = "public";

/// One snapshot of all relations served. Immutable; a change of the database makes a new one.
#[derive(Debug)]
pub struct Catalog {
    generation: u64,
    schemas: Vec<Schema>,
    relations: Vec<Relation>,
    foreign_keys: Vec<ForeignKey>,
    by_name: ByName<ByName<RelationId>>,
    /// For each relation, in their order: the ways to others.
    relationships: Vec<Vec<Relationship>>,
    /// First those a request may call, then those that belong to a row; both ordered by schema and name.
    functions: Vec<Function>,
    callable: usize,
    functions_by_name: ByName<ByName<Vec<FunctionId>>>,
    /// Ordered by schema and name.
    handlers: Vec<Handler>,
    types: types::Types,
}

/// A schema that is served.
#[derive(Debug)]
pub struct Schema {
    /// Its name.
    pub name: Name,
    /// `COMMENT ON`.
    pub comment: Option<Box<str>>,
    usage: privilege::Roles,
}

/// Position of a relation in its catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RelationId(usize);

/// A table, view, materialised view or foreign table.
#[derive(PartialEq, Eq)]
pub struct Relation {
    /// Its schema.
    pub schema: Name,
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: RelationKind,
    /// In the order of the table.
    pub columns: Vec<Column>,
    /// Positions in `columns`; empty without a primary key. A view has that of the one table below whose rows come out
    /// once, if all its columns do.
    pub primary_key: Vec<usize>,
    /// Functions of a row that give one value: columns that are not stored. None has the name of a column.
    pub computed: Vec<FunctionId>,
    /// Every valid unique index over plain columns without a predicate, the primary key included. A view has those of
    /// the tables below whose rows certainly come out once.
    pub unique_keys: Vec<Vec<usize>>,
    /// Whether INSERT can work at all (views: also through INSTEAD OF triggers and rules).
    pub insertable: bool,
    /// Whether UPDATE can work at all.
    pub updatable: bool,
    /// Whether DELETE can work at all.
    pub deletable: bool,
    /// Whether row-level security is enabled.
    pub row_security: bool,
    /// Whether there are rules (`CREATE RULE`): a view has one at least.
    pub has_rules: bool,
    /// `COMMENT ON`.
    pub comment: Option<Box<str>>,
    grants: privilege::Grants,
    by_column: ByName<usize>,
    by_computed: ByName<FunctionId>,
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
#[derive(PartialEq, Eq)]
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
    /// Whether its type takes a text, a number or a truth value from JSON as it takes them by themselves: not one that
    /// reads JSON (json, arrays, rows) or may (types of extensions).
    pub plain: bool,
    grants: privilege::Grants,
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

    /// All schemas served, ordered by name.
    pub fn schemas(&self) -> &[Schema] {
        &self.schemas
    }

    /// The schema of that name, exactly as spelled.
    pub fn schema(&self, name: &str) -> Option<&Schema> {
        self.schemas
            .iter()
            .find(|schema| schema.name.as_str() == name)
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

    /// The ways from that relation to others, and to itself.
    pub fn relationships(&self, from: RelationId) -> &[Relationship] {
        self.relationships.get(from.0).map_or(&[], Vec::as_slice)
    }

    /// Whether a relationship that leads to one row can be relied on for it. A view may repeat the rows of its table, and a
    /// function with ROWS 1 may return more; then a statement has to take the first.
    pub fn is_certainly_one(&self, way: &Relationship) -> bool {
        match &way.kind {
            RelationshipKind::ToOne { columns } => {
                let far: Vec<usize> = columns.iter().map(|(_, far)| *far).collect();
                relationship::is_unique(self, way.to, &far)
            }
            RelationshipKind::ToMany { unique, .. } => *unique,
            RelationshipKind::Through { .. } => false,
            RelationshipKind::Computed { function, .. } => self
                .function(*function)
                .is_some_and(|function| !function.set),
        }
    }

    /// The functions of that name that a request may call, exactly as spelled: several when it is overloaded, none when
    /// it is not served.
    pub fn functions(&self, schema: Option<&str>, name: &str) -> impl Iterator<Item = &Function> {
        self.functions_by_name
            .get(schema.unwrap_or(DEFAULT_SCHEMA))
            .and_then(|schema| schema.get(name))
            .into_iter()
            .flatten()
            .filter_map(|id| self.function(*id))
    }

    /// The function at that position; `None` only for an id of another catalog.
    pub fn function(&self, id: FunctionId) -> Option<&Function> {
        self.functions.get(id.0)
    }

    /// The function that computes a column of that name from a row.
    pub fn computed(&self, relation: &Relation, name: &str) -> Option<&Function> {
        self.function(relation.computed_column(name)?)
    }

    /// All functions a request may call, ordered by schema and name. Those that only add a column or a relationship to
    /// a relation are not among them.
    pub fn all_functions(&self) -> &[Function] {
        self.functions.get(..self.callable).unwrap_or_default()
    }

    /// The type of that name: PostgreSQL's own, SQL's spelling of it (`integer`, `double precision`), with `[]` behind it
    /// for arrays, or one of a schema served.
    pub fn data_type(&self, schema: Option<&str>, name: &str) -> Option<(&TypeName, TypeClass)> {
        let found = self.types.find(schema, name)?;
        Some((&found.name, found.class))
    }

    /// The labels of an enum, or of a domain over one, in their order; of all other types none.
    pub fn enum_labels(&self, data_type: &TypeName) -> &[Box<str>] {
        self.type_entry(data_type)
            .map_or(&[], |entry| entry.labels.as_slice())
    }

    /// The name of PostgreSQL's own type below all domains; empty where it is not PostgreSQL's own, `None` for rows.
    pub fn base_type(&self, data_type: &TypeName) -> Option<&str> {
        self.type_entry(data_type).map(|entry| entry.base.as_ref())
    }

    /// Whether it is no type of PostgreSQL's own and has a cast to JSON, which all functions that make JSON use.
    pub fn becomes_json(&self, data_type: &TypeName) -> bool {
        self.type_entry(data_type).is_some_and(|entry| entry.json)
    }

    /// What an array holds; `None` for what is no array.
    pub fn element_type(&self, data_type: &TypeName) -> Option<&TypeName> {
        self.type_entry(data_type)?.element.as_ref()
    }

    fn type_entry(&self, data_type: &TypeName) -> Option<&types::Entry> {
        self.types
            .entry(data_type.schema.as_str(), data_type.name.as_str())
    }

    /// The schema of PostGIS, known by its type.
    pub fn post_gis(&self) -> Option<&Name> {
        self.types.geometry().map(|entry| &entry.name.schema)
    }

    /// All types that a value can be shown as.
    pub fn type_names(&self) -> impl Iterator<Item = &TypeName> {
        self.types.names()
    }

    /// All foreign keys between tables of this catalog; [`Self::relationships`] has them as views show them, too.
    pub fn foreign_keys(&self) -> &[ForeignKey] {
        &self.foreign_keys
    }
}

impl Schema {
    /// Whether what is in it can be reached by that role; for descriptions only.
    pub fn may(&self, role: Role) -> bool {
        self.usage.hold(role)
    }
}

impl Relation {
    /// The shape of rows that have no place of their own: what a function returns.
    pub(super) fn of_row(schema: Name, name: Name, columns: Vec<Column>) -> Self {
        let by_column = columns
            .iter()
            .enumerate()
            .map(|(position, column)| (column.name.as_str().into(), position))
            .collect();
        Relation {
            schema,
            name,
            kind: RelationKind::View,
            columns,
            primary_key: Vec::new(),
            computed: Vec::new(),
            unique_keys: Vec::new(),
            insertable: false,
            updatable: false,
            deletable: false,
            row_security: false,
            has_rules: true,
            comment: None,
            by_column,
            by_computed: ByName::default(),
            grants: privilege::Grants::default(),
        }
    }

    /// Whether its rows are those of other relations.
    pub fn is_view(&self) -> bool {
        matches!(
            self.kind,
            RelationKind::View | RelationKind::MaterializedView
        )
    }

    /// Whether that role was granted this, on the whole relation or on one column at least; for descriptions only.
    pub fn may(&self, role: Role, privilege: Privilege) -> bool {
        self.grants.hold(role, privilege)
    }

    /// The column of that name, exactly as spelled.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.column_index(name)
            .and_then(|index| self.columns.get(index))
    }

    /// Its position, as keys use it.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.by_column.get(name).copied()
    }

    /// The computed column of that name, exactly as spelled.
    pub fn computed_column(&self, name: &str) -> Option<FunctionId> {
        self.by_computed.get(name).copied()
    }
}

impl Column {
    /// Whether that role was granted this, on the column or on the whole relation; for descriptions only.
    pub fn may(&self, role: Role, privilege: Privilege) -> bool {
        self.grants.hold(role, privilege)
    }

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
