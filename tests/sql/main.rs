//! What PostgreSQL itself must refuse and must give, against the real extension in a real cluster.

mod accounts;
mod acts;
mod admin;
mod anonymous;
mod api_keys;
mod app;
mod audit;
mod catalog;
mod claims;
mod confirmation;
mod corpus;
mod crashes;
mod dump;
mod factors;
mod grants;
mod hasher;
mod hijack;
mod impersonation;
mod imported;
mod install;
mod literals;
mod lock_order;
mod lockout;
mod logs;
mod names;
mod policy;
mod profile;
mod readme;
mod recovery;
mod replaced;
mod revocation;
mod rows;
mod seal;
mod secrets;
mod sessions;
mod timing;
mod tokens;
mod told;
mod uninstall;
mod warnings;

use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::{arguments, run};
use std::sync::Arc;

fn main() {
    let arguments = arguments();
    if arguments.list {
        // Names need no cluster, but the trials are made from one; listing is rare enough.
        eprintln!("starting a cluster to list the tests");
    }
    let cluster = Arc::new(Cluster::start(""));
    let fixture = Arc::new(Fixture::new(Arc::clone(&cluster)));
    let mut trials = Vec::new();
    trials.extend(seal::trials(&fixture));
    trials.extend(app::trials(&fixture));
    trials.extend(tokens::trials(&fixture));
    trials.extend(claims::trials(&fixture));
    trials.extend(accounts::trials(&fixture));
    trials.extend(literals::trials(&fixture));
    trials.extend(lock_order::trials(&fixture));
    trials.extend(lockout::trials(&fixture));
    trials.extend(hasher::trials(&fixture));
    trials.extend(crashes::trials(&fixture));
    trials.extend(warnings::trials(&fixture));
    trials.extend(sessions::trials(&fixture));
    trials.extend(timing::trials(&fixture));
    trials.extend(replaced::trials(&fixture));
    trials.extend(policy::trials(&fixture));
    trials.extend(corpus::trials(&fixture));
    trials.extend(factors::trials(&fixture));
    trials.extend(confirmation::trials(&fixture));
    trials.extend(profile::trials(&fixture));
    trials.extend(audit::trials(&fixture));
    trials.extend(catalog::trials(&fixture));
    trials.extend(recovery::trials(&fixture));
    trials.extend(revocation::trials(&fixture));
    trials.extend(told::trials(&fixture));
    trials.extend(api_keys::trials(&fixture));
    trials.extend(admin::trials(&fixture));
    trials.extend(anonymous::trials(&fixture));
    trials.extend(impersonation::trials(&fixture));
    trials.extend(hijack::trials(&fixture));
    trials.extend(grants::trials(&fixture));
    trials.extend(rows::trials(&fixture));
    trials.extend(secrets::trials(&fixture));
    trials.extend(logs::trials(&fixture));
    trials.extend(imported::trials(&fixture));
    trials.extend(install::trials(&fixture));
    trials.extend(uninstall::trials(&fixture));
    trials.extend(dump::trials(&fixture));
    trials.extend(names::trials(&fixture));
    trials.extend(readme::trials(&fixture));
    run(&arguments, trials);
}
