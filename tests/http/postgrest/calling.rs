use super::{Body, OBJECT, User, page};
use fluxbase_tests::http::encoded;
use serde_json::{Value, json};

pub const SCHEMA: &str = r#"
    create function public.add_them(a int, b int default 10) returns int immutable language sql return a + b;
    create function public.whoami() returns text stable language sql return auth.uid()::text || ' ' || current_user;
    create function public.things_like(pattern text) returns setof public.things stable language sql
      as $$ select * from public.things where name like pattern $$;
    create function public.numbers(upto int) returns setof int immutable language sql
      as $$ select generate_series(1, upto) $$;
    create function public.total(variadic parts int[]) returns bigint immutable language sql
      as $$ select sum(p) from unnest(parts) p $$;
    create table public.ledger (id int generated always as identity, owner uuid default auth.uid(), note text);
    grant select, insert, delete on public.ledger to authenticated;
    create function public.note(words text[]) returns setof public.ledger language sql
      as $$ insert into public.ledger (note) select unnest(words) returning * $$;
    create function public.note_one(word text) returns void language sql
      as $$ insert into public.ledger (note) values (word) $$;
    create function public.shouted(text) returns text immutable language sql return upper($1);
    create function public.reversed(bytea) returns bytea immutable language sql
      return decode(reverse(encode($1, 'hex')), 'hex');
    create function public.length_of(json) returns int immutable language sql return json_array_length($1);
    create function public.twice(a int) returns text immutable language sql return 'integer';
    create function public.twice(a text) returns text immutable language sql return 'text';
    create function public.forbidden() returns text language sql return 'top-secret-result';
    revoke execute on function public.forbidden() from public;
    create function public.refuses(how text) returns int language plpgsql as $$
      begin
        insert into public.ledger (note) values ('refused');
        if how = 'PGRST' then
          raise sqlstate 'PGRST' using message = '{"code":"A42","message":"Pay first","hint":"see /pay"}',
            detail = '{"status":402,"headers":{}}';
        elsif how = 'plain' then
          raise exception 'top-secret-reason' using detail = 'top-secret-detail', hint = 'top-secret-hint';
        else
          raise sqlstate 'PT409' using message = 'top-secret-reason';
        end if;
      end $$;
    create function private.inner_one() returns int immutable language sql return 1;
"#;

pub const TRIALS: &[(&str, Body)] = &[
    ("arguments_come_by_name_in_body_or_address", arguments),
    ("who_calls_is_who_entered", identity),
    ("rows_are_filtered_ordered_embedded_and_paged", rows),
    ("a_set_of_values_is_an_array", values),
    ("a_whole_body_is_one_argument", whole),
    ("what_returns_nothing_answers_with_nothing", void),
    ("a_get_writes_nothing", get_writes_nothing),
    (
        "rows_that_are_not_as_many_as_they_should_be_undo_the_call",
        undone,
    ),
    ("a_trial_run_keeps_nothing", trial_run),
    (
        "a_function_that_is_not_there_is_told_with_what_was_looked_for",
        unknown,
    ),
    ("several_functions_that_fit_are_refused", overloaded),
    ("a_function_without_the_right_is_refused", no_right),
    (
        "what_a_function_raises_is_told_by_the_table_or_in_its_own_form",
        raised,
    ),
    ("a_key_needs_the_scope_for_calls", scope),
    ("a_profile_chooses_the_schema_of_a_function", profile),
    ("sql_in_an_argument_is_text", hostile),
];

/// The server was there before the functions.
pub fn wait_for_functions(user: &User) {
    for _ in 0..100 {
        if user.get("/rest/v1/rpc/whoami").send().status == 200 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the functions were not noticed");
}

impl User {
    fn call(&self, function: &str, arguments: &Value) -> fluxbase_tests::http::Response {
        self.request("POST", &format!("/rest/v1/rpc/{function}"))
            .json(arguments)
            .send()
    }

    fn notes(&self) -> Value {
        let target = "/rest/v1/ledger?select=note&order=id&owner=eq.";
        let id = self.call("whoami", &json!({})).expect(200);
        let id = id
            .as_str()
            .and_then(|text| text.split(' ').next())
            .unwrap_or_default()
            .to_owned();
        self.rows(&format!("{target}{id}"))
    }
}

fn arguments(user: &User) {
    let three = user.call("add_them", &json!({"a": 1, "b": 2}));
    assert_eq!(three.expect(200), json!(3));
    assert_eq!(three.header("content-range"), Some("0-0/*"));
    assert_eq!(
        three.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(
        user.call("add_them", &json!({"a": 1})).expect(200),
        json!(11)
    );
    for (target, result) in [
        ("add_them?a=1&b=2", json!(3)),
        ("add_them?a=-1", json!(9)),
        ("total?parts=1&parts=2&parts=3", json!(6)),
        ("total?parts={4,5}", json!(9)),
    ] {
        let target = format!(
            "/rest/v1/rpc/{}",
            target.replace('{', "%7B").replace('}', "%7D")
        );
        assert_eq!(user.rows(&target), result, "{target}");
        let head = user.request("HEAD", &target).send();
        assert_eq!((head.status, head.body.len()), (200, 0));
    }
    assert_eq!(
        user.call("total", &json!({"parts": [7, 8]})).expect(200),
        json!(15)
    );
    user.call("add_them", &json!({"a": "many"}))
        .told(400, "22P02");
}

fn identity(user: &User) {
    let said = user.call("whoami", &json!({})).expect(200);
    assert!(
        said.as_str()
            .is_some_and(|said| said.ends_with(" authenticated")),
        "{said}"
    );
    let visitor = user.site.get("/rest/v1/rpc/whoami").send();
    assert_eq!(visitor.expect(200), Value::Null);
}

fn rows(user: &User) {
    user.items(&json!({"name": "x", "thing": 1}));
    let found = user.call(
        "things_like?select=id,items(name)&id=lt.3&order=id.desc",
        &json!({"pattern": "%a%"}),
    );
    assert_eq!(
        found.expect(200),
        json!([{"id": 2, "items": []}, {"id": 1, "items": [{"name": "x"}]}])
    );
    assert_eq!(found.header("content-range"), Some("0-1/*"));
    let get = "/rest/v1/rpc/things_like?pattern=%25&order=id&limit=2";
    let answer = user.prefer("GET", get, "count=exact").send();
    assert_eq!(page(&answer), (206, Some("0-1/4"), 2));
    let one = user
        .get("/rest/v1/rpc/things_like?pattern=apple&select=id")
        .header("Accept", OBJECT)
        .send();
    assert_eq!(one.expect(200), json!({"id": 1}));
    let csv = user
        .get("/rest/v1/rpc/things_like?pattern=apple&select=id,name")
        .header("Accept", "text/csv")
        .send();
    assert_eq!(csv.text(), "id,name\n1,apple");
    user.get("/rest/v1/rpc/things_like?pattern=apple&select=nope")
        .send()
        .told(400, "42703");
}

fn values(user: &User) {
    let answer = user.call("numbers", &json!({"upto": 3}));
    assert_eq!(answer.expect(200), json!([1, 2, 3]));
    assert_eq!(answer.header("content-range"), Some("0-2/*"));
    assert_eq!(
        user.call("numbers", &json!({"upto": 0})).expect(200),
        json!([])
    );
    // A value has no columns to choose from.
    user.get("/rest/v1/rpc/numbers?upto=3&select=a")
        .send()
        .told(400, "PGRST100");
}

fn whole(user: &User) {
    let post = |function: &str, kind: &str, accept: &str, body: &[u8]| {
        user.request("POST", &format!("/rest/v1/rpc/{function}"))
            .header("Content-Type", kind)
            .header("Accept", accept)
            .body(body)
            .send()
    };
    let shouted = post(
        "shouted",
        "text/plain",
        "text/plain",
        "é {\"a\":1} '; --".as_bytes(),
    );
    assert_eq!(
        (shouted.status, shouted.text().as_str()),
        (200, "É {\"A\":1} '; --")
    );
    assert_eq!(
        shouted.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    let octets = "application/octet-stream";
    let reversed = post("reversed", octets, octets, b"\x01\x00\xff");
    assert_eq!(
        (reversed.status, reversed.body.as_slice()),
        (200, &b"\xff\x00\x10"[..])
    );
    assert_eq!(reversed.header("content-type"), Some(octets));
    let json = "application/json";
    assert_eq!(
        post("length_of", json, json, b"[1,[2],{}]").expect(200),
        json!(3)
    );
    post("shouted", "image/png", json, b"x").told(415, "PGRST107");
}

fn void(user: &User) {
    let answer = user.call("note_one", &json!({"word": "a"}));
    assert_eq!(
        (answer.status, answer.body.len()),
        (204, 0),
        "{}",
        answer.text()
    );
    let minimal = user
        .prefer("POST", "/rest/v1/rpc/note", "return=minimal")
        .json(&json!({"words": ["b", "c"]}))
        .send();
    assert_eq!((minimal.status, minimal.body.len()), (204, 0));
    assert_eq!(
        user.notes(),
        json!([{"note": "a"}, {"note": "b"}, {"note": "c"}])
    );
}

fn get_writes_nothing(user: &User) {
    for method in ["GET", "HEAD"] {
        let answer = user.request(method, "/rest/v1/rpc/note_one?word=a").send();
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), None);
    }
    let refused = user.get("/rest/v1/rpc/note_one?word=a").send();
    assert_eq!(
        refused.told(405, "25006")["message"],
        "This request may only read"
    );
    for method in ["PUT", "PATCH", "DELETE"] {
        user.request(method, "/rest/v1/rpc/note_one")
            .send()
            .told(405, "PGRST101");
    }
    assert_eq!(user.notes(), json!([]));
    assert_eq!(user.call("note_one", &json!({"word": "a"})).status, 204);
    assert_eq!(user.notes(), json!([{"note": "a"}]));
}

/// Whether the details end so.
fn tells(body: &Value, end: &str) -> bool {
    body["details"]
        .as_str()
        .is_some_and(|details| details.ends_with(end))
}

fn undone(user: &User) {
    let note = |header: (&str, &str), words: &Value| {
        user.request("POST", "/rest/v1/rpc/note?select=note")
            .header(header.0, header.1)
            .json(&json!({"words": words}))
            .send()
    };
    let two = json!(["a", "b"]);
    let body = note(("Accept", OBJECT), &two).told(406, "PGRST116");
    assert!(tells(&body, "2 rows"), "{body}");
    let body = note(("Accept", OBJECT), &json!([])).told(406, "PGRST116");
    assert!(tells(&body, "0 rows"), "{body}");
    let body = note(("Prefer", "max-affected=1"), &two).told(400, "PGRST124");
    assert!(tells(&body, "2 rows"), "{body}");
    note(("Prefer", "max-affected=1, return=minimal"), &two).told(400, "PGRST124");
    assert_eq!(user.notes(), json!([]));
    assert_eq!(
        note(("Accept", OBJECT), &json!(["c"])).expect(200),
        json!({"note": "c"})
    );
    assert_eq!(
        note(("Prefer", "max-affected=2"), &two)
            .expect(200)
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    // Where nobody can count, the guard is refused and not left out.
    user.prefer("POST", "/rest/v1/rpc/note_one", "max-affected=1")
        .json(&json!({"word": "d"}))
        .send()
        .told(400, "PGRST128");
    assert_eq!(user.notes().as_array().map(Vec::len), Some(3));
}

fn trial_run(user: &User) {
    let tried = user
        .prefer("POST", "/rest/v1/rpc/note?select=note", "tx=rollback")
        .json(&json!({"words": ["a"]}))
        .send();
    assert_eq!(tried.expect(200), json!([{"note": "a"}]));
    assert_eq!(user.notes(), json!([]));
}

fn unknown(user: &User) {
    let body = user
        .call("add_then", &json!({"a": 1}))
        .told(404, "PGRST202");
    assert_eq!(body["details"], "Looked for add_then with the arguments a");
    assert!(
        body["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("add_them")),
        "{body}"
    );
    let body = user
        .call("add_them", &json!({"a": 1, "c": 2}))
        .told(404, "PGRST202");
    assert_eq!(
        body["details"],
        "Looked for add_them with the arguments a, c"
    );
    user.call("add_them", &json!({})).told(404, "PGRST202");
    // A trigger function is none to call, nor is one of a column.
    for function in ["slow_trigger", "enter", "at_most", "pg_typeof"] {
        let answer = user.call(function, &json!({}));
        assert_eq!(answer.status, 404, "{function}");
    }
}

fn overloaded(user: &User) {
    let body = user.call("twice", &json!({"a": 1})).told(300, "PGRST203");
    let hint = body["hint"].as_str().expect("a hint");
    assert!(hint.contains("int4") && hint.contains("text"), "{hint}");
}

fn no_right(user: &User) {
    user.call("forbidden", &json!({})).told(403, "42501");
    let visitor = user.site.get("/rest/v1/rpc/forbidden").send();
    visitor.told(401, "42501");
    assert_eq!(visitor.header("www-authenticate"), Some("Bearer"));
}

fn raised(user: &User) {
    let plain = user.call("refuses", &json!({"how": "plain"}));
    let body = plain.told(400, "P0001");
    assert_eq!(
        (&body["details"], &body["hint"]),
        (&Value::Null, &Value::Null)
    );
    assert!(!plain.text().contains("top-secret"), "{body}");
    let status = user.call("refuses", &json!({"how": "status"}));
    status.told(409, "PT409");
    assert!(!status.text().contains("top-secret"));
    let own = user.call("refuses", &json!({"how": "PGRST"}));
    assert_eq!(
        own.expect(402),
        json!({"code": "A42", "message": "Pay first", "details": null, "hint": "see /pay"})
    );
    assert_eq!(user.notes(), json!([]));
}

fn scope(user: &User) {
    let key = |scopes: &[&str]| {
        let made = user
            .request("POST", "/api/v1/client-keys")
            .json(&json!({"name": "calls", "scopes": scopes}))
            .send()
            .expect(201);
        made["key"].as_str().expect("a key").to_owned()
    };
    let call = |key: &str, function: &str, arguments: &Value| {
        user.site
            .request("POST", &format!("/rest/v1/rpc/{function}"))
            .header("X-Client-Key", key)
            .json(arguments)
            .send()
    };
    let reads = key(&["read:tables", "write:tables"]);
    let body = call(&reads, "add_them", &json!({"a": 1})).told(403, "42501");
    assert_eq!(body["hint"], "the key needs the scope execute:rpc");
    let calls = key(&["execute:rpc"]);
    assert_eq!(
        call(&calls, "add_them", &json!({"a": 1})).expect(200),
        json!(11)
    );
    assert_eq!(call(&calls, "note_one", &json!({"word": "k"})).status, 204);
    assert_eq!(user.notes(), json!([{"note": "k"}]));
}

fn profile(user: &User) {
    user.call("inner_one", &json!({})).told(404, "PGRST202");
    let with = |method: &str, header: &str| {
        let request = user
            .request(method, "/rest/v1/rpc/inner_one")
            .header(header, "private");
        let request = if method == "POST" {
            request.json(&json!({}))
        } else {
            request
        };
        request.send()
    };
    for (method, header) in [("POST", "Content-Profile"), ("GET", "Accept-Profile")] {
        let answer = with(method, header);
        assert_eq!(answer.expect(200), json!(1));
        assert_eq!(answer.header("content-profile"), Some("private"));
    }
}

fn hostile(user: &User) {
    for text in [
        "'; drop table things; --",
        "$1",
        "{a,b}",
        "\\",
        "a\"b",
        "null",
        "ü",
    ] {
        let said = user.call("shouted", &Value::from(text));
        // A JSON text is no argument of a function of text.
        said.told(404, "PGRST202");
        let noted = user.call("note?select=note", &json!({"words": [text]}));
        assert_eq!(noted.expect(200), json!([{"note": text}]));
        let pattern = encoded(&text.replace('\\', "\\\\"));
        let target = format!("/rest/v1/rpc/things_like?pattern={pattern}&select=id");
        assert_eq!(user.rows(&target), json!([]), "{text}");
    }
    assert_eq!(
        user.rows("/rest/v1/things?select=id")
            .as_array()
            .map(Vec::len),
        Some(5)
    );
}
