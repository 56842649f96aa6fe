//! What a key may be used for: said by the server with the request, or judged in SQL by what can be done.

use super::{Key, Test, client_key, service_key};
use crate::acts::{act, act_as, enters, state};
use crate::seal::{assert_nobody, sqlstate, value};
use fluxbase_tests::fixture::Database;
use postgres::Client;

pub fn tests() -> Vec<Test> {
    vec![
        ("a_key_without_write_scope_writes_nothing", writes_nothing),
        ("reading_only_cannot_be_taken_back", not_taken_back),
        ("reading_only_ends_with_the_transaction", ends),
        (
            "whatever_it_is_entered_for_a_reading_key_writes_nothing",
            entered_for,
        ),
        ("a_key_is_entered_for_its_scopes_alone", entered_for_scopes),
        ("of_several_scopes_a_key_needs_each", several_scopes),
        ("a_key_that_may_not_read_tables_enters_no_sql", no_sql),
        ("both_kinds_of_writing_scope_write", writes),
        ("tokens_have_no_scopes", tokens),
    ]
}

const WRITES: [&str; 6] = [
    "insert into public.notes (owner, body) values ('00000000-0000-0000-0000-000000000001', 'forged')",
    "update public.notes set body = 'forged'",
    "delete from public.notes",
    "with w as (insert into public.notes (owner, body) values ('00000000-0000-0000-0000-000000000001', 'forged') returning 1) select * from w",
    "do $$ begin update public.notes set body = 'forged'; end $$",
    "select nextval('public.notes_id_seq')",
];

fn reading_keys(database: &Database) -> [Key; 2] {
    [
        service_key(database, &["read:tables"]),
        client_key(
            database,
            &database.fixture.ann,
            &["read:tables", "write:storage", "read:rpc"],
        ),
    ]
}

fn entered(app: &mut Client, key: &str, scope: Option<&str>) {
    app.batch_execute("begin").expect("begins");
    match scope {
        None => app.execute("select auth.enter($1)", &[&key]),
        Some(scope) => app.execute("select auth.enter($1, $2)", &[&key, &scope]),
    }
    .expect("enters");
}

fn notes(database: &Database) -> Option<String> {
    let all = "select string_agg(n::text, '|' order by id) from public.notes n";
    value(&mut database.superuser(), all).expect("asked")
}

fn writes_nothing(database: &Database) {
    let mut app = database.app();
    let before = notes(database);
    for key in reading_keys(database) {
        for sql in WRITES {
            entered(&mut app, &key.key, None);
            let outcome = app.batch_execute(sql);
            // A sequence is nobody's here but service_role's.
            let refused = sqlstate(&outcome);
            assert!(
                matches!(refused.as_deref(), Some("25006" | "42501")),
                "{sql}: {refused:?}"
            );
            app.batch_execute("rollback").expect("ends");
        }
        entered(&mut app, &key.key, None);
        let read = value(
            &mut app,
            "select count(*) > 0 from public.notes where not is_public",
        );
        assert_eq!(read.expect("read").as_deref(), Some("t"));
        app.batch_execute("commit").expect("ends");
    }
    assert_eq!(notes(database), before);
}

fn not_taken_back(database: &Database) {
    let mut app = database.app();
    let before = notes(database);
    let write = WRITES[1];
    for key in reading_keys(database) {
        for attempt in [
            "set transaction read write",
            "set local transaction_read_only = off",
            "set transaction_read_only = off",
            "select set_config('transaction_read_only', 'off', true)",
            "select set_config('transaction_read_only', 'off', false)",
            "savepoint s; set transaction read write",
            "do $$ begin begin set local transaction_read_only = off; exception when others then null; end; end $$",
            "set default_transaction_read_only = off",
            "set session characteristics as transaction read write",
            "reset transaction_read_only",
            "reset all",
            "discard all",
            "create function pg_temp.w() returns void language plpgsql set transaction_read_only = off as $f$ begin update public.notes set body = 'forged'; end $f$; select pg_temp.w()",
        ] {
            entered(&mut app, &key.key, None);
            let _ = app.batch_execute(attempt);
            let outcome = app.batch_execute(write);
            let refused = sqlstate(&outcome);
            assert!(
                matches!(refused.as_deref(), Some("25006" | "25P02")),
                "{attempt}: {refused:?}"
            );
            app.batch_execute("rollback").expect("ends");
            // In one string, and with savepoints around it.
            entered(&mut app, &key.key, None);
            let _ = app.batch_execute(&format!(
                "savepoint a; {attempt}; release a; {write}; commit"
            ));
            let _ = app.batch_execute("rollback");
            app.batch_execute("set default_transaction_read_only = off; reset role")
                .expect("as before");
        }
    }
    assert_eq!(notes(database), before);
}

fn ends(database: &Database) {
    let mut app = database.app();
    for key in reading_keys(database) {
        for end in ["commit", "rollback"] {
            entered(&mut app, &key.key, None);
            app.batch_execute(end).expect("ends");
            assert_nobody(&mut app);
            entered(&mut app, &database.fixture.ann.token, None);
            app.batch_execute("insert into public.notes (body) values ('own')")
                .expect("written");
            app.batch_execute("rollback").expect("ends");
        }
    }
}

/// The caller says what for, and may say anything.
fn entered_for(database: &Database) {
    let mut app = database.app();
    let before = notes(database);
    for key in [
        service_key(database, &["read:tables", "read:auth"]),
        client_key(
            database,
            &database.fixture.ann,
            &["read:tables", "read:auth"],
        ),
    ] {
        for scope in ["read:tables", "read:auth"] {
            entered(&mut app, &key.key, Some(scope));
            assert_eq!(
                sqlstate(&app.batch_execute(WRITES[1])).as_deref(),
                Some("25006"),
                "{scope}"
            );
            app.batch_execute("rollback").expect("ends");
        }
    }
    assert_eq!(notes(database), before);
    // With a scope to write, reading is not all.
    let key = client_key(
        database,
        &database.fixture.ann,
        &["read:tables", "write:tables"],
    );
    entered(&mut app, &key.key, Some("read:tables"));
    app.batch_execute("insert into public.notes (body) values ('own')")
        .expect("written");
    app.batch_execute("rollback").expect("ends");
}

fn entered_for_scopes(database: &Database) {
    let mut app = database.app();
    let few = ["read:tables", "read:auth", "realtime:connect"];
    for key in [
        service_key(database, &few),
        client_key(database, &database.fixture.ann, &few),
    ] {
        let before = state(database);
        for scope in fluxbase_scopes() {
            let outcome = app.batch_execute(&format!(
                "begin; select auth.enter('{}', '{scope}')",
                key.key
            ));
            let expected = (!few.contains(&scope)).then_some("FX011");
            assert_eq!(sqlstate(&outcome).as_deref(), expected, "{scope}");
            app.batch_execute("rollback").expect("ends");
            assert_nobody(&mut app);
        }
        assert_eq!(state(database), before);
    }
    for key in [
        service_key(database, &["*"]),
        client_key(database, &database.fixture.ann, &["*"]),
    ] {
        for scope in fluxbase_scopes() {
            entered(&mut app, &key.key, Some(scope));
            app.batch_execute("rollback").expect("ends");
        }
    }
}

fn several_scopes(database: &Database) {
    let mut app = database.app();
    let few = ["read:tables", "read:auth"];
    for key in [
        service_key(database, &few),
        client_key(database, &database.fixture.ann, &few),
    ] {
        let before = state(database);
        for scope in [
            "read:tables execute:rpc",
            "execute:rpc read:tables",
            "read:tables  read:auth",
            "read:tables,read:auth",
            "read:tables read:auth ",
        ] {
            let enter = format!("begin; select auth.enter('{}', '{scope}')", key.key);
            let outcome = app.batch_execute(&enter);
            assert_eq!(sqlstate(&outcome).as_deref(), Some("FX011"), "{scope}");
            app.batch_execute("rollback").expect("ends");
            assert_nobody(&mut app);
        }
        assert_eq!(state(database), before);
        // With both, and for reading it stays.
        entered(&mut app, &key.key, Some("read:tables read:auth"));
        let outcome = app.batch_execute(WRITES[1]);
        assert_eq!(sqlstate(&outcome).as_deref(), Some("25006"));
        app.batch_execute("rollback").expect("ends");
    }
}

/// Scopes there are, and some there are not.
fn fluxbase_scopes() -> [&'static str; 12] {
    [
        "read:tables",
        "write:tables",
        "read:auth",
        "write:auth",
        "execute:rpc",
        "read:clientkeys",
        "migrations:execute",
        "realtime:connect",
        "realtime:broadcast",
        "READ:tables",
        "read:tables ",
        "",
    ]
}

fn no_sql(database: &Database) {
    let mut app = database.app();
    let few = ["write:tables", "read:auth"];
    for key in [
        service_key(database, &few),
        client_key(database, &database.fixture.ann, &few),
    ] {
        assert_eq!(enters(&mut app, &key.key), Err("FX011".to_owned()));
        assert_nobody(&mut app);
    }
    for key in reading_keys(database) {
        assert_eq!(enters(&mut app, &key.key), Ok(()));
    }
}

fn writes(database: &Database) {
    let mut app = database.app();
    for scopes in [
        ["read:tables", "write:tables"].as_slice(),
        &["read:tables", "execute:rpc"],
        &["*"],
    ] {
        for key in [
            service_key(database, scopes),
            client_key(database, &database.fixture.ann, scopes),
        ] {
            entered(&mut app, &key.key, None);
            let owner = &database.fixture.ann.id;
            let written = app.execute(
                "insert into public.notes (owner, body) values ($1::text::uuid, 'written')",
                &[owner],
            );
            assert_eq!(written.expect("written"), 1);
            app.batch_execute("rollback").expect("ends");
        }
    }
}

fn tokens(database: &Database) {
    let mut app = database.app();
    for token in [&database.fixture.ann.token, &database.fixture.service_key] {
        entered(&mut app, token, Some("read:tables"));
        app.batch_execute("update public.notes set body = body")
            .expect("written");
        app.batch_execute("rollback").expect("ends");
    }
    let reply = act_as(
        &mut app,
        &database.fixture.ann.token,
        "to_jsonb(auth.jwt() ? 'scopes')",
        &[],
    );
    assert_eq!(reply, false);
    act(
        &mut app,
        "auth.sign_in('ann@example.com', 'Correct-Horse-7-Battery')",
        &[],
    );
}
