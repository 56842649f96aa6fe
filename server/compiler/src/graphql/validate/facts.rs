//! A document laid out flat, each part with the type it stands in.

use std::collections::{HashMap, HashSet};

use crate::graphql::document::{
    Argument, Directive, Document, Field, Kind, Name, Operation, Pos, Selection, Spread, Value,
    What,
};
use crate::graphql::schema::{self, Input, World, directive};
use crate::graphql::types::{Named, TypeRef};

/// The definition something stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    Operation(usize),
    Fragment(usize),
}

pub(super) struct Facts<'c, 'd> {
    pub(super) document: &'c Document<'d>,
    pub(super) world: World<'c>,
    pub(super) fields: Vec<FieldFact<'c, 'd>>,
    pub(super) spreads: Vec<SpreadFact<'c, 'd>>,
    /// Types that fragments are on.
    pub(super) conditions: Vec<Condition<'d>>,
    /// Directives that stand together, with where that is.
    pub(super) directives: Vec<(&'static str, &'c [Directive<'d>])>,
    /// Arguments that stand together.
    pub(super) arguments: Vec<ArgumentsFact<'c, 'd>>,
    /// Places where variables stand.
    pub(super) usages: Vec<Usage<'d>>,
    /// For each operation the fragments it reaches.
    pub(super) reached: Vec<HashSet<usize>>,
}

pub(super) struct FieldFact<'c, 'd> {
    pub(super) field: &'c Field<'d>,
    /// The type it is of, if that is known.
    pub(super) on: Option<Named>,
    pub(super) found: Option<schema::Field<'c>>,
}

pub(super) struct Condition<'d> {
    pub(super) name: Name<'d>,
    /// The type around an inline fragment.
    pub(super) on: Option<Named>,
    pub(super) at: Pos,
}

pub(super) struct SpreadFact<'c, 'd> {
    pub(super) spread: &'c Spread<'d>,
    pub(super) on: Option<Named>,
    pub(super) owner: Owner,
}

pub(super) struct ArgumentsFact<'c, 'd> {
    /// As messages name it: `Query.posts` or `@include`.
    pub(super) of: Of<'c, 'd>,
    pub(super) at: Pos,
    pub(super) given: &'c [Argument<'d>],
    /// What it takes; `None` when nobody knows what it is.
    pub(super) inputs: Option<Vec<Input<'c>>>,
}

/// What arguments belong to.
#[derive(Clone, Copy)]
pub(super) enum Of<'c, 'd> {
    Field(&'c Field<'d>, Option<Named>),
    Directive(&'c Directive<'d>),
}

pub(super) struct Usage<'d> {
    pub(super) owner: Owner,
    pub(super) name: &'d str,
    pub(super) at: Pos,
    /// What is wanted there, if that is known.
    pub(super) wanted: Option<TypeRef>,
    /// Whether something stands in for a value that is absent.
    pub(super) default: bool,
}

impl<'c, 'd> Facts<'c, 'd> {
    pub(super) fn of(document: &'c Document<'d>, world: World<'c>) -> Self {
        let mut facts = Facts {
            document,
            world,
            fields: Vec::new(),
            spreads: Vec::new(),
            conditions: Vec::new(),
            directives: Vec::new(),
            arguments: Vec::new(),
            usages: Vec::new(),
            reached: Vec::new(),
        };
        for (place, operation) in document.operations.iter().enumerate() {
            facts.operation(Owner::Operation(place), operation);
        }
        for (place, fragment) in document.fragments.iter().enumerate() {
            let owner = Owner::Fragment(place);
            facts.conditions.push(Condition {
                name: fragment.on,
                on: None,
                at: fragment.on.at,
            });
            facts.directives(owner, "FRAGMENT_DEFINITION", &fragment.directives);
            let on = world.named(fragment.on.text);
            facts.set(owner, &fragment.selections, on);
        }
        facts.reach();
        facts
    }

    fn operation(&mut self, owner: Owner, operation: &'c Operation<'d>) {
        let (location, on) = match operation.kind {
            Kind::Query => ("QUERY", Some(Named::Query)),
            Kind::Mutation => (
                "MUTATION",
                self.world.has_mutations().then_some(Named::Mutation),
            ),
            Kind::Subscription => ("SUBSCRIPTION", None),
        };
        self.directives(owner, location, &operation.directives);
        for variable in &operation.variables {
            self.directives(owner, "VARIABLE_DEFINITION", &variable.directives);
        }
        self.set(owner, &operation.selections, on);
    }

    fn set(&mut self, owner: Owner, set: &'c [Selection<'d>], on: Option<Named>) {
        for selection in set {
            match selection {
                Selection::Field(field) => {
                    let found = on.and_then(|on| self.world.field(on, field.name.text));
                    self.fields.push(FieldFact { field, on, found });
                    let inputs = found.map(|found| self.world.arguments(&found));
                    self.arguments(
                        owner,
                        Of::Field(field, on),
                        field.name.at,
                        &field.arguments,
                        inputs,
                    );
                    self.directives(owner, "FIELD", &field.directives);
                    self.set(owner, &field.selections, found.map(|found| found.ty.named));
                }
                Selection::Inline(inline) => {
                    self.directives(owner, "INLINE_FRAGMENT", &inline.directives);
                    let inner = match inline.on {
                        Some(name) => {
                            self.conditions.push(Condition {
                                name,
                                on,
                                at: inline.at,
                            });
                            self.world.named(name.text)
                        }
                        None => on,
                    };
                    self.set(owner, &inline.selections, inner);
                }
                Selection::Spread(spread) => {
                    self.directives(owner, "FRAGMENT_SPREAD", &spread.directives);
                    self.spreads.push(SpreadFact { spread, on, owner });
                }
            }
        }
    }

    fn directives(&mut self, owner: Owner, location: &'static str, all: &'c [Directive<'d>]) {
        if all.is_empty() {
            return;
        }
        self.directives.push((location, all));
        for one in all {
            let inputs = directive(one.name.text).map(|(_, inputs)| inputs);
            self.arguments(owner, Of::Directive(one), one.at, &one.arguments, inputs);
        }
    }

    fn arguments(
        &mut self,
        owner: Owner,
        of: Of<'c, 'd>,
        at: Pos,
        given: &'c [Argument<'d>],
        inputs: Option<Vec<Input<'c>>>,
    ) {
        for argument in given {
            let input = inputs
                .iter()
                .flatten()
                .find(|input| input.name == argument.name.text);
            let (wanted, default) = match input {
                Some(input) => (Some(input.ty), input.default.is_some()),
                None => (None, false),
            };
            self.usages(owner, &argument.value, wanted, default);
        }
        let needs_any = inputs.iter().flatten().any(|input| input.ty.is_required());
        if !given.is_empty() || needs_any {
            self.arguments.push(ArgumentsFact {
                of,
                at,
                given,
                inputs,
            });
        }
    }

    fn usages(&mut self, owner: Owner, value: &Value<'d>, wanted: Option<TypeRef>, default: bool) {
        match &value.what {
            What::Variable(name) => self.usages.push(Usage {
                owner,
                name,
                at: value.at,
                wanted,
                default,
            }),
            What::List(items) => {
                for item in items {
                    self.usages(owner, item, wanted.and_then(TypeRef::item), false);
                }
            }
            What::Object(fields) => {
                // One object may stand for a list of one.
                let named = wanted.map(|wanted| wanted.named);
                for field in fields {
                    let input =
                        named.and_then(|named| self.world.input_field(named, field.name.text));
                    let wanted = input.map(|input| input.ty);
                    let default = input.is_some_and(|input| input.has_default);
                    self.usages(owner, &field.value, wanted, default);
                }
            }
            _ => {}
        }
    }

    fn reach(&mut self) {
        let mut below: HashMap<Owner, Vec<usize>> = HashMap::new();
        for fact in &self.spreads {
            if let Some(place) = self.document.by_name.get(fact.spread.name.text) {
                below.entry(fact.owner).or_default().push(*place);
            }
        }
        let of = |operation: usize| {
            let mut reached = HashSet::new();
            let mut owners = vec![Owner::Operation(operation)];
            while let Some(owner) = owners.pop() {
                let fragments = below.get(&owner).into_iter().flatten().copied();
                owners.extend(
                    fragments
                        .filter(|place| reached.insert(*place))
                        .map(Owner::Fragment),
                );
            }
            reached
        };
        self.reached = (0..self.document.operations.len()).map(of).collect();
    }
}
