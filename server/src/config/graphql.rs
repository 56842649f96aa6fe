use super::given::Given;
use super::server::Server;
use super::{ConfigError, Setting};
use std::path::PathBuf;

const ENABLED: Setting = Setting::plain(
    "graphql.enabled",
    "true",
    "Whether GraphQL is served at /api/v1/graphql and /graphql/v1; else both are 404.",
);
const MAX_DEPTH: Setting = Setting::plain(
    "graphql.max_depth",
    "10",
    "Fields inside each other, counted from 1 at the fields of the operation, fragments expanded.",
);
const MAX_COMPLEXITY: Setting = Setting::plain(
    "graphql.max_complexity",
    "1000",
    "What one operation may cost: 1 a field and 10 a list, times the rows of the lists around it (their limit, else 10), and 10 more a mutation.",
);
const INTROSPECTION: Setting = Setting::plain(
    "graphql.introspection",
    "true",
    "Whether clients may ask for the schema, and refusals suggest names. It shows each role what that role was granted in api.schemas.",
);
const GRAPHIQL: Setting = Setting::plain(
    "graphql.graphiql",
    "false",
    "Whether GraphiQL, a page to write operations on, is served at /graphiql. It is for development: only on a loopback address, only with graphql.introspection, and only by a server built with the feature `graphiql`, as that of `make run` is.",
);
const MAX_BATCH: Setting = Setting::plain(
    "graphql.max_batch",
    "1",
    "Operations in one body; with more than 1 it may also be a list, each operation a transaction of its own. A list counts as one request.",
);
const PERSISTED_ONLY: Setting = Setting::plain(
    "graphql.persisted_only",
    "false",
    "Whether only the documents of graphql.persisted_directory are answered.",
);
const PERSISTED_DIRECTORY: Setting = Setting::plain(
    "graphql.persisted_directory",
    "",
    "Documents that clients may name by their SHA-256: all files that end in .graphql, read at the start.",
);

pub const SETTINGS: &[Setting] = &[
    ENABLED,
    MAX_DEPTH,
    MAX_COMPLEXITY,
    INTROSPECTION,
    GRAPHIQL,
    MAX_BATCH,
    PERSISTED_ONLY,
    PERSISTED_DIRECTORY,
];

/// What of GraphQL is served.
#[derive(Clone, Debug)]
pub struct GraphQl {
    /// Whether anything is.
    pub enabled: bool,
    /// Fields inside each other.
    pub max_depth: u64,
    /// What one operation may cost.
    pub max_complexity: u64,
    /// Whether the schema can be asked for.
    pub introspection: bool,
    /// Whether there is a page to write operations on.
    pub graphiql: bool,
    /// Operations in one body.
    pub max_batch: u64,
    /// Whether only persisted documents are answered.
    pub persisted_only: bool,
    /// Where they are.
    pub persisted_directory: Option<PathBuf>,
}

impl GraphQl {
    /// What the option of the page is called.
    pub const GRAPHIQL: &str = GRAPHIQL.name;

    pub(super) fn read(given: &Given, server: &Server) -> Result<Self, ConfigError> {
        let persisted_only = given.boolean(&PERSISTED_ONLY)?;
        let directory = given.text(&PERSISTED_DIRECTORY);
        if persisted_only && directory.is_empty() {
            return Err(ConfigError::Missing {
                name: PERSISTED_DIRECTORY.name,
                why: "graphql.persisted_only leaves nothing else to ask for",
            });
        }
        let enabled = given.boolean(&ENABLED)?;
        let introspection = given.boolean(&INTROSPECTION)?;
        let graphiql = given.boolean(&GRAPHIQL)?;
        if graphiql {
            let refused = |name: &str, why: &str| {
                Err(given.malformed(name, format!("graphql.graphiql is true: {why}")))
            };
            if !server.listen.ip().is_loopback() {
                let why = "it is for development, so only a loopback address is served";
                return refused("server.address", why);
            }
            if !enabled {
                return refused(ENABLED.name, "there would be nothing to ask");
            }
            if !introspection {
                return refused(INTROSPECTION.name, "the page has to ask for the schema");
            }
            if persisted_only {
                let why = "what is written on the page is no persisted document";
                return refused(PERSISTED_ONLY.name, why);
            }
        }
        Ok(Self {
            enabled,
            // The compiler takes no more levels than a stack holds, whatever stands here.
            max_depth: given.integer(&MAX_DEPTH, 1, 100)?,
            max_complexity: given.integer(&MAX_COMPLEXITY, 1, 1_000_000)?,
            introspection,
            graphiql,
            max_batch: given.integer(&MAX_BATCH, 1, 100)?,
            persisted_only,
            persisted_directory: (!directory.is_empty()).then(|| directory.into()),
        })
    }
}
