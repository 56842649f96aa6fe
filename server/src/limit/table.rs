use super::rules::Numbered;
use super::window::{Count, Verdict, judge};
use fluxbase_rules::UnixSeconds;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Locks, so that workers seldom wait for each other.
const SHARDS: usize = 16;

/// A client and the number of a limit.
type Key = (IpAddr, usize);

/// The counts of all clients. All counts of one client are in one shard, under one lock: two
/// requests at once cannot both take the last place, nor be counted at one limit and not the other.
pub struct Table {
    shards: [Mutex<Shard>; SHARDS],
    // Seeded at random, so that nobody can choose addresses that meet in one shard.
    hasher: RandomState,
}

impl Table {
    /// Keeps at most so many counts.
    pub fn new(room: usize) -> Self {
        let half = (room / SHARDS / 2).max(1);
        Self {
            shards: std::array::from_fn(|_| Mutex::new(Shard::new(half))),
            hasher: RandomState::new(),
        }
    }

    /// As [`judge`], with the counts of this client. Without limits no lock is taken.
    pub fn judge(&self, client: IpAddr, limits: &[Numbered], now: UnixSeconds) -> Option<Verdict> {
        if limits.is_empty() {
            return None;
        }
        let shard = usize::try_from(self.hasher.hash_one(client) % SHARDS as u64).ok()?;
        // A thread that panicked here left whole counts: they are written one by one.
        let mut shard = self
            .shards
            .get(shard)?
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut counts: Vec<_> = limits
            .iter()
            .map(|numbered| (numbered.limit, shard.get((client, numbered.number))))
            .collect();
        let verdict = judge(&mut counts, now);
        for (numbered, (_, count)) in limits.iter().zip(counts) {
            if !count.is_empty() {
                shard.put((client, numbered.number), count);
            }
        }
        verdict
    }

    /// How many counts are kept.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.lock().unwrap().count())
            .sum()
    }
}

/// Two generations: when the young one is full, the old one is dropped and the young one takes its
/// place. What is used moves to the young one, so the counts longest unused go first, and there is
/// no list to keep in order.
struct Shard {
    young: HashMap<Key, Count>,
    old: HashMap<Key, Count>,
    half: usize,
}

impl Shard {
    fn new(half: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            half,
        }
    }

    fn get(&self, key: Key) -> Count {
        self.young
            .get(&key)
            .or_else(|| self.old.get(&key))
            .copied()
            .unwrap_or_default()
    }

    fn put(&mut self, key: Key, count: Count) {
        if let Some(known) = self.young.get_mut(&key) {
            *known = count;
            return;
        }
        self.old.remove(&key);
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, count);
    }

    #[cfg(test)]
    fn count(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests;
