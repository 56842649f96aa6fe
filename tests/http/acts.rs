//! What many tests do first: settings, people of every rank, and a request in somebody's name.

use crate::site::Site;
use fluxbase_tests::fixture::{Account, PASSWORD};
use fluxbase_tests::http::{Request, Response};
use serde_json::{Value, json};

impl Site {
    /// Settings as an administrator of the database sets them.
    pub fn configure(&self, settings: &[(&str, &str)]) {
        let mut superuser = self.database.superuser();
        for (key, value) in settings {
            superuser
                .execute("select auth.configure($1, $2)", &[key, value])
                .expect("setting");
        }
    }

    /// Somebody with this role, signed in.
    pub fn with_role(&self, email: &str, role: &str) -> Account {
        let options = json!({"password": PASSWORD, "role": role, "email_verified": true});
        let row = self
            .database
            .superuser()
            .query_one("select auth.admin_create_user($1, $2)", &[&email, &options])
            .expect("made");
        let reply: Value = row.get(0);
        assert_eq!(reply["user"]["role"], role, "{reply}");
        self.sign_in(email, PASSWORD)
    }

    /// Signs in; the answer must be tokens.
    pub fn sign_in(&self, email: &str, password: &str) -> Account {
        Account::from_reply(&self.try_sign_in(email, password).expect(200))
    }

    /// Signs in, whatever comes of it.
    pub fn try_sign_in(&self, email: &str, password: &str) -> Response {
        let body = json!({"email": email, "password": password});
        self.post("/api/v1/auth/signin", &body).send()
    }

    /// A request with this token; `path` is below `/api/v1`.
    pub fn by(&self, token: &str, method: &str, path: &str) -> Request {
        self.request(method, &format!("/api/v1{path}"))
            .bearer(token)
    }

    /// A POST to a public endpoint below `/api/v1/auth`.
    pub fn ask(&self, path: &str, body: &Value) -> Response {
        self.post(&format!("/api/v1/auth{path}"), body).send()
    }

    /// What an act answers that must change no row, send no mail and leave no word in the audit.
    #[track_caller]
    pub fn silently<T>(&self, act: impl FnOnce() -> T) -> T {
        let events = "select count(*) from audit.events";
        let before = (self.database.state(), self.count(events));
        let answer = act();
        assert_eq!((self.database.state(), self.count(events)), before);
        answer
    }

    /// One number out of the database.
    pub fn count(&self, query: &str) -> i64 {
        let row = self.database.superuser().query_one(query, &[]);
        row.expect("asked").get(0)
    }
}

/// Of a refusal that must be the same for two callers: what does not differ by nature.
pub fn without_id(mut body: Value) -> Value {
    if let Some(members) = body.as_object_mut() {
        members.remove("request_id");
    }
    body
}
