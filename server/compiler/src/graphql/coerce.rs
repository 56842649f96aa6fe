//! Values of a document and of variables → values of a type: one reading for validation and for compiling, so that what
//! passes the one cannot surprise the other.

mod scalar;

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::document::{Argument, Pos, Value, Variable, What};
use super::error::{Code, Problem, shown};
use super::schema::{Input, InputUse, World};
use super::types::{Named, Scalar, TypeKind, TypeRef};

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

/// Reads values of the document. Without variables (while the document is validated) each stands for a value that fits.
pub(super) struct Literals<'w, 'v> {
    pub(super) world: World<'w>,
    pub(super) variables: Option<&'v Variables<'v>>,
    /// Whether names nobody asked for may be told.
    pub(super) suggest: bool,
}

impl<'v> Literals<'_, 'v> {
    /// `None`: a variable that is not given.
    pub(super) fn value(
        &self,
        ty: TypeRef,
        value: &'v Value<'v>,
    ) -> Result<Option<Given<'v>>, Problem> {
        if let What::Variable(name) = value.what {
            let Some(variables) = self.variables else {
                return Ok(Some(Given::Null));
            };
            return match variables.take(name, value.at)? {
                Some(Given::Null) if ty.is_required() => {
                    let message = format!(
                        "Variable \"${}\" must not be null where \"{}\" is expected.",
                        shown(name),
                        self.world.written(ty)
                    );
                    Err(Problem::invalid(message, value.at))
                }
                given => Ok(given),
            };
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
        let name = self.world.name_of(ty.named);
        let What::Enum(given) = value.what else {
            let message = format!(
                "Enum \"{name}\" cannot represent non-enum value: {}.",
                shown(&self.print(value))
            );
            return Err(Problem::invalid(message, value.at));
        };
        let values = self.world.values(ty.named);
        if values.contains(&given) {
            return Ok(Given::Name(Cow::Borrowed(given)));
        }
        let mut message = format!(
            "Value \"{}\" does not exist in \"{name}\" enum.",
            shown(given)
        );
        message.push_str(&self.hint(given, values.into_iter()));
        Err(Problem::invalid(message, value.at))
    }

    fn object(&self, ty: TypeRef, value: &'v Value<'v>) -> Result<Given<'v>, Problem> {
        let What::Object(fields) = &value.what else {
            return Err(self.unexpected(ty, value));
        };
        let name = self.world.name_of(ty.named);
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
                    "Field \"{}\" is not defined by type \"{name}\".",
                    shown(key.text)
                );
                message
                    .push_str(&self.hint(key.text, known.iter().map(|input| input.name.as_ref())));
                return Err(Problem::invalid(message, key.at));
            };
            match self.value(input.ty, value)? {
                Some(one) => given.push((input.used, one)),
                None if input.ty.is_required() => {
                    return Err(missing(self.world, &name, &input, value.at));
                }
                None => {}
            }
        }
        for input in required(self.world, ty.named) {
            if !fields.iter().any(|field| field.name.text == input.name) {
                return Err(missing(self.world, &name, &input, value.at));
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
            What::String(text) => super::quoted(text),
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
                let given = given.transpose()?.flatten();
                text.push_str(&given.map_or_else(|| "null".to_owned(), |given| given.json()));
            }
            What::Int(number) | What::Float(number) => text.push_str(number),
            What::String(string) => text.push_str(&super::quoted(string)),
            What::Boolean(value) => text.push_str(if *value { "true" } else { "false" }),
            What::Null => text.push_str("null"),
            What::Enum(name) => text.push_str(&super::quoted(name)),
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
                    text.push_str(&super::quoted(field.name.text));
                    text.push(':');
                    self.write_json(&field.value, text)?;
                }
                text.push('}');
            }
        }
        Ok(())
    }
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

/// The variables as the request gives them: each JSON of its own.
pub(super) fn given(variables: Option<&str>) -> Result<HashMap<String, &RawValue>, Problem> {
    let Some(text) = variables else {
        return Ok(HashMap::new());
    };
    let refused = |message: String| Problem::invalid(message, Pos(0)).nowhere();
    crate::rest::check_json(text)
        .map_err(|error| refused(format!("Cannot read the variables. {error}")))?;
    if text.trim() == "null" {
        return Ok(HashMap::new());
    }
    serde_json::from_str(text).map_err(|_| refused("The variables must be an object".to_owned()))
}

/// Reads the variables an operation declares.
pub(super) fn variables<'a>(
    world: World<'_>,
    declared: &'a [Variable<'a>],
    given: &'a HashMap<String, &'a RawValue>,
) -> Result<Variables<'a>, Vec<Problem>> {
    let (mut values, mut problems) = (HashMap::new(), Vec::new());
    for variable in declared {
        let name = variable.name.text;
        let Some(ty) = declared_type(world, variable) else {
            continue;
        };
        match (given.get(name), &variable.default) {
            (Some(raw), _) => {
                let path = format!("${name}");
                match from_json(world, ty, raw, &path) {
                    Ok(value) => {
                        values.insert(name, value);
                    }
                    Err(problem) => problems.push(Problem::invalid(problem, variable.name.at)),
                }
            }
            (None, Some(default)) => {
                let reader = Literals {
                    world,
                    variables: None,
                    suggest: false,
                };
                match reader.value(ty, default) {
                    Ok(value) => {
                        values.extend(value.map(|value| (name, value)));
                    }
                    Err(problem) => problems.push(problem),
                }
            }
            (None, None) if ty.is_required() => {
                let message = format!(
                    "Variable \"${}\" of required type \"{}\" was not provided.",
                    shown(name),
                    world.written(ty)
                );
                problems.push(Problem::invalid(message, variable.name.at));
            }
            (None, None) => {}
        }
    }
    if problems.is_empty() {
        Ok(Variables {
            values,
            spent: Cell::new(0),
        })
    } else {
        Err(problems)
    }
}

/// The type of a variable; `None` when there is none of that name.
pub(super) fn declared_type(world: World<'_>, variable: &Variable<'_>) -> Option<TypeRef> {
    Some(TypeRef {
        named: world.named(variable.ty.name.text)?,
        lists: variable.ty.lists,
        non_null: variable.ty.non_null,
    })
}

fn from_json<'a>(
    world: World<'_>,
    ty: TypeRef,
    raw: &'a RawValue,
    path: &str,
) -> Result<Given<'a>, String> {
    let refused = |message: String| {
        format!(
            "Variable \"{}\" got an invalid value: {message}",
            shown(path)
        )
    };
    let text = raw.get();
    if text == "null" {
        if ty.is_required() {
            return Err(refused(format!(
                "Expected \"{}\" not to be null.",
                world.written(ty)
            )));
        }
        return Ok(Given::Null);
    }
    if let Some(item) = ty.item() {
        if !text.starts_with('[') {
            return from_json(world, item, raw, path).map(|one| Given::List(vec![one]));
        }
        let items: Vec<&'a RawValue> =
            serde_json::from_str(text).map_err(|_| refused("not a list".to_owned()))?;
        let items = items.into_iter().enumerate();
        let items =
            items.map(|(place, one)| from_json(world, item, one, &format!("{path}[{place}]")));
        return items.collect::<Result<_, _>>().map(Given::List);
    }
    match ty.named {
        Named::Scalar(Scalar::Json) => Ok(Given::Json(Cow::Borrowed(text))),
        Named::Scalar(scalar) => scalar::json(scalar, text).map_err(refused),
        named if named.kind() == TypeKind::Enum => {
            let name: Option<String> = serde_json::from_str(text).ok();
            match name.filter(|name| world.values(named).contains(&name.as_str())) {
                Some(name) => Ok(Given::Name(Cow::Owned(name))),
                None => Err(refused(format!(
                    "Value {} does not exist in \"{}\" enum.",
                    shown(text),
                    world.name_of(named)
                ))),
            }
        }
        named => {
            let name = world.name_of(named);
            if !text.starts_with('{') {
                return Err(refused(format!(
                    "Expected type \"{name}\" to be an object."
                )));
            }
            let fields: Fields<'a> =
                serde_json::from_str(text).map_err(|_| refused("not an object".to_owned()))?;
            let mut given = Vec::with_capacity(fields.0.len());
            for (key, raw) in fields.0 {
                let Some(input) = world.input_field(named, &key) else {
                    let message = format!(
                        "Field \"{}\" is not defined by type \"{name}\".",
                        shown(&key)
                    );
                    return Err(refused(message));
                };
                let path = format!("{path}.{}", input.name);
                given.push((input.used, from_json(world, input.ty, raw, &path)?));
            }
            let needed = required(world, named);
            match needed
                .iter()
                .find(|input| !given.iter().any(|(used, _)| *used == input.used))
            {
                Some(input) => Err(refused(format!(
                    "Field \"{}\" of required type \"{}\" was not provided.",
                    input.name,
                    world.written(input.ty)
                ))),
                None => Ok(Given::Object(given)),
            }
        }
    }
}

/// Members of an object in their order, which says what is sorted by first.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Fields<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> serde::de::Visitor<'de> for Members {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Fields<'de>, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = map.next_entry()? {
                    all.push(member);
                }
                Ok(Fields(all))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
