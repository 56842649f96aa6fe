//! How many passwords N threads hash with nothing around them; `bench/run` compares sign-ins with it.
//!
//! `argon2id THREADS SECONDS`, with the default parameters; prints how many, and in how many seconds.

use fluxbase_rules::password::{self, Params};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u32>());
    let (Some(Ok(threads)), Some(Ok(seconds)), None) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("usage: argon2id THREADS SECONDS");
        return ExitCode::FAILURE;
    };
    let (over, failed, hashes) = (
        AtomicBool::new(false),
        AtomicBool::new(false),
        AtomicU64::new(0),
    );
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut memory = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let made = password::hash(
                        "Correct-Horse-7-Battery",
                        &[7; 16],
                        Params::default(),
                        &mut memory,
                    );
                    if std::hint::black_box(made).is_err() {
                        failed.store(true, Ordering::Relaxed);
                        return;
                    }
                    hashes.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        thread::sleep(Duration::from_secs(seconds.into()));
        over.store(true, Ordering::Relaxed);
    });
    if failed.load(Ordering::Relaxed) {
        eprintln!("no memory to hash a password");
        return ExitCode::FAILURE;
    }
    // The last hash of each thread is counted, and so is its time.
    let seconds = started.elapsed().as_secs_f64();
    println!("{} {seconds:.3}", hashes.load(Ordering::Relaxed));
    ExitCode::SUCCESS
}
