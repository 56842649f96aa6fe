//! Types, each with its array type.

use serde::Deserialize;

use super::{CatalogError, class, read};
use crate::catalog::types::{Entry, Types};
use crate::catalog::{Name, TypeClass, TypeName};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeRow {
    schema: Box<str>,
    name: Box<str>,
    array: Box<str>,
    base_type: Box<str>,
    category: Box<str>,
    castable: bool,
    labels: Vec<Box<str>>,
    /// Whether it has a cast to JSON, where that says anything.
    #[serde(default)]
    json: bool,
    /// Which it came with, if any.
    extension: Option<Box<str>>,
}

pub(super) fn types(json: &str) -> Result<Types, CatalogError> {
    let rows: Vec<TypeRow> = read("types.sql", json)?;
    let mut types = Types::default();
    for row in rows {
        let name = |name: &str| TypeName {
            schema: Name::of_catalog(&row.schema),
            name: Name::of_catalog(name),
        };
        let (element, array) = (name(&row.name), name(&row.array));
        types.insert(Entry {
            name: element.clone(),
            class: class(&row.base_type, &row.category),
            base: row.base_type,
            castable: row.castable,
            array: Some(array.name.clone()),
            element: None,
            labels: row.labels,
            json: row.json,
            post_gis: row.extension.as_deref() == Some("postgis"),
        });
        types.insert(Entry {
            name: array,
            class: TypeClass::Array,
            base: Box::default(),
            castable: row.castable,
            array: None,
            element: Some(element),
            labels: Vec::new(),
            json: false,
            post_gis: false,
        });
    }
    Ok(types)
}
