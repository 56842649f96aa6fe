//! Secrets a test came across, looked for where they must not be; and a PostgreSQL that writes down all it can.

use crate::additions::{Addition, major};
use crate::cluster::Cluster;

/// What the log is told to hold: every statement with its parameters, nested ones and plans among them.
const TALKATIVE: &str = "
    log_statement = 'all'
    log_min_duration_statement = 0
    log_parameter_max_length = -1
    log_parameter_max_length_on_error = -1
    log_error_verbosity = verbose
    track_activity_query_size = 100000
    auto_explain.log_min_duration = 0
    auto_explain.log_analyze = on
    auto_explain.log_verbose = on
    auto_explain.log_triggers = on
    auto_explain.log_nested_statements = on
    pg_stat_statements.track = all
    pg_stat_statements.max = 10000
    pg_stat_statements.save = off
";

/// pgaudit with everything it writes.
const AUDITED: &str = "
    pgaudit.log = 'all'
    pgaudit.log_parameter = on
    pgaudit.log_relation = on
    pgaudit.log_client = off
";

/// A cluster with auto_explain and pg_stat_statements, and pgaudit where it is wanted.
pub fn talkative(pgaudit: bool, more: &str) -> Cluster {
    let root = crate::environment::postgres_root();
    let mut libraries = "fluxbase,auto_explain,pg_stat_statements".to_owned();
    let mut settings = TALKATIVE.to_owned();
    if major(&root).parse::<u32>().is_ok_and(|major| major >= 16) {
        settings.push_str("auto_explain.log_parameter_max_length = -1\n");
    }
    if pgaudit {
        assert!(Addition::Pgaudit.is_in(&root), "pgaudit is not there");
        libraries.push_str(",pgaudit");
        settings.push_str(AUDITED);
    }
    Cluster::start(&format!(
        "shared_preload_libraries = '{libraries}'\n{settings}\n{more}"
    ))
}

/// What was given out or typed in, under a name to complain with.
#[derive(Default)]
pub struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// Of a long one its end is looked for: a log may cut, and keys begin with a prefix that is no secret.
    pub fn add(&mut self, name: &str, secret: &str) {
        assert!(secret.len() >= 6, "{name} is too short to be looked for");
        let from = match secret.len() {
            0..=40 => 0,
            long => long - 30,
        };
        self.0.push((name.to_owned(), secret[from..].to_owned()));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of those that stand in the text, each with the line.
    pub fn found_in(&self, text: &str) -> Vec<String> {
        let found = |(name, secret): &(String, String)| {
            let line = text.lines().find(|line| stands_in(secret, line))?;
            let place = line.find(secret.as_str()).unwrap_or(0);
            let around: String = line
                .chars()
                .skip(line[..place].chars().count().saturating_sub(300))
                .take(600)
                .collect();
            Some(format!("{name}: …{around}…"))
        };
        self.0.iter().filter_map(found).collect()
    }

    /// None of them stands there, nor the hash of a password.
    #[track_caller]
    pub fn assert_absent(&self, what: &str, text: &str) {
        let mut found = self.found_in(text);
        if let Some(line) = text.lines().find(|line| line.contains("$argon2")) {
            let line: String = line.chars().take(600).collect();
            found.push(format!("the hash of a password: {line}…"));
        }
        assert!(found.is_empty(), "in {what}:\n{}", found.join("\n"));
    }
}

/// Digits stand by themselves: six of them are part of many a number.
fn stands_in(secret: &str, line: &str) -> bool {
    if !secret.bytes().all(|byte| byte.is_ascii_digit()) {
        return line.contains(secret);
    }
    let apart = |neighbour: Option<char>| {
        !neighbour.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_'))
    };
    line.match_indices(secret).any(|(place, _)| {
        apart(line[..place].chars().next_back())
            && apart(line[place + secret.len()..].chars().next())
    })
}
