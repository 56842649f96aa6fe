//! Every function, asked by everybody who may not.

use super::Test;
use crate::acts::{
    act, act_as, assert_refused, count, enters, promoted, state, superuser, text, try_as,
};
use crate::seal::{sqlstate, value};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use postgres::Client;
use serde_json::{Value, json};

pub fn tests() -> Vec<Test> {
    vec![
        ("users_are_no_administrators", users),
        ("roles_that_sound_like_administrators_are_none", other_roles),
        ("visitors_and_other_logins_reach_no_function", strangers),
        ("a_trusted_login_is_what_it_claims", trusted),
        ("an_admin_acts_on_nobody_above", nobody_above),
        ("an_admin_gives_no_role_above", no_role_above),
        ("an_admin_acts_on_users_and_on_admins", acts),
        (
            "a_demoted_administrator_is_none_at_the_next_statement",
            demoted,
        ),
        (
            "only_owners_of_the_database_make_the_first_administrator",
            first,
        ),
    ]
}

/// Every function for administrators; {ID} is a user, {SESSION} a session of that user.
const CALLS: [&str; 26] = [
    "auth.admin_list_users()",
    "auth.admin_me()",
    "auth.admin_get_user('{ID}')",
    "auth.admin_create_user('new@example.com')",
    "auth.admin_update_user('{ID}', '{\"role\": \"admin\"}')",
    "auth.admin_reset_password('{ID}')",
    "auth.admin_remove_factor('{ID}')",
    "auth.admin_delete_user('{ID}')",
    "auth.admin_lock_user('{ID}')",
    "auth.admin_unlock_user('{ID}')",
    "auth.admin_list_sessions()",
    "auth.admin_revoke_session('{SESSION}')",
    "auth.admin_revoke_user('{ID}')",
    "auth.revoke_everything()",
    "auth.revoke_everything(true)",
    "auth.admin_audit()",
    "auth.refresh_schema()",
    "auth.create_service_key('{\"name\": \"k\"}')",
    "auth.rotate_service_key('{ID}')",
    "auth.list_service_keys()",
    "auth.get_service_key('{ID}')",
    "auth.service_key_revocations('{ID}')",
    "auth.change_service_key('{ID}', 'revoke')",
    "auth.impersonate('{ID}', 'a reason')",
    "auth.impersonate_role('anon', 'a reason')",
    "auth.list_impersonations()",
];
const REVOKE_TOKEN: &str = "to_jsonb(auth.revoke_token('x')::text)";

fn calls(database: &Database, target: &Account) -> Vec<String> {
    let session = format!(
        "select id from auth.sessions where user_id = '{}' limit 1",
        target.id
    );
    let session = value(&mut database.superuser(), &session)
        .expect("asked")
        .expect("a session");
    CALLS
        .iter()
        .map(|call| {
            call.replace("{ID}", &target.id)
                .replace("{SESSION}", &session)
        })
        .collect()
}

/// Nothing is done, and nothing is told of who there is.
#[track_caller]
fn assert_no_administrator(database: &Database, app: &mut Client, token: &str) {
    let before = state(database);
    for call in calls(database, &database.fixture.bob) {
        let reply = act_as(app, token, &call, &[]);
        assert_eq!(
            reply,
            json!({"error": "Administrators only", "code": "ADMIN_REQUIRED"}),
            "{call}"
        );
    }
    assert_eq!(
        try_as(app, token, REVOKE_TOKEN, &[]),
        Err("42501".to_owned())
    );
    assert_eq!(
        try_as(
            app,
            token,
            "auth.create_admin('new@example.com', 'Another-Horse-8-Battery')",
            &[]
        ),
        Err("42501".to_owned())
    );
    assert_eq!(state(database), before);
}

fn users(database: &Database) {
    let mut app = database.app();
    assert_no_administrator(database, &mut app, &database.fixture.ann.token);
    let options = json!({"name": "k", "scopes": ["*"]});
    let key = act_as(
        &mut app,
        &database.fixture.ann.token,
        "auth.create_client_key($1)",
        &[&options],
    );
    assert_no_administrator(database, &mut app, &text(&key, "key"));
    // Unknown ids are no different.
    let unknown = "auth.admin_get_user('00000000-0000-0000-0000-000000000001')";
    assert_refused(
        &act_as(&mut app, &database.fixture.ann.token, unknown, &[]),
        "ADMIN_REQUIRED",
    );
}

fn other_roles(database: &Database) {
    let mut account = database.fixture.ann.clone();
    for role in [
        "editor",
        "Admin",
        "admin2",
        "administrator",
        "superuser",
        "postgres",
        "fluxbase_admin",
        "fluxbase_app",
        "dashboard-admin",
    ] {
        account = promoted(database, &account, role);
        assert_no_administrator(database, &mut database.app(), &account.token);
    }
    let account = promoted(database, &account, "admin");
    let reply = act_as(
        &mut database.app(),
        &account.token,
        "auth.admin_list_users()",
        &[],
    );
    assert_eq!(reply["total"], 2);
}

fn strangers(database: &Database) {
    let mut app = database.app();
    let before = state(database);
    for call in calls(database, &database.fixture.bob)
        .iter()
        .map(String::as_str)
        .chain([REVOKE_TOKEN])
    {
        assert_eq!(
            try_as(&mut app, &database.fixture.anon_key, call, &[]),
            Err("42501".to_owned()),
            "{call}"
        );
        let nobody = app.batch_execute(&format!(
            "begin; select auth.enter_anonymous(); select {call}"
        ));
        assert_eq!(sqlstate(&nobody).as_deref(), Some("42501"), "{call}");
        app.batch_execute("rollback").expect("ends");
        for login in ["fluxbase_app", "plain", "fluxbase_mailer"] {
            let outcome = database
                .connect(login)
                .batch_execute(&format!("select {call}"));
            assert_eq!(
                sqlstate(&outcome).as_deref(),
                Some("42501"),
                "{login}: {call}"
            );
        }
    }
    for helper in [
        "caller_rank()",
        "scope_refusal('read:auth')",
        "admin_refusal('read:auth')",
        "service_key_refusal('read:auth')",
        "sensitive_refusal('{}')",
        "act_on_refusal(null, '{}')",
        "create_admin('a@example.com', 'x')",
    ] {
        for login in ["fluxbase_app", "plain", "trusty"] {
            let outcome = database
                .connect(login)
                .batch_execute(&format!("select auth.{helper}"));
            assert_eq!(
                sqlstate(&outcome).as_deref(),
                Some("42501"),
                "{login}: {helper}"
            );
        }
    }
    assert_eq!(state(database), before);
}

fn trusted(database: &Database) {
    let mut trusty = database.connect("trusty");
    let before = state(database);
    let bob = &database.fixture.bob.id;
    for claims in [
        "",
        r#"{"role": "authenticated"}"#,
        r#"{"role": "anon"}"#,
        r#"{"role": "fluxbase_admin"}"#,
    ] {
        trusty
            .execute(
                "select set_config('request.jwt.claims', $1, false)",
                &[&claims],
            )
            .expect("claimed");
        for call in calls(database, &database.fixture.bob) {
            assert_eq!(
                act(&mut trusty, &call, &[])["code"],
                "ADMIN_REQUIRED",
                "{claims}: {call}"
            );
        }
    }
    assert_eq!(state(database), before);
    trusty
        .batch_execute(r#"set request.jwt.claims = '{"role": "admin"}'"#)
        .expect("claimed");
    let reply = act(&mut trusty, "auth.admin_lock_user($1::text::uuid)", &[bob]);
    assert_eq!(reply, json!({"message": "The user was locked"}));
}

/// Every act on a user, as `admin` on those above.
fn nobody_above(database: &Database) {
    let admin = promoted(database, &database.fixture.ann, "admin");
    let mut bob = database.fixture.bob.clone();
    let mut app = database.app();
    let above =
        json!({"error": "This needs a higher role than yours", "code": "INSUFFICIENT_PERMISSIONS"});
    for role in ["dashboard_admin", "instance_admin", "service_role"] {
        bob = promoted(database, &bob, role);
        let before = state(database);
        for call in calls(database, &bob) {
            let reply = act_as(&mut app, &admin.token, &call, &[]);
            let act = call.split('(').next().unwrap_or_default();
            match act {
                // Reading is allowed; what ends a session knows none of those above.
                "auth.admin_list_users"
                | "auth.admin_me"
                | "auth.admin_get_user"
                | "auth.admin_list_sessions"
                | "auth.admin_audit"
                | "auth.list_impersonations"
                | "auth.refresh_schema" => assert!(reply.get("code").is_none(), "{call}: {reply}"),
                "auth.admin_revoke_session" => assert_eq!(reply["code"], "NOT_FOUND", "{call}"),
                "auth.impersonate" => assert_eq!(reply["code"], "ACCESS_DENIED", "{call}"),
                "auth.admin_create_user" | "auth.impersonate_role" => {}
                _ => assert_eq!(reply, above, "{call}"),
            }
            if matches!(act, "auth.admin_create_user" | "auth.impersonate_role") {
                superuser(
                    database,
                    "delete from auth.users where email = 'new@example.com'",
                );
                superuser(
                    database,
                    "delete from auth.impersonation_sessions; delete from auth.sessions where impersonator_id is not null",
                );
                superuser(
                    database,
                    "delete from auth.one_time_tokens; delete from auth.revoked_before",
                );
            }
        }
        assert_eq!(
            act_as(
                &mut app,
                &admin.token,
                "auth.impersonate_role('service_role', 'a reason')",
                &[]
            ),
            above
        );
        assert_eq!(
            try_as(&mut app, &admin.token, REVOKE_TOKEN, &[]),
            Err("42501".to_owned())
        );
        assert_eq!(state(database), before);
        assert_eq!(enters(&mut app, &bob.token), Ok(()));
    }
}

fn no_role_above(database: &Database) {
    let admin = promoted(database, &database.fixture.ann, "admin");
    let mut app = database.app();
    let before = state(database);
    for role in ["dashboard_admin", "instance_admin", "service_role"] {
        let given = json!({"role": role, "password": "Another-Horse-8-Battery"});
        for (call, id) in [
            (
                "auth.admin_update_user($1::text::uuid, $2)",
                database.fixture.bob.id.as_str(),
            ),
            ("auth.admin_update_user($1::text::uuid, $2)", &admin.id),
            ("auth.admin_create_user($1, $2)", "new@example.com"),
        ] {
            let reply = act_as(&mut app, &admin.token, call, &[&id, &given]);
            assert_refused(&reply, "INSUFFICIENT_PERMISSIONS");
        }
    }
    for role in [
        json!("anon"),
        json!(""),
        json!("a b"),
        json!("x".repeat(64)),
        json!("a'; drop table auth.users; --"),
        json!("rôle"),
    ] {
        let given = json!({"role": role, "password": "Another-Horse-8-Battery"});
        for (call, id) in [
            (
                "auth.admin_update_user($1::text::uuid, $2)",
                database.fixture.bob.id.as_str(),
            ),
            ("auth.admin_create_user($1, $2)", "new@example.com"),
        ] {
            assert_refused(
                &act_as(&mut app, &admin.token, call, &[&id, &given]),
                "INVALID_ROLE",
            );
        }
    }
    assert_eq!(state(database), before);
    // What only looks like such a role is an application's own.
    for role in ["admin", "editor", "SERVICE_ROLE", "postgres"] {
        let given = json!({"role": role});
        let reply = act_as(
            &mut app,
            &admin.token,
            "auth.admin_update_user($1::text::uuid, $2)",
            &[&database.fixture.bob.id, &given],
        );
        assert_eq!(reply["role"], role, "{reply}");
    }
    let signed_in = Account::from_reply(&act(
        &mut app,
        "auth.sign_in('bob@example.com', $1)",
        &[&PASSWORD],
    ));
    let runs_as = act_as(&mut app, &signed_in.token, "to_jsonb(current_user)", &[]);
    assert_eq!(runs_as, "authenticated");
}

fn acts(database: &Database) {
    let admin = promoted(database, &database.fixture.ann, "admin");
    let mut app = database.app();
    for role in ["authenticated", "admin"] {
        superuser(
            database,
            &format!("update auth.users set role = '{role}' where email = 'bob@example.com'"),
        );
        let bob = Account::from_reply(&act(
            &mut app,
            "auth.sign_in('bob@example.com', $1)",
            &[&PASSWORD],
        ));
        for call in [
            "auth.admin_lock_user($1::text::uuid)",
            "auth.admin_unlock_user($1::text::uuid)",
            "auth.admin_revoke_user($1::text::uuid)",
        ] {
            let reply: Value = act_as(&mut app, &admin.token, call, &[&bob.id]);
            assert!(reply["message"].is_string(), "{reply}");
        }
    }
    let reply = act_as(
        &mut app,
        &admin.token,
        "auth.admin_delete_user($1::text::uuid)",
        &[&database.fixture.bob.id],
    );
    assert_eq!(reply, json!({"message": "The user was deleted"}));
    let reply = act_as(
        &mut app,
        &admin.token,
        "auth.admin_delete_user($1::text::uuid)",
        &[&database.fixture.bob.id],
    );
    assert_refused(&reply, "NOT_FOUND");
}

fn demoted(database: &Database) {
    let admin = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    assert!(act_as(&mut app, &admin.token, "auth.list_service_keys()", &[]).is_array());
    superuser(
        database,
        "update auth.users set role = 'authenticated' where email = 'ann@example.com'",
    );
    assert_eq!(enters(&mut app, &admin.token), Err("FX003".to_owned()));
    let now = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&admin.refresh]));
    assert_no_administrator(database, &mut app, &now.token);
}

fn first(database: &Database) {
    let keeper = format!("keeper_{}", database.name);
    superuser(
        database,
        &format!("create role {keeper} login in role fluxbase_admin"),
    );
    let mut client = database.connect(&keeper);
    let before = state(database);
    let call = "auth.create_admin('root@example.com', $1)";
    assert_refused(&act(&mut client, call, &[&"short"]), "WEAK_PASSWORD");
    assert_refused(
        &act(
            &mut client,
            "auth.create_admin('no address', $1)",
            &[&PASSWORD],
        ),
        "VALIDATION_FAILED",
    );
    assert_eq!(state(database), before);
    let reply = act(&mut client, call, &[&PASSWORD]);
    assert_eq!(
        (&reply["user"]["role"], &reply["user"]["email_verified"]),
        (&json!("dashboard_admin"), &json!(true))
    );
    assert_refused(&act(&mut client, call, &[&PASSWORD]), "ALREADY_EXISTS");
    let signed_in = Account::from_reply(&act(
        &mut database.app(),
        "auth.sign_in('root@example.com', $1)",
        &[&PASSWORD],
    ));
    assert!(
        act_as(
            &mut database.app(),
            &signed_in.token,
            "auth.list_service_keys()",
            &[]
        )
        .is_array()
    );
    assert_eq!(
        count(database, "select count(*) from auth.one_time_tokens"),
        0
    );
    drop(client);
    superuser(database, &format!("drop role {keeper}"));
}
