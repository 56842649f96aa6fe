//! Functions a request may call.

use fluxbase_compiler::catalog::{
    ArgumentMode, Catalog, CatalogJson, Function, Returns, TypeClass, Volatility,
};

use crate::common;

/// The one function of that name.
fn only<'a>(catalog: &'a Catalog, schema: &str, name: &str) -> &'a Function {
    let found: Vec<_> = catalog.functions(Some(schema), name).collect();
    assert_eq!(found.len(), 1, "{schema}.{name}");
    found[0]
}

/// As in `name text = default`.
fn arguments(function: &Function) -> Vec<String> {
    let of = |argument: &fluxbase_compiler::catalog::Argument| {
        let mode = match argument.mode {
            ArgumentMode::In => "",
            ArgumentMode::InOut => "inout ",
            ArgumentMode::Variadic => "variadic ",
        };
        let name = argument.name.as_ref().map_or("-", |name| name.as_str());
        let default = if argument.has_default { " =" } else { "" };
        format!("{mode}{name} {}{default}", argument.data_type.name.as_str())
    };
    function.arguments.iter().map(of).collect()
}

fn row(function: &Function) -> Vec<String> {
    match &function.returns {
        Returns::Row(row) => row
            .columns
            .iter()
            .map(|column| {
                let data_type = column.data_type.name.as_str();
                format!("{} {data_type}", column.name.as_str())
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_function_says_what_it_takes_and_gives() {
    let catalog = common::catalog();
    let add = only(&catalog, "public", "add");
    assert_eq!(arguments(add), ["a int4", "b int4 ="]);
    assert_eq!(add.volatility, Volatility::Immutable);
    assert_eq!(add.comment.as_deref(), Some("Adds two numbers"));
    assert!(!add.set && !add.procedure);
    match &add.returns {
        Returns::Scalar { data_type, class } => {
            assert_eq!(
                (data_type.name.as_str(), *class),
                ("int4", TypeClass::Other)
            );
        }
        other => panic!("{other:?}"),
    }
    let words = only(&catalog, "public", "join_words");
    assert_eq!(arguments(words), ["separator text", "variadic words _text"]);
    let numbers = only(&catalog, "public", "numbers");
    assert_eq!(arguments(numbers), ["upto int4", "mood mood ="]);
    assert!(numbers.set && matches!(numbers.returns, Returns::Scalar { .. }));
    let say = only(&catalog, "public", "say");
    assert_eq!(
        (&say.returns, say.volatility),
        (&Returns::Void, Volatility::Volatile)
    );
    assert_eq!(only(&catalog, "public", "loose").returns, Returns::Record);
    // The domain, which may name a media type, and not the text below it.
    match &only(&catalog, "public", "page").returns {
        Returns::Scalar { data_type, class } => {
            assert_eq!(
                (data_type.name.as_str(), *class),
                ("text/plain", TypeClass::Text)
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_overloaded_name_has_several_functions() {
    let catalog = common::catalog();
    let found: Vec<_> = catalog.functions(None, "search").map(arguments).collect();
    assert_eq!(
        found,
        [
            vec!["query text"],
            vec!["query text", "author uuid", "since date ="]
        ]
    );
    for (schema, name) in [
        (None, "Search"),
        (Some("app"), "search"),
        (Some("nowhere"), "search"),
        (None, ""),
    ] {
        assert_eq!(catalog.functions(schema, name).count(), 0, "{name}");
    }
    let odd = only(&catalog, "app", "we\"ird; function --");
    assert_eq!(arguments(odd), ["select int4", "a.b text"]);
}

#[test]
fn a_row_of_a_relation_served_is_that_relation() {
    let catalog = common::catalog();
    let posts = catalog.relation_id(None, "posts").unwrap();
    let newest = only(&catalog, "public", "newest");
    assert_eq!(
        (&newest.returns, newest.set),
        (&Returns::Relation(posts), false)
    );
    for search in catalog.functions(None, "search") {
        assert_eq!(
            (&search.returns, search.set),
            (&Returns::Relation(posts), true)
        );
    }
}

#[test]
fn other_rows_have_columns_of_their_own() {
    let catalog = common::catalog();
    let columns = |schema, name| row(only(&catalog, schema, name));
    assert_eq!(columns("public", "totals"), ["day date", "posts int8"]);
    assert_eq!(columns("public", "split"), ["half int4", "rest int4"]);
    assert_eq!(columns("public", "named"), ["answer int4"]);
    assert_eq!(
        columns("public", "pair_of"),
        ["column1 int4", "column2 text"]
    );
    // A composite type without its dropped attribute, also below a domain, and the row of a table that is not served.
    assert_eq!(columns("app", "where_is"), ["street text", "number int4"]);
    assert_eq!(
        columns("app", "where_exactly"),
        ["street text", "number int4"]
    );
    assert_eq!(columns("app", "secret_row"), ["id int4", "secret text"]);
    let unnamed = only(&catalog, "public", "unnamed");
    assert!(matches!(unnamed.returns, Returns::Scalar { .. }));
    assert!(unnamed.arguments.is_empty());
}

#[test]
fn procedures_are_known_as_such() {
    let catalog = common::catalog();
    let transfer = only(&catalog, "app", "transfer");
    assert!(transfer.procedure && only(&catalog, "app", "settle").procedure);
    assert_eq!(
        arguments(transfer),
        ["inout amount numeric", "target text ="]
    );
    assert_eq!(row(transfer), ["amount numeric"]);
}

#[test]
fn what_no_request_can_call_is_not_there() {
    let catalog = common::catalog();
    for (schema, name) in [
        ("app", "take"),
        ("app", "on_command"),
        ("app", "polymorphic"),
        ("app", "many"),
        ("app", "parse"),
        ("app", "numbered"),
        ("app", "total"),
        ("app", "span"),
        ("app", "give_back"),
        ("auth", "reveal"),
        ("pg_catalog", "now"),
        ("public", "take_pair"),
        ("public", "take_half"),
    ] {
        let found = catalog.functions(Some(schema), name).count();
        assert_eq!(found, 0, "{schema}.{name}");
    }
    let all = catalog.all_functions();
    assert!(
        all.iter()
            .all(|function| matches!(function.schema.as_str(), "public" | "app"))
    );
    // Their twins: the one argument takes the body, the other may be left out.
    assert_eq!(arguments(only(&catalog, "public", "take_all")), ["- json"]);
    assert_eq!(
        arguments(only(&catalog, "public", "take_maybe")),
        ["- int4 ="]
    );
}

#[test]
fn functions_come_in_order() {
    let catalog = common::catalog();
    let key = |function: &Function| {
        (
            function.schema.as_str().to_owned(),
            function.name.as_str().to_owned(),
            function.arguments.len(),
        )
    };
    assert!(catalog.all_functions().is_sorted_by_key(key));
    assert!(catalog.all_functions().len() > 10);
}

#[test]
fn a_result_of_a_relation_that_is_not_there_is_a_row() {
    let json = CatalogJson {
        functions: common::recorded().functions,
        ..CatalogJson::EMPTY
    };
    let catalog = Catalog::from_json(1, &json).unwrap();
    let newest = only(&catalog, "public", "newest");
    assert_eq!(row(newest).len(), 6);
}
