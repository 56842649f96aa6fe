//! Entering with a service key or a client key: found by its SHA-256, good while its row is, limited to its scopes.

use crate::accounts::session::sha256;
use crate::backend::PerBackend;
use crate::error::Failure;
use crate::identity::{self, Identity};
use crate::stored::{self, Stored};
use crate::{owner, seal};
use fluxbase_rules::{Claims, DatabaseRole, UnixSeconds, scopes};
use pgrx::prelude::*;
use serde_json::json;
use std::collections::HashMap;
use std::rc::Rc;

const SERVICE: &str = "sk_";
const CLIENT: &str = "fbk_";

pub fn is_one(token: &str) -> bool {
    token.starts_with(SERVICE) || token.starts_with(CLIENT)
}

/// A key as this backend remembers it. Nobody is told when a moment comes, so the end of its grace is its end.
struct Known {
    identity: Rc<Identity>,
    role: DatabaseRole,
    scopes: Vec<String>,
    expires_at: UnixSeconds,
    /// Generations of keys and settings, and of sessions, this was learned in.
    generations: (u64, u64),
}

type Keys = HashMap<[u8; 32], Rc<Known>>;
static KNOWN: PerBackend<Option<Rc<Keys>>> = PerBackend::new(None);
const MOST: usize = 256;

pub fn enter(key: &str, scope: Option<&str>, stored: &Stored) -> Result<(), Failure> {
    // Longer than any key: not worth a hash.
    if key.len() > 128 {
        return Err(Failure::key_over());
    }
    let known = known(key, stored)?;
    if known.expires_at <= owner::now() {
        return Err(Failure::key_over());
    }
    // In SQL nobody says what for, so it is judged by what can be done: reading, and writing.
    let needed = scope.unwrap_or("read:tables");
    if let Some(missing) = scopes::missing(&known.scopes, needed) {
        return Err(Failure::scope_missing(missing));
    }
    // Whoever says "for reading" is held to it.
    let for_reading = needed.split(' ').all(|scope| scope.starts_with("read:"));
    let may_write = ["write:tables", "execute:rpc"]
        .iter()
        .any(|scope| scopes::allow(&known.scopes, scope));
    if for_reading && !may_write {
        seal::become_read_only();
    }
    seal::become_identity(Rc::clone(&known.identity), known.role)
}

/// Whether a key has entered that may not do what `scope` names. Who entered with a token has no scopes and lacks none.
pub fn lacks(scope: &str) -> bool {
    identity::sealed().is_some_and(|who| who.scopes().is_some_and(|has| !scopes::allow(has, scope)))
}

fn known(key: &str, stored: &Stored) -> Result<Rc<Known>, Failure> {
    let hash = sha256(key)?;
    let generations = (stored.generation, stored::sessions_generation());
    let keys = KNOWN.cloned();
    if let Some(found) = keys.as_ref().and_then(|keys| keys.get(&hash))
        && found.generations == generations
    {
        return Ok(Rc::clone(found));
    }
    let known = Rc::new(if key.starts_with(SERVICE) {
        service(hash, generations)?
    } else {
        client(hash, generations)?
    });
    // Only keys that exist get here, so nobody can fill this from outside.
    let mut keys = keys.map_or_else(HashMap::new, |keys| (*keys).clone());
    if keys.len() >= MOST {
        keys.clear();
    }
    keys.insert(hash, Rc::clone(&known));
    KNOWN.set(Some(Rc::new(keys)));
    Ok(known)
}

struct Row {
    claims: serde_json::Value,
    scopes: Vec<String>,
    expires_at: Option<TimestampWithTimeZone>,
}

fn service(hash: [u8; 32], generations: (u64, u64)) -> Result<Known, Failure> {
    let row = owner::read(|client| {
        let rows = client.select(
            "select k.id, k.scopes, least(k.expires_at, k.revoked_at) from auth.service_keys k where k.key_hash operator(pg_catalog.=) $1 \
             and k.enabled and (k.revoked_at is null or k.revoked_at operator(pg_catalog.>) pg_catalog.clock_timestamp())",
            Some(1),
            &[hash.to_vec().into()],
        )?;
        if rows.is_empty() {
            return Ok(None);
        }
        let row = rows.first();
        let id = row.get::<pgrx::Uuid>(1)?.map(|id| id.to_string());
        let scopes = row.get::<Vec<String>>(2)?.unwrap_or_default();
        Ok(Some(Row {
            claims: json!({"role": "service_role", "key_id": id, "scopes": scopes}),
            scopes,
            expires_at: row.get(3)?,
        }))
    })?;
    remember(row, DatabaseRole::ServiceRole, generations)
}

/// The user's id and address, and never more than the role every user has: a key of an administrator administers nothing.
fn client(hash: [u8; 32], generations: (u64, u64)) -> Result<Known, Failure> {
    let row = owner::read(|client| {
        let rows = client.select(
            "select k.id, k.scopes, k.expires_at, u.id, u.email, u.user_metadata, u.app_metadata \
             from auth.client_keys k join auth.users u on u.id operator(pg_catalog.=) k.user_id \
             where k.key_hash operator(pg_catalog.=) $1 and k.revoked_at is null and u.disabled_at is null",
            Some(1),
            &[hash.to_vec().into()],
        )?;
        if rows.is_empty() {
            return Ok(None);
        }
        let row = rows.first();
        let text = |place| -> Result<Option<String>, Failure> {
            Ok(row.get::<pgrx::Uuid>(place)?.map(|id| id.to_string()))
        };
        let object = |place| -> Result<serde_json::Value, Failure> {
            Ok(row
                .get::<crate::jsonb::JsonB>(place)?
                .map_or_else(|| json!({}), |object| object.0))
        };
        let scopes = row.get::<Vec<String>>(2)?.unwrap_or_default();
        Ok(Some(Row {
            claims: json!({
                "sub": text(4)?, "user_id": text(4)?, "email": row.get::<String>(5)?.unwrap_or_default(),
                "role": "authenticated", "key_id": text(1)?, "scopes": scopes,
                "user_metadata": object(6)?, "app_metadata": object(7)?,
            }),
            scopes,
            expires_at: row.get(3)?,
        }))
    })?;
    remember(row, DatabaseRole::Authenticated, generations)
}

fn remember(
    row: Option<Row>,
    role: DatabaseRole,
    generations: (u64, u64),
) -> Result<Known, Failure> {
    let row = row.ok_or_else(Failure::key_over)?;
    let claims = Claims::from_trusted_json(&row.claims.to_string())?;
    Ok(Known {
        identity: Rc::new(Identity::of_key(&claims, row.scopes.clone())),
        role,
        scopes: row.scopes,
        expires_at: row
            .expires_at
            .map_or(UnixSeconds::MAX, |at| owner::unix_seconds(at.into_inner())),
        generations,
    })
}
