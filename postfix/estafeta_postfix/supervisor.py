"""Child processes: started again when they die, and dead when their parent is.

Each child leads a session of its own. So an interrupt typed at the terminal reaches the parent only,
which stops its children in order; and what a killed child leaves behind (a milter's worker processes)
is killed as its group before the child is started again.

A child whose parent dies, however it dies, gets SIGTERM from the kernel.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FIRST_DELAY = 0.1  # seconds before a child is started again; doubles while it keeps dying
LONGEST_DELAY = 5.0
SETTLED = 10.0  # seconds of life after which a death counts as the first again
STOP_TIMEOUT = 10.0  # seconds a child may take to finish what it has in hand

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Program:
    """What a child runs, and the file its standard error is added to (None: the parent's)."""

    name: str
    command: Sequence[str]
    log: Path | None = None
    environment: dict[str, str] | None = None
    listener: socket.socket | None = None  # handed to each child, and open while there is none


class Supervisor:
    """The children of one process; to be used from one event loop."""

    def __init__(self) -> None:
        self._children: dict[str, _Child] = {}

    async def start(self, program: Program) -> None:
        """Start a child and keep it running until `stop`."""
        child = _Child(program)
        self._children[program.name] = child
        await child.start()

    def pid(self, name: str) -> int:
        """Return the process id of a running child; 0 while there is none."""
        return self._children[name].pid

    def deaths(self, name: str) -> int:
        """Return how often a child has ended by itself in a row."""
        return self._children[name].deaths

    def signal(self, number: int) -> None:
        """Send a signal to every running child."""
        for child in self._children.values():
            if child.pid:
                os.kill(child.pid, number)

    async def stop(self, names: Sequence[str] | None = None, *, patience: float = STOP_TIMEOUT) -> None:
        """Stop these children, or all, together: SIGTERM, `patience` seconds to finish, then SIGKILL."""
        chosen = [self._children[name] for name in (names or self._children)]
        await asyncio.gather(*(child.stop(patience) for child in chosen))

    def __contains__(self, name: str) -> bool:
        return name in self._children


class _Child:
    def __init__(self, program: Program) -> None:
        self._program = program
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False
        self.deaths = 0

    @property
    def pid(self) -> int:
        return self._process.pid if self._process and self._process.returncode is None else 0

    async def start(self) -> None:
        self._process = await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"keeper of {self._program.name}")

    async def stop(self, patience: float) -> None:
        self._stopping = True
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), patience)
            self._kill_group(self._process.pid)
            await self._process.wait()
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper

    async def _keep(self) -> None:
        """Start the child again each time it ends."""
        while self._process is not None:
            started = time.monotonic()
            status = await self._process.wait()
            self._kill_group(self._process.pid)
            if self._stopping:
                return
            self.deaths = 1 if time.monotonic() - started > SETTLED else self.deaths + 1
            log.error("%s ended with status %d, starting it again", self._program.name, status)
            await asyncio.sleep(min(FIRST_DELAY * 2.0 ** (self.deaths - 1), LONGEST_DELAY))
            self._process = await self._spawn()

    async def _spawn(self) -> asyncio.subprocess.Process:
        program = self._program
        with contextlib.ExitStack() as stack:
            errors = stack.enter_context(program.log.open("ab")) if program.log else None
            return await asyncio.create_subprocess_exec(
                *dying_with_parent(_inheriting(program) if program.listener else program.command),
                stdin=program.listener.fileno() if program.listener else asyncio.subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                env=program.environment,
                start_new_session=True,
            )

    def _kill_group(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)


def _inheriting(program: Program) -> list[str]:
    """Return the command so that the socket on its standard input becomes one of sd_listen_fds(3).

    The shell keeps its process id when it becomes the command, so LISTEN_PID names the daemon.
    """
    script = 'exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"'
    return ["sh", "-c", script, *program.command]


def dying_with_parent(command: Sequence[str]) -> list[str]:
    """Return `command` so that it gets SIGTERM when the process that starts it dies, however it dies.

    setpriv(1) of util-linux asks the kernel for it (prctl(2), PR_SET_PDEATHSIG) and becomes the command.
    """
    return ["setpriv", "--pdeathsig", "TERM", *command]
