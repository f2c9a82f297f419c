"""Numbers that one process counts and another one reads, in a file of fixed places that both map.

    {run_dir}/metrics/milter-0      a page or two: LAYOUT (32 bytes), then a double for each place

Every metric is declared with all values that its labels may have, so each number has its place before
anything is counted: adding to one is an addition in memory, no look-up and no system call. A process takes
the first file of its role that nobody holds (flock(2)) and goes on counting from what is there. So files are
as many as there ever were processes at a time, one that was killed has lost nothing, and no two share a file.
A file of another layout, or a damaged one, is begun anew by whoever takes it, and left out by whoever reads.

What is counted before `Board.open`, or where no file can be had, is counted for nobody: that costs a metric
and never a daemon. A forked child counts for nobody until it opens a file of its own.
"""

import fcntl
import hashlib
import itertools
import logging
import mmap
import os
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

FOLDER = "metrics"  # in run_dir
SLOTS = 256  # files of a role: more processes than any host gives to one
HEADER = hashlib.sha256().digest_size
DOUBLE = 8  # bytes

Kind = Literal["counter", "gauge", "histogram"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Metric:
    """One declared metric.

    A histogram has a place for each bound, one for what is beyond the last, and one for the sum.
    """

    name: str  # without the _total that a counter gets
    kind: Kind
    meaning: str
    labels: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]  # that the labels have together; one empty tuple where there are none
    bounds: tuple[float, ...]
    by_role: bool  # shown apart for each role
    start: int  # its first place

    @property
    def width(self) -> int:
        """How many places one value of its label takes."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1


class Number:
    """A counter, which only rises, or a gauge, for one value of its label."""

    __slots__ = ("_board", "_place")

    def __init__(self, board: "Board", place: int) -> None:
        self._board, self._place = board, place

    def add(self, amount: float = 1.0) -> None:
        """Add to it; any thread may."""
        board = self._board
        with board.lock:
            board.cells[self._place] += amount

    def set(self, value: float) -> None:
        """Let a gauge have this value."""
        self._board.cells[self._place] = value

    @property
    def value(self) -> float:
        """What this process, and those that had its file before, have counted."""
        return self._board.cells[self._place]


class Histogram:
    """How often something took how long, or was how large."""

    __slots__ = ("_board", "_bounds", "_place")

    def __init__(self, board: "Board", place: int, bounds: tuple[float, ...]) -> None:
        self._board, self._place, self._bounds = board, place, bounds

    def observe(self, value: float) -> None:
        """Count one observation."""
        board, bounds = self._board, self._bounds
        with board.lock:
            board.cells[self._place + bisect_left(bounds, value)] += 1.0
            board.cells[self._place + len(bounds) + 1] += value


class Board:
    """All metrics of a process; declared once, before the first file is opened."""

    def __init__(self) -> None:
        self.metrics: list[Metric] = []
        self.lock = threading.Lock()
        self.cells = _private(0)
        self._places = 0
        self._file: int | None = None
        os.register_at_fork(after_in_child=self._detach)

    def counters(self, name: str, meaning: str, label: str, values: Sequence[str]) -> dict[str, Number]:
        """Declare a counter for each value of a label."""
        metric = self._declare("counter", name, meaning, (label,), tuple((value,) for value in values))
        return {value: Number(self, metric.start + place) for place, value in enumerate(values)}

    def table(
        self, name: str, meaning: str, labels: tuple[str, str], rows: Sequence[str], columns: Sequence[str]
    ) -> dict[tuple[str, str], Number]:
        """Declare a counter for each pair of values of two labels."""
        pairs = tuple(itertools.product(rows, columns))
        metric = self._declare("counter", name, meaning, labels, pairs)
        return {pair: Number(self, metric.start + place) for place, pair in enumerate(pairs)}

    def counter(self, name: str, meaning: str, *, by_role: bool = False) -> Number:
        """Declare a counter."""
        return Number(self, self._declare("counter", name, meaning, by_role=by_role).start)

    def gauge(self, name: str, meaning: str, *, by_role: bool = False) -> Number:
        """Declare a gauge; those of several processes are added, and those of dead ones left out."""
        return Number(self, self._declare("gauge", name, meaning, by_role=by_role).start)

    def histogram(
        self, name: str, meaning: str, bounds: tuple[float, ...], *, by_role: bool = False
    ) -> Histogram:
        """Declare a histogram with these upper bounds, in order."""
        metric = self._declare("histogram", name, meaning, bounds=bounds, by_role=by_role)
        return Histogram(self, metric.start, bounds)

    def _declare(
        self,
        kind: Kind,
        name: str,
        meaning: str,
        labels: tuple[str, ...] = (),
        values: tuple[tuple[str, ...], ...] = ((),),
        *,
        bounds: tuple[float, ...] = (),
        by_role: bool = False,
    ) -> Metric:
        metric = Metric(name, kind, meaning, labels, values, bounds, by_role, self._places)
        self.metrics.append(metric)
        self._places += metric.width * len(values)
        self.cells = _private(self._places)
        return metric

    @property
    def size(self) -> int:
        """The bytes of a file."""
        return HEADER + DOUBLE * self._places

    def layout(self) -> bytes:
        """Return the digest of what stands where."""
        return hashlib.sha256(repr(self.metrics).encode()).digest()

    def open(self, run_dir: Path, role: str) -> None:
        """Count in a file from now on; where that cannot be, say so and count for nobody."""
        try:
            self._open(run_dir / FOLDER, role)
        except OSError as error:
            log.warning("%s: what this process counts is not shown: %s", run_dir / FOLDER, error)

    def _open(self, folder: Path, role: str) -> None:
        folder.mkdir(mode=0o750, exist_ok=True)
        file = _first_free(folder, role)
        try:
            # A page that the file system has no room for would kill the process when it is written to.
            os.posix_fallocate(file, 0, self.size)
            os.truncate(file, self.size)
            mapped = mmap.mmap(file, self.size)
        except BaseException:
            os.close(file)
            raise
        if mapped[:HEADER] != self.layout():
            mapped[HEADER:] = bytes(self.size - HEADER)
            mapped[:HEADER] = self.layout()
        self.close()
        self._file, self.cells = file, memoryview(mapped)[HEADER:].cast("d")
        for metric in self.metrics:
            if metric.kind == "gauge":
                self.cells[metric.start] = 0.0

    def close(self) -> None:
        """Let go of the file; what comes is counted for nobody."""
        if self._file is not None:
            self.cells = _private(self._places)
            os.close(self._file)
            self._file = None

    def _detach(self) -> None:
        self.lock = threading.Lock()
        self.close()


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one file says."""

    role: str
    alive: bool  # a process holds it
    cells: "memoryview[float]"


def sheets(run_dir: Path, board: Board, damaged: Callable[[Path], None]) -> Iterator[Sheet]:
    """Yield what every file says; `damaged` is called with one that cannot be used."""
    layout = board.layout()
    for path in sorted((run_dir / FOLDER).glob("*-*")):
        try:
            content, alive = _read(path, board.size)
        except OSError:
            content, alive = b"", False
        if len(content) != board.size or content[:HEADER] != layout:
            damaged(path)
            continue
        yield Sheet(path.name.rpartition("-")[0], alive, memoryview(content)[HEADER:].cast("d"))


def _read(path: Path, size: int) -> tuple[bytes, bool]:
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(file, size + 1), not _locked(file, fcntl.LOCK_SH)
    finally:
        os.close(file)


def _first_free(folder: Path, role: str) -> int:
    """Return the first file of a role that no process holds; it is held from now on."""
    for slot in range(SLOTS):
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(folder / f"{role}-{slot}", flags, 0o640)
        if _locked(file, fcntl.LOCK_EX):
            return file
        os.close(file)
    raise OSError(f"{SLOTS} processes of the role {role} hold a file already")


def _locked(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _private(places: int) -> "memoryview[float]":
    return memoryview(bytearray(DOUBLE * places)).cast("d")
