"""What `estafeta stats` counts of messages that went through Postfix (D19, D20, D21)."""

import json
import os
import re
import signal
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from estafeta_core.config.load import load_config
from estafeta_testing.journals import catch_up
from estafeta_testing.relay import SENDER, Relay, wait

Said = Callable[..., dict[str, Any]]
LINKS = '<body><a href="https://example.com/">Link</a> <a href="[Unsubscribe]">x</a> [WebVersion]</body>'
DEVINO = f"From: noreply@devino.example\r\nContent-Type: text/html\r\n\r\n{LINKS}\r\n".encode()
ACME = (
    f'From: {SENDER}\r\nContent-Type: text/html\r\nX-MSYS-API: {{"options": {{"open_tracking": true}}}}'
    "\r\n\r\n<html><body>Hello</body></html>\r\n"
).encode()


@pytest.fixture
def stats(relay: Relay) -> Said:
    """Return a function that asks for what was sent since the test began."""
    begin = datetime.now().isoformat()  # noqa: DTZ005 - local time is what the command takes

    def ask(*arguments: str) -> dict[str, Any]:
        said = relay.estafeta("stats", "--json", "--from", begin, *arguments)
        assert said.returncode == 0, said.stderr
        answer: dict[str, Any] = json.loads(said.stdout)
        return answer

    return ask


def counts(said: dict[str, Any]) -> dict[str, int]:
    return {name: row["count"] for name, row in said["statistics"].items() if row["count"]}


def urls(relay: Relay, queue_id: str, place: str) -> list[str]:
    text = relay.copy(queue_id).parsed().get_content()
    return re.findall(rf'{re.escape(relay.web)}/{place}/[^"\s<]+', text)


def test_d21_what_became_of_devinos_messages_is_counted(relay: Relay, stats: Said) -> None:
    def send(*recipients: str) -> str:
        return relay.send(
            DEVINO,
            *recipients,
            sender="noreply@devino.example",
            credential="website/1website",
            listener="devino-587",
        )

    read, refused, suppressed = (
        send("stats.reader@example.net"),
        send("bounce.stats@example.net"),
        send("unsubscribed@example.net"),
    )
    several, deferred = (
        send("stats.first@example.net", "stats.second@example.net", "stats.third@example.net"),
        send("defer.stats@example.net"),
    )
    for kind in ("o", "c"):
        for _ in range(2):
            assert relay.http("GET", urls(relay, read, kind)[0]).status in (200, 302)
    assert relay.http("POST", urls(relay, read, "u")[0], "List-Unsubscribe=One-Click").status == 200

    relay.events(refused, "injection", "bounce")
    relay.events(suppressed, "injection", "bounce")
    relay.events(several, "injection", "delivery", "policy_rejection", "policy_rejection")
    wait(lambda: "delay" in {event["type"] for event in relay.events(deferred)}, True, "a delay")
    wait(lambda: "delivery" in {event["type"] for event in relay.events(read)}, True, "a delivery")
    said = stats("--account", "website")
    assert counts(said) == {
        "charged": 4,
        "sending": 1,
        "delivered": 2,
        "read": 1,
        "click": 1,
        "delivery_errors": 1,
        "rejected": 3,
        "unsubscribed": 1,
        "total": 7,
    }
    assert said["statistics"]["charged"]["percent"] == 57.14
    assert (said["metrics"]["count_targeted"], said["metrics"]["count_injected"]) == (7, 5)
    assert counts(stats()) == counts(said), "nobody else has sent anything meanwhile"


def test_each_recipient_of_a_message_is_counted_with_what_he_did(relay: Relay, stats: Said) -> None:
    sent = relay.send(
        ACME, "stats.one@example.net", "stats.two@example.net", "bounce.stats.three@example.net"
    )
    copies = {copy.delivered_to: copy.parsed().get_content() for copy in relay.copies(sent)}
    _top, pixel = re.findall(rf'{re.escape(relay.web)}/o/[^"]+', copies["stats.two@example.net"])
    for _ in range(3):
        assert relay.http("GET", pixel).status == 200
    opens = ["open"] * 3
    relay.events(sent, *["injection"] * 3, "delivery", "delivery", "bounce", *opens)
    assert counts(stats("--account", "acme")) == {
        "charged": 3,
        "delivered": 2,
        "read": 1,
        "delivery_errors": 1,
        "total": 3,
    }
    assert counts(stats("--account", "website")) == {}


def test_a_message_is_sent_when_somebody_opened_it_before_its_delivery_is_recorded(
    relay: Relay, stats: Said
) -> None:
    worker = relay.processes["worker"]
    os.kill(worker, signal.SIGSTOP)
    try:
        sent = relay.send(ACME, "stats.early@example.net")
        pixel = urls(relay, sent, "o")[0]
        assert counts(stats()) == {"charged": 1, "sending": 1, "total": 1}
        assert relay.http("GET", pixel).status == 200
        with relay.store() as store:  # the journal, and not yet the log
            catch_up(load_config(relay.config).state_dir, store)
        assert counts(stats()) == {"charged": 1, "sent": 1, "read": 1, "total": 1}
    finally:
        os.kill(worker, signal.SIGCONT)
    wait(lambda: counts(stats()), {"charged": 1, "delivered": 1, "read": 1, "total": 1}, "the delivery")


def test_a_person_gets_a_table_in_the_words_of_the_account(relay: Relay) -> None:
    said = relay.estafeta("stats", "--account", "website", "--period", "month")
    assert said.returncode == 0, said.stderr
    assert "charged (Протарифицировано)" in said.stdout
    assert "Протарифицировано" not in relay.estafeta("stats", "--account", "acme").stdout
    assert relay.estafeta("stats").stdout.startswith("all accounts together, ")


def test_an_account_that_is_not_there_is_status_2(relay: Relay) -> None:
    said = relay.estafeta("stats", "--account", "nobody")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == "estafeta: there is no account nobody\n"
