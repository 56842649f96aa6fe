//! The one page there is: for development alone, and of nobody else's files than the server's own.

use crate::site::Site;
use fluxbase_tests::cluster::free_port;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::{Request, Response};
use fluxbase_tests::janitor::{at_end, quoted};
use fluxbase_tests::server::Server;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ON: (&str, &str) = ("GRAPHQL_GRAPHIQL", "true");

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const FILES: [(&str, &str); 6] = [
    ("graphiql.min.css", STYLE),
    ("graphiql.min.js", SCRIPT),
    ("page.css", STYLE),
    ("react-dom.production.min.js", SCRIPT),
    ("react.production.min.js", SCRIPT),
    ("start.js", SCRIPT),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Arc<Fixture>)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("graphiql::{name}"), move || {
            body(&fixture)
        }));
    };
    add("where_nobody_asked_for_it_there_is_no_page", off);
    add("beyond_this_machine_no_page_is_served", beyond);
    add("a_page_that_could_ask_nothing_is_refused", mute);
    add("nothing_of_the_page_comes_from_anywhere_else", complete);
    add(
        "no_other_file_is_served_and_nothing_is_written",
        other_paths,
    );
    add("somebody_works_on_it_in_a_browser", browsed);
    trials
}

/// The answer without what differs from one request to the next.
fn lasting(answer: &Response) -> (u16, Vec<(String, String)>, serde_json::Value) {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
    headers.sort();
    let mut body = answer.json();
    if let Some(object) = body.as_object_mut() {
        object.remove("request_id");
    }
    (answer.status, headers, body)
}

/// A server in production says no more of the page than of a path nobody has heard of.
fn off(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    let server = Server::start(&database, &[]);
    let unknown = lasting(&server.get("/nobody-has-heard-of-it").send());
    assert_eq!(unknown.0, 404);
    let files = FILES.iter().map(|(name, _)| format!("/graphiql/{name}"));
    for path in files.chain(["/graphiql".into(), "/graphiql/".into()]) {
        assert_eq!(lasting(&server.get(&path).send()), unknown, "{path}");
        server.post(&path).send().refused(404, "NOT_FOUND");
    }
    drop(server);
    let server = Server::start(&database, &[ON]);
    assert_eq!(server.get("/graphiql").send().status, 200);
}

/// 1. A developer's configuration reaches a server that others reach.
/// 2. They have a page at hand that shows them the schema, on the origin of the application.
fn beyond(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    let asked = |address: &str| {
        let address = format!("{address}:{}", free_port());
        let settings = [ON, ("SERVER_ADDRESS", &*address)];
        Server::refused_with(&database, "fluxbase_app", &settings)
    };
    for address in ["0.0.0.0", "[::]", "", "192.0.2.1"] {
        let said = asked(address);
        assert!(
            said.contains("server.address (environment variable FLUXBASE_SERVER_ADDRESS): graphql.graphiql is true: it is for development, so only a loopback address is served"),
            "{address}: {said}"
        );
    }
    // The twins: without the page, and on this machine.
    let address = format!("0.0.0.0:{}", free_port());
    let server = Server::start(&database, &[("SERVER_ADDRESS", &address)]);
    server.get("/graphiql").send().refused(404, "NOT_FOUND");
    let server = Server::start(&database, &[ON]);
    assert_eq!(server.get("/graphiql").send().status, 200);
}

fn mute(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    let documents = fixture.cluster.directory.display().to_string();
    let persisted = ("GRAPHQL_PERSISTED_DIRECTORY", documents.as_str());
    for (settings, said) in [
        (
            vec![("GRAPHQL_ENABLED", "false")],
            "graphql.graphiql is true: there would be nothing to ask",
        ),
        (
            vec![("GRAPHQL_INTROSPECTION", "false")],
            "graphql.graphiql is true: the page has to ask for the schema",
        ),
        (
            vec![("GRAPHQL_PERSISTED_ONLY", "true"), persisted],
            "graphql.graphiql is true: what is written on the page is no persisted document",
        ),
    ] {
        let with = [&[ON], &settings[..]].concat();
        let refused = Server::refused_with(&database, "fluxbase_app", &with);
        assert!(refused.contains(said), "{settings:?}: {refused}");
        // The twin: each is served without the page.
        let server = Server::start(&database, &settings);
        server.get("/graphiql").send().refused(404, "NOT_FOUND");
    }
}

/// 1. A script of the page comes from somebody else's server, or a hole in one of them runs what an answer holds.
/// 2. Whoever controls it reads the tokens that developers give the page.
fn complete(fixture: &Arc<Fixture>) {
    let database = fixture.database();
    let server = Server::start(&database, &[ON]);
    let guarded = |path: &str, kind: &str| {
        let answer = server.get(path).send();
        assert_eq!(answer.status, 200, "{path}");
        for (name, value) in [
            ("content-type", kind),
            (
                "content-security-policy",
                "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-Y/huXlwoYkVyQlxwSVcCi1RCDGDCSVBzDt0hYP9qlTc='; connect-src 'self'; \
                 img-src data:; font-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            ),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "strict-origin-when-cross-origin"),
            ("cache-control", "no-cache"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        assert_eq!(answer.header("set-cookie"), None, "{path}");
        // Who has it is told so, and gets it again when it is another.
        let tag = answer.header("etag").expect("a tag").to_owned();
        let known = server.get(path).header("If-None-Match", &tag).send();
        assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
        assert_eq!(known.header("etag"), Some(&*tag));
        let other = server.get(path).header("If-None-Match", "\"other\"").send();
        assert_eq!((other.status, &other.body), (200, &answer.body), "{path}");
        let head = Request::new(server.port, "HEAD", path).send();
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        answer.text()
    };
    let page = guarded("/graphiql", "text/html; charset=utf-8");
    let mut named: Vec<&str> = Vec::new();
    for attribute in ["src=\"", "href=\""] {
        named.extend(
            page.split(attribute)
                .skip(1)
                .filter_map(|rest| rest.split('"').next()),
        );
    }
    named.retain(|name| *name != "data:,");
    named.sort_unstable();
    let files: Vec<String> = FILES
        .iter()
        .map(|(name, _)| format!("/graphiql/{name}"))
        .collect();
    assert_eq!(named, files);
    for inline in [
        "<script>",
        "<style",
        "style=",
        "onload",
        "javascript:",
        "://",
    ] {
        assert!(!page.contains(inline), "{inline}");
    }
    for (path, (_, kind)) in files.iter().zip(FILES) {
        let text = guarded(path, kind);
        assert!(!text.is_empty());
        if kind == STYLE {
            let urls = text.split("url(").skip(1);
            let foreign = urls.filter(|url| !url.starts_with("data:")).count();
            assert_eq!((foreign, text.contains("@import")), (0, false), "{path}");
        }
    }
}

fn other_paths(fixture: &Arc<Fixture>) {
    let server = Server::start(&fixture.database(), &[ON]);
    for path in [
        "/graphiql/",
        "/graphiql/page.html",
        "/graphiql/.stamp",
        "/graphiql/..%2fCargo.toml",
        "/graphiql/%2e%2e/%2e%2e/etc/passwd",
        "/graphiql/start.js/",
        "/graphiql/index.umd.js.map",
        "/Graphiql",
    ] {
        server.get(path).send().refused(404, "NOT_FOUND");
    }
    for path in ["/graphiql", "/graphiql/start.js"] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let answer = Request::new(server.port, method, path).send();
            answer.refused(405, "METHOD_NOT_ALLOWED");
            assert_eq!(answer.header("allow"), Some("GET, HEAD"));
        }
    }
}

/// The steps are in `tests/clients/graphiql.mjs`.
fn browsed(fixture: &Arc<Fixture>) {
    let settings = [
        ON,
        (
            "SECURITY_CSRF_SECRET",
            "a secret for cookies, 32 bytes or more",
        ),
    ];
    let site = Site::new(fixture, &settings);
    let directory = std::env::temp_dir().join(format!("fluxbase-tests-browser-{}", site.port));
    std::fs::create_dir(&directory).expect("a directory");
    at_end(&format!("rm -rf {}", quoted(&directory)));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/graphiql.mjs");
    let output = Command::new("node")
        .arg(script)
        .arg(format!("http://127.0.0.1:{}", site.port))
        .args([&fixture.ann.token, &fixture.bob.token])
        .arg(&directory)
        .output()
        .expect("node starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let failed: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("ok "))
        .collect();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && failed.is_empty() && said.lines().count() == 9,
        "{}\n{complained}",
        failed.join("\n")
    );
    // What reports its crashes ends a moment after it.
    let began = Instant::now();
    while !using(&directory).is_empty() {
        let left = using(&directory);
        assert!(began.elapsed() < Duration::from_secs(10), "{left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    std::fs::remove_dir_all(&directory).expect("nobody writes there any more");
}

/// The processes that were started with something in this directory.
fn using(directory: &Path) -> Vec<String> {
    let directory = directory.display().to_string();
    let all = std::fs::read_dir("/proc").expect("processes").flatten();
    all.filter_map(|process| std::fs::read_to_string(process.path().join("cmdline")).ok())
        .filter(|line| line.contains(&directory))
        .collect()
}
