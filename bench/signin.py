"""Sign-ins beside bare hashing, and reads beside sign-ins."""

import os
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import load
from processes import Others

# Of bare hashing, at least.
THROUGHPUT_GOAL = 0.9
# p99 beside sign-ins as a multiple of the idle one, at most.
LATENCY_GOAL = 2
READERS = 64


def _bare(program, threads, seconds):
    """(hashes a second, milliseconds of CPU each) with nothing around them."""
    with subprocess.Popen([program, str(threads), str(seconds)], stdout=subprocess.PIPE, text=True) as process:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError("bare hashing failed")
    hashes, elapsed = (float(number) for number in output.split())
    return hashes / elapsed, (usage.ru_utime + usage.ru_stime) * 1000 / hashes


def _sql(database, root, connections, seconds, state):
    run = load.pgbench(database, root, "signin", connections, seconds, state, "fluxbase_app", {})
    return run.rate, run.cpu / 1000


def throughput(database, root, server, bare, cores, seconds, repeat, tokens, state, say):
    """({name: [(a second, milliseconds of CPU each)]}, cores that others used); they take turns."""
    others, results = Others(database.pid), {}
    by_name = {
        "bare": lambda: _bare(bare, cores, seconds),
        "sql": lambda: _sql(database, root, cores, seconds, state),
        "http": lambda: load.sign_ins(database, server, cores, seconds, tokens),
        "http, waiting": lambda: load.sign_ins(database, server, 2 * cores, seconds, tokens),
    }
    for _ in range(repeat):
        for name, measure in by_name.items():
            results.setdefault(name, []).append(measure())
    say("sign-ins a second (ms of CPU each): " + ", ".join(
        "{} {:.1f} ({:.1f})".format(name, *medians(found)) for name, found in results.items()))
    return results, others.cores()


def medians(runs):
    return [statistics.median(of_one) for of_one in zip(*runs)]


def reads(database, server, cores, seconds, repeat, tokens, say):
    """({"capacity": R1 a second, "rate": asked for, name: [(R1 a second, p50, p99, sign-ins a second)]}, cores of others)."""
    others = Others(database.pid)
    capacity = statistics.median(load.capacity(server, 16, seconds, tokens) for _ in range(repeat))
    results = {"capacity": capacity, "rate": capacity / 2}
    # How many passwords are hashed at once while sign-ins saturate; 0 is the default, as many as there are cores.
    by_name = {"idle": None, "as many as cores (default)": 0}
    if cores > 1:
        by_name["one less"] = cores - 1
    for _ in range(repeat):
        for name, slots in by_name.items():
            results.setdefault(name, []).append(_beside(database, server, results["rate"], slots, cores, seconds, tokens))
    database.psql("select auth.configure('max_concurrent_hashes', '0')")
    for name in by_name:
        rate, p50, p99, signed_in = medians(results[name])
        say(f"R1 at {results['rate']:,.0f}/s, hashes {name}: {rate:,.0f}/s p50 {p50:.2f} p99 {p99:.2f} ms, {signed_in:.1f} sign-ins/s")
    return results, others.cores()


def _beside(database, server, rate, slots, cores, seconds, tokens):
    if slots is None:
        return *load.paced(server, rate, READERS, seconds, tokens), 0.0
    database.psql(f"select auth.configure('max_concurrent_hashes', '{slots}')")
    with ThreadPoolExecutor(1) as pool:
        signing_in = pool.submit(load.sign_ins, database, server, 2 * cores, seconds + 2, tokens)
        time.sleep(1)
        measured = load.paced(server, rate, READERS, seconds, tokens)
        return *measured, signing_in.result()[0]
