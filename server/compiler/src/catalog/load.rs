//! The JSON of `sql/catalog/*.sql` → [`Catalog`].

use std::collections::HashMap;

use serde::Deserialize;

use super::{
    Catalog, Column, ForeignKey, Generation, Name, Relation, RelationId, RelationKind, TypeClass,
    TypeName, relationship,
};

/// The answers of the catalog queries, each one JSON text as PostgreSQL gave it.
#[derive(Debug, Clone, Copy)]
pub struct CatalogJson<'a> {
    /// Of `sql/catalog/relations.sql`.
    pub relations: &'a str,
    /// Of `sql/catalog/foreign_keys.sql`.
    pub foreign_keys: &'a str,
}

/// The catalog's JSON is not what the catalog queries produce.
#[derive(Debug, thiserror::Error)]
#[error("cannot read {query}: {source}")]
pub struct CatalogError {
    query: &'static str,
    source: serde_json::Error,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RelationRow {
    schema: Box<str>,
    name: Box<str>,
    kind: RelationKind,
    insertable: bool,
    updatable: bool,
    deletable: bool,
    row_security: bool,
    comment: Option<Box<str>>,
    columns: Vec<ColumnRow>,
    primary_key: Vec<Box<str>>,
    unique_keys: Vec<Vec<Box<str>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ColumnRow {
    name: Box<str>,
    type_schema: Box<str>,
    type_name: Box<str>,
    base_type: Box<str>,
    category: Box<str>,
    nullable: bool,
    has_default: bool,
    generation: Generation,
    comment: Option<Box<str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ForeignKeyRow {
    name: Box<str>,
    schema: Box<str>,
    table: Box<str>,
    columns: Vec<Box<str>>,
    to_schema: Box<str>,
    to_table: Box<str>,
    to_columns: Vec<Box<str>>,
}

pub(super) fn load(generation: u64, json: &CatalogJson<'_>) -> Result<Catalog, CatalogError> {
    let rows: Vec<RelationRow> = read("relations.sql", json.relations)?;
    let keys: Vec<ForeignKeyRow> = read("foreign_keys.sql", json.foreign_keys)?;
    let relations: Vec<Relation> = rows.into_iter().map(relation).collect();
    let mut by_name: HashMap<Box<str>, HashMap<Box<str>, RelationId>> = HashMap::new();
    for (index, relation) in relations.iter().enumerate() {
        by_name
            .entry(relation.schema.as_str().into())
            .or_default()
            .insert(relation.name.as_str().into(), RelationId(index));
    }
    let mut catalog = Catalog {
        generation,
        relations,
        foreign_keys: Vec::new(),
        by_name,
        relationships: Vec::new(),
        functions: Vec::new(),
        functions_by_name: HashMap::new(),
        types: HashMap::new(),
    };
    // A key whose other end is not served (or was dropped between the two queries) links nothing.
    catalog.foreign_keys = keys
        .iter()
        .filter_map(|row| foreign_key(&catalog, row))
        .collect();
    catalog.relationships = relationship::of_keys(&catalog);
    Ok(catalog)
}

fn read<T: for<'de> Deserialize<'de>>(query: &'static str, json: &str) -> Result<T, CatalogError> {
    serde_json::from_str(json).map_err(|source| CatalogError { query, source })
}

fn relation(row: RelationRow) -> Relation {
    let by_column: HashMap<Box<str>, usize> = row
        .columns
        .iter()
        .enumerate()
        .map(|(i, column)| (column.name.clone(), i))
        .collect();
    let positions = |names: &[Box<str>]| positions(&by_column, names);
    Relation {
        primary_key: positions(&row.primary_key).unwrap_or_default(),
        unique_keys: row
            .unique_keys
            .iter()
            .filter_map(|key| positions(key))
            .collect(),
        schema: Name::of_catalog(&row.schema),
        name: Name::of_catalog(&row.name),
        kind: row.kind,
        columns: row.columns.into_iter().map(column).collect(),
        insertable: row.insertable,
        updatable: row.updatable,
        deletable: row.deletable,
        row_security: row.row_security,
        comment: row.comment,
        computed: Vec::new(),
        by_column,
    }
}

fn column(row: ColumnRow) -> Column {
    Column {
        class: class(&row.base_type, &row.category),
        name: Name::of_catalog(&row.name),
        data_type: TypeName {
            schema: Name::of_catalog(&row.type_schema),
            name: Name::of_catalog(&row.type_name),
        },
        nullable: row.nullable,
        has_default: row.has_default,
        generation: row.generation,
        comment: row.comment,
    }
}

/// `category` is `pg_type.typcategory` of the type below all domains.
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

fn foreign_key(catalog: &Catalog, row: &ForeignKeyRow) -> Option<ForeignKey> {
    let from = catalog.relation_id(Some(&row.schema), &row.table)?;
    let to = catalog.relation_id(Some(&row.to_schema), &row.to_table)?;
    Some(ForeignKey {
        name: Name::of_catalog(&row.name),
        from_columns: positions(&catalog.get(from)?.by_column, &row.columns)?,
        from,
        to_columns: positions(&catalog.get(to)?.by_column, &row.to_columns)?,
        to,
    })
}

fn positions(by_column: &HashMap<Box<str>, usize>, names: &[Box<str>]) -> Option<Vec<usize>> {
    names
        .iter()
        .map(|name| by_column.get(name).copied())
        .collect()
}
