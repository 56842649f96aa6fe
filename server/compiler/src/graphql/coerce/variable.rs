//! Values of variables: JSON of the request, read by the types the operation declares.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use super::{Given, Literals, Variables, required, scalar};
use crate::graphql::document::{Pos, Variable};
use crate::graphql::error::{Problem, shown};
use crate::graphql::schema::World;
use crate::graphql::types::{Named, Scalar, TypeKind, TypeRef};
use crate::json::{Reader, string};

/// The variables as the request gives them: each JSON of its own.
pub(in crate::graphql) type Raw<'a> = BTreeMap<Cow<'a, str>, &'a str>;

/// Reads the variables of a request as far as their names.
pub(in crate::graphql) fn given(variables: Option<&str>) -> Result<Raw<'_>, Problem> {
    let Some(text) = variables else {
        return Ok(Raw::new());
    };
    let refused = |message: String| Problem::invalid(message, Pos(0)).nowhere();
    crate::rest::check_json(text, 0)
        .map_err(|error| refused(format!("Cannot read the variables. {error}")))?;
    let mut reader = Reader::new(text);
    let mut raw = Raw::new();
    let mut more = match reader.peek() {
        Some(b'{') => reader.enter(),
        Some(b'n') => false,
        _ => return Err(refused("The variables must be an object".to_owned())),
    };
    while more {
        raw.insert(reader.name(), reader.value());
        more = reader.next();
    }
    Ok(raw)
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
            (Some(raw), _) => {
                match from_json(world, ty, &mut Reader::new(raw), Path::Variable(name)) {
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

/// Reads the value that comes next.
fn from_json<'a>(
    world: World<'_>,
    ty: TypeRef,
    reader: &mut Reader<'a>,
    path: Path<'_>,
) -> Result<Given<'a>, String> {
    let refused = |message: String| {
        format!(
            "Variable \"{}\" got an invalid value: {message}",
            shown(&path.to_string())
        )
    };
    if reader.peek() == Some(b'n') {
        if ty.is_required() {
            return Err(refused(format!(
                "Expected \"{}\" not to be null.",
                world.written(ty)
            )));
        }
        reader.value();
        return Ok(Given::Null);
    }
    if let Some(item) = ty.item() {
        if reader.peek() != Some(b'[') {
            return from_json(world, item, reader, path).map(|one| Given::List(vec![one]));
        }
        let mut items = Vec::new();
        let mut more = reader.enter();
        while more {
            let path = Path::Item(&path, items.len());
            items.push(from_json(world, item, reader, path)?);
            more = reader.next();
        }
        return Ok(Given::List(items));
    }
    match ty.named {
        Named::Scalar(Scalar::Json) => Ok(Given::Json(Cow::Borrowed(reader.value()))),
        Named::Scalar(scalar) => scalar::json(scalar, reader.value()).map_err(refused),
        named if named.kind() == TypeKind::Enum => {
            let text = reader.value();
            match string(text).filter(|name| world.has_value(named, name)) {
                Some(name) => Ok(Given::Name(name)),
                None => Err(refused(format!(
                    "Value {} does not exist in \"{}\" enum.",
                    shown(text),
                    world.name_of(named)
                ))),
            }
        }
        named => {
            if reader.peek() != Some(b'{') {
                return Err(refused(format!(
                    "Expected type \"{}\" to be an object.",
                    world.name_of(named)
                )));
            }
            let mut given = Vec::new();
            let mut more = reader.enter();
            while more {
                let key = reader.name();
                let Some(input) = world.input_field(named, &key) else {
                    let message = format!(
                        "Field \"{}\" is not defined by type \"{}\".",
                        shown(&key),
                        world.name_of(named)
                    );
                    return Err(refused(message));
                };
                let path = Path::Field(&path, &key);
                given.push((input.used, from_json(world, input.ty, reader, path)?));
                more = reader.next();
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
