"""R2: whatever was answered is in the store once, however often the web service and the worker are killed."""

import collections
import contextlib
import http.client
import threading
import time
import urllib.parse
from collections.abc import Iterator

import pytest

from estafeta_core.ids import IdSource
from estafeta_core.store.rows import Event, Message, Transmission
from estafeta_testing import sandbox as testing
from estafeta_testing.relay import BROWSER, Relay, wait
from estafeta_testing.stored import make_rows
from estafeta_testing.victims import Victims

HITS = 5000
KILLS = 20
CLIENTS = 4
SECONDS = 60.0


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """A sandbox of this file alone, whose daemons are killed."""
    with testing.running() as running:
        yield Relay(running.description)


class Recipients:
    """Clients that open, click and leave until there were enough answers; each URL is asked for once."""

    def __init__(self, relay: Relay, urls: list[tuple[str, str]]) -> None:
        self._place = urllib.parse.urlsplit(relay.web).netloc
        self._urls = iter(urls)
        self._guard = threading.Lock()
        self.answered: set[str] = set()
        self.threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(self._place, timeout=10)
        while True:
            with self._guard:
                url, name = next(self._urls, ("", ""))
            if not url:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._hit(connection, url)
                with self._guard:
                    self.answered.add(name)
                continue
            connection.close()
            time.sleep(0.02)
        connection.close()

    @staticmethod
    def _hit(connection: http.client.HTTPConnection, url: str) -> None:
        leaving = "/u/" in url
        body = "List-Unsubscribe=One-Click" if leaving else None
        headers = {"User-Agent": BROWSER} | (
            {"Content-Type": "application/x-www-form-urlencoded"} if leaving else {}
        )
        connection.request("POST" if leaving else "GET", url, body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (200, 302)


def test_r2_what_was_answered_is_recorded_once_whoever_is_killed(relay: Relay) -> None:
    with relay.store() as store:
        rows = make_rows()
