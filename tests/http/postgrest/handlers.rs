//! Bodies that an aggregate makes of rows.

use super::{Body, User};
use serde_json::json;

pub const SCHEMA: &str = r#"
    create domain public."application/vnd.twkb" as bytea;
    create domain public."application/vnd.lines+json" as json;
    create domain public."application/vnd.shut" as text;
    create domain public."text/csv" as text;
    create domain public."text/x-stolen" as text;
    create table public.lines (id int primary key, gone int, name text not null, hidden boolean not null default false);
    alter table public.lines drop column gone;
    alter table public.lines enable row level security;
    create policy shown on public.lines using (not hidden);
    grant select, insert on public.lines to authenticated;
    insert into public.lines values (1, 'line-1', false), (2, 'line-2', false), (3, 'line-3', true);
    create view public.first_lines as select * from public.lines where id < 2;
    grant select on public.first_lines to authenticated;
    create function public.all_lines() returns setof public.lines stable language sql as 'select * from public.lines';
    create function public.twkb_handler_transition(public."application/vnd.twkb", public.lines)
      returns public."application/vnd.twkb" immutable language sql
      as $$ select ($1 || '\xff'::bytea || convert_to($2.name, 'UTF8'))::public."application/vnd.twkb" $$;
    create aggregate public.twkb_agg(public.lines)
      (sfunc = public.twkb_handler_transition, stype = public."application/vnd.twkb", initcond = '');
    create function public.lines_to_json(public."application/vnd.lines+json", public.lines)
      returns public."application/vnd.lines+json" immutable language sql
      as $$ select json_build_object('last', $2.name, 'before', $1)::public."application/vnd.lines+json" $$;
    create aggregate public.lines_json(public.lines)
      (sfunc = public.lines_to_json, stype = public."application/vnd.lines+json");
    create function public.bom_csv_trans(public."text/csv", public.lines) returns public."text/csv"
      immutable language sql as $$ select ($1 || $2.name || E'\n')::public."text/csv" $$;
    create aggregate public.bom_csv(public.lines)
      (sfunc = public.bom_csv_trans, stype = public."text/csv", initcond = E'\uFEFFname\n');
    create function public.shut_trans(public."application/vnd.shut", public.lines) returns public."application/vnd.shut"
      immutable language sql as $$ select $1 $$;
    create aggregate public.shut(public.lines)
      (sfunc = public.shut_trans, stype = public."application/vnd.shut", initcond = 'shut');
    revoke execute on function public.shut from public;
    create role maker_of_media;
    grant usage, create on schema public to maker_of_media;
    set role maker_of_media;
    create function public.steal(public."text/x-stolen", public.lines) returns public."text/x-stolen"
      language sql as $$ select (coalesce($1, '') || current_user)::public."text/x-stolen" $$;
    create aggregate public.stolen(public.lines) (sfunc = public.steal, stype = public."text/x-stolen");
    create table public.makers (id int primary key);
    insert into public.makers values (1);
    grant select on public.makers to authenticated;
    create function public.keep(public."text/x-stolen", public.makers) returns public."text/x-stolen"
      language sql as $$ select 'theirs'::public."text/x-stolen" $$;
    create aggregate public.kept(public.makers) (sfunc = public.keep, stype = public."text/x-stolen");
    reset role;
"#;

pub const TRIALS: &[(&str, Body)] = &[
    ("rows_are_made_by_an_aggregate_of_their_table", made),
    ("an_aggregate_stands_in_for_a_built_in_handler", stands_in),
    ("of_chosen_columns_an_aggregate_makes_nothing", chosen),
    (
        "an_aggregate_that_the_caller_may_not_run_is_refused",
        not_allowed,
    ),
    ("an_aggregate_of_somebody_else_makes_nothing", stolen),
];

const TWKB: &str = "application/vnd.twkb";

/// Status, type and body.
fn told(user: &User, target: &str, accept: &str) -> (u16, String, Vec<u8>) {
    let answer = user.get(target).header("Accept", accept).send();
    let kind = answer.header("content-type").unwrap_or_default().to_owned();
    (answer.status, kind, answer.body)
}

fn made(user: &User) {
    for (target, body) in [
        (
            "lines?order=id&id=lt.100",
            b"\xffline-1\xffline-2".as_slice(),
        ),
        ("lines?order=id.desc&id=lt.100", b"\xffline-2\xffline-1"),
        ("lines?select=*&order=id&limit=1&offset=1", b"\xffline-2"),
        ("rpc/all_lines?order=id&id=lt.100", b"\xffline-1\xffline-2"),
        // The third one is hidden from everybody, and the empty body is the aggregate's.
        ("lines?id=eq.3", b""),
    ] {
        for accept in [TWKB, "image/png, APPLICATION/vnd.twkb, */*;q=0.1"] {
            let expected = (200, TWKB.to_owned(), body.to_vec());
            assert_eq!(
                told(user, &format!("/rest/v1/{target}"), accept),
                expected,
                "{target}"
            );
        }
    }
    let page = user.get("/rest/v1/lines?limit=1&order=id&id=lt.100");
    let page = page
        .header("Accept", TWKB)
        .header("Prefer", "count=exact")
        .send();
    assert_eq!(
        (page.status, page.header("content-range")),
        (206, Some("0-0/2"))
    );
    let json = "application/vnd.lines+json";
    let (status, kind, body) = told(user, "/rest/v1/lines?order=id&id=lt.100", json);
    assert_eq!((status, kind.as_str()), (200, json));
    let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(
        body,
        json!({"last": "line-2", "before": {"last": "line-1", "before": null}})
    );
    // Of nothing this one makes nothing.
    let none = told(user, "/rest/v1/lines?id=eq.0", json);
    assert_eq!(none, (200, json.to_owned(), Vec::new()));
    let written = user
        .prefer("POST", "/rest/v1/lines", "return=representation")
        .header("Accept", TWKB)
        .json(&json!([{"id": 101, "name": "line-101"}, {"id": 102, "name": "line-102"}]))
        .send();
    assert_eq!(written.status, 201, "{}", written.text());
    assert_eq!(written.body, b"\xffline-101\xffline-102");
    // JSON is what everybody gets who does not ask for it by name, and another table has another row type.
    let plain = user
        .get("/rest/v1/lines?id=eq.1")
        .header("Accept", "*/*")
        .send();
    assert_eq!(
        plain.expect(200),
        json!([{"id": 1, "name": "line-1", "hidden": false}])
    );
    for target in ["/rest/v1/first_lines", "/rest/v1/things"] {
        let other = user.get(target).header("Accept", TWKB).send();
        other.told(406, "PGRST107");
    }
}

fn stands_in(user: &User) {
    let expected = "\u{feff}name\nline-1\nline-2\n".as_bytes().to_vec();
    let csv = told(user, "/rest/v1/lines?order=id&id=lt.100", "text/csv");
    assert_eq!(csv, (200, "text/csv; charset=utf-8".to_owned(), expected));
    let (_, kind, body) = told(user, "/rest/v1/first_lines", "text/csv");
    assert_eq!(kind, "text/csv; charset=utf-8");
    assert_eq!(body, b"id,name,hidden\n1,line-1,false");
}

fn chosen(user: &User) {
    for select in ["id,name", "name:id,id:name,hidden", "*,number:id"] {
        let target = format!("/rest/v1/lines?select={select}");
        user.get(&target)
            .header("Accept", TWKB)
            .send()
            .told(400, "PGRST127");
        user.get(&target).send().expect(200);
    }
    let all = told(user, "/rest/v1/lines?select=id,name,hidden&id=eq.1", TWKB);
    assert_eq!(all.2, b"\xffline-1");
}

fn not_allowed(user: &User) {
    let ask = || {
        user.get("/rest/v1/lines")
            .header("Accept", "application/vnd.shut")
            .send()
    };
    ask().told(403, "42501");
    let superuser = || user.site.database.superuser();
    let granted = "grant execute on function public.shut to authenticated";
    superuser().batch_execute(granted).expect("a grant");
    let answer = ask();
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, b"shut".as_slice())
    );
}

/// 1. Be allowed to make functions in a schema that is served, and make an aggregate of somebody else's table. 2. Wait for
///    somebody who asks for its type, and run as them.
fn stolen(user: &User) {
    let answer = user
        .get("/rest/v1/lines")
        .header("Accept", "text/x-stolen")
        .send();
    answer.told(406, "PGRST107");
    // Of a table of one's own it is made.
    let own = told(user, "/rest/v1/makers", "text/x-stolen");
    assert_eq!(
        own,
        (
            200,
            "text/x-stolen; charset=utf-8".to_owned(),
            b"theirs".to_vec()
        )
    );
}
