//! Dump and restore: users keep their passwords, sessions and tokens.

use crate::seal::{assert_ann, enter, value};
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
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
