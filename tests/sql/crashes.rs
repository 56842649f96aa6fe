//! A crash of PostgreSQL between any two steps of an act: it was done, or it was not.
//!
//! Triggers count the rows an act writes and hold it at the n-th; there the backend is killed, or the whole server. Then n + 1,
//! until the act gets to its end.

use crate::acts::{act, but, count, enters, mailed, state, superuser};
use fluxbase_tests::cluster::Cluster;
use fluxbase_tests::fixture::{Account, Database, Fixture, PASSWORD};
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ANN: &str = "ann@example.com";
const NEW: &str = "Other-Staple-8-Mule";
const LONG: Duration = Duration::from_secs(30);

type Test = (&'static str, fn(&Database));

const TESTS: &[Test] = &[
    ("a_refresh_is_done_or_not", refresh),
    ("a_reset_is_done_or_not", reset),
    ("a_failure_that_locks_counts_at_every_step", lockout),
    ("the_end_of_the_whole_server_forgets_nothing", server),
];

/// Each has a cluster of its own.
pub fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    TESTS
        .iter()
        .map(|(name, body)| {
            trial(&fixture.cluster, format!("crashes::{name}"), move || {
                let cluster = Arc::new(Cluster::start(""));
                let own = Arc::new(Fixture::new(Arc::clone(&cluster)));
                let database = own.database();
                superuser(&database, STEPS);
                body(&database);
                drop(database);
                drop(own);
                cluster.stop();
            })
        })
        .collect()
}

const STEPS: &str = "
    create sequence public.steps;
    create table public.held (step bigint);
    insert into public.held values (0);
    create function public.step() returns trigger language plpgsql security definer as $$
    begin
      if nextval('public.steps') = (select step from public.held) then
        perform pg_advisory_lock(4711);
      end if;
      return null;
    end $$;
    do $$
    declare t regclass;
    begin
      for t in select c.oid from pg_class c where c.relkind = 'r' and c.relnamespace in ('auth'::regnamespace, 'audit'::regnamespace) loop
        execute format('create trigger zz_step after insert or update or delete on %s for each row execute function public.step()', t);
        execute format('alter table %s enable always trigger zz_step', t);
      end loop;
    end $$;";

/// Runs `act` once for every row it writes, and kills its backend there. Between the rounds `crashed` looks at what is left;
/// gives the reply of the round in which nothing was left to hold, and how many there were before.
fn at_every_step(
    database: &Database,
    attempt: impl Fn(&mut Client) -> Value + Sync,
    mut crashed: impl FnMut(u64),
) -> (Value, u64) {
    for step in 1.. {
        superuser(
            database,
            &format!(
                "select setval('public.steps', 1, false); update public.held set step = {step}"
            ),
        );
        let mut holder = database.superuser();
        holder
            .batch_execute("select pg_advisory_lock(4711)")
            .expect("held");
        let mut app = database.app();
        let pid = backend(&mut app);
        let reply = std::thread::scope(|scope| {
            let acting = scope.spawn(|| {
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| attempt(&mut app))).ok()
            });
            let waits = format!(
                "select count(*)::int from pg_locks where locktype = 'advisory' and objid = 4711 and not granted and pid = {pid}"
            );
            let began = Instant::now();
            while !acting.is_finished() {
                let waiting: i32 = holder.query_one(&waits, &[]).expect("asked").get(0);
                if waiting == 1 {
                    kill(pid);
                    let reply = acting.join().expect("joined");
                    assert_eq!(reply, None, "it was killed");
                    return None;
                }
                assert!(began.elapsed() < LONG, "neither held nor done");
                std::thread::sleep(Duration::from_millis(5));
            }
            acting.join().expect("joined")
        });
        if let Some(reply) = reply {
            return (reply, step - 1);
        }
        gone(&mut holder);
        drop(come_back(database));
        crashed(step);
    }
    unreachable!("an act ends")
}

pub fn backend(client: &mut Client) -> i32 {
    client
        .query_one("select pg_backend_pid()", &[])
        .expect("a number")
        .get(0)
}

/// A backend killed this way takes PostgreSQL through crash recovery.
pub fn kill(pid: i32) {
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(killed.expect("kill runs").success());
}

/// Until PostgreSQL has noticed, it would let somebody in only to end that session too.
pub fn gone(bystander: &mut Client) {
    let began = Instant::now();
    while bystander.batch_execute("select 1").is_ok() {
        assert!(began.elapsed() < LONG, "no crash");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn come_back(database: &Database) -> Client {
    let config = database
        .fixture
        .cluster
        .config("fluxbase_app", &database.name);
    let began = Instant::now();
    loop {
        match config.connect(postgres::NoTls) {
            Ok(app) => return app,
            Err(_) if began.elapsed() < LONG => std::thread::sleep(Duration::from_millis(50)),
            Err(error) => panic!("PostgreSQL did not come back: {error:?}"),
        }
    }
}

fn refresh(database: &Database) {
    let ann = &database.fixture.ann;
    let before = state(database);
    let refresh = |app: &mut Client| act(app, "auth.refresh($1)", &[&ann.refresh]);
    let (reply, steps) = at_every_step(database, refresh, |step| {
        assert_eq!(state(database), before, "step {step}");
        assert_eq!(enters(&mut database.app(), &ann.token), Ok(()));
    });
    assert!(steps >= 1, "{steps}");
    // Whoever never got the answer tries again, and is no thief.
    let next = Account::from_reply(&reply);
    assert_eq!(enters(&mut database.app(), &next.token), Ok(()));
    Account::from_reply(&act(
        &mut database.app(),
        "auth.refresh($1)",
        &[&next.refresh],
    ));
}

fn reset(database: &Database) {
    superuser(database, "update auth.users set email_verified = true");
    let ann = &database.fixture.ann;
    let mut app = database.app();
    // What a reset voids: another link, a sign-in that waits.
    let ask = |app: &mut Client, request: &str| {
        act(app, &format!("auth.{request}('ann@example.com')"), &[]);
    };
    ask(&mut app, "request_magic_link");
    let link = mailed(database, "magic_link");
    ask(&mut app, "request_password_reset");
    let token = mailed(database, "password_reset");
    let before = state(database);
    let sign_in = |password: &str| {
        act(
            &mut database.app(),
            "auth.sign_in($1, $2)",
            &[&ANN, &password],
        )
    };
    let reset = |app: &mut Client| act(app, "auth.reset_password($1, $2)", &[&token, &NEW]);
    let (reply, steps) = at_every_step(database, reset, |step| {
        assert_eq!(state(database), before, "step {step}");
        assert_eq!(enters(&mut database.app(), &ann.token), Ok(()));
    });
    // The token used up, the password, the sessions ended, the mail about it, the audit, the new session.
    assert!(steps >= 6, "{steps}");
    Account::from_reply(&reply);
    assert_eq!(
        enters(&mut database.app(), &ann.token),
        Err("FX003".to_owned())
    );
    assert_eq!(sign_in(PASSWORD)["code"], "INVALID_CREDENTIALS");
    Account::from_reply(&sign_in(NEW));
    let magic = "auth.sign_in_with_magic_link($1)";
    assert_eq!(
        act(&mut database.app(), magic, &[&link])["code"],
        "TOKEN_USED"
    );
}

fn counted(database: &Database) -> i64 {
    count(
        database,
        "select count(*) from auth.login_attempts where email = 'ann@example.com'",
    )
}

const OLD: &str = "delete from auth.login_attempts where email = 'old@example.com'; \
    insert into auth.login_attempts (id, at, email) \
    select gen_random_uuid(), now() - interval '2 days', 'old@example.com' from generate_series(1, 3)";

fn lockout(database: &Database) {
    let wrong = |app: &mut Client| {
        act(
            app,
            "auth.sign_in('ann@example.com', 'Wrong-Horse-7-Battery')",
            &[],
        )
    };
    let mut app = database.app();
    for _ in 0..4 {
        wrong(&mut app);
    }
    // What an older failure left is swept on the way.
    superuser(database, OLD);
    let before = but(state(database), "one_time_tokens");
    let (reply, steps) = at_every_step(database, wrong, |step| {
        // It was judged, or was about to be: it counts.
        assert_eq!(counted(database), 5, "step {step}");
        assert_eq!(but(state(database), "one_time_tokens"), before);
        // Back to four, and the old ones, for the next round.
        superuser(
            database,
            "delete from auth.login_attempts where id in (select id from auth.login_attempts where email = 'ann@example.com' limit 1)",
        );
        superuser(database, OLD);
    });
    assert!(steps >= 1, "{steps}");
    assert_eq!(reply["code"], "INVALID_CREDENTIALS");
    let right = act(
        &mut database.app(),
        "auth.sign_in($1, $2)",
        &[&ANN, &PASSWORD],
    );
    assert_eq!(right["code"], "INVALID_CREDENTIALS");
    Account::from_reply(&act(
        &mut database.app(),
        "auth.sign_in('bob@example.com', $1)",
        &[&PASSWORD],
    ));
}

/// Not a backend but the postmaster, as when the machine loses its power: nothing is shut down.
fn server(database: &Database) {
    let fixture = &database.fixture;
    let mut app = database.app();
    for _ in 0..5 {
        act(
            &mut app,
            "auth.sign_in('ann@example.com', 'Wrong-Horse-7-Battery')",
            &[],
        );
    }
    let next = Account::from_reply(&act(&mut app, "auth.refresh($1)", &[&fixture.bob.refresh]));
    superuser(
        database,
        "update auth.users set disabled_at = now() where email = 'ann@example.com'",
    );
    let mut owner = database.superuser();
    // Undone: nobody committed it.
    owner
        .batch_execute("begin; update auth.users set role = 'service_role'")
        .expect("begun");
    let processes: Vec<i32> = owner
        .query("select pid from pg_stat_activity", &[])
        .expect("asked")
        .iter()
        .map(|row| row.get(0))
        .collect();
    let data: String = owner
        .query_one("show data_directory", &[])
        .expect("asked")
        .get(0);
    let postmaster = std::fs::read_to_string(Path::new(&data).join("postmaster.pid"))
        .ok()
        .and_then(|file| file.lines().next()?.parse().ok())
        .expect("the number of the postmaster");
    kill(postmaster);
    drop((owner, app));
    let began = Instant::now();
    while processes
        .iter()
        .any(|pid| Path::new(&format!("/proc/{pid}")).exists())
    {
        assert!(began.elapsed() < LONG, "orphans");
        std::thread::sleep(Duration::from_millis(20));
    }
    fixture.cluster.restart();
    let mut app = come_back(database);
    let over = Err("FX003".to_owned());
    assert_eq!(enters(&mut app, &fixture.ann.token), over);
    assert_eq!(enters(&mut app, &next.token), Ok(()));
    assert_eq!(counted(database), 5);
    let admins = "select count(*) from auth.users where role = 'service_role'";
    assert_eq!(count(database, admins), 0);
    // The old refresh token was used before the crash, and still is.
    let reused = act(&mut app, "auth.refresh($1)", &[&fixture.bob.refresh]);
    assert_eq!(reused["code"], "INVALID_TOKEN");
    assert_eq!(enters(&mut app, &next.token), over);
}
