"""One measured run of a load generator: rate, latencies, and CPU time booked to server and PostgreSQL."""

import os
import re
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from database import DATABASE, PASSWORD, PORT
from processes import CpuSeconds, children_named

HERE = Path(__file__).resolve().parent
FLOOR_LOGIN = "bench_floor"


@dataclass
class Run:
    """Latencies in milliseconds, CPU in microseconds per request."""
    rate: float
    p50: float
    p99: float
    server: float
    postgres: float
    # CPU seconds a second that neither load generator, server nor PostgreSQL used: somebody else's.
    foreign: float

    @property
    def cpu(self):
        return self.server + self.postgres


def _run(started, ended, load_seconds, elapsed, requests, p50, p99):
    used, machine = ended.since(started)
    per_request = 1e6 / requests
    return Run(
        rate=requests / elapsed, p50=p50, p99=p99,
        server=used.get("server", 0.0) * per_request,
        postgres=used["postgres"] * per_request,
        foreign=max(0.0, machine - sum(used.values()) - load_seconds) / elapsed)


def floor(database, root, workload, connections, seconds, directory):
    """pgbench over the unix socket."""
    return pgbench(database, root, workload, connections, seconds, directory, FLOOR_LOGIN, {"init": 0})


def pgbench(database, root, script, connections, seconds, directory, login, variables, alone=False):
    """Measured in a window in which all clients are under way: starting a backend and preparing its statements
    costs milliseconds, which a server does once and not per run. `alone`: CPU time is that of the one backend."""
    with tempfile.TemporaryDirectory(dir=directory) as own:
        return _pgbench(database, root, script, connections, seconds, Path(own), login, variables, alone)


def _pgbench(database, root, script, connections, seconds, directory, login, variables, alone):
    output = directory / "output"
    defined = [part for name, value in variables.items() for part in ("-D", f"{name}={value}")]
    with output.open("w") as file:
        process = subprocess.Popen(
            [root / "bin" / "pgbench", "-n", "-M", "prepared", *defined, "-c", str(connections), "-j", "1",
             "-T", str(seconds + 2), "-l", "--log-prefix", directory / "log", "-f", HERE / "pgbench" / f"{script}.sql",
             "-h", database.socket, "-p", PORT, "-U", login, DATABASE],
            stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + 30
        while len(backends := children_named(database.pid, f" {login} ")) < connections:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"pgbench did not connect: {output.read_text()[-1000:]}")
            time.sleep(0.02)
        time.sleep(0.4)
        roots = {"postgres": backends[0] if alone else database.pid, "load": process.pid}
        started, from_time = CpuSeconds(roots), time.time()
        time.sleep(seconds)
        ended, to_time = CpuSeconds(roots), time.time()
        if process.poll() is not None:
            raise RuntimeError(f"pgbench ended too early: {output.read_text()[-1000:]}")
        if process.wait(60) != 0:
            raise RuntimeError(f"pgbench failed: {output.read_text()[-1000:]}")
    finally:
        process.kill()
        process.wait()
    latencies = sorted(_logged(directory, from_time, to_time))
    if not latencies:
        raise RuntimeError(f"pgbench did nothing: {output.read_text()[-1000:]}")
    p50, p99 = (latencies[int(len(latencies) * share)] / 1000 for share in (0.5, 0.99))
    return _run(started, ended, 0.0, to_time - from_time, len(latencies), p50, p99)


def _logged(directory, from_time, to_time):
    """Microseconds of each transaction that ended in the window, from pgbench's own log."""
    for path in directory.glob("log.*"):
        with path.open() as log:
            for line in log:
                _, _, latency, _, second, microsecond = line.split()[:6]
                if from_time < int(second) + int(microsecond) / 1e6 <= to_time:
                    yield int(latency)


RESULT = re.compile(
    r"RESULT requests=(\d+) microseconds=(\d+) p50=(\d+) p99=(\d+) bytes=(\d+) failed=(\d+) bad_status=(\d+) "
    r"wrong=(\d+) right=(\d+) sample=(.*)")


def _wrk(server, workload, connections, seconds, tokens, check, options=None, lenient=False):
    environment = os.environ | {"BENCH_DIR": str(HERE), "BENCH_TOKENS": str(tokens)} | (options or {})
    environment.pop("BENCH_CHECK", None)
    if check:
        environment["BENCH_CHECK"] = "1"
    with subprocess.Popen(
            ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s",
             "-s", HERE / "wrk" / f"{workload}.lua", server.url],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as process:
        try:
            output = process.stdout.read()
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            process.kill()
            raise
    found = RESULT.search(output)
    if process.returncode != 0 or not found:
        raise RuntimeError(f"wrk failed: {output[-1000:]}")
    numbers = [int(text) for text in found.groups()[:9]]
    requests, microseconds, p50, p99, size, failed, bad_status, wrong, right = numbers
    if lenient:
        requests -= bad_status
        bad_status = 0
    if requests <= 0 or failed or bad_status or wrong:
        raise RuntimeError(
            f"{workload} at {connections} connections: {requests} answers, {failed} failed, "
            f"{bad_status} with an error status, {wrong} wrong; the last one: {found[10]}")
    if check and right != requests:
        raise RuntimeError(f"{workload}: of {requests} answers {right} were looked at")
    return requests, microseconds / 1e6, p50 / 1000, p99 / 1000, size / requests, usage.ru_utime + usage.ru_stime


def bytes_per_answer(server, workload, connections, seconds, tokens):
    """Looks at every answer under load, and returns how long a right one is on average, headers included."""
    return _wrk(server, workload, connections, seconds, tokens, check=True)[4]


def server(database, server, workload, connections, seconds, tokens, expected_bytes):
    """wrk over HTTP. No answer may fail, and they must be as long as right ones are."""
    roots = {"postgres": database.pid, "server": server.pid}
    started = CpuSeconds(roots)
    requests, elapsed, p50, p99, size, load_seconds = _wrk(server, workload, connections, seconds, tokens, check=False)
    ended = CpuSeconds(roots)
    if abs(size / expected_bytes - 1) > 0.01:
        raise RuntimeError(f"{workload}: {size:.0f} bytes per answer where {expected_bytes:.0f} were expected")
    return _run(started, ended, load_seconds, elapsed, requests, p50, p99)


def beside_slow(database, target, connections, seconds, tokens, expected_bytes):
    """R1 while two clients beside it run queries of 50 ms."""
    with ThreadPoolExecutor(1) as pool:
        napping = pool.submit(_wrk, target, "nap", 2, seconds + 2, tokens, check=False)
        time.sleep(1)
        measured = server(database, target, "r1", connections, seconds, tokens, expected_bytes)
        napping.result()
    return measured


def sign_ins(database, server, connections, seconds, tokens):
    """(sign-ins a second over HTTP, milliseconds of CPU of server and PostgreSQL for each). Those that found no slot
    within a second (503) are not counted."""
    roots = {"postgres": database.pid, "server": server.pid}
    started = CpuSeconds(roots)
    requests, elapsed, *_ = _wrk(
        server, "signin", connections, seconds, tokens, check=False, options={"BENCH_PASSWORD": PASSWORD}, lenient=True)
    used, _ = CpuSeconds(roots).since(started)
    return requests / elapsed, sum(used.values()) * 1000 / requests


def capacity(server, connections, seconds, tokens):
    """R1 a second when nothing paces it."""
    requests, elapsed, *_ = _wrk(server, "r1", connections, seconds, tokens, check=False)
    return requests / elapsed


def paced(server, rate, connections, seconds, tokens):
    """(R1 a second, p50, p99 in milliseconds) when asked for at `rate`."""
    requests, elapsed, p50, p99, *_ = _wrk(
        server, "r1_paced", connections, seconds, tokens, check=False, options={"BENCH_RATE": str(rate)})
    return requests / elapsed, p50, p99
