//! Aggregates that make a body of the rows of a relation.

use serde::Deserialize;

use super::{CatalogError, read};
use crate::catalog::{Catalog, Handler, Name};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandlerRow {
    schema: Box<str>,
    name: Box<str>,
    relation_schema: Box<str>,
    relation: Box<str>,
    media_type: Box<str>,
    base_type: Box<str>,
}

/// Adds them to a catalog that has its relations; those of a type that is no body are left out.
pub(super) fn add(catalog: &mut Catalog, json: &str) -> Result<(), CatalogError> {
    let rows: Vec<HandlerRow> = read("handlers.sql", json)?;
    let handlers = rows.into_iter().filter_map(|row| {
        Some(Handler {
            relation: catalog.relation_id(Some(&row.relation_schema), &row.relation)?,
            bytes: Handler::is_bytes(&row.base_type)?,
            schema: Name::of_catalog(&row.schema),
            name: Name::of_catalog(&row.name),
            media_type: row.media_type,
        })
    });
    catalog.handlers = handlers.collect();
    Ok(())
}
