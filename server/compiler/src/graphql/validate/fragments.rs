//! Rules about fragments and the types they are on.

use std::collections::HashMap;

use super::Found;
use super::facts::Facts;
use crate::graphql::coerce::suggestion;
use crate::graphql::document::Name;
use crate::graphql::error::{Problem, shown};

pub(super) fn known_type_names(facts: &Facts<'_, '_>, found: &mut Found) {
    let operations = facts.document.operations.iter();
    let variables = operations
        .flat_map(|operation| &operation.variables)
        .map(|variable| variable.ty.name);
    let conditions = facts.conditions.iter().map(|condition| condition.name);
    for name in variables.chain(conditions) {
        if facts.world.named(name.text).is_none() {
            let mut message = format!("Unknown type \"{}\".", shown(name.text));
            if found.may_suggest() {
                let all = facts.world.type_names();
                message.push_str(&suggestion(name.text, all));
            }
            found.push(Problem::invalid(message, name.at));
        }
    }
}

pub(super) fn fragments_on_composite_types(facts: &Facts<'_, '_>, found: &mut Found) {
    for name in facts.conditions.iter().map(|condition| condition.name) {
        if facts
            .world
            .named(name.text)
            .is_some_and(|named| !named.is_object())
        {
            let message = format!(
                "Fragment cannot condition on non composite type \"{}\".",
                shown(name.text)
            );
            found.push(Problem::invalid(message, name.at));
        }
    }
}

pub(super) fn unique_fragment_names(facts: &Facts<'_, '_>, found: &mut Found) {
    let mut seen = HashMap::new();
    for Name { text, at } in facts
        .document
        .fragments
        .iter()
        .map(|fragment| fragment.name)
    {
        if let Some(first) = seen.insert(text, at) {
            let message = format!("There can be only one fragment named \"{}\".", shown(text));
            found.push(Problem::invalid(message, first).and(at));
        }
    }
}

pub(super) fn known_fragment_names(facts: &Facts<'_, '_>, found: &mut Found) {
    for fact in &facts.spreads {
        let name = fact.spread.name;
        if facts.document.fragment(name.text).is_none() {
            let message = format!("Unknown fragment \"{}\".", shown(name.text));
            found.push(Problem::invalid(message, name.at));
        }
    }
}

pub(super) fn no_unused_fragments(facts: &Facts<'_, '_>, found: &mut Found) {
    let reached = |place: usize| facts.reached.iter().any(|all| all.contains(&place));
    for (place, fragment) in facts.document.fragments.iter().enumerate() {
        // A second one of its name has been reported for that.
        let first = facts.document.by_name.get(fragment.name.text) == Some(&place);
        if first && !reached(place) {
            let message = format!("Fragment \"{}\" is never used.", shown(fragment.name.text));
            found.push(Problem::invalid(message, fragment.name.at));
        }
    }
}

/// There are neither interfaces nor unions: a fragment fits its own type.
pub(super) fn possible_fragment_spreads(facts: &Facts<'_, '_>, found: &mut Found) {
    let world = facts.world;
    let spreads = facts.spreads.iter().filter_map(|fact| {
        let fragment = facts.document.fragment(fact.spread.name.text)?;
        let subject = format!("Fragment \"{}\"", shown(fragment.name.text));
        Some((subject, fragment.on, fact.on, fact.spread.at))
    });
    let inline = facts.conditions.iter().map(|condition| {
        let subject = "Fragment".to_owned();
        (subject, condition.name, condition.on, condition.at)
    });
    for (subject, name, on, at) in spreads.chain(inline) {
        let (Some(on), Some(inner)) = (on, world.named(name.text)) else {
            continue;
        };
        if on != inner && on.is_object() && inner.is_object() {
            let message = format!(
                "{subject} cannot be spread here as objects of type \"{}\" can never be of type \"{}\".",
                world.name_of(on),
                shown(name.text)
            );
            found.push(Problem::invalid(message, at));
        }
    }
}
