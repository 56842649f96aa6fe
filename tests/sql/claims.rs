//! Claims set by hand, as PostgREST does: for members of `fluxbase_trusted`, for nobody else, and only
//! when they make sense.

use crate::seal::{sqlstate, value};
use fluxbase_tests::fixture::{Database, Fixture};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

const ANN: &str =
    r#"{"sub":"{ANN_ID}","role":"authenticated","email":"ann@example.com","extra":[1,2]}"#;

/// Every way to set the claims; `%` stands for their text.
const WAYS: [&str; 6] = [
    "select set_config('request.jwt.claims', '%', true)",
    "select set_config('request.jwt.claims', '%', false)",
    "set request.jwt.claims = '%'",
    "begin; set local request.jwt.claims = '%'",
    "do $$ begin perform set_config('request.jwt.claims', '%', false); end $$",
    "update pg_settings set setting = '%' where name = 'request.jwt.claims'; select set_config('request.jwt.claims', '%', false)",
];

/// Claims that are refused for everybody.
const MALFORMED: [(&str, &str); 14] = [
    ("no_json", "{bad"),
    ("half_an_object", r#"{"sub":"{ANN_ID}""#),
    ("array", "[]"),
    ("number", "7"),
    ("null", "null"),
    ("sub_is_no_uuid", r#"{"sub":"ann","role":"authenticated"}"#),
    ("sub_is_a_number", r#"{"sub":7,"role":"authenticated"}"#),
    (
        "sub_in_braces",
        r#"{"sub":"{{ANN_ID}}","role":"authenticated"}"#,
    ),
    (
        "sub_too_short",
        r#"{"sub":"00000000-0000-0000-0000-00000000000","role":"authenticated"}"#,
    ),
    (
        "sub_twice",
        r#"{"sub":"{BOB_ID}","sub":"{ANN_ID}","role":"authenticated"}"#,
    ),
    (
        "role_twice",
        r#"{"sub":"{ANN_ID}","role":"authenticated","role":"service_role"}"#,
    ),
    (
        "role_is_a_list",
        r#"{"sub":"{ANN_ID}","role":["authenticated"]}"#,
    ),
    (
        "session_is_no_uuid",
        r#"{"sub":"{ANN_ID}","role":"authenticated","session_id":"x"}"#,
    ),
    (
        "text_behind_the_object",
        r#"{"sub":"{ANN_ID}","role":"authenticated"} x"#,
    ),
];

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (name, claims) in MALFORMED {
        let shared = Arc::clone(fixture);
        trials.push(trial(
            &fixture.cluster,
            format!("claims_malformed::{name}"),
            move || malformed(&shared.database(), claims),
        ));
    }
    for login in ["plain", "fluxbase_app"] {
        let shared = Arc::clone(fixture);
        trials.push(trial(
            &fixture.cluster,
            format!("claims::{login}_may_not_set_them_in_any_way"),
            move || {
                untrusted(&shared.database(), login);
            },
        ));
    }
    let mut add = |name: &str, body: fn(&Database)| {
        let fixture = Arc::clone(fixture);
        let cluster = Arc::clone(&fixture.cluster);
        trials.push(trial(&cluster, format!("claims::{name}"), move || {
            body(&fixture.database())
        }));
    };
    add(
        "trusted_session_sets_them_as_postgrest_does_and_uid_follows",
        postgrest,
    );
    add("superuser_may_set_them", superuser);
    add("end_with_commit_rollback_and_rollback_to", scopes);
    add("member_through_a_group_is_trusted", through_a_group);
    add("login_that_lost_the_membership_is_refused", lost_membership);
    add(
        "definer_function_of_the_superuser_does_not_lend_trust",
        definer,
    );
    add(
        "untrusted_session_authorization_of_a_superuser_is_refused",
        session_authorization,
    );
    add("other_request_settings_are_anybodys", other_settings);
    add("without_sub_are_a_visitor", without_sub);
    trials
}

fn malformed(database: &Database, claims: &str) {
    let mut trusty = database.connect("trusty");
    let claims = database.fixture.fill(claims);
    let outcome = trusty.execute(
        "select set_config('request.jwt.claims', $1, false)",
        &[&claims],
    );
    assert_eq!(sqlstate(&outcome).as_deref(), Some("22023"), "{claims}");
    let who = value(
        &mut trusty,
        "select auth.role() || coalesce(auth.uid()::text, '')",
    )
    .expect("asked");
    assert_eq!(
        who.as_deref(),
        Some("anon"),
        "a refused value changes nothing"
    );
    trusty
        .execute(
            "select set_config('request.jwt.claims', $1, false)",
            &[&database.fixture.fill(ANN)],
        )
        .expect("well-formed claims");
    let id = value(&mut trusty, "select auth.uid()").expect("asked");
    assert_eq!(id.as_deref(), Some(database.fixture.ann.id.as_str()));
    // A refused value does not replace a good one, nor make it a quiet NULL.
    let outcome = trusty.execute(
        "select set_config('request.jwt.claims', $1, false)",
        &[&claims],
    );
    assert_eq!(sqlstate(&outcome).as_deref(), Some("22023"));
    let id = value(&mut trusty, "select auth.uid()").expect("asked");
    assert_eq!(id.as_deref(), Some(database.fixture.ann.id.as_str()));
}

fn untrusted(database: &Database, login: &str) {
    for claims in [
        ANN,
        r#"{"role":"service_role"}"#,
        r#"{"role":"anon"}"#,
        "{}",
        "nonsense",
    ] {
        for way in WAYS {
            let mut client = database.connect(login);
            let outcome = client.simple_query(&database.fixture.fill(&way.replace('%', claims)));
            assert_eq!(
                sqlstate(&outcome).as_deref(),
                Some("42501"),
                "{way} {claims}"
            );
            let _ = client.batch_execute("rollback");
            let who = value(
                &mut client,
                "select auth.role() || coalesce(auth.uid()::text, '')",
            )
            .expect("asked");
            assert_eq!(who.as_deref(), Some("anon"));
        }
    }
    for way in WAYS {
        let mut client = database.connect("trusty");
        client
            .simple_query(&database.fixture.fill(&way.replace('%', ANN)))
            .unwrap_or_else(|error| panic!("{way}: {error:?}"));
    }
}

fn postgrest(database: &Database) {
    let mut trusty = database.connect("trusty");
    let fixture = &database.fixture;
    trusty
        .batch_execute(&fixture.fill(&format!(
            "begin; select set_config('role', 'authenticated', true), set_config('request.jwt.claims', '{ANN}', true), \
             set_config('request.method', 'GET', true)"
        )))
        .expect("as PostgREST begins");
    for (question, answer) in [
        ("select current_user", "authenticated"),
        ("select auth.uid()", fixture.ann.id.as_str()),
        ("select auth.role()", "authenticated"),
        ("select auth.email()", "ann@example.com"),
        ("select auth.jwt()->'extra'->>1", "2"),
        ("select auth.is_authenticated()", "t"),
        (
            "select current_setting('app.user_id')",
            fixture.ann.id.as_str(),
        ),
        (
            "select current_setting('request.jwt.claim.sub')",
            fixture.ann.id.as_str(),
        ),
        ("select count(*) from public.notes", "2"),
        (
            "select body from public.notes where not is_public",
            "ann private",
        ),
    ] {
        assert_eq!(
            value(&mut trusty, question).expect("asked").as_deref(),
            Some(answer),
            "{question}"
        );
    }
    // Not sealed: a trusted session may become the next user in the same transaction.
    trusty
        .batch_execute(&fixture.fill(r#"select set_config('request.jwt.claims', '{"sub":"{BOB_ID}","role":"authenticated"}', true)"#))
        .expect("allowed");
    assert_eq!(
        value(&mut trusty, "select auth.uid()")
            .expect("asked")
            .as_deref(),
        Some(fixture.bob.id.as_str())
    );
    trusty.batch_execute("commit").expect("ends");
    assert_eq!(
        value(&mut trusty, "select auth.uid()").expect("asked"),
        None
    );
}

fn superuser(database: &Database) {
    let mut superuser = database.superuser();
    let id = value(
        &mut superuser,
        &database.fixture.fill(&format!(
            "set request.jwt.claims = '{ANN}'; select auth.uid()"
        )),
    );
    assert_eq!(
        id.expect("allowed").as_deref(),
        Some(database.fixture.ann.id.as_str())
    );
}

fn scopes(database: &Database) {
    let mut trusty = database.connect("trusty");
    let fixture = &database.fixture;
    let set = |id: &str| {
        format!(r#"set local request.jwt.claims = '{{"sub":"{id}","role":"authenticated"}}'"#)
    };
    let (ann, bob) = (fixture.ann.id.as_str(), fixture.bob.id.as_str());
    let uid = |client: &mut postgres::Client| {
        value(client, "select auth.uid()")
            .expect("asked")
            .unwrap_or_default()
    };
    for end in ["commit", "rollback"] {
        trusty
            .batch_execute(&format!("begin; {}", set(ann)))
            .expect("set");
        assert_eq!(uid(&mut trusty), ann);
        trusty
            .batch_execute(&format!("savepoint s; {}", set(bob)))
            .expect("set");
        assert_eq!(uid(&mut trusty), bob);
        trusty
            .batch_execute("rollback to savepoint s")
            .expect("back");
        assert_eq!(uid(&mut trusty), ann);
        trusty.batch_execute(end).expect("ends");
        assert_eq!(uid(&mut trusty), "", "after {end}");
    }
}

fn through_a_group(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute("create role gateways; create role gateway login; grant fluxbase_trusted to gateways; grant gateways to gateway")
        .expect("roles");
    let mut gateway = database.connect("gateway");
    let claim = database
        .fixture
        .fill(&format!("set request.jwt.claims = '{ANN}'"));
    gateway
        .batch_execute(&claim)
        .expect("trusted through its group");
    superuser
        .batch_execute("revoke gateways from gateway")
        .expect("revoked");
    assert_eq!(
        sqlstate(&gateway.batch_execute(&claim)).as_deref(),
        Some("42501")
    );
    drop(gateway);
    superuser
        .batch_execute("drop role gateway; drop role gateways")
        .expect("dropped");
}

fn lost_membership(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute("create role leaver login; grant fluxbase_trusted to leaver")
        .expect("role");
    let mut leaver = database.connect("leaver");
    let claim = database
        .fixture
        .fill(&format!("set request.jwt.claims = '{ANN}'"));
    leaver.batch_execute(&claim).expect("trusted");
    leaver
        .batch_execute("reset request.jwt.claims")
        .expect("reset");
    superuser
        .batch_execute("revoke fluxbase_trusted from leaver")
        .expect("revoked");
    assert_eq!(
        sqlstate(&leaver.batch_execute(&claim)).as_deref(),
        Some("42501")
    );
    drop(leaver);
    superuser
        .batch_execute("drop role leaver")
        .expect("dropped");
}

fn definer(database: &Database) {
    database
        .superuser()
        .batch_execute(
            "create function public.claim(c text) returns text language sql security definer as \
             $$ select set_config('request.jwt.claims', c, true) $$; \
             create function public.clause() returns uuid language sql security definer \
             set request.jwt.claims = '{\"sub\":\"00000000-0000-4000-8000-000000000001\",\"role\":\"authenticated\"}' as 'select auth.uid()'",
        )
        .expect("functions");
    let mut plain = database.connect("plain");
    let call = database
        .fixture
        .fill(&format!("select public.claim('{ANN}')"));
    assert_eq!(
        sqlstate(&plain.batch_execute(&call)).as_deref(),
        Some("42501")
    );
    assert_eq!(
        sqlstate(&plain.batch_execute("select public.clause()")).as_deref(),
        Some("42501")
    );
    let mut trusty = database.connect("trusty");
    trusty.batch_execute(&call).expect("trusted");
    trusty
        .batch_execute("select public.clause()")
        .expect("trusted");
}

fn session_authorization(database: &Database) {
    let mut superuser = database.superuser();
    superuser
        .batch_execute("set session authorization plain")
        .expect("as plain");
    let claim = database
        .fixture
        .fill(&format!("set request.jwt.claims = '{ANN}'"));
    assert_eq!(
        sqlstate(&superuser.batch_execute(&claim)).as_deref(),
        Some("42501")
    );
    superuser
        .batch_execute("set session authorization trusty")
        .expect("as trusty");
    superuser.batch_execute(&claim).expect("trusted");
}

fn other_settings(database: &Database) {
    for login in ["plain", "fluxbase_app", "trusty"] {
        let mut client = database.connect(login);
        let set = value(
            &mut client,
            "select set_config('request.headers', '{\"host\":\"x\"}', false)",
        );
        assert_eq!(
            set.expect("allowed").as_deref(),
            Some("{\"host\":\"x\"}"),
            "{login}"
        );
    }
    let mut plain = database.connect("plain");
    let outcome = plain.batch_execute("set request.jwt.claim.sub = 'x'");
    assert_eq!(sqlstate(&outcome).as_deref(), Some("42501"));
}

fn without_sub(database: &Database) {
    let mut trusty = database.connect("trusty");
    for claims in [
        "{}",
        r#"{"role":"anon"}"#,
        r#"{"sub":"","role":"anon"}"#,
        r#"{"sub":null,"role":"anon"}"#,
    ] {
        let outcome = trusty.execute(
            "select set_config('request.jwt.claims', $1, false)",
            &[&claims],
        );
        if sqlstate(&outcome).is_none() {
            let who = value(
                &mut trusty,
                "select auth.role() || coalesce(auth.uid()::text, '') || auth.is_authenticated()",
            )
            .expect("asked");
            assert_eq!(who.as_deref(), Some("anonfalse"), "{claims}");
        } else {
            assert_eq!(sqlstate(&outcome).as_deref(), Some("22023"), "{claims}");
        }
    }
    trusty
        .execute(
            "select set_config('request.jwt.claims', $1, false)",
            &[&r#"{"role":"anon"}"#],
        )
        .expect("a visitor");
}
