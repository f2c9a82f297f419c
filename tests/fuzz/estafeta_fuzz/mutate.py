"""Mutants through the targets, in this process: the same seed makes the same ones."""

import random
import time
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from estafeta_fuzz.mutants import mutants
from estafeta_fuzz.targets import Target


@dataclass
class Tally:
    """What came of a target's mutants."""

    target: str
    tried: int = 0
    seconds: float = 0.0
    slowest: float = 0.0
    found: list[tuple[bytes, str]] = field(default_factory=list)
    """Inputs that broke the promise, each with its traceback."""


def mutate(target: Target, count: int, seed: int, seconds: float = float("inf")) -> Tally:
    """Try `count` mutants of the target's seeds, or as many as go into `seconds`; stop at the tenth find."""
    tally, began = Tally(target.name), time.monotonic()
    chance = random.Random(f"{seed} {target.name}")
    for data in islice(mutants(list(target.seeds()), chance), count):
        if len(tally.found) == 10 or time.monotonic() - began > seconds:
            break
        started = time.monotonic()
        try:
            target.run(data)
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            tally.found.append((data, traceback.format_exc()))
        tally.tried += 1
        tally.slowest = max(tally.slowest, time.monotonic() - started)
    tally.seconds = time.monotonic() - began
    return tally


def shared_out(count: int, targets: Iterable[Target]) -> list[tuple[Target, int]]:
    """Return `count` in equal parts."""
    each = list(targets)
    return [(target, -(-count // len(each))) for target in each]
