//! Documents that were read and checked, by their SHA-256 and the role that may ask them.

use super::documents::Hash;
use fluxbase_compiler::graphql::Prepared;
use fluxbase_rules::DatabaseRole;
use std::collections::HashMap;
use std::rc::Rc;

type Key = (Hash, DatabaseRole);

/// What one worker remembers of them, bounded by the length of their texts; a tree takes some twenty times as much.
///
/// Two generations, as for prepared statements: documents in constant use stay, whatever else comes. A document is kept
/// when it compiled, and what was found out about it ends with the catalog.
#[derive(Debug)]
pub struct Operations {
    young: HashMap<Key, Rc<Prepared>>,
    old: HashMap<Key, Rc<Prepared>>,
    in_young: usize,
    half: usize,
    generation: u64,
}

impl Operations {
    /// Remembers documents of so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self {
            young: HashMap::new(),
            old: HashMap::new(),
            in_young: 0,
            half: bytes / 2,
            generation: 0,
        }
    }

    /// The document, if it was checked against the catalog of that generation.
    pub fn get(&mut self, hash: Hash, role: DatabaseRole, generation: u64) -> Option<Rc<Prepared>> {
        if self.generation != generation {
            *self = Self {
                generation,
                ..Self::new(self.half * 2)
            };
        }
        let key = (hash, role);
        if let Some(found) = self.young.get(&key) {
            return Some(Rc::clone(found));
        }
        let found = self.old.remove(&key)?;
        self.insert(key, Rc::clone(&found));
        Some(found)
    }

    /// Remembers a document that was checked against the catalog of the last [`Operations::get`].
    pub fn put(&mut self, hash: Hash, role: DatabaseRole, prepared: Rc<Prepared>) {
        self.insert((hash, role), prepared);
    }

    fn insert(&mut self, key: Key, prepared: Rc<Prepared>) {
        // Beside its text each takes at least this for itself.
        const LEAST: usize = 256;
        let bytes = prepared.text().len().max(LEAST);
        if bytes > self.half {
            return;
        }
        if self.in_young + bytes > self.half {
            self.old = std::mem::take(&mut self.young);
            self.in_young = 0;
        }
        if self.young.insert(key, prepared).is_none() {
            self.in_young += bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluxbase_compiler::graphql::Options;

    fn prepared(text: &str) -> Rc<Prepared> {
        Rc::new(Prepared::read(text, &Options::default()).unwrap())
    }

    fn bytes(operations: &Operations) -> usize {
        let all = operations.young.values().chain(operations.old.values());
        all.map(|one| one.text().len()).sum()
    }

    #[test]
    fn a_flood_of_new_documents_stays_bounded_and_keeps_what_is_in_use() {
        let mut operations = Operations::new(8_000);
        let role = DatabaseRole::Anon;
        let hot = prepared("{ hot }");
        operations.put(Hash::of("{ hot }"), role, Rc::clone(&hot));
        for number in 0..1_000 {
            let text = format!("{{ once{number}(a: \"{}\") }}", "x".repeat(900));
            operations.put(Hash::of(&text), role, prepared(&text));
            assert!(bytes(&operations) <= 8_000, "{}", bytes(&operations));
            let found = operations.get(Hash::of("{ hot }"), role, 0);
            assert!(found.is_some_and(|found| Rc::ptr_eq(&found, &hot)));
        }
        // Not at the cost of all others.
        let large = format!("{{ a(b: \"{}\") }}", "x".repeat(5_000));
        operations.put(Hash::of(&large), role, prepared(&large));
        assert!(operations.get(Hash::of(&large), role, 0).is_none());
        assert!(operations.get(Hash::of("{ hot }"), role, 0).is_some());
    }

    #[test]
    fn a_document_is_remembered_for_one_role_and_one_catalog() {
        let mut operations = Operations::new(8_000);
        let hash = Hash::of("{ a }");
        operations.put(hash, DatabaseRole::ServiceRole, prepared("{ a }"));
        assert!(operations.get(hash, DatabaseRole::Anon, 0).is_none());
        assert!(operations.get(hash, DatabaseRole::ServiceRole, 0).is_some());
        assert!(operations.get(hash, DatabaseRole::ServiceRole, 1).is_none());
        assert!(operations.get(hash, DatabaseRole::ServiceRole, 0).is_none());
    }
}
