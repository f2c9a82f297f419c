import os
import signal
import socket
import time
from pathlib import Path

import pytest

from estafeta_milter.beats import Beats


def test_a_family_is_fresh_while_every_child_beats() -> None:
    beats = Beats(2)
    assert beats.fresh(10.0)
    time.sleep(1.0)
    beats.beat(0)
    assert not beats.fresh(1.0)  # the other one stands still
    beats.beat(1)
    assert beats.fresh(1.0)


def test_a_beat_of_another_process_is_seen() -> None:
    beats = Beats(1)
    time.sleep(2.0)
    pid = os.fork()
    if not pid:
        beats.beat(0)
        os._exit(0)
    os.waitpid(pid, 0)
    assert beats.fresh(2.0)


def test_systemd_hears_nothing_of_a_family_in_which_one_stands_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("estafeta_milter.beats.EVERY", 0.05)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "300000")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        beats = Beats(1)
        pid = os.fork()
        if not pid:
            while True:
                beats.beat(0)
                time.sleep(0.01)
        beats.watch()
        assert listener.recv(100) == b"WATCHDOG=1"
        os.kill(pid, signal.SIGSTOP)
        time.sleep(0.4)
        listener.setblocking(False)
        try:
            while listener.recv(100):
                pass
        except BlockingIOError:
            pass
        time.sleep(0.4)
        with pytest.raises(BlockingIOError):
            listener.recv(100)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
