//! Statements that carry a secret as a literal, or bind one, go to PostgreSQL's log without it, whoever runs them.
//!
//! The settings of the server's own login keep its parameters out already (`sql/install/010_roles.sql`); this is for
//! everybody who works in SQL, and a login made later. What cannot be known from the text stays: a function of somebody
//! else's that hands a literal on to ours.

use crate::backend::PerBackend;
use fluxbase_rules::discretion::{discreet, names_an_act, without_literals, without_quotations};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::borrow::Cow;
use std::ffi::{CStr, CString, c_char};

static NEXT: PerBackend<pg_sys::emit_log_hook_type> = PerBackend::new(None);

pub fn init() {
    // SAFETY: a hook of the postmaster, chained as PostgreSQL asks.
    unsafe {
        NEXT.set(pg_sys::emit_log_hook);
        pg_sys::emit_log_hook = Some(emit);
    }
}

/// Called for every line that goes to the log, with whatever was reported.
#[pg_guard]
unsafe extern "C-unwind" fn emit(report: *mut pg_sys::ErrorData) {
    // SAFETY: PostgreSQL gives a report that is its own until it has been written.
    unsafe {
        tidy(&mut *report);
        if let Some(next) = NEXT.get() {
            next(report);
        }
    }
}

unsafe fn tidy(report: &mut pg_sys::ErrorData) {
    // SAFETY: texts of the report and of the session, each null or with a NUL.
    unsafe {
        let running = text(pg_sys::debug_query_string);
        let carries = |part: *const c_char| text(part).is_some_and(|text| names_an_act(&text));
        let running_carries = running.as_deref().is_some_and(names_an_act);
        if !running_carries
            && !carries(report.message)
            && !carries(report.detail)
            && !carries(report.context)
            && !carries(report.internalquery)
        {
            return;
        }
        // An error's own message is for the caller; the statement it came from goes to the log alone.
        if report.elevel < PgLogLevel::ERROR as i32 {
            replace(
                report,
                |report| &raw mut report.message,
                |text| {
                    match discreet(text) {
                        // What it says of its parameters stands in its details.
                        Cow::Borrowed(_) => without_literals(text),
                        Cow::Owned(text) => text,
                    }
                },
            );
            replace(report, |report| &raw mut report.detail, without_literals);
        }
        // Of what the parser and the types refuse, the message quotes a piece, to the caller too.
        if quotes_the_text(report.sqlerrcode) {
            replace(report, |report| &raw mut report.message, without_quotations);
            replace(report, |report| &raw mut report.detail, without_quotations);
            // JSON data, line 1: …
            replace(
                report,
                |report| &raw mut report.context,
                |text| {
                    text.split_inclusive('\n')
                        .map(|line| line.split_once(": ").map_or(line, |(before, _)| before))
                        .collect()
                },
            );
        }
        replace(report, |report| &raw mut report.context, without_literals);
        replace(
            report,
            |report| &raw mut report.internalquery,
            without_literals,
        );
        if let Some(running) = running
            && running_carries
            && !report.hide_stmt
        {
            report.hide_stmt = true;
            if report.elevel >= PgLogLevel::ERROR as i32 {
                let mut said = without_literals(&running);
                if let Some(detail) = text(report.detail_log).or_else(|| text(report.detail)) {
                    said = format!("{detail}\n{said}");
                }
                set(report, |report| &raw mut report.detail_log, &said);
            }
        }
    }
}

/// Syntax errors, and class 22 (data exception): `invalid input syntax for type uuid: "…"`.
fn quotes_the_text(sqlstate: i32) -> bool {
    // Six bits a character, the first lowest (elog.h MAKE_SQLSTATE, ERRCODE_TO_CATEGORY).
    const DATA_EXCEPTION: i32 = 2 | 2 << 6;
    sqlstate == PgSqlErrorCode::ERRCODE_SYNTAX_ERROR as i32 || sqlstate & 0xfff == DATA_EXCEPTION
}

unsafe fn text<'a>(text: *const c_char) -> Option<Cow<'a, str>> {
    // SAFETY: null, or with a NUL.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy())
}

unsafe fn replace(
    report: &mut pg_sys::ErrorData,
    place: impl Fn(&mut pg_sys::ErrorData) -> *mut *mut c_char,
    with: impl Fn(&str) -> String,
) {
    // SAFETY: `place` is a text of this report.
    unsafe {
        let now = text(*place(report));
        let Some(now) = now else { return };
        let then = with(&now);
        if *now != *then {
            set(report, place, &then);
        }
    }
}

unsafe fn set(
    report: &mut pg_sys::ErrorData,
    place: impl Fn(&mut pg_sys::ErrorData) -> *mut *mut c_char,
    then: &str,
) {
    let Ok(then) = CString::new(then) else { return };
    // SAFETY: as `replace`; the copy lives in the memory of the report, where PostgreSQL frees it.
    unsafe {
        *place(report) = pg_sys::MemoryContextStrdup(report.assoc_context, then.as_ptr());
    }
}
