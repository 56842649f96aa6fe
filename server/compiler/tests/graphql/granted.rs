//! What a role was granted nothing on is not there for it: no field, no argument, no type, no suggestion.

use fluxbase_compiler::catalog::Role;
use fluxbase_compiler::graphql::{Code, Options, Request};
use serde_json::Value;

use crate::common::graphql::Api;
use crate::schema::answered;

fn of(role: Role) -> Api {
    let options = Options {
        schemas: vec!["public".to_owned(), "app".to_owned()],
        ..Options::default()
    };
    Api::of(options, role)
}

/// The names of a type's members; of a type that is not there none.
fn members(api: &Api, of: &str) -> Vec<String> {
    let query = format!(
        "{{ __type(name: \"{of}\") {{ fields {{ name }} inputFields {{ name }} enumValues {{ name }} }} }}"
    );
    let answer = answered(api, &query);
    let found = &answer["data"]["__type"];
    let lists = ["fields", "inputFields", "enumValues"].map(|list| found[list].as_array());
    let all = lists.into_iter().flatten().flatten();
    all.map(|one| one["name"].as_str().unwrap().to_owned())
        .collect()
}

fn types(api: &Api) -> Vec<String> {
    let answer = answered(api, "{ __schema { types { name } } }");
    let all = answer["data"]["__schema"]["types"].as_array().unwrap();
    let name = |one: &Value| one["name"].as_str().unwrap().to_owned();
    all.iter().map(name).collect()
}

#[test]
fn a_table_nothing_of_which_can_be_read_is_not_there() {
    let (anon, service) = (of(Role::Anon), of(Role::ServiceRole));
    for name in ["tags", "tag", "tagsConnection", "users", "appKinds"] {
        assert!(
            !members(&anon, "Query").iter().any(|one| one == name),
            "{name}"
        );
        assert!(
            members(&service, "Query").iter().any(|one| one == name),
            "{name}"
        );
    }
    let shown = types(&anon);
    let of_tags = |name: &&String| name.starts_with("Tags") || name.starts_with("Users");
    assert_eq!(shown.iter().filter(of_tags).count(), 0, "{shown:?}");
    // Nor what only its columns are of.
    let has_enum = |role| {
        let options = Options {
            schemas: vec!["app".to_owned()],
            ..Options::default()
        };
        let api = Api::of(options, role);
        types(&api).iter().any(|name| name == "PublicMood")
    };
    assert!(!has_enum(Role::Anon) && has_enum(Role::ServiceRole));
    // Neither as what a fragment is on, nor as what a variable is of.
    for (query, message) in [
        ("{ ... on Tags { id } }", "Unknown type \"Tags\"."),
        (
            "query ($f: TagsFilter) { posts(filter: $f) { id } }",
            "Unknown type \"TagsFilter\".",
        ),
    ] {
        let refused = anon.refused(query);
        assert_eq!(refused[0], (Code::ValidationFailed, message.to_owned()));
        assert!(
            !service
                .refused(query)
                .iter()
                .any(|(_, said)| said == message),
            "{query}"
        );
    }
}

#[test]
fn a_column_that_cannot_be_read_is_not_there() {
    let user = of(Role::Authenticated);
    assert_eq!(members(&user, "Users"), ["id", "name", "comments", "posts"]);
    assert_eq!(members(&user, "UsersColumn"), ["id", "name"]);
    let filters = members(&user, "UsersFilter");
    assert!(filters.iter().any(|name| name == "name_eq"), "{filters:?}");
    assert!(!filters.iter().any(|name| name.starts_with("email")));
    for query in [
        "{ users { email } }",
        "{ users(filter: {email_eq: \"x\"}) { id } }",
        "{ users(orderBy: {email: ASC}) { id } }",
        "{ posts(filter: {user: {email_eq: \"x\"}}) { id } }",
        "{ usersConnection { aggregate { max { email } } } }",
    ] {
        let refused = user.refused(query);
        assert_eq!(refused.len(), 1, "{query}: {refused:?}");
        assert_eq!(refused[0].0, Code::ValidationFailed);
        assert_eq!(of(Role::ServiceRole).refused(query), [], "{query}");
    }
}

#[test]
fn a_name_that_is_not_there_is_not_suggested() {
    let (user, service) = (of(Role::Authenticated), of(Role::ServiceRole));
    for (query, name) in [
        ("{ users { emai } }", "email"),
        ("{ tagz { id } }", "tag"),
        ("{ users(filter: {email_e: \"x\"}) { id } }", "email_eq"),
        ("{ ... on Tag { id } }", "Tags"),
        ("mutation { deleteTagss(id: 1) { id } }", "deleteTags"),
    ] {
        let said = |api: &Api| {
            let refused = api.refused(query);
            let all = refused.into_iter().map(|(_, message)| message);
            all.collect::<Vec<_>>().join("\n")
        };
        let quoted = format!("Did you mean \"{name}\"?");
        assert!(!said(&user).contains(&quoted), "{}", said(&user));
        assert!(said(&service).contains(&quoted), "{}", said(&service));
    }
}

#[test]
fn a_write_is_there_for_who_may_write() {
    let (anon, user) = (of(Role::Anon), of(Role::Authenticated));
    let writes = |api: &Api| {
        let mut all = members(api, "Mutation");
        all.retain(|name| name.ends_with("Posts") || name.ends_with("Users"));
        all.sort();
        all
    };
    assert_eq!(writes(&anon), [""; 0]);
    assert_eq!(
        writes(&user),
        [
            "deleteManyPosts",
            "deletePosts",
            "insertManyPosts",
            "insertPosts",
            "updateManyPosts",
            "updatePosts",
            "updateManyUsers",
            "updateUsers",
        ]
        .into_iter()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
    );
    // Only the column that was granted.
    assert_eq!(members(&user, "UsersInput"), ["name"]);
    let refused = anon.refused("mutation { deletePosts(id: 1) { id } }");
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].0, Code::ValidationFailed);
}

#[test]
fn a_function_is_there_for_who_may_call_it() {
    let is_there = |role, field: &str| members(&of(role), "Query").iter().any(|one| one == field);
    assert!(!is_there(Role::Anon, "add"));
    assert!(is_there(Role::Authenticated, "add"));
    // What gives rows of a table, where the table is.
    assert!(is_there(Role::Anon, "newest"));
}

/// A name must not depend on who asks: what tools wrote for one role means the same for another.
#[test]
fn what_is_there_has_the_same_name_for_everybody() {
    let service = of(Role::ServiceRole);
    for role in [Role::Anon, Role::Authenticated] {
        let api = of(role);
        for name in types(&api) {
            let all = members(&service, &name);
            for member in members(&api, &name) {
                assert!(all.contains(&member), "{name}.{member}");
            }
        }
    }
}

/// What was compiled for one role is nothing another could be handed: the same text is refused there.
#[test]
fn each_role_compiles_for_itself() {
    let query = "{ users { id name email } }";
    assert!(of(Role::ServiceRole).compile(&Request::new(query)).is_ok());
    assert!(
        of(Role::Authenticated)
            .compile(&Request::new(query))
            .is_err()
    );
    let query = "{ users { id name } }";
    assert!(
        of(Role::Authenticated)
            .compile(&Request::new(query))
            .is_ok()
    );
    assert!(of(Role::Anon).compile(&Request::new(query)).is_err());
}
