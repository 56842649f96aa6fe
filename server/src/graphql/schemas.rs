//! The schema of each role, with what the configuration says of its operations.

use crate::config::Config;
use crate::rest::limits;
use fluxbase_compiler::catalog::{Catalog, Role};
use fluxbase_compiler::graphql::{Limits, Options, Schema};
use fluxbase_compiler::rest::Dialect;
use fluxbase_rules::DatabaseRole;

/// What of GraphQL there is, for every role that a request can have.
#[derive(Debug)]
pub struct Schemas {
    anon: OfRole,
    authenticated: OfRole,
    service_role: OfRole,
}

/// What a role may ask, and how much of it.
#[derive(Debug)]
pub struct OfRole {
    /// What there is for it.
    pub schema: Schema,
    /// What one operation may ask for.
    pub options: Options,
}

impl Schemas {
    /// Those of a catalog.
    #[must_use]
    pub fn build(catalog: &Catalog, config: &Config) -> Self {
        let of = |role| OfRole::build(catalog, config, role);
        Self {
            anon: of(DatabaseRole::Anon),
            authenticated: of(DatabaseRole::Authenticated),
            service_role: of(DatabaseRole::ServiceRole),
        }
    }

    /// That of one role.
    #[must_use]
    pub fn of(&self, role: DatabaseRole) -> &OfRole {
        match role {
            DatabaseRole::Anon => &self.anon,
            DatabaseRole::Authenticated => &self.authenticated,
            DatabaseRole::ServiceRole => &self.service_role,
        }
    }
}

impl OfRole {
    fn build(catalog: &Catalog, config: &Config, role: DatabaseRole) -> Self {
        let graphql = &config.graphql;
        let options = Options {
            schemas: config.api.schemas.clone(),
            introspection: graphql.introspection,
            limits: Limits {
                max_depth: graphql.max_depth,
                max_complexity: graphql.max_complexity,
                ..Limits::default()
            },
            rows: limits(&config.api, role, Dialect::Fluxbase),
        };
        let role = match role {
            DatabaseRole::Anon => Role::Anon,
            DatabaseRole::Authenticated => Role::Authenticated,
            DatabaseRole::ServiceRole => Role::ServiceRole,
        };
        Self {
            schema: Schema::build(catalog, &options, role),
            options,
        }
    }
}
