//! The README's walk through SQL does what the README says, typed into psql as it stands there.

use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    vec![trial(
        &fixture.cluster,
        "readme::what_the_walk_through_sql_says_comes_out",
        walk,
    )]
}

/// What begins an expectation, in a comment at the end of a line or on a line of its own.
const EXPECTED: &str = "-- → ";

/// The ```sql blocks between the markers, one after the other.
fn script() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(path).expect("the README");
    let (_, rest) = readme.split_once("<!-- walk:").expect("the walk begins");
    let (walk, _) = rest.split_once("<!-- /walk -->").expect("the walk ends");
    walk.split("```sql\n")
        .skip(1)
        .map(|rest| rest.split_once("```").expect("a block ends").0)
        .collect()
}

/// Columns are written ` | ` in the README and come out of psql as `|`.
fn columns(line: &str) -> Vec<&str> {
    line.split('|').map(str::trim).collect()
}

fn walk() {
    let script = script();
    let expected: Vec<_> = script
        .lines()
        .filter_map(|line| line.split_once(EXPECTED))
        .map(|(_, text)| columns(text))
        .collect();
    assert!(expected.len() > 5, "the walk shows something: {script}");
    // A cluster of its own: the walk begins where a stranger does, without any role of ours.
    let cluster = Cluster::start("");
    let path = cluster.directory.join("walk.sql");
    fs::write(&path, &script).expect("a file for psql");
    let said = cluster.directory.join("walk.out");
    let out = fs::File::create(&said).expect("a file for what it says");
    let status = cluster
        .program("psql")
        // Rows alone, and errors without their hints: what the README shows of them.
        .args(["-X", "-q", "-A", "-t", "-v", "VERBOSITY=terse", "postgres"])
        .stdin(fs::File::open(&path).expect("the script"))
        .stderr(Stdio::from(out.try_clone().expect("the same file")))
        .stdout(Stdio::from(out))
        .status()
        .expect("psql starts");
    let said = fs::read_to_string(said).expect("what psql said");
    assert!(status.success(), "{said}");
    let lines: Vec<_> = said
        .lines()
        // A function that returns nothing comes out as an empty line.
        .filter(|line| !line.is_empty())
        .map(columns)
        .collect();
    assert_eq!(lines, expected, "psql said:\n{said}");
}
