"""Postfix's log by queue id, read by nothing of the product: what it tells is held against the product.

A log line has its time in whole seconds, of this host's clock.
"""

import functools
import re
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(r"(\w{3} [ \d]\d \d\d:\d\d:\d\d) \S+ (\S+)\[(\d+)\]: ([0-9A-Za-z]{10,}): (.*)")
_ORIGINAL = re.compile(r"client=\S+, orig_queue_id=(\w+)")
_SPLIT = "postfix/estafeta-split/smtp"


@dataclass(frozen=True, slots=True)
class Line:
    """What one program said of one queue file."""

    time: float  # it was said within a second from then
    program: str
    pid: int
    whole: str
    place: int

    @property
    def text(self) -> str:
        """What stands behind the queue id."""
        return self.whole[self.place :]


class MailLog:
    """The log of one run, once the run is over."""

    def __init__(self, path: Path) -> None:
        self._lines: defaultdict[str, list[Line]] = defaultdict(list)
        self._sources: dict[str, str] = {}
        self._copies: defaultdict[str, list[str]] = defaultdict(list)
        year = time.localtime().tm_year
        with path.open(encoding="utf-8", errors="replace") as log:
            for text in log:
                found = _LINE.fullmatch(text.rstrip("\n"))
                if found is not None:
                    self._add(found, year)

    def _add(self, found: re.Match[str], year: int) -> None:
        stamp, program, pid, queue_id, said = found.groups()
        when = _seconds(f"{year} {stamp}")
        self._lines[queue_id].append(Line(when, sys.intern(program), int(pid), found[0], found.start(5)))
        source = _ORIGINAL.match(said)
        if source is not None and queue_id not in self._sources:
            self._sources[queue_id] = source[1]
            self._copies[source[1]].append(queue_id)

    def of(self, queue_id: str) -> list[Line]:
        """Return what was said of a queue file, in order."""
        return self._lines.get(queue_id, [])

    def source(self, queue_id: str) -> str:
        """Return the queue file that this one is a copy from; "" where it is none."""
        return self._sources.get(queue_id, "")

    def family(self, queue_id: str) -> list[str]:
        """Return a queue file and those of its copies."""
        return [queue_id, *self._copies.get(queue_id, [])]

    def noted(self, queue_id: str, recipient: str) -> list[Line]:
        """Return the lines of one queue file that say that it has been delivered to a recipient."""
        return [line for line in self._about(queue_id, recipient) if " status=sent (" in line.text]

    def put_off(self, queue_id: str, recipient: str) -> list[Line]:
        """Return the lines of one queue file that say why a delivery has to be tried again."""
        return [line for line in self._about(queue_id, recipient) if " status=deferred" in line.text]

    def sent(self, queue_id: str, recipient: str) -> int:
        """Return how often a delivery to the outside was noted, of a message or its copies."""
        lines = (line for id_ in self.family(queue_id) for line in self.noted(id_, recipient))
        return sum(line.program != _SPLIT for line in lines)

    def _about(self, queue_id: str, recipient: str) -> Iterator[Line]:
        return (line for line in self.of(queue_id) if line.text.startswith(f"to=<{recipient}>,"))

    def evidence(self, queue_id: str) -> list[str]:
        """Return everything said of a message and its copies."""
        return [line.whole for id_ in self.family(queue_id) for line in self.of(id_)]


@functools.lru_cache(maxsize=8)
def _seconds(stamp: str) -> float:
    return time.mktime(time.strptime(stamp, "%Y %b %d %H:%M:%S"))
