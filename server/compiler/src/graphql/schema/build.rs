//! [`Catalog`] → [`Schema`].

mod roots;

use std::collections::{HashMap, HashSet};

use super::{
    Entity, EntityField, EnumType, Operator, Schema, Source, granted, operators, relations,
};
use crate::catalog::{
    ByName, Catalog, Column, Privilege, Relation, RelationId, Relationship, Returns, Role,
    TypeClass, TypeName,
};
use crate::graphql::Options;
use crate::graphql::names::{self, Comment, camel, pascal, uncapitalised};
use crate::graphql::types::{Meta, Named, Scalar, TypeRef};

/// What stands behind the name, and the type of the table at that place.
type Member = (&'static str, fn(usize) -> Named);

/// What a table's types are called: its own name with each of these behind it.
const FAMILY: [Member; 12] = [
    ("", Named::Row),
    ("Filter", Named::Filter),
    ("OrderBy", Named::OrderBy),
    ("OrderDirection", Named::Direction),
    ("Input", Named::Input),
    ("Column", Named::Column),
    ("OnConflict", Named::OnConflict),
    ("Connection", Named::Connection),
    ("Edge", Named::Edge),
    ("Aggregate", Named::Aggregate),
    ("Numbers", Named::Numbers),
    ("Bounds", Named::Bounds),
];

/// A relation that is shown, by what it goes.
struct Shown<'c> {
    id: RelationId,
    relation: &'c Relation,
    comment: Comment,
    /// Of its rows' type.
    name: String,
    /// Of the list of its rows.
    many: String,
}

/// With all names, whatever the role may do; what it may is noted.
pub(super) fn build(catalog: &Catalog, options: &Options, role: Role) -> Schema {
    let mut types = own_types();
    let shown = tables(catalog, options, &mut types);
    let by_relation: HashMap<RelationId, usize> = shown
        .iter()
        .enumerate()
        .map(|(place, table)| (table.id, place))
        .collect();
    let mut builder = Builder {
        catalog,
        options,
        role,
        enums: Vec::new(),
        known_enums: HashMap::new(),
        types,
        shown,
        by_relation,
    };
    let entities: Vec<Entity> = (0..builder.shown.len())
        .filter_map(|place| builder.entity(place))
        .collect();
    let functions = builder.functions();
    let queries = builder.queries(&entities, &functions);
    let mutations = builder.mutations(&entities, &functions);
    Schema {
        generation: catalog.generation(),
        entities,
        enums: builder.enums,
        types: builder.types,
        functions,
        queries,
        mutations,
    }
}

fn own_types() -> ByName<Named> {
    let scalars = Scalar::ALL.map(|scalar| (scalar.name().into(), Named::Scalar(scalar)));
    let metas = Meta::ALL.map(|meta| (meta.name().into(), Named::Meta(meta)));
    let others = [
        ("Query".into(), Named::Query),
        ("Mutation".into(), Named::Mutation),
        ("ConflictAction".into(), Named::ConflictAction),
        ("PageInfo".into(), Named::PageInfo),
    ];
    scalars.into_iter().chain(metas).chain(others).collect()
}

/// Names the tables, and then the views, which take no name away from a table. A table one of whose types would have a
/// name that is taken gets a number behind its own, and so all of them do.
fn tables<'c>(
    catalog: &'c Catalog,
    options: &Options,
    types: &mut ByName<Named>,
) -> Vec<Shown<'c>> {
    let mut shown = Vec::new();
    let schemas = options.schemas.iter();
    let of_tables = schemas.clone().map(|schema| (schema, false));
    for (schema, views) in of_tables.chain(schemas.map(|schema| (schema, true))) {
        let inside = catalog
            .relations()
            .iter()
            .filter(|relation| relation.schema.as_str() == schema && relation.is_view() == views);
        for relation in inside {
            let comment = names::comment(relation.comment.as_deref());
            let id = catalog.relation_id(Some(schema), relation.name.as_str());
            let (Some(id), false) = (id, comment.hide) else {
                continue;
            };
            // GraphQL has no type without fields.
            let seen = |column: &Column| !names::comment(column.comment.as_deref()).hide;
            if !relation.columns.iter().any(seen) {
                continue;
            }
            let of_schema = options.schemas.first() != Some(schema);
            let prefixed = match of_schema {
                true => format!("{schema}_{}", relation.name.as_str()),
                false => relation.name.as_str().to_owned(),
            };
            let wanted = comment.name.clone().unwrap_or_else(|| pascal(&prefixed));
            let place = shown.len();
            let name = family(wanted, place, types);
            let many = match &comment.name {
                Some(own) => uncapitalised(own),
                None => camel(&prefixed),
            };
            shown.push(Shown {
                id,
                relation,
                comment,
                name,
                many,
            });
        }
    }
    shown
}

fn family(wanted: String, place: usize, types: &mut ByName<Named>) -> String {
    let mut name = wanted.clone();
    let mut number = 1_u32;
    let all = |name: &str| FAMILY.map(|(suffix, _)| format!("{name}{suffix}"));
    while name == "Subscription"
        || all(&name)
            .iter()
            .any(|one| types.contains_key(one.as_str()))
    {
        number += 1;
        name = names::numbered(&wanted, number);
    }
    for (suffix, named) in FAMILY {
        types.insert(format!("{name}{suffix}").into(), named(place));
    }
    name
}

/// What a type of PostgreSQL is in GraphQL.
struct Shape {
    ty: TypeRef,
    cast: Option<&'static str>,
    operators: &'static [Operator],
}

struct Builder<'c, 'o> {
    catalog: &'c Catalog,
    options: &'o Options,
    role: Role,
    enums: Vec<EnumType>,
    /// By schema and name of the type; `None` for one that has a label which is no name.
    known_enums: HashMap<(Box<str>, Box<str>), Option<usize>>,
    types: ByName<Named>,
    shown: Vec<Shown<'c>>,
    by_relation: HashMap<RelationId, usize>,
}

impl Builder<'_, '_> {
    fn entity(&mut self, place: usize) -> Option<Entity> {
        let catalog = self.catalog;
        let table = self.shown.get(place)?;
        let (id, relation) = (table.id, table.relation);
        let (name, description) = (table.name.clone(), table.comment.text.clone());
        let role = self.role;
        let all_readable = granted::all_readable(relation, role);
        let mut taken = HashSet::new();
        let mut fields = Vec::new();
        for (position, column) in relation.columns.iter().enumerate() {
            let comment = names::comment(column.comment.as_deref());
            if comment.hide {
                continue;
            }
            let shape = self.shape(&column.data_type, column.class);
            let wanted = comment.name.unwrap_or_else(|| camel(column.name.as_str()));
            fields.push(EntityField {
                name: column.name.reworded(|_| names::free(wanted, &mut taken)),
                description: comment.text,
                source: Source::Column(position),
                ty: match column.nullable {
                    true => shape.ty,
                    false => shape.ty.required(),
                },
                cast: shape.cast,
                operators: shape.operators,
                readable: column.may(role, Privilege::Select),
                writable: granted::writable(relation, column, role),
            });
        }
        let functions = relation.computed.iter();
        for (id, function) in functions.filter_map(|id| Some((*id, catalog.function(*id)?))) {
            let comment = names::comment(function.comment.as_deref());
            let Returns::Scalar { data_type, class } = &function.returns else {
                continue;
            };
            if comment.hide {
                continue;
            }
            let shape = self.shape(data_type, *class);
            let wanted = comment
                .name
                .unwrap_or_else(|| camel(function.name.as_str()));
            fields.push(EntityField {
                name: function.name.reworded(|_| names::free(wanted, &mut taken)),
                description: comment.text,
                source: Source::Computed(id),
                ty: shape.ty,
                cast: shape.cast,
                operators: shape.operators,
                // It is given the whole row.
                readable: all_readable && function.may(role),
                writable: false,
            });
        }
        self.ways(id, relation, &mut taken, &mut fields);
        let by_name = fields
            .iter()
            .enumerate()
            .map(|(at, field)| (field.name.as_str().into(), at))
            .collect();
        let of_column = |position: &usize| {
            fields
                .iter()
                .position(|field| field.source == Source::Column(*position))
        };
        let key: Option<Vec<usize>> = relation.primary_key.iter().map(of_column).collect();
        Some(Entity {
            relation: id,
            name: name.into(),
            description,
            key: key.unwrap_or_default(),
            fields,
            by_name,
            orderable: false,
        })
    }

    fn ways(
        &self,
        id: RelationId,
        relation: &Relation,
        taken: &mut HashSet<Box<str>>,
        fields: &mut Vec<EntityField>,
    ) {
        let catalog = self.catalog;
        let all = catalog.relationships(id).iter().enumerate();
        let (positions, ways): (Vec<usize>, Vec<&Relationship>) = all
            .filter(|(_, way)| self.by_relation.contains_key(&way.to))
            .unzip();
        let called = |id: RelationId| {
            let place = self.by_relation.get(&id);
            let table = place.and_then(|place| self.shown.get(*place));
            match table {
                Some(table) => table.many.clone(),
                // A junction that is hidden still tells two ways apart.
                None => catalog
                    .get(id)
                    .map_or_else(String::new, |table| camel(table.name.as_str())),
            }
        };
        let names = relations::names(catalog, relation, &ways, called, taken);
        for ((position, way), name) in positions.into_iter().zip(ways).zip(names) {
            let Some(to) = self.by_relation.get(&way.to) else {
                continue;
            };
            let row = Named::Row(*to).one();
            fields.push(EntityField {
                name: way.name.reworded(|_| name),
                description: None,
                source: Source::Way(position),
                ty: match way.is_to_one() {
                    true => row,
                    false => row.required().list().required(),
                },
                cast: None,
                operators: &[],
                readable: granted::passable(catalog, relation, way, self.role),
                writable: false,
            });
        }
    }

    fn shape(&mut self, data_type: &TypeName, class: TypeClass) -> Shape {
        let scalar = |scalar, cast, operators| Shape {
            ty: Named::Scalar(scalar).one(),
            cast,
            operators,
        };
        if let Some(element) = self.catalog.element_type(data_type).cloned() {
            // What arrays of arrays hold, PostgreSQL does not tell: a list of lists is JSON like any other.
            let inner = self.shape(&element, TypeClass::Other);
            return Shape {
                ty: inner.ty.list(),
                cast: inner.cast.map(|_| "text[]"),
                operators: match inner.ty.named {
                    Named::Scalar(Scalar::Json) => operators::NO_ORDER,
                    _ => operators::ARRAYS,
                },
            };
        }
        let Some(base) = self.catalog.base_type(data_type) else {
            // Rows, which only a column of a relation's type has.
            return scalar(Scalar::Json, None, operators::NO_ORDER);
        };
        match base {
            "int2" | "int4" => scalar(Scalar::Int, None, operators::ORDERED),
            "int8" => scalar(Scalar::BigInt, Some("text"), operators::ORDERED),
            "float4" | "float8" | "numeric" => scalar(Scalar::Float, None, operators::ORDERED),
            "bool" => scalar(Scalar::Boolean, None, operators::BOOLEANS),
            "uuid" => scalar(Scalar::Uuid, None, operators::EQUAL),
            "timestamptz" | "timestamp" | "date" | "time" | "timetz" => {
                scalar(Scalar::DateTime, None, operators::ORDERED)
            }
            "jsonb" => scalar(Scalar::Json, None, operators::JSONB),
            "json" => scalar(Scalar::Json, None, operators::NO_ORDER),
            "text" | "varchar" | "bpchar" | "name" => scalar(Scalar::String, None, operators::TEXT),
            _ => match self.enumeration(data_type) {
                Some(place) => Shape {
                    ty: Named::Enum(place).one(),
                    cast: None,
                    operators: operators::EQUAL,
                },
                None if class == TypeClass::Text => scalar(Scalar::String, None, operators::TEXT),
                // A number or an object in JSON would not be the string that is promised.
                None => scalar(Scalar::String, Some("text"), operators::EQUAL),
            },
        }
    }

    /// An enum of the database is one here when each of its labels is a name.
    fn enumeration(&mut self, data_type: &TypeName) -> Option<usize> {
        let (schema, name) = (data_type.schema.as_str(), data_type.name.as_str());
        let key = (schema.into(), name.into());
        if let Some(known) = self.known_enums.get(&key) {
            return *known;
        }
        let labels = self.catalog.enum_labels(data_type);
        let fits =
            |label: &str| names::is_name(label) && !matches!(label, "true" | "false" | "null");
        let place = (!labels.is_empty() && labels.iter().all(|label| fits(label))).then(|| {
            let place = self.enums.len();
            let first = self.options.schemas.first().map(String::as_str);
            let wanted = match first == Some(schema) {
                true => pascal(name),
                false => pascal(&format!("{schema}_{name}")),
            };
            let (mut found, mut number) = (wanted.clone(), 1_u32);
            while self.types.contains_key(found.as_str()) {
                number += 1;
                found = names::numbered(&wanted, number);
            }
            self.types.insert(found.as_str().into(), Named::Enum(place));
            self.enums.push(EnumType {
                name: found.into(),
                labels: labels.to_vec(),
            });
            place
        });
        self.known_enums.insert(key, place);
        place
    }
}
