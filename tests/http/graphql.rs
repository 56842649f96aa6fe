//! GraphQL against the real thing: who sees what, what is refused, and what a mutation leaves behind.

use crate::keys::{client_key, text};
use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::{Request, Response, encoded};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATHS: [&str; 2] = ["/api/v1/graphql", "/graphql/v1"];

const SCHEMA: &str = "
    create table public.users (id uuid primary key default auth.uid(), name text not null);
    create table public.posts (
        id int primary key,
        author_id uuid not null default auth.uid() references public.users,
        title text not null unique,
        price numeric,
        is_public boolean not null default false
    );
    create table public.comments (
        id int primary key,
        post_id int not null references public.posts deferrable initially deferred,
        author_id uuid not null default auth.uid() references public.users,
        body text not null
    );
    alter table public.posts enable row level security, force row level security;
    create policy own on public.posts using (author_id = auth.uid()) with check (author_id = auth.uid());
    create policy public_ones on public.posts for select using (is_public);
    alter table public.comments enable row level security, force row level security;
    create policy own on public.comments using (author_id = auth.uid()) with check (author_id = auth.uid());
    create policy of_public_ones on public.comments for select
        using (exists (select from public.posts p where p.id = post_id and p.is_public));
    grant select on public.users, public.posts, public.comments to anon;
    grant select, insert, update, delete on public.users, public.posts, public.comments to authenticated, service_role;
    create function public.shout(words text) returns text immutable language sql return upper(words);
    create function public.note_down(words text) returns int language sql
        begin atomic insert into public.posts (id, title) values (900, words) returning id; end;
";

/// Two authors, each with a private post; Bob's other one is public, and Ann has commented on it.
const ROWS: &str = "
    insert into public.users values ('{ANN_ID}', 'Ann'), ('{BOB_ID}', 'Bob');
    insert into public.posts values
        (1, '{ANN_ID}', 'ann private', 1.50, false),
        (2, '{BOB_ID}', 'bob private', null, false),
        (3, '{BOB_ID}', 'bob public', null, true);
    insert into public.comments values
        (1, 3, '{ANN_ID}', 'by ann'), (2, 2, '{BOB_ID}', 'by bob, of a private post');
";

const NESTED: &str = "{ users(orderBy: {name: ASC}, limit: 2) { name posts(orderBy: {id: ASC}, limit: 2) { title comments(orderBy: {id: ASC}, limit: 2) { body author { posts(orderBy: {id: ASC}, limit: 2) { title } } } } } }";

/// A site with those tables.
fn site(fixture: &Arc<Fixture>, settings: &[(&str, &str)]) -> Site {
    let database = fixture.database();
    let mut superuser = database.superuser();
    superuser.batch_execute(SCHEMA).expect("schema");
    superuser.batch_execute(&fixture.fill(ROWS)).expect("rows");
    Site::on(database, settings)
}

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, settings: &'static [(&str, &str)], body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("graphql::{name}"), move || {
            body(&site(&fixture, settings));
        }));
    };
    add(
        "related_rows_at_every_depth_are_those_of_the_policies",
        &[],
        nested,
    );
    add("depth_and_complexity_are_limited", &[], limits);
    add(
        "introspection_that_is_off_tells_nothing",
        &[("GRAPHQL_INTROSPECTION", "false")],
        introspection,
    );
    add("a_mutation_changes_what_the_caller_may", &[], mutation);
    add("fields_of_a_mutation_happen_all_or_not_at_all", &[], atomic);
    add("a_mutation_over_get_changes_nothing", &[], over_get);
    add("values_of_variables_are_values", &[], variables);
    add("errors_have_codes_and_tell_nothing_else", &[], codes);
    add("a_key_needs_the_scope_of_each_field", &[], scopes);
    add(
        "what_goes_before_each_request_goes_before_mutations_too",
        &[("API_PRE_REQUEST", "public.before")],
        pre_request,
    );
    add("a_new_table_is_in_the_schema_at_once", &[], reload);
    trials
}

fn request(site: &Site, path: &str, body: &Value, token: Option<&str>) -> Response {
    let request: Request = site.post(path, body);
    match token {
        Some(token) => request.bearer(token),
        None => request,
    }
    .send()
}

fn ask(site: &Site, query: &str, token: Option<&str>) -> Response {
    request(site, PATHS[0], &json!({ "query": query }), token)
}

/// The data of an operation that must succeed.
#[track_caller]
fn data(site: &Site, query: &str, token: Option<&str>) -> Value {
    let body = ask(site, query, token).expect(200);
    assert_eq!(
        body.as_object().map(serde_json::Map::len),
        Some(1),
        "{body}"
    );
    body["data"].clone()
}

/// Status, code and code of the one error of an operation that must fail.
#[track_caller]
fn refused(answer: &Response, status: u16, code: &str, extension: &str) {
    let body = answer.refused(status, code);
    let errors = body["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 1, "{body}");
    assert_eq!(errors[0]["message"], body["error"]);
    assert_eq!(errors[0]["extensions"], json!({ "code": extension }));
    assert!(body.get("data").is_none(), "{body}");
}

fn everything(site: &Site) -> String {
    let all = "select (select string_agg(p::text, '|' order by id) from public.posts p) || coalesce((select string_agg(c::text, '|' order by id) from public.comments c), '')";
    let row = site.database.superuser().query_one(all, &[]);
    row.expect("read").get(0)
}

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

fn limits(site: &Site) {
    // The title is the sixth field inside another.
    data(site, NESTED, None);
    let deep = |levels: usize| {
        let (open, close) = (
            "author { posts(limit: 1) { ".repeat(levels),
            "} } ".repeat(levels),
        );
        format!("{{ posts(limit: 1) {{ {open}title {close}}} }}")
    };
    data(site, &deep(4), None);
    let answer = ask(site, &deep(5), None);
    refused(&answer, 400, "DEPTH_LIMIT_EXCEEDED", "DEPTH_LIMIT_EXCEEDED");
    assert!(
        answer
            .text()
            .contains("query depth 12 exceeds maximum allowed depth of 10"),
        "{}",
        answer.text()
    );
    let wide = |rows: usize| format!("{{ posts(limit: {rows}) {{ id }} }}");
    data(site, &wide(900), None);
    let code = "COMPLEXITY_LIMIT_EXCEEDED";
    refused(&ask(site, &wide(1000), None), 400, code, code);
}

fn introspection(site: &Site) {
    let code = "INTROSPECTION_DISABLED";
    let queries = [
        "{ __schema { types { name } } }",
        "{ users { name } __type(name: \"Users\") { name } }",
    ];
    for path in PATHS {
        for query in queries {
            let answer = request(site, path, &json!({ "query": query }), None);
            refused(&answer, 403, code, code);
            let target = format!("{path}?query={}", encoded(query));
            refused(&site.get(&target).send(), 403, code, code);
        }
        refused(&site.get(path).send(), 403, code, code);
    }
    data(site, "{ users { __typename name } }", None);
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

/// 1. The first field of a mutation is done. 2. A later one fails, at once or only at COMMIT. 3. Half of the operation is
/// there, and the caller was told that it failed.
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

fn over_get(site: &Site) {
    let ann = &site.database.fixture.ann;
    let before = everything(site);
    let get = |path: &str, query: &str| {
        let target = format!("{path}?query={}", encoded(query));
        site.get(&target).bearer(&ann.token).send()
    };
    for path in PATHS {
        let answer = get(path, "mutation { deletePosts(id: 1) { id } }");
        let body = answer.refused(405, "METHOD_NOT_ALLOWED");
        assert_eq!(
            body["errors"][0]["extensions"]["code"],
            "METHOD_NOT_ALLOWED"
        );
        assert_eq!(answer.header("allow"), Some("POST"));
        // Neither by a function that a query may not hold.
        let answer = get(path, "{ noteDown(words: \"x\") }");
        answer.shaped(400, "GRAPHQL_VALIDATION_FAILED");
        assert_eq!(everything(site), before);
        let answer = get(path, "{ post(id: 1) { title } }").expect(200);
        assert_eq!(answer, json!({"data": {"post": {"title": "ann private"}}}));
        // The whole schema, as tools ask for it.
        let schema = site.get(path).send().expect(200);
        assert!(schema["data"]["__schema"]["types"].is_array());
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
