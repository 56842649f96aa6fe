//! What the schema of a database is: names, types, and how long it takes to make it.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::time::Instant;

use fluxbase_compiler::catalog::{Catalog, CatalogJson, Role};
use fluxbase_compiler::graphql::{Code, INTROSPECTION, Options, Piece, Request, Schema, Uses};
use serde_json::Value;

use crate::common::graphql::Api;

/// What a query that needs no rows is answered.
pub fn answered(api: &Api, query: &str) -> Value {
    let compiled = api
        .query(query)
        .unwrap_or_else(|refusal| panic!("{}", refusal.listed()));
    assert_eq!(compiled.statements, []);
    match compiled.response.as_slice() {
        [Piece::Text(text)] => serde_json::from_str(text).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// A type as a schema writes it.
fn written(ty: &Value) -> String {
    match ty["kind"].as_str().unwrap() {
        "NON_NULL" => format!("{}!", written(&ty["ofType"])),
        "LIST" => format!("[{}]", written(&ty["ofType"])),
        _ => ty["name"].as_str().unwrap().to_owned(),
    }
}

fn arguments(inputs: &Value) -> String {
    let inputs: Vec<String> = inputs.as_array().unwrap().iter().map(input).collect();
    if inputs.is_empty() {
        String::new()
    } else {
        format!("({})", inputs.join(", "))
    }
}

fn input(input: &Value) -> String {
    let default = input["defaultValue"]
        .as_str()
        .map_or(String::new(), |text| format!(" = {text}"));
    format!(
        "{}: {}{default}",
        input["name"].as_str().unwrap(),
        written(&input["type"])
    )
}

/// The schema as text, from the answer to the query every tool sends.
fn text(schema: &Value) -> String {
    let mut text = String::new();
    for ty in schema["types"].as_array().unwrap() {
        let name = ty["name"].as_str().unwrap();
        if name.starts_with("__") {
            continue;
        }
        if let Some(description) = ty["description"].as_str() {
            writeln!(text, "# {description}").unwrap();
        }
        writeln!(text, "{} {name}", ty["kind"].as_str().unwrap()).unwrap();
        for field in ty["fields"].as_array().into_iter().flatten() {
            let described = field["description"]
                .as_str()
                .map_or(String::new(), |text| format!(" # {text}"));
            writeln!(
                text,
                "  {}{}: {}{described}",
                field["name"].as_str().unwrap(),
                arguments(&field["args"]),
                written(&field["type"])
            )
            .unwrap();
        }
        for field in ty["inputFields"].as_array().into_iter().flatten() {
            writeln!(text, "  {}", input(field)).unwrap();
        }
        for value in ty["enumValues"].as_array().into_iter().flatten() {
            writeln!(text, "  {}", value["name"].as_str().unwrap()).unwrap();
        }
    }
    text
}

#[test]
fn the_schema_is_as_recorded() {
    let answer = answered(&Api::recorded(), INTROSPECTION);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(crate::common::tests().join("graphql"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("schema", text(&answer["data"]["__schema"])));
}

/// Every type named anywhere is there, and none is empty: else no client could build the schema.
#[test]
fn introspection_is_closed() {
    let answer = answered(&Api::recorded(), INTROSPECTION);
    let types = answer["data"]["__schema"]["types"].as_array().unwrap();
    let there: HashSet<&str> = types
        .iter()
        .map(|ty| ty["name"].as_str().unwrap())
        .collect();
    assert_eq!(there.len(), types.len());
    let mut named = Vec::new();
    fn find<'v>(value: &'v Value, named: &mut Vec<&'v str>) {
        match value {
            Value::Object(members) => {
                if let (Some(_), Some(name)) = (members.get("kind"), members.get("name")) {
                    named.extend(name.as_str());
                }
                members.values().for_each(|value| find(value, named));
            }
            Value::Array(items) => items.iter().for_each(|value| find(value, named)),
            _ => {}
        }
    }
    find(&answer, &mut named);
    assert!(named.len() > 500);
    for name in named {
        assert!(there.contains(name), "{name}");
    }
    for ty in types {
        let inside = match ty["kind"].as_str().unwrap() {
            "OBJECT" => &ty["fields"],
            "INPUT_OBJECT" => &ty["inputFields"],
            "ENUM" => &ty["enumValues"],
            _ => continue,
        };
        assert!(!inside.as_array().unwrap().is_empty(), "{}", ty["name"]);
    }
}

#[test]
fn one_type_is_found_by_its_name() {
    let api = Api::recorded();
    assert_eq!(
        answered(
            &api,
            "{ __type(name: \"UsersOrderBy\") { __typename kind name inputFields { name type { name } } } none: __type(name: \"Nothing\") { name } }"
        ),
        serde_json::json!({"data": {
            "__type": {
                "__typename": "__Type", "kind": "INPUT_OBJECT", "name": "UsersOrderBy",
                "inputFields": [
                    {"name": "id", "type": {"name": "UsersOrderDirection"}},
                    {"name": "email", "type": {"name": "UsersOrderDirection"}},
                    {"name": "name", "type": {"name": "UsersOrderDirection"}},
                    {"name": "appMember", "type": {"name": "AppMembersOrderBy"}},
                    {"name": "profile", "type": {"name": "ProfilesOrderBy"}},
                ],
            },
            "none": null,
        }})
    );
}

/// Data and schema in one answer, in the order asked for.
#[test]
fn introspection_stands_beside_data() {
    let compiled = Api::recorded()
        .query("{ users { id } __type(name: \"Mood\") { enumValues { name } } }")
        .unwrap();
    let [statement] = compiled.statements.as_slice() else {
        panic!()
    };
    assert!(
        statement
            .sql
            .ends_with("x) as c0, $3::pg_catalog.json as c1) x"),
        "{}",
        statement.sql
    );
    assert_eq!(
        statement.params[2],
        "{\"enumValues\":[{\"name\":\"sad\"},{\"name\":\"ok\"},{\"name\":\"happy\"}]}"
    );
}

/// 1. Types have fields, fields have types, types have fields. 2. Each step multiplies the answer by the schema.
#[test]
fn circular_introspection_is_refused() {
    let api = Api::recorded();
    let query = |steps: usize| {
        let (open, close) = ("fields { type { ".repeat(steps), "} } ".repeat(steps));
        format!("{{ __schema {{ types {{ {open}name {close} }} }} }}")
    };
    let message = "introspection asks for lists of the schema inside each other".to_owned();
    assert_eq!(
        api.refused(&query(3)),
        [(Code::DepthLimit, message.clone())]
    );
    assert_eq!(
        api.refused(&query(20)),
        [(Code::DepthLimit, message.clone())]
    );
    assert_eq!(api.refused(&query(2)), []);
    assert_eq!(
        api.refused("{ __schema { types { ...F } } } fragment F on __Type { fields { type { ...G } } } fragment G on __Type { fields { type { inputFields { name } } } }"),
        [(Code::DepthLimit, message)]
    );
}

fn relation(schema: &str, name: &str, comment: &str, columns: &[(&str, &str, &str)]) -> Value {
    let columns: Vec<Value> = columns
        .iter()
        .map(|(name, data_type, comment)| {
            serde_json::json!({
                "name": name, "type_schema": "pg_catalog", "type_name": data_type, "base_type": data_type,
                "category": "N", "nullable": false, "has_default": false, "generation": "none",
                "comment": (!comment.is_empty()).then_some(comment),
            })
        })
        .collect();
    let key = [columns[0]["name"].clone()];
    serde_json::json!({
        "schema": schema, "name": name, "kind": "table", "insertable": true, "updatable": true, "deletable": true,
        "row_security": false, "comment": (!comment.is_empty()).then_some(comment), "columns": columns, "grants": 4095,
        "primary_key": key, "unique_keys": [key],
    })
}

fn key(name: &str, from: (&str, &[&str]), to: (&str, &[&str])) -> Value {
    serde_json::json!({
        "name": name, "schema": "public", "table": from.0, "columns": from.1,
        "to_schema": "public", "to_table": to.0, "to_columns": to.1,
    })
}

fn of(relations: Vec<Value>, keys: Vec<Value>) -> Api {
    let (relations, keys) = (
        Value::from(relations).to_string(),
        Value::from(keys).to_string(),
    );
    let recorded = crate::common::recorded();
    let catalog = Catalog::from_json(
        1,
        &CatalogJson {
            relations: &relations,
            foreign_keys: &keys,
            types: recorded.types,
            schemas: recorded.schemas,
            ..CatalogJson::EMPTY
        },
    )
    .unwrap();
    let options = Options::default();
    Api {
        schema: Schema::build(&catalog, &options, Role::ServiceRole),
        catalog,
        options,
    }
}

/// The names of a type's fields with their types.
fn fields(api: &Api, name: &str) -> BTreeMap<String, String> {
    let query = format!(
        "{{ __type(name: \"{name}\") {{ fields {{ name type {{ ...R ofType {{ ...R ofType {{ ...R ofType {{ ...R }} }} }} }} }} }} }} fragment R on __Type {{ kind name }}"
    );
    let answer = answered(api, &query);
    let fields = answer["data"]["__type"]["fields"]
        .as_array()
        .unwrap_or_else(|| panic!("no type {name}"));
    let one = |field: &Value| {
        (
            field["name"].as_str().unwrap().to_owned(),
            written(&field["type"]),
        )
    };
    fields.iter().map(one).collect()
}

fn names(api: &Api, name: &str) -> Vec<String> {
    fields(api, name).into_keys().collect()
}

#[test]
fn both_ends_of_a_key_are_fields_and_so_is_what_a_junction_joins() {
    let mut junction = relation(
        "public",
        "post_tags",
        "",
        &[("post_id", "int4", ""), ("tag_id", "int4", "")],
    );
    junction["primary_key"] = serde_json::json!(["post_id", "tag_id"]);
    junction["unique_keys"] = serde_json::json!([["post_id", "tag_id"]]);
    let api = of(
        vec![
            relation(
                "public",
                "posts",
                "",
                &[
                    ("id", "int4", ""),
                    ("author_id", "int4", ""),
                    ("editor", "int4", ""),
                ],
            ),
            relation("public", "tags", "", &[("id", "int4", "")]),
            relation("public", "users", "", &[("id", "int4", "")]),
            junction,
        ],
        vec![
            key(
                "post_tags_post_id_fkey",
                ("post_tags", &["post_id"]),
                ("posts", &["id"]),
            ),
            key(
                "post_tags_tag_id_fkey",
                ("post_tags", &["tag_id"]),
                ("tags", &["id"]),
            ),
            key(
                "posts_author_id_fkey",
                ("posts", &["author_id"]),
                ("users", &["id"]),
            ),
            key(
                "posts_editor_fkey",
                ("posts", &["editor"]),
                ("users", &["id"]),
            ),
        ],
    );
    let posts = fields(&api, "Posts");
    assert_eq!(posts["author"], "Users");
    assert_eq!(posts["editorUser"], "Users");
    assert_eq!(posts["postTags"], "[PostTags!]!");
    assert_eq!(posts["tags"], "[Tags!]!");
    assert_eq!(posts.len(), 7);
    // Two keys from one table: neither has the plain name.
    assert_eq!(
        names(&api, "Users"),
        ["id", "postsByAuthorId", "postsByEditor"]
    );
    assert_eq!(names(&api, "Tags"), ["id", "postTags", "posts"]);
    let compiled = api
        .query("{ posts(limit: 1) { tags { id posts { id } } } }")
        .unwrap();
    assert!(
        compiled.statements[0]
            .sql
            .contains("\"public\".\"post_tags\" t1j"),
        "{}",
        compiled.statements[0].sql
    );
}

#[test]
fn a_junction_of_a_table_with_itself_has_a_field_for_each_direction() {
    let mut junction = relation(
        "public",
        "follows",
        "",
        &[("follower_id", "int4", ""), ("followed_id", "int4", "")],
    );
    junction["primary_key"] = serde_json::json!(["follower_id", "followed_id"]);
    junction["unique_keys"] = serde_json::json!([["follower_id", "followed_id"]]);
    let api = of(
        vec![
            junction,
            relation("public", "users", "", &[("id", "int4", "")]),
        ],
        vec![
            key(
                "follows_followed_id_fkey",
                ("follows", &["followed_id"]),
                ("users", &["id"]),
            ),
            key(
                "follows_follower_id_fkey",
                ("follows", &["follower_id"]),
                ("users", &["id"]),
            ),
        ],
    );
    assert_eq!(
        names(&api, "Users"),
        [
            "followsByFollowedId",
            "followsByFollowerId",
            "id",
            "usersViaFollowsByFollowedId",
            "usersViaFollowsByFollowerId"
        ]
    );
    let sql = |field: &str| {
        let query = format!("{{ users(limit: 1) {{ {field} {{ id }} }} }}");
        api.query(&query).unwrap().statements[0].sql.clone()
    };
    assert!(
        sql("usersViaFollowsByFollowerId")
            .contains("t1j.\"follower_id\" = t0.\"id\" and t1.\"id\" = t1j.\"followed_id\"")
    );
    assert!(
        sql("usersViaFollowsByFollowedId")
            .contains("t1j.\"followed_id\" = t0.\"id\" and t1.\"id\" = t1j.\"follower_id\"")
    );
}

#[test]
fn a_key_to_the_table_itself_leads_up_and_down() {
    let api = of(
        vec![relation(
            "public",
            "staff",
            "",
            &[("id", "int4", ""), ("boss_id", "int4", "")],
        )],
        vec![key(
            "staff_boss_id_fkey",
            ("staff", &["boss_id"]),
            ("staff", &["id"]),
        )],
    );
    let staff = fields(&api, "Staff");
    assert_eq!(staff["boss"], "Staff");
    assert_eq!(staff["staff"], "[Staff!]!");
    let compiled = api
        .query("{ staff(limit: 1) { boss { id } staff { id } } staffByPk(id: 1) { id } }")
        .unwrap();
    let sql = &compiled.statements[0].sql;
    assert!(
        sql.contains("t1.\"id\" = t0.\"boss_id\"") && sql.contains("t2.\"boss_id\" = t0.\"id\""),
        "{sql}"
    );
}

#[test]
fn clashes_get_numbers_and_whole_families_move() {
    let api = of(
        vec![
            relation(
                "public",
                "a-b",
                "",
                &[("id", "int4", ""), ("x_y", "int4", ""), ("x.y", "int4", "")],
            ),
            relation("public", "a_b", "", &[("id", "int4", "")]),
            relation("public", "a_b_filter", "", &[("id", "int4", "")]),
            relation("public", "post", "", &[("id", "int4", "")]),
            relation("public", "posts", "", &[("id", "int4", "")]),
            relation("public", "query", "", &[("id", "int4", "")]),
            relation("public", "subscription", "", &[("id", "int4", "")]),
            relation(
                "public",
                "日本",
                "",
                &[("id", "int4", ""), ("日", "int4", ""), ("本", "int4", "")],
            ),
        ],
        vec![],
    );
    let roots = names(&api, "Query");
    let lists = [
        "_",
        "aB",
        "aBFilter",
        "aB_2",
        "post",
        "posts",
        "query",
        "subscription",
    ];
    let mut expected: Vec<String> = lists.map(str::to_owned).to_vec();
    expected.extend(lists.map(|list| format!("{list}ByPk")));
    expected.extend(lists.map(|list| format!("{list}Connection")));
    expected.push("_health".to_owned());
    expected.sort();
    assert_eq!(roots, expected);
    assert_eq!(names(&api, "AB"), ["id", "xY", "xY_2"]);
    assert_eq!(names(&api, "AB_2"), ["id"]);
    assert_eq!(names(&api, "ABFilter_2"), ["id"]);
    assert_eq!(names(&api, "Query_2"), ["id"]);
    assert_eq!(names(&api, "Subscription_2"), ["id"]);
    assert_eq!(names(&api, "_"), ["_", "_2", "id"]);
}

fn view(name: &str, columns: &[(&str, &str, &str)]) -> Value {
    let mut view = relation("public", name, "", columns);
    view["kind"] = "view".into();
    view
}

/// 1. A page of a site needs a view of its own. 2. Fields that other pages ask for have other names then, or mean the view.
#[test]
fn a_new_view_renames_no_field() {
    let post: &[(&str, &str, &str)] = &[("id", "int4", ""), ("author_id", "int4", "")];
    let mut junction = relation(
        "public",
        "post_tags",
        "",
        &[("post_id", "int4", ""), ("tag_id", "int4", "")],
    );
    junction["primary_key"] = serde_json::json!(["post_id", "tag_id"]);
    junction["unique_keys"] = serde_json::json!([["post_id", "tag_id"]]);
    let comments = [
        ("id", "int4", ""),
        ("post_id", "int4", ""),
        ("editor", "int4", ""),
    ];
    let relations = vec![
        relation("public", "comments", "", &comments),
        junction,
        relation("public", "posts", "", post),
        relation("public", "tags", "", &[("id", "int4", "")]),
        relation("public", "users", "", &[("id", "int4", "")]),
    ];
    let keys_of = |posts: &str| {
        let name = |key: &str| format!("{key}_of_{posts}");
        vec![
            key(&name("a"), (posts, &["author_id"]), ("users", &["id"])),
            key(&name("c"), ("comments", &["post_id"]), (posts, &["id"])),
            key(&name("p"), ("post_tags", &["post_id"]), (posts, &["id"])),
        ]
    };
    let mut keys = keys_of("posts");
    keys.extend([
        key("e", ("comments", &["editor"]), ("users", &["id"])),
        key("t", ("post_tags", &["tag_id"]), ("tags", &["id"])),
    ]);
    let before = of(relations.clone(), keys.clone());
    let shown = |api: &Api| {
        let types = [
            "Comments", "PostTags", "Posts", "Tags", "Users", "Query", "Mutation",
        ];
        types.map(|name| (name, fields(api, name)))
    };
    let old = shown(&before);
    let (comments, users) = (&old[0].1, &old[4].1);
    assert_eq!(comments["post"], "Posts");
    assert_eq!(comments["editorUser"], "Users");
    assert_eq!(users["posts"], "[Posts!]!");
    assert_eq!(old[3].1["posts"], "[Posts!]!");

    // Names that tables have, that their parts have, and such as come before them.
    let mut all = (relations.clone(), keys.clone());
    for name in [
        "_posts",
        "active_posts",
        "many_posts",
        "post",
        "posts_connection",
        "posts_filter",
    ] {
        all.0.push(view(name, post));
        all.1.extend(keys_of(name));
    }
    all.0
        .sort_by_key(|relation| relation["name"].as_str().unwrap().to_owned());
    let after = of(all.0, all.1);
    for ((name, old), (_, new)) in old.iter().zip(shown(&after)) {
        for (field, ty) in old {
            assert_eq!(new.get(field), Some(ty), "{name}.{field}");
        }
    }
    // The new ways are there, by names of their own.
    let (comments, users) = (fields(&after, "Comments"), fields(&after, "Users"));
    assert_eq!(comments["postActivePosts"], "ActivePosts");
    assert_eq!(comments["postPost"], "Post");
    assert_eq!(users["activePostsByAuthorId"], "[ActivePosts!]!");
    assert_eq!(
        fields(&after, "Tags")["activePostsViaPostTags"],
        "[ActivePosts!]!"
    );
    assert_eq!(fields(&after, "ActivePosts")["author"], "Users");
    assert_eq!(fields(&after, "ActivePosts")["comments"], "[Comments!]!");
    let roots = fields(&after, "Query");
    assert_eq!((&*roots["post"], &*roots["post_2"]), ("Posts", "[Post!]!"));
    // What nobody is told is kept too: the singular writes to the table it wrote to.
    let written = |api: &Api| {
        let query = "mutation { insertPost(data: {authorId: 1}) { id } }";
        api.query(query).unwrap().statements[0].sql.clone()
    };
    assert!(written(&before).contains("into \"public\".\"posts\""));
    assert_eq!(written(&before), written(&after));
}

#[test]
fn a_comment_renames_and_hides() {
    let api = of(
        vec![
            relation(
                "public",
                "tbl_accounts",
                "Who pays @graphql({\"name\": \"Account\"})",
                &[
                    ("id", "int4", ""),
                    ("nm", "int4", "@graphql({\"name\": \"name\"})"),
                    ("secret", "int4", "@graphql({\"hide\": true})"),
                ],
            ),
            relation(
                "public",
                "hidden",
                "@graphql({\"hide\": true})",
                &[("id", "int4", "")],
            ),
            relation(
                "public",
                "empty",
                "",
                &[("id", "int4", "@graphql({\"hide\": true})")],
            ),
        ],
        vec![],
    );
    assert_eq!(
        names(&api, "Query"),
        ["_health", "account", "accountByPk", "accountConnection"]
    );
    assert_eq!(names(&api, "Account"), ["id", "name"]);
    assert_eq!(
        answered(&api, "{ __type(name: \"Account\") { description } }")["data"]["__type"]["description"],
        "Who pays"
    );
    for query in [
        "{ account { secret } }",
        "{ account(filter: {secret_eq: 1}) { id } }",
        "{ account(orderBy: {secret: ASC}) { id } }",
        "mutation { insertAccount(data: {secret: 1}) { id } }",
        "{ hidden { id } }",
        "{ empty { id } }",
    ] {
        assert_eq!(api.refused(query).len(), 1, "{query}");
    }
    let sql = &api
        .query("{ account(filter: {name_eq: 1}) { name } }")
        .unwrap()
        .statements[0]
        .sql;
    assert!(
        sql.contains("t0.\"nm\" as \"name\"") && sql.contains("t0.\"nm\" = $1"),
        "{sql}"
    );
}

/// PostgreSQL cuts names at 63 bytes: one that the schema makes longer is bound instead of written.
#[test]
fn a_field_whose_name_is_too_long_for_postgresql_keeps_it() {
    let long = "a".repeat(60);
    let api = of(
        vec![
            relation("public", &format!("{long}s"), "", &[("id", "int4", "")]),
            relation(
                "public",
                "other",
                "",
                &[("id", "int4", ""), ("them", "int4", "")],
            ),
        ],
        vec![key(
            "k",
            ("other", &["them"]),
            (&format!("{long}s"), &["id"]),
        )],
    );
    let field = format!("them{}{}", "A", "a".repeat(59));
    assert_eq!(names(&api, "Other"), ["id", "them", &field]);
    let compiled = api
        .query(&format!("{{ other {{ {field} {{ id }} }} }}"))
        .unwrap();
    assert!(compiled.statements[0].params.contains(&field));
    assert!(!compiled.statements[0].sql.contains(&field));
    let compiled = api.query("{ other { them } }").unwrap();
    assert_eq!(compiled.statements[0].params, [""; 0]);
}

/// 2,000 tables of ten columns, each with a key to the one before.
#[test]
fn two_thousand_tables_are_a_schema_in_a_moment() {
    let columns: Vec<String> = (0..9).map(|n| format!("column_{n}")).collect();
    let table = |n: usize| {
        let mut all = vec![("id", "int4", ""), ("parent_id", "int4", "")];
        all.extend(columns.iter().map(|name| (name.as_str(), "text", "")));
        relation("public", &format!("table_{n:04}"), "", &all)
    };
    let keys = (1..2_000).map(|n| {
        let (from, to) = (format!("table_{n:04}"), format!("table_{:04}", n - 1));
        key(
            &format!("key_{n:04}"),
            (&from, &["parent_id"]),
            (&to, &["id"]),
        )
    });
    let api = of((0..2_000).map(table).collect(), keys.collect());
    let start = Instant::now();
    let schema = Schema::build(&api.catalog, &api.options, Role::ServiceRole);
    let took = start.elapsed();
    assert_eq!(schema.generation(), 1);
    assert!(took.as_millis() < 1_000, "took {took:?}");
    // A look-up takes as long as with three tables.
    let query = "{ table1000(limit: 1) { id parent { column0 } table1001 { id } } }";
    let start = Instant::now();
    for _ in 0..20 {
        assert_eq!(
            api.compile(&Request::new(query)).unwrap().statements.len(),
            1
        );
    }
    assert!(
        start.elapsed().as_millis() < 100,
        "took {:?}",
        start.elapsed()
    );
}

/// A function that may write is no part of a query, and what reads none of a mutation; overloaded names, procedures and
/// rows with columns of their own are in neither.
#[test]
fn functions_are_fields_of_what_they_may_do() {
    let api = Api::recorded();
    let (query, mutation) = (names(&api, "Query"), names(&api, "Mutation"));
    let is_in = |names: &[String], name: &str| names.iter().any(|one| one == name);
    for name in ["add", "newest", "numbers", "joinWords"] {
        assert!(is_in(&query, name) && !is_in(&mutation, name), "{name}");
    }
    for name in ["say", "archive", "page"] {
        assert!(is_in(&mutation, name) && !is_in(&query, name), "{name}");
    }
    for name in [
        "search",
        "totals",
        "loose",
        "split",
        "appTransfer",
        "appSettle",
        "takePair",
        "secretRow",
    ] {
        assert!(!is_in(&query, name) && !is_in(&mutation, name), "{name}");
    }
    assert_eq!(
        api.refused("{ add { a } }"),
        [
            (Code::ValidationFailed, "Field \"add\" must not have a selection since type \"Int\" has no subfields.".to_owned()),
            (
                Code::ValidationFailed,
                "Field \"Query.add\" argument \"a\" of type \"Int!\" is required, but it was not provided.".to_owned()
            ),
        ]
    );
    assert_eq!(api.refused("{ add(a: 1) }"), []);
}

/// What a key needs for an operation hangs on this.
#[test]
fn an_operation_says_whether_it_uses_tables_and_functions() {
    let api = Api::recorded();
    for (query, tables, functions) in [
        ("{ posts { id comments { id } } }", true, false),
        ("{ postsConnection { totalCount } }", true, false),
        ("{ add(a: 1) }", false, true),
        ("{ newest { id } }", false, true),
        ("{ add(a: 1) posts { id } }", true, true),
        (
            "{ ...F } fragment F on Query { add(a: 1) ... on Query { posts { id } } }",
            true,
            true,
        ),
        ("{ posts { id } add(a: 1) @skip(if: true) }", true, false),
        ("{ _health __typename }", false, false),
        ("mutation { say(message: \"x\") }", false, true),
        (
            "mutation { deletePosts(id: 1) { id } say(message: \"x\") }",
            true,
            true,
        ),
        ("mutation { deletePosts(id: 1) { id } }", true, false),
    ] {
        let compiled = api.query(query);
        let compiled = compiled.unwrap_or_else(|refusal| panic!("{}", refusal.listed()));
        assert_eq!(compiled.uses, Uses { tables, functions }, "{query}");
    }
}
