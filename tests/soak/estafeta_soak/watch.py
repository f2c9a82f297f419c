"""What every daemon holds over time: memory, descriptors, threads, processes; from /proc.

A role's processes are numbered in the order of their ids; one that was replaced goes on under its number.
"""

import contextlib
import os
import statistics
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from estafeta_testing.relay import Relay
from estafeta_testing.victims import Victims

ROLES = ("sasl", "policy", "milter", "web", "worker", "intake")
EVERY = 5.0  # seconds
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """One process at one time."""

    time: float  # seconds since the watch began
    rss: float  # MB
    private: float  # MB that it shares with nobody, and its part of what is shared (PSS)
    descriptors: int
    threads: int
    cpu: float  # seconds of user and system time so far


class Watch(threading.Thread):
    """Looks at the daemons until told to stop."""

    def __init__(self, relay: Relay, every: float = EVERY) -> None:
        super().__init__(daemon=True)
        self._victims = Victims(relay)
        self._every = every
        self._stop_asked = threading.Event()
        self.samples: dict[str, list[Sample]] = {}  # by role and number: milter/0
        self.processes: list[dict[str, int]] = []  # of each role, a count for each look
        self.loads: list[tuple[float, float]] = []  # time, the machine's load over a minute

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_asked.set()
        self.join(30)

    def run(self) -> None:
        """Look until told to stop."""
        began = time.monotonic()
        while not self._stop_asked.wait(self._every):
            self.look(time.monotonic() - began)

    def look(self, now: float) -> None:
        """Look once."""
        counts = {}
        for role in ROLES:
            pids = self._victims.pids(role)
            counts[role] = len(pids)
            for number, pid in enumerate(pids):
                with contextlib.suppress(OSError, ValueError):  # it has ended meanwhile
                    self.samples.setdefault(f"{role}/{number}", []).append(_sample(pid, now))
        self.processes.append(counts)
        self.loads.append((now, os.getloadavg()[0]))

    def together(self, role: str, what: str, warm: float) -> list[int]:
        """Return how many `descriptors` or `threads` the processes of a role had together, look by look.

        From the time `warm` on. A session has a thread in one of them, and no say in which.
        """
        looks: Counter[float] = Counter()
        for name, samples in self.samples.items():
            if name.partition("/")[0] == role:
                for each in samples:
                    looks[each.time] += getattr(each, what)
        return [number for time, number in sorted(looks.items()) if time >= warm]

    def total(self) -> float:
        """Return the most memory that all daemons held together, MB, what they share counted once."""
        looks: dict[float, float] = {}
        for samples in self.samples.values():
            for sample in samples:
                looks[sample.time] = looks.get(sample.time, 0.0) + sample.private
        return max(looks.values(), default=0.0)


def slope(samples: Sequence[Sample], warm: float) -> float:
    """Return by how many MB an hour a process grows, from the time `warm` on: least squares."""
    points = [(each.time / 3600, each.rss) for each in samples if each.time >= warm]
    if len(points) < 3:
        return 0.0
    return statistics.linear_regression(*zip(*points, strict=True)).slope


def step(values: Sequence[float]) -> float:
    """Return by how much the median of the last tenth differs from that of the first."""
    tenth = max(1, len(values) // 10)
    return statistics.median(values[-tenth:]) - statistics.median(values[:tenth]) if values else 0.0


def _sample(pid: int, now: float) -> Sample:
    folder = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines() if ":" in line)
    rollup = (folder / "smaps_rollup").read_text()
    shared_out = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return Sample(
        now,
        int(status["VmRSS"].split()[0]) / 1024,
        shared_out / 1024,
        len(os.listdir(folder / "fd")),  # noqa: PTH208 - names alone
        int(status["Threads"]),
        sum(map(int, fields[11:13])) / TICKS,
    )
