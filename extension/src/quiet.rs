//! What the statements of our own functions bind stays out of logs: hashes, keys, sealed secrets.
//!
//! PostgreSQL logs no nested statement, but auto_explain and pgaudit do: the one with values folded into the plan
//! (`Index Cond: (password_hash = '$argon2id$…')`), the other with parameters. What the outermost statement binds is up
//! to the settings of the login, see `sql/install/010_roles.sql`.

use pgrx::pg_sys;
use std::ffi::CStr;

const SETTINGS: [(&CStr, &CStr); 2] = [
    (c"auto_explain.log_nested_statements", c"off"),
    (c"pgaudit.log_parameter", c"off"),
];

/// Until the running SQL function returns. It must be declared with a SET clause, as all of ours are: that is what takes
/// back what is set here.
pub fn nested_statements() {
    for (name, value) in SETTINGS {
        // SAFETY: C strings. Saved and restored by the function's own level of settings (fmgr_security_definer), on
        // errors by the abort. What is not loaded has no such setting and is left alone.
        unsafe {
            if pg_sys::GetConfigOption(name.as_ptr(), true, false).is_null() {
                continue;
            }
            pg_sys::set_config_option(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_SUSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                pg_sys::WARNING as i32,
                false,
            );
        }
    }
}
