//! One way to break the seal, told and tried.

use super::ask::{assert_ann, assert_nobody, enter, sqlstate, value};
use fluxbase_tests::fixture::{Database, Fixture, Shared};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Error;
use std::sync::Arc;
use std::time::Duration;

/// insufficient_privilege: what a refusal of the seal says.
pub const REFUSED: Outcome = Outcome::Refused("42501");

/// What must come of an attack.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// An error with this SQLSTATE.
    Refused(&'static str),
    /// It runs and changes nothing.
    NoEffect,
}

/// Who runs a twin.
#[derive(Clone, Copy, Debug)]
pub enum As {
    /// In a transaction that entered as Ann.
    Ann,
    /// The server's login, nobody entered.
    App,
    /// The superuser.
    Super,
    /// A member of fluxbase_trusted.
    Trusted,
    /// Any other login.
    Plain,
}

/// An attack with its twin.
pub struct Case {
    name: &'static str,
    story: &'static str,
    before: &'static str,
    attack: &'static str,
    outcome: Outcome,
    twin: (As, &'static str, &'static str),
}

/// Begins a case: the name of the test and the attack told in a sentence.
pub fn case(name: &'static str, story: &'static str) -> Case {
    Case {
        name,
        story,
        before: "",
        attack: "",
        outcome: REFUSED,
        twin: (As::Ann, "", ""),
    }
}

impl Case {
    /// What the superuser, as the author of the schema, has done before.
    pub fn before(mut self, sql: &'static str) -> Self {
        self.before = sql;
        self
    }

    /// The attack, as one query string, and the error it must end in.
    pub fn refused(mut self, attack: &'static str, outcome: Outcome) -> Self {
        self.attack = attack;
        self.outcome = outcome;
        self
    }

    /// The attack that may run but must not change anything.
    pub fn no_effect(self, attack: &'static str) -> Self {
        self.refused(attack, Outcome::NoEffect)
    }

    /// The allowed twin, and the first column of its last row.
    pub fn twin(mut self, who: As, sql: &'static str, gives: &'static str) -> Self {
        self.twin = (who, sql, gives);
        self
    }

    /// As a test of this family.
    pub fn trial(self, family: &str, fixture: &Arc<Fixture>, shared: &Arc<Shared>) -> Trial {
        assert!(
            !self.attack.is_empty() && !self.twin.1.is_empty(),
            "{} is incomplete",
            self.name
        );
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        let shared = Arc::clone(shared);
        trial(&cluster, format!("{family}::{}", self.name), move || {
            // Attacks are rolled back; only the schema's author and a superuser's twin leave something.
            if self.before.is_empty() && !matches!(self.twin.0, As::Super) {
                self.run(shared.database());
            } else {
                self.run(&fixture.database());
            }
        })
    }

    fn run(&self, database: &Database) {
        let mut superuser = database.superuser();
        superuser
            .batch_execute(&database.fixture.fill(self.before))
            .expect("the schema's author");
        self.straight(database);
        self.in_a_savepoint(database);
        self.in_the_same_string(database);
        self.with_the_refusal_swallowed(database);
        self.run_twin(database);
    }

    #[track_caller]
    fn judge<T>(&self, outcome: &Result<T, postgres::Error>) {
        let expected = match self.outcome {
            Outcome::Refused(state) => Some(state),
            Outcome::NoEffect => None,
        };
        let said = outcome.as_ref().err().map(|error| format!("{error:?}"));
        assert_eq!(
            sqlstate(outcome).as_deref(),
            expected,
            "{}: {} → {said:?}",
            self.story,
            self.attack
        );
    }

    fn straight(&self, database: &Database) {
        let mut app = database.app();
        enter(&mut app, &database.fixture);
        assert_ann(&mut app, &database.fixture);
        let outcome = app.simple_query(&database.fixture.fill(self.attack));
        self.judge(&outcome);
        if outcome.is_ok() {
            assert_ann(&mut app, &database.fixture);
        }
        app.batch_execute("commit").expect("the transaction ends");
        assert_nobody(&mut app);
    }

    fn in_a_savepoint(&self, database: &Database) {
        let mut app = database.app();
        enter(&mut app, &database.fixture);
        app.batch_execute("savepoint before_the_attack")
            .expect("a savepoint");
        let outcome = app.simple_query(&database.fixture.fill(self.attack));
        self.judge(&outcome);
        app.batch_execute("rollback to savepoint before_the_attack")
            .expect("back to the savepoint");
        assert_ann(&mut app, &database.fixture);
        app.batch_execute("release savepoint before_the_attack")
            .expect("released");
        assert_ann(&mut app, &database.fixture);
        app.batch_execute("commit").expect("the transaction ends");
        assert_nobody(&mut app);
    }

    fn in_the_same_string(&self, database: &Database) {
        let mut app = database.app();
        let string = format!(
            "begin; select auth.enter('{{ANN}}'); {}; select secret from public.vault",
            self.attack.trim_end_matches(';')
        );
        let outcome = app.simple_query(&database.fixture.fill(&string));
        let expected = match self.outcome {
            Outcome::Refused(state) => state,
            Outcome::NoEffect => "42501",
        };
        assert_eq!(
            sqlstate(&outcome).as_deref(),
            Some(expected),
            "{}",
            self.story
        );
        app.batch_execute("rollback").expect("the transaction ends");
        assert_nobody(&mut app);
    }

    /// A function of an application may catch any error and go on.
    fn with_the_refusal_swallowed(&self, database: &Database) {
        let mut app = database.app();
        enter(&mut app, &database.fixture);
        let attack = database.fixture.fill(self.attack).replace('\'', "''");
        let block = format!(
            "do $swallow$ begin begin execute '{attack}'; exception when others then null; end; end $swallow$"
        );
        let outcome = app.batch_execute(&block);
        assert!(
            matches!(
                sqlstate(&outcome).as_deref(),
                None | Some("42501" | "2D000" | "25001" | "0A000" | "57014")
            ),
            "{outcome:?}"
        );
        if outcome.is_ok() {
            assert_ann(&mut app, &database.fixture);
        }
        app.batch_execute("rollback").expect("the transaction ends");
        assert_nobody(&mut app);
    }

    fn run_twin(&self, database: &Database) {
        let (who, sql, gives) = self.twin;
        let mut client = match who {
            As::Ann => {
                let mut app = database.app();
                enter(&mut app, &database.fixture);
                app
            }
            As::App => database.app(),
            As::Super => database.superuser(),
            As::Trusted => database.connect("trusty"),
            As::Plain => database.connect("plain"),
        };
        let sql = database.fixture.fill(sql);
        let mut given = value(&mut client, &sql);
        // Roles belong to the cluster: of two tests that change one at the same moment PostgreSQL fails one.
        for _ in 0..20 {
            let beside = |error: &Error| {
                let said = error.as_db_error();
                said.is_some_and(|said| said.message() == "tuple concurrently updated")
            };
            match &given {
                Err(error) if beside(error) => {
                    std::thread::sleep(Duration::from_millis(20));
                    given = value(&mut client, &sql);
                }
                _ => break,
            }
        }
        let given = given.unwrap_or_else(|error| {
            panic!("the twin of {} is refused: {sql}: {error:?}", self.name)
        });
        assert_eq!(
            given.unwrap_or_default(),
            database.fixture.fill(gives),
            "twin of {}",
            self.name
        );
    }
}
