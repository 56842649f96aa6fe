//! Sealed identity: whatever a transaction that entered as Ann does, it stays Ann until it ends, and after
//! it nothing of her is left on the connection.
//!
//! Every case is tried four ways: straight; in a savepoint that is rolled back; in the same query string as
//! enter; and in a PL/pgSQL exception block that swallows the refusal. Beside each stands a twin: much the
//! same statement, allowed.

mod ask;
mod case;
mod claims_settings;
mod developer_objects;
mod entering;
mod functions;
mod one_string;
mod ownership;
mod parallel;
mod pipeline;
mod role_settings;
mod server_functions;
mod set_config;
mod startup;
mod statements;
mod transaction_end;

pub use ask::{assert_ann, assert_nobody, enter, sqlstate, value};
pub use case::{As, Case, REFUSED, case};

use fluxbase_tests::fixture::{Fixture, Shared};
use libtest_mimic::Trial;
use std::sync::Arc;

/// All of them.
pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let families: [(&str, Vec<Case>); 8] = [
        ("seal_statements", statements::cases()),
        ("seal_set_config", set_config::cases()),
        ("seal_claims_settings", claims_settings::cases()),
        ("seal_role_settings", role_settings::cases()),
        ("seal_functions", functions::cases()),
        ("seal_developer_objects", developer_objects::cases()),
        ("seal_ownership", ownership::cases()),
        ("seal_server_functions", server_functions::cases()),
    ];
    let mut trials = Vec::new();
    for (family, cases) in families {
        let shared = Shared::new(fixture);
        trials.extend(
            cases
                .into_iter()
                .map(|case| case.trial(family, fixture, &shared)),
        );
    }
    trials.extend(entering::trials(fixture));
    trials.extend(one_string::trials(fixture));
    trials.extend(transaction_end::trials(fixture));
    trials.extend(startup::trials(fixture));
    trials.extend(parallel::trials(fixture));
    trials.extend(pipeline::trials(fixture));
    trials
}
