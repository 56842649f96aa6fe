//! Values of the document.

use std::borrow::Cow;

use super::{Given, Variables, missing, required, scalar, suggestion};
use crate::graphql::document::{Argument, Pos, Value, What};
use crate::graphql::error::{Problem, shown};
use crate::graphql::schema::World;
use crate::graphql::types::{Named, Scalar, TypeKind, TypeRef};
use crate::json::write_string;

/// Reads values of the document. Without variables (while the document is validated) each stands for a value that fits.
pub(in crate::graphql) struct Literals<'w, 'v> {
    pub(in crate::graphql) world: World<'w>,
    pub(in crate::graphql) variables: Option<&'v Variables<'v>>,
    /// Whether names nobody asked for may be told.
    pub(in crate::graphql) suggest: bool,
}

impl<'v> Literals<'_, 'v> {
    /// The value of an argument; that of a variable is not copied. `None`: a variable that is not given.
    pub(in crate::graphql) fn argument(
        &self,
        ty: TypeRef,
        value: &'v Value<'v>,
    ) -> Result<Option<Cow<'v, Given<'v>>>, Problem> {
        if let What::Variable(name) = value.what {
            return self.variable(ty, name, value.at);
        }
        Ok(self.value(ty, value)?.map(Cow::Owned))
    }

    fn variable(
        &self,
        ty: TypeRef,
        name: &str,
        at: Pos,
    ) -> Result<Option<Cow<'v, Given<'v>>>, Problem> {
        let Some(variables) = self.variables else {
            return Ok(Some(Cow::Owned(Given::Null)));
        };
        match variables.take(name, at)? {
            Some(Given::Null) if ty.is_required() => {
                let message = format!(
                    "Variable \"${}\" must not be null where \"{}\" is expected.",
                    shown(name),
                    self.world.written(ty)
                );
                Err(Problem::invalid(message, at))
            }
            given => Ok(given.map(Cow::Borrowed)),
        }
    }

    /// A copy of the value. `None`: a variable that is not given.
    pub(in crate::graphql) fn value(
        &self,
        ty: TypeRef,
        value: &'v Value<'v>,
    ) -> Result<Option<Given<'v>>, Problem> {
        if let What::Variable(name) = value.what {
            let given = self.variable(ty, name, value.at)?;
            return Ok(given.map(Cow::into_owned));
        }
        if let What::Null = value.what {
            if ty.is_required() {
                let message = format!(
                    "Expected value of type \"{}\", found null.",
                    self.world.written(ty)
                );
                return Err(Problem::invalid(message, value.at));
            }
            return Ok(Some(Given::Null));
        }
        if let Some(item) = ty.item() {
            let What::List(items) = &value.what else {
                let one = self.value(item, value)?;
                return Ok(one.map(|one| Given::List(vec![one])));
            };
            let items = items.iter().map(|one| {
                let given = self.value(item, one)?;
                match given {
                    None if item.is_required() => Err(Problem::invalid(
                        format!(
                            "Expected value of type \"{}\", found no value.",
                            self.world.written(item)
                        ),
                        one.at,
                    )),
                    given => Ok(given.unwrap_or(Given::Null)),
                }
            });
            return items
                .collect::<Result<_, _>>()
                .map(|items| Some(Given::List(items)));
        }
        match ty.named.kind() {
            TypeKind::Input => self.object(ty, value).map(Some),
            TypeKind::Enum => self.name(ty, value).map(Some),
            TypeKind::Scalar | TypeKind::Object => self.scalar(ty, value).map(Some),
        }
    }

    fn scalar(&self, ty: TypeRef, value: &'v Value<'v>) -> Result<Given<'v>, Problem> {
        let Named::Scalar(scalar) = ty.named else {
            return Err(self.unexpected(ty, value));
        };
        if scalar == Scalar::Json {
            let mut text = String::new();
            self.write_json(value, &mut text)?;
            return match text.contains("\\u0000") {
                true => Err(Problem::invalid(
                    "JSON cannot hold a NUL character",
                    value.at,
                )),
                false => Ok(Given::Json(Cow::Owned(text))),
            };
        }
        let found = match &value.what {
            What::Int(text) => scalar::number(scalar, Cow::Borrowed(text), true),
            What::Float(text) => scalar::number(scalar, Cow::Borrowed(text), false),
            What::String(text) => scalar::text(scalar, Cow::Borrowed(text)),
            What::Boolean(value) => scalar::boolean(scalar, *value),
            _ => Err(scalar::refusal(scalar, &self.print(value))),
        };
        found.map_err(|message| Problem::invalid(message, value.at))
    }

    fn name(&self, ty: TypeRef, value: &'v Value<'v>) -> Result<Given<'v>, Problem> {
        let What::Enum(given) = value.what else {
            let message = format!(
                "Enum \"{}\" cannot represent non-enum value: {}.",
                self.world.name_of(ty.named),
                shown(&self.print(value))
            );
            return Err(Problem::invalid(message, value.at));
        };
        if self.world.has_value(ty.named, given) {
            return Ok(Given::Name(Cow::Borrowed(given)));
        }
        let mut message = format!(
            "Value \"{}\" does not exist in \"{}\" enum.",
            shown(given),
            self.world.name_of(ty.named)
        );
        message.push_str(&self.hint(given, self.world.values(ty.named).into_iter()));
        Err(Problem::invalid(message, value.at))
    }

    fn object(&self, ty: TypeRef, value: &'v Value<'v>) -> Result<Given<'v>, Problem> {
        let What::Object(fields) = &value.what else {
            return Err(self.unexpected(ty, value));
        };
        let mut given = Vec::with_capacity(fields.len());
        for (place, field) in fields.iter().enumerate() {
            let Argument { name: key, value } = field;
            if fields
                .iter()
                .take(place)
                .any(|other| other.name.text == key.text)
            {
                let message = format!(
                    "There can be only one input field named \"{}\".",
                    shown(key.text)
                );
                return Err(Problem::invalid(message, key.at));
            }
            let Some(input) = self.world.input_field(ty.named, key.text) else {
                let known = self.suggest.then(|| self.world.input_fields(ty.named));
                let known = known.unwrap_or_default();
                let mut message = format!(
                    "Field \"{}\" is not defined by type \"{}\".",
                    shown(key.text),
                    self.world.name_of(ty.named)
                );
                message
                    .push_str(&self.hint(key.text, known.iter().map(|input| input.name.as_ref())));
                return Err(Problem::invalid(message, key.at));
            };
            match self.value(input.ty, value)? {
                Some(one) => given.push((input.used, one)),
                None if input.ty.is_required() => {
                    return Err(missing(self.world, ty.named, key.text, input.ty, value.at));
                }
                None => {}
            }
        }
        for input in required(self.world, ty.named) {
            if !fields.iter().any(|field| field.name.text == input.name) {
                let name = &input.name;
                return Err(missing(self.world, ty.named, name, input.ty, value.at));
            }
        }
        Ok(Given::Object(given))
    }

    fn unexpected(&self, ty: TypeRef, value: &Value<'_>) -> Problem {
        let message = format!(
            "Expected value of type \"{}\", found {}.",
            self.world.written(ty),
            shown(&self.print(value))
        );
        Problem::invalid(message, value.at)
    }

    fn hint<'n>(&self, name: &str, known: impl Iterator<Item = &'n str>) -> String {
        if self.suggest {
            suggestion(name, known)
        } else {
            String::new()
        }
    }

    /// A value as the document might write it.
    fn print(&self, value: &Value<'_>) -> String {
        match &value.what {
            What::Variable(name) => format!("${name}"),
            What::Enum(name) => (*name).to_owned(),
            What::List(_) => "a list".to_owned(),
            What::Object(_) => "an object".to_owned(),
            What::String(text) => crate::graphql::quoted(text),
            What::Int(number) | What::Float(number) => (*number).to_owned(),
            What::Boolean(value) => value.to_string(),
            What::Null => "null".to_owned(),
        }
    }

    /// A literal of any form as JSON; variables with what they hold.
    fn write_json(&self, value: &Value<'_>, text: &mut String) -> Result<(), Problem> {
        match &value.what {
            What::Variable(name) => {
                let given = self.variables.map(|all| all.take(name, value.at));
                match given.transpose()?.flatten() {
                    Some(given) => given.write_json(text),
                    None => text.push_str("null"),
                }
            }
            What::Int(number) | What::Float(number) => text.push_str(number),
            What::String(string) => write_string(text, string),
            What::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
            What::Null => text.push_str("null"),
            What::Enum(name) => write_string(text, name),
            What::List(items) => {
                text.push('[');
                for (place, item) in items.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    self.write_json(item, text)?;
                }
                text.push(']');
            }
            What::Object(fields) => {
                text.push('{');
                for (place, field) in fields.iter().enumerate() {
                    text.push_str(if place > 0 { "," } else { "" });
                    write_string(text, field.name.text);
                    text.push(':');
                    self.write_json(&field.value, text)?;
                }
                text.push('}');
            }
        }
        Ok(())
    }
}
