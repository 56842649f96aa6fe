//! What the roles of requests were granted: for describing the database to them. It never decides; PostgreSQL does, by
//! what holds at that moment, and policies say more.

/// A role that a request runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Nobody is signed in.
    Anon,
    /// A user.
    Authenticated,
    /// The application's own server.
    ServiceRole,
}

/// What can be granted on a relation, and but for the last on a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// Read.
    Select,
    /// Add.
    Insert,
    /// Change.
    Update,
    /// Remove.
    Delete,
}

/// Privileges on one thing as the catalog queries write them: four bits for each role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Grants(pub(super) u16);

impl Grants {
    pub(super) fn hold(self, role: Role, privilege: Privilege) -> bool {
        self.0 >> (4 * role as u16 + privilege as u16) & 1 == 1
    }

    /// Also those.
    pub(super) fn and(self, others: Grants) -> Grants {
        Grants(self.0 | others.0)
    }

    /// Only those of the roles that may get there.
    pub(super) fn of(self, roles: Roles) -> Grants {
        let reach = |role: Role| {
            if roles.hold(role) {
                0xf << (4 * role as u16)
            } else {
                0
            }
        };
        let all = [Role::Anon, Role::Authenticated, Role::ServiceRole];
        Grants(self.0 & all.into_iter().map(reach).fold(0, |all, one| all | one))
    }
}

/// A set of roles, one bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Roles(pub(super) u8);

impl Roles {
    pub(super) fn hold(self, role: Role) -> bool {
        self.0 >> role as u8 & 1 == 1
    }

    /// Those that are in both.
    pub(super) fn of(self, others: Roles) -> Roles {
        Roles(self.0 & others.0)
    }
}
