//! Key pairs: making, rotating, signing.

use crate::backend::PerBackend;
use crate::error::{Failure, or_raise};
use crate::jsonb::JsonB;
use crate::{owner, quiet, stored};
use fluxbase_rules::issue::{ApiKeyRole, Common, api_key_payload};
use fluxbase_rules::{SigningKey, UnixSeconds};
use pgrx::datum::Interval;
use pgrx::prelude::*;
use std::rc::Rc;
use zeroize::Zeroizing;

/// Makes a key pair and retires the others. Declared SECURITY DEFINER with an empty search_path; EXECUTE
/// belongs to `fluxbase_admin`.
#[pg_extern]
fn rotate_signing_key() -> String {
    or_raise(rotate())
}

fn rotate() -> Result<String, Failure> {
    quiet::nested_statements();
    let key = loop {
        // One draw in 2^32 is no key.
        if let Some(key) = SigningKey::es256_from_random(&owner::random()?) {
            break key;
        }
    };
    let kid = key.kid().to_owned();
    Spi::connect_mut(|client| {
        // Two rotations at once would each retire only what they see.
        client.update(
            "lock table auth.signing_keys in share row exclusive mode",
            None,
            &[],
        )?;
        // Settings are read straight from the table: the extension's own functions are not all there yet
        // when the install script makes the first pair.
        let lifetime = longest_token_seconds(client)?;
        client.update(
            "update auth.signing_keys set retired_at = pg_catalog.clock_timestamp(), \
             verify_until = greatest(longest_token_until, \
               pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $1)) \
             where retired_at is null",
            None,
            &[(lifetime as f64).into()],
        )?;
        client.update(
            "insert into auth.signing_keys (kid, private_key, public_jwk) values ($1, $2, $3)",
            None,
            &[
                kid.as_str().into(),
                key.to_pkcs8().to_vec().into(),
                JsonB(key.public_jwk()).into(),
            ],
        )?;
        Ok::<_, Failure>(())
    })?;
    Ok(kid)
}

/// How long a token signed now can live: no key may stop verifying before.
fn longest_token_seconds(client: &pgrx::spi::SpiClient<'_>) -> Result<i64, Failure> {
    let mut rows = Vec::new();
    for row in client.select("select key, value from auth.settings", None, &[])? {
        rows.push((
            row.get::<String>(1)?.unwrap_or_default(),
            row.get::<String>(2)?.unwrap_or_default(),
        ));
    }
    let settings = fluxbase_rules::settings::Settings::from_rows(
        rows.iter()
            .map(|(key, value)| (key.as_str(), value.as_str())),
    )
    .map_err(|error| Failure::broken(format!("auth.settings: {error}")))?;
    Ok(settings
        .access_token_seconds
        .max(settings.refresh_token_seconds)
        + settings.jwt_leeway_seconds)
}

/// The last one, and of which generation of what is stored: reading it from the table and making a key of its bytes takes
/// longer than signing.
static LAST: PerBackend<Option<(u64, Rc<SigningKey>)>> = PerBackend::new(None);

/// The pair that signs now. For functions that run as the owner.
pub fn signing_key() -> Result<Rc<SigningKey>, Failure> {
    // A password was hashed perhaps since the last look.
    stored::catch_up();
    let generation = stored::stored()?.generation;
    if let Some((_, last)) = LAST.cloned().filter(|(of, _)| *of == generation) {
        return Ok(last);
    }
    let private = Spi::connect(|client| {
        let found = client.select(
            "select private_key from auth.signing_keys where retired_at is null order by created_at desc limit 1",
            Some(1),
            &[],
        )?;
        if found.is_empty() {
            return Ok::<_, Failure>(None);
        }
        Ok(found.first().get_one::<Vec<u8>>()?)
    })?;
    let private = private.ok_or_else(|| {
        Failure::broken("there is no signing key; make one with auth.rotate_signing_key()")
    })?;
    let private = Zeroizing::new(private);
    let key = SigningKey::from_pkcs8(&private)
        .map_err(|error| Failure::broken(format!("auth.signing_keys: {error}")))?;
    let key = Rc::new(key);
    LAST.set(Some((generation, Rc::clone(&key))));
    Ok(key)
}

/// An API key for `anon` or `service_role`.
#[pg_extern]
fn mint_key(role: &str, valid_for: Interval) -> String {
    or_raise(mint(role, valid_for))
}

fn mint(role: &str, valid_for: Interval) -> Result<String, Failure> {
    let role = ApiKeyRole::from_name(role).ok_or_else(|| {
        Failure::new(
            *b"22023",
            "a key can be minted for anon or service_role only",
        )
        .hint("Users get their tokens from auth.sign_in().")
    })?;
    stored::catch_up();
    let stored = stored::stored()?;
    let now = owner::now();
    let lifetime = seconds(valid_for);
    let token_id = fluxbase_rules::uuid::v7(now, owner::random()?);
    let common = Common {
        issuer: &stored.settings.jwt_issuer,
        audience: &stored.settings.jwt_audience,
        token_id,
        now,
        lifetime_seconds: lifetime,
    };
    let payload = api_key_payload(&common, role)
        .map_err(|error| Failure::new(*b"22023", error.to_string()))?;
    let key = signing_key()?;
    let token = key
        .sign(&payload)
        .map_err(|error| Failure::broken(error.to_string()))?;
    Spi::connect_mut(|client| {
        client.update(
            "update auth.signing_keys set longest_token_until = greatest(longest_token_until, pg_catalog.to_timestamp($2)) where kid = $1",
            None,
            &[key.kid().into(), ((now + lifetime) as f64).into()],
        )?;
        Ok::<_, Failure>(())
    })?;
    Ok(token)
}

/// A month counts thirty days and a year twelve months, as PostgreSQL's own epoch of an interval nearly does.
fn seconds(interval: Interval) -> UnixSeconds {
    let days = i64::from(interval.months()) * 30 + i64::from(interval.days());
    days * 86_400 + interval.micros() / 1_000_000
}
