"""PostgreSQL killed with -9 and stopped while mail flows: temporary refusals, then all goes on by itself.

What was accepted is delivered once and has its events once; what was refused is neither delivered nor stored.
"""

import contextlib
import re
import threading
import time
from collections.abc import Iterator

import pytest

from estafeta_testing import postgresql
from estafeta_testing import sandbox as testing
from estafeta_testing.postgresql import Cluster
from estafeta_testing.relay import SENDER, Relay, wait
from estafeta_testing.smtp import queue_id
from estafeta_testing.stored import look

AWAY = "421 4.3.3 [internal] smtpapi unable to generate unique transmission id"
HEALED = 20.0  # seconds until mail goes again; 5 on an idle machine
CLIENTS = 4


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server of this file alone, with its usual settings."""
    with postgresql.running() as running:
        yield running


@pytest.fixture(scope="module")
def relay(cluster: Cluster) -> Iterator[Relay]:
    with cluster.store() as url, testing.started_with(["--store", url], config=testing.QUICK) as running:
        yield Relay(running.description)


class Clients:
    """Clients that send one message after the other, and what each was told: replies by marker."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=[number]) for number in range(CLIENTS)]
        self.replies: dict[str, str] = {}  # "" where the connection broke

    def __enter__(self) -> "Clients":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def accepted(self) -> dict[str, str]:
        """Return queue id by marker."""
        found = dict(self.replies)
        return {marker: queue_id(reply) for marker, reply in found.items() if reply.startswith("250 ")}

    def wait_for_more(self, number: int) -> None:
        """Wait until so many more are accepted."""
        wanted = len(self.accepted()) + number
        wait(lambda: len(self.accepted()) >= wanted, True, "mail goes", HEALED)

    def _run(self, number: int) -> None:
        turn = 0
        while not self._stop.is_set():
            turn += 1
            marker = f"m{number}x{turn}"
            self.replies[marker] = ""
            with contextlib.suppress(OSError, AssertionError), self._relay.session() as client:
                self.replies[marker] = client.message(SENDER, [f"{marker}@example.net"], message(marker))
            if not self.replies[marker].startswith("250 "):
                self._stop.wait(0.05)


def message(marker: str) -> bytes:
    return (
        f"From: {SENDER}\r\nTo: {marker}@example.net\r\nSubject: {marker}\r\nContent-Type: text/html\r\n"
        f'X-MSYS-API: {{"options": {{"open_tracking": true}}}}\r\n\r\n<p>{marker}</p>\r\n'
    ).encode()


@pytest.mark.timeout(240)
def test_k5_a_server_that_is_killed_and_one_that_is_stopped_lose_and_double_nothing(
    relay: Relay, cluster: Cluster
) -> None:
    with Clients(relay) as clients:
        for end in (cluster.kill, cluster.stop, cluster.kill):
            clients.wait_for_more(20)
            end()
            wait(
                lambda: AWAY in list(clients.replies.values())[-CLIENTS:],
                True,
                "a store that is away is told of",
            )
            cluster.start()
        clients.wait_for_more(20)
    told = {reply for reply in clients.replies.values() if reply}
    assert all(re.match("250 |4[25]1 ", reply) for reply in told), told
    accepted = clients.accepted()
    for marker, sent in accepted.items():
        (copy,) = relay.copies(sent)
        assert (copy.delivered_to, copy.body.count(marker.encode())) == (f"{marker}@example.net", 1)
        relay.events(sent, "injection", "delivery")
    delivered = [copy for copies in relay.everything_delivered().values() for copy in copies]
    refused = {f"{marker}@example.net" for marker, reply in clients.replies.items() if reply[:1] == "4"}
    assert not [copy for copy in delivered if copy.delivered_to in refused]
    stored = {to for (to,) in look(relay.description["store"], "SELECT rcpt_to FROM messages")}
    broken = {f"{marker}@example.net" for marker, reply in clients.replies.items() if not reply}
    assert stored - broken - {f"{marker}@example.net" for marker in accepted} == set()


@pytest.mark.release
@pytest.mark.timeout(120)
def test_k5_connections_that_are_ended_again_and_again_are_opened_again(
    relay: Relay, cluster: Cluster
) -> None:
    ours = "application_name = 'estafeta'"
    end = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE {ours}"
    with Clients(relay) as clients:
        for _ in range(5):
            clients.wait_for_more(5)
            cluster.sql(end)
        clients.wait_for_more(5)
    for marker, sent in clients.accepted().items():
        assert [copy.delivered_to for copy in relay.copies(sent)] == [f"{marker}@example.net"]
        relay.events(sent, "injection", "delivery")


@pytest.mark.release
def test_a_server_that_stands_still_is_given_up_in_time(cluster: Cluster) -> None:
    config = f"{testing.QUICK}store_timeout: 1\n"
    with cluster.store() as url, testing.started_with(["--store", url], config=config) as running:
        relay = Relay(running.description)
        with relay.session() as client:
            client.message(SENDER, ["before@example.net"], message("before"))
        with relay.session() as client:
            cluster.hold()
            try:
                begun = time.monotonic()
                assert client.message(SENDER, ["during@example.net"], message("during")) == AWAY
                assert time.monotonic() - begun < 30
            finally:
                cluster.release()

        def again() -> bool:
            with relay.session() as client:
                return client.message(SENDER, ["after@example.net"], message("after")).startswith("250 ")

        wait(again, True, "mail goes", HEALED)
