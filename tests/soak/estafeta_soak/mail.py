"""Newsletters at a rate, over a number of sessions, each reply noted with the time it took.

A message goes at its place in the schedule, or as soon as a session is free; its time is counted from the
final dot, where the relay has the whole of it, to the reply. Every message has a number of its own: it stands
in the recipient's address, in X-Number and in every link.
"""

import contextlib
import itertools
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from estafeta_testing.relay import SENDER, Relay
from estafeta_testing.smtp import Connection, stuffed

A_SESSION = 100  # messages on one connection, as SparkPost's clients have it
NUMBER = "X-Number"
LISTENER = "sparkpost-587"


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one message."""

    number: int
    due: float  # seconds since the beginning, as all times here
    began: float
    waited: float | None  # seconds from the final dot to the reply; None: it did not come so far
    reply: str  # the last one, or what was wrong with the connection
    known: bool = True  # False: the final dot was sent and no reply came

    @property
    def accepted(self) -> bool:
        """Whether the relay has taken it."""
        return self.reply.startswith("250 ") and self.waited is not None


def newsletter(kilobytes: int, links: int) -> bytes:
    """Return a message of HTML, tracked, with @NUMBER@ where its number goes."""
    head = (
        f"From: {SENDER}\r\nTo: r@NUMBER@@example.net\r\nSubject: News @NUMBER@\r\n{NUMBER}: @NUMBER@\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n"
        'X-MSYS-API: {"campaign_id": "soak",'
        ' "options": {"open_tracking": true, "click_tracking": true}}\r\n\r\n'
        "<html><head><title>News</title></head><body>\r\n"
    )
    room = max(0, kilobytes * 1024 - len(head)) // max(1, links) - 70
    words = "words and words " * max(1, room // 16)
    rows = [
        f'<p><a href="https://example.com/@NUMBER@/{n}">Read</a>\r\n{_lines(words)}</p>\r\n'
        for n in range(links)
    ]
    return (head + "".join(rows) + "</body></html>\r\n").encode()


def _lines(text: str) -> str:
    return "\r\n".join(text[start : start + 96] for start in range(0, len(text), 96))


class Senders:
    """Sessions that send until told to stop."""

    def __init__(
        self,
        relay: Relay,
        template: bytes,
        *,
        sessions: int,
        rate: float = 0.0,  # messages a second; 0: as fast as they are answered
        count: int = 0,  # and no more than so many; 0: without end
        first: int = 1,
        patience: float = 60.0,  # seconds for a reply
    ) -> None:
        self._relay = relay
        self._template = template
        self._rate = rate
        self._count = count
        self._numbers = itertools.count(first)
        self._first = first
        self._patience = patience
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(sessions)]
        self.begun = time.monotonic()
        self.sent: list[Sent] = []
        self.unfinished = 0  # connections that did not get as far as a message, for which nobody was refused

    def __enter__(self) -> "Senders":
        self.begun = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Have every session end behind what it is sending."""
        self._stop.set()
        for thread in self._threads:
            thread.join(2 * self._patience)

    def wait(self, seconds: float) -> None:
        """Wait until everything is sent, so long at most."""
        for thread in self._threads:
            thread.join(max(0.0, self.begun + seconds - time.monotonic()))

    def _run(self) -> None:
        connection, left = None, 0
        for number in self._numbers:
            if self._count and number >= self._first + self._count:
                break
            due = (number - self._first) / self._rate if self._rate else self._now()
            if self._stop.wait(max(0.0, due - self._now())) or self._stop.is_set():
                break
            if connection is not None and left == 0:
                connection.quit()
                connection = None
            began = self._now()
            if connection is None:
                connection, left = self._connected(number, due, began), A_SESSION
            if connection is not None:
                left -= 1
                connection = self._send(connection, number, due, began)
        if connection is not None:
            connection.quit()

    def _now(self) -> float:
        return time.monotonic() - self.begun

    def _connected(self, number: int, due: float, began: float) -> Connection | None:
        """Return a connection that has logged in."""
        connection = None
        try:
            connection = self._relay.raw(LISTENER)
            self._relay.log_in(connection, "acme/main", username=None, listener=LISTENER, tls=False)
        except (OSError, AssertionError) as error:
            said = connection.transcript[-1:] if connection is not None else []
            reply = said[0].removeprefix("S: ") if said and said[0].startswith("S: 4") else repr(error)
            self.sent.append(Sent(number, due, began, None, reply))
            if connection is not None:
                with contextlib.suppress(OSError):
                    connection.close()
            self._stop.wait(0.1)
            return None
        return connection

    def _send(self, connection: Connection, number: int, due: float, began: float) -> Connection | None:
        content = self._template.replace(b"@NUMBER@", b"%d" % number)
        dot = None
        connection.transcript.clear()
        try:
            reply = connection.envelope(SENDER, [f"r{number}@example.net"])
            if reply.startswith("354"):
                raw = stuffed(content)
                connection.send(raw[:-3])
                dot = time.monotonic()
                connection.send(raw[-3:])
                reply = connection.reply(self._patience)
                self.sent.append(Sent(number, due, began, time.monotonic() - dot, reply))
                if reply.startswith("250 "):
                    return connection
            else:
                self.sent.append(Sent(number, due, began, None, reply))
        except OSError as error:
            self.sent.append(Sent(number, due, began, None, repr(error), known=dot is None))
        with contextlib.suppress(OSError):
            connection.close()
        self._stop.wait(0.1)
        return None


def accepted(sent: Sequence[Sent]) -> list[Sent]:
    """Return what the relay has taken."""
    return [each for each in sent if each.accepted]


def others(sent: Sequence[Sent]) -> Counter[str]:
    """Return how often what else was said, without what differs from message to message."""
    return Counter(each.reply.partition("\n")[0][:60] for each in sent if not each.accepted)


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that so large a part of the values (0.99) does not exceed; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0
