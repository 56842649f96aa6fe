//! An hour at most, and no longer than the administrator is one and the user is none.

use super::{Acting, Test, act_for};
use crate::acts::{
    act, act_as, assert_refused, configure, count, enters, events, promoted, state, superuser, text,
};
use fluxbase_tests::fixture::{Account, Database};
use fluxbase_tests::forge;
use postgres::Client;
use serde_json::json;

pub fn tests() -> Vec<Test> {
    vec![
        ("no_token_lives_longer_than_an_hour", an_hour),
        ("no_refresh_prolongs_it", not_prolonged),
        ("it_ends_with_the_role_of_the_administrator", demoted),
        (
            "it_ends_with_the_account_of_the_administrator",
            administrator_gone,
        ),
        ("it_ends_with_the_account_of_the_user", user_gone),
        (
            "it_ends_when_the_user_becomes_an_administrator",
            target_promoted,
        ),
        ("it_is_ended_by_the_administrator", by_administrator),
        ("it_is_ended_by_whoever_is_acting", by_acting),
        ("signing_out_while_acting_ends_that_alone", signed_out),
        ("revoking_the_administrator_ends_it", revoked),
        (
            "it_ends_with_the_session_it_was_begun_in_and_no_other",
            session_gone,
        ),
    ]
}

#[track_caller]
fn assert_over(app: &mut Client, acting: &Acting) {
    assert_eq!(enters(app, &acting.token), Err("FX003".to_owned()));
    assert_refused(
        &act(app, "auth.refresh($1)", &[&acting.refresh]),
        "INVALID_TOKEN",
    );
}

fn seconds(token: &str) -> i64 {
    let claims = forge::payload_of(token);
    claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat")
}

fn an_hour(database: &Database) {
    configure(database, "access_token_expiry", "24h");
    configure(database, "refresh_token_expiry", "30d");
    let ann = promoted(database, &database.fixture.ann, "admin");
    let bob = act_for(database, &ann, &database.fixture.bob.id);
    assert_eq!(bob.reply["expires_in"], 3600);
    assert_eq!((seconds(&bob.token), seconds(&bob.refresh)), (3600, 3600));
    let longest = "select count(*) from auth.sessions where impersonator_id is not null and ends_at <= now() + interval '1 hour' and expires_at <= ends_at";
    assert_eq!(count(database, longest), 1);
    assert!(seconds(&ann.token) > 3600);
}

fn not_prolonged(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "admin");
    let bob = act_for(database, &ann, &database.fixture.bob.id);
    superuser(
        database,
        "update auth.sessions set ends_at = ends_at - interval '3500 seconds', expires_at = expires_at - interval '3500 seconds' where impersonator_id is not null",
    );
    let mut app = database.app();
    let refreshed = act(&mut app, "auth.refresh($1)", &[&bob.refresh]);
    assert!(
        refreshed["expires_in"].as_i64().expect("a number") <= 100,
        "{refreshed}"
    );
    let now = Account::from_reply(&refreshed);
    assert!(seconds(&now.token) <= 100 && seconds(&now.refresh) <= 100);
    superuser(
        database,
        "update auth.sessions set ends_at = now(), expires_at = now() where impersonator_id is not null",
    );
    assert_eq!(enters(&mut app, &now.token), Err("FX003".to_owned()));
    assert_refused(
        &act(&mut app, "auth.refresh($1)", &[&now.refresh]),
        "INVALID_TOKEN",
    );
}

/// As a user, as a visitor and as service_role, on a connection that knows them.
fn all_three(database: &Database, app: &mut Client, ann: &Account) -> Vec<Acting> {
    let mut acting = vec![act_for(database, ann, &database.fixture.bob.id)];
    for role in ["anon", "service_role"] {
        let reply = act_as(
            app,
            &ann.token,
            "auth.impersonate_role($1, 'a reason')",
            &[&role],
        );
        acting.push(Acting::from_reply(reply));
    }
    for one in &acting {
        assert_eq!(enters(app, &one.token), Ok(()));
    }
    acting
}

fn demoted(database: &Database) {
    let mut ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    for role in ["admin", "authenticated"] {
        ann = promoted(database, &ann, "dashboard_admin");
        let acting = all_three(database, &mut app, &ann);
        ann = promoted(database, &ann, role);
        for one in &acting {
            assert_over(&mut app, one);
        }
    }
    assert_eq!(enters(&mut app, &database.fixture.bob.token), Ok(()));
}

fn administrator_gone(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    let acting = all_three(database, &mut app, &ann);
    superuser(
        database,
        "update auth.users set disabled_at = now() where email = 'ann@example.com'",
    );
    for one in &acting {
        assert_over(&mut app, one);
    }
    superuser(database, "update auth.users set disabled_at = null");
    let reply = act(
        &mut app,
        "auth.sign_in('ann@example.com', 'Correct-Horse-7-Battery')",
        &[],
    );
    let acting = all_three(database, &mut app, &Account::from_reply(&reply));
    superuser(
        database,
        "delete from auth.users where email = 'ann@example.com'",
    );
    for one in &acting {
        assert_over(&mut app, one);
    }
    assert_eq!(enters(&mut app, &database.fixture.bob.token), Ok(()));
}

fn user_gone(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    for gone in [
        "update auth.users set disabled_at = now()",
        "delete from auth.users",
    ] {
        superuser(database, "update auth.users set disabled_at = null");
        let acting = all_three(database, &mut app, &ann);
        superuser(database, &format!("{gone} where email = 'bob@example.com'"));
        assert_over(&mut app, &acting[0]);
        for one in &acting[1..] {
            assert_eq!(enters(&mut app, &one.token), Ok(()));
        }
    }
}

/// Else whoever acts as a user would be given the user's new rights with the next refresh.
fn target_promoted(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "admin");
    let mut app = database.app();
    let mut bob = database.fixture.bob.clone();
    for role in ["dashboard_admin", "admin", "service_role"] {
        bob = promoted(database, &bob, "authenticated");
        let acting = act_for(database, &ann, &bob.id);
        bob = promoted(database, &bob, role);
        assert_over(&mut app, &acting);
        // The user's own session goes on.
        assert_eq!(enters(&mut app, &bob.token), Ok(()));
    }
}

fn by_administrator(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    let acting = all_three(database, &mut app, &ann);
    // Not by another.
    let bob = promoted(database, &database.fixture.bob, "admin");
    assert_refused(
        &act_as(&mut app, &bob.token, "auth.end_impersonation()", &[]),
        "NOT_FOUND",
    );
    let again = act_as(&mut app, &ann.token, "auth.end_impersonation()", &[]);
    assert_eq!(again, json!({"message": "The impersonation has ended"}));
    for one in &acting {
        assert_over(&mut app, one);
    }
    assert_eq!(
        count(
            database,
            "select count(*) from auth.impersonation_sessions where ended_at is null and impersonation_type <> 'user'"
        ),
        0
    );
    let before = state(database);
    assert_refused(
        &act_as(&mut app, &ann.token, "auth.end_impersonation()", &[]),
        "NOT_FOUND",
    );
    assert_eq!(state(database), before);
    // The administrator goes on.
    assert_eq!(enters(&mut app, &ann.token), Ok(()));
}

fn by_acting(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    let acting = all_three(database, &mut app, &ann);
    for (nth, one) in acting.iter().enumerate() {
        let reply = act_as(&mut app, &one.token, "auth.end_impersonation()", &[]);
        assert_eq!(reply, json!({"message": "The impersonation has ended"}));
        assert_over(&mut app, one);
        for other in &acting[nth + 1..] {
            assert_eq!(enters(&mut app, &other.token), Ok(()));
        }
    }
    assert_eq!(events(database, "admin.impersonation_end"), ["success"; 3]);
    for token in [&ann.token, &database.fixture.bob.token] {
        assert_eq!(enters(&mut app, token), Ok(()));
    }
}

fn signed_out(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "admin");
    let mut app = database.app();
    let bob = act_for(database, &ann, &database.fixture.bob.id);
    let reply = act_as(&mut app, &bob.token, "auth.sign_out()", &[]);
    assert_eq!(reply, json!({"message": "Signed out"}));
    assert_over(&mut app, &bob);
    let list = act_as(&mut app, &ann.token, "auth.list_impersonations()", &[]);
    assert!(list[0]["ended_at"].is_string(), "{list}");
    assert_eq!(enters(&mut app, &database.fixture.bob.token), Ok(()));
}

fn revoked(database: &Database) {
    let ann = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    let acting = all_three(database, &mut app, &ann);
    let reply = act(
        &mut database.superuser(),
        "auth.admin_revoke_user($1::text::uuid)",
        &[&ann.id],
    );
    assert!(reply.get("code").is_none(), "{reply}");
    for one in &acting {
        assert_over(&mut app, one);
    }
    let signed_in = act(
        &mut app,
        "auth.sign_in('ann@example.com', 'Correct-Horse-7-Battery')",
        &[],
    );
    let again = act_for(
        database,
        &Account::from_reply(&signed_in),
        &database.fixture.bob.id,
    );
    assert_eq!(enters(&mut app, &again.token), Ok(()));
    text(&again.reply, "access_token");
}

/// Attack: whoever copied an administrator's tokens went on acting as a user after the administrator had signed out.
fn session_gone(database: &Database) {
    let here = promoted(database, &database.fixture.ann, "dashboard_admin");
    let mut app = database.app();
    let sign_in = |app: &mut Client| {
        let call = "auth.sign_in('ann@example.com', 'Correct-Horse-7-Battery')";
        Account::from_reply(&act(app, call, &[]))
    };
    let own = all_three(database, &mut app, &here);
    for end in [
        "auth.sign_out()",
        "auth.revoke_session(auth.session_id())",
        "auth.admin_revoke_session(auth.session_id())",
    ] {
        let there = sign_in(&mut app);
        let acting = all_three(database, &mut app, &there);
        let reply = act_as(&mut app, &there.token, end, &[]);
        assert!(reply.get("code").is_none(), "{end}: {reply}");
        for one in &acting {
            assert_over(&mut app, one);
        }
    }
    let there = sign_in(&mut app);
    let acting = all_three(database, &mut app, &there);
    let reply = act_as(&mut app, &here.token, "auth.revoke_other_sessions()", &[]);
    assert!(reply.get("code").is_none(), "{reply}");
    for one in &acting {
        assert_over(&mut app, one);
    }
    // What was begun here goes on, through refreshes too, and the user was never in the way.
    let refreshed = act(&mut app, "auth.refresh($1)", &[&here.refresh]);
    let here = Account::from_reply(&refreshed);
    for one in &own {
        assert_eq!(enters(&mut app, &one.token), Ok(()));
    }
    assert_eq!(enters(&mut app, &database.fixture.bob.token), Ok(()));
    act_as(&mut app, &here.token, "auth.sign_out()", &[]);
    for one in &own {
        assert_over(&mut app, one);
    }
    assert_eq!(enters(&mut app, &database.fixture.bob.token), Ok(()));
}
