"""The listening socket of a daemon: handed over by systemd, or bound at its place.

systemd's protocol (sd_listen_fds(3)): LISTEN_PID names this process and LISTEN_FDS how many
descriptors it got, from 3 on. Such a socket exists before the daemon and outlives it, so a client
that connects while the daemon restarts waits instead of failing.

Raises core's SocketError when another process serves the place, or nobody may.
"""

import os
import socket
from pathlib import Path

from estafeta_core import sockets

FIRST_INHERITED = 3
BACKLOG = 1024  # every smtpd of every listener may connect in the same moment


def inherited(environ: "os._Environ[str] | dict[str, str]") -> socket.socket | None:
    """Return the socket that systemd handed to this process, if it did; its children are not told."""
    pid, count = environ.pop("LISTEN_PID", ""), environ.pop("LISTEN_FDS", "0")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or count == "0":
        return None
    os.set_inheritable(FIRST_INHERITED, False)
    return socket.socket(fileno=FIRST_INHERITED)


def bound(path: Path, group: str) -> socket.socket:
    """Return a socket bound to `path`, open to `group` alone; a dead one there is replaced."""
    sockets.claim(path)
    listener = socket.socket(socket.AF_UNIX)
    # Nobody may connect between bind and share: the mode is 0600 from the first moment.
    umask = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise sockets.SocketError(f"{path}: cannot be bound: {error.strerror}") from None
    finally:
        os.umask(umask)
    try:
        sockets.share(path, group)
    except (sockets.SocketError, OSError):
        listener.close()
        path.unlink(missing_ok=True)
        raise
    listener.listen(BACKLOG)
    return listener
