//! The rules of the specification (October 2021, section 5), one function each.
//!
//! The document is walked once, and what the rules need is written down flat ([`Facts`]); a rule is a loop over it. The
//! limits have been held before, so that no rule meets a fragment within itself or more fields than anybody may ask for.

mod facts;
mod fields;
mod fragments;
mod operations;
mod overlap;
mod values;

use super::document::Document;
use super::error::{Code, Problem};
use super::schema::{self, What, World};
use facts::Facts;

/// A rule, and where it writes what it finds.
type Rule = fn(&Facts<'_, '_>, &mut Found);

/// In the order in which their findings are reported.
const RULES: [Rule; 24] = [
    operations::executable_definitions,
    operations::unique_operation_names,
    operations::lone_anonymous_operation,
    operations::operation_types,
    fragments::known_type_names,
    fragments::fragments_on_composite_types,
    operations::variables_are_input_types,
    fields::scalar_leafs,
    fields::fields_on_correct_type,
    fragments::unique_fragment_names,
    fragments::known_fragment_names,
    fragments::no_unused_fragments,
    fragments::possible_fragment_spreads,
    operations::unique_variable_names,
    operations::no_undefined_variables,
    operations::no_unused_variables,
    fields::known_directives,
    fields::unique_directives_per_location,
    fields::known_argument_names,
    fields::unique_argument_names,
    values::values_of_correct_type,
    fields::provided_required_arguments,
    operations::variables_in_allowed_position,
    overlap::overlapping_fields_can_be_merged,
];

/// What the rules have found.
struct Found {
    problems: Vec<Problem>,
    suggest: bool,
}

impl Found {
    /// Findings reported at most: a document can be wrong in thousands of places.
    const MAX: usize = 20;
    /// Findings that may look for names that are meant: each looks at all there are.
    const SUGGESTIONS: usize = 3;

    fn push(&mut self, problem: Problem) {
        if self.problems.len() < Self::MAX {
            self.problems.push(problem);
        }
    }

    /// Whether names nobody asked for may be told.
    fn may_suggest(&self) -> bool {
        self.suggest && self.problems.len() < Self::SUGGESTIONS
    }
}

/// Holds a document against the schema.
pub(super) fn validate(document: &Document<'_>, world: World<'_>) -> Result<(), Vec<Problem>> {
    let facts = Facts::of(document, world);
    let mut found = Found {
        problems: Vec::new(),
        suggest: world.options.introspection,
    };
    if !world.options.introspection {
        introspection_disabled(&facts, &mut found);
    }
    if found.problems.is_empty() {
        for rule in RULES {
            rule(&facts, &mut found);
        }
    }
    match found.problems.is_empty() {
        true => Ok(()),
        false => Err(found.problems),
    }
}

/// Reported alone: what else is wrong would tell of the schema.
fn introspection_disabled(facts: &Facts<'_, '_>, found: &mut Found) {
    for fact in &facts.fields {
        let begins = |field: &schema::Field<'_>| matches!(field.what, What::Introspection);
        if fact.found.as_ref().is_some_and(begins) {
            found.push(Problem::new(
                Code::IntrospectionDisabled,
                "GraphQL introspection is disabled: __schema and __type are not answered",
                fact.field.at,
            ));
        }
    }
}
