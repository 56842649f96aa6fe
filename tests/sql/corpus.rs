//! What the compiler prints is SQL to PostgreSQL: every statement of the corpus is prepared against the schema it was
//! compiled for, and run as often as its values allow.

use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// A corpus that has shrunk to nothing would pass.
const AT_LEAST: usize = 170;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let shared = Arc::clone(fixture);
    let cluster = Arc::clone(&fixture.cluster);
    let body = move || every_statement_is_accepted(&shared.database());
    vec![trial(
        &cluster,
        "corpus::every_statement_of_the_compiler_is_sql",
        body,
    )]
}

fn every_statement_is_accepted(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute(&schema())
        .expect("the schema behind the corpus");
    let statements = statements();
    assert!(statements.len() >= AT_LEAST, "{}", statements.len());
    let refused: Vec<String> = statements
        .iter()
        .filter_map(|(name, sql)| {
            let error = superuser.prepare(sql).err()?;
            let said = error
                .as_db_error()
                .map_or_else(|| error.to_string(), ToString::to_string);
            Some(format!("{name}: {said}\n    {sql}"))
        })
        .collect();
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

fn compiler_tests() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../server/compiler/tests")
}

/// The schema that stands there for what is never served is the extension's here.
fn schema() -> String {
    let text = fs::read_to_string(compiler_tests().join("catalog/schema.sql")).expect("schema.sql");
    text.replace("create schema auth;", "")
}

/// The statement in a line of a snapshot, if there is one.
type Mark = fn(&str) -> Option<&str>;

fn rest_statement(line: &str) -> Option<&str> {
    line.strip_prefix("sql  ")
}

/// One for each field of a mutation, with its number before it.
fn graphql_statement(line: &str) -> Option<&str> {
    let (number, sql) = line.split_once(": ")?;
    number.parse::<usize>().ok().map(|_| sql)
}

fn statements() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (directory, mark) in [
        ("snapshots", rest_statement as Mark),
        ("graphql/snapshots", graphql_statement),
    ] {
        for entry in fs::read_dir(compiler_tests().join(directory)).expect("snapshots") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("a snapshot");
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let found = text.lines().filter_map(mark);
            all.extend(found.map(|sql| (name.clone(), sql.to_owned())));
        }
    }
    all.sort();
    all
}
