//! `max-affected` while others change the same rows.

use crate::site::Site;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::http::Response;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const MOST: usize = 5;

/// What a statement changed is written down in its own transaction, which takes a moment longer for it.
const SCHEMA: &str = "
    create table public.pile (id bigint generated always as identity primary key, state int not null default 0);
    create index on public.pile (state);
    grant select, insert, update, delete on public.pile to authenticated;
    create table public.ledger (ids bigint[] not null);
    create function public.note() returns trigger language plpgsql security definer as $$
        begin
            insert into public.ledger select array_agg(id order by id) from was having count(*) > 0;
            perform pg_sleep(0.002);
            return null;
        end $$;
    create trigger note after update on public.pile referencing old table as was for each statement execute function public.note();
    create trigger note_delete after delete on public.pile referencing old table as was for each statement execute function public.note();
";

pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let own = Arc::clone(fixture);
    vec![trial(
        &fixture.cluster,
        "max_affected::no_write_goes_beyond_it_while_others_add_rows_that_match",
        move || {
            let database = own.database();
            database.superuser().batch_execute(SCHEMA).expect("made");
            // Two that wait for each other hold a connection for the second after which PostgreSQL looks.
            race(&Site::on(database, &[("DATABASE_POOL_TIMEOUT", "20s")]));
        },
    )]
}

/// 1. Some add rows that match while others change or remove all that match, at most five at a time.
/// 2. Rows appear between the moment a write looks and the moment it has its locks; a write that was refused is repeated
///    for the first five rows, so that it goes on.
fn race(site: &Site) {
    const WRITES: usize = 40;
    add(site, 20);
    let refused = AtomicUsize::new(0);
    let mut accepted: Vec<Vec<i64>> = std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| (0..WRITES).for_each(|_| add(site, 4)));
        }
        let refused = &refused;
        let writers: Vec<_> = ["PATCH", "PATCH", "PATCH", "DELETE", "DELETE"]
            .into_iter()
            .map(|method| {
                scope.spawn(move || {
                    let mut done = Vec::new();
                    for _ in 0..WRITES {
                        let first = write(site, method, "pile?state=eq.0");
                        let held = changed(&first);
                        let held = held.or_else(|| {
                            refused.fetch_add(1, Ordering::Relaxed);
                            let page = "pile?state=eq.0&order=id&limit=5";
                            changed(&write(site, method, page))
                        });
                        done.extend(held.filter(|ids| !ids.is_empty()));
                    }
                    done
                })
            })
            .collect();
        let all = writers
            .into_iter()
            .flat_map(|one| one.join().expect("done"));
        all.collect()
    });
    assert!(refused.into_inner() > 0, "nobody met too many rows");
    assert!(accepted.iter().all(|ids| ids.len() <= MOST));
    // What happened is what was answered with success, and nothing else.
    let rows = site
        .database
        .superuser()
        .query("select ids from public.ledger", &[]);
    let mut happened: Vec<Vec<i64>> = rows.expect("read").iter().map(|row| row.get(0)).collect();
    happened.sort_unstable();
    accepted.sort_unstable();
    assert!(accepted.len() > 10, "{}", accepted.len());
    assert_eq!(happened, accepted);

    // Without the limit all of them are changed, with it none; exactly as many as it allows are.
    let target = "pile?state=eq.0";
    let rest = request(site, "DELETE", target).send();
    rest.expect(204);
    add(site, 20);
    assert_eq!(changed(&write(site, "PATCH", target)), None);
    let all = request(site, "PATCH", target).header("Prefer", "return=representation");
    let all = all.json(&json!({"state": 2})).send();
    assert_eq!(changed(&all).map(|ids| ids.len()), Some(20));
    add(site, MOST);
    let few = changed(&write(site, "DELETE", target));
    assert_eq!(few.map(|ids| ids.len()), Some(MOST));
}

fn request(site: &Site, method: &str, target: &str) -> fluxbase_tests::http::Request {
    let request = site.request(method, &format!("/rest/v1/{target}"));
    request.bearer(&site.database.fixture.ann.token)
}

fn add(site: &Site, rows: usize) {
    let rows: Vec<Value> = (0..rows).map(|_| json!({"state": 0})).collect();
    let request = request(site, "POST", "pile").json(&json!(rows));
    request.send().expect(201);
}

fn write(site: &Site, method: &str, target: &str) -> Response {
    let prefer = format!("handling=strict, max-affected={MOST}, return=representation");
    let request = request(site, method, target).header("Prefer", &prefer);
    match method {
        "PATCH" => request.json(&json!({"state": 1})).send(),
        _ => request.send(),
    }
}

/// The rows that were changed; none of a write that was refused, for their number or as one of two in each other's way.
fn changed(answer: &Response) -> Option<Vec<i64>> {
    match answer.status {
        400 => drop(answer.told(400, "PGRST124")),
        409 => drop(answer.told(409, "40P01")),
        _ => {
            let rows = answer.expect(200);
            let ids = rows.as_array().expect("rows").iter();
            let mut ids: Vec<i64> = ids.filter_map(|row| row["id"].as_i64()).collect();
            ids.sort_unstable();
            return Some(ids);
        }
    }
    None
}
