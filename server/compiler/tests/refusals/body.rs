//! Bodies that are no rows.

use crate::{assert_refused, common};

#[test]
fn bodies_that_are_no_rows_are_refused() {
    let (s, c) = (400, "INVALID_REQUEST_BODY");
    let cases: &[(&str, &str)] = &[
        ("", "The body is not valid JSON (line 1, column 0)"),
        ("{", "The body is not valid JSON"),
        (
            "{\"title\":1}x",
            "The body is not valid JSON (line 1, column 12)",
        ),
        (
            "{'title':1}",
            "The body is not valid JSON (line 1, column 2)",
        ),
        ("{\"title\":\"\\ud800\"}", "The body is not valid JSON"),
        ("{\"title\":01}", "The body is not valid JSON"),
        ("1", "The body must be an object or an array of objects"),
        ("\"x\"", "The body must be an object or an array of objects"),
        ("null", "The body must be an object or an array of objects"),
        ("true", "The body must be an object or an array of objects"),
        ("-1.5", "The body must be an object or an array of objects"),
        ("[1]", "The body must be an object or an array of objects"),
        (
            "[null]",
            "The body must be an object or an array of objects",
        ),
        ("[[]]", "The body must be an object or an array of objects"),
        (
            "[{},\"x\"]",
            "The body must be an object or an array of objects",
        ),
        (
            "{\"title\":1,\"title\":2}",
            "The key title stands twice in one object",
        ),
        (
            "{\"title\":1,\"t\\u0069tle\":2}",
            "The key title stands twice in one object",
        ),
        (
            "[{\"title\":1},{\"title\":1,\"title\":2}]",
            "The key title stands twice in one object",
        ),
        (
            "{\"title\":{\"a\":1,\"a\":2}}",
            "The key a stands twice in one object",
        ),
        (
            "{\"title\":\"a\\u0000b\"}",
            "The body holds a NUL character",
        ),
        ("{\"title\\u0000\":1}", "The body holds a NUL character"),
        (
            "{\"title\":[{\"\\u0000\":1}]}",
            "The body holds a NUL character",
        ),
    ];
    for (body, message) in cases {
        assert_refused(&[(
            &format!("POST /posts\n\n{body}"),
            s,
            c,
            message,
            "POST /posts\n\n[{\"title\":1}]",
        )]);
    }
    assert_refused(&[
        (
            "PATCH /posts?id=eq.1\n\n[{\"body\":1}]",
            s,
            c,
            "The body must be an object",
            "PATCH /posts?id=eq.1\n\n{\"body\":1}",
        ),
        (
            "PATCH /posts?id=eq.1\n\n{}",
            s,
            c,
            "The body sets no column",
            "PATCH /posts?id=eq.1\n\n{\"body\":null}",
        ),
        (
            "POST /posts?columns=title\n\n{\"body\":1}",
            s,
            c,
            "columns names title",
            "POST /posts?columns=body\n\n{\"body\":1}",
        ),
    ]);
}

#[test]
fn bytes_that_are_no_text_are_no_body() {
    let mut text = common::Text::read("POST /posts\n\n{\"title\":\n\"?\"}");
    let position = text.body.iter().position(|byte| *byte == b'?').unwrap();
    assert!(text.compile(&common::catalog(), |_, _| {}).is_ok());
    text.body[position] = 0xff;
    let error = text.compile(&common::catalog(), |_, _| {}).unwrap_err();
    assert_eq!(
        error.message(),
        "The body is not valid JSON (line 2, column 2)"
    );
}

#[test]
fn deep_bodies_are_refused_and_the_deepest_allowed_is_not() {
    let nested = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        format!("POST /app/kinds\n\n{{\"meta\":{open}{close}}}")
    };
    let message = "The body is nested more than 64 levels deep";
    assert_refused(&[(&nested(65), 400, "JSON_TOO_DEEP", message, &nested(64))]);
    assert_refused(&[(&nested(100_000), 400, "JSON_TOO_DEEP", message, &nested(2))]);
}

#[test]
fn too_many_kinds_of_row_are_refused() {
    let names = ["code", "fixed", "mood", "label", "amount", "ratio"];
    let rows = |count: usize| {
        let row = |bits: usize| {
            let keys = names.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1);
            format!(
                "{{{}}}",
                keys.map(|(_, name)| format!("\"{name}\":null"))
                    .collect::<Vec<_>>()
                    .join(",")
            )
        };
        let rows: Vec<String> = (0..count).map(row).collect();
        format!(
            "POST /app/kinds\nPrefer: missing=default\n\n[{}]",
            rows.join(",")
        )
    };
    let message = "The rows give more than 32 different sets of keys";
    assert_refused(&[(&rows(33), 400, "INVALID_REQUEST_BODY", message, &rows(32))]);
}
