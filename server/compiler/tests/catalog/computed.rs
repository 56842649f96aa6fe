//! Columns and relationships that functions of a row add.

use fluxbase_compiler::catalog::{Catalog, Relation, RelationshipKind};

use crate::common;

fn columns(catalog: &Catalog, relation: &Relation) -> Vec<String> {
    let name = |id: &_| {
        let function = catalog.function(*id).unwrap();
        format!("{}.{}", function.schema.as_str(), function.name.as_str())
    };
    relation.computed.iter().map(name).collect()
}

/// Name, relation reached, and whether it is one row at most.
fn relationships(catalog: &Catalog, relation: &str) -> Vec<(String, String, bool)> {
    let id = catalog.relation_id(None, relation).unwrap();
    catalog
        .relationships(id)
        .iter()
        .filter_map(|way| match way.kind {
            RelationshipKind::Computed { function, one } => {
                let function = catalog.function(function).unwrap();
                assert_eq!(function.name, way.name);
                assert_eq!(way.is_to_one(), one);
                let to = catalog.get(way.to).unwrap();
                let name = format!("{}.{}", function.schema.as_str(), way.name.as_str());
                Some((name, to.name.as_str().to_owned(), one))
            }
            _ => None,
        })
        .collect()
}

#[test]
fn a_function_of_a_row_that_gives_one_value_is_a_column() {
    let catalog = common::catalog();
    let posts = catalog.relation(None, "posts").unwrap();
    // Not title, which the column hides, nor the excerpt of the other schema.
    assert_eq!(
        columns(&catalog, posts),
        ["app.age", "public.excerpt", "public.loud_title"]
    );
    let excerpt = posts.computed_column("excerpt").unwrap();
    assert_eq!(catalog.function(excerpt).unwrap().schema.as_str(), "public");
    assert_eq!(
        posts.computed_column("age"),
        Some(posts.computed[0]),
        "of another schema"
    );
    for name in ["title", "Excerpt", "replies", "archive", "about", ""] {
        assert_eq!(posts.computed_column(name), None, "{name}");
    }
    let view = catalog.relation(None, "public_posts").unwrap();
    assert_eq!(columns(&catalog, view), ["public.word_count"]);
    let users = catalog.relation(None, "users").unwrap();
    assert!(users.computed.is_empty());
}

#[test]
fn a_function_of_a_row_that_gives_rows_is_a_relationship() {
    let catalog = common::catalog();
    let way = |name: &str, to: &str, one| (format!("public.{name}"), to.to_owned(), one);
    assert_eq!(
        relationships(&catalog, "posts"),
        [
            way("last_reply", "comments", true),
            way("replies", "comments", false),
            way("same_author", "posts", false),
            // ROWS 1; that a column has this name is no hindrance.
            way("user_id", "users", true),
        ]
    );
    assert!(relationships(&catalog, "users").is_empty());
    assert!(relationships(&catalog, "comments").is_empty());
}

#[test]
fn a_function_of_a_row_cannot_be_called_by_name() {
    // The attack: call it with a row made up, which need not exist, and read what a function that trusts its argument
    // says about it.
    let catalog = common::catalog();
    for name in [
        "excerpt",
        "loud_title",
        "title",
        "replies",
        "last_reply",
        "same_author",
        "user_id",
        "word_count",
        "secret_of",
        "about",
    ] {
        assert_eq!(catalog.functions(None, name).count(), 0, "{name}");
        let listed = |f: &&_| listed_name(f) == name;
        assert_eq!(catalog.all_functions().iter().find(listed), None, "{name}");
    }
    // Twins: an act on a row, and what is neither a value nor rows of a relation, take an object.
    for name in ["archive", "words_of"] {
        assert_eq!(catalog.functions(None, name).count(), 1, "{name}");
        let listed = |f: &&_| listed_name(f) == name;
        assert!(catalog.all_functions().iter().any(|f| listed(&f)), "{name}");
    }
}

fn listed_name(function: &fluxbase_compiler::catalog::Function) -> &str {
    function.name.as_str()
}
