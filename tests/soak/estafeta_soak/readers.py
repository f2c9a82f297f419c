"""Recipients: they take what was delivered out of the outbox, and follow its links at a rate.

What was taken is removed, so an hour's mail does not fill the disk. A link is followed once, so each answered
request stands for one event.
"""

import contextlib
import http.client
import re
import threading
import time
import urllib.parse
from collections import Counter, deque
from dataclasses import dataclass

from estafeta_soak.mail import NUMBER
from estafeta_testing.relay import BROWSER, Relay

LOOK_EVERY = 1.0  # seconds
KEPT = 4000  # links that wait to be followed; more are forgotten
LEAVING = 50  # one in so many requests is an unsubscribe
PER_CONNECTION = 200  # requests

_NUMBER = re.compile(rb"^%b: (\d+)\r\n" % NUMBER.encode(), re.MULTILINE)
_LEAVE = re.compile(
    rb"^List-Unsubscribe:(?:.*\r\n(?=[ \t]))*[^<]*(?:<mailto:[^>]*>,\s*)?<(http[^>]*)>", re.MULTILINE
)
_LINK = re.compile(rb'href="(http://[^"]*/c/[^"]*)"')
_PIXEL = re.compile(rb'src="(http://[^"]*/o/[^"]*)"')
ANSWERS = {"click": 302, "open": 200, "initial_open": 200, "list_unsubscribe": 200}


@dataclass(frozen=True, slots=True)
class Hit:
    """One request."""

    kind: str  # the type of its event
    status: int  # 0: no answer
    began: float  # seconds since the epoch
    took: float


class Outbox:
    """Takes everything out of the outbox, again and again."""

    def __init__(self, relay: Relay) -> None:
        self._folder = relay.dir / "outbox" / "new"
        self.came: Counter[int] = Counter()  # copies by the number of the message
        self.links: deque[tuple[str, str]] = deque(maxlen=KEPT)  # type of event, URL
        self.unreadable = 0

    def look(self) -> int:
        """Take what there is; return how much it was."""
        names = sorted(path.name for path in self._folder.iterdir())
        for name in names:
            self._take((self._folder / name).read_bytes())
            (self._folder / name).unlink()
        return len(names)

    def _take(self, raw: bytes) -> None:
        found = _NUMBER.search(raw)
        if found is None:
            self.unreadable += 1
            return
        number = int(found[1])
        self.came[number] += 1
        links, pixels, leave = _LINK.findall(raw), _PIXEL.findall(raw), _LEAVE.search(raw)
        if not links or len(pixels) != 2 or leave is None:
            self.unreadable += 1
            return
        self.links.append(("click", links[number % len(links)].decode()))
        kind = "initial_open" if number % 2 else "open"
        self.links.append((kind, pixels[0 if number % 2 else 1].decode()))
        if number % LEAVING == 0:
            self.links.append(("list_unsubscribe", leave[1].decode()))


class Readers:
    """Follow links at a rate until told to stop."""

    def __init__(self, relay: Relay, *, rate: float, connections: int = 4) -> None:
        self.outbox = Outbox(relay)
        self.hits: list[Hit] = []
        self._place = urllib.parse.urlsplit(relay.web).netloc
        self._rate = rate
        self._connections = connections
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._look, daemon=True)]
        self._threads += [threading.Thread(target=self._follow, daemon=True) for _ in range(connections)]

    def __enter__(self) -> "Readers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _look(self) -> None:
        while not self._stop.wait(LOOK_EVERY):
            self.outbox.look()

    def _follow(self) -> None:
        connection, left = None, 0
        pause, due = self._connections / self._rate, time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            due = max(due + pause, time.monotonic() - 1.0)
            try:
                kind, url = self.outbox.links.popleft()
            except IndexError:
                continue
            if connection is None or left == 0:
                if connection is not None:
                    connection.close()
                connection, left = http.client.HTTPConnection(self._place, timeout=20), PER_CONNECTION
            left -= 1
            self._ask(connection, kind, url)
        if connection is not None:
            connection.close()

    def _ask(self, connection: http.client.HTTPConnection, kind: str, url: str) -> None:
        form = "List-Unsubscribe=One-Click" if kind == "list_unsubscribe" else None
        headers = {"User-Agent": BROWSER}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        began, clock, status = time.time(), time.monotonic(), 0
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("POST" if form else "GET", "/" + url.split("/", 3)[3], form, headers)
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        if not status:
            connection.close()
        self.hits.append(Hit(kind, status, began, time.monotonic() - clock))
