"""A PostgreSQL server of its own, on a socket in a folder of its own, and stores in it.

It runs as whoever runs the tests, or for root, whom PostgreSQL refuses, as a user that owns nothing else.
"""

import atexit
import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from estafeta_postfix.supervisor import dying_with_parent

PATIENCE = 60.0  # seconds for a start or a stop, recovery included

_numbers = itertools.count(1)


def program(name: str) -> str:
    """Return the path of a program of the newest server that is installed; Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return str(found[-1]) if found else name


class Cluster:
    """A server with its data; it listens on the socket in `folder`, and on `address` where there is one."""

    def __init__(self, folder: Path, *, durable: bool, address: str = "") -> None:
        self.folder = folder
        self._data = folder / "data"
        self._durable = durable
        self._address = address
        self._user = _owner()
        self._process: subprocess.Popen[bytes] | None = None
        if self._user:
            shutil.chown(folder, *self._user)
        folder.chmod(0o755)  # daemons of other users come to the socket
        initdb = [
            program("initdb"),
            "-D",
            self._data,
            "-U",
            "estafeta",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        self._run([*initdb, "--locale=C.UTF-8", "--no-instructions"])

    def url(self, database: str = "postgres", schema: str = "") -> str:
        """Return the URL of a database, or of one schema in it."""
        query = {"host": str(self.folder), "user": "estafeta"}
        if schema:
            query["options"] = f"-csearch_path={schema}"
        return f"postgresql:///{database}?{urllib.parse.urlencode(query, quote_via=urllib.parse.quote)}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = {
            "listen_addresses": self._address,
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
        }
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                dying_with_parent([str(program("postgres")), "-D", str(self._data), *options]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                process_group=0,
                **self._as_user(),
            )
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.sql("SELECT 1")
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                assert self._process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop the server at once, its clients notwithstanding, with everything written."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Kill every process of the server; they are gone then, and another can start."""
        processes = self.processes()
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._end(signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while any(Path(f"/proc/{process}").exists() for process in processes):
            assert time.monotonic() < deadline, f"processes of PostgreSQL do not end: {processes}"
            time.sleep(0.01)

    def has_ended(self) -> bool:
        """Whether the server has ended by itself."""
        return self._process is None or self._process.poll() is not None

    def hold(self) -> None:
        """Have the server stand still."""
        assert self._process is not None
        for child in self.processes():
            os.kill(child, signal.SIGSTOP)

    def release(self) -> None:
        """Have it go on."""
        for child in self.processes():
            os.kill(child, signal.SIGCONT)

    def processes(self) -> list[int]:
        """Return the ids of the server's processes."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return [self._process.pid, *map(int, children)]

    def serving(self) -> list[int]:
        """Return the ids of the processes that serve a connection."""
        found = []
        for process in self.processes()[1:]:
            with contextlib.suppress(OSError):
                if Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"postgres: estafeta "):
                    found.append(process)
        return found

    def sql(self, query: str, *parameters: object, url: str = "") -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        with psycopg.connect(url or self.url(), autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    @contextlib.contextmanager
    def store(self) -> Iterator[str]:
        """Yield the URL of a store that is not made yet, in a schema of its own."""
        schema = f"store_{next(_numbers)}"
        self.sql(f"CREATE SCHEMA {schema}")
        yield self.url(schema=schema)
        # It waits for each to be gone, 20 s at the most, so that the next test meets none.
        ours = "pg_stat_activity WHERE application_name = 'estafeta'"
        self.sql(f"SELECT pg_terminate_backend(pid, 20000) FROM {ours}")
        self.sql(f"DROP SCHEMA {schema} CASCADE")

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """Yield the URL of a store in a database of its own, for what goes on asking it in this process."""
        database = f"database_{next(_numbers)}"
        self.sql(f"CREATE DATABASE {database}")
        yield self.url(database)
        self.sql(f"DROP DATABASE {database} WITH (FORCE)")

    def _end(self, number: int) -> None:
        if self._process is not None:
            if self._process.poll() is None:
                self._process.send_signal(number)
            self._process.wait(PATIENCE)
            self._process = None

    def _run(self, command: list[Any]) -> None:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd="/", check=False, **self._as_user()
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _as_user(self) -> dict[str, Any]:
        if not self._user:
            return {}
        uid, gid = self._user
        return {"user": uid, "group": gid, "extra_groups": []}


def _owner() -> tuple[int, int] | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise AssertionError("root may not run PostgreSQL, and there is neither a user postgres nor nobody")


@cache
def shared() -> Cluster:
    """Return a server that lives as long as this process."""
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(running())


@contextlib.contextmanager
def running(*, durable: bool = True, folder: Path | None = None) -> Iterator[Cluster]:
    """Run a server; without `durable` it syncs nothing, for tests that never end it.

    Its `folder`, if it is not one of its own, has to be empty, and is there behind it.
    """
    own = Path(tempfile.mkdtemp(prefix="estafeta-pg-")) if folder is None else None
    cluster = None
    try:
        cluster = Cluster(folder or own or Path(), durable=durable)
        cluster.start()
        yield cluster
    finally:
        if cluster is not None:
            cluster.stop()
        if own is not None:
            shutil.rmtree(own, ignore_errors=True)
