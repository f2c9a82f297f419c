"""What was found, as Markdown for docs/reliability.md and as JSON, and while it runs as lines."""

import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from estafeta_soak.step import Row

MARKS = {"held": "held", "broken": "**broken**", "not run": "not run"}


def as_json(rows: Sequence[Row]) -> str:
    """Return everything."""
    return json.dumps([asdict(row) | {"verdict": row.verdict} for row in rows], indent=1, ensure_ascii=False)


def as_markdown(rows: Sequence[Row], command: str) -> str:
    """Return a table of the rows, and one of what was found in each."""
    cores, python = os.cpu_count(), platform.python_version()
    day = time.strftime("%-d %B %Y", time.localtime(rows[0].began if rows else time.time()))
    parts = [
        f"`{command}`, {day}, {cores} virtual cores, Python {python}.",
        "",
        "| row | what | store | seed | seconds | verdict |",
        "|---|---|---|---|---|---|",
        *(
            f"| {row.name} | {row.title} | {row.store} | {row.seed} | {row.seconds:.0f} |"
            f" {MARKS[row.verdict]}{': ' + row.left_out if row.left_out else ''} |"
            for row in rows
        ),
    ]
    for row in rows:
        if row.findings:
            parts += ["", *_of(row)]
    return "\n".join(parts) + "\n"


def _of(row: Row) -> list[str]:
    lines = [f"**{row.name}, {row.title}**, {row.store}, seed {row.seed}:", ""]
    lines += ["| promise | allowed | found | |", "|---|---|---|---|"]
    lines += [
        f"| {_cell(each.what)} | {_cell(each.allowed)} | {_cell(each.found)} |"
        f" {'' if each.holds else '**broken**'} |"
        for each in row.findings
    ]
    figures = [f"- {name}: {_cell(_said(value))}" for name, value in row.figures.items()]
    return [*lines, *(["", *figures] if figures else [])]


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(each)}" for name, each in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_said, value))
    return str(value)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())[:400]


def as_lines(rows: Sequence[Row]) -> str:
    """Return the verdicts, a line each, and under each what does not hold."""
    lines = []
    for row in rows:
        lines.append(
            f"{row.name:4} {row.store:10} {row.verdict:8} {row.seconds:6.0f} s  {row.title} {row.left_out}"
        )
        lines += [
            f"       {each.what}: {each.found[:200]} (allowed: {each.allowed})"
            for each in row.findings
            if not each.holds
        ]
    return "\n".join(lines)
