//! What the tests stand on: private clusters, the real server, forged tokens, raw HTTP.
//!
//! | module | holds |
//! |---|---|
//! | `environment` | where PostgreSQL, the cluster script and the server are |
//! | `janitor` | a process that cleans up after this one, however it ends |
//! | `cluster` | a private cluster on a free port |
//! | `fixture` | the template database with its users, and a fresh copy for each test |
//! | `forge` | tokens signed by hand, good and bad |
//! | `noise` | whether waiting tells callers apart |
//! | `secrets` | what was given out, looked for in a log that holds all it can |
//! | `server` | one running `fluxbase serve` |
//! | `http` | requests over a plain socket, so that every byte is the test's choice |
//! | `wire` | PostgreSQL's protocol over a plain socket, for batches no driver sends |
//! | `additions` | extensions of others, where there are packages of them |
//! | `authority` | authorities of certificates, and what they sign |
//! | `between` | somebody who stands between the server and PostgreSQL |
//! | `smtp` | a mail server that keeps what it is sent |
//! | `totp` | codes of authenticator apps |
//! | `trial` | a test with its log tail on failure |
//!
//! Environment: `FLUXBASE_TEST_PG_ROOT` (a server root with `bin/`), `FLUXBASE_TEST_CLUSTER` (default
//! `deploy/cluster`), `FLUXBASE_TEST_SERVER` (the `fluxbase` binary; only the HTTP tests need it).

pub mod additions;
pub mod authority;
pub mod between;
pub mod cluster;
pub mod environment;
pub mod fixture;
pub mod forge;
pub mod http;
pub mod janitor;
pub mod noise;
pub mod secrets;
pub mod server;
pub mod smtp;
pub mod totp;
pub mod trial;
pub mod wire;
