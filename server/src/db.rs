//! The only place that talks SQL to the driver.
//!
//! [`Db::run_as`] is the whole interface the rest of the server needs: a caller and a statement in,
//! one row out, everything in one transaction whose first act is to enter the caller's identity.
//! Begin, enter, statement and commit leave in one write and are answered in one read; four awaits
//! would cost twice the processor time and a third of the rate.
//!
//! Only the fields of a GraphQL mutation are several statements, in one transaction all the same ([`Db::run_requests`]).
//!
//! What must hold here:
//! - A time zone, a statement that goes first, an estimate and a rollback travel in the same flight; a request without
//!   them sends no message more.
//! - Nothing is answered before COMMIT succeeded: a deferred constraint fails after the rows were sent.
//! - Of an answer no more is in memory than [`spool::MOST`]: what is larger waits in a file.
//! - A connection goes back to the pool only when PostgreSQL has answered everything sent on it.
//! - A statement is prepared per database role, inside a transaction that has entered: PostgreSQL
//!   re-plans a statement whose role alternates, and checks the use of a schema while parsing.

mod abandon;
mod connection;
mod dial;
mod error;
mod lease;
mod pool;
mod prepared;
mod run;
mod several;
mod socket;
mod spool;
mod tls;
mod transaction;
mod value;
mod wire;

pub use dial::connect;
pub use error::{DbError, SqlState};
pub use pool::{Db, Options};
pub use run::{Answer, Kept, Stopped};
pub use spool::Spool;
pub use tls::Tls;
/// A door for the fuzz target (`server/fuzz`), which is no part of any other build.
#[cfg(fuzzing)]
pub use wire::hear;
