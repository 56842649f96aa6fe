//! Whoever works in SQL may leave the schema away and write a secret as a literal. The log leaves the literals of such a
//! statement out, by a list of names; here the list is held to what the extension declares.

use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Arguments that are a secret, or in which one may be: in a context a code, a nonce or a password.
const SECRET: &[&str] = &[
    "changes",
    "code",
    "context",
    "expected",
    "mfa_token",
    "new_password",
    "options",
    "password",
    "refresh_token",
    "setup_token",
    "token",
    "value",
];

/// Arguments that were looked at and hold none. `key` is the name of a setting or the row of a key, without the key.
const HARMLESS: &[&str] = &[
    "account",
    "act",
    "address",
    "confirmations",
    "email",
    "expires_at",
    "filter",
    "id",
    "ids",
    "include_keys",
    "issuer",
    "jti",
    "key",
    "key_hash",
    "moment",
    "most",
    "name",
    "provider",
    "reason",
    "redirect_to",
    "role",
    "rows",
    "schema_name",
    "scope",
    "scopes",
    "session",
    "table_name",
    "target",
    "target_user_id",
    "user_id",
    "user_metadata",
    "valid_for",
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("literals::{name}"), move || {
            body(&fixture.database());
        }));
    };
    add(
        "no_function_that_takes_a_secret_shows_it_in_the_log_without_its_schema",
        left_out,
    );
    add(
        "an_argument_that_nobody_has_looked_at_is_a_failure",
        looked_at,
    );
    trials
}

/// The functions of schema auth with the names of what they take.
fn functions(database: &Database) -> BTreeMap<String, BTreeSet<String>> {
    let rows = database.superuser().query(
        "select p.proname::text, coalesce(p.proargnames[1:p.pronargs], '{}')::text[], p.pronargs::int from pg_proc p \
         join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e' \
         where p.pronamespace = 'auth'::regnamespace and p.prorettype not in ('trigger'::regtype, 'event_trigger'::regtype)",
        &[],
    );
    let mut functions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows.expect("asked") {
        let (name, arguments): (String, Vec<String>) = (row.get(0), row.get(1));
        let count: i32 = row.get(2);
        let named = arguments.iter().filter(|name| !name.is_empty()).count();
        // What has no name cannot be judged by it. A moment is none that could be a secret.
        assert!(
            usize::try_from(count) == Ok(named) || name == "moment",
            "auth.{name} has an argument without a name"
        );
        functions.entry(name).or_default().extend(arguments);
    }
    assert!(functions.len() > 90, "{functions:?}");
    functions
}

fn looked_at(database: &Database) {
    let taken: BTreeSet<String> = functions(database).into_values().flatten().collect();
    let known: BTreeSet<String> = [SECRET, HARMLESS]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let new: Vec<_> = taken.difference(&known).collect();
    assert!(new.is_empty(), "is it a secret? {new:?}");
    let gone: Vec<_> = known.difference(&taken).collect();
    assert!(gone.is_empty(), "no function takes {gone:?}");
}

fn left_out(database: &Database) {
    let takes_a_secret: Vec<String> = functions(database)
        .into_iter()
        .filter(|(_, taken)| SECRET.iter().any(|secret| taken.contains(*secret)))
        .map(|(name, _)| name)
        .collect();
    assert!(takes_a_secret.len() > 40, "{takes_a_secret:?}");
    let mut client = database.superuser();
    client
        .batch_execute("set log_statement = 'all'; set search_path = auth, public")
        .expect("set");
    // Most of these fail, and the statement is written down all the same.
    for name in &takes_a_secret {
        for call in [name.clone(), format!("auth.{name}")] {
            let _ = client.batch_execute(&format!("select {call}('hush-{name}', 'hush-{name}')"));
        }
    }
    // The twins: what takes no secret is shown as it is.
    for call in ["setting", "auth.setting"] {
        let _ = client.batch_execute(&format!("select {call}('told-{call}')"));
    }
    // What writes the log may be a little behind.
    client.batch_execute("select 'that was all'").expect("said");
    let began = Instant::now();
    let log = loop {
        let log = database.fixture.cluster.log_tail(usize::MAX);
        if log.contains("select 'that was all'") {
            break log;
        }
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "the log is silent"
        );
        std::thread::sleep(Duration::from_millis(50));
    };
    for name in &takes_a_secret {
        let written = format!("select {name}(");
        assert!(log.contains(&written), "{name} was not written down");
        let told = log
            .lines()
            .find(|line| line.contains(&format!("hush-{name}'")));
        assert!(told.is_none(), "{name}: {told:?}");
    }
    for call in ["setting", "auth.setting"] {
        assert!(log.contains(&format!("select {call}('told-{call}')")));
    }
}
