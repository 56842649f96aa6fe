//! Fields of the query and of the mutation.

use std::collections::{HashMap, HashSet};

use super::Builder;
use crate::catalog::{Column, Function, Name, Returns};
use crate::graphql::names::{self, camel, singular};
use crate::graphql::schema::functions::{self, Called, CalledArgument};
use crate::graphql::schema::{Act, Entity, EntityField, Root, Roots, Source};
use crate::graphql::types::{Named, Scalar};

impl Builder<'_, '_> {
    pub(super) fn functions(&mut self) -> Vec<Called> {
        let all = functions::callable(self.catalog.all_functions());
        let called = all.filter_map(|function| self.function(function));
        called.collect()
    }

    fn function(&mut self, function: &Function) -> Option<Called> {
        let comment = names::comment(function.comment.as_deref());
        let schema = function.schema.as_str();
        if comment.hide || !self.options.schemas.iter().any(|shown| shown == schema) {
            return None;
        }
        let (ty, cast, entity) = match &function.returns {
            Returns::Relation(id) => {
                let entity = *self.by_relation.get(id)?;
                (Named::Row(entity).one(), None, Some(entity))
            }
            Returns::Scalar { data_type, class } => {
                let shape = self.shape(data_type, *class);
                (shape.ty, shape.cast, None)
            }
            // Of nothing there is nothing to show; a query that does nothing is no query.
            Returns::Void if !functions::reads(function) => {
                (Named::Scalar(Scalar::Boolean).one(), None, None)
            }
            Returns::Void | Returns::Row(_) | Returns::Record => return None,
        };
        let rows = function.set && entity.is_some();
        let mut taken = if rows {
            functions::names_of_pages()
        } else {
            HashSet::new()
        };
        let arguments = function.arguments.iter().map(|argument| {
            let own = argument.name.clone()?;
            let shape = self.shape(&argument.data_type, argument.class);
            let wanted = camel(own.as_str());
            Some(CalledArgument {
                name: own.reworded(|_| names::free(wanted, &mut taken)),
                own,
                ty: match functions::is_required(argument) {
                    true => shape.ty.required(),
                    false => shape.ty,
                },
            })
        });
        let arguments = arguments.collect::<Option<_>>()?;
        let wanted = comment.name.unwrap_or_else(|| {
            let first = self.options.schemas.first().map(String::as_str) == Some(schema);
            match first {
                true => camel(function.name.as_str()),
                false => camel(&format!("{schema}_{}", function.name.as_str())),
            }
        });
        Some(Called {
            schema: function.schema.clone(),
            name: function.name.clone(),
            field: wanted,
            description: comment.text,
            arguments,
            ty: match (function.set, entity) {
                (true, Some(_)) => ty.required().list().required(),
                (true, None) => ty.list().required(),
                (false, _) => ty,
            },
            cast,
            entity,
            reads: functions::reads(function),
        })
    }

    fn calls(
        &self,
        called: &[Called],
        reads: bool,
        roots: &mut Roots,
        taken: &mut HashSet<Box<str>>,
    ) {
        for (place, one) in called.iter().enumerate() {
            if one.reads == reads {
                let name = names::free(one.field.clone(), taken);
                roots
                    .by_name
                    .insert(name.as_str().into(), roots.fields.len());
                roots.fields.push(Root {
                    name: one.name.reworded(|_| name),
                    act: Act::Call(place),
                    entity: one.entity.unwrap_or(usize::MAX),
                    ty: one.ty,
                });
            }
        }
    }

    /// Lists first: what one row is called gives way to them.
    pub(super) fn queries(&self, entities: &[Entity], called: &[Called]) -> Roots {
        let mut roots = Roots::default();
        let mut taken = HashSet::from(["_health".into()]);
        let all = || entities.iter().zip(&self.shown).enumerate();
        let mut lists = Vec::new();
        for (place, (_, table)) in all() {
            let name = names::free(table.many.clone(), &mut taken);
            lists.push(name.clone());
            roots.add(
                table.relation.name.reworded(|_| name),
                Act::Collection,
                place,
            );
        }
        for ((place, (entity, table)), list) in all().zip(&lists) {
            if entity.key.is_empty() {
                continue;
            }
            let wanted = singular(list).filter(|one| !taken.contains(one.as_str()));
            let wanted = wanted.unwrap_or_else(|| format!("{list}ByPk"));
            let name = names::free(wanted, &mut taken);
            roots.add(table.relation.name.reworded(|_| name), Act::ByKey, place);
        }
        for ((place, (entity, table)), list) in all().zip(&lists) {
            if entity.key.is_empty() {
                continue;
            }
            let name = names::free(format!("{list}Connection"), &mut taken);
            roots.add(
                table.relation.name.reworded(|_| name),
                Act::Connection,
                place,
            );
        }
        self.calls(called, true, &mut roots, &mut taken);
        roots
    }

    pub(super) fn mutations(&self, entities: &[Entity], called: &[Called]) -> Roots {
        let mut roots = Roots::default();
        let mut taken = HashSet::new();
        let mut also: Vec<(String, usize)> = Vec::new();
        for (place, (entity, table)) in entities.iter().zip(&self.shown).enumerate() {
            let relation = table.relation;
            let keyed = !entity.key.is_empty();
            let given = |field: &EntityField| match field.source {
                Source::Column(position) => {
                    relation.columns.get(position).is_some_and(Column::writable)
                }
                Source::Computed(_) | Source::Way(_) => false,
            };
            let writable = entity.fields.iter().any(given);
            for (verb, act, there) in [
                ("insert", Act::Insert, relation.insertable && writable),
                (
                    "insertMany",
                    Act::InsertMany,
                    relation.insertable && writable,
                ),
                (
                    "update",
                    Act::Update,
                    relation.updatable && writable && keyed,
                ),
                (
                    "updateMany",
                    Act::UpdateMany,
                    relation.updatable && writable,
                ),
                ("delete", Act::Delete, relation.deletable && keyed),
                ("deleteMany", Act::DeleteMany, relation.deletable),
            ] {
                if !there {
                    continue;
                }
                let name = names::free(format!("{verb}{}", table.name), &mut taken);
                if let Some(one) = singular(&table.name) {
                    also.push((format!("{verb}{one}"), roots.fields.len()));
                }
                roots.add(relation.name.reworded(|_| name), act, place);
            }
        }
        self.calls(called, false, &mut roots, &mut taken);
        // The singular is understood too, where it is nothing else and means one table only.
        let mut count: HashMap<&str, usize> = HashMap::new();
        for (name, _) in &also {
            *count.entry(name).or_default() += 1;
        }
        for (name, place) in &also {
            if !taken.contains(name.as_str()) && count.get(name.as_str()) == Some(&1) {
                roots.also.insert(name.as_str().into(), *place);
            }
        }
        roots
    }
}

impl Roots {
    fn add(&mut self, name: Name, act: Act, entity: usize) {
        self.by_name.insert(name.as_str().into(), self.fields.len());
        let ty = act.gives(entity);
        self.fields.push(Root {
            name,
            act,
            entity,
            ty,
        });
    }
}
