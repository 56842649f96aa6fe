use super::{Mount, View, document};
use crate::auth::ACTS;
use fluxbase_compiler::catalog::{Catalog, CatalogJson, Role};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The database of the compiler's corpus.
fn catalog() -> Catalog {
    let json = CatalogJson {
        schemas: include_str!("../../compiler/tests/catalog/schemas.json"),
        relations: include_str!("../../compiler/tests/catalog/relations.json"),
        foreign_keys: include_str!("../../compiler/tests/catalog/foreign_keys.json"),
        types: include_str!("../../compiler/tests/catalog/types.json"),
        functions: include_str!("../../compiler/tests/catalog/functions.json"),
        views: include_str!("../../compiler/tests/catalog/views.json"),
        ..CatalogJson::EMPTY
    };
    Catalog::from_json(1, &json).unwrap()
}

fn of(role: Role, mount: Mount) -> Value {
    document(&catalog(), &View { role, mount })
}

fn rest(role: Role, schema: &str) -> Value {
    let schema = schema.to_owned();
    of(role, Mount::PostgRest { schema })
}

fn methods(document: &Value, path: &str) -> Vec<String> {
    let item = document["paths"].get(path).and_then(Value::as_object);
    let names = item.into_iter().flat_map(|item| item.keys().cloned());
    names.filter(|name| name != "parameters").collect()
}

fn members(schema: &Value) -> Vec<&str> {
    let properties = schema["properties"].as_object().unwrap();
    properties.keys().map(String::as_str).collect()
}

/// Paths below a mount that are no account endpoints.
fn paths<'a>(document: &'a Value, below: &str) -> Vec<&'a str> {
    let paths = document["paths"].as_object().unwrap().keys();
    paths
        .map(String::as_str)
        .filter(|path| path.starts_with(below))
        .collect()
}

#[test]
fn a_visitor_is_told_of_what_was_granted_to_visitors_and_of_nothing_else() {
    let document = rest(Role::Anon, "public");
    let tables: Vec<&str> = paths(&document, "/rest/v1/")
        .into_iter()
        .filter(|path| !path.contains("/rpc/"))
        .collect();
    assert_eq!(
        tables,
        ["/rest/v1/comments", "/rest/v1/posts", "/rest/v1/users"]
    );
    assert_eq!(methods(&document, "/rest/v1/posts"), ["get"]);
    // Only INSERT of one column.
    assert_eq!(methods(&document, "/rest/v1/users"), ["post"]);
    let schemas = &document["components"]["schemas"];
    assert_eq!(members(&schemas["public.users.insert"]), ["id"]);
    assert_eq!(members(&schemas["public.users.row"]), [""; 0]);
    assert!(schemas.get("public.users.update").is_none());
    // A key to what may not be seen is not told either; the twin is below.
    let key = &schemas["public.comments.row"]["properties"]["user_id"];
    assert_eq!(key.get("description"), None, "{key}");
    let named: Vec<&str> = schemas
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(
        named,
        [
            "account-refusal",
            "public.comments.row",
            "public.posts.row",
            "public.users.insert",
            "public.users.row",
            "refusal"
        ]
    );
    for hidden in ["profiles", "post_tags", "secrets", "public.users.email"] {
        assert!(!document.to_string().contains(hidden), "{hidden}");
    }
    // A grant on a table of a schema without USAGE is worth nothing.
    assert_eq!(paths(&rest(Role::Anon, "app"), "/rest/v1/kinds"), [""; 0]);
}

#[test]
fn a_user_is_told_the_columns_and_verbs_of_users() {
    let document = rest(Role::Authenticated, "public");
    assert_eq!(
        methods(&document, "/rest/v1/posts"),
        ["delete", "get", "patch", "post", "put"]
    );
    assert_eq!(methods(&document, "/rest/v1/users"), ["get", "patch"]);
    let schemas = &document["components"]["schemas"];
    assert_eq!(members(&schemas["public.users.row"]), ["id", "name"]);
    assert_eq!(members(&schemas["public.users.update"]), ["name"]);
    assert!(schemas.get("public.users.insert").is_none());
    let key = &schemas["public.comments.row"]["properties"]["user_id"]["description"];
    assert_eq!(
        key,
        "Note:\nThis is a Foreign Key to `users.id`.<fk table='users' column='id'/>"
    );
    // A condition on a column that may not be read would fail.
    let parameters = &document["components"]["parameters"];
    assert!(parameters.get("public.users.name").is_some());
    assert!(parameters.get("public.users.email").is_none());
}

#[test]
fn the_service_role_is_told_of_everything_that_is_served() {
    let document = of(Role::ServiceRole, Mount::Fluxbase);
    for path in [
        "/api/v1/tables/posts",
        "/api/v1/tables/posts/query",
        "/api/v1/tables/public/posts/{id}",
        "/api/v1/tables/app/kinds",
        "/api/v1/tables/app/we%22ird%3B%20table%20--",
        "/api/v1/rpc/default/search",
    ] {
        assert!(!methods(&document, path).is_empty(), "{path}");
    }
    assert_eq!(
        methods(&document, "/api/v1/tables/public/posts/{id}"),
        ["delete", "get", "patch", "put"]
    );
    // A materialised view takes no writes; a key of two columns makes no address of a row.
    assert_eq!(methods(&document, "/api/v1/tables/daily"), ["get"]);
    assert_eq!(
        methods(&document, "/api/v1/tables/public/post_tags/{id}"),
        [""; 0]
    );
    // Not the schemas of the server itself, whatever was granted.
    assert!(!document.to_string().contains("auth.secrets"));
    assert!(paths(&document, "/api/v1/tables/auth").is_empty());
    assert!(paths(&document, "/api/v1/rpc/auth").is_empty());
}

#[test]
fn functions_are_told_to_those_who_may_execute_them() {
    let (anon, user) = (
        rest(Role::Anon, "public"),
        rest(Role::Authenticated, "public"),
    );
    assert_eq!(methods(&anon, "/rest/v1/rpc/add"), [""; 0]);
    assert_eq!(methods(&user, "/rest/v1/rpc/add"), ["get", "post"]);
    let post = &user["paths"]["/rest/v1/rpc/add"]["post"];
    assert_eq!(post["summary"], "Adds two numbers");
    let body = &post["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(
        *body,
        json!({
            "type": "object", "required": ["a"],
            "properties": {
                "a": {"type": ["integer", "null"], "format": "int32"},
                "b": {"type": ["integer", "null"], "format": "int32"},
            },
        })
    );
    let get = &user["paths"]["/rest/v1/rpc/add"]["get"]["parameters"];
    assert_eq!(
        *get,
        json!([
            {"name": "a", "in": "query", "required": true, "schema": {"type": "integer", "format": "int32"}},
            {"name": "b", "in": "query", "required": false, "schema": {"type": "integer", "format": "int32"}},
        ])
    );
    // What may write is not for GET.
    assert_eq!(methods(&user, "/rest/v1/rpc/loose"), ["post"]);
    // Overloads are one operation with either body.
    let search = &user["paths"]["/rest/v1/rpc/search"]["post"]["requestBody"];
    let bodies = &search["content"]["application/json"]["schema"]["anyOf"];
    assert_eq!(bodies.as_array().map(Vec::len), Some(2));
    // The whole body is the argument; one that can be given by position alone cannot be given.
    let take = &user["paths"]["/rest/v1/rpc/take_all"]["post"]["requestBody"];
    assert_eq!(take["content"]["application/json"]["schema"], json!({}));
    assert_eq!(methods(&user, "/rest/v1/rpc/take_pair"), [""; 0]);
    // The rows of a table all of whose columns are seen are that table's.
    let rows = |document: &Value| {
        document["paths"]["/rest/v1/rpc/newest"]["post"]["responses"]["200"]["content"]
            ["application/json"]["schema"]
            .clone()
    };
    assert_eq!(
        rows(&user),
        json!({"$ref": "#/components/schemas/public.posts.row"})
    );
}

#[test]
fn values_have_the_types_of_their_columns() {
    let document = rest(Role::ServiceRole, "app");
    let row = &document["components"]["schemas"]["app.kinds.row"]["properties"];
    for (column, schema) in [
        (
            "id",
            json!({"type": "integer", "format": "int32",
                      "description": "Note:\nThis is a Primary Key.<pk/>"}),
        ),
        ("code", json!({"type": ["string", "null"]})),
        (
            "mood",
            json!({"type": ["string", "null"], "enum": ["sad", "ok", "happy", null]}),
        ),
        ("label", json!({"type": "string"})),
        ("amount", json!({"type": ["number", "null"]})),
        (
            "ratio",
            json!({"type": ["number", "null"], "format": "double"}),
        ),
        ("flag", json!({"type": ["boolean", "null"]})),
        ("day", json!({"type": ["string", "null"], "format": "date"})),
        (
            "tags",
            json!({"type": ["array", "null"], "items": {"type": ["string", "null"]}}),
        ),
        (
            "numbers",
            json!({"type": ["array", "null"],
                           "items": {"type": ["integer", "null"], "format": "int32"}}),
        ),
        ("meta", json!({})),
        ("document", json!({})),
        (
            "period",
            json!({"type": ["string", "null"], "format": "tstzrange"}),
        ),
    ] {
        assert_eq!(row[column], schema, "{column}");
    }
    // What PostgreSQL makes by itself cannot be given.
    let insert = &document["components"]["schemas"]["app.kinds.insert"];
    let given = members(insert);
    assert!(
        !given.contains(&"id") && !given.contains(&"doubled"),
        "{given:?}"
    );
    assert!(given.contains(&"code"));
    assert_eq!(document["info"]["title"], "What the application keeps");
}

#[test]
fn comments_are_summaries() {
    let document = rest(Role::Authenticated, "public");
    assert_eq!(
        document["paths"]["/rest/v1/posts"]["get"]["summary"],
        "What users write"
    );
    let posts = &document["components"]["schemas"]["public.posts.row"];
    assert_eq!(posts["description"], "What users write");
    assert_eq!(
        posts["properties"]["is_public"]["description"],
        "Readable by everyone"
    );
    assert_eq!(
        super::first_line(Some(" a\nb\nc ")),
        (Some("a"), Some("b\nc"))
    );
    assert_eq!(super::first_line(Some("  ")), (None, None));
}

#[test]
fn each_account_endpoint_is_told_as_the_table_of_them_has_it() {
    let document = rest(Role::Anon, "public");
    let mut ids = BTreeSet::new();
    for act in ACTS {
        let path = format!("/api/v1{}", act.path);
        let operation = &document["paths"][&path][act.method.to_lowercase()];
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} twice");
        assert!(
            operation["responses"]
                .get(act.success.to_string())
                .is_some(),
            "{path}"
        );
    }
    let signin = &document["paths"]["/api/v1/auth/signin"]["post"];
    assert_eq!(signin["summary"], "Sign in");
    assert_eq!(signin["security"], json!([]));
    assert_eq!(
        signin["requestBody"],
        json!({"required": true, "content": {"application/json": {"schema": {
            "type": "object", "required": ["email", "password"],
            "properties": {"email": {"type": "string"}, "password": {"type": "string"}},
        }}}})
    );
}
