//! What was sent under an old password or to an old address is void with it.

use super::{ANN, NEW, Tests, a_minute_later, bad_code, by_code, by_link, reset, signed_in, token};
use crate::acts::{act, act_as, assert_refused, configure, count, mailed, state, superuser, text};
use fluxbase_tests::fixture::{Database, PASSWORD};
use serde_json::json;

pub const TESTS: Tests = &[
    ("a_reset_voids_what_else_was_mailed", by_reset),
    ("a_password_changed_voids_what_was_mailed", by_change),
    (
        "an_address_changed_voids_what_was_mailed_to_the_old_one",
        by_address,
    ),
    (
        "an_address_changed_by_an_administrator_voids_what_was_mailed_to_the_old_one",
        by_administrator,
    ),
    (
        "a_password_changed_voids_a_change_of_address_that_waits",
        waiting_address,
    ),
    (
        "what_an_administrator_resets_or_locks_voids_a_change_of_address_that_waits",
        waiting_for_administrator,
    ),
    (
        "a_reset_a_link_and_a_code_at_once_do_not_wait_for_each_other",
        crossing,
    ),
    (
        "a_reset_of_a_password_that_ran_out_confirms_no_address",
        handed_out,
    ),
    (
        "a_change_of_address_asked_for_by_another_user_voids_nothing",
        of_another_user,
    ),
];

fn by_reset(database: &Database) {
    let mut app = database.app();
    let (link, code) = (
        token(database, "magic_link", ANN),
        token(database, "email_otp", ANN),
    );
    let first = token(database, "password_reset", ANN);
    a_minute_later(database);
    // Asked for, and not mailed yet.
    super::ask(&mut app, "magic_link", ANN);
    signed_in(&reset(&mut app, &first, NEW));
    let before = state(database);
    assert_refused(&by_link(&mut app, &link), "TOKEN_USED");
    assert_eq!(by_code(&mut app, ANN, &code), bad_code());
    assert_eq!(state(database), before);
    let kinds: Vec<_> = crate::acts::mails(database)
        .iter()
        .map(|mail| mail["kind"].clone())
        .collect();
    assert_eq!(kinds, [json!("notice_password_changed")]);
}

fn by_change(database: &Database) {
    let mut app = database.app();
    let (link, code) = (
        token(database, "magic_link", ANN),
        token(database, "email_otp", ANN),
    );
    let old = token(database, "password_reset", ANN);
    let changed = act_as(
        &mut app,
        &database.fixture.ann.token,
        "auth.update_user($1)",
        &[&json!({"password": NEW, "current_password": PASSWORD})],
    );
    assert_eq!(changed["email"], ANN, "{changed}");
    let before = state(database);
    assert_refused(&by_link(&mut app, &link), "TOKEN_USED");
    assert_refused(&reset(&mut app, &old, PASSWORD), "TOKEN_USED");
    assert_eq!(by_code(&mut app, ANN, &code), bad_code());
    assert_eq!(state(database), before);
}

/// The mailbox of the old address may be somebody else's now.
fn voids(database: &Database, change: impl FnOnce()) {
    let mut app = database.app();
    let (link, code) = (
        token(database, "magic_link", ANN),
        token(database, "email_otp", ANN),
    );
    let old = token(database, "password_reset", ANN);
    super::ask(&mut app, "confirm_email", ANN);
    let confirmation = mailed(database, "confirm_email");
    change();
    let before = state(database);
    assert_refused(&by_link(&mut app, &link), "TOKEN_USED");
    assert_refused(&reset(&mut app, &old, NEW), "TOKEN_USED");
    assert_eq!(by_code(&mut app, ANN, &code), bad_code());
    let refused = act(&mut app, "auth.confirm_email($1)", &[&confirmation]);
    assert_refused(&refused, "TOKEN_USED");
    assert_eq!(state(database), before);
    let verified = "select count(*) from auth.users where email_verified";
    assert_eq!(count(database, verified), 0);
    // What is mailed to the new one works.
    a_minute_later(database);
    let link = token(database, "magic_link", "ann2@example.com");
    let account = signed_in(&by_link(&mut app, &link));
    assert_eq!(account.id, database.fixture.ann.id);
}

fn by_address(database: &Database) {
    voids(database, || {
        let changed = act_as(
            &mut database.app(),
            &database.fixture.ann.token,
            "auth.update_user($1)",
            &[&json!({"email": "ann2@example.com", "current_password": PASSWORD})],
        );
        assert_eq!(changed["email"], "ann2@example.com", "{changed}");
    });
}

fn by_administrator(database: &Database) {
    voids(database, || {
        let changed = act(
            &mut database.superuser(),
            "auth.admin_update_user($1::text::uuid, '{\"email\": \"ann2@example.com\"}')",
            &[&database.fixture.ann.id],
        );
        assert_eq!(changed["email"], "ann2@example.com", "{changed}");
    });
}

/// Somebody who got hold of an account has it moved to an address of theirs; the owner resets the password first.
fn waiting_address(database: &Database) {
    configure(database, "require_email_verification", "true");
    let mut app = database.app();
    let ann = &database.fixture.ann;
    superuser(database, "update auth.users set email_verified = true");
    for with_reset in [true, false] {
        let password = if with_reset { PASSWORD } else { NEW };
        let account = signed_in(&super::sign_in(&mut app, ANN, password));
        let pending = act_as(
            &mut app,
            &account.token,
            "auth.update_user($1)",
            &[&json!({"email": "evil@example.com", "current_password": password})],
        );
        assert_eq!(pending["new_email"], "evil@example.com", "{pending}");
        let change = mailed(database, "email_change");
        if with_reset {
            let token = token(database, "password_reset", ANN);
            signed_in(&reset(&mut app, &token, NEW));
        } else {
            act_as(
                &mut app,
                &account.token,
                "auth.update_user($1)",
                &[&json!({"password": PASSWORD, "current_password": NEW})],
            );
        }
        let before = state(database);
        let refused = act(&mut app, "auth.confirm_email($1)", &[&change]);
        assert_refused(&refused, "TOKEN_USED");
        assert_eq!(state(database), before);
        a_minute_later(database);
    }
    // The twin: both at once, by the owner.
    let account = signed_in(&super::sign_in(&mut app, ANN, PASSWORD));
    act_as(
        &mut app,
        &account.token,
        "auth.update_user($1)",
        &[&json!({"email": "ann2@example.com", "password": NEW, "current_password": PASSWORD})],
    );
    let change = mailed(database, "email_change");
    let confirmed = act(&mut app, "auth.confirm_email($1)", &[&change]);
    assert_eq!(
        confirmed["user"]["email"], "ann2@example.com",
        "{confirmed}"
    );
    assert_eq!(confirmed["user"]["id"], ann.id.as_str());
}

/// 1. Somebody who knows the password has the account moved to an address of theirs. 2. An administrator, told of it, resets
///    the password, locks the account for a while, or takes a factor away. 3. The link is opened: the account, with the
///    administrator's own reset link, would be theirs.
fn waiting_for_administrator(database: &Database) {
    configure(database, "require_email_verification", "true");
    superuser(database, "update auth.users set email_verified = true");
    let mut app = database.app();
    let mut owner = database.superuser();
    let ann = &database.fixture.ann;
    let setup = act_as(&mut app, &ann.token, "auth.totp_setup()", &[]);
    let code = fluxbase_tests::totp::code(&text(&setup, "secret"));
    act_as(&mut app, &ann.token, "auth.totp_enable($1)", &[&code]);
    superuser(database, "update auth.totp_factors set last_step = null");
    for acts in [
        ["auth.admin_reset_password($1::text::uuid)"].as_slice(),
        &[
            "auth.admin_lock_user($1::text::uuid)",
            "auth.admin_unlock_user($1::text::uuid)",
        ],
        &["auth.admin_remove_factor($1::text::uuid)"],
    ] {
        superuser(
            database,
            "insert into auth.one_time_tokens (kind, user_id, email, expires_at, mail_due_at) \
             select 'email_change', id, 'evil@example.com', now() + interval '1 hour', now() from auth.users where email = 'ann@example.com'",
        );
        let change = mailed(database, "email_change");
        for call in acts {
            let reply = act(&mut owner, call, &[&ann.id]);
            assert!(reply.get("code").is_none(), "{call}: {reply}");
        }
        let before = state(database);
        let refused = act(&mut app, "auth.confirm_email($1)", &[&change]);
        assert_refused(&refused, "TOKEN_USED");
        assert_eq!(state(database), before, "{acts:?}");
        // What the administrator had mailed is good.
        if acts[0].contains("reset") {
            let sent = mailed(database, "password_reset");
            let waits = reset(&mut app, &sent, NEW);
            assert_eq!(waits["requires_2fa"], true, "{waits}");
        }
    }
}

/// Each is right; whichever comes first voids some of the others, and none waits for another that waits for it.
fn crossing(database: &Database) {
    configure(database, "require_email_verification", "true");
    superuser(database, "update auth.users set email_verified = true");
    for round in 0..5 {
        let (link, code) = (
            token(database, "magic_link", ANN),
            token(database, "email_otp", ANN),
        );
        let old = token(database, "password_reset", ANN);
        let password = if round % 2 == 0 { NEW } else { PASSWORD };
        super::at_once(database, |app, nth| match nth % 4 {
            0 => reset(app, &old, password),
            1 => by_link(app, &link),
            2 => by_code(app, ANN, &code),
            _ => act(app, "auth.check_password_reset($1)", &[&old]),
        });
        a_minute_later(database);
        superuser(database, "delete from auth.login_attempts");
    }
}

/// Whoever shows the password has shown no mailbox.
fn handed_out(database: &Database) {
    let mut app = database.app();
    configure(database, "password_max_age_days", "1");
    superuser(
        database,
        "update auth.users set password_changed_at = now() - interval '2 days'",
    );
    let refused = super::sign_in(&mut app, ANN, PASSWORD);
    assert_eq!(refused["code"], "PASSWORD_EXPIRED", "{refused}");
    let token = crate::acts::text(&refused, "reset_token");
    let reply = reset(&mut app, &token, NEW);
    signed_in(&reply);
    assert_eq!(reply["user"]["email_verified"], false);
    // The twin came by mail.
    let token = self::token(database, "password_reset", "bob@example.com");
    let reply = reset(&mut app, &token, NEW);
    assert_eq!(reply["user"]["email_verified"], true);
}

fn of_another_user(database: &Database) {
    configure(database, "require_email_verification", "true");
    let mut app = database.app();
    let change = json!({"email": "new@example.com", "current_password": PASSWORD});
    let mut tokens = Vec::new();
    for account in [&database.fixture.ann, &database.fixture.bob] {
        act_as(&mut app, &account.token, "auth.update_user($1)", &[&change]);
        tokens.push(mailed(database, "email_change"));
    }
    let confirmed = act(&mut app, "auth.confirm_email($1)", &[&tokens[0]]);
    assert_eq!(
        confirmed["user"]["id"],
        database.fixture.ann.id.as_str(),
        "{confirmed}"
    );
    // And then the address is taken.
    let refused = act(&mut app, "auth.confirm_email($1)", &[&tokens[1]]);
    assert_refused(&refused, "VALIDATION_FAILED");
}
