"""One row: what it is told, what was found, and whether that is what is promised."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from estafeta_chaos.run import store
from estafeta_testing import sandbox as testing
from estafeta_testing.postgresql import Cluster
from estafeta_testing.relay import Relay

Verdict = Literal["held", "broken", "not run"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run is told."""

    seed: int
    store: str  # one of testing.STORES
    minutes: float | None  # for the rows that last; None: as long as a release asks for
    share: float  # of the counts that a release asks for, 1 for all
    say: Callable[[str], None]

    def seconds(self, release: float) -> float:
        """Return how long a row lasts of which a release asks for so many seconds."""
        return release * self.share if self.minutes is None else self.minutes * 60

    def count(self, release: int) -> int:
        """Return how many of something a row has of which a release asks for so many."""
        return max(1, round(release * self.share))

    def chance(self, what: str) -> random.Random:
        """Return the chance of one part of a row."""
        return random.Random(f"{what} {self.seed}")

    @contextlib.contextmanager
    def sandbox(self, *arguments: str, config: str = testing.QUICK) -> Iterator[tuple[Relay, Cluster | None]]:
        """Run a sandbox on the store of this run; yield it, and the server of its own that it has."""
        with (
            store(self.store) as (chosen, server),
            testing.started_with([*chosen, *arguments], config=config) as running,
        ):
            yield Relay(running.description), server


@dataclass(frozen=True, slots=True)
class Finding:
    """One promise, and what came of it."""

    what: str
    allowed: str
    found: str
    holds: bool


@dataclass(slots=True)
class Row:
    """What became of one row."""

    name: str
    title: str
    store: str
    seed: int
    began: float = field(default_factory=time.time)
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)  # what there is to know beside
    left_out: str = ""  # why it did not run

    def hold(self, what: str, allowed: str, found: object, holds: bool) -> None:
        """Note one promise."""
        self.findings.append(Finding(what, allowed, str(found), bool(holds)))

    @property
    def verdict(self) -> Verdict:
        """Whether every promise holds."""
        if self.left_out:
            return "not run"
        return "held" if self.findings and all(each.holds for each in self.findings) else "broken"
