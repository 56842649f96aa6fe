//! What a key can do, and who can make one.

use super::{Key, Test, client_key, service_key};
use crate::acts::{act, act_as, assert_refused, enters, promoted, state, superuser, try_as};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use serde_json::json;

pub fn tests() -> Vec<Test> {
    vec![
        ("service_keys_are_made_by_service_role_alone", rank),
        ("visitors_and_strangers_reach_no_service_key", strangers),
        ("a_service_key_makes_no_keys", service_key_makes_none),
        ("a_client_key_makes_no_keys", client_key_makes_none),
        ("a_client_key_acts_as_its_user", acts_as_user),
        (
            "a_client_key_of_an_administrator_administers_nothing",
            administers_nothing,
        ),
    ]
}

const SERVICE_CALLS: [&str; 5] = [
    "auth.create_service_key('{\"name\": \"k\"}')",
    "auth.rotate_service_key('{ID}')",
    "auth.list_service_keys()",
    "auth.get_service_key('{ID}')",
    "auth.change_service_key('{ID}', 'delete')",
];

fn rank(database: &Database) {
    let key = service_key(database, &["*"]);
    let admin = promoted(database, &database.fixture.ann, "admin");
    let mut app = database.app();
    let before = state(database);
    for call in SERVICE_CALLS {
        let call = call.replace("{ID}", &key.id);
        let reply = act_as(&mut app, &admin.token, &call, &[]);
        assert_eq!(
            reply,
            json!({"error": "This needs a higher role than yours", "code": "INSUFFICIENT_PERMISSIONS"}),
            "{call}"
        );
        let reply = act_as(&mut app, &database.fixture.bob.token, &call, &[]);
        assert_eq!(
            reply,
            json!({"error": "Administrators only", "code": "ADMIN_REQUIRED"}),
            "{call}"
        );
    }
    assert_eq!(state(database), before);
    for role in ["service_role", "dashboard_admin", "instance_admin"] {
        superuser(
            database,
            &format!("update auth.users set role = '{role}' where email = 'bob@example.com'"),
        );
        let signed_in = act(
            &mut app,
            "auth.sign_in('bob@example.com', 'Correct-Horse-7-Battery')",
            &[],
        );
        let token = signed_in["access_token"].as_str().expect("a token");
        let made = Key::from_reply(act_as(&mut app, token, SERVICE_CALLS[0], &[]));
        assert_eq!(enters(&mut app, &made.key), Ok(()), "{role}");
    }
}

fn strangers(database: &Database) {
    let key = service_key(database, &["*"]);
    let mut app = database.app();
    let before = state(database);
    for call in SERVICE_CALLS {
        let call = call.replace("{ID}", &key.id);
        assert_eq!(
            try_as(&mut app, &database.fixture.anon_key, &call, &[]),
            Err("42501".to_owned()),
            "{call}"
        );
        for login in ["plain", "fluxbase_app", "fluxbase_mailer"] {
            let outcome = database
                .connect(login)
                .batch_execute(&format!("select {call}"));
            assert_eq!(
                crate::seal::sqlstate(&outcome).as_deref(),
                Some("42501"),
                "{login}: {call}"
            );
        }
        // A trusted login says itself who asks; as nobody it is no administrator.
        let reply = act(&mut database.connect("trusty"), &call, &[]);
        assert_refused(&reply, "ADMIN_REQUIRED");
    }
    for login in ["plain", "fluxbase_app", "trusty"] {
        for table in ["service_keys", "client_keys"] {
            let outcome = database
                .connect(login)
                .batch_execute(&format!("select from auth.{table}"));
            assert_eq!(
                crate::seal::sqlstate(&outcome).as_deref(),
                Some("42501"),
                "{login}: {table}"
            );
        }
    }
    assert_eq!(state(database), before);
}

/// One that leaks must not be able to leave others behind, or to take others away.
fn service_key_makes_none(database: &Database) {
    let (key, other) = (service_key(database, &["*"]), service_key(database, &["*"]));
    let mut app = database.app();
    let before = state(database);
    let id = &other.id;
    for presented in [&key.key, &database.fixture.service_key] {
        for call in [
            "auth.create_service_key('{\"name\": \"k\"}')".to_owned(),
            format!("auth.rotate_service_key('{id}')"),
            format!("auth.change_service_key('{id}', 'revoke')"),
            format!("auth.change_service_key('{id}', 'deprecate')"),
            format!("auth.change_service_key('{id}', 'disable')"),
            format!("auth.change_service_key('{id}', 'enable')"),
            format!("auth.change_service_key('{id}', 'delete')"),
        ] {
            let reply = act_as(&mut app, presented, &call, &[]);
            assert_eq!(reply["code"], "INSUFFICIENT_PERMISSIONS", "{call}: {reply}");
        }
        let reply = act_as(
            &mut app,
            presented,
            "auth.create_client_key('{\"name\": \"k\", \"scopes\": [\"*\"]}')",
            &[],
        );
        assert_refused(&reply, "AUTHENTICATION_REQUIRED");
    }
    assert_eq!(state(database), before);
    assert_eq!(enters(&mut app, &other.key), Ok(()));
    // Reading about them is allowed.
    let reply = act_as(&mut app, &key.key, "auth.list_service_keys()", &[]);
    assert_eq!(reply.as_array().map(Vec::len), Some(2));
}

fn client_key_makes_none(database: &Database) {
    let key = client_key(database, &database.fixture.ann, &["*"]);
    let mut app = database.app();
    let before = state(database);
    for (call, code) in [
        (
            "auth.create_client_key('{\"name\": \"k\", \"scopes\": [\"*\"]}')",
            "AUTHENTICATION_REQUIRED",
        ),
        (
            "auth.create_service_key('{\"name\": \"k\"}')",
            "ADMIN_REQUIRED",
        ),
        (
            "auth.update_user('{\"password\": \"Another-Horse-8-Battery\", \"current_password\": \"Correct-Horse-7-Battery\"}')",
            "AUTHENTICATION_REQUIRED",
        ),
        (
            "auth.reauthenticate('{\"password\": \"Correct-Horse-7-Battery\"}')",
            "AUTHENTICATION_REQUIRED",
        ),
        ("auth.totp_setup()", "AUTHENTICATION_REQUIRED"),
        (
            "auth.totp_disable('Correct-Horse-7-Battery')",
            "AUTHENTICATION_REQUIRED",
        ),
        ("auth.sign_out()", "AUTHENTICATION_REQUIRED"),
    ] {
        let reply = act_as(&mut app, &key.key, call, &[]);
        assert_eq!(reply["code"], code, "{call}: {reply}");
    }
    assert_refused(
        &act(&mut app, "auth.refresh($1)", &[&key.key]),
        "INVALID_TOKEN",
    );
    assert_eq!(state(database), before);
}

fn acts_as_user(database: &Database) {
    let key = client_key(
        database,
        &database.fixture.ann,
        &["read:tables", "write:tables"],
    );
    let mut app = database.app();
    let asked = "jsonb_build_array(current_user, auth.uid(), auth.role(), auth.email(), auth.session_id(), auth.aal(), \
                 (select string_agg(body, ',' order by body) from public.notes where not is_public))";
    let reply = act_as(&mut app, &key.key, asked, &[]);
    let expected = json!([
        "authenticated",
        database.fixture.ann.id,
        "authenticated",
        "ann@example.com",
        null,
        "aal1",
        "ann private"
    ]);
    assert_eq!(reply, expected);
    let claims = act_as(&mut app, &key.key, "auth.jwt()", &[]);
    assert_eq!(
        (&claims["key_id"], &claims["scopes"]),
        (&json!(key.id), &json!(["read:tables", "write:tables"]))
    );
    let mut entered = app.transaction().expect("begun");
    entered
        .execute("select auth.enter($1)", &[&key.key])
        .expect("entered");
    entered
        .execute(
            "insert into public.notes (body) values ('by a program')",
            &[],
        )
        .expect("written");
    assert!(
        entered
            .batch_execute("select secret from public.vault")
            .is_err()
    );
    drop(entered);
    // A service key is nobody, and service_role.
    let key = service_key(database, &["*"]);
    let reply = act_as(&mut app, &key.key, asked, &[]);
    assert_eq!(
        reply,
        json!([
            "service_role",
            null,
            "service_role",
            null,
            null,
            "aal1",
            "ann private,bob private"
        ])
    );
}

fn administers_nothing(database: &Database) {
    for role in ["admin", "dashboard_admin"] {
        let ann = promoted(database, &signed_in(database), role);
        let key = client_key(database, &ann, &["*"]);
        let mut app = database.app();
        let before = state(database);
        assert_eq!(
            act_as(
                &mut app,
                &key.key,
                "to_jsonb(auth.role() || auth.is_admin())",
                &[]
            ),
            "authenticatedfalse"
        );
        for call in [
            "auth.admin_list_users()",
            "auth.list_service_keys()",
            "auth.admin_audit()",
            "auth.list_impersonations()",
        ] {
            assert_refused(&act_as(&mut app, &key.key, call, &[]), "ADMIN_REQUIRED");
        }
        assert_eq!(
            try_as(
                &mut app,
                &key.key,
                "to_jsonb((select secret from public.vault))",
                &[]
            ),
            Err("42501".to_owned())
        );
        assert_eq!(state(database), before);
        assert!(act_as(&mut app, &ann.token, "auth.admin_list_users()", &[])["users"].is_array());
    }
}

/// Ann with the refresh token that is good now.
fn signed_in(database: &Database) -> Account {
    let reply = act(
        &mut database.app(),
        "auth.sign_in('ann@example.com', $1)",
        &[&PASSWORD],
    );
    Account::from_reply(&reply)
}
