//! What PostgREST's documentation of its interface promises, a test for each feature under the name of its page.
//! `tests/postgrest.md` has the whole list, with the tests elsewhere and with what is not so.

mod aggregates;
mod embedding;
mod functions;
mod preferences;
mod tables;
mod writing;

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::Request;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::Value;
use std::sync::Arc;

const SCHEMA: &str = r#"
    create type public.coordinates as (lat numeric, long numeric);
    create table public.directors (id int primary key, first_name text not null, last_name text not null);
    create table public.films (
        id int primary key, title text not null, year int, rating numeric, director_id int references public.directors,
        tags text[], shown int4range, details jsonb, place public.coordinates, "a,b (c)" text
    );
    create table public.technical_specs (film_id int primary key references public.films, runtime interval, camera text);
    create table public.actors (id int primary key, name text not null);
    create table public.roles (
        film_id int references public.films, actor_id int references public.actors, character text,
        primary key (film_id, actor_id)
    );
    create table public.competitions (id int primary key, name text);
    create table public.nominations (
        film_id int references public.films, competition_id int references public.competitions, rank int,
        primary key (film_id, competition_id)
    );
    create table public.addresses (id int primary key, town text);
    create table public.orders (
        id int primary key, amount numeric, region text, details jsonb,
        billing int constraint billing_of references public.addresses,
        shipping int constraint shipping_of references public.addresses
    );
    create table public.employees (id int primary key, name text, boss_id int references public.employees);
    insert into public.directors values (1, 'Akira', 'Kurosawa'), (2, 'Agnès', 'Varda'), (3, 'Nobody', 'Yet');
    insert into public.films values
        (1, 'Ran', 1985, 8.2, 1, '{war,family}', '[1985,1990)', '{"colour": true, "length": {"minutes": 162}}', '(34.5,135.5)', 'x'),
        (2, 'Ikiru', 1952, 8.3, 1, '{life}', '[1952,1960)', '{"colour": false, "length": {"minutes": 143}}', null, 'y'),
        (3, 'Cléo de 5 à 7', 1962, 7.8, 2, '{life,paris}', '[1962,1970)', null, '(48.8,2.3)', null),
        (4, 'Untitled', null, null, null, '{}', null, '{"colour": true}', null, null);
    insert into public.technical_specs values (1, '162 minutes', 'Panaflex'), (3, '90 minutes', null);
    insert into public.actors values (1, 'Tatsuya'), (2, 'Takashi'), (3, 'Corinne');
    insert into public.roles values (1, 1, 'Hidetora'), (2, 2, 'Kanji'), (3, 3, 'Cléo'), (1, 2, 'Nobody');
    insert into public.competitions values (1, 'Cannes'), (2, 'Berlin');
    insert into public.nominations values (1, 1, 2), (3, 1, 5), (2, 2, 1);
    insert into public.addresses values (1, 'Lyon'), (2, 'Kyoto');
    insert into public.orders values
        (1, 10.5, 'north', '{"items": 2}', 1, 2), (2, 20, 'north', '{"items": 3}', 1, 1), (3, 5, 'south', '{"items": 1}', 2, 2);
    insert into public.employees values (1, 'Ada', null), (2, 'Bob', 1), (3, 'Cy', 1), (4, 'Di', 2);
    create view public.old_films as select id, title, director_id from public.films where year < 1970;
    create view public.older_films as select id, title, director_id from public.old_films where id < 3;
    create function public.full_name(public.directors) returns text immutable language sql
      as $$ select $1.first_name || ' ' || $1.last_name $$;
    create function public.full_name(public.actors) returns text immutable language sql as $$ select upper($1.name) $$;
    create function public.works(public.directors) returns setof public.films stable language sql
      as $$ select * from public.films where director_id = $1.id $$;
    create function public.boss(public.employees) returns setof public.employees rows 1 stable language sql
      as $$ select * from public.employees where id = $1.boss_id $$;
    create function public.reports(public.employees) returns setof public.employees stable language sql
      as $$ select * from public.employees where boss_id = $1.id $$;
    create function public.best_in(named text) returns setof public.films stable language sql
      as $$ select f.* from public.films f join public.nominations n on n.film_id = f.id
            join public.competitions c on c.id = n.competition_id where c.name = named $$;
    create function public.plus_one(numbers int[]) returns int[] immutable language sql
      as $$ select array_agg(n + 1) from unnest(numbers) n $$;
    create function public.plus_all(variadic numbers int[]) returns int immutable language sql
      as $$ select sum(n)::int from unnest(numbers) n $$;
    create function public.film_of(film int) returns public.films stable language sql
      as $$ select * from public.films where id = film $$;
    create function public.divided(a int, b int, out whole int, out rest int) immutable language sql
      as $$ select a / b, a % b $$;
    create function public.counted(json) returns int immutable language sql as $$ select json_array_length($1) $$;
    create function public.untyped() returns record stable language sql as $$ select 1 as f1, 'x'::text as f2 $$;
    create function public.rating_of(film_id int) returns text immutable language sql as $$ select 'one' $$;
    create function public.rating_of(film_id int, source text) returns text immutable language sql as $$ select 'two' $$;
    create function public.zone() returns text stable language sql as $$ select current_setting('timezone') $$;
    create table public.stock (
        id int generated by default as identity primary key, code text unique, name text default 'thing', amount int default 7
    );
    create view public.things_in_stock as select id, code from public.stock;
    create function public.take() returns trigger language plpgsql as
      $$ begin insert into public.stock (code, name) values (new.code, 'taken'); return new; end $$;
    create trigger take instead of insert on public.things_in_stock for each row execute function public.take();
    grant all on all tables in schema public to authenticated;
"#;

/// Signed in, on the one server of these tests.
struct User {
    site: Arc<Site>,
    token: String,
}

impl User {
    fn request(&self, method: &str, target: &str) -> Request {
        // As clients send it: RFC 3986 has no such sign in an address.
        let target = format!("/rest/v1/{}", target.replace('>', "%3E"));
        self.site.request(method, &target).bearer(&self.token)
    }

    fn get(&self, target: &str) -> Request {
        self.request("GET", target)
    }

    /// What is read there.
    #[track_caller]
    fn rows(&self, target: &str) -> Value {
        self.get(target).send().expect(200)
    }

    /// One member of each row that is read there.
    #[track_caller]
    fn each(&self, member: &str, target: &str) -> Vec<Value> {
        let rows = self.rows(target);
        let rows = rows.as_array().expect("rows");
        rows.iter().map(|row| row[member].clone()).collect()
    }

    /// The numbers of the rows that are read there.
    #[track_caller]
    fn ids(&self, target: &str) -> Vec<i64> {
        let joined = if target.contains('?') { '&' } else { '?' };
        let target = if target.contains("order=") {
            target.to_owned()
        } else {
            format!("{target}{joined}order=id")
        };
        let ids = self.each("id", &target);
        ids.iter().filter_map(Value::as_i64).collect()
    }
}

type Body = fn(&User);

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let database = fixture.database();
    database
        .superuser()
        .batch_execute(SCHEMA)
        .expect("schema of these tests");
    let settings = [("API_AGGREGATES", "true"), ("API_PLAN", "true")];
    let site = Arc::new(Site::on(database, &settings));
    let pages: [(&str, &[(&'static str, Body)]); 6] = [
        ("pages_tables", tables::TRIALS),
        ("pages_writing", writing::TRIALS),
        ("pages_functions", functions::TRIALS),
        ("pages_aggregates", aggregates::TRIALS),
        ("pages_embedding", embedding::TRIALS),
        ("pages_preferences", preferences::TRIALS),
    ];
    let mut trials = Vec::new();
    for (family, members) in pages {
        for (name, body) in members {
            let site = Arc::clone(&site);
            let name = format!("{family}::{name}");
            trials.push(trial(&fixture.cluster, name, move || {
                let token = site.database.fixture.ann.token.clone();
                body(&User { site, token });
            }));
        }
    }
    trials
}
