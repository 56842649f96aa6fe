//! Keys of tables as they are seen through views, in the formats that versions of PostgreSQL store views in.

use fluxbase_compiler::catalog::{Catalog, CatalogJson, Relation};
use proptest::prelude::*;

use crate::common;
use crate::relationships::{columns, ways};

/// The catalog of `views/schema.sql` with these views.
fn catalog(views: &str) -> Catalog {
    let json = CatalogJson {
        relations: include_str!("views/relations.json"),
        foreign_keys: include_str!("views/foreign_keys.json"),
        views,
        ..CatalogJson::EMPTY
    };
    Catalog::from_json(1, &json).unwrap()
}

/// What each version said, with its file's name.
fn recorded() -> Vec<(String, String)> {
    let files = std::fs::read_dir(common::tests().join("catalog/views")).unwrap();
    let views: Vec<_> = files
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with("views.") && name.ends_with(".json")
        })
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (path.display().to_string(), text)
        })
        .collect();
    assert!(views.len() >= 2, "{views:?}");
    views
}

/// On each version.
fn each(check: impl Fn(&Catalog)) {
    for (file, views) in recorded() {
        eprintln!("{file}");
        check(&catalog(&views));
    }
}

fn shown<'a>(catalog: &'a Catalog, view: &str) -> &'a Relation {
    let relation = catalog.relation(Some("shown"), view);
    relation.unwrap_or_else(|| panic!("{view}"))
}

/// Primary key | unique keys.
fn keys(relation: &Relation) -> String {
    let key = |key: &Vec<usize>| columns(relation, key.iter().copied());
    let unique: Vec<_> = relation.unique_keys.iter().map(key).collect();
    format!("{} | {}", key(&relation.primary_key), unique.join(" "))
}

#[test]
fn a_view_has_the_keys_of_tables_whose_rows_come_out_once() {
    each(|catalog| {
        for (view, expected) in [
            ("accounts", "number | number"),
            ("memberships", "account,person | account,person"),
            ("letters", "id | id"),
            ("once_plain", "number | number"),
            ("once_nested", "number | number"),
            ("once_inner", "id | id"),
            ("once_left", "region,number,line | region,number,line"),
            ("once_right", "id | id"),
            ("once_where", "id | id"),
            ("once_grouped", "id | id"),
            ("once_distinct", "id | id mail"),
            ("once_row", "id | id"),
            ("once_lateral", "id | id"),
            ("once_using", "person | person mail"),
            ("once_with", "id | id"),
            ("once_stored", "id | id"),
            // One order is joined to each line, though not the line's own.
            ("once_noted", "region,number,line | region,number,line"),
            // Either would do, so neither does for an id.
            ("once_both", " | id person"),
            ("once_distinct_on", " | id text"),
        ] {
            assert_eq!(keys(shown(catalog, view)), expected, "{view}");
        }
    });
}

#[test]
fn a_view_that_may_repeat_rows_has_no_key() {
    each(|catalog| {
        let mut seen = 0;
        for view in catalog.relations() {
            let name = view.name.as_str();
            if name.starts_with("many_") || name.starts_with("nothing_") {
                // Of the replies in it, each comes out once, and they are a table of this view, too.
                let expected = if name == "many_joined" {
                    "reply | reply"
                } else {
                    " | "
                };
                assert_eq!(keys(view), expected, "{name}");
                seen += 1;
            }
        }
        assert_eq!(seen, 19);
    });
}

#[test]
fn foreign_keys_are_seen_between_tables_and_views_and_views() {
    each(|catalog| {
        assert_eq!(
            ways(catalog, "shown", "branches"),
            [
                "id <- public.branches(parent)",
                "id <- shown.branches(parent)",
                "parent -> public.branches(id)",
                "parent -> shown.branches(id)",
            ]
        );
        let nested = ways(catalog, "shown", "once_nested");
        for expected in [
            "author -> public.people(id)",
            "author -> shown.once_distinct(id)",
            "number <- public.replies(text)",
            "number <- shown.once_where(text)",
        ] {
            assert!(nested.iter().any(|way| way == expected), "{nested:#?}");
        }
        let back = ways(catalog, "public", "people");
        for expected in [
            "id <- public.texts(writer)",
            "id <- shown.once_nested(author)",
            "id <- shown.once_stored(writer)",
            // A key of the view says so.
            "id <- one public.profiles(person)",
            "id <- one shown.once_using(person)",
        ] {
            assert!(back.iter().any(|way| way == expected), "{back:#?}");
        }
        // Both columns or none.
        let lines = ways(catalog, "shown", "once_left");
        assert!(
            lines.contains(&"region,number -> public.orders(region,number)".to_owned()),
            "{lines:#?}"
        );
    });
}

#[test]
fn tables_that_are_not_served_are_linked_through_views_of_them() {
    each(|catalog| {
        assert_eq!(
            ways(catalog, "shown", "memberships")
                .into_iter()
                .filter(|way| way.contains("accounts") || way.contains("public."))
                .collect::<Vec<_>>(),
            [
                "account -> shown.accounts(number)",
                "person -> public.people(id)"
            ]
        );
        assert!(
            ways(catalog, "shown", "accounts")
                .contains(&"number <- shown.memberships(account)".to_owned())
        );
        assert!(catalog.relation(Some("hidden"), "accounts").is_none());
    });
}

#[test]
fn junctions_are_seen_through_views() {
    each(|catalog| {
        let tags = ways(catalog, "shown", "tags");
        let texts = "id <- public.text_tags(tag) text -> public.texts(id)";
        assert!(tags.contains(&texts.to_owned()), "{tags:#?}");
        let view = "id <- public.text_tags(tag) text -> shown.once_plain(number)";
        assert!(tags.contains(&view.to_owned()), "{tags:#?}");
        // The view of a junction that is served itself is no second way.
        assert!(
            !tags.iter().any(|way| way.contains("shown.text_tags(tag) ")),
            "{tags:#?}"
        );
        let accounts = ways(catalog, "shown", "accounts");
        let people = "number <- shown.memberships(account) person -> public.people(id)";
        assert!(accounts.contains(&people.to_owned()), "{accounts:#?}");
        // One key of a junction, seen at a table and at a view of it, is not two keys.
        let people = ways(catalog, "public", "people");
        assert!(
            !people
                .iter()
                .any(|way| way.contains("memberships(person) person")),
            "{people:#?}"
        );
    });
}

#[test]
fn a_table_joined_twice_is_seen_twice() {
    each(|catalog| {
        let letters = ways(catalog, "shown", "letters");
        let of_texts: Vec<_> = letters
            .iter()
            .filter(|way| way.contains("public.texts("))
            .collect();
        assert_eq!(
            of_texts,
            [
                "recipient <- public.texts(writer)",
                "sender <- public.texts(writer)"
            ]
        );
        // Its columns are those of people, the keys of letters are not shown.
        assert!(
            !letters.iter().any(|way| way.contains("-> public.people")),
            "{letters:#?}"
        );
    });
}

#[test]
fn what_may_be_several_rows_is_not_called_one() {
    each(|catalog| {
        let replies = ways(catalog, "public", "replies");
        for expected in [
            "text -> public.texts(id)",
            "text -> shown.once_plain(number)",
            "text ->? shown.many_joined(id)",
            "text ->? shown.many_cross(id)",
        ] {
            assert!(replies.iter().any(|way| way == expected), "{replies:#?}");
        }
        let people = ways(catalog, "public", "people");
        assert!(people.contains(&"id <- shown.many_sets(writer)".to_owned()));
    });
}

#[test]
fn a_view_that_computes_is_linked_to_nothing() {
    each(|catalog| {
        for view in [
            "nothing_computed",
            "nothing_union",
            "nothing_recursive",
            "nothing_row",
            "nothing_forged",
        ] {
            assert!(ways(catalog, "shown", view).is_empty(), "{view}");
        }
    });
}

#[test]
fn versions_agree() {
    let all = |catalog: &Catalog| -> Vec<Vec<String>> {
        let of = |r: &Relation| ways(catalog, r.schema.as_str(), r.name.as_str());
        catalog.relations().iter().map(of).collect()
    };
    let versions = recorded();
    let first = all(&catalog(&versions[0].1));
    for (file, views) in &versions[1..] {
        assert_eq!(all(&catalog(views)), first, "{file}");
    }
}

#[test]
fn without_views_only_tables_are_linked() {
    let catalog = catalog("[]");
    assert!(ways(&catalog, "shown", "once_plain").is_empty());
    assert_eq!(ways(&catalog, "public", "branches").len(), 2);
    assert_eq!(catalog.foreign_keys().len(), 9);
}

#[test]
fn a_tree_that_cannot_be_read_is_a_view_that_computes() {
    let (_, views) = &recorded()[0];
    for broken in [
        views.replace(":targetList", ":aims"),
        views.replace(":rtable", ":things"),
        views.replace(":jointree", ":jungle"),
        views.replace(":commandType 1", ":commandType 9"),
        views.replace(":rtekind 0", ":rtekind x"),
        views.replace(":resorigtbl", ":origin"),
        views.replace(":varattno ", ":varattno 9"),
        views.replace("({QUERY", "({QUERY (("),
    ] {
        let catalog = catalog(&broken);
        assert!(ways(&catalog, "shown", "once_plain").is_empty());
        assert_eq!(keys(shown(&catalog, "once_inner")), " | ");
        assert!(
            ways(&catalog, "public", "texts").contains(&"writer -> public.people(id)".to_owned())
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_tree_makes_it_panic(cuts in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec![
        "", " ", "(", ")", "{", "}", "\\\\", "<>", ":", "0", "1", "18446744073709551616", "-1", ":varno 9", "{VAR}", "é",
    ])), 1..8)) {
        let (_, views) = &recorded()[0];
        // The one tree of the file that has most to it, changed within its text.
        let start = views.find("({QUERY").unwrap();
        let end = start + views[start..].find("\"}").unwrap();
        let mut tree = views[start..end].to_owned();
        for (place, piece) in cuts {
            let mut at = place.index(tree.len());
            while !tree.is_char_boundary(at) || tree[..at].ends_with('\\') { at -= 1; }
            tree.insert_str(at, piece);
        }
        let _ = catalog(&format!("{}{tree}{}", &views[..start], &views[end..]));
    }
}
