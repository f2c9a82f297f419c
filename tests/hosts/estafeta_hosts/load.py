"""What goes through HAProxy during a trial: mail of applications, recipients counted against a limit."""

import contextlib
import itertools
import random
import threading
import time
from collections.abc import Iterator

from estafeta_chaos.client import Attempt, Client, Shared
from estafeta_chaos.letters import MIX, Letter, letters
from estafeta_hosts.stage import CLIENTS, Stage, Through
from estafeta_testing.relay import CLIENT

PACE = 0.2  # seconds between two letters at least: what is looked at is no throughput
LOOK = 0.05  # seconds
LIMITED = "limited/main"


class Application(Client):
    """A client of the chaos trials on the listeners of the hosts."""

    listeners = ("submission", "submission-ssl")

    def _upgrades(self, listener: str) -> bool:
        return listener == "submission"


class Load:
    """Applications that send until they are told to stop, and what they were told."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.history: list[Attempt] = []
        self._stop = threading.Event()
        shared = Shared(paced(letters(seed, MIX)))
        self._threads: list[threading.Thread] = [
            Application(
                stage.through(address),
                shared,
                self.history,
                self._stop,
                random.Random(f"client {seed} {address}"),
            )
            for address in CLIENTS
        ]
        self.limited = Limited(stage.through(CLIENTS[0]), self._stop)
        self._threads.append(self.limited)

    @contextlib.contextmanager
    def sending(self, patience: float) -> Iterator[None]:
        """Send while the block lasts, however it ends; then all have `patience` to finish what is in hand."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
        for thread in self._threads:
            thread.join(patience)
            assert not thread.is_alive(), "a client got no reply"

    def accepted(self, since: float, until: float = float("inf")) -> list[float]:
        """Return when messages were accepted, in order."""
        times = (each.ended for each in list(self.history) if each.verdict == "accepted")
        return sorted(time for time in times if since <= time <= until)

    def wait_for(self, number: int, patience: float) -> None:
        """Wait until so many more have been accepted."""
        since, deadline = time.time(), time.monotonic() + patience
        while len(self.accepted(since)) < number:
            last = [each.reply for each in self.history[-3:]]
            assert time.monotonic() < deadline, f"mail does not go: not {number} in {patience:g} s; {last}"
            time.sleep(LOOK)

    def longest_gap(self, since: float, until: float) -> float:
        """Return the longest time in which nothing was accepted."""
        times = [since, *self.accepted(since, until), until]
        return max(later - sooner for sooner, later in itertools.pairwise(times))


def paced(made: Iterator[Letter]) -> Iterator[Letter]:
    """Yield letters no faster than PACE."""
    for each in made:
        time.sleep(PACE)
        yield each


class Limited(threading.Thread):
    """Names one recipient after the other under a credential with a limit, and never sends a message."""

    def __init__(self, way: Through, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._way = way
        self._stop_asked = stop
        self.replies: list[tuple[float, str]] = []  # when, and what was said to RCPT TO

    def run(self) -> None:
        """Ask until told to stop."""
        while not self._stop_asked.wait(0.2):
            with contextlib.suppress(OSError, AssertionError):
                self._session()

    def _session(self) -> None:
        credential = self._way.credential(LIMITED)
        with self._way.raw("submission-ssl") as connection:
            assert connection.reply().startswith("220")
            assert connection.command(f"EHLO {CLIENT}").startswith("250")
            assert connection.login(credential.username, credential.password).startswith("235")
            while not self._stop_asked.wait(0.1):
                assert connection.command("MAIL FROM:<news@limited.example>").startswith("250")
                reply = connection.command("RCPT TO:<reader@example.net>")
                self.replies.append((time.time(), reply))
                assert connection.command("RSET").startswith("250")

    def counted(self, since: float = 0.0, until: float = float("inf")) -> int:
        """Return how many recipients were taken."""
        return sum(reply.startswith("250") and since <= when <= until for when, reply in list(self.replies))
