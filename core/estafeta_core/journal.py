"""What recipients did, on its way into the store: the lines that the web service writes and the worker reads.

    line     = crc space values newline
    crc      = eight hexadecimal digits, CRC-32 of the values
    values   = [event id, type, time, id, shared, data, scanned]     a JSON array, see TokenEvent

An event is in the journal before its answer leaves, and in the store when the worker has come to its line. A
line may be read twice, for its event id makes the store take it once. One that was torn or damaged, or that
the store could never take, is left out: `read` returns None and never raises. Behind the last line there may
be room, of NUL, which no line contains: a reader stops there.
"""

import json
import os
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from estafeta_core import events, suppression
from estafeta_core.store.rows import Automated, LogPosition, Row, TokenEvent, Unsubscribed

ROOM = 1024 * 1024  # bytes of room, at most
NAME = "web-journal"  # in state_dir; a file that is full has a dot and a number behind it

# Where a suppression comes from.
SOURCES = {
    events.LIST_UNSUBSCRIBE: suppression.LIST_UNSUBSCRIBE,
    events.LINK_UNSUBSCRIBE: suppression.UNSUBSCRIBE_LINK,
}

TYPES = frozenset({events.OPEN, events.INITIAL_OPEN, events.CLICK, events.AMP_CLICK, *SOURCES})
_HIGHEST = 2**63 - 1  # SQLite's integers

quoted = json.encoder.encode_basestring_ascii  # a string as JSON


def line(
    event_id: int, kind: str, time: int, id_: int, *, shared: bool, data: str, scanned: Iterable[int] = ()
) -> bytes:
    """Return the line of an event; `data` is a JSON object. Written out, as it is made for every request."""
    earlier = ",".join(map(str, scanned))
    flag = "true" if shared else "false"
    text = f'[{event_id},"{kind}",{time},{id_},{flag},{data},[{earlier}]]'.encode()
    return b"%08x %b\n" % (zlib.crc32(text), text)


def line_of(event: TokenEvent) -> bytes:
    """Return the line of an event."""
    data = json.dumps(event.data, separators=(",", ":"))
    return line(
        event.event_id,
        event.type,
        event.timestamp,
        event.id,
        shared=event.shared,
        data=data,
        scanned=event.scanned,
    )


def read(text: bytes) -> TokenEvent | None:
    """Return the event of a line without its line end."""
    checksum, _, values = text.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(values):
        return None
    try:
        return _event(json.loads(values))
    except (ValueError, TypeError, RecursionError):
        return None


def _event(values: Any) -> TokenEvent | None:
    event_id, kind, time, id_, shared, data, scanned = values
    numbers = (event_id, time, id_, *scanned)
    if kind not in TYPES or not isinstance(data, dict):
        return None
    if not all(type(number) is int and 0 <= number <= _HIGHEST for number in numbers):
        return None
    return TokenEvent(event_id, kind, time, id_, bool(shared), data, tuple(scanned))


def rows(event: TokenEvent) -> list[Row]:
    """Return what the store keeps of an event: an unsubscribe brings its suppression along."""
    source = SOURCES.get(event.type)
    if source is not None:
        return [event, Unsubscribed(event.id, source, event.timestamp)]
    return [event, *(Automated(event_id, events.BURST) for event_id in event.scanned)]


def files(path: Path) -> list[Path]:
    """Return the files of the journal at `path` that are there, in the order in which they were begun."""
    numbered = sorted(path.parent.glob(f"{path.name}.*"))
    return [*numbered, path] if path.exists() else numbered


def waiting(path: Path, position: LogPosition | None) -> int:
    """Return how many bytes of the journal lie behind the position that the store knows; OSError."""
    total = 0
    for file in files(path):
        try:
            inode, size = _written(file)
        except FileNotFoundError:
            continue  # read meanwhile, and removed
        if position is not None and inode == position.inode:
            total = -min(position.offset, size)
        total += size
    return total


def _written(file: Path) -> tuple[int, int]:
    """Return the inode of a file and how many bytes of it are written, room not counted."""
    with file.open("rb") as opened:
        status = os.fstat(opened.fileno())
        before = opened.seek(max(0, status.st_size - ROOM))
        return status.st_ino, before + len(opened.read().rstrip(b"\0"))
