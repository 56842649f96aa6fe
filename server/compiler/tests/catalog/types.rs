//! Types by the names a request gives them.

use fluxbase_compiler::catalog::TypeClass;

use crate::common;

/// Schema, name and class of the type found.
fn found(schema: Option<&str>, name: &str) -> Option<(String, TypeClass)> {
    let catalog = common::catalog();
    let (own, class) = catalog.data_type(schema, name)?;
    let own = format!("{}.{}", own.schema.as_str(), own.name.as_str());
    Some((own, class))
}

fn system(name: &str, class: TypeClass) -> Option<(String, TypeClass)> {
    Some((format!("pg_catalog.{name}"), class))
}

#[test]
fn sql_spellings_mean_postgresqls_own_types() {
    use TypeClass::{Boolean, Other, Text};
    for (spelling, own, class) in [
        ("bigint", "int8", Other),
        ("bit varying", "varbit", Other),
        ("boolean", "bool", Boolean),
        ("char", "bpchar", Text),
        ("character", "bpchar", Text),
        ("character varying", "varchar", Text),
        ("dec", "numeric", Other),
        ("decimal", "numeric", Other),
        ("double precision", "float8", Other),
        ("float", "float8", Other),
        ("int", "int4", Other),
        ("integer", "int4", Other),
        ("real", "float4", Other),
        ("smallint", "int2", Other),
        ("time with time zone", "timetz", Other),
        ("time without time zone", "time", Other),
        ("timestamp with time zone", "timestamptz", Other),
        ("timestamp without time zone", "timestamp", Other),
        ("text", "text", Text),
        ("INTEGER", "int4", Other),
        ("Text", "text", Text),
        (" uuid ", "uuid", Other),
        ("json", "json", TypeClass::Json),
        ("jsonb", "jsonb", TypeClass::Jsonb),
        ("tsvector", "tsvector", TypeClass::TsVector),
        ("int4range", "int4range", TypeClass::Range),
        ("datemultirange", "datemultirange", TypeClass::Range),
    ] {
        assert_eq!(found(None, spelling), system(own, class), "{spelling}");
    }
    // The standard's words mean nothing inside a schema.
    assert_eq!(found(Some("pg_catalog"), "integer"), None);
    assert_eq!(
        found(Some("pg_catalog"), "int4"),
        system("int4", TypeClass::Other)
    );
}

#[test]
fn arrays_are_found_by_what_they_hold() {
    let array = |own: &str| Some((own.to_owned(), TypeClass::Array));
    for spelling in ["integer[]", "int4[]", "int []", "_int4"] {
        assert_eq!(
            found(None, spelling),
            array("pg_catalog._int4"),
            "{spelling}"
        );
    }
    assert_eq!(
        found(None, "timestamp with time zone[]"),
        array("pg_catalog._timestamptz")
    );
    // Its name was taken by another type: a guess would have found that one.
    assert_eq!(found(Some("app"), "size[]"), array("app.__size"));
    assert_eq!(
        found(Some("app"), "_size"),
        Some(("app._size".into(), TypeClass::Other))
    );
    for nothing in ["[]", "int4[][]", "_int4[]", "int4[", "[]int4"] {
        assert_eq!(found(None, nothing), None, "{nothing}");
    }
}

#[test]
fn types_of_served_schemas_are_found_exactly_as_spelled() {
    let own = |own: &str, class| Some((own.to_owned(), class));
    assert_eq!(
        found(None, "mood"),
        own("public.mood", TypeClass::Other),
        "of the default schema"
    );
    assert_eq!(
        found(Some("app"), "shorter"),
        own("app.shorter", TypeClass::Text)
    );
    assert_eq!(
        found(Some("app"), "span"),
        own("app.span", TypeClass::Range)
    );
    assert_eq!(
        found(Some("app"), "span_multirange"),
        own("app.span_multirange", TypeClass::Range)
    );
    for (schema, name) in [
        (None, "Mood"),
        (None, "shorter"),
        (Some("app"), "mood"),
        (Some("public"), "text"),
        (None, ""),
        (None, "mood; drop table posts"),
    ] {
        assert_eq!(found(schema, name), None, "{schema:?} {name}");
    }
}

#[test]
fn types_whose_text_would_tell_what_exists_cannot_be_named() {
    // The attack: select=name::regclass on rows that hold guessed names; those that exist come back, the others are an
    // error. The same with roles, through regrole and aclitem.
    for name in [
        "regclass",
        "regclass[]",
        "_regclass",
        "regrole",
        "regnamespace",
        "regproc",
        "regtype",
        "aclitem",
        "_aclitem",
    ] {
        assert_eq!(found(None, name), None, "{name}");
        assert_eq!(found(Some("pg_catalog"), name), None, "{name}");
    }
    // Pseudo types, row types, and what PostgreSQL keeps for itself.
    for name in [
        "record",
        "anyelement",
        "cstring",
        "void",
        "posts",
        "_posts",
        "pg_class",
        "pg_node_tree",
        "unknown",
    ] {
        assert_eq!(found(None, name), None, "{name}");
    }
    assert_eq!(found(Some("auth"), "level"), None);
    assert_eq!(found(Some("information_schema"), "sql_identifier"), None);
    assert_eq!(found(None, "name"), system("name", TypeClass::Text));
}

#[test]
fn labels_of_an_enum_come_in_its_order() {
    let catalog = common::catalog();
    let kinds = catalog.relation(Some("app"), "kinds").unwrap();
    let labels = |column: &str| -> Vec<&str> {
        let column = kinds.column(column).unwrap();
        let labels = catalog.enum_labels(&column.data_type);
        labels.iter().map(AsRef::as_ref).collect()
    };
    assert_eq!(labels("mood"), ["sad", "ok", "happy"]);
    assert!(labels("code").is_empty());
    let (feeling, _) = catalog.data_type(Some("app"), "feeling").unwrap();
    assert_eq!(
        catalog.enum_labels(feeling).len(),
        3,
        "a domain over an enum"
    );
}

#[test]
fn an_array_says_what_it_holds() {
    let catalog = common::catalog();
    let kinds = catalog.relation(Some("app"), "kinds").unwrap();
    let element = |column: &str| {
        let column = kinds.column(column).unwrap();
        let element = catalog.element_type(&column.data_type)?;
        Some(element.name.as_str())
    };
    assert_eq!(element("tags"), Some("text"));
    assert_eq!(element("numbers"), Some("int4"));
    assert_eq!(element("code"), None);
}
