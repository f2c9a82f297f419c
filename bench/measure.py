"""Contenders, and their CPU and memory from /proc."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.load import Server

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Contender:
    """One server that takes mail and gets rid of it."""

    name: str
    server: Server
    queues: tuple[Path, ...]  # folders whose files are mail that has not left yet
    roots: tuple[int, ...]  # with all below them: every process that takes part in a message's way
    maillog: Path | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One daemon that Postfix asks: a milter, a policy server or a SASL back end."""

    name: str
    address: str  # as Postfix writes it: unix:/path or inet:host:port
    roots: tuple[int, ...]


def tree(roots: Iterable[int]) -> set[int]:
    """Return the processes `roots` and all below them."""
    parents = {int(path.name): _parent(path) for path in Path("/proc").iterdir() if path.name.isdigit()}
    found = set(roots)
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """Return user and system time of the trees, children that have ended included."""
    return sum(_ticks(pid) for pid in tree(roots)) / TICKS


def own_cpu_seconds(pid: int) -> float:
    """Return user and system time of one process alone."""
    fields = _stat(Path(f"/proc/{pid}"))
    return sum(map(int, fields[11:13])) / TICKS if fields else 0.0


def peak_memory_mb(pid: int) -> float:
    """Return the most memory a process has held, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _stat(path: Path) -> list[str]:
    try:
        return (path / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _parent(path: Path) -> int:
    fields = _stat(path)
    return int(fields[1]) if fields else 0


def _ticks(pid: int) -> int:
    fields = _stat(Path(f"/proc/{pid}"))
    return sum(map(int, fields[11:15])) if fields else 0
