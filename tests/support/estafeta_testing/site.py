"""A web service on a real port, with a real store, for tests that speak HTTP to it."""

import contextlib
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx2

from estafeta_core import journal, secrets
from estafeta_core.config.accounts import Account, Credential, Permission, Subaccount
from estafeta_core.config.load import Snapshot
from estafeta_core.config.schema import Auth, Config, Listener
from estafeta_core.directory import Directory
from estafeta_core.hosting import Shelf
from estafeta_core.links import Links
from estafeta_core.store import Occurrence, Store
from estafeta_core.store.rows import Message
from estafeta_core.webhooks.delivery import Delivery
from estafeta_core.webhooks.guard import Guard
from estafeta_core.webhooks.poster import Poster
from estafeta_testing.journals import catch_up
from estafeta_testing.stored import make_rows
from estafeta_web import client
from estafeta_web.access import Access
from estafeta_web.app import make_app
from estafeta_web.daemon import Server
from estafeta_web.journal import Journal
from estafeta_web.metrics import Metrics
from estafeta_web.recorder import Recorder
from estafeta_web.service import Service

KEY = bytes(range(32))
# Of the account acme, whose copies `Site.message` records: by the name of the credential.
KEYS = {"main": "1" * 48, "reader": "2" * 48, "sender": "3" * 48, "revoked": "4" * 48}
OTHER_KEY = "5" * 48  # of another account
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"  # a person's
PASSWORD = "correct horse battery"  # of usuario.plan


def accounts() -> list[Account]:
    """Return the accounts of a site."""
    everything: tuple[Permission, ...] = ("send", "events", "manage")
    permissions: dict[str, tuple[Permission, ...]] = {"reader": ("events",), "sender": ("send",)}
    credentials = {
        name: Credential(
            key=secrets.hash_key(key),
            permissions=permissions.get(name, everything),
            status="revoked" if name == "revoked" else "active",
        )
        for name, key in KEYS.items()
    }
    other = Credential(key=secrets.hash_key(OTHER_KEY), permissions=everything)
    chosen = Credential(
        username="usuario.plan", password=secrets.hash_password(PASSWORD), permissions=everything
    )
    return [
        Account(
            account="acme",
            dialect="sparkpost",
            subaccounts={"123": Subaccount()},
            credentials=credentials,
        ),
        Account(account="other", dialect="sparkpost", credentials={"main": other}),
        Account(account="plan", dialect="teenvio", credentials={"usuario": chosen}),
    ]


def snapshot(base_url: str = "http://127.0.0.1") -> Snapshot:
    """Return the configuration of a site."""
    config = Config(
        hostname="mx.example.com",
        base_url=base_url,
        bounce_domain="bounce.example.com",
        listeners={"submission": Listener(dialects=("sparkpost",), port=587)},
        signing_keys=(),
        auth=Auth(failure_delay=0.01, failure_delay_limit=0.05, failures_per_minute=20),
    )
    return Snapshot(config, Directory(accounts()))


@dataclass
class Site:
    """The service, and what stands behind it."""

    http: httpx2.Client
    links: Links
    store: Store
    recorder: Recorder
    shelf: Shelf
    folder: Path
    service: Service

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.http.base_url.port or 0)

    def message(
        self, recipient: str = "alice@example.net", *, transactional: bool = False, language: str = ""
    ) -> Message:
        """Record a message to one recipient and return the copy."""
        rows = make_rows(recipient, transactional=transactional, language=language)
        self.store.record(rows)
        assert isinstance(rows[1], Message)
        return rows[1]

    def events(self, *types: str) -> list[Occurrence]:
        """Return the events of these types, newest first."""
        self.catch_up()
        return self.store.events(types=types)

    def suppressed(self, recipient: str = "alice@example.net") -> set[str]:
        """Return the types for which the account does not mail the recipient."""
        self.catch_up()
        types = ("transactional", "non_transactional")
        return {kind for kind in types if self.store.is_suppressed("acme", None, [recipient], [kind])}

    def catch_up(self) -> None:
        """Bring what is in the journal into the store, as the worker does."""
        catch_up(self.folder, self.store)

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
def serving(folder: Path, store: Store, proxies: Sequence[str] = ()) -> Iterator[Site]:
    """Serve from a thread until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    links = Links([KEY], base, "bounce.example.com")
    metrics = Metrics()
    recorder = Recorder(store, Journal(folder / journal.NAME), metrics)
    shelf = Shelf(folder)
    service = Service(
        links,
        Access(snapshot(base)),
        recorder,
        metrics,
        store,
        shelf,
        Delivery(Poster(Guard(client.networks(["127.0.0.0/8"])))),
        client.networks(proxies),
    )
    server = Server(make_app(service))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.005)
    with httpx2.Client(base_url=base, timeout=10, headers={"User-Agent": BROWSER}) as http:
        yield Site(http, links, store, recorder, shelf, folder, service)
    server.should_exit = True
    thread.join()
