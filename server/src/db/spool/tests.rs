use super::cut::{Cut, Piece};
use super::{MOST, Slot, Spooling};
use proptest::prelude::*;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const LIMIT: usize = 64;

/// In expected rows, where a mark will be.
const MARKED: [u8; 8] = *b"a mark\0\0";

fn message(letter: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 4).unwrap();
    [&[letter], length.to_be_bytes().as_slice(), payload].concat()
}

/// A row of these columns.
fn row(columns: &[Option<Vec<u8>>]) -> Vec<u8> {
    let mut payload = u16::try_from(columns.len()).unwrap().to_be_bytes().to_vec();
    for column in columns {
        match column {
            None => payload.extend((-1_i32).to_be_bytes()),
            Some(bytes) => {
                payload.extend(i32::try_from(bytes.len()).unwrap().to_be_bytes());
                payload.extend(bytes);
            }
        }
    }
    message(b'D', &payload)
}

/// What stands for the column that was cut out as this one.
fn mark_of(number: usize) -> [u8; 8] {
    (number as u64).to_be_bytes()
}

/// What goes through and what goes aside, with the input in pieces of these sizes.
fn cut(input: &[u8], sizes: &[usize], room: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut cut = Cut::new(LIMIT);
    let (mut through, mut aside, mut open) = (Vec::new(), Vec::new(), Vec::new());
    let (mut rest, mut sizes) = (input, sizes.iter().cycle());
    while !rest.is_empty() {
        let (mut piece, after) = rest.split_at((*sizes.next().unwrap()).min(rest.len()));
        rest = after;
        while !piece.is_empty() {
            let (taken, what) = cut.next(piece, room);
            match what {
                Piece::Nothing => {}
                Piece::Head(bytes) => through.extend_from_slice(bytes),
                Piece::Through(bytes) => {
                    assert!(bytes.len() <= room);
                    through.extend_from_slice(bytes);
                }
                Piece::Aside { bytes, end } => {
                    open.extend_from_slice(bytes);
                    if let Some(mark) = end {
                        assert_eq!(mark, mark_of(aside.len() + 1));
                        aside.push(std::mem::take(&mut open));
                    }
                }
            }
            piece = &piece[taken..];
        }
    }
    assert!(open.is_empty());
    (through, aside)
}

/// A message, and what is expected to go through and aside.
fn any_message() -> impl Strategy<Value = (Vec<u8>, Vec<u8>, Option<Vec<u8>>)> {
    let bytes = |most| prop::collection::vec(any::<u8>(), 0..most);
    let column = prop::option::of(bytes(3 * LIMIT));
    prop_oneof![
        (any::<u8>(), bytes(4 * LIMIT))
            .prop_filter("no row", |(letter, _)| *letter != b'D')
            .prop_map(|(letter, payload)| {
                let whole = message(letter, &payload);
                (whole.clone(), whole, None)
            }),
        prop::collection::vec(column, 0..4).prop_map(|columns| {
            let whole = row(&columns);
            match columns.first() {
                Some(Some(large)) if large.len() > LIMIT => {
                    let large = large.clone();
                    let mut others = columns;
                    others[0] = Some(MARKED.to_vec());
                    (whole, row(&others), Some(large))
                }
                _ => (whole.clone(), whole, None),
            }
        }),
    ]
}

proptest! {
    /// Rows lose their large first columns and nothing else, wherever the socket cut the messages.
    #[test]
    fn only_large_first_columns_go_aside(
        messages in prop::collection::vec(any_message(), 0..12),
        sizes in prop::collection::vec(1_usize..200, 1..6),
        room in 1_usize..100,
    ) {
        let input: Vec<u8> = messages.iter().flat_map(|(whole, _, _)| whole.clone()).collect();
        let (through, aside) = cut(&input, &sizes, room);
        let mut number = 0;
        let expected = messages.iter().flat_map(|(_, through, large)| {
            let mut through = through.clone();
            if large.is_some() {
                number += 1;
                // Behind letter, lengths and number of columns.
                assert_eq!(&through[11..19], &MARKED);
                through[11..19].copy_from_slice(&mark_of(number));
            }
            through
        });
        let expected: Vec<u8> = expected.collect();
        let large: Vec<Vec<u8>> = messages.into_iter().filter_map(|(_, _, aside)| aside).collect();
        prop_assert_eq!(through, expected);
        prop_assert_eq!(aside, large);
    }

    /// Whatever comes, it is taken to its end and nothing panics.
    #[test]
    fn bytes_that_are_no_protocol_do_no_harm(input in prop::collection::vec(any::<u8>(), 0..500), room in 1_usize..50) {
        let mut cut = Cut::new(LIMIT);
        let mut rest = input.as_slice();
        while !rest.is_empty() {
            let (taken, _) = cut.next(rest, room);
            prop_assert!(taken > 0);
            rest = &rest[taken..];
        }
    }
}

fn slot(directory: &str) -> Slot {
    Slot::new(Arc::new(directory.into()))
}

/// What the driver reads, when this was sent.
async fn read(sent: Vec<u8>, slot: Slot) -> Vec<u8> {
    let (mut far, near) = tokio::io::duplex(1000);
    let mut near = Spooling::new(near, slot);
    let sending = async move {
        far.write_all(&sent).await.unwrap();
        drop(far);
    };
    let mut got = Vec::new();
    let (_, read) = futures_util::future::join(sending, near.read_to_end(&mut got)).await;
    read.unwrap();
    got
}

#[actix_web::test]
async fn a_large_answer_is_in_a_file_and_its_row_without_it() {
    let large: Vec<u8> = (0..MOST + 5)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    let count = Some(b"12345678".to_vec());
    let sent = [
        row(&[Some(large.clone()), count.clone()]),
        message(b'Z', b"I"),
    ]
    .concat();
    let slot = slot(std::env::temp_dir().to_str().unwrap());
    let got = read(sent, slot.clone()).await;
    let marked = Some(mark_of(1).to_vec());
    let expected = [row(&[marked, count]), message(b'Z', b"I")].concat();
    assert!(got == expected);
    let mut written = slot.take();
    let (mark, spool) = written.remove(0);
    assert_eq!((mark, written.len()), (mark_of(1), 0));
    let spool = spool.unwrap();
    assert_eq!(spool.length, large.len() as u64);
    assert!(spool.read(0, u64::MAX).unwrap() == large);
    assert_eq!(spool.read(3, 4).unwrap(), large[3..7]);
    assert!(spool.read(spool.length + 1, 4).unwrap().is_empty());
    // One that fits stays where it was.
    let small = row(&[Some(vec![7; MOST])]);
    assert!(read(small.clone(), slot.clone()).await == small);
    assert!(slot.take().is_empty());
}

#[actix_web::test]
async fn without_a_place_for_files_the_answer_is_lost_and_the_connection_is_not() {
    let slot = slot("/nowhere/at/all");
    let sent = [row(&[Some(vec![1; MOST + 1])]), message(b'Z', b"I")].concat();
    let got = read(sent, slot.clone()).await;
    // Not `assert_eq`, which would print a mebibyte.
    assert!(got == [row(&[Some(mark_of(1).to_vec())]), message(b'Z', b"I")].concat());
    assert!(slot.take().remove(0).1.is_err());
}

/// Nobody else can open it, and it leaves nothing behind.
#[test]
fn a_file_has_no_name() {
    let directory = std::env::temp_dir().join(format!("fluxbase-spool-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let mut file = super::Filling::new(Arc::new(directory.clone()));
    file.add(b"secret");
    let names = std::fs::read_dir(&directory).unwrap().count();
    let spool = file.end().unwrap();
    std::fs::remove_dir(&directory).unwrap();
    assert_eq!(names, 0);
    assert_eq!(spool.read(0, 99).unwrap(), "secret");
}
