//! The directives there are.

use super::inputs::{Input, InputUse, input};
use crate::graphql::types::{Named, Scalar};

/// Directives with where they may stand and what they take.
pub(in crate::graphql) fn directive(
    name: &str,
) -> Option<(&'static [&'static str], Vec<Input<'static>>)> {
    const FIELDS: &[&str] = &["FIELD", "FRAGMENT_SPREAD", "INLINE_FRAGMENT"];
    let boolean = Named::Scalar(Scalar::Boolean).one().required();
    match name {
        "include" | "skip" => Some((FIELDS, vec![input("if", boolean, InputUse::Other)])),
        "deprecated" => {
            let mut reason = input(
                "reason",
                Named::Scalar(Scalar::String).one(),
                InputUse::Other,
            );
            reason.default = Some("\"No longer supported\"");
            Some((
                &[
                    "FIELD_DEFINITION",
                    "ARGUMENT_DEFINITION",
                    "INPUT_FIELD_DEFINITION",
                    "ENUM_VALUE",
                ],
                vec![reason],
            ))
        }
        "specifiedBy" => {
            let url = Named::Scalar(Scalar::String).one().required();
            Some((&["SCALAR"], vec![input("url", url, InputUse::Other)]))
        }
        _ => None,
    }
}

/// The directives there are.
pub(in crate::graphql) const DIRECTIVES: [&str; 4] =
    ["include", "skip", "deprecated", "specifiedBy"];
