//! What roles were granted, for descriptions.

use fluxbase_compiler::catalog::{Catalog, CatalogJson, Privilege, Role};

use crate::common;

const ROLES: [Role; 3] = [Role::Anon, Role::Authenticated, Role::ServiceRole];

/// Like `r-- riu- riud`: what each role may do with a relation, or with a column of it.
fn grants(catalog: &Catalog, schema: &str, name: &str, column: Option<&str>) -> String {
    let relation = catalog.relation(Some(schema), name).unwrap();
    let may = |role, privilege| match column {
        None => relation.may(role, privilege),
        Some(column) => relation.column(column).unwrap().may(role, privilege),
    };
    let letters = [
        (Privilege::Select, 'r'),
        (Privilege::Insert, 'i'),
        (Privilege::Update, 'u'),
        (Privilege::Delete, 'd'),
    ];
    let of_role = |role| -> String {
        let letter = |(privilege, letter)| if may(role, privilege) { letter } else { '-' };
        letters.into_iter().map(letter).collect()
    };
    ROLES.map(of_role).join(" ")
}

#[test]
fn grants_on_a_table_are_those_of_each_role() {
    let catalog = common::catalog();
    let on = |name| grants(&catalog, "public", name, None);
    assert_eq!(on("posts"), "r--- riud riud");
    assert_eq!(on("tags"), "---- ---- riud");
    assert_eq!(
        grants(&catalog, "public", "posts", Some("title")),
        "r--- riud riud"
    );
}

#[test]
fn grants_on_a_column_are_its_own_and_those_of_the_table() {
    let catalog = common::catalog();
    let on = |column| grants(&catalog, "public", "users", column);
    assert_eq!(on(None), "-i-- r-u- riud", "on some column");
    assert_eq!(on(Some("id")), "-i-- r--- riud");
    assert_eq!(on(Some("name")), "---- r-u- riud");
    assert_eq!(on(Some("email")), "---- ---- riud");
}

#[test]
fn a_grant_inside_a_schema_nobody_may_use_is_none() {
    let catalog = common::catalog();
    assert_eq!(
        grants(&catalog, "app", "kinds", None),
        "---- r--- riud",
        "anon has select and no way to the schema"
    );
    assert_eq!(
        grants(&catalog, "app", "kinds", Some("code")),
        "---- r--- riud"
    );
    let schema = catalog.schema("app").unwrap();
    assert_eq!(ROLES.map(|role| schema.may(role)), [false, true, true]);
    assert_eq!(
        schema.comment.as_deref(),
        Some("What the application keeps")
    );
    let names: Vec<_> = catalog.schemas().iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["app", "public"]);
    assert!(catalog.schema("auth").is_none() && catalog.schema("App").is_none());
}

#[test]
fn a_function_says_who_may_execute_it() {
    let catalog = common::catalog();
    let may = |schema, name| {
        let function = catalog.functions(Some(schema), name).next().unwrap();
        ROLES.map(|role| function.may(role))
    };
    assert_eq!(may("public", "add"), [false, true, true]);
    assert_eq!(may("public", "say"), [false, false, true]);
    // To PUBLIC, as is PostgreSQL's default.
    assert_eq!(may("public", "newest"), [true, true, true]);
    assert_eq!(may("app", "where_is"), [false, true, true]);
}

#[test]
fn without_word_of_schemas_nothing_is_granted() {
    let json = CatalogJson {
        schemas: "[]",
        ..common::recorded()
    };
    let catalog = Catalog::from_json(1, &json).unwrap();
    assert_eq!(grants(&catalog, "public", "posts", None), "---- ---- ----");
    assert!(
        catalog
            .all_functions()
            .iter()
            .all(|f| !f.may(Role::ServiceRole))
    );
}
