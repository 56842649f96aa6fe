//! Users without an address, and how they become permanent ones.

use crate::acts::{
    act, act_as, assert_refused, but, configure, count, enters, events, mailed, mails, state,
    superuser,
};
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::forge;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Database)| {
        let shared = Arc::clone(fixture);
        trials.push(trial(
            &fixture.cluster,
            format!("anonymous::{name}"),
            move || {
                let database = shared.database();
                body(&database);
            },
        ));
    };
    add("off_unless_switched_on", off);
    add("the_token_says_so_and_each_is_somebody_else", claims);
    add("without_the_token_there_is_no_way_back", no_way_back);
    add(
        "an_address_and_a_password_make_a_permanent_user",
        conversion,
    );
    add("a_session_of_hours_converts_too", late_conversion);
    add("an_address_alone_or_a_password_alone_do_not", halves);
    add(
        "with_verification_the_confirmed_address_makes_it_permanent",
        confirmed,
    );
    add("a_conversion_that_is_refused_changes_nothing", refused);
    add("nobody_says_of_himself_that_he_is_permanent", not_said);
    add("administrators_see_and_remove_them", administered);
    trials
}

#[track_caller]
fn visitor(database: &Database) -> (Value, String, String) {
    configure(database, "anonymous_enabled", "true");
    let reply = act(
        &mut database.app(),
        "auth.sign_in_anonymously('{\"ip\": \"203.0.113.7\"}')",
        &[],
    );
    let text = |name: &str| crate::acts::text(&reply, name);
    (
        reply["user"].clone(),
        text("access_token"),
        text("refresh_token"),
    )
}

fn convert(app: &mut Client, token: &str, changes: &Value) -> Value {
    act_as(app, token, "auth.update_user($1)", &[changes])
}

fn wanted() -> Value {
    json!({"email": "vera@example.com", "password": PASSWORD})
}

fn is_anonymous(database: &Database, id: &Value) -> bool {
    count(
        database,
        &format!(
            "select is_anonymous::int from auth.users where id = '{}'",
            id.as_str().expect("an id")
        ),
    ) == 1
}

fn off(database: &Database) {
    let before = state(database);
    let reply = act(&mut database.app(), "auth.sign_in_anonymously()", &[]);
    assert_eq!(
        reply,
        json!({"error": "Anonymous sign-in is disabled", "code": "ANONYMOUS_DISABLED"})
    );
    assert_eq!(state(database), before);
    let (_, token, _) = visitor(database);
    // Switching it off ends nobody's session.
    configure(database, "anonymous_enabled", "false");
    assert_refused(
        &act(&mut database.app(), "auth.sign_in_anonymously()", &[]),
        "ANONYMOUS_DISABLED",
    );
    assert_eq!(enters(&mut database.app(), &token), Ok(()));
}

fn claims(database: &Database) {
    let (user, token, refresh) = visitor(database);
    assert_eq!(
        (
            &user["email"],
            &user["is_anonymous"],
            &user["role"],
            &user["email_verified"]
        ),
        (
            &json!(null),
            &json!(true),
            &json!("authenticated"),
            &json!(false)
        )
    );
    let mut app = database.app();
    let again = act(&mut app, "auth.refresh($1)", &[&refresh]);
    for token in [token, crate::acts::text(&again, "access_token")] {
        let claims = forge::payload_of(&token);
        assert_eq!(
            (&claims["is_anonymous"], &claims["role"], &claims["sub"]),
            (&json!(true), &json!("authenticated"), &user["id"])
        );
        let asked = "jsonb_build_array(current_user, auth.uid(), auth.is_authenticated(), (auth.jwt()->>'is_anonymous')::boolean)";
        assert_eq!(
            act_as(&mut app, &token, asked, &[]),
            json!(["authenticated", user["id"], true, true])
        );
    }
    let (other, other_token, _) = visitor(database);
    assert_ne!(other["id"], user["id"]);
    assert_eq!(
        act_as(
            &mut app,
            &other_token,
            "to_jsonb((select count(*) from public.notes where not is_public))",
            &[]
        ),
        0
    );
    // Users who are not anonymous do not say it.
    assert!(
        forge::payload_of(&database.fixture.ann.token)
            .get("is_anonymous")
            .is_none()
    );
    assert_eq!(events(database, "auth.signup").len(), 4);
}

fn no_way_back(database: &Database) {
    let (user, token, refresh) = visitor(database);
    let mut app = database.app();
    let before = state(database);
    let id = user["id"].as_str().expect("an id");
    for email in ["", "null", "none", id, &format!("{id}@example.com")] {
        for password in ["", PASSWORD] {
            let reply = act(&mut app, "auth.sign_in($1, $2)", &[&email, &password]);
            assert_refused(&reply, "INVALID_CREDENTIALS");
        }
    }
    // The address that can be nobody's was locked meanwhile.
    let after = but(state(database), "one_time_tokens");
    assert_eq!(after, but(before, "one_time_tokens"));
    act_as(&mut app, &token, "auth.sign_out()", &[]);
    assert_eq!(enters(&mut app, &token), Err("FX003".to_owned()));
    assert_refused(
        &act(&mut app, "auth.refresh($1)", &[&refresh]),
        "INVALID_TOKEN",
    );
}

fn conversion(database: &Database) {
    let (user, token, refresh) = visitor(database);
    let mut app = database.app();
    let mut entered = app.transaction().expect("begun");
    entered
        .execute("select auth.enter($1)", &[&token])
        .expect("entered");
    entered
        .execute("insert into public.notes (body) values ('mine')", &[])
        .expect("written");
    entered.commit().expect("ends");
    let reply = convert(&mut app, &token, &wanted());
    assert_eq!(
        (
            &reply["id"],
            &reply["email"],
            &reply["is_anonymous"],
            &reply["role"]
        ),
        (
            &user["id"],
            &json!("vera@example.com"),
            &json!(false),
            &json!("authenticated")
        )
    );
    // What the token says is no longer so.
    assert_eq!(enters(&mut app, &token), Err("FX003".to_owned()));
    let now = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&refresh]));
    let claims = forge::payload_of(&now.token);
    assert!(claims.get("is_anonymous").is_none(), "{claims}");
    assert_eq!(
        (&claims["sub"], &claims["email"]),
        (&user["id"], &json!("vera@example.com"))
    );
    let signed_in = Account::from_reply(&act(
        &mut app,
        "auth.sign_in('vera@example.com', $1)",
        &[&PASSWORD],
    ));
    let notes = "to_jsonb((select string_agg(body, ',') from public.notes where not is_public))";
    assert_eq!(act_as(&mut app, &signed_in.token, notes, &[]), "mine");
    assert!(!is_anonymous(database, &user["id"]));
    // Changing the password now takes what it takes for everybody.
    superuser(
        database,
        "update auth.sessions set authenticated_at = authenticated_at - interval '1 hour'",
    );
    let reply = convert(
        &mut app,
        &now.token,
        &json!({"password": "Another-Horse-8-Battery"}),
    );
    assert_refused(&reply, "REAUTHENTICATION_REQUIRED");
}

fn late_conversion(database: &Database) {
    let (user, token, _) = visitor(database);
    superuser(
        database,
        "update auth.sessions set authenticated_at = authenticated_at - interval '5 hours'",
    );
    let reply = convert(&mut database.app(), &token, &wanted());
    assert_eq!(
        (&reply["id"], &reply["is_anonymous"]),
        (&user["id"], &json!(false)),
        "{reply}"
    );
}

fn halves(database: &Database) {
    let (user, token, refresh) = visitor(database);
    let mut app = database.app();
    let reply = convert(&mut app, &token, &json!({"email": "vera@example.com"}));
    assert_eq!(
        (&reply["email"], &reply["is_anonymous"]),
        (&json!("vera@example.com"), &json!(true)),
        "{reply}"
    );
    for password in ["", PASSWORD] {
        assert_refused(
            &act(
                &mut app,
                "auth.sign_in('vera@example.com', $1)",
                &[&password],
            ),
            "INVALID_CREDENTIALS",
        );
    }
    let now = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&refresh]));
    let reply = convert(&mut app, &now.token, &json!({"password": PASSWORD}));
    assert_eq!(reply["is_anonymous"], false, "{reply}");
    let signed_in = Account::from_reply(&act(
        &mut app,
        "auth.sign_in('vera@example.com', $1)",
        &[&PASSWORD],
    ));
    assert_eq!(json!(signed_in.id), user["id"]);
    // The other way round.
    let (user, token, _) = visitor(database);
    let reply = convert(&mut app, &token, &json!({"password": PASSWORD}));
    assert_eq!(
        (&reply["is_anonymous"], &reply["email"]),
        (&json!(true), &json!(null)),
        "{reply}"
    );
    let reply = convert(
        &mut app,
        &token,
        &json!({"email": "vito@example.com", "current_password": PASSWORD}),
    );
    assert_eq!(
        (&reply["id"], &reply["is_anonymous"]),
        (&user["id"], &json!(false)),
        "{reply}"
    );
}

/// Until somebody reads the mail, the address is not the user's.
fn confirmed(database: &Database) {
    let (user, token, refresh) = visitor(database);
    configure(database, "require_email_verification", "true");
    let mut app = database.app();
    let reply = convert(&mut app, &token, &wanted());
    assert_eq!(
        (&reply["email"], &reply["new_email"], &reply["is_anonymous"]),
        (&json!(null), &json!("vera@example.com"), &json!(true)),
        "{reply}"
    );
    assert!(is_anonymous(database, &user["id"]));
    assert_eq!(enters(&mut app, &token), Ok(()));
    assert_refused(
        &act(
            &mut app,
            "auth.sign_in('vera@example.com', $1)",
            &[&PASSWORD],
        ),
        "INVALID_CREDENTIALS",
    );
    let link = mailed(database, "email_change");
    let reply = act(&mut app, "auth.confirm_email($1)", &[&link]);
    assert_eq!(
        (
            &reply["user"]["email"],
            &reply["user"]["email_verified"],
            &reply["user"]["is_anonymous"]
        ),
        (&json!("vera@example.com"), &json!(true), &json!(false))
    );
    assert!(!is_anonymous(database, &user["id"]));
    assert_eq!(enters(&mut app, &token), Err("FX003".to_owned()));
    let now = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&refresh]));
    assert!(forge::payload_of(&now.token).get("is_anonymous").is_none());
    let signed_in = Account::from_reply(&act(
        &mut app,
        "auth.sign_in('vera@example.com', $1)",
        &[&PASSWORD],
    ));
    assert_eq!(json!(signed_in.id), user["id"]);
}

fn refused(database: &Database) {
    let (_, token, _) = visitor(database);
    let mut app = database.app();
    let before = state(database);
    for (changes, code) in [
        (
            json!({"email": "ann@example.com", "password": PASSWORD}),
            "VALIDATION_FAILED",
        ),
        (
            json!({"email": " ANN@example.com", "password": PASSWORD}),
            "VALIDATION_FAILED",
        ),
        (
            json!({"email": "no address", "password": PASSWORD}),
            "VALIDATION_FAILED",
        ),
        (
            json!({"email": "vera@example.com", "password": "short"}),
            "WEAK_PASSWORD",
        ),
        (
            json!({"email": "veronica@example.com", "password": "Veronica-7-Battery-Horse"}),
            "WEAK_PASSWORD",
        ),
    ] {
        assert_refused(&convert(&mut app, &token, &changes), code);
    }
    assert_eq!(state(database), before);
    assert!(mails(database).is_empty());
    assert_eq!(enters(&mut app, &token), Ok(()));
}

fn not_said(database: &Database) {
    let (user, token, refresh) = visitor(database);
    let mut app = database.app();
    let changes = json!({"is_anonymous": false, "role": "admin", "email_verified": true, "user_metadata": {"is_anonymous": false}});
    let reply = convert(&mut app, &token, &changes);
    assert_eq!(
        (
            &reply["is_anonymous"],
            &reply["role"],
            &reply["email_verified"]
        ),
        (&json!(true), &json!("authenticated"), &json!(false))
    );
    assert!(is_anonymous(database, &user["id"]));
    let now = act(&mut app, "auth.refresh($1)", &[&refresh]);
    let claims = forge::payload_of(&crate::acts::text(&now, "access_token"));
    assert_eq!(
        (
            &claims["is_anonymous"],
            &claims["user_metadata"]["is_anonymous"]
        ),
        (&json!(true), &json!(false))
    );
}

fn administered(database: &Database) {
    let (user, token, _) = visitor(database);
    let id = user["id"].as_str().expect("an id");
    let mut admin = database.superuser();
    let seen = act(&mut admin, "auth.admin_get_user($1::text::uuid)", &[&id]);
    assert_eq!(
        (&seen["provider"], &seen["is_anonymous"]),
        (&json!("anonymous"), &json!(true))
    );
    act(&mut admin, "auth.admin_lock_user($1::text::uuid)", &[&id]);
    assert_eq!(enters(&mut database.app(), &token), Err("FX003".to_owned()));
    let reply = act(&mut admin, "auth.admin_unlock_user($1::text::uuid)", &[&id]);
    assert_eq!(reply, json!({"message": "The user was unlocked"}));
    let reply = act(&mut admin, "auth.admin_delete_user($1::text::uuid)", &[&id]);
    assert_eq!(reply, json!({"message": "The user was deleted"}));
    assert_eq!(
        count(
            database,
            "select count(*) from auth.users where is_anonymous"
        ),
        0
    );
}
