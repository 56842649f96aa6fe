//! Rules about values: read as they will be when the operation is compiled.

use super::Found;
use super::facts::Facts;
use crate::graphql::coerce::{Literals, declared_type};
use crate::graphql::document::{Value, What};
use crate::graphql::error::Problem;

/// Literals fit their types; what an object gives, it gives once.
pub(super) fn values_of_correct_type(facts: &Facts<'_, '_>, found: &mut Found) {
    let literals = |found: &Found| Literals {
        world: facts.world,
        variables: None,
        suggest: found.may_suggest(),
    };
    for fact in &facts.arguments {
        for argument in fact.given {
            let inputs = fact.inputs.iter().flatten();
            if let Some(input) = inputs
                .into_iter()
                .find(|input| input.name == argument.name.text)
                && let Err(problem) = literals(found).value(input.ty, &argument.value)
            {
                found.push(problem);
            }
        }
    }
    let operations = facts.document.operations.iter();
    for variable in operations.flat_map(|operation| &operation.variables) {
        let (Some(ty), Some(default)) = (declared_type(facts.world, variable), &variable.default)
        else {
            continue;
        };
        if holds_variable(default) {
            let message = "A default value cannot hold variables.";
            found.push(Problem::invalid(message, default.at));
        } else if ty.named.is_input()
            && let Err(problem) = literals(found).value(ty, default)
        {
            found.push(problem);
        }
    }
}

fn holds_variable(value: &Value<'_>) -> bool {
    match &value.what {
        What::Variable(_) => true,
        What::List(items) => items.iter().any(holds_variable),
        What::Object(fields) => fields.iter().any(|field| holds_variable(&field.value)),
        _ => false,
    }
}
