"""One holder at a time, and nothing left behind by the dead."""

import subprocess
import sys
import threading
import time
from pathlib import Path

from estafeta_core.store.filelock import FileLock

HOLDER = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_holder_waits_until_the_first_lets_go(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    first.acquire()
    assert not second.try_acquire(0.05)
    waiting = threading.Thread(target=second.acquire)
    waiting.start()
    time.sleep(0.05)
    assert waiting.is_alive()
    first.release()
    waiting.join(5)
    assert not waiting.is_alive()
    assert not first.try_acquire(0)
    second.release()
    assert first.try_acquire(0)
    first.close()
    second.close()


def test_a_killed_holder_lets_go(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        lock = FileLock(tmp_path / "lock")
        assert not lock.try_acquire(0.05)
        holder.kill()
        assert lock.try_acquire(5)
        lock.close()


def test_releasing_or_closing_what_was_never_held_is_harmless(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    lock.release()
    lock.close()
    assert lock.try_acquire(0)
    lock.close()
    lock.close()
