//! Each act writes its event.

use super::{ANN, NEW, Tests, WRONG, news, sign_in};
use crate::acts::{act, act_as, configure, mailed, superuser, text, try_as};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use fluxbase_tests::forge::payload_of;
use serde_json::{Value, json};

pub const TESTS: Tests = &[
    ("signing_up_in_and_out_writes_its_events", signing),
    ("what_goes_through_the_mailbox_writes_its_events", mailbox),
    ("changes_of_the_own_account_write_their_events", own_account),
    (
        "every_act_of_an_administrator_says_who_and_on_whom",
        of_administrators,
    ),
];

fn signing(database: &Database) {
    let mut app = database.app();
    let expect = |events: &[&str]| assert_eq!(news(database), events);
    act(
        &mut app,
        "auth.sign_up('carl@example.com', $1)",
        &[&PASSWORD],
    );
    expect(&["auth.signup success user_id=other"]);
    act(&mut app, "auth.sign_up($1, $2)", &[&ANN, &PASSWORD]);
    expect(&["auth.signup failure address_taken"]);
    let account = Account::from_reply(&sign_in(&mut app, ANN, PASSWORD));
    expect(&["auth.login success user_id=ann"]);
    sign_in(&mut app, ANN, WRONG);
    expect(&["auth.login failure wrong_password user_id=ann"]);
    sign_in(&mut app, "nobody@example.com", WRONG);
    expect(&["auth.login failure unknown_address"]);
    act_as(&mut app, &account.token, "auth.sign_out()", &[]);
    expect(&["auth.logout success user_id=ann actor_id=ann"]);
    let ann = &database.fixture.ann;
    for _ in 0..2 {
        act(&mut app, "auth.refresh($1)", &[&ann.refresh]);
    }
    // She has signed out of another session than the one these are of.
    expect(&["auth.refresh failure reused user_id=ann"]);
    act(&mut app, "auth.refresh($1)", &[&ann.refresh]);
    expect(&["auth.refresh failure session_over user_id=ann"]);
    act(&mut app, "auth.refresh('a.b.c')", &[]);
    expect(&["auth.refresh failure not_ours"]);
    act(&mut app, "auth.refresh($1)", &[&ann.token]);
    expect(&["auth.refresh failure not_good_now"]);
    let nobodys = json!({"mfa_token": "x"});
    act(&mut app, "auth.totp_setup(null, $1)", &[&nobodys]);
    expect(&["auth.factor failure no_challenge"]);
    for _ in 0..5 {
        sign_in(&mut app, "bob@example.com", WRONG);
    }
    expect(&["auth.login failure wrong_password user_id=bob"; 5]);
    sign_in(&mut app, "bob@example.com", PASSWORD);
    expect(&["auth.login failure address_locked user_id=bob"]);
    superuser(
        database,
        "update auth.users set disabled_at = now(); delete from auth.login_attempts",
    );
    sign_in(&mut app, ANN, PASSWORD);
    expect(&["auth.login failure disabled user_id=ann"]);
    configure(database, "max_login_attempts_per_ip", "1");
    let from = json!({"ip": "192.0.2.1"});
    for email in ["x@example.com", "y@example.com"] {
        act(&mut app, "auth.sign_in($1, 'x', $2)", &[&email, &from]);
    }
    expect(&[
        "auth.login failure unknown_address",
        "auth.login failure client_locked",
    ]);
}

fn mailbox(database: &Database) {
    let mut app = database.app();
    let expect = |events: &[&str]| assert_eq!(news(database), events);
    act(&mut app, "auth.request_magic_link($1)", &[&ANN]);
    expect(&["auth.magic_link_requested success"]);
    let link = mailed(database, "magic_link");
    act(&mut app, "auth.sign_in_with_magic_link($1)", &[&link]);
    expect(&[
        "auth.email_confirmed success user_id=ann",
        "auth.login success user_id=ann",
    ]);
    act(&mut app, "auth.request_email_code($1)", &[&ANN]);
    expect(&["auth.email_code_requested success"]);
    let code = mailed(database, "email_otp");
    let by_code = "auth.sign_in_with_email_code($1, $2)";
    act(&mut app, by_code, &[&ANN, &"x"]);
    expect(&["auth.login failure wrong_code user_id=ann"]);
    act(&mut app, by_code, &[&"nobody@example.com", &"x"]);
    expect(&["auth.login failure wrong_code"]);
    act(&mut app, by_code, &[&ANN, &code]);
    expect(&["auth.login success user_id=ann"]);
    act(&mut app, "auth.request_password_reset($1)", &[&ANN]);
    expect(&["auth.password_reset_requested success"]);
    let reset = mailed(database, "password_reset");
    act(&mut app, "auth.reset_password($1, $2)", &[&reset, &NEW]);
    expect(&[
        "auth.password_reset success user_id=ann",
        "auth.login success user_id=ann",
    ]);
    act(
        &mut app,
        "auth.request_email_confirmation('bob@example.com')",
        &[],
    );
    expect(&["auth.confirmation_requested success"]);
    let confirmation = mailed(database, "confirm_email");
    act(&mut app, "auth.confirm_email($1)", &[&confirmation]);
    expect(&["auth.email_confirmed success user_id=bob"]);
}

fn own_account(database: &Database) {
    let mut app = database.app();
    let ann = &database.fixture.ann;
    let expect = |event: &str| {
        assert_eq!(
            news(database),
            [format!("{event} user_id=ann actor_id=ann")]
        )
    };
    let phone = Account::from_reply(&sign_in(&mut app, ANN, PASSWORD));
    news(database);
    let mut update =
        |changes: Value| act_as(&mut app, &ann.token, "auth.update_user($1)", &[&changes]);
    update(json!({"password": NEW, "current_password": WRONG}));
    expect("auth.reauthenticate failure wrong_password");
    update(json!({"user_metadata": {"a": 1}}));
    expect("auth.user_updated success");
    configure(database, "require_email_verification", "true");
    update(json!({"email": "ann2@example.com", "current_password": PASSWORD}));
    expect("auth.email_change_requested success");
    act_as(&mut app, &ann.token, "auth.reauthenticate()", &[]);
    expect("auth.reauthenticate success");
    let id = text(&payload_of(&phone.token), "session_id");
    act_as(
        &mut app,
        &ann.token,
        "auth.revoke_session($1::text::uuid)",
        &[&id],
    );
    expect("auth.session_revoke success");
    act_as(&mut app, &ann.token, "auth.revoke_other_sessions()", &[]);
    expect("auth.session_revoke success");
    let change = mailed(database, "email_change");
    act(&mut app, "auth.confirm_email($1)", &[&change]);
    assert_eq!(news(database), ["auth.email_changed success user_id=ann"]);
    configure(database, "require_email_verification", "false");
    let next = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&ann.refresh]));
    let changes = json!({"password": NEW, "current_password": PASSWORD});
    act_as(&mut app, &next.token, "auth.update_user($1)", &[&changes]);
    expect("auth.password_changed success");
    let changes = json!({"email": ANN, "current_password": NEW});
    act_as(&mut app, &next.token, "auth.update_user($1)", &[&changes]);
    expect("auth.email_changed success");
}

fn of_administrators(database: &Database) {
    superuser(
        database,
        "update auth.users set role = 'dashboard_admin' where email = 'bob@example.com'",
    );
    let mut app = database.app();
    let bob = Account::from_reply(&sign_in(&mut app, "bob@example.com", PASSWORD));
    let ann = &database.fixture.ann;
    news(database);
    let session = text(&payload_of(&ann.token), "session_id");
    let revoked = try_as(
        &mut app,
        &bob.token,
        "to_jsonb(auth.revoke_token('x')::text)",
        &[],
    );
    assert!(revoked.is_ok(), "{revoked:?}");
    assert_eq!(news(database), ["admin.token_revoke success actor_id=bob"]);
    superuser(
        database,
        &format!(
            "insert into auth.totp_factors (user_id, sealed_secret, key_id, confirmed_at) values ('{}', '', '', now())",
            ann.id
        ),
    );
    for (call, event) in [
        (
            "admin_create_user('new@example.com', '{\"skip_email\": true}')".to_owned(),
            "admin.user_create success user_id=other",
        ),
        (
            format!(
                "admin_update_user('{}', '{{\"user_metadata\": {{}}}}')",
                ann.id
            ),
            "admin.user_update success user_id=ann",
        ),
        (
            format!(
                "admin_update_user('{}', '{{\"role\": \"editor\"}}')",
                ann.id
            ),
            "admin.role_change success user_id=ann",
        ),
        (
            format!("admin_revoke_session('{session}')"),
            "admin.session_revoke success user_id=ann",
        ),
        (
            format!("admin_remove_factor('{}')", ann.id),
            "admin.factor_remove success user_id=ann",
        ),
        (
            format!("admin_revoke_user('{}')", ann.id),
            "admin.user_revoke success user_id=ann",
        ),
        (
            format!("admin_lock_user('{}')", ann.id),
            "admin.user_lock success user_id=ann",
        ),
        (
            format!("admin_unlock_user('{}')", ann.id),
            "admin.user_unlock success user_id=ann",
        ),
        (
            format!("admin_reset_password('{}')", ann.id),
            "admin.password_reset success user_id=ann",
        ),
        (
            format!("admin_delete_user('{}')", ann.id),
            "admin.user_delete success user_id=ann",
        ),
        (
            "revoke_everything()".to_owned(),
            "admin.revoke_everything success",
        ),
    ] {
        let reply = act_as(&mut app, &bob.token, &format!("auth.{call}"), &[]);
        assert!(reply.get("code").is_none(), "{call}: {reply}");
        assert_eq!(news(database), [format!("{event} actor_id=bob")], "{call}");
    }
}
