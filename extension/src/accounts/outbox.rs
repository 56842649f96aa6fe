//! What is sent by mail. An act makes a row; the token in it is made when the mailer takes the row, so that it is
//! written down nowhere but in the mail: the table keeps its hash.

use super::Stop;
use super::user::User;
use crate::error::{Failure, or_raise};
use crate::jsonb::JsonB;
use crate::kept::Kept;
use crate::{owner, sealing};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use fluxbase_rules::factor;
use pgrx::Uuid;
use pgrx::prelude::*;
use serde_json::{Value, json};

/// Two mails of a kind to one address are at least this far apart.
const PAUSE_SECONDS: f64 = 60.0;
/// And two warnings: whoever attacks an account must not be able to fill its owner's mailbox.
const WARNING_PAUSE_SECONDS: f64 = 86_400.0;

/// A mail of `kind` to whoever has `email`, one a minute. Nobody is looked for: asking must take the same time whether or
/// not the address is known, and a reference to a user is work. Whose it is, if anybody's, is found out by `take`.
pub fn queue(
    kind: &str,
    email: &str,
    redirect_to: Option<&str>,
    lifetime_seconds: i64,
) -> Result<(), Failure> {
    queue_apart(kind, email, redirect_to, lifetime_seconds, PAUSE_SECONDS)
}

/// Warns whoever has `email` of an attack, once a day at most. As with `queue`, an address that nobody has costs the same.
pub fn warn(kind: &str, email: &str) -> Result<(), Failure> {
    queue_apart(kind, email, None, 86_400, WARNING_PAUSE_SECONDS)
}

fn queue_apart(
    kind: &str,
    email: &str,
    redirect_to: Option<&str>,
    lifetime_seconds: i64,
    pause_seconds: f64,
) -> Result<(), Failure> {
    Spi::connect_mut(|client| {
        // One at a time for an address: of many who ask at once each would see that nobody had.
        client.update(
            Kept("select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('fluxbase mail'), pg_catalog.hashtext($1))"),
            None,
            &[format!("{kind} {email}").into()],
        )?;
        client.update(
            Kept("insert into auth.one_time_tokens (kind, email, redirect_to, expires_at, mail_due_at) \
             select $1, $2, $3, pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $4), \
               case when not exists ( \
                 select from auth.one_time_tokens o where o.email = $2 and o.kind = $1 and o.mail_attempts + (o.mail_due_at is not null)::int > 0 \
                   and o.created_at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $5)) \
               then pg_catalog.clock_timestamp() end"),
            None,
            &[
                kind.into(),
                email.into(),
                redirect_to.into(),
                (lifetime_seconds as f64).into(),
                pause_seconds.into(),
            ],
        )?;
        sweep(client)
    })
}

/// Finds out whose mails are that `queue` made a row for, until `most` are somebody's. What is nobody's, or no mail for
/// a user like this one, is done with, and leaves the trace of a mail: the next one waits for its minute either way.
fn find_owners(client: &mut pgrx::spi::SpiClient<'_>, most: i32) -> Result<(), Failure> {
    let mut found = 0;
    while found < most {
        let rows = client.update(
            // The user is held against being deleted, so that the reference to it cannot fail. Whoever is just being
            // deleted, or given another address, is passed over: the mailer holds rows of many users and waits for nobody.
            Kept("with due as materialized ( \
               select o.id, u.id as user_id, k.id as held from auth.one_time_tokens o \
               left join auth.users u on u.email = o.email and u.disabled_at is null \
                 and not (o.kind = 'confirm_email' and u.email_verified) \
               left join lateral ( \
                 select h.id from auth.users h where h.id = u.id and h.email = o.email and h.disabled_at is null \
                   and not (o.kind = 'confirm_email' and h.email_verified) for key share skip locked) as k on true \
               where o.mail_due_at <= pg_catalog.clock_timestamp() and o.user_id is null and o.used_at is null \
               order by o.mail_due_at limit $1 for update of o skip locked) \
             update auth.one_time_tokens t set user_id = due.user_id, \
               mail_due_at = case when due.user_id is not null then t.mail_due_at end, \
               mail_attempts = t.mail_attempts + (due.user_id is null)::int, \
               used_at = case when due.user_id is null then pg_catalog.clock_timestamp() end \
             from due where t.id = due.id and (due.user_id is null or due.held is not null) returning t.user_id is not null"),
            None,
            &[most.into()],
        )?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            found += i32::from(row.get::<bool>(1)?.unwrap_or(false));
        }
    }
    Ok(())
}

/// As `queue`, for acts that lead nowhere else.
pub fn queue_for_address(kind: &str, email: &str, lifetime_seconds: i64) -> Result<(), Failure> {
    queue(kind, email, None, lifetime_seconds)
}

/// A mail to this user at this address, which need not be the user's own yet: of mails to addresses that somebody only
/// claims to have there is one a minute.
pub fn queue_for_user(
    kind: &str,
    user_id: [u8; 16],
    email: &str,
    lifetime_seconds: i64,
) -> Result<(), Failure> {
    Spi::connect_mut(|client| {
        client.update(
            Kept("insert into auth.one_time_tokens (kind, user_id, email, expires_at, mail_due_at) \
             select $1, $2, $3, pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $4), \
               case when $1 <> 'email_change' or not exists ( \
                 select from auth.one_time_tokens o where o.user_id = $2 and o.kind = $1 \
                   and o.created_at > pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $5)) \
               then pg_catalog.clock_timestamp() end"),
            None,
            &[
                kind.into(),
                Uuid::from_bytes(user_id).into(),
                email.into(),
                (lifetime_seconds as f64).into(),
                PAUSE_SECONDS.into(),
            ],
        )?;
        sweep(client)
    })
}

/// Tells the user of a change to the account, where there is an address to tell it to.
pub fn notice(kind: &str, user: &User) -> Result<(), Failure> {
    match &user.email {
        Some(email) => queue_for_user(kind, user.id, email, 86_400),
        None => Ok(()),
    }
}

/// A token that is not mailed but handed to somebody who has shown to be the user.
pub fn hand_out(kind: &str, user: &User, lifetime_seconds: i64) -> Result<String, Stop> {
    let (token, hash) = new_token()?;
    Spi::connect_mut(|client| {
        client.update(
            Kept("insert into auth.one_time_tokens (kind, user_id, email, token_hash, expires_at) \
             values ($1, $2, $3, $4, pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $5))"),
            None,
            &[
                kind.into(),
                Uuid::from_bytes(user.id).into(),
                user.email.as_deref().unwrap_or_default().into(),
                hash.to_vec().into(),
                (lifetime_seconds as f64).into(),
            ],
        )?;
        Ok::<_, Failure>(())
    })?;
    Ok(token)
}

/// What of a user's mail is voided.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Void {
    /// What lets whoever reads it into the account, or gives the account another address.
    WaysIn,
    /// And what says that an address is the user's.
    AllLinks,
}

/// Links and codes of these kinds work no more, and those that wait are not sent.
pub fn void(client: &mut pgrx::spi::SpiClient<'_>, user: &User, what: Void) -> Result<(), Failure> {
    client.update(
        Kept("select auth.void_mail($1, $2, $3)"),
        None,
        &[
            Uuid::from_bytes(user.id).into(),
            user.email.as_deref().into(),
            (what == Void::AllLinks).into(),
        ],
    )?;
    Ok(())
}

/// now() and not clock_timestamp(), for which no index would be of use, as in `attempts::sweep`.
fn sweep(client: &mut pgrx::spi::SpiClient<'_>) -> Result<(), Failure> {
    client.update(
        Kept("delete from auth.one_time_tokens t where t.ctid = any (array( \
           select o.ctid from auth.one_time_tokens o where o.expires_at < pg_catalog.now() - interval '1 day' \
           order by o.expires_at limit 8 for update skip locked))"),
        None,
        &[],
    )?;
    Ok(())
}

/// 256 random bits as text, and their hash.
pub fn new_token() -> Result<(String, [u8; 32]), Failure> {
    let random: [u8; 32] = owner::random()?;
    let token = URL_SAFE_NO_PAD.encode(random);
    let hash = super::session::sha256(&token)?;
    Ok((token, hash))
}

/// What stands in the table for a code: bound to its row, and of no use without the sealing key.
pub fn code_hash(row: Uuid, code: &str) -> Result<[u8; 32], Failure> {
    let context = format!("email code:{row}");
    Ok(sealing::current()?.mac(&context, code.as_bytes()))
}

/// Rows that are due, at most `most`, each with a fresh token: the mailer's door. A row that is not reported within a
/// minute is given out again, and its earlier token is void.
#[pg_extern]
fn take_mail_batch(most: i32) -> JsonB {
    JsonB(Value::Array(or_raise(take(most))))
}

fn take(most: i32) -> Result<Vec<Value>, Failure> {
    super::begin();
    let most = most.clamp(0, 100);
    let due = Spi::connect_mut(|client| {
        find_owners(client, most)?;
        let rows = client.update(
            // The user first here too: to change a row twice in one transaction makes PostgreSQL look for the user again.
            Kept("with due as materialized ( \
               select o.id from auth.one_time_tokens o, \
                 lateral (select u.id from auth.users u where u.id = o.user_id for key share skip locked) as held \
               where o.mail_due_at <= pg_catalog.clock_timestamp() and o.expires_at > pg_catalog.clock_timestamp() \
                 and o.used_at is null order by o.mail_due_at limit $1 for update of o skip locked) \
             update auth.one_time_tokens t set mail_attempts = t.mail_attempts + 1, \
               mail_due_at = pg_catalog.clock_timestamp() + interval '1 minute' \
             from due where t.id = due.id \
             returning t.id, t.kind, t.email, t.redirect_to, t.mail_attempts, \
               pg_catalog.ceil(extract(epoch from t.expires_at - pg_catalog.clock_timestamp()) / 60)::int"),
            None,
            &[most.into()],
        )?;
        let mut due = Vec::new();
        for row in rows {
            due.push((
                row.get::<Uuid>(1)?
                    .unwrap_or_else(|| Uuid::from_bytes([0; 16])),
                row.get::<String>(2)?.unwrap_or_default(),
                row.get::<String>(3)?.unwrap_or_default(),
                row.get::<String>(4)?,
                row.get::<i32>(5)?,
                row.get::<i32>(6)?,
            ));
        }
        // Nobody waits for these any more.
        client.update(
            Kept("update auth.one_time_tokens t set mail_due_at = null where t.ctid = any (array( \
               select o.ctid from auth.one_time_tokens o where o.mail_due_at is not null \
                 and (o.expires_at <= pg_catalog.clock_timestamp() or o.used_at is not null) for update skip locked))"),
            None,
            &[],
        )?;
        Ok::<_, Failure>(due)
    })?;
    let mut mails = Vec::new();
    for (id, kind, email, redirect_to, attempt, minutes) in due {
        if !kind.starts_with("notice_") && !void_older(id)? {
            continue;
        }
        let (mut token, mut code) = (None, None);
        let hash = match kind.as_str() {
            "email_otp" => {
                let typed = factor::email_code(&owner::random()?);
                let hash = code_hash(id, &typed)?;
                code = Some(typed);
                Some(hash)
            }
            notice if notice.starts_with("notice_") => None,
            _ => {
                let (made, hash) = new_token()?;
                token = Some(made);
                Some(hash)
            }
        };
        if let Some(hash) = hash {
            Spi::connect_mut(|client| {
                client.update(
                    Kept("update auth.one_time_tokens set token_hash = $2 where id = $1"),
                    None,
                    &[id.into(), hash.to_vec().into()],
                )?;
                Ok::<_, Failure>(())
            })?;
        }
        mails.push(json!({
            "id": id.to_string(), "kind": kind, "to": email, "token": token, "code": code,
            "redirect_to": redirect_to, "minutes": minutes, "attempt": attempt,
        }));
    }
    Ok(mails)
}

/// The newest mail of a kind is the one that works; two users may want the same address. When somebody is just using an
/// older one, that decides what becomes of them all: this mail is then left for a little later, and it is `false`.
fn void_older(id: Uuid) -> Result<bool, Failure> {
    Spi::connect_mut(|client| {
        let rows = client.update(
            Kept("with older as materialized ( \
               select t.id from auth.one_time_tokens o join auth.one_time_tokens t \
                 on t.email = o.email and t.kind = o.kind and t.id <> o.id and t.used_at is null \
                 and t.user_id is not distinct from o.user_id and t.created_at < o.created_at \
               where o.id = $1), \
             held as materialized ( \
               select t.id from auth.one_time_tokens t where t.id in (select older.id from older) and t.used_at is null \
               for update skip locked), \
             outcome as materialized ( \
               select (select pg_catalog.count(*) from older) = (select pg_catalog.count(*) from held) as all_held), \
             voided as ( \
               update auth.one_time_tokens t set used_at = pg_catalog.clock_timestamp(), mail_due_at = null \
               from held, outcome where t.id = held.id and outcome.all_held), \
             put_off as ( \
               update auth.one_time_tokens t set mail_due_at = pg_catalog.clock_timestamp(), mail_attempts = t.mail_attempts - 1 \
               from outcome where t.id = $1 and not outcome.all_held) \
             select outcome.all_held from outcome"),
            None,
            &[id.into()],
        )?;
        Ok(rows.first().get_one::<bool>()?.unwrap_or(false))
    })
}
