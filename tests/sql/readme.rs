//! The README's walk through SQL does what the README says, typed into psql as it stands there.

use crate::seal::value;
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let loading = Arc::clone(fixture);
    vec![
        trial(
            &fixture.cluster,
            "readme::what_the_walk_through_sql_says_comes_out",
            walk,
        ),
        trial(
            &fixture.cluster,
            "readme::its_command_loads_a_list_of_breached_passwords",
            move || breached_passwords(&loading.database()),
        ),
    ]
}

/// The line of the README that loads the list, on a file in the form such lists have.
fn breached_passwords(database: &Database) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(path).expect("the README");
    let command = readme.lines().find(|line| line.starts_with("cut -c1-40 "));
    let command = command.expect("the command");
    let directory = database.fixture.cluster.directory.join(&database.name);
    fs::create_dir(&directory).expect("a directory");
    let list = "1BFB76B287EEEBF1B9803E871BE7A00280FFB148:3\r\n5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:10434004\r\n";
    fs::write(directory.join("pwned-passwords-sha1.txt"), list).expect("the list");
    // The psql of this cluster, on this database.
    let psql = database.fixture.cluster.program("psql");
    let output = Command::new("bash")
        .args([
            "-euo",
            "pipefail",
            "-c",
            &format!("psql() {{ \"$PSQL\" \"$@\"; }}; {command}"),
        ])
        .env("PSQL", psql.get_program())
        .envs(
            psql.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("PGDATABASE", &database.name)
        .current_dir(&directory)
        .output()
        .expect("bash runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let loaded =
        "select string_agg(encode(sha1, 'hex'), ' ' order by sha1) from auth.breached_passwords";
    assert_eq!(
        value(&mut database.superuser(), loaded)
            .expect("asked")
            .as_deref(),
        Some("1bfb76b287eeebf1b9803e871be7a00280ffb148 5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8")
    );
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
