"""The receipt proxy and what stands behind it, broken in every way; strangers at the edge (faults A1, A10).

Whatever happens: what a client was told is accepted comes once, and what was refused may be sent again.
"""

import contextlib
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_testing import receipts
from estafeta_testing.line_ends import ENDS
from estafeta_testing.receipts import (
    PLAN,
    SENDER,
    TRACE,
    behind,
    copies_with,
    message,
    queue_id,
    send,
    ticket_of,
    transmission,
)
from estafeta_testing.relay import Relay, wait
from estafeta_testing.smtp import stuffed
from estafeta_testing.victims import Victims


@pytest.fixture(scope="module")
def relay() -> Iterator[Relay]:
    """A sandbox of this file alone: it is broken in every way."""
    with receipts.running("sqlite") as running:  # whose file is taken away
        yield running


@pytest.fixture(scope="module")
def victims(relay: Relay) -> Victims:
    return Victims(relay)


def listens(path: Path) -> bool:
    """Return whether somebody takes connections there: a socket is bound a moment before."""
    with socket.socket(socket.AF_UNIX) as client:
        return bool(client.connect_ex(str(path)) == 0)


def test_after_acceptance_a_store_that_is_away_costs_the_receipt_and_nothing_else(
    relay: Relay,
) -> None:
    """A second proxy, whose store is away for good, before the same listener."""
    config = relay.dir / "away.yaml"
    run = relay.dir / "away"
    run.mkdir()
    text = relay.config.read_text().replace(str(relay.dir / "run"), str(run))
    config.write_text(re.sub(r"sqlite:///\S+", f"sqlite:///{run}/nowhere/estafeta.db", text))
    command = [sys.executable, "-m", "estafeta_postfix", "--config", str(config), "serve", "receipt"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        wait(lambda: listens(run / "receipt.sock"), True, "the second proxy listens")
        with behind(relay, str(run / "receipt.sock")) as client:
            before = ticket_of(receipts.tickets(relay), PLAN) + TRACE
            reply = client.message(SENDER, ["alice@example.net"], message(before=before))
    finally:
        process.kill()
        process.wait()
    assert reply.startswith("250 2.0.0 Ok: queued as "), reply
    assert relay.copy(queue_id(relay, reply)).delivered_to == "alice@example.net"


def test_without_the_store_before_acceptance_nothing_is_accepted(relay: Relay) -> None:
    path = relay.dir / "state" / "estafeta.db"
    path.rename(path.with_name("away"))
    try:
        reply = send(relay, message(marker="store-away"))
    finally:
        path.with_name("away").rename(path)
    assert reply.startswith("451 "), reply
    assert copies_with(relay, "store-away") == []
    transmission(send(relay, message()))


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a1_one_data_is_one_message(relay: Relay, end: bytes) -> None:
    smuggled = (
        f"MAIL FROM:<{SENDER}>\r\nRCPT TO:<smuggled@example.net>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n"
    ).encode()
    with relay.session(PLAN, listener="starttls") as client:
        assert client.envelope(SENDER, ["alice@example.net"]).startswith("354")
        client.send(message(text=b"first" + end + smuggled) + b".\r\n")
        sent = transmission(client.reply())
        assert client.command("NOOP") == "250 2.0.0 Ok", "no further reply was on its way"
    copy = relay.copy(relay.found(sent).transmission.queue_id)
    assert b"smuggled@example.net" in copy.body, "what was meant as commands is text"
    assert relay.sql("SELECT count(*) FROM messages WHERE rcpt_to = 'smuggled@example.net'") == [(0,)]


def test_a10_who_leaves_at_any_moment_leaves_one_message_or_none(relay: Relay) -> None:
    raw = stuffed(message(marker="leaving"))
    pieces = [f"MAIL FROM:<{SENDER}>\r\n".encode(), b"RCPT TO:<alice@example.net>\r\n", b"DATA\r\n"]
    pieces += [raw[:200], raw[200:-3], raw[-3:]]
    for last in range(1, len(pieces) + 1):
        with relay.raw("starttls") as client:
            relay.log_in(client, PLAN, username=None, listener="starttls", tls=False)
            for piece in pieces[:last]:
                client.send(piece)
                if last <= 3 or piece in pieces[:3]:
                    client.reply()
    wait(lambda: len(copies_with(relay, "leaving")), 1, "the message whose final dot was sent")
    time.sleep(0.5)
    assert len(copies_with(relay, "leaving")) == 1


@pytest.mark.release
def test_with_the_proxy_killed_the_client_comes_again_and_no_message_is_lost(
    relay: Relay, victims: Victims
) -> None:
    told: dict[str, str] = {}
    for number in range(10):
        dead = victims.pids("receipt")[0]
        marker = f"killed-{number}"
        with relay.session(PLAN, listener="starttls") as client:
            assert client.envelope(SENDER, ["alice@example.net"]).startswith("354")
            client.send(stuffed(message(marker=marker)))
            time.sleep(number * 0.002)
            victims.kill("receipt")
            told[marker] = client.reply()
        victims.replaced("receipt", dead)
    assert {reply[:3] for reply in told.values()} <= {"250", "451"}
    wait(lambda: _is_served(relay), True, "mail goes again")
    for marker, reply in told.items():
        if reply.startswith("250"):
            wait(lambda marker=marker: len(copies_with(relay, marker)), 1, marker)  # type: ignore[misc] # mypy has no view of a default
    for marker in told:
        assert len(copies_with(relay, marker)) <= 1, "what was refused may have come, once"


def _is_served(relay: Relay) -> bool:
    with contextlib.suppress(AssertionError, ConnectionError):
        return send(relay, message()).startswith("250 OK id=")
    return False


def test_a_proxy_that_is_away_is_a_temporary_refusal(relay: Relay) -> None:
    path = relay.dir / "run" / "receipt.sock"
    path.rename(path.with_name("away.sock"))
    try:
        reply = send(relay, message(marker="no-proxy"))
    finally:
        path.with_name("away.sock").rename(path)
    assert reply == "451 4.3.0 Error: queue file write error"
    assert copies_with(relay, "no-proxy") == []


def test_a_milter_killed_behind_the_proxy_is_a_temporary_refusal(relay: Relay, victims: Victims) -> None:
    for number in range(5):
        dead = victims.pids("milter")[0]
        marker = f"milter-{number}"
        with relay.session(PLAN, listener="starttls") as client:
            assert client.envelope(SENDER, ["alice@example.net"]).startswith("354")
            victims.kill("milter")
            client.send(stuffed(message(marker=marker)))
            reply = client.reply()
        assert reply.startswith(("250 OK id=", "451 ")), reply
        victims.replaced("milter", dead)
        if reply.startswith("451"):
            assert copies_with(relay, marker) == []
        wait(lambda: _is_served(relay), True, "mail goes again")


def test_nothing_in_all_this_was_an_error_of_ours(relay: Relay) -> None:
    """Runs behind the others: what was done to the daemons they have told, and no more."""
    for role in ("receipt", "policy", "milter"):
        assert "Traceback" not in (relay.dir / "log" / f"{role}.log").read_text()
