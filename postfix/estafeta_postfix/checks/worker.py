"""Whether the worker runs and keeps up with Postfix's log: without it nobody learns what became of mail."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from estafeta_core.config.load import known_as
from estafeta_core.store import StoreUnavailable
from estafeta_core.store.reader import Reader
from estafeta_core.store.rows import LogPosition
from estafeta_core.store.store import backend
from estafeta_postfix.checks.finding import Finding
from estafeta_postfix.checks.setup import Setup
from estafeta_postfix.log_follower.follow import UNRECORDED
from estafeta_postfix.log_follower.reader import predecessors
from estafeta_postfix.worker import LOCK

BEHIND = UNRECORDED + 1024 * 1024  # bytes; up to UNRECORDED without events are not written down
AGAIN = 4.0  # seconds until a second look: a log that was renamed is kept open for two (reader.GRACE)
PATIENCE = 2.0  # seconds for the store


def look(setup: Setup) -> Iterator[Finding]:
    """Yield why events would be late or lost."""
    log, lock = setup.config.maillog, setup.config.state_dir / LOCK
    if not _is_held(lock):
        yield Finding(
            "error",
            "worker-down",
            str(lock),
            "no worker runs: events wait in the log, webhooks are not posted, the store is not checkpointed",
            "systemctl start estafeta-worker (or `estafeta serve worker`): it goes on where it was",
        )
        return
    if not log.exists():
        yield Finding(
            "error",
            "log-missing",
            str(log),
            "the log that is followed is not there",
            "set maillog: to the file that Postfix logs to (postconf maillog_file, or syslog's mail.*)",
        )
        return
    with (
        contextlib.suppress(StoreUnavailable),
        contextlib.closing(Reader(backend(setup.config.store, PATIENCE))) as reader,
    ):
        yield from _following(log, known_as(setup.config, log), reader)


def _following(log: Path, name: str, reader: Reader) -> Iterator[Finding]:
    first = reader.log_position(name)
    if _waiting(log, first) == 0:
        return
    time.sleep(AGAIN)
    position = reader.log_position(name)
    waiting = _waiting(log, position)
    if waiting is None:
        yield Finding(
            "error",
            "log-gone",
            str(log),
            "the file that was read last is gone, and it was not read to its end: events are missing",
            "let logrotate keep one file uncompressed (delaycompress), and see that the worker runs",
        )
    elif waiting and position == first:
        yield Finding(
            "error",
            "worker-stands",
            str(log),
            f"{waiting} bytes wait to be read, and the worker does not move",
            "read the worker's log, and restart it: it goes on where it was",
        )
    elif waiting:
        yield Finding(
            "warning",
            "worker-behind",
            str(log),
            f"{waiting} bytes wait to be read: events are late",
            "wait, where there was much mail; else see what keeps the store or the disk busy",
        )


def _waiting(log: Path, position: LogPosition | None) -> int | None:
    """Return how many bytes are unread, 0 for those that need not be yet; None where the file is gone."""
    size = log.stat().st_size
    if position is None:
        return size if size > BEHIND else 0
    if position.inode == log.stat().st_ino:
        unread = size - position.offset
        return unread if unread > BEHIND else 0
    older = {path.stat().st_ino: path for path in predecessors(log)}
    if position.inode not in older:
        return None if size else 0
    return older[position.inode].stat().st_size - position.offset + size if size else 0


def _is_held(lock: Path) -> bool:
    """Whether a process holds a lock of filelock.FileLock, which is not taken here from anybody."""
    try:
        file = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
