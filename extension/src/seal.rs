//! Becoming an identity, and every way out of it closed until the transaction ends.
//!
//! A role can be changed in PostgreSQL by SET, RESET, set_config(), a function's SET clause, a UPDATE of
//! pg_settings and more; all of them end in the check and assign hooks of two built-in settings, `role` and
//! `session_authorization`. So those hooks are replaced, and nothing else needs to be watched. (Watching
//! statements instead leaves set_config() in the same SELECT, and functions' SET clauses.)

use crate::backend::{PerBackend, server_function};
use crate::error::{Failure, raise};
use crate::gucs::setting_memory;
use crate::identity::{self, Identity, Record};
use crate::leftovers;
use fluxbase_rules::DatabaseRole;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::rc::Rc;

/// What `become_identity` is about to set: lets exactly these two changes pass the hooks.
#[derive(Clone, Copy)]
pub struct Entering {
    record: &'static Record,
    role: DatabaseRole,
    role_oid: pg_sys::Oid,
}

impl Entering {
    pub fn record(&self) -> &'static Record {
        self.record
    }
}

static ENTERING: PerBackend<Option<Entering>> = PerBackend::new(None);

pub fn entering() -> Option<Entering> {
    ENTERING.get()
}

/// Clears `ENTERING` on every way out, an error included.
struct EnteringGuard;
impl Drop for EnteringGuard {
    fn drop(&mut self) {
        ENTERING.set(None);
    }
}

/// What the login of this session is allowed, whatever role it runs as now.
pub struct Session;

impl Session {
    /// Superusers and members of `fluxbase_trusted` may say who is asking without a token; the server's login
    /// may not even when somebody made it a member.
    pub fn may_claim() -> bool {
        // SAFETY: catalog look-ups inside a transaction; during start-up and shutdown there is none, and no.
        unsafe {
            if !pg_sys::IsTransactionState() {
                return false;
            }
            let login = pg_sys::GetSessionUserId();
            pg_sys::superuser_arg(login)
                || (is_member(login, c"fluxbase_trusted") && !is_member(login, c"fluxbase_app"))
        }
    }

    /// `fluxbase_app` and its members change role by `auth.enter` alone.
    pub fn is_locked() -> bool {
        // SAFETY: as `may_claim`.
        unsafe {
            if !pg_sys::IsTransactionState() {
                return false;
            }
            let login = pg_sys::GetSessionUserId();
            !pg_sys::superuser_arg(login) && is_member(login, c"fluxbase_app")
        }
    }
}

unsafe fn is_member(login: pg_sys::Oid, role: &CStr) -> bool {
    // SAFETY: syscache look-ups inside a transaction.
    unsafe {
        let role = pg_sys::get_role_oid(role.as_ptr(), true);
        role != pg_sys::InvalidOid && pg_sys::is_member_of_role_nosuper(login, role)
    }
}

/// Where the effect of entering could be undone before the transaction ends, entering is refused.
pub fn require_can_enter() -> Result<(), Failure> {
    if identity::is_sealed() {
        return Err(Failure::cannot_enter(
            "the transaction has an identity already",
        ));
    }
    // SAFETY: reads transaction state.
    unsafe {
        if pg_sys::GetCurrentTransactionNestLevel() != 1 {
            return Err(Failure::cannot_enter(
                "auth.enter must not be called inside a savepoint or an exception block: rolling that back would undo the role and keep the identity",
            ));
        }
        if pg_sys::InLocalUserIdChange() || pg_sys::InSecurityRestrictedOperation() {
            return Err(Failure::cannot_enter(
                "auth.enter must not be called inside a SECURITY DEFINER function",
            ));
        }
        if !pg_sys::IsTransactionBlock() && is_alone() {
            pgrx::warning!(
                "the identity ends with this statement: begin a transaction before entering"
            );
        }
    }
    Ok(())
}

/// Whether nothing can follow the running statement in its transaction. A simple query stands alone; in the extended
/// protocol more may come before the Sync that ends the transaction, and drivers that pipeline send it so.
fn is_alone() -> bool {
    // SAFETY: PostgreSQL's own pointer to the portal that runs. Only simple queries hide theirs from pg_cursors.
    unsafe { pg_sys::ActivePortal.as_ref() }.is_none_or(|portal| !portal.visible)
}

/// Switches to the role, mirrors the claims into `request.jwt.claims` (that is how parallel workers learn
/// them) and seals. Until the transaction ends there is no way back.
pub fn become_identity(identity: Rc<Identity>, role: DatabaseRole) -> Result<(), Failure> {
    let role_name = role_name(role);
    // SAFETY: the record lives in `identity`, which outlives the guard below; everything else is
    // PostgreSQL's API for setting a value LOCAL to the transaction.
    unsafe {
        let role_oid = pg_sys::get_role_oid(role_name.as_ptr(), true);
        if role_oid == pg_sys::InvalidOid {
            return Err(Failure::broken(format!(
                "role \"{}\" does not exist",
                role.name()
            )));
        }
        if pg_sys::superuser_arg(role_oid) {
            return Err(Failure::broken(format!(
                "role \"{}\" is a superuser: no request may run as it",
                role.name()
            )));
        }
        let guard = EnteringGuard;
        let record: &'static Record = &*std::ptr::from_ref(identity.record());
        ENTERING.set(Some(Entering {
            record,
            role,
            role_oid,
        }));
        set_local(c"role", role_name);
        set_local(c"request.jwt.claims", identity.json());
        set_local(c"fluxbase.sealed", c"on");
        drop(guard);
    }
    identity::seal(identity);
    Ok(())
}

/// Whether the identity of this transaction is one that only reads.
static READS_ONLY: PerBackend<bool> = PerBackend::new(false);

/// Nothing is written until the transaction ends. PostgreSQL lets nobody SET this back once a snapshot was taken, and
/// the statement that enters took one; up to version 15 it lets everybody RESET it.
pub fn become_read_only() {
    // SAFETY: two C strings.
    unsafe { set_local(c"transaction_read_only", c"on") };
    READS_ONLY.set(true);
}

static READ_ONLY: PerBackend<pg_sys::GucBoolAssignHook> = PerBackend::new(None);

unsafe extern "C-unwind" fn assign_read_only(value: bool, extra: *mut c_void) {
    // The restores at the end of a transaction come here too, as for the role.
    // SAFETY: reads transaction state; handed on as it came.
    unsafe {
        if !value && READS_ONLY.get() && pg_sys::IsTransactionState() {
            raise(Failure::sealed("writing"));
        }
        if let Some(original) = READ_ONLY.get() {
            original(value, extra);
        }
    }
}

/// As `set_config(name, value, true)` does.
unsafe fn set_local(name: &CStr, value: &CStr) {
    // SAFETY: two C strings; is_local, as set_config(name, value, true) does.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
            pg_sys::GucAction::GUC_ACTION_LOCAL,
            true,
            0,
            false,
        );
    }
}

fn role_name(role: DatabaseRole) -> &'static CStr {
    match role {
        DatabaseRole::Anon => c"anon",
        DatabaseRole::Authenticated => c"authenticated",
        DatabaseRole::ServiceRole => c"service_role",
    }
}

// ---- the hooks of `role` and `session_authorization`

/// A built-in setting's own hooks, called after ours.
#[derive(Clone, Copy)]
struct Original {
    check: pg_sys::GucStringCheckHook,
    assign: pg_sys::GucStringAssignHook,
}

static ROLE: PerBackend<Original> = PerBackend::new(Original {
    check: None,
    assign: None,
});
static SESSION: PerBackend<Original> = PerBackend::new(Original {
    check: None,
    assign: None,
});

/// What variable.c's check_role() hands to its assign hook, the same in every version from 14 to 18.
#[repr(C)]
struct RoleExtra {
    role: pg_sys::Oid,
    is_superuser: bool,
}

// The four hooks below are plain functions, not `#[pg_guard]`ed, and hold nothing with a destructor: the
// original hooks may raise, and a guard would rewrite their errors.

unsafe extern "C-unwind" fn check_role(
    value: *mut *mut c_char,
    extra: *mut *mut c_void,
    source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: PostgreSQL's contract for a check hook.
    unsafe {
        if let Some(entering) = ENTERING.get() {
            // Not a member, and meant so: a membership could be used in other ways than by entering, for
            // instance to give a function away to service_role.
            if CStr::from_ptr(*value) == role_name(entering.role) {
                let memory = setting_memory(size_of::<RoleExtra>()).cast::<RoleExtra>();
                if memory.is_null() {
                    return false;
                }
                memory.write(RoleExtra {
                    role: entering.role_oid,
                    is_superuser: false,
                });
                *extra = memory.cast();
                return true;
            }
        }
        if !pg_sys::InitializingParallelWorker {
            if identity::is_sealed() {
                raise(Failure::sealed("changing the role"));
            }
            if CStr::from_ptr(*value) != c"none" && Session::is_locked() {
                raise(Failure::locked("changing the role"));
            }
        }
        match ROLE.get().check {
            Some(original) => original(value, extra, source),
            None => true,
        }
    }
}

unsafe extern "C-unwind" fn assign_role(value: *const c_char, extra: *mut c_void) {
    refuse_reset_while_sealed("resetting the role");
    if let Some(original) = ROLE.get().assign {
        // SAFETY: handed on as it came.
        unsafe { original(value, extra) }
    }
}

unsafe extern "C-unwind" fn check_session(
    value: *mut *mut c_char,
    extra: *mut *mut c_void,
    source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: PostgreSQL's contract for a check hook.
    unsafe {
        if !pg_sys::InitializingParallelWorker && identity::is_sealed() {
            raise(Failure::sealed("changing the session authorization"));
        }
        match SESSION.get().check {
            Some(original) => original(value, extra, source),
            None => true,
        }
    }
}

unsafe extern "C-unwind" fn assign_session(value: *const c_char, extra: *mut c_void) {
    refuse_reset_while_sealed("resetting the session authorization");
    if let Some(original) = SESSION.get().assign {
        // SAFETY: handed on as it came.
        unsafe { original(value, extra) }
    }
}

/// RESET and set_config(…, NULL, …) come by the assign hook alone. The restores at the end of a
/// transaction come here too, when it is no longer in progress, and must pass.
fn refuse_reset_while_sealed(what: &str) {
    // SAFETY: reads transaction state.
    if identity::is_sealed() && ENTERING.get().is_none() && unsafe { pg_sys::IsTransactionState() }
    {
        raise(Failure::sealed(what));
    }
}

// ---- changes of roles themselves

/// pg_authid, pg_auth_members, pg_db_role_setting, pg_database: fixed since PostgreSQL 9, not all of them
/// in pgrx's headers.
const ABOUT_ROLES: [pg_sys::Oid; 4] = [
    pg_sys::Oid::from_u32(1260),
    pg_sys::Oid::from_u32(1261),
    pg_sys::Oid::from_u32(2964),
    pg_sys::Oid::from_u32(1262),
];

static NEXT_ACCESS: PerBackend<pg_sys::object_access_hook_type> = PerBackend::new(None);

/// A role may change its own password and its own settings for the next login. What runs in a request, or
/// on the server's connection, may not: it would lock the server out or plant settings in it. A SECURITY
/// DEFINER function that manages roles is somebody's deliberate act and passes.
///
/// object_access_hook and not ProcessUtility: it names the object, and it does not stand in the way of
/// other people's errors.
unsafe extern "C-unwind" fn object_access(
    access: pg_sys::ObjectAccessType::Type,
    class: pg_sys::Oid,
    object: pg_sys::Oid,
    sub_id: c_int,
    argument: *mut c_void,
) {
    // SAFETY: handed on as it came; the rest reads session state.
    unsafe {
        if let Some(next) = NEXT_ACCESS.get() {
            next(access, class, object, sub_id, argument);
        }
        leftovers::notice(access, object);
        let changes = matches!(
            access,
            pg_sys::ObjectAccessType::OAT_POST_CREATE
                | pg_sys::ObjectAccessType::OAT_DROP
                | pg_sys::ObjectAccessType::OAT_POST_ALTER
        );
        let about_roles = ABOUT_ROLES.contains(&class);
        if changes && about_roles && pg_sys::GetUserId() == pg_sys::GetOuterUserId() {
            if identity::is_sealed() {
                raise(Failure::sealed("changing roles or their settings"));
            }
            if Session::is_locked() {
                raise(Failure::locked("changing roles or their settings"));
            }
        }
    }
}

// ---- the end of the transaction

/// COMMIT, ABORT and PREPARE end the seal; subtransactions do not. Runs after the last user code of the
/// transaction (deferred triggers come before) and before PostgreSQL puts the role back.
#[pg_guard]
unsafe extern "C-unwind" fn at_transaction_end(
    event: pg_sys::XactEvent::Type,
    _argument: *mut c_void,
) {
    use pg_sys::XactEvent::{XACT_EVENT_ABORT, XACT_EVENT_COMMIT, XACT_EVENT_PREPARE};
    if matches!(
        event,
        XACT_EVENT_COMMIT | XACT_EVENT_ABORT | XACT_EVENT_PREPARE
    ) {
        ENTERING.set(None);
        READS_ONLY.set(false);
        identity::unseal();
        leftovers::at_transaction_end(event != XACT_EVENT_ABORT);
    }
}

/// Called in the postmaster; every backend inherits what is set here.
pub fn init() {
    // SAFETY: runs once, before there are sessions.
    unsafe {
        for (name, original, check, assign) in [
            (c"role", &ROLE, check_role as Check, assign_role as Assign),
            (
                c"session_authorization",
                &SESSION,
                check_session,
                assign_session,
            ),
        ] {
            let setting = built_in_setting(name);
            if setting.is_null() {
                raise(Failure::broken(format!(
                    "setting {name:?} not found: this PostgreSQL cannot be guarded"
                )));
            }
            original.set(Original {
                check: (*setting).check_hook,
                assign: (*setting).assign_hook,
            });
            (*setting).check_hook = Some(check);
            (*setting).assign_hook = Some(assign);
        }
        let read_only = built_in_setting(c"transaction_read_only").cast::<pg_sys::config_bool>();
        if read_only.is_null() {
            raise(Failure::broken(
                "setting transaction_read_only not found: this PostgreSQL cannot be guarded",
            ));
        }
        READ_ONLY.set((*read_only).assign_hook);
        (*read_only).assign_hook = Some(assign_read_only);
        NEXT_ACCESS.set(pg_sys::object_access_hook);
        pg_sys::object_access_hook = Some(object_access);
        pg_sys::RegisterXactCallback(Some(at_transaction_end), std::ptr::null_mut());
    }
}

type Check = unsafe extern "C-unwind" fn(
    *mut *mut c_char,
    *mut *mut c_void,
    pg_sys::GucSource::Type,
) -> bool;
type Assign = unsafe extern "C-unwind" fn(*const c_char, *mut c_void);

/// The setting of that name, NULL when it cannot be found.
unsafe fn built_in_setting(name: &CStr) -> *mut pg_sys::config_string {
    #[cfg(any(feature = "pg14", feature = "pg15"))]
    // SAFETY: the array of all settings and its length, as guc.c exports them up to 15.
    unsafe {
        let Some(count) = server_function(c"GetNumConfigOptions") else {
            return std::ptr::null_mut();
        };
        let count: unsafe extern "C-unwind" fn() -> c_int = std::mem::transmute(count.as_ptr());
        let all = pg_sys::get_guc_variables();
        (0..usize::try_from(count()).unwrap_or(0))
            .map(|place| *all.add(place))
            .find(|setting| CStr::from_ptr((**setting).name) == name)
            .map_or(std::ptr::null_mut(), |setting| setting.cast())
    }
    #[cfg(not(any(feature = "pg14", feature = "pg15")))]
    // SAFETY: find_option(name, create_placeholders, skip_errors, elevel), as guc_tables.h declares it since 16.
    unsafe {
        type FindOption = unsafe extern "C-unwind" fn(
            *const c_char,
            bool,
            bool,
            c_int,
        ) -> *mut pg_sys::config_string;
        let Some(find) = server_function(c"find_option") else {
            return std::ptr::null_mut();
        };
        let find: FindOption = std::mem::transmute(find.as_ptr());
        find(name.as_ptr(), false, true, pg_sys::LOG as i32)
    }
}
