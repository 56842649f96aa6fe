//! Nobody sees or changes what is another's, over HTTP and over SQL alike.

use crate::site::Site;
use fluxbase_tests::environment::executor;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

const ITEMS: &str = "/api/v1/tables/items";

pub fn trials(fixture: &Arc<Fixture>, site: &Arc<Site>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let site = Arc::clone(site);
        let cluster = Arc::clone(&site.database.fixture.cluster);
        trials.push(trial(&cluster, format!("isolation::{name}"), move || {
            body(&site)
        }));
    };
    add("a_user_reads_and_changes_own_rows_and_no_others", users);
    add(
        "a_visitor_sees_what_the_policy_gives_and_writes_nothing",
        visitor,
    );
    add("a_row_for_somebody_else_is_refused", for_another);
    add("the_same_rows_through_sql_with_enter", through_sql);
    add("schemas_that_are_not_served_do_not_exist", schemas);
    let own = Arc::clone(fixture);
    trials.push(trial(
        &fixture.cluster,
        "isolation::a_session_setting_made_in_one_request_does_not_reach_the_next",
        move || left_settings(&own),
    ));
    let fixture = Arc::clone(fixture);
    let cluster = Arc::clone(&fixture.cluster);
    trials.push(trial(
        &cluster,
        "isolation::twenty_users_on_two_connections_never_see_each_other",
        move || twenty(&fixture),
    ));
    trials
}

fn users(site: &Site) {
    let (one, two) = (
        site.sign_up("iso-one@example.com"),
        site.sign_up("iso-two@example.com"),
    );
    let made = site
        .post(ITEMS, &json!({"name": "mine"}))
        .bearer(&one.token)
        .send()
        .expect(201);
    assert_eq!(made["owner"], json!(one.id));
    let id = made["id"].as_i64().expect("an id");
    let rows = site.get(ITEMS).bearer(&one.token).send().expect(200);
    assert_eq!(rows.as_array().map(Vec::len), Some(1));

    let other = |method: &str, target: &str| site.request(method, target).bearer(&two.token);
    let by_filter = format!("{ITEMS}?id=eq.{id}");
    let by_id = format!("/api/v1/tables/public/items/{id}");
    assert_eq!(other("GET", ITEMS).send().expect(200), json!([]));
    assert_eq!(other("GET", &by_filter).send().expect(200), json!([]));
    other("GET", &by_id).send().refused(404, "NOT_FOUND");
    assert_eq!(
        other("PATCH", &by_filter)
            .json(&json!({"name": "stolen"}))
            .send()
            .expect(200),
        json!([])
    );
    let deleted = other("DELETE", &by_filter).send().expect(200);
    assert_eq!(deleted["affected"], 0);
    // Whether the row exists is not told: the same answer for one that does not.
    for target in [by_id.as_str(), "/api/v1/tables/public/items/999999999"] {
        other("PATCH", target)
            .json(&json!({"name": "stolen"}))
            .send()
            .refused(403, "RLS_POLICY_VIOLATION");
        other("DELETE", target)
            .send()
            .refused(403, "RLS_POLICY_VIOLATION");
    }
    let still = site.get(&by_id).bearer(&one.token).send().expect(200);
    assert_eq!(still["name"], "mine");
    let changed = site
        .request("PATCH", &by_id)
        .json(&json!({"name": "changed"}))
        .bearer(&one.token)
        .send()
        .expect(200);
    assert_eq!(changed["name"], "changed");
    let deleted = site.request("DELETE", &by_id).bearer(&one.token).send();
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    site.get(&by_id)
        .bearer(&one.token)
        .send()
        .refused(404, "NOT_FOUND");
}

fn visitor(site: &Site) {
    let rows = site
        .get("/api/v1/tables/notes?select=body")
        .send()
        .expect(200);
    assert_eq!(rows, json!([{"body": "bob public"}]));
    site.post("/api/v1/tables/notes", &json!({"body": "x"}))
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
    site.post(ITEMS, &json!({"name": "x"}))
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
    site.request("PATCH", "/api/v1/tables/notes?id=gt.0")
        .json(&json!({"body": "x"}))
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
    site.request("DELETE", "/api/v1/tables/notes?id=gt.0")
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
    site.get("/api/v1/tables/closed")
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
    site.get("/api/v1/tables/partly?select=hidden")
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
    assert_eq!(
        site.get("/api/v1/tables/things?select=id&id=eq.1")
            .send()
            .expect(200),
        json!([{"id": 1}])
    );
    let partly = "/api/v1/tables/partly";
    assert_eq!(
        site.get(&format!("{partly}?select=id,name"))
            .send()
            .expect(200),
        json!([{"id": 1, "name": "shown"}])
    );
    site.get(partly)
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
    site.get(&format!("{partly}?select=id&hidden=like.top*"))
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
    site.get(&format!("{partly}?select=id&order=hidden"))
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
}

fn for_another(site: &Site) {
    let fixture = &site.database.fixture;
    let body = json!({"name": "forged", "owner": fixture.bob.id});
    site.post(ITEMS, &body)
        .bearer(&fixture.ann.token)
        .send()
        .refused(403, "RLS_POLICY_VIOLATION");
    let many = json!([{"name": "own"}, {"name": "forged", "owner": fixture.bob.id}]);
    site.post(ITEMS, &many)
        .bearer(&fixture.ann.token)
        .send()
        .refused(403, "RLS_POLICY_VIOLATION");
    site.get("/api/v1/tables/closed")
        .bearer(&fixture.ann.token)
        .send()
        .refused(403, "RLS_POLICY_VIOLATION");
    let given = site
        .request("PATCH", "/api/v1/tables/notes?body=eq.ann%20private")
        .json(&json!({"owner": fixture.bob.id}));
    given
        .bearer(&fixture.ann.token)
        .send()
        .refused(403, "RLS_POLICY_VIOLATION");
    let own = site
        .post(ITEMS, &json!({"name": "own", "owner": fixture.ann.id}))
        .bearer(&fixture.ann.token)
        .send()
        .expect(201);
    assert_eq!(own["owner"], json!(fixture.ann.id));
}

fn through_sql(site: &Site) {
    let fixture = &site.database.fixture;
    for (entry, token) in [
        (
            fixture.fill("select auth.enter('{ANN}')"),
            Some(&fixture.ann.token),
        ),
        (
            fixture.fill("select auth.enter('{BOB}')"),
            Some(&fixture.bob.token),
        ),
        ("select auth.enter_anonymous()".to_owned(), None),
    ] {
        let mut app = site.database.app();
        app.batch_execute(&format!("begin; {entry}"))
            .expect("enters");
        let row = app
            .query_one(
                "select coalesce(json_agg(n.body order by n.id), '[]')::text from public.notes n",
                &[],
            )
            .expect("read");
        let sql: Value = serde_json::from_str(row.get(0)).expect("JSON");
        let request = site.get("/api/v1/tables/notes?select=body&order=id.asc.nullslast");
        let http = token
            .map_or(request.clone(), |token| request.bearer(token))
            .send()
            .expect(200);
        let http: Vec<Value> = http
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row["body"].clone())
            .collect();
        assert_eq!(json!(http), sql);
    }
}

fn schemas(site: &Site) {
    for token in [
        None,
        Some(&site.database.fixture.ann.token),
        Some(&site.database.fixture.service_key),
    ] {
        for path in [
            "auth/users",
            "auth/signing_keys",
            "auth/settings",
            "auth/sessions",
            "pg_catalog/pg_class",
            "pg_catalog/pg_authid",
            "information_schema/tables",
            "private/drawer",
        ] {
            let request = site.get(&format!("/api/v1/tables/{path}"));
            let request = token.map_or(request.clone(), |token| request.bearer(token));
            request.send().shaped(404, "NOT_FOUND");
        }
    }
    site.get("/api/v1/tables/public/things").send().expect(200);
}

/// A function of the schema's author sets something for the session; the next request shares the connection.
fn left_settings(fixture: &Arc<Fixture>) {
    let site = Site::new(
        fixture,
        &[("DATABASE_MAX_CONNECTIONS", "1"), ("SERVER_WORKERS", "1")],
    );
    site.database
        .superuser()
        .batch_execute(
            "create view public.setting as select 1 as id, set_config('my.note', 'of ann', false) as a, \
               set_config('datestyle', 'German', false) as b, set_config('statement_timeout', '0', false) as c; \
             create view public.showing as select 1 as id, coalesce(current_setting('my.note', true), '') as note, \
               current_date::text ~ '^[0-9]{4}-' as iso, current_setting('statement_timeout') <> '0' as limited; \
             grant select on public.setting, public.showing to anon, authenticated",
        )
        .expect("views");
    let began = std::time::Instant::now();
    let showing = "/api/v1/tables/showing?select=note,iso,limited";
    let fresh = json!([{"note": "", "iso": true, "limited": true}]);
    while site.get(showing).send().status == 404 {
        assert!(
            began.elapsed() < std::time::Duration::from_secs(2),
            "the view is unknown"
        );
    }
    assert_eq!(site.get(showing).send().expect(200), fresh);
    let ann = &fixture.ann.token;
    site.get("/api/v1/tables/setting")
        .bearer(ann)
        .send()
        .expect(200);
    assert_eq!(
        site.get(showing).send().expect(200),
        fresh,
        "left by the request before"
    );
    assert_eq!(
        site.get(showing)
            .bearer(&fixture.bob.token)
            .send()
            .expect(200),
        fresh
    );
}

/// Interleaved requests of twenty users over two pooled connections, errors in between: each sees its own
/// marker and nothing else.
fn twenty(fixture: &Arc<Fixture>) {
    let site = Site::new(
        fixture,
        &[
            ("DATABASE_MAX_CONNECTIONS", "2"),
            ("SERVER_WORKERS", "1"),
            ("DATABASE_POOL_TIMEOUT", "20s"),
        ],
    );
    let accounts: Vec<_> = (0..20)
        .map(|n| site.sign_up(&format!("user{n}@example.com")))
        .collect();
    for (n, account) in accounts.iter().enumerate() {
        site.post(ITEMS, &json!({"name": format!("marker {n}")}))
            .bearer(&account.token)
            .send()
            .expect(201);
    }
    std::thread::scope(|scope| {
        for (n, account) in accounts.iter().enumerate() {
            let site = &site;
            scope.spawn(move || {
                for round in 0..15 {
                    match (n + round) % 4 {
                        0 => {
                            site.post(ITEMS, &json!({"name": null}))
                                .bearer(&account.token)
                                .send()
                                .refused(400, "NOT_NULL_VIOLATION");
                        }
                        1 => {
                            let wrong = site
                                .get(&format!("{ITEMS}?id=eq.x"))
                                .bearer(&account.token)
                                .send();
                            wrong.refused(400, "INVALID_INPUT");
                        }
                        2 => assert_eq!(
                            site.get(ITEMS)
                                .header("apikey", &site.database.fixture.anon_key)
                                .send()
                                .expect(200),
                            json!([])
                        ),
                        _ => {
                            site.post(
                                ITEMS,
                                &json!({"name": "x", "owner": site.database.fixture.ann.id}),
                            )
                            .bearer(&account.token)
                            .send()
                            .refused(403, "RLS_POLICY_VIOLATION");
                        }
                    }
                    let rows = site
                        .get(&format!("{ITEMS}?select=name,owner"))
                        .bearer(&account.token)
                        .send()
                        .expect(200);
                    assert_eq!(
                        rows,
                        json!([{"name": format!("marker {n}"), "owner": account.id}])
                    );
                    let user = site
                        .get("/api/v1/auth/user")
                        .bearer(&account.token)
                        .send()
                        .expect(200);
                    assert_eq!(user["id"], json!(account.id));
                }
            });
        }
    });
    let sessions = site
        .database
        .superuser()
        .query_one("select count(*) from pg_stat_activity where usename = 'fluxbase_app' and datname = current_database()", &[])
        .expect("asked");
    // Two that serve and the one that listens; where account functions have connections of their own, up to four more.
    let most = if executor() == "wire" { 7 } else { 3 };
    assert!(sessions.get::<_, i64>(0) <= most);
}
