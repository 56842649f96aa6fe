//! Keys and settings as this backend remembers them, and when it must forget.
//!
//! Tables are the truth. A backend reads them once and remembers; statement triggers on them send a
//! relation-cache invalidation, which PostgreSQL delivers to every backend of the database (and of its
//! standbys) at commit. So nothing is read per request, and a change holds at the next statement everywhere,
//! without shared memory of our own.

use crate::backend::PerBackend;
use crate::error::{Failure, raise};
use crate::{lookup, owner, revocations};
use fluxbase_rules::{Expected, Keyring, settings::Settings};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::collections::HashMap;
use std::ffi::CStr;
use std::rc::Rc;

/// Everything needed to judge a token, but the sessions.
pub struct Stored {
    pub settings: Settings,
    /// The settings somebody set, as stored.
    pub configured: HashMap<String, String>,
    pub keys: Keyring,
    pub expected: Expected,
    /// Grows with every change of keys or settings; what was derived from an older one is void.
    pub generation: u64,
}

#[derive(Clone, Copy)]
struct Tables {
    settings: pg_sys::Oid,
    signing_keys: pg_sys::Oid,
    sessions: pg_sys::Oid,
    revoked_tokens: pg_sys::Oid,
    revoked_before: pg_sys::Oid,
    service_keys: pg_sys::Oid,
    client_keys: pg_sys::Oid,
}

static TABLES: PerBackend<Option<Tables>> = PerBackend::new(None);
static GENERATION: PerBackend<u64> = PerBackend::new(1);
static SESSIONS_GENERATION: PerBackend<u64> = PerBackend::new(1);
static REMEMBERED: PerBackend<Option<Rc<Stored>>> = PerBackend::new(None);
static REGISTERED: PerBackend<bool> = PerBackend::new(false);

/// Grows when a token or key was revoked anywhere; on a standby, when a session ended too.
pub fn sessions_generation() -> u64 {
    SESSIONS_GENERATION.get()
}

/// Takes in what other backends have committed since this transaction began.
pub fn catch_up() {
    // SAFETY: allowed anywhere inside a transaction; costs a comparison when there is nothing new.
    unsafe { pg_sys::AcceptInvalidationMessages() };
}

pub fn stored() -> Result<Rc<Stored>, Failure> {
    if let Some(remembered) = REMEMBERED.cloned()
        && remembered.generation == GENERATION.get()
    {
        return Ok(remembered);
    }
    if !REGISTERED.replace(true) {
        // SAFETY: a static function; registered once per backend.
        unsafe {
            pg_sys::CacheRegisterRelcacheCallback(Some(on_invalidation), pg_sys::Datum::null())
        };
    }
    TABLES.set(Some(Tables {
        settings: table(c"settings")?,
        signing_keys: table(c"signing_keys")?,
        sessions: table(c"sessions")?,
        revoked_tokens: table(c"revoked_tokens")?,
        revoked_before: table(c"revoked_before")?,
        service_keys: table(c"service_keys")?,
        client_keys: table(c"client_keys")?,
    }));
    // Before reading: a change that arrives meanwhile makes what is read here void at once.
    let generation = GENERATION.get();
    let stored = Rc::new(read(generation)?);
    REMEMBERED.set(Some(Rc::clone(&stored)));
    Ok(stored)
}

fn read(generation: u64) -> Result<Stored, Failure> {
    let mut keys = Keyring::new();
    let configured = owner::read(|client| {
        let mut configured = HashMap::new();
        for row in client.select("select key, value from auth.settings", None, &[])? {
            configured.insert(
                row.get::<String>(1)?.unwrap_or_default(),
                row.get::<String>(2)?.unwrap_or_default(),
            );
        }
        let jwks = client
            .select("select auth.jwks()::pg_catalog.text", None, &[])?
            .first()
            .get_one::<String>()?
            .unwrap_or_default();
        keys.add_jwks(&jwks)
            .map_err(|error| Failure::broken(format!("auth.signing_keys: {error}")))?;
        Ok(configured)
    })?;
    let settings = Settings::from_rows(
        configured
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str())),
    )
    .map_err(|error| Failure::broken(format!("auth.settings: {error}")))?;
    settings
        .push_secrets(&mut keys)
        .map_err(|error| Failure::broken(format!("auth.settings: {error}")))?;
    let expected = settings.expected();
    Ok(Stored {
        settings,
        configured,
        keys,
        expected,
        generation,
    })
}

fn table(name: &CStr) -> Result<pg_sys::Oid, Failure> {
    let oid = lookup::oid(c"auth", name);
    if oid == pg_sys::InvalidOid {
        return Err(Failure::broken(format!(
            "table auth.{} does not exist",
            name.to_string_lossy()
        )));
    }
    Ok(oid)
}

#[pg_guard]
unsafe extern "C-unwind" fn on_invalidation(_argument: pg_sys::Datum, relation: pg_sys::Oid) {
    let Some(tables) = TABLES.get() else { return };
    // An invalid oid means "everything", after more messages than a backend could take in.
    let everything = relation == pg_sys::InvalidOid;
    if everything || relation == tables.settings || relation == tables.signing_keys {
        GENERATION.set(GENERATION.get() + 1);
    }
    if relation == tables.sessions && !revocations::hears_by_log() {
        return;
    }
    let of_sessions = [
        tables.sessions,
        tables.revoked_tokens,
        tables.revoked_before,
        tables.service_keys,
        tables.client_keys,
    ];
    if everything || of_sessions.contains(&relation) {
        SESSIONS_GENERATION.set(SESSIONS_GENERATION.get() + 1);
    }
}

/// The statement trigger of those three tables: tells every backend to forget, at commit.
#[unsafe(no_mangle)]
pub extern "C" fn pg_finfo_forget_cached_wrapper() -> &'static pg_sys::Pg_finfo_record {
    &crate::claims::VERSION_1
}

#[unsafe(no_mangle)]
#[pg_guard]
pub unsafe extern "C-unwind" fn forget_cached_wrapper(
    fcinfo: pg_sys::FunctionCallInfo,
) -> pg_sys::Datum {
    // SAFETY: checked to be called as a trigger before the context is read as one.
    unsafe {
        let context = (*fcinfo).context;
        if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_TriggerData {
            raise(Failure::new(
                *b"39P01",
                "auth.forget_cached() is a trigger function",
            ));
        }
        let trigger = context.cast::<pg_sys::TriggerData>();
        pg_sys::CacheInvalidateRelcacheByRelid((*(*trigger).tg_relation).rd_id);
    }
    pg_sys::Datum::null()
}
