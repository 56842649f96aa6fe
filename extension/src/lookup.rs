//! One row of a table of ours by its primary key, without SQL.
//!
//! Every token a backend sees for the first time asks for its session and whether it was revoked. Parsing and planning
//! that question took 40 µs, more than all else that HS256 tokens need; walking the two indexes takes 3.

use crate::error::Failure;
use pgrx::pg_sys;
use std::ffi::CStr;

/// What a primary key of one column is compared with.
#[derive(Clone, Copy)]
pub enum Key<'a> {
    Uuid(&'a [u8; 16]),
    Text(&'a str),
}

/// A row while it is being read.
pub struct Row {
    tuple: pg_sys::HeapTuple,
    descriptor: pg_sys::TupleDesc,
}

/// Reads the row of `auth.TABLE` whose primary key is `key`, if there is one, as it is committed now (see
/// `owner::read`). `index` is the primary key's index; were it gone, the whole table would be read.
///
/// No right is asked for: what is read does not leave the extension.
pub fn row<T>(
    table: &CStr,
    index: &CStr,
    key: Key<'_>,
    read: impl FnOnce(&Row) -> T,
) -> Result<Option<T>, Failure> {
    // SAFETY: the calls and their order are those of PostgreSQL's own look-ups (systable_beginscan(), genam.c), which
    // serve any table. An error on the way aborts the transaction, which closes and unlocks what is open.
    unsafe {
        // By name each time: REINDEX CONCURRENTLY gives an index another oid.
        let schema = pg_sys::get_namespace_oid(c"auth".as_ptr(), true);
        let table_oid = pg_sys::get_relname_relid(table.as_ptr(), schema);
        let index_oid = pg_sys::get_relname_relid(index.as_ptr(), schema);
        if table_oid == pg_sys::InvalidOid {
            return Err(Failure::broken(format!(
                "table auth.{} does not exist",
                table.to_string_lossy()
            )));
        }
        let (equal, collation, value) = match key {
            Key::Uuid(bytes) => (
                pg_sys::F_UUID_EQ,
                pg_sys::InvalidOid,
                pg_sys::Datum::from(bytes.as_ptr()),
            ),
            Key::Text(text) => (
                pg_sys::F_TEXTEQ,
                pg_sys::C_COLLATION_OID,
                pg_sys::Datum::from(pg_sys::cstring_to_text_with_len(
                    text.as_ptr().cast(),
                    i32::try_from(text.len()).unwrap_or(i32::MAX),
                )),
            ),
        };
        let mut condition: pg_sys::ScanKeyData = std::mem::zeroed();
        pg_sys::ScanKeyEntryInitialize(
            &raw mut condition,
            0,
            1,
            pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber,
            pg_sys::InvalidOid,
            collation,
            equal.into(),
            value,
        );
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let relation = pg_sys::table_open(table_oid, lock);
        pg_sys::PushActiveSnapshot(pg_sys::GetLatestSnapshot());
        let scan = pg_sys::systable_beginscan(
            relation,
            index_oid,
            index_oid != pg_sys::InvalidOid,
            pg_sys::GetActiveSnapshot(),
            1,
            &raw mut condition,
        );
        let tuple = pg_sys::systable_getnext(scan);
        let found = (!tuple.is_null()).then(|| {
            read(&Row {
                tuple,
                descriptor: (*relation).rd_att,
            })
        });
        pg_sys::systable_endscan(scan);
        pg_sys::PopActiveSnapshot();
        pg_sys::table_close(relation, lock);
        Ok(found)
    }
}

impl Row {
    /// A column; `None` is NULL. What it points to is gone with the row.
    fn datum(&self, column: &CStr) -> Option<pg_sys::Datum> {
        let mut null = true;
        // SAFETY: a row with the descriptor of its table; a name that is no column's gives a number no column has.
        let value = unsafe {
            let number = pg_sys::SPI_fnumber(self.descriptor, column.as_ptr());
            if number <= 0 {
                return None;
            }
            pg_sys::heap_getattr(self.tuple, number, self.descriptor, &mut null)
        };
        (!null).then_some(value)
    }

    pub fn uuid(&self, column: &CStr) -> Option<[u8; 16]> {
        // SAFETY: the column is a uuid, which is 16 bytes behind a pointer.
        self.datum(column)
            .map(|value| unsafe { *value.cast_mut_ptr::<[u8; 16]>() })
    }

    pub fn integer(&self, column: &CStr) -> Option<i32> {
        self.datum(column).map(|value| value.value() as i32)
    }

    /// PostgreSQL's timestamp, in microseconds.
    pub fn timestamp(&self, column: &CStr) -> Option<i64> {
        self.datum(column).map(|value| value.value() as i64)
    }
}
