"""What a service tells systemd about itself (sd_notify(3)): it is ready, it stops, it lives.

Without NOTIFY_SOCKET nobody listens, and nothing is told. A message that cannot be sent is not worth a
failure: systemd then waits until its time is over and starts the service again.
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Callable, Mapping


def ready(environ: Mapping[str, str] = os.environ) -> None:
    """Say that everything answers."""
    _tell("READY=1", environ)


def stopping(environ: Mapping[str, str] = os.environ) -> None:
    """Say that what is in hand is being finished."""
    _tell("STOPPING=1", environ)


class Pulse:
    """Says from time to time that the service still does its work; to be asked from where it does it."""

    def __init__(
        self, environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = interval(environ)
        self._environ = environ
        self._clock = clock
        self._due = clock()

    def beat(self) -> None:
        """Say so, if it is time."""
        if self.seconds is not None and self._clock() >= self._due:
            _tell("WATCHDOG=1", self._environ)
            self._due = self._clock() + self.seconds


async def keep_alive() -> None:
    """Say so for as long as the event loop runs."""
    pulse = Pulse()
    while pulse.seconds is not None:
        pulse.beat()
        await asyncio.sleep(pulse.seconds)


def interval(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return how many seconds may pass between two beats; None where nobody watches.

    That is a third of what the unit says, so that one missed beat ends nothing.
    """
    watched, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(os.getpid()))
    if not watched.isdecimal() or int(watched) == 0 or pid != str(os.getpid()):
        return None
    return int(watched) / 3_000_000


def _tell(message: str, environ: Mapping[str, str]) -> None:
    place = environ.get("NOTIFY_SOCKET", "")
    if not place:
        return
    if place.startswith("@"):  # a name that is in no file system (unix(7))
        place = "\0" + place[1:]
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        sender.sendto(message.encode(), place)
