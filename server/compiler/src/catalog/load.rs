//! The JSON of `sql/catalog/*.sql` → [`Catalog`].

mod functions;
mod handlers;
mod relations;
mod types;
mod views;

use serde::Deserialize;

use super::name::ByName;
use super::privilege::Roles;
use super::relationship::Link;
use super::{Catalog, Name, RelationId, Schema, TypeClass, relationship};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SchemaRow {
    name: Box<str>,
    comment: Option<Box<str>>,
    usage: u8,
}

/// The answers of the catalog queries, each one JSON text as PostgreSQL gave it.
#[derive(Debug, Clone, Copy)]
pub struct CatalogJson<'a> {
    /// Of `sql/catalog/schemas.sql`.
    pub schemas: &'a str,
    /// Of `sql/catalog/relations.sql`.
    pub relations: &'a str,
    /// Of `sql/catalog/foreign_keys.sql`.
    pub foreign_keys: &'a str,
    /// Of `sql/catalog/types.sql`.
    pub types: &'a str,
    /// Of `sql/catalog/functions.sql`.
    pub functions: &'a str,
    /// Of `sql/catalog/views.sql`.
    pub views: &'a str,
    /// Of `sql/catalog/handlers.sql`.
    pub handlers: &'a str,
}

impl CatalogJson<'static> {
    /// What the queries answer where there is nothing.
    pub const EMPTY: Self = CatalogJson {
        schemas: "[]",
        relations: "[]",
        foreign_keys: "[]",
        types: "[]",
        functions: "[]",
        views: "[]",
        handlers: "[]",
    };
}

/// The catalog's JSON is not what the catalog queries produce.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {query}: {source}")]
pub struct CatalogError {
    query: &'static str,
    source: serde_json::Error,
}

pub(super) fn load(generation: u64, json: &CatalogJson<'_>) -> Result<Catalog, CatalogError> {
    let schemas = schemas(json.schemas)?;
    let types = types::types(json.types)?;
    let relations = relations::relations(json.relations, &types, |schema| usage(&schemas, schema))?;
    let mut by_name: ByName<ByName<RelationId>> = ByName::default();
    for (index, relation) in relations.iter().enumerate() {
        by_name
            .entry(relation.schema.as_str().into())
            .or_default()
            .insert(relation.name.as_str().into(), RelationId(index));
    }
    let mut catalog = Catalog {
        generation,
        schemas,
        relations,
        foreign_keys: Vec::new(),
        by_name,
        relationships: Vec::new(),
        functions: Vec::new(),
        callable: 0,
        functions_by_name: ByName::default(),
        handlers: Vec::new(),
        types,
    };
    let sources = views::rows(json.views)?;
    let views = views::views(&mut catalog, &sources);
    let keys = relations::foreign_keys(json.foreign_keys)?;
    let links = views.links(&catalog, &keys);
    catalog.relationships = relationship::of_links(&catalog, &links);
    let between_tables = |link: Link| (!link.with_view).then_some(link.key);
    catalog.foreign_keys = links.into_iter().filter_map(between_tables).collect();
    functions::add(&mut catalog, json.functions)?;
    handlers::add(&mut catalog, json.handlers)?;
    Ok(catalog)
}

fn schemas(json: &str) -> Result<Vec<Schema>, CatalogError> {
    let rows: Vec<SchemaRow> = read("schemas.sql", json)?;
    let schema = |row: SchemaRow| Schema {
        name: Name::of_catalog(&row.name),
        comment: row.comment,
        usage: Roles(row.usage),
    };
    Ok(rows.into_iter().map(schema).collect())
}

/// The roles that can reach into a schema.
fn usage(schemas: &[Schema], name: &str) -> Roles {
    let schema = schemas.iter().find(|schema| schema.name.as_str() == name);
    schema.map_or_else(Roles::default, |schema| schema.usage)
}

fn read<T: for<'de> Deserialize<'de>>(query: &'static str, json: &str) -> Result<T, CatalogError> {
    serde_json::from_str(json).map_err(|source| CatalogError { query, source })
}

/// `category` is `pg_type.typcategory` of the type below all domains; `base_type` its name, if it is PostgreSQL's own.
fn class(base_type: &str, category: &str) -> TypeClass {
    match (base_type, category) {
        ("json", _) => TypeClass::Json,
        ("jsonb", _) => TypeClass::Jsonb,
        (_, "B") => TypeClass::Boolean,
        (_, "S") => TypeClass::Text,
        ("tsvector", _) => TypeClass::TsVector,
        (_, "A") => TypeClass::Array,
        (_, "R") => TypeClass::Range,
        _ => TypeClass::Other,
    }
}
