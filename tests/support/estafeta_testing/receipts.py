"""A sandbox whose listeners give receipts, and what tests of them send and are told.

Beside them stands a listener without receipts, and beside the demo accounts a second customer of Teenvio.
"""

import contextlib
import re
import socket
import time
from collections.abc import Iterator

from estafeta_core import secrets
from estafeta_core.config.load import load_config
from estafeta_core.dialects.teenvio import TEENVIO
from estafeta_core.tickets import FIELD, LISTENER, Ticket, Tickets
from estafeta_testing import sandbox as testing
from estafeta_testing.outbox import Copy
from estafeta_testing.relay import Relay
from estafeta_testing.sandbox import Credential
from estafeta_testing.smtp import Connection

CONFIG = (
    testing.QUICK.partition("listeners:")[0]
    + """\
store_timeout: 2
listeners:
  starttls: {dialects: [teenvio], port: 58700, tls: starttls, receipt: true}
  implicit: {dialects: [teenvio], port: 46500, tls: implicit, receipt: true}
  without: {dialects: [teenvio], port: 2500, tls: starttls}
"""
)
OTHER = """\
account: otro
dialect: teenvio
domains: {{otro.example: {{verified: true}}}}
senders: [yo@otro.example]
credentials: {{app: {{username: app.otro, password: "{hash}"}}}}
"""
PLAN, SENDER = "plan/usuario", "remitente@dominio.example"
OTRO, OTHER_SENDER = "otro/app", "yo@otro.example"
RECEIPT = re.compile(r"250 OK id=(\d+) [0-9a-f]{32}")
TRACE = b"Received: from client.example\r\n"


@contextlib.contextmanager
def running(kind: str | None = None) -> Iterator[Relay]:
    """Run a sandbox of its own, on one kind of store if it is said."""
    with testing.running(config=CONFIG, kind=kind) as started:
        made = Relay(started.description)
        (made.accounts_dir / "otro.yaml").write_text(OTHER.format(hash=secrets.hash_password("una clave")))
        made.credentials.append(
            Credential(
                OTRO, "otro", "teenvio", "app.otro", "una clave", (OTHER_SENDER,), ("otro.example",), ""
            )
        )
        time.sleep(1.0)  # every daemon notices a new file within one
        yield made


def message(sender: str = SENDER, *, before: bytes = b"", text: bytes = b"Hola", marker: str = "") -> bytes:
    """Return a message that Teenvio takes, behind the fields `before`."""
    return (
        before
        + f"From: {sender}\r\nTo: alguien@example.net\r\nSubject: Hola {marker}\r\n".encode()
        + b"Message-ID: <1@client.example>\r\nDate: Fri, 20 Nov 2026 12:00:00 +0100\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=frontera\r\n\r\n"
        b"--frontera\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text + b"\r\n"
        b"--frontera\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        b'<html><body><a href="https://dominio.example/">Hola</a></body></html>\r\n--frontera--\r\n'
    )


def transmission(reply: str) -> str:
    """Return the id in a receipt, whose second word is that of the same send."""
    match = RECEIPT.fullmatch(reply)
    assert match, reply
    assert reply == f"250 {TEENVIO.receipt(int(match[1]))}"
    return match[1]


def queue_id(relay: Relay, reply: str) -> str:
    """Return the queue id of an accepted message, with a receipt or without."""
    found = re.fullmatch(r"250 2\.0\.0 Ok: queued as (\w+)", reply)
    return found[1] if found else relay.found(transmission(reply)).transmission.queue_id


def send(
    relay: Relay, content: bytes, *recipients: str, listener: str = "starttls", credential: str = PLAN
) -> str:
    """Send a message in a session of its own and return the reply to its final dot."""
    sender = SENDER if credential == PLAN else OTHER_SENDER
    with relay.session(credential, listener=listener) as client:
        return client.message(sender, recipients or ("alice@example.net",), content)


def copies_with(relay: Relay, marker: str) -> list[Copy]:
    """Return every copy delivered so far whose subject has this marker."""
    subject = f"Subject: Hola {marker}\r\n".encode()
    every = relay.everything_delivered().values()
    return [copy for copies in every for copy in copies if subject in copy.message]


def tickets(relay: Relay) -> Tickets:
    """Return what only the daemons can make."""
    return Tickets.from_config(load_config(relay.config))


def ticket_of(tickets: Tickets, identity: str, age: int = 0) -> bytes:
    """Return a field with a valid ticket of somebody."""
    made = Ticket(int(time.time()) - age, identity, "starttls", "127.0.0.1", secured=True)
    return f"{FIELD}: {tickets.write(made)}\r\n".encode()


class Local(Connection):
    """A connection to a unix socket."""

    def __init__(self, path: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(60)
        self._socket.connect(path)
        self._received = bytearray()
        self.transcript: list[str] = []


@contextlib.contextmanager
def behind(relay: Relay, path: str = "") -> Iterator[Connection]:
    """Yield a connection to the listener behind the proxy, or to another unix socket, as root can make it."""
    with Local(path or str(relay.dir / "postfix" / "queue" / "public" / LISTENER)) as client:
        assert client.reply().startswith("220")
        assert client.command("EHLO mx.estafeta.example").startswith("250")
        yield client


TRACE = b"Received: from client.example\r\n"
