//! What of a schema a role has: what it was granted nothing on is not there for it, neither in introspection nor in
//! messages. The rights themselves are judged by PostgreSQL when a statement runs; here they only describe.

use std::collections::HashSet;

use super::{Act, Entity, EntityField, Roots, Schema, Source};
use crate::catalog::{
    Catalog, Column, Columns, Privilege, Relation, Relationship, RelationshipKind, Role,
};
use crate::graphql::types::Named;

/// Whether the role may read every column, as it must where a function is given the whole row.
pub(super) fn all_readable(relation: &Relation, role: Role) -> bool {
    let mut columns = relation.columns.iter();
    columns.all(|column| column.may(role, Privilege::Select))
}

/// Whether the role may give the column a value in any way the relation takes one.
pub(super) fn writable(relation: &Relation, column: &Column, role: Role) -> bool {
    column.writable()
        && (relation.insertable && column.may(role, Privilege::Insert)
            || relation.updatable && column.may(role, Privilege::Update))
}

/// Whether the role may read the columns by which a way goes. That there is something at its end, is another question.
pub(super) fn passable(catalog: &Catalog, from: &Relation, way: &Relationship, role: Role) -> bool {
    let reads = |relation: Option<&Relation>, position: usize| {
        let column = relation.and_then(|relation| relation.columns.get(position));
        column.is_some_and(|column| column.may(role, Privilege::Select))
    };
    let joined = |near: Option<&Relation>, far: Option<&Relation>, pairs: &Columns| {
        let mut pairs = pairs.iter();
        pairs.all(|(one, other)| reads(near, *one) && reads(far, *other))
    };
    let to = catalog.get(way.to);
    match &way.kind {
        RelationshipKind::ToOne { columns } | RelationshipKind::ToMany { columns, .. } => {
            joined(Some(from), to, columns)
        }
        RelationshipKind::Through {
            junction,
            near_columns,
            far_columns,
            ..
        } => {
            let junction = catalog.get(*junction);
            joined(Some(from), junction, near_columns) && joined(junction, to, far_columns)
        }
        RelationshipKind::Computed { function, .. } => {
            let function = catalog.function(*function);
            all_readable(from, role) && function.is_some_and(|function| function.may(role))
        }
    }
}

impl Entity {
    /// GraphQL has no type without fields: a table nothing of which can be read is not there.
    pub(in crate::graphql) fn is_there(&self) -> bool {
        let mut own = self.readable();
        own.any(|(_, field)| matches!(field.source, Source::Column(_)))
    }

    /// Leaves out what the role has no use for. Places of fields change.
    fn trim(&mut self, there: &[bool]) {
        let key = self.key.iter().map(|place| {
            let field = self.fields.get(*place)?;
            field.readable.then_some(field.source)
        });
        let key: Option<Vec<Source>> = key.collect();
        self.fields.retain_mut(|field| {
            if let (Source::Way(_), Named::Row(to)) = (field.source, field.ty.named) {
                field.readable &= there.get(to) == Some(&true);
            }
            field.readable || field.writable
        });
        self.by_name = self
            .fields
            .iter()
            .enumerate()
            .map(|(place, field)| (field.name.as_str().into(), place))
            .collect();
        let place = |source| self.fields.iter().position(|field| field.source == source);
        let key: Option<Vec<usize>> = key.unwrap_or_default().into_iter().map(place).collect();
        self.key = key.unwrap_or_default();
    }
}

/// Takes away what the role was granted nothing on.
pub(super) fn keep(schema: &mut Schema, catalog: &Catalog, role: Role) {
    let there: Vec<bool> = schema.entities.iter().map(Entity::is_there).collect();
    for (entity, there_itself) in schema.entities.iter_mut().zip(&there) {
        match there_itself {
            true => entity.trim(&there),
            false => {
                entity.fields.clear();
                entity.by_name.clear();
                entity.key.clear();
            }
        }
    }
    let is_there = |place: usize| there.get(place) == Some(&true);
    let Schema {
        entities,
        functions,
        queries,
        mutations,
        ..
    } = schema;
    let may = |act: Act, place: usize| {
        let Some(entity) = entities.get(place) else {
            return false;
        };
        let Some(relation) = catalog.get(entity.relation) else {
            return false;
        };
        let gives = |privilege| {
            let takes = |field: &EntityField| {
                let Source::Column(position) = field.source else {
                    return false;
                };
                let column = relation.columns.get(position);
                field.writable && column.is_some_and(|column| column.may(role, privilege))
            };
            entity.fields.iter().any(takes)
        };
        let keyed = !entity.key.is_empty();
        is_there(place)
            && match act {
                Act::Collection => true,
                Act::Connection | Act::ByKey => keyed,
                Act::Insert | Act::InsertMany => gives(Privilege::Insert),
                Act::Update => keyed && gives(Privilege::Update),
                Act::UpdateMany => gives(Privilege::Update),
                Act::Delete => keyed && relation.may(role, Privilege::Delete),
                Act::DeleteMany => relation.may(role, Privilege::Delete),
                Act::Call(_) => false,
            }
    };
    let called = |place: usize| {
        let found = functions.get(place);
        found.is_some_and(|found| found.granted && found.entity.is_none_or(is_there))
    };
    for roots in [queries, mutations] {
        roots.keep(|act, entity| match act {
            Act::Call(place) => called(place),
            act => may(act, entity),
        });
    }
    types(schema, &there);
}

impl Roots {
    fn keep(&mut self, stays: impl Fn(Act, usize) -> bool) {
        let mut places = Vec::with_capacity(self.fields.len());
        let mut kept = 0;
        for root in &self.fields {
            let stay = stays(root.act, root.entity);
            places.push(stay.then_some(kept));
            kept += usize::from(stay);
        }
        let mut place = places.iter();
        self.fields
            .retain(|_| place.next().is_some_and(Option::is_some));
        for names in [&mut self.by_name, &mut self.also] {
            names.retain(|_, place| match places.get(*place) {
                Some(Some(now)) => {
                    *place = *now;
                    true
                }
                _ => false,
            });
        }
    }
}

/// Of the types, those of tables that are there, and the enums that something there has.
fn types(schema: &mut Schema, there: &[bool]) {
    let members = schema.entities.iter().flat_map(|entity| &entity.fields);
    let roots = schema.queries.fields.iter().chain(&schema.mutations.fields);
    let calls = roots.clone().filter_map(|root| match root.act {
        Act::Call(place) => schema.functions.get(place),
        _ => None,
    });
    let arguments = calls.flat_map(|called| &called.arguments);
    let used: HashSet<Named> = members
        .map(|member| member.ty.named)
        .chain(roots.map(|root| root.ty.named))
        .chain(arguments.map(|argument| argument.ty.named))
        .collect();
    schema.types.retain(|_, named| match named.table() {
        Some(place) => there.get(place) == Some(&true),
        None => !matches!(named, Named::Enum(_)) || used.contains(named),
    });
}
