//! Names of the request → things of the catalog, or the nearest name there is.

use crate::Error;
use crate::ask::{Field, TableName};
use crate::catalog::{Catalog, Column, DEFAULT_SCHEMA, Relation, Returns, TypeClass, TypeName};
use crate::error::NameError;
use crate::plan::{Base, Expression};

/// PostgreSQL's names end there; nothing longer can be a slip of the pen for one of them, and comparing a name of
/// many kilobytes with every table would be a gift to an attacker.
const MAX_NAME_BYTES: usize = 63;

pub(super) fn relation<'a>(
    catalog: &'a Catalog,
    table: &TableName<'_>,
) -> Result<&'a Relation, Error> {
    let schema = table.schema.as_deref();
    catalog
        .relation(schema, &table.name)
        .ok_or_else(|| unknown_table(catalog, schema, &table.name))
}

fn unknown_table(catalog: &Catalog, schema: Option<&str>, name: &str) -> Error {
    let wanted = schema.unwrap_or(DEFAULT_SCHEMA);
    let inside = catalog
        .relations()
        .iter()
        .filter(|r| r.schema.as_str() == wanted);
    let elsewhere = || catalog.relations().iter().find(|r| r.name.as_str() == name);
    let similar = nearest(name, inside, |relation| relation.name.as_str()).or_else(elsewhere);
    let shown = match schema {
        Some(schema) => format!("{schema}.{name}"),
        None => name.to_owned(),
    };
    NameError::Table {
        name: shown.as_str().into(),
        nearest: similar.map(display_name),
    }
    .into()
}

/// As a message names a relation: without the schema where the default one is meant anyway.
pub(super) fn display_name(relation: &Relation) -> String {
    match relation.schema.as_str() {
        DEFAULT_SCHEMA => relation.name.as_str().to_owned(),
        schema => format!("{schema}.{}", relation.name.as_str()),
    }
}

pub(super) fn column<'a>(relation: &'a Relation, name: &str) -> Result<&'a Column, Error> {
    relation.column(name).ok_or_else(|| {
        let similar = nearest(name, relation.columns.iter(), |column| column.name.as_str());
        let similar = similar.map(|column| column.name.as_str().to_owned());
        NameError::Column {
            name: name.into(),
            nearest: similar,
        }
        .into()
    })
}

/// Resolves a column, or a function that computes one, with its path. JSON has one, and what becomes JSON with parts:
/// arrays, rows, and types of extensions that are cast to it.
pub(super) fn expression<'a>(
    catalog: &'a Catalog,
    relation: &'a Relation,
    field: &'a Field<'a>,
) -> Result<Expression<'a>, Error> {
    let base = match catalog.computed(relation, &field.column) {
        Some(function) if relation.column(&field.column).is_none() => Base::Computed(function),
        _ => Base::Column(column(relation, &field.column)?),
    };
    if !field.path.is_empty() && !has_parts(catalog, base) {
        return Err(NameError::NotJson(base.name().as_str().to_owned()).into());
    }
    Ok(Expression {
        base,
        path: &field.path,
        as_text: field.as_text,
        cast: None,
        cut: None,
    })
}

fn has_parts(catalog: &Catalog, base: Base<'_>) -> bool {
    match base.class() {
        TypeClass::Json | TypeClass::Jsonb | TypeClass::Array => true,
        _ => match base {
            // Of a row type there is no type below.
            Base::Column(column) => {
                let data_type = &column.data_type;
                catalog.base_type(data_type).is_none() || catalog.becomes_json(data_type)
            }
            Base::Computed(function) => match &function.returns {
                Returns::Scalar { data_type, .. } => catalog.becomes_json(data_type),
                _ => false,
            },
        },
    }
}

/// Resolves the type of a cast.
pub(super) fn cast<'a>(
    catalog: &'a Catalog,
    name: Option<&str>,
) -> Result<Option<&'a TypeName>, Error> {
    let Some(name) = name else {
        return Ok(None);
    };
    match catalog.data_type(None, name) {
        Some((data_type, _)) => Ok(Some(data_type)),
        None => Err(NameError::Type(name.into()).into()),
    }
}

/// The candidate a few letters away, if there is one.
pub(super) fn nearest<'a, T>(
    name: &str,
    candidates: impl Iterator<Item = &'a T>,
    text: impl Fn(&T) -> &str,
) -> Option<&'a T> {
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let allowed = 1 + name.len() / 4;
    candidates
        .filter(|candidate| text(candidate).len().abs_diff(name.len()) <= allowed)
        .map(|candidate| (strsim::osa_distance(text(candidate), name), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
