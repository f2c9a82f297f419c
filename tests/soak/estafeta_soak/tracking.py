"""R2: whatever was answered is in the store once, however often the web service and the worker are killed."""

import contextlib
import http.client
import itertools
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Sequence

from estafeta_core import journal
from estafeta_core.config.load import load_config
from estafeta_core.store.rows import Message
from estafeta_soak.step import Plan, Row
from estafeta_testing.relay import BROWSER, Relay, wait
from estafeta_testing.stored import look, make_rows
from estafeta_testing.victims import Victims

HITS, KILLS = 100_000, 300
CLIENTS = 4
LEAVING = 50  # every so many hits somebody unsubscribes, for which he has a message of his own
READERS = 200  # messages whose links are followed, at least
STUCK = 120.0  # seconds without an answer after which it is given up
KINDS = ("click", "open", "list_unsubscribe")

Hit = tuple[str, str]  # the type of its event, and what tells it from all others


class Recipients:
    """Clients that click and leave, each time another link, until there were enough answers or a stop."""

    def __init__(self, relay: Relay, messages: Sequence[Message], hits: int, clients: int = CLIENTS) -> None:
        self._place = urllib.parse.urlsplit(relay.web).netloc
        self._links = relay.links
        self._messages = messages
        self._wanted = hits
        self._numbers = itertools.count()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]
        self.answered: list[Hit] = []
        self.wrong: list[tuple[Hit, int]] = []
        self.slowest = 0.0  # seconds

    def __enter__(self) -> "Recipients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._stop.set()
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """Have the clients leave."""
        self._stop.set()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection(self._place, timeout=20)
        last = time.monotonic()
        while len(self.answered) < self._wanted and not self._stop.is_set():
            number, began = next(self._numbers), time.monotonic()
            try:
                hit, status = self._hit(connection, number)
            except (OSError, http.client.HTTPException):
                connection.close()
                if time.monotonic() - last > STUCK:
                    self._stop.set()
                time.sleep(0.02)
                continue
            last = time.monotonic()
            self.slowest = max(self.slowest, last - began)
            if status in (200, 302):
                self.answered.append(hit)
            else:
                self.wrong.append((hit, status))
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


def written(relay: Relay, count: int = READERS, account: str = "acme") -> list[Message]:
    """Have the store know of so many messages of an account, and return them."""
    messages: list[Message] = []
    with relay.store() as store:
        for number in range(count):
            rows = make_rows(f"reader{number}@example.net", account=account, queue_id=f"4X{number}")
            store.record(rows)
            messages += [row for row in rows if isinstance(row, Message)]
    return messages


def recorded(relay: Relay) -> Counter[Hit]:
    """Return how often the store has each hit; all of them, so it may take a second."""
    with relay.store() as store:
        found = store.events(types=["click", "list_unsubscribe"], limit=10_000_000)
    return Counter(
        (each.event.type, str(each.event.data.get("target_link_url", each.event.message_id)))
        for each in found
    )


def kill_again_and_again(
    relay: Relay, recipients: Recipients, hits: int, kills: int, say: Callable[[str], None] = lambda _: None
) -> None:
    """Kill the web service and the worker, at other places of their work each time."""
    victims = Victims(relay)
    for number in range(kills // 2):
        reached = hits * number // (kills // 2)
        wait(lambda: len(recipients.answered) >= reached, True, f"{reached} answers", STUCK)  # noqa: B023
        dead: dict[str, int] = {}
        for role in ("web", "worker"):
            time.sleep(0.037 * number % 0.1)
            dead[role] = victims.pids(role)[0]
            victims.kill(role)
        for role, pid in dead.items():
            victims.replaced(role, pid)
        if number % 10 == 0:
            say(f"R2: {len(recipients.answered)} answered, {2 * number + 2} kills")


def read_through(relay: Relay, answered: set[Hit], patience: float) -> Counter[Hit]:
    """Wait until every answered hit is in the store, or the time is over; return what the store has."""
    give_up = time.monotonic() + patience
    while True:
        found = recorded(relay)
        if not answered - found.keys() or time.monotonic() > give_up:
            return found
        time.sleep(1)


def suppressed(relay: Relay, answered: set[Hit]) -> bool:
    """Whether everybody who was told that he left is left alone."""
    url = relay.description["store"]
    rows = look(url, "SELECT message_id, rcpt_to FROM messages")
    addresses = {str(message_id): rcpt_to for message_id, rcpt_to in rows}
    with relay.store() as store:
        return all(
            store.is_suppressed("acme", None, [addresses[message_id]], ["non_transactional"])
            for kind, message_id in answered
            if kind == "list_unsubscribe"
        )


def run(plan: Plan, row: Row) -> None:
    """Run the row."""
    hits, kills = plan.count(HITS), plan.count(KILLS)
    with plan.sandbox() as (relay, _):
        messages = written(relay, max(READERS, hits // LEAVING))
        began = time.monotonic()
        with Recipients(relay, messages, hits) as recipients, contextlib.suppress(AssertionError):
            kill_again_and_again(relay, recipients, hits, kills, plan.say)
        seconds = time.monotonic() - began
        answered = set(recipients.answered)
        found = read_through(relay, answered, 300.0)
        row.hold("hits answered", f"at least {hits}", len(answered), len(answered) >= hits)
        row.hold("answered otherwise", "none", recipients.wrong[:3] or "none", not recipients.wrong)
        lost = answered - found.keys()
        row.hold("answered, and not in the store", "0", len(lost), not lost)
        twice = sum(times > 1 for times in found.values())
        row.hold("in the store twice", "0", twice, not twice)
        row.hold("who left is suppressed", "all", "", suppressed(relay, answered))
        folder = load_config(relay.config).state_dir
        give_up = time.monotonic() + 60
        while (files := len(journal.files(folder / journal.NAME))) > 1 and time.monotonic() < give_up:
            time.sleep(0.5)
        row.hold("files of the journal that are left", "1", files, files == 1)
    row.figures |= {"kills": kills, "seconds of load": round(seconds), "hits a second": round(hits / seconds)}
