//! The edge of Fluxbase: says who is asking, compiles the request to one SQL statement, runs it as
//! the caller, and copies PostgreSQL's answer to the wire. It holds no right, and keeps no state but how
//! often each client has asked.
//!
//! One request passes five files: [`app`] (from where, which route) → [`gate`] (may it pass) → [`rest`] (the
//! five calls) → the compiler crate (pure) → [`db`] (one transaction).
//!
//! | module | holds |
//! |---|---|
//! | [`app`] | state, route table, the outer layer |
//! | [`gate`] | who may pass |
//! | [`limit`] | how often |
//! | [`authenticate`], [`caller`] | headers → who is asking |
//! | [`client`] | peer, headers → where from |
//! | [`rest`], [`graphql`], [`reply`] | the pipeline, its two entrances, and its answer |
//! | [`auth`] | account endpoints, one SQL call each |
//! | [`db`] | connections, and the one transaction around a statement |
//! | [`catalog`] | what the database looks like, kept current |
//! | [`error`] | every failure → status, code, body |
//! | [`graphiql`] | a page for development |
//! | [`mail`] | what the database wants sent to users |
//! | [`health`], [`headers`], [`log`], [`clock`] | one concern each |
//! | [`config`] | every option, strictly |
//! | [`command`] | `serve`, `migrate`, `check`, `keys` |
#![deny(unsafe_code)]

pub mod app;
pub mod auth;
pub mod authenticate;
pub mod caller;
pub mod catalog;
pub mod client;
pub mod clock;
pub mod command;
pub mod config;
pub mod cookies;
pub mod db;
pub mod error;
pub mod gate;
pub mod graphiql;
pub mod graphql;
pub mod headers;
pub mod health;
pub mod limit;
pub mod log;
pub mod mail;
pub mod openapi;
pub mod reply;
pub mod rest;
mod thread;
