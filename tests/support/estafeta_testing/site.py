"""A web service on a real port, with a real store, for tests that speak HTTP to it."""

import contextlib
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from estafeta_core.hosting import Shelf
from estafeta_core.links import Links
from estafeta_core.store import Occurrence, Store
from estafeta_core.store.rows import Message
from estafeta_testing.stored import make_rows
from estafeta_web.app import make_app
from estafeta_web.daemon import Server
from estafeta_web.metrics import Metrics
from estafeta_web.recorder import Recorder
from estafeta_web.service import Service
from estafeta_web.spool import Spool

KEY = bytes(range(32))


@dataclass
class Site:
    """The service, and what stands behind it."""

    http: httpx2.Client
    links: Links
    store: Store
    recorder: Recorder
    shelf: Shelf
    folder: Path

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.http.base_url.port or 0)

    def message(self, recipient: str = "alice@example.net", *, transactional: bool = False) -> Message:
        """Record a message to one recipient and return the copy."""
        rows = make_rows(recipient, transactional=transactional)
        self.store.record(rows)
        assert isinstance(rows[1], Message)
        return rows[1]

    def events(self, *types: str) -> list[Occurrence]:
        """Return the events of these types, newest first."""
        return self.store.events(types=types)

    def suppressed(self, recipient: str = "alice@example.net") -> set[str]:
        """Return the types for which the account does not mail the recipient."""
        types = ("transactional", "non_transactional")
        return {kind for kind in types if self.store.is_suppressed("acme", None, [recipient], [kind])}

    def wait_until(self, true: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait for something that happens in the background."""
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, "it did not happen in time"
            time.sleep(0.01)

    @contextlib.contextmanager
    def locked_store(self) -> Iterator[None]:
        """Have another process's transaction stand in the way of every write."""
        connection = sqlite3.connect(self.folder / "estafeta.db", isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
        connection.close()


@contextlib.contextmanager
def serving(folder: Path, store: Store) -> Iterator[Site]:
    """Serve from a thread until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    links = Links([KEY], base, "bounce.example.com")
    metrics = Metrics()
    recorder = Recorder(store, Spool(folder / "web-spool"), metrics)
    shelf = Shelf(folder)
    service = Service(links, recorder, metrics, store, shelf)
    server = Server(make_app(service))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.005)
    with httpx2.Client(base_url=base, timeout=10) as http:
        yield Site(http, links, store, recorder, shelf, folder)
    server.should_exit = True
    thread.join()
