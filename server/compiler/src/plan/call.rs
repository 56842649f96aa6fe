//! Calls: which of the functions of a name is meant, what it is given, what of its rows comes back.

use std::borrow::Cow;

use crate::Error;
use crate::ask::{self, Count, Rows, Select, TableName, Whole};
use crate::catalog::{
    Argument, ArgumentMode, Catalog, DEFAULT_SCHEMA, Function, Relation, Returns, Volatility,
};
use crate::error::{NameError, QueryError};
use crate::plan::{Arguments, Call, World, names, read};

pub(super) fn plan<'a>(
    world: World<'a, '_>,
    name: &TableName<'_>,
    call: &'a ask::Call<'a>,
) -> Result<Call<'a>, Error> {
    let catalog = world.catalog;
    let schema = name.schema.as_deref();
    let candidates: Vec<&Function> = catalog
        .functions(schema, &name.name)
        .filter(|function| !function.procedure)
        .collect();
    if candidates.is_empty() {
        return Err(unknown(catalog, name, &call.arguments));
    }
    let (function, arguments) = choose(&candidates, name, call)?;
    let read = match rows_of(catalog, function) {
        Some(relation) => {
            let mut plan = read::plan(world, relation, &call.read)?;
            plan.single = !function.set;
            Some(plan)
        }
        None if is_plain(&call.read) => None,
        None => return Err(NameError::NotRows(function.name.as_str().to_owned()).into()),
    };
    Ok(Call {
        function,
        arguments,
        read,
        answer: call.answer && !matches!(function.returns, Returns::Void),
        read_only: call.read_only || function.volatility != Volatility::Volatile,
        cast: names::cast(catalog, call.cast.as_deref())?,
    })
}

/// The shape of the rows, when the function returns rows.
fn rows_of<'a>(catalog: &'a Catalog, function: &'a Function) -> Option<&'a Relation> {
    match &function.returns {
        Returns::Relation(id) => catalog.get(*id),
        Returns::Row(shape) => Some(shape),
        Returns::Void | Returns::Scalar { .. } | Returns::Record => None,
    }
}

fn is_plain(read: &ask::Read<'_>) -> bool {
    read.select == [Select::All]
        && read.rows == Rows::All
        && read.order.is_empty()
        && read.limit.is_none()
        && read.offset == 0
        && read.count == Count::No
}

/// The one function that takes what is given, by name first, then one that takes the whole body.
fn choose<'a>(
    candidates: &[&'a Function],
    name: &TableName<'_>,
    call: &'a ask::Call<'a>,
) -> Result<(&'a Function, Arguments<'a>), Error> {
    let named: Option<Vec<&str>> = match &call.arguments {
        ask::Arguments::Named(pairs) => Some(pairs.iter().map(|(name, _)| name.as_ref()).collect()),
        ask::Arguments::Json(group) => Some(group.columns.iter().map(Cow::as_ref).collect()),
        ask::Arguments::Whole(_) => None,
    };
    if let Some(given) = &named {
        let fitting: Vec<&'a Function> = candidates
            .iter()
            .copied()
            .filter(|function| takes(function, given))
            .collect();
        match fitting.as_slice() {
            [] => {}
            [one] => return Ok((one, by_name(one, call)?)),
            several => return Err(overloaded(name, several)),
        }
    }
    let whole = match &call.arguments {
        ask::Arguments::Json(group) => Some(object(group)),
        ask::Arguments::Whole(Whole::Json(text) | Whole::Text(text)) => Some(Cow::Borrowed(*text)),
        // The text form of bytea, since every parameter travels as text.
        ask::Arguments::Whole(Whole::Bytes(bytes)) => Some(Cow::Owned(hex(bytes))),
        ask::Arguments::Named(_) => None,
    };
    let types: &[&str] = match &call.arguments {
        ask::Arguments::Json(_) | ask::Arguments::Whole(Whole::Json(_)) => &["json", "jsonb"],
        ask::Arguments::Whole(Whole::Text(_)) => &["text", "xml"],
        ask::Arguments::Whole(Whole::Bytes(_)) => &["bytea"],
        ask::Arguments::Named(_) => &[],
    };
    let of_whole = |function: &&'a Function| match function.arguments.as_slice() {
        [only] if only.name.is_none() && only.data_type.schema.as_str() == "pg_catalog" => types
            .contains(&only.data_type.name.as_str())
            .then_some((*function, only)),
        _ => None,
    };
    let fitting: Vec<(&'a Function, &'a Argument)> =
        candidates.iter().filter_map(of_whole).collect();
    match (fitting.as_slice(), whole) {
        ([(function, argument)], Some(text)) => Ok((function, Arguments::Whole(argument, text))),
        ([], _) | (_, None) => Err(NameError::Function {
            name: name.name.as_ref().into(),
            given: named
                .unwrap_or_default()
                .into_iter()
                .map(Into::into)
                .collect(),
            nearest: candidates.first().map(|one| signature(one)),
        }
        .into()),
        (several, Some(_)) => {
            let several: Vec<&Function> = several.iter().map(|(function, _)| *function).collect();
            Err(overloaded(name, &several))
        }
    }
}

/// Whether every given name is an argument, and every argument without a default is given.
fn takes(function: &Function, given: &[&str]) -> bool {
    let known = |name: &&str| function.arguments.iter().any(|argument| is(argument, name));
    let there = |argument: &Argument| {
        argument.has_default
            || argument.mode == ArgumentMode::Variadic
            || given.iter().any(|name| is(argument, name))
    };
    given.iter().all(known) && function.arguments.iter().all(there)
}

fn is(argument: &Argument, name: &str) -> bool {
    argument
        .name
        .as_ref()
        .is_some_and(|own| own.as_str() == name)
}

fn by_name<'a>(function: &'a Function, call: &'a ask::Call<'a>) -> Result<Arguments<'a>, Error> {
    match &call.arguments {
        ask::Arguments::Json(group) => Ok(Arguments::Json {
            given: function
                .arguments
                .iter()
                .filter(|argument| group.columns.iter().any(|name| is(argument, name)))
                .collect(),
            json: object(group),
        }),
        ask::Arguments::Named(pairs) => {
            let mut each = Vec::with_capacity(pairs.len());
            for argument in &function.arguments {
                let values: Vec<&'a str> = pairs
                    .iter()
                    .filter(|(name, _)| is(argument, name))
                    .map(|(_, value)| value.as_ref())
                    .collect();
                match (argument.mode, values.as_slice()) {
                    (_, []) => {}
                    (ArgumentMode::Variadic, [one]) if one.starts_with('{') => {
                        each.push((argument, Cow::Borrowed(*one)));
                    }
                    (ArgumentMode::Variadic, many) => {
                        each.push((argument, Cow::Owned(crate::sql::array(many))));
                    }
                    (_, [one]) => each.push((argument, Cow::Borrowed(*one))),
                    (_, _) => {
                        let name = argument.name.as_ref().map_or("", |name| name.as_str());
                        return Err(QueryError::Malformed {
                            parameter: name.into(),
                            problem: "an argument is given once".to_owned(),
                        }
                        .into());
                    }
                }
            }
            Ok(Arguments::Each(each))
        }
        ask::Arguments::Whole(_) => Ok(Arguments::Each(Vec::new())),
    }
}

/// The arguments as they are sent.
fn object<'a>(group: &'a ask::Group<'a>) -> Cow<'a, str> {
    group.json.text(group.columns.iter().map(Cow::as_ref))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 + 2 * bytes.len());
    text.push_str("\\x");
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// `name(a, b)` as an error shows it.
fn signature(function: &Function) -> String {
    let arguments: Vec<String> = function
        .arguments
        .iter()
        .map(|argument| {
            let data_type = argument.data_type.name.as_str();
            match &argument.name {
                Some(name) => format!("{} => {data_type}", name.as_str()),
                None => data_type.to_owned(),
            }
        })
        .collect();
    format!(
        "{}.{}({})",
        function.schema.as_str(),
        function.name.as_str(),
        arguments.join(", ")
    )
}

fn overloaded(name: &TableName<'_>, several: &[&Function]) -> Error {
    NameError::Overloaded {
        name: name.name.as_ref().into(),
        candidates: several.iter().map(|one| signature(one)).collect(),
    }
    .into()
}

pub(super) fn unknown(
    catalog: &Catalog,
    name: &TableName<'_>,
    arguments: &ask::Arguments<'_>,
) -> Error {
    let wanted = name.schema.as_deref().unwrap_or(DEFAULT_SCHEMA);
    let inside = catalog
        .all_functions()
        .iter()
        .filter(|function| function.schema.as_str() == wanted);
    let similar = names::nearest(&name.name, inside, |function| function.name.as_str());
    let given = match arguments {
        ask::Arguments::Named(pairs) => {
            pairs.iter().map(|(name, _)| name.as_ref().into()).collect()
        }
        ask::Arguments::Json(group) => group
            .columns
            .iter()
            .map(|name| name.as_ref().into())
            .collect(),
        ask::Arguments::Whole(_) => Vec::new(),
    };
    NameError::Function {
        name: name.name.as_ref().into(),
        given,
        nearest: similar.map(signature),
    }
    .into()
}
