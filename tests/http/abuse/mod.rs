//! What nobody sends by mistake: bodies that are too long, characters that look like others, line breaks where a header
//! begins; and what breaks a text, in every field there is.

mod fields;

use crate::site::Site;
use fluxbase_tests::fixture::{Account, Fixture, PASSWORD};
use fluxbase_tests::http::Response;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const SIGN_UP: &str = "/api/v1/auth/signup";
const SIGN_IN: &str = "/api/v1/auth/signin";
const USER: &str = "/api/v1/auth/user";
const CONFIRM: &str = "/api/v1/auth/password/reset/confirm";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("abuse::{name}"), move || {
            body(&site(&fixture))
        }));
    };
    add("a_password_of_ten_megabytes_costs_nothing", long);
    add("all_of_128_characters_count_and_129_are_refused", counted);
    add("passwords_are_not_normalised", normalised);
    add("look_alike_addresses_are_nobodys", look_alikes);
    add("line_breaks_start_no_header", headers);
    add("nul_is_refused_in_every_field", fields::nul);
    add("a_repeated_member_is_refused_everywhere", fields::repeated);
    add("sql_in_every_field_is_a_text", fields::sql);
    trials
}

fn site(fixture: &Arc<Fixture>) -> Site {
    let database = fixture.database();
    database
        .superuser()
        .batch_execute(
            "select auth.configure('max_login_attempts', '1000');
             select auth.configure('allowed_redirect_urls', 'https://app.example/');
             update auth.users set role = 'dashboard_admin' where email = 'bob@example.com'",
        )
        .expect("settings");
    Site::mailing(database)
}

fn sign_up(site: &Site, email: &str, password: &str) -> Response {
    site.post(SIGN_UP, &json!({"email": email, "password": password}))
        .send()
}

fn sign_in(site: &Site, email: &str, password: &str) -> Response {
    site.post(SIGN_IN, &json!({"email": email, "password": password}))
        .send()
}

fn number(site: &Site, sql: &str) -> i64 {
    site.database
        .superuser()
        .query_one(sql, &[])
        .expect("asked")
        .get(0)
}

fn users(site: &Site) -> i64 {
    number(site, "select count(*) from auth.users")
}

fn admin(site: &Site) -> Account {
    Account::from_reply(&sign_in(site, "bob@example.com", PASSWORD).expect(200))
}

fn long(site: &Site) {
    let huge = "Aa1-".repeat(2_500_000);
    let token = &site.database.fixture.ann.token;
    for (method, path, body) in [
        (
            "POST",
            SIGN_UP,
            json!({"email": "long@example.com", "password": huge}),
        ),
        (
            "POST",
            SIGN_IN,
            json!({"email": "ann@example.com", "password": huge}),
        ),
        ("POST", CONFIRM, json!({"token": "x", "new_password": huge})),
        (
            "PATCH",
            USER,
            json!({"password": huge, "current_password": PASSWORD}),
        ),
        (
            "PATCH",
            USER,
            json!({"password": "x", "current_password": huge}),
        ),
        (
            "POST",
            "/api/v1/auth/reauthenticate",
            json!({"password": huge}),
        ),
    ] {
        let answer = site.request(method, path).bearer(token).json(&body).send();
        answer.refused(413, "PAYLOAD_TOO_LARGE");
        assert!(
            answer.took < Duration::from_secs(5),
            "{path}: {:?}",
            answer.took
        );
    }
    // What still fits is not hashed either, and not told apart at the sign-in.
    let fits = "Aa1-".repeat(15_000);
    sign_up(site, "long@example.com", &fits).refused(400, "WEAK_PASSWORD");
    sign_in(site, "ann@example.com", &fits).refused(401, "INVALID_CREDENTIALS");
    assert_eq!(
        number(
            site,
            "select count(*) from auth.users where email like 'long%'"
        ),
        0
    );
    sign_in(site, "ann@example.com", PASSWORD).expect(200);
}

fn counted(site: &Site) {
    let of = |letters: &str, last: &str| {
        let count = 128 - 4 - 1;
        let middle: String = letters.chars().cycle().take(count).collect();
        format!("Aa1-{middle}{last}")
    };
    for (nth, letters) in ["vmqhzkdwbt", "éŝğçøłžŵŷķ", "🐘🐎🐄🐖🐑🐐🐕🐈🐓🦃"]
        .iter()
        .enumerate()
    {
        let email = format!("counted{nth}@example.com");
        let password = of(letters, "k");
        assert_eq!(password.chars().count(), 128);
        sign_up(site, &email, &password).expect(201);
        sign_in(site, &email, &password).expect(200);
        let shorter: String = password.chars().take(127).collect();
        for wrong in [
            of(letters, "l"),
            of(letters, "K"),
            shorter,
            format!("{password}k"),
            format!("{password} "),
        ] {
            sign_in(site, &email, &wrong).refused(401, "INVALID_CREDENTIALS");
        }
        let longer = format!("{password}k");
        sign_up(site, &format!("longer{nth}@example.com"), &longer).refused(400, "WEAK_PASSWORD");
    }
    // The bound of bcrypt: what stands behind the 72nd byte counts.
    sign_up(
        site,
        "bytes@example.com",
        &format!("Aa1-{}x", "é".repeat(40)),
    )
    .expect(201);
    sign_in(
        site,
        "bytes@example.com",
        &format!("Aa1-{}y", "é".repeat(40)),
    )
    .refused(401, "INVALID_CREDENTIALS");
}

fn normalised(site: &Site) {
    let same = [
        // Composed and decomposed, compatible forms, case, spaces around.
        ("Battery-Horse-7-caf\u{e9}", "Battery-Horse-7-cafe\u{301}"),
        ("Battery-Horse-7-\u{fb01}x", "Battery-Horse-7-fix"),
        ("Battery-Horse-7-\u{212b}", "Battery-Horse-7-\u{c5}"),
        ("Battery-Horse-7-\u{ff21}", "Battery-Horse-7-A"),
        ("Battery-Horse-7-x", "Battery-Horse-7-X"),
        ("Battery-Horse-7-y", " Battery-Horse-7-y"),
        ("Battery-Horse-7-z", "Battery-Horse-7-z "),
        ("Battery-Horse-7-\u{200b}", "Battery-Horse-7-\u{200c}"),
    ];
    for (nth, pair) in same.into_iter().enumerate() {
        for (turn, (mine, other)) in [pair, (pair.1, pair.0)].into_iter().enumerate() {
            let email = format!("normal{nth}-{turn}@example.com");
            sign_up(site, &email, mine).expect(201);
            sign_in(site, &email, other).refused(401, "INVALID_CREDENTIALS");
            sign_in(site, &email, mine).expect(200);
        }
    }
}

const LOOK_ALIKES: [&str; 15] = [
    "\u{212a}elvin@example.com",
    "kelv\u{131}n@example.com",
    "KELV\u{130}N@example.com",
    "kelvin\u{ff20}example.com",
    "kelvi\u{307}n@example.com",
    "k\u{435}lvin@example.com",
    "kelvin@ex\u{430}mple.com",
    "kelvin@example\u{3002}com",
    "kelvin@example\u{ff0e}com",
    "kel\u{200b}vin@example.com",
    "kel\u{ad}vin@example.com",
    "\u{202e}kelvin@example.com",
    "kelvin@\u{24d4}xample.com",
    "kelvin@example.com\u{feff}",
    "\u{a0}kelvin@example.com",
];

fn look_alikes(site: &Site) {
    site.sign_up("kelvin@example.com");
    let before = users(site);
    let reset = number(site, "select count(*) from auth.one_time_tokens");
    for email in LOOK_ALIKES {
        sign_up(site, email, PASSWORD).refused(400, "VALIDATION_FAILED");
        sign_in(site, email, PASSWORD).refused(401, "INVALID_CREDENTIALS");
        for path in [
            "password/reset",
            "magiclink",
            "otp/signin",
            "verify-email/resend",
        ] {
            site.post(&format!("/api/v1/auth/{path}"), &json!({"email": email}))
                .send()
                .refused(400, "VALIDATION_FAILED");
        }
        site.request("PATCH", USER)
            .bearer(&site.database.fixture.ann.token)
            .json(&json!({"email": email, "current_password": PASSWORD}))
            .send()
            .refused(400, "VALIDATION_FAILED");
    }
    assert_eq!(users(site), before);
    assert_eq!(
        number(site, "select count(*) from auth.one_time_tokens"),
        reset
    );
    // The twin: the spelling that is one.
    sign_in(site, "KELVIN@Example.com", PASSWORD).expect(200);
}

fn headers(site: &Site) {
    let before = users(site);
    for line in [
        "\r\nBcc: all@example.com",
        "\nBcc: x@y.example",
        "\rX: y",
        "\u{85}X: y",
        "\u{2028}X: y",
        "\tx",
        "\u{b}x",
        "%0d%0aX: y",
    ] {
        let email = format!("ann@example.com{line}");
        sign_up(site, &email, PASSWORD).refused(400, "VALIDATION_FAILED");
        let redirect = format!("https://app.example/x{line}");
        for path in ["password/reset", "magiclink"] {
            let path = format!("/api/v1/auth/{path}");
            site.post(&path, &json!({"email": email}))
                .send()
                .refused(400, "VALIDATION_FAILED");
            let body = json!({"email": "ann@example.com", "redirect_to": redirect});
            let answer = site.post(&path, &body).send();
            // Percent-encoded, it is part of an address and stays encoded. A separator of lines in Unicode ends no header.
            if line.starts_with(['%', '\u{2028}']) {
                answer.expect(200);
            } else {
                answer.refused(400, "INVALID_REDIRECT_URL");
            }
            assert!(answer.header("x").is_none() && answer.header("bcc").is_none());
        }
    }
    assert_eq!(users(site), before);
    let control = "select count(*) from auth.one_time_tokens where email ~ '[[:cntrl:]]' or redirect_to ~ '[[:cntrl:]]'";
    assert_eq!(number(site, control), 0);
    for elsewhere in [
        "https://app.example.evil.example/",
        "https://app.example@evil.example/",
        "https://evil.example/https://app.example/",
        "//app.example/",
        "javascript:alert(1)//https://app.example/",
        "https://app.example\\@evil.example/",
        "https:/\\evil.example/",
        "https://APP.example:444/",
    ] {
        let body = json!({"email": "ann@example.com", "redirect_to": elsewhere});
        site.post("/api/v1/auth/magiclink", &body)
            .send()
            .refused(400, "INVALID_REDIRECT_URL");
    }
}
