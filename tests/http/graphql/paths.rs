//! Which field a refusal of the database is of: `path`, where it is known, and none where it would be a guess.

use super::{Test, ask, data, everything};
use crate::site::Site;
use serde_json::{Value, json};

pub(super) const TESTS: &[Test] = &[
    (
        "a_refused_field_of_a_mutation_is_named_by_its_response_key",
        &[],
        mutations,
    ),
    (
        "a_refused_query_names_its_field_where_it_has_only_one",
        &[],
        queries,
    ),
    (
        "what_refuses_before_the_first_field_is_no_field",
        &[("API_PRE_REQUEST", "public.before")],
        before_fields,
    ),
    ("large_answers_of_a_mutation_come_whole", &[], large),
];

const DUPLICATE: (u16, &str, &str) = (
    409,
    "DUPLICATE_KEY",
    "A row with these values exists already",
);
const NOT_ALLOWED: (u16, &str, &str) = (403, "RLS_POLICY_VIOLATION", "Insufficient permissions");

/// The whole refusal.
#[track_caller]
fn told(
    site: &Site,
    query: &str,
    token: &str,
    (status, code, sentence): (u16, &str, &str),
    path: Option<&str>,
) {
    let answer = ask(site, query, Some(token));
    let mut body = answer.refused(status, code);
    let id = body
        .as_object_mut()
        .and_then(|body| body.remove("request_id"));
    assert!(id.is_some_and(|id| id.is_string()), "{query}");
    let extension = match status {
        401 => "UNAUTHENTICATED",
        403 => "FORBIDDEN",
        _ => code,
    };
    let mut error = json!({"message": sentence, "extensions": {"code": extension}});
    if let Some(path) = path {
        error["path"] = json!([path]);
    }
    let expected = json!({"errors": [error], "error": sentence, "code": code});
    assert_eq!(body, expected, "{query}");
}

fn mutations(site: &Site) {
    let token = site.database.fixture.ann.token.as_str();
    let before = everything(site);
    let good = "insertPosts(data: {id: 20, title: \"first\"}) { id }";
    let bad = "insertPosts(data: {id: 21, title: \"bob public\"}) { id }";
    let not_hers = "insertPosts(data: {id: 22, title: \"x\", authorId: \"{BOB_ID}\"}) { id }";
    let not_hers = site.database.fixture.fill(not_hers);
    for (query, refusal, path) in [
        (format!("mutation {{ {bad} }}"), DUPLICATE, "insertPosts"),
        (format!("mutation {{ mine: {bad} }}"), DUPLICATE, "mine"),
        (
            format!("mutation {{ __typename mine: {not_hers} }}"),
            NOT_ALLOWED,
            "mine",
        ),
        (format!("mutation {{ a: {bad} b: {good} }}"), DUPLICATE, "a"),
        (
            format!("mutation {{ a: {good} __typename b: {bad} }}"),
            DUPLICATE,
            "b",
        ),
        (
            format!("mutation {{ a: {good} ...F }} fragment F on Mutation {{ b: {not_hers} }}"),
            NOT_ALLOWED,
            "b",
        ),
    ] {
        told(site, &query, token, refusal, Some(path));
        assert_eq!(everything(site), before, "{query}");
    }
    // Seen at the end only. Of one field there is no doubt, of two nobody knows whose it is.
    let orphan = "insertComments(data: {id: 9, postId: 999, body: \"x\"}) { id }";
    let refusal = (
        409,
        "FOREIGN_KEY_VIOLATION",
        "A row this one refers to does not exist, or this row is still referred to",
    );
    told(
        site,
        &format!("mutation {{ c: {orphan} }}"),
        token,
        refusal,
        Some("c"),
    );
    told(
        site,
        &format!("mutation {{ a: {good} c: {orphan} }}"),
        token,
        refusal,
        None,
    );
    assert_eq!(everything(site), before);
    let query = format!("mutation {{ mine: {good} gone: deletePosts(id: 20) {{ id }} }}");
    let done = data(site, &query, Some(token));
    assert_eq!(done, json!({"mine": {"id": 20}, "gone": {"id": 20}}));
    assert_eq!(everything(site), before);
}

fn queries(site: &Site) {
    let token = site.database.fixture.ann.token.as_str();
    // In the schema, and refused by PostgreSQL.
    let unseen = |change: &str| {
        let all = format!(
            "alter event trigger fluxbase_ddl disable; {change}; alter event trigger fluxbase_ddl enable"
        );
        site.database.superuser().batch_execute(&all).expect("done");
    };
    let queries = [
        ("{ posts { id } }", Some("posts")),
        ("{ all: posts { id } }", Some("all")),
        ("{ __typename all: posts { id } }", Some("all")),
        (
            "{ page: postsConnection(first: 1) { totalCount } }",
            Some("page"),
        ),
        ("{ all: posts { id } who: users { name } }", None),
    ];
    unseen("revoke select on public.posts from authenticated");
    for (query, path) in queries {
        told(site, query, token, NOT_ALLOWED, path);
    }
    unseen("grant select on public.posts to authenticated");
    for (query, _) in queries {
        data(site, query, Some(token));
    }
}

fn before_fields(site: &Site) {
    let before = everything(site);
    let set = |body: &str| {
        let made = format!(
            "create or replace function public.before() returns void language plpgsql as $$ begin {body} end $$"
        );
        site.database
            .superuser()
            .batch_execute(&made)
            .expect("made");
    };
    let good = "updatePosts(id: 1, data: {price: 1.50}) { id }";
    let bad = "updatePosts(id: 1, data: {title: \"bob public\"}) { id }";
    let one = format!("mutation {{ a: {good} }}");
    let two = format!("mutation {{ a: {good} b: {good} }}");
    let token = site.database.fixture.ann.token.as_str();
    set("raise sqlstate 'PT402';");
    let refusal = (402, "VALIDATION_FAILED", "Payment Required");
    for query in [one.as_str(), &two, "{ posts { id } }"] {
        told(site, query, token, refusal, None);
    }
    set("null;");
    for query in [one.as_str(), &two, "{ posts { id } }"] {
        data(site, query, Some(token));
    }
    told(
        site,
        &format!("mutation {{ a: {bad} }}"),
        token,
        DUPLICATE,
        Some("a"),
    );
    told(
        site,
        &format!("mutation {{ a: {good} b: {bad} }}"),
        token,
        DUPLICATE,
        Some("b"),
    );
    // Seen at the end only, where it may be what went before.
    let orphan = "insertComments(data: {id: 9, postId: 999, body: \"x\"}) { id }";
    let refusal = (
        409,
        "FOREIGN_KEY_VIOLATION",
        "A row this one refers to does not exist, or this row is still referred to",
    );
    for query in [
        format!("mutation {{ c: {orphan} }}"),
        format!("mutation {{ a: {good} c: {orphan} }}"),
    ] {
        told(site, &query, token, refusal, None);
    }
    // What goes before fails as the field would, and only where it writes.
    set("insert into public.posts (id, title, author_id) values (30, 'bob public', auth.uid());");
    for query in [one.as_str(), &two, &format!("mutation {{ a: {bad} }}")] {
        told(site, query, token, DUPLICATE, None);
    }
    set("null;");
    // Of a read too it is told which of the two it was. A policy is no part of the schema, which may be read anew meanwhile.
    let change = |change: &str| {
        site.database
            .superuser()
            .batch_execute(change)
            .expect("done")
    };
    change("create policy bad on public.posts as restrictive for select using (1 / (id - id) = 0)");
    let refusal = (
        400,
        "INVALID_INPUT",
        "A value does not fit its column or operator",
    );
    told(site, "{ all: posts { id } }", token, refusal, Some("all"));
    change("drop policy bad on public.posts");
    data(site, "{ all: posts { id } }", Some(token));
    // A session that has ended, which PostgreSQL alone knows.
    let gone = site.sign_up("gone@example.com");
    for query in [one.as_str(), &two] {
        data(site, query, Some(&gone.token));
    }
    let ended = site
        .request("POST", "/api/v1/auth/signout")
        .bearer(&gone.token);
    ended.send().expect(200);
    let refusal = (401, "REVOKED_TOKEN", "Token has been revoked");
    for query in [one.as_str(), &two, "{ posts { id } }"] {
        told(site, query, &gone.token, refusal, None);
    }
    assert_eq!(everything(site), before);
}

/// Beyond a mebibyte an answer waits in a file, of each field in one of its own.
fn large(site: &Site) {
    let made = "create function public.fill(letter text, n int) returns text language sql as 'select repeat(letter, n)'";
    site.database.superuser().batch_execute(made).expect("made");
    let token = Some(site.database.fixture.ann.token.as_str());
    let query = "mutation { a: fill(letter: \"x\", n: 2000000) b: fill(letter: \"y\", n: 3) c: fill(letter: \"z\", n: 1500000) }";
    for _ in 0..100 {
        if ask(site, query, token).status == 200 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let whole = |value: &Value, letter: &str, length: usize| {
        value
            .as_str()
            .is_some_and(|text| text == letter.repeat(length))
    };
    let answer = data(site, query, token);
    assert!(whole(&answer["a"], "x", 2_000_000));
    assert!(whole(&answer["b"], "y", 3));
    assert!(whole(&answer["c"], "z", 1_500_000));
}
