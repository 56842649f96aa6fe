//! The README's table of names that are others here: it is complete, and what it says is there.

use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Tables and columns that applications may know.
const KNOWN: &[(&str, &str)] = &[
    (
        "auth.users",
        "id email password_hash email_verified role user_metadata app_metadata totp_secret totp_enabled backup_codes \
         failed_login_attempts is_locked locked_until created_at updated_at",
    ),
    (
        "auth.sessions",
        "id user_id access_token_hash refresh_token_hash expires_at created_at updated_at",
    ),
    (
        "auth.token_blacklist",
        "id token_jti token_type expires_at revoked_by reason created_at",
    ),
    (
        "auth.emergency_revocation",
        "id revokes_all revoked_jti revoked_by reason expires_at",
    ),
    (
        "auth.service_keys",
        "id name description key_hash key_prefix scopes enabled rate_limit_per_minute rate_limit_per_hour created_by \
         created_at last_used_at expires_at",
    ),
    (
        "auth.client_keys",
        "id name description key_hash key_prefix user_id scopes allowed_namespaces rate_limit_per_minute last_used_at \
         expires_at revoked_at",
    ),
    ("auth.api_keys", ""),
    ("auth.saml_providers", ""),
    ("auth.saml_sessions", ""),
    ("auth.saml_assertion_ids", ""),
    (
        "auth.two_factor_setups",
        "user_id factor_id secret qr_code_data_uri otpauth_uri expires_at verified",
    ),
    (
        "auth.two_factor_recovery_attempts",
        "user_id code_used success attempted_at ip_address",
    ),
    ("auth.password_reset_tokens", "expires_at used_at"),
    ("auth.magic_links", "expires_at used_at"),
    ("auth.otp_codes", "expires_at used_at"),
    ("auth.email_verification_tokens", "expires_at used_at"),
    ("auth.nonces", "expires_at used_at"),
    ("auth.impersonation_sessions", ""),
    ("auth.rls_audit_log", ""),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let fixture = Arc::clone(fixture);
    let cluster = Arc::clone(&fixture.cluster);
    let name = "names::the_readme_says_of_every_known_name_what_it_is_here";
    vec![trial(&cluster, name, move || told(&fixture.database()))]
}

/// All tables and all columns, with their schemas.
fn present(database: &Database) -> BTreeSet<String> {
    let rows = database.superuser().query(
        "select c.oid::regclass::text || case when a.attnum > 0 then '.' || a.attname else '' end from pg_class c \
         join pg_attribute a on a.attrelid = c.oid and (a.attnum > 0 or a.attname = 'ctid') and not a.attisdropped \
         where c.relkind = 'r' and c.relnamespace in ('auth'::regnamespace, 'audit'::regnamespace)",
        &[],
    );
    rows.expect("asked").iter().map(|row| row.get(0)).collect()
}

/// What stands in backquotes and is a table or column of ours or theirs.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.filter(|name| name.starts_with("auth.") || name.starts_with("audit."))
}

fn told(database: &Database) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(path).expect("the README");
    let (_, section) = readme
        .split_once("### Names in SQL\n")
        .expect("the section");
    let (section, _) = section.split_once("\n## ").expect("its end");
    let present = present(database);
    let mut here: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').collect();
        for name in names(cells[1]) {
            assert!(!present.contains(name), "{name} is there");
            let targets =
                names(cells[2]).filter(|name| *name != "auth.factor" && *name != "auth.totp_setup");
            let targets: BTreeSet<&str> = targets.collect();
            for target in &targets {
                assert!(present.contains(*target), "{name}: {target} is not there");
            }
            assert!(
                here.insert(name, targets).is_none(),
                "{name} is there twice"
            );
        }
    }
    for (table, columns) in KNOWN {
        let told = |name: &str| present.contains(name) || here.contains_key(name);
        assert!(told(table), "{table}: say what it is here");
        for column in columns.split_whitespace() {
            let name = format!("{table}.{column}");
            // A column that has its name in the table that stands for this one.
            let moved = here.get(table).is_some_and(|targets| {
                let columns = targets.iter().map(|target| format!("{target}.{column}"));
                columns.into_iter().any(|name| present.contains(&name))
            });
            let nothing = here.get(table).is_some_and(BTreeSet::is_empty);
            assert!(
                told(&name) || moved || nothing,
                "{name}: say what it is here"
            );
        }
    }
    let known = |name: &str| {
        KNOWN.iter().any(|(table, columns)| {
            let column = name
                .strip_prefix(table)
                .and_then(|rest| rest.strip_prefix('.'));
            name == *table
                || column
                    .is_some_and(|column| columns.split_whitespace().any(|known| known == column))
        })
    };
    let unknown: Vec<_> = here.keys().filter(|name| !known(name)).collect();
    assert!(unknown.is_empty(), "whose names are these? {unknown:?}");
}
