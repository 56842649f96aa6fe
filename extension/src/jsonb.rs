//! jsonb as acts take and give it.
//!
//! Not pgrx's type: that one reads with serde_json as it comes, where 1.10 becomes 1.1, and where a number beyond a double,
//! a deep nesting or a member with a name of that library is a panic, which looks like a fault of ours. Here numbers keep
//! their digits (the feature `arbitrary_precision`), and what is too deep is the caller's mistake.

use fluxbase_rules::json::{self, Level};
use pgrx::callconv::{Arg, ArgAbi, BoxRet, FcInfo};
use pgrx::datum::{Datum, FromDatum, IntoDatum};
use pgrx::nullable::Nullable;
use pgrx::{PgSqlErrorCode, ereport, pg_sys};
use serde_json::Value;
use serde_json::value::RawValue;
use std::ffi::{CStr, CString};

/// A value of PostgreSQL's type jsonb.
pub struct JsonB(pub Value);

/// Twice what a token takes: more is no metadata, and reading takes stack and time for every level.
const MAX_DEPTH: usize = 2 * json::MAX_DEPTH;

/// Nothing when it is too deep.
fn read(value: &RawValue, depth: usize) -> Option<Value> {
    if depth > MAX_DEPTH {
        return None;
    }
    Some(match json::level(value).ok()? {
        Level::Null => Value::Null,
        Level::Bool(flag) => Value::Bool(flag),
        Level::Number(digits) => Value::Number(digits.parse().ok()?),
        Level::Text(text) => Value::String(text.into_owned()),
        Level::Items(items) => Value::Array(
            items
                .into_iter()
                .map(|item| read(item, depth + 1))
                .collect::<Option<_>>()?,
        ),
        Level::Members(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, member)| Some((name.into_owned(), read(member, depth + 1)?)))
                .collect::<Option<_>>()?,
        ),
    })
}

impl FromDatum for JsonB {
    unsafe fn from_polymorphic_datum(
        datum: pg_sys::Datum,
        is_null: bool,
        _: pg_sys::Oid,
    ) -> Option<Self> {
        if is_null {
            return None;
        }
        // SAFETY: the datum is a jsonb, and jsonb_out gives a C string of ours.
        let value = unsafe {
            let text = pgrx::direct_function_call::<&CStr>(pg_sys::jsonb_out, &[Some(datum)])?;
            let value = text.to_str().ok().and_then(|text| json::parse(text).ok());
            let value = value.and_then(|value| read(value, 1));
            pg_sys::pfree(text.as_ptr().cast_mut().cast());
            value
        };
        if value.is_none() {
            ereport!(
                ERROR,
                PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
                format!("a JSON value is nested deeper than {MAX_DEPTH} levels")
            );
        }
        value.map(Self)
    }
}

impl IntoDatum for JsonB {
    fn into_datum(self) -> Option<pg_sys::Datum> {
        // No text of a jsonb holds NUL, and the texts of acts do not either.
        let text = CString::new(self.0.to_string()).unwrap_or_default();
        // SAFETY: jsonb_in takes a C string.
        unsafe {
            pgrx::direct_function_call_as_datum(pg_sys::jsonb_in, &[Some(text.as_ptr().into())])
        }
    }

    fn type_oid() -> pg_sys::Oid {
        pg_sys::JSONBOID
    }
}

// SAFETY: declared jsonb in sql/install, as for pgrx's own type.
unsafe impl<'fcx> ArgAbi<'fcx> for JsonB {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        let given = unsafe { arg.unbox_arg_using_from_datum() };
        given.unwrap_or(Self(Value::Null))
    }

    unsafe fn unbox_nullable_arg(arg: Arg<'_, 'fcx>) -> Nullable<Self> {
        unsafe { arg.unbox_arg_using_from_datum().into() }
    }
}

// SAFETY: as above.
unsafe impl BoxRet for JsonB {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        match self.into_datum() {
            Some(datum) => unsafe { fcinfo.return_raw_datum(datum) },
            None => fcinfo.return_null(),
        }
    }
}
