//! Acts on one account at the same moment wait for each other, and never in a circle: nobody is refused because somebody
//! else was signing in.

use crate::acts::{configure, count};
use fluxbase_tests::fixture::{Database, Fixture, PASSWORD};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::types::ToSql;
use postgres::{Client, Error};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("lock_order::{name}"), move || {
            body(&fixture.database());
        }));
    };
    add(
        "a_deletion_beside_everything_else_is_no_deadlock",
        beside_everything,
    );
    add(
        "the_mailer_waits_for_nobody_who_is_being_deleted",
        passed_over,
    );
    add(
        "a_new_link_is_not_sent_while_the_old_one_is_being_used",
        old_link,
    );
    trials
}

/// So few that they meet all the time.
const USERS: u64 = 6;
const FOR: Duration = Duration::from_secs(6);

type Act = fn(&Meeting<'_>, &mut Client) -> Result<Value, Error>;

/// Name, login, and what it does over and over.
const ACTS: &[(&str, &str, Act)] = &[
    ("delete", "postgres", delete),
    ("revoke", "postgres", |m, client| {
        std::thread::sleep(Duration::from_millis(10));
        m.administer(client, "admin_revoke_user")
    }),
    ("revoke all", "postgres", |_, client| {
        std::thread::sleep(Duration::from_millis(400));
        Ok(client
            .query_one("select auth.revoke_everything()", &[])?
            .get(0))
    }),
    ("lock", "postgres", lock),
    ("sign in", "fluxbase_app", sign_in),
    ("sign in", "fluxbase_app", sign_in),
    ("refresh", "fluxbase_app", refresh),
    ("refresh", "fluxbase_app", refresh),
    ("sign out", "fluxbase_app", |m, client| {
        m.entered(client, "select auth.sign_out()")
    }),
    ("other sessions", "fluxbase_app", |m, client| {
        m.entered(client, "select auth.revoke_other_sessions()")
    }),
    ("password", "fluxbase_app", password),
    ("set up", "fluxbase_app", set_up),
    ("ask for mail", "postgres", ask_for_mail),
    ("take mail", "fluxbase_mailer", take_mail),
    ("reset", "fluxbase_app", reset),
];

/// What one act hands to another, and how each ended.
struct Meeting<'a> {
    database: &'a Database,
    began: Instant,
    seed: AtomicU64,
    refresh_tokens: Mutex<Vec<String>>,
    access_tokens: Mutex<Vec<String>>,
    challenges: Mutex<Vec<String>>,
    links: Mutex<Vec<String>>,
    ended: Mutex<BTreeMap<(&'static str, String), u64>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Meeting<'_> {
    /// Some number below `below`; which does not matter, only that they differ.
    fn some(&self, below: u64) -> u64 {
        let next = self
            .seed
            .fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        ((next ^ (next >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33) % below.max(1)
    }

    fn email(&self) -> String {
        format!("u{}@example.com", self.some(USERS))
    }

    /// One of the newest.
    fn one_of(&self, tokens: &Mutex<Vec<String>>) -> String {
        let tokens = held(tokens);
        let newest = tokens.len().min(16) as u64;
        let back = usize::try_from(self.some(newest)).unwrap_or(0);
        let found = tokens.iter().rev().nth(back);
        found.cloned().unwrap_or_default()
    }

    /// Does it again and again, and counts how it ended.
    fn repeat(&self, name: &'static str, login: &str, act: Act) {
        let cluster = &self.database.fixture.cluster;
        let mut client = cluster.connect(login, &self.database.name);
        while self.began.elapsed() < FOR {
            let outcome = match act(self, &mut client) {
                Ok(reply) => match reply.get("code").and_then(Value::as_str) {
                    Some(code) => code.to_owned(),
                    None => "done".to_owned(),
                },
                Err(error) => match error.code() {
                    Some(state) => state.code().to_owned(),
                    None => panic!("{name}: {error:?}"),
                },
            };
            *held(&self.ended).entry((name, outcome)).or_default() += 1;
        }
    }

    fn keep(&self, reply: &Value) {
        for (pointer, kept) in [
            ("/access_token", &self.access_tokens),
            ("/refresh_token", &self.refresh_tokens),
            ("/mfa_token", &self.challenges),
        ] {
            if let Some(token) = reply.pointer(pointer).and_then(Value::as_str) {
                // A challenge is shown as an access token too.
                if !(pointer == "/access_token" && token.starts_with("mfa_")) {
                    held(kept).push(token.to_owned());
                }
            }
        }
    }

    /// As somebody who has signed in.
    fn entered(&self, client: &mut Client, call: &str) -> Result<Value, Error> {
        let token = self.one_of(&self.access_tokens);
        entered(client, &token, call, &[])
    }

    /// By somebody who works in SQL, on one of the users.
    fn administer(&self, client: &mut Client, act: &str) -> Result<Value, Error> {
        let sql = format!(
            "select coalesce((select auth.{act}(u.id) from auth.users u where u.email = $1), '{{\"code\": \"nobody\"}}')"
        );
        Ok(client.query_one(&sql, &[&self.email()])?.get(0))
    }
}

fn entered(
    client: &mut Client,
    token: &str,
    call: &str,
    given: &[&(dyn ToSql + Sync)],
) -> Result<Value, Error> {
    let mut transaction = client.transaction()?;
    transaction.execute("select auth.enter($1)", &[&token])?;
    let reply = transaction.query_one(call, given)?.get(0);
    transaction.commit()?;
    Ok(reply)
}

fn person(client: &mut Client, email: &str) -> Result<u64, Error> {
    // Every third must set up a second factor, and waits with a challenge.
    client.execute(
        "insert into auth.users (email, password_hash, email_verified, role) \
         select $1, o.password_hash, true, case when $1 ~ '^u[036]@' then 'admin' else 'authenticated' end \
         from auth.users o where o.email = 'ann@example.com' on conflict do nothing",
        &[&email],
    )
}

fn delete(m: &Meeting<'_>, client: &mut Client) -> Result<Value, Error> {
    let reply = m.administer(client, "admin_delete_user")?;
    for number in 0..USERS {
        person(client, &format!("u{number}@example.com"))?;
    }
    std::thread::sleep(Duration::from_millis(20));
    Ok(reply)
}

fn lock(m: &Meeting<'_>, client: &mut Client) -> Result<Value, Error> {
    let reply = m.administer(client, "admin_lock_user")?;
    for number in 0..USERS {
        let unlock = "select auth.admin_unlock_user(u.id) from auth.users u where u.email = $1";
        client.query(unlock, &[&format!("u{number}@example.com")])?;
    }
    std::thread::sleep(Duration::from_millis(20));
    Ok(reply)
}

fn sign_in(m: &Meeting<'_>, client: &mut Client) -> Result<Value, Error> {
    let context = json!({"replaces": m.one_of(&m.refresh_tokens)});
    let call = "select auth.sign_in($1, $2, $3)";
    let row = client.query_one(call, &[&m.email(), &PASSWORD, &context])?;
    let reply: Value = row.get(0);
    m.keep(&reply);
    Ok(reply)
}

fn refresh(m: &Meeting<'_>, client: &mut Client) -> Result<Value, Error> {
    let token = m.one_of(&m.refresh_tokens);
    let row = client.query_one("select auth.refresh($1)", &[&token])?;
    let reply: Value = row.get(0);
    m.keep(&reply);
    Ok(reply)
}

/// With a nonce and with the old password.
fn password(m: &Meeting<'_>, client: &mut Client) -> Result<Value, Error> {
    let signed_in = sign_in(m, client)?;
    // Not one who must set up a second factor first.
    let token = signed_in["access_token"].as_str();
    let Some(token) = token.filter(|token| !token.starts_with("mfa_")) else {
        return Ok(signed_in);
    };
    let proof = entered(client, token, "select auth.reauthenticate()", &[])?;
    let change = json!({"password": PASSWORD, "nonce": proof["nonce"]});
    entered(client, token, "select auth.update_user($1)", &[&change])?;
    let change = json!({"password": PASSWORD, "current_password": PASSWORD});
    entered(client, token, "select auth.update_user($1)", &[&change])
}

fn set_up(m: &Meeting<'_>, client: &mut Client) -> Result<Value, Error> {
    let context = json!({"mfa_token": m.one_of(&m.challenges)});
    let call = "select auth.totp_setup(null, $1)";
    Ok(client.query_one(call, &[&context])?.get(0))
}

/// Without the minute between two of them.
fn ask_for_mail(m: &Meeting<'_>, client: &mut Client) -> Result<Value, Error> {
    client.execute(
        "insert into auth.one_time_tokens (kind, user_id, email, expires_at, mail_due_at) \
         select 'password_reset', case when n = 1 then u.id end, u.email, now() + interval '1 hour', now() \
         from (select o.id, o.email from auth.users o where o.email = $1 for key share) u, generate_series(1, 2) n where true \
           and (select count(*) from auth.one_time_tokens t where t.email = u.email and t.used_at is null) < 20",
        &[&m.email()],
    )?;
    Ok(json!({}))
}

fn take_mail(m: &Meeting<'_>, client: &mut Client) -> Result<Value, Error> {
    for row in client.query("select auth.take_mail(10)", &[])? {
        let mail: Value = row.get(0);
        if let Some(token) = mail["token"].as_str() {
            held(&m.links).push(token.to_owned());
        }
        let id = mail["id"].as_str().unwrap_or_default().to_owned();
        client.execute("select auth.mail_sent($1::text::uuid)", &[&id])?;
    }
    Ok(json!({}))
}

fn reset(m: &Meeting<'_>, client: &mut Client) -> Result<Value, Error> {
    let link = m.one_of(&m.links);
    let call = "select auth.reset_password($1, $2)";
    let reply: Value = client.query_one(call, &[&link, &PASSWORD])?.get(0);
    m.keep(&reply);
    Ok(reply)
}

fn beside_everything(database: &Database) {
    let mut superuser = database.superuser();
    configure(database, "require_2fa_for_admins", "true");
    configure(database, "lockout_type", "none");
    // A circle is noticed at once.
    superuser
        .batch_execute(&format!(
            "alter database {} set deadlock_timeout = '20ms'",
            database.name
        ))
        .expect("altered");
    for number in 0..USERS {
        person(&mut superuser, &format!("u{number}@example.com")).expect("a user");
    }
    let meeting = Meeting {
        database,
        began: Instant::now(),
        seed: AtomicU64::new(1),
        refresh_tokens: Mutex::default(),
        access_tokens: Mutex::default(),
        challenges: Mutex::default(),
        links: Mutex::default(),
        ended: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for (name, login, act) in ACTS {
            let meeting = &meeting;
            scope.spawn(move || meeting.repeat(name, login, *act));
        }
    });
    let ended = held(&meeting.ended).clone();
    let circles: Vec<_> = ended
        .iter()
        .filter(|((_, how), _)| how.starts_with("40"))
        .collect();
    assert!(circles.is_empty(), "{circles:?} of {ended:?}");
    // All of it took place, and what was refused was refused for its own sake.
    for name in [
        "delete",
        "revoke",
        "revoke all",
        "lock",
        "sign in",
        "refresh",
        "sign out",
        "other sessions",
        "password",
        "set up",
        "take mail",
        "reset",
    ] {
        let done = ended.get(&(name, "done".to_owned()));
        assert!(done.is_some_and(|times| *times >= 3), "{name}: {ended:?}");
    }
    let sql: Vec<_> = ended
        .keys()
        .filter(|(_, how)| how.len() == 5 && how.as_bytes().iter().any(u8::is_ascii_digit))
        .filter(|(_, how)| !["FX001", "FX003"].contains(&how.as_str()))
        .collect();
    assert!(sql.is_empty(), "{sql:?} of {ended:?}");
    assert_eq!(
        count(
            database,
            "select count(*) from auth.sessions s where not exists (select from auth.users u where u.id = s.user_id)"
        ),
        0
    );
}

/// A mail of this kind that waits, to somebody who is known by the address alone.
fn waiting(client: &mut Client, email: &str) {
    let sql = "insert into auth.one_time_tokens (kind, email, expires_at, mail_due_at) \
        values ('magic_link', $1, now() + interval '1 hour', now())";
    client.execute(sql, &[&email]).expect("a mail");
}

/// To whom the mailer is given mails now, with their tokens; it fails when it has to wait for somebody.
fn given(database: &Database) -> Vec<(String, String)> {
    let mut mailer = database.connect("fluxbase_mailer");
    mailer
        .batch_execute("set lock_timeout = '200ms'")
        .expect("set");
    let rows = mailer.query("select auth.take_mail(10)", &[]);
    let mails = rows.expect("taken").into_iter().map(|row| {
        let mail: Value = row.get(0);
        let text = |name: &str| mail[name].as_str().unwrap_or_default().to_owned();
        (text("to"), text("token"))
    });
    mails.collect()
}

/// Both the mails that are known to be the user's, and those of which nobody has looked whose they are.
fn passed_over(database: &Database) {
    let (ann, bob) = ("ann@example.com", "bob@example.com");
    let to = |mails: Vec<(String, String)>| -> Vec<String> {
        mails.into_iter().map(|(to, _)| to).collect()
    };
    let mut deleting = database.superuser();
    let mut superuser = database.superuser();
    let delete = "delete from auth.users where email = 'bob@example.com'";
    for known in [false, true] {
        superuser
            .batch_execute("delete from auth.one_time_tokens")
            .expect("deleted");
        waiting(&mut superuser, bob);
        waiting(&mut superuser, ann);
        if known {
            let find = "update auth.one_time_tokens t set user_id = u.id from auth.users u where u.email = t.email";
            superuser.batch_execute(find).expect("found");
        }
        let mut transaction = deleting.transaction().expect("begun");
        transaction
            .execute(
                "select from auth.users where email = $1 for update",
                &[&bob],
            )
            .expect("held");
        assert_eq!(to(given(database)), [ann], "known: {known}");
        // Its rows are not the mailer's, so the deletion waits for nobody either.
        transaction
            .batch_execute(&format!("set local lock_timeout = '200ms'; {delete}"))
            .expect("deleted");
        transaction.rollback().expect("rolled back");
        assert_eq!(to(given(database)), [bob], "known: {known}");
    }
    // And one that took place leaves nothing to send.
    superuser
        .batch_execute("delete from auth.one_time_tokens")
        .expect("deleted");
    waiting(&mut superuser, bob);
    superuser.batch_execute(delete).expect("deleted");
    assert_eq!(given(database), []);
}

/// Somebody asks for a second link and opens the first one: whichever comes first, one of them works.
fn old_link(database: &Database) {
    let ann = "ann@example.com";
    let mut superuser = database.superuser();
    let mut app = database.app();
    waiting(&mut superuser, ann);
    let old = given(database).remove(0).1;
    waiting(&mut superuser, ann);
    let mut using = database.superuser();
    let mut transaction = using.transaction().expect("begun");
    let held = "select from auth.one_time_tokens where token_hash is not null and used_at is null for update";
    assert_eq!(transaction.execute(held, &[]).expect("held"), 1);
    assert_eq!(given(database), []);
    transaction.rollback().expect("rolled back");
    let new = given(database).remove(0).1;
    let open = "select auth.sign_in_with_magic_link($1)";
    let mut opened =
        |token: &str| -> Value { app.query_one(open, &[&token]).expect("a reply").get(0) };
    assert_eq!(opened(&old)["code"], "TOKEN_USED");
    assert!(opened(&new)["access_token"].is_string());
}
