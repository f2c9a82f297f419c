"""Suppression lists as CSV, in SparkPost's columns: `recipient,type,description`.

Read: any line ends, quotes as RFC 4180 has them. A first line that names its columns (`recipient` or `email`
among them) may have them in another order, leave some out, and have others, of which `source` is read and the
rest is not. Older lists have columns `transactional` and `non_transactional` with `true` in place of a type.

Written: a cell that a spreadsheet would take for a formula (`=`, `+`, `-`, `@`, tab or CR in front) gets a
`'` before it, and so does one that begins with such a `'` already; what is read has one taken off. So a list
comes back as it was, whoever opened it meanwhile.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from estafeta_core import suppression
from estafeta_core.store.rows import Suppression

COLUMNS = ("recipient", "type", "description")
EXPORTED = (*COLUMNS, "source")

UNREAD = "\ufffd"  # what stands for bytes that are not UTF-8

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_TRUE = frozenset({"true", "1", "yes"})


@dataclass(frozen=True, slots=True)
class Line:
    """One entry as it stands in the file; `types` is empty where the file names none."""

    number: int
    recipient: str
    types: tuple[str, ...]
    description: str
    source: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line of which nothing can be made."""

    number: int
    reason: str


def read(lines: Iterable[str]) -> Iterator[Line | Unreadable]:
    """Yield the entries of a file; empty lines are none."""
    reader = csv.reader(lines, strict=True)
    columns: tuple[str, ...] | None = None
    while True:
        try:
            cells = [_plain(cell.strip()) for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            yield Unreadable(reader.line_num, str(error))
            continue
        if columns is None and any(cells):
            columns = _head(cells)
            if columns is not None:
                continue
            columns = COLUMNS
        line = _line(reader.line_num, dict(zip(columns or COLUMNS, cells, strict=False)))
        if UNREAD in line.recipient:
            yield Unreadable(line.number, "the address is not UTF-8")
        elif any(cells):
            yield line


def _head(cells: list[str]) -> tuple[str, ...] | None:
    """Return the names of the columns, where a first line has names and no entry."""
    names = tuple("recipient" if cell.lower() == "email" else cell.lower() for cell in cells)
    return names if "recipient" in names else None


def _line(number: int, cells: dict[str, str]) -> Line:
    flags = tuple(kind for kind in suppression.MAIL if cells.get(kind, "").lower() in _TRUE)
    kind = cells.get("type", "").lower()
    return Line(
        number,
        cells.get("recipient", ""),
        (kind,) if kind else flags,
        cells.get("description", ""),
        cells.get("source", ""),
    )


def write(file: IO[str], entries: Iterable[Suppression]) -> None:
    """Write entries below a line with the names of the columns."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(EXPORTED)
    for entry in entries:
        cells = (entry.recipient, entry.type, entry.description, entry.source)
        writer.writerow(map(_safe, cells))


def _safe(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
