//! Reading who is asking: `auth.uid()` and its siblings.
//!
//! Written against PostgreSQL's calling convention directly. They are evaluated once per row when a policy
//! is not folded into an index condition, and at that rate a wrapper's argument handling is most of the cost.

use crate::identity;
use fluxbase_rules::DatabaseRole;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::CStr;

pub static VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };

/// Declares a function of PostgreSQL's version-1 convention together with its `pg_finfo_` record.
/// PostgreSQL calls it with a valid FunctionCallInfo; the bodies hold nothing with a destructor, so that an
/// error raised below them may jump over them.
macro_rules! accessor {
    ($(#[$meta:meta])* $wrapper:ident, $info:ident, |$fcinfo:ident| $body:expr) => {
        #[unsafe(no_mangle)]
        pub extern "C" fn $info() -> &'static pg_sys::Pg_finfo_record {
            &VERSION_1
        }

        $(#[$meta])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $wrapper($fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
            $body
        }
    };
}

unsafe fn null(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: a valid FunctionCallInfo.
    unsafe { (*fcinfo).isnull = true };
    pg_sys::Datum::null()
}

/// A copy in the caller's memory: the identity may be gone before the row is.
unsafe fn uuid(bytes: &[u8; 16]) -> pg_sys::Datum {
    // SAFETY: palloc returns memory or raises.
    unsafe {
        let copy = pg_sys::palloc(16).cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), copy, 16);
        pg_sys::Datum::from(copy)
    }
}

unsafe fn text(value: &CStr) -> pg_sys::Datum {
    // SAFETY: copies a C string.
    unsafe { pg_sys::Datum::from(pg_sys::cstring_to_text(value.as_ptr())) }
}

accessor!(
    /// `auth.uid()`.
    uid_wrapper, pg_finfo_uid_wrapper,
    |fcinfo| match identity::current().and_then(identity::Record::sub) {
        // SAFETY: as declared above.
        Some(sub) => unsafe { uuid(&sub) },
        // SAFETY: as declared above.
        None => unsafe { null(fcinfo) },
    }
);

accessor!(
    /// `auth.session_id()`.
    session_id_wrapper, pg_finfo_session_id_wrapper,
    |fcinfo| match identity::current().and_then(identity::Record::session_id) {
        // SAFETY: as declared above.
        Some(session) => unsafe { uuid(&session) },
        // SAFETY: as declared above.
        None => unsafe { null(fcinfo) },
    }
);

accessor!(
    /// `auth.role()`: the application role, `anon` when nobody entered.
    role_wrapper, pg_finfo_role_wrapper,
    // SAFETY: as declared above.
    |_fcinfo| unsafe { text(identity::current().map_or(c"anon", identity::Record::role)) }
);

accessor!(
    /// `auth.email()`.
    email_wrapper, pg_finfo_email_wrapper,
    |fcinfo| match identity::current().and_then(identity::Record::email) {
        // SAFETY: as declared above.
        Some(email) => unsafe { text(email) },
        // SAFETY: as declared above.
        None => unsafe { null(fcinfo) },
    }
);

accessor!(
    /// `auth.is_authenticated()`: a user asks, not a key and not nobody.
    is_authenticated_wrapper, pg_finfo_is_authenticated_wrapper,
    |_fcinfo| pg_sys::Datum::from(identity::current().is_some_and(|who| {
        who.sub().is_some() && role_of(who) != DatabaseRole::Anon
    }))
);

accessor!(
    /// `auth.is_admin()`: the application role is `admin`, by that name.
    is_admin_wrapper, pg_finfo_is_admin_wrapper,
    |_fcinfo| pg_sys::Datum::from(identity::current().is_some_and(|who| who.role() == c"admin"))
);

fn role_of(record: &identity::Record) -> DatabaseRole {
    DatabaseRole::from_application_role(record.role().to_str().unwrap_or_default())
}

#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_jwt_wrapper() -> &'static pg_sys::Pg_finfo_record {
    &VERSION_1
}

/// `auth.jwt()`: all claims. The jsonb form is made once per identity and copied from then on.
#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn jwt_wrapper(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: varlenas made by jsonb_in() carry their own size in the 4-byte header.
    unsafe {
        if let Some(identity) = identity::sealed() {
            let stored = identity.jsonb.get_or_init(|| {
                let made = parse_jsonb(identity.json()).cast_mut_ptr::<u8>();
                let size = pgrx::varsize_any(made.cast());
                std::slice::from_raw_parts(made, size).into()
            });
            let copy = pg_sys::palloc(stored.len()).cast::<u8>();
            std::ptr::copy_nonoverlapping(stored.as_ptr(), copy, stored.len());
            return pg_sys::Datum::from(copy);
        }
        if identity::current().is_none() {
            return null(fcinfo);
        }
        let claims = pg_sys::GetConfigOption(c"request.jwt.claims".as_ptr(), true, false);
        if claims.is_null() {
            null(fcinfo)
        } else {
            parse_jsonb(CStr::from_ptr(claims))
        }
    }
}

unsafe fn parse_jsonb(json: &CStr) -> pg_sys::Datum {
    // SAFETY: jsonb_in() takes a C string; what is in it was checked to be a JSON object when it was accepted.
    unsafe {
        pgrx::direct_function_call_as_datum(
            pg_sys::jsonb_in,
            &[Some(pg_sys::Datum::from(json.as_ptr()))],
        )
        .unwrap_or_else(pg_sys::Datum::null)
    }
}
