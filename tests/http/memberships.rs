//! Rights that a role has by being a member of another. PostgreSQL goes by them at once and tells nobody that they changed;
//! what is said of them follows within the two seconds that the README promises.

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::Response;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(2);

const SCHEMA: &str = "
    create role held_by_few;
    create role held_by_some;
    grant held_by_few to held_by_some;
    create table public.held (id int primary key);
    insert into public.held values (7);
    create function public.hold() returns int stable language sql return 8;
    revoke execute on function public.hold() from public;
    grant select on public.held to held_by_few;
    grant execute on function public.hold() to held_by_few;
";

/// Memberships belong to the cluster and outlive the database.
const END: &str = "
    drop owned by held_by_few, held_by_some;
    drop role held_by_few, held_by_some;
    alter role authenticated noinherit;
";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let own = Arc::clone(fixture);
    vec![trial(
        &fixture.cluster,
        "memberships::a_right_that_ended_with_a_membership_is_refused_at_once_and_told_to_nobody_two_seconds_later",
        move || {
            let database = own.database();
            database.superuser().batch_execute(SCHEMA).expect("made");
            let site = Site::on(database, &[]);
            come_and_go(&site);
            site.database.superuser().batch_execute(END).expect("gone");
        },
    )]
}

/// 1. Ann's role is made a member of one that may read, at one remove: everything names what she may now read.
/// 2. The membership ends, at its far end, at its near end, or by no longer being inherited: she is refused at once, and
///    soon nothing names the table any more.
fn come_and_go(site: &Site) {
    let mut superuser = site.database.superuser();
    let version: String = superuser
        .query_one("show server_version_num", &[])
        .expect("a version")
        .get(0);
    // The roles of requests inherit nothing by themselves. Until 15 it is the member that inherits or does not; since then
    // the membership.
    let [prepare, grant, cut, mend] = match version.as_str() < "160000" {
        true => [
            "alter role authenticated inherit",
            "grant held_by_some to authenticated",
            "alter role held_by_some noinherit",
            "alter role held_by_some inherit",
        ],
        false => [
            "select",
            "grant held_by_some to authenticated with inherit true",
            "grant held_by_few to held_by_some with inherit false",
            "grant held_by_few to held_by_some with inherit true",
        ],
    };
    superuser.batch_execute(prepare).expect("done");
    assert_eq!(told(site), [false; 3]);
    for (begins, ends) in [
        (grant, "revoke held_by_some from authenticated"),
        (grant, "revoke held_by_few from held_by_some"),
        ("grant held_by_few to held_by_some", cut),
        (mend, "revoke held_by_some from authenticated"),
    ] {
        superuser.batch_execute(begins).expect("a membership");
        assert_eq!(read(site).expect(200), json!([{"id": 7}]), "{begins}");
        within_the_bound(site, begins, [true; 3]);
        superuser.batch_execute(ends).expect("its end");
        read(site).refused(403, "RLS_POLICY_VIOLATION");
        let late = graphql(site);
        assert!(late.json().get("data").is_none(), "{}", late.text());
        within_the_bound(site, ends, [false; 3]);
    }
}

/// Whether Ann is told of the table by GraphQL, and of it and the function by the description; a visitor never is.
type Told = [bool; 3];

fn told(site: &Site) -> Told {
    let visitors = site.get("/api/v1/openapi.json").send().expect(200);
    assert!(!visitors.to_string().contains("held"));
    let answer = graphql(site);
    match answer.status {
        200 => assert_eq!(
            answer.json(),
            json!({"data": {"held": [{"id": 7}], "hold": 8}})
        ),
        // Still in the schema, and refused by PostgreSQL.
        403 => drop(answer.shaped(403, "RLS_POLICY_VIOLATION")),
        _ => drop(answer.shaped(400, "GRAPHQL_VALIDATION_FAILED")),
    }
    let token = &site.database.fixture.ann.token;
    let document = site.get("/api/v1/openapi.json").bearer(token).send();
    let document = document.expect(200);
    let named = |path: &str| document["paths"].get(path).is_some();
    [
        answer.status != 400,
        named("/api/v1/tables/held"),
        named("/api/v1/rpc/default/hold"),
    ]
}

fn graphql(site: &Site) -> Response {
    let query = json!({"query": "{ held { id } hold }"});
    let request = site.post("/api/v1/graphql", &query);
    request.bearer(&site.database.fixture.ann.token).send()
}

fn read(site: &Site) -> Response {
    let request = site.get("/api/v1/tables/held");
    request.bearer(&site.database.fixture.ann.token).send()
}

fn within_the_bound(site: &Site, done: &str, expected: Told) {
    let began = Instant::now();
    loop {
        let now = told(site);
        if now == expected {
            return;
        }
        assert!(began.elapsed() < BOUND, "{done}: {now:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
