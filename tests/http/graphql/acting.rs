//! Reading and writing through GraphQL, as who is asking.

use super::{NESTED, PATHS, Test, ask, data, everything, refused, request};
use crate::keys::{client_key, text};
use crate::site::Site;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(super) const TESTS: &[Test] = &[
    (
        "related_rows_at_every_depth_are_those_of_the_policies",
        &[],
        nested,
    ),
    ("a_mutation_changes_what_the_caller_may", &[], mutation),
    ("fields_of_a_mutation_happen_all_or_not_at_all", &[], atomic),
    ("values_of_variables_are_values", &[], variables),
    ("errors_have_codes_and_tell_nothing_else", &[], codes),
    ("a_key_needs_the_scope_of_each_field", &[], scopes),
    (
        "what_goes_before_each_request_goes_before_mutations_too",
        &[("API_PRE_REQUEST", "public.before")],
        pre_request,
    ),
    ("a_new_table_is_in_the_schema_at_once", &[], reload),
];

fn nested(site: &Site) {
    let (ann, bob) = (&site.database.fixture.ann, &site.database.fixture.bob);
    let of_bob = |posts: Value| json!({"name": "Bob", "posts": posts});
    let by_ann = |posts: Value| json!([{"body": "by ann", "author": {"posts": posts}}]);
    let public = |comments: Value| json!({"title": "bob public", "comments": comments});
    let own = json!([{"title": "ann private"}]);
    for path in PATHS {
        let sees = |token: Option<&str>| {
            request(site, path, &json!({ "query": NESTED }), token).expect(200)
        };
        assert_eq!(
            sees(Some(&ann.token)),
            json!({"data": {"users": [
                {"name": "Ann", "posts": [{"title": "ann private", "comments": []}]},
                of_bob(json!([public(by_ann(own.clone()))])),
            ]}})
        );
        let private = json!({"title": "bob private", "comments": [{
            "body": "by bob, of a private post",
            "author": {"posts": [{"title": "bob private"}, {"title": "bob public"}]},
        }]});
        assert_eq!(
            sees(Some(&bob.token)),
            json!({"data": {"users": [
                {"name": "Ann", "posts": []},
                of_bob(json!([private, public(by_ann(json!([])))])),
            ]}})
        );
        // Nobody in particular.
        assert_eq!(
            sees(None),
            json!({"data": {"users": [
                {"name": "Ann", "posts": []},
                of_bob(json!([public(by_ann(json!([])))])),
            ]}})
        );
    }
    // As PostgreSQL wrote it, to the last digit.
    let answer = ask(site, "{ post(id: 1) { price } }", Some(&ann.token));
    assert_eq!(answer.text(), r#"{"data":{"post":{"price":1.50}}}"#);
}

fn mutation(site: &Site) {
    let (ann, bob) = (&site.database.fixture.ann, &site.database.fixture.bob);
    let insert =
        "mutation { insertPosts(data: {id: 10, title: \"new\"}) { id title author { name } } }";
    assert_eq!(
        data(site, insert, Some(&ann.token)),
        json!({"insertPosts": {"id": 10, "title": "new", "author": {"name": "Ann"}}})
    );
    let before = everything(site);
    // Another's row is not there.
    for query in [
        "mutation { updatePosts(id: 10, data: {title: \"stolen\"}) { id } }",
        "mutation { deletePosts(id: 10) { id } }",
    ] {
        let answer = data(site, query, Some(&bob.token));
        let values: Vec<&Value> = answer.as_object().expect("fields").values().collect();
        assert_eq!(values, [&Value::Null], "{query}");
    }
    let many = "mutation { deleteManyPosts(filter: {title_eq: \"new\"}) }";
    assert_eq!(
        data(site, many, Some(&bob.token)),
        json!({"deleteManyPosts": 0})
    );
    let forged = format!(
        "mutation {{ insertPosts(data: {{id: 11, title: \"x\", authorId: \"{}\"}}) {{ id }} }}",
        ann.id
    );
    let answer = ask(site, &forged, Some(&bob.token));
    refused(&answer, 403, "RLS_POLICY_VIOLATION", "FORBIDDEN");
    assert_eq!(everything(site), before);
    assert_eq!(
        data(site, many, Some(&ann.token)),
        json!({"deleteManyPosts": 1})
    );
}

/// 1. The first field of a mutation is done.
/// 2. A later one fails, at once or only at COMMIT.
/// 3. Half of the operation is there, and the caller was told that it failed.
fn atomic(site: &Site) {
    let ann = &site.database.fixture.ann;
    let before = everything(site);
    for (later, status, code) in [
        (
            "insertPosts(data: {id: 21, title: \"bob public\"}) { id }",
            409,
            "DUPLICATE_KEY",
        ),
        (
            "insertComments(data: {id: 9, postId: 999, body: \"x\"}) { id }",
            409,
            "FOREIGN_KEY_VIOLATION",
        ),
        (
            "updatePosts(id: 20, data: {title: null}) { id }",
            400,
            "NOT_NULL_VIOLATION",
        ),
    ] {
        for query in [
            format!(
                "mutation {{ a: insertPosts(data: {{id: 20, title: \"first\"}}) {{ id }} b: {later} }}"
            ),
            format!(
                "mutation {{ a: insertPosts(data: {{id: 20, title: \"first\"}}) {{ id }} b: {later} c: deleteManyPosts(filter: {{id_eq: 1}}) }}"
            ),
        ] {
            let answer = ask(site, &query, Some(&ann.token));
            refused(&answer, status, code, code);
            assert_eq!(everything(site), before, "{query}");
        }
    }
    // In their order, each sees what those before it did; the name of a field may be any.
    let query = "mutation {
        z: insertPosts(data: {id: 20, title: \"first\"}) { title }
        b: updatePosts(id: 20, data: {title: \"second\"}) { title }
        __typename
        c: insertComments(data: {id: 9, postId: 20, body: \"x\"}) { post { title } }
        n: updateManyPosts(filter: {title_eq: \"second\"}, data: {price: 2}) { id price }
        a: deleteManyComments(filter: {id_eq: 9})
        y: deletePosts(id: 20) { id }
    }";
    for _ in 0..2 {
        let answer = ask(site, query, Some(&ann.token));
        assert_eq!(
            answer.expect(200),
            json!({"data": {
                "z": {"title": "first"}, "b": {"title": "second"}, "__typename": "Mutation",
                "c": {"post": {"title": "second"}}, "n": [{"id": 20, "price": 2}], "a": 1, "y": {"id": 20},
            }})
        );
        assert!(
            answer.text().starts_with(r#"{"data":{"z":"#),
            "{}",
            answer.text()
        );
        assert_eq!(everything(site), before);
    }
}

fn variables(site: &Site) {
    let ann = &site.database.fixture.ann;
    let query = "query Q($t: String!, $n: Int = 5) { posts(filter: {title_eq: $t}, limit: $n) { title } } mutation M { deletePosts(id: 1) { id } }";
    let asked = |title: &str| {
        let variables = json!({ "t": title });
        let body = json!({"query": query, "variables": variables, "operationName": "Q"});
        request(site, PATHS[0], &body, Some(&ann.token)).expect(200)
    };
    assert_eq!(
        asked("ann private"),
        json!({"data": {"posts": [{"title": "ann private"}]}})
    );
    let before = everything(site);
    for hostile in [
        "' or true --",
        "ann private'; delete from posts; --",
        "$1",
        "\\",
    ] {
        assert_eq!(asked(hostile), json!({"data": {"posts": []}}), "{hostile}");
    }
    assert_eq!(everything(site), before);
    for variables in [json!({}), json!({"t": null}), json!({"t": 1})] {
        let body = json!({"query": query, "variables": variables, "operationName": "Q"});
        let answer = request(site, PATHS[0], &body, Some(&ann.token));
        answer.shaped(400, "GRAPHQL_VALIDATION_FAILED");
    }
}

fn codes(site: &Site) {
    let ann = &site.database.fixture.ann;
    let token = Some(ann.token.as_str());
    let insert = |id: u32, title: &str| {
        format!("mutation {{ insertPosts(data: {{id: {id}, title: \"{title}\"}}) {{ id }} }}")
    };
    let before = everything(site);
    // A right that is there for the schema and gone for PostgreSQL, for a visitor and for a user.
    let dropped = "alter event trigger fluxbase_ddl disable; revoke all on public.posts from anon, authenticated; alter event trigger fluxbase_ddl enable";
    let given = "alter event trigger fluxbase_ddl disable; grant select on public.posts to anon; grant select, insert, update, delete on public.posts to authenticated; alter event trigger fluxbase_ddl enable";
    let mut superuser = site.database.superuser();
    superuser.batch_execute(dropped).expect("revoked");
    let answer = ask(site, "{ posts { id } }", None);
    refused(&answer, 401, "AUTHENTICATION_REQUIRED", "UNAUTHENTICATED");
    let answer = ask(site, "{ posts { id } }", token);
    refused(&answer, 403, "RLS_POLICY_VIOLATION", "FORBIDDEN");
    superuser.batch_execute(given).expect("granted");
    let answer = ask(site, &insert(30, "bob private"), token);
    refused(&answer, 409, "DUPLICATE_KEY", "DUPLICATE_KEY");
    let answer = ask(site, "{ users { name } }", Some("not a token"));
    refused(&answer, 401, "INVALID_TOKEN", "UNAUTHENTICATED");
    assert_eq!(everything(site), before);
    let vault = data(
        site,
        "{ vault { secret } }",
        Some(&site.database.fixture.service_key),
    );
    assert_eq!(vault, json!({"vault": [{"secret": "treasure"}]}));
}

fn scopes(site: &Site) {
    let ann = &site.database.fixture.ann;
    let before = everything(site);
    const READ: &str = "{ post(id: 1) { id } }";
    const WRITE: &str = "mutation { updatePosts(id: 1, data: {price: 1.50}) { id } }";
    const CALL: &str = "{ shout(words: \"x\") }";
    const BOTH: &str = "{ shout(words: \"x\") post(id: 1) { id } }";
    const WRITE_AND_CALL: &str =
        "mutation { updatePosts(id: 1, data: {price: 1.50}) { id } noteDown(words: \"forged\") }";
    for (scopes, open, closed) in [
        (
            ["read:tables"].as_slice(),
            [READ].as_slice(),
            [WRITE, CALL, BOTH, WRITE_AND_CALL].as_slice(),
        ),
        (
            &["write:tables"],
            &[WRITE],
            &[READ, CALL, BOTH, WRITE_AND_CALL],
        ),
        (
            &["execute:rpc"],
            &[CALL],
            &[READ, WRITE, BOTH, WRITE_AND_CALL],
        ),
        (
            &["read:tables", "execute:rpc"],
            &[READ, CALL, BOTH],
            &[WRITE, WRITE_AND_CALL],
        ),
        (&["*"], &[READ, WRITE, CALL, BOTH], &[]),
    ] {
        let made = client_key(site, &ann.token, &json!({"name": "k", "scopes": scopes}));
        let key = text(&made, "key");
        for query in open {
            data(site, query, Some(&key));
        }
        for query in closed {
            let answer = ask(site, query, Some(&key));
            refused(&answer, 403, "INSUFFICIENT_PERMISSIONS", "FORBIDDEN");
        }
    }
    let answer = ask(site, "{ _health }", None).expect(200);
    assert_eq!(answer, json!({"data": {"_health": "ok"}}));
    assert_eq!(everything(site), before);
}

fn pre_request(site: &Site) {
    let ann = &site.database.fixture.ann;
    let before = everything(site);
    let mut superuser = site.database.superuser();
    let set = |raise: &str| {
        format!(
            "create or replace function public.before() returns void language plpgsql as $$ begin {raise} end $$"
        )
    };
    let refuse = set("raise sqlstate 'PT402';");
    superuser.batch_execute(&refuse).expect("made");
    let one = "mutation { a: updatePosts(id: 1, data: {price: 1.50}) { id } }";
    let two = "mutation { a: updatePosts(id: 1, data: {price: 1.50}) { id } b: updatePosts(id: 1, data: {price: 1.50}) { id } }";
    for query in [one, two, "{ posts { id } }"] {
        let answer = ask(site, query, Some(&ann.token));
        refused(&answer, 402, "VALIDATION_FAILED", "VALIDATION_FAILED");
    }
    superuser.batch_execute(&set("null;")).expect("made");
    for query in [one, two, "{ posts { id } }"] {
        data(site, query, Some(&ann.token));
    }
    assert_eq!(everything(site), before);
}

fn reload(site: &Site) {
    let query = "{ news { id } }";
    ask(site, query, None).shaped(400, "GRAPHQL_VALIDATION_FAILED");
    let made = "create table public.news (id int primary key); insert into public.news values (7); grant select on public.news to anon";
    site.database.superuser().batch_execute(made).expect("made");
    let began = Instant::now();
    loop {
        let answer = ask(site, query, None);
        if answer.status == 200 {
            assert_eq!(answer.json(), json!({"data": {"news": [{"id": 7}]}}));
            return;
        }
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{}",
            answer.text()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
