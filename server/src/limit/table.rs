use super::rules::{Counted, Whom};
use super::window::{Count, Limit, Verdict, judge};
use fluxbase_rules::UnixSeconds;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

/// Locks, so that workers seldom wait for each other.
const SHARDS: usize = 16;

/// Somebody and the number of a limit.
type Key = (Whom, usize);

/// The counts of everybody. All counts of one request are looked at and written under the locks of their shards: two
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

    /// As [`judge`], with these counts. Without limits no lock is taken.
    pub fn judge(&self, counted: &[Counted], now: UnixSeconds) -> Option<Verdict> {
        if counted.is_empty() {
            return None;
        }
        let places: Vec<usize> = counted.iter().map(|(whom, _)| self.place(whom)).collect();
        // In one order, or two requests could wait for each other. A request is counted by two at most.
        let mut in_order = places.clone();
        in_order.sort_unstable();
        in_order.dedup();
        let mut locked: Vec<_> = in_order
            .into_iter()
            .filter_map(|place| {
                let shard = self.shards.get(place)?.lock();
                // A thread that panicked here left whole counts: they are written one by one.
                Some((place, shard.unwrap_or_else(PoisonError::into_inner)))
            })
            .collect();
        let at = |locked: &[(usize, _)], place| locked.iter().position(|(own, _)| *own == place);
        let mut counts: Vec<(Limit, Count)> = counted
            .iter()
            .zip(&places)
            .map(|((whom, numbered), place)| {
                let shard = at(&locked, *place).and_then(|at| locked.get(at));
                let count = shard.map(|(_, shard)| shard.get((*whom, numbered.number)));
                (numbered.limit, count.unwrap_or_default())
            })
            .collect();
        let verdict = judge(&mut counts, now);
        for (((whom, numbered), place), (_, count)) in counted.iter().zip(&places).zip(counts) {
            if !count.is_empty()
                && let Some(at) = at(&locked, *place)
                && let Some((_, shard)) = locked.get_mut(at)
            {
                shard.put((*whom, numbered.number), count);
            }
        }
        verdict
    }

    fn place(&self, whom: &Whom) -> usize {
        usize::try_from(self.hasher.hash_one(whom) % SHARDS as u64).unwrap_or(0)
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
