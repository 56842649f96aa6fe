use super::{Coming, Queue};
use crate::db::error::DbError;
use crate::db::transaction::Work;
use crate::db::wire::batch::Block;
use crate::db::wire::message::{Message, next};
use crate::db::wire::names::Names;
use crate::db::wire::testing::{caller, cases, first_answer, message, row, statement, taken_apart};
use bytes::BytesMut;
use fluxbase_compiler::plan::Access;
use proptest::prelude::*;
use std::time::{Duration, Instant};
use tokio::sync::oneshot::error::TryRecvError;

fn ask(queue: &mut Queue, block: Block, now: Instant) -> Result<(u64, Coming), DbError> {
    let caller = caller(None);
    let statement = statement("select 1", Access::ReadOnly, &[]);
    let work = Work {
        first: None,
        caller: &caller,
        statement: &statement,
        scope: "read:tables",
    };
    queue.request(&work, block, Duration::from_millis(1), now)
}

/// Everything in these bytes; whether the session can go on.
fn hear(queue: &mut Queue, bytes: &[u8], now: Instant) -> Result<(), DbError> {
    let mut arrived = BytesMut::from(bytes);
    while let Some(message) = next(&mut arrived).expect("messages") {
        if let Some(done) = queue.take(message, || now)? {
            done.deliver();
        }
    }
    Ok(())
}

/// An answer to a request whose statements are known.
fn answer(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in [
        message(b'2', b""),
        row(b""),
        message(b'C', b"SELECT 1\0"),
        message(b'2', b""),
        row(text),
        message(b'C', b"SELECT 1\0"),
        message(b'Z', b"I"),
    ] {
        bytes.extend_from_slice(&part);
    }
    bytes
}

fn text(coming: &mut Coming) -> String {
    let (outcome, _) = coming.try_recv().expect("an answer");
    let body = outcome
        .expect("no error")
        .bytes(0)
        .expect("a column")
        .expect("a value");
    String::from_utf8(body.to_vec()).expect("text")
}

fn error(coming: &mut Coming) -> DbError {
    let (outcome, _) = coming.try_recv().expect("an answer");
    outcome.expect_err("an error")
}

#[test]
fn answers_go_to_those_who_asked_in_their_order() {
    let now = Instant::now();
    let mut queue = Queue::new(Names::new(8), now);
    let mut coming: Vec<Coming> = (0..3)
        .map(|_| ask(&mut queue, Block::Implicit, now).unwrap().1)
        .collect();
    let bytes = [first_answer(b"first"), answer(b"second"), answer(b"third")].concat();
    hear(&mut queue, &bytes, now).unwrap();
    let texts: Vec<String> = coming.iter_mut().map(text).collect();
    assert_eq!(texts, ["first", "second", "third"]);
    assert_eq!(queue.depth(), 0);
}

/// 1. Three stand in a line.
/// 2. The second hangs up.
/// 3. Its answer is read and nobody's; the third gets its own.
#[test]
fn an_answer_nobody_waits_for_is_not_that_of_the_next() {
    let now = Instant::now();
    let mut queue = Queue::new(Names::new(8), now);
    let (_, mut first) = ask(&mut queue, Block::Implicit, now).unwrap();
    let (_, second) = ask(&mut queue, Block::Implicit, now).unwrap();
    let (_, mut third) = ask(&mut queue, Block::Implicit, now).unwrap();
    drop(second);
    let bytes = [first_answer(b"first"), answer(b"second"), answer(b"third")].concat();
    hear(&mut queue, &bytes, now).unwrap();
    assert_eq!(
        (text(&mut first), text(&mut third)),
        ("first".into(), "third".into())
    );
}

#[test]
fn an_error_is_its_own_requests_and_the_others_in_line_are_answered() {
    let now = Instant::now();
    let mut queue = Queue::new(Names::new(8), now);
    let (_, mut first) = ask(&mut queue, Block::Implicit, now).unwrap();
    let (_, mut second) = ask(&mut queue, Block::Implicit, now).unwrap();
    let mut bytes = message(b'1', b"").to_vec();
    bytes.extend_from_slice(&message(b'E', b"VERROR\0CFX001\0Mno\0\0"));
    bytes.extend_from_slice(&message(b'Z', b"I"));
    // What the second relied on was skipped with the first.
    bytes.extend_from_slice(&message(b'E', b"VERROR\0C26000\0Mno such statement\0\0"));
    bytes.extend_from_slice(&message(b'Z', b"I"));
    hear(&mut queue, &bytes, now).unwrap();
    assert!(!error(&mut first).is_stale_statement());
    assert!(error(&mut second).is_stale_statement());
    // Everything is parsed anew.
    queue.out.clear();
    ask(&mut queue, Block::Implicit, now).unwrap();
    let tags: String = taken_apart(&queue.out)
        .iter()
        .map(|(tag, _)| *tag)
        .filter(|tag| *tag != 'C')
        .collect();
    assert_eq!(tags, "PBEPBES");
}

#[test]
fn a_failed_block_is_rolled_back_before_the_session_is_free() {
    let now = Instant::now();
    let mut queue = Queue::new(Names::new(8), now);
    let (_, mut coming) = ask(&mut queue, Block::Explicit, now).unwrap();
    queue.out.clear();
    let mut bytes = message(b'1', b"").to_vec();
    bytes.extend_from_slice(&message(b'2', b""));
    bytes.extend_from_slice(&message(b'C', b"BEGIN\0"));
    bytes.extend_from_slice(&message(b'1', b""));
    bytes.extend_from_slice(&message(b'E', b"VERROR\0CFX001\0Mno\0\0"));
    bytes.extend_from_slice(&message(b'Z', b"E"));
    hear(&mut queue, &bytes, now).unwrap();
    assert!(matches!(error(&mut coming), DbError::Sql { .. }));
    assert_eq!(queue.depth(), 1, "not free yet");
    let sent = taken_apart(&queue.out);
    assert!(
        sent.iter()
            .any(|(tag, content)| *tag == 'P' && content.ends_with(b"\0rollback\0\0\0"))
    );
    let mut bytes = Vec::new();
    for part in [
        message(b'1', b""),
        message(b'2', b""),
        message(b'C', b"ROLLBACK\0"),
        message(b'Z', b"I"),
    ] {
        bytes.extend_from_slice(&part);
    }
    hear(&mut queue, &bytes, now).unwrap();
    assert_eq!(queue.depth(), 0);
    assert!(!queue.is_retired());
}

#[test]
fn a_block_in_a_line_or_a_rollback_that_fails_ends_the_session() {
    let now = Instant::now();
    let failed = || {
        let mut bytes = message(b'E', b"VERROR\0CFX001\0Mno\0\0").to_vec();
        bytes.extend_from_slice(&message(b'Z', b"E"));
        bytes
    };
    let mut queue = Queue::new(Names::new(8), now);
    let (_, _first) = ask(&mut queue, Block::Explicit, now).unwrap();
    let (_, _second) = ask(&mut queue, Block::Implicit, now).unwrap();
    assert!(hear(&mut queue, &failed(), now).is_err());
    let mut queue = Queue::new(Names::new(8), now);
    let (_, _coming) = ask(&mut queue, Block::Explicit, now).unwrap();
    hear(&mut queue, &failed(), now).unwrap();
    assert!(hear(&mut queue, &failed(), now).is_err());
}

#[test]
fn when_the_session_ends_everybody_is_told_and_nobody_is_added() {
    let now = Instant::now();
    let mut queue = Queue::new(Names::new(8), now);
    let mut coming: Vec<Coming> = (0..3)
        .map(|_| ask(&mut queue, Block::Implicit, now).unwrap().1)
        .collect();
    hear(
        &mut queue,
        &message(b'E', b"VFATAL\0C57P01\0Mterminating\0\0"),
        now,
    )
    .unwrap();
    for done in queue.fail(&DbError::Lost("closed".into())) {
        done.deliver();
    }
    assert!(
        matches!(error(&mut coming[0]), DbError::Sql { state, .. } if state.as_str() == "57P01")
    );
    for coming in &mut coming[1..] {
        assert!(matches!(error(coming), DbError::Lost(_)));
    }
    assert!(matches!(
        ask(&mut queue, Block::Implicit, now),
        Err(DbError::Lost(_))
    ));
}

#[test]
fn what_nobody_asked_for_ends_the_session() {
    let now = Instant::now();
    let mut queue = Queue::new(Names::new(8), now);
    for aside in [
        message(b'N', b"SNOTICE\0\0"),
        message(b'S', b"a\0b\0"),
        message(b'A', b"\0\0\0\x01a\0b\0"),
    ] {
        hear(&mut queue, &aside, now).unwrap();
    }
    for message in [
        Message::Bound,
        Message::Completed,
        Message::Ready(super::Standing::Idle),
    ] {
        assert!(queue.take(message, || now).is_err());
    }
}

#[test]
fn a_line_is_still_for_as_long_as_its_first_has_no_answer() {
    let now = Instant::now();
    let at = |milliseconds| now + Duration::from_millis(milliseconds);
    let mut queue = Queue::new(Names::new(8), now);
    assert_eq!(queue.line(at(5)).still, Duration::ZERO);
    let (one, _first) = ask(&mut queue, Block::Implicit, at(5)).unwrap();
    let (two, mut second) = ask(&mut queue, Block::Implicit, at(6)).unwrap();
    assert!(queue.is_first(one) && !queue.is_first(two));
    let line = queue.line(at(9));
    assert_eq!(
        (line.depth, line.expected, line.still),
        (2, Duration::from_millis(2), Duration::from_millis(4))
    );
    hear(&mut queue, &first_answer(b"x"), at(9)).unwrap();
    assert!(queue.is_first(two));
    assert_eq!(queue.line(at(9)).still, Duration::ZERO);
    hear(&mut queue, &answer(b"x"), at(10)).unwrap();
    // PostgreSQL could not begin with it before the first was done.
    assert_eq!(second.try_recv().unwrap().1, Duration::from_millis(1));
    assert_eq!(queue.line(at(20)).expected, Duration::ZERO);
}

/// Messages that a server may say, each well-formed and perhaps out of turn; `answer` ends with the text of a row.
fn said() -> impl Strategy<Value = Vec<u8>> {
    let plain = |tag: u8, content: &'static [u8]| Just(message(tag, content).to_vec());
    prop_oneof![
        1 => plain(b'1', b""),
        1 => plain(b'2', b""),
        1 => plain(b'3', b""),
        1 => plain(b'C', b"SELECT 1\0"),
        1 => plain(b'N', b"SNOTICE\0Mx\0\0"),
        1 => plain(b'E', b"SERROR\0C23505\0Mx\0\0"),
        1 => plain(b'E', b"SERROR\0C26000\0Mx\0\0"),
        1 => plain(b'E', b"SFATAL\0VFATAL\0C57P01\0Mx\0\0"),
        1 => plain(b'Z', b"I"),
        1 => plain(b'Z', b"T"),
        1 => plain(b'Z', b"E"),
        1 => Just(row(b"").to_vec()),
        1 => Just(row(b"stray").to_vec()),
        4 => Just(answer(b"good")),
        2 => Just(first_answer(b"good")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    /// A server that says anything at all: nothing crashes, nobody gets two answers, and when the session has ended
    /// nobody waits.
    #[test]
    fn whatever_is_said_nobody_waits_for_ever_or_has_two_answers(
        blocks in prop::collection::vec(any::<bool>(), 0..5),
        said in prop::collection::vec(said(), 0..24),
    ) {
        let now = Instant::now();
        let mut queue = Queue::new(Names::new(2), now);
        let mut coming: Vec<Coming> = blocks
            .iter()
            .map(|explicit| if *explicit { Block::Explicit } else { Block::Implicit })
            .filter_map(|block| ask(&mut queue, block, now).ok())
            .map(|(_, coming)| coming)
            .collect();
        let ended = said.iter().find_map(|bytes| hear(&mut queue, bytes, now).err());
        let reason = ended.unwrap_or_else(|| DbError::Lost("the end".into()));
        for done in queue.fail(&reason) {
            done.deliver();
        }
        prop_assert_eq!(queue.depth(), 0);
        for one in &mut coming {
            // Closed is an answer too: that there will be none, as when the session was left in a state that ends it.
            prop_assert_ne!(one.try_recv().err(), Some(TryRecvError::Empty));
            prop_assert!(one.try_recv().is_err());
        }
    }
}
