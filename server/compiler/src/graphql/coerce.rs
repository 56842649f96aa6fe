//! Values of a document and of variables → values of a type: one reading for validation and for compiling, so that what
//! passes the one cannot surprise the other.

mod literal;
mod scalar;
mod variable;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;

use super::document::Pos;
use super::error::{Code, Problem, shown};
use super::schema::{Input, InputUse, World};
use super::types::Named;
pub(super) use literal::Literals;
pub(super) use variable::{declared_type, given, variables};

/// A value that fits its type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given<'a> {
    Null,
    Boolean(bool),
    /// As JSON writes it.
    Number(Cow<'a, str>),
    Text(Cow<'a, str>),
    /// A value of an enum.
    Name(Cow<'a, str>),
    List(Vec<Given<'a>>),
    /// Fields that are given, in the order of the request.
    Object(Vec<(InputUse, Given<'a>)>),
    /// JSON as it stands.
    Json(Cow<'a, str>),
}

/// The variables of an operation; absent ones are not in it.
#[derive(Debug, Default)]
pub(super) struct Variables<'a> {
    values: HashMap<&'a str, Given<'a>>,
    /// What has been handed out, in bytes or nearly so.
    spent: Cell<usize>,
}

impl<'a> Variables<'a> {
    /// A variable may stand in any number of places, and each takes a copy: a large one in many places would be many
    /// times as large as the request.
    const MAX_SPENT: usize = 8 << 20;

    /// The value of one.
    fn take(&self, name: &str, at: Pos) -> Result<Option<Given<'a>>, Problem> {
        let Some(value) = self.values.get(name) else {
            return Ok(None);
        };
        self.spent
            .set(self.spent.get().saturating_add(value.weight()));
        if self.spent.get() > Self::MAX_SPENT {
            let message = "the variables are too large for the places they stand in";
            return Err(Problem::new(Code::ComplexityLimit, message, at));
        }
        Ok(Some(value.clone()))
    }
}

impl Given<'_> {
    /// About how many bytes it holds.
    fn weight(&self) -> usize {
        size_of::<Self>()
            + match self {
                Given::Null | Given::Boolean(_) => 0,
                Given::Number(text) | Given::Text(text) | Given::Name(text) | Given::Json(text) => {
                    text.len()
                }
                Given::List(items) => items.iter().map(Given::weight).sum(),
                Given::Object(fields) => fields.iter().map(|(_, value)| value.weight()).sum(),
            }
    }

    /// As PostgreSQL reads it from a text.
    pub(super) fn text(&self) -> String {
        match self {
            Given::Null => "NULL".to_owned(),
            Given::Boolean(value) => value.to_string(),
            Given::Number(text) | Given::Text(text) | Given::Name(text) | Given::Json(text) => {
                text.to_string()
            }
            Given::List(items) => {
                let items = items.iter().map(|item| match item {
                    Given::Null => "NULL".to_owned(),
                    other => quoted(&other.text()),
                });
                format!("{{{}}}", items.collect::<Vec<_>>().join(","))
            }
            Given::Object(_) => String::new(),
        }
    }

    /// As JSON.
    pub(super) fn json(&self) -> String {
        match self {
            Given::Null => "null".to_owned(),
            Given::Boolean(value) => value.to_string(),
            Given::Number(text) | Given::Json(text) => text.to_string(),
            Given::Text(text) | Given::Name(text) => {
                serde_json::Value::String(text.to_string()).to_string()
            }
            Given::List(items) => {
                let items: Vec<String> = items.iter().map(Given::json).collect();
                format!("[{}]", items.join(","))
            }
            Given::Object(_) => "{}".to_owned(),
        }
    }
}

/// An element of PostgreSQL's text of an array.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Fields of an input type that must be given: only tables' own types have any, and none of them does.
fn required<'w>(world: World<'w>, named: Named) -> Vec<Input<'w>> {
    match named {
        Named::Filter(_) | Named::OrderBy(_) | Named::Input(_) => Vec::new(),
        other => {
            let all = world.input_fields(other).into_iter();
            all.filter(|input| input.ty.is_required() && input.default.is_none())
                .collect()
        }
    }
}

fn missing(world: World<'_>, name: &str, input: &Input<'_>, at: Pos) -> Problem {
    let message = format!(
        "Field \"{name}.{}\" of required type \"{}\" was not provided.",
        input.name,
        world.written(input.ty)
    );
    Problem::invalid(message, at)
}

/// ` Did you mean "name"?`, or nothing.
pub(super) fn suggestion<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> String {
    const MAX_NAME_BYTES: usize = 63;
    if name.len() > MAX_NAME_BYTES {
        return String::new();
    }
    let allowed = 1 + name.len() / 4;
    let near = known
        .filter(|known| known.len().abs_diff(name.len()) <= allowed)
        .map(|known| (strsim::osa_distance(known, name), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min();
    near.map_or_else(String::new, |(_, known)| {
        format!(" Did you mean \"{known}\"?")
    })
}
