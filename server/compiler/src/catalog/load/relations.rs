//! Relations, their columns, and the keys between them.

use std::collections::HashMap;

use serde::Deserialize;

use super::{CatalogError, class, read};
use crate::catalog::{Column, Generation, Name, Relation, RelationKind, TypeName};

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
pub(super) struct ForeignKeyRow {
    pub(super) name: Box<str>,
    pub(super) schema: Box<str>,
    pub(super) table: Box<str>,
    pub(super) columns: Vec<Box<str>>,
    pub(super) to_schema: Box<str>,
    pub(super) to_table: Box<str>,
    pub(super) to_columns: Vec<Box<str>>,
}

pub(super) fn relations(json: &str) -> Result<Vec<Relation>, CatalogError> {
    let rows: Vec<RelationRow> = read("relations.sql", json)?;
    Ok(rows.into_iter().map(relation).collect())
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
        by_computed: HashMap::new(),
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

pub(super) fn foreign_keys(json: &str) -> Result<Vec<ForeignKeyRow>, CatalogError> {
    read("foreign_keys.sql", json)
}

pub(super) fn positions(
    by_column: &HashMap<Box<str>, usize>,
    names: &[Box<str>],
) -> Option<Vec<usize>> {
    names
        .iter()
        .map(|name| by_column.get(name).copied())
        .collect()
}
