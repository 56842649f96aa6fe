//! Who may call what: the whole list, so that a function somebody adds is closed until somebody opens it here too.

use crate::seal::value;
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

/// What tells a session only about itself.
const EVERYBODY: &str = "aal current_user_id current_user_role disable_rls email enable_rls is_admin is_authenticated \
    jwks jwt role session_id uid";
/// The doors, of the server's login.
const DOORS: &str = "check_password_reset check_settings confirm_email enter enter enter_anonymous key_limits public_config refresh \
    request_email_code request_email_confirmation request_magic_link request_password_reset reset_password \
    setup_admin setup_status sign_in \
    sign_in_anonymously sign_in_with_email_code sign_in_with_magic_link sign_up totp_enable totp_setup verify_factor";
const MAILER: &str = "mail_failed mail_sent take_mail";
/// What an entered user calls; who may do what of it is decided by the functions.
const ENTERED: &str = "admin_audit admin_create_user admin_delete_user admin_get_user admin_list_sessions \
    admin_list_users admin_lock_user admin_me admin_remove_factor admin_reset_password admin_revoke_session \
    admin_revoke_token admin_revoke_user admin_unlock_user \
    admin_update_user change_client_key change_service_key create_client_key create_service_key end_impersonation \
    get_client_key get_impersonation get_service_key get_user impersonate impersonate_role link_identity list_client_keys list_identities \
    list_impersonations list_service_keys list_sessions reauthenticate refresh_schema revoke_everything revoke_other_sessions \
    revoke_session revoke_token rotate_service_key service_key_revocations sign_out totp_backup_codes totp_disable totp_enable totp_setup \
    totp_status unlink_identity update_user";
/// Written around the number of rows of a write.
const ROWS: &str = "at_most exactly_one";
const VISITOR: &str = "end_impersonation get_impersonation sign_out";
const TRUSTED_DOORS: &str = "check_password_reset confirm_email enter enter enter_anonymous public_config refresh \
    request_email_code request_email_confirmation request_magic_link request_password_reset reset_password \
    setup_admin setup_status sign_in \
    sign_in_anonymously sign_in_with_email_code sign_in_with_magic_link sign_up verify_factor";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let roles: [(&str, &[&str]); 7] = [
        ("plain", &[]),
        ("anon", &[VISITOR, ROWS]),
        ("authenticated", &[ENTERED, ROWS]),
        ("service_role", &[ENTERED, ROWS]),
        ("fluxbase_app", &[DOORS]),
        ("fluxbase_mailer", &[MAILER]),
        ("fluxbase_trusted", &[ENTERED, TRUSTED_DOORS]),
    ];
    for (role, given) in roles {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(
            &cluster,
            format!("grants::{role}_may_call_this_and_nothing_else"),
            move || callable(&fixture.database(), role, given),
        ));
    }
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("grants::{name}"), move || {
            body(&fixture.database())
        }));
    };
    add("everything_belongs_to_the_owner", owned);
    add("what_runs_as_the_owner_has_a_path_nobody_chooses", paths);
    add("no_door_takes_a_moment", moments);
    trials
}

fn callable(database: &Database, role: &str, given: &[&str]) {
    let mut expected: Vec<&str> = given
        .iter()
        .chain([&EVERYBODY])
        .flat_map(|names| names.split_whitespace())
        .collect();
    expected.sort_unstable();
    let found = value(
        &mut database.superuser(),
        &format!(
            "select string_agg(p.proname, ' ' order by p.proname collate \"C\") from pg_proc p \
             where p.pronamespace in ('auth'::regnamespace, 'audit'::regnamespace) and has_function_privilege('{role}', p.oid, 'execute')"
        ),
    );
    assert_eq!(
        found.expect("asked").unwrap_or_default(),
        expected.join(" ")
    );
}

fn owned(database: &Database) {
    let strangers = value(
        &mut database.superuser(),
        "select string_agg(what, ', ') from ( \
           select c.oid::regclass::text as what from pg_class c where c.relnamespace in ('auth'::regnamespace, 'audit'::regnamespace) \
             and c.relowner <> 'fluxbase_admin'::regrole \
           union all select p.oid::regprocedure::text from pg_proc p where p.pronamespace in ('auth'::regnamespace, 'audit'::regnamespace) \
             and p.proowner <> 'fluxbase_admin'::regrole \
           union all select n.nspname from pg_namespace n where n.nspname in ('auth', 'audit') and n.nspowner <> 'fluxbase_admin'::regrole) as s",
    );
    assert_eq!(strangers.expect("asked"), None);
    let strong = value(
        &mut database.superuser(),
        "select string_agg(rolname, ', ') from pg_roles where rolname ~ '^fluxbase_' and (rolsuper or rolcreaterole or rolcreatedb \
           or rolreplication or rolbypassrls)",
    );
    assert_eq!(strong.expect("asked"), None);
}

fn paths(database: &Database) {
    let open = value(
        &mut database.superuser(),
        "select string_agg(p.oid::regprocedure::text, ', ') from pg_proc p \
         where p.pronamespace in ('auth'::regnamespace, 'audit'::regnamespace) and p.prosecdef \
           and p.proconfig is distinct from array['search_path=pg_catalog, pg_temp']",
    );
    assert_eq!(open.expect("asked"), None);
}

/// What time it is, is the database's to say: of all that anybody may call one function takes a moment, and that is how long
/// a revocation is kept.
fn moments(database: &Database) {
    let takes = |roles: &str| {
        let asked = format!(
            "select string_agg(distinct p.oid::regprocedure::text, ', ') from pg_proc p cross join unnest(p.proargtypes) as a(type) \
             join pg_type t on t.oid = a.type and t.typcategory in ('D', 'T') \
             where p.pronamespace in ('auth'::regnamespace, 'audit'::regnamespace) \
               and exists (select from unnest('{{{roles}}}'::text[]) as r(name) where has_function_privilege(r.name, p.oid, 'execute'))"
        );
        value(&mut database.superuser(), &asked)
            .expect("asked")
            .unwrap_or_default()
    };
    let revocation = "auth.revoke_token(text,text,timestamp with time zone)";
    let anybody = "anon,authenticated,service_role,fluxbase_app,fluxbase_mailer,fluxbase_trusted";
    assert_eq!(takes(anybody), revocation);
    // The twin: owners of the database say how long a key is good.
    let owners = takes("fluxbase_admin");
    assert!(owners.contains("auth.mint_key(text,interval)"), "{owners}");
}
