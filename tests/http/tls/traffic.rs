//! What goes over an encrypted session.

use super::{is_served, world};
use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use serde_json::json;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCHEMA: &str = "
    create table public.slabs (id int primary key, slab text);
    insert into public.slabs select n, repeat(chr(96 + n % 26 + 1), 1048576) from generate_series(1, 12) n;
    grant select on public.slabs to authenticated;
    create function public.echo(text text) returns text immutable language sql return text;
";

fn slabs(executor: &str) -> Site {
    let world = world();
    let database = world.fixture.database();
    database.superuser().batch_execute(SCHEMA).expect("schema");
    let parameters = format!("sslmode=verify-full&sslrootcert={}", world.known());
    let url = world.url("ssl_only", "localhost", &database, &parameters);
    let settings = [
        ("DATABASE_URL", url.as_str()),
        ("DATABASE_EXECUTOR", executor),
        ("DATABASE_POOL_TIMEOUT", "10s"),
        ("DATABASE_CONNECT_TIMEOUT", "10s"),
    ];
    Site::on(database, &settings)
}

/// Twelve mebibytes, each of another letter, and small ones in between.
pub fn large(_: &Arc<Fixture>, executor: &str) {
    let site = slabs(executor);
    let ann = &site.database.fixture.ann.token;
    for _ in 0..3 {
        let rows = site
            .get("/api/v1/tables/slabs?select=id,slab&order=id")
            .bearer(ann)
            .send()
            .expect(200);
        let rows = rows.as_array().expect("rows");
        assert_eq!(rows.len(), 12);
        for (row, letter) in rows.iter().zip(b'b'..) {
            let slab = row["slab"].as_str().expect("text");
            assert_eq!(slab.len(), 1 << 20);
            assert!(slab.bytes().all(|byte| byte == letter), "{letter}");
        }
        is_served(&site);
    }
}

/// Most of a mebibyte there and back, from many at once: more than sockets hold, in both directions, on sessions that others
/// read from as well.
pub fn crossing(_: &Arc<Fixture>, executor: &str) {
    let site = slabs(executor);
    let ann = &site.database.fixture.ann.token;
    std::thread::scope(|scope| {
        for letter in b'a'..=b'h' {
            let site = &site;
            scope.spawn(move || {
                let text = String::from(char::from(letter)).repeat(900 << 10);
                for _ in 0..4 {
                    let answer = site
                        .post("/rest/v1/rpc/echo", &json!({"text": text}))
                        .bearer(ann)
                        .send();
                    assert_eq!(answer.expect(200), json!(text.as_str()));
                }
            });
        }
    });
}

/// Whoever closes a socket without a word of TLS leaves a line in PostgreSQL's log each time. A server that ends does not, nor
/// do the sessions it opens to see whether it can start.
pub fn end(_: &Arc<Fixture>, executor: &str) {
    let site = slabs(executor);
    is_served(&site);
    let name = site.database.name.clone();
    let ended = Command::new("kill").arg(site.pid.to_string()).status();
    assert!(ended.expect("kill runs").success());
    let began = Instant::now();
    while site.is_running() {
        assert!(began.elapsed() < Duration::from_secs(15), "it goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(200));
    let log = world().fixture.cluster.log_tail(usize::MAX);
    let of_it: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(&format!("ssl_only@{name} ")))
        .collect();
    let opened = of_it
        .iter()
        .filter(|line| line.contains("connection authorized"));
    assert!(opened.count() >= 3, "{of_it:?}");
    for line in of_it {
        for complaint in ["could not receive data", "SSL error"] {
            assert!(!line.contains(complaint), "{line}");
        }
    }
}
