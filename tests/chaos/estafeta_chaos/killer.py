"""kill -9 at random, of our daemons and of Postfix's, each kill noted with its time.

    milter            the daemon itself, and with it all its processes
    milter-process    one of the processes that serve
    policy sasl web worker
    qmgr rewrite
    smtpd             of the listeners           smtpd-copies     which takes in the copies
    cleanup           of the listeners           cleanup-copies   of the copies
    smtp              on the way out             split            which hands over the copies

Of the listeners, those that the clients use; on the way out, also from a pool of addresses.

Never Postfix's master(8), and never who supervises our daemons: what they start again is looked at here.
"""

import contextlib
import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from estafeta_chaos.client import LISTENERS
from estafeta_core.jobs import LISTENER as COPIES_LISTENER
from estafeta_postfix.render.copies import CLEANUP as COPIES_CLEANUP
from estafeta_postfix.render.listener import CLEANUP
from estafeta_postfix.render.main_cf import SPLIT
from estafeta_postfix.render.outbound import POOL
from estafeta_testing.relay import Relay

OURS = ("milter", "milter-process", "policy", "sasl", "web", "worker")
POSTFIX = (
    *("qmgr", "rewrite", "smtpd", "smtpd-copies"),
    *("cleanup", "cleanup-copies", "smtp", "split"),
)
KINDS = (*OURS, *POSTFIX)

# A third of the kills falls on daemons of ours. One that dies again and again is started later and later (see
# the supervisor), and a run in which nothing serves shows nothing.
_WEIGHTS = {kind: len(POSTFIX) if kind in OURS else 2 * len(OURS) for kind in KINDS}

# Of Postfix's processes: the program, and what its service calls itself in the log.
_SERVICES = {
    ("qmgr", ""): "qmgr",
    ("trivial-rewrite", ""): "rewrite",
    ("cleanup", CLEANUP): "cleanup",
    ("cleanup", COPIES_CLEANUP): "cleanup-copies",
    ("smtp", ""): "smtp",
    ("smtp", SPLIT): "split",
    ("smtpd", COPIES_LISTENER): "smtpd-copies",
    **{("smtpd", name): "smtpd" for name in LISTENERS},
}
_NAMED = "syslog_name = postfix/"


@dataclass(frozen=True, slots=True)
class Kill:
    """A process that was killed."""

    time: float
    kind: str
    pid: int


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    command: tuple[str, ...]


class Processes:
    """The processes of one sandbox by kind; they come and go, so they are looked up each time."""

    def __init__(self, relay: Relay) -> None:
        self._config = str(relay.config)
        self._master = relay.processes["postfix"]

    def living(self) -> dict[str, list[int]]:
        """Return the process ids of each kind that has any."""
        found: dict[str, list[int]] = {}
        every = list(_processes())
        ours = {each.pid for each in every if self._is_ours(each)}
        for each in every:
            kind = self._kind(each, ours)
            if kind in KINDS:
                found.setdefault(kind, []).append(each.pid)
        return found

    def _is_ours(self, process: _Process) -> bool:
        return process.command[-2:-1] == ("serve",) and self._config in process.command

    def _kind(self, process: _Process, ours: set[int]) -> str:
        if process.pid in ours:
            role = process.command[-1]
            return f"{role}-process" if process.parent in ours else role
        return _service(process.command) if process.parent == self._master else ""


class Killer(threading.Thread):
    """Kills one process after the other until told to stop."""

    def __init__(
        self, relay: Relay, kinds: tuple[str, ...], every: float, stop: threading.Event, chance: random.Random
    ) -> None:
        super().__init__(daemon=True)
        self._processes = Processes(relay)
        self._kinds = kinds
        self._every = every
        self._stop_asked = stop
        self._chance = chance
        self.kills: list[Kill] = []

    def run(self) -> None:
        """Kill until told to stop."""
        while not self._stop_asked.wait(self._chance.uniform(0.5, 1.5) * self._every):
            self._kill()

    def _kill(self) -> None:
        living = self._processes.living()
        kinds = [kind for kind in self._kinds if kind in living]
        if not kinds:
            return
        (kind,) = self._chance.choices(kinds, [_WEIGHTS[kind] for kind in kinds])
        pid = self._chance.choice(living[kind])
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills.append(Kill(time.time(), kind, pid))


def _service(command: tuple[str, ...]) -> str:
    """Return the kind of one of master's children, or ""."""
    program = Path(command[0]).name
    named = next((word.removeprefix(_NAMED) for word in command if word.startswith(_NAMED)), "")
    if program == "smtp" and named.startswith(POOL):
        return "smtp"
    return _SERVICES.get((program, named), "")


def _processes() -> Iterator[_Process]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if words:
                    yield _Process(int(folder.name), parent, tuple(words))
