//! What people already have for PostgREST and GraphQL, each through all its documented methods: the steps are in
//! `tests/clients/`, in the language of the client.

use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::server::Server;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("tours::{name}"), move || {
            body(&fixture.database());
        }));
    };
    add("postgrest_js_of_npm_holds_in_every_step", |database| {
        travel(database, node("tour.mjs"), 100);
    });
    add("graphql_of_npm_holds_in_every_step", |database| {
        travel(database, node("graphql.mjs"), 145);
    });
    add("supabase_js_of_npm_holds_in_every_step", |database| {
        travel(database, node("supabase.mjs"), 11);
    });
    add(
        "the_provider_of_react_admin_holds_in_every_step",
        |database| {
            travel(database, node("admin.mjs"), 13);
        },
    );
    add("postgrest_of_pypi_holds_in_every_step", |database| {
        let mut python = Command::new(installed("python").join("bin/python"));
        python.arg(clients().join("tour.py"));
        travel(database, python, 40);
    });
    trials
}

/// A script where its modules are found: beside them. Others run there at the same time, so no file is ever half of one.
fn node(script: &str) -> Command {
    let folder = installed("node");
    for name in ["steps.mjs", script] {
        let half = folder.join(format!("{script}-{}-{name}", std::process::id()));
        std::fs::copy(clients().join(name), &half).expect("a copy of the script");
        std::fs::rename(&half, folder.join(name)).expect("its place");
    }
    let mut node = Command::new("node");
    node.arg(folder.join(script));
    node
}

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// The directory that a script of `deploy/` fills and prints.
pub(crate) fn installed(script: &str) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../deploy")
        .join(script);
    let output = Command::new(&script).output().expect("the script runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", script.display());
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

/// Runs a tour on a database of its own. Every step must hold, and there must be as many as ever.
fn travel(database: &Database, mut tour: Command, at_least: usize) {
    let films = std::fs::read_to_string(clients().join("films.sql")).expect("films.sql");
    database.superuser().batch_execute(&films).expect("films");
    let server = Server::start(
        database,
        &[("API_SCHEMAS", "public,other"), ("API_PLAN", "true")],
    );
    let output = tour
        .arg(format!("http://127.0.0.1:{}", server.port))
        .arg(&database.fixture.anon_key)
        .arg(&database.fixture.ann.token)
        .output()
        .expect("the tour starts");
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let failed: Vec<&str> = said
        .lines()
        .filter(|line| !line.starts_with("ok "))
        .collect();
    assert!(
        output.status.success() && failed.is_empty(),
        "{}\n{complained}",
        failed.join("\n")
    );
    let steps = said.lines().count();
    assert!(steps >= at_least, "only {steps} steps");
}
