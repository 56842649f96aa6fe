//! Dump and restore: users keep their passwords, sessions and tokens; what was revoked or used stays so.

use crate::acts::{act, configure, count, enters, mailed, superuser, text};
use crate::seal::{assert_ann, enter, value};
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD, sign_up};
use fluxbase_tests::forge::payload_of;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::fs;
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, format: &'static str| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("dump::{name}"), move || {
            restored(&fixture.database(), &fixture.empty_database(), format);
        }));
    };
    add("of_plain_sql_restores_users_keys_and_policies", "plain");
    add(
        "of_the_custom_format_restores_users_keys_and_policies",
        "custom",
    );
    trials
}

fn restored(from: &Database, to: &Database, format: &str) {
    let fixture = &from.fixture;
    from.superuser()
        .batch_execute(
            "select auth.rotate_signing_key(); select auth.configure('password_min_length', '14')",
        )
        .expect("state");
    let before = Before::make(from);
    let keys = value(
        &mut from.superuser(),
        "select string_agg(kid, ',' order by kid) from auth.signing_keys",
    )
    .expect("asked");
    let file = std::env::temp_dir().join(format!(
        "fluxbase-tests-{}-{}.dump",
        std::process::id(),
        from.name
    ));
    let dump = fixture
        .cluster
        .program("pg_dump")
        .arg(format!("--format={format}"))
        .arg("--file")
        .arg(&file)
        .arg(&from.name)
        .output();
    let dump = dump.expect("pg_dump runs");
    assert!(
        dump.status.success(),
        "{}",
        String::from_utf8_lossy(&dump.stderr)
    );
    let mut restore = match format {
        "plain" => fixture.cluster.program("psql"),
        _ => fixture.cluster.program("pg_restore"),
    };
    match format {
        "plain" => restore
            .args([
                "--no-psqlrc",
                "--quiet",
                "--set",
                "ON_ERROR_STOP=1",
                "--dbname",
                &to.name,
                "--file",
            ])
            .arg(&file),
        _ => restore
            .args(["--exit-on-error", "--dbname", &to.name])
            .arg(&file),
    };
    let restore = restore.output().expect("the restore runs");
    fs::remove_file(&file).expect("the dump was there");
    assert!(
        restore.status.success(),
        "{}",
        String::from_utf8_lossy(&restore.stderr)
    );

    let mut superuser = to.superuser();
    // Installing made a pair of its own before the dumped ones came back; all of them verify.
    let restored = value(
        &mut superuser,
        "select string_agg(kid, ',' order by kid) from auth.signing_keys",
    );
    let restored = restored.expect("asked").expect("keys");
    for kid in keys.expect("keys").split(',') {
        assert!(restored.contains(kid), "key {kid} is missing in {restored}");
    }
    let length = "select value from auth.settings where key = 'password_min_length'";
    assert_eq!(
        value(&mut superuser, length).expect("asked").as_deref(),
        Some("14")
    );
    let mut app = to.app();
    before.holds(to);
    enter(&mut app, fixture);
    assert_ann(&mut app, fixture);
    assert_eq!(
        value(
            &mut app,
            "select body from public.notes where not is_public"
        )
        .expect("read")
        .as_deref(),
        Some("ann private")
    );
    app.batch_execute("rollback").expect("ends");
    let reply: serde_json::Value = app
        .query_one("select auth.sign_in('ann@example.com', $1)", &[&PASSWORD])
        .expect("a reply")
        .get(0);
    let account = Account::from_reply(&reply);
    assert_eq!(account.id, fixture.ann.id);
    app.batch_execute(&format!("begin; select auth.enter('{}')", account.token))
        .expect("a new token enters");
    app.batch_execute("rollback").expect("ends");
    let signing = "select count(*) from auth.signing_keys where retired_at is null";
    superuser
        .batch_execute("select auth.rotate_signing_key()")
        .expect("rotated");
    assert_eq!(
        value(&mut superuser, signing).expect("asked").as_deref(),
        Some("1")
    );
    enter(&mut app, fixture);
    assert_ann(&mut app, fixture);
}

/// What has happened when the dump is made.
struct Before {
    carl: Account,
    gone: Account,
    service_key: String,
    reset: String,
    used: String,
    events: i64,
}

const EVENTS: &str = "select count(*) from audit.events";

impl Before {
    fn make(from: &Database) -> Self {
        let mut app = from.app();
        let carl = sign_up(&mut app, "carl@example.com");
        let gone = sign_up(&mut app, "gone@example.com");
        superuser(
            from,
            "update auth.users set email_verified = true; \
             update auth.users set disabled_at = now() where email = 'bob@example.com'; \
             delete from auth.users where email = 'gone@example.com'",
        );
        superuser(
            from,
            "insert into auth.breached_passwords values (decode(repeat('ab', 20), 'hex'))",
        );
        let jti = payload_of(&from.fixture.anon_key);
        let mut owner = from.superuser();
        owner
            .execute("select auth.revoke_token($1)", &[&text(&jti, "jti")])
            .expect("revoked");
        let made = act(
            &mut owner,
            "auth.create_service_key('{\"name\": \"backup\"}')",
            &[],
        );
        let ask = |app: &mut _, email: &str| {
            act(app, "auth.request_magic_link($1)", &[&email]);
            mailed(from, "magic_link")
        };
        let used = ask(&mut app, "carl@example.com");
        Account::from_reply(&act(&mut app, "auth.sign_in_with_magic_link($1)", &[&used]));
        act(
            &mut app,
            "auth.request_password_reset('carl@example.com')",
            &[],
        );
        let reset = mailed(from, "password_reset");
        for _ in 0..6 {
            act(
                &mut app,
                "auth.sign_in('carl@example.com', 'Wrong-Horse-7-Battery')",
                &[],
            );
        }
        Self {
            carl,
            gone,
            service_key: text(&made, "key"),
            reset,
            used,
            events: count(from, EVENTS),
        }
    }

    fn holds(&self, to: &Database) {
        let mut app = to.app();
        assert_eq!(count(to, EVENTS), self.events);
        let over = Err("FX003".to_owned());
        assert_eq!(enters(&mut app, &self.carl.token), Ok(()));
        assert_eq!(enters(&mut app, &self.service_key), Ok(()));
        for token in [
            &self.gone.token,
            &to.fixture.bob.token,
            &to.fixture.anon_key,
        ] {
            assert_eq!(enters(&mut app, token), over);
        }
        // Lists that can be had again are not kept.
        assert_eq!(count(to, "select count(*) from auth.breached_passwords"), 0);
        let revoked = "select count(*) from auth.revoked_before where before = 'infinity'";
        assert_eq!(count(to, revoked), 2);
        let again = act(&mut app, "auth.sign_in_with_magic_link($1)", &[&self.used]);
        assert_eq!(again["code"], "TOKEN_USED");
        // Locks are not kept.
        let signed_in = act(
            &mut app,
            "auth.sign_in('carl@example.com', $1)",
            &[&PASSWORD],
        );
        Account::from_reply(&signed_in);
        configure(to, "lockout_type", "none");
        let changed = act(
            &mut app,
            "auth.reset_password($1, 'Another-Horse-8-Battery')",
            &[&self.reset],
        );
        Account::from_reply(&changed);
        assert_eq!(enters(&mut app, &self.carl.token), over);
    }
}
