//! What administrators read.

use super::Test;
use crate::site::Site;
use serde_json::json;

pub const TESTS: &[Test] = &[("a_filter_that_cannot_be_read_is_refused_by_name", limits)];

const LIMIT: &str = "a whole number from 0 to 999999999 (1000 are given at most)";

/// An empty page for `limit=-1` looks like a database without users.
fn limits(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let ask = |path: &str, query: &str| {
        let path = format!("{path}?{query}");
        site.silently(|| site.by(&root.token, "GET", &path).send())
    };
    for path in [
        "/admin/users",
        "/admin/auth/sessions",
        "/admin/audit",
        "/auth/impersonate/sessions",
    ] {
        for (name, value, accepted) in [
            ("limit", "-1", LIMIT),
            ("limit", "abc", LIMIT),
            ("limit", "", LIMIT),
            ("limit", "1e3", LIMIT),
            ("limit", "99999999999999999999", LIMIT),
            ("offset", "-1", "a whole number from 0 to 999999999"),
            ("offset", "1%3B2", "a whole number from 0 to 999999999"),
            ("offset", "1%0A", "a whole number from 0 to 999999999"),
            ("exclude_admins", "maybe", "true or false"),
            ("include_expired", "2", "true or false"),
            ("type", "admin", "app or dashboard"),
            ("outcome", "good", "success or failure"),
            ("user_id", "me", "a UUID"),
            (
                "since",
                "soon",
                "a moment, 2026-01-02T03:04:05Z for example",
            ),
        ] {
            let answer = ask(path, &format!("{name}={value}"));
            let said = answer.refused(400, "INVALID_INPUT")["error"].clone();
            assert_eq!(said, format!("{name} must be {accepted}"), "{path}");
        }
        ask(path, "limit=1&limit=2").refused(400, "INVALID_REQUEST_BODY");
        for good in [
            "limit=0",
            "limit=1&offset=0",
            "limit=5000",
            "offset=999999999",
            "since=2026-01-02T03:04:05Z",
        ] {
            ask(path, good).expect(200);
        }
    }
    let users = ask("/admin/users", "limit=5000").expect(200);
    assert_eq!(
        (&users["limit"], &users["total"]),
        (&json!(1000), &json!(3))
    );
    let ann = &site.database.fixture.ann.token;
    let refused = site.by(ann, "GET", "/admin/users?limit=abc").send();
    refused.refused(403, "ADMIN_REQUIRED");
}
