//! The key under which second factors are stored.
//!
//! It stands in a file that `fluxbase.sealing_key_file` names, so that a copy of the database opens nothing; or, where no
//! file is named, in `auth.sealing_keys`, so that a dump restored elsewhere keeps every account working.

use crate::backend::PerBackend;
use crate::error::{Failure, or_raise};
use crate::{owner, quiet};
use fluxbase_rules::sealed::SealingKey;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::collections::HashMap;
use std::ffi::{CStr, c_char};
use std::rc::Rc;

struct Variable(std::cell::UnsafeCell<*mut c_char>);
// SAFETY: written by PostgreSQL's single thread only.
unsafe impl Sync for Variable {}
static FILE: Variable = Variable(std::cell::UnsafeCell::new(std::ptr::null_mut()));

/// By id; a key never changes.
static KNOWN: PerBackend<Option<Rc<Keys>>> = PerBackend::new(None);
type Keys = HashMap<String, Rc<SealingKey>>;

pub fn init() {
    // SAFETY: static strings and a static variable, defined once in the postmaster.
    unsafe {
        pg_sys::DefineCustomStringVariable(
            c"fluxbase.sealing_key_file".as_ptr(),
            c"File with the key that seals second factors: 64 hexadecimal digits, readable by the server alone.".as_ptr(),
            c"Empty: the key stands in auth.sealing_keys.".as_ptr(),
            FILE.0.get(),
            c"".as_ptr(),
            pg_sys::GucContext::PGC_SIGHUP,
            pg_sys::GUC_SUPERUSER_ONLY as i32,
            None,
            None,
            None,
        );
    }
}

/// The key new secrets are sealed with.
pub fn current() -> Result<Rc<SealingKey>, Failure> {
    if let Some(key) = from_file()? {
        return Ok(key);
    }
    let found = Spi::connect(|client| {
        let rows = client.select(
            "select key from auth.sealing_keys order by created_at desc, id limit 1",
            Some(1),
            &[],
        )?;
        if rows.is_empty() {
            return Ok::<_, Failure>(None);
        }
        Ok(rows.first().get_one::<Vec<u8>>()?)
    })?;
    let root = found.ok_or_else(|| {
        Failure::broken("there is no sealing key; make one with auth.make_sealing_key()")
    })?;
    remember(key_of(&root)?)
}

/// The key of that id, of which something was sealed earlier.
pub fn by_id(id: &str) -> Result<Rc<SealingKey>, Failure> {
    if let Some(found) = KNOWN.cloned().and_then(|known| known.get(id).cloned()) {
        return Ok(found);
    }
    if let Some(key) = from_file()?
        && key.id() == id
    {
        return Ok(key);
    }
    let found = Spi::connect(|client| {
        let rows = client.select(
            "select key from auth.sealing_keys where id = $1",
            Some(1),
            &[id.into()],
        )?;
        if rows.is_empty() {
            return Ok::<_, Failure>(None);
        }
        Ok(rows.first().get_one::<Vec<u8>>()?)
    })?;
    match found {
        Some(root) => remember(key_of(&root)?),
        None => Err(Failure::broken(format!(
            "the sealing key {id} is neither in fluxbase.sealing_key_file nor in auth.sealing_keys"
        ))),
    }
}

/// A new key in the table; later secrets are sealed with it.
#[pg_extern]
fn make_sealing_key() -> String {
    or_raise(make())
}

fn make() -> Result<String, Failure> {
    quiet::nested_statements();
    let root: [u8; 32] = owner::random()?;
    let key = key_of(&root)?;
    Spi::connect_mut(|client| {
        client.update(
            "insert into auth.sealing_keys (id, key) values ($1, $2)",
            None,
            &[key.id().as_str().into(), root.to_vec().into()],
        )?;
        Ok::<_, Failure>(())
    })?;
    Ok(key.id())
}

fn from_file() -> Result<Option<Rc<SealingKey>>, Failure> {
    // SAFETY: PostgreSQL's own variable of this setting: NULL or a C string.
    let path = unsafe {
        let value = *FILE.0.get();
        if value.is_null() {
            return Ok(None);
        }
        CStr::from_ptr(value).to_string_lossy().into_owned()
    };
    if path.is_empty() {
        return Ok(None);
    }
    let unusable = |why: &str| {
        Failure::broken(format!(
            "the file of fluxbase.sealing_key_file cannot be used: {why}"
        ))
    };
    let text = std::fs::read_to_string(&path).map_err(|error| unusable(&error.to_string()))?;
    let root =
        hexadecimal(text.trim()).ok_or_else(|| unusable("64 hexadecimal digits are needed"))?;
    remember(key_of(&root)?).map(Some)
}

fn hexadecimal(text: &str) -> Option<[u8; 32]> {
    // from_str_radix takes a sign for a digit's place.
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let bytes: Vec<u8> = text
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect::<Option<_>>()?;
    bytes.try_into().ok().filter(|_| text.len() == 64)
}

fn key_of(root: &[u8]) -> Result<SealingKey, Failure> {
    root.try_into()
        .ok()
        .and_then(SealingKey::new)
        .ok_or_else(|| Failure::broken("the sealing key cannot be used"))
}

fn remember(key: SealingKey) -> Result<Rc<SealingKey>, Failure> {
    let key = Rc::new(key);
    let mut known = KNOWN
        .cloned()
        .map_or_else(HashMap::new, |known| (*known).clone());
    known.insert(key.id(), Rc::clone(&key));
    KNOWN.set(Some(Rc::new(known)));
    Ok(key)
}

/// Compares two fingerprints in constant time; of different lengths they differ.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .fold(0u8, |difference, (a, b)| difference | (a ^ b))
            == 0
}
