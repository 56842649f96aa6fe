"""What auth.enter costs a backend beyond a call that does nothing, beside a million revocations and ended sessions."""

import statistics
import subprocess
from contextlib import contextmanager

import load
from database import DATABASE, PASSWORD, PORT, literal
from load import HERE
from processes import Others
from tokens import payload_of, signed_hs256

LOGIN = "bench_enter"
ROWS = 1_000_000
# As in pgbench/enter_fresh.sql: sessions, and tokens of each.
SESSIONS, TOKENS = 40, 100
ENDED_A_SECOND = 200
# (algorithm, seen before by the backend) -> microseconds at most.
GOALS = {("HS256", True): 15, ("HS256", False): 15, ("ES256", True): 15, ("ES256", False): 120}


def load_rows(database, secret):
    """Sessions whose tokens are entered, and a million each of what they must be told from. One token of every kind."""
    database.psql(f"""
        drop schema if exists bench cascade;
        drop role if exists {LOGIN};
        create role {LOGIN} login in role fluxbase_app;
        create schema bench;
        create table bench.tokens (kind text, number int, token text, primary key (kind, number));
        grant usage on schema bench to {LOGIN};
        grant select on bench.tokens to {LOGIN};
        do $$
        declare
          reply jsonb;
        begin
          for u in 1..{SESSIONS} loop
            reply := auth.sign_in('user' || u || '@example.test', {literal(PASSWORD)});
            for t in 1..{TOKENS} loop
              insert into bench.tokens values ('ES256', (u - 1) * {TOKENS} + t, reply ->> 'access_token');
              reply := auth.refresh(reply ->> 'refresh_token');
            end loop;
          end loop;
        end $$;
        insert into auth.revoked_tokens (jti, expires_at)
          select left(moment, 8) || '-' || right(moment, 4) || '-7' || substr(gen_random_uuid()::text, 16), now() + interval '1 day'
          from (select lpad(to_hex((extract(epoch from now()) * 1000 - random() * 86400000)::bigint), 12, '0') as moment
                from generate_series(1, {ROWS})) ids;
        -- Signing in sweeps away what has been over for a day.
        insert into auth.sessions (id, user_id, refresh_token_hash, method, created_at, expires_at, ends_at)
          select gen_random_uuid(), public.user_uuid(1 + n % 200), sha256(n::text::bytea), 'bench',
            now() - interval '2 hours', now() - interval '1 hour', now() - interval '1 hour'
          from generate_series(1, {ROWS}) n;""")
    # The very claims of the database's own tokens, session and all, under the shared secret.
    rows = [
        (number, signed_hs256(secret, payload_of(token)))
        for number, token in (line.split("|") for line in database.psql(
            "select number, token from bench.tokens where kind = 'ES256'").splitlines())
    ]
    values = ",\n".join(f"('HS256', {number}, {literal(token)})" for number, token in rows)
    database.psql(f"""
        insert into bench.tokens values {values};
        vacuum (freeze, analyze) bench.tokens;
        vacuum (freeze, analyze) auth.revoked_tokens;
        vacuum (freeze, analyze) auth.sessions;
        checkpoint;""")
    tokens = dict(line.split("|") for line in database.psql(
        "select kind, token from bench.tokens where number = 1").splitlines())
    for kind, token in tokens.items():
        # A refusal would be an error of pgbench; an entry that is not one would flatter.
        who = database.psql(
            f"begin; select auth.enter({literal(token)}) \\g /dev/null\nselect auth.uid() is not null and auth.session_id() is not null; commit",
            user=LOGIN)
        if who != "t":
            raise RuntimeError(f"the {kind} token entered as nobody")
    return tokens


def remove_rows(database):
    database.psql("""
        drop schema if exists bench cascade;
        delete from auth.sessions;
        delete from auth.revoked_tokens;
        vacuum auth.sessions;
        vacuum auth.revoked_tokens;""")
    database.psql(f"drop role if exists {LOGIN}")


@contextmanager
def _sessions_ending(database, root, wanted):
    """Another connection ends sessions meanwhile."""
    if not wanted:
        yield
        return
    process = subprocess.Popen(
        [root / "bin" / "pgbench", "-n", "-M", "prepared", "-c", "1", "-R", str(ENDED_A_SECOND), "-T", "3600",
         "-f", HERE / "pgbench" / "end_session.sql", "-h", database.socket, "-p", PORT, "-U", "postgres", DATABASE],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
        if process.poll() is not None:
            raise RuntimeError("the connection that ends sessions ended itself")
    finally:
        process.kill()
        process.wait()


def microseconds(database, root, tokens, seconds, repeat, state, say):
    """({(algorithm, seen, ending): [microseconds of each turn]}, {(seen, ending): [those of the floor]}, cores of others)."""
    others, results, floors = Others(database.pid), {}, {}

    def cpu(script, variables):
        return load.pgbench(
            database, root, script, 1, seconds, state, LOGIN, variables | {"n": 0}, alone=True).postgres

    for _ in range(repeat):
        for ending in (False, True):
            with _sessions_ending(database, root, ending):
                for seen in (True, False):
                    fresh, given = ("", lambda kind: {"token": tokens[kind]}) if seen else ("_fresh", lambda kind: {"kind": kind})
                    # Before and after, since what others do on the machine changes what a call costs.
                    floor = [cpu(f"enter{fresh}_floor", given("ES256"))]
                    whole = {kind: cpu(f"enter{fresh}", given(kind)) for kind in ("HS256", "ES256")}
                    floor.append(cpu(f"enter{fresh}_floor", given("ES256")))
                    floors.setdefault((seen, ending), []).extend(floor)
                    for kind, one in whole.items():
                        results.setdefault((kind, seen, ending), []).append(one - statistics.mean(floor))
    for (kind, seen, ending), found in results.items():
        say(f"auth.enter {kind} {'seen' if seen else 'fresh'}{', sessions ending' if ending else ''}: "
            f"{statistics.median(found):.1f} µs of " + " ".join(f"{one:.1f}" for one in found))
    return results, floors, others.cores()
