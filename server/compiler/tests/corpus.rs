//! Every request in `corpus/` with what each stage makes of it. A new file there is a new test; the snapshot beside it
//! is reviewed like code, because the SQL in it is what runs. `INSTA_UPDATE=always cargo test -p fluxbase-compiler --test
//! corpus` records what is new or has changed.

mod common;

use std::fmt::Write as _;

#[test]
fn every_request_compiles_as_recorded() {
    let catalog = common::catalog();
    let names = common::tokens::names(&catalog);
    let corpus = common::corpus();
    assert!(
        corpus.len() >= 60,
        "the corpus has shrunk to {}",
        corpus.len()
    );
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(common::tests().join("snapshots"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, text) in corpus {
            let mut stages = String::new();
            let statement = text
                .compile(&catalog, |ask, plan| {
                    write!(stages, "ask  {ask:#?}\n\nplan {plan:#?}\n").unwrap()
                })
                .unwrap_or_else(|error| panic!("{name} is refused: {error}"));
            common::tokens::judge(&statement, &names)
                .unwrap_or_else(|problem| panic!("{name}: {problem}"));
            writeln!(stages, "\nsql  {}", statement.sql).unwrap();
            for (index, param) in statement.params.iter().enumerate() {
                writeln!(stages, "     ${} = {param}", index + 1).unwrap();
            }
            write!(
                stages,
                "     {:?} {:?}\n     {:?}",
                statement.access, statement.columns, statement.reply
            )
            .unwrap();
            insta::assert_snapshot!(name, stages);
        }
    });
}

#[test]
fn no_snapshot_outlives_its_request() {
    let requests: Vec<String> = common::corpus().into_iter().map(|(name, _)| name).collect();
    for entry in std::fs::read_dir(common::tests().join("snapshots")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap();
        assert!(
            requests.iter().any(|request| request == name),
            "{name} has no request any more"
        );
    }
}
