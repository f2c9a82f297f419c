import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from estafeta_core import notify


def heard(place: str, say: Callable[[Mapping[str, str]], None]) -> str:
    """Return what arrives at a socket of systemd's."""
    address = "\0" + place[1:] if place.startswith("@") else place
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(address)
        listener.settimeout(5)
        say({"NOTIFY_SOCKET": place})
        return listener.recv(4096).decode()


@pytest.mark.parametrize(
    ("say", "message"),
    [(notify.ready, "READY=1"), (notify.stopping, "STOPPING=1")],
)
def test_systemd_is_told(say: Callable[[Mapping[str, str]], None], message: str, tmp_path: Path) -> None:
    assert heard(str(tmp_path / "notify"), say) == message
    assert heard(f"@estafeta-test-{os.getpid()}", say) == message


def test_a_pulse_beats_when_it_is_time(tmp_path: Path) -> None:
    place, now = str(tmp_path / "notify"), [100.0]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(place)
        listener.setblocking(False)
        pulse = notify.Pulse({"NOTIFY_SOCKET": place, "WATCHDOG_USEC": "30000000"}, lambda: now[0])
        for seconds, beats in ((0, True), (9, False), (1, True), (1, False), (20, True)):
            now[0] += seconds
            pulse.beat()
            assert readable(listener) is beats


def readable(listener: socket.socket) -> bool:
    try:
        return listener.recv(4096) == b"WATCHDOG=1"
    except BlockingIOError:
        return False


def test_nobody_who_watches_is_told_nothing(tmp_path: Path) -> None:
    pulse = notify.Pulse({"NOTIFY_SOCKET": str(tmp_path / "nowhere")})
    assert pulse.seconds is None
    pulse.beat()
    asyncio.run(asyncio.wait_for(notify.keep_alive(), 5))  # returns at once: nobody watches


@pytest.mark.parametrize("place", ["", "/nowhere/notify"])
def test_nobody_who_listens_is_no_failure(place: str) -> None:
    notify.ready({"NOTIFY_SOCKET": place})


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),  # meant for another process
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_is_fed_in_time(environ: dict[str, str], seconds: float | None) -> None:
    assert notify.interval(environ) == seconds
