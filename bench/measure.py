"""CPU and memory of process trees, from /proc; and what a round gave."""

import os
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from bench.load import Server

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Contender:
    """One server that takes mail and discards it."""

    name: str
    server: Server
    queue: Path
    roots: tuple[int, ...]  # with all below them: every process that takes part in a message's way
    maillog: Path


@dataclass(frozen=True, slots=True)
class Round:
    """One contender, once."""

    rate: float  # messages a second
    cpu_ms: float  # of all its processes, a message


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


def peak_memory_mb(pid: int) -> float:
    """Return the most memory a process has held, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def print_memory(processes: dict[str, int]) -> None:
    """Print the most memory that each process of a role has held; Postfix's own are not ours to watch."""
    click.echo("\npeak memory, MB (each process of a role)")
    for role, pid in processes.items():
        if role != "postfix":
            sizes = ", ".join(f"{peak_memory_mb(one):.0f}" for one in sorted(tree((pid,))))
            click.echo(f"  {role:8}{sizes}")


def spread(values: Sequence[float]) -> str:
    """Return `median (lowest to highest)`."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


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
