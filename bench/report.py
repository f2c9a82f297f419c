"""What the sections found, for people and for programs."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from bench.rounds import Report, Row, Target


def spread(values: Sequence[float]) -> str:
    """Return `median (lowest to highest)`."""
    median, low, high = (_number(value) for value in (statistics.median(values), min(values), max(values)))
    return median if low == high else f"{median} ({low} to {high})"


def met(target: Target) -> bool:
    """Whether the median keeps to the bound."""
    median = statistics.median(target.values)
    return median <= target.bound if target.at_most else median >= target.bound


def show(title: str, report: Report) -> None:
    """Print the tables of a section, one for each set of measures."""
    click.echo(f"\n{title}")
    for names, rows in _tables(report.rows):
        cells = [["", "", *names], *([row.load, row.contender, *_cells(row, names)] for row in rows)]
        widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
        for line in cells:
            text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            click.echo(f"  {text}".rstrip())
    for remark in report.remarks:
        click.echo(f"  {remark}")


def show_targets(targets: Sequence[Target]) -> None:
    """Print each target with what was measured."""
    click.echo("\nTargets")
    width = max((len(target.what) for target in targets), default=0)
    for target in targets:
        bound = f"at {'most' if target.at_most else 'least'} {_number(target.bound)}"
        verdict = "met" if met(target) else "MISSED"
        click.echo(f"  {target.what.ljust(width)}  {spread(target.values):28}{bound:16}{verdict}")


def as_json(reports: Mapping[str, Report]) -> dict[str, Any]:
    """Return every value of every round."""
    return {
        name: {
            "rows": [asdict(row) for row in report.rows],
            "targets": [asdict(target) | {"met": met(target)} for target in report.targets],
            "remarks": report.remarks,
        }
        for name, report in reports.items()
    }


def _tables(rows: Sequence[Row]) -> list[tuple[list[str], list[Row]]]:
    """Return rows that stand next to each other and share a measure as one table, with all its measures."""
    tables: list[tuple[list[str], list[Row]]] = []
    for row in rows:
        if not tables or not set(tables[-1][0]) & set(row.measures):
            tables.append(([], []))
        names, together = tables[-1]
        names += [name for name in row.measures if name not in names]
        together.append(row)
    return tables


def _cells(row: Row, names: Sequence[str]) -> list[str]:
    return [spread(row.measures[name]) if name in row.measures else "" for name in names]


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
