use super::{Ahead, Incoming, ahead};
use crate::db::spool::MOST;
use crate::db::wire::message::{Message, next};
use crate::db::wire::row::Row;
use crate::db::wire::testing::message;
use bytes::{BufMut, Bytes, BytesMut};
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::Arc;

/// A row of these columns.
fn row(columns: &[Option<&[u8]>]) -> BytesMut {
    let mut content = BytesMut::new();
    content.put_u16(u16::try_from(columns.len()).unwrap());
    for column in columns {
        match column {
            None => content.put_i32(-1),
            Some(bytes) => {
                content.put_i32(i32::try_from(bytes.len()).unwrap());
                content.put_slice(bytes);
            }
        }
    }
    message(b'D', &content)
}

/// The rows read from these bytes, which arrive in pieces of that size.
fn rows(bytes: &[u8], piece: usize) -> Result<Vec<Row>, String> {
    let directory = Arc::new(std::env::temp_dir());
    let mut incoming = Incoming::new(BytesMut::new(), directory);
    let mut rows = Vec::new();
    for piece in bytes.chunks(piece.max(1)) {
        incoming.arrived.extend_from_slice(piece);
        while let Some(message) = incoming.next().map_err(|error| error.to_string())? {
            match message {
                Message::Row(row) => rows.push(row),
                other => return Err(format!("{other:?}")),
            }
        }
    }
    Ok(rows)
}

/// The first column, wherever it is.
fn first(row: &Row) -> Bytes {
    match row.first() {
        Some(spool) => {
            let spool = spool.as_ref().unwrap();
            spool.read(0, spool.length).unwrap()
        }
        None => row.column(0).flatten().unwrap(),
    }
}

#[test]
fn a_large_first_column_is_in_a_file_and_what_is_behind_it_in_memory() {
    let large = vec![b'x'; MOST + 1];
    let mut bytes = row(&[Some(&large), None, Some(b"behind")]);
    bytes.extend_from_slice(&row(&[Some(b"next")]));
    for piece in [1 << 20, 4097, bytes.len()] {
        let rows = rows(&bytes, piece).unwrap();
        assert_eq!(rows.len(), 2);
        assert!(rows[0].first().is_some());
        assert!(first(&rows[0]) == large[..]);
        assert_eq!(rows[0].column(1), Some(None));
        assert_eq!(rows[0].column(2), Some(Some(Bytes::from_static(b"behind"))));
        assert_eq!(rows[0].column(3), None);
        assert_eq!(first(&rows[1]), &b"next"[..]);
        assert!(rows[1].first().is_none());
    }
}

#[test]
fn a_column_as_large_as_is_kept_and_one_that_is_not_the_first_stay_in_memory() {
    let whole = vec![b'x'; MOST];
    let more = vec![b'x'; MOST + 1];
    for columns in [vec![Some(&whole[..])], vec![Some(&b"a"[..]), Some(&more)]] {
        let rows = rows(&row(&columns), 1 << 16).unwrap();
        assert!(rows[0].first().is_none());
        assert!(
            rows[0].column(columns.len() - 1).flatten().unwrap()
                == columns[columns.len() - 1].unwrap()
        );
    }
}

#[test]
fn without_room_for_a_file_the_row_is_read_to_its_end_and_says_why() {
    let large = vec![b'x'; MOST + 1];
    let arrived = row(&[Some(&large), Some(b"behind")]);
    let nowhere = Arc::new(PathBuf::from("/nonexistent/directory"));
    let mut incoming = Incoming::new(arrived, nowhere);
    let Some(Message::Row(row)) = incoming.next().unwrap() else {
        panic!("no row");
    };
    assert!(row.first().unwrap().is_err());
    assert_eq!(row.column(1), Some(Some(Bytes::from_static(b"behind"))));
    assert!(incoming.arrived.is_empty());
}

#[test]
fn a_row_that_lies_about_what_is_behind_its_large_column_is_refused() {
    let large = vec![b'x'; MOST + 1];
    let mut honest = row(&[Some(&large), Some(b"behind")]);
    rows(&honest, 1 << 16).unwrap();
    // One column more than there are.
    honest[6] = 3;
    rows(&honest, 1 << 16).unwrap_err();
    // A first column longer than the message.
    let mut longer = row(&[Some(&large)]);
    longer[7] = 0x7f;
    rows(&longer, 1 << 16).unwrap_err();
}

#[test]
fn until_the_head_is_there_nothing_is_decided() {
    let whole = row(&[Some(&vec![b'x'; MOST + 1])]);
    for known in 0..5 {
        assert_eq!(ahead(&whole[..known]), Ahead::Message);
        assert_eq!(next(&mut BytesMut::from(&whole[..known])), Ok(None));
    }
    for known in 5..11 {
        assert_eq!(ahead(&whole[..known]), Ahead::Undecided);
    }
    assert!(matches!(ahead(&whole[..11]), Ahead::Large(_)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_mean_the_same_as_the_whole(
        sizes in prop::collection::vec((0_usize..3, 0_usize..40), 1..5),
        piece in 1000_usize..100_000,
    ) {
        let mut bytes = BytesMut::new();
        let mut wanted = Vec::new();
        for (large, rest) in sizes {
            let first = vec![b'a' + u8::try_from(rest % 26).unwrap(); large * (MOST / 2 + 7) + rest];
            bytes.extend_from_slice(&row(&[Some(&first), Some(&first[..rest])]));
            wanted.push((first, rest));
        }
        let rows = rows(&bytes, piece).unwrap();
        prop_assert_eq!(rows.len(), wanted.len());
        for (row, (column, rest)) in rows.iter().zip(&wanted) {
            prop_assert!(first(row) == column[..]);
            prop_assert_eq!(row.first().is_some(), column.len() > MOST);
            prop_assert!(row.column(1).flatten().unwrap() == column[..*rest]);
        }
    }
}
