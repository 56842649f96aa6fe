//! Whether a password is on the list of breached ones that the operator loaded, `auth.breached_passwords`.
//!
//! Such lists hold the SHA-1 of passwords, and that is as good as the password: of those that people choose a machine
//! finds most within hours. So it must not be the parameter of a statement, not even of a nested one, which extensions that
//! audit or explain would write down. The index is asked as PostgreSQL asks those of its catalogs, and no statement is there.

use crate::error::Failure;
use fluxbase_rules::password;
use pgrx::pg_sys;
use pgrx::prelude::*;

/// Without the index, while somebody fills the table, all of it is read.
pub fn contains(password: &str) -> Result<bool, Failure> {
    let digest = password::list_key(password);
    // SAFETY: the order of calls is that of PostgreSQL's own look-ups in catalogs (genam.c), which works for any heap and
    // its B-tree; a snapshot that is not given is a new one of what is committed. An error in between ends the transaction,
    // which releases what was opened.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"auth".as_ptr(), true);
        let table = pg_sys::get_relname_relid(c"breached_passwords".as_ptr(), schema);
        if table == pg_sys::InvalidOid {
            return Err(Failure::broken(
                "table auth.breached_passwords does not exist",
            ));
        }
        let index = pg_sys::get_relname_relid(c"breached_passwords_pkey".as_ptr(), schema);
        let lock = pg_sys::AccessShareLock as pg_sys::LOCKMODE;
        let relation = pg_sys::table_open(table, lock);
        let mut key = pg_sys::ScanKeyData::default();
        pg_sys::ScanKeyInit(
            &raw mut key,
            1,
            pg_sys::BTEqualStrategyNumber as pg_sys::StrategyNumber,
            pg_sys::F_BYTEAEQ.into(),
            digest
                .as_slice()
                .into_datum()
                .unwrap_or(pg_sys::Datum::null()),
        );
        let indexed = index != pg_sys::InvalidOid;
        let scan = pg_sys::systable_beginscan(
            relation,
            index,
            indexed,
            std::ptr::null_mut(),
            1,
            &raw mut key,
        );
        let found = !pg_sys::systable_getnext(scan).is_null();
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, lock);
        Ok(found)
    }
}
