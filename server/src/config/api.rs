use super::given::Given;
use super::{ConfigError, Setting};

const SCHEMAS: Setting = Setting::list(
    "api.schemas",
    "public",
    "Schemas whose tables and views are reachable, for those who have the privilege. The schemas of PostgreSQL and of fluxbase itself never are.",
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

pub const SETTINGS: &[Setting] = &[SCHEMAS, DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, MAX_TOTAL_RESULTS];

/// What of the database is served, and in which portions.
#[derive(Clone, Debug)]
pub struct Api {
    /// Names of schemas.
    pub schemas: Vec<String>,
    /// Rows of a read that names no limit.
    pub default_page_size: u64,
    /// Rows of one answer at most.
    pub max_page_size: u64,
    /// Rows one can page through.
    pub max_total_results: u64,
}

impl Api {
    pub(super) fn read(given: &Given) -> Result<Self, ConfigError> {
        let schemas: Vec<String> = given
            .text(&SCHEMAS)
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect();
        if schemas
            .iter()
            .any(|name| name.is_empty() || name.contains('\0'))
        {
            return Err(given.malformed(SCHEMAS.name, "expected names of schemas"));
        }
        let most = 1_000_000;
        let api = Self {
            schemas,
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
