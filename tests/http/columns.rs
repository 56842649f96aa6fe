//! Rights to single columns: a role reads and writes those it was granted, by whatever part of a request it tries others.

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::{Request, Response};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;

const SCHEMA: &str = r#"
    create table public.staff (
        id int primary key default 7, name text not null default 'nobody', nick text, pin text, note jsonb,
        salary int not null default 1000, initial text generated always as (left(pin, 1)) stored
    );
    insert into public.staff (id, name, nick, pin, note, salary) values
        (1, 'Ann', 'a', 'pin-of-ann', '{"sick": "note-of-ann"}', 71234), (2, 'Bob', 'b', 'pin-of-bob', '{}', 61234);
    -- A pin is set and never shown.
    grant select (id, name, nick), update (nick, pin), insert (id, name, pin) on public.staff to authenticated;
    grant select (id) on public.staff to anon;
    grant all on public.staff to service_role;
    create table public.papers (id int primary key, author int not null, text text);
    insert into public.papers values (1, 1, 'paper-of-ann'), (2, 2, 'paper-of-bob');
    alter table public.papers enable row level security, force row level security;
    -- A policy reads its columns with the rights of who asks.
    create policy of_author on public.papers using (author = 1);
    grant select (id, text), delete on public.papers to authenticated;
    grant select, delete on public.papers to service_role;
"#;

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    let mut add = |name: &str, body: fn(&Site)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("columns::{name}"), move || {
            let database = fixture.database();
            database.superuser().batch_execute(SCHEMA).expect("schema");
            body(&Site::on(database, &[]));
        }));
    };
    add("a_column_that_is_not_granted_is_not_read", not_read);
    add(
        "a_column_that_is_not_granted_decides_nothing",
        decides_nothing,
    );
    add("a_column_that_is_not_granted_is_not_written", not_written);
    add("a_write_answers_nothing_that_is_not_granted", returning);
    add("a_policy_reads_no_column_for_who_may_not", policy);
    trials
}

const STAFF: &str = "/api/v1/tables/staff";
const ROW: &str = "/api/v1/tables/public/staff/1";

/// A request of ann, who is `authenticated` like everybody.
fn ann(site: &Site, method: &str, target: &str) -> Request {
    let token = &site.database.fixture.ann.token;
    site.request(method, target).bearer(token)
}

fn service(site: &Site, method: &str, target: &str) -> Request {
    let key = &site.database.fixture.service_key;
    site.request(method, target).bearer(key)
}

/// Refused, and nothing of the rows in it.
#[track_caller]
fn closed(answer: &Response) {
    answer.refused(403, "RLS_POLICY_VIOLATION");
    for value in ["71234", "61234", "pin-of", "note-of", "Ann", "paper-of"] {
        assert!(!answer.text().contains(value), "{}", answer.text());
    }
}

/// What is in the table, whoever asks.
fn staff(site: &Site) -> Value {
    let row = site.database.superuser().query_one(
        "select jsonb_agg(jsonb_build_array(id, name, nick, pin, salary) order by id) from public.staff",
        &[],
    );
    row.expect("read").get(0)
}

fn not_read(site: &Site) {
    for query in [
        "",
        "?select=*",
        "?select=id,*",
        "?select=salary",
        "?select=id,name,salary",
        "?select=pin",
        "?select=initial",
        "?select=name:salary",
        "?select=id,x:pin",
        "?select=%22salary%22",
        "?select=note",
        "?select=note-%3E%3Esick",
        "?select=sick:note-%3E%3Esick",
        "?select=salary&limit=0",
        "?select=salary&id=eq.99",
    ] {
        closed(&ann(site, "GET", &format!("{STAFF}{query}")).send());
        if !query.contains("id=eq.99") && !query.contains("limit") {
            closed(&ann(site, "GET", &format!("{ROW}{query}")).send());
        }
    }
    for query in [
        "select=id,name,nick",
        "select=nick,id,name",
        "select=a:id,b:name,c:nick",
    ] {
        let rows = ann(site, "GET", &format!("{STAFF}?{query}&order=id"))
            .send()
            .expect(200);
        assert_eq!(rows.as_array().map(Vec::len), Some(2), "{query}");
    }
    let one = ann(site, "GET", &format!("{ROW}?select=id,name,nick")).send();
    assert_eq!(
        one.expect(200),
        json!({"id": 1, "name": "Ann", "nick": "a"})
    );
    // A visitor was granted less, a key all.
    let visitor = |query: &str| site.get(&format!("{STAFF}?{query}")).send();
    assert_eq!(
        visitor("select=id&order=id").expect(200),
        json!([{"id": 1}, {"id": 2}])
    );
    for query in [
        "select=name",
        "select=id,nick",
        "select=id&name=eq.Ann",
        "select=id&order=name",
        "select=*",
    ] {
        visitor(query).refused(401, "AUTHENTICATION_REQUIRED");
    }
    let whole = service(site, "GET", &format!("{STAFF}?id=eq.1"))
        .send()
        .expect(200);
    assert_eq!(
        whole,
        json!([{"id": 1, "name": "Ann", "nick": "a", "pin": "pin-of-ann", "note": {"sick": "note-of-ann"}, "salary": 71234,
            "initial": "p"}])
    );
}

/// Attack: what is not shown is found out by asking for rows in which it is larger than something.
fn decides_nothing(site: &Site) {
    for query in [
        "salary=gt.70000",
        "salary=eq.71234",
        "salary=not.is.null",
        "salary=in.(71234)",
        "pin=like.pin*",
        "pin=is.null",
        "initial=eq.p",
        "note-%3E%3Esick=eq.x",
        "or=(id.eq.1,salary.gt.70000)",
        "and=(id.eq.1,salary.gt.70000)",
        "or=(id.eq.1,and(id.eq.2,not.or(pin.is.null,id.eq.9)))",
        "id=eq.1&salary=gt.0",
        "order=salary",
        "order=salary.desc.nullslast",
        "order=id,pin",
        "order=note-%3E%3Esick",
        "salary.gt=70000",
        "salary=gt.70000&limit=0",
        "salary=gt.70000&count=exact",
    ] {
        closed(&ann(site, "GET", &format!("{STAFF}?select=id&{query}")).send());
    }
    let before = staff(site);
    for query in [
        "salary=gt.70000",
        "pin=eq.pin-of-ann",
        "or=(id.eq.1,salary.gt.0)",
    ] {
        let target = format!("{STAFF}?select=id&{query}");
        closed(
            &ann(site, "PATCH", &target)
                .json(&json!({"nick": "x"}))
                .send(),
        );
        let target = format!("{STAFF}?{query}");
        let minimal = ann(site, "PATCH", &target).header("Prefer", "return=minimal");
        closed(&minimal.json(&json!({"nick": "x"})).send());
        closed(&ann(site, "DELETE", &target).send());
    }
    assert_eq!(staff(site), before);
    for (query, found) in [
        ("nick=eq.a", json!([{"id": 1}])),
        ("or=(nick.eq.b,name.eq.Nobody)", json!([{"id": 2}])),
        ("order=name.desc", json!([{"id": 2}, {"id": 1}])),
        (
            "nick=not.is.null&count=exact&order=id",
            json!([{"id": 1}, {"id": 2}]),
        ),
    ] {
        let rows = ann(site, "GET", &format!("{STAFF}?select=id&{query}")).send();
        assert_eq!(rows.expect(200), found, "{query}");
    }
    let rows = service(site, "GET", &format!("{STAFF}?select=id&salary=gt.70000")).send();
    assert_eq!(rows.expect(200), json!([{"id": 1}]));
}

fn not_written(site: &Site) {
    let before = staff(site);
    // Of a new one it may say id and name.
    for (body, new_too) in [
        (json!({"salary": 1}), true),
        (json!({"nick": "x", "salary": 1}), true),
        (json!({"nick": "x", "note": null}), true),
        (json!({"note": {}}), true),
        (json!({"name": "x"}), false),
        (json!({"id": 9}), false),
    ] {
        let mut new = json!({"id": 3, "name": "Cyd"});
        for (name, value) in body.as_object().expect("members") {
            new[name] = value.clone();
        }
        for minimal in [false, true] {
            let ask = |method: &str, target: &str, filter: &str| match minimal {
                false => ann(site, method, &format!("{target}?select=id{filter}")),
                true => ann(site, method, &format!("{target}?{filter}"))
                    .header("Prefer", "return=minimal"),
            };
            closed(&ask("PATCH", STAFF, "&id=eq.1").json(&body).send());
            closed(&ask("PATCH", ROW, "").json(&body).send());
            if new_too {
                closed(&ask("POST", STAFF, "").json(&new).send());
                closed(&ask("POST", STAFF, "").json(&json!([new])).send());
            }
        }
    }
    // All columns at once, and the row away.
    let whole = json!({"id": 1, "name": "Ann", "nick": "x", "pin": "x", "note": {}, "salary": 1});
    closed(
        &ann(site, "PUT", &format!("{ROW}?select=id"))
            .json(&whole)
            .send(),
    );
    closed(&ann(site, "DELETE", &format!("{STAFF}?select=id&id=eq.1")).send());
    closed(&ann(site, "DELETE", ROW).send());
    let visitor = site.request("PATCH", &format!("{STAFF}?select=id&id=eq.1"));
    visitor
        .json(&json!({"nick": "x"}))
        .send()
        .refused(401, "AUTHENTICATION_REQUIRED");
    assert_eq!(staff(site), before);

    let patch =
        ann(site, "PATCH", &format!("{STAFF}?select=id,nick&id=eq.1")).json(&json!({"nick": "x"}));
    assert_eq!(patch.send().expect(200), json!([{"id": 1, "nick": "x"}]));
    let pin = ann(site, "PATCH", &format!("{ROW}?select=id")).json(&json!({"pin": "new"}));
    assert_eq!(pin.send().expect(200), json!({"id": 1}));
    let made = ann(site, "POST", &format!("{STAFF}?select=id,name"))
        .json(&json!({"id": 3, "name": "Cyd", "pin": "c"}));
    assert_eq!(made.send().expect(201), json!({"id": 3, "name": "Cyd"}));
    assert_eq!(
        staff(site),
        json!([
            [1, "Ann", "x", "new", 71234],
            [2, "Bob", "b", "pin-of-bob", 61234],
            [3, "Cyd", null, "c", 1000]
        ])
    );
}

/// What would be answered is part of the statement: refused, it changes nothing.
fn returning(site: &Site) {
    let before = staff(site);
    let nick = json!({"nick": "x"});
    let new = json!({"id": 3, "name": "Cyd", "pin": "c"});
    for select in [
        "",
        "?select=*",
        "?select=id,salary",
        "?select=pin",
        "?select=initial",
        "?select=x:salary",
        "?select=note-%3E%3Esick",
    ] {
        let filtered = match select {
            "" => format!("{STAFF}?id=eq.1"),
            select => format!("{STAFF}{select}&id=eq.1"),
        };
        closed(&ann(site, "PATCH", &filtered).json(&nick).send());
        closed(
            &ann(site, "PATCH", &format!("{ROW}{select}"))
                .json(&nick)
                .send(),
        );
        closed(
            &ann(site, "POST", &format!("{STAFF}{select}"))
                .json(&new)
                .send(),
        );
        let strict = ann(site, "POST", &format!("{STAFF}{select}"))
            .header("Prefer", "return=representation");
        closed(&strict.json(&json!([new])).send());
    }
    assert_eq!(staff(site), before);
    // Nothing is asked back, so nothing is in the way.
    let minimal = |method: &str, target: &str, body: &Value| {
        let request = ann(site, method, target).header("Prefer", "return=minimal");
        let answer = request.json(body).send();
        assert!(matches!(answer.status, 201 | 204), "{}", answer.text());
        assert!(answer.body.is_empty(), "{}", answer.text());
    };
    minimal("PATCH", &format!("{STAFF}?id=eq.1"), &nick);
    minimal("POST", STAFF, &new);
    assert_eq!(
        staff(site),
        json!([
            [1, "Ann", "x", "pin-of-ann", 71234],
            [2, "Bob", "b", "pin-of-bob", 61234],
            [3, "Cyd", null, "c", 1000]
        ])
    );
}

fn policy(site: &Site) {
    const PAPERS: &str = "/api/v1/tables/papers";
    for query in [
        "select=author",
        "select=id&author=eq.2",
        "select=id&order=author",
        "select=*",
    ] {
        closed(&ann(site, "GET", &format!("{PAPERS}?{query}")).send());
    }
    // The policy decides by the column all the same, and shows nothing of it.
    let rows = ann(site, "GET", &format!("{PAPERS}?select=id,text")).send();
    assert_eq!(rows.expect(200), json!([{"id": 1, "text": "paper-of-ann"}]));
    closed(&ann(site, "DELETE", &format!("{PAPERS}?select=id&author=eq.1")).send());
    let all = service(site, "GET", &format!("{PAPERS}?select=id,author&order=id")).send();
    assert_eq!(
        all.expect(200),
        json!([{"id": 1, "author": 1}, {"id": 2, "author": 2}])
    );
}
