"""Postfix's log, written by this program in the place of postlogd(8), which can bring Postfix to a stand.

    python logger.py SOCKET FILE

postlogd is a child of master(8) and tells it of each line that it writes, twice. It waits when master has not
read some hundred of these messages, and master waits when it wants to log while ten lines are waiting
(net.unix.max_dgram_qlen). Then each waits for the other, and for them whatever logs, for ever: a watchdog
ends postlogd after ten seconds, but it is master that would have to start another. Seen on Postfix 3.7.11
within two minutes of load, since master logs a line for every process that is killed.

A line comes as one datagram, complete but for its end.
"""

import os
import socket
import sys
from pathlib import Path

LINE = 65536  # bytes; Postfix cuts its own at some thousand


def bound(path: Path) -> socket.socket:
    """Return the socket for lines at `path`, for Postfix's daemons, which do not run as root."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(path))
    path.chmod(0o666)
    return listening


def main() -> None:
    """Write lines until killed."""
    place, log = map(Path, sys.argv[1:])
    listening = bound(place)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)
    while True:
        os.write(file, listening.recv(LINE) + b"\n")


if __name__ == "__main__":
    main()
