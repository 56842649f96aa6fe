//! What one session has parsed, under which name.

use crate::db::prepared::{Owner, Prepared};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A statement of a session. When the last handle is dropped, PostgreSQL is told to forget it.
#[derive(Debug)]
pub struct Name {
    text: Box<str>,
    lost: Cell<bool>,
    closed: Rc<RefCell<Vec<Box<str>>>>,
}

impl Name {
    /// As PostgreSQL knows it; empty for the one that is overwritten by the next.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// It was not parsed after all, or fits no more: whoever wants it next parses it anew, under another name.
    pub fn lose(&self) {
        self.lost.set(true);
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.closed.borrow_mut().push(text);
        }
    }
}

/// The statements around those of requests. They are few, and looked up without their text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixed {
    Begin,
    BeginReadOnly,
    Enter,
    EnterFor,
    EnterAnonymous,
    EnterReading,
    EnterForReading,
    EnterAnonymousReading,
    TimeZone,
    CheckConstraints,
    Commit,
    Rollback,
}

impl Fixed {
    const COUNT: usize = 12;

    /// Its text. Of those that enter for a read, the mode comes first: nothing of the caller's runs before it.
    pub fn sql(self) -> &'static str {
        match self {
            // Not just "begin": a default_transaction_read_only that a request left behind must not apply.
            Self::Begin => "begin read write",
            Self::BeginReadOnly => "begin read only",
            Self::Enter => "select auth.enter($1)",
            Self::EnterFor => "select auth.enter($1, $2)",
            Self::EnterAnonymous => "select auth.enter_anonymous()",
            Self::EnterReading => {
                "select pg_catalog.set_config('transaction_read_only', 'on', true), auth.enter($1)"
            }
            Self::EnterForReading => {
                "select pg_catalog.set_config('transaction_read_only', 'on', true), auth.enter($1, $2)"
            }
            Self::EnterAnonymousReading => {
                "select pg_catalog.set_config('transaction_read_only', 'on', true), auth.enter_anonymous()"
            }
            Self::TimeZone => "select pg_catalog.set_config('timezone', $1, true)",
            Self::CheckConstraints => "set constraints all immediate",
            Self::Commit => "commit",
            Self::Rollback => "rollback",
        }
    }
}

/// What is parsed, bounded, and what has to be closed.
#[derive(Debug)]
pub struct Names {
    fixed: [Option<Rc<Name>>; Fixed::COUNT],
    prepared: Prepared<Rc<Name>>,
    closed: Rc<RefCell<Vec<Box<str>>>>,
    last: u64,
    room: usize,
}

/// A name, and whether it has to be parsed first.
pub type Found = (Rc<Name>, bool);

impl Names {
    /// Room for so many statements; with room for none, each is parsed whenever it is used and has no name, which is
    /// what a pooler wants that gives each transaction another session.
    pub fn new(room: usize) -> Self {
        Self {
            fixed: Default::default(),
            prepared: Prepared::new(room),
            closed: Rc::default(),
            last: 0,
            room,
        }
    }

    /// The name of a fixed statement.
    pub fn of_fixed(&mut self, fixed: Fixed) -> Found {
        let place = fixed as usize;
        if let Some(Some(name)) = self.fixed.get(place)
            && !name.lost.get()
        {
            return (Rc::clone(name), false);
        }
        let name = self.next();
        if self.room > 0
            && let Some(place) = self.fixed.get_mut(place)
        {
            *place = Some(Rc::clone(&name));
        }
        (name, true)
    }

    /// The name of a statement of that owner.
    pub fn of(&mut self, owner: Owner, sql: &str) -> Found {
        if let Some(name) = self.prepared.get(owner, sql)
            && !name.lost.get()
        {
            return (name, false);
        }
        let name = self.next();
        if self.room > 0 {
            self.prepared.put(owner, sql, Rc::clone(&name));
        }
        (name, true)
    }

    /// The session does not know what it was told: everything is parsed anew.
    pub fn forget_all(&mut self) {
        self.fixed = Default::default();
        self.prepared = Prepared::new(self.room);
    }

    /// What PostgreSQL has to be told to forget. Each is named once.
    pub fn take_closed(&self) -> Vec<Box<str>> {
        std::mem::take(&mut *self.closed.borrow_mut())
    }

    /// A name that the session never had. A number and not the shape's hash: two shapes of one hash would answer
    /// each other's requests.
    fn next(&mut self) -> Rc<Name> {
        let text = if self.room > 0 {
            self.last += 1;
            format!("f{}", self.last).into_boxed_str()
        } else {
            Box::default()
        };
        Rc::new(Name {
            text,
            lost: Cell::new(false),
            closed: Rc::clone(&self.closed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Fixed, Names};
    use crate::db::prepared::Owner;
    use fluxbase_rules::DatabaseRole::{Anon, Authenticated};

    const USER: Owner = Owner::Caller(Authenticated);

    #[test]
    fn a_statement_of_alternating_roles_has_a_name_for_each() {
        let mut names = Names::new(8);
        let (user, parse) = names.of(USER, "select 1");
        assert!(parse);
        let (visitor, parse) = names.of(Owner::Caller(Anon), "select 1");
        assert!(parse);
        assert_ne!(user.text(), visitor.text());
        let (again, parse) = names.of(USER, "select 1");
        assert_eq!((again.text(), parse), (user.text(), false));
    }

    #[test]
    fn a_flood_of_shapes_is_closed_in_postgresql_too_and_each_name_once() {
        let mut names = Names::new(8);
        let mut closed = Vec::new();
        for number in 0..100 {
            let _ = names.of(USER, &format!("select {number}"));
            closed.extend(names.take_closed());
        }
        assert!(closed.len() >= 92, "{} were closed", closed.len());
        let count = closed.len();
        closed.sort();
        closed.dedup();
        assert_eq!(closed.len(), count);
        // What is in use is not among them.
        let (name, parse) = names.of(USER, "select 99");
        assert!(!parse && !closed.iter().any(|closed| **closed == *name.text()));
    }

    #[test]
    fn a_name_under_way_is_closed_only_when_its_answer_came() {
        let mut names = Names::new(2);
        let (held, _) = names.of(USER, "select 'held'");
        for number in 0..20 {
            let _ = names.of(USER, &format!("select {number}"));
        }
        let text = held.text().to_owned();
        assert!(!names.take_closed().iter().any(|closed| **closed == *text));
        drop(held);
        assert!(names.take_closed().iter().any(|closed| **closed == *text));
    }

    #[test]
    fn what_was_not_parsed_after_all_gets_another_name() {
        let mut names = Names::new(8);
        for fixed in [false, true] {
            let mut find = || match fixed {
                true => names.of_fixed(Fixed::Enter),
                false => names.of(USER, "select 1"),
            };
            let (lost, _) = find();
            lost.lose();
            let (found, parse) = find();
            assert!(parse);
            assert_ne!(found.text(), lost.text());
        }
    }

    #[test]
    fn without_room_nothing_has_a_name_and_nothing_is_closed() {
        let mut names = Names::new(0);
        for _ in 0..3 {
            let (name, parse) = names.of(USER, "select 1");
            assert_eq!((name.text(), parse), ("", true));
            let (name, parse) = names.of_fixed(Fixed::Enter);
            assert_eq!((name.text(), parse), ("", true));
        }
        assert!(names.take_closed().is_empty());
    }
}
