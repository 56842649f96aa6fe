//! What a key may be used for.

/// Every scope there is. Several name parts of a backend that is not served here: clients ask for them, and they open
/// nothing.
pub const ALL: [&str; 26] = [
    "*",
    "read:tables",
    "write:tables",
    "read:auth",
    "write:auth",
    "read:storage",
    "write:storage",
    "read:functions",
    "execute:functions",
    "read:rpc",
    "execute:rpc",
    "read:clientkeys",
    "write:clientkeys",
    "read:webhooks",
    "write:webhooks",
    "read:secrets",
    "write:secrets",
    "read:jobs",
    "write:jobs",
    "read:ai",
    "write:ai",
    "read:monitoring",
    "realtime:connect",
    "realtime:broadcast",
    "migrations:read",
    "migrations:execute",
];

/// The one spelling of a scope; `tables:read` is `read:tables`. `None` for what is no scope.
#[must_use]
pub fn canonical(scope: &str) -> Option<String> {
    let turned = scope
        .split_once(':')
        .map(|(left, right)| format!("{right}:{left}"));
    ALL.into_iter()
        .find(|known| *known == scope || turned.as_deref() == Some(known))
        .map(str::to_owned)
}

/// Whether a key with these scopes may do what `needed` names.
#[must_use]
pub fn allow(scopes: &[String], needed: &str) -> bool {
    scopes.iter().any(|scope| scope == "*" || scope == needed)
}

/// The first scope in `needed` that a key with these lacks. Between two that are needed stands one space.
#[must_use]
pub fn missing<'a>(scopes: &[String], needed: &'a str) -> Option<&'a str> {
    needed.split(' ').find(|scope| !allow(scopes, scope))
}

#[cfg(test)]
mod tests {
    use super::{ALL, allow, canonical, missing};

    #[test]
    fn of_several_scopes_each_is_needed() {
        let scopes = vec!["read:tables".to_owned(), "execute:rpc".to_owned()];
        for needed in [
            "read:tables",
            "read:tables execute:rpc",
            "execute:rpc read:tables",
        ] {
            assert_eq!(missing(&scopes, needed), None, "{needed}");
            assert_eq!(missing(&["*".to_owned()], needed), None, "{needed}");
        }
        for (needed, lacking) in [
            ("read:tables write:tables", "write:tables"),
            ("write:tables execute:rpc", "write:tables"),
            ("", ""),
            (" ", ""),
            ("read:tables ", ""),
            ("read:tables,execute:rpc", "read:tables,execute:rpc"),
        ] {
            assert_eq!(missing(&scopes, needed), Some(lacking), "{needed}");
        }
    }

    #[test]
    fn a_scope_opens_what_it_names_and_nothing_else() {
        let scopes = vec!["read:tables".to_owned()];
        assert!(allow(&scopes, "read:tables"));
        for other in ["write:tables", "read:auth", "*", "read", "", "read:tables "] {
            assert!(!allow(&scopes, other), "{other}");
        }
        assert!(allow(&["*".to_owned()], "write:tables"));
        assert!(!allow(&[], "read:tables"));
    }

    #[test]
    fn both_orders_are_one_scope_and_inventions_are_none() {
        assert_eq!(canonical("tables:read").as_deref(), Some("read:tables"));
        for known in ALL {
            assert_eq!(canonical(known).as_deref(), Some(known));
        }
        for invented in ["", "read", "read:", "read:everything", "READ:tables", "**"] {
            assert_eq!(canonical(invented), None, "{invented}");
        }
    }
}
