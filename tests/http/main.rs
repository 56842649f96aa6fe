//! What goes over the wire, against the real server on a real database.

mod abuse;
mod accounts;
mod acts;
mod admin;
mod columns;
mod conditional;
mod contention;
mod cookies;
mod credentials;
mod crud;
mod delivery;
mod executor;
mod extension_types;
mod factor;
mod graphiql;
mod graphql;
mod hostile;
mod impersonation;
mod injection;
mod isolation;
mod key_ends;
mod keys;
mod large;
mod leaks;
mod limits;
mod lockout;
mod mailbox;
mod mass_assignment;
mod max_affected;
mod memberships;
mod metadata;
mod openapi;
mod operators;
mod outage;
mod pages;
mod postgis;
mod postgrest;
mod preferences;
mod refusals;
mod reload;
mod revocation;
mod rpc;
mod sessions;
mod signing_keys;
mod site;
mod start;
mod temporary;
mod timing;
mod tls;
mod tours;
mod values;
mod ways;

use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::{arguments, run};
use site::Site;
use std::sync::Arc;

fn main() {
    let arguments = arguments();
    if arguments.list {
        // Names need no cluster, but the trials are made from one; listing is rare enough.
        eprintln!("starting a cluster to list the tests");
    }
    let cluster = Arc::new(Cluster::start(
        "log_statement = 'all'\nlog_error_verbosity = verbose",
    ));
    let fixture = Arc::new(Fixture::new(Arc::clone(&cluster)));
    // For tests that change nothing another test reads; the others make their own.
    let shared = Arc::new(Site::new(&fixture, &[]));
    let mut trials = Vec::new();
    trials.extend(accounts::trials(&shared));
    trials.extend(credentials::trials(&shared));
    trials.extend(signing_keys::trials(&fixture));
    trials.extend(isolation::trials(&fixture, &shared));
    trials.extend(crud::trials(&fixture));
    trials.extend(columns::trials(&fixture));
    trials.extend(operators::trials(&shared));
    trials.extend(extension_types::trials(&fixture));
    trials.extend(preferences::trials(&fixture));
    trials.extend(postgrest::trials(&fixture));
    trials.extend(postgis::trials(&fixture));
    trials.extend(pages::trials(&fixture));
    trials.extend(graphql::trials(&fixture));
    trials.extend(graphiql::trials(&fixture));
    trials.extend(conditional::trials(&shared));
    trials.extend(rpc::trials(&fixture));
    trials.extend(openapi::trials(&fixture));
    trials.extend(refusals::trials(&shared));
    trials.extend(hostile::trials(&shared));
    trials.extend(injection::trials(&fixture));
    trials.extend(contention::trials(&fixture));
    trials.extend(large::trials(&fixture));
    trials.extend(max_affected::trials(&fixture));
    trials.extend(values::trials(&fixture));
    trials.extend(memberships::trials(&fixture));
    trials.extend(reload::trials(&fixture));
    trials.extend(executor::trials(&fixture));
    trials.extend(lockout::trials(&fixture));
    trials.extend(factor::trials(&fixture));
    trials.extend(sessions::trials(&fixture));
    trials.extend(admin::trials(&fixture));
    trials.extend(impersonation::trials(&fixture));
    trials.extend(mass_assignment::trials(&fixture));
    trials.extend(metadata::trials(&fixture));
    trials.extend(timing::trials(&fixture));
    trials.extend(keys::trials(&fixture));
    trials.extend(key_ends::trials(&fixture));
    trials.extend(limits::trials(&fixture));
    trials.extend(revocation::trials(&fixture));
    trials.extend(mailbox::trials(&fixture));
    trials.extend(delivery::trials(&fixture));
    trials.extend(leaks::trials(&fixture));
    trials.extend(abuse::trials(&fixture));
    trials.extend(temporary::trials(&fixture));
    trials.extend(cookies::trials(&fixture));
    trials.extend(start::trials(&fixture));
    trials.extend(ways::trials(&fixture));
    trials.extend(tours::trials(&fixture));
    trials.extend(outage::trials(&fixture));
    trials.extend(tls::trials(&fixture));
    drop((shared, fixture));
    run(&arguments, trials);
}
