//! Codes that stand in for a lost app, once each.

use super::{Test, bad, challenge, protect, verify_with};
use crate::acts::{act_as, assert_refused, count, mails, state, superuser};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use serde_json::json;
use std::collections::HashSet;
use std::sync::{Arc, Barrier};

pub fn tests() -> Vec<Test> {
    vec![
        ("ten_codes_open_ten_sessions_and_none_twice", ten),
        ("a_code_used_by_twenty_at_once_has_one_winner", parallel),
        ("spellings_of_a_code_are_that_code", spellings),
        (
            "a_code_whose_transaction_is_rolled_back_is_not_used_up",
            rolled_back,
        ),
        ("new_codes_void_the_old_ones", renewed),
        ("without_a_factor_there_are_no_codes", without_factor),
        ("only_fingerprints_are_stored", stored),
    ]
}

fn ten(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    assert_eq!(ann.backup.iter().collect::<HashSet<_>>().len(), 10);
    let mut app = database.app();
    for (nth, code) in ann.backup.iter().enumerate() {
        assert_eq!(code.len(), 29);
        let token = challenge(&mut app, "ann@example.com");
        let account = Account::from_reply(&verify_with(&mut app, &ann, code, &token));
        let status = act_as(&mut app, &account.token, "auth.totp_status()", &[]);
        assert_eq!(
            status,
            json!({"totp_enabled": true, "backup_codes_left": 9 - nth})
        );
        let token = challenge(&mut app, "ann@example.com");
        assert_eq!(verify_with(&mut app, &ann, code, &token), bad());
    }
    let token = challenge(&mut app, "ann@example.com");
    Account::from_reply(&verify_with(&mut app, &ann, &ann.code(), &token));
}

fn parallel(database: &Database) {
    const THIEVES: usize = 20;
    let ann = protect(database, &database.fixture.ann);
    let start = Arc::new(Barrier::new(THIEVES));
    let mut app = database.app();
    let tokens: Vec<String> = (0..THIEVES)
        .map(|_| challenge(&mut app, "ann@example.com"))
        .collect();
    let won: usize = std::thread::scope(|scope| {
        let thieves: Vec<_> = tokens
            .iter()
            .map(|token| {
                let (start, mut app, ann) = (Arc::clone(&start), database.app(), &ann);
                scope.spawn(move || {
                    start.wait();
                    let reply = verify_with(&mut app, ann, &ann.backup[3], token);
                    usize::from(reply.get("access_token").is_some())
                })
            })
            .collect();
        thieves
            .into_iter()
            .map(|thief| thief.join().expect("joined"))
            .sum()
    });
    assert_eq!(won, 1);
    assert_eq!(
        count(
            database,
            "select count(*) from auth.backup_codes where used_at is null"
        ),
        9
    );
}

fn spellings(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let spelled: [fn(&str) -> String; 4] = [
        |code| code.to_uppercase(),
        |code| code.replace('-', ""),
        |code| format!(" {} ", code.replace('-', " ")),
        |code| code.replace('1', "l").replace('0', "O"),
    ];
    for (spell, code) in spelled.into_iter().zip(&ann.backup) {
        let token = challenge(&mut app, "ann@example.com");
        Account::from_reply(&verify_with(&mut app, &ann, &spell(code), &token));
        let token = challenge(&mut app, "ann@example.com");
        assert_eq!(verify_with(&mut app, &ann, code, &token), bad());
    }
    superuser(database, "delete from auth.login_attempts");
    let token = challenge(&mut app, "ann@example.com");
    for near in [&ann.backup[9][..28], &format!("{}0", ann.backup[9]), ""] {
        assert_eq!(verify_with(&mut app, &ann, near, &token), bad(), "{near}");
    }
}

/// No token came of it, so nothing was used.
fn rolled_back(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    let mut app = database.app();
    let token = challenge(&mut app, "ann@example.com");
    app.batch_execute("begin").expect("begins");
    let lost = Account::from_reply(&verify_with(&mut app, &ann, &ann.backup[0], &token));
    app.batch_execute("rollback").expect("ends");
    assert_eq!(
        crate::acts::enters(&mut app, &lost.token),
        Err("FX003".to_owned())
    );
    Account::from_reply(&verify_with(&mut app, &ann, &ann.backup[0], &token));
}

fn renewed(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    mails(database);
    let mut app = database.app();
    let token = &ann.account.token;
    let before = state(database);
    let reply = act_as(&mut app, token, "auth.totp_backup_codes()", &[]);
    assert_refused(&reply, "REAUTHENTICATION_REQUIRED");
    assert_eq!(state(database), before);
    let proof = json!({"password": PASSWORD, "code": ann.code()});
    let nonce = act_as(&mut app, token, "auth.reauthenticate($1)", &[&proof]);
    let reply = act_as(&mut app, token, "auth.totp_backup_codes($1)", &[&nonce]);
    let new: Vec<String> = serde_json::from_value(reply["backup_codes"].clone()).expect("codes");
    assert_eq!(new.len(), 10);
    assert!(new.iter().all(|code| !ann.backup.contains(code)));
    let told = mails(database);
    assert_eq!(
        (told.len(), &told[0]["kind"]),
        (1, &json!("notice_factor_changed"))
    );
    let challenged = challenge(&mut app, "ann@example.com");
    assert_eq!(
        verify_with(&mut app, &ann, &ann.backup[0], &challenged),
        bad()
    );
    Account::from_reply(&verify_with(&mut app, &ann, &new[0], &challenged));
}

fn without_factor(database: &Database) {
    let mut app = database.app();
    let token = &database.fixture.ann.token;
    let before = state(database);
    assert_refused(
        &act_as(&mut app, token, "auth.totp_backup_codes()", &[]),
        "VALIDATION_FAILED",
    );
    // A factor that waits for its first code is none.
    act_as(&mut app, token, "auth.totp_setup()", &[]);
    assert_refused(
        &act_as(&mut app, token, "auth.totp_backup_codes()", &[]),
        "VALIDATION_FAILED",
    );
    superuser(database, "delete from auth.totp_factors");
    assert_eq!(state(database), before);
}

fn stored(database: &Database) {
    let ann = protect(database, &database.fixture.ann);
    // As text, as bytes and as a plain hash, dashed or not.
    for code in &ann.backup {
        for text in [code.clone(), code.replace('-', "")] {
            let found = format!(
                "select count(*) from auth.backup_codes b where b::text like '%{text}%' \
                 or b.code_mac in (convert_to('{text}', 'UTF8'), sha256(convert_to('{text}', 'UTF8')))"
            );
            assert_eq!(count(database, &found), 0);
        }
    }
}
