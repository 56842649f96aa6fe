//! Rows that no rollback takes back.
//!
//! A failed sign-in must stay counted when the caller's transaction is rolled back, when its backend dies and after a
//! crash: `select auth.sign_in(…), 1 / 0` would otherwise be a guess that never happened. PostgreSQL has no
//! autonomous transactions. A background worker could commit on our behalf, but costs a process per database, and one
//! that is connected stands in the way of DROP DATABASE and CREATE DATABASE … TEMPLATE.
//!
//! So the row is inserted frozen (as COPY … FREEZE does, heapam.c HEAP_INSERT_FROZEN): PostgreSQL takes a frozen row for
//! committed, whatever becomes of the transaction that wrote it. The write-ahead log is flushed at once. What this
//! gives up: the row is visible to snapshots older than itself, which is wanted here, and a machine that crashes between
//! the row and its index entries (microseconds) leaves a row that index scans do not find: one attempt uncounted, which was not judged and
//! got no answer.
//! For tables that are appended to and swept, nothing else.

use crate::error::Failure;
use crate::lookup::open;
use pgrx::pg_sys;
use std::ffi::CStr;

/// A value for one column; `None` is NULL.
pub type Value = Option<pg_sys::Datum>;

/// Where a row was put; whoever changes it puts it elsewhere.
#[derive(Clone, Copy)]
pub struct Place(pg_sys::ItemPointerData);

const LOCK: pg_sys::LOCKMODE = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;

/// Appends one row to a table of ours, for good. As many values as the table has columns, in
/// their order and of their types, none of them long enough to be moved out of line.
pub fn append(schema: &CStr, table: &CStr, values: &[Value]) -> Result<Place, Failure> {
    // The lock is not kept to the end of the transaction, as an insert's is: the row is there for good already.
    let opened = open(schema, table, LOCK)?;
    let relation = opened.as_ptr();
    // SAFETY: the catalog look-ups and the order of calls are those of PostgreSQL's own inserts (heapam.c,
    // execIndexing.c); the tuple has one datum per column of the descriptor, which is checked.
    unsafe {
        let descriptor = (*relation).rd_att;
        if usize::try_from((*descriptor).natts) != Ok(values.len()) {
            return Err(Failure::broken(format!(
                "table {}.{} has other columns than expected",
                schema.to_string_lossy(),
                table.to_string_lossy()
            )));
        }
        let mut datums: Vec<pg_sys::Datum> = values
            .iter()
            .map(|value| value.unwrap_or(pg_sys::Datum::null()))
            .collect();
        let mut nulls: Vec<bool> = values.iter().map(Option::is_none).collect();
        let tuple = pg_sys::heap_form_tuple(descriptor, datums.as_mut_ptr(), nulls.as_mut_ptr());

        // A cancel between the row and its index entries would lose the entries and keep the row. An error
        // resets this counter (errfinish).
        pg_sys::InterruptHoldoffCount += 1;
        pg_sys::heap_insert(
            relation,
            tuple,
            pg_sys::GetCurrentCommandId(true),
            pg_sys::HEAP_INSERT_FROZEN as i32,
            std::ptr::null_mut(),
        );
        index(relation, tuple);
        pg_sys::InterruptHoldoffCount -= 1;

        let place = Place((*tuple).t_self);
        pg_sys::heap_freetuple(tuple);
        // The end of what this backend wrote last. Not the place where the next record will begin: at the end of a
        // page that lies behind the next page's header, where nothing has been written yet.
        pg_sys::XLogFlush(pg_sys::XactLastRecEnd);
        Ok(place)
    }
}

/// Removes a row that this transaction appended, with the transaction. Waits for whoever is at it; false when it was changed
/// meanwhile and is elsewhere now.
pub fn remove(schema: &CStr, table: &CStr, place: Place) -> Result<bool, Failure> {
    let opened = open(schema, table, LOCK)?;
    let mut place = place.0;
    // SAFETY: once more, and kept to the end of the transaction, as that of a DELETE is.
    unsafe { pg_sys::LockRelationOid(opened.oid(), LOCK) };
    // SAFETY: what a DELETE does of a row it has found (nodeModifyTable.c). Nobody else's row can be at this place: it is
    // kept for whoever still sees the row, as this statement does.
    unsafe {
        let mut met: pg_sys::TM_FailureData = std::mem::zeroed();
        let done = pg_sys::heap_delete(
            opened.as_ptr(),
            &raw mut place,
            pg_sys::GetCurrentCommandId(true),
            std::ptr::null_mut(),
            true,
            &raw mut met,
            false,
        );
        // What comes after does not see it any more.
        pg_sys::CommandCounterIncrement();
        Ok(done == pg_sys::TM_Result::TM_Ok || done == pg_sys::TM_Result::TM_Deleted)
    }
}

/// Enters the row into every index of the table; those are plain ones on columns.
unsafe fn index(relation: pg_sys::Relation, tuple: pg_sys::HeapTuple) {
    // SAFETY: as `append`.
    unsafe {
        let slot = pg_sys::MakeSingleTupleTableSlot(
            (*relation).rd_att,
            &raw const pg_sys::TTSOpsHeapTuple,
        );
        pg_sys::ExecStoreHeapTuple(tuple, slot, false);
        let list = pg_sys::RelationGetIndexList(relation);
        let count = if list.is_null() { 0 } else { (*list).length };
        for nth in 0..count as usize {
            let oid = (*(*list).elements.add(nth)).oid_value;
            let index = pg_sys::index_open(oid, LOCK);
            let info = pg_sys::BuildIndexInfo(index);
            let mut values = [pg_sys::Datum::null(); pg_sys::INDEX_MAX_KEYS as usize];
            let mut nulls = [false; pg_sys::INDEX_MAX_KEYS as usize];
            pg_sys::FormIndexDatum(
                info,
                slot,
                std::ptr::null_mut(),
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
            );
            pg_sys::index_insert(
                index,
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
                &raw mut (*tuple).t_self,
                relation,
                pg_sys::IndexUniqueCheck::UNIQUE_CHECK_NO,
                false,
                info,
            );
            pg_sys::index_close(index, LOCK);
        }
        pg_sys::ExecDropSingleTupleTableSlot(slot);
    }
}
