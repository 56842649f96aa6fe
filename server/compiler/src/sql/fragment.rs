//! The only file that turns a name into SQL text, and the only way to write SQL text at all.
//!
//! [`Sql`] grows by words that are literals of this crate, by names the catalog holds, by whole numbers and by
//! placeholders. There is no method that takes text of a request: what a caller wrote can only become a parameter.

use std::fmt::Write as _;
use std::ops::Range;

use crate::catalog::{Column, Function, Name, Relation, TypeName};

/// A statement being written.
#[derive(Debug)]
pub(super) struct Sql {
    text: String,
    params: Vec<String>,
    aliases: usize,
}

/// A relation inside the statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alias {
    /// The next free one of `t0`, `t1`, …
    Numbered(usize),
    /// One that this crate chose.
    Word(&'static str),
}

/// A parameter of the statement; may stand in it more than once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Param(usize);

impl Sql {
    pub(super) fn new() -> Self {
        // A read of a table of ten columns takes about 400 bytes.
        Sql {
            text: String::with_capacity(512),
            params: Vec::new(),
            aliases: 0,
        }
    }

    pub(super) fn into_parts(self) -> (String, Vec<String>) {
        (self.text, self.params)
    }

    /// Writes SQL of this crate.
    pub(super) fn word(&mut self, word: &'static str) -> &mut Self {
        self.text.push_str(word);
        self
    }

    /// Writes a name, always quoted: no keyword, case or character can make it anything else.
    pub(super) fn name(&mut self, name: &Name) -> &mut Self {
        self.text.push_str(name.quoted());
        self
    }

    /// Writes a relation with its schema, so that no search path can redirect it.
    pub(super) fn relation(&mut self, relation: &Relation) -> &mut Self {
        self.name(&relation.schema).word(".").name(&relation.name)
    }

    /// Writes a type with its schema.
    pub(super) fn data_type(&mut self, data_type: &TypeName) -> &mut Self {
        self.name(&data_type.schema).word(".").name(&data_type.name)
    }

    /// An alias that nothing else in the statement has.
    pub(super) fn new_alias(&mut self) -> Alias {
        self.aliases += 1;
        Alias::Numbered(self.aliases - 1)
    }

    /// Writes an alias.
    pub(super) fn alias(&mut self, alias: Alias) -> &mut Self {
        match alias {
            Alias::Numbered(number) => self.word("t").count(number),
            Alias::Word(word) => self.word(word),
        }
    }

    /// Writes a column of the relation that goes by `alias` in the statement.
    pub(super) fn column(&mut self, alias: Alias, column: &Column) -> &mut Self {
        self.member(alias, &column.name)
    }

    /// Writes something of that name in the relation that goes by `alias`.
    pub(super) fn member(&mut self, alias: Alias, name: &Name) -> &mut Self {
        self.alias(alias).word(".").name(name)
    }

    /// Writes a position or another small number.
    pub(super) fn count(&mut self, number: usize) -> &mut Self {
        match u8::try_from(number) {
            // Nearly all of them, and without the formatting machinery.
            Ok(digit @ 0..=9) => self.text.push(char::from(b'0' + digit)),
            // Writing to a String cannot fail.
            _ => drop(write!(self.text, "{number}")),
        }
        self
    }

    /// Writes a function with its schema.
    pub(super) fn function(&mut self, function: &Function) -> &mut Self {
        self.name(&function.schema).word(".").name(&function.name)
    }

    /// Writes a number the planner has judged.
    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{number}");
        self
    }

    /// Takes a value as a parameter without writing anything yet.
    pub(super) fn param(&mut self, value: impl Into<String>) -> Param {
        self.params.push(value.into());
        Param(self.params.len())
    }

    /// Writes the place of a parameter.
    pub(super) fn place(&mut self, param: Param) -> &mut Self {
        self.word("$").count(param.0)
    }

    /// Takes a value as a parameter and writes its place.
    pub(super) fn bind(&mut self, value: impl Into<String>) -> &mut Self {
        let param = self.param(value);
        self.place(param)
    }

    /// Writes the items with commas between them.
    pub(super) fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut item: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        for (index, one) in items.into_iter().enumerate() {
            if index > 0 {
                self.word(", ");
            }
            item(self, one);
        }
        self
    }

    /// Where the text ends now, to mark a part of it.
    pub(super) fn mark(&self) -> usize {
        self.text.len()
    }

    /// Writes a part of this statement once more; its parameters are the same ones.
    pub(super) fn repeat(&mut self, part: Range<usize>) -> &mut Self {
        let part = self.text.get(part).unwrap_or_default().to_owned();
        self.text.push_str(&part);
        self
    }
}
