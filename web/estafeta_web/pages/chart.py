"""What happened in a time, drawn on the server: delivered copies as columns, the rest as lines.

The drawing is stretched to the width of the page, so it holds no words: scale and times stand beside it, in
HTML. Pure: numbers in, coordinates out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from estafeta_core.store import Pulse

WIDTH, HEIGHT = 1000, 200  # units of the drawing
LINES = ("opened", "clicked", "failed")
STEPS = 4  # lines of the scale above the base
TICKS = 6  # times below the drawing, at most


@dataclass(frozen=True, slots=True)
class Column:
    """One column, from the top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A name below the drawing; it begins where its slot does."""

    x: float  # per cent of the width
    name: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table that says the same."""

    name: str
    pulse: Pulse


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws."""

    columns: tuple[Column, ...]
    lines: dict[str, str]  # the points of each polyline
    scale: tuple[int, ...]  # from the top to 0
    ticks: tuple[Tick, ...]  # from left to right, each as many slots behind the one before
    rows: tuple[Row, ...]  # those in which anything happened
    totals: Pulse


def draw(names: Sequence[str], pulses: Sequence[Pulse]) -> Chart:
    """Return the chart of what happened in slots of these names."""
    step = _step(max((max(_counts(pulse)) for pulse in pulses), default=0))
    top = step * STEPS
    slot = WIDTH / max(len(pulses), 1)
    return Chart(
        columns=tuple(
            _column(place, pulse.delivered / top, slot)
            for place, pulse in enumerate(pulses)
            if pulse.delivered
        ),
        lines={name: _points([getattr(pulse, name) / top for pulse in pulses], slot) for name in LINES},
        scale=tuple(step * number for number in range(STEPS, -1, -1)),
        ticks=_ticks(names),
        rows=tuple(Row(*each) for each in zip(names, pulses, strict=True) if any(_counts(each[1]))),
        totals=Pulse(*map(sum, zip(*map(_counts, pulses), strict=True))),
    )


def _counts(pulse: Pulse) -> tuple[int, int, int, int]:
    return pulse.delivered, pulse.opened, pulse.clicked, pulse.failed


def _step(highest: int) -> int:
    """Return a round step of a scale that reaches the highest count: 1, 2 or 5 with zeros."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power * STEPS >= highest:
                return digit * power
        power *= 10


def _column(place: int, share: float, slot: float) -> Column:
    gap = slot * 0.15
    height = round(share * HEIGHT, 2)
    return Column(round(place * slot + gap, 2), round(HEIGHT - height, 2), round(slot - 2 * gap, 2), height)


def _points(shares: Sequence[float], slot: float) -> str:
    return " ".join(
        f"{(place + 0.5) * slot:.2f},{(1 - share) * HEIGHT:.2f}" for place, share in enumerate(shares)
    )


def _ticks(names: Sequence[str]) -> tuple[Tick, ...]:
    """Return every name, or every second, third and so on, as there is room."""
    step = max(math.ceil(len(names) / TICKS), 1)
    return tuple(
        Tick(round(100 * place / len(names), 2), names[place]) for place in range(0, len(names), step)
    )
