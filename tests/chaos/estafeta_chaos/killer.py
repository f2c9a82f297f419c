"""kill -9 at random, of our daemons and of Postfix's, each kill noted with its time.

    milter            the daemon itself, and with it all its processes
    milter-process    one of the processes that serve
    policy sasl web worker
    qmgr rewrite
    smtpd             of the listeners           smtpd-copies     which takes in the copies
    cleanup           of the listeners           cleanup-copies   of the copies
    smtp              on the way out             split            which hands over the copies

    pg-connection     SIGTERM to what serves one connection of ours: that connection is lost
    pg-backend        kill -9 of it: PostgreSQL drops everybody and recovers
    pg-server         kill -9 of all of PostgreSQL, which is started again at once

Of the listeners, those that the clients use; on the way out, also from a pool of addresses; of PostgreSQL,
the server that a run has for itself.

Never Postfix's master(8), and never who supervises our daemons: what they start again is looked at here.
"""

import contextlib
import os
import random
import signal
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
from estafeta_testing.postgresql import Cluster
from estafeta_testing.relay import Relay

OURS = ("milter", "milter-process", "policy", "sasl", "web", "worker")
POSTFIX = (
    *("qmgr", "rewrite", "smtpd", "smtpd-copies"),
    *("cleanup", "cleanup-copies", "smtp", "split"),
)
SERVER = ("pg-connection", "pg-backend", "pg-server")
KINDS = (*OURS, *POSTFIX, *SERVER)

# Half of the kills falls on daemons of ours. PostgreSQL recovers for a second or more, and a run in which
# nothing serves shows nothing.
_WEIGHTS = {kind: len(POSTFIX) if kind in OURS else len(OURS) for kind in KINDS}
_WEIGHTS |= {"pg-backend": 3, "pg-server": 1}

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

    def __init__(self, relay: Relay, server: Cluster | None = None) -> None:
        self._config = str(relay.config)
        self._master = relay.processes["postfix"]
        self._server = server

    def living(self) -> dict[str, list[int]]:
        """Return the process ids of each kind that has any."""
        found: dict[str, list[int]] = {}
        every = list(_processes())
        ours = {each.pid for each in every if self._is_ours(each)}
        for each in every:
            kind = self._kind(each, ours)
            if kind in KINDS:
                found.setdefault(kind, []).append(each.pid)
        if self._server is not None:
            serving = self._server.serving()
            found |= {"pg-connection": serving, "pg-backend": serving} if serving else {}
            found["pg-server"] = self._server.processes()[:1]
        return found

    def _is_ours(self, process: _Process) -> bool:
        return process.command[-2:-1] == ("serve",) and self._config in process.command

    def _kind(self, process: _Process, ours: set[int]) -> str:
        if process.pid in ours:
            role = process.command[-1]
            return f"{role}-process" if process.parent in ours else role
        return _service(process.command) if process.parent == self._master else ""


class Killer:
    """Kills one process after the other."""

    def __init__(
        self, relay: Relay, kinds: tuple[str, ...], chance: random.Random, server: Cluster | None = None
    ) -> None:
        self._processes = Processes(relay, server)
        self._kinds = kinds
        self._chance = chance
        self._server = server
        self.kills: list[Kill] = []

    def kill(self) -> None:
        """Kill one process, if there is any."""
        living = self._processes.living()
        kinds = [kind for kind in self._kinds if kind in living]
        if not kinds:
            return
        (kind,) = self._chance.choices(kinds, [_WEIGHTS[kind] for kind in kinds])
        pid = self._chance.choice(living[kind])
        with contextlib.suppress(ProcessLookupError):
            self._end(kind, pid)
            self.kills.append(Kill(time.time(), kind, pid))

    def _end(self, kind: str, pid: int) -> None:
        if kind == "pg-server" and self._server is not None:
            self._server.kill()
            self._server.start()
        else:
            os.kill(pid, signal.SIGTERM if kind == "pg-connection" else signal.SIGKILL)


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
