//! Ways from one relation to another by foreign keys between tables.

use fluxbase_compiler::catalog::{
    Catalog, CatalogJson, Columns, Relation, Relationship, RelationshipKind,
};

use crate::common;

/// The ways from a relation, like `writer -> public.people(id)`, sorted.
pub fn ways(catalog: &Catalog, schema: &str, name: &str) -> Vec<String> {
    let id = catalog.relation_id(Some(schema), name).unwrap();
    let mut ways: Vec<_> = catalog
        .relationships(id)
        .iter()
        .map(|way| written(catalog, catalog.get(id).unwrap(), way))
        .collect();
    ways.sort();
    ways
}

fn written(catalog: &Catalog, from: &Relation, way: &Relationship) -> String {
    let to = catalog.get(way.to).unwrap();
    let near = |pairs: &Columns| columns(from, pairs.iter().map(|pair| pair.0));
    let far = |relation: &Relation, pairs: &Columns| {
        let far = columns(relation, pairs.iter().map(|pair| pair.1));
        format!("{relation:?}({far})")
    };
    match &way.kind {
        RelationshipKind::ToOne { columns: pairs } => {
            let doubt = if catalog.is_certainly_one(way) {
                ""
            } else {
                "?"
            };
            format!("{} ->{doubt} {}", near(pairs), far(to, pairs))
        }
        RelationshipKind::ToMany {
            columns: pairs,
            unique,
        } => {
            let one = if *unique { " one" } else { "" };
            format!("{} <-{one} {}", near(pairs), far(to, pairs))
        }
        RelationshipKind::Through {
            junction,
            near_columns,
            far_columns,
            ..
        } => {
            let junction = catalog.get(*junction).unwrap();
            let through = far(junction, near_columns);
            let key = columns(junction, far_columns.iter().map(|pair| pair.0));
            format!(
                "{} <- {through} {key} -> {}",
                near(near_columns),
                far(to, far_columns)
            )
        }
        RelationshipKind::Computed { .. } => format!("{}() -> {to:?}", way.name.as_str()),
    }
}

/// Names of columns with commas between.
pub fn columns(relation: &Relation, places: impl IntoIterator<Item = usize>) -> String {
    let name = |place: usize| relation.columns[place].name.as_str();
    let names: Vec<_> = places.into_iter().map(name).collect();
    names.join(",")
}

/// Those of a database without views and functions.
fn of_tables(name: &str) -> Vec<String> {
    let json = CatalogJson {
        views: "[]",
        functions: "[]",
        ..common::recorded()
    };
    ways(&Catalog::from_json(1, &json).unwrap(), "public", name)
}

#[test]
fn a_key_is_a_way_to_one_and_a_way_back_to_many() {
    assert_eq!(
        of_tables("comments"),
        ["post_id -> public.posts(id)", "user_id -> public.users(id)"]
    );
    let posts = of_tables("posts");
    for expected in [
        "user_id -> public.users(id)",
        "id <- public.comments(post_id)",
    ] {
        assert!(posts.iter().any(|way| way == expected), "{posts:#?}");
    }
}

#[test]
fn a_unique_key_leads_back_to_one() {
    let users = of_tables("users");
    assert!(
        users.contains(&"id <- one public.profiles(user_id)".to_owned()),
        "{users:#?}"
    );
    assert!(users.contains(&"id <- public.posts(user_id)".to_owned()));
    // Unique by an index that is no constraint.
    assert!(users.contains(&"id <- one app.members(person)".to_owned()));
}

#[test]
fn a_junction_links_both_its_sides() {
    assert_eq!(
        of_tables("tags"),
        [
            "id <- public.post_tags(tag_id)",
            "id <- public.post_tags(tag_id) post_id -> public.posts(id)",
        ]
    );
    let posts = of_tables("posts");
    let tags = "id <- public.post_tags(post_id) tag_id -> public.tags(id)";
    assert!(posts.contains(&tags.to_owned()), "{posts:#?}");
    // A comment refers to its post and to its author; that does not make it a junction.
    let through = |way: &&String| way.contains("public.comments(post_id) ");
    assert_eq!(posts.iter().find(through), None);
}

#[test]
fn a_table_may_refer_to_itself_and_to_another_twice() {
    assert_eq!(
        of_tables("categories"),
        [
            "id <- public.categories(parent_id)",
            "parent_id -> public.categories(id)"
        ]
    );
    assert_eq!(
        of_tables("messages"),
        [
            "recipient -> public.users(id)",
            "sender -> public.users(id)"
        ]
    );
    let users = of_tables("users");
    for expected in [
        "id <- public.messages(recipient)",
        "id <- public.messages(sender)",
    ] {
        assert!(users.iter().any(|way| way == expected), "{users:#?}");
    }
}

#[test]
fn keys_of_several_columns_stay_together() {
    let catalog = common::catalog();
    assert_eq!(
        ways(&catalog, "app", "lines"),
        ["region,number -> app.orders(region,number)"]
    );
    // Part of the primary key of the lines: not unique.
    assert_eq!(
        ways(&catalog, "app", "orders"),
        ["region,number <- app.lines(region,number)"]
    );
}
