//! The process that hashes for everybody: nobody depends on it, and nothing is left in what it shares.

mod threads;

use crate::crashes::{backend, kill};
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ANN: &str = "ann@example.com";
const LONG: Duration = Duration::from_secs(30);
/// More than there is room for.
const MANY: usize = 70;

type Test = (&'static str, &'static str, fn(&Database));

const TESTS: &[Test] = &[
    (
        "a_hasher_that_stands_still_keeps_nobody_out",
        "",
        stands_still,
    ),
    ("a_hasher_that_is_ended_comes_back", "", ended),
    (
        "without_room_for_a_hasher_backends_hash",
        "max_worker_processes = 0",
        no_room,
    ),
    (
        "statements_cancelled_while_they_wait_leave_no_order",
        "",
        cancelled,
    ),
    (
        "backends_terminated_while_they_wait_leave_no_order",
        "",
        terminated,
    ),
    ("no_password_is_left_in_shared_memory", "", left),
    ("it_has_the_least_claim_to_a_core", "", threads::least),
    (
        "turns_that_hashes_offer_wake_nobody_else",
        "",
        threads::turns,
    ),
    (
        "no_more_begin_than_one_for_each_core_and_one_behind_them",
        "",
        threads::slots,
    ),
    ("it_ends_with_a_postmaster_that_was_killed", "", orphaned),
];

/// Each has a cluster of its own, since the process is the cluster's.
pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    TESTS
        .iter()
        .map(|&(name, settings, body)| {
            trial(&fixture.cluster, format!("hasher::{name}"), move || {
                let cluster = Arc::new(Cluster::start(settings));
                let own = Arc::new(Fixture::new(Arc::clone(&cluster)));
                let database = own.database();
                // What hashes cost by default, so that it is seen who computed them.
                database
                    .superuser()
                    .batch_execute(
                        "select auth.configure('password_hash_memory_kib', '19456'), auth.configure('password_hash_iterations', '2'),
                           auth.configure('max_login_attempts', '1000')",
                    )
                    .expect("settings");
                body(&database);
                drop(database);
                drop(own);
                cluster.stop();
            })
        })
        .collect()
}

/// Its number.
fn postmaster(database: &Database) -> String {
    let directory = &database.fixture.cluster.directory;
    let text = fs::read_to_string(directory.join("postmaster.pid")).expect("readable");
    text.lines().next().expect("a line").to_owned()
}

/// The process of this name below the postmaster.
fn hasher(database: &Database) -> Option<i32> {
    let postmaster = postmaster(database);
    fs::read_dir("/proc")
        .expect("processes")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .find(|pid| {
            let of = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}"));
            of("cmdline").is_ok_and(|line| line.contains("fluxbase hasher"))
                && of("stat").is_ok_and(|line| field(&line, 4) == postmaster)
        })
}

/// A field of `stat`, numbered as in proc(5).
fn field(stat: &str, number: usize) -> &str {
    let (_, behind) = stat.rsplit_once(')').expect("a name");
    behind
        .split_whitespace()
        .nth(number - 3)
        .expect("the field")
}

fn there(database: &Database) -> i32 {
    let began = Instant::now();
    loop {
        if let Some(pid) = hasher(database) {
            return pid;
        }
        assert!(began.elapsed() < LONG, "no hasher");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(pid: i32, number: i32) {
    // SAFETY: a process of a cluster of this test.
    assert_eq!(unsafe { libc::kill(pid, number) }, 0);
}

fn try_sign_in(client: &mut Client, password: &str) -> Result<Value, postgres::Error> {
    Ok(client
        .query_one(
            "select auth.sign_in($1, $2, $3)",
            &[&ANN, &password, &json!({})],
        )?
        .get(0))
}

fn signs_in(client: &mut Client) {
    Account::from_reply(&try_sign_in(client, PASSWORD).expect("a reply"));
    assert_eq!(
        try_sign_in(client, "Wrong-Horse-7-Battery").expect("a reply"),
        json!({"error": "Invalid email or password", "code": "INVALID_CREDENTIALS"})
    );
}

/// What the threads of this name have computed, in nanoseconds.
fn computed_by(pid: i32, name: &str) -> u64 {
    fs::read_dir(format!("/proc/{pid}/task"))
        .expect("threads")
        .map(|thread| thread.expect("one").path())
        .filter(|thread| fs::read_to_string(thread.join("comm")).is_ok_and(|of| of.trim() == name))
        .filter_map(|thread| fs::read_to_string(thread.join("schedstat")).ok())
        .filter_map(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .sum()
}

/// What its threads have computed, in nanoseconds.
fn computed(pid: i32) -> u64 {
    computed_by(pid, "fluxbase hash") + computed_by(pid, "fluxbase idle")
}

/// From now on a hash of Ann's, who has no password any more, takes so many passes.
fn costs(database: &Database, passes: u32) {
    database
        .superuser()
        .batch_execute(&format!(
            "select auth.configure('password_hash_iterations', '{passes}');
             update auth.users set password_hash = null where email = '{ANN}'"
        ))
        .expect("settings");
}

/// Whether the process takes orders. Who waited in vain, as happens on a machine that is busy, keeps others from asking for
/// two seconds.
fn hashes(database: &Database, pid: i32) -> bool {
    let mut app = database.app();
    let began = Instant::now();
    while began.elapsed() < LONG {
        let before = computed(pid);
        signs_in(&mut app);
        // A fraction of a hash, and far more than looking whether there is an order.
        if computed(pid) - before > 1_000_000 {
            return true;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    false
}

fn stands_still(database: &Database) {
    let pid = there(database);
    assert!(hashes(database, pid), "it does not hash");
    signal(pid, libc::SIGSTOP);
    let mut app = database.app();
    let began = Instant::now();
    for _ in 0..5 {
        signs_in(&mut app);
    }
    // Half a second is lost once in two.
    assert!(began.elapsed() < Duration::from_secs(20));
    signal(pid, libc::SIGCONT);
    assert!(hashes(database, pid), "it is not asked any more");
}

fn ended(database: &Database) {
    let pid = there(database);
    assert!(hashes(database, pid), "it does not hash");
    signal(pid, libc::SIGTERM);
    signs_in(&mut database.app());
    let began = Instant::now();
    let next = loop {
        match hasher(database) {
            Some(next) if next != pid => break next,
            _ => assert!(began.elapsed() < LONG, "it did not come back"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(hashes(database, next), "the next one does not hash");
}

fn no_room(database: &Database) {
    signs_in(&mut database.app());
    assert_eq!(hasher(database), None);
}

/// Until as many came to nothing; one that did not wait does not count.
fn many(mut try_one: impl FnMut() -> Option<()>) {
    let began = Instant::now();
    let mut ended = 0;
    while ended < MANY {
        assert!(began.elapsed() < LONG, "{ended} of {MANY}");
        ended += usize::from(try_one().is_some());
    }
}

/// Attack: 1. Keep the process from a core. 2. Send sign-ins and cancel each. Should each leave something behind, there is
/// room for no order after a while, and everybody's hashes are back among the requests.
fn cancelled(database: &Database) {
    let pid = there(database);
    signal(pid, libc::SIGSTOP);
    let mut app = database.app();
    app.batch_execute("set statement_timeout = '60ms'")
        .expect("set");
    many(|| {
        let error = try_sign_in(&mut app, PASSWORD).err()?;
        assert_eq!(error.code().map(|code| code.code()), Some("57014"));
        Some(())
    });
    signal(pid, libc::SIGCONT);
    assert!(hashes(database, pid), "there is room for no order");
}

/// The same, and each backend is terminated.
fn terminated(database: &Database) {
    let pid = there(database);
    signal(pid, libc::SIGSTOP);
    let mut superuser = database.superuser();
    many(|| {
        let mut app = database.app();
        let its = backend(&mut app);
        let waiting = std::thread::spawn(move || try_sign_in(&mut app, PASSWORD));
        // Long enough to be waiting, mostly; it gives up after half a second by itself.
        std::thread::sleep(Duration::from_millis(40));
        superuser
            .execute("select pg_terminate_backend($1)", &[&its])
            .expect("terminated");
        waiting.join().expect("joined").err().map(drop)
    });
    signal(pid, libc::SIGCONT);
    assert!(hashes(database, pid), "there is room for no order");
}

/// As the C library looks: a hundred megabytes in a fraction of a second, without optimisation too.
fn holds(bytes: &[u8], text: &str) -> bool {
    // SAFETY: two slices with their lengths.
    let place = unsafe {
        libc::memmem(
            bytes.as_ptr().cast(),
            bytes.len(),
            text.as_ptr().cast(),
            text.len(),
        )
    };
    !place.is_null()
}

/// In how many pieces of the memory that the cluster's processes share the text lies.
fn in_shared_memory(pid: i32, text: &str) -> usize {
    let memory = File::open(format!("/proc/{pid}/mem")).expect("readable");
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("readable");
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains("rw-s")) {
        let range = line.split_whitespace().next().expect("a range");
        let (from, to) = range.split_once('-').expect("two ends");
        let number = |text| u64::from_str_radix(text, 16).expect("hexadecimal");
        let mut bytes = vec![0; (number(to) - number(from)) as usize];
        if memory.read_exact_at(&mut bytes, number(from)).is_ok() {
            found += usize::from(holds(&bytes, text));
        }
    }
    found
}

/// Attack: 1. Somebody signs in, mistypes, is cancelled, is cut off. 2. The memory that PostgreSQL's processes share is read,
/// from a core dump for instance. No password may be in it but of those who wait.
fn left(database: &Database) {
    const MISTYPED: &str = "Mistyped-Horse-7-Battery";
    const CANCELLED: &str = "Cancelled-Horse-7-Battery";
    let pid = there(database);
    let mut app = database.app();
    assert!(hashes(database, pid), "it does not hash");
    assert!(try_sign_in(&mut app, MISTYPED).is_ok());
    assert_eq!(in_shared_memory(pid, PASSWORD), 0);
    assert_eq!(in_shared_memory(pid, MISTYPED), 0);

    // What costs more is waited for longer.
    costs(database, 20);
    signal(pid, libc::SIGSTOP);
    let began = Instant::now();
    loop {
        let mut app = database.app();
        let its = backend(&mut app);
        let waiting = std::thread::spawn(move || try_sign_in(&mut app, CANCELLED));
        // The twin: who looks while somebody waits finds it.
        let mut seen = false;
        while !seen && !waiting.is_finished() {
            seen = in_shared_memory(pid, CANCELLED) > 0;
        }
        database
            .superuser()
            .execute("select pg_terminate_backend($1)", &[&its])
            .expect("asked");
        let _ = waiting.join().expect("joined");
        if seen {
            break;
        }
        assert!(began.elapsed() < LONG, "nobody ever waited");
    }
    assert_eq!(in_shared_memory(pid, CANCELLED), 0);
    signal(pid, libc::SIGCONT);
}

fn orphaned(database: &Database) {
    let pid = there(database);
    let both = [postmaster(database), pid.to_string()];
    kill(both[0].parse().expect("a number"));
    let began = Instant::now();
    while both
        .iter()
        .any(|pid| Path::new(&format!("/proc/{pid}")).exists())
    {
        assert!(began.elapsed() < LONG, "it lives on");
        std::thread::sleep(Duration::from_millis(20));
    }
    // The twin: it comes with the next.
    database.fixture.cluster.restart();
    assert!(there(database) != pid);
}
