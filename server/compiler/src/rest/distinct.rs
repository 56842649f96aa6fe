//! Finding a value that stands twice.

use std::collections::HashSet;
use std::hash::Hash;

/// A set that stays a list while it is small: most objects have a handful of keys, an attacker's has a million.
pub(super) struct Distinct<T> {
    pub(super) values: Vec<T>,
    index: Option<HashSet<T>>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Distinct {
            values: Vec::new(),
            index: None,
        }
    }
}

impl<T: Eq + Hash + Clone> Distinct<T> {
    const SMALL: usize = 16;

    /// Whether the value is new.
    pub(super) fn insert(&mut self, value: T) -> bool {
        if self.index.is_none() && self.values.len() >= Self::SMALL {
            self.index = Some(self.values.iter().cloned().collect());
        }
        let new = match &mut self.index {
            Some(index) => index.insert(value.clone()),
            None => !self.values.contains(&value),
        };
        if new {
            self.values.push(value);
        }
        new
    }
}
