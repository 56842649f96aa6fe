//! GraphQL against the real thing: who sees what, what is refused, and what a mutation leaves behind.

mod acting;
mod differential;
mod over_http;
mod paths;
mod persisted;
mod refused;
mod roles;

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::{Request, Response};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

/// Name, settings of the server, what happens.
type Test = (
    &'static str,
    &'static [(&'static str, &'static str)],
    fn(&Site),
);

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
    let all = [
        acting::TESTS,
        over_http::TESTS,
        paths::TESTS,
        refused::TESTS,
        roles::TESTS,
    ];
    let mut trials: Vec<Trial> = all
        .into_iter()
        .flatten()
        .map(|(name, settings, body)| {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trial(&cluster, format!("graphql::{name}"), move || {
                body(&site(&fixture, settings));
            })
        })
        .collect();
    trials.extend(persisted::trials(fixture));
    trials.extend(differential::trials(fixture));
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
