"""Each daemon as systemd runs it: told when it answers, that it lives, and that it stops."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from estafeta_postfix.daemons import RUNNERS
from estafeta_testing.milter_site import Site

PATIENCE = 20.0  # seconds for a start that takes one
BEAT = 1.5  # seconds of WatchdogSec here, so that three beats fit into it
SLOW = {"milter": 4.5}  # its processes show once a second that they work

# Its unit is started only where a listener has `receipt: true`; it starts without one all the same.
ROLES = tuple(RUNNERS)


def heard(listener: socket.socket, wanted: str, seconds: float = PATIENCE) -> list[str]:
    """Return what was told until `wanted` was."""
    told: list[str] = []
    deadline = time.monotonic() + seconds
    while wanted not in told:
        listener.settimeout(max(0.01, deadline - time.monotonic()))
        try:
            told.append(listener.recv(4096).decode())
        except TimeoutError:
            raise AssertionError(f"{wanted} was not told in time, only {told}") from None
    return told


@pytest.mark.parametrize("role", ROLES)
def test_systemd_is_told_what_a_daemon_does(role: str, tmp_path: Path) -> None:
    site, beat = Site(tmp_path), SLOW.get(role, BEAT)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    site.configure(f"maillog: mail.log\nqueue_directory: .\nmilter_processes: 2\nweb: {{port: {port}}}\n")
    place = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(place))
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(place),
            "WATCHDOG_USEC": str(round(beat * 1_000_000)),
        }
        command = [sys.executable, "-m", "estafeta_postfix", "--config", str(site.config), "serve", role]
        with (tmp_path / "log").open("ab") as log:
            daemon = subprocess.Popen(command, env=environment, stderr=log)
        try:
            heard(listener, "READY=1")
            for _ in range(3):
                heard(listener, "WATCHDOG=1", beat)
            daemon.send_signal(signal.SIGTERM)
            heard(listener, "STOPPING=1")
            assert daemon.wait(PATIENCE) == 0
        finally:
            daemon.kill()
            daemon.wait()
