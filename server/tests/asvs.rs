//! `tests/asvs.md` names tests by requirement. Here it is checked that every requirement is there once, that
//! every test it names stands in the sources, and that every heading it refers to does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// How many requirements each section of ASVS 5.0.0 has, of the chapters looked at.
const SECTIONS: [(&str, usize); 20] = [
    ("6.1", 3),
    ("6.2", 12),
    ("6.3", 8),
    ("6.4", 6),
    ("6.5", 8),
    ("6.6", 4),
    ("6.7", 2),
    ("6.8", 4),
    ("7.1", 3),
    ("7.2", 4),
    ("7.3", 2),
    ("7.4", 5),
    ("7.5", 3),
    ("7.6", 2),
    ("8.1", 4),
    ("8.2", 4),
    ("8.3", 3),
    ("8.4", 2),
    ("9.1", 3),
    ("9.2", 4),
];

/// Where the tests of each program are.
const PROGRAMS: [(&str, &str); 5] = [
    ("sql", "tests/sql"),
    ("http", "tests/http"),
    ("rules", "extension/rules/src"),
    ("server", "server/src"),
    ("sources", "server/tests"),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file that cannot be read is empty: what is looked for in it is missed.
fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// One line of the tables.
struct Row {
    number: String,
    verdict: String,
    text: String,
}

fn rows(markdown: &str) -> Vec<Row> {
    markdown
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .filter_map(|line| {
            let mut cells = line.splitn(3, " | ");
            let (number, verdict, text) = (cells.next()?, cells.next()?, cells.next()?);
            number
                .starts_with(|c: char| c.is_ascii_digit())
                .then(|| Row {
                    number: number.to_owned(),
                    verdict: verdict.to_owned(),
                    text: text.to_owned(),
                })
        })
        .collect()
}

/// What stands in backquotes and is a program and a name.
fn named(text: &str) -> Vec<(&str, &str)> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|quoted| quoted.split_once(' '))
        .filter(|(_, name)| name.contains("::"))
        .collect()
}

/// A source file, by its path below the program's folder.
struct Source {
    path: PathBuf,
    text: String,
}

fn sources(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = read(&path);
            found.push(Source { path, text });
        }
    }
}

/// A trial is listed under a name that is put together: a family, a name out of a table, perhaps something after it. The
/// table must be in a file that has the family, or whose `mod.rs` gives it the family.
fn is_a_trial(name: &str, sources: &[Source]) -> bool {
    let Some((family, name)) = name.split_once("::") else {
        return false;
    };
    sources.iter().any(|source| {
        if source.text.contains(&format!("\"{family}::{name}\"")) {
            return true;
        }
        // Most files have no part of it, and are done with.
        let parts = name
            .match_indices('_')
            .filter_map(|(end, _)| name.get(..end));
        let mut parts = parts.chain([name]);
        if !parts.any(|part| source.text.contains(&format!("\"{part}\""))) {
            return false;
        }
        ends_of(family, source, sources).into_iter().any(|end| {
            name.strip_suffix(end)
                .is_some_and(|start| source.text.contains(&format!("\"{start}\"")))
        })
    })
}

/// What is written after the names of a file: with `"token::{name}"` nothing, with `"grants::{role}_may_call"`
/// `_may_call`. In a folder whose `mod.rs` says `("family", file::`, what the folder writes after `"{family}::{name}"`.
fn ends_of<'a>(family: &str, source: &'a Source, sources: &'a [Source]) -> Vec<&'a str> {
    let mut ends = Vec::new();
    let own = format!("\"{family}::{{");
    find_ends(&source.text, &own, &mut ends);
    let beside = |other: &&Source| other.path.parent() == source.path.parent();
    let Some(parent) = sources
        .iter()
        .filter(beside)
        .find(|other| other.path.ends_with("mod.rs"))
    else {
        return ends;
    };
    find_ends(&parent.text, &own, &mut ends);
    let file = source.path.file_stem().unwrap_or_default();
    let given = format!("(\"{family}\", {}::", file.display());
    if parent.text.contains(&given) {
        for other in sources.iter().filter(beside) {
            find_ends(&other.text, "\"{family}::{", &mut ends);
        }
    }
    ends
}

fn find_ends<'a>(text: &'a str, opening: &str, ends: &mut Vec<&'a str>) {
    for (start, _) in text.match_indices(opening) {
        let rest = text.get(start + opening.len()..).unwrap_or_default();
        if let Some((_, after)) = rest.split_once('}')
            && let Some((end, _)) = after.split_once('"')
        {
            ends.push(end);
        }
    }
}

/// A unit test stands in the file of its module, or in the file of the module around it.
fn is_a_unit_test(name: &str, folder: &Path, sources: &[Source]) -> bool {
    let Some((module, name)) = name.rsplit_once("::") else {
        return false;
    };
    let inner = folder.join(module.replace("::", "/"));
    let outer = inner.parent().map(Path::to_path_buf).unwrap_or_default();
    let function = format!("fn {name}(");
    sources.iter().any(|source| {
        let path = source.path.with_extension("");
        let own = path == inner || (path == outer && module.ends_with("::tests"));
        own && source.text.contains("test") && source.text.contains(&function)
    })
}

/// As sites that show Markdown make them of headings.
fn anchors(markdown: &str) -> Vec<String> {
    markdown
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches(['#', ' '])
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

#[test]
fn every_requirement_is_there_once_with_a_verdict_that_has_what_it_needs() {
    let markdown = read(&repository().join("tests/asvs.md"));
    let anchors = anchors(&read(&repository().join("README.md")));
    let rows = rows(&markdown);
    let wanted: Vec<String> = SECTIONS
        .iter()
        .flat_map(|(section, count)| (1..=*count).map(move |nth| format!("{section}.{nth}")))
        .collect();
    let found: Vec<&str> = rows.iter().map(|row| row.number.as_str()).collect();
    assert_eq!(found, wanted);
    for Row {
        number,
        verdict,
        text,
    } in &rows
    {
        let links: Vec<&str> = text
            .split("(../README.md#")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once(')')?.0))
            .collect();
        for link in &links {
            assert!(anchors.iter().any(|a| a == link), "{number}: no #{link}");
        }
        let tests = named(text).len();
        let holds = match verdict.as_str() {
            "shown" => tests > 0,
            // What is to be set stands there by its name.
            "by setting" => tests > 0 && text.matches('`').count() / 2 > tests,
            "documented" => !links.is_empty(),
            "declined" => text.contains(' '),
            "n/a" => tests == 0 && !text.is_empty(),
            "open" => text.contains(' '),
            _ => false,
        };
        assert!(holds, "{number}: {verdict} does not go with: {text}");
    }
}

#[test]
fn every_test_that_is_named_stands_in_the_sources() {
    let mut programs = BTreeMap::new();
    for (program, folder) in PROGRAMS {
        let folder = repository().join(folder);
        let mut found = Vec::new();
        sources(&folder, &mut found);
        programs.insert(program, (folder, found));
    }
    let markdown = read(&repository().join("tests/asvs.md"));
    let mut missing = Vec::new();
    for row in rows(&markdown) {
        for (program, name) in named(&row.text) {
            let there = match (program, programs.get(program)) {
                ("sql" | "http", Some((_, sources))) => is_a_trial(name, sources),
                (_, Some((folder, sources))) => is_a_unit_test(name, folder, sources),
                (_, None) => false,
            };
            if !there {
                missing.push(format!("{}: {program} {name}", row.number));
            }
        }
    }
    assert!(missing.is_empty(), "tests that do not exist: {missing:#?}");
}
