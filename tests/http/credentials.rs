//! Who is calling: a bad credential is 401 and never a visitor; the right header wins.

use crate::site::Site;
use fluxbase_tests::forge::{self, Es256};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::sync::Arc;

const NOTES: &str = "/api/v1/tables/notes?select=body&order=id";

pub fn trials(site: &Arc<Site>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let site = Arc::clone(site);
        let cluster = Arc::clone(&site.database.fixture.cluster);
        trials.push(trial(&cluster, format!("credentials::{name}"), move || {
            body(&site)
        }));
    };
    add("a_bad_token_is_401_and_never_a_visitor", bad);
    add("an_expired_token_is_401_expired", expired);
    add("a_refresh_token_is_no_bearer", refresh);
    add(
        "a_signed_out_token_is_401_revoked_at_the_next_request",
        signed_out,
    );
    add("authorization_wins_over_apikey", both);
    add(
        "a_bad_authorization_is_not_saved_by_a_good_apikey",
        bad_and_good,
    );
    add("the_same_header_twice_is_refused", twice);
    add("api_keys_run_as_their_roles", api_keys);
    add("malformed_authorization_is_refused", malformed);
    add("a_token_in_the_query_is_no_credential", in_query);
    trials
}

fn bodies(answer: &fluxbase_tests::http::Response) -> Vec<String> {
    let rows = answer.expect(200);
    rows.as_array()
        .expect("rows")
        .iter()
        .map(|row| row["body"].as_str().expect("text").to_owned())
        .collect()
}

fn bad(site: &Site) {
    let fixture = &site.database.fixture;
    let payload = forge::payload_of(&fixture.ann.token);
    let key = Es256::stolen_from(&mut site.database.superuser());
    let forged = Es256::made_up(&key.kid);
    let mut wrong_sub = payload.clone();
    wrong_sub["sub"] = json!("ann");
    let mut other_audience = payload.clone();
    other_audience["aud"] = json!("somebody");
    let mut other_issuer = payload.clone();
    other_issuer["iss"] = json!("somebody");
    for token in [
        "x".to_owned(),
        "a.b.c".to_owned(),
        fixture.ann.token[..fixture.ann.token.len() - 2].to_owned(),
        forge::unsigned(&payload),
        forged.sign(&payload),
        Es256::made_up("unknown").sign(&payload),
        forge::hs256(&payload, b"secret"),
        key.sign(&wrong_sub),
        key.sign(&other_audience),
        key.sign(&other_issuer),
        "y".repeat(9000),
    ] {
        for path in [
            NOTES,
            "/api/v1/tables/things",
            "/api/v1/tables/nothing",
            "/api/v1/auth/user",
        ] {
            site.get(path)
                .bearer(&token)
                .send()
                .refused(401, "INVALID_TOKEN");
            site.get(path)
                .header("apikey", &token)
                .send()
                .refused(401, "INVALID_TOKEN");
        }
        site.post("/api/v1/tables/items", &json!({"name": "x"}))
            .bearer(&token)
            .send()
            .refused(401, "INVALID_TOKEN");
    }
    assert_eq!(bodies(&site.get(NOTES).send()), ["bob public"]);
    assert_eq!(
        bodies(&site.get(NOTES).bearer(&key.sign(&payload)).send()),
        ["ann private", "bob public"]
    );
}

fn expired(site: &Site) {
    let key = Es256::stolen_from(&mut site.database.superuser());
    let mut payload = forge::payload_of(&site.database.fixture.ann.token);
    payload["exp"] = json!(forge::now() + 2);
    let short = key.sign(&payload);
    site.get(NOTES).bearer(&short).send().expect(200);
    std::thread::sleep(std::time::Duration::from_millis(3100));
    // Cached as verified by now, here and in the backend; the time is judged every time.
    site.get(NOTES)
        .bearer(&short)
        .send()
        .refused(401, "EXPIRED_TOKEN");
    payload["exp"] = json!(forge::now() + 600);
    payload["nbf"] = json!(forge::now() + 300);
    site.get(NOTES)
        .bearer(&key.sign(&payload))
        .send()
        .refused(401, "EXPIRED_TOKEN");
}

fn refresh(site: &Site) {
    let bob = &site.database.fixture.bob;
    site.get(NOTES)
        .bearer(&bob.refresh)
        .send()
        .refused(401, "INVALID_TOKEN");
    site.get(NOTES)
        .header("apikey", &bob.refresh)
        .send()
        .refused(401, "INVALID_TOKEN");
    site.get(NOTES).bearer(&bob.token).send().expect(200);
}

fn signed_out(site: &Site) {
    let gone = site.sign_up("gone@example.com");
    for _ in 0..8 {
        site.get(NOTES).bearer(&gone.token).send().expect(200);
    }
    let mut app = site.database.app();
    app.batch_execute(&format!(
        "begin; select auth.enter('{}'); select auth.sign_out(); commit",
        gone.token
    ))
    .expect("signed out");
    // On every pooled connection.
    for _ in 0..16 {
        site.get(NOTES)
            .bearer(&gone.token)
            .send()
            .refused(401, "REVOKED_TOKEN");
    }
    site.get("/api/v1/auth/user")
        .bearer(&gone.token)
        .send()
        .refused(401, "REVOKED_TOKEN");
    site.get(NOTES)
        .bearer(&site.database.fixture.ann.token)
        .send()
        .expect(200);
}

fn both(site: &Site) {
    let fixture = &site.database.fixture;
    let answer = site
        .get(NOTES)
        .header("apikey", &fixture.anon_key)
        .bearer(&fixture.ann.token)
        .send();
    assert_eq!(bodies(&answer), ["ann private", "bob public"]);
    let answer = site
        .get(NOTES)
        .header("apikey", &fixture.service_key)
        .bearer(&fixture.anon_key)
        .send();
    assert_eq!(bodies(&answer), ["bob public"]);
    let answer = site.get(NOTES).header("apikey", &fixture.ann.token).send();
    assert_eq!(bodies(&answer), ["ann private", "bob public"]);
}

fn bad_and_good(site: &Site) {
    let fixture = &site.database.fixture;
    for bad in ["Bearer x", "Bearer ", "Basic YTpi", "x"] {
        let answer = site
            .get(NOTES)
            .header("Authorization", bad)
            .header("apikey", &fixture.service_key)
            .send();
        answer.refused(401, "INVALID_TOKEN");
    }
    site.get(NOTES)
        .header("apikey", &fixture.service_key)
        .send()
        .expect(200);
}

fn twice(site: &Site) {
    let fixture = &site.database.fixture;
    site.get(NOTES)
        .bearer(&fixture.ann.token)
        .bearer(&fixture.bob.token)
        .send()
        .refused(401, "INVALID_TOKEN");
    site.get(NOTES)
        .header("apikey", &fixture.anon_key)
        .header("apikey", &fixture.service_key)
        .send()
        .refused(401, "INVALID_TOKEN");
    site.get(NOTES)
        .bearer(&fixture.ann.token)
        .send()
        .expect(200);
}

fn api_keys(site: &Site) {
    let fixture = &site.database.fixture;
    let everything = bodies(&site.get(NOTES).bearer(&fixture.service_key).send());
    assert!(
        everything.contains(&"bob private".to_owned())
            && everything.contains(&"ann private".to_owned())
    );
    assert_eq!(
        bodies(&site.get(NOTES).bearer(&fixture.anon_key).send()),
        ["bob public"]
    );
    site.get("/api/v1/auth/user")
        .bearer(&fixture.anon_key)
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
    let vault = site
        .get("/api/v1/tables/vault")
        .bearer(&fixture.service_key)
        .send()
        .expect(200);
    assert_eq!(vault, json!([{"secret": "treasure"}]));
    site.get("/api/v1/tables/vault")
        .bearer(&fixture.ann.token)
        .send()
        .refused(403, "RLS_POLICY_VIOLATION");
}

fn malformed(site: &Site) {
    let token = &site.database.fixture.ann.token;
    for header in [
        "",
        "Bearer",
        "Bearer  ",
        "Token x",
        "Basic YTpi",
        &format!("Bearer{token}"),
        &format!("Bearer {token} x"),
        &format!("Bearer {token},{token}"),
        "Bearer \u{e9}",
    ] {
        let answer = site.get(NOTES).header("Authorization", header).send();
        assert_eq!(answer.status, 401, "{header:?}: {}", answer.text());
    }
    for header in [
        &format!("Bearer {token}"),
        &format!("bearer {token}"),
        &format!("BEARER   {token}"),
    ] {
        site.get(NOTES)
            .header("Authorization", header)
            .send()
            .expect(200);
    }
}

fn in_query(site: &Site) {
    let token = &site.database.fixture.service_key;
    let answer = site
        .get(&format!("/api/v1/tables/notes?token={token}"))
        .send();
    answer.refused(400, "INVALID_INPUT");
    assert!(
        !answer.text().contains(&token[token.len() - 20..]),
        "the token comes back"
    );
}
