//! From the role an application speaks of to the role PostgreSQL acts as.

/// The three database roles a caller can act as. No token can name any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatabaseRole {
    /// Nobody signed in: only what was granted to everyone.
    Anon,
    /// A signed-in user, or any application role of our users.
    Authenticated,
    /// The operator: row-level security does not apply.
    ServiceRole,
}

impl DatabaseRole {
    /// All of them, in the order they are created.
    pub const ALL: [Self; 3] = [Self::Anon, Self::Authenticated, Self::ServiceRole];

    /// The name of the role in PostgreSQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anon => "anon",
            Self::Authenticated => "authenticated",
            Self::ServiceRole => "service_role",
        }
    }

    /// Maps the `role` claim. Unknown names are application roles (`editor`, `admin`) and act as
    /// `authenticated`; they reach policies through the claims, never through the database role,
    /// so a claim `postgres` gives nothing. The match is on the exact spelling: `Service_Role` is
    /// an application role like any other.
    #[must_use]
    pub fn from_application_role(role: &str) -> Self {
        match role {
            "service_role" | "dashboard_admin" | "instance_admin" => Self::ServiceRole,
            "anon" | "" => Self::Anon,
            _ => Self::Authenticated,
        }
    }
}

/// Whether a `role` claim is that of somebody who administers; `service_role` is nobody, and keys have it.
#[must_use]
pub fn is_administrator(role: &str) -> bool {
    matches!(role, "admin" | "dashboard_admin" | "instance_admin")
}

#[cfg(test)]
mod tests {
    use super::DatabaseRole as R;

    #[test]
    fn a_claim_naming_a_database_role_of_ours_does_not_escalate() {
        for role in [
            "postgres",
            "fluxbase_admin",
            "fluxbase_app",
            "Service_Role",
            "service_role ",
            "ANON",
            "public",
        ] {
            assert_eq!(R::from_application_role(role), R::Authenticated, "{role}");
        }
    }

    #[test]
    fn the_named_roles_map_as_documented() {
        for role in ["service_role", "dashboard_admin", "instance_admin"] {
            assert_eq!(R::from_application_role(role), R::ServiceRole);
        }
        assert_eq!(R::from_application_role("anon"), R::Anon);
        assert_eq!(R::from_application_role(""), R::Anon);
        assert_eq!(R::from_application_role("editor"), R::Authenticated);
        for role in R::ALL {
            assert_eq!(R::from_application_role(role.name()), role);
        }
    }
}
