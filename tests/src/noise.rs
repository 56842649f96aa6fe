//! Whether time tells callers apart: times of several groups, taken in turns and compared with chance.
//!
//! A bound in microseconds would be wrong on a busy machine and blind on a fast one. The bound is noise: how far the
//! medians of two equal groups are apart, which are random halves of one group, at the worst of many splits.
//!
//! An idle machine measures single microseconds. Nobody hears those through a network, and a row that is there takes
//! some to read: below a fiftieth of what the act takes nothing is called a difference.

use postgres::Client;

/// Splits of a group into halves. The worst of so many is more than chance does to whole groups, but once in a million.
const SPLITS: usize = 500;
/// That once, chance is measured again. What is there is there again.
const MEASUREMENTS: usize = 2;
/// Less of what an act takes is no difference.
const LEAST: f64 = 0.02;

/// What a backend or another process computes, its threads included, in CPU time: what waiting comes to on a machine that
/// does nothing else.
pub struct Backend(libc::clockid_t);

impl Backend {
    /// That of an open session on this machine.
    pub fn of(session: &mut Client) -> Self {
        let pid: i32 = session
            .query_one("select pg_backend_pid()", &[])
            .expect("its process")
            .get(0);
        Self::process(pid)
    }

    /// That of any process.
    pub fn process(pid: i32) -> Self {
        let mut clock = 0;
        // SAFETY: writes to a variable of this frame.
        let status = unsafe { libc::clock_getcpuclockid(pid, &raw mut clock) };
        assert_eq!(status, 0, "the clock of process {pid}");
        Self(clock)
    }

    /// Microseconds it computed meanwhile, and what came of it.
    pub fn during<T>(&self, work: impl FnOnce() -> T) -> (f64, T) {
        let began = self.now();
        let result = work();
        (self.now() - began, result)
    }

    fn now(&self) -> f64 {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: as above.
        let status = unsafe { libc::clock_gettime(self.0, &raw mut time) };
        assert_eq!(status, 0, "its time");
        time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
    }
}

/// A source of chance with a known beginning (splitmix64): a failure can be looked at again.
pub struct Chance(u64);

impl Chance {
    /// The same beginning, the same numbers.
    pub fn new(beginning: u64) -> Self {
        Self(beginning)
    }

    /// A number below this one.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn shuffle<T>(&mut self, deck: &mut [T]) {
        for last in (1..deck.len()).rev() {
            deck.swap(last, (self.next() % (last as u64 + 1)) as usize);
        }
    }
}

/// The middle one.
fn median(times: &mut [f64]) -> f64 {
    let middle = times.len() / 2;
    *times.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// The largest difference between halves of a group.
fn noise(group: &[f64], chance: &mut Chance) -> f64 {
    let mut deck = group.to_vec();
    let differences = (0..SPLITS).map(|_| {
        chance.shuffle(&mut deck);
        let (one, other) = deck.split_at_mut(group.len() / 2);
        (median(one) - median(other)).abs()
    });
    differences.fold(0.0, f64::max)
}

/// By how much `one` takes longer, and how far chance moves that; nothing when chance moves it as far.
fn longer(one: &[f64], other: &[f64], chance: &mut Chance) -> Option<(f64, f64)> {
    let usual = median(&mut other.to_vec());
    let difference = median(&mut one.to_vec()) - usual;
    if difference <= usual * LEAST {
        return None;
    }
    let noise = f64::max(noise(one, chance), noise(other, chance));
    (difference > noise).then_some((difference, noise))
}

/// The pairs of groups that time tells apart, as sentences; empty when it tells none. `take` measures one try of a
/// group, in microseconds; each round takes every group once, in an order of its own.
///
/// A pair counts when its medians differ by more than noise, in the same direction, in both measurements; where the
/// first finds nothing there is no second.
pub fn told_apart(
    groups: &[&str],
    rounds: usize,
    chance: &mut Chance,
    mut take: impl FnMut(usize) -> f64,
) -> Vec<String> {
    let mut suspects: Vec<(usize, usize)> = (0..groups.len())
        .flat_map(|one| (0..groups.len()).map(move |other| (one, other)))
        .filter(|(one, other)| one != other)
        .collect();
    let mut found = Vec::new();
    for _ in 0..MEASUREMENTS {
        let mut times = vec![Vec::with_capacity(rounds); groups.len()];
        let mut order: Vec<usize> = (0..groups.len()).collect();
        for _ in 0..rounds {
            chance.shuffle(&mut order);
            for &group in &order {
                times[group].push(take(group));
            }
        }
        found.clear();
        suspects.retain(|&(one, other)| {
            let apart = longer(&times[one], &times[other], chance);
            if let Some((difference, noise)) = apart {
                found.push(format!(
                    "{} takes {difference:.0} µs longer than {} ({:.0} µs); chance does {noise:.0}",
                    groups[one],
                    groups[other],
                    median(&mut times[other].clone()),
                ));
            }
            apart.is_some()
        });
        if suspects.is_empty() {
            break;
        }
    }
    found
}
