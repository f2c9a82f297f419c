"""R8: ten times the load, 300 sessions, wrong logins, 2,000 slow HTTP clients; then all is as before."""

import contextlib
import os
import resource
import selectors
import socket
import threading
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator

from estafeta_chaos import ground
from estafeta_soak.mail import Senders, accepted, newsletter, others, percentile
from estafeta_soak.readers import Readers
from estafeta_soak.step import Plan, Row
from estafeta_soak.watch import ROLES, Watch
from estafeta_testing.relay import Relay
from estafeta_testing.stored import look
from estafeta_testing.victims import Victims

MINUTES = 10
NORMAL, SESSIONS = 40.0, 20  # messages a second and their sessions, before and behind
MANY, TIMES = 300, 10  # sessions, and how much more they would send
LOGINS = 200  # wrong ones a second, over so many connections:
FLOODERS = 20
SLOW = 2000  # connections that send a byte every so many seconds:
DRIP = 5.0
BASE = 30.0  # seconds of normal load before and behind
SETTLE = 10.0  # seconds until all is as before
AS_BEFORE = 2.0  # times: the p99 behind to that before
MEMORY = 1500.0  # MB of all daemons: nothing near the end of a small machine


def run(plan: Plan, row: Row) -> None:
    """Run the row."""
    seconds, template = plan.seconds(MINUTES * 60), newsletter(20, 20)
    with plan.sandbox() as (relay, _), Watch(relay) as watch, Readers(relay, rate=20.0) as readers:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        pids = {role: Victims(relay).pids(role)[:1] for role in ROLES}
        before = _normal(relay, template, 1)
        logins: Counter[str] = Counter()
        plan.say(
            f"R8: {MANY} sessions, {LOGINS} wrong logins a second, {SLOW} slow requests, {seconds:.0f} s"
        )
        first = 1_000_000
        with (
            _flood(relay, logins),
            _slow(relay) as slow,
            Senders(relay, template, sessions=MANY, rate=TIMES * NORMAL, first=first) as many,
        ):
            time.sleep(seconds)
            held = len(slow)
        plan.say(f"R8: over; {len(accepted(many.sent))} accepted, {dict(others(many.sent))}, {dict(logins)}")
        time.sleep(SETTLE)
        behind = _normal(relay, template, 5_000_000)
        ground.settle(relay, 600.0, plan.say)
        readers.outbox.look()
        wanted = {each.number for each in accepted([*before.sent, *many.sent, *behind.sent])}
        lost = wanted - readers.outbox.came.keys()
        row.hold("accepted, and not delivered", "0", len(lost), not lost)
        doubled = sum(count > 1 for count in readers.outbox.came.values())
        row.hold("delivered twice", "0", doubled, not doubled)
        _recorded(row, relay, len(readers.outbox.came))
        again = {role for role, old in pids.items() if Victims(relay).pids(role)[:1] != old}
        row.hold("daemons that ended", "none", ", ".join(sorted(again)) or "none", not again)
        faults = ground.own_failures(relay)
        row.hold("faults that daemons logged", "0", len(faults), not faults)
    wrong = {
        reply: count for reply, count in others(many.sent).items() if reply[:1].isdigit() and reply[0] != "4"
    }
    row.hold("replies that are neither 250 nor 4xx", "none", wrong or "none", not wrong)
    codes = Counter(
        {code: n for code, n in logins.items() if not code.startswith(("535", "454", "421", "lost"))}
    )
    row.hold("answers to wrong logins", "535, 454 or 421", dict(logins), not codes)
    answers = Counter(hit.status for hit in readers.hits)
    fine = answers.keys() <= {0, 200, 302, 503}
    row.hold("answers to requests meanwhile", "302, 200, 503 or none", dict(answers), fine)
    p99 = [
        percentile([each.waited or 0.0 for each in accepted(part.sent)], 0.99) for part in (before, behind)
    ]
    text = f"{p99[0] * 1000:.0f} ms before, {p99[1] * 1000:.0f} ms behind"
    limit = max(AS_BEFORE * p99[0], 0.25)
    row.hold(f"p99 {SETTLE:g} s behind it", f"at most {limit * 1000:.0f} ms", text, p99[1] <= limit)
    refused = others(behind.sent)
    row.hold("other replies behind it", "none", dict(refused) or "none", not refused)
    row.hold("all daemons", f"at most {MEMORY:g} MB", f"{watch.total():.0f} MB", watch.total() <= MEMORY)
    row.figures |= {
        "accepted meanwhile": len(accepted(many.sent)),
        "a second": round(len(accepted(many.sent)) / seconds, 1),
        "other replies meanwhile": dict(others(many.sent)),
        "slow connections held in the end": held,
    }


def _normal(relay: Relay, template: bytes, first: int) -> Senders:
    with Senders(relay, template, sessions=SESSIONS, rate=NORMAL, first=first) as senders:
        time.sleep(BASE)
    return senders


def _recorded(row: Row, relay: Relay, wanted: int) -> None:
    give_up = time.monotonic() + 120
    stored = 0
    while stored < wanted and time.monotonic() < give_up:
        ((stored,),) = look(relay.description["store"], "SELECT count(*) FROM events WHERE type = 'delivery'")
        time.sleep(0.5)
    row.hold("deliveries in the store", f"{wanted}", stored, stored == wanted)


@contextlib.contextmanager
def _flood(relay: Relay, answers: Counter[str]) -> Iterator[None]:
    """Log in with wrong passwords."""
    stop = threading.Event()

    def flood() -> None:
        while not stop.wait(FLOODERS / LOGINS):
            try:
                with relay.raw() as connection:
                    relay.begin(connection, tls=False)
                    answers[connection.login("SMTP_Injection", os.urandom(12).hex())[:3]] += 1
            except (OSError, AssertionError):
                answers["lost"] += 1

    threads = [threading.Thread(target=flood, daemon=True) for _ in range(FLOODERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(120)


@contextlib.contextmanager
def _slow(relay: Relay) -> "Iterator[dict[socket.socket, int]]":
    """Hold connections to the web service on which a request comes a byte at a time."""
    place = urllib.parse.urlsplit(relay.web)
    stop, living = threading.Event(), dict[socket.socket, int]()  # how many bytes were sent
    request = b"GET /o/none.gif HTTP/1.1\r\nHost: x\r\nX-Slow: " + b"y" * 4000

    def drip() -> None:
        selector = selectors.DefaultSelector()
        while not stop.wait(DRIP):
            while len(living) < SLOW:
                try:
                    connection = socket.create_connection((place.hostname, place.port), 5)
                except OSError:
                    break
                living[connection] = 0
                selector.register(connection, selectors.EVENT_READ)
            for key, _ in selector.select(0):  # it was answered, or closed: another takes its place
                selector.unregister(key.fileobj)
                _close(living, key.fileobj)
            for connection in list(living):
                try:
                    connection.send(request[living[connection] :][:1])
                    living[connection] += 1
                except OSError:
                    selector.unregister(connection)
                    _close(living, connection)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield living
    finally:
        stop.set()
        thread.join(60)
        for connection in living:
            connection.close()


def _close(living: "dict[socket.socket, int]", connection: object) -> None:
    assert isinstance(connection, socket.socket)
    living.pop(connection, None)
    connection.close()
