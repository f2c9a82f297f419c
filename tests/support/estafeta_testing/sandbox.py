"""A running sandbox, as tests use it: where to connect, whom to log in as, what came out.

`Sandbox` is what the JSON of `estafeta sandbox` says, with the questions tests ask of it.
"""

import contextlib
import email.policy
import json
import os
import smtplib
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from estafeta_core.events import view
from estafeta_core.store import Found, Store, open_store
from estafeta_postfix.sandbox.child import started
from estafeta_postfix.sandbox.settings import BOUNCE_DOMAIN, HOSTNAME, LISTENERS
from estafeta_testing import postgresql, stored

STORE = "ESTAFETA_TEST_STORE"  # sqlite or postgresql: what the sandboxes of tests have
STORES = ("sqlite", "postgresql")
PATIENCE = 20.0  # seconds for what takes well under one on an idle machine
REPLY = 60.0  # seconds a client waits for a reply; SparkPost tells its clients to wait as long

_T = TypeVar("_T")

# A login that fails costs its address two seconds and more, and a test run has one address.
QUICK = f"""\
hostname: {HOSTNAME}
base_url: http://localhost
bounce_domain: {BOUNCE_DOMAIN}
signing_keys: []
auth: {{failure_delay: 0.01, failure_delay_limit: 0.05, failures_per_minute: 100000}}
listeners:
""" + "".join(
    f"  {name}: {{dialects: [{', '.join(each.dialects)}], port: {each.port}, tls: {each.tls},"
    f" deprecated: {str(each.deprecated).lower()}}}\n"
    for name, each in LISTENERS.items()
)
# Dialects without a demo account, see `peers`; those whose user names have a form speak before the others.
_PEERS = "sendgrid, ses, brevo, mailgun, postmark, mandrill, mailjet"
QUICK += f"  peers: {{dialects: [{_PEERS}], port: 2587, tls: starttls}}\n"


@dataclass(frozen=True, slots=True)
class Listener:
    """One SMTP listener, by the names of the sandbox's JSON."""

    name: str
    dialects: tuple[str, ...]
    documented_port: int
    host: str
    port: int
    tls: str
    mechanisms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential, by the names of the sandbox's JSON."""

    id: str
    account: str
    dialect: str
    username: str
    password: str
    senders: tuple[str, ...]
    domains: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """One file of the outbox: the envelope, and the message exactly as Postfix sent it."""

    return_path: str
    delivered_to: str
    message: bytes

    @classmethod
    def read(cls, raw: bytes) -> "Delivered":
        """Take the two envelope lines off."""
        sender, recipient, message = raw.split(b"\r\n", 2)
        return cls(
            sender.removeprefix(b"Return-Path: ").decode("utf-8", "surrogateescape").strip("<>"),
            recipient.removeprefix(b"Delivered-To: ").decode("utf-8", "surrogateescape"),
            message,
        )

    @property
    def header_block(self) -> bytes:
        """The header fields, CRLF at the end of each."""
        return self.message.partition(b"\r\n\r\n")[0] + b"\r\n"

    @property
    def body(self) -> bytes:
        """Everything behind the empty line."""
        return self.message.partition(b"\r\n\r\n")[2]

    def parsed(self) -> email.message.EmailMessage:
        """Return the message as the standard library reads it."""
        made = email.message_from_bytes(self.message, policy=email.policy.SMTP)
        assert isinstance(made, email.message.EmailMessage)
        return made


class Sandbox:
    """A running sandbox."""

    def __init__(self, description: dict[str, Any]) -> None:
        self.description = description
        self.dir = Path(description["dir"])
        self.web: str = description["web"]
        self.config = Path(description["config"])
        self.accounts_dir = Path(description["accounts_dir"])
        self.maillog = Path(description["maillog"])
        self.ca_file: str = description["ca_file"]
        self.bounce_smtp: tuple[str, int] = (
            description["bounce_smtp"]["host"],
            description["bounce_smtp"]["port"],
        )
        self.processes: dict[str, int] = description["processes"]
        self.listeners = [_made(Listener, fields) for fields in description["listeners"]]
        self.credentials = [_made(Credential, fields) for fields in description["credentials"]]
        self._read: set[str] = set()
        self._by_recipient: dict[str, list[Delivered]] = {}

    def listener(self, name: str = "sparkpost-587") -> Listener:
        """Return the listener of that name."""
        return next(each for each in self.listeners if each.name == name)

    def credential(self, credential_id: str = "acme/main") -> Credential:
        """Return the credential of that id."""
        return next(each for each in self.credentials if each.id == credential_id)

    @contextlib.contextmanager
    def connect(self, listener: str = "sparkpost-587", *, starttls: bool = True) -> Iterator[smtplib.SMTP]:
        """Connect and say EHLO, over TLS if asked to; nobody has logged in."""
        place = self.listener(listener)
        context = ssl.create_default_context(cafile=self.ca_file)
        client: smtplib.SMTP
        if place.tls == "implicit":
            client = smtplib.SMTP_SSL(place.host, place.port, timeout=REPLY, context=context)
        else:
            client = smtplib.SMTP(place.host, place.port, timeout=REPLY)
        try:
            client.ehlo("client.example")
            if starttls and place.tls in ("starttls", "required"):
                client.starttls(context=context)
                client.ehlo("client.example")
            yield client
        finally:
            with contextlib.suppress(smtplib.SMTPException, OSError):
                client.quit()
            client.close()

    @contextlib.contextmanager
    def login(
        self,
        credential: str = "acme/main",
        listener: str = "sparkpost-587",
        *,
        username: str | None = None,
        starttls: bool = True,
    ) -> Iterator[smtplib.SMTP]:
        """Connect and log in with AUTH LOGIN; `username` other than the credential's own if given."""
        chosen = self.credential(credential)
        with self.connect(listener, starttls=starttls) as client:
            client.user, client.password = username or chosen.username, chosen.password
            client.auth("LOGIN", client.auth_login)
            yield client

    def wait_for_outbox(
        self, recipient: str, marker: bytes | str = b"", *, count: int = 1, patience: float = PATIENCE
    ) -> list[Delivered]:
        """Return what came for `recipient` with `marker` in it, once there are `count` copies or more."""
        wanted = marker.encode() if isinstance(marker, str) else marker

        def look() -> list[Delivered] | None:
            found = [each for each in self.outbox(recipient) if wanted in each.message]
            return found if len(found) >= count else None

        found = wait_for(look, patience)
        assert found is not None, f"{recipient}: fewer than {count} messages with {wanted!r} in the outbox"
        return found

    def outbox(self, recipient: str) -> list[Delivered]:
        """Return everything delivered to `recipient` so far, oldest first; each file is read once."""
        folder = self.dir / "outbox" / "new"
        for name in sorted({path.name for path in folder.iterdir()} - self._read):
            delivered = Delivered.read((folder / name).read_bytes())
            self._by_recipient.setdefault(delivered.delivered_to, []).append(delivered)
            self._read.add(name)
        return self._by_recipient.get(recipient, [])

    @contextlib.contextmanager
    def store(self) -> Iterator[Store]:
        """Open the store, to read."""
        with contextlib.closing(open_store(self.description["store"])) as store:
            yield store

    def wait_for_events(self, id_text: str, *types: str, patience: float = PATIENCE) -> list[dict[str, Any]]:
        """Return the events of a transmission, as the Events API shows them, once all `types` are there."""
        with self.store() as store:

            def look() -> Found | None:
                found = store.find(id_text)
                there = {event.type for event in found.events} if found else set()
                return found if there >= set(types) else None

            found = wait_for(look, patience)
            seen = store.find(id_text) if found is None else found
        assert found is not None, f"{id_text}: {types} not all in {seen}"
        copies = {message.message_id: message for message in found.messages}
        return [view(each, found.transmission, copies.get(each.message_id or 0)) for each in found.events]

    def estafeta(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run the `estafeta` command on this sandbox's configuration."""
        command = [sys.executable, "-m", "estafeta_postfix", "--config", str(self.config), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    def sql(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Ask the store's database directly, read-only."""
        url = self.description["store"]
        if url.startswith("postgresql:"):
            with psycopg.connect(url) as connected:
                connected.read_only = True
                return connected.execute(query.replace("?", "%s").encode(), parameters).fetchall()
        path = url.removeprefix("sqlite:///")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            return connection.execute(query, parameters).fetchall()

    @contextlib.contextmanager
    def locked_store(self) -> Iterator[None]:
        """Let the store take nothing from anybody; readers are answered."""
        with stored.database(self.description["store"]) as connection:
            if self.description["store"].startswith("postgresql:"):
                while not _locked(connection):
                    connection.execute("ROLLBACK")
            else:
                connection.execute("BEGIN EXCLUSIVE")
            yield
            connection.execute("ROLLBACK")

    def queue(self) -> list[dict[str, Any]]:
        """Return what lies in Postfix's queue, as `postqueue -j` shows it."""
        said = subprocess.run(
            ["/usr/sbin/postqueue", "-c", str(self.dir / "postfix" / "conf"), "-j"],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return [json.loads(line) for line in said.stdout.splitlines()]

    def flush(self) -> None:
        """Have Postfix try every deferred message now."""
        conf = str(self.dir / "postfix" / "conf")
        subprocess.run(["/usr/sbin/postqueue", "-c", conf, "-f"], check=True, timeout=60)


@contextlib.contextmanager
def running(
    arguments: Sequence[str] = (), *, config: str = QUICK, kind: str | None = None
) -> Iterator[Sandbox]:
    """Run a sandbox of its own with the text `config` as its --config, and stop it in the end."""
    with store_arguments(kind) as store, started_with([*store, *arguments], config=config) as running:
        yield running


@contextlib.contextmanager
def started_with(arguments: Sequence[str], *, config: str) -> Iterator[Sandbox]:
    """Run a sandbox with its own store, unless the arguments say otherwise."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(config)
        file.flush()
        with started(["--config", file.name, *arguments]) as description:
            yield Sandbox(description)


@contextlib.contextmanager
def store_arguments(kind: str | None) -> Iterator[list[str]]:
    """Yield what a sandbox is told of its store, one of STORES; what STORE says where it is None."""
    if (kind or os.environ.get(STORE, STORES[0])) == STORES[0]:
        yield []
    else:
        with postgresql.shared().store() as url:
            yield ["--store", url]


def _locked(connection: Any) -> bool:
    """Whether the tables that mail is written to are locked; where daemons lock some of them too, not yet."""
    tables = "suppressions, tags, transmissions, messages, events, contacts, groups"
    connection.execute("BEGIN")
    try:
        connection.execute(f"LOCK TABLE {tables} IN EXCLUSIVE MODE")
    except psycopg.errors.DeadlockDetected:
        return False
    return True


def queue_id(reply: bytes) -> str:
    """Return the queue id in Postfix's reply to the final dot."""
    return reply.decode().partition("queued as ")[2].strip()


def wait_for(look: Callable[[], _T | None], patience: float = PATIENCE) -> _T | None:
    """Return what `look` finds as soon as it is not None; None when `patience` seconds bring nothing."""
    give_up = time.monotonic() + patience
    while (found := look()) is None and time.monotonic() < give_up:
        time.sleep(0.02)
    return found


def _made(kind: type[_T], fields: dict[str, Any]) -> _T:
    return kind(
        **{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    )
