"""What a service tells systemd about itself (sd_notify(3)): it is ready, it reloads, it stops, it lives.

Without NOTIFY_SOCKET nobody listens, and nothing is told. A message that cannot be sent is not worth a
failure: systemd then waits until its time is over and starts the service again.
"""

import contextlib
import os
import socket
import time
from collections.abc import Mapping


def ready(environ: Mapping[str, str] = os.environ) -> None:
    """Say that everything answers."""
    _tell("READY=1", environ)


def reloading(environ: Mapping[str, str] = os.environ) -> None:
    """Say that the configuration is being read again; `ready` says that it is over."""
    _tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}", environ)


def stopping(environ: Mapping[str, str] = os.environ) -> None:
    """Say that what is in hand is being finished."""
    _tell("STOPPING=1", environ)


def alive(environ: Mapping[str, str] = os.environ) -> None:
    """Say that the service still does its work; to be said from where it does it."""
    _tell("WATCHDOG=1", environ)


def interval(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return how many seconds may pass between two times of `alive`; None where nobody watches.

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
