//! Every act once, with parameters, as the server's login calls them; what was given out and typed in on the way.

use super::{code, codes_of, discreet, nobody};
use crate::acts::{Given, act, mails, superuser, text, try_as};
use aws_lc_rs::digest;
use fluxbase_tests::fixture::Database;
use fluxbase_tests::secrets::Secrets;
use fluxbase_tests::totp;
use postgres::Client;
use serde_json::{Value, json};

fn sha1(text: &str) -> String {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

struct Walk<'a> {
    database: &'a Database,
    app: Client,
    secrets: Secrets,
}

pub fn through_every_act(database: &Database) -> Secrets {
    let mut walk = Walk {
        database,
        app: database.app(),
        secrets: Secrets::default(),
    };
    let mut admin = discreet(database);
    for (name, value) in [
        ("anonymous_enabled", "true"),
        ("setup_token", "the-token-of-the-setup-in-no-log"),
    ] {
        admin
            .execute("select auth.configure($1, $2)", &[&name, &value])
            .expect("configured");
    }
    walk.passwords();
    walk.factors();
    walk.mails();
    walk.keys();
    let admin = walk.administrators();
    walk.impersonation(&admin);
    walk.failures();
    walk.end(&admin);
    walk.secrets
}

impl Walk<'_> {
    /// A secret that a caller brings.
    fn typed(&mut self, name: &str, secret: &str) -> String {
        self.secrets.add(name, secret);
        secret.to_owned()
    }

    fn password(&mut self, number: u32) -> String {
        let password = format!("Correct-Horse-{number}-Battery-in-no-log");
        // It is looked for in the list of breached ones under this.
        self.typed("the SHA-1 of a password", &sha1(&password));
        self.typed("a password", &password)
    }

    /// Everything in a reply that is a secret.
    fn learn(&mut self, reply: &Value) {
        let Some(members) = reply.as_object() else {
            return;
        };
        for (name, value) in members {
            match (name.as_str(), value) {
                (
                    "access_token" | "refresh_token" | "mfa_token" | "reset_token" | "token"
                    | "nonce" | "secret" | "temporary_password" | "key",
                    Value::String(secret),
                ) => self.secrets.add(name, secret),
                ("code", Value::String(code)) if code.bytes().all(|b| b.is_ascii_digit()) => {
                    self.secrets.add("a code by mail", code);
                }
                ("backup_codes", Value::Array(codes)) => {
                    for code in codes.iter().filter_map(Value::as_str) {
                        self.secrets.add("a backup code", code);
                    }
                }
                _ => self.learn(value),
            }
        }
    }

    #[track_caller]
    fn public(&mut self, call: &str, given: Given<'_>) -> Value {
        let reply = act(&mut self.app, call, given);
        self.learn(&reply);
        reply
    }

    #[track_caller]
    fn own(&mut self, token: &str, call: &str, given: Given<'_>) -> Value {
        let reply = try_as(&mut self.app, token, call, given)
            .unwrap_or_else(|sqlstate| panic!("{call}: {sqlstate}"));
        assert!(reply.get("error").is_none(), "{call}: {reply}");
        self.learn(&reply);
        reply
    }

    fn code(&mut self, secret: &str) -> String {
        superuser(
            self.database,
            "update auth.totp_factors set last_step = null",
        );
        let code = code(secret);
        self.typed("a code of an app", &code)
    }

    fn sign_up(&mut self, email: &str, number: u32) -> (String, String) {
        let password = self.password(number);
        let reply = self.public(
            "auth.sign_up($1, $2, $3, $4)",
            &[&email, &password, &json!({}), &nobody()],
        );
        (text(&reply, "access_token"), password)
    }

    fn mail(&mut self, kind: &str) -> String {
        let mails = mails(self.database);
        mails.iter().for_each(|mail| self.learn(mail));
        let mail = mails.iter().rfind(|mail| mail["kind"] == kind);
        let mail = mail.unwrap_or_else(|| panic!("no {kind} in {mails:?}"));
        let mut mailer = self.database.connect("fluxbase_mailer");
        let id = mail["id"].as_str().expect("an id");
        for call in [
            "auth.mail_failed($1::text::uuid, 'later')",
            "auth.mail_sent($1::text::uuid)",
        ] {
            mailer
                .execute(&format!("select {call}"), &[&id])
                .expect("reported");
        }
        mail["token"]
            .as_str()
            .or(mail["code"].as_str())
            .expect("a token")
            .to_owned()
    }

    fn passwords(&mut self) {
        let (token, password) = self.sign_up("walker@example.com", 1);
        let wrong = self.password(2);
        self.public(
            "auth.sign_in($1, $2, $3)",
            &[&"walker@example.com", &wrong, &nobody()],
        );
        let second = self.public(
            "auth.sign_in($1, $2, $3)",
            &[&"walker@example.com", &password, &nobody()],
        );
        let context = json!({"replaces": second["refresh_token"]});
        let third = self.public(
            "auth.sign_in($1, $2, $3)",
            &[&"walker@example.com", &password, &context],
        );
        let second = third;
        let refreshed = self.public(
            "auth.refresh($1, $2)",
            &[&text(&second, "refresh_token"), &nobody()],
        );
        // Twice: a reuse.
        self.public(
            "auth.refresh($1, $2)",
            &[&text(&second, "refresh_token"), &nobody()],
        );
        assert!(refreshed["access_token"].is_string());
        for read in [
            "auth.get_user()",
            "auth.list_sessions()",
            "auth.list_identities()",
            "auth.totp_status()",
        ] {
            self.own(&token, read, &[]);
        }
        let context = json!({"password": password});
        let nonce = self.own(&token, "auth.reauthenticate($1)", &[&context]);
        let next = self.password(3);
        let changes = json!({"password": next, "nonce": nonce["nonce"], "user_metadata": {"a": 1}});
        self.own(
            &token,
            "auth.update_user($1, $2)",
            &[&changes, &json!({"password": next})],
        );
        let last = self.password(4);
        let changes =
            json!({"password": last, "current_password": next, "email": "walked@example.com"});
        self.own(&token, "auth.update_user($1, $2)", &[&changes, &nobody()]);
        let third = self.public("auth.sign_in($1, $2)", &[&"walked@example.com", &last]);
        let token = text(&third, "access_token");
        let sessions = self.own(&token, "auth.list_sessions()", &[]);
        let other = sessions["sessions"].as_array().expect("sessions").iter();
        let other = other
            .filter(|session| session["current"] == false)
            .map(|s| text(s, "id"))
            .next();
        self.own(
            &token,
            "auth.revoke_session($1::text::uuid, $2)",
            &[&other.expect("another"), &context],
        );
        self.own(&token, "auth.revoke_other_sessions($1)", &[&context]);
        self.own(&token, "auth.sign_out()", &[]);
        self.public("auth.public_config()", &[]);
        self.public("auth.sign_in_anonymously($1)", &[&nobody()]);
        let settings = json!({"jwt_secret": "a-jwt-secret-that-is-compared-only-1234"});
        self.typed(
            "a secret setting",
            "a-jwt-secret-that-is-compared-only-1234",
        );
        self.app
            .execute("select auth.check_settings($1)", &[&settings])
            .expect("compared");
    }

    fn factors(&mut self) {
        let (token, password) = self.sign_up("factor@example.com", 5);
        let proof = json!({"password": password, "ip": "192.0.2.1"});
        let setup = self.own(&token, "auth.totp_setup($1, $2)", &[&"issuer", &proof]);
        let secret = text(&setup, "secret");
        let bytes: String = totp::bytes_of(&secret)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        self.typed("a second factor's bytes", &bytes);
        let first = self.code(&secret);
        let enabled = self.own(
            &token,
            "auth.totp_enable($1, $2)",
            &[&first, &json!({"code": first})],
        );
        let user_id = self.own(&token, "auth.get_user()", &[]);
        let user_id = text(&user_id, "id");
        let wrong = totp::wrong_code(&secret);
        for code in [wrong, self.code(&secret), codes_of(&enabled)[0].clone()] {
            let asked = self.public(
                "auth.sign_in($1, $2, $3)",
                &[&"factor@example.com", &password, &nobody()],
            );
            let verify = "auth.verify_factor($1::text::uuid, $2, $3, $4)";
            self.public(
                verify,
                &[&user_id, &code, &text(&asked, "mfa_token"), &nobody()],
            );
        }
        let code = self.code(&secret);
        let nonce = self.own(
            &token,
            "auth.reauthenticate($1)",
            &[&json!({"password": password, "code": code})],
        );
        self.own(
            &token,
            "auth.totp_backup_codes($1)",
            &[&json!({"nonce": nonce["nonce"]})],
        );
        let code = self.code(&secret);
        self.own(
            &token,
            "auth.totp_disable($1, $2)",
            &[&password, &json!({"code": code, "password": password})],
        );
    }

    fn mails(&mut self) {
        self.sign_up("mail@example.com", 6);
        let email = "mail@example.com";
        self.public(
            "auth.request_password_reset($1, null, $2)",
            &[&email, &nobody()],
        );
        let token = self.mail("password_reset");
        self.public("auth.check_password_reset($1)", &[&token]);
        let weak = self.typed("a weak password", "weak-in-no-log");
        for password in [weak, self.password(7), self.password(8)] {
            self.public(
                "auth.reset_password($1, $2, $3)",
                &[&token, &password, &nobody()],
            );
        }
        self.public(
            "auth.request_magic_link($1, null, $2)",
            &[&email, &nobody()],
        );
        let token = self.mail("magic_link");
        let reply = self.public("auth.sign_in_with_magic_link($1, $2)", &[&token, &nobody()]);
        assert!(reply["access_token"].is_string(), "{reply}");
        self.public("auth.request_email_code($1, $2)", &[&email, &nobody()]);
        let typed = self.mail("email_otp");
        let wrong = self.typed(
            "a wrong code",
            if typed == "135790" {
                "246802"
            } else {
                "135790"
            },
        );
        for code in [wrong, typed] {
            self.public(
                "auth.sign_in_with_email_code($1, $2, $3)",
                &[&email, &code, &nobody()],
            );
        }
        superuser(
            self.database,
            "update auth.users set email_verified = false where email = 'mail@example.com'",
        );
        self.public(
            "auth.request_email_confirmation($1, $2)",
            &[&email, &nobody()],
        );
        let token = self.mail("confirm_email");
        let reply = self.public("auth.confirm_email($1, $2)", &[&token, &nobody()]);
        assert!(reply.get("error").is_none(), "{reply}");
        self.public("auth.request_password_reset($1)", &[&"nobody@example.com"]);
    }

    fn keys(&mut self) {
        let (token, password) = self.sign_up("keys@example.com", 9);
        let context = json!({"password": password, "nonce": self.typed("a nonce", "no-nonce-at-all-in-no-log")});
        let options = json!({"name": "k", "scopes": ["read:tables", "read:auth"]});
        let made = self.own(
            &token,
            "auth.create_client_key($1, $2)",
            &[&options, &context],
        );
        let (id, key) = (text(&made, "id"), text(&made, "key"));
        self.own(&key, "auth.get_user()", &[]);
        self.app
            .execute("select auth.enter($1, $2)", &[&key, &"read:tables"])
            .expect("entered");
        self.own(&token, "auth.list_client_keys()", &[]);
        self.own(&token, "auth.get_client_key($1::text::uuid)", &[&id]);
        for act in ["update", "revoke", "delete"] {
            let call = "auth.change_client_key($1::text::uuid, $2, $3, $4)";
            self.own(&token, call, &[&id, &act, &json!({"name": "l"}), &context]);
        }
        assert!(try_as(&mut self.app, &key, "auth.get_user()", &[]).is_err());
        self.app
            .execute("select auth.enter_anonymous()", &[])
            .expect("entered");
    }

    /// The token of an administrator who has a second factor.
    fn administrators(&mut self) -> String {
        self.public("auth.setup_status()", &[]);
        let password = self.password(10);
        let token = self.typed("the setup token", "the-token-of-the-setup-in-no-log");
        let call = "auth.setup_admin($1, $2, $3, $4, $5)";
        let up = self.public(
            call,
            &[&"root@example.com", &password, &"Root", &token, &nobody()],
        );
        let admin = text(&up, "access_token");
        let setup = self.own(&admin, "auth.totp_setup()", &[]);
        let secret = text(&setup, "secret");
        let first = self.code(&secret);
        self.own(&admin, "auth.totp_enable($1)", &[&first]);
        let code = self.code(&secret);
        let context = json!({"code": code, "password": password, "nonce": "no-nonce-at-all-in-no-log", "ip": "192.0.2.9"});
        let options = json!({"password": self.password(11), "role": "authenticated"});
        let create = "auth.admin_create_user($1, $2, $3)";
        let made = self.own(&admin, create, &[&"made@example.com", &options, &context]);
        let id = text(&made["user"], "id");
        // Each act with a code of its own would lock the factor out; the session has shown it just now.
        let context = json!({"password": password, "nonce": "no-nonce-at-all-in-no-log"});
        let hash = json!({"password_hash": "$2b$04$abcdefghijklmnopqrstuuW4yW1Yh5n0NnR1iGfXGhS8a7dXn1d8G"});
        self.typed(
            "an imported hash",
            "abcdefghijklmnopqrstuuW4yW1Yh5n0NnR1iGfXGhS8a7dXn1d8G",
        );
        for (email, options) in [
            ("invited@example.com", json!({})),
            ("quick@example.com", json!({"skip_email": true})),
            ("imported@example.com", hash),
        ] {
            self.own(&admin, create, &[&email, &options, &context]);
        }
        let invitation = self.mail("invitation");
        let chosen = self.password(12);
        let reply = self.public("auth.reset_password($1, $2)", &[&invitation, &chosen]);
        assert!(reply["access_token"].is_string(), "{reply}");
        let changes = json!({"password": self.password(13), "role": "editor"});
        self.own(
            &admin,
            "auth.admin_update_user($1::text::uuid, $2, $3)",
            &[&id, &changes, &context],
        );
        superuser(
            self.database,
            &format!(
                "insert into auth.totp_factors (user_id, sealed_secret, key_id, confirmed_at) values ('{id}', '', '', now())"
            ),
        );
        for act in [
            "remove_factor",
            "reset_password",
            "lock_user",
            "unlock_user",
            "revoke_user",
            "delete_user",
        ] {
            self.own(
                &admin,
                &format!("auth.admin_{act}($1::text::uuid, $2)"),
                &[&id, &context],
            );
        }
        let sessions = self.own(&admin, "auth.admin_list_sessions($1)", &[&json!({})]);
        let other = sessions["sessions"].as_array().expect("sessions").iter();
        let other = other
            .filter(|s| s["user_email"] != "root@example.com")
            .map(|s| text(s, "id"))
            .next();
        self.own(
            &admin,
            "auth.admin_revoke_session($1::text::uuid, $2)",
            &[&other.expect("one"), &context],
        );
        self.own(&admin, "auth.admin_list_users($1)", &[&json!({})]);
        let me = self.own(&admin, "auth.get_user()", &[]);
        self.own(
            &admin,
            "auth.admin_get_user($1::text::uuid)",
            &[&text(&me, "id")],
        );
        self.service_keys(&admin, &context);
        admin
    }

    fn service_keys(&mut self, admin: &str, context: &Value) {
        let made = self.own(
            admin,
            "auth.create_service_key($1, $2)",
            &[&json!({"name": "s"}), context],
        );
        let key = text(&made, "key");
        self.own(&key, "to_jsonb(auth.role())", &[]);
        let rotated = self.own(
            admin,
            "auth.rotate_service_key($1::text::uuid, $2)",
            &[&text(&made, "id"), context],
        );
        let id = text(&rotated, "id");
        self.own(admin, "auth.list_service_keys()", &[]);
        self.own(admin, "auth.get_service_key($1::text::uuid)", &[&id]);
        for act in ["update", "disable", "enable", "deprecate", "revoke"] {
            let call = "auth.change_service_key($1::text::uuid, $2, $3, $4)";
            self.own(admin, call, &[&id, &act, &json!({"name": "t"}), context]);
        }
        self.own(
            admin,
            "auth.service_key_revocations($1::text::uuid)",
            &[&id],
        );
    }

    fn impersonation(&mut self, admin: &str) {
        let (user, _) = self.sign_up("target@example.com", 14);
        let target = self.own(&user, "auth.get_user()", &[]);
        let call = "auth.impersonate($1::text::uuid, $2, $3)";
        let acted = self.own(admin, call, &[&text(&target, "id"), &"support", &nobody()]);
        self.own(
            &text(&acted, "access_token"),
            "auth.get_impersonation()",
            &[],
        );
        self.own(
            admin,
            "auth.impersonate_role('anon', $1, $2)",
            &[&"support", &nobody()],
        );
        self.own(admin, "auth.list_impersonations($1)", &[&json!({})]);
        self.own(admin, "auth.end_impersonation($1)", &[&nobody()]);
    }

    /// Statements that fail after the act, or before it: errors come with parameters where they may.
    fn failures(&mut self) {
        let password = self.password(15);
        for sql in [
            "select auth.sign_in($1, $2), 1 / ($2 is null)::int",
            "select auth.sign_up($1, $2), 1 / ($2 is null)::int",
        ] {
            assert!(
                self.app
                    .execute(sql, &[&"fails@example.com", &password])
                    .is_err()
            );
        }
        for token in [
            "no.token.in-no-log-0123456789",
            "sk_no-key-in-no-log-0123456789",
            "mfa_no-challenge-in-no-log-0123456789",
        ] {
            self.typed("a bad token", token);
            assert!(
                self.app
                    .execute("select auth.enter($1)", &[&token])
                    .is_err()
            );
            self.public("auth.refresh($1)", &[&token]);
        }
    }

    fn end(&mut self, admin: &str) {
        let jti = self.typed("a token's id", "a-token-id-of-an-api-key");
        self.secrets = std::mem::take(&mut self.secrets);
        self.own(admin, "auth.admin_audit($1)", &[&json!({})]);
        self.own(admin, "to_jsonb(auth.refresh_schema())", &[]);
        self.own(admin, "to_jsonb(auth.revoke_token($1)::text)", &[&jti]);
        self.own(admin, "auth.revoke_everything(true, $1)", &[&nobody()]);
    }
}
