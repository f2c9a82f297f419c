"""A sandbox with the questions that end-to-end tests ask: what became of this queue id?

Whatever takes time is waited for, with a limit; what does not come by then is an AssertionError that says
what was waited for.
"""

import contextlib
import email.message
import http.client
import re
import ssl
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from estafeta_core import events
from estafeta_core.config.load import load_config
from estafeta_core.links import Links
from estafeta_core.store import Found
from estafeta_testing import sandbox as testing
from estafeta_testing.outbox import Copy
from estafeta_testing.smtp import Connection, queue_id

SENDER = "news@acme.example"
CLIENT = "client.example"
BROWSER = "Mozilla/5.0 (test)"

_COPIED = re.compile(rb"/estafeta-split/smtp\[\d+\]: (\w+): to=.* queued as (\w+)\)$")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the web service said."""

    status: int
    headers: email.message.Message
    body: bytes

    @property
    def location(self) -> bytes:
        """Where it redirects to, byte for byte."""
        return str(self.headers["Location"]).encode("latin-1")


class Relay(testing.Sandbox):
    """A running sandbox."""

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(description)
        self._files: set[str] = set()
        self._copies: dict[str, list[Copy]] = {}
        self._log_read = 0
        self._log_rest = b""
        self._gone: set[str] = set()
        self._handed_over: dict[str, list[str]] = {}

    @cached_property
    def tls(self) -> ssl.SSLContext:
        """What a client that trusts the sandbox's authority connects with."""
        return ssl.create_default_context(cafile=self.ca_file)

    @cached_property
    def links(self) -> Links:
        """Reads the tokens of this sandbox."""
        return Links.from_config(load_config(self.config))

    def raw(self, listener: str = "sparkpost-587") -> Connection:
        """Return a connection on which nothing was said; under TLS where the listener begins with it."""
        place = self.listener(listener)
        return Connection(place.host, place.port, self.tls if place.tls == "implicit" else None)

    def begin(self, connection: Connection, *, tls: bool) -> None:
        """Read the greeting and say EHLO, under STARTTLS if asked."""
        assert connection.reply().startswith("220")
        assert connection.command(f"EHLO {CLIENT}").startswith("250")
        if tls:
            assert connection.command("STARTTLS").startswith("220")
            connection.start_tls(self.tls)
            assert connection.command(f"EHLO {CLIENT}").startswith("250")

    @contextlib.contextmanager
    def session(
        self,
        credential: str = "acme/main",
        *,
        username: str | None = None,
        listener: str = "sparkpost-587",
        tls: bool = False,
    ) -> Iterator[Connection]:
        """Yield a connection that has logged in; under TLS if asked, or where the listener insists."""
        with self.raw(listener) as connection:
            self.log_in(connection, credential, username=username, listener=listener, tls=tls)
            yield connection
            connection.quit()

    def log_in(
        self, connection: Connection, credential: str, *, username: str | None, listener: str, tls: bool
    ) -> None:
        """Read the greeting, say EHLO and log in, with a mechanism of the listener.

        Under STARTTLS if asked, or where the listener insists; `username` where it is not the credential's.
        """
        place, chosen = self.listener(listener), self.credential(credential)
        self.begin(connection, tls=tls or place.tls == "required")
        reply = connection.login(username or chosen.username, chosen.password, place.mechanisms)
        assert reply.startswith("235"), reply

    def send(
        self,
        content: bytes,
        *recipients: str,
        sender: str = SENDER,
        credential: str = "acme/main",
        listener: str = "sparkpost-587",
    ) -> str:
        """Send a message in a session of its own and return its queue id."""
        with self.session(credential, listener=listener) as connection:
            return queue_id(connection.message(sender, recipients or ("alice@example.net",), content))

    def copies(self, queue_id: str) -> list[Copy]:
        """Return everything delivered of a message, once Postfix has nothing more to do with it."""
        wait(lambda: self.gone(queue_id), True, f"{queue_id} has left the queue")
        return self.delivered(queue_id)

    def copy(self, queue_id: str) -> Copy:
        """Return the only copy of a message."""
        (copy,) = self.copies(queue_id)
        return copy

    def delivered(self, queue_id: str) -> list[Copy]:
        """Return what has been delivered of a message so far."""
        return self.everything_delivered().get(queue_id, [])

    def everything_delivered(self) -> dict[str, list[Copy]]:
        """Return every copy there is, by queue id."""
        folder = self.dir / "outbox" / "new"
        for name in sorted({path.name for path in folder.iterdir()} - self._files):
            self._files.add(name)
            found = Copy.read((folder / name).read_bytes())
            copy = Copy(found.return_path, found.delivered_to, found.message)
            self._copies.setdefault(copy.queue_id, []).append(copy)
        return self._copies

    def gone(self, queue_id: str) -> bool:
        """Whether Postfix's log says that it is done with a message and with the copies made of it."""
        self._read_log()
        return self._gone.issuperset((queue_id, *self._handed_over.get(queue_id, ())))

    def _read_log(self) -> None:
        if self.maillog.stat().st_size < self._log_read:  # rotated
            self._log_read, self._log_rest = 0, b""
        with self.maillog.open("rb") as log:
            log.seek(self._log_read)
            data = log.read()
        self._log_read += len(data)
        *lines, self._log_rest = (self._log_rest + data).split(b"\n")
        for line in lines:
            if line.endswith(b": removed") or b": milter-discard: " in line:
                self._gone.add(line.split(b": ")[1].decode())
            elif copied := _COPIED.search(line):
                self._handed_over.setdefault(copied[1].decode(), []).append(copied[2].decode())

    def found(self, queue_id: str) -> Found:
        """Return what the store knows of an accepted message."""
        with self.store() as store:
            found = store.find(queue_id)
        assert found is not None, f"{queue_id} was accepted and is not in the store"
        return found

    def events(self, queue_id: str, *types: str) -> list[dict[str, Any]]:
        """Return the events of a message as the Events API shows them, oldest first.

        Given `types`, once they are exactly these.
        """
        if types:
            wait(lambda: self._types(queue_id), sorted(types), f"events of {queue_id}")
        found = self.found(queue_id)
        messages = {message.message_id: message for message in found.messages}
        return [
            events.view(each, found.transmission, messages.get(each.message_id or 0)) for each in found.events
        ]

    def http(self, method: str, url: str, form: str | None = None) -> Answer:
        """Ask the web service, as a browser does before it follows anything; `form` is the body of a form."""
        place = urllib.parse.urlsplit(url)
        assert place.netloc == urllib.parse.urlsplit(self.web).netloc, url
        connection = http.client.HTTPConnection(place.netloc, timeout=testing.PATIENCE)
        headers = {"User-Agent": BROWSER}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        with contextlib.closing(connection):
            connection.request(method, urllib.parse.urlunsplit(("", "", *place[2:])), form, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())

    def _types(self, queue_id: str) -> list[str]:
        return sorted(event.type for event in self.found(queue_id).events)


def wait(look: Callable[[], object], wanted: object, what: str, patience: float = testing.PATIENCE) -> None:
    """Wait until `look` finds `wanted`; the AssertionError says what it found last."""
    give_up = time.monotonic() + patience
    while (found := look()) != wanted:
        assert time.monotonic() < give_up, f"{what}: waited {patience:g} s for {wanted}, there is {found}"
        time.sleep(0.02)
