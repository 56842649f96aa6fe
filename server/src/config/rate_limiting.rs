use super::given::Given;
use super::{ConfigError, Setting, account_limits};
use crate::limit::rules::Pattern;
use crate::limit::window::Limit;

const ENABLED: Setting = Setting::plain(
    "rate_limiting.enabled",
    "true",
    "false switches all limits off, those of the account endpoints too.",
);
const PER_MINUTE: Setting = Setting::plain(
    "rate_limiting.per_minute",
    "0",
    "Requests below /api/v1, /rest/v1 and /graphql/v1 together one client address may make in a minute, an IPv6 client its /64; 0 is no limit. Administrators are not counted, here and below, and service_role by `security.service_role_rate_limit`.",
);
const PER_HOUR: Setting = Setting::plain(
    "rate_limiting.per_hour",
    "0",
    "The same for an hour; where both are set, both must hold.",
);
const PATH: Setting = Setting::plain(
    "rate_limiting.endpoints.*.path",
    "",
    "A path with limits of its own beside the general ones, or with `/*` at its end all paths below; all that fit must hold. Tables are below both /api/v1/tables/* and /rest/v1/*. It replaces the limit of the same path under `security.`; `/login` and `/signin` are one, and so are `/api/v1/graphql` and `/graphql/v1`.",
);
const ENDPOINT_PER_MINUTE: Setting = Setting::plain(
    "rate_limiting.endpoints.*.per_minute",
    "0",
    "Requests one client address may make there in a minute; 0 is no limit.",
);
const ENDPOINT_PER_HOUR: Setting = Setting::plain(
    "rate_limiting.endpoints.*.per_hour",
    "0",
    "The same for an hour.",
);

pub const SETTINGS: &[Setting] = &[
    ENABLED,
    PER_MINUTE,
    PER_HOUR,
    PATH,
    ENDPOINT_PER_MINUTE,
    ENDPOINT_PER_HOUR,
];

/// How often one client may ask.
#[derive(Clone, Debug)]
pub struct RateLimiting {
    /// Otherwise nothing is limited.
    pub enabled: bool,
    /// For all requests below /api/v1 and /rest/v1.
    pub general: Vec<Limit>,
    /// For single paths.
    pub endpoints: Vec<Endpoint>,
    /// For the account endpoints, unless one above is of the same path.
    pub accounts: Vec<(&'static str, Limit)>,
    /// For `service_role`, in the place of all the others.
    pub service: Option<Limit>,
    /// Whether users are counted by who they are, wherever they ask from.
    pub per_user: bool,
}

/// One path with its limits. Without any it is not limited, whatever its default.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The path, or all below it.
    pub path: Pattern,
    /// All of them must hold.
    pub limits: Vec<Limit>,
}

impl RateLimiting {
    pub(super) fn read(given: &Given) -> Result<Self, ConfigError> {
        let mut endpoints: Vec<Endpoint> = Vec::new();
        for position in given.positions("rate_limiting.endpoints") {
            let endpoint = endpoint(given, position)?;
            if endpoints.iter().any(|other| other.path == endpoint.path) {
                let why = format!("the limits of {} are given twice", endpoint.path);
                return Err(given.malformed(&of_entry(&PATH, position), why));
            }
            endpoints.push(endpoint);
        }
        Ok(Self {
            enabled: given.boolean(&ENABLED)?,
            general: limits(
                given,
                PER_MINUTE.name,
                account_limits::per_minute(given)?,
                PER_HOUR.name,
            )?,
            endpoints,
            accounts: account_limits::read(given)?,
            service: account_limits::service(given)?,
            per_user: account_limits::per_user(given)?,
        })
    }
}

fn of_entry(setting: &Setting, position: usize) -> String {
    setting.name.replace('*', &position.to_string())
}

fn endpoint(given: &Given, position: usize) -> Result<Endpoint, ConfigError> {
    let path = of_entry(&PATH, position);
    let per_minute = of_entry(&ENDPOINT_PER_MINUTE, position);
    let per_hour = of_entry(&ENDPOINT_PER_HOUR, position);
    // An entry without numbers would switch a default off by being unfinished.
    let Some(written) = given.explicit(&path) else {
        let name = match given.explicit(&per_minute) {
            Some(_) => &per_minute,
            None => &per_hour,
        };
        return Err(given.malformed(name, "an entry of rate_limiting.endpoints needs a path"));
    };
    if given.explicit(&per_minute).is_none() && given.explicit(&per_hour).is_none() {
        return Err(given.malformed(
            &path,
            "the entry needs per_minute or per_hour; 0 is no limit",
        ));
    }
    Ok(Endpoint {
        path: Pattern::parse(written).map_err(|why| given.malformed(&path, why))?,
        limits: limits(given, &per_minute, ENDPOINT_PER_MINUTE.default, &per_hour)?,
    })
}

fn limits(
    given: &Given,
    per_minute: &str,
    default: &str,
    per_hour: &str,
) -> Result<Vec<Limit>, ConfigError> {
    let mut limits = Vec::new();
    for (name, default, seconds) in [(per_minute, default, 60), (per_hour, "0", 3600)] {
        let most = given.integer_of(name, default, 0, u64::from(Limit::MOST))?;
        let most = u32::try_from(most).unwrap_or(Limit::MOST);
        if most > 0 {
            limits.push(Limit { most, seconds });
        }
    }
    Ok(limits)
}

#[cfg(test)]
mod tests;
