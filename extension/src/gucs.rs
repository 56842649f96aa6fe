//! The settings through which policies written for other systems read who is asking, and who may set them.
//!
//! | setting | outside a sealed transaction | sealed |
//! |---|---|---|
//! | `request.jwt.claims` | superusers and members of `fluxbase_trusted` may set it; others get 42501 | the claims, read-only |
//! | `request.jwt.claim.sub`, `.role`, `.email` | the same | read-only mirror |
//! | `app.user_id`, `app.role`, `app.user_email` | free, as in any database (not for `fluxbase_app`) | read-only mirror |
//! | `fluxbase.sealed` | off, and nobody may set it | on; how parallel workers learn that they are sealed too |
//!
//! The claims are parsed once, in the check hook; PostgreSQL keeps the parsed form beside the value and
//! restores it over COMMIT, ROLLBACK and ROLLBACK TO. The mirrors hold nothing: their show hooks answer from
//! the identity, which makes entering cheaper by six settings.

#[cfg(not(any(feature = "pg14", feature = "pg15")))]
use crate::backend::{PerBackend, server_function};
use crate::error::{Failure, raise};
use crate::identity::{self, Record};
use crate::seal::{self, Session};
use fluxbase_rules::Claims;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{CStr, c_char, c_void};

/// A string variable of PostgreSQL's settings machinery, which owns what it points to.
struct Variable(std::cell::UnsafeCell<*mut c_char>);
// SAFETY: written by PostgreSQL's single thread only.
unsafe impl Sync for Variable {}
impl Variable {
    const fn new() -> Self {
        Self(std::cell::UnsafeCell::new(std::ptr::null_mut()))
    }
}

static CLAIMS: Variable = Variable::new();
static MIRRORS: [Variable; 6] = [const { Variable::new() }; 6];

type Check = unsafe extern "C-unwind" fn(
    *mut *mut c_char,
    *mut *mut c_void,
    pg_sys::GucSource::Type,
) -> bool;
type Assign = unsafe extern "C-unwind" fn(*const c_char, *mut c_void);
type Show = unsafe extern "C-unwind" fn() -> *const c_char;

pub fn init() {
    define(
        c"request.jwt.claims",
        c"Claims of whoever is asking, as JSON; set by auth.enter, or by members of fluxbase_trusted.",
        &CLAIMS,
        check_claims,
        assign_claims,
        None,
    );
    // SAFETY: static strings and a static variable, defined once in the postmaster.
    unsafe {
        pg_sys::DefineCustomBoolVariable(
            c"fluxbase.sealed".as_ptr(),
            c"Whether auth.enter has fixed the identity of this transaction.".as_ptr(),
            std::ptr::null(),
            SEALED.0.get(),
            false,
            pg_sys::GucContext::PGC_USERSET,
            (pg_sys::GUC_NO_RESET_ALL | pg_sys::GUC_DISALLOW_IN_FILE | pg_sys::GUC_NO_SHOW_ALL)
                as i32,
            Some(check_sealed),
            Some(assign_sealed),
            None,
        );
    }
    let [sub, role, email, app_user, app_role, app_email] = &MIRRORS;
    for (name, variable, show) in [
        (c"request.jwt.claim.sub", sub, show_mirror::<0> as Show),
        (c"request.jwt.claim.role", role, show_mirror::<1>),
        (c"request.jwt.claim.email", email, show_mirror::<2>),
    ] {
        define(
            name,
            c"Mirror of one claim; read-only in a sealed transaction.",
            variable,
            check_claim_mirror,
            assign_mirror,
            Some(show),
        );
    }
    for (name, variable, show) in [
        (c"app.user_id", app_user, show_mirror::<3> as Show),
        (c"app.role", app_role, show_mirror::<4>),
        (c"app.user_email", app_email, show_mirror::<5>),
    ] {
        define(
            name,
            c"Mirror of one claim; read-only in a sealed transaction.",
            variable,
            check_app_mirror,
            assign_mirror,
            Some(show),
        );
    }
}

fn define(
    name: &'static CStr,
    meaning: &'static CStr,
    variable: &'static Variable,
    check: Check,
    assign: Assign,
    show: Option<Show>,
) {
    // SAFETY: static strings and a static variable, defined once in the postmaster.
    unsafe {
        pg_sys::DefineCustomStringVariable(
            name.as_ptr(),
            meaning.as_ptr(),
            std::ptr::null(),
            variable.0.get(),
            c"".as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            // Not in a file: a value for everybody would be an identity for everybody. Not by RESET ALL: pools
            // send it between users and it would only hide the value, never the identity.
            (pg_sys::GUC_NO_RESET_ALL | pg_sys::GUC_DISALLOW_IN_FILE | pg_sys::GUC_NO_SHOW_ALL)
                as i32,
            Some(check),
            Some(assign),
            show,
        );
    }
}

/// `fluxbase.sealed`, for PostgreSQL to copy to workers.
struct Flag(std::cell::UnsafeCell<bool>);
// SAFETY: as `Variable`.
unsafe impl Sync for Flag {}
static SEALED: Flag = Flag(std::cell::UnsafeCell::new(false));

/// A function's SET clause may change settings inside a parallel worker, where nothing was entered. Without
/// this flag a worker would let pass what its leader refuses.
#[pg_guard]
unsafe extern "C-unwind" fn check_sealed(
    value: *mut bool,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: PostgreSQL's contract for a check hook of a bool.
    unsafe {
        if seal::entering().is_some()
            || pg_sys::InitializingParallelWorker
            || (!*value && !identity::is_sealed())
        {
            return true;
        }
        refuse_sealed()
    }
}

unsafe extern "C-unwind" fn assign_sealed(value: bool, _extra: *mut c_void) {
    refuse_change_while_sealed("resetting fluxbase.sealed");
    // SAFETY: reads flags of the process.
    if unsafe { pg_sys::InitializingParallelWorker } {
        identity::seal_worker(value);
    }
}

/// How a check hook says no: PostgreSQL raises it with this code and text, or warns at login.
unsafe fn refuse(failure_code: i32, message: &CStr, detail: &CStr) -> bool {
    // SAFETY: the globals that GUC_check_errcode(), GUC_check_errmsg() and GUC_check_errdetail() set.
    unsafe {
        pg_sys::GUC_check_errcode(failure_code);
        pg_sys::GUC_check_errmsg_string = pg_sys::pstrdup(message.as_ptr());
        pg_sys::GUC_check_errdetail_string = pg_sys::pstrdup(detail.as_ptr());
    }
    false
}

const FORBIDDEN: i32 = PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE as i32;
const MALFORMED: i32 = PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE as i32;

unsafe fn refuse_sealed() -> bool {
    // SAFETY: as `refuse`.
    unsafe {
        refuse(
            FORBIDDEN,
            c"the identity of this transaction is sealed",
            c"What tells who is asking cannot be changed until the transaction ends.",
        )
    }
}

unsafe fn refuse_untrusted() -> bool {
    // SAFETY: as `refuse`.
    unsafe {
        refuse(
            FORBIDDEN,
            c"permission denied to set the claims of a request",
            c"Only superusers and sessions of members of fluxbase_trusted may; others present a token to auth.enter(token).",
        )
    }
}

fn is_empty(value: *const c_char) -> bool {
    // SAFETY: settings are NULL or a C string.
    value.is_null() || unsafe { *value == 0 }
}

#[pg_guard]
unsafe extern "C-unwind" fn check_claims(
    value: *mut *mut c_char,
    extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: PostgreSQL's contract for a check hook: both point to valid slots, and what is put into
    // `extra` it frees with the allocator of `setting_memory`.
    unsafe {
        let text = *value;
        if let Some(entering) = seal::entering() {
            return keep_record(entering.record(), extra);
        }
        if identity::is_sealed() {
            return refuse_sealed();
        }
        if is_empty(text) {
            return true;
        }
        // A parallel worker takes over what its leader was allowed to set.
        if !pg_sys::InitializingParallelWorker && !Session::may_claim() {
            return refuse_untrusted();
        }
        let parsed = CStr::from_ptr(text)
            .to_str()
            .map_err(|_| "the text is not UTF-8".to_owned())
            .and_then(|json| {
                Claims::from_trusted_json(json).map_err(|refusal| refusal.to_string())
            });
        match parsed {
            Ok(claims) => {
                let words = Record::of(&claims);
                keep_record(&*words.as_ptr().cast::<Record>(), extra)
            }
            Err(reason) => {
                let detail = std::ffi::CString::new(reason).unwrap_or_default();
                refuse(MALFORMED, c"invalid value for request.jwt.claims", &detail)
            }
        }
    }
}

unsafe fn keep_record(record: &Record, extra: *mut *mut c_void) -> bool {
    // SAFETY: the memory is as large as the record, texts included.
    unsafe {
        let memory = setting_memory(record.size());
        if memory.is_null() {
            return false;
        }
        std::ptr::copy_nonoverlapping(
            std::ptr::from_ref(record).cast::<u8>(),
            memory.cast::<u8>(),
            record.size(),
        );
        *extra = memory;
        true
    }
}

/// Memory that PostgreSQL may free as the extra of a setting: malloc's up to 15, its own allocator's since.
pub unsafe fn setting_memory(size: usize) -> *mut c_void {
    #[cfg(any(feature = "pg14", feature = "pg15"))]
    // SAFETY: plain malloc; NULL is handled by the callers.
    unsafe {
        libc::malloc(size)
    }
    #[cfg(not(any(feature = "pg14", feature = "pg15")))]
    {
        type GucMalloc = unsafe extern "C-unwind" fn(std::ffi::c_int, usize) -> *mut c_void;
        static GUC_MALLOC: PerBackend<Option<GucMalloc>> = PerBackend::new(None);
        let function = GUC_MALLOC.get().or_else(|| {
            // SAFETY: guc_malloc(int elevel, size_t size), as guc.h declares it since 16.
            let found = server_function(c"guc_malloc").map(|found| unsafe {
                std::mem::transmute::<*mut c_void, GucMalloc>(found.as_ptr())
            });
            GUC_MALLOC.set(found);
            found
        });
        match function {
            // SAFETY: at LOG it returns NULL instead of raising.
            Some(function) => unsafe { function(pg_sys::LOG as i32, size) },
            None => std::ptr::null_mut(),
        }
    }
}

/// Runs for every change, also those that skip the check hook (`RESET`, `set_config(…, NULL, …)`), and
/// when PostgreSQL puts an old value back. Raising is safe while the transaction is in progress only; the
/// restores at its end run in other states and must pass.
unsafe extern "C-unwind" fn assign_claims(_value: *const c_char, extra: *mut c_void) {
    refuse_change_while_sealed("resetting request.jwt.claims");
    // SAFETY: `extra` is NULL or a record that PostgreSQL keeps until the next assignment.
    identity::set_claimed(unsafe { extra.cast::<Record>().cast_const().as_ref() });
}

unsafe extern "C-unwind" fn assign_mirror(_value: *const c_char, _extra: *mut c_void) {
    refuse_change_while_sealed("resetting a mirror of the claims");
}

fn refuse_change_while_sealed(what: &str) {
    // SAFETY: reads the transaction state.
    if identity::is_sealed()
        && seal::entering().is_none()
        && unsafe { pg_sys::IsTransactionState() }
    {
        raise(Failure::sealed(what));
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn check_claim_mirror(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: as `check_claims`.
    unsafe {
        if identity::is_sealed() {
            return refuse_sealed();
        }
        if is_empty(*value) || pg_sys::InitializingParallelWorker || Session::may_claim() {
            return true;
        }
        refuse_untrusted()
    }
}

/// `SET app.user_id` is a habit of many applications that know nothing of Fluxbase: it stays theirs while
/// nobody entered. The server's login has no such habit.
#[pg_guard]
unsafe extern "C-unwind" fn check_app_mirror(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: as `check_claims`.
    unsafe {
        if identity::is_sealed() {
            return refuse_sealed();
        }
        if !is_empty(*value) && !pg_sys::InitializingParallelWorker && Session::is_locked() {
            return refuse_untrusted();
        }
        true
    }
}

/// What mirror number `N` of `MIRRORS` shows: the identity's part when there is one, else its own value.
unsafe extern "C-unwind" fn show_mirror<const N: usize>() -> *const c_char {
    if let Some(record) = identity::current() {
        let text = match N % 3 {
            0 => record.sub_text(),
            // Nobody signed in: the mirrors of the role are empty, as policies written for them expect.
            1 if record.role() == c"anon" && N == 4 => c"",
            1 => record.role(),
            _ => record.email().unwrap_or_default(),
        };
        return text.as_ptr();
    }
    let Some(variable) = MIRRORS.get(N) else {
        return c"".as_ptr();
    };
    // SAFETY: PostgreSQL's own variable of this setting.
    let value = unsafe { *variable.0.get() };
    if value.is_null() { c"".as_ptr() } else { value }
}
