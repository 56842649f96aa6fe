//! Where and how often an identity may be entered: only where nothing can undo half of it.

use super::{assert_ann, assert_nobody, enter, sqlstate, value};
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

/// A string that tries to enter in a bad place, the SQLSTATEs that may come of it, and a good place.
struct Place {
    name: &'static str,
    before: &'static str,
    attack: &'static str,
    refused: &'static [&'static str],
    twin: &'static str,
}

fn places() -> Vec<Place> {
    let place = |name, before, attack, refused, twin| Place {
        name,
        before,
        attack,
        refused,
        twin,
    };
    vec![
        place(
            "twice_as_the_same_user",
            "",
            "begin; select auth.enter('{ANN}'); select auth.enter('{ANN}')",
            &["FX006", "42501"],
            "begin; select auth.enter('{ANN}')",
        ),
        place(
            "twice_as_somebody_else",
            "",
            "begin; select auth.enter('{BOB}'); select auth.enter('{ANN}')",
            &["FX006", "42501"],
            "begin; select auth.enter('{BOB}'); commit; begin; select auth.enter('{ANN}')",
        ),
        place(
            "twice_in_one_select",
            "",
            "begin; select auth.enter('{BOB}'), auth.enter('{ANN}')",
            &["FX006"],
            "begin; select auth.enter('{ANN}'), auth.uid()",
        ),
        place(
            "user_after_anonymous",
            "",
            "begin; select auth.enter_anonymous(); select auth.enter('{ANN}')",
            &["FX006", "42501"],
            "begin; select auth.enter_anonymous(); rollback; begin; select auth.enter('{ANN}')",
        ),
        place(
            "anonymous_after_user",
            "",
            "begin; select auth.enter('{ANN}'); select auth.enter_anonymous()",
            &["FX006", "42501"],
            "begin; select auth.enter('{ANN}')",
        ),
        place(
            "service_after_user",
            "",
            "begin; select auth.enter('{ANN}'); select auth.enter('{SERVICE}')",
            &["FX006", "42501"],
            "begin; select auth.enter('{SERVICE}'); commit; begin; select auth.enter('{ANN}')",
        ),
        place(
            "inside_a_savepoint",
            "",
            "begin; savepoint s; select auth.enter('{ANN}')",
            &["FX006"],
            "begin; savepoint s; release savepoint s; select auth.enter('{ANN}')",
        ),
        place(
            "after_rolling_back_to_a_savepoint",
            "",
            "begin; savepoint s; select 1; rollback to savepoint s; select auth.enter('{ANN}')",
            &["FX006"],
            "begin; savepoint s; rollback to savepoint s; release savepoint s; select auth.enter('{ANN}')",
        ),
        place(
            "inside_an_exception_block",
            "",
            "begin; do $$ begin begin perform auth.enter('{ANN}'); exception when division_by_zero then null; end; end $$",
            &["FX006"],
            "begin; do $$ begin perform auth.enter('{ANN}'); end $$",
        ),
        place(
            "in_an_exception_block_that_fails_after",
            "",
            "begin; do $$ begin begin perform auth.enter('{ANN}'); perform 1/0; exception when others then raise; end; end $$",
            &["FX006"],
            "begin; do $$ begin perform auth.enter('{ANN}'); end $$",
        ),
        place(
            "inside_a_security_definer_function",
            "create function public.enter_for(t text) returns void language plpgsql security definer as $$ begin perform auth.enter(t); end $$",
            "begin; select public.enter_for('{ANN}')",
            &["FX006", "42501"],
            "begin; select auth.enter('{ANN}')",
        ),
        place(
            "inside_a_function_with_a_set_role_clause",
            "create function public.enter_for(t text) returns void language plpgsql set role = 'none' as $$ begin perform auth.enter(t); end $$",
            "begin; select public.enter_for('{ANN}')",
            &["FX006", "42501"],
            "begin; select auth.enter('{ANN}')",
        ),
        place(
            "in_a_trigger_below_a_definer_function",
            "create table public.door(t text); grant insert on public.door to fluxbase_app; \
             create function public.trg() returns trigger language plpgsql security definer as $$ begin perform auth.enter(new.t); return new; end $$; \
             create trigger t before insert on public.door for each row execute function public.trg()",
            "begin; insert into public.door values ('{ANN}')",
            &["FX006", "42501"],
            "begin; select auth.enter('{ANN}')",
        ),
        place(
            "with_a_null_token",
            "",
            "begin; select auth.enter(null); select from public.notes",
            &["42501"],
            "begin; select auth.enter('{ANN}')",
        ),
    ]
}

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials: Vec<Trial> = places()
        .into_iter()
        .map(|place| {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trial(
                &cluster,
                format!("seal_entering::{}", place.name),
                move || place.run(&fixture.database()),
            )
        })
        .collect();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(
            &cluster,
            format!("seal_entering::{name}"),
            move || body(&fixture.database()),
        ));
    };
    add("in_autocommit_ends_with_the_statement", autocommit);
    add("by_a_login_without_the_door_is_refused", no_door);
    add(
        "in_a_plain_function_of_the_application_holds",
        plain_function,
    );
    add("a_refused_entry_leaves_no_half_identity", half_entered);
    add("in_every_isolation_level_and_read_only", modes);
    add(
        "a_trusted_session_that_enters_is_sealed_too",
        trusted_is_sealed,
    );
    add("a_superuser_that_enters_is_sealed_too", superuser_is_sealed);
    trials
}

impl Place {
    fn run(&self, database: &Database) {
        let fixture = &database.fixture;
        database
            .superuser()
            .batch_execute(self.before)
            .expect("the schema's author");
        let mut app = database.app();
        let outcome = app.simple_query(&fixture.fill(self.attack));
        let state = sqlstate(&outcome);
        assert!(
            state
                .as_deref()
                .is_some_and(|state| self.refused.contains(&state)),
            "{state:?} {outcome:?}"
        );
        app.batch_execute("rollback").expect("the transaction ends");
        assert_nobody(&mut app);
        app.simple_query(&fixture.fill(self.twin))
            .expect("the twin enters");
        assert_ann(&mut app, fixture);
        app.batch_execute("rollback").expect("the transaction ends");
        assert_nobody(&mut app);
    }
}

fn autocommit(database: &Database) {
    let mut app = database.app();
    let outcome = value(
        &mut app,
        &database.fixture.fill("select auth.enter('{ANN}')"),
    );
    assert_eq!(sqlstate(&outcome), None);
    assert_nobody(&mut app);
    // The twin: within one statement it is Ann.
    let id = value(
        &mut app,
        &database
            .fixture
            .fill("select auth.uid() from (select auth.enter('{ANN}') offset 0) e"),
    );
    assert_eq!(
        id.expect("allowed").as_deref(),
        Some(database.fixture.ann.id.as_str())
    );
    assert_nobody(&mut app);
}

fn no_door(database: &Database) {
    let mut plain = database.connect("plain");
    let outcome = plain.batch_execute(&database.fixture.fill("begin; select auth.enter('{ANN}')"));
    assert_eq!(sqlstate(&outcome).as_deref(), Some("42501"));
    enter(&mut database.app(), &database.fixture);
}

/// A function's SET clause is undone at its end, `SET LOCAL` in its body is not: the identity must stay whole.
fn plain_function(database: &Database) {
    for clause in ["", "set search_path = ''", "set work_mem = '1MB'"] {
        database
            .superuser()
            .batch_execute(&format!(
                "create or replace function public.enter_for(t text) returns void language plpgsql {clause} \
                 as $$ begin perform auth.enter(t); end $$"
            ))
            .expect("a function");
        let mut app = database.app();
        let enters = database
            .fixture
            .fill("begin; select public.enter_for('{ANN}')");
        app.batch_execute(&enters).expect("enters");
        assert_ann(&mut app, &database.fixture);
        for attack in [
            "set role service_role",
            "reset role",
            "select set_config('role', null, true)",
        ] {
            app.batch_execute("savepoint s").expect("a savepoint");
            let outcome = app.batch_execute(attack);
            assert_eq!(sqlstate(&outcome).as_deref(), Some("42501"), "{attack}");
            app.batch_execute("rollback to savepoint s").expect("back");
        }
        assert_ann(&mut app, &database.fixture);
        app.batch_execute("commit").expect("ends");
        assert_nobody(&mut app);
    }
}

fn half_entered(database: &Database) {
    let mut app = database.app();
    for token in ["garbage", "a.b.c", ""] {
        let outcome = app.batch_execute(&format!("begin; select auth.enter('{token}')"));
        assert_eq!(sqlstate(&outcome).as_deref(), Some("FX001"));
        app.batch_execute("rollback").expect("ends");
        assert_nobody(&mut app);
    }
    // Caught, the refusal leaves a transaction without identity, in which entering still works afterwards.
    app.batch_execute("begin; savepoint s").expect("begins");
    assert_eq!(
        sqlstate(&app.batch_execute("select auth.enter('garbage')")).as_deref(),
        Some("FX006")
    );
    app.batch_execute("rollback to savepoint s; release savepoint s")
        .expect("goes on");
    assert_nobody_in_transaction(&mut app);
    app.batch_execute(
        &database
            .fixture
            .fill("rollback; begin; select auth.enter('{ANN}')"),
    )
    .expect("enters");
    assert_ann(&mut app, &database.fixture);
}

fn assert_nobody_in_transaction(app: &mut postgres::Client) {
    let who = value(app, "select current_user || ' ' || auth.role()").expect("asked");
    assert_eq!(who.as_deref(), Some("fluxbase_app anon"));
}

fn modes(database: &Database) {
    for mode in [
        "read only",
        "isolation level repeatable read",
        "isolation level serializable, read only, deferrable",
    ] {
        let mut app = database.app();
        app.batch_execute(&database.fixture.fill(&format!(
            "begin transaction {mode}; select auth.enter('{{ANN}}')"
        )))
        .unwrap_or_else(|error| panic!("{mode}: {error:?}"));
        assert_ann(&mut app, &database.fixture);
        let outcome = app.batch_execute("set local role service_role");
        assert_eq!(sqlstate(&outcome).as_deref(), Some("42501"), "{mode}");
        app.batch_execute("rollback").expect("ends");
        assert_nobody(&mut app);
    }
}

fn trusted_is_sealed(database: &Database) {
    let mut trusty = database.connect("trusty");
    let fixture = &database.fixture;
    for attack in [
        "set role service_role",
        "reset role",
        "select set_config('role', null, true)",
        r#"set local request.jwt.claims = '{"role":"service_role"}'"#,
        "reset request.jwt.claims",
        "set session authorization default",
    ] {
        trusty
            .batch_execute(&fixture.fill("begin; select auth.enter('{ANN}')"))
            .expect("enters");
        let outcome = trusty.batch_execute(attack);
        assert_eq!(sqlstate(&outcome).as_deref(), Some("42501"), "{attack}");
        trusty.batch_execute("rollback").expect("ends");
    }
    let back = value(
        &mut trusty,
        "set role service_role; select secret from public.vault",
    )
    .expect("its own right");
    assert_eq!(back.as_deref(), Some("treasure"));
}

fn superuser_is_sealed(database: &Database) {
    let mut superuser = database.superuser();
    let fixture = &database.fixture;
    for attack in [
        "reset role",
        "set role postgres",
        "set session authorization default",
        "select secret from public.vault",
    ] {
        superuser
            .batch_execute(&fixture.fill("begin; select auth.enter('{ANN}')"))
            .expect("enters");
        let outcome = superuser.batch_execute(attack);
        assert_eq!(sqlstate(&outcome).as_deref(), Some("42501"), "{attack}");
        superuser.batch_execute("rollback").expect("ends");
    }
    let back = value(&mut superuser, "select secret from public.vault").expect("its own right");
    assert_eq!(back.as_deref(), Some("treasure"));
}
