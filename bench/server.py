"""The server under test, as its release build, on a free port of the loopback address."""

import http.client
import json
import os
import socket
import subprocess
import time

from processes import memory_mib
from tokens import user_id

# Of the environment, only what says nothing about another database or another configuration.
FOREIGN = ("FLUXBASE_", "DATABASE_URL", "JWT_SECRET", "PG")


class Server:
    """Started in its own process; `stop` ends it."""

    def __init__(self, binary, database, directory, executor, options):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        host = database.socket.replace("%", "%25").replace("/", "%2F")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        environment |= {
            "FLUXBASE_DATABASE_URL": f"postgres://fluxbase_app@{host}:5432/bench",
            "FLUXBASE_SERVER_ADDRESS": f"127.0.0.1:{self._port}",
            "FLUXBASE_DATABASE_EXECUTOR": executor,
            # 64 clients at once make it open all its connections at once. Where something else uses the
            # machine, that took longer than the defaults allow, and the 503s ended the measurement.
            "FLUXBASE_DATABASE_CONNECT_TIMEOUT": "10s",
            "FLUXBASE_DATABASE_POOL_TIMEOUT": "10s",
            **options,
        }
        self._log = directory / f"server-{executor}.log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [binary, "serve"], cwd=directory, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.pid = self._process.pid
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _wait(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                if self.get("/health")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start:\n{self._log.read_text()[-2000:]}")

    def get(self, path, token=None):
        """(status, body) of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def check(self, tokens):
        """Every user gets exactly the own rows, in order, before anything is timed."""
        for number, token in tokens.items():
            owner = user_id(number)
            post = number + 10_000 * (number % 20)
            rows = self._rows(f"/api/v1/tables/posts?id=eq.{post}", token)
            if [(row["id"], row["user_id"]) for row in rows] != [(post, owner)]:
                raise RuntimeError(f"R1 for user {number} answered {rows}")
            rows = self._rows(f"/api/v1/tables/posts?user_id=eq.{owner}&order=created_at.desc&limit=20", token)
            if len(rows) != 20 or {row["user_id"] for row in rows} != {owner}:
                raise RuntimeError(f"R2 for user {number} answered {len(rows)} rows, not the 20 own ones")
            made = [row["created_at"] for row in rows]
            if made != sorted(made, reverse=True):
                raise RuntimeError(f"R2 for user {number} is out of order")

    def _rows(self, path, token):
        status, body = self.get(path, token)
        if status != 200:
            raise RuntimeError(f"{path} answered {status}: {body[:500]}")
        return json.loads(body)

    def memory_mib(self):
        return memory_mib(self.pid)

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
