//! Relations, their columns, and the keys between them.

use serde::Deserialize;

use super::{CatalogError, class, read};
use crate::catalog::name::ByName;
use crate::catalog::privilege::{Grants, Roles};
use crate::catalog::types::Types;
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
    #[serde(default)]
    has_rules: bool,
    comment: Option<Box<str>>,
    #[serde(default)]
    grants: u16,
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
    /// Beside those on the relation.
    #[serde(default)]
    grants: Option<u16>,
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

/// Reads the relations; which roles can reach into its schema is told for each.
pub(super) fn relations(
    json: &str,
    types: &Types,
    usage: impl Fn(&str) -> Roles,
) -> Result<Vec<Relation>, CatalogError> {
    let rows: Vec<RelationRow> = read("relations.sql", json)?;
    let relation = |row: RelationRow| {
        let usage = usage(&row.schema);
        relation(row, types, usage)
    };
    Ok(rows.into_iter().map(relation).collect())
}

fn relation(row: RelationRow, types: &Types, usage: Roles) -> Relation {
    let grants = Grants(row.grants).of(usage);
    let on_columns = row.columns.iter().filter_map(|column| column.grants);
    let on_any = Grants(on_columns.fold(0, |all, one| all | one)).of(usage);
    let by_column: ByName<usize> = row
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
        columns: row
            .columns
            .into_iter()
            .map(|row| column(row, types, grants, usage))
            .collect(),
        insertable: row.insertable,
        updatable: row.updatable,
        deletable: row.deletable,
        row_security: row.row_security,
        has_rules: row.has_rules,
        comment: row.comment,
        computed: Vec::new(),
        grants: grants.and(on_any),
        by_column,
        by_computed: ByName::default(),
    }
}

fn column(row: ColumnRow, types: &Types, on_relation: Grants, usage: Roles) -> Column {
    let class = class(&row.base_type, &row.category);
    Column {
        plain: types.is_plain(&row.type_schema, &row.type_name, class),
        class,
        name: Name::of_catalog(&row.name),
        data_type: TypeName {
            schema: Name::of_catalog(&row.type_schema),
            name: Name::of_catalog(&row.type_name),
        },
        nullable: row.nullable,
        has_default: row.has_default,
        generation: row.generation,
        comment: row.comment,
        grants: on_relation.and(Grants(row.grants.unwrap_or_default()).of(usage)),
    }
}

pub(super) fn foreign_keys(json: &str) -> Result<Vec<ForeignKeyRow>, CatalogError> {
    read("foreign_keys.sql", json)
}

pub(super) fn positions(by_column: &ByName<usize>, names: &[Box<str>]) -> Option<Vec<usize>> {
    names
        .iter()
        .map(|name| by_column.get(name).copied())
        .collect()
}
