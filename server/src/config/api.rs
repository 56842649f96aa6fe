use super::given::Given;
use super::{ConfigError, Setting};

const SCHEMAS: Setting = Setting::list(
    "api.schemas",
    "public",
    "Schemas whose tables and views are reachable, for those who have the privilege. The schemas of PostgreSQL and of fluxbase itself never are.",
);
const EXTRA_SEARCH_PATH: Setting = Setting::list(
    "api.extra_search_path",
    "",
    "Schemas behind those of api.schemas in the search path of a request, for functions, triggers and views that name things without a schema. Not set: the search path is the database's own.",
);
const PRE_REQUEST: Setting = Setting::plain(
    "api.pre_request",
    "",
    "A function without arguments, written schema.function, that each request for tables and functions calls first: as the caller, in the same transaction. An error it raises is the answer.",
);
const AGGREGATES: Setting = Setting::plain(
    "api.aggregates",
    "false",
    "Whether /rest/v1 serves count(), sum(), avg(), min() and max(); /api/v1 always does.",
);
const PLAN: Setting = Setting::plain(
    "api.plan",
    "false",
    "Whether /rest/v1 shows PostgreSQL's plans (Accept: application/vnd.pgrst.plan+json, or +text). They tell of tables and numbers of rows that a policy hides.",
);
const OPENAPI: Setting = Setting::plain(
    "api.openapi",
    "follow-privileges",
    "What GET /rest/v1/ and GET /api/v1/openapi.json tell: follow-privileges is what was granted the caller's role; disabled is nothing.",
);
const UNFILTERED_WRITES: Setting = Setting::plain(
    "api.unfiltered_writes",
    "false",
    "Whether PATCH and DELETE below /rest/v1 may go without a filter, and then touch every row the caller may.",
);
const DEFAULT_PAGE_SIZE: Setting = Setting::plain(
    "api.default_page_size",
    "1000",
    "Rows of a read that names no limit.",
);
const MAX_PAGE_SIZE: Setting = Setting::plain(
    "api.max_page_size",
    "1000",
    "Rows of one answer at most; a larger limit is cut to it.",
);
const MAX_TOTAL_RESULTS: Setting = Setting::plain(
    "api.max_total_results",
    "10000",
    "Offset and limit together at most, except for service_role.",
);

pub const SETTINGS: &[Setting] = &[
    SCHEMAS,
    EXTRA_SEARCH_PATH,
    PRE_REQUEST,
    AGGREGATES,
    PLAN,
    OPENAPI,
    UNFILTERED_WRITES,
    DEFAULT_PAGE_SIZE,
    MAX_PAGE_SIZE,
    MAX_TOTAL_RESULTS,
];

/// What callers are told of what they may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Describe {
    /// What their role was granted.
    Privileges,
    /// Nothing.
    Off,
}

/// What of the database is served, and in which portions.
#[derive(Clone, Debug)]
pub struct Api {
    /// Names of schemas; the first one is meant where a request to /rest/v1 names none.
    pub schemas: Vec<String>,
    /// Schemas behind those in the search path; empty when that is the database's own.
    pub extra_search_path: Vec<String>,
    /// Schema and name of the function that each request calls first.
    pub pre_request: Option<(String, String)>,
    /// Whether /rest/v1 serves aggregates.
    pub aggregates: bool,
    /// Whether /rest/v1 shows plans.
    pub plan: bool,
    /// What the description of the interface tells.
    pub openapi: Describe,
    /// Whether /rest/v1 changes and deletes without a filter.
    pub unfiltered_writes: bool,
    /// Rows of a read that names no limit.
    pub default_page_size: u64,
    /// Rows of one answer at most.
    pub max_page_size: u64,
    /// Rows one can page through.
    pub max_total_results: u64,
}

impl Api {
    pub(super) fn read(given: &Given) -> Result<Self, ConfigError> {
        let schemas = names(given, &SCHEMAS)?;
        let extra_search_path = match given.text(&EXTRA_SEARCH_PATH) {
            "" => Vec::new(),
            _ => names(given, &EXTRA_SEARCH_PATH)?,
        };
        let pre_request = match given.text(&PRE_REQUEST) {
            "" => None,
            text => Some(
                function(text)
                    .ok_or_else(|| given.malformed(PRE_REQUEST.name, "expected schema.function"))?,
            ),
        };
        let most = 1_000_000;
        let api = Self {
            schemas,
            extra_search_path,
            pre_request,
            aggregates: given.boolean(&AGGREGATES)?,
            plan: given.boolean(&PLAN)?,
            openapi: match given.one_of(&OPENAPI, &["follow-privileges", "disabled"])? {
                "disabled" => Describe::Off,
                _ => Describe::Privileges,
            },
            unfiltered_writes: given.boolean(&UNFILTERED_WRITES)?,
            default_page_size: given.integer(&DEFAULT_PAGE_SIZE, 1, most)?,
            max_page_size: given.integer(&MAX_PAGE_SIZE, 1, most)?,
            max_total_results: given.integer(&MAX_TOTAL_RESULTS, 1, u64::from(u32::MAX))?,
        };
        if api.default_page_size > api.max_page_size {
            return Err(given.malformed(
                DEFAULT_PAGE_SIZE.name,
                "must not be larger than api.max_page_size",
            ));
        }
        Ok(api)
    }
}

fn names(given: &Given, setting: &Setting) -> Result<Vec<String>, ConfigError> {
    let names = given.text(setting).split(',');
    let names: Vec<String> = names.map(|name| name.trim().to_owned()).collect();
    if names.iter().any(|name| !is_name(name)) {
        return Err(given.malformed(setting.name, "expected names of schemas"));
    }
    Ok(names)
}

/// `schema.function`; a name that holds a dot cannot be written.
fn function(text: &str) -> Option<(String, String)> {
    let (schema, name) = text.split_once('.')?;
    let both = is_name(schema) && is_name(name) && !name.contains('.');
    both.then(|| (schema.to_owned(), name.to_owned()))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('\0')
}
