//! Statements behind one Sync without BEGIN, as lean servers send them: the transaction is implicit, and a
//! statement in the middle may end it.

use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use fluxbase_tests::wire::Wire;
use libtest_mimic::Trial;
use postgres::NoTls;
use std::sync::Arc;
use std::sync::mpsc::channel;

const WHO: &str =
    "select current_user || ' ' || coalesce(auth.uid()::text, '') || ' ' || auth.role()";
const NOBODY: &str = "fluxbase_app  anon";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(
            &cluster,
            format!("seal_pipeline::{name}"),
            move || body(&fixture.database()),
        ));
    };
    add("the_identity_holds_until_sync_and_no_longer", until_sync);
    add("set_role_behind_enter_is_refused", set_role);
    add(
        "a_procedure_that_commits_does_not_leave_the_rest_to_the_login",
        committing_procedure,
    );
    add("commit_in_the_middle_leaves_nobody", commit_in_the_middle);
    add("an_error_skips_to_sync_and_leaves_nobody", error);
    add("entering_warns_only_where_nothing_can_follow", warning);
    trials
}

fn wire(database: &Database) -> Wire {
    Wire::connect(
        database.fixture.cluster.port,
        "fluxbase_app",
        &database.name,
        &[],
    )
    .expect("connects")
}

fn enter(database: &Database) -> String {
    database.fixture.fill("select auth.enter('{ANN}')")
}

fn who(wire: &mut Wire) -> String {
    let batch = wire.batch(&[WHO]);
    assert_eq!(batch.error, None);
    batch.rows[0][0].clone().unwrap_or_default()
}

/// A server that sends each request so would fill the log with warnings; whoever types it into psql wants to know.
fn warning(database: &Database) {
    let mut wire = wire(database);
    for _ in 0..2 {
        let batch = wire.batch(&[&enter(database), WHO]);
        assert_eq!((batch.error, batch.notices), (None, 0));
    }
    let (sender, warnings) = channel();
    let cluster = &database.fixture.cluster;
    let mut config = cluster.config("fluxbase_app", &database.name);
    config.notice_callback(move |notice| sender.send(notice.message().to_owned()).expect("heard"));
    let mut psql = config.connect(NoTls).expect("connects");
    psql.batch_execute(&enter(database)).expect("entered");
    let told: Vec<String> = warnings.try_iter().collect();
    assert_eq!(
        told,
        ["the identity ends with this statement: begin a transaction before entering"]
    );
    for together in [
        format!("begin; {}; commit", enter(database)),
        format!("{}; {WHO}", enter(database)),
    ] {
        psql.batch_execute(&together).expect("entered");
        assert_eq!(warnings.try_iter().count(), 0, "{together}");
    }
}

fn until_sync(database: &Database) {
    let mut wire = wire(database);
    let batch = wire.batch(&[
        &enter(database),
        WHO,
        "select body from public.notes where not is_public",
    ]);
    assert_eq!(batch.error, None);
    assert_eq!(
        batch.rows[1][0],
        Some(format!(
            "authenticated {} authenticated",
            database.fixture.ann.id
        ))
    );
    assert_eq!(batch.rows[2][0].as_deref(), Some("ann private"));
    assert_eq!(who(&mut wire), NOBODY);
}

fn set_role(database: &Database) {
    let mut wire = wire(database);
    for change in [
        "set role service_role",
        "select set_config('role', null, false)",
        "reset role",
        "copy (select set_config('role', 'service_role', true)) to stdout",
    ] {
        let batch = wire.batch(&[&enter(database), change, "select secret from public.vault"]);
        assert_eq!(batch.error.as_deref(), Some("42501"), "{change}");
        assert!(batch.rows.len() < 3, "{change} read the vault");
        assert_eq!(who(&mut wire), NOBODY);
    }
    until_sync(database);
}

fn committing_procedure(database: &Database) {
    database
        .superuser()
        .batch_execute("create procedure public.p() language plpgsql as $$ begin commit; end $$; grant usage on schema public to public")
        .expect("a procedure");
    let mut wire = wire(database);
    let batch = wire.batch(&[
        &enter(database),
        "call public.p()",
        WHO,
        "set role service_role",
        "select secret from public.vault",
    ]);
    // Either the procedure may not commit, or what follows is nobody and may nothing; never the vault.
    assert!(
        matches!(batch.error.as_deref(), Some("2D000" | "42501")),
        "{batch:?}"
    );
    assert!(!format!("{batch:?}").contains("treasure"));
    assert_eq!(who(&mut wire), NOBODY);
    until_sync(database);
}

fn commit_in_the_middle(database: &Database) {
    let mut wire = wire(database);
    let batch = wire.batch(&[
        &enter(database),
        "commit",
        "set role service_role",
        "select secret from public.vault",
    ]);
    assert_eq!(batch.error.as_deref(), Some("42501"), "{batch:?}");
    assert!(!format!("{batch:?}").contains("treasure"));
    let batch = wire.batch(&[&enter(database), "commit", WHO]);
    assert!(
        batch
            .rows
            .last()
            .is_none_or(|row| row[0].as_deref() != Some("treasure"))
    );
    assert_eq!(who(&mut wire), NOBODY);
    until_sync(database);
}

fn error(database: &Database) {
    let mut wire = wire(database);
    let batch = wire.batch(&[&enter(database), "select 1/0", WHO]);
    assert_eq!(batch.error.as_deref(), Some("22012"));
    assert_eq!(batch.rows.len(), 1, "nothing after the error ran");
    assert_eq!(who(&mut wire), NOBODY);
    until_sync(database);
}
