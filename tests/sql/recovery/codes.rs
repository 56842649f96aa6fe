//! Codes that can be typed: once, in time, by whom they were sent to.

use super::{
    ANN, Tests, a_minute_later, at_once, bad_code, by_code, found_in, newest, proven, signed_in,
    token,
};
use crate::acts::{act, assert_refused, count, enters, events, state, superuser};
use crate::seal::value;
use fluxbase_tests::fixture::Database;

pub const TESTS: Tests = &[
    ("a_code_signs_in_once", works),
    (
        "a_code_stands_in_no_table_and_cannot_be_tried_out_against_its_hash",
        hashed,
    ),
    ("a_code_used_by_twenty_at_once_has_one_winner", parallel),
    ("an_expired_code_is_refused_like_a_wrong_one", expired),
    ("a_code_sent_to_somebody_else_is_refused", somebody_elses),
    ("an_address_nobody_asked_for_gets_the_one_answer", nobody),
    (
        "a_code_of_a_disabled_user_is_refused_like_a_wrong_one",
        disabled,
    ),
    ("an_older_code_is_refused", older),
];

fn works(database: &Database) {
    let mut app = database.app();
    let code = token(database, "email_otp", ANN);
    assert!(code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()));
    // As people type it.
    let typed = format!(" {} {} ", &code[..3], &code[3..]);
    let reply = by_code(&mut app, " ANN@example.com", &typed);
    let account = signed_in(&reply);
    assert_eq!(account.id, database.fixture.ann.id);
    assert_eq!(reply["user"]["email_verified"], true);
    assert_eq!(enters(&mut app, &account.token), Ok(()));
    let before = state(database);
    assert_eq!(by_code(&mut app, ANN, &code), bad_code());
    assert_eq!(state(database), before);
    assert_eq!(
        events(database, "auth.login"),
        ["success", "failure wrong_code"]
    );
}

fn hashed(database: &Database) {
    let code = token(database, "email_otp", ANN);
    assert_eq!(
        found_in(database, &format!("\"{code}\"")),
        Vec::<String>::new()
    );
    let row = newest(database, "id").expect("a row");
    // What somebody with a dump but without the sealing key would try.
    for guess in [
        code.clone(),
        format!("{row}{code}"),
        format!("email code:{row}{code}"),
        format!("{ANN}{code}"),
    ] {
        let plain = format!(
            "select count(*) from auth.one_time_tokens where token_hash in (sha256('{guess}'), decode(md5('{guess}'), 'hex'))"
        );
        assert_eq!(count(database, &plain), 0);
    }
    let length = newest(database, "octet_length(token_hash)");
    assert_eq!(length.as_deref(), Some("32"));
    signed_in(&by_code(&mut database.app(), ANN, &code));
}

fn parallel(database: &Database) {
    proven(database);
    // Trying is counted, so the crowd must be allowed to try.
    let code = token(database, "email_otp", ANN);
    let sessions = count(database, "select count(*) from auth.sessions");
    let replies = at_once(database, |app, _| by_code(app, ANN, &code));
    let won = replies
        .iter()
        .filter(|reply| reply.get("access_token").is_some())
        .count();
    assert!(won <= 1, "{won} winners");
    assert!(
        replies
            .iter()
            .all(|reply| reply.get("access_token").is_some() || *reply == bad_code()),
        "{replies:?}"
    );
    let opened = count(database, "select count(*) from auth.sessions") - sessions;
    assert_eq!(usize::try_from(opened), Ok(won));
}

fn expired(database: &Database) {
    let mut app = database.app();
    let code = token(database, "email_otp", ANN);
    superuser(
        database,
        "update auth.one_time_tokens set expires_at = clock_timestamp()",
    );
    let before = state(database);
    assert_eq!(by_code(&mut app, ANN, &code), bad_code());
    assert_eq!(state(database), before);
    superuser(
        database,
        "update auth.one_time_tokens set expires_at = now() + interval '9 s'",
    );
    signed_in(&by_code(&mut app, ANN, &code));
}

fn somebody_elses(database: &Database) {
    let mut app = database.app();
    let hers = token(database, "email_otp", ANN);
    let his = token(database, "email_otp", "bob@example.com");
    let before = state(database);
    if hers != his {
        assert_eq!(by_code(&mut app, "bob@example.com", &hers), bad_code());
        assert_eq!(by_code(&mut app, ANN, &his), bad_code());
    }
    // A code is a token of no other door, and a link's token is no code.
    for call in [
        "auth.sign_in_with_magic_link($1)",
        "auth.reset_password($1, 'Another-Staple-8-Mule')",
        "auth.confirm_email($1)",
    ] {
        assert_refused(&act(&mut app, call, &[&hers]), "INVALID_TOKEN");
    }
    assert_eq!(state(database), before);
    signed_in(&by_code(&mut app, ANN, &hers));
    let link = token(database, "magic_link", "bob@example.com");
    assert_eq!(by_code(&mut app, "bob@example.com", &link), bad_code());
}

fn nobody(database: &Database) {
    let mut app = database.app();
    super::ask(&mut app, "email_otp", "asked@example.com");
    super::ask(&mut app, "email_otp", "bob@example.com");
    let before = state(database);
    for email in [
        ANN,
        "asked@example.com",
        "nobody@example.com",
        "bob@example.com",
        "no address",
        "",
    ] {
        for code in ["000000", "", "x", &"0".repeat(100_000)] {
            assert_eq!(by_code(&mut app, email, code), bad_code(), "{email}");
        }
    }
    assert_eq!(state(database), before);
}

fn disabled(database: &Database) {
    let mut app = database.app();
    let code = token(database, "email_otp", ANN);
    superuser(
        database,
        "update auth.users set disabled_at = now() where email = 'ann@example.com'",
    );
    let sessions = "select count(*) from auth.sessions";
    assert_eq!(count(database, sessions), 1);
    assert_eq!(by_code(&mut app, ANN, &code), bad_code());
    assert_eq!(count(database, sessions), 1);
    let verified = value(
        &mut database.superuser(),
        "select email_verified from auth.users where email = 'ann@example.com'",
    );
    assert_eq!(verified.expect("asked").as_deref(), Some("f"));
}

fn older(database: &Database) {
    let mut app = database.app();
    let first = token(database, "email_otp", ANN);
    a_minute_later(database);
    let second = token(database, "email_otp", ANN);
    if first != second {
        assert_eq!(by_code(&mut app, ANN, &first), bad_code());
    }
    signed_in(&by_code(&mut app, ANN, &second));
}
