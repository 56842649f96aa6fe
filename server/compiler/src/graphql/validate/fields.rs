//! Rules about fields, their arguments and directives.

use std::collections::{HashMap, HashSet};

use super::Found;
use super::facts::{ArgumentsFact, Facts, Of};
use crate::graphql::coerce::suggestion;
use crate::graphql::error::{Problem, shown};
use crate::graphql::schema::directive;

pub(super) fn scalar_leafs(facts: &Facts<'_, '_>, found: &mut Found) {
    for fact in &facts.fields {
        let Some(field) = fact.found else { continue };
        let (name, ty) = (shown(fact.field.name.text), facts.world.written(field.ty));
        let message = match (field.ty.named.is_object(), fact.field.selections.is_empty()) {
            (true, true) => format!(
                "Field \"{name}\" of type \"{ty}\" must have a selection of subfields. Did you mean \"{name} {{ ... }}\"?"
            ),
            (false, false) => format!(
                "Field \"{name}\" must not have a selection since type \"{ty}\" has no subfields."
            ),
            _ => continue,
        };
        found.push(Problem::invalid(message, fact.field.at));
    }
}

pub(super) fn fields_on_correct_type(facts: &Facts<'_, '_>, found: &mut Found) {
    for fact in &facts.fields {
        let (Some(on), None) = (fact.on, fact.found) else {
            continue;
        };
        // A type that has no fields at all is reported as such.
        if !on.is_object() {
            continue;
        }
        let name = fact.field.name;
        let mut message = format!(
            "Cannot query field \"{}\" on type \"{}\".",
            shown(name.text),
            facts.world.name_of(on)
        );
        if found.may_suggest() {
            let known = facts.world.fields(on);
            message.push_str(&suggestion(name.text, known.iter().map(|field| field.name)));
        }
        found.push(Problem::invalid(message, fact.field.at));
    }
}

pub(super) fn known_directives(facts: &Facts<'_, '_>, found: &mut Found) {
    for (location, all) in &facts.directives {
        for one in *all {
            let name = shown(one.name.text);
            let message = match directive(one.name.text) {
                None => format!("Unknown directive \"@{name}\"."),
                Some((locations, _)) if !locations.contains(location) => {
                    format!("Directive \"@{name}\" may not be used on {location}.")
                }
                Some(_) => continue,
            };
            found.push(Problem::invalid(message, one.at));
        }
    }
}

pub(super) fn unique_directives_per_location(facts: &Facts<'_, '_>, found: &mut Found) {
    for (_, all) in &facts.directives {
        let mut seen = HashMap::new();
        for one in *all {
            if let Some(first) = seen.insert(one.name.text, one.at) {
                let message = format!(
                    "The directive \"@{}\" can only be used once at this location.",
                    shown(one.name.text)
                );
                found.push(Problem::invalid(message, first).and(one.at));
            }
        }
    }
}

/// As messages name what arguments belong to.
fn subject(facts: &Facts<'_, '_>, fact: &ArgumentsFact<'_, '_>) -> String {
    match fact.of {
        Of::Directive(one) => format!("directive \"@{}\"", shown(one.name.text)),
        Of::Field(field, on) => {
            let on = on.map_or_else(String::new, |on| facts.world.name_of(on));
            format!("field \"{on}.{}\"", shown(field.name.text))
        }
    }
}

pub(super) fn known_argument_names(facts: &Facts<'_, '_>, found: &mut Found) {
    for fact in &facts.arguments {
        let Some(inputs) = &fact.inputs else { continue };
        for argument in fact.given {
            if inputs.iter().any(|input| input.name == argument.name.text) {
                continue;
            }
            let mut message = format!(
                "Unknown argument \"{}\" on {}.",
                shown(argument.name.text),
                subject(facts, fact)
            );
            if found.may_suggest() {
                let known = inputs.iter().map(|input| input.name.as_ref());
                message.push_str(&suggestion(argument.name.text, known));
            }
            found.push(Problem::invalid(message, argument.name.at));
        }
    }
}

pub(super) fn unique_argument_names(facts: &Facts<'_, '_>, found: &mut Found) {
    for fact in &facts.arguments {
        let mut seen = HashMap::new();
        for argument in fact.given {
            if let Some(first) = seen.insert(argument.name.text, argument.name.at) {
                let message = format!(
                    "There can be only one argument named \"{}\".",
                    shown(argument.name.text)
                );
                found.push(Problem::invalid(message, first).and(argument.name.at));
            }
        }
    }
}

pub(super) fn provided_required_arguments(facts: &Facts<'_, '_>, found: &mut Found) {
    for fact in &facts.arguments {
        let given: HashSet<&str> = fact.given.iter().map(|one| one.name.text).collect();
        for input in fact.inputs.iter().flatten() {
            if input.ty.is_required()
                && input.default.is_none()
                && !given.contains(input.name.as_ref())
            {
                let mut subject = subject(facts, fact);
                if let Some(first) = subject.get_mut(..1) {
                    first.make_ascii_uppercase();
                }
                let message = format!(
                    "{subject} argument \"{}\" of type \"{}\" is required, but it was not provided.",
                    input.name,
                    facts.world.written(input.ty)
                );
                found.push(Problem::invalid(message, fact.at));
            }
        }
    }
}
