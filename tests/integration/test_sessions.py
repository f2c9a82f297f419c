"""Many messages on one connection and many connections at once: each message keeps to itself."""

import contextlib
import random
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from estafeta_testing.relay import SENDER, Relay
from estafeta_testing.smtp import queue_id, stuffed

SESSIONS = 8
MESSAGES = 20


def message(marker: str, *, tracked: bool = True) -> bytes:
    """Return a message whose marker stands in every place that is handled apart."""
    options = "true" if tracked else "false"
    return (
        f"From: {SENDER}\r\nSubject: {marker}\r\nContent-Type: text/html\r\n"
        f'X-MSYS-API: {{"campaign_id": "{marker}", "options": {{"click_tracking": {options}}}}}\r\n\r\n'
        f'<p>{marker} <a href="https://example.com/{marker}">Go</a></p>\r\n'
    ).encode()


def assert_own(relay: Relay, marker: str, queue_id: str, *, tracked: bool = True) -> None:
    copy = relay.copy(queue_id)
    assert copy.delivered_to == f"{marker}@example.net"
    assert copy.value("Subject") == marker
    (url,) = re.findall(r'href="([^"]*)"', copy.body.decode())
    token = relay.links.read(url.rpartition("/")[2])
    assert (token is not None) == tracked
    found = relay.found(queue_id)
    assert found.transmission.campaign_id == marker
    (recipient,) = found.messages
    assert recipient.rcpt_to == f"{marker}@example.net"
    if token is not None:
        assert token.target.decode() == f"https://example.com/{marker}"
        assert token.id == recipient.message_id


def test_b11_parallel_sessions_do_not_mix(relay: Relay) -> None:
    begin = threading.Barrier(SESSIONS)

    def session(number: int) -> dict[str, str]:
        sent = {}
        with relay.session() as client:
            begin.wait()
            for index in range(MESSAGES):
                marker = f"parallel-{number}-{index}"
                reply = client.message(SENDER, [f"{marker}@example.net"], message(marker))
                sent[marker] = queue_id(reply)
        return sent

    with ThreadPoolExecutor(SESSIONS) as pool:
        sent = [entry for entries in pool.map(session, range(SESSIONS)) for entry in entries.items()]
    assert len({id_ for _, id_ in sent}) == SESSIONS * MESSAGES
    for marker, id_ in sent:
        assert_own(relay, marker, id_)


def test_b10_nothing_of_one_message_is_left_in_the_next(relay: Relay) -> None:
    """A hundred messages on one connection, sent, refused and broken off by chance."""
    chance = random.Random(20261120)
    sent: dict[str, tuple[str, bool]] = {}
    with relay.session() as client:
        for index in range(100):
            marker = f"chance-{index}"
            recipients = [f"{marker}@example.net"]
            what = chance.choice(["send", "send untracked", "refused", "reset", "no data"])
            if what.startswith("send"):
                tracked = what == "send"
                reply = client.message(SENDER, recipients, message(marker, tracked=tracked))
                sent[marker] = (queue_id(reply), tracked)
            elif what == "refused":
                broken = message(marker).replace(b'"options"', b'"metadata": 1, "options"')
                assert client.message(SENDER, recipients, broken).startswith("550 5.6.0")
            else:
                assert client.command(f"MAIL FROM:<{SENDER}>").startswith("250")
                if what == "reset":
                    assert client.command(f"RCPT TO:<{recipients[0]}>").startswith("250")
                assert client.command("RSET").startswith("250")
    for marker, (id_, tracked) in sent.items():
        assert_own(relay, marker, id_, tracked=tracked)
    seen = {copy.delivered_to for copies in relay.everything_delivered().values() for copy in copies}
    assert {address for address in seen if address.startswith("chance-")} == {
        f"{m}@example.net" for m in sent
    }


PHASES = ("greeting", "ehlo", "login", "mail", "rcpt", "data", "half", "all but the dot")


@pytest.mark.parametrize("phase", PHASES)
def test_a10_a_client_that_vanishes_leaves_no_message(relay: Relay, phase: str) -> None:
    marker = f"vanished-{phase.replace(' ', '-')}"
    raw = stuffed(message(marker))
    with relay.raw() as client, contextlib.suppress(ConnectionError):
        assert client.reply().startswith("220")
        credential = relay.credential()
        actions: list[Callable[[], object]] = [
            lambda: client.command("EHLO client.example"),
            lambda: client.login(credential.username, credential.password),
            lambda: client.command(f"MAIL FROM:<{SENDER}>"),
            lambda: client.command(f"RCPT TO:<{marker}@example.net>"),
            lambda: client.command("DATA"),
            lambda: client.send(raw[: len(raw) // 2]),
            lambda: client.send(raw[len(raw) // 2 : -3]),
        ]
        for action in actions[: PHASES.index(phase)]:
            action()
    assert_own(
        relay, f"after-{marker}", relay.send(message(f"after-{marker}"), f"after-{marker}@example.net")
    )
    assert relay.sql("SELECT count(*) FROM messages WHERE rcpt_to = ?", f"{marker}@example.net") == [(0,)]
    seen = {copy.delivered_to for copies in relay.everything_delivered().values() for copy in copies}
    assert f"{marker}@example.net" not in seen
