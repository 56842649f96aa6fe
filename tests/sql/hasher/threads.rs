//! The threads that hash: how many, with which claim to a core, and for how many who wait.

use super::{LONG, computed, computed_by, costs, field, hashes, signal, there, try_sign_in};
use fluxbase_tests::fixture::{Database, PASSWORD};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub fn least(database: &Database) {
    let pid = there(database);
    assert!(hashes(database, pid), "it does not hash");
    let threads = |name: &str, number| -> Vec<String> {
        fs::read_dir(format!("/proc/{pid}/task"))
            .expect("threads")
            .map(|one| fs::read_to_string(one.expect("one").path().join("stat")).expect("alive"))
            .filter(|stat| stat.contains(name))
            .map(|stat| field(&stat, number).to_owned())
            .collect()
    };
    let (nice, policy) = (
        threads("(fluxbase hash)", 19),
        threads("(fluxbase idle)", 41),
    );
    assert!(!nice.is_empty());
    assert!(nice.iter().all(|nice| nice == "19"), "{nice:?}");
    assert_eq!(nice.len(), policy.len());
    let idle = libc::SCHED_IDLE.to_string();
    assert!(policy.iter().all(|policy| *policy == idle), "{policy:?}");
    // Not every kernel has these groups. Where it has, it may be asked a few times.
    let group = format!("/proc/{pid}/autogroup");
    let began = Instant::now();
    while let Ok(group) = fs::read_to_string(&group)
        && !group.is_empty()
        && !group.trim_end().ends_with("nice 19")
    {
        assert!(began.elapsed() < LONG, "{group}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How often a thread slept until something woke it.
fn woken(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/task/{pid}/status")).expect("alive");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.expect("a count").trim().parse().expect("a number")
}

/// A thread that hashes is told by a signal when a turn is over. Every one of them once woke the process's first thread too,
/// a thousand times a second, because that waited for signals as PostgreSQL does.
pub fn turns(database: &Database) {
    let pid = there(database);
    assert!(hashes(database, pid), "it does not hash");
    // Each thread has the timer that tells it.
    let timers = fs::read_to_string(format!("/proc/{pid}/timers")).expect("readable");
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .expect("threads")
        .count();
    assert_eq!(
        timers.matches("signal/tid.").count(),
        threads - 1,
        "{timers}"
    );
    // Turns are offered where others want the core, and these want it all the time: two hundred turns for each hash.
    let over = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (0..threads * 2)
        .map(|_| {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_micros(200));
                }
            })
        })
        .collect();
    costs(database, 30);
    let (began, before, work) = (Instant::now(), woken(pid), computed(pid));
    let mut app = database.app();
    while computed(pid) - work < 1_000_000_000 {
        assert!(began.elapsed() < LONG, "it does not hash");
        let refused = try_sign_in(&mut app, PASSWORD).expect("a reply");
        assert_eq!(refused["code"], "INVALID_CREDENTIALS");
    }
    // By threads to which nobody has to give way.
    assert!(computed_by(pid, "fluxbase idle") > 500_000_000);
    over.store(true, Ordering::Relaxed);
    others
        .into_iter()
        .for_each(|one| one.join().expect("ended"));
    // It looks whether there is a postmaster once a second, and asks for the least weight eight times at most.
    let most = 20 + began.elapsed().as_secs() * 8;
    let woken = woken(pid) - before;
    assert!(woken < most, "{woken} times, {most} expected");
}

/// The most slots that were taken at once while so many clients signed in, some times each.
fn most_slots(database: &Database, clients: usize, times: usize) -> i64 {
    let mut superuser = database.superuser();
    std::thread::scope(|scope| {
        let crowd: Vec<_> = (0..clients)
            .map(|_| {
                let mut app = database.app();
                scope.spawn(move || (0..times).for_each(|_| drop(try_sign_in(&mut app, PASSWORD))))
            })
            .collect();
        let mut most = 0;
        while !crowd.iter().all(|one| one.is_finished()) {
            // See extension/src/hash_slots.rs; no lock of SQL's is in database 0.
            let taken = superuser
                .query_one(
                    "select count(*) from pg_locks where locktype = 'advisory' and database = 0 and classid = x'46580001'::bigint::oid and granted",
                    &[],
                )
                .expect("locks");
            most = most.max(taken.get(0));
            // Whoever looks all the time leaves no core to hash on.
            std::thread::sleep(Duration::from_millis(2));
        }
        most
    })
}

/// Attack: a crowd signs in. What is begun is bounded, by what is set or by the cores.
pub fn slots(database: &Database) {
    let cores = std::thread::available_parallelism().expect("cores").get();
    let set = |slots: usize| {
        database
            .superuser()
            .batch_execute(&format!(
                "select auth.configure('max_concurrent_hashes', '{slots}')"
            ))
            .expect("setting");
    };
    let pid = there(database);
    let threads = fs::read_dir(format!("/proc/{pid}/task"))
        .expect("threads")
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("comm")).ok())
        .filter(|name| name.trim() == "fluxbase hash");
    assert_eq!(threads.count(), cores);
    assert!(hashes(database, pid), "it does not hash");
    for slots in [1, cores, cores + 2, 0] {
        set(slots);
        let most = if slots == 0 { cores + 1 } else { slots } as i64;
        let began = Instant::now();
        loop {
            // Where somebody waited in vain, as happens on a machine that is busy, there is none behind the worker.
            assert!(hashes(database, pid), "it is not asked any more");
            let seen = most_slots(database, cores + 4, 8);
            assert!(seen <= most, "{seen} of {most}");
            if seen == most {
                break;
            }
            assert!(began.elapsed() < LONG, "never more than {seen} of {most}");
        }
    }
    // Nobody hashes for others now: each for himself, and so no more than there are cores.
    signal(pid, libc::SIGSTOP);
    let mut app = database.app();
    let asked = Instant::now();
    loop {
        let began = Instant::now();
        let _ = try_sign_in(&mut app, PASSWORD);
        let (waited, in_vain) = (began.elapsed(), Instant::now());
        let most = most_slots(database, cores + 4, 2);
        // It was this one who waited in vain, and the process is not asked again yet.
        if waited > Duration::from_millis(400) && in_vain.elapsed() < Duration::from_secs(1) {
            assert!(most <= cores as i64, "{most}");
            break;
        }
        assert!(asked.elapsed() < LONG, "too busy");
    }
    signal(pid, libc::SIGCONT);
}
