//! Fields of the query and of the mutation.

use std::collections::{HashMap, HashSet};

use super::{Builder, Shown};
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
            granted: function.may(self.role),
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

    /// Tables, functions, views: what a view is called it takes away from nobody.
    pub(super) fn queries(&self, entities: &[Entity], called: &[Called]) -> Roots {
        let mut roots = Roots::default();
        let mut taken = HashSet::from(["_health".into()]);
        self.reads(entities, false, &mut roots, &mut taken);
        self.calls(called, true, &mut roots, &mut taken);
        self.reads(entities, true, &mut roots, &mut taken);
        roots
    }

    /// Lists first: what one row is called gives way to them. One of a view never has the plain name, which the next view
    /// may want for its list.
    fn reads(
        &self,
        entities: &[Entity],
        views: bool,
        roots: &mut Roots,
        taken: &mut HashSet<Box<str>>,
    ) {
        let all = || self.named(entities, views);
        let mut lists = Vec::new();
        for (place, _, table) in all() {
            let name = names::free(table.many.clone(), taken);
            lists.push(name.clone());
            roots.add(
                table.relation.name.reworded(|_| name),
                Act::Collection,
                place,
            );
        }
        let keyed = || {
            let named = all().zip(&lists);
            named.filter(|((_, entity, _), _)| !entity.key.is_empty())
        };
        for ((place, _, table), list) in keyed() {
            let plain = singular(list).filter(|one| !views && !taken.contains(one.as_str()));
            let wanted = plain.unwrap_or_else(|| format!("{list}ByPk"));
            let name = names::free(wanted, taken);
            roots.add(table.relation.name.reworded(|_| name), Act::ByKey, place);
        }
        for ((place, _, table), list) in keyed() {
            let name = names::free(format!("{list}Connection"), taken);
            roots.add(
                table.relation.name.reworded(|_| name),
                Act::Connection,
                place,
            );
        }
    }

    /// The tables or the views, with their places.
    fn named<'a>(
        &'a self,
        entities: &'a [Entity],
        views: bool,
    ) -> impl Iterator<Item = (usize, &'a Entity, &'a Shown<'a>)> {
        let all = entities.iter().zip(&self.shown).enumerate();
        all.filter(move |(_, (_, table))| table.relation.is_view() == views)
            .map(|(place, (entity, table))| (place, entity, table))
    }

    /// In the order of [`Self::queries`].
    pub(super) fn mutations(&self, entities: &[Entity], called: &[Called]) -> Roots {
        let mut roots = Roots::default();
        let mut taken = HashSet::new();
        let singulars = self.writes(entities, false, &mut roots, &mut taken);
        self.calls(called, false, &mut roots, &mut taken);
        roots.understand(singulars, &mut taken);
        self.writes(entities, true, &mut roots, &mut taken);
        roots
    }

    /// Returns the singulars of tables, with their places.
    fn writes(
        &self,
        entities: &[Entity],
        views: bool,
        roots: &mut Roots,
        taken: &mut HashSet<Box<str>>,
    ) -> Vec<(String, usize)> {
        let mut also = Vec::new();
        for (place, entity, table) in self.named(entities, views) {
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
                let name = names::free(format!("{verb}{}", table.name), taken);
                if let Some(one) = singular(&table.name).filter(|_| !views) {
                    also.push((format!("{verb}{one}"), roots.fields.len()));
                }
                roots.add(relation.name.reworded(|_| name), act, place);
            }
        }
        also
    }
}

impl Roots {
    /// The singular is understood too, where it is nothing else and means one table only. It is taken then: a view of
    /// that name would else be written to by those who meant the table.
    fn understand(&mut self, singulars: Vec<(String, usize)>, taken: &mut HashSet<Box<str>>) {
        let mut count: HashMap<String, usize> = HashMap::new();
        for (name, _) in &singulars {
            *count.entry(name.clone()).or_default() += 1;
        }
        for (name, place) in singulars {
            if count.get(&name) == Some(&1) && taken.insert(name.as_str().into()) {
                self.also.insert(name.into(), place);
            }
        }
    }

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
