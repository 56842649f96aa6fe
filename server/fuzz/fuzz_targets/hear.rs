//! What a server says in place of PostgreSQL, as a script (`server/src/db/wire/hearing.rs`): whatever it is and in
//! whatever pieces it comes, every request ends in an answer or an error, and memory follows what arrived.
//!
//! ```text
//! cd server/fuzz && cargo +nightly fuzz run hear -- -max_len=2048 -dict=words.dict
//! ```
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| fluxbase_server::db::hear(data));
