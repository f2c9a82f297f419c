"""Mutants of requests over HTTP, to the web service of a sandbox.

What must hold: an answer below 500 or a closed connection, within LIMIT; nobody is led to where no link of
ours leads; no process ends and no log has a traceback.
"""

import random
import re
import socket
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from estafeta_fuzz.mutants import mutants
from estafeta_testing.relay import BROWSER, Relay

LIMIT = 2.0  # seconds until the end of the answers
CONNECTIONS = 4
WHOLE = 2.5  # seconds without a byte, behind which the service is taken to wait for the rest of a request
TARGET = "https://example.com/a?b=1"

_STATUS = re.compile(rb"(?:\A|\r\n\r\n|\n)HTTP/1\.[01] (\d{3}) ")
_LOCATION = re.compile(rb"\r\nlocation: ([^\r\n]*)\r\n", re.IGNORECASE)


@dataclass
class Answers:
    """What requests were answered."""

    tried: int = 0
    statuses: Counter[int] = field(default_factory=Counter)  # of the first answer; 0: none
    slow: list[bytes] = field(default_factory=list)
    """What was answered later than LIMIT."""
    slowest: float = 0.0
    faults: list[tuple[bytes, str]] = field(default_factory=list)
    """Requests that broke a promise, each with what was said."""


def requests(relay: Relay) -> list[bytes]:
    """Return requests as recipients, receivers of mail and applications make them."""
    links, credential = relay.links, relay.credential()
    form = b"List-Unsubscribe=One-Click"
    head = f"Host: {urllib.parse.urlsplit(relay.web).netloc}\r\nUser-Agent: {BROWSER}\r\n"
    last = "Connection: close\r\n"  # so that the end of the answer is the end of the connection

    def get(url: str, method: str = "GET", more: str = "", end: str = last) -> bytes:
        return f"{method} /{url.split('/', 3)[3]} HTTP/1.1\r\n{head}{end}{more}\r\n".encode()

    typed = "Content-Type: application/x-www-form-urlencoded\r\n"
    click, pixel, leave = links.click(7, TARGET), links.pixel(7, initial=True), links.unsubscribe(7)
    api = f"{relay.web}/api/v1/events/message?events=click&per_page=10&from=2026-01-01T00:00"
    return [
        get(click),
        get(pixel),
        get(click, "HEAD"),
        get(pixel, end="") + get(click),
        get(leave),
        get(leave, "POST", f"{typed}Content-Length: {len(form)}\r\n") + form,
        get(leave, "POST", f"{typed}Transfer-Encoding: chunked\r\n") + b"1a\r\n" + form + b"\r\n0\r\n\r\n",
        get(links.web_version(7)),
        get(f"{relay.web}/healthz"),
        get(f"{relay.web}/sign-in", "POST", f"{typed}Content-Length: 8\r\n") + b"secret=x",
        get(api, more=f"Authorization: {credential.password}\r\n"),
        get(f"{relay.web}/api/v1/suppression-list?per_page=5", more="Authorization: none\r\n"),
    ]


def send(relay: Relay, count: int, seed: int, say: Callable[[str], None]) -> Answers:
    """Send `count` mutants, a few at a time, and return what they were answered."""
    answers, guard = Answers(), threading.Lock()
    left = islice(mutants(requests(relay), random.Random(f"{seed} http")), count)

    def run() -> None:
        while True:
            with guard:
                data = next(left, None)
            if data is None:
                return
            _one(relay, data, answers)
            if answers.tried % 5000 == 0:
                say(f"http: {answers.tried} of {count}, slowest {answers.slowest:.2f} s")

    threads = [threading.Thread(target=run) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = Answers()
    for data in (
        answers.slow
    ):  # a machine that does other things may be slow; a request that is slow twice is at fault
        _one(relay, data, again)
    answers.faults += [*again.faults, *((data, "slow twice") for data in again.slow)]
    return answers


def _one(relay: Relay, data: bytes, answers: Answers) -> None:
    place, said = urllib.parse.urlsplit(relay.web), b""
    began = ended = time.monotonic()
    try:
        with socket.create_connection((place.hostname, place.port), WHOLE) as connection:
            began = ended = time.monotonic()
            connection.sendall(data)
            while chunk := connection.recv(65536):
                said, ended = said + chunk, time.monotonic()
    except OSError:
        pass  # it hung up before it had read everything, or waits for the rest
    seconds = ended - began
    answers.tried += 1
    answers.slowest = max(answers.slowest, seconds)
    if seconds > LIMIT:
        answers.slow.append(data)
    _look(data, said, answers)


def _look(data: bytes, said: bytes, answers: Answers) -> None:
    statuses = [int(status) for status in _STATUS.findall(said)]
    answers.statuses[statuses[0] if statuses else 0] += 1
    if said and not said.startswith(b"HTTP/1."):
        answers.faults.append((data, f"no answer of HTTP: {said[:200]!r}"))
    if any(status >= 500 for status in statuses):
        answers.faults.append((data, f"answered {statuses}"))
    strange = [to for to in _LOCATION.findall(said) if not to.startswith((TARGET.encode(), b"/"))]
    if strange:
        answers.faults.append((data, f"led to {strange[0]!r}"))
