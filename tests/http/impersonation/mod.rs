//! An administrator acts as somebody else over HTTP: with a reason, beside the own credential, for a while, and it is written
//! down.

mod acting;
mod ending;
mod refused;

use crate::keys::text;
use crate::site::Site;
use fluxbase_tests::fixture::{Account, Fixture};
use fluxbase_tests::http::{Request, Response};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

/// A name and a body.
type Test = (&'static str, fn(&Site));

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    [acting::TESTS, refused::TESTS, ending::TESTS]
        .into_iter()
        .flatten()
        .map(|(name, body)| {
            let fixture = Arc::clone(fixture);
            let cluster = Arc::clone(&fixture.cluster);
            trial(&cluster, format!("impersonation::{name}"), move || {
                body(&Site::new(&fixture, &[]));
            })
        })
        .collect()
}

const HEADER: &str = "X-Impersonation-Token";

/// The tokens of an impersonation, and whose they are.
struct Acting<'a> {
    site: &'a Site,
    admin: &'a Account,
    token: String,
    refresh: String,
    reply: Value,
}

impl<'a> Acting<'a> {
    #[track_caller]
    fn begin(site: &'a Site, admin: &'a Account, path: &str, body: &Value) -> Self {
        let reply = start(site, &admin.token, path, body).expect(200);
        Self {
            site,
            admin,
            token: text(&reply, "access_token"),
            refresh: text(&reply, "refresh_token"),
            reply,
        }
    }

    fn bob(site: &'a Site, admin: &'a Account) -> Self {
        let body = json!({"target_user_id": site.database.fixture.bob.id, "reason": "ticket 4711"});
        Self::begin(site, admin, "", &body)
    }

    /// In both names, as it should be.
    fn ask(&self, method: &str, path: &str) -> Request {
        let request = self.site.by(&self.admin.token, method, path);
        request.header(HEADER, &self.token)
    }

    /// Over, and for whoever holds the refresh token too.
    #[track_caller]
    fn assert_over(&self) {
        self.ask("GET", "/tables/notes")
            .send()
            .refused(401, "REVOKED_TOKEN");
        let body = json!({"refresh_token": self.refresh});
        self.site
            .ask("/refresh", &body)
            .refused(401, "INVALID_TOKEN");
    }

    #[track_caller]
    fn assert_alive(&self) {
        self.ask("GET", "/tables/notes").send().expect(200);
    }
}

/// `path` is below /auth/impersonate.
fn start(site: &Site, token: &str, path: &str, body: &Value) -> Response {
    let request = site.by(token, "POST", &format!("/auth/impersonate{path}"));
    request.header("X-Request-ID", "acting-1").json(body).send()
}

fn root(site: &Site) -> Account {
    site.with_role("root@example.com", "dashboard_admin")
}
