//! The README's tables are generated from where options, settings and errors are defined. `WRITE_README=1 cargo test -p
//! fluxbase --test readme` brings them up to date.

use std::fs;
use std::path::Path;

#[test]
fn the_tables_of_the_readme_are_what_there_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let mut wanted = readme.clone();
    for (name, table) in [
        ("options", fluxbase_server::config::markdown_table()),
        ("settings", fluxbase_rules::settings::markdown_table()),
        ("errors", fluxbase_server::error::markdown_table()),
    ] {
        let opening = format!("<!-- {name}: ");
        let closing = format!("<!-- /{name} -->");
        let start = wanted.find(&opening).unwrap();
        let start = start + wanted[start..].find("-->\n").unwrap() + 4;
        let end = wanted.find(&closing).unwrap();
        wanted.replace_range(start..end, &format!("\n{table}\n"));
    }
    if std::env::var_os("WRITE_README").is_some() {
        fs::write(&path, &wanted).unwrap();
        return;
    }
    assert!(
        readme == wanted,
        "the README's tables are out of date: run WRITE_README=1 cargo test -p fluxbase --test readme"
    );
}
