//! Fields → what is read: fragments spread, directives obeyed, fields of one key merged.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::arguments;
use super::coerce::{Given, Literals, Variables};
use super::document::{Directive, Document, Field, Pos, Selection};
use super::error::{Code, Problem};
use super::schema::{self, Entity, Source, What, World};
use super::types::{Named, TypeRef};
use crate::ask::{self, Filter, Key, Read, Related, Rows, Select};
use crate::catalog::RelationshipKind;

/// An operation that has passed validation, under way to questions.
pub(super) struct Operation<'c, 'd> {
    pub(super) world: World<'c>,
    pub(super) document: &'c Document<'d>,
    pub(super) variables: &'c Variables<'c>,
    /// Conditions and keys of an order so far.
    pub(super) terms: Cell<usize>,
}

/// Fields of one response key: they are the same field, and what is selected in any of them is selected.
pub(super) struct Merged<'c, 'd> {
    pub(super) key: &'d str,
    /// The first of them: they agree in name and arguments.
    pub(super) field: &'c Field<'d>,
    /// The others.
    more: Vec<&'c Field<'d>>,
}

/// Sets of fields that are selected together.
#[derive(Clone, Copy)]
pub(super) struct Sets<'s, 'c, 'd> {
    first: &'c [Selection<'d>],
    more: &'s [&'c Field<'d>],
}

impl<'c, 'd> Merged<'c, 'd> {
    pub(super) fn sets(&self) -> Sets<'_, 'c, 'd> {
        Sets {
            first: &self.field.selections,
            more: &self.more,
        }
    }
}

impl<'c, 'd> Sets<'_, 'c, 'd> {
    pub(super) fn one(set: &'c [Selection<'d>]) -> Self {
        Sets {
            first: set,
            more: &[],
        }
    }
}

impl<'c, 'd> Operation<'c, 'd> {
    /// Conditions and keys of all filters and orders. Each is a piece of SQL and may be a parameter, of which PostgreSQL
    /// takes 65,535; variables bring any number of them past the limits of the document.
    const MAX_TERMS: usize = 2_000;

    /// Counts one more.
    pub(super) fn term(&self, at: Pos) -> Result<(), Problem> {
        self.terms.set(self.terms.get() + 1);
        if self.terms.get() <= Self::MAX_TERMS {
            return Ok(());
        }
        let message = format!(
            "filters and orders hold more than {} terms",
            Self::MAX_TERMS
        );
        Err(Problem::new(Code::ComplexityLimit, message, at))
    }

    pub(super) fn literals(&self) -> Literals<'c, 'c> {
        Literals {
            world: self.world,
            variables: Some(self.variables),
            suggest: false,
        }
    }

    /// The fields of these sets on an object of type `on`, in the order in which their keys first stand.
    pub(super) fn collect(
        &self,
        sets: Sets<'_, 'c, 'd>,
        on: Named,
    ) -> Result<Vec<Merged<'c, 'd>>, Problem> {
        let mut collected = Collected::default();
        self.collect_set(sets.first, on, &mut collected)?;
        for field in sets.more {
            self.collect_set(&field.selections, on, &mut collected)?;
        }
        Ok(collected.merged)
    }

    fn collect_set(
        &self,
        set: &'c [Selection<'d>],
        on: Named,
        into: &mut Collected<'c, 'd>,
    ) -> Result<(), Problem> {
        for selection in set {
            match selection {
                Selection::Field(field) => {
                    if self.included(&field.directives)? {
                        into.add(field);
                    }
                }
                Selection::Inline(inline) => {
                    let applies = inline
                        .on
                        .is_none_or(|name| self.world.named(name.text) == Some(on));
                    if applies && self.included(&inline.directives)? {
                        self.collect_set(&inline.selections, on, into)?;
                    }
                }
                Selection::Spread(spread) => {
                    let name = spread.name.text;
                    // A directive may keep the first of two spreads away and let the second one in.
                    if !self.included(&spread.directives)? || !into.spread.insert(name) {
                        continue;
                    }
                    if let Some(fragment) = self.document.fragment(name)
                        && self.world.named(fragment.on.text) == Some(on)
                    {
                        self.collect_set(&fragment.selections, on, into)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// What `@skip` and `@include` say.
    fn included(&self, directives: &'c [Directive<'d>]) -> Result<bool, Problem> {
        for directive in directives {
            let wanted = match directive.name.text {
                "skip" => false,
                "include" => true,
                _ => continue,
            };
            for argument in &directive.arguments {
                let boolean = Named::Scalar(super::types::Scalar::Boolean)
                    .one()
                    .required();
                let given = self.literals().value(boolean, &argument.value)?;
                if given != Some(Given::Boolean(wanted)) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// What is selected of a table's rows.
    pub(super) fn select(
        &self,
        place: usize,
        sets: Sets<'_, 'c, 'd>,
    ) -> Result<Vec<Select<'c>>, Problem> {
        let on = Named::Row(place);
        let merged = self.collect(sets, on)?;
        let mut select = Vec::with_capacity(merged.len());
        for one in &merged {
            let Some(found) = self.world.field(on, one.field.name.text) else {
                continue;
            };
            match found.what {
                What::Typename => select.push(Select::Text {
                    name: self.key(one.key, &found),
                    text: Cow::Owned(self.world.name_of(on)),
                }),
                What::Member(member) => select.push(self.member(place, one, member, &found)?),
                _ => {}
            }
        }
        Ok(select)
    }

    fn member(
        &self,
        place: usize,
        merged: &Merged<'c, 'd>,
        member: &'c schema::EntityField,
        found: &schema::Field<'c>,
    ) -> Result<Select<'c>, Problem> {
        let name = self.key(merged.key, found);
        let TypeRef {
            named: Named::Row(to),
            lists,
            ..
        } = member.ty
        else {
            return Ok(Select::Field {
                rename: Some(name),
                field: self.column(place, member),
                cast: member.cast.map(Cow::Borrowed),
            });
        };
        let Source::Way(way) = member.source else {
            return Err(Problem::invalid("This field leads nowhere", Pos(0)));
        };
        let mut read = Read::of(self.select(to, merged.sets())?);
        if lists == 0 && self.is_computed(place, way) {
            read.rows = Rows::Where(Filter::Present);
        }
        if lists > 0 {
            let field = merged.field;
            let given = arguments::read(self, found, field)?;
            arguments::page(self, to, &given, &mut read, field.at)?;
        }
        Ok(Select::Related(Related { name, way, read }))
    }

    /// Whether a function leads there.
    fn is_computed(&self, place: usize, way: usize) -> bool {
        let entity = self.world.entity(place);
        let ways = entity.map(|entity| self.world.catalog.relationships(entity.relation));
        let way = ways.and_then(|ways| ways.get(way));
        way.is_some_and(|way| matches!(way.kind, RelationshipKind::Computed { .. }))
    }

    /// The key as the schema has it, or as the caller wants it.
    pub(super) fn key(&self, key: &'d str, found: &schema::Field<'c>) -> Key<'c> {
        match found.what {
            What::Typename if key == found.name => Key::Word("__typename"),
            What::Health if key == found.name => Key::Word("_health"),
            What::Root(root) if key == root.name.as_str() => Key::Held(&root.name),
            What::Member(member) if key == member.name.as_str() => Key::Held(&member.name),
            _ => Key::Given(Cow::Borrowed(key)),
        }
    }

    /// Where a field of a table stands.
    pub(super) fn column(&self, place: usize, member: &schema::EntityField) -> ask::Field<'c> {
        ask::Field {
            column: Cow::Borrowed(column_name(self.world, place, member)),
            path: Vec::new(),
            as_text: false,
        }
    }

    pub(super) fn table(&self, entity: &Entity) -> ask::TableName<'c> {
        let relation = self.world.catalog.get(entity.relation);
        ask::TableName {
            schema: relation.map(|relation| Cow::Borrowed(relation.schema.as_str())),
            name: Cow::Borrowed(relation.map_or("", |relation| relation.name.as_str())),
        }
    }
}

/// The column or function behind a field.
fn column_name<'c>(world: World<'c>, place: usize, member: &schema::EntityField) -> &'c str {
    let relation = world
        .entity(place)
        .and_then(|entity| world.relation(entity));
    let found = match member.source {
        Source::Column(position) => relation
            .and_then(|relation| relation.columns.get(position))
            .map(|column| column.name.as_str()),
        Source::Computed(id) => world
            .catalog
            .function(id)
            .map(|function| function.name.as_str()),
        Source::Way(_) => None,
    };
    found.unwrap_or_default()
}

/// The keys are the caller's, so they are kept in an order: no hash is quick that nobody can find collisions of.
#[derive(Default)]
struct Collected<'c, 'd> {
    merged: Vec<Merged<'c, 'd>>,
    places: BTreeMap<&'d str, usize>,
    spread: BTreeSet<&'d str>,
}

impl<'c, 'd> Collected<'c, 'd> {
    fn add(&mut self, field: &'c Field<'d>) {
        let key = field.key();
        let place = *self.places.entry(key).or_insert(self.merged.len());
        match self.merged.get_mut(place) {
            Some(merged) => merged.more.push(field),
            None => self.merged.push(Merged {
                key,
                field,
                more: Vec::new(),
            }),
        }
    }
}
