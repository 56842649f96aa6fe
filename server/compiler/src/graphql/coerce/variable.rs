//! Values of variables: JSON of the request, read by the types the operation declares.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;

use super::{Given, Literals, Variables, required, scalar};
use crate::graphql::document::{Pos, Variable};
use crate::graphql::error::{Problem, shown};
use crate::graphql::schema::World;
use crate::graphql::types::{Named, Scalar, TypeKind, TypeRef};
use crate::json::Text;

/// The variables as the request gives them: each JSON of its own.
pub(in crate::graphql) type Raw<'a> = BTreeMap<Text<'a>, &'a RawValue>;

/// Reads the variables of a request as far as their names.
pub(in crate::graphql) fn given(variables: Option<&str>) -> Result<Raw<'_>, Problem> {
    let Some(text) = variables else {
        return Ok(Raw::new());
    };
    let refused = |message: String| Problem::invalid(message, Pos(0)).nowhere();
    crate::rest::check_json(text, 0)
        .map_err(|error| refused(format!("Cannot read the variables. {error}")))?;
    if text.trim() == "null" {
        return Ok(Raw::new());
    }
    serde_json::from_str(text).map_err(|_| refused("The variables must be an object".to_owned()))
}

/// Reads the variables an operation declares.
pub(in crate::graphql) fn variables<'a>(
    world: World<'_>,
    declared: &'a [Variable<'a>],
    given: &'a Raw<'a>,
) -> Result<Variables<'a>, Vec<Problem>> {
    let (mut values, mut problems) = (BTreeMap::new(), Vec::new());
    for variable in declared {
        let name = variable.name.text;
        let Some(ty) = declared_type(world, variable) else {
            continue;
        };
        match (given.get(name), &variable.default) {
            (Some(raw), _) => match from_json(world, ty, raw, Path::Variable(name)) {
                Ok(value) => {
                    values.insert(name, value);
                }
                Err(problem) => problems.push(Problem::invalid(problem, variable.name.at)),
            },
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
pub(in crate::graphql) fn declared_type(
    world: World<'_>,
    variable: &Variable<'_>,
) -> Option<TypeRef> {
    Some(TypeRef {
        named: world.named(variable.ty.name.text)?,
        lists: variable.ty.lists,
        non_null: variable.ty.non_null,
    })
}

/// Where a value stands, for a refusal.
#[derive(Clone, Copy)]
enum Path<'p> {
    Variable(&'p str),
    Field(&'p Path<'p>, &'p str),
    Item(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Variable(name) => write!(f, "${name}"),
            Path::Field(of, name) => write!(f, "{of}.{name}"),
            Path::Item(of, place) => write!(f, "{of}[{place}]"),
        }
    }
}

fn from_json<'a>(
    world: World<'_>,
    ty: TypeRef,
    raw: &'a RawValue,
    path: Path<'_>,
) -> Result<Given<'a>, String> {
    let refused = |message: String| {
        format!(
            "Variable \"{}\" got an invalid value: {message}",
            shown(&path.to_string())
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
        let items = items.map(|(place, one)| from_json(world, item, one, Path::Item(&path, place)));
        return items.collect::<Result<_, _>>().map(Given::List);
    }
    match ty.named {
        Named::Scalar(Scalar::Json) => Ok(Given::Json(Cow::Borrowed(text))),
        Named::Scalar(scalar) => scalar::json(scalar, text).map_err(refused),
        named if named.kind() == TypeKind::Enum => {
            let name: Option<Text<'a>> = serde_json::from_str(text).ok();
            match name.filter(|name| world.has_value(named, &name.0)) {
                Some(name) => Ok(Given::Name(name.0)),
                None => Err(refused(format!(
                    "Value {} does not exist in \"{}\" enum.",
                    shown(text),
                    world.name_of(named)
                ))),
            }
        }
        named => {
            if !text.starts_with('{') {
                return Err(refused(format!(
                    "Expected type \"{}\" to be an object.",
                    world.name_of(named)
                )));
            }
            let fields: Fields<'a> =
                serde_json::from_str(text).map_err(|_| refused("not an object".to_owned()))?;
            let mut given = Vec::with_capacity(fields.0.len());
            for (Text(key), raw) in fields.0 {
                let Some(input) = world.input_field(named, &key) else {
                    let message = format!(
                        "Field \"{}\" is not defined by type \"{}\".",
                        shown(&key),
                        world.name_of(named)
                    );
                    return Err(refused(message));
                };
                let path = Path::Field(&path, &key);
                given.push((input.used, from_json(world, input.ty, raw, path)?));
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
struct Fields<'a>(Vec<(Text<'a>, &'a RawValue)>);

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
