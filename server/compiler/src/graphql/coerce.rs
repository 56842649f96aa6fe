//! Values of a document and of variables → values of a type: one reading for validation and for compiling, so that what
//! passes the one cannot surprise the other.

mod literal;
mod scalar;
mod variable;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;

use super::document::Pos;
use super::error::{Code, Problem, shown};
use super::schema::{Input, InputUse, World};
use super::types::{Named, TypeRef};
use crate::ask::Datum;
use crate::json::write_string;
pub(super) use literal::Literals;
pub(super) use variable::{Raw, declared_type, given, variables};

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

/// The variables of an operation; absent ones are not in it. Their names are the caller's, so they are kept in an order: no
/// hash is quick that nobody can find collisions of.
#[derive(Debug, Default)]
pub(super) struct Variables<'a> {
    values: BTreeMap<&'a str, Given<'a>>,
    /// What has been handed out, in bytes or nearly so.
    spent: Cell<usize>,
}

impl<'a> Variables<'a> {
    /// A variable may stand in any number of places, and what is made of it there is as large: a large one in many places
    /// would be many times as large as the request.
    const MAX_SPENT: usize = 8 << 20;

    /// The value of one.
    fn take(&self, name: &str, at: Pos) -> Result<Option<&Given<'a>>, Problem> {
        let Some(value) = self.values.get(name) else {
            return Ok(None);
        };
        self.spent
            .set(self.spent.get().saturating_add(value.weight()));
        if self.spent.get() > Self::MAX_SPENT {
            let message = "the variables are too large for the places they stand in";
            return Err(Problem::new(Code::ComplexityLimit, message, at));
        }
        Ok(Some(value))
    }
}

impl<'a> Given<'a> {
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
    pub(super) fn text(&self) -> Cow<'a, str> {
        match self {
            Given::Null => Cow::Borrowed("NULL"),
            Given::Boolean(value) => Cow::Borrowed(boolean(*value)),
            Given::Number(text) | Given::Text(text) | Given::Name(text) | Given::Json(text) => {
                text.clone()
            }
            Given::List(items) => {
                let items = items.iter().map(|item| match item {
                    Given::Null => "NULL".to_owned(),
                    other => quoted(&other.text()),
                });
                Cow::Owned(format!("{{{}}}", items.collect::<Vec<_>>().join(",")))
            }
            Given::Object(_) => Cow::Borrowed(""),
        }
    }

    /// Writes it as JSON.
    pub(super) fn write_json(&self, into: &mut String) {
        match self {
            Given::Null => into.push_str("null"),
            Given::Boolean(value) => into.push_str(boolean(*value)),
            Given::Number(text) | Given::Json(text) => into.push_str(text),
            Given::Text(text) | Given::Name(text) => write_string(into, text),
            Given::List(items) => {
                into.push('[');
                for (place, item) in items.iter().enumerate() {
                    into.push_str(if place > 0 { "," } else { "" });
                    item.write_json(into);
                }
                into.push(']');
            }
            Given::Object(_) => into.push_str("{}"),
        }
    }

    /// As a value of a row.
    pub(super) fn datum(&self) -> Datum<'a> {
        match self {
            Given::Text(text) | Given::Name(text) => Datum::String(text.clone()),
            Given::Number(text) | Given::Json(text) => Datum::Json(text.clone()),
            Given::Boolean(value) => Datum::Json(Cow::Borrowed(boolean(*value))),
            Given::Null => Datum::Json(Cow::Borrowed("null")),
            Given::List(_) | Given::Object(_) => {
                let mut text = String::new();
                self.write_json(&mut text);
                Datum::Json(Cow::Owned(text))
            }
        }
    }
}

fn boolean(value: bool) -> &'static str {
    if value { "true" } else { "false" }
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

fn missing(world: World<'_>, of: Named, field: &str, ty: TypeRef, at: Pos) -> Problem {
    let message = format!(
        "Field \"{}.{field}\" of required type \"{}\" was not provided.",
        world.name_of(of),
        world.written(ty)
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
