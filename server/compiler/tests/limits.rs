//! How much one read may take out.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code outside test functions"
)]

mod common;

use fluxbase_compiler::plan::{self, Act, Limits};
use fluxbase_compiler::{Error, rest};

/// The limit of the plan of `GET /posts?query`.
fn limit(query: &str, limits: &Limits) -> Result<Option<u64>, Error> {
    let catalog = common::catalog();
    common::Text::read(&format!("GET /posts?{query}")).with(|request| {
        let ask = rest::parse(request)?;
        match plan::plan(&ask, &catalog, limits)?.act {
            Act::Read(read) => Ok(read.limit),
            other => panic!("{other:?}"),
        }
    })
}

const SMALL: Limits = Limits {
    default_page_size: 10,
    max_page_size: 50,
    max_total_results: Some(100),
    aggregates: true,
    plans: false,
};
const UNLIMITED: Limits = Limits {
    max_total_results: None,
    ..SMALL
};

#[test]
fn a_read_without_a_limit_takes_the_default_page() {
    assert_eq!(limit("", &SMALL), Ok(Some(10)));
    assert_eq!(limit("limit=3", &SMALL), Ok(Some(3)));
    assert_eq!(limit("limit=0", &SMALL), Ok(Some(0)));
}

#[test]
fn a_larger_limit_is_cut_to_the_largest_page() {
    assert_eq!(limit("limit=50", &SMALL), Ok(Some(50)));
    assert_eq!(limit("limit=51", &SMALL), Ok(Some(50)));
    assert_eq!(limit("limit=9223372036854775807", &UNLIMITED), Ok(Some(50)));
}

#[test]
fn no_page_reaches_beyond_the_last_row_served() {
    assert_eq!(limit("limit=50&offset=50", &SMALL), Ok(Some(50)));
    assert_eq!(limit("limit=50&offset=95", &SMALL), Ok(Some(5)));
    assert_eq!(limit("offset=100", &SMALL), Ok(Some(0)));
    assert!(limit("offset=101", &SMALL).is_err());
    assert_eq!(
        limit("limit=50&offset=9223372036854775807", &UNLIMITED),
        Ok(Some(50))
    );
}

#[test]
fn a_row_pinned_by_its_key_needs_no_limit() {
    assert_eq!(limit("id=eq.1", &SMALL), Ok(None));
    assert_eq!(limit("id=eq.1&title=eq.x&limit=1", &SMALL), Ok(None));
    for unpinned in [
        "id=neq.1",
        "id=not.eq.1",
        "id=in.(1)",
        "or=(id.eq.1,id.eq.2)",
        "title=eq.1",
        "not.and=(id.eq.1)",
    ] {
        assert_eq!(limit(unpinned, &SMALL), Ok(Some(10)), "{unpinned}");
    }
    // Asking for no row at all is not asking for one.
    assert_eq!(limit("id=eq.1&limit=0", &SMALL), Ok(Some(0)));
}
