//! Statements of ours that a backend parses and plans once.
//!
//! A sign-in ran a dozen when there were none of these; parsing and planning each of them anew took a twelfth of the time
//! of its hash.

use crate::backend::PerBackend;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::PgOid;
use pgrx::spi::{OwnedPreparedStatement, Query, SpiClient, SpiCursor, SpiResult, SpiTupleTable};
use std::collections::HashMap;
use std::rc::Rc;

/// A text in the program, prepared when first run in this backend. What its arguments are may not change from one
/// call to the next. PostgreSQL plans it again when a table changes.
#[derive(Clone, Copy)]
pub struct Kept(pub &'static str);

/// By where the text lies.
type Statements = HashMap<(*const u8, usize), Rc<OwnedPreparedStatement>>;

static STATEMENTS: PerBackend<Option<Statements>> = PerBackend::new(None);

impl Kept {
    fn statement(
        self,
        client: &SpiClient<'_>,
        arguments: &[DatumWithOid<'_>],
    ) -> SpiResult<Rc<OwnedPreparedStatement>> {
        let place = (self.0.as_ptr(), self.0.len());
        // Nothing of PostgreSQL is called while the map is out of its place: an error would lose it.
        let statements = STATEMENTS.replace(None).unwrap_or_default();
        let known = statements.get(&place).map(Rc::clone);
        STATEMENTS.set(Some(statements));
        if let Some(known) = known {
            return Ok(known);
        }
        let types: Vec<PgOid> = arguments.iter().map(|one| PgOid::from(one.oid())).collect();
        let made = Rc::new(client.prepare(self.0, &types)?.keep());
        let mut statements = STATEMENTS.replace(None).unwrap_or_default();
        statements.insert(place, Rc::clone(&made));
        STATEMENTS.set(Some(statements));
        Ok(made)
    }
}

impl<'conn> Query<'conn> for Kept {
    fn execute<'mcx>(
        self,
        client: &SpiClient<'conn>,
        limit: Option<libc::c_long>,
        arguments: &[DatumWithOid<'mcx>],
    ) -> SpiResult<SpiTupleTable<'conn>> {
        (&*self.statement(client, arguments)?).execute(client, limit, arguments)
    }

    fn try_open_cursor<'mcx>(
        self,
        client: &SpiClient<'conn>,
        arguments: &[DatumWithOid<'mcx>],
    ) -> SpiResult<SpiCursor<'conn>> {
        (&*self.statement(client, arguments)?).try_open_cursor(client, arguments)
    }
}
