//! Questions to an index of one of our tables, asked without a statement.
//!
//! How often an address was tried lately is asked before each password is judged. As a statement it was planned once, while
//! the table was small, and then read all of a table that grew with each failure; and planned or not, a statement takes ten
//! times what the answer does, with the caches as cold as a hash leaves them.

use crate::error::Failure;
use pgrx::{PgRelation, pg_sys};
use std::ffi::CStr;

/// A B-tree index of ours.
pub struct Index {
    pub schema: &'static CStr,
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
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let table = open(self.schema, self.table, lock)?;
        let index = open(self.schema, self.name, lock)?;
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
    // SAFETY: syscache look-ups of two names; the relation is opened with a lock.
    unsafe {
        let schema_oid = pg_sys::get_namespace_oid(schema.as_ptr(), true);
        let oid = pg_sys::get_relname_relid(name.as_ptr(), schema_oid);
        if oid == pg_sys::InvalidOid {
            return Err(Failure::broken(format!(
                "{}.{} does not exist",
                schema.to_string_lossy(),
                name.to_string_lossy()
            )));
        }
        Ok(PgRelation::with_lock(oid, lock))
    }
}
