//! The schema changes while the server runs.

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("reload::{name}"), move || {
            body(&Site::new(&fixture, &[]))
        }));
    };
    add("a_new_column_is_usable_within_a_second", new_column);
    add(
        "a_new_table_is_usable_within_a_second_and_a_dropped_one_gone",
        new_table,
    );
    add(
        "a_changed_type_does_not_break_prepared_statements",
        changed_type,
    );
    add("a_rolled_back_change_changes_nothing", rolled_back);
    add("sighup_reads_again_and_stops_nothing", sighup);
    add("a_changed_policy_holds_at_the_next_request", changed_policy);
    trials
}

/// Within the second the server has.
fn within_a_second(site: &Site, target: &str, status: u16) {
    let began = Instant::now();
    loop {
        let answer = site
            .get(target)
            .bearer(&site.database.fixture.ann.token)
            .send();
        if answer.status == status {
            return;
        }
        assert!(answer.status < 500, "{target}: {}", answer.text());
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{target} is still {}: {}",
            answer.status,
            answer.text()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn new_column(site: &Site) {
    let target = "/api/v1/tables/notes?select=id,extra&extra=is.null";
    site.get(target)
        .bearer(&site.database.fixture.ann.token)
        .send()
        .refused(400, "INVALID_INPUT");
    site.database
        .superuser()
        .batch_execute("alter table public.notes add column extra text")
        .expect("DDL");
    within_a_second(site, target, 200);
    let row = site
        .post(
            "/api/v1/tables/notes",
            &json!({"body": "x", "extra": "new"}),
        )
        .bearer(&site.database.fixture.ann.token);
    assert_eq!(row.send().expect(201)["extra"], "new");
}

fn new_table(site: &Site) {
    let target = "/api/v1/tables/fresh";
    site.get(target)
        .bearer(&site.database.fixture.ann.token)
        .send()
        .refused(404, "NOT_FOUND");
    let mut superuser = site.database.superuser();
    superuser
        .batch_execute(
            "create table public.fresh(id int); grant select on public.fresh to authenticated",
        )
        .expect("DDL");
    within_a_second(site, target, 200);
    superuser
        .batch_execute("drop table public.fresh")
        .expect("DDL");
    within_a_second(site, target, 404);
}

fn changed_type(site: &Site) {
    let target = "/api/v1/tables/things?select=id,name&id=eq.1";
    for _ in 0..10 {
        site.get(target).send().expect(200);
    }
    let mut superuser = site.database.superuser();
    superuser
        .batch_execute("drop view public.names; drop view public.per_name; alter table public.things alter column id type bigint, alter column name type varchar(50)")
        .expect("DDL");
    for _ in 0..20 {
        assert_eq!(
            site.get(target).send().expect(200),
            json!([{"id": 1, "name": "apple"}])
        );
    }
    superuser
        .batch_execute("alter table public.things rename column name to title")
        .expect("DDL");
    within_a_second(site, "/api/v1/tables/things?select=id,title&id=eq.1", 200);
    within_a_second(site, target, 400);
}

fn rolled_back(site: &Site) {
    let mut superuser = site.database.superuser();
    superuser
        .batch_execute("begin; alter table public.vault add column extra text; rollback")
        .expect("DDL");
    std::thread::sleep(Duration::from_millis(200));
    let answer = site
        .get("/api/v1/tables/vault?select=extra")
        .bearer(&site.database.fixture.service_key)
        .send();
    answer.refused(400, "INVALID_INPUT");
    site.get("/api/v1/tables/vault?select=secret")
        .bearer(&site.database.fixture.service_key)
        .send()
        .expect(200);
}

fn sighup(site: &Site) {
    // Without the event trigger only the signal tells.
    let mut superuser = site.database.superuser();
    superuser.batch_execute("set session_replication_role = replica; alter table public.notes add column by_hand text").expect("DDL");
    std::thread::sleep(Duration::from_millis(300));
    let target = "/api/v1/tables/notes?select=by_hand";
    site.get(target)
        .bearer(&site.database.fixture.ann.token)
        .send()
        .refused(400, "INVALID_INPUT");
    let killed = Command::new("kill")
        .args(["-HUP", &site.pid.to_string()])
        .status()
        .expect("kill runs");
    assert!(killed.success());
    within_a_second(site, target, 200);
    assert!(site.is_running());
}

fn changed_policy(site: &Site) {
    let token = &site.database.fixture.ann.token;
    let target = "/api/v1/tables/notes?select=body&order=id";
    for _ in 0..10 {
        assert_eq!(
            site.get(target)
                .bearer(token)
                .send()
                .expect(200)
                .as_array()
                .map(Vec::len),
            Some(2)
        );
    }
    site.database
        .superuser()
        .batch_execute("drop policy public_ones on public.notes")
        .expect("DDL");
    for _ in 0..10 {
        assert_eq!(
            site.get(target).bearer(token).send().expect(200),
            json!([{"body": "ann private"}])
        );
    }
    assert_eq!(site.get(target).send().expect(200), json!([]));
}
