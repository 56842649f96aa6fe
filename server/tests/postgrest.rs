//! `tests/postgrest.md` names, for each feature of PostgREST's documentation, the tests that show it or why it is not so. Here
//! it is checked that each line has one of the two, and that every test it names stands in the sources.

mod named;

use named::{missing, named, read, repository};

/// The pages of the documentation that the list goes through.
const PAGES: [&str; 15] = [
    "Tables and views",
    "Functions",
    "Schemas",
    "Computed fields",
    "Aggregate functions",
    "Domain representations",
    "Resource embedding",
    "Resource representation",
    "Media type handlers",
    "OPTIONS",
    "Pagination and count",
    "Prefer header",
    "URL grammar",
    "OpenAPI",
    "Errors",
];

/// A line of a table: feature, and what shows it.
fn rows(markdown: &str) -> Vec<(&str, &str)> {
    markdown
        .lines()
        .filter_map(|line| {
            line.strip_prefix("| ")?
                .strip_suffix(" |")?
                .split_once(" | ")
        })
        .filter(|(feature, _)| !feature.is_empty())
        .collect()
}

#[test]
fn every_page_is_there_and_every_feature_has_a_test_or_a_reason() {
    let markdown = read(&repository().join("tests/postgrest.md"));
    let pages: Vec<&str> = markdown
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    assert_eq!(pages, PAGES);
    let readme = read(&repository().join("README.md"));
    assert!(readme.contains("Differences, each with its reason"));
    for (feature, text) in rows(&markdown) {
        let differs = text.starts_with("differs: ");
        assert!(differs || !named(text).is_empty(), "{feature}: {text}");
    }
    for page in markdown.split("## ").skip(1) {
        assert!(!rows(page).is_empty(), "{page} has no line");
    }
}

#[test]
fn every_test_that_is_named_stands_in_the_sources() {
    let markdown = read(&repository().join("tests/postgrest.md"));
    let missing = missing(rows(&markdown));
    assert!(missing.is_empty(), "tests that do not exist: {missing:#?}");
}
