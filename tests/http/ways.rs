//! Doors that are there and lead nowhere, each with its answer; and answers that are seldom seen.

use crate::site::Site;
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::environment::server_binary;
use fluxbase_tests::fixture::{Fixture, PASSWORD};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("ways::{name}"), move || {
            body(&Site::new(&fixture, &[]));
        }));
    };
    add("the_address_is_the_only_identity", identities);
    add("nobody_else_s_word_opens_a_session", providers);
    add("there_is_no_captcha_and_clients_are_told", captcha);
    add("a_code_by_sms_is_not_offered", sms);
    add("a_token_that_ran_out_is_400_and_told", expired);
    add("a_role_nobody_can_have_is_403", roles);
    add("the_first_administrator_is_made_by_a_command", command);
    let name = "ways::while_every_slot_hashes_a_sign_in_is_503_with_retry_after";
    trials.push(trial(&fixture.cluster, name, || {
        let cluster = Arc::new(Cluster::start(""));
        let own = Arc::new(Fixture::new(Arc::clone(&cluster)));
        busy(&Site::new(&own, &[]));
        drop(own);
    }));
    trials
}

fn identities(site: &Site) {
    let ann = site.database.fixture.ann.clone();
    let get = || site.by(&ann.token, "GET", "/auth/user/identities").send();
    let row = site.database.superuser().query_one(
        "select auth.utc(created_at) from auth.users where email = 'ann@example.com'",
        &[],
    );
    let created: String = row.expect("asked").get(0);
    let only = json!({"identities": [{
        "id": ann.id, "user_id": ann.id, "provider": "email", "created_at": created,
        "identity_data": {"email": "ann@example.com", "email_verified": false},
    }]});
    assert_eq!(get().expect(200), only);
    let link = |body: &Value| {
        site.by(&ann.token, "POST", "/auth/user/identities")
            .json(body)
            .send()
    };
    let unlink = |id: &str| {
        let path = format!("/auth/user/identities/{id}");
        site.by(&ann.token, "DELETE", &path).send()
    };
    site.silently(|| link(&json!({"provider": "google"})))
        .refused(400, "INVALID_INPUT");
    site.silently(|| link(&json!({})))
        .refused(400, "INVALID_REQUEST_BODY");
    site.silently(|| unlink(&ann.id))
        .refused(400, "INVALID_INPUT");
    // Somebody else's is as little there as one that nobody has.
    for id in [
        site.database.fixture.bob.id.as_str(),
        "00000000-0000-4000-8000-000000000001",
    ] {
        site.silently(|| unlink(id)).refused(404, "NOT_FOUND");
    }
    site.silently(|| unlink("mine"))
        .refused(400, "INVALID_REQUEST_BODY");
    for (method, path) in [
        ("GET", "/api/v1/auth/user/identities"),
        ("POST", "/api/v1/auth/user/identities"),
        (
            "DELETE",
            "/api/v1/auth/user/identities/00000000-0000-4000-8000-000000000001",
        ),
    ] {
        let request = site.request(method, path).json(&json!({"provider": "x"}));
        let answer = site.silently(|| request.send());
        answer.refused(401, "AUTHENTICATION_REQUIRED");
    }
    assert_eq!(get().expect(200), only);
}

fn providers(site: &Site) {
    for body in [
        json!({"provider": "google", "token": site.database.fixture.ann.token}),
        json!({"provider": "google", "token": "x.y.z", "nonce": "n"}),
        json!({}),
    ] {
        let answer = site.silently(|| site.ask("/signin/idtoken", &body));
        let said = answer.refused(400, "INVALID_REQUEST_BODY");
        assert!(said["error"].as_str().expect("text").contains("provider"));
    }
    let config = site.get("/api/v1/auth/config").send().expect(200);
    assert_eq!(
        (&config["oauth_providers"], &config["saml_providers"]),
        (&json!([]), &json!([]))
    );
}

fn captcha(site: &Site) {
    let config = site.get("/api/v1/auth/captcha/config").send();
    assert_eq!(config.expect(200), json!({"enabled": false}));
    let check = || {
        let body = json!({"endpoint": "login", "email": "ann@example.com"});
        let answer = site.silently(|| site.ask("/captcha/check", &body));
        let mut reply = answer.expect(200);
        let id = reply["challenge_id"].take();
        assert_eq!(
            reply,
            json!({"captcha_required": false, "reason": "captcha is not enabled", "challenge_id": null})
        );
        id.as_str().expect("a text").to_owned()
    };
    let (one, other) = (check(), check());
    assert!(one.len() == 36 && one != other, "{one} {other}");
    // Clients send it back, and nobody minds.
    let body = json!({"email": "ann@example.com", "password": PASSWORD, "challenge_id": one, "captcha_token": "x"});
    site.ask("/signin", &body).expect(200);
}

fn sms(site: &Site) {
    for path in ["/otp/signin", "/otp/resend", "/otp/verify"] {
        let body = json!({"phone": "+4912345678", "token": "123456", "type": "sms"});
        let answer = site.silently(|| site.ask(path, &body));
        answer.refused(501, "NOT_IMPLEMENTED");
    }
    // The twin: with an address it is about the address, and this server sends no mail.
    let body = json!({"phone": "+4912345678", "email": "ann@example.com"});
    site.ask("/otp/signin", &body)
        .refused(400, "SMTP_NOT_CONFIGURED");
    let body = json!({"phone": null, "token": "123456"});
    site.ask("/otp/verify", &body)
        .refused(400, "INVALID_REQUEST_BODY");
}

/// The token of the only mail of a kind, as the mailer is given it.
fn mailed(site: &Site, ask: &str, kind: &str) -> String {
    let mut app = site.database.app();
    app.query_one(&format!("select {ask}::text"), &[])
        .expect("asked");
    let mut mailer = site.database.connect("fluxbase_mailer");
    let mails = mailer.query("select auth.take_mail(100)", &[]);
    let mails: Vec<Value> = mails.expect("mails").iter().map(|row| row.get(0)).collect();
    let found = mails.iter().find(|mail| mail["kind"] == kind);
    found.expect("a mail")["token"]
        .as_str()
        .expect("a token")
        .to_owned()
}

fn expired(site: &Site) {
    for (ask, kind, path) in [
        (
            "auth.request_password_reset('ann@example.com')",
            "password_reset",
            "/password/reset/confirm",
        ),
        (
            "auth.request_magic_link('ann@example.com')",
            "magic_link",
            "/magiclink/verify",
        ),
        (
            "auth.request_email_confirmation('bob@example.com')",
            "confirm_email",
            "/verify-email",
        ),
    ] {
        let token = mailed(site, ask, kind);
        let body = json!({"token": token, "new_password": "Another-Staple-8-Mule"});
        let set = |when: &str| {
            let update = format!(
                "update auth.one_time_tokens set expires_at = now() {when} interval '1 h' where kind = '{kind}'"
            );
            let mut superuser = site.database.superuser();
            superuser.batch_execute(&update).expect("set");
        };
        set("-");
        let state = site.database.state();
        site.ask(path, &body).refused(400, "TOKEN_EXPIRED");
        assert_eq!(site.database.state(), state, "{path}");
        set("+");
        site.ask(path, &body).expect(200);
        site.ask(path, &body).refused(400, "TOKEN_USED");
    }
}

fn roles(site: &Site) {
    let root = site.with_role("root@example.com", "dashboard_admin");
    let path = format!("/admin/users/{}/role", site.database.fixture.bob.id);
    let patch = |role: &str| {
        let request = site.by(&root.token, "PATCH", &path);
        request.json(&json!({"role": role})).send()
    };
    let long = "x".repeat(64);
    for role in ["anon", "editor; drop", "édité", long.as_str()] {
        site.silently(|| patch(role)).refused(403, "INVALID_ROLE");
        let body = json!({"email": "new@example.com", "role": role});
        let make = site.by(&root.token, "POST", "/admin/users").json(&body);
        site.silently(|| make.send()).refused(403, "INVALID_ROLE");
    }
    assert_eq!(patch("editor").expect(200)["role"], "editor");
}

/// Runs `fluxbase user create` as an operator does.
fn create(site: &Site, arguments: &[&str], typed: &str) -> Output {
    let cluster = &site.database.fixture.cluster;
    let mut child = Command::new(server_binary())
        .args(["user", "create"])
        .args(arguments)
        .current_dir("/")
        .env_clear()
        .env(
            "FLUXBASE_DATABASE_ADMIN_URL",
            cluster.url("postgres", &site.database.name),
        )
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(typed.as_bytes()).expect("typed");
    drop(pipe);
    child.wait_with_output().expect("it ends")
}

fn command(site: &Site) {
    let chosen = "Chosen-Horse-9-Battery";
    for (typed, said) in [
        ("short\n", "password"),
        ("\n", "standard input"),
        ("", "standard input"),
    ] {
        let output = site.silently(|| create(site, &["--admin", "root@example.com"], typed));
        let error = String::from_utf8_lossy(&output.stderr).to_lowercase();
        assert!(!output.status.success() && error.contains(said), "{error}");
        assert!(output.stdout.is_empty());
    }
    let output = create(
        site,
        &["--admin", "Root@Example.com"],
        &format!("{chosen}\n"),
    );
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    let account = site.sign_in("root@example.com", chosen);
    assert_eq!(said, format!("{} dashboard_admin\n", account.id));
    let me = site.by(&account.token, "GET", "/admin/me").send();
    me.expect(200);
    let status = site.get("/api/v1/admin/setup/status").send();
    assert_eq!(
        status.expect(200),
        json!({"has_admin": true, "needs_setup": false})
    );
    // Somebody who is one already is not made again, and nobody is made an administrator without the word.
    let again = create(
        site,
        &["--admin", "root@example.com"],
        &format!("{chosen}\n"),
    );
    assert!(!again.status.success());
    let output = create(site, &["user@example.com"], &format!("{chosen}\n"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.ends_with(" authenticated\n"), "{output:?}");
}

/// One slot, and somebody hashes in it for longer than anybody waits.
fn busy(site: &Site) {
    site.configure(&[
        ("password_hash_iterations", "6"),
        ("password_hash_memory_kib", "524288"),
        ("max_concurrent_hashes", "1"),
    ]);
    let counted = || site.count("select count(*) from auth.login_attempts");
    let wrong = json!({"email": "nobody@example.com", "password": PASSWORD});
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| site.ask("/signin", &wrong));
        let began = Instant::now();
        while counted() == 0 {
            assert!(began.elapsed() < Duration::from_secs(10), "never began");
            std::thread::sleep(Duration::from_millis(2));
        }
        let attempts = counted();
        let answer = site.try_sign_in("ann@example.com", PASSWORD);
        answer.refused(503, "service_unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(counted(), attempts, "it was not judged");
        let slow = slow.join().expect("joined");
        slow.refused(401, "INVALID_CREDENTIALS");
    });
    site.configure(&[
        ("password_hash_iterations", "1"),
        ("password_hash_memory_kib", "7168"),
    ]);
    site.sign_in("ann@example.com", PASSWORD);
}
