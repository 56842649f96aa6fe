use fluxbase_rules::DatabaseRole;
use std::collections::HashMap;

/// Whose statement it is: each owner has plans of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The login itself, before any identity: account functions only.
    Login,
    /// A caller acting as this role.
    Caller(DatabaseRole),
}

impl Owner {
    const COUNT: usize = 4;

    const fn index(self) -> usize {
        match self {
            Self::Login => 0,
            Self::Caller(DatabaseRole::Anon) => 1,
            Self::Caller(DatabaseRole::Authenticated) => 2,
            Self::Caller(DatabaseRole::ServiceRole) => 3,
        }
    }
}

/// The statements one connection keeps prepared, at most `room` of them.
///
/// Two generations instead of a list in order of use: a hit costs one look-up and moves nothing,
/// and a caller who invents ever new shapes pushes out what was not used since the last turn, never
/// what is in constant use.
#[derive(Debug)]
pub struct Prepared<S> {
    young: [HashMap<Box<str>, S>; Owner::COUNT],
    old: [HashMap<Box<str>, S>; Owner::COUNT],
    in_young: usize,
    half: usize,
}

impl<S: Clone> Prepared<S> {
    /// Room for `room` statements, at least two.
    pub fn new(room: usize) -> Self {
        Self {
            young: Default::default(),
            old: Default::default(),
            in_young: 0,
            half: (room / 2).max(1),
        }
    }

    /// The statement for this text, if it is prepared.
    pub fn get(&mut self, owner: Owner, sql: &str) -> Option<S> {
        if let Some(found) = self.young.get(owner.index())?.get(sql) {
            return Some(found.clone());
        }
        let (text, found) = self.old.get_mut(owner.index())?.remove_entry(sql)?;
        self.insert(owner, text, found.clone());
        Some(found)
    }

    /// Keeps a statement; may forget those that were not used for a while. Dropping the last handle
    /// of a statement also closes it in PostgreSQL.
    pub fn put(&mut self, owner: Owner, sql: &str, statement: S) {
        self.insert(owner, sql.into(), statement);
    }

    fn insert(&mut self, owner: Owner, sql: Box<str>, statement: S) {
        if self.in_young >= self.half {
            self.old = std::mem::take(&mut self.young);
            self.in_young = 0;
        }
        if let Some(map) = self.young.get_mut(owner.index())
            && map.insert(sql, statement).is_none()
        {
            self.in_young += 1;
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.iter().chain(&self.old).map(HashMap::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{Owner, Prepared};
    use fluxbase_rules::DatabaseRole::{Anon, Authenticated};

    #[test]
    fn a_flood_of_new_shapes_stays_bounded_and_keeps_what_is_in_use() {
        let mut prepared = Prepared::new(8);
        let user = Owner::Caller(Authenticated);
        prepared.put(user, "hot", 0);
        for number in 1..1000 {
            prepared.put(user, &format!("once {number}"), number);
            assert!(prepared.len() <= 8, "{}", prepared.len());
            assert_eq!(prepared.get(user, "hot"), Some(0), "after {number}");
        }
        assert_eq!(prepared.get(user, "once 1"), None);
    }

    #[test]
    fn one_role_never_gets_the_statement_of_another() {
        let mut prepared = Prepared::new(8);
        prepared.put(Owner::Caller(Authenticated), "select", 1);
        assert_eq!(prepared.get(Owner::Caller(Anon), "select"), None);
        assert_eq!(prepared.get(Owner::Login, "select"), None);
        assert_eq!(
            prepared.get(Owner::Caller(Authenticated), "select"),
            Some(1)
        );
    }
}
