//! Rules about operations and their variables.

use std::collections::{HashMap, HashSet};

use super::Found;
use super::facts::{Facts, Owner, Usage};
use crate::graphql::coerce::declared_type;
use crate::graphql::document::{Kind, Operation, What};
use crate::graphql::error::{Problem, shown};

pub(super) fn executable_definitions(facts: &Facts<'_, '_>, found: &mut Found) {
    for at in &facts.document.not_executable {
        found.push(Problem::invalid(
            "A definition of a type is not executable.",
            *at,
        ));
    }
}

pub(super) fn unique_operation_names(facts: &Facts<'_, '_>, found: &mut Found) {
    let mut seen = HashMap::new();
    for name in facts
        .document
        .operations
        .iter()
        .filter_map(|operation| operation.name)
    {
        if let Some(first) = seen.insert(name.text, name.at) {
            let message = format!(
                "There can be only one operation named \"{}\".",
                shown(name.text)
            );
            found.push(Problem::invalid(message, first).and(name.at));
        }
    }
}

pub(super) fn lone_anonymous_operation(facts: &Facts<'_, '_>, found: &mut Found) {
    let all = &facts.document.operations;
    for operation in all
        .iter()
        .filter(|operation| operation.name.is_none() && all.len() > 1)
    {
        let message = "This anonymous operation must be the only defined operation.";
        found.push(Problem::invalid(message, operation.at));
    }
}

/// Whether the schema has this kind of operation.
pub(super) fn operation_types(facts: &Facts<'_, '_>, found: &mut Found) {
    for operation in &facts.document.operations {
        let kind = match operation.kind {
            Kind::Subscription => "subscription",
            Kind::Mutation if !facts.world.has_mutations() => "mutation",
            Kind::Mutation | Kind::Query => continue,
        };
        let message = format!("Schema is not configured to execute {kind} operation.");
        found.push(Problem::invalid(message, operation.at));
    }
}

pub(super) fn variables_are_input_types(facts: &Facts<'_, '_>, found: &mut Found) {
    let operations = facts.document.operations.iter();
    for variable in operations.flat_map(|operation| &operation.variables) {
        if let Some(ty) = declared_type(facts.world, variable)
            && !ty.named.is_input()
        {
            let message = format!(
                "Variable \"${}\" cannot be non-input type \"{}\".",
                shown(variable.name.text),
                facts.world.written(ty)
            );
            found.push(Problem::invalid(message, variable.ty.name.at));
        }
    }
}

pub(super) fn unique_variable_names(facts: &Facts<'_, '_>, found: &mut Found) {
    for operation in &facts.document.operations {
        let mut seen = HashMap::new();
        for name in operation.variables.iter().map(|variable| variable.name) {
            if let Some(first) = seen.insert(name.text, name.at) {
                let message = format!(
                    "There can be only one variable named \"${}\".",
                    shown(name.text)
                );
                found.push(Problem::invalid(message, first).and(name.at));
            }
        }
    }
}

/// Where the operation uses variables, in its own fields and in fragments.
fn used<'f, 'd>(facts: &'f Facts<'_, 'd>, place: usize) -> impl Iterator<Item = &'f Usage<'d>> {
    let fragments = facts.reached.get(place);
    facts.usages.iter().filter(move |usage| match usage.owner {
        Owner::Operation(own) => own == place,
        Owner::Fragment(fragment) => fragments.is_some_and(|all| all.contains(&fragment)),
    })
}

fn called(operation: &Operation<'_>) -> String {
    operation.name.map_or_else(String::new, |name| {
        format!(" by operation \"{}\"", shown(name.text))
    })
}

pub(super) fn no_undefined_variables(facts: &Facts<'_, '_>, found: &mut Found) {
    for (place, operation) in facts.document.operations.iter().enumerate() {
        let declared: HashSet<&str> = operation
            .variables
            .iter()
            .map(|one| one.name.text)
            .collect();
        for usage in used(facts, place).filter(|usage| !declared.contains(usage.name)) {
            let message = format!(
                "Variable \"${}\" is not defined{}.",
                shown(usage.name),
                called(operation)
            );
            found.push(Problem::invalid(message, usage.at).and(operation.at));
        }
    }
}

pub(super) fn no_unused_variables(facts: &Facts<'_, '_>, found: &mut Found) {
    for (place, operation) in facts.document.operations.iter().enumerate() {
        let used: HashSet<&str> = used(facts, place).map(|usage| usage.name).collect();
        for variable in operation
            .variables
            .iter()
            .filter(|one| !used.contains(one.name.text))
        {
            let inside = operation.name.map_or_else(String::new, |name| {
                format!(" in operation \"{}\"", shown(name.text))
            });
            let message = format!(
                "Variable \"${}\" is never used{inside}.",
                shown(variable.name.text)
            );
            found.push(Problem::invalid(message, variable.name.at));
        }
    }
}

pub(super) fn variables_in_allowed_position(facts: &Facts<'_, '_>, found: &mut Found) {
    for (place, operation) in facts.document.operations.iter().enumerate() {
        let declared: HashMap<&str, _> = operation
            .variables
            .iter()
            .map(|one| (one.name.text, one))
            .collect();
        for usage in used(facts, place) {
            let (Some(variable), Some(wanted)) = (declared.get(usage.name), usage.wanted) else {
                continue;
            };
            // One of another kind has been reported for that.
            let ty = declared_type(facts.world, variable).filter(|ty| ty.named.is_input());
            let Some(ty) = ty else {
                continue;
            };
            // A default stands in for an absent value, though not for null.
            let own = variable
                .default
                .as_ref()
                .is_some_and(|value| !matches!(value.what, What::Null));
            let wanted_here = if own || usage.default {
                wanted.nullable()
            } else {
                wanted
            };
            if !ty.fits(wanted_here) {
                let message = format!(
                    "Variable \"${}\" of type \"{}\" used in position expecting type \"{}\".",
                    shown(usage.name),
                    facts.world.written(ty),
                    facts.world.written(wanted)
                );
                found.push(Problem::invalid(message, variable.name.at).and(usage.at));
            }
        }
    }
}
