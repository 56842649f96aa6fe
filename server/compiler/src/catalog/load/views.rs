//! Keys of tables as they are seen through views.

mod lineage;
mod tree;

use std::collections::HashMap;

use serde::Deserialize;

use super::relations::{ForeignKeyRow, positions};
use super::{CatalogError, read};
use crate::catalog::relationship::Link;
use crate::catalog::{Catalog, ForeignKey, Name, Relation, RelationId};
use lineage::{Instance, Lineage, Source, Tracer};

/// A view, or what lies behind one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceRow {
    oid: u32,
    schema: Box<str>,
    name: Box<str>,
    columns: Vec<Option<Box<str>>>,
    /// Counted from 1, as are those of `unique_keys`.
    primary_key: Vec<usize>,
    unique_keys: Vec<Vec<usize>>,
    tree: Option<Box<str>>,
}

/// What views show of the tables below them, by schema and name of the table.
#[derive(Default)]
pub(super) struct Views<'a>(HashMap<(&'a str, &'a str), Table<'a>>);

/// A table below views.
struct Table<'a> {
    columns: HashMap<&'a str, usize>,
    primary_key: Vec<usize>,
    seen: Vec<Seen>,
}

/// One instance of a table in a view.
struct Seen {
    view: RelationId,
    instance: Instance,
    /// Whether no row of the table comes out twice.
    once: bool,
    /// Columns of the table → those of the view; only the first of two that show the same.
    columns: HashMap<usize, usize>,
}

impl Seen {
    fn columns(&self, key: &[usize]) -> Option<Vec<usize>> {
        let column = |column| self.columns.get(column).copied();
        key.iter().map(column).collect()
    }
}

/// The answer of `views.sql`.
pub(super) struct Rows(Vec<SourceRow>);

pub(super) fn rows(json: &str) -> Result<Rows, CatalogError> {
    read("views.sql", json).map(Rows)
}

/// Gives the views served the keys of their tables, and says which tables they show.
pub(super) fn views<'a>(catalog: &mut Catalog, rows: &'a Rows) -> Views<'a> {
    let sources: HashMap<u32, Source<'_>> = rows.0.iter().map(source).collect();
    let by_oid: HashMap<u32, &SourceRow> = rows.0.iter().map(|row| (row.oid, row)).collect();
    let mut tracer = Tracer::new(&sources);
    let mut views = Views::default();
    for row in rows.0.iter().filter(|row| row.tree.is_some()) {
        let Some(view) = catalog.relation_id(Some(&row.schema), &row.name) else {
            continue;
        };
        let Some(relation) = catalog.relations.get_mut(view.0) else {
            continue;
        };
        let lineage = tracer.relation(row.oid);
        let mut primary_keys = Vec::new();
        for (instance, oid) in lineage.instances.iter().enumerate() {
            let Some(table) = by_oid.get(oid) else {
                continue;
            };
            let seen = Seen {
                view,
                instance,
                once: lineage.once.contains(&instance),
                columns: shown(row, relation, &lineage, instance),
            };
            if seen.once {
                let primary_key = from_zero(&table.primary_key);
                primary_keys.extend(seen.columns(&primary_key).filter(|key| !key.is_empty()));
                add_unique_keys(relation, &seen, table);
            }
            if !seen.columns.is_empty() {
                views.table(table).seen.push(seen);
            }
        }
        // Two are two answers to the question which row an id means.
        if let [only] = primary_keys.as_mut_slice()
            && relation.primary_key.is_empty()
        {
            relation.primary_key = std::mem::take(only);
        }
    }
    views
}

fn source(row: &SourceRow) -> (u32, Source<'_>) {
    let source = Source {
        columns: row.columns.len(),
        unique_keys: row.unique_keys.iter().map(|key| from_zero(key)).collect(),
        tree: row.tree.as_deref().and_then(tree::read),
        is_view: row.tree.is_some(),
    };
    (row.oid, source)
}

fn from_zero(key: &[usize]) -> Vec<usize> {
    key.iter().map(|place| place.saturating_sub(1)).collect()
}

/// The columns of one instance that the view shows.
fn shown(
    row: &SourceRow,
    relation: &Relation,
    lineage: &Lineage,
    instance: Instance,
) -> HashMap<usize, usize> {
    let mut columns = HashMap::new();
    for (name, origin) in row.columns.iter().zip(&lineage.columns) {
        if let (Some(name), Some((of, column))) = (name, origin)
            && *of == instance
            && let Some(place) = relation.column_index(name)
        {
            columns.entry(*column).or_insert(place);
        }
    }
    columns
}

fn add_unique_keys(relation: &mut Relation, seen: &Seen, table: &SourceRow) {
    for key in &table.unique_keys {
        if let Some(key) = seen.columns(&from_zero(key))
            && !key.is_empty()
            && !relation.unique_keys.contains(&key)
        {
            relation.unique_keys.push(key);
        }
    }
}

impl<'a> Views<'a> {
    fn table(&mut self, row: &'a SourceRow) -> &mut Table<'a> {
        let new = || {
            let named =
                |(place, name): (usize, &'a Option<Box<str>>)| Some((name.as_deref()?, place));
            Table {
                columns: row.columns.iter().enumerate().filter_map(named).collect(),
                primary_key: from_zero(&row.primary_key),
                seen: Vec::new(),
            }
        };
        self.0.entry((&row.schema, &row.name)).or_insert_with(new)
    }

    /// What a foreign key links: its tables as far as they are served, and every view that shows its columns. First the
    /// links between tables, then those with views, each in the order of the keys.
    pub(super) fn links(&self, catalog: &Catalog, keys: &[ForeignKeyRow]) -> Vec<Link> {
        let (mut links, mut with_views) = (Vec::new(), Vec::new());
        for (constraint, key) in keys.iter().enumerate() {
            let near = self.ends(catalog, &key.schema, &key.table, &key.columns);
            let far = self.ends(catalog, &key.to_schema, &key.to_table, &key.to_columns);
            for near in &near {
                for far in &far {
                    let link = Link {
                        key: ForeignKey {
                            name: Name::of_catalog(&key.name),
                            from: near.relation,
                            from_columns: near.columns.clone(),
                            to: far.relation,
                            to_columns: far.columns.clone(),
                        },
                        constraint,
                        instance: near.instance,
                        with_view: near.instance.is_some() || far.instance.is_some(),
                        joins: near.joins,
                    };
                    if link.with_view {
                        with_views.push(link);
                    } else {
                        links.push(link);
                    }
                }
            }
        }
        links.append(&mut with_views);
        links
    }

    /// Where those columns of a table are found.
    fn ends(&self, catalog: &Catalog, schema: &str, name: &str, columns: &[Box<str>]) -> Vec<End> {
        let mut ends = Vec::new();
        let served = catalog.relation_id(Some(schema), name);
        if let Some(relation) = served
            && let Some(table) = catalog.get(relation)
            && let Some(columns) = positions(&table.by_column, columns)
        {
            ends.push(End {
                relation,
                instance: None,
                joins: is_part(&columns, &table.primary_key),
                columns,
            });
        }
        let Some(table) = self.0.get(&(schema, name)) else {
            return ends;
        };
        let names = columns.iter().map(AsRef::as_ref);
        let places = names.map(|name: &str| table.columns.get(name).copied());
        let Some(key) = places.collect::<Option<Vec<_>>>() else {
            return ends;
        };
        // Where the junction itself is served, a view of it would be a second way to the same rows.
        let joins = served.is_none() && is_part(&key, &table.primary_key);
        for seen in &table.seen {
            if let Some(columns) = seen.columns(&key) {
                ends.push(End {
                    relation: seen.view,
                    instance: Some(seen.instance),
                    joins: joins && seen.once,
                    columns,
                });
            }
        }
        ends
    }
}

/// Where one side of a foreign key is found.
struct End {
    relation: RelationId,
    /// Of the table in a view; `None` for the table itself.
    instance: Option<Instance>,
    columns: Vec<usize>,
    joins: bool,
}

fn is_part(columns: &[usize], primary_key: &[usize]) -> bool {
    columns.iter().all(|column| primary_key.contains(column))
}
