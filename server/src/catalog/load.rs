use super::Session;
use super::next_generation;
use crate::authenticate::Keys;
use crate::config::{Auth, Config, Demand};
use crate::db::DbError;
use bytes::Bytes;
use fluxbase_compiler::catalog::{Catalog, CatalogJson};
use fluxbase_rules::Keyring;
use std::sync::Arc;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

const SCHEMAS: &str = include_str!("../../../sql/catalog/schemas.sql");
const RELATIONS: &str = include_str!("../../../sql/catalog/relations.sql");
const FOREIGN_KEYS: &str = include_str!("../../../sql/catalog/foreign_keys.sql");
const TYPES: &str = include_str!("../../../sql/catalog/types.sql");
const FUNCTIONS: &str = include_str!("../../../sql/catalog/functions.sql");
const VIEWS: &str = include_str!("../../../sql/catalog/views.sql");
const HANDLERS: &str = include_str!("../../../sql/catalog/handlers.sql");

const MEMBERSHIPS: &str = include_str!("../../../sql/catalog/memberships.sql");

/// What the database looks like.
pub struct Shape {
    /// Relations, functions, and what was granted on them.
    pub catalog: Catalog,
    /// Of the roles that requests have, as they were before what was granted was looked at.
    pub memberships: String,
}

/// All that is read before the first request.
pub struct Snapshot {
    /// Relations.
    pub shape: Shape,
    /// What verifies tokens.
    pub keys: Keys,
    /// The public keys as text.
    pub jwks: Bytes,
}

impl Snapshot {
    /// Reads everything.
    ///
    /// # Errors
    /// As PostgreSQL says, or when its answer cannot be understood.
    pub async fn read(session: &Session, schemas: &[String], auth: &Auth) -> Result<Self, DbError> {
        let shape = catalog(session, schemas).await?;
        let jwks = jwks(session).await?;
        Ok(Self {
            shape,
            keys: keys(&jwks, auth)?,
            jwks: jwks.into(),
        })
    }
}

/// Reads the shape of the database, all queries in one snapshot of it.
pub async fn catalog(session: &Session, schemas: &[String]) -> Result<Shape, DbError> {
    let client = session.client();
    client
        // The planner expects thousands of rows of the catalogs and would compile for longer than it reads.
        .batch_execute("begin isolation level repeatable read read only; set local jit = off")
        .await?;
    // Before the rest: what changes in between is found at the next look, since privileges are never older than this.
    let memberships = text(&client, MEMBERSHIPS, &[]).await;
    let queries = [
        SCHEMAS,
        RELATIONS,
        FOREIGN_KEYS,
        TYPES,
        FUNCTIONS,
        VIEWS,
        HANDLERS,
    ];
    let answers = answers(&client, queries, schemas).await;
    client.batch_execute("commit").await?;
    let [
        described,
        relations,
        foreign_keys,
        types,
        functions,
        views,
        handlers,
    ] = answers?;
    let json = CatalogJson {
        schemas: &described,
        relations: &relations,
        foreign_keys: &foreign_keys,
        types: &types,
        functions: &functions,
        views: &views,
        handlers: &handlers,
    };
    let catalog = Catalog::from_json(next_generation(), &json);
    Ok(Shape {
        catalog: catalog.map_err(|error| unreadable(&error))?,
        memberships: memberships?,
    })
}

/// Asks what the roles that requests have are members of; parsed once, as it is asked every second.
pub struct Memberships {
    client: Arc<Client>,
    statement: Statement,
}

impl Memberships {
    /// In this session.
    pub async fn prepare(session: &Session) -> Result<Self, DbError> {
        let client = session.client();
        let statement = client.prepare(&as_text(MEMBERSHIPS)).await?;
        Ok(Self { client, statement })
    }

    /// As of now.
    pub async fn now(&self) -> Result<String, DbError> {
        let row = self.client.query_one(&self.statement, &[]).await?;
        Ok(row.try_get(0)?)
    }
}

/// The answer of each query.
async fn answers<const N: usize>(
    client: &Client,
    queries: [&str; N],
    schemas: &[String],
) -> Result<[String; N], DbError> {
    let mut answers = [const { String::new() }; N];
    for (answer, query) in answers.iter_mut().zip(queries) {
        *answer = text(client, query, &[&schemas]).await?;
    }
    Ok(answers)
}

/// Reads the public keys.
pub async fn jwks(session: &Session) -> Result<String, DbError> {
    text(&session.client(), "select auth.jwks()", &[]).await
}

/// Joins the public keys with the shared secrets of the configuration.
pub fn keys(jwks: &str, auth: &Auth) -> Result<Keys, DbError> {
    let mut ring = Keyring::from_jwks(jwks).map_err(|error| unreadable(&error))?;
    auth.settings
        .push_secrets(&mut ring)
        .map_err(|error| unreadable(&error))?;
    Ok(Keys {
        ring,
        expected: auth.settings.expected(),
        generation: next_generation(),
    })
}

/// Names of settings whose value in the database is another than in the configuration.
pub async fn differing_settings(session: &Session, auth: &Auth) -> Result<Vec<String>, DbError> {
    differing(session, &auth.as_json()).await
}

/// What the database asks of this server that it cannot do.
pub async fn unmet(session: &Session, config: &Config) -> Result<Vec<Demand>, DbError> {
    let demands = config.demands();
    let wanted: serde_json::Map<String, serde_json::Value> = demands
        .iter()
        .map(|demand| (demand.name.to_owned(), demand.value.into()))
        .collect();
    let names = differing(session, &serde_json::Value::Object(wanted).to_string()).await?;
    let found = |demand: &Demand| names.iter().any(|name| name == demand.name);
    Ok(demands.into_iter().filter(found).collect())
}

async fn differing(session: &Session, expected: &str) -> Result<Vec<String>, DbError> {
    let names = text(
        &session.client(),
        "select pg_catalog.to_json(auth.check_settings($1::pg_catalog.text::pg_catalog.jsonb))",
        &[&expected],
    )
    .await?;
    serde_json::from_str(&names).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::fmt::Display) -> DbError {
    // Not `Protocol`, which would count the session as broken.
    DbError::Unreadable(error.to_string())
}

/// Column 0 of the one row, as the text PostgreSQL made of it.
async fn text(
    client: &Client,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<String, DbError> {
    let row = client.query_one(&as_text(sql), parameters).await?;
    Ok(row.try_get(0)?)
}

fn as_text(sql: &str) -> String {
    format!("select ({sql}\n)::pg_catalog.text")
}
