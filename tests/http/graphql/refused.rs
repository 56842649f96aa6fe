//! Operations that shall cost the server more than the caller: refused before a connection is taken, and in little time.

use super::{NESTED, PATHS, Test, ask, data, refused, request};
use crate::site::Site;
use fluxbase_tests::http::Response;
use fluxbase_tests::noise::Backend;
use serde_json::{Value, json};

pub(super) const TESTS: &[Test] = &[
    (
        "the_example_six_deep_is_refused_with_five",
        &[("GRAPHQL_MAX_DEPTH", "5")],
        five_deep,
    ),
    (
        "the_example_six_deep_is_one_statement_with_ten",
        &[("GRAPHQL_MAX_DEPTH", "10")],
        ten_deep,
    ),
    ("fragments_within_themselves_are_refused", &[], cycles),
    ("a_hundred_thousand_aliases_are_refused", &[], aliases),
    ("depth_through_fragments_is_refused", &[], through_fragments),
    (
        "depth_through_inline_fragments_is_refused",
        &[],
        through_inline,
    ),
    (
        "fragments_that_double_each_other_are_refused",
        &[],
        doubling,
    ),
    (
        "a_schema_that_is_asked_in_circles_is_refused",
        &[],
        circular,
    ),
    ("a_flood_of_directives_is_refused", &[], directives),
    ("huge_variables_are_refused", &[], variables),
    (
        "integers_past_their_type_are_refused_and_no_digit_is_lost",
        &[],
        integers,
    ),
    ("an_argument_nobody_knows_is_refused", &[], arguments),
    ("what_an_operation_may_cost_is_limited", &[], complexity),
];

/// Milliseconds of CPU time in which the server must have refused, at the best of a few tries.
const MOST: f64 = 5.0;

/// What all connections of the pool did last, and when. The first one opened listens, and asks by the clock.
fn connections(site: &Site) -> Vec<String> {
    let asked = "select concat_ws(' ', pid, query_start, state_change) from pg_stat_activity where usename = 'fluxbase_app' and datname = current_database() order by backend_start offset 1";
    let rows = site.database.superuser().query(asked, &[]);
    rows.expect("asked").iter().map(|row| row.get(0)).collect()
}

/// The same once the server has started: a worker's first session may just be coming, and what only asked before is going.
fn settled(site: &Site) -> Vec<String> {
    let mut last = connections(site);
    loop {
        std::thread::sleep(std::time::Duration::from_millis(50));
        let now = connections(site);
        if now == last {
            return now;
        }
        last = now;
    }
}

/// Refused with this code, on both addresses, in time, and without a connection.
#[track_caller]
fn cheap(site: &Site, body: &Value, code: &str) {
    cheap_as(site, body, 400, code, code);
}

#[track_caller]
fn cheap_as(site: &Site, body: &Value, status: u16, code: &str, extension: &str) {
    let before = settled(site);
    let server = Backend::process(site.pid.cast_signed());
    let mut least = f64::INFINITY;
    for path in PATHS {
        for _ in 0..3 {
            let (took, answer): (f64, Response) = server.during(|| request(site, path, body, None));
            least = least.min(took / 1e3);
            let body = answer.shaped(status, code);
            let errors = body["errors"].as_array().expect("errors");
            assert!(!errors.is_empty() && errors.len() <= 20, "{body}");
            assert_eq!(errors[0]["message"], body["error"]);
            assert_eq!(errors[0]["extensions"]["code"], extension);
            assert!(answer.body.len() < 10_000, "{} bytes", answer.body.len());
        }
    }
    assert_eq!(connections(site), before);
    assert!(least < MOST, "at the best {least} ms");
    assert!(site.is_running());
}

#[track_caller]
fn query(site: &Site, text: &str, code: &str) {
    cheap(site, &json!({ "query": text }), code);
}

fn five_deep(site: &Site) {
    query(site, NESTED, "DEPTH_LIMIT_EXCEEDED");
    let answer = ask(site, NESTED, None);
    let message = "query depth 6 exceeds maximum allowed depth of 5";
    assert_eq!(answer.json()["error"], message);
    data(
        site,
        "{ users(limit: 1) { posts { comments { author { name } } } } }",
        None,
    );
}

fn ten_deep(site: &Site) {
    let found = data(site, NESTED, None);
    assert_eq!(
        found["users"][1]["posts"][0]["comments"][0]["author"]["posts"],
        json!([])
    );
    // All that the connections of this server ever ran of these tables.
    let pids = "select pid from pg_stat_activity where usename = 'fluxbase_app' and datname = current_database()";
    let pids = site.database.superuser().query(pids, &[]).expect("asked");
    let pids: Vec<String> = pids
        .iter()
        .map(|row| format!("[{}]", row.get::<_, i32>(0)))
        .collect();
    let log = site.database.fixture.cluster.log_tail(usize::MAX);
    let ran = |line: &&str| {
        pids.iter().any(|pid| line.contains(pid.as_str())) && line.contains("\"public\".\"")
    };
    assert_eq!(log.lines().filter(ran).count(), 1);
}

fn cycles(site: &Site) {
    for text in [
        "{ ...F } fragment F on Query { ...F }",
        "{ ...F } fragment F on Query { posts { id } ...G } fragment G on Query { ...F }",
        "{ _health } fragment F on Posts { author { posts { ...F } } }",
        "{ posts { ...F } } fragment F on Posts { author { posts { ...F } } }",
    ] {
        query(site, text, "GRAPHQL_VALIDATION_FAILED");
    }
    data(
        site,
        "{ posts { ...F } } fragment F on Posts { author { ...G } } fragment G on Users { name }",
        None,
    );
}

fn aliases(site: &Site) {
    let many = |count: usize| {
        let fields: Vec<String> = (0..count).map(|n| format!("a{n}:_health")).collect();
        format!("{{{}}}", fields.join(" "))
    };
    query(site, &many(70_000), "GRAPHQL_PARSE_FAILED");
    // Past the largest body there is.
    let answer = ask(site, &many(100_000), None);
    let codes = ["GRAPHQL_PARSE_FAILED", "PAYLOAD_TOO_LARGE"];
    let body = answer.json();
    assert!(
        codes.contains(&body["code"].as_str().expect("a code")),
        "{body}"
    );
    query(site, &many(500), "COMPLEXITY_LIMIT_EXCEEDED");
    data(site, &many(20), None);
}

/// `posts { author { posts …`, this many levels, each in a fragment of its own.
fn fragments(levels: usize) -> String {
    let mut text = String::from("{ ...F0 }");
    for level in 0..levels {
        let (on, field) = match level {
            0 => ("Query", "posts(limit: 1)"),
            odd if odd % 2 == 1 => ("Posts", "author"),
            _ => ("Users", "posts(limit: 1)"),
        };
        let inner = match level + 1 == levels {
            true => "__typename".to_owned(),
            false => format!("...F{}", level + 1),
        };
        text.push_str(&format!(
            " fragment F{level} on {on} {{ {field} {{ {inner} }} }}"
        ));
    }
    text
}

fn through_fragments(site: &Site) {
    query(site, &fragments(10), "DEPTH_LIMIT_EXCEEDED");
    query(site, &fragments(200), "DEPTH_LIMIT_EXCEEDED");
    data(site, &fragments(9), None);
}

fn through_inline(site: &Site) {
    let deep = |levels: usize| {
        let (mut open, mut close) = (String::new(), String::new());
        for level in 0..levels {
            let (on, field) = if level % 2 == 0 {
                ("Posts", "author")
            } else {
                ("Users", "posts(limit: 1)")
            };
            open.push_str(&format!("... on {on} {{ {field} {{ "));
            close.push_str("} }");
        }
        format!("{{ posts(limit: 1) {{ {open}__typename {close}}} }}")
    };
    query(site, &deep(9), "DEPTH_LIMIT_EXCEEDED");
    query(site, &deep(90), "DEPTH_LIMIT_EXCEEDED");
    query(site, &deep(900), "GRAPHQL_PARSE_FAILED");
    // Nothing but braces.
    let braces = format!("{{ posts {}", "{ ... ".repeat(40_000));
    query(site, &braces, "GRAPHQL_PARSE_FAILED");
    data(site, &deep(8), None);
}

/// Each fragment spreads the next one twice: thirty of them are a thousand million fields.
fn doubling(site: &Site) {
    let text = |levels: usize| {
        let mut text = String::from("{ posts(limit: 1) { ...F0 } }");
        for level in 0..levels {
            let inner = match level + 1 == levels {
                true => "id".to_owned(),
                false => format!("...F{} ...F{}", level + 1, level + 1),
            };
            text.push_str(&format!(" fragment F{level} on Posts {{ {inner} }}"));
        }
        text
    };
    query(site, &text(30), "COMPLEXITY_LIMIT_EXCEEDED");
    query(site, &text(200), "COMPLEXITY_LIMIT_EXCEEDED");
    data(site, &text(4), None);
}

fn circular(site: &Site) {
    let text = |levels: usize| {
        let (open, close) = ("fields { type { ".repeat(levels), "} } ".repeat(levels));
        format!("{{ __schema {{ types {{ {open}name {close}}} }} }}")
    };
    query(site, &text(3), "DEPTH_LIMIT_EXCEEDED");
    query(site, &text(40), "DEPTH_LIMIT_EXCEEDED");
    data(site, &text(1), None);
}

fn directives(site: &Site) {
    let text = |count: usize| format!("{{ _health {} }}", "@include(if: true) ".repeat(count));
    query(site, &text(500), "COMPLEXITY_LIMIT_EXCEEDED");
    query(site, &text(4_000), "GRAPHQL_PARSE_FAILED");
    let unknown = format!("{{ _health {} }}", "@a".repeat(90));
    query(site, &unknown, "GRAPHQL_VALIDATION_FAILED");
    data(site, &text(1), None);
}

fn variables(site: &Site) {
    let text = "query ($f: PostsFilter, $l: [Int!]) { posts(filter: $f) { id } comments(filter: {id_in: $l}) { id } }";
    let with = |variables: &str| {
        let body = format!("{{\"query\":{},\"variables\":{variables}}}", json!(text));
        request_raw(site, body)
    };
    let code = "GRAPHQL_VALIDATION_FAILED";
    let nested = format!(
        "{{\"f\":{}{{}}{}}}",
        "{\"_not\":".repeat(50_000),
        "}".repeat(50_000)
    );
    let brackets = format!("{{\"l\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let list = |count: usize| format!("{{\"l\":[{}1]}}", "1,".repeat(count - 1));
    let conditions = format!(
        "{{\"f\":{{\"_or\":[{}{{\"id_eq\":1}}]}}}}",
        "{\"id_eq\":1},".repeat(30_000)
    );
    let before = settled(site);
    for (name, variables, codes) in [
        ("nested", nested, [code, "INVALID_REQUEST_BODY"]),
        ("brackets", brackets, [code, "INVALID_REQUEST_BODY"]),
        (
            "conditions",
            conditions,
            [code, "COMPLEXITY_LIMIT_EXCEEDED"],
        ),
    ] {
        let answer = with(&variables);
        let body = answer.expect(400);
        assert!(
            codes.contains(&body["code"].as_str().expect("a code")),
            "{name}: {body}"
        );
        assert!(answer.body.len() < 10_000);
    }
    // One large value in many places.
    let value = "x".repeat(200_000);
    let fields: Vec<String> = (0..15)
        .map(|n| {
            format!(
                "a{n}: posts(filter: {{_or: [{}]}}) {{ id }}",
                "{title_eq: $v} ".repeat(6)
            )
        })
        .collect();
    let body = json!({"query": format!("query ($v: String) {{ {} }}", fields.join(" ")), "variables": {"v": value}});
    let answer = request(site, PATHS[0], &body, None);
    answer.shaped(400, "COMPLEXITY_LIMIT_EXCEEDED");
    assert_eq!(connections(site), before);
    assert_eq!(
        with(&list(1_000)).expect(200)["data"]["comments"][0]["id"],
        1
    );
    with("{\"f\":{\"_not\":{\"_not\":{\"id_eq\":3}}},\"l\":[1]}").expect(200);
}

fn request_raw(site: &Site, body: String) -> Response {
    site.request("POST", PATHS[0]).raw(body).send()
}

/// JavaScript rounds 9007199254740993; whoever reads numbers as it does finds the row beside the one that was meant.
fn integers(site: &Site) {
    let made = "
        create table public.accounts (id bigint primary key, amount numeric);
        insert into public.accounts values (9007199254740992, 0.1), (9007199254740993, 12345678901234567890.123456789), (9223372036854775807, 1);
        grant select on public.accounts to anon;
    ";
    site.database.superuser().batch_execute(made).expect("made");
    let there = "{ accounts { id } }";
    while ask(site, there, None).status != 200 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    for text in [
        "{ post(id: 2147483648) { id } }",
        "{ post(id: 9007199254740993) { id } }",
        "{ posts(limit: 99999999999999999999) { id } }",
        "{ posts(filter: {id_in: [1, 9007199254740993]}) { id } }",
        "{ account(id: 9223372036854775808) { id } }",
        "{ account(id: 1e3) { id } }",
        "{ account(id: 1.0) { id } }",
    ] {
        query(site, text, "GRAPHQL_VALIDATION_FAILED");
    }
    let by = |variables: &str| {
        let text = "query ($id: BigInt!) { account(id: $id) { id amount } }";
        request_raw(
            site,
            format!("{{\"query\":{},\"variables\":{variables}}}", json!(text)),
        )
    };
    for variables in [
        "{\"id\": 9223372036854775808}",
        "{\"id\": 1e15}",
        "{\"id\": \"1e15\"}",
        "{\"id\": 1.5}",
    ] {
        by(variables).shaped(400, "GRAPHQL_VALIDATION_FAILED");
    }
    for variables in [
        "{\"id\": 9007199254740993}",
        "{\"id\": \"9007199254740993\"}",
    ] {
        assert_eq!(
            by(variables).text(),
            "{\"data\":{\"account\":{\"id\":\"9007199254740993\",\"amount\":12345678901234567890.123456789}}}"
        );
    }
    let literal = ask(site, "{ account(id: 9007199254740993) { amount } }", None);
    assert_eq!(
        literal.text(),
        "{\"data\":{\"account\":{\"amount\":12345678901234567890.123456789}}}"
    );
}

fn arguments(site: &Site) {
    for text in [
        "{ posts(where: {id_eq: 1}) { id } }",
        "{ posts(filter: {id_equals: 1}) { id } }",
        "{ post(id: 1, title: \"x\") { id } }",
        "{ users { posts(limt: 1) { id } } }",
        "{ posts { id(format: \"hex\") } }",
        "{ posts @include(unless: true) { id } }",
    ] {
        query(site, text, "GRAPHQL_VALIDATION_FAILED");
    }
    // A mutation most of all: an argument that is dropped would widen it.
    let token = Some(site.database.fixture.ann.token.as_str());
    let before = super::everything(site);
    for text in [
        "mutation { deleteManyPosts(filter: {}) }",
        "mutation { deleteManyPosts(where: {id_eq: 1}) }",
        "mutation { deleteManyPosts(filter: {id_eq: 1, id_equals: 2}) }",
        "mutation { deleteManyPosts(filter: {id_eq: null}) }",
    ] {
        ask(site, text, token).shaped(400, "GRAPHQL_VALIDATION_FAILED");
    }
    assert_eq!(super::everything(site), before);
    data(site, "{ posts(filter: {id_eq: 1}) { id } }", None);
}

fn complexity(site: &Site) {
    let wide = |rows: usize| format!("{{ posts(limit: {rows}) {{ id }} }}");
    data(site, &wide(900), None);
    let code = "COMPLEXITY_LIMIT_EXCEEDED";
    query(site, &wide(1000), code);
    refused(&ask(site, &wide(1000), None), 400, code, code);
    // The same by a variable.
    let body = |rows: u64| json!({"query": "query ($n: Int!) { posts(limit: $n) { id } }", "variables": {"n": rows}});
    cheap(site, &body(1000), code);
    request(site, PATHS[0], &body(900), None).expect(200);
    let deep = |levels: usize| {
        let (open, close) = (
            "author { posts(limit: 1) { ".repeat(levels),
            "} } ".repeat(levels),
        );
        format!("{{ posts(limit: 1) {{ {open}title {close}}} }}")
    };
    data(site, &deep(4), None);
    query(site, &deep(5), "DEPTH_LIMIT_EXCEEDED");
    let message = "query depth 12 exceeds maximum allowed depth of 10";
    assert_eq!(ask(site, &deep(5), None).json()["error"], message);
    // Who may not at all is told nothing of limits.
    let body = json!({"query": wide(1000)});
    let answer = request(site, PATHS[0], &body, Some("not a token"));
    refused(&answer, 401, "INVALID_TOKEN", "UNAUTHENTICATED");
}
