"""Rounds: every case in turn, again and again, so that whatever else the machine does falls on all of them.

A ratio is taken within a round. The first turn warms up and is not counted.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import click


@dataclass(frozen=True, slots=True)
class Settings:
    """How much is done."""

    rounds: int = 5
    messages: int = 1000  # in a round of a contender
    sessions: int = 20  # connections at a time
    seconds: float = 2.0  # of a round that asks a daemon alone


@dataclass(frozen=True, slots=True)
class Case:
    """One contender under one load; `run` does a share (0 to 1) of the work and returns what it measured."""

    load: str
    contender: str
    run: Callable[[float], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a case: for each measure, named with its unit, a value a round."""

    load: str
    contender: str
    measures: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """A figure that has a bound: at least `bound`, or at most."""

    what: str
    values: Sequence[float]  # one a round
    bound: float
    at_most: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What a section found."""

    rows: list[Row]
    targets: list[Target] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


class Results:
    """The rows of a section, by load and contender."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self._found = {(row.load, row.contender): row for row in rows}

    def ratio(
        self, load: str, contender: str, base: str, measure: str, *, called: str = "", inverse: bool = False
    ) -> list[float]:
        """Add a measure to the contender's row, its ratio to `base`, and return it.

        `inverse`: of a cost, so that more is better in every ratio.
        """
        row, other = self._found[load, contender], self._found[load, base]
        pairs = list(zip(row.measures[measure], other.measures[measure], strict=True))
        values = [(theirs / ours if inverse else ours / theirs) for ours, theirs in pairs]
        row.measures[called or f"{measure} to {base}"] = values
        return values


def interleave(cases: Sequence[Case], rounds: int) -> Results:
    """Run every case once for a warm-up and then `rounds` times."""
    rows = [Row(case.load, case.contender) for case in cases]
    for turn in range(rounds + 1):
        for case, row in zip(cases, rows, strict=True):
            _progress(f"round {turn}/{rounds}: {case.load}, {case.contender}")
            done = case.run(1.0 if turn else 0.25)
            if turn:
                for measure, value in done.items():
                    row.measures.setdefault(measure, []).append(value)
    _progress("")
    return Results(rows)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        click.echo("\r" + text[:78].ljust(78) + ("" if text else "\r"), err=True, nl=False)
