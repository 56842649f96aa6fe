//! Through every way in and out over HTTP, with everything that is a secret written down.

use crate::factor::enrol;
use crate::keys::{client_key, service_key};
use crate::mailbox::{only, token};
use crate::site::Site;
use fluxbase_tests::fixture::PASSWORD;
use fluxbase_tests::forge::now;
use fluxbase_tests::secrets::Secrets;
use fluxbase_tests::smtp::Receiver;
use fluxbase_tests::totp::{code_by_pyotp, wrong_code};
use serde_json::{Value, json};

const WRONG: &str = "Wrong-Horse-in-no-log";

/// A member of a reply, which is a secret of this name.
fn keep(secrets: &mut Secrets, name: &str, reply: &Value, member: &str) -> String {
    let secret = reply[member].as_str().expect("a secret").to_owned();
    secrets.add(name, &secret);
    secret
}

/// The tokens of somebody who is in.
fn tokens(secrets: &mut Secrets, name: &str, reply: &Value) -> (String, String) {
    (
        keep(
            secrets,
            &format!("the access token of {name}"),
            reply,
            "access_token",
        ),
        keep(
            secrets,
            &format!("the refresh token of {name}"),
            reply,
            "refresh_token",
        ),
    )
}

pub fn through_every_way(site: &Site, receiver: &Receiver) -> Secrets {
    let mut secrets = Secrets::default();
    passwords(site, &mut secrets);
    mails(site, receiver, &mut secrets);
    factors(site, &mut secrets);
    administrators(site, &mut secrets);
    secrets
}

fn passwords(site: &Site, secrets: &mut Secrets) {
    let (first, second) = (format!("{PASSWORD}-first"), format!("{PASSWORD}-second"));
    for (name, password) in [("the password", &first), ("a new password", &second)] {
        secrets.add(name, password);
    }
    secrets.add("a wrong password", WRONG);
    let credentials = json!({"email": "quiet@example.com", "password": first});
    let reply = site.ask("/signup", &credentials).expect(201);
    let (access, refresh) = tokens(secrets, "a sign-up", &reply);
    let again = site.ask("/signin", &credentials).expect(200);
    tokens(secrets, "a sign-in", &again);
    site.ask(
        "/signin",
        &json!({"email": "quiet@example.com", "password": WRONG}),
    )
    .refused(401, "INVALID_CREDENTIALS");
    // Where it does not belong: in a target, which an access log shows.
    for target in ["/api/v1/auth/user", "/api/v1/tables/notes"] {
        site.get(target).bearer(&access).send().expect(200);
    }
    site.get("/api/v1/tables/things?id=eq.x")
        .bearer(&access)
        .send()
        .refused(400, "INVALID_INPUT");
    let forged = format!("{}xx", &access[..access.len() - 2]);
    secrets.add("a forged token", &forged);
    site.get("/api/v1/tables/notes")
        .bearer(&forged)
        .send()
        .refused(401, "INVALID_TOKEN");
    let newer = site
        .ask("/refresh", &json!({"refresh_token": refresh}))
        .expect(200);
    let (access, _) = tokens(secrets, "a refresh", &newer);
    let shown = site
        .by(&access, "POST", "/auth/reauthenticate")
        .json(&json!({"password": first}))
        .send()
        .expect(200);
    let nonce = keep(secrets, "a nonce", &shown, "nonce");
    site.by(&access, "PATCH", "/auth/user")
        .json(&json!({"password": second, "nonce": nonce}))
        .send()
        .expect(200);
    // The newest but one: whoever uses it is shown out.
    site.ask("/refresh", &json!({"refresh_token": refresh}))
        .refused(401, "INVALID_TOKEN");
}

fn mails(site: &Site, receiver: &Receiver, secrets: &mut Secrets) {
    let password = format!("{PASSWORD}-by-mail");
    secrets.add("a password by mail", &password);
    site.ask("/password/reset", &json!({"email": "ann@example.com"}))
        .expect(200);
    let link = token(&only(receiver, "ann@example.com"));
    secrets.add("the token of a reset", &link);
    site.ask("/password/reset/verify", &json!({"token": link}))
        .expect(200);
    let body = json!({"token": link, "new_password": password});
    let reply = site.ask("/password/reset/confirm", &body).expect(200);
    tokens(secrets, "a reset", &reply);
    site.ask("/password/reset/confirm", &body)
        .refused(400, "TOKEN_USED");

    site.ask("/magiclink", &json!({"email": "bob@example.com"}))
        .expect(200);
    let link = token(&only(receiver, "bob@example.com"));
    secrets.add("the token of a magic link", &link);
    let reply = site
        .ask("/magiclink/verify", &json!({"token": link}))
        .expect(200);
    tokens(secrets, "a magic link", &reply);

    site.sign_up("coded@example.com");
    site.ask("/otp/signin", &json!({"email": "coded@example.com"}))
        .expect(200);
    let mails = receiver.wait_for("coded@example.com", 1);
    let text = &mails.last().expect("a mail").text;
    let code = text
        .split(|c: char| !c.is_ascii_digit())
        .find(|word| word.len() == 6)
        .expect("a code")
        .to_owned();
    secrets.add("a code by mail", &code);
    let reply = site
        .ask(
            "/otp/verify",
            &json!({"email": "coded@example.com", "token": code}),
        )
        .expect(200);
    tokens(secrets, "a code by mail", &reply);
}

fn factors(site: &Site, secrets: &mut Secrets) {
    let account = site.sign_up("factor@example.com");
    let (secret, codes) = enrol(site, &account.token);
    secrets.add("the secret of a factor", &secret);
    for (nth, code) in codes.iter().enumerate() {
        secrets.add(&format!("backup code {nth}"), code);
    }
    let credentials = json!({"email": "factor@example.com", "password": PASSWORD});
    let waiting = site.ask("/signin", &credentials).expect(200);
    let challenge = keep(secrets, "a challenge", &waiting, "mfa_token");
    let verify = |code: &str| {
        site.ask(
            "/2fa/verify",
            &json!({"mfa_token": challenge, "code": code}),
        )
    };
    verify(&wrong_code(&secret)).refused(401, "INVALID_CREDENTIALS");
    let code = code_by_pyotp(&secret, now());
    secrets.add("a code of a factor", &code);
    tokens(secrets, "a second factor", &verify(&code).expect(200));
    let waiting = site.ask("/signin", &credentials).expect(200);
    let body = json!({"mfa_token": keep(secrets, "another challenge", &waiting, "mfa_token"), "code": codes[0]});
    tokens(
        secrets,
        "a backup code",
        &site.ask("/2fa/verify", &body).expect(200),
    );
}

fn administrators(site: &Site, secrets: &mut Secrets) {
    let admin = site.with_role("root@example.com", "dashboard_admin");
    secrets.add("an administrator's token", &admin.token);
    let key = keep(
        secrets,
        "a service key",
        &service_key(site, &admin.token, &json!({"name": "all"})),
        "key",
    );
    let of_client = client_key(
        site,
        &admin.token,
        &json!({"name": "some", "scopes": ["*"]}),
    );
    let of_client = keep(secrets, "a client key", &of_client, "key");
    for (header, key) in [("X-Service-Key", &key), ("X-Client-Key", &of_client)] {
        site.get("/api/v1/tables/notes")
            .header(header, key)
            .send()
            .expect(200);
    }
    // Where no key is taken from.
    site.get("/api/v1/tables/notes")
        .header("X-Service-Key", &format!("{key}x"))
        .send()
        .refused(401, "INVALID_TOKEN");
    let body = json!({"target_user_id": site.database.fixture.bob.id, "reason": "ticket 4711"});
    let reply = site
        .by(&admin.token, "POST", "/auth/impersonate")
        .json(&body)
        .send()
        .expect(200);
    let (acting, _) = tokens(secrets, "an impersonation", &reply);
    site.get("/api/v1/tables/notes")
        .bearer(&admin.token)
        .header("X-Impersonation-Token", &acting)
        .send()
        .expect(200);
    let made = site
        .by(&admin.token, "POST", "/admin/users")
        .json(&json!({"email": "made@example.com", "skip_email": true}))
        .send()
        .expect(201);
    keep(secrets, "a temporary password", &made, "temporary_password");
    site.by(&admin.token, "POST", "/auth/signout").send();
}
