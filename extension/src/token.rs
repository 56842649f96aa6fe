//! `auth.enter(token)`: verify, judge, ask whether the session lives, seal.
//!
//! Verifying is remembered per backend, judging is not: the time and the session are looked at on every use.
//! A signature costs 50 µs to verify and the payload some more to parse; a token seen before costs one
//! SHA-256 and a look-up.

use crate::accounts::factor_challenge::CHALLENGE_PREFIX;
use crate::backend::{self, PerBackend};
use crate::error::{Failure, or_raise};
use crate::identity::Identity;
use crate::lookup::Key;
use crate::stored::{self, Stored};
use crate::{api_key, leftovers, lookup, owner, revocations, seal};
use fluxbase_rules::{
    Claims, DatabaseRole, SignedClaims, UnixSeconds, UnverifiedToken, token::fingerprint,
};
use pgrx::prelude::*;
use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

/// A token whose signature held under the keys of one generation.
struct Verified {
    claims: SignedClaims,
    identity: Rc<Identity>,
    keys_generation: u64,
    /// Until when nothing ends it but a change, and the generations that was learned in.
    session: Cell<Option<((u64, u64), UnixSeconds)>>,
}

/// Verified tokens in two halves: when the young half is full it becomes the old one, and the old one is
/// dropped. That bounds the memory (about 1.5 kB a token) and keeps what is in use, without a list to maintain.
#[derive(Default)]
struct Seen {
    young: HashMap<[u8; 32], Rc<Verified>>,
    old: HashMap<[u8; 32], Rc<Verified>>,
}

const HALF: usize = 512;

impl Seen {
    fn get(&mut self, key: &[u8; 32]) -> Option<Rc<Verified>> {
        if let Some(found) = self.young.get(key) {
            return Some(Rc::clone(found));
        }
        let found = self.old.remove(key)?;
        self.put(*key, Rc::clone(&found));
        Some(found)
    }

    fn put(&mut self, key: [u8; 32], verified: Rc<Verified>) {
        if self.young.len() >= HALF {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, verified);
    }
}

static SEEN: PerBackend<Option<Seen>> = PerBackend::new(None);

#[pg_extern]
fn enter(token: &str) {
    or_raise(enter_with(token, None));
}

/// As `enter`, where the caller says what for: a key must have that scope.
#[pg_extern]
fn enter_for(token: &str, scope: &str) {
    or_raise(enter_with(token, Some(scope)));
}

#[pg_extern]
fn enter_anonymous() {
    or_raise(enter_as_anonymous());
}

fn enter_with(token: &str, scope: Option<&str>) -> Result<(), Failure> {
    seal::require_can_enter()?;
    backend::settle_in();
    leftovers::clear();
    stored::catch_up();
    let stored = stored::stored()?;
    if token.starts_with(CHALLENGE_PREFIX) {
        return Err(Failure::factor_needed());
    }
    if api_key::is_one(token) {
        return api_key::enter(token, scope, &stored);
    }
    let verified = verified(token, &stored)?;
    let now = owner::now();
    let claims = verified.claims.judge(now, &stored.expected)?;
    require_live_session(&verified, claims, now)?;
    seal::become_identity(Rc::clone(&verified.identity), claims.database_role())
}

fn enter_as_anonymous() -> Result<(), Failure> {
    static NOBODY: PerBackend<Option<Rc<Identity>>> = PerBackend::new(None);
    seal::require_can_enter()?;
    backend::settle_in();
    leftovers::clear();
    let nobody = match NOBODY.cloned() {
        Some(nobody) => nobody,
        None => {
            let nobody = Rc::new(Identity::new(&Claims::from_trusted_json(
                r#"{"role":"anon"}"#,
            )?));
            NOBODY.set(Some(Rc::clone(&nobody)));
            nobody
        }
    };
    seal::become_identity(nobody, DatabaseRole::Anon)
}

fn verified(token: &str, stored: &Stored) -> Result<Rc<Verified>, Failure> {
    let mut seen = SEEN.replace(None).unwrap_or_default();
    let outcome = verified_in(&mut seen, token, stored);
    SEEN.set(Some(seen));
    outcome
}

fn verified_in(seen: &mut Seen, token: &str, stored: &Stored) -> Result<Rc<Verified>, Failure> {
    let key = fingerprint(token);
    if let Some(found) = key.as_ref().and_then(|key| seen.get(key))
        && found.keys_generation == stored.generation
    {
        return Ok(found);
    }
    let claims = UnverifiedToken::parse(token)?.verify(&stored.keys)?;
    // Judged before it is remembered: whoever holds old tokens must not be able to push out those in use.
    let identity = Rc::new(Identity::new(claims.judge(owner::now(), &stored.expected)?));
    let verified = Rc::new(Verified {
        claims,
        identity,
        keys_generation: stored.generation,
        session: Cell::new(None),
    });
    if let Some(key) = key {
        seen.put(key, Rc::clone(&verified));
    }
    Ok(verified)
}

/// A token that names a session is good while that session is, and while the session says what the token says. One
/// without (an API key, a token somebody else signed with the shared secret) is good unless it was revoked.
fn require_live_session(
    verified: &Verified,
    claims: &Claims,
    now: UnixSeconds,
) -> Result<(), Failure> {
    // Before the table is read: what ends meanwhile makes what is read void at once.
    let generation = (
        stored::sessions_generation(),
        claims
            .session_id
            .as_ref()
            .map_or(0, revocations::generation),
    );
    let ends = match verified.session.get() {
        // One that seems over may have been prolonged since, which nobody is told of.
        Some((learned, ends)) if learned == generation && ends > now => ends,
        _ => {
            let ends = match claims.session_id {
                Some(session_id) => session_end(session_id, claims)?,
                None => end_unless_revoked(claims)?,
            }
            .ok_or_else(Failure::session_over)?;
            verified.session.set(Some((generation, ends)));
            ends
        }
    };
    if ends > now {
        Ok(())
    } else {
        Err(Failure::session_over())
    }
}

fn session_end(session_id: [u8; 16], claims: &Claims) -> Result<Option<UnixSeconds>, Failure> {
    let found = lookup::row(
        c"sessions",
        c"sessions_pkey",
        Key::Uuid(&session_id),
        |row| {
            (
                row.uuid(c"user_id"),
                row.integer(c"epoch").map(i64::from),
                row.timestamp(c"expires_at"),
            )
        },
    )?;
    let Some((user_id, epoch, Some(ends))) = found else {
        return Ok(None);
    };
    if user_id != claims.sub || epoch != Some(claims.epoch) || is_revoked(claims)? {
        return Ok(None);
    }
    Ok(Some(owner::unix_seconds(ends)))
}

fn is_revoked(claims: &Claims) -> Result<bool, Failure> {
    let Some(jti) = &claims.jti else {
        return Ok(false);
    };
    let found = lookup::row(
        c"revoked_tokens",
        c"revoked_tokens_pkey",
        Key::Text(jti),
        |_| (),
    )?;
    Ok(found.is_some())
}

/// For ever, unless the token was revoked, alone or with all that were issued up to a moment. One that does not say when
/// it was issued counts as issued before.
fn end_unless_revoked(claims: &Claims) -> Result<Option<UnixSeconds>, Failure> {
    let user = claims.sub.map(|sub| fluxbase_rules::uuid::format(&sub));
    let everybody = if user.is_some() { "users" } else { "keys" };
    let issued = claims.issued_at.unwrap_or(0);
    for subject in user.as_deref().into_iter().chain([everybody]) {
        let before = lookup::row(
            c"revoked_before",
            c"revoked_before_pkey",
            Key::Text(subject),
            |row| row.timestamp(c"before"),
        )?;
        if before
            .flatten()
            .is_some_and(|before| owner::unix_seconds(before) >= issued)
        {
            return Ok(None);
        }
    }
    Ok((!is_revoked(claims)?).then_some(UnixSeconds::MAX))
}
