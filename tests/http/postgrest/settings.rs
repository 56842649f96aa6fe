//! What `api:` switches, each on a server of its own.

use super::ITEMS;
use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Arc<Fixture>)| {
        let own = Arc::clone(fixture);
        trials.push(trial(
            &fixture.cluster,
            format!("postgrest::settings::{name}"),
            move || body(&own),
        ));
    };
    add(
        "a_function_called_first_can_refuse_each_request",
        pre_request,
    );
    add(
        "a_function_called_first_is_in_the_transaction",
        pre_request_writes,
    );
    add(
        "a_function_called_first_that_is_not_there_stops_everything",
        pre_request_missing,
    );
    add("an_extra_search_path_is_there_for_functions", search_path);
    add("aggregates_are_served_when_switched_on", aggregates);
    add(
        "writes_without_a_filter_are_served_when_switched_on",
        unfiltered,
    );
    trials
}

fn site(fixture: &Arc<Fixture>, schema: &str, settings: &[(&str, &str)]) -> Site {
    let database = fixture.database();
    database.superuser().batch_execute(schema).expect("schema");
    Site::on(database, settings)
}

fn pre_request(fixture: &Arc<Fixture>) {
    let site = site(
        fixture,
        "create function public.gatekeeper() returns void language plpgsql as $$
         begin
           if auth.email() = 'late@example.com' then
             raise sqlstate 'PT402' using message = 'top-secret-reason';
           end if;
         end $$",
        &[("API_PRE_REQUEST", "public.gatekeeper")],
    );
    let (paid, late) = (
        site.sign_up("paid@example.com"),
        site.sign_up("late@example.com"),
    );
    for _ in 0..2 {
        let things = "/rest/v1/things?select=id&id=eq.1";
        assert_eq!(
            site.get(things).bearer(&paid.token).send().expect(200),
            json!([{"id": 1}])
        );
        site.get(things).send().expect(200);
        let refused = site.get(things).bearer(&late.token).send();
        let body = refused.told(402, "PT402");
        assert_eq!(body["message"], "Payment Required");
        site.get("/api/v1/tables/things")
            .bearer(&late.token)
            .send()
            .refused(402, "VALIDATION_FAILED");
    }
    site.request("POST", ITEMS)
        .bearer(&late.token)
        .json(&json!({"name": "x"}))
        .send()
        .told(402, "PT402");
    let items = site.get(ITEMS).bearer(&fixture.service_key).send();
    assert_eq!(items.status, 403, "service_role has no grant here");
    // The own account is no request for tables or functions.
    site.get("/api/v1/auth/user")
        .bearer(&late.token)
        .send()
        .expect(200);
}

fn pre_request_writes(fixture: &Arc<Fixture>) {
    let site = site(
        fixture,
        "create table public.visits (who uuid, at text);
         grant insert on public.visits to authenticated;
         create function public.note_visit() returns void language plpgsql as $$
         begin
           if current_setting('transaction_read_only') = 'off' then
             insert into public.visits values (auth.uid(), current_user);
           end if;
         end $$",
        &[("API_PRE_REQUEST", "public.note_visit")],
    );
    let user = site.sign_up("visitor@example.com");
    let visits = || {
        let mut client = site.database.superuser();
        let row = client.query_one(
            "select count(*), coalesce(max(who::text), ''), coalesce(max(at), '') from public.visits",
            &[],
        );
        let row = row.expect("visits");
        (
            row.get::<_, i64>(0),
            row.get::<_, String>(1),
            row.get::<_, String>(2),
        )
    };
    let post = |body: Value| {
        site.request("POST", ITEMS)
            .bearer(&user.token)
            .json(&body)
            .send()
    };
    site.get(ITEMS).bearer(&user.token).send().expect(200);
    post(json!({"name": "forbidden"})).told(400, "23514");
    assert_eq!(visits().0, 0);
    assert_eq!(post(json!({"name": "fine"})).status, 201);
    assert_eq!(visits(), (1, user.id.clone(), "authenticated".to_owned()));
    // A trial run leaves no visit either.
    let tried = site
        .request("POST", ITEMS)
        .bearer(&user.token)
        .header("Prefer", "tx=rollback")
        .json(&json!({"name": "tried"}))
        .send();
    assert_eq!(tried.status, 201);
    assert_eq!(visits().0, 1);
}

fn pre_request_missing(fixture: &Arc<Fixture>) {
    let site = site(fixture, "", &[("API_PRE_REQUEST", "public.nowhere")]);
    let things = "/rest/v1/things";
    site.get(things).send().told(500, "PGRSTX00");
    site.get("/api/v1/tables/things")
        .send()
        .refused(500, "INTERNAL_ERROR");
    site.database
        .superuser()
        .batch_execute("create function public.nowhere() returns int language sql return 1")
        .expect("function");
    site.get(things).send().expect(200);
}

const TOOLS: &str = "
    create schema tools;
    create function tools.shout(text) returns text language sql immutable return upper($1);
    grant usage on schema tools to authenticated;
    create table public.shouts (id int primary key, body text);
    grant all on public.shouts to authenticated;
    create function public.shouting() returns trigger language plpgsql as
      $$ begin new.body := shout(new.body); return new; end $$;
    create trigger shouting before insert on public.shouts for each row execute function public.shouting()";

fn search_path(fixture: &Arc<Fixture>) {
    let post = |site: &Site| {
        let user = site.sign_up("shout@example.com");
        site.request("POST", "/rest/v1/shouts")
            .bearer(&user.token)
            .header("Prefer", "return=representation")
            .json(&json!({"id": 1, "body": "hey"}))
            .send()
    };
    let without = site(fixture, TOOLS, &[]);
    post(&without).told(404, "42883");
    let with = site(fixture, TOOLS, &[("API_EXTRA_SEARCH_PATH", "tools")]);
    assert_eq!(post(&with).expect(201), json!([{"id": 1, "body": "HEY"}]));
    // What is in it is not served for that.
    let table = with.get("/rest/v1/shout").send();
    table.told(404, "PGRST205");
    with.request("POST", "/rest/v1/rpc/shout")
        .json(&json!({}))
        .send()
        .told(404, "PGRST202");
}

fn aggregates(fixture: &Arc<Fixture>) {
    let target = "/rest/v1/things?select=active,id.count()&order=active";
    let off = site(fixture, "", &[]);
    off.get(target).send().told(400, "PGRST123");
    let on = site(fixture, "", &[("API_AGGREGATES", "true")]);
    assert_eq!(
        on.get(target).send().expect(200),
        json!([{"active": false, "count": 2}, {"active": true, "count": 2}, {"active": null, "count": 1}])
    );
    // The other mount serves them in any case.
    let there = "/api/v1/tables/things?select=count(*)";
    for site in [&off, &on] {
        assert_eq!(site.get(there).send().expect(200), json!([{"count": 5}]));
    }
}

fn unfiltered(fixture: &Arc<Fixture>) {
    let site = site(fixture, "", &[("API_UNFILTERED_WRITES", "true")]);
    let (one, two) = (
        site.sign_up("un-one@example.com"),
        site.sign_up("un-two@example.com"),
    );
    let as_user =
        |method: &str, target: &str, token: &str| site.request(method, target).bearer(token);
    for token in [&one.token, &two.token] {
        let rows = json!([{"name": "a"}, {"name": "b"}]);
        as_user("POST", ITEMS, token).json(&rows).send().expect(201);
    }
    let changed = as_user("PATCH", ITEMS, &one.token)
        .header("Prefer", "count=exact")
        .json(&json!({"amount": 1}))
        .send();
    assert_eq!(
        (changed.status, changed.header("content-range")),
        (204, Some("0-1/2"))
    );
    assert_eq!(as_user("DELETE", ITEMS, &one.token).send().status, 204);
    // All the caller may touch, and no more.
    let left = as_user(
        "GET",
        &format!("{ITEMS}?select=name,amount&order=name"),
        &two.token,
    );
    assert_eq!(
        left.send().expect(200),
        json!([{"name": "a", "amount": 7}, {"name": "b", "amount": 7}])
    );
    as_user("DELETE", "/api/v1/tables/items", &two.token)
        .send()
        .refused(400, "INVALID_INPUT");
}
