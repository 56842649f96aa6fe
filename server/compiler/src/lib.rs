//! From the text of a request to one SQL statement. Pure: no socket, no clock, no configuration, no driver.
//!
//! | stage | function | in → out | learns |
//! |---|---|---|---|
//! | parse | [`rest::parse`], [`rest::parse_query`], [`rest::parse_call`] | request text → [`ask::Ask`] | the grammar; names are still only text |
//! | parse | [`graphql::compile`] | document, variables → [`ask::Object`] or asks | the grammar, and a schema made of the catalog; it goes through the other stages itself |
//! | plan | [`plan::plan`] | `Ask` + [`catalog::Catalog`] → [`plan::Plan`] | every name; the last stage that can fail |
//! | print | [`sql::print`] | `Plan` → [`sql::Statement`] | nothing new; cannot fail |
//!
//! ```text
//!  query string, headers, body ──rest::parse──▶ Ask ──plan::plan──▶ Plan ──sql::print──▶ Statement
//!                                                       ▲
//!                                 Catalog ──────────────┘  (what sql/catalog/*.sql saw, swapped whole)
//! ```
//!
//! What is deliberately absent:
//! - No value is ever written into SQL text. `sql/fragment.rs` offers no way to do it.
//! - No name reaches SQL unless the catalog holds it or this crate made it of one it holds: [`catalog::Name`] has no
//!   public constructor. Names the caller invents (a rename in `select`, a JSON key, an alias) are values, and are bound.
//! - No role, no policy: PostgreSQL decides who sees what. The compiler would answer the same for everyone.
//! - Nothing is parsed and then dropped. What is not built is [`error::Error::Unsupported`], naming it.
#![forbid(unsafe_code)]

pub mod ask;
pub mod catalog;
pub mod error;
pub mod graphql;
mod json;
pub mod plan;
pub mod rest;
pub mod sql;

pub use error::Error;
