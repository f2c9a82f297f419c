"""A storm of bounces while a client sends: `python -m bench.storm [--reports 20000] [--seconds 120]`.

A sandbox is started, and a message for each report is put into its store. A client then sends one message
after the other, alone at first and then during the storm; what it waits for at each final dot is what is
compared. Prints both, and how long after the last report the last event was there.
"""

import argparse
import contextlib
import itertools
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from estafeta_core.store import open_store
from estafeta_core.store.rows import Message

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))

from estafeta_testing import sandbox as testing
from estafeta_testing.relay import SENDER, Relay
from estafeta_testing.returned import notice, status_of
from estafeta_testing.smtp import Connection, queue_id
from estafeta_testing.stored import make_rows

HOSTS = 8  # that send reports at a time
ALONE = 30.0  # seconds in which the client has the machine to itself
PAUSE = 0.05  # seconds between two messages of the client
PATIENCE = 300.0  # seconds for the last event
LETTER = f"From: {SENDER}\r\nSubject: Hello\r\n\r\nHello\r\n".encode()


class Client:
    """A client that sends, and remembers how long each final dot was answered after."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._stop = threading.Event()
        self.waited: list[float] = []

    def _run(self) -> None:
        with self._relay.session() as client:
            while not self._stop.wait(PAUSE):
                client.envelope(SENDER, ["somebody@example.net"])
                client.send(LETTER)
                begun = time.perf_counter()
                client.send(b".\r\n")
                queue_id(client.reply())
                self.waited.append(time.perf_counter() - begun)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Send as long as the block takes."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def __str__(self) -> str:
        ordered = sorted(self.waited)
        at = [ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000 for part in (0.5, 0.99)]
        return f"{len(ordered)} messages, final dot p50 {at[0]:.1f} ms, p99 {at[1]:.1f} ms"


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--reports", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=120.0)
    arguments = parser.parse_args()
    with testing.running() as running:
        relay = Relay(running.description)
        paths = _prepare(relay, arguments.reports)
        alone, during = Client(relay), Client(relay)
        with alone.running():
            time.sleep(ALONE)
        print(f"alone:  {alone}")
        with during.running():
            begun = time.monotonic()
            hosts = multiprocessing.Process(target=_storm, args=(relay, paths, arguments.seconds))
            hosts.start()
            hosts.join()
            sent = time.monotonic()
            while _events(relay) < arguments.reports and time.monotonic() - sent < PATIENCE:
                time.sleep(0.2)
        behind = time.monotonic() - sent
        print(f"during: {during}")
        said = f"{arguments.reports} reports in {sent - begun:.1f} s, {_events(relay)} events"
        print(f"{said}, the last one {behind:.1f} s after the last report")


def _prepare(relay: Relay, count: int) -> list[str]:
    """Put so many messages into the store, and return their return paths."""
    paths = []
    with contextlib.closing(open_store(relay.description["store"])) as store:
        for start in range(0, count, 1000):
            rows = make_rows(*(f"r{number}@example.net" for number in range(start, min(start + 1000, count))))
            store.record(rows)
            ids = [row.message_id for row in rows if isinstance(row, Message)]
            paths += [relay.links.bounce_address(id_) for id_ in ids]
    return paths


def _storm(relay: Relay, paths: list[str], seconds: float) -> None:
    """Send a report to each path, in so much time; a process that leaves this host's work the first turn."""
    os.nice(10)
    numbers, rate = itertools.count(), len(paths) / seconds
    begun = time.monotonic()

    def host() -> None:
        with Connection(*relay.bounce_smtp) as client:
            relay.begin(client, tls=False)
            while (number := next(numbers)) < len(paths):
                time.sleep(max(0.0, begun + number / rate - time.monotonic()))
                raw = notice(status_of(f"r{number}@example.net"))
                queue_id(client.message("", [paths[number]], raw))
            client.quit()

    hosts = [threading.Thread(target=host) for _ in range(HOSTS)]
    for each in hosts:
        each.start()
    for each in hosts:
        each.join()


def _events(relay: Relay) -> int:
    sql = "SELECT count(*) FROM events WHERE type = 'out_of_band'"
    return int(relay.sql(sql)[0][0])


if __name__ == "__main__":
    main()
