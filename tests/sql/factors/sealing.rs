//! What is stored of a factor cannot be used without the sealing key.

use super::{Test, challenge, forget_last_step, protect, verify_with};
use crate::acts::{act, count, state, superuser};
use crate::seal::{sqlstate, value};
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::{Account, Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub fn tests() -> Vec<Test> {
    vec![
        ("the_secret_is_readable_in_no_table", unreadable),
        ("a_sealed_secret_moved_to_another_user_opens_nothing", moved),
        ("a_new_sealing_key_leaves_old_factors_working", rotated),
        (
            "a_restored_dump_keeps_factors_and_backup_codes_working",
            restored,
        ),
    ]
}

/// Those that need a line in postgresql.conf, and a cluster of their own with it.
pub fn alone(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let cluster = Arc::clone(&fixture.cluster);
    let add = |name: &str, body: fn()| trial(&cluster, format!("factors_sealing::{name}"), body);
    vec![
        add(
            "without_the_key_file_an_old_factor_opens_nothing",
            without_file,
        ),
        add(
            "a_key_file_that_cannot_be_used_seals_nothing",
            unusable_file,
        ),
    ]
}

/// The bytes of a base32 text as PostgreSQL writes them.
fn hexadecimal(base32: &str) -> String {
    let bits: String = base32
        .chars()
        .map(|letter| {
            let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
                .find(letter)
                .expect("base32");
            format!("{value:05b}")
        })
        .collect();
    bits.as_bytes()
        .chunks_exact(8)
        .map(|byte| {
            let byte = std::str::from_utf8(byte).expect("digits");
            format!("{:02x}", u8::from_str_radix(byte, 2).expect("a byte"))
        })
        .collect()
}

/// Every row of every table of the database, as text.
fn everything(database: &Database) -> String {
    let mut superuser = database.superuser();
    let tables = "select string_agg(format('select %L || t::text as row from %s t', c.oid::regclass, c.oid::regclass), ' union all ') \
         from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'r' and n.nspname in ('auth', 'audit', 'public')";
    let tables = value(&mut superuser, tables)
        .expect("asked")
        .expect("tables");
    value(
        &mut superuser,
        &format!("select string_agg(row, E'\\n') from ({tables}) as rows"),
    )
    .expect("asked")
    .expect("rows")
    .to_lowercase()
}

fn unreadable(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let rows = everything(database);
    assert!(rows.contains("auth.totp_factors") && rows.contains(&ann.account.id));
    let bytes = hexadecimal(&ann.secret);
    assert_eq!(bytes.len(), 40);
    for shown in [ann.secret.to_lowercase(), bytes] {
        assert!(!rows.contains(&shown), "{shown}");
    }
    assert_eq!(
        count(
            database,
            "select count(*) from auth.totp_factors where octet_length(sealed_secret) = 1 + 12 + 20 + 16"
        ),
        1
    );
    // Setting up anew gives another secret under another nonce.
    let bob = protect(database, &database.fixture.bob);
    assert_ne!(ann.secret, bob.secret);
    for who in ["fluxbase_app", "plain", "trusty", "fluxbase_mailer"] {
        for table in [
            "totp_factors",
            "backup_codes",
            "sealing_keys",
            "challenges",
            "nonces",
        ] {
            let outcome = database
                .connect(who)
                .batch_execute(&format!("select from auth.{table}"));
            assert_eq!(
                sqlstate(&outcome).as_deref(),
                Some("42501"),
                "{who} {table}"
            );
        }
        let outcome = database
            .connect(who)
            .batch_execute("select auth.make_sealing_key()");
        assert_eq!(sqlstate(&outcome).as_deref(), Some("42501"), "{who}");
    }
}

/// Whoever may write into the table puts the own factor in the place of Ann's.
fn moved(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let bob = protect(database, &database.fixture.bob);
    superuser(
        database,
        &format!(
            "update auth.totp_factors a set sealed_secret = b.sealed_secret, key_id = b.key_id from auth.totp_factors b \
             where a.user_id = '{}' and b.user_id = '{}'",
            ann.account.id, bob.account.id
        ),
    );
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    assert_fails_closed(database, &ann.account.id, &bob.code(), &token);
}

fn rotated(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    superuser(database, "select auth.make_sealing_key()");
    let bob = protect(database, &database.fixture.bob);
    assert_eq!(
        count(
            database,
            "select count(distinct key_id) from auth.totp_factors"
        ),
        2
    );
    let mut app = database.app();
    for (who, email) in [(&ann, "ann@example.com"), (&bob, "bob@example.com")] {
        let token = challenge(&mut app, email);
        Account::from_reply(&verify_with(&mut app, who, &who.code(), &token));
        let token = challenge(&mut app, email);
        Account::from_reply(&verify_with(&mut app, who, &who.backup[0], &token));
    }
}

fn restored(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    Account::from_reply(&verify_with(&mut app, &ann, &ann.backup[0], &token));
    let to = database.fixture.empty_database();
    let file = std::env::temp_dir().join(format!(
        "fluxbase-tests-{}-{}.sql",
        std::process::id(),
        database.name
    ));
    let cluster = &database.fixture.cluster;
    let dump = cluster
        .program("pg_dump")
        .arg("--file")
        .arg(&file)
        .arg(&database.name)
        .output()
        .expect("runs");
    assert!(
        dump.status.success(),
        "{}",
        String::from_utf8_lossy(&dump.stderr)
    );
    let restore = cluster
        .program("psql")
        .args([
            "--no-psqlrc",
            "--quiet",
            "--set",
            "ON_ERROR_STOP=1",
            "--dbname",
            &to.name,
            "--file",
        ])
        .arg(&file)
        .output()
        .expect("runs");
    fs::remove_file(&file).expect("the dump was there");
    assert!(
        restore.status.success(),
        "{}",
        String::from_utf8_lossy(&restore.stderr)
    );
    let mut app = to.app();
    let token = challenge(&mut app, "ann@example.com");
    // Used before the dump.
    assert_eq!(
        verify_with(&mut app, &ann, &ann.backup[0], &token),
        super::bad()
    );
    Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &token));
    let token = challenge(&mut app, "ann@example.com");
    Account::from_reply(&verify_with(&mut app, &ann, &ann.backup[1], &token));
    // New ones can be set up as well.
    let bob = protect(&to, &database.fixture.bob);
    let token = challenge(&mut app, "bob@example.com");
    Account::from_reply(&verify_with(&mut app, &bob, &bob.code(), &token));
}

/// The right code cannot be told from a wrong one: an error, and no session.
#[track_caller]
fn assert_fails_closed(database: &Database, user_id: &str, code: &str, token: &str) {
    let mut app = database.app();
    let before = state(database);
    let outcome = app.query_one(
        "select auth.verify_factor($1::text::uuid, $2, $3)",
        &[&user_id, &code, &token],
    );
    assert_eq!(sqlstate(&outcome).as_deref(), Some("XX000"));
    assert_eq!(state(database), before);
}

fn key_file(digits: &str) -> PathBuf {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!(
        "fluxbase-tests-{}-{number}.key",
        std::process::id()
    ));
    fs::write(&path, digits).expect("written");
    // The server is another user.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("readable");
    path
}

fn with_key_file(path: &Path) -> (Arc<Cluster>, Arc<Fixture>) {
    let line = format!("fluxbase.sealing_key_file = '{}'", path.display());
    let cluster = Arc::new(Cluster::start(&line));
    (Arc::clone(&cluster), Arc::new(Fixture::new(cluster)))
}

fn without_file() {
    let path = key_file(&format!("{}\n", "5a".repeat(32)));
    let (cluster, fixture) = with_key_file(&path);
    let database = fixture.database();
    let ann = protect(&database, &fixture.ann);
    // Not one of those in the table, which is what a stolen dump has.
    assert_eq!(
        count(
            &database,
            "select count(*) from auth.totp_factors f where not exists (select from auth.sealing_keys k where k.id = f.key_id)"
        ),
        1
    );
    assert!(!everything(&database).contains("5a5a5a5a"));
    assert_eq!(
        count(
            &database,
            "select count(*) from auth.sealing_keys where key = decode(repeat('5a', 32), 'hex')"
        ),
        0
    );
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &token));
    forget_last_step(&database);
    for hidden in ["no file", "another key", "no file named"] {
        match hidden {
            "no file" => fs::remove_file(&path).expect("there"),
            "another key" => fs::write(&path, "5b".repeat(32)).expect("written"),
            _ => {
                superuser(&database, "alter system set fluxbase.sealing_key_file = ''");
                superuser(&database, "select pg_reload_conf()");
                std::thread::sleep(std::time::Duration::from_millis(300));
            }
        }
        // Each was counted as a guess: nobody knows whether it was one.
        superuser(&database, "delete from auth.login_attempts");
        let mut app = database.app();
        let token = challenge(&mut app, "ann@example.com");
        for code in [&ann.code(), &ann.backup[0]] {
            assert_fails_closed(&database, &ann.account.id, code, &token);
        }
        // Whoever has no factor signs in as ever.
        Account::from_reply(&act(
            &mut app,
            "auth.sign_in('bob@example.com', 'Correct-Horse-7-Battery')",
            &[],
        ));
    }
    superuser(&database, "alter system reset fluxbase.sealing_key_file");
    superuser(&database, "select pg_reload_conf()");
    std::thread::sleep(std::time::Duration::from_millis(300));
    fs::write(&path, "5a".repeat(32)).expect("written");
    superuser(&database, "delete from auth.login_attempts");
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &token));
    fs::remove_file(&path).expect("there");
    drop(database);
    drop(fixture);
    cluster.stop();
}

fn unusable_file() {
    let path = key_file("");
    let (cluster, fixture) = with_key_file(&path);
    let database = fixture.database();
    let before = state(&database);
    for content in [
        "",
        "not a key",
        &"5a".repeat(31),
        &"5a".repeat(33),
        &"zz".repeat(32),
        &"é".repeat(32),
        &"+5".repeat(32),
    ] {
        fs::write(&path, content).expect("written");
        let outcome = crate::acts::try_as(
            &mut database.app(),
            &fixture.ann.token,
            "auth.totp_setup()",
            &[],
        );
        assert_eq!(outcome, Err("XX000".to_owned()), "{content}");
    }
    assert_eq!(state(&database), before);
    // Nobody may look for files with it.
    for who in ["fluxbase_app", "plain", "trusty"] {
        let mut client = database.connect(who);
        for sql in [
            "set fluxbase.sealing_key_file = '/etc/passwd'",
            "show fluxbase.sealing_key_file",
        ] {
            assert!(client.batch_execute(sql).is_err(), "{who}: {sql}");
        }
    }
    fs::write(&path, "5A".repeat(32)).expect("written");
    protect(&database, &fixture.ann);
    fs::remove_file(&path).expect("there");
    drop(database);
    drop(fixture);
    cluster.stop();
}
