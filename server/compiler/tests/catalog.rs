//! The snapshot as the catalog queries gave it, and JSON they would never give.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions"
)]

mod common;
#[path = "catalog/computed.rs"]
mod computed;
#[path = "catalog/functions.rs"]
mod functions;
#[path = "catalog/privileges.rs"]
mod privileges;
#[path = "catalog/relationships.rs"]
mod relationships;
#[path = "catalog/types.rs"]
mod types;
#[path = "catalog/views.rs"]
mod views;

use fluxbase_compiler::catalog::{
    Catalog, CatalogJson, Generation, Relation, RelationKind, TypeClass,
};

fn load(relations: &str, foreign_keys: &str) -> Result<Catalog, String> {
    Catalog::from_json(
        7,
        &CatalogJson {
            relations,
            foreign_keys,
            ..CatalogJson::EMPTY
        },
    )
    .map_err(|error| error.to_string())
}

fn names<'a>(relation: &'a Relation, positions: &[usize]) -> Vec<&'a str> {
    positions
        .iter()
        .map(|position| relation.columns[*position].name.as_str())
        .collect()
}

#[test]
fn relations_are_found_by_their_exact_name() {
    let catalog = common::catalog();
    assert_eq!(
        catalog.relation(None, "posts").unwrap().kind,
        RelationKind::Table
    );
    assert_eq!(
        catalog.relation(Some("public"), "daily").unwrap().kind,
        RelationKind::MaterializedView
    );
    assert_eq!(
        catalog.relation(Some("app"), "inbox").unwrap().kind,
        RelationKind::View
    );
    assert!(catalog.relation(Some("app"), "we\"ird; table --").is_some());
    for (schema, name) in [
        (None, "Posts"),
        (None, "kinds"),
        (Some("App"), "kinds"),
        (Some(""), "posts"),
        (None, ""),
    ] {
        assert!(
            catalog.relation(schema, name).is_none(),
            "{schema:?}.{name}"
        );
    }
}

#[test]
fn nothing_of_the_system_is_in_the_catalog() {
    let catalog = common::catalog();
    let served = catalog
        .relations()
        .iter()
        .all(|r| matches!(r.schema.as_str(), "public" | "app"));
    assert!(served && !catalog.relations().is_empty());
}

#[test]
fn keys_are_those_that_pin_a_row() {
    let catalog = common::catalog();
    let members = catalog.relation(Some("app"), "members").unwrap();
    assert_eq!(names(members, &members.primary_key), ["team", "person"]);
    let unique: Vec<_> = members
        .unique_keys
        .iter()
        .map(|key| names(members, key))
        .collect();
    // Not the partial index, not the one over an expression; of the one that includes a column, only the key.
    assert_eq!(unique, [vec!["team", "person"], vec!["person"]]);
}

#[test]
fn foreign_keys_join_relations_of_the_catalog() {
    let catalog = common::catalog();
    let key = catalog
        .foreign_keys()
        .iter()
        .find(|key| key.name.as_str() == "comments_post_id_fkey")
        .unwrap();
    let (from, to) = (catalog.get(key.from).unwrap(), catalog.get(key.to).unwrap());
    assert_eq!(
        (from.name.as_str(), names(from, &key.from_columns)),
        ("comments", vec!["post_id"])
    );
    assert_eq!(
        (to.name.as_str(), names(to, &key.to_columns)),
        ("posts", vec!["id"])
    );
}

#[test]
fn types_are_seen_through_domains() {
    let catalog = common::catalog();
    let kinds = catalog.relation(Some("app"), "kinds").unwrap();
    let class = |name: &str| kinds.column(name).unwrap().class;
    assert_eq!(class("label"), TypeClass::Text);
    assert_eq!(class("document"), TypeClass::Jsonb);
    assert_eq!(class("raw"), TypeClass::Json);
    assert_eq!(class("tags"), TypeClass::Array);
    assert_eq!(class("flag"), TypeClass::Boolean);
    assert_eq!(class("mood"), TypeClass::Other);
    // NOT NULL of the domain below the domain.
    assert!(!kinds.column("label").unwrap().nullable && kinds.column("code").unwrap().nullable);
}

#[test]
fn columns_that_cannot_be_written_are_known() {
    let catalog = common::catalog();
    let kinds = catalog.relation(Some("app"), "kinds").unwrap();
    assert_eq!(
        kinds.column("id").unwrap().generation,
        Generation::IdentityAlways
    );
    assert_eq!(
        kinds.column("doubled").unwrap().generation,
        Generation::Computed
    );
    assert!(!kinds.column("id").unwrap().writable() && kinds.column("amount").unwrap().writable());
    assert!(kinds.column("gone").is_none(), "dropped");
}

#[test]
fn json_that_is_no_catalog_is_refused_naming_the_query() {
    assert!(load("[]", "[]").unwrap().relations().is_empty());
    let error = load("{}", "[]").unwrap_err();
    assert!(error.starts_with("cannot read relations.sql"), "{error}");
    let error = load("[]", "[{\"name\":\"k\"}]").unwrap_err();
    assert!(error.starts_with("cannot read foreign_keys.sql"), "{error}");
    // A field this version does not know: the query and the compiler are not of one release.
    let relations =
        include_str!("catalog/relations.json").replacen("\"kind\"", "\"colour\": 1, \"kind\"", 1);
    assert!(load(&relations, "[]").unwrap_err().contains("colour"));
    let mut others = [CatalogJson::EMPTY; 4];
    others[0].types = "[{}]";
    others[1].functions = "[{}]";
    others[2].views = "[{}]";
    others[3].schemas = "[{}]";
    for (json, query) in others
        .iter()
        .zip(["types", "functions", "views", "schemas"])
    {
        let error = Catalog::from_json(7, json).unwrap_err().to_string();
        let expected = format!("cannot read {query}.sql: missing field");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[test]
fn a_foreign_key_to_what_is_not_served_joins_nothing() {
    let (relations, keys) = (
        include_str!("catalog/relations.json"),
        include_str!("catalog/foreign_keys.json"),
    );
    let all = load(relations, keys).unwrap().foreign_keys().len();
    for gone in [
        keys.replacen("\"to_table\": \"posts\"", "\"to_table\": \"gone\"", 1),
        keys.replacen("\"post_id\"", "\"gone\"", 1),
    ] {
        assert_eq!(
            load(relations, &gone).unwrap().foreign_keys().len(),
            all - 1
        );
    }
}

#[test]
fn a_generation_is_the_number_it_was_given() {
    assert_eq!(load("[]", "[]").unwrap().generation(), 7);
}
