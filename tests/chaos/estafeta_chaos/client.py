"""SMTP clients that keep exact account of what they were told, and try again as real ones do.

What became of an attempt:

    accepted    250 to the final dot
    refused     another reply, to whatever
    dropped     the connection was lost, or never made, before the final dot was sent
    ambiguous   it was lost after that: the message may be queued, and the client cannot know

Whatever was not accepted is sent again, as an attempt of its own.
"""

import contextlib
import itertools
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from estafeta_chaos.letters import SENDER, Draft, Letter
from estafeta_testing.relay import CLIENT, Relay
from estafeta_testing.smtp import Connection, stuffed

CREDENTIAL = "acme/main"
LISTENERS = ("sparkpost-587", "sparkpost-2525")
PAUSES = (0.05, 0.5)  # seconds before an attempt is repeated
A_SESSION = 20  # messages at most on one connection

Verdict = Literal["accepted", "refused", "dropped", "ambiguous"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one client knows of one attempt."""

    draft: Draft
    verdict: Verdict
    reply: str  # the last one, or what was wrong with the connection
    began: float  # seconds since the epoch, as all times here
    dot: float | None  # when the final dot had been sent; None: it was not
    ended: float

    @property
    def queue_id(self) -> str:
        """What it is queued as, if it was accepted."""
        return self.reply.rpartition("queued as ")[2] if self.verdict == "accepted" else ""


class _RefusedError(Exception):
    """A reply that does not let the client go on; the text is the reply."""


class Client(threading.Thread):
    """One application: takes letters and hands them over, one after the other, until told to stop."""

    listeners = LISTENERS  # each connection goes to one of them

    def __init__(
        self,
        relay: Relay,
        letters: Iterator[Letter],
        history: list[Attempt],
        stop: threading.Event,
        chance: random.Random,
    ) -> None:
        super().__init__(daemon=True)
        self._relay = relay
        self._letters = letters
        self._history = history
        self._stop_asked = stop
        self._chance = chance
        self._connection: Connection | None = None
        self._left = 0  # messages until the connection is closed

    def run(self) -> None:
        """Send until told to stop, or until there is no letter left."""
        for letter in self._letters:
            self._send(letter)
            if self._stop_asked.is_set():
                break
        self._leave()

    def _send(self, letter: Letter) -> None:
        for number in itertools.count(1):
            attempt = self._attempt(letter.draft(number))
            self._history.append(attempt)
            if attempt.verdict == "accepted":
                return
            self._hang_up()
            if self._stop_asked.wait(self._chance.uniform(*PAUSES)):
                return

    def _attempt(self, draft: Draft) -> Attempt:
        began, dot = time.time(), None
        try:
            connection = self._ready()
            reply = connection.envelope(SENDER, draft.rcpt_to)
            if not reply.startswith("354"):
                return Attempt(draft, "refused", reply, began, None, time.time())
            connection.send(stuffed(draft.content))
            dot = time.time()
            reply = connection.reply()
        except _RefusedError as refusal:
            return Attempt(draft, "refused", str(refusal), began, None, time.time())
        except OSError as error:  # ssl.SSLError and TimeoutError are of its kind
            verdict: Verdict = "dropped" if dot is None else "ambiguous"
            return Attempt(draft, verdict, f"{type(error).__name__}: {error}", began, dot, time.time())
        accepted = reply.startswith("250 ")
        return Attempt(draft, "accepted" if accepted else "refused", reply, began, dot, time.time())

    def _ready(self) -> Connection:
        """Return a connection that has logged in."""
        if self._connection is None or self._left == 0:
            self._leave()
            self._left = self._chance.randint(1, A_SESSION)
            listener = self._chance.choice(self.listeners)
            self._connection = self._relay.raw(listener)
            self._log_in(self._connection, listener)
        self._left -= 1
        return self._connection

    def _upgrades(self, listener: str) -> bool:
        """Whether a connection to that listener goes on under STARTTLS."""
        return self._chance.random() < 0.25

    def _log_in(self, connection: Connection, listener: str) -> None:
        self._expect("220", connection.reply())
        self._expect("250", connection.command(f"EHLO {CLIENT}"))
        if self._upgrades(listener):
            self._expect("220", connection.command("STARTTLS"))
            connection.start_tls(self._relay.tls)
            self._expect("250", connection.command(f"EHLO {CLIENT}"))
        credential = self._relay.credential(CREDENTIAL)
        self._expect("235", connection.login(credential.username, credential.password))

    def _expect(self, code: str, reply: str) -> None:
        if not reply.startswith(code):
            raise _RefusedError(reply)

    def _leave(self) -> None:
        """Close the connection, if there is one, as one should."""
        if self._connection is not None:
            self._connection.quit()
        self._connection = None

    def _hang_up(self) -> None:
        """Close the connection without a word: nobody knows what state it is in."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
        self._connection = None


class Shared:
    """An iterator that several threads draw from."""

    def __init__(self, letters: Iterator[Letter]) -> None:
        self._letters = letters
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Letter]:
        return self

    def __next__(self) -> Letter:
        with self._lock:
            return next(self._letters)
