"""Loopback ports that nobody else is given.

Postfix's master binds with SO_REUSEPORT: a port that another Postfix listens on is not refused, and
the two then share its connections. So whoever starts a private instance picks its ports here: under a
lock, each tried by a bind without reuse, and noted with the process it is for until that process ends.

The notes are lines `PORT PID START`, START being the process's start time from /proc, which tells a
process from a later one with the same number.
"""

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Below the range from which Linux takes ports of outgoing connections (32768 to 60999 by default),
# so that none of those takes a port between the choice and the bind.
LOWEST, HIGHEST = 20_000, 32_000


class PortError(Exception):
    """No port is free, or the notes cannot be trusted."""


def notes_path() -> Path:
    """Return the file of the notes; one for each user, since one cannot write another's."""
    return Path(tempfile.gettempdir()) / f"estafeta-ports-{os.geteuid()}"


def take(count: int, notes: Path | None = None) -> list[int]:
    """Return `count` free loopback TCP ports, which are this process's until it ends."""
    with _locked(notes or notes_path()) as file:
        held = dict(_held(file))
        found: list[int] = []
        candidates = list(range(LOWEST, HIGHEST))
        random.shuffle(candidates)
        for port in candidates:
            if len(found) == count:
                break
            if port not in held and _bindable(port):
                found.append(port)
        if len(found) < count:
            raise PortError(f"fewer than {count} ports are free between {LOWEST} and {HIGHEST}")
        owner = (os.getpid(), _start_time(os.getpid()))
        _write(file, {**held, **dict.fromkeys(found, owner)})
        return found


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    # In a folder that all may write to, a name can be taken by somebody else's file or link.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o600)
    except OSError as error:
        raise PortError(f"{path}: {error.strerror}") from None
    try:
        if os.fstat(file).st_uid != os.geteuid():
            raise PortError(f"{path} belongs to another user")
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _held(file: int) -> Iterator[tuple[int, tuple[int, str]]]:
    os.lseek(file, 0, os.SEEK_SET)
    with os.fdopen(os.dup(file), encoding="ascii") as text:
        for line in text:
            port, pid, start = line.split()
            if _start_time(int(pid)) == start:
                yield int(port), (int(pid), start)


def _write(file: int, held: dict[int, tuple[int, str]]) -> None:
    lines = "".join(f"{port} {pid} {start}\n" for port, (pid, start) in held.items())
    os.ftruncate(file, 0)
    os.pwrite(file, lines.encode(), 0)


def _bindable(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe, suppress(OSError):
        probe.bind((LOOPBACK, port))
        return True
    return False


def _start_time(pid: int) -> str:
    """Return when a process started, in clock ticks since boot; empty when there is none such."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The second field is the command in parentheses and may hold anything; START is the 22nd.
    return status.rpartition(")")[2].split()[19]
