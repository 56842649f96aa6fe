//! The attack: put SQL wherever a request has room for text. Whatever comes in, the outcome is an error or a statement
//! made of this crate's own words and the catalog's names, with all else in its parameters.
//!
//! `PROPTEST_CASES=100000 cargo test --release --test injection` goes on for longer.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code outside test functions"
)]

mod common;
// Not in `common`, which the fuzz target has without proptest.
#[path = "common/hostile.rs"]
mod hostile_text;

use std::collections::HashSet;
use std::sync::OnceLock;

use common::{Text, tokens};
use fluxbase_compiler::catalog::Catalog;
use fluxbase_compiler::rest::{Dialect, Method};
use fluxbase_compiler::sql::Statement;
use proptest::prelude::*;

fn database() -> &'static (Catalog, HashSet<String>) {
    static DATABASE: OnceLock<(Catalog, HashSet<String>)> = OnceLock::new();
    DATABASE.get_or_init(|| {
        let catalog = common::catalog();
        let names = tokens::names(&catalog);
        (catalog, names)
    })
}

/// Compiles a request; a statement that comes out must pass the tokenizer.
fn compiled(text: &Text) -> Option<Statement> {
    let (catalog, names) = database();
    let statement = text.compile(catalog, |_, _| {}).ok()?;
    if let Err(problem) = tokens::judge(&statement, names) {
        panic!("{text:?} compiles to SQL with {problem}: {}", statement.sql);
    }
    Some(statement)
}

/// Of the grammar and the catalog.
const KNOWN: &[&str] = &[
    "id",
    "title",
    "posts",
    "kinds",
    "app",
    "public",
    "meta",
    "t0",
    "x",
    "r",
    "o",
    "q\"uote",
    "we\"ird; table --",
    "select",
    "eq",
    "not",
    "in",
    "is",
    "like",
    "and",
    "or",
    "null",
    "true",
    "desc",
    "nullslast",
    "0",
    "7",
    "-1",
    "1e9",
    "auth",
    "secrets",
];

fn hostile() -> impl Strategy<Value = String> {
    hostile_text::text(KNOWN)
}

/// Percent-encodes every byte, so that the text arrives whole.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// In quotes, as the grammar has it.
fn quoted(text: &str) -> String {
    encoded(&format!(
        "\"{}\"",
        text.replace('\\', "\\\\").replace('"', "\\\"")
    ))
}

fn get(query: String) -> Text {
    Text {
        query,
        ..Text::read("GET /app/kinds")
    }
}

/// Requests whose hole takes a value: the SQL must be the same, letter for letter, whatever stands there.
fn with_value(hole: usize, value: &str) -> Text {
    let (plain, quoted, json) = (
        encoded(value),
        quoted(value),
        serde_json::to_string(value).unwrap(),
    );
    let write = |method, query: String, body: String| Text {
        method,
        body: body.into_bytes(),
        ..get(query)
    };
    match hole {
        0 => get(format!("code=eq.{plain}")),
        1 => get(format!("code.not.ilike={plain}")),
        2 => get(format!("code=in.(a,{quoted},b)")),
        3 => get(format!(
            "or=(code.eq.{quoted},and(id.gt.1,code.like.{quoted}))"
        )),
        4 => get(format!("meta->>a=eq.{plain}&order=code.desc")),
        5 => get(format!(
            "select=meta->{quoted}->>{quoted}&meta->{quoted}->>b=neq.x"
        )),
        6 => get(format!("select=id,{quoted}:code")),
        7 => get(format!("order=meta->>{quoted}.desc,id")),
        8 => get(format!("id=eq.{plain}&count=exact")),
        9 => Text {
            path: vec!["app".into(), "kinds".into(), value.into()],
            ..get(String::new())
        },
        10 => write(
            Method::Post,
            String::new(),
            format!("{{\"code\":{json},\"meta\":{{\"a\":[{json}]}}}}"),
        ),
        11 => write(
            Method::Post,
            String::new(),
            format!("[{{\"code\":1}},{{\"mood\":{json}}}]"),
        ),
        12 => write(
            Method::Patch,
            format!("code=eq.{plain}&select={quoted}:id"),
            format!("{{\"code\":{json}}}"),
        ),
        13 => write(
            Method::Delete,
            format!("not.or=(code.eq.{quoted},code.in.({quoted}))"),
            String::new(),
        ),
        14 => Text {
            path: vec!["app".into(), "kinds".into(), value.into()],
            ..write(Method::Delete, String::new(), String::new())
        },
        15 => of_users(format!(
            "select=id,posts(title,{quoted}:comments(body))&posts.title=eq.{plain}&posts.{quoted}.body=ilike.{plain}"
        )),
        16 => of_users(format!(
            "select=name,...posts({quoted}:title)&posts.or=(title.eq.{quoted},id.gt.1)"
        )),
        17 => get(format!(
            "code=fts({}).{plain}",
            encoded(&value.replace([')', '(', ','], ""))
        )),
        18 => get(format!(
            "code=like(any).{plain}&tags=cs.{plain}&period=ov.{plain}"
        )),
        19 => get(format!(
            "select={quoted}:amount.sum(),mood&meta->>{quoted}=isdistinct.{plain}"
        )),
        20 => Text {
            prefer: vec!["resolution=merge-duplicates".into()],
            ..write(
                Method::Post,
                "on_conflict=code".into(),
                format!("{{\"code\":{json}}}"),
            )
        },
        21 => Text {
            dialect: Dialect::PostgRest,
            headers: vec![("Accept".into(), "text/csv".into())],
            ..get(format!("select={quoted}:code"))
        },
        _ => Text {
            dialect: Dialect::PostgRest,
            headers: vec![(
                "Content-Type".into(),
                "application/x-www-form-urlencoded".into(),
            )],
            ..write(Method::Post, String::new(), format!("code={plain}"))
        },
    }
}
const VALUE_HOLES: usize = 23;

fn of_users(query: String) -> Text {
    Text {
        query,
        ..Text::read("GET /users")
    }
}

/// Requests whose hole takes a name or a word of the grammar.
fn with_word(hole: usize, word: &str, raw: bool) -> Text {
    let text = if raw { word.to_owned() } else { encoded(word) };
    let quoted = quoted(word);
    let json = serde_json::to_string(word).unwrap();
    let write = |method, query: String, body: String| Text {
        method,
        body: body.into_bytes(),
        ..get(query)
    };
    let path = |path: &[&str]| Text {
        path: path.iter().map(|&s| s.to_owned()).collect(),
        ..get(String::new())
    };
    match hole {
        0 => path(&[word]),
        1 => path(&[word, "kinds"]),
        2 => path(&["app", word]),
        3 => get(format!("{text}=eq.1")),
        4 => get(format!("{quoted}=eq.1")),
        5 => get(format!("code={text}.1")),
        6 => get(format!("code.{text}=1")),
        7 => get(format!("code={text}")),
        8 => get(format!("select={text}")),
        9 => get(format!("select=id,{quoted}")),
        10 => get(format!("select=a:{text}")),
        11 => get(format!("order={text}")),
        12 => get(format!("order=id.{text}")),
        13 => get(format!("order={quoted}.asc")),
        14 => get(format!("or=({text})")),
        15 => get(format!("or=({quoted}.eq.1,id.{text})")),
        16 => get(format!("{text}=({text})")),
        17 => get(format!("meta->{text}=eq.1")),
        18 => get(format!("select=meta->>{text}")),
        19 => get(format!("limit={text}")),
        20 => get(format!("offset={text}")),
        21 => get(format!("count={text}")),
        22 => get(format!("code=in.{text}")),
        23 => get(format!("code=is.{text}")),
        24 => get(text),
        25 => Text {
            prefer: vec![word.to_owned()],
            ..get(String::new())
        },
        26 => Text {
            prefer: vec![format!("return={word}")],
            ..write(Method::Post, String::new(), "{}".into())
        },
        27 => write(Method::Post, String::new(), format!("{{{json}:1}}")),
        28 => write(
            Method::Post,
            format!("columns={text}"),
            format!("[{{{json}:1,\"mood\":2}}]"),
        ),
        29 => write(Method::Post, format!("select={text}"), word.to_owned()),
        30 => write(
            Method::Patch,
            format!("{text}=eq.1"),
            format!("{{{json}:1}}"),
        ),
        31 => write(Method::Delete, text, String::new()),
        32 => Text {
            prefer: vec!["missing=default".into()],
            ..write(
                Method::Post,
                String::new(),
                format!("[{{{json}:1}},{{\"mood\":2}}]"),
            )
        },
        33 => write(
            Method::Put,
            format!("columns={quoted}"),
            format!("{{{json}:{json}}}"),
        ),
        34 => of_users(format!("select=id,{text}(id)")),
        35 => of_users(format!("select=id,posts!{text}(id)")),
        36 => of_users(format!(
            "select=id,posts({text})&posts.{text}=eq.1&posts.order={text}"
        )),
        37 => of_users(format!(
            "select=posts(id)&order=posts({text})&{text}.id=eq.1"
        )),
        38 => get(format!("select=code::{text}")),
        39 => get(format!("select=amount.{text}()")),
        40 => get(format!("select=amount.sum()::{text}&group_by={text}")),
        41 => get(format!("code={text}(any).x")),
        42 => Text {
            prefer: vec![format!("resolution={word}"), format!("timezone={word}")],
            ..write(
                Method::Post,
                format!("on_conflict={text}"),
                "{\"code\":1}".into(),
            )
        },
        43 => Text {
            dialect: Dialect::PostgRest,
            headers: vec![
                ("Accept".into(), word.to_owned()),
                ("Range".into(), word.to_owned()),
            ],
            ..get(format!("select={quoted}"))
        },
        44 => Text {
            call: true,
            path: vec!["public".into(), word.to_owned()],
            ..get(format!("{text}=1&{quoted}=eq.{text}"))
        },
        _ => Text {
            call: true,
            ..write(
                Method::Post,
                format!("select={text}"),
                format!("{{{json}:{json}}}"),
            )
        },
    }
}
const WORD_HOLES: usize = 46;

#[test]
fn every_hole_compiles_with_harmless_text() {
    for hole in 0..VALUE_HOLES {
        assert!(
            compiled(&with_value(hole, "harmless")).is_some(),
            "hole {hole}"
        );
    }
    for (hole, word) in [
        (0, "posts"),
        (1, "app"),
        (2, "members"),
        (5, "eq"),
        (6, "eq"),
        (7, "not.eq.1"),
        (12, "desc"),
    ]
    .into_iter()
    .chain([
        (14, "id.eq.1"),
        (17, "a"),
        (18, "a"),
        (19, "1"),
        (20, "1"),
        (21, "exact"),
        (22, "(1)"),
        (23, "null"),
    ])
    .chain([
        (24, "id=eq.1"),
        (25, "count=exact"),
        (26, "minimal"),
        (31, "id=eq.1"),
    ])
    .chain([3, 4, 8, 9, 10, 11, 13, 27, 28, 30, 32].map(|hole| (hole, "code")))
    {
        assert!(
            compiled(&with_word(hole, word, true)).is_some(),
            "hole {hole}"
        );
    }
}

proptest! {
    #[test]
    fn values_never_change_the_statement(hole in 0..VALUE_HOLES, value in hostile()) {
        // A rename to a name that is taken, or to the column's own, is another request.
        prop_assume!(
            (!matches!(hole, 6 | 12 | 15 | 16 | 19 | 21)
                || !matches!(value.as_str(), "id" | "code" | "title" | "mood" | "name" | "posts"))
                && (hole != 5 || value != "meta")
        );
        let harmless = compiled(&with_value(hole, "harmless")).unwrap();
        match compiled(&with_value(hole, &value)) {
            Some(statement) => prop_assert_eq!(statement.sql, harmless.sql),
            // PostgreSQL's text has no NUL.
            None => prop_assert!(value.contains('\0')),
        }
    }

    #[test]
    fn words_never_reach_the_statement(hole in 0..WORD_HOLES, word in hostile(), raw in any::<bool>()) {
        // `compiled` holds what comes out against the tokens and names allowed.
        let _ = compiled(&with_word(hole, &word, raw));
    }

    #[test]
    fn nothing_panics(
        method in prop::sample::select(vec![Method::Get, Method::Post, Method::Patch, Method::Put, Method::Delete]),
        path in prop::collection::vec(hostile(), 1..=3),
        query in hostile(),
        prefer in prop::collection::vec(hostile(), 0..3),
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..64),
            hostile().prop_map(String::into_bytes),
        ],
        known in any::<bool>(),
        mount in prop::sample::select(vec!["GET /x", "GET /rest/v1/x", "GET /rpc/x", "GET /rest/v1/rpc/x"]),
    ) {
        let path = if known { vec!["app".to_owned(), "kinds".to_owned()] } else { path };
        let _ = compiled(&Text { method, path, query, prefer, body, ..Text::read(mount) });
    }
}
