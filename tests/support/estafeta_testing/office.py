"""The milter's decisions without a milter: real configuration, real store, messages in, outcomes out."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from estafeta_core import sockets
from estafeta_core.config.live import Live
from estafeta_core.headers import Header
from estafeta_core.identity import Identity
from estafeta_core.ids import IdSource
from estafeta_core.links import Links
from estafeta_core.options import Options
from estafeta_core.refusal import Refusal
from estafeta_core.store import Found, open_store
from estafeta_core.store.rows import Suppression
from estafeta_milter import edits
from estafeta_milter.admission import Admission
from estafeta_milter.allowance import Allowance
from estafeta_milter.derived import Deriving
from estafeta_milter.job import Job
from estafeta_milter.message.message import Message
from estafeta_milter.proposal import CONTROL_HEADERS
from estafeta_milter.submission import Discard, Submission
from estafeta_milter.verdict import Envelope
from estafeta_testing.milter_client import (
    Packet,
    Queued,
    packet_of_addition,
    packet_of_address,
    packet_of_change,
)
from estafeta_testing.milter_site import Site

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LINKS = Links([b"k" * 64], "https://click.example.com", "bounce.example.com")
FROM = Header("From", b"News <news@acme.example>")
HTML = b'<html><body><a href="https://shop.example/a">a</a></body></html>\r\n'
TEXT = b"Hello\r\n"
ALTERNATIVE = b"multipart/alternative; boundary=b"
TWO_PARTS = (
    b"--b\r\nContent-Type: text/plain\r\n\r\nHola\r\n"
    b"--b\r\nContent-Type: text/html\r\n\r\n<html><body><p>Hola</p></body></html>\r\n--b--\r\n"
)
TAGGED = b'<html><body><a href="[Unsubscribe]">x</a> <a href="[WebVersion]">y</a></body></html>\r\n'

Outcome = list[edits.Edit] | Discard | Refusal


@dataclass(frozen=True, slots=True)
class Customer:
    """Who sends in the manner of a provider."""

    identity: str
    sender: str
    listener: str
    dialect: str


ACME = Customer("acme/main", "app@acme.example", "submission", "sparkpost")
PERFIT = Customer("micuenta/main", "yo@midominio.example", "perfit", "perfit")
TEENVIO = Customer("plan/usuario", "remitente@dominio.example", "teenvio", "teenvio")
DEVINO = Customer("website/1website", "noreply@devino.example", "devino", "devino")
EMITLO = Customer("yourdomain/prod", "hello@yourdomain.example", "emitlo", "emitlo")
MANDRILL = Customer("tienda/main", "yo@tienda.example", "peers", "mandrill")
MAILGUN = Customer("taller/main", "yo@taller.example", "peers", "mailgun")
_LISTENERS = {
    each.identity.partition("/")[0]: each.listener
    for each in (ACME, PERFIT, TEENVIO, DEVINO, EMITLO, MANDRILL, MAILGUN)
}


class Office:
    """`Admission` and `Submission` on the configuration of a site."""

    def __init__(self, site: Site, store_timeout: float = 5.0) -> None:
        self.site = site
        self.live = Live(site.config)
        self.store = open_store(site.store_url, timeout=store_timeout)
        self.now = NOON
        deriving = Deriving()
        self.admission = Admission(self.live, deriving, lambda: self.now)
        allowance = Allowance(sockets.policy(self.live.current.config.run_dir))
        self.submission = Submission(self.store, IdSource(), deriving, allowance, lambda: self.now)

    def mail(
        self,
        identity: str = "acme/main",
        *,
        sender: str = "app@acme.example",
        client_address: str = "127.0.0.1",
        secured: bool = True,
        listener: str = "",
        size: int = 0,
    ) -> Envelope | Refusal:
        """Say MAIL FROM, on a listener of the account's provider unless told otherwise."""
        return self.admission.mail(
            identity=identity,
            listener=listener or _LISTENERS.get(identity.partition("/")[0], "submission"),
            client_address=client_address,
            secured=secured,
            sender=sender,
            size=size,
        )

    def envelope(self, identity: str = "acme/main", sender: str = "app@acme.example") -> Envelope:
        """Return what an accepted MAIL FROM established."""
        envelope = self.mail(identity, sender=sender)
        assert isinstance(envelope, Envelope), envelope
        return envelope

    def send(self, message: Message, identity: str = "acme/main", queue_id: str = "4Xq") -> Outcome:
        """Submit a message as this identity; a recipient that is refused ends it."""
        envelope = self.envelope(identity, message.sender)
        for recipient in message.recipients:
            if (refusal := self.admission.rcpt(envelope, recipient)) is not None:
                return refusal
        return self.submission.end(envelope, queue_id, message.recipients, message.headers, message.body)

    def queued(self, message: Message, identity: str = "acme/main", queue_id: str = "4Xq") -> Queued:
        """Submit a message and return it as it leaves."""
        outcome = self.send(message, identity, queue_id)
        assert isinstance(outcome, list), outcome
        return queued(message).edit(map(packet, outcome))

    def found(self, queue_id: str = "4Xq") -> Found:
        """Return what is in the store under a queue id."""
        found = self.store.find(queue_id)
        assert found is not None
        return found

    def suppress(
        self,
        recipient: str,
        kind: str = "non_transactional",
        subaccount: str | None = None,
        account: str = "acme",
    ) -> None:
        """Suppress an address."""
        row = Suppression(account, subaccount, recipient, kind, "Manually Added", "", 0)
        self.store.record([row])

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Ask the store's database directly."""
        with closing(sqlite3.connect(self.site.folder / "estafeta.db")) as connection:
            return connection.execute(query, parameters).fetchall()

    @contextmanager
    def locked_store(self) -> Iterator[None]:
        """Have another process's transaction stand in the way of every write."""
        connection = sqlite3.connect(self.site.folder / "estafeta.db", isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
        connection.close()


def make_message(
    *recipients: str,
    body: bytes = TEXT,
    headers: tuple[Header, ...] = (FROM, Header("Subject", b"Hi")),
    sender: str = "app@acme.example",
    kind: bytes = b"",
    **asked: Any,
) -> Message:
    """Return a message; `asked` is what its X-MSYS-API says, `kind` its Content-Type."""
    if kind:
        headers = (*headers, Header("Content-Type", kind))
    if asked:
        headers = (*headers, Header("X-MSYS-API", json.dumps(asked).encode()))
    return Message(sender, recipients or ("alice@example.net",), headers, body)


def message_of(
    customer: Customer,
    *recipients: str,
    body: bytes = TWO_PARTS,
    kind: bytes = ALTERNATIVE,
    headers: tuple[Header, ...] = (),
) -> Message:
    """Return a message that the customer may send, with `headers` behind From and Subject.

    A From among `headers` takes the place of the customer's.
    """
    first = (
        [] if any(header.key == "from" for header in headers) else [Header("From", customer.sender.encode())]
    )
    return Message(
        customer.sender,
        recipients or ("alice@example.net",),
        (*first, Header("Subject", b"Hola"), *headers, Header("Content-Type", kind)),
        body,
    )


def make_job(**changed: Any) -> Job:
    """Return the job of one recipient's copy that asks for nothing."""
    job = Job(
        identity=Identity("acme", "main"),
        customer_id="acme",
        options=Options(),
        links=LINKS,
        id=4711,
        body_id=4711,
        rcpt_to="alice@example.net",
        control_headers=CONTROL_HEADERS,
        list_unsubscribe=False,
        return_path_domain=None,
    )
    return replace(job, **changed)


def queued(message: Message) -> Queued:
    """Return a message as it stands in the queue before the milter's edits."""
    headers = [(header.name, header.value) for header in message.headers]
    return Queued(message.sender, list(message.recipients), headers, message.body)


def packet(edit: edits.Edit) -> Packet:
    """Return the packet that an edit becomes."""
    match edit:
        case edits.DeleteHeader(name, occurrence):
            return packet_of_change(name, occurrence, "")
        case edits.ChangeHeader(name, occurrence, value):
            return packet_of_change(name, occurrence, value)
        case edits.AddHeader(name, value):
            return packet_of_addition(name, value)
        case edits.DeleteRecipient(address):
            return packet_of_address("-", address)
        case edits.AddRecipient(address):
            return packet_of_address("+", address)
        case edits.ChangeSender(address):
            return packet_of_address("e", address)
        case edits.ReplaceBody(body):
            return Packet("b", body)
