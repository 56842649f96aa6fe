//! The end of the transaction: the identity ends with it in every form, and the connection is a visitor's.

use super::{assert_ann, assert_nobody, enter, sqlstate, value};
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

/// What ends the transaction, and what is tried right behind it in the same string.
const ENDINGS: [(&str, &str); 16] = [
    ("commit_then_set_role", "commit; set role service_role"),
    (
        "commit_then_set_role_authenticated",
        "commit; set role authenticated",
    ),
    ("rollback_then_set_role", "rollback; set role service_role"),
    (
        "end_then_set_config",
        "end; select set_config('role', 'service_role', false)",
    ),
    (
        "abort_then_set_session_role",
        "abort; set session role service_role",
    ),
    (
        "commit_then_begin_and_set_local_role",
        "commit; begin; set local role service_role",
    ),
    (
        "commit_and_chain_then_set_role",
        "commit and chain; set local role service_role",
    ),
    (
        "rollback_and_chain_then_set_role",
        "rollback and chain; set local role service_role",
    ),
    (
        "commit_and_chain_then_read_own_rows",
        "commit and chain; select * from public.notes",
    ),
    (
        "commit_then_read_own_rows",
        "commit; select * from public.notes",
    ),
    (
        "commit_then_set_claims",
        r#"commit; set request.jwt.claims = '{"sub":"{ANN_ID}","role":"authenticated"}'"#,
    ),
    (
        "commit_then_set_session_authorization",
        "commit; set session authorization authenticated",
    ),
    ("commit_then_mirror", "commit; set app.user_id = '{ANN_ID}'"),
    (
        "commit_then_definer_function",
        "commit; create function pg_temp.f() returns int language sql security definer set role = 'service_role' as 'select 1'; select pg_temp.f()",
    ),
    (
        "prepare_transaction_then_set_role",
        "prepare transaction '{ANN_ID}'; set role service_role",
    ),
    ("commit_then_get_user", "commit; select auth.get_user()"),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials: Vec<Trial> = ENDINGS
        .into_iter()
        .map(|(name, string)| {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trial(
                &cluster,
                format!("seal_transaction_end::{name}"),
                move || {
                    let database = fixture.database();
                    let mut app = database.app();
                    enter(&mut app, &fixture);
                    let outcome = app.simple_query(&fixture.fill(string));
                    assert_eq!(sqlstate(&outcome).as_deref(), Some("42501"), "{outcome:?}");
                    app.batch_execute("rollback").expect("ends");
                    // A prepared transaction belongs to the role that prepared it, not to the login.
                    let _ = database
                        .superuser()
                        .batch_execute(&fixture.fill("rollback prepared '{ANN_ID}'"));
                    assert_nobody(&mut app);
                    // The twin: enter again and be Ann.
                    enter(&mut app, &fixture);
                    assert_ann(&mut app, &fixture);
                },
            )
        })
        .collect();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(
            &cluster,
            format!("seal_transaction_end::{name}"),
            move || body(&fixture.database()),
        ));
    };
    add("a_prepared_transaction_commits_as_what_it_was", prepared);
    add(
        "a_deferred_trigger_still_runs_as_the_entered_user",
        deferred,
    );
    add("a_failed_statement_leaves_nothing_behind", failed);
    add("a_cancelled_statement_leaves_nothing_behind", cancelled);
    add(
        "session_settings_before_entering_do_not_become_an_identity",
        settings_before,
    );
    add("a_held_cursor_keeps_its_rows_but_no_rights", held_cursor);
    add(
        "temporary_objects_left_behind_do_not_run_as_their_maker",
        left_behind,
    );
    trials
}

fn prepared(database: &Database) {
    let mut app = database.app();
    enter(&mut app, &database.fixture);
    app.batch_execute(
        "insert into public.notes(body) values ('two phases'); prepare transaction 'one'",
    )
    .expect("prepared");
    assert_nobody(&mut app);
    // It belongs to the role that prepared it; the login may not finish it.
    let outcome = app.batch_execute("commit prepared 'one'");
    assert_eq!(sqlstate(&outcome).as_deref(), Some("42501"));
    database
        .superuser()
        .batch_execute("commit prepared 'one'")
        .expect("committed");
    assert_nobody(&mut app);
    let owner = value(
        &mut database.superuser(),
        "select owner from public.notes where body = 'two phases'",
    );
    assert_eq!(
        owner.expect("asked").as_deref(),
        Some(database.fixture.ann.id.as_str())
    );
}

fn deferred(database: &Database) {
    database
        .superuser()
        .batch_execute(
            "create table public.log(who text, uid uuid); grant insert on public.log to authenticated;
             create function public.trg() returns trigger language plpgsql as $$ begin
               if new.body = 'evil' then perform set_config('role', 'service_role', true); end if;
               insert into public.log values (current_user, auth.uid()); return null; end $$;
             create constraint trigger t after insert on public.notes deferrable initially deferred
               for each row execute function public.trg()",
        )
        .expect("a deferred trigger");
    let mut app = database.app();
    enter(&mut app, &database.fixture);
    app.batch_execute("insert into public.notes(body) values ('good'); commit")
        .expect("allowed");
    assert_nobody(&mut app);
    let mut superuser = database.superuser();
    let logged = value(&mut superuser, "select who || ' ' || uid from public.log").expect("asked");
    assert_eq!(
        logged,
        Some(format!("authenticated {}", database.fixture.ann.id))
    );
    enter(&mut app, &database.fixture);
    let outcome = app.batch_execute("insert into public.notes(body) values ('evil'); commit");
    assert_eq!(sqlstate(&outcome).as_deref(), Some("42501"));
    assert_nobody(&mut app);
    let evil = value(
        &mut superuser,
        "select count(*) from public.notes where body = 'evil'",
    )
    .expect("asked");
    assert_eq!(evil.as_deref(), Some("0"));
}

fn failed(database: &Database) {
    let mut app = database.app();
    for statement in [
        "select 1/0",
        "select * from nowhere",
        "insert into public.notes(body) values (null)",
    ] {
        enter(&mut app, &database.fixture);
        assert!(app.batch_execute(statement).is_err());
        let again = app.batch_execute("select auth.uid()");
        assert_eq!(
            sqlstate(&again).as_deref(),
            Some("25P02"),
            "the transaction is aborted"
        );
        app.batch_execute("commit").expect("ends");
        assert_nobody(&mut app);
    }
}

fn cancelled(database: &Database) {
    let mut app = database.app();
    enter(&mut app, &database.fixture);
    let cancel = app.cancel_token();
    let waiting = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        cancel.cancel_query(postgres::NoTls)
    });
    let outcome = app.batch_execute("select pg_sleep(20)");
    assert_eq!(sqlstate(&outcome).as_deref(), Some("57014"));
    waiting.join().expect("joined").expect("cancelled");
    app.batch_execute("rollback").expect("ends");
    assert_nobody(&mut app);
    enter(&mut app, &database.fixture);
    assert_ann(&mut app, &database.fixture);
}

fn settings_before(database: &Database) {
    let mut app = database.app();
    for setting in [
        r#"set request.jwt.claims = '{"sub":"{BOB_ID}","role":"authenticated"}'"#,
        "set request.jwt.claim.sub = '{BOB_ID}'",
        "set app.user_id = '{BOB_ID}'",
        "set app.role = 'admin'",
        "set app.user_email = 'bob@example.com'",
    ] {
        let outcome = app.batch_execute(&database.fixture.fill(setting));
        assert_eq!(sqlstate(&outcome).as_deref(), Some("42501"), "{setting}");
    }
    app.batch_execute("set work_mem = '1MB'").expect("harmless");
    enter(&mut app, &database.fixture);
    assert_ann(&mut app, &database.fixture);
}

fn held_cursor(database: &Database) {
    let mut app = database.app();
    enter(&mut app, &database.fixture);
    app.batch_execute("declare c cursor with hold for select auth.uid(), body from public.notes order by id; commit").expect("held");
    let first = value(&mut app, "fetch 1 from c").expect("its rows were read before the end");
    assert_eq!(first.as_deref(), Some(database.fixture.ann.id.as_str()));
    assert_nobody(&mut app);
}

fn left_behind(database: &Database) {
    let mut app = database.app();
    enter(&mut app, &database.fixture);
    app.batch_execute(
        "create function pg_temp.mine() returns text language sql security definer as 'select current_user::text || auth.role()';
         create temp table planted(a text default auth.uid()::text); commit",
    )
    .expect("made");
    assert_nobody(&mut app);
    // Ann's function runs with the rights of authenticated, which all signed-in users share, but as nobody.
    let as_nobody = value(&mut app, "select pg_temp.mine()");
    assert!(
        matches!(&as_nobody, Ok(Some(who)) if who == "authenticatedanon")
            || sqlstate(&as_nobody).as_deref() == Some("42501"),
        "{as_nobody:?}"
    );
    app.batch_execute(&database.fixture.fill("begin; select auth.enter('{BOB}')"))
        .expect("Bob enters");
    // With Bob's entering, nothing of what Ann made is there any more.
    for left in [
        "insert into pg_temp.planted default values",
        "select pg_temp.mine()",
    ] {
        app.batch_execute("savepoint before").expect("savepoint");
        let outcome = app.batch_execute(left);
        assert!(
            matches!(
                sqlstate(&outcome).as_deref(),
                Some("42P01" | "42883" | "3F000")
            ),
            "{left}: {outcome:?}"
        );
        app.batch_execute("rollback to before").expect("back");
    }
    let own = value(
        &mut app,
        "create temp table planted(a text default auth.uid()::text); insert into planted default values returning a",
    )
    .expect("his own");
    assert_eq!(own.as_deref(), Some(database.fixture.bob.id.as_str()));
}
