//! `tests/asvs.md` names tests by requirement. Here it is checked that every requirement is there once, that
//! every test it names stands in the sources, and that every heading it refers to does.

mod named;

use named::{missing, named, read, repository};

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
    let markdown = read(&repository().join("tests/asvs.md"));
    let rows = rows(&markdown);
    let missing = missing(
        rows.iter()
            .map(|row| (row.number.as_str(), row.text.as_str())),
    );
    assert!(missing.is_empty(), "tests that do not exist: {missing:#?}");
}
