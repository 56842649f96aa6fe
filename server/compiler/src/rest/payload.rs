//! The rows of a checked body, as the columns they fill.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;

use super::json;
use crate::ask::{Body, Group};
use crate::error::BodyError;

/// Different sets of keys in one array with `missing=default`: each is an INSERT of its own inside the statement.
const MAX_GROUPS: usize = 32;

/// A checked body.
#[derive(Debug)]
pub(super) struct Payload<'a> {
    /// Whether it is an array.
    pub(super) many: bool,
    pub(super) text: Cow<'a, str>,
    /// Every key of any row, in order of first appearance.
    pub(super) keys: Vec<Cow<'a, str>>,
    /// For each row the positions of its keys, ascending.
    pub(super) rows: Vec<Vec<usize>>,
}

impl<'a> Payload<'a> {
    /// The rows as one group: a key only other rows have becomes NULL. `only` are the columns to take, if given.
    pub(super) fn whole(self, only: Option<Vec<Cow<'a, str>>>) -> Result<Group<'a>, BodyError> {
        self.check_given(only.as_deref())?;
        Ok(Group {
            columns: only.unwrap_or(self.keys),
            json: Body::Text(self.text),
        })
    }

    /// The rows in groups that give the same keys, so that each absent column takes its default.
    pub(super) fn grouped(
        self,
        only: Option<Vec<Cow<'a, str>>>,
    ) -> Result<Vec<Group<'a>>, BodyError> {
        self.check_given(only.as_deref())?;
        let mut groups: Vec<(&[usize], Vec<usize>)> = Vec::new();
        let mut known: HashMap<&[usize], usize> = HashMap::new();
        for (row, keys) in self.rows.iter().enumerate() {
            let next = groups.len();
            let group = *known.entry(keys).or_insert(next);
            if group == MAX_GROUPS {
                return Err(BodyError::TooManyGroups(MAX_GROUPS));
            }
            match groups.get_mut(group) {
                Some((_, rows)) => rows.push(row),
                None => groups.push((keys, vec![row])),
            }
        }
        let wanted = only
            .as_ref()
            .map(|only| only.iter().collect::<HashSet<_>>());
        let columns = |keys: &[usize]| -> Vec<Cow<'a, str>> {
            let names = keys.iter().filter_map(|key| self.keys.get(*key));
            let taken =
                |name: &&Cow<'a, str>| wanted.as_ref().is_none_or(|wanted| wanted.contains(*name));
            names.filter(taken).cloned().collect()
        };
        if let [] | [_] = groups.as_slice() {
            let none = || only.clone().unwrap_or_default();
            let keys = groups.first().map_or_else(none, |(keys, _)| columns(keys));
            return Ok(vec![Group {
                columns: keys,
                json: Body::Text(self.text.clone()),
            }]);
        }
        // Checked above to be an array of objects, so this second reading only finds where each row stands.
        let texts: Vec<&RawValue> = serde_json::from_str(&self.text).map_err(json::not_json)?;
        let array = |rows: &[usize]| {
            let rows: Vec<&str> = rows
                .iter()
                .filter_map(|row| texts.get(*row))
                .map(|text| text.get())
                .collect();
            format!("[{}]", rows.join(","))
        };
        Ok(groups
            .iter()
            .map(|(keys, rows)| Group {
                columns: columns(keys),
                json: Body::Text(Cow::Owned(array(rows))),
            })
            .collect())
    }

    /// A column to take that no row gives would be set to NULL everywhere, which nobody asked for.
    fn check_given(&self, only: Option<&[Cow<'a, str>]>) -> Result<(), BodyError> {
        let Some(only) = only.filter(|_| !self.rows.is_empty()) else {
            return Ok(());
        };
        let given: HashSet<_> = self.keys.iter().collect();
        match only.iter().find(|name| !given.contains(name)) {
            Some(name) => Err(BodyError::NotGiven(name.as_ref().into())),
            None => Ok(()),
        }
    }

    /// The same with texts of its own.
    pub(super) fn into_owned<'b>(self) -> Payload<'b> {
        Payload {
            many: self.many,
            text: Cow::Owned(self.text.into_owned()),
            keys: self
                .keys
                .into_iter()
                .map(|key| Cow::Owned(key.into_owned()))
                .collect(),
            rows: self.rows,
        }
    }

    /// Whether any row gives any key.
    pub(super) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }
}
