//! Where the parts under test are.

use std::path::{Path, PathBuf};

fn given(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests live one level below the repository")
}

/// The server root: `bin/` with initdb, pg_ctl, psql, pg_dump, and the extension installed.
pub fn postgres_root() -> PathBuf {
    given("FLUXBASE_TEST_PG_ROOT")
        .expect("FLUXBASE_TEST_PG_ROOT must name a PostgreSQL root with the extension installed")
}

/// The script that makes, starts and stops private clusters.
pub fn cluster_script() -> PathBuf {
    given("FLUXBASE_TEST_CLUSTER").unwrap_or_else(|| repository().join("deploy/cluster"))
}

/// The server's binary.
pub fn server_binary() -> PathBuf {
    given("FLUXBASE_TEST_SERVER").expect("FLUXBASE_TEST_SERVER must name the fluxbase binary")
}

/// `database.executor` of the servers that say nothing of it: all tests hold on each.
pub fn executor() -> String {
    std::env::var("FLUXBASE_TEST_EXECUTOR").unwrap_or_else(|_| "wire".into())
}

/// The extension's library built for another major version than the one under test.
pub fn library_of_another_major() -> PathBuf {
    given("FLUXBASE_TEST_OTHER_MAJOR").expect(
        "FLUXBASE_TEST_OTHER_MAJOR must name fluxbase.so built for another PostgreSQL major",
    )
}
