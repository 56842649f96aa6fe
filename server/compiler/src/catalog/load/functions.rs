//! Functions, and which of them a request may call.

mod computed;

use serde::Deserialize;

use super::{CatalogError, class, read, usage};
use crate::catalog::privilege::Grants;
use crate::catalog::privilege::Roles;
use crate::catalog::types::SYSTEM_SCHEMA;
use crate::catalog::{
    Argument, ArgumentMode, Catalog, Column, Function, FunctionId, Generation, Name, Relation,
    Returns, TypeName, Volatility,
};
use computed::computes;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FunctionRow {
    schema: Box<str>,
    name: Box<str>,
    procedure: bool,
    set: bool,
    one: bool,
    volatility: Volatility,
    comment: Option<Box<str>>,
    #[serde(default)]
    execute: u8,
    arguments: Vec<ArgumentRow>,
    returns: ReturnsRow,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArgumentRow {
    name: Option<Box<str>>,
    type_schema: Box<str>,
    type_name: Box<str>,
    base_type: Box<str>,
    category: Box<str>,
    mode: ArgumentMode,
    has_default: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReturnsRow {
    kind: ReturnsKind,
    type_schema: Box<str>,
    type_name: Box<str>,
    base_type: Box<str>,
    category: Box<str>,
    columns: Vec<ColumnRow>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ReturnsKind {
    Void,
    Scalar,
    Row,
    Record,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnRow {
    name: Box<str>,
    type_schema: Box<str>,
    type_name: Box<str>,
    base_type: Box<str>,
    category: Box<str>,
}

/// Adds the functions to a catalog that has its relations.
pub(super) fn add(catalog: &mut Catalog, json: &str) -> Result<(), CatalogError> {
    let rows: Vec<FunctionRow> = read("functions.sql", json)?;
    let mut of_rows = Vec::new();
    for row in rows {
        let one = row.one;
        let function = function(catalog, row);
        if let Some(computes) = computes(catalog, &function, one) {
            of_rows.push((function, computes));
        } else if is_callable(&function) {
            let id = FunctionId(catalog.functions.len());
            catalog
                .functions_by_name
                .entry(function.schema.as_str().into())
                .or_default()
                .entry(function.name.as_str().into())
                .or_default()
                .push(id);
            catalog.functions.push(function);
        }
    }
    catalog.callable = catalog.functions.len();
    computed::add(catalog, of_rows);
    Ok(())
}

fn function(catalog: &Catalog, row: FunctionRow) -> Function {
    Function {
        schema: Name::of_catalog(&row.schema),
        name: Name::of_catalog(&row.name),
        arguments: row.arguments.iter().map(argument).collect(),
        returns: returns(catalog, &row.returns),
        set: row.set,
        volatility: row.volatility,
        procedure: row.procedure,
        comment: row.comment,
        execute: Roles(row.execute).of(usage(&catalog.schemas, &row.schema)),
    }
}

fn argument(row: &ArgumentRow) -> Argument {
    Argument {
        name: row.name.as_deref().map(Name::of_catalog),
        data_type: type_name(&row.type_schema, &row.type_name),
        class: class(&row.base_type, &row.category),
        mode: row.mode,
        has_default: row.has_default,
    }
}

fn returns(catalog: &Catalog, row: &ReturnsRow) -> Returns {
    match row.kind {
        ReturnsKind::Void => Returns::Void,
        ReturnsKind::Scalar => Returns::Scalar {
            data_type: type_name(&row.type_schema, &row.type_name),
            class: class(&row.base_type, &row.category),
        },
        // The row type of a relation has the relation's name.
        ReturnsKind::Row => match catalog.relation_id(Some(&row.type_schema), &row.type_name) {
            Some(relation) => Returns::Relation(relation),
            None => Returns::Row(Box::new(Relation::of_row(
                Name::of_catalog(&row.type_schema),
                Name::of_catalog(&row.type_name),
                row.columns.iter().map(column).collect(),
            ))),
        },
        ReturnsKind::Record => Returns::Record,
    }
}

fn column(row: &ColumnRow) -> Column {
    Column {
        name: Name::of_catalog(&row.name),
        data_type: type_name(&row.type_schema, &row.type_name),
        class: class(&row.base_type, &row.category),
        nullable: true,
        has_default: false,
        generation: Generation::Computed,
        comment: None,
        plain: false,
        grants: Grants::default(),
    }
}

fn type_name(schema: &str, name: &str) -> TypeName {
    TypeName {
        schema: Name::of_catalog(schema),
        name: Name::of_catalog(name),
    }
}

/// Requests give arguments by name. The one exception is a function whose only argument takes the whole body.
fn is_callable(function: &Function) -> bool {
    let takes_body = |argument: &Argument| {
        argument.data_type.schema.as_str() == SYSTEM_SCHEMA
            && BODY_TYPES.contains(&argument.data_type.name.as_str())
    };
    match function.arguments.as_slice() {
        [only] => only.name.is_some() || only.has_default || takes_body(only),
        several => several
            .iter()
            .all(|argument| argument.name.is_some() || argument.has_default),
    }
}

/// What a whole body can be.
const BODY_TYPES: &[&str] = &["bytea", "json", "jsonb", "text", "xml"];
