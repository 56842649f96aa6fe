//! Mail that cannot leave: it is refused at once, or it waits and leaves later, whatever dies meanwhile.

use crate::mailbox::{OTHER, mail_settings, mailing, only, token};
use crate::site::Site;
use fluxbase_tests::fixture::{Fixture, PASSWORD};
use fluxbase_tests::server::Server;
use fluxbase_tests::smtp::{Mode, Receiver, USERNAME};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Arc<Fixture>)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("delivery::{name}"), move || {
            body(&fixture)
        }));
    };
    add("a_server_without_mail_says_so_and_writes_nothing", none);
    add("a_mail_that_was_put_off_comes_later_and_works", put_off);
    add("a_server_killed_while_sending_loses_no_mail", killed);
    add("a_login_and_tls_from_the_first_byte_are_kept", with_login);
    add("a_certificate_nobody_vouches_for_gets_no_mail", stranger);
    add("a_request_that_fails_sends_nothing", rolled_back);
    trials
}

fn request_reset(site: &Site, email: &str) {
    site.ask("/password/reset", &json!({"email": email}))
        .expect(200);
}

/// Waits until the only mail of the database is in this state.
fn until(site: &Site, state: &str) {
    let began = Instant::now();
    let query = format!("select count(*) from auth.one_time_tokens where {state}");
    while site.count(&query) == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "never {state}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The next try, which is a minute away, is now.
fn at_once(site: &Site) {
    site.database
        .superuser()
        .batch_execute(
            "update auth.one_time_tokens set mail_due_at = now() where mailed_at is null and mail_due_at is not null;
             notify fluxbase_mail",
        )
        .expect("brought forward");
}

fn none(fixture: &Arc<Fixture>) {
    let site = Site::new(fixture, &[]);
    for path in [
        "/password/reset",
        "/magiclink",
        "/otp/signin",
        "/otp/resend",
        "/verify-email/resend",
    ] {
        for email in ["ann@example.com", "nobody@example.com"] {
            site.ask(path, &json!({"email": email}))
                .refused(400, "SMTP_NOT_CONFIGURED");
        }
    }
    let admin = site.with_role("root@example.com", "dashboard_admin");
    let path = format!("/admin/users/{}/reset-password", fixture.ann.id);
    site.by(&admin.token, "POST", &path)
        .send()
        .refused(400, "SMTP_NOT_CONFIGURED");
    assert_eq!(site.count("select count(*) from auth.one_time_tokens"), 0);
    site.sign_in("ann@example.com", PASSWORD);
}

fn put_off(fixture: &Arc<Fixture>) {
    let (site, receiver) = mailing(fixture, Mode::StartTls);
    receiver.refuse(Some("451 4.3.0 come back later"));
    request_reset(&site, "ann@example.com");
    until(&site, "mail_error is not null and mailed_at is null");
    assert_eq!(receiver.received().len(), 0);
    let again = "mail_due_at > now() + interval '50 s'";
    until(&site, again);
    receiver.refuse(None);
    at_once(&site);
    let mail = only(&receiver, "ann@example.com");
    until(&site, "mailed_at is not null and mail_attempts = 2");
    let body = json!({"token": token(&mail), "new_password": OTHER});
    site.ask("/password/reset/confirm", &body).expect(200);
}

fn killed(fixture: &Arc<Fixture>) {
    let (site, receiver) = mailing(fixture, Mode::StartTls);
    receiver.hang(true);
    request_reset(&site, "ann@example.com");
    // Taken and on its way: the connection is open, nobody answers.
    until(&site, "mail_attempts = 1");
    let killed = Command::new("kill")
        .args(["-9", &site.pid.to_string()])
        .status();
    assert!(killed.expect("kill runs").success());
    receiver.hang(false);
    let settings = mail_settings(&site.database, &receiver);
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let next = Server::start(&site.database, &settings);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(receiver.received().len(), 0);
    at_once(&site);
    let mail = only(&receiver, "ann@example.com");
    let body = json!({"token": token(&mail), "new_password": OTHER});
    next.post("/api/v1/auth/password/reset/confirm")
        .json(&body)
        .send()
        .expect(200);
}

fn with_login(fixture: &Arc<Fixture>) {
    let receiver = Receiver::start(Mode::Tls);
    let database = fixture.database();
    let configure = "select auth.configure('site_origin', 'https://app.example')";
    database
        .superuser()
        .batch_execute(configure)
        .expect("as migrate does");
    let settings = mail_settings(&database, &receiver);
    let mut settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    settings.extend([
        ("EMAIL_SMTP_USERNAME", USERNAME),
        ("EMAIL_SMTP_PASSWORD", fluxbase_tests::smtp::PASSWORD),
        ("SERVER_PUBLIC_BASE_URL", "https://app.example/base"),
    ]);
    let site = Site::on(database, &settings);
    request_reset(&site, "ann@example.com");
    let mail = only(&receiver, "ann@example.com");
    assert!(mail.encrypted);
    assert_eq!(mail.login.as_deref(), Some(USERNAME));
    let page = "https://app.example/base/auth/reset-password?token=";
    assert!(mail.text.contains(page), "{}", mail.text);
    // Mails lead to the own origin without a list, and nowhere else.
    let reset = |redirect: &str| {
        let body = json!({"email": "bob@example.com", "redirect_to": redirect});
        site.ask("/password/reset", &body)
    };
    for elsewhere in ["https://evil.example/", "https://app.example.evil.example/"] {
        reset(elsewhere).refused(400, "INVALID_REDIRECT_URL");
    }
    reset("https://app.example/new?x=1").expect(200);
    let mail = only(&receiver, "bob@example.com");
    let page = "https://app.example/new?x=1&token=";
    assert!(mail.text.contains(page), "{}", mail.text);
}

fn stranger(fixture: &Arc<Fixture>) {
    let receiver = Receiver::start(Mode::StartTls);
    let database = fixture.database();
    let mut settings = mail_settings(&database, &receiver);
    // The authority of the system knows nothing of the receiver's.
    settings.retain(|(name, _)| *name != "EMAIL_SMTP_CA_FILE");
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let site = Site::on(database, &settings);
    request_reset(&site, "ann@example.com");
    until(&site, "mail_error is not null and mailed_at is null");
    assert_eq!(receiver.received().len(), 0);
}

/// A change that is undone is not announced.
fn rolled_back(fixture: &Arc<Fixture>) {
    let (site, receiver) = mailing(fixture, Mode::Plain);
    let mut app = site.database.app();
    let mut transaction = app.transaction().expect("begun");
    transaction
        .query_one(
            "select auth.request_password_reset('ann@example.com')::text",
            &[],
        )
        .expect("asked");
    transaction.rollback().expect("undone");
    request_reset(&site, "bob@example.com");
    only(&receiver, "bob@example.com");
    assert_eq!(receiver.received().len(), 1);
}
