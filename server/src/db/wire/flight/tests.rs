use super::{Flight, Landed, What};
use crate::db::error::DbError;
use crate::db::wire::message::{Message, Standing};
use crate::db::wire::names::{Fixed, Names};
use crate::db::wire::refusal::Refusal;
use crate::db::wire::row::Row;
use bytes::Bytes;
use proptest::prelude::*;

/// Enter and a statement, prepared already or not.
fn flight(names: &mut Names, parse: bool) -> Flight {
    let mut flight = Flight::default();
    let (enter, _) = names.of_fixed(Fixed::Enter);
    flight.step(What::Enter, enter, parse);
    let owner = crate::db::prepared::Owner::Login;
    let (main, _) = names.of(owner, "select 1");
    flight.step(What::Main, main, parse);
    flight
}

fn row(text: &str) -> Message {
    let mut content = vec![0, 1];
    content.extend_from_slice(&i32::try_from(text.len()).unwrap().to_be_bytes());
    content.extend_from_slice(text.as_bytes());
    Message::Row(Row::new(Bytes::from(content)).unwrap())
}

fn refused(state: &str, message: &str) -> Message {
    let content = format!("VERROR\0C{state}\0M{message}\0\0");
    Message::Refused(Refusal::read(content.as_bytes()).unwrap())
}

const READY: Message = Message::Ready(Standing::Idle);

/// What the flight makes of these: the first landing, or the first violation.
fn fly(
    mut flight: Flight,
    messages: impl IntoIterator<Item = Message>,
) -> Result<Option<Landed>, DbError> {
    for message in messages {
        if let Some(landed) = flight.take(message)? {
            return Ok(Some(landed));
        }
    }
    Ok(None)
}

fn outcome(flight: Flight, messages: impl IntoIterator<Item = Message>) -> Result<Bytes, DbError> {
    let landed = fly(flight, messages)
        .expect("no violation")
        .expect("landed");
    landed
        .outcome
        .map(|answer| answer.bytes(0).unwrap().unwrap())
}

fn violates(flight: Flight, messages: impl IntoIterator<Item = Message>) -> bool {
    matches!(fly(flight, messages), Err(DbError::Protocol(_)))
}

fn entered() -> [Message; 3] {
    [Message::Bound, row(""), Message::Completed]
}

#[test]
fn the_row_of_the_statement_is_the_answer_and_never_that_of_entering() {
    let names = &mut Names::new(8);
    let mut messages = Vec::from([Message::Bound, row("the role"), Message::Completed]);
    messages.extend([Message::Bound, row("mine"), Message::Completed, READY]);
    assert_eq!(outcome(flight(names, false), messages).unwrap(), "mine");
}

#[test]
fn a_deferred_constraint_that_fails_after_the_row_is_the_answer() {
    let names = &mut Names::new(8);
    let mut messages = Vec::from(entered());
    messages.extend([Message::Bound, row("mine"), Message::Completed]);
    assert!(
        fly(
            flight(names, false),
            entered()
                .into_iter()
                .chain([Message::Bound, row("mine"), Message::Completed])
        )
        .unwrap()
        .is_none(),
        "nothing is answered before PostgreSQL is ready"
    );
    messages.extend([refused("23503", "deferred"), READY]);
    let error = outcome(flight(names, false), messages).unwrap_err();
    assert!(matches!(error, DbError::Sql { state, .. } if state.as_str() == "23503"));
}

/// 1. What goes before each request fails with the code of a key that is taken. 2. Nobody takes it for the statement's.
#[test]
fn a_refusal_is_the_statements_only_where_it_stands() {
    let key = || refused("23505", "taken");
    let ran = || [Message::Bound, row(""), Message::Completed];
    let cases: [(Vec<Message>, bool); 5] = [
        (vec![key()], false),
        (ran().into_iter().chain([key()]).collect(), false),
        (
            ran().into_iter().chain(ran()).chain([key()]).collect(),
            true,
        ),
        (
            ran()
                .into_iter()
                .chain(ran())
                .chain([Message::Bound, key()])
                .collect(),
            true,
        ),
        (
            ran()
                .into_iter()
                .chain(ran())
                .chain(ran())
                .chain([key()])
                .collect(),
            false,
        ),
    ];
    for (place, (mut messages, expected)) in cases.into_iter().enumerate() {
        let names = &mut Names::new(8);
        let mut flight = Flight::default();
        let owner = crate::db::prepared::Owner::Login;
        flight.step(What::Enter, names.of_fixed(Fixed::Enter).0, false);
        flight.step(What::First, names.of(owner, "select first()").0, false);
        flight.step(What::Main, names.of(owner, "select 1").0, false);
        messages.push(READY);
        let error = outcome(flight, messages).unwrap_err();
        assert_eq!(error.is_of_the_statement(), expected, "{place}: {error}");
    }
}

#[test]
fn an_error_skips_the_rest_and_what_was_to_be_parsed_is_parsed_next_time() {
    let names = &mut Names::new(8);
    let flight = flight(names, true);
    let error = outcome(
        flight,
        [
            Message::Parsed,
            Message::Bound,
            refused("FX001", "no"),
            READY,
        ],
    );
    assert!(matches!(error, Err(DbError::Sql { .. })));
    let (_, parse) = names.of(crate::db::prepared::Owner::Login, "select 1");
    assert!(parse, "its Parse was skipped");
    let (_, parse) = names.of_fixed(Fixed::Enter);
    assert!(!parse, "preparing is not undone by an error");
}

#[test]
fn a_plan_that_changed_its_columns_is_parsed_anew() {
    let names = &mut Names::new(8);
    let flight = flight(names, false);
    let mut messages = Vec::from(entered());
    messages.extend([
        refused("0A000", "cached plan must not change result type"),
        READY,
    ]);
    let error = outcome(flight, messages).unwrap_err();
    assert!(error.is_stale_statement());
    let (_, parse) = names.of(crate::db::prepared::Owner::Login, "select 1");
    assert!(parse);
}

#[test]
fn a_name_that_the_session_does_not_know_is_parsed_anew() {
    let names = &mut Names::new(8);
    let flight = flight(names, false);
    let error = outcome(flight, [refused("26000", "no such statement"), READY]).unwrap_err();
    assert!(error.is_stale_statement());
    let (_, parse) = names.of_fixed(Fixed::Enter);
    assert!(parse);
}

#[test]
fn a_transaction_that_is_left_open_without_an_error_is_a_violation() {
    let names = &mut Names::new(8);
    for standing in [Standing::Open, Standing::Failed] {
        let mut messages = Vec::from(entered());
        messages.extend([
            Message::Bound,
            row("mine"),
            Message::Completed,
            Message::Ready(standing),
        ]);
        assert!(violates(flight(names, false), messages));
    }
}

#[test]
fn no_row_and_two_rows_are_no_answer() {
    let names = &mut Names::new(8);
    for rows in [0, 2] {
        let mut messages = Vec::from(entered());
        messages.push(Message::Bound);
        messages.extend((0..rows).map(|_| row("x")));
        messages.extend([Message::Completed, READY]);
        let error = outcome(flight(names, false), messages).unwrap_err();
        assert!(matches!(error, DbError::Protocol(_)));
    }
}

#[test]
fn messages_out_of_turn_are_violations() {
    let names = &mut Names::new(8);
    for messages in [
        vec![READY],
        vec![Message::Completed],
        vec![Message::Parsed],
        vec![Message::Closed],
        vec![row("early")],
        vec![Message::Bound, Message::Bound],
        vec![Message::Bound, Message::Completed, READY],
        vec![refused("23505", "x"), row("late")],
        vec![refused("23505", "x"), Message::Completed],
    ] {
        assert!(violates(flight(names, false), messages.into_iter()));
    }
}

#[test]
fn what_the_session_said_last_is_the_reason_of_its_end() {
    let names = &mut Names::new(8);
    let mut lost = flight(names, false);
    let gone = || DbError::Lost("gone".into());
    assert!(matches!(
        flight(names, false).lost(gone()),
        DbError::Lost(_)
    ));
    lost.take(refused("57P01", "terminating connection"))
        .unwrap();
    let error = lost.lost(gone());
    assert!(error.breaks_connection());
    assert!(matches!(error, DbError::Sql { state, .. } if state.as_str() == "57P01"));
}

proptest! {
    /// Whatever comes in whatever order, there is no answer but after everything that leads to one.
    #[test]
    fn no_order_of_messages_gives_an_answer_too_early(picks in prop::collection::vec(0_usize..8, 0..14)) {
        let names = &mut Names::new(8);
        let parse = picks.len() % 2 == 0;
        let messages = picks.iter().map(|pick| match pick {
            0 => Message::Parsed,
            1 => Message::Bound,
            2 => row("x"),
            3 => Message::Completed,
            4 => READY,
            5 => Message::Aside,
            6 => Message::Closed,
            _ => refused("23505", "x"),
        });
        if let Ok(Some(Landed { outcome: Ok(_), .. })) = fly(flight(names, parse), messages) {
            let told: Vec<usize> = picks.iter().copied().filter(|pick| *pick != 5).take_while(|pick| *pick != 4).collect();
            let in_order = if parse {
                told.starts_with(&[0, 1]) && told.ends_with(&[0, 1, 2, 3])
            } else {
                told.starts_with(&[1]) && told.ends_with(&[1, 2, 3])
            };
            prop_assert!(in_order, "{:?}", told);
        }
    }
}
