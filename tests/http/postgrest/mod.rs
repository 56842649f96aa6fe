//! `/rest/v1`: what the clients of PostgREST send, and what they expect back.

mod calling;
mod errors;
mod handlers;
mod media;
mod reading;
mod settings;
mod writing;

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::{Request, Response};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::Value;
use std::sync::Arc;

const ITEMS: &str = "/rest/v1/items";
const THINGS: &str = "/rest/v1/things";
const OBJECT: &str = "application/vnd.pgrst.object+json";

const SCHEMA: &str = r"
    create table public.pictures (id int primary key, picture bytea, title text);
    insert into public.pictures values (1, '\x00ff0a80', 'first'), (2, null, 'second'), (3, '', 'third');
    create table public.keyed (id int primary key, name text, amount int not null);
    create table public.pairs (a int, b text, note text, primary key (a, b));
    grant all on public.keyed, public.pairs to authenticated;
    grant select on public.pictures to authenticated;
";

/// One server, each test with a user of its own.
struct User {
    site: Arc<Site>,
    token: String,
}

impl User {
    fn request(&self, method: &str, target: &str) -> Request {
        self.site.request(method, target).bearer(&self.token)
    }

    fn get(&self, target: &str) -> Request {
        self.request("GET", target)
    }

    fn prefer(&self, method: &str, target: &str, prefer: &str) -> Request {
        self.request(method, target).header("Prefer", prefer)
    }

    fn rows(&self, target: &str) -> Value {
        self.get(target).send().expect(200)
    }

    /// Makes items and answers with their rows.
    fn items(&self, rows: &Value) -> Value {
        self.prefer("POST", ITEMS, "return=representation")
            .json(rows)
            .send()
            .expect(201)
    }
}

type Body = fn(&User);

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let database = fixture.database();
    database
        .superuser()
        .batch_execute(SCHEMA)
        .expect("schema of these tests");
    let site = Arc::new(Site::on(database, &[("API_SCHEMAS", "public,private")]));
    site.database
        .superuser()
        .batch_execute(&[calling::SCHEMA, media::SCHEMA, handlers::SCHEMA].concat())
        .expect("functions of these tests");
    let families: [(&str, &[(&'static str, Body)]); 6] = [
        ("reading", reading::TRIALS),
        ("writing", writing::TRIALS),
        ("errors", errors::TRIALS),
        ("calling", calling::TRIALS),
        ("media", media::TRIALS),
        ("handlers", handlers::TRIALS),
    ];
    let mut trials = settings::trials(fixture);
    for (family, members) in families {
        for (number, (name, body)) in members.iter().enumerate() {
            let site = Arc::clone(&site);
            let user = format!("pgrst-{family}-{number}@example.com");
            trials.push(trial(
                &fixture.cluster,
                format!("postgrest::{family}::{name}"),
                move || {
                    let token = site.sign_up(&user).token;
                    let user = User { site, token };
                    if matches!(family, "calling" | "media" | "handlers") {
                        calling::wait_for_functions(&user);
                    }
                    body(&user);
                },
            ));
        }
    }
    trials
}

/// Status, `Content-Range` and length of the body.
fn page(answer: &Response) -> (u16, Option<&str>, usize) {
    let rows = if answer.body.is_empty() {
        0
    } else {
        answer.json().as_array().map_or(0, Vec::len)
    };
    (answer.status, answer.header("content-range"), rows)
}
