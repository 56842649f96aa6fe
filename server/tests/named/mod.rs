//! Tests that documents name, and whether they stand in the sources.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the tests of each program are.
const PROGRAMS: [(&str, &str); 5] = [
    ("sql", "tests/sql"),
    ("http", "tests/http"),
    ("rules", "extension/rules/src"),
    ("server", "server/src"),
    ("sources", "server/tests"),
];

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A file that cannot be read is empty: what is looked for in it is missed.
pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// What stands in backquotes and is a program and a name.
pub fn named(text: &str) -> Vec<(&str, &str)> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|quoted| quoted.split_once(' '))
        .filter(|(_, name)| name.contains("::"))
        .collect()
}

/// A source file, by its path below the program's folder.
pub struct Source {
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
    let Some((family, name)) = name.rsplit_once("::") else {
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
    // A family inside another one.
    if let Some((outer, inner)) = family.split_once("::")
        && parent
            .text
            .contains(&format!("(\"{inner}\", {}::", file.display()))
    {
        let opening = format!("\"{outer}::{{family}}::{{");
        find_ends(&parent.text, &opening, &mut ends);
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

/// Those of the named tests that no source has, with what names them.
pub fn missing<'a>(texts: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let mut programs = BTreeMap::new();
    for (program, folder) in PROGRAMS {
        let folder = repository().join(folder);
        let mut found = Vec::new();
        sources(&folder, &mut found);
        programs.insert(program, (folder, found));
    }
    let mut missing = Vec::new();
    for (of, text) in texts {
        for (program, name) in named(text) {
            let there = match (program, programs.get(program)) {
                ("sql" | "http", Some((_, sources))) => is_a_trial(name, sources),
                (_, Some((folder, sources))) => is_a_unit_test(name, folder, sources),
                (_, None) => false,
            };
            if !there {
                missing.push(format!("{of}: {program} {name}"));
            }
        }
    }
    missing
}
