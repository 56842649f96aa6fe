//! At most so many passwords are hashed at once; who waits for too long is told so, and is not counted.

use super::{ANN, counted, generic, right, wrong};
use fluxbase_tests::fixture::{Account, Database, PASSWORD};
use std::time::{Duration, Instant};

/// One slot, and somebody hashes in it for longer than anybody waits.
pub fn busy(database: &Database) {
    database
        .superuser()
        .batch_execute(
            "select auth.configure('password_hash_iterations', '6');
             select auth.configure('password_hash_memory_kib', '524288');
             select auth.configure('max_concurrent_hashes', '1')",
        )
        .expect("one slow hash at a time");
    let mut first = database.app();
    std::thread::scope(|scope| {
        let slow = scope.spawn(move || wrong(&mut first, "nobody@example.com"));
        let began = Instant::now();
        while counted(database, "nobody@example.com") == 0 {
            assert!(began.elapsed() < Duration::from_secs(10), "never began");
            std::thread::sleep(Duration::from_millis(2));
        }
        let refused = database
            .app()
            .query_one("select auth.sign_in('ann@example.com', 'x')", &[])
            .expect_err("busy");
        assert_eq!(refused.code().map(|code| code.code()), Some("FX009"));
        assert_eq!(slow.join().expect("joined"), generic());
    });
    // Not judged, so not counted; and the slot is free again.
    assert_eq!(counted(database, ANN), 0);
    database
        .superuser()
        .batch_execute(
            "select auth.configure('password_hash_iterations', '2');
             select auth.configure('password_hash_memory_kib', '19456')",
        )
        .expect("setting");
    Account::from_reply(&right(&mut database.app(), ANN));
}

/// Somebody signs in, or fails to, in transactions that never end.
pub fn left_open(database: &Database) {
    database
        .superuser()
        .batch_execute("select auth.configure('max_concurrent_hashes', '1')")
        .expect("setting");
    let mut open = Vec::new();
    for password in ["x", PASSWORD] {
        let mut app = database.app();
        app.batch_execute(&format!(
            "begin; select auth.sign_in('bob@example.com', '{password}')"
        ))
        .expect("a reply");
        open.push(app);
    }
    Account::from_reply(&right(&mut database.app(), ANN));
}
