use super::{Block, is_plain, request, rollback};
use crate::db::transaction::Work;
use crate::db::wire::names::Names;
use crate::db::wire::testing::{caller, statement, taken_apart};
use bytes::BytesMut;
use fluxbase_compiler::plan::Access;
use fluxbase_compiler::sql::Statement;

fn written(
    names: &mut Names,
    key: Option<char>,
    statement: &Statement,
    first: Option<&str>,
) -> Vec<(char, Vec<u8>)> {
    let caller = caller(key);
    let work = Work {
        first,
        caller: &caller,
        statement,
        scope: "read:tables",
    };
    let mut out = BytesMut::new();
    let _ = request(&mut out, names, &work, Block::of(&work)).unwrap();
    taken_apart(&out)
}

fn tags(messages: &[(char, Vec<u8>)]) -> String {
    messages.iter().map(|(tag, _)| *tag).collect()
}

fn holds(content: &[u8], text: &str) -> bool {
    content
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn a_request_is_one_flight_with_one_sync_and_parses_only_what_is_new() {
    let names = &mut Names::new(8);
    let read = statement("select $1::text", Access::ReadOnly, &["value"]);
    let first = written(names, None, &read, None);
    assert_eq!(tags(&first), "PBEPBES");
    let second = written(names, None, &read, None);
    assert_eq!(tags(&second), "BEBES");
    assert!(holds(&second[2].1, "value"));
    assert!(!holds(&second[0].1, "value"));
}

#[test]
fn a_read_only_reads_before_anything_of_the_caller_runs() {
    let names = &mut Names::new(8);
    let read = statement("select 1", Access::ReadOnly, &[]);
    let messages = written(names, Some('a'), &read, None);
    assert!(holds(
        &messages[0].1,
        "set_config('transaction_read_only', 'on', true), auth.enter($1, $2)"
    ));
    let write = statement(
        "insert into t values (1) returning 1",
        Access::ReadWrite,
        &[],
    );
    let messages = written(&mut Names::new(8), Some('a'), &write, None);
    assert!(holds(&messages[0].1, "select auth.enter($1, $2)"));
    assert!(
        !messages
            .iter()
            .any(|(_, content)| holds(content, "transaction_read_only"))
    );
}

#[test]
fn the_credential_is_a_value_and_never_text_of_a_statement() {
    let names = &mut Names::new(8);
    let read = statement("select 1", Access::ReadOnly, &[]);
    for (tag, content) in written(names, Some('z'), &read, None) {
        assert_eq!(
            holds(&content, "aaaz"),
            tag == 'B' && holds(&content, "sk_"),
            "{tag}"
        );
        assert!(tag != 'P' || !holds(&content, "sk_"));
    }
}

#[test]
fn a_statement_of_alternating_roles_is_parsed_once_for_each() {
    let names = &mut Names::new(8);
    let read = statement("select 1", Access::ReadOnly, &[]);
    written(names, None, &read, None);
    assert_eq!(tags(&written(names, Some('a'), &read, None)), "PBEPBES");
    for key in [None, Some('a'), None, Some('b')] {
        assert_eq!(tags(&written(names, key, &read, None)), "BEBES");
    }
}

#[test]
fn what_goes_first_and_what_is_estimated_have_their_places() {
    let names = &mut Names::new(8);
    let mut read = statement("select 'main'", Access::ReadOnly, &[]);
    read.time_zone = Some("Europe/Vienna".into());
    read.estimate = Some(fluxbase_compiler::sql::Estimate {
        sql: "explain (format json) select 1".into(),
        params: Vec::new(),
        counted_to: None,
    });
    let messages = written(names, None, &read, Some("select app.first()"));
    let parsed: Vec<&[u8]> = messages
        .iter()
        .filter(|(tag, _)| *tag == 'P')
        .map(|(_, content)| &content[..])
        .collect();
    for (content, expected) in
        parsed
            .iter()
            .zip(["auth.enter", "timezone", "app.first", "'main'", "explain"])
    {
        assert!(holds(content, expected), "{expected}");
    }
    assert_eq!(parsed.len(), 5);
    assert_eq!(messages.iter().filter(|(tag, _)| *tag == 'S').count(), 1);
}

#[test]
fn what_may_end_the_transaction_itself_stands_in_a_block() {
    for (sql, plain) in [
        ("select 1", true),
        ("  WITH x as (select 1) select * from x", true),
        ("insert into t default values", true),
        ("explain (format json) select 1", true),
        ("call app.commits()", false),
        ("CALL app.commits()", false),
        ("do $$ begin commit; end $$", false),
        ("commit", false),
        ("", false),
        ("selected", false),
    ] {
        assert_eq!(is_plain(sql), plain, "{sql}");
    }
    let call = statement("call app.commits()", Access::ReadWrite, &[]);
    let messages = written(&mut Names::new(8), None, &call, None);
    let parsed: Vec<&[u8]> = messages
        .iter()
        .filter(|(tag, _)| *tag == 'P')
        .map(|(_, content)| &content[..])
        .collect();
    assert!(holds(parsed[0], "begin read write"));
    assert!(holds(parsed[1], "auth.enter_anonymous"));
    assert!(holds(parsed[2], "call"));
    assert!(holds(parsed[3], "commit"));
    assert_eq!(messages.iter().filter(|(tag, _)| *tag == 'S').count(), 1);
}

#[test]
fn a_write_that_is_tried_out_checks_its_constraints_and_is_undone() {
    let mut write = statement(
        "insert into t values (1) returning 1",
        Access::ReadWrite,
        &[],
    );
    write.rollback = true;
    let messages = written(&mut Names::new(8), None, &write, None);
    let parsed: Vec<&[u8]> = messages
        .iter()
        .filter(|(tag, _)| *tag == 'P')
        .map(|(_, content)| &content[..])
        .collect();
    for (content, expected) in parsed.iter().zip([
        "begin read write",
        "auth.enter",
        "insert",
        "set constraints",
        "rollback",
    ]) {
        assert!(holds(content, expected), "{expected}");
    }
    assert!(!messages.iter().any(|(_, content)| holds(content, "commit")));
    let mut out = BytesMut::new();
    let _ = rollback(&mut out, &mut Names::new(8)).unwrap();
    assert_eq!(tags(&taken_apart(&out)), "PBES");
}

#[test]
fn what_was_pushed_out_is_closed_before_anything_else() {
    let names = &mut Names::new(2);
    let mut closed = 0;
    for number in 0..10 {
        let read = statement(&format!("select {number}"), Access::ReadOnly, &[]);
        let messages = written(names, None, &read, None);
        let leading = messages.iter().take_while(|(tag, _)| *tag == 'C').count();
        assert_eq!(
            leading,
            messages.iter().filter(|(tag, _)| *tag == 'C').count()
        );
        closed += leading;
    }
    assert!(closed >= 6, "{closed}");
}

#[test]
fn behind_a_pooler_nothing_has_a_name() {
    let names = &mut Names::new(0);
    let read = statement("select 1", Access::ReadOnly, &[]);
    for _ in 0..3 {
        let messages = written(names, Some('a'), &read, None);
        assert_eq!(tags(&messages), "PBEPBES");
        assert!(
            messages
                .iter()
                .all(|(tag, content)| *tag != 'P' || content[0] == 0)
        );
    }
}

#[test]
fn a_request_that_has_no_form_leaves_nothing_behind() {
    let caller = caller(None);
    let read = statement("select '\0'", Access::ReadOnly, &[]);
    let work = Work {
        first: None,
        caller: &caller,
        statement: &read,
        scope: "read:tables",
    };
    let mut out = BytesMut::from(&b"before"[..]);
    let names = &mut Names::new(8);
    assert!(request(&mut out, names, &work, Block::Implicit).is_err());
    assert_eq!(out, "before");
    // The Parse of what enters was taken back with it.
    let fine = statement("select 1", Access::ReadOnly, &[]);
    assert_eq!(tags(&written(names, None, &fine, None)), "PBEPBES");
}
