//! Questions to tables of ours without SQL: for one row by its primary key, and how many rows an index finds.
//!
//! Every token a backend sees for the first time asks for its session and whether it was revoked. Parsing and planning
//! that question took 40 µs, more than all else that HS256 tokens need; walking the two indexes takes 3.
//!
//! How often an address was tried lately is asked before each password is judged. As a statement that was planned once, while
//! the table was small, and then read all of a table that grew with each failure.

use crate::error::Failure;
use pgrx::{PgRelation, pg_sys};
use std::ffi::CStr;

const SHARED: pg_sys::LOCKMODE = pg_sys::AccessShareLock as pg_sys::LOCKMODE;

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
        let opened = open(c"auth", table, SHARED)?;
        let relation = opened.as_ptr();
        let index_oid = oid(c"auth", index);
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

/// A B-tree index in `auth`.
pub struct Index {
    pub table: &'static CStr,
    pub name: &'static CStr,
}

/// Where the column behind those that are equal begins or ends; the bound itself does not count.
pub enum Bound {
    After(pg_sys::Datum),
    Before(pg_sys::Datum),
}

/// As many as any index here has columns.
const MOST_KEYS: usize = 2;

impl Index {
    /// How many rows a statement that began now would see with these values in the first columns and, in the one behind them,
    /// one within `bound`; it is counted as far as `most`. The values are of the types of the columns.
    pub fn count(
        &self,
        equal: &[pg_sys::Datum],
        bound: Option<Bound>,
        most: u64,
    ) -> Result<u64, Failure> {
        let table = open(c"auth", self.table, SHARED)?;
        let index = open(c"auth", self.name, SHARED)?;
        let equal = equal
            .iter()
            .map(|value| (pg_sys::BTEqualStrategyNumber, *value));
        let wanted = equal.chain(bound.map(|bound| match bound {
            Bound::After(value) => (pg_sys::BTGreaterStrategyNumber, value),
            Bound::Before(value) => (pg_sys::BTLessStrategyNumber, value),
        }));
        let mut found = 0;
        // SAFETY: the order of calls is that of PostgreSQL's own scans (genam.c, systable_beginscan); each column of a
        // B-tree has a family, a type and a collation, and the family an operator for each strategy. What an error leaves
        // open is closed with the transaction.
        unsafe {
            let mut keys: [pg_sys::ScanKeyData; MOST_KEYS] = std::mem::zeroed();
            let mut count = 0;
            for ((place, (strategy, value)), key) in wanted.enumerate().zip(&mut keys) {
                let kind = *(*index.as_ptr()).rd_opcintype.add(place);
                let family = *(*index.as_ptr()).rd_opfamily.add(place);
                let operator = pg_sys::get_opfamily_member(family, kind, kind, strategy as i16);
                pg_sys::ScanKeyEntryInitialize(
                    key,
                    0,
                    place as pg_sys::AttrNumber + 1,
                    strategy as pg_sys::StrategyNumber,
                    kind,
                    *(*index.as_ptr()).rd_indcollation.add(place),
                    pg_sys::get_opcode(operator),
                    value,
                );
                count += 1;
            }
            let snapshot = pg_sys::RegisterSnapshot(pg_sys::GetTransactionSnapshot());
            let slot = pg_sys::table_slot_create(table.as_ptr(), std::ptr::null_mut());
            let scan = pg_sys::index_beginscan(
                table.as_ptr(),
                index.as_ptr(),
                snapshot,
                #[cfg(feature = "pg18")]
                std::ptr::null_mut(),
                count,
                0,
            );
            pg_sys::index_rescan(scan, keys.as_mut_ptr(), count, std::ptr::null_mut(), 0);
            let forward = pg_sys::ScanDirection::ForwardScanDirection;
            while found < most && pg_sys::index_getnext_slot(scan, forward, slot) {
                found += 1;
            }
            pg_sys::index_endscan(scan);
            pg_sys::ExecDropSingleTupleTableSlot(slot);
            pg_sys::UnregisterSnapshot(snapshot);
        }
        Ok(found)
    }
}

/// A relation of ours, closed and unlocked again when dropped.
pub fn open(schema: &CStr, name: &CStr, lock: pg_sys::LOCKMODE) -> Result<PgRelation, Failure> {
    let oid = oid(schema, name);
    if oid == pg_sys::InvalidOid {
        return Err(Failure::broken(format!(
            "{}.{} does not exist",
            schema.to_string_lossy(),
            name.to_string_lossy()
        )));
    }
    // SAFETY: a relation that is there, and stays there with the lock.
    Ok(unsafe { PgRelation::with_lock(oid, lock) })
}

/// That of a table or index; zero when there is none.
pub fn oid(schema: &CStr, name: &CStr) -> pg_sys::Oid {
    // SAFETY: syscache look-ups of two names.
    unsafe {
        let schema = pg_sys::get_namespace_oid(schema.as_ptr(), true);
        pg_sys::get_relname_relid(name.as_ptr(), schema)
    }
}
