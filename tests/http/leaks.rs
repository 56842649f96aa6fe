//! Passwords, tokens and keys are in no log, whatever PostgreSQL is told to log, and in no view of it.

use crate::site::Site;
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::{Fixture, PASSWORD};
use fluxbase_tests::server::Server;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("leaks::{name}"), move || {
            body(&Site::new(
                &fixture,
                &[("LOGGING_LEVEL", "debug"), ("LOGGING_ACCESS_LOG", "true")],
            ));
        }));
    };
    add("no_password_or_token_is_in_pg_stat_activity", activity);
    add("errors_of_the_database_do_not_tell_their_values", errors);
    // What a login's parameters do in the log is a setting of the role, and roles are the cluster's: one each.
    for (name, migrated) in [
        (
            "no_password_or_token_reaches_a_log_with_log_statement_all_after_migrate",
            true,
        ),
        (
            "no_password_or_token_reaches_a_log_with_log_statement_all_after_create_extension",
            false,
        ),
    ] {
        trials.push(trial(
            &fixture.cluster,
            format!("leaks::{name}"),
            move || {
                let cluster = Arc::new(Cluster::start(
                    "log_statement = 'all'\nlog_min_duration_statement = 0",
                ));
                let own = Arc::new(Fixture::new(Arc::clone(&cluster)));
                let database = own.database();
                if migrated {
                    Server::migrate(&database);
                }
                // Signing up the template's users is no request.
                let before = cluster.log_tail(usize::MAX).len();
                logs(
                    &Site::on(
                        database,
                        &[("LOGGING_LEVEL", "debug"), ("LOGGING_ACCESS_LOG", "true")],
                    ),
                    before,
                );
                drop(own);
                cluster.stop();
            },
        ));
    }
    trials
}

fn logs(site: &Site, before: usize) {
    let password = format!("{PASSWORD}-in-no-log");
    let credentials = json!({"email": "quiet@example.com", "password": password});
    let reply = site
        .post("/api/v1/auth/signup", &credentials)
        .send()
        .expect(201);
    let again = site
        .post("/api/v1/auth/signin", &credentials)
        .send()
        .expect(200);
    site.post(
        "/api/v1/auth/signin",
        &json!({"email": "quiet@example.com", "password": "Wrong-in-no-log"}),
    )
    .send()
    .refused(401, "INVALID_CREDENTIALS");
    let token = reply["access_token"].as_str().expect("a token");
    site.get("/api/v1/auth/user")
        .bearer(token)
        .send()
        .expect(200);
    site.get("/api/v1/tables/notes")
        .bearer(token)
        .send()
        .expect(200);
    site.get("/api/v1/tables/things?id=eq.x")
        .bearer(token)
        .send()
        .refused(400, "INVALID_INPUT");
    let forged = format!("{}xx", &token[..token.len() - 2]);
    site.get("/api/v1/tables/notes")
        .bearer(&forged)
        .send()
        .refused(401, "INVALID_TOKEN");
    let cluster = &site.database.fixture.cluster;
    let postgres = cluster.log_tail(usize::MAX).split_off(before);
    assert!(
        postgres.contains("auth.enter($1)") || postgres.contains("auth.enter"),
        "statements are logged"
    );
    let server = site.log_tail(usize::MAX);
    for (what, log) in [("PostgreSQL", &postgres), ("the server", &server)] {
        for (name, secret) in [
            ("the password", "in-no-log"),
            ("an access token", &token[token.len() - 40..]),
            ("a second access token", tail(&again["access_token"])),
            ("a refresh token", tail(&reply["refresh_token"])),
        ] {
            let line = log
                .lines()
                .find(|line| line.contains(secret))
                .unwrap_or_default();
            assert!(
                line.is_empty(),
                "{name} is in the log of {what}: {}",
                line.chars().take(160).collect::<String>()
            );
        }
    }
}

fn tail(token: &serde_json::Value) -> &str {
    let token = token.as_str().expect("a token");
    &token[token.len() - 40..]
}

fn activity(site: &Site) {
    let token = site.database.fixture.ann.token.clone();
    let stream = site
        .get("/api/v1/tables/dozing")
        .bearer(&token)
        .start()
        .expect("sent");
    site.post(
        "/api/v1/auth/signin",
        &json!({"email": "ann@example.com", "password": PASSWORD}),
    )
    .send()
    .expect(200);
    let mut superuser = site.database.superuser();
    let queries: Vec<String> = superuser
        .query(
            "select query from pg_stat_activity where usename = 'fluxbase_app'",
            &[],
        )
        .expect("asked")
        .iter()
        .map(|row| row.get(0))
        .collect();
    drop(stream);
    assert!(!queries.is_empty());
    for query in queries {
        assert!(
            !query.contains(PASSWORD) && !query.contains(&token[token.len() - 30..]),
            "{query}"
        );
    }
}

fn errors(site: &Site) {
    site.database
        .superuser()
        .batch_execute(
            "create function public.tell() returns trigger language plpgsql as $$ begin
               raise exception 'inside: %', (select secret from public.closed) using detail = 'top-secret detail', hint = 'top-secret hint'; end $$;
             create trigger tell before insert on public.items for each row when (new.name = 'tell') execute function public.tell();
             alter function public.tell() security definer",
        )
        .expect("a talkative trigger");
    let token = &site.database.fixture.ann.token;
    let answer = site
        .post("/api/v1/tables/items", &json!({"name": "tell"}))
        .bearer(token)
        .send();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(!answer.text().contains("top-secret"), "{}", answer.text());
    for (body, code, status) in [
        (
            json!({"name": "a", "thing": 424_242}),
            "FOREIGN_KEY_VIOLATION",
            409,
        ),
        (json!({"name": "forbidden"}), "CHECK_VIOLATION", 400),
        (json!({"name": null}), "NOT_NULL_VIOLATION", 400),
    ] {
        let answer = site
            .post("/api/v1/tables/items", &body)
            .bearer(token)
            .send();
        let text = answer.refused(status, code).to_string();
        assert!(
            !text.contains("424242") && !text.contains("items_") && !text.contains("public."),
            "{text}"
        );
    }
    site.post("/api/v1/tables/items", &json!({"name": "fine"}))
        .bearer(token)
        .send()
        .expect(201);
}
