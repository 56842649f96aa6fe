//! Members of a body that are not the caller's to set: whatever endpoint they are sent to, they never take effect.
//!
//! Two servers on two copies of one database are asked the same, step by step, the one as it should be and the other with
//! everything beside it that a row of any table could take. After each step their answers, their tokens and all rows must be
//! the same. So each step is its own allowed twin, and a column somebody adds is looked at without being named here.

mod rows;
mod steps;

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::forge::{now, payload_of};
use fluxbase_tests::totp::code_at;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use rows::{Names, alike, all_rows};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use steps::{STEPS, Step};

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let shared = Arc::clone(fixture);
    let name = "mass_assignment::what_is_not_the_callers_to_set_never_takes_effect";
    vec![
        trial(&fixture.cluster, name, move || never(&shared)),
        trial(
            &fixture.cluster,
            "mass_assignment::every_endpoint_with_a_body_is_tried",
            every_endpoint,
        ),
    ]
}

pub const TOKEN: &str = "a-setup-token-of-thirty-two-characters";

/// Sent beside every body, but for what the endpoint takes. {BOB} is the id of somebody else. What is a text of nobody's
/// choice says `forged`, and must be in no row.
const FOREIGN: &str = r#"{
    "role": "service_role", "roles": ["service_role"], "is_admin": true, "target_role": "service_role", "aal": "aal2",
    "app_metadata": {"forged": true}, "user_metadata": {"forged": true}, "metadata": {"forged": true}, "data": {"forged": true},
    "email": "forged@example.com", "new_email": "forged@example.com", "phone": "forged", "name": "forged", "description": "forged",
    "email_verified": true, "email_confirmed_at": "2001-01-01T00:00:00Z", "is_anonymous": true, "provider": "forged",
    "id": "{BOB}", "user_id": "{BOB}", "sub": "{BOB}", "owner": "{BOB}", "target_user_id": "{BOB}", "actor_id": "{BOB}",
    "created_by": "{BOB}", "admin_user_id": "{BOB}", "impersonator_id": "{BOB}", "impersonated_by": "{BOB}", "replaced_by": "{BOB}",
    "session_id": "{BOB}", "impersonator_session_id": "{BOB}", "impersonation_type": "service",
    "password": "Forged-Horse-7-Battery", "new_password": "Forged-Horse-7-Battery",
    "password_hash": "$2b$10$forgedforgedforgedforgeOkjhgfdsaqwertyuiopzxcvbnmasdf",
    "token": "forged", "token_hash": "\\xf0", "refresh_token": "forged", "refresh_token_hash": "\\xf0", "mfa_token": "forged",
    "key": "sk_forged", "key_hash": "\\xf0", "key_prefix": "forged", "key_id": "forged", "setup_token": "forged",
    "created_at": "2001-01-01T00:00:00Z", "updated_at": "2001-01-01T00:00:00Z", "last_sign_in_at": "2001-01-01T00:00:00Z",
    "password_changed_at": "2001-01-01T00:00:00Z", "authenticated_at": "2001-01-01T00:00:00Z", "factor_at": "2001-01-01T00:00:00Z",
    "confirmed_at": "2001-01-01T00:00:00Z", "disabled_at": "2001-01-01T00:00:00Z", "revoked_at": "2001-01-01T00:00:00Z",
    "used_at": "2001-01-01T00:00:00Z", "ended_at": "2001-01-01T00:00:00Z", "started_at": "2001-01-01T00:00:00Z",
    "expires_at": "2999-01-01T00:00:00Z", "ends_at": "2999-01-01T00:00:00Z", "locked_until": "2999-01-01T00:00:00Z",
    "is_locked": true, "is_active": false, "enabled": false, "second_factor": true, "two_factor_enabled": false, "totp_enabled": false,
    "sealed_secret": "\\xf0", "last_step": 1, "epoch": 99, "failed_login_attempts": 99, "grace_period_hours": 9999,
    "scopes": ["*"], "rate_limit_per_minute": 999, "rate_limit_per_hour": 999, "include_keys": true, "jti": "forged", "method": "forged", "kind": "forged", "reason": "forged", "revoke_reason": "forged", "issuer": "forged",
    "redirect_to": "https://forged.example/", "skip_email": true, "event": "forged", "outcome": "forged", "details": {"forged": true},
    "ip": "203.0.113.66", "ip_address": "203.0.113.66", "user_agent": "forged", "request_id": "forged",
    "context": {"ip": "203.0.113.66", "user_agent": "forged"}, "options": {"role": "service_role", "forged": true},
    "changes": {"role": "service_role", "forged": true}, "filter": {"forged": true}
}"#;

/// One of the two.
struct World {
    site: Site,
    polluted: bool,
    /// What stands in the place of {NAME} in a path, a body or a bearer.
    values: BTreeMap<String, String>,
    names: Names,
}

impl World {
    fn new(fixture: &Arc<Fixture>, polluted: bool) -> Self {
        let database = fixture.database();
        // Its mails are taken here, so the server's mailer looks elsewhere.
        let elsewhere = fixture.cluster.url("fluxbase_mailer", "postgres");
        let outbox = fixture.cluster.directory.display().to_string();
        let site = Site::on(
            database,
            &[
                ("EMAIL_TRANSPORT", "file"),
                ("EMAIL_DIRECTORY", &outbox),
                ("EMAIL_DATABASE_URL", &elsewhere),
            ],
        );
        site.configure(&[
            ("setup_token", TOKEN),
            ("anonymous_enabled", "true"),
            ("allowed_redirect_urls", "https://app.example/"),
        ]);
        let (ann, bob) = (&fixture.ann, &fixture.bob);
        let session = payload_of(&bob.token)["session_id"].clone();
        let values = [
            ("ANN_ID", ann.id.as_str()),
            ("ANN", &ann.token),
            ("BOB_ID", &bob.id),
            ("BOB", &bob.token),
            ("BOB_SESSION", session.as_str().expect("an id")),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            site,
            polluted,
            values: values.into(),
            names: Names::default(),
        }
    }

    /// Puts values where they are named.
    fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, value) in &self.values {
            text = text.replace(&format!("{{{name}}}"), value);
        }
        if text.contains("{CODE}") {
            // The steps used are forgotten, or every code would take 30 seconds of waiting.
            let forget = "update auth.totp_factors set last_step = null";
            let mut superuser = self.site.database.superuser();
            superuser.batch_execute(forget).expect("forgotten");
            text = text.replace("{CODE}", &code_at(&self.values["SECRET"], now()));
        }
        assert!(!text.contains("{MAIL}"), "no mail was taken for {text}");
        text
    }

    fn body(&self, step: &Step) -> Value {
        let body: Value = serde_json::from_str(&self.fill(step.body)).expect("JSON");
        let Value::Object(mut body) = body else {
            panic!("{} is no object", step.body)
        };
        if self.polluted {
            let foreign = FOREIGN.replace("{BOB}", &self.values["BOB_ID"]);
            let foreign: Map<String, Value> = serde_json::from_str(&foreign).expect("an object");
            for (name, value) in foreign {
                if !step.takes.contains(&name.as_str()) {
                    body.entry(name).or_insert(value);
                }
            }
        }
        Value::Object(body)
    }

    /// The answer, made comparable.
    fn take(&mut self, step: &Step) -> Value {
        let path = self.fill(step.path);
        let mut request = self.site.request(step.method, &format!("/api/v1{path}"));
        if !step.bearer.is_empty() {
            request = request.bearer(&self.values[step.bearer]);
        }
        let body = self.body(step);
        let answer = request.header("User-Agent", "steps/1.0").json(&body).send();
        let sent = if self.polluted { "polluted" } else { "honest" };
        assert_eq!(
            answer.status,
            step.status,
            "{} {path}, {sent}: {}",
            step.method,
            answer.text()
        );
        let reply = answer.json();
        for (name, place) in step.keeps {
            let (pointer, claim) = place.split_once('#').unwrap_or((place, ""));
            let kept = reply.pointer(pointer).and_then(Value::as_str);
            let kept = kept.unwrap_or_else(|| panic!("no {pointer} in {reply}"));
            let kept = match claim {
                "" => kept.to_owned(),
                claim => payload_of(kept)[claim].as_str().expect("a text").to_owned(),
            };
            self.values.insert((*name).to_owned(), kept);
        }
        self.take_mail();
        self.names.learn(&self.site);
        alike(&reply, &self.names)
    }

    /// As the mailer does; the newest that carries something is kept.
    fn take_mail(&mut self) {
        let mut mailer = self.site.database.connect("fluxbase_mailer");
        let mails = mailer.query("select auth.take_mail(100)", &[]);
        for row in mails.expect("mails") {
            let mail: Value = row.get(0);
            if let Some(carried) = mail["token"].as_str().or_else(|| mail["code"].as_str()) {
                self.values.insert("MAIL".to_owned(), carried.to_owned());
            }
        }
    }
}

fn never(fixture: &Arc<Fixture>) {
    let mut honest = World::new(fixture, false);
    let mut polluted = World::new(fixture, true);
    for step in STEPS {
        let what = format!("{} {}", step.method, step.path);
        let (expected, found) = (honest.take(step), polluted.take(step));
        assert_eq!(found, expected, "the answer of {what}");
        let rows = all_rows(&polluted.site, &polluted.names);
        assert_eq!(rows, all_rows(&honest.site, &honest.names), "after {what}");
        let text = rows.join("\n");
        assert!(!text.contains("orged"), "after {what}: {text}");
    }
    // What was sent is not what signs in, and nobody is more than before.
    let body = json!({"email": "forged@example.com", "password": "Forged-Horse-7-Battery"});
    polluted
        .site
        .ask("/signin", &body)
        .refused(401, "INVALID_CREDENTIALS");
}

/// An endpoint somebody adds must be among the steps.
fn every_endpoint() {
    let table = include_str!("../../../server/src/auth/acts.rs");
    let mut all = BTreeSet::new();
    for row in table.split("act(\"").skip(1) {
        let mut words = row.split('"');
        let (Some(method), Some(path)) = (words.next(), words.nth(1)) else {
            continue;
        };
        if method != "GET" {
            all.insert(format!("{method} {path}"));
        }
    }
    assert!(all.len() > 50, "{all:?}");
    let id = |path: &str| {
        let parts = path
            .split('/')
            .map(|part| if part.starts_with('{') { "{id}" } else { part });
        parts.collect::<Vec<_>>().join("/")
    };
    let tried = STEPS
        .iter()
        .map(|step| format!("{} {}", step.method, id(step.path)));
    let tried: BTreeSet<String> = tried.collect();
    assert_eq!(tried, all);
}
