"""R2: whatever was answered is in the store once, however often the web service and the worker are killed."""

import http.client
import itertools
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator

import pytest

from estafeta_core import journal
from estafeta_core.config.load import load_config
from estafeta_core.store.rows import Message
from estafeta_testing import sandbox as testing
from estafeta_testing.relay import BROWSER, Relay, wait
from estafeta_testing.stored import make_rows
from estafeta_testing.victims import Victims

HITS = 5000
KILLS = 20
CLIENTS = 4
SECONDS = 240.0  # patience, with a machine that has much else to do
LEAVING = 50  # every so many hits somebody unsubscribes, for which he has a message of his own

Hit = tuple[str, str]  # the type of its event, and what tells it from all others


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """A sandbox of this file alone, whose daemons are killed."""
    with testing.running() as running:
        yield Relay(running.description)


class Recipients:
    """Clients that click and leave, each time another link, until there were enough answers."""

    def __init__(self, relay: Relay, messages: list[Message]) -> None:
        self._place = urllib.parse.urlsplit(relay.web).netloc
        self._links = relay.links
        self._messages = messages
        self._numbers = itertools.count()
        self._guard = threading.Lock()
        self.answered: list[Hit] = []
        self.wrong: list[int] = []
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> "Recipients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(SECONDS)

    def _ask(self) -> None:
        give_up = time.monotonic() + SECONDS
        connection = http.client.HTTPConnection(self._place, timeout=10)
        while len(self.answered) < HITS and time.monotonic() < give_up:
            with self._guard:
                number = next(self._numbers)
            try:
                hit, status = self._hit(connection, number)
            except (OSError, http.client.HTTPException):
                connection.close()
                time.sleep(0.02)
            else:
                (self.answered if status in (200, 302) else self.wrong).append(hit)  # type: ignore[arg-type]
        connection.close()

    def _hit(self, connection: http.client.HTTPConnection, number: int) -> tuple[Hit, int]:
        message = self._messages[number % len(self._messages)]
        method, form, hit = "GET", None, ("click", f"https://example.com/{number}")
        url = self._links.click(message.message_id, hit[1])
        if number % LEAVING == 0 and number // LEAVING < len(self._messages):
            message_id = self._messages[number // LEAVING].message_id
            method, form, hit = "POST", "List-Unsubscribe=One-Click", ("list_unsubscribe", str(message_id))
            url = self._links.unsubscribe(message_id)
        headers = {"User-Agent": BROWSER, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, "/" + url.split("/", 3)[3], form, headers)
        answer = connection.getresponse()
        answer.read()
        return hit, answer.status


def recorded(relay: Relay) -> Counter[Hit]:
    """Return how often the store has each hit."""
    with relay.store() as store:
        found = store.events(types=["click", "list_unsubscribe"], limit=10 * HITS)
    return Counter(
        (each.event.type, str(each.event.data.get("target_link_url", each.event.message_id)))
        for each in found
    )


def kill_again_and_again(relay: Relay, recipients: Recipients) -> None:
    """Kill the web service and the worker, at other places of their work each time."""
    victims = Victims(relay)
    for number in range(KILLS // 2):
        reached = HITS * number // (KILLS // 2)
        wait(lambda: len(recipients.answered) >= reached, True, f"{reached} answers", SECONDS)  # noqa: B023
        dead: dict[str, int] = {}
        for role in ("web", "worker"):
            time.sleep(0.037 * number % 0.1)
            dead[role] = victims.pids(role)[0]
            victims.kill(role)
        for role, pid in dead.items():
            victims.replaced(role, pid)


def test_r2_what_was_answered_is_recorded_once_whoever_is_killed(relay: Relay) -> None:
    messages: list[Message] = []
    with relay.store() as store:
        for number in range(200):
            rows = make_rows(f"reader{number}@example.net", queue_id=f"4X{number}")
            store.record(rows)
            messages += [row for row in rows if isinstance(row, Message)]
    with Recipients(relay, messages) as recipients:
        kill_again_and_again(relay, recipients)
    assert recipients.wrong == []
    assert len(recipients.answered) >= HITS
    answered = set(recipients.answered)
    wait(lambda: answered - recorded(relay).keys(), set(), "every answered hit")
    assert {hit: times for hit, times in recorded(relay).items() if times > 1} == {}
    with relay.store() as store:
        for kind, message_id in answered:
            if kind == "list_unsubscribe":
                found = store.find(message_id)
                assert found is not None
                address = found.messages[0].rcpt_to
                assert store.is_suppressed("acme", None, [address], ["non_transactional"])
    folder = load_config(relay.config).state_dir
    assert journal.files(folder / journal.NAME) == [folder / journal.NAME]
