"""Daemons killed and held in the middle of a message, a locked store, a rotated log.

Whatever happens: a client hears a temporary refusal or a dropped connection or 250; what was refused is never
delivered, what was accepted is delivered whole and once, and the events say so.
"""

import contextlib
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from estafeta_testing import sandbox as testing
from estafeta_testing.outbox import Copy
from estafeta_testing.relay import SENDER, Relay, wait
from estafeta_testing.smtp import Connection, queue_id, stuffed
from estafeta_testing.victims import Victims

STORE_TIMEOUT = 2  # seconds, so that nobody has to wait for the usual twenty
LINKS = 200
PATIENCE = 30.0  # seconds until a killed daemon must serve again
_TEMPORARY = re.compile(r"4\d\d ")


@dataclass(slots=True)
class History:
    """What the clients of this file were told."""

    relay: Relay
    accepted: dict[str, str] = field(default_factory=dict)  # queue id by marker
    refused: set[str] = field(default_factory=set)
    numbers: int = 0

    def marker(self) -> str:
        self.numbers += 1
        return f"marker-{self.numbers:04d}"

    def told(self, marker: str, reply: str) -> bool:
        """Note a reply to a final dot; whether it accepted. Nothing but a temporary refusal is another."""
        if reply.startswith("250"):
            self.accepted[marker] = queue_id(reply)
            return True
        assert _TEMPORARY.match(reply), reply
        self.refused.add(marker)
        return False

    def send_until_accepted(self) -> str:
        """Send a message, as often as it takes; return its marker."""
        give_up = time.monotonic() + PATIENCE
        while True:
            marker = self.marker()
            with contextlib.suppress(OSError, AssertionError):
                with self.relay.session() as client:
                    reply = client.message(SENDER, [recipient(marker)], message(marker))
                if self.told(marker, reply):
                    return marker
            assert time.monotonic() < give_up, "mail does not go again"
            time.sleep(0.1)


def recipient(marker: str) -> str:
    return f"{marker}@example.net"


def message(marker: str) -> bytes:
    """Return a tracked message of some 200 KB that names its marker everywhere."""
    rows = "".join(
        f'<p>{marker} <a href="https://example.com/{marker}/{n}">{"text " * 150}</a></p>\r\n'
        for n in range(LINKS)
    )
    return (
        f"From: {SENDER}\r\nTo: {recipient(marker)}\r\nSubject: {marker}\r\nContent-Type: text/html\r\n"
        f'X-MSYS-API: {{"options": {{"open_tracking": true, "click_tracking": true}}}}\r\n'
        f"\r\n<html><body>\r\n{rows}</body></html>\r\n"
    ).encode()


def assert_whole(relay: Relay, marker: str, copy: Copy) -> None:
    """Check that every change was made, and for this recipient."""
    assert copy.delivered_to == recipient(marker)
    assert copy.values("X-MSYS-API") == []
    assert len(copy.values("List-Unsubscribe")) == 1
    assert relay.links.read_bounce_address(copy.return_path) is not None
    body = copy.body.decode()
    assert body.count(marker) == LINKS
    urls = re.findall(r'href="([^"]*)"', body)
    assert len(urls) == LINKS
    for number, url in enumerate(urls):
        token = relay.links.read(url.rpartition("/")[2])
        assert token is not None, url
        assert token.target == f"https://example.com/{marker}/{number}".encode()
    assert body.count("/o/") == 2
    assert body.endswith("</body></html>\r\n")


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """A sandbox of this file alone: it is broken in every way."""
    with testing.running(config=f"{testing.QUICK}store_timeout: {STORE_TIMEOUT}\n") as running:
        yield Relay(running.description)


@pytest.fixture(scope="module")
def history(relay: Relay) -> History:
    return History(relay)


@pytest.fixture(scope="module")
def victims(relay: Relay) -> Victims:
    return Victims(relay)


def finish(client: Connection, rest: bytes) -> str:
    """Send the rest of a message and return the reply; a dropped connection is a temporary refusal."""
    try:
        client.send(rest)
        return client.reply()
    except ConnectionError:
        return "421 the connection was dropped"


@pytest.mark.parametrize("role", ["sasl", "policy", "milter", "web", "worker"])
def test_a_daemon_killed_in_the_middle_of_a_message(
    relay: Relay, history: History, victims: Victims, role: str
) -> None:
    marker = history.marker()
    raw = stuffed(message(marker))
    with relay.session() as client:
        assert client.envelope(SENDER, [recipient(marker)]).startswith("354")
        client.send(raw[: len(raw) // 2])
        dead = victims.pids(role)[0]
        victims.kill(role)
        history.told(marker, finish(client, raw[len(raw) // 2 :]))
    victims.replaced(role, dead)
    history.send_until_accepted()


@pytest.mark.parametrize("role", ["sasl", "policy"])
def test_a_daemon_that_is_down_refuses_for_the_time_being(
    relay: Relay, history: History, victims: Victims, role: str
) -> None:
    """A good key is never called wrong, and nothing passes unasked."""
    seen: Counter[str] = Counter()
    for _ in range(5):
        dead = victims.pids(role)[0]
        with contextlib.suppress(ConnectionError), relay.raw() as client:
            victims.kill(role)
            relay.begin(client, tls=False)
            credential = relay.credential()
            reply = client.login(credential.username, credential.password)
            assert reply.startswith(("235", "454 4.7.0")), reply
            if reply.startswith("235"):
                client.command(f"MAIL FROM:<{SENDER}>")
                reply = client.command("RCPT TO:<alice@example.net>")
                assert reply.startswith(("250", "451 4.3.5", "421")), reply
            seen[reply[:3]] += 1
        victims.replaced(role, dead)
    assert seen
    history.send_until_accepted()


def test_a_milter_killed_while_it_edits(relay: Relay, history: History, victims: Victims) -> None:
    """At a random moment behind the final dot: refused, or delivered with every change made."""
    chance = random.Random(20261120)
    for round_ in range(12):
        marker = history.marker()
        with contextlib.suppress(AssertionError, ConnectionError), relay.session() as client:
            if not client.envelope(SENDER, [recipient(marker)]).startswith("354"):
                continue
            client.send(stuffed(message(marker)))
            time.sleep(chance.uniform(0.0, 0.05))
            victims.kill_worker("milter", round_)
            victims.kill_worker("milter", round_ + 1)
            history.told(marker, finish(client, b""))
    history.send_until_accepted()


@pytest.mark.release
def test_a_milter_that_hangs_is_answered_for(relay: Relay, history: History, victims: Victims) -> None:
    marker = history.marker()
    with relay.session() as client:
        assert client.envelope(SENDER, [recipient(marker)]).startswith("354")
        with victims.held("milter"):
            started = time.monotonic()
            reply = finish(client, stuffed(message(marker)))
            seconds = time.monotonic() - started
    assert reply.startswith("451 4.7.1"), reply
    assert seconds < 60, "SparkPost's clients wait for a minute"
    history.told(marker, reply)
    history.send_until_accepted()


def test_s23_a_store_that_does_not_answer_defers_mail(relay: Relay, history: History) -> None:
    marker = history.marker()
    with relay.session() as client, relay.locked_store():
        started = time.monotonic()
        reply = client.message(SENDER, [recipient(marker)], message(marker))
        assert reply == "421 4.3.3 [internal] smtpapi unable to generate unique transmission id"
        assert time.monotonic() - started < 30
        with pytest.raises(ConnectionError):
            client.reply()
    history.told(marker, reply)
    history.send_until_accepted()


def test_h12_links_answer_while_the_store_is_locked_and_lose_nothing(relay: Relay, history: History) -> None:
    marker = history.send_until_accepted()
    sent = history.accepted[marker]
    body = relay.copy(sent).body.decode()
    click = re.findall(r'href="([^"]*)"', body)[0]
    pixel = re.findall(r'src="([^"]*)"', body)[1]
    leave = re.findall(r"<(http[^>]*)>", relay.copy(sent).value("List-Unsubscribe"))[0]
    with relay.locked_store():
        for method, url, form, status in (
            ("GET", click, None, 302),
            ("GET", pixel, None, 200),
            ("POST", leave, "List-Unsubscribe=One-Click", 200),
        ):
            started = time.monotonic()
            assert relay.http(method, url, form).status == status
            assert time.monotonic() - started < 4.0
    relay.events(sent, "injection", "delivery", "click", "open", "list_unsubscribe")
    with relay.session() as client:
        left = queue_id(client.message(SENDER, [recipient(marker)], message(marker)))
    assert relay.copies(left) == [], "who left during the fault gets nothing after it"


def test_an_unsubscribe_that_was_answered_survives_a_kill(
    relay: Relay, history: History, victims: Victims
) -> None:
    marker = history.send_until_accepted()
    sent = history.accepted[marker]
    leave = re.findall(r"<(http[^>]*)>", relay.copy(sent).value("List-Unsubscribe"))[0]
    dead = victims.pids("web")[0]
    with relay.locked_store():
        assert relay.http("POST", leave, "List-Unsubscribe=One-Click").status == 200
        victims.kill("web")
        victims.replaced("web", dead)
    relay.events(sent, "injection", "delivery", "list_unsubscribe")


def test_f9_a_revoked_key_stops_an_open_session_within_a_second(relay: Relay) -> None:
    key = relay.estafeta("key", "create", "acme/open", "--permission", "send").stdout.strip()
    time.sleep(1.2)  # every process looks at the files for itself, twice a second
    with relay.raw() as client:
        relay.begin(client, tls=False)
        assert client.login("SMTP_Injection", key).startswith("235")
        assert client.command(f"MAIL FROM:<{SENDER}>").startswith("250")
        assert client.command("RSET").startswith("250")
        assert relay.estafeta("key", "revoke", "acme/open").returncode == 0
        revoked = time.monotonic()
        while (reply := client.command(f"MAIL FROM:<{SENDER}>")).startswith("250"):
            assert time.monotonic() - revoked < 3.0, "the key still sends"
            client.command("RSET")
            time.sleep(0.02)
    assert reply == "535 5.7.8 Credential revoked"


def test_a_log_that_is_rotated_loses_and_repeats_nothing(relay: Relay, history: History) -> None:
    """As logrotate does it: the file is renamed, then Postfix is told."""
    with relay.session() as client:
        for number in range(60):
            marker = history.marker()
            assert history.told(marker, client.message(SENDER, [recipient(marker)], message(marker)))
            if number in (20, 40):
                relay.maillog.rename(f"{relay.maillog}.{number}")
                os.kill(relay.processes["postfix"], signal.SIGHUP)
    assert relay.maillog.exists()


def test_a_worker_killed_while_mail_is_delivered(relay: Relay, history: History, victims: Victims) -> None:
    with relay.session() as client:
        for number in range(30):
            marker = history.marker()
            assert history.told(marker, client.message(SENDER, [recipient(marker)], message(marker)))
            if number in (5, 20):
                dead = victims.pids("worker")[0]
                victims.kill("worker")
                victims.replaced("worker", dead)


def test_what_was_accepted_and_only_that_was_delivered_whole_and_recorded_once(
    relay: Relay, history: History
) -> None:
    """Runs behind the others, over everything they sent."""
    assert len(history.accepted) > 80

    def others() -> dict[str, list[str]]:
        found = {id_: injections_and_deliveries(relay, id_) for id_ in history.accepted.values()}
        return {id_: types for id_, types in found.items() if types != ["delivery", "injection"]}

    wait(others, {}, "one injection and one delivery of each accepted message")
    delivered = relay.everything_delivered()
    for marker, id_ in history.accepted.items():
        (copy,) = delivered[id_]
        assert_whole(relay, marker, copy)
    subjects = {copy.value("Subject") for copies in delivered.values() for copy in copies}
    assert subjects == set(history.accepted), "nothing else was delivered"


def injections_and_deliveries(relay: Relay, queue_id: str) -> list[str]:
    types = (event.type for event in relay.found(queue_id).events)
    return sorted(kind for kind in types if kind in ("injection", "delivery"))


def test_no_daemon_has_logged_a_failure_of_its_own(relay: Relay) -> None:
    faults = [
        line
        for path in (relay.dir / "log").iterdir()
        for line in path.read_text().splitlines()
        if "Traceback" in line or "untrapped" in line
    ]
    assert faults == []
