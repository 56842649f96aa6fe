//! A function with its arguments.

use super::{Group, Read};
use std::borrow::Cow;

/// A function with its arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Call<'a> {
    /// What it is given.
    pub arguments: Arguments<'a>,
    /// What of its rows comes back.
    pub read: Read<'a>,
    /// Whether the request may not write.
    pub read_only: bool,
    /// Whether the body, if any, is wanted back.
    pub answer: bool,
    /// The type its value is shown as.
    pub cast: Option<Cow<'a, str>>,
}

/// Arguments of a function.
#[derive(Debug, Clone, PartialEq)]
pub enum Arguments<'a> {
    /// Each by its name, as text. A name may stand more than once for a VARIADIC one.
    Named(Vec<(Cow<'a, str>, Cow<'a, str>)>),
    /// The members of a JSON object.
    Json(Group<'a>),
    /// The whole body is the one argument, which has no name.
    Whole(Whole<'a>),
}

/// A body that is an argument as it stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Whole<'a> {
    /// `application/json`; also readable as named arguments when it is an object.
    Json(&'a str),
    /// `text/plain`
    Text(&'a str),
    /// `application/octet-stream`
    Bytes(&'a [u8]),
}
