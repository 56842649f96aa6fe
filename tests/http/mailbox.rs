//! Ways in through the mailbox, from the request to the mail that a mail server takes, and back with what stands in it.

use crate::acts::without_id;
use crate::site::Site;
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::smtp::{Mode, Received, Receiver};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

/// A new password.
pub const OTHER: &str = "Wrong-Donkey-8-Staple";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site, &Receiver)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("mailbox::{name}"), move || {
            let (site, receiver) = mailing(&fixture, Mode::StartTls);
            body(&site, &receiver);
        }));
    };
    add(
        "a_reset_link_sets_one_password_and_ends_all_sessions",
        reset,
    );
    add("a_magic_link_signs_in_once", magic_link);
    add("a_code_signs_in_once", code);
    add(
        "a_new_account_signs_in_after_the_link_and_not_before",
        confirmation,
    );
    add(
        "a_sign_up_with_a_taken_address_tells_its_owner_alone",
        taken,
    );
    add("another_address_counts_once_it_is_confirmed", change);
    add("an_invitation_is_accepted_once", invitation);
    add("an_administrator_s_reset_leaves_the_link_alone", forced);
    add(
        "an_unknown_address_gets_the_same_answer_and_no_mail",
        unknown,
    );
    add("redirect_to_leads_to_allowed_places_only", redirect);
    add("the_owner_of_a_locked_address_is_told_once", locked);
    add(
        "whoever_signed_up_with_the_address_of_another_is_out_when_its_owner_comes",
        taken_over,
    );
    trials
}

/// How a server on this database sends to this receiver.
pub fn mail_settings(database: &Database, receiver: &Receiver) -> Vec<(&'static str, String)> {
    let cluster = &database.fixture.cluster;
    let mut settings = receiver.settings();
    settings.push((
        "EMAIL_DATABASE_URL",
        cluster.url("fluxbase_mailer", &database.name),
    ));
    settings
}

/// A server that sends to a receiver.
pub fn mailing(fixture: &Arc<Fixture>, mode: Mode) -> (Site, Receiver) {
    let receiver = Receiver::start(mode);
    let database = fixture.database();
    let settings = mail_settings(&database, &receiver);
    let settings: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    (Site::on(database, &settings), receiver)
}

/// The token of the link in a mail; both its parts must show the same one.
pub fn token(mail: &Received) -> String {
    let after = |text: &str| -> String {
        let (_, rest) = text.split_once("token=").expect("a token");
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        rest.chars().take_while(|c| word(*c)).collect()
    };
    let token = after(&mail.text);
    assert_eq!(after(&mail.html), token);
    assert_eq!(token.len(), 43, "{token}");
    token
}

/// The only mail to this address.
pub fn only(receiver: &Receiver, to: &str) -> Received {
    let mut mails = receiver.wait_for(to, 1);
    assert_eq!(mails.len(), 1);
    mails.remove(0)
}

fn nothing() -> Value {
    json!({"user": null, "session": null})
}

fn reset(site: &Site, receiver: &Receiver) {
    let ann = site.sign_in("ann@example.com", PASSWORD);
    let asked = site.ask("/password/reset", &json!({"email": "Ann@Example.com"}));
    assert_eq!(asked.expect(200), nothing());
    let mail = only(receiver, "ann@example.com");
    assert!(mail.encrypted);
    assert_eq!(mail.header("subject"), Some("Choose a new password"));
    let page = format!("http://127.0.0.1:{}/auth/reset-password?token=", site.port);
    assert!(mail.text.contains(&page), "{}", mail.text);
    let token = token(&mail);
    let check = || site.ask("/password/reset/verify", &json!({"token": token}));
    let confirm = |password: &str| {
        let body = json!({"token": token, "new_password": password});
        site.ask("/password/reset/confirm", &body)
    };
    assert_eq!(check().expect(200)["valid"], true);
    confirm("short").refused(400, "WEAK_PASSWORD");
    confirm("").refused(400, "INVALID_REQUEST_BODY");
    // Neither looking nor a refused password uses it up, and nobody is out yet.
    site.by(&ann.token, "GET", "/auth/user").send().expect(200);
    let new = Account::from_reply(&confirm(OTHER).expect(200));
    assert_eq!(new.id, ann.id);
    site.by(&new.token, "GET", "/auth/user").send().expect(200);
    site.by(&ann.token, "GET", "/auth/user")
        .send()
        .refused(401, "REVOKED_TOKEN");
    confirm("Third-Donkey-9-Staple").refused(400, "TOKEN_USED");
    check().refused(400, "TOKEN_USED");
    for foreign in ["x", &"A".repeat(43)] {
        site.ask("/password/reset/verify", &json!({"token": foreign}))
            .refused(400, "INVALID_TOKEN");
    }
    site.try_sign_in("ann@example.com", PASSWORD)
        .refused(401, "INVALID_CREDENTIALS");
    site.sign_in("ann@example.com", OTHER);
    let notice = receiver.wait_for("ann@example.com", 2).remove(1);
    assert_eq!(notice.header("subject"), Some("Your password was changed"));
    assert!(!notice.text.contains("token="), "{}", notice.text);
}

fn magic_link(site: &Site, receiver: &Receiver) {
    let asked = site.ask("/magiclink", &json!({"email": "ann@example.com"}));
    assert_eq!(asked.expect(200), nothing());
    let mail = only(receiver, "ann@example.com");
    assert!(mail.text.contains("type=magiclink"), "{}", mail.text);
    let token = token(&mail);
    // Made for one purpose, good for no other.
    let body = json!({"token": token, "new_password": OTHER});
    site.ask("/password/reset/confirm", &body)
        .refused(400, "INVALID_TOKEN");
    site.ask("/verify-email", &json!({"token": token}))
        .refused(400, "INVALID_TOKEN");
    let verify = || site.ask("/magiclink/verify", &json!({"token": token}));
    let reply = verify().expect(200);
    assert_eq!(reply["user"]["email_verified"], true);
    let account = Account::from_reply(&reply);
    assert_eq!(account.id, site.database.fixture.ann.id);
    verify().refused(400, "TOKEN_USED");
    site.by(&account.token, "GET", "/auth/user")
        .send()
        .expect(200);
    site.configure(&[("magic_link_enabled", "false")]);
    site.ask("/magiclink", &json!({"email": "bob@example.com"}))
        .refused(400, "FEATURE_DISABLED");
    let link = site.ask("/magiclink/verify", &json!({"token": token}));
    link.refused(400, "FEATURE_DISABLED");
}

fn code(site: &Site, receiver: &Receiver) {
    let address = json!({"email": "ann@example.com"});
    assert_eq!(site.ask("/otp/signin", &address).expect(200), nothing());
    let mail = only(receiver, "ann@example.com");
    let digits = |c: char| !c.is_ascii_digit();
    let code = mail
        .text
        .split(digits)
        .find(|word| word.len() == 6)
        .expect("a code")
        .to_owned();
    assert!(
        !mail
            .header("subject")
            .is_some_and(|line| line.contains(&code))
    );
    let show = |email: &str, code: &str| {
        let body = json!({"email": email, "token": code, "type": "email"});
        site.ask("/otp/verify", &body)
    };
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let one = without_id(show("ann@example.com", wrong).refused(401, "INVALID_CREDENTIALS"));
    for email in ["bob@example.com", "nobody@example.com"] {
        let other = show(email, &code).refused(401, "INVALID_CREDENTIALS");
        assert_eq!(without_id(other), one);
    }
    // Asked again within the minute: the same answer, no second mail, and the first code is good.
    assert_eq!(site.ask("/otp/resend", &address).expect(200), nothing());
    let account = Account::from_reply(&show("ann@example.com", &code).expect(200));
    assert_eq!(account.id, site.database.fixture.ann.id);
    show("ann@example.com", &code).refused(401, "INVALID_CREDENTIALS");
    only(receiver, "ann@example.com");
}

fn confirmation(site: &Site, receiver: &Receiver) {
    site.configure(&[("require_email_verification", "true")]);
    let body = json!({"email": "new@example.com", "password": PASSWORD});
    let reply = site.ask("/signup", &body).expect(201);
    assert_eq!(reply["requires_email_verification"], true);
    assert_eq!(reply["user"]["email"], "new@example.com");
    assert!(reply.get("access_token").is_none() && reply.get("refresh_token").is_none());
    let before = site.try_sign_in("new@example.com", PASSWORD);
    before.refused(403, "EMAIL_NOT_VERIFIED");
    site.try_sign_in("new@example.com", OTHER)
        .refused(401, "INVALID_CREDENTIALS");
    let token = token(&only(receiver, "new@example.com"));
    let confirm = || site.ask("/verify-email", &json!({"token": token}));
    let confirmed = confirm().expect(200);
    assert_eq!(confirmed["user"]["email_verified"], true);
    assert!(confirmed["message"].is_string());
    assert!(confirmed.get("access_token").is_none(), "{confirmed}");
    confirm().refused(400, "TOKEN_USED");
    site.sign_in("new@example.com", PASSWORD);
    // Asking again says the same about a confirmed address and about one that nobody has.
    let again = |email: &str| {
        site.ask("/verify-email/resend", &json!({"email": email}))
            .expect(200)
    };
    assert_eq!(again("new@example.com"), again("nobody@example.com"));
    only(receiver, "new@example.com");
}

fn taken(site: &Site, receiver: &Receiver) {
    site.configure(&[("require_email_verification", "true")]);
    let sign_up = |email: &str| {
        let body = json!({"email": email, "password": OTHER, "user_metadata": {"nick": "x"}});
        let mut reply = site.ask("/signup", &body).expect(201);
        for member in ["id", "email", "created_at", "updated_at"] {
            let user = reply["user"].as_object_mut().expect("a user");
            assert!(user.remove(member).is_some(), "no {member}");
        }
        reply
    };
    assert_eq!(sign_up("ann@example.com"), sign_up("free@example.com"));
    let mail = only(receiver, "ann@example.com");
    assert_eq!(mail.header("subject"), Some("You have an account already"));
    assert!(!mail.text.contains("token="), "{}", mail.text);
    assert!(token(&only(receiver, "free@example.com")).len() == 43);
    // The password of the stranger opens nothing.
    site.try_sign_in("ann@example.com", OTHER)
        .refused(401, "INVALID_CREDENTIALS");
}

fn change(site: &Site, receiver: &Receiver) {
    let ann = site.sign_in("ann@example.com", PASSWORD);
    site.database
        .superuser()
        .batch_execute("update auth.users set email_verified = true")
        .expect("confirmed");
    site.configure(&[("require_email_verification", "true")]);
    let wanted = json!({"email": "anna@example.com", "current_password": PASSWORD});
    let patch = |body: &Value| site.by(&ann.token, "PATCH", "/auth/user").json(body).send();
    patch(&json!({"email": "anna@example.com"})).refused(403, "REAUTHENTICATION_REQUIRED");
    let user = patch(&wanted).expect(200);
    assert_eq!(user["email"], "ann@example.com");
    assert_eq!(user["new_email"], "anna@example.com");
    site.try_sign_in("anna@example.com", PASSWORD)
        .refused(401, "INVALID_CREDENTIALS");
    let mail = only(receiver, "anna@example.com");
    assert!(mail.text.contains("type=email_change"), "{}", mail.text);
    let token = token(&mail);
    let confirm = || site.ask("/verify-email", &json!({"token": token}));
    let user = &confirm().expect(200)["user"];
    assert_eq!(user["email"], "anna@example.com");
    assert_eq!(user["email_verified"], true);
    confirm().refused(400, "TOKEN_USED");
    // The old address is told, and is nobody's any more.
    let notice = only(receiver, "ann@example.com");
    assert_eq!(
        notice.header("subject"),
        Some("Your e-mail address was changed")
    );
    site.try_sign_in("ann@example.com", PASSWORD)
        .refused(401, "INVALID_CREDENTIALS");
    site.sign_in("anna@example.com", PASSWORD);
}

fn invitation(site: &Site, receiver: &Receiver) {
    let admin = site.with_role("root@example.com", "dashboard_admin");
    let body = json!({"email": "guest@example.com", "role": "editor"});
    let reply = site
        .by(&admin.token, "POST", "/admin/users/invite")
        .json(&body)
        .send()
        .expect(201);
    assert_eq!(reply["email_sent"], true);
    assert_eq!(reply["user"]["role"], "editor");
    assert!(reply.get("temporary_password").is_none(), "{reply}");
    let mail = only(receiver, "guest@example.com");
    assert_eq!(mail.header("subject"), Some("You are invited"));
    let token = token(&mail);
    let accept = |password: &str| {
        let body = json!({"token": token, "new_password": password});
        site.ask("/password/reset/confirm", &body)
    };
    accept("guest@example.com-A1").refused(400, "WEAK_PASSWORD");
    let reply = accept(OTHER).expect(200);
    assert_eq!(reply["user"]["email_verified"], true);
    assert_eq!(reply["user"]["role"], "editor");
    accept(OTHER).refused(400, "TOKEN_USED");
    site.sign_in("guest@example.com", OTHER);
}

fn forced(site: &Site, receiver: &Receiver) {
    let admin = site.with_role("root@example.com", "dashboard_admin");
    let ann = site.sign_in("ann@example.com", PASSWORD);
    let path = format!("/admin/users/{}/reset-password", ann.id);
    let request = site.by(&admin.token, "POST", &path).json(&json!({}));
    assert!(request.send().expect(200)["message"].is_string());
    site.by(&ann.token, "GET", "/auth/user")
        .send()
        .refused(401, "REVOKED_TOKEN");
    site.try_sign_in("ann@example.com", PASSWORD)
        .refused(401, "INVALID_CREDENTIALS");
    let token = token(&only(receiver, "ann@example.com"));
    let body = json!({"token": token, "new_password": OTHER});
    site.ask("/password/reset/confirm", &body).expect(200);
    site.sign_in("ann@example.com", OTHER);
}

fn unknown(site: &Site, receiver: &Receiver) {
    site.database
        .superuser()
        .batch_execute("update auth.users set disabled_at = now() where email = 'bob@example.com'")
        .expect("disabled");
    for path in ["/password/reset", "/magiclink", "/otp/signin"] {
        for email in ["nobody@example.com", "bob@example.com"] {
            let asked = site.ask(path, &json!({"email": email}));
            assert_eq!(asked.expect(200), nothing());
        }
        site.ask(path, &json!({"email": "no address"}))
            .refused(400, "VALIDATION_FAILED");
    }
    let asked = site.ask("/password/reset", &json!({"email": "ann@example.com"}));
    assert_eq!(asked.expect(200), nothing());
    only(receiver, "ann@example.com");
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(receiver.received().len(), 1);
}

fn redirect(site: &Site, receiver: &Receiver) {
    site.configure(&[("allowed_redirect_urls", "https://app.example/in")]);
    for target in [
        "https://evil.example/in",
        "https://app.example.evil.example/in",
        "https://app.example/other",
        "https://app.example/in/../other",
        "https://app.example@evil.example/in",
        "http://app.example/in",
        "//app.example/in",
        "/in",
        "javascript:alert(1)",
        "https://app.example\\@evil.example/in",
        "https://app.example/in\r\nX: y",
    ] {
        for path in ["/password/reset", "/magiclink"] {
            let body = json!({"email": "ann@example.com", "redirect_to": target});
            site.ask(path, &body).refused(400, "INVALID_REDIRECT_URL");
        }
    }
    let body =
        json!({"email": "ann@example.com", "redirect_to": "https://app.example/in/reset?a=b"});
    site.ask("/password/reset", &body).expect(200);
    let mail = only(receiver, "ann@example.com");
    let link = "https://app.example/in/reset?a=b&token=";
    assert!(mail.text.contains(link), "{}", mail.text);
    let body = json!({"token": token(&mail), "new_password": OTHER});
    site.ask("/password/reset/confirm", &body).expect(200);
}

/// Nobody else learns of it, and the guesser's answers are those for an address that nobody has.
fn locked(site: &Site, receiver: &Receiver) {
    let guess = |email: &str| {
        let wrong = site.try_sign_in(email, "Wrong-Horse-7-Battery");
        without_id(wrong.refused(401, "INVALID_CREDENTIALS"))
    };
    site.configure(&[("max_login_attempts", "2")]);
    let answers: Vec<Value> = (0..3).map(|_| guess("nobody@example.com")).collect();
    let known: Vec<Value> = (0..3).map(|_| guess("ann@example.com")).collect();
    assert_eq!(known, answers);
    let mail = only(receiver, "ann@example.com");
    assert_eq!(
        mail.header("subject"),
        Some("Wrong passwords for your account")
    );
    assert!(!mail.text.contains("token="), "{}", mail.text);
    let sent = "select count(*) from auth.one_time_tokens where user_id is not null";
    assert_eq!(site.count(sent), 1);
}

/// 1. A stranger signs up with the address of somebody who has no account.
/// 2. The owner signs in by mail and uses it.
/// 3. The stranger reads along, with the session or with the password.
fn taken_over(site: &Site, receiver: &Receiver) {
    let stranger = site.sign_up("owner@example.com");
    let with = |token: &str| site.by(token, "GET", "/auth/user").send();
    with(&stranger.token).expect(200);
    site.ask("/magiclink", &json!({"email": "owner@example.com"}))
        .expect(200);
    let link = token(&only(receiver, "owner@example.com"));
    let reply = site
        .ask("/magiclink/verify", &json!({"token": link}))
        .expect(200);
    let owner = Account::from_reply(&reply);
    assert_eq!(owner.id, stranger.id);
    with(&owner.token).expect(200);
    with(&stranger.token).refused(401, "REVOKED_TOKEN");
    site.ask("/refresh", &json!({"refresh_token": stranger.refresh}))
        .refused(401, "INVALID_TOKEN");
    site.try_sign_in("owner@example.com", PASSWORD)
        .refused(401, "INVALID_CREDENTIALS");
    let told = receiver.wait_for("owner@example.com", 2);
    assert_eq!(told[1].header("subject"), Some("Your password was removed"));
    site.by(&owner.token, "PATCH", "/auth/user")
        .json(&json!({"password": OTHER}))
        .send()
        .expect(200);
    site.sign_in("owner@example.com", OTHER);
}
