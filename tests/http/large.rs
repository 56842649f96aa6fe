//! Answers of a hundred megabytes: in bounded memory, and without a client that stops reading holding anything up.

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::Request;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::io::{ErrorKind, Read as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

const MEBIBYTE: usize = 1 << 20;
const ROWS: usize = 100;

/// A hundred rows of a mebibyte each, that compress to nothing; and a function that makes some.
const SCHEMA: &str = "
    create table public.slabs (id int primary key, slab text);
    insert into public.slabs select n, repeat(chr(96 + n % 26 + 1), 1048576) from generate_series(1, 100) n;
    grant select, update on public.slabs to authenticated;
    create function public.slab(size int) returns text immutable language sql return repeat('z', size);
";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &'static str, body: fn(&Arc<Fixture>)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("large::{name}"), move || {
            body(&fixture)
        }));
    };
    add(
        "a_hundred_megabytes_are_answered_in_bounded_memory",
        bounded,
    );
    add("a_large_answer_is_whole_on_every_way_out", whole);
    add("a_client_that_stops_reading_loses_its_connection", stalled);
    add(
        "a_client_that_stops_reading_holds_no_connection_of_the_database",
        not_held,
    );
    add(
        "what_a_function_called_first_returns_is_not_the_answer",
        called_first,
    );
    add("without_room_for_it_a_large_answer_is_refused", no_room);
    trials
}

fn site(fixture: &Arc<Fixture>, settings: &[(&str, &str)]) -> Site {
    let database = fixture.database();
    database.superuser().batch_execute(SCHEMA).expect("schema");
    Site::on(database, settings)
}

fn slabs(site: &Site, target: &str) -> Request {
    site.get(target).bearer(&site.database.fixture.ann.token)
}

/// What the server's process has in memory, and the most it ever had, in KiB.
fn memory(site: &Site) -> (usize, usize) {
    let status = std::fs::read_to_string(format!("/proc/{}/status", site.pid)).expect("its status");
    let number = |name: &str| {
        let line = status
            .lines()
            .find(|line| line.starts_with(name))
            .expect("a line");
        let number = line
            .split_whitespace()
            .nth(1)
            .and_then(|number| number.parse().ok());
        number.expect("a number")
    };
    (number("VmRSS:"), number("VmHWM:"))
}

fn bounded(fixture: &Arc<Fixture>) {
    let site = site(fixture, &[]);
    for target in [
        "/rest/v1/slabs?limit=1&select=id",
        "/api/v1/tables/slabs?limit=1&select=id",
    ] {
        slabs(&site, target).send().expect(200);
    }
    let (before, _) = memory(&site);
    for target in ["/rest/v1/slabs?order=id", "/api/v1/tables/slabs?order=id"] {
        let answer = slabs(&site, target).send();
        assert_eq!(answer.status, 200);
        assert!(answer.body.len() > ROWS * MEBIBYTE, "{}", answer.body.len());
        assert_eq!(
            answer.header("content-length"),
            Some(answer.body.len().to_string().as_str())
        );
        // Read here and not as JSON, which would take as much again.
        assert!(answer.body.starts_with(br#"[{"id":1,"slab":"bbbb"#));
        assert!(
            answer.body.ends_with(br#"zz"}]"#) || answer.body.ends_with(br#"ww"}]"#),
            "{target}"
        );
    }
    let (_, most) = memory(&site);
    assert!(
        most < before + 32 * 1024,
        "{before} KiB before, {most} KiB at most"
    );
}

fn whole(fixture: &Arc<Fixture>) {
    let site = site(fixture, &[]);
    let row = |id: usize| {
        let letter = char::from(b'a' + u8::try_from(id % 26).expect("a letter"));
        json!({"id": id, "slab": letter.to_string().repeat(MEBIBYTE)})
    };
    let three = json!([row(1), row(2), row(3)]);
    let three_first = "slabs?id=lte.3&order=id";
    for mount in ["/rest/v1", "/api/v1/tables"] {
        let target = format!("{mount}/{three_first}");
        let read = slabs(&site, &target).send();
        assert_eq!(read.expect(200), three);
        // Of what would have to be read from a file there is no tag.
        assert_eq!(read.header("etag"), None);
        let head = site
            .request("HEAD", &target)
            .bearer(&fixture.ann.token)
            .send();
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), read.header("content-length"));
    }
    let counted = slabs(&site, &format!("/rest/v1/{three_first}&limit=2"))
        .header("Prefer", "count=exact")
        .send();
    assert_eq!(
        (counted.status, counted.header("content-range")),
        (206, Some("0-1/3"))
    );
    // What a write sends back, and a function; the connection is good for the next each time.
    let written = site
        .request("PATCH", "/rest/v1/slabs?id=lte.2")
        .bearer(&fixture.ann.token)
        .header("Prefer", "return=representation")
        .json(&json!({"slab": "é".repeat(400_000)}))
        .send();
    assert_eq!(written.expect(200)[1]["slab"], json!("é".repeat(400_000)));
    let call = |size: usize| {
        let call = site.post(
            "/api/v1/rpc/default/slab",
            &json!({"params": {"size": size}}),
        );
        call.bearer(&fixture.ann.token).send().expect(200)
    };
    let execution = call(3 * MEBIBYTE);
    assert_eq!(
        execution["result"].as_str().map(str::len),
        Some(3 * MEBIBYTE)
    );
    assert_eq!(execution["status"], "completed");
    assert_eq!(call(3)["result"], "zzz");
    let text = slabs(&site, &format!("/rest/v1/rpc/slab?size={}", 2 * MEBIBYTE))
        .header("Accept", "text/plain")
        .send();
    assert_eq!((text.status, text.body.len()), (200, 2 * MEBIBYTE));
}

/// Reads to the end; how many bytes there were, and whether the end was one that a server makes on purpose.
fn drain(stream: &mut TcpStream) -> (usize, bool) {
    let (mut piece, mut total) = (vec![0; 64 * 1024], 0);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return (total, true),
            Ok(read) => total += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return (total, false),
        }
    }
}

/// 1. Ask for a hundred megabytes. 2. Read nothing. 3. Keep connection, buffers and file for as long as one likes.
fn stalled(fixture: &Arc<Fixture>) {
    let site = site(fixture, &[("SERVER_WRITE_TIMEOUT", "2s")]);
    let mut attacker = slabs(&site, "/rest/v1/slabs")
        .start()
        .expect("a connection");
    let mut slow = slabs(&site, "/rest/v1/slabs")
        .start()
        .expect("a connection");
    // The twin reads on, slowly.
    let (mut piece, mut read, began) = (vec![0; MEBIBYTE], 0, Instant::now());
    while began.elapsed() < Duration::from_secs(12) {
        read += slow.read(&mut piece).expect("more of it");
        std::thread::sleep(Duration::from_millis(200));
    }
    let (rest, closed) = drain(&mut slow);
    assert!(closed && read + rest > ROWS * MEBIBYTE, "{read} and {rest}");
    let (got, _) = drain(&mut attacker);
    assert!(got < 30 * MEBIBYTE, "{got} bytes were there after all");
    // And the file is gone with the connection.
    let descriptors = format!("/proc/{}/fd", site.pid);
    let spools = std::fs::read_dir(descriptors)
        .expect("its files")
        .flatten()
        .filter(|entry| {
            std::fs::read_link(entry.path())
                .is_ok_and(|target| target.to_string_lossy().contains("(deleted)"))
        });
    assert_eq!(spools.count(), 0);
}

/// 1. Ask for large answers on as many connections as there are to the database. 2. Read nothing. 3. Nobody else is
///    served.
fn not_held(fixture: &Arc<Fixture>) {
    let settings = [
        ("DATABASE_MAX_CONNECTIONS", "1"),
        ("SERVER_WRITE_TIMEOUT", "60s"),
    ];
    let site = site(fixture, &settings);
    let mut attackers = Vec::new();
    for _ in 0..3 {
        let target = "/rest/v1/slabs?limit=40";
        let mut attacker = slabs(&site, target).start().expect("a connection");
        let mut status = [0; 12];
        attacker.read_exact(&mut status).expect("the first bytes");
        assert_eq!(&status, b"HTTP/1.1 200");
        attackers.push(attacker);
    }
    let rows = slabs(&site, "/rest/v1/slabs?select=id&limit=1").send();
    assert_eq!(rows.expect(200).as_array().map(Vec::len), Some(1));
    // They would have got what they asked for.
    for mut attacker in attackers {
        assert!(drain(&mut attacker).0 > 40 * MEBIBYTE);
    }
}

fn no_room(fixture: &Arc<Fixture>) {
    let site = site(fixture, &[("SERVER_SPOOL_DIRECTORY", "/nowhere/at/all")]);
    let large = "slabs?limit=2";
    slabs(&site, &format!("/rest/v1/{large}"))
        .send()
        .told(503, "PGRST001");
    slabs(&site, &format!("/api/v1/tables/{large}"))
        .send()
        .refused(503, "service_unavailable");
    assert!(site.log_tail(40).contains("server.spool_directory"));
    // What is smaller is served, on the same connections.
    slabs(&site, "/rest/v1/slabs?select=id").send().expect(200);
}

fn called_first(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    let chatty = "create function public.chatty() returns text immutable language sql return repeat('x', 3000000)";
    database.superuser().batch_execute(SCHEMA).expect("schema");
    database
        .superuser()
        .batch_execute(chatty)
        .expect("function");
    let site = Site::on(database, &[("API_PRE_REQUEST", "public.chatty")]);
    let small = slabs(&site, "/rest/v1/slabs?select=id&id=lte.2&order=id").send();
    assert_eq!(small.expect(200), json!([{"id": 1}, {"id": 2}]));
    let large = slabs(&site, "/rest/v1/slabs?id=eq.3").send();
    assert!(
        large.body.starts_with(br#"[{"id":3,"slab":"dddd"#),
        "{}",
        large.status
    );
    assert!(large.body.len() > MEBIBYTE);
}
