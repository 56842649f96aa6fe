//! The schema of one catalog: which types there are and what each is made of.
//!
//! Only what cannot be worked out from the name is kept: types, root fields, fields of tables. Filters, orders and inputs
//! of a table follow from its fields when they are asked for, so that the schema of thousands of tables is small and made
//! in milliseconds, and a look-up never depends on how many there are.
//!
//! Each role has a schema of its own. Names are given for all roles alike, so that a client's queries mean the same for
//! everybody; what the role was granted nothing on is then taken away (`granted.rs`).

mod build;
mod directives;
mod functions;
mod granted;
mod inputs;
mod operators;
mod parts;
mod relations;

use super::types::{Meta, Named, Scalar, TypeRef};
use super::{Options, meta};
use crate::catalog::{ByName, Catalog, FunctionId, Name, Relation, RelationId, Role};
pub(super) use functions::Called;

pub(super) use directives::{DIRECTIVES, directive};
pub(super) use inputs::{Input, InputUse, Quantity};
pub(super) use operators::{DIRECTIONS, Operator};

/// What a catalog looks like in GraphQL. It belongs to the catalog it was built from.
#[derive(Debug)]
pub struct Schema {
    generation: u64,
    pub(super) entities: Vec<Entity>,
    pub(super) enums: Vec<EnumType>,
    types: ByName<Named>,
    pub(super) functions: Vec<Called>,
    pub(super) queries: Roots,
    pub(super) mutations: Roots,
}

/// A table or view.
#[derive(Debug)]
pub(super) struct Entity {
    pub(super) relation: RelationId,
    pub(super) name: Box<str>,
    pub(super) description: Option<Box<str>>,
    pub(super) fields: Vec<EntityField>,
    by_name: ByName<usize>,
    /// Fields of the primary key, in its order; empty when there is none or it is hidden.
    pub(super) key: Vec<usize>,
    /// Whether its rows have anything to order them by, beside rows of others.
    orderable: bool,
}

/// A field of a table's rows.
#[derive(Debug)]
pub(super) struct EntityField {
    pub(super) name: Name,
    pub(super) description: Option<Box<str>>,
    pub(super) source: Source,
    pub(super) ty: TypeRef,
    /// The type PostgreSQL shows it as, where its own would not be what `ty` promises.
    pub(super) cast: Option<&'static str>,
    pub(super) operators: &'static [Operator],
    /// Whether the role may read it: only then it is a field, and part of filters and orders.
    pub(super) readable: bool,
    /// Whether the role may give it a value, in a new row or in one that is there.
    pub(super) writable: bool,
}

/// Where a field comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Position among the columns.
    Column(usize),
    /// A function of the row.
    Computed(FunctionId),
    /// Position among the relationships.
    Way(usize),
}

/// An enum of the database whose labels are all names.
#[derive(Debug)]
pub(super) struct EnumType {
    pub(super) name: Box<str>,
    pub(super) labels: Vec<Box<str>>,
}

/// Fields of the query or of the mutation type.
#[derive(Debug, Default)]
pub(super) struct Roots {
    pub(super) fields: Vec<Root>,
    by_name: ByName<usize>,
    /// Other names they answer to, which nobody is told.
    also: ByName<usize>,
}

#[derive(Debug)]
pub(super) struct Root {
    pub(super) name: Name,
    pub(super) act: Act,
    /// Place of the table.
    pub(super) entity: usize,
    pub(super) ty: TypeRef,
}

/// What a root field does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Collection,
    Connection,
    ByKey,
    Insert,
    InsertMany,
    Update,
    UpdateMany,
    Delete,
    DeleteMany,
    /// Place of the function.
    Call(usize),
}

impl Act {
    /// What a field gives that does this with a table.
    fn gives(self, entity: usize) -> TypeRef {
        let row = Named::Row(entity).one();
        match self {
            Act::Collection | Act::InsertMany | Act::UpdateMany => row.required().list().required(),
            Act::Connection => Named::Connection(entity).one().required(),
            Act::ByKey | Act::Insert | Act::Update | Act::Delete | Act::Call(_) => row,
            Act::DeleteMany => Named::Scalar(Scalar::Int).one().required(),
        }
    }
}

impl Roots {
    pub(super) fn find(&self, name: &str) -> Option<&Root> {
        let place = self.by_name.get(name).or_else(|| self.also.get(name))?;
        self.fields.get(*place)
    }
}

impl EntityField {
    /// Whether rows are ordered by its own values.
    fn has_order(&self) -> bool {
        !matches!(self.source, Source::Way(_)) && self.operators != operators::NO_ORDER
    }
}

impl Entity {
    /// The field of that name, if it can be read.
    pub(super) fn field(&self, name: &str) -> Option<&EntityField> {
        let place = *self.by_name.get(name)?;
        self.fields.get(place).filter(|field| field.readable)
    }

    /// Those that can be read, with their places.
    pub(super) fn readable(&self) -> impl Iterator<Item = (usize, &EntityField)> {
        let all = self.fields.iter().enumerate();
        all.filter(|(_, field)| field.readable)
    }
}

/// A field of an object type.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'s> {
    pub(super) name: &'s str,
    pub(super) ty: TypeRef,
    pub(super) what: What<'s>,
}

/// What a field is.
#[derive(Debug, Clone, Copy)]
pub(super) enum What<'s> {
    Typename,
    /// `_health`
    Health,
    /// `__schema` and `__type`
    Introspection,
    Root(&'s Root),
    Member(&'s EntityField),
    /// A part of a connection.
    Part,
    /// A field of introspection's types.
    Meta,
}

impl Field<'_> {
    /// Whether it speaks of the schema instead of data.
    pub(super) fn is_meta(&self) -> bool {
        matches!(self.what, What::Introspection | What::Meta)
    }
}

impl Schema {
    /// Makes the schema that role has of a catalog.
    pub fn build(catalog: &Catalog, options: &Options, role: Role) -> Self {
        let mut schema = build::build(catalog, options, role);
        granted::keep(&mut schema, catalog, role);
        for entity in &mut schema.entities {
            let orderable = entity.readable().any(|(_, field)| field.has_order());
            entity.orderable = orderable;
        }
        schema
    }

    /// All names of fields, as they stand in answers.
    pub fn field_names(&self) -> impl Iterator<Item = &str> {
        let roots = self.queries.fields.iter().chain(&self.mutations.fields);
        let members = self.entities.iter().flat_map(|entity| &entity.fields);
        roots
            .map(|root| &root.name)
            .chain(members.map(|member| &member.name))
            .map(Name::as_str)
    }

    /// That of the catalog it was built from.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

/// A schema with the catalog it belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) struct World<'s> {
    pub(super) catalog: &'s Catalog,
    pub(super) schema: &'s Schema,
    pub(super) options: &'s Options,
}

impl<'s> World<'s> {
    /// The type of that name.
    pub(super) fn named(self, name: &str) -> Option<Named> {
        self.schema.types.get(name).copied()
    }

    pub(super) fn entity(self, place: usize) -> Option<&'s Entity> {
        self.schema.entities.get(place)
    }

    /// The function behind a root field.
    pub(super) fn called(self, root: &Root) -> Option<&'s Called> {
        match root.act {
            Act::Call(place) => self.schema.functions.get(place),
            _ => None,
        }
    }

    pub(super) fn relation(self, entity: &Entity) -> Option<&'s Relation> {
        self.catalog.get(entity.relation)
    }

    /// The name of a type.
    pub(super) fn name_of(self, named: Named) -> String {
        let of = |place: usize, suffix: &str| {
            let entity = self.entity(place);
            format!("{}{suffix}", entity.map_or("", |entity| &entity.name))
        };
        match named {
            Named::Scalar(scalar) => scalar.name().to_owned(),
            Named::Enum(place) => {
                let found = self.schema.enums.get(place);
                found.map_or_else(String::new, |found| found.name.to_string())
            }
            Named::Row(place) => of(place, ""),
            Named::Filter(place) => of(place, "Filter"),
            Named::OrderBy(place) => of(place, "OrderBy"),
            Named::Direction(place) => of(place, "OrderDirection"),
            Named::Input(place) => of(place, "Input"),
            Named::Column(place) => of(place, "Column"),
            Named::OnConflict(place) => of(place, "OnConflict"),
            Named::ConflictAction => "ConflictAction".to_owned(),
            Named::Connection(place) => of(place, "Connection"),
            Named::Edge(place) => of(place, "Edge"),
            Named::PageInfo => "PageInfo".to_owned(),
            Named::Aggregate(place) => of(place, "Aggregate"),
            Named::Numbers(place) => of(place, "Numbers"),
            Named::Bounds(place) => of(place, "Bounds"),
            Named::Query => "Query".to_owned(),
            Named::Mutation => "Mutation".to_owned(),
            Named::Meta(meta) => meta.name().to_owned(),
        }
    }

    /// A type as a message writes it.
    pub(super) fn written(self, ty: TypeRef) -> String {
        ty.written(&self.name_of(ty.named))
    }

    /// The field of that name. `__typename` is one of every object.
    pub(super) fn field(self, on: Named, name: &str) -> Option<Field<'s>> {
        if name == "__typename" && on.is_object() {
            return Some(TYPENAME);
        }
        match on {
            Named::Query => match name {
                "__schema" => Some(SCHEMA),
                "__type" => Some(TYPE),
                "_health" => Some(HEALTH),
                _ => self.schema.queries.find(name).map(root_field),
            },
            Named::Mutation => self.schema.mutations.find(name).map(root_field),
            Named::Row(place) => self.entity(place)?.field(name).map(member_field),
            Named::Meta(meta) => meta::field_of(meta, name),
            other => {
                let mut parts = self.parts(other).into_iter();
                parts.find(|field| field.name == name)
            }
        }
    }

    /// The fields introspection shows.
    pub(super) fn fields(self, on: Named) -> Vec<Field<'s>> {
        match on {
            Named::Query => {
                let roots = self.schema.queries.fields.iter().map(root_field);
                std::iter::once(HEALTH).chain(roots).collect()
            }
            Named::Mutation => self
                .schema
                .mutations
                .fields
                .iter()
                .map(root_field)
                .collect(),
            Named::Row(place) => self
                .entity(place)
                .map(|entity| {
                    entity
                        .readable()
                        .map(|(_, own)| member_field(own))
                        .collect()
                })
                .unwrap_or_default(),
            Named::Meta(meta) => meta::fields(meta).to_vec(),
            other => self.parts(other),
        }
    }

    /// Whether there is anything to change.
    pub(super) fn has_mutations(self) -> bool {
        !self.schema.mutations.fields.is_empty()
    }

    /// The values of an enum.
    pub(super) fn values(self, named: Named) -> Vec<&'s str> {
        match named {
            Named::Enum(place) => {
                let labels = self
                    .schema
                    .enums
                    .get(place)
                    .map(|found| found.labels.iter());
                labels.into_iter().flatten().map(AsRef::as_ref).collect()
            }
            Named::Direction(_) => DIRECTIONS.iter().map(|(name, ..)| *name).collect(),
            Named::Column(place) => self
                .entity(place)
                .map(|entity| {
                    let columns = entity.readable();
                    columns
                        .filter(|(_, field)| is_column_value(field))
                        .map(|(_, field)| field.name.as_str())
                        .collect()
                })
                .unwrap_or_default(),
            Named::ConflictAction => vec!["UPDATE", "IGNORE"],
            Named::Meta(meta) => meta::values(meta).to_vec(),
            _ => Vec::new(),
        }
    }

    /// Whether it is among the values of an enum.
    pub(super) fn has_value(self, named: Named, value: &str) -> bool {
        match named {
            Named::Enum(place) => {
                let found = self.schema.enums.get(place);
                found.is_some_and(|found| found.labels.iter().any(|label| **label == *value))
            }
            Named::Direction(_) => DIRECTIONS.iter().any(|(name, ..)| *name == value),
            Named::Column(place) => {
                let field = self.entity(place).and_then(|entity| entity.field(value));
                field.is_some_and(is_column_value)
            }
            other => self.values(other).contains(&value),
        }
    }

    /// Whether introspection shows a type. GraphQL has none without fields, so those that would have none are not there.
    pub(super) fn is_shown(self, named: Named) -> bool {
        match named {
            Named::Mutation => self.has_mutations(),
            Named::Input(place) => self.is_writable(place),
            Named::OrderBy(place) | Named::Direction(place) => self.is_orderable(place),
            Named::Column(place) | Named::OnConflict(place) => self.has_key(place),
            Named::Connection(place) | Named::Edge(place) | Named::Aggregate(place) => {
                self.has_pages(place)
            }
            Named::Numbers(place) | Named::Bounds(place) => {
                self.has_pages(place) && !self.parts(named).is_empty()
            }
            _ => true,
        }
    }

    /// The types a slip of the pen may have meant: those of rows.
    pub(super) fn type_names(self) -> impl Iterator<Item = &'s str> {
        let entities = self.schema.entities.iter();
        entities
            .filter(|entity| entity.is_there())
            .map(|entity| entity.name.as_ref())
    }

    /// All types, in an order that only the database can change.
    pub(super) fn all_types(self) -> Vec<Named> {
        let mut all: Vec<(String, Named)> = self
            .schema
            .types
            .values()
            .filter(|named| self.is_shown(**named))
            .map(|named| (self.name_of(*named), *named))
            .collect();
        all.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        all.into_iter().map(|(_, named)| named).collect()
    }
}

const TYPENAME: Field<'static> = Field {
    name: "__typename",
    ty: TypeRef {
        named: Named::Scalar(Scalar::String),
        lists: 0,
        non_null: 1,
    },
    what: What::Typename,
};
const HEALTH: Field<'static> = Field {
    name: "_health",
    what: What::Health,
    ..TYPENAME
};
const SCHEMA: Field<'static> = Field {
    name: "__schema",
    ty: TypeRef {
        named: Named::Meta(Meta::Schema),
        lists: 0,
        non_null: 1,
    },
    what: What::Introspection,
};
const TYPE: Field<'static> = Field {
    name: "__type",
    ty: TypeRef {
        named: Named::Meta(Meta::Type),
        lists: 0,
        non_null: 0,
    },
    what: What::Introspection,
};

/// Whether a field is a value of the enum of its table's columns. Three words are values of another kind.
fn is_column_value(field: &EntityField) -> bool {
    matches!(field.source, Source::Column(_))
        && !matches!(field.name.as_str(), "true" | "false" | "null")
}

fn root_field(root: &Root) -> Field<'_> {
    Field {
        name: root.name.as_str(),
        ty: root.ty,
        what: What::Root(root),
    }
}

fn member_field(field: &EntityField) -> Field<'_> {
    Field {
        name: field.name.as_str(),
        ty: field.ty,
        what: What::Member(field),
    }
}
