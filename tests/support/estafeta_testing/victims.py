"""The daemons of one sandbox, to be killed and held; found by what they run, also after a restart."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

from estafeta_testing.relay import Relay, wait

RESTART = 20.0  # seconds; a daemon is back within one on an idle machine


class Victims:
    """The processes that serve one role in `relay`: the daemon itself first, then what it forked."""

    def __init__(self, relay: Relay) -> None:
        self._config = str(relay.config).encode()

    def pids(self, role: str) -> list[int]:
        """Return the processes of a role, the oldest first."""
        end = (b"serve", role.encode(), b"")
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                with contextlib.suppress(OSError):
                    words = (folder / "cmdline").read_bytes().split(b"\0")
                    if tuple(words[-3:]) == end and self._config in words:
                        found.append(int(folder.name))
        return sorted(found)

    def kill(self, role: str) -> None:
        """Kill the daemon itself; what it forked dies with it."""
        os.kill(self.pids(role)[0], signal.SIGKILL)

    def kill_worker(self, role: str, number: int) -> None:
        """Kill one of the processes that the daemon forked, if there is any at the moment."""
        workers = self.pids(role)[1:]
        if workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(workers[number % len(workers)], signal.SIGKILL)

    def replaced(self, role: str, dead: int) -> None:
        """Wait until another process than `dead` serves a role."""

        def is_another() -> bool:
            return bool(pids := self.pids(role)) and dead not in pids

        wait(is_another, True, f"{role} is started again", RESTART)

    @contextlib.contextmanager
    def held(self, role: str) -> Iterator[None]:
        """Stop every process of a role for a while, as a debugger or a dead disk would."""
        pids = self.pids(role)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
