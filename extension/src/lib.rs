//! What PostgreSQL itself enforces: who is asking, for how long, and that nothing in between can change it.
//!
//! | module | holds |
//! |---|---|
//! | `identity` | the identity of this backend's transaction, and where it is kept |
//! | `claims` | `auth.uid()`, `auth.role()`, `auth.jwt()` … : reading it |
//! | `gucs` | `request.jwt.claims` and its mirrors: who may set them, what they show |
//! | `seal` | becoming an identity, and every way out of it closed until the transaction ends |
//! | `leftovers` | what a request left on a pooled connection, cleared before the next |
//! | `token` | `auth.enter(token)`: verify, judge, ask whether the session lives, seal |
//! | `stored` | keys and settings as this backend remembers them, and when it must forget |
//! | `revocations` | telling every backend that a session ended |
//! | `settings`, `signing_keys`, `accounts` | the SQL functions of those names |
//! | `api_key` | entering with a service key or a client key |
//! | `audit` | what happened to accounts, written down |
//! | `sealing` | the key under which second factors are stored |
//! | `attempts`, `journal` | sign-in attempts, counted in rows that no rollback takes back |
//! | `breached` | whether a password is on the operator's list of breached ones |
//! | `hash_slots`, `hashing`, `hasher`, `aside` | how many passwords are hashed at once, and where |
//! | `quiet`, `log_lines` | what is bound in here stays out of logs, and so do literals of whoever calls |
//! | `jsonb` | jsonb values, digits kept |
//! | `owner`, `backend`, `error` | reading private tables, per-backend state, raising errors |
//!
//! Decisions are made in `fluxbase-rules`; this crate carries them out. The SQL that declares these
//! functions is written by hand in `sql/install/`, so that grants, volatility and search paths are read
//! where they matter. A function `f` here is the symbol `f_wrapper` there.

use pgrx::pg_sys;
use pgrx::prelude::*;

mod accounts;
mod api_key;
mod aside;
mod attempts;
mod audit;
mod backend;
mod breached;
mod claims;
mod error;
mod gucs;
mod hash_memory;
mod hash_slots;
#[cfg(target_os = "linux")]
mod hasher;
mod hashing;
mod identity;
mod journal;
mod jsonb;
mod kept;
mod leftovers;
mod log_lines;
mod lookup;
mod owner;
mod quiet;
mod revocations;
mod seal;
mod sealing;
mod settings;
mod shared;
mod signing_keys;
mod stored;
mod token;

pgrx::pg_module_magic!(name, version);

/// Runs once, in the postmaster. Loaded any later, the guards would be missing in every session that
/// began before, so that is refused.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    // SAFETY: a plain flag of the postmaster, read while it loads this library.
    if !unsafe { pg_sys::process_shared_preload_libraries_in_progress } {
        error::raise(error::Failure::not_preloaded());
    }
    gucs::init();
    seal::init();
    leftovers::init();
    sealing::init();
    shared::init();
    revocations::init();
    #[cfg(target_os = "linux")]
    hasher::init();
    log_lines::init();
}
