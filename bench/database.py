"""The private cluster and its database."""

import hashlib
import json
import os
import subprocess
from pathlib import Path

DATABASE = "bench"
# Names the socket, nothing more: the cluster does not listen on TCP.
PORT = "5432"
# Only signs in against this cluster, whose socket nobody else reaches.
PASSWORD = "Correct-Horse-7-Battery"
USERS = 200

SETTINGS = """
listen_addresses = ''
max_connections = 200
shared_buffers = 512MB
max_wal_size = 4GB
# The data can be made again; loading them is the only thing that writes.
fsync = off
"""


class Database:
    """A running cluster; `stop` ends it, the data stay for the next run."""

    def __init__(self, repository, state, major, root, say):
        self._cluster = repository / "deploy" / "cluster"
        self._schema = repository / "bench" / "schema.sql"
        self._directory = state / "data" / major
        self._root = root
        self._say = say
        if not self._exists():
            self._directory.parent.mkdir(parents=True, exist_ok=True)
            self._deploy("init", PORT, input=SETTINGS)
        # One left over by a run that was killed has the old library loaded.
        self._deploy("stop")

    def _exists(self):
        try:
            return (self._directory / "PG_VERSION").exists()
        except PermissionError:
            return True

    def _deploy(self, action, *more, input=""):
        return subprocess.run(
            [self._cluster, action, self._directory, self._root, *more],
            input=input, text=True, check=True, stdout=subprocess.PIPE).stdout.strip()

    def start(self):
        self._deploy("start", PORT)
        self.socket = self._deploy("socket")
        self.pid = int((self._directory / "postmaster.pid").read_text().split()[0])

    def stop(self):
        self._deploy("stop")

    def psql(self, sql, user="postgres", database=DATABASE, variables=()):
        """Runs SQL and returns what it printed, one line per row."""
        arguments = [self._root / "bin" / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1"]
        for name, value in variables:
            arguments += ["-v", f"{name}={value}"]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
        environment["PGOPTIONS"] = "-c client_min_messages=warning"
        done = subprocess.run(
            [*arguments, "-h", self.socket, "-p", PORT, "-U", user, "-d", database],
            input=sql, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        if done.returncode != 0:
            raise RuntimeError(f"psql: {done.stderr.strip()}")
        return done.stdout.strip()

    def load(self):
        """Makes database and data, unless a finished load of this very schema and extension is there."""
        share = subprocess.run(
            [self._root / "bin" / "pg_config", "--sharedir"], check=True, text=True, stdout=subprocess.PIPE).stdout.strip()
        wanted = hashlib.sha256(self._schema.read_bytes())
        for script in sorted((Path(share) / "extension").glob("fluxbase*.sql")):
            wanted.update(script.read_bytes())
        found = self.psql(
            "select shobj_description(oid, 'pg_database') from pg_database where datname = 'bench'", database="postgres")
        if found == wanted.hexdigest():
            return
        self._say("loading the data set (half a minute)")
        self.psql("drop database if exists bench with (force);\ncreate database bench;", database="postgres")
        self.psql("create extension fluxbase")
        self.psql(self._schema.read_text(), variables=[("password", PASSWORD)])
        # Last, so that an interrupted load is not taken for a good one.
        self.psql(f"comment on database bench is '{wanted.hexdigest()}'")

    def configure(self, settings):
        """The auth settings of this run, and nothing of an earlier one."""
        calls = "".join(
            f"select auth.configure({literal(key)}, {literal(value)});\n" for key, value in settings.items())
        self.psql(f"delete from auth.sessions;\ndelete from auth.settings;\n{calls}")

    def sign_in_everybody(self):
        """number -> a fresh access token, signed by the database."""
        rows = self.psql(
            "select jsonb_build_object('number', n, 'reply', auth.sign_in('user' || n || '@example.test', "
            f"{literal(PASSWORD)})) from generate_series(1, {USERS}) n")
        tokens = {}
        for row in map(json.loads, rows.splitlines()):
            if "access_token" not in row["reply"]:
                raise RuntimeError(f"user {row['number']} could not sign in: {row['reply']}")
            tokens[row["number"]] = row["reply"]["access_token"]
        return tokens

    def version(self):
        return self.psql("show server_version").split()[0]


def literal(text):
    return "'" + text.replace("'", "''") + "'"
