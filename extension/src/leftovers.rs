//! What one request leaves on a pooled connection must not reach the next.
//!
//! A function that an entered user calls may set a parameter for the session, or make temporary objects: a
//! `statement_timeout` of 0, another `datestyle`, a table in pg_temp that stands before the real one. On a
//! connection of the server's login that would be the next user's session. Such a transaction is noticed
//! while it runs, and the next entering of that session begins with RESET ALL and DISCARD TEMP. Requests that
//! leave nothing, which is nearly all, pay for a comparison.
//!
//! A session of any other login keeps what it set, as PostgreSQL has it.

use crate::backend::PerBackend;
use crate::identity;
use crate::seal::Session;
use pgrx::pg_sys;
use std::ffi::c_char;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    Something,
    /// Cleared by this transaction; true as soon as it commits.
    Cleared,
}

static LEFT: PerBackend<Left> = PerBackend::new(Left::Nothing);

/// The function `pg_catalog.set_config`, in every version.
const SET_CONFIG: pg_sys::Oid = pg_sys::Oid::from_u32(2078);

/// Called for every access to an object that PostgreSQL reports: a function about to run, an object made.
pub fn notice(access: pg_sys::ObjectAccessType::Type, object: pg_sys::Oid) {
    use pg_sys::ObjectAccessType::{OAT_FUNCTION_EXECUTE, OAT_POST_CREATE};
    if (access == OAT_FUNCTION_EXECUTE && object == SET_CONFIG) || access == OAT_POST_CREATE {
        mark();
    }
}

fn mark() {
    if identity::is_sealed() {
        LEFT.set(Left::Something);
    }
}

/// Before a session of the server's login enters: back to how it was when it connected.
pub fn clear() {
    if LEFT.get() == Left::Nothing || !Session::is_locked() {
        return;
    }
    // SAFETY: what RESET ALL and DISCARD TEMP call, inside a transaction and before it is sealed. Both are undone
    // when the transaction is, hence the third state.
    unsafe {
        pg_sys::ResetAllOptions();
        pg_sys::ResetTempTableNamespace();
    }
    LEFT.set(Left::Cleared);
}

pub fn at_transaction_end(committed: bool) {
    if LEFT.get() == Left::Cleared {
        LEFT.set(if committed {
            Left::Nothing
        } else {
            Left::Something
        });
    }
}

// ---- SET, which is a statement of its own and no function

static NEXT_UTILITY: PerBackend<pg_sys::ProcessUtility_hook_type> = PerBackend::new(None);

// Declared here because pgrx's wrapper turns every error of every utility statement into one of its own.
unsafe extern "C-unwind" {
    #[link_name = "standard_ProcessUtility"]
    fn raw_standard_process_utility(
        statement: *mut pg_sys::PlannedStmt,
        query: *const c_char,
        read_only_tree: bool,
        context: pg_sys::ProcessUtilityContext::Type,
        parameters: pg_sys::ParamListInfo,
        environment: *mut pg_sys::QueryEnvironment,
        destination: *mut pg_sys::DestReceiver,
        completion: *mut pg_sys::QueryCompletion,
    );
}

/// Plain, without a guard and without destructors: PostgreSQL's errors jump over it unchanged.
#[allow(clippy::too_many_arguments, reason = "the signature is PostgreSQL's")]
unsafe extern "C-unwind" fn process_utility(
    statement: *mut pg_sys::PlannedStmt,
    query: *const c_char,
    read_only_tree: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    parameters: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    destination: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    // SAFETY: PostgreSQL's contract for this hook; handed on as it came.
    unsafe {
        let node = (*statement).utilityStmt;
        if (*node).type_ == pg_sys::NodeTag::T_VariableSetStmt
            && !(*node.cast::<pg_sys::VariableSetStmt>()).is_local
        {
            mark();
        }
        match NEXT_UTILITY.get() {
            Some(next) => next(
                statement,
                query,
                read_only_tree,
                context,
                parameters,
                environment,
                destination,
                completion,
            ),
            None => raw_standard_process_utility(
                statement,
                query,
                read_only_tree,
                context,
                parameters,
                environment,
                destination,
                completion,
            ),
        }
    }
}

/// Called in the postmaster; every backend inherits what is set here.
pub fn init() {
    // SAFETY: runs once, before there are sessions.
    unsafe {
        NEXT_UTILITY.set(pg_sys::ProcessUtility_hook);
        pg_sys::ProcessUtility_hook = Some(process_utility);
    }
}
