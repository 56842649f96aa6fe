//! Passwords, tokens and keys are in no log, whatever PostgreSQL is told to log, and in no view of it.

mod walk;

use crate::mailbox::mail_settings;
use crate::site::Site;
use fluxbase_tests::additions::Addition;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::secrets::talkative;
use fluxbase_tests::server::Server;
use fluxbase_tests::smtp::{Mode, Receiver};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
    add("errors_of_the_database_do_not_tell_their_values", errors);
    // What a login's parameters do in the log is a setting of the role, and roles are the cluster's: one each.
    for (name, migrated, pgaudit) in [
        ("no_secret_is_in_a_log_or_view_after_migrate", true, false),
        (
            "no_secret_is_in_a_log_or_view_after_create_extension",
            false,
            false,
        ),
        ("no_secret_is_in_the_log_of_pgaudit", true, true),
    ] {
        let wanted = !pgaudit || Addition::Pgaudit.is_wanted(&fixture.cluster.root);
        let trial = trial(&fixture.cluster, format!("leaks::{name}"), move || {
            let cluster = Arc::new(talkative(pgaudit, ""));
            let own = Arc::new(Fixture::new(Arc::clone(&cluster)));
            let database = own.database();
            if migrated {
                Server::migrate(&database);
            }
            // Signing up the template's users is no request.
            let before = cluster.log_tail(usize::MAX).len();
            let receiver = Receiver::start(Mode::StartTls);
            let mut settings = mail_settings(&database, &receiver);
            settings.push(("LOGGING_LEVEL", "debug".to_owned()));
            settings.push(("LOGGING_ACCESS_LOG", "true".to_owned()));
            let settings: Vec<(&str, &str)> = settings
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            logs(&Site::on(database, &settings), &receiver, before);
            drop(own);
            cluster.stop();
        });
        trials.push(trial.with_ignored_flag(!wanted));
    }
    trials
}

/// Attack: read every log and every view of PostgreSQL's while people use all there is.
fn logs(site: &Site, receiver: &Receiver, before: usize) {
    let database = &site.database;
    database
        .superuser()
        .batch_execute("create extension pg_stat_statements")
        .expect("made");
    let over = AtomicBool::new(false);
    let (secrets, seen) = std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut seen = HashSet::new();
            let mut superuser = database.superuser();
            while !over.load(Ordering::Relaxed) {
                let rows = superuser.query(
                    "select query from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
                    &[],
                );
                seen.extend(rows.expect("asked").iter().map(|row| row.get::<_, String>(0)));
                std::thread::sleep(Duration::from_millis(2));
            }
            seen
        });
        let walked =
            std::panic::catch_unwind(AssertUnwindSafe(|| walk::through_every_way(site, receiver)));
        over.store(true, Ordering::Relaxed);
        let seen = looking.join().expect("looked");
        (
            walked.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            seen,
        )
    });
    assert!(secrets.len() > 40, "only {} secrets", secrets.len());
    let activity: Vec<String> = seen.into_iter().collect();
    let postgres = database
        .fixture
        .cluster
        .log_tail(usize::MAX)
        .split_off(before);
    let mut superuser = database.superuser();
    let statements = superuser.query("select query from pg_stat_statements", &[]);
    let statements: Vec<String> = statements
        .expect("asked")
        .iter()
        .map(|row| row.get(0))
        .collect();
    let server = site.log_tail(usize::MAX);
    for (what, text, holds) in [
        ("PostgreSQL's log", postgres, "auth.sign_in("),
        ("pg_stat_activity", activity.join("\n"), "auth.sign_in("),
        ("pg_stat_statements", statements.join("\n"), "auth.sign_in("),
        ("the server's log", server, "/api/v1/auth/signin"),
    ] {
        // The twin: what was done is there.
        assert!(text.contains(holds), "{what} says nothing of it");
        secrets.assert_absent(what, &text);
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
