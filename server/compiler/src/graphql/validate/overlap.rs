//! Fields of one key must be the same field with the same arguments, since only one of them can be answered.
//!
//! Every pair in a set need not be compared: to be the same is transitive, so each is held against the first of its key,
//! and the sets below all of them are merged and looked at once. What remains is one visit of each field with its
//! fragments expanded, of which the limits allow a few thousand.

use std::collections::{HashMap, HashSet};

use super::Found;
use super::facts::Facts;
use crate::graphql::document::{Argument, Document, Field, Selection, Value, What};
use crate::graphql::error::{Problem, shown};

pub(super) fn overlapping_fields_can_be_merged(facts: &Facts<'_, '_>, found: &mut Found) {
    for operation in &facts.document.operations {
        merge(facts.document, &[&operation.selections], found);
    }
}

fn merge<'c, 'd>(document: &'c Document<'d>, sets: &[&'c [Selection<'d>]], found: &mut Found) {
    let mut groups = Groups::default();
    for set in sets {
        groups.expand(document, set);
    }
    for fields in groups.fields {
        let Some((first, others)) = fields.split_first() else {
            continue;
        };
        let conflict = others
            .iter()
            .find_map(|other| Some((*other, conflict(first, other)?)));
        if let Some((other, reason)) = conflict {
            let message = format!(
                "Fields \"{}\" conflict because {reason}. Use different aliases on the fields to fetch both if this was intentional.",
                shown(first.key())
            );
            found.push(Problem::invalid(message, first.at).and(other.at));
            continue;
        }
        let below: Vec<&[Selection<'_>]> = fields
            .iter()
            .map(|field| field.selections.as_slice())
            .filter(|set| !set.is_empty())
            .collect();
        if !below.is_empty() {
            merge(document, &below, found);
        }
    }
}

fn conflict(one: &Field<'_>, other: &Field<'_>) -> Option<String> {
    if one.name.text != other.name.text {
        return Some(format!(
            "\"{}\" and \"{}\" are different fields",
            shown(one.name.text),
            shown(other.name.text)
        ));
    }
    let differ = !same_arguments(&one.arguments, &other.arguments);
    differ.then(|| "they have differing arguments".to_owned())
}

/// In whatever order.
fn same_arguments(one: &[Argument<'_>], other: &[Argument<'_>]) -> bool {
    one.len() == other.len()
        && one.iter().all(|argument| {
            let mut others = other.iter();
            others
                .find(|candidate| candidate.name.text == argument.name.text)
                .is_some_and(|candidate| same(&argument.value, &candidate.value))
        })
}

fn same(one: &Value<'_>, other: &Value<'_>) -> bool {
    match (&one.what, &other.what) {
        (What::Variable(one), What::Variable(other))
        | (What::Int(one), What::Int(other))
        | (What::Float(one), What::Float(other))
        | (What::Enum(one), What::Enum(other)) => one == other,
        (What::String(one), What::String(other)) => one == other,
        (What::Boolean(one), What::Boolean(other)) => one == other,
        (What::Null, What::Null) => true,
        (What::List(one), What::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (What::Object(one), What::Object(other)) => same_arguments(one, other),
        _ => false,
    }
}

/// Fields by their key, in the order in which the keys first stand.
#[derive(Default)]
struct Groups<'c, 'd> {
    fields: Vec<Vec<&'c Field<'d>>>,
    places: HashMap<&'d str, usize>,
    spread: HashSet<&'d str>,
}

impl<'c, 'd> Groups<'c, 'd> {
    fn expand(&mut self, document: &'c Document<'d>, set: &'c [Selection<'d>]) {
        for selection in set {
            match selection {
                Selection::Field(field) => {
                    let place = *self.places.entry(field.key()).or_insert(self.fields.len());
                    match self.fields.get_mut(place) {
                        Some(group) => group.push(field),
                        None => self.fields.push(vec![field]),
                    }
                }
                Selection::Inline(inline) => self.expand(document, &inline.selections),
                Selection::Spread(spread) => {
                    if self.spread.insert(spread.name.text)
                        && let Some(fragment) = document.fragment(spread.name.text)
                    {
                        self.expand(document, &fragment.selections);
                    }
                }
            }
        }
    }
}
