//! Each role has a schema of its own: what it was granted nothing on is not there for it.

use super::{PATHS, Test, ask, data, refused, request};
use crate::keys::{client_key, service_key, text};
use crate::site::Site;
use fluxbase_tests::http::Response;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub(super) const TESTS: &[Test] = &[
    (
        "a_column_without_a_right_is_not_there_nor_suggested",
        &[],
        columns,
    ),
    (
        "a_document_one_role_may_ask_is_not_answered_to_another",
        &[],
        documents,
    ),
    (
        "what_looks_like_a_key_is_told_nothing_of_the_schema",
        &[],
        forged,
    ),
    (
        "a_right_that_is_taken_away_is_gone_from_kept_documents",
        &[],
        revoked,
    ),
    ("what_a_filter_may_not_see_it_does_not_tell", &[], filters),
    (
        "a_query_writes_nothing_whatever_its_functions_say",
        &[],
        read_only,
    ),
    (
        "introspection_that_is_off_tells_nothing",
        &[("GRAPHQL_INTROSPECTION", "false")],
        introspection,
    ),
];

const PARTLY: &str = "
    create table public.people (id int primary key, name text, salary numeric, boss int references public.people);
    insert into public.people values (1, 'Ann', 1000, null), (2, 'Bob', 2000, 1);
    grant select (id, name, boss), update (name) on public.people to authenticated;
    grant select on public.people to service_role;
";

/// Asks until the schema has what was just done to the database.
fn until(
    site: &Site,
    query: &str,
    token: Option<&str>,
    done: impl Fn(&Response) -> bool,
) -> Response {
    let began = Instant::now();
    loop {
        let answer = ask(site, query, token);
        if done(&answer) {
            return answer;
        }
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "{}",
            answer.text()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn with_people(site: &Site) {
    site.database
        .superuser()
        .batch_execute(PARTLY)
        .expect("made");
    let token = &site.database.fixture.ann.token;
    until(site, "{ people { id } }", Some(token), |answer| {
        answer.status == 200
    });
}

fn columns(site: &Site) {
    with_people(site);
    let (ann, service) = (
        Some(site.database.fixture.ann.token.as_str()),
        Some(site.database.fixture.service_key.as_str()),
    );
    for query in [
        "{ people { salary } }",
        "{ people(filter: {salary_gt: 1}) { id } }",
        "{ people(orderBy: {salary: ASC}) { id } }",
        "{ people { boss: peopleBoss { salary } } }",
        "{ peopleConnection { aggregate { max { salary } } } }",
    ] {
        let answer = ask(site, query, ann);
        let body = answer.shaped(400, "GRAPHQL_VALIDATION_FAILED");
        // Its own words come back; that they are of anything is not said.
        assert!(!answer.text().contains("Did you mean"), "{body}");
        assert_eq!(ask(site, query, None).status, 400, "{query}");
    }
    let near = "{ people { salaryy } }";
    assert!(!ask(site, near, ann).text().contains("Did you mean"));
    let told = ask(site, near, service).text();
    assert!(told.contains("Did you mean \\\"salary\\\"?"), "{told}");
    let all = "{ people(orderBy: {id: ASC}) { id salary } }";
    assert_eq!(
        data(site, all, service),
        json!({"people": [{"id": 1, "salary": 1000}, {"id": 2, "salary": 2000}]})
    );
    let own = "{ people(orderBy: {id: ASC}, filter: {name_like: \"B%\"}) { id name } }";
    assert_eq!(
        data(site, own, ann),
        json!({"people": [{"id": 2, "name": "Bob"}]})
    );
    // What is written is what may be read, too.
    let write = "mutation { updatePeople(id: 2, data: {name: \"Rob\"}) { name } }";
    assert_eq!(
        data(site, write, ann),
        json!({"updatePeople": {"name": "Rob"}})
    );
    let write = "mutation { updatePeople(id: 2, data: {salary: 9}) { name } }";
    ask(site, write, ann).shaped(400, "GRAPHQL_VALIDATION_FAILED");
    let type_of = "{ __type(name: \"People\") { fields { name } } }";
    let names = |token| {
        let found = data(site, type_of, token);
        let fields = found["__type"]["fields"].as_array().cloned();
        let fields = fields.unwrap_or_default().into_iter();
        let names = fields.map(|field| field["name"].as_str().expect("a name").to_owned());
        names.collect::<Vec<_>>()
    };
    assert!(names(service).contains(&"salary".to_owned()));
    assert!(names(ann).contains(&"name".to_owned()) && !names(ann).contains(&"salary".to_owned()));
    assert_eq!(names(None), [""; 0]);
}

/// 1. The service's key asks; the document is read, planned and kept.
/// 2. A user sends the same bytes.
fn documents(site: &Site) {
    let (ann, service) = (
        Some(site.database.fixture.ann.token.as_str()),
        Some(site.database.fixture.service_key.as_str()),
    );
    let query = "{ vault { secret } }";
    for _ in 0..4 {
        assert_eq!(
            data(site, query, service),
            json!({"vault": [{"secret": "treasure"}]})
        );
        for token in [ann, None] {
            let answer = ask(site, query, token);
            let body = answer.shaped(400, "GRAPHQL_VALIDATION_FAILED");
            assert_eq!(
                body["error"],
                "Cannot query field \"vault\" on type \"Query\"."
            );
        }
    }
    // A policy's rows too are those of who asks, whoever made the statement.
    let query = "{ posts(orderBy: {id: ASC}) { id } }";
    let ids = |token| data(site, query, token)["posts"].clone();
    for _ in 0..2 {
        assert_eq!(ids(service), json!([{"id": 1}, {"id": 2}, {"id": 3}]));
        assert_eq!(ids(ann), json!([{"id": 1}, {"id": 3}]));
        assert_eq!(ids(None), json!([{"id": 3}]));
    }
}

/// 1. Anybody writes `sk_` and 43 letters, which is how a key of the service begins, and only PostgreSQL knows which
///    there are.
/// 2. He asks for the schema, or for names that are nearly right: no statement runs, and PostgreSQL is not asked.
/// 3. He has the names of everything that the service may read.
fn forged(site: &Site) {
    let database = &site.database;
    let (ann, service) = (&database.fixture.ann, &database.fixture.service_key);
    let queries = [
        "{ __schema { types { name } } }",
        "{ __type(name: \"Vault\") { name } }",
        "{ __typename }",
        "{ vault { secre } }",
        "{ vault { secret } nothing }",
        "{ vault(limit: 1000) { secret } }",
        "mutation { insertVault(data: {secre: \"x\"}) { secret } }",
    ];
    let ended = site.sign_up("ended@example.com");
    let key = |scopes: &[&str]| {
        let made = client_key(site, &ann.token, &json!({"name": "k", "scopes": scopes}));
        text(&made, "key")
    };
    let (deleted, narrow) = (key(&["*"]), key(&["execute:rpc"]));
    site.database
        .superuser()
        .batch_execute(&format!(
            "update auth.client_keys set expires_at = now() - interval '1 day' where name = 'k' and scopes = '{{*}}'; delete from auth.sessions where user_id = '{}'",
            ended.id
        ))
        .expect("over");
    for token in [
        &format!("sk_{}", "A".repeat(43)),
        &format!("fbk_{}", "A".repeat(43)),
        &deleted,
    ] {
        for query in queries {
            let answer = ask(site, query, Some(token));
            let body = answer.expect(401);
            assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
            assert_eq!(body["errors"].as_array().map(Vec::len), Some(1));
            let said = answer.text().to_lowercase();
            assert!(!said.contains("vault") && !said.contains("secre"), "{said}");
        }
    }
    // Nor does a token go on seeing it when its session is over.
    for query in &queries[..3] {
        assert_eq!(ask(site, query, Some(&ended.token)).status, 401, "{query}");
    }
    // Keys and tokens that are: also a key that may do nothing but call.
    let root = site.with_role("root@example.com", "dashboard_admin");
    let key = service_key(site, &root.token, &json!({"name": "backend"}));
    let key = text(&key, "key");
    for token in [&narrow, &ann.token, service, &key] {
        for query in &queries[..3] {
            data(site, query, Some(token));
        }
        let answer = ask(site, "{ vault { secre } }", Some(token));
        answer.shaped(400, "GRAPHQL_VALIDATION_FAILED");
    }
    let said = ask(site, "{ vault { secre } }", Some(&key)).text();
    assert!(said.contains("Did you mean \\\"secret\\\"?"), "{said}");
}

fn revoked(site: &Site) {
    with_people(site);
    let ann = Some(site.database.fixture.ann.token.as_str());
    let query = "{ people(orderBy: {id: ASC}, limit: 1) { name } }";
    for _ in 0..4 {
        assert_eq!(data(site, query, ann), json!({"people": [{"name": "Ann"}]}));
    }
    let change = |sql: &str| site.database.superuser().batch_execute(sql).expect("done");
    change("revoke select (name) on public.people from authenticated");
    // At no moment is it answered; once the schema knows, it is not even there.
    let answer = until(site, query, ann, |answer| {
        assert!(
            answer.status == 403 || answer.status == 400,
            "{}",
            answer.text()
        );
        answer.status == 400
    });
    answer.shaped(400, "GRAPHQL_VALIDATION_FAILED");
    change("grant select (name) on public.people to authenticated");
    until(site, query, ann, |answer| answer.status == 200);
    // A column that is renamed is gone under its old name, and there under the new one.
    change("alter table public.people rename name to title");
    until(site, query, ann, |answer| answer.status == 400);
    let renamed = "{ people(orderBy: {id: ASC}, limit: 1) { title } }";
    let answer = until(site, renamed, ann, |answer| answer.status == 200);
    assert_eq!(
        answer.json(),
        json!({"data": {"people": [{"title": "Ann"}]}})
    );
}

/// 1. A post is not the caller's to see.
/// 2. He asks for what he may see, with a condition on the post: whether it holds shows in which rows come back.
fn filters(site: &Site) {
    let ann = Some(site.database.fixture.ann.token.as_str());
    let service = Some(site.database.fixture.service_key.as_str());
    let count = |query: &str, token| {
        let found = data(site, query, token);
        let (_, rows) = found
            .as_object()
            .and_then(|all| all.iter().next())
            .expect("one");
        rows.as_array().map(Vec::len)
    };
    for query in [
        "{ users(filter: {posts_some: {title_eq: \"bob private\"}}) { name } }",
        "{ comments(filter: {post: {title_like: \"bob priv%\"}}) { id } }",
        "{ users(filter: {posts_some: {comments_some: {body_like: \"%private%\"}}}) { name } }",
    ] {
        assert_eq!(count(query, ann), Some(0), "{query}");
        assert_eq!(count(query, service), Some(1), "{query}");
    }
    // Neither by what is not there.
    let none = "{ users(filter: {posts_none: {title_eq: \"bob private\"}}) { name } }";
    assert_eq!((count(none, ann), count(none, service)), (Some(2), Some(1)));
    // Nor by how many there are.
    let total = "{ postsConnection { totalCount aggregate { count max { title } } } }";
    let found = |token| data(site, total, token)["postsConnection"].clone();
    assert_eq!(
        found(ann),
        json!({"totalCount": 2, "aggregate": {"count": 2, "max": {"title": "bob public"}}})
    );
    assert_eq!(found(service)["totalCount"], 3);
}

/// A function that says it only reads calls one that writes.
fn read_only(site: &Site) {
    let made = "
        create table public.traces (note text);
        grant insert, select on public.traces to authenticated;
        create function public.trace() returns int volatile language plpgsql as
            $$ begin insert into public.traces values ('x'); return 1; end $$;
        create function public.innocent() returns int stable language plpgsql as $$ begin return public.trace(); end $$;
    ";
    site.database.superuser().batch_execute(made).expect("made");
    let ann = Some(site.database.fixture.ann.token.as_str());
    let answer = until(site, "{ innocent }", ann, |answer| answer.status != 400);
    assert!(answer.status == 503, "{}", answer.text());
    let traces = || data(site, "{ traces { note } }", ann);
    assert_eq!(traces(), json!({"traces": []}));
    ask(site, "{ trace }", ann).shaped(400, "GRAPHQL_VALIDATION_FAILED");
    assert_eq!(data(site, "mutation { trace }", ann), json!({"trace": 1}));
    assert_eq!(traces(), json!({"traces": [{"note": "x"}]}));
}

fn introspection(site: &Site) {
    use fluxbase_tests::http::encoded;
    let code = "INTROSPECTION_DISABLED";
    let queries = [
        "{ __schema { types { name } } }",
        "{ users { name } __type(name: \"Users\") { name } }",
        "{ ... { ...F } } fragment F on Query { s: __schema { queryType { name } } }",
    ];
    for path in PATHS {
        for query in queries {
            let body: Value = json!({ "query": query });
            refused(&request(site, path, &body, None), 403, code, code);
            let target = format!("{path}?query={}", encoded(query));
            refused(&site.get(&target).send(), 403, code, code);
        }
        refused(&site.get(path).send(), 403, code, code);
    }
    // Nor does a slip of the pen.
    let said = ask(site, "{ user { name } post { id } usrs { name } }", None).text();
    assert!(!said.contains("Did you mean"), "{said}");
    data(site, "{ users { __typename name } }", None);
}
