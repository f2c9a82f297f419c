import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from estafeta_postfix.supervisor import Program, Supervisor

SLEEPER = ("sleep", "60")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError


def run(scenario: Callable[[Supervisor], Awaitable[None]]) -> None:
    async def with_supervisor() -> None:
        supervisor = Supervisor()
        try:
            await scenario(supervisor)
        finally:
            await supervisor.stop()

    asyncio.run(with_supervisor())


def test_a_child_that_is_killed_is_started_again() -> None:
    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start(Program("sleeper", SLEEPER))
        first = supervisor.pid("sleeper")
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervisor.pid("sleeper") not in (0, first))
        assert alive(supervisor.pid("sleeper"))
        assert supervisor.deaths("sleeper") == 1

    run(scenario)


def test_a_child_that_keeps_dying_is_started_less_and_less_often() -> None:
    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start(Program("fails", ("false",)))
        await asyncio.sleep(1.2)
        assert 2 <= supervisor.deaths("fails") <= 4  # after 0.1, 0.2, 0.4, 0.8 seconds

    run(scenario)


def test_what_a_killed_child_leaves_behind_is_killed(tmp_path: Path) -> None:
    async def scenario(supervisor: Supervisor) -> None:
        script = f"sleep 60 & echo $! >> {tmp_path}/pids; wait"
        await supervisor.start(Program("family", ("sh", "-c", script)))
        await until(lambda: (tmp_path / "pids").exists() and (tmp_path / "pids").read_text().endswith("\n"))
        grandchild = int((tmp_path / "pids").read_text().split()[0])
        os.kill(supervisor.pid("family"), signal.SIGKILL)
        await until(lambda: not alive(grandchild))

    run(scenario)


def test_stopping_gives_time_to_finish_and_then_kills(tmp_path: Path) -> None:
    async def scenario(supervisor: Supervisor) -> None:
        polite = (
            f"trap 'sleep 0.3; touch {tmp_path}/finished; exit' TERM; touch {tmp_path}/1; sleep 60 & wait"
        )
        deaf = f"trap '' TERM; touch {tmp_path}/2; sleep 60"
        await supervisor.start(Program("polite", ("sh", "-c", polite)))
        await supervisor.start(Program("deaf", ("sh", "-c", deaf)))
        await until(lambda: (tmp_path / "1").exists() and (tmp_path / "2").exists())
        pids = [supervisor.pid("polite"), supervisor.pid("deaf")]
        await supervisor.stop(patience=1.0)
        assert (tmp_path / "finished").exists()
        assert not any(alive(pid) for pid in pids)

    run(scenario)


def test_some_can_be_stopped_before_the_others() -> None:
    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start(Program("first", SLEEPER))
        await supervisor.start(Program("second", SLEEPER))
        await supervisor.stop(["first"])
        assert supervisor.pid("first") == 0
        assert alive(supervisor.pid("second"))
        assert "first" in supervisor
        assert "third" not in supervisor

    run(scenario)


def test_signals_reach_every_child(tmp_path: Path) -> None:
    async def scenario(supervisor: Supervisor) -> None:
        script = (
            f"trap 'touch {tmp_path}/$0.hup' HUP; touch {tmp_path}/$0.ready; while :; do sleep 0.05; done"
        )
        for name in ("a", "b"):
            await supervisor.start(Program(name, ("sh", "-c", script, name)))
        await until(lambda: all((tmp_path / f"{name}.ready").exists() for name in "ab"))
        supervisor.signal(signal.SIGHUP)
        await until(lambda: all((tmp_path / f"{name}.hup").exists() for name in "ab"))

    run(scenario)


def test_what_a_child_says_goes_to_its_log(tmp_path: Path) -> None:
    async def scenario(supervisor: Supervisor) -> None:
        await supervisor.start(
            Program("talks", ("sh", "-c", "echo out; echo err >&2; exec sleep 60"), tmp_path / "log")
        )
        await until(lambda: (tmp_path / "log").read_text() == "out\nerr\n")

    run(scenario)


def test_children_die_with_their_parent_however_it_dies(tmp_path: Path) -> None:
    code = f"""
import asyncio
from pathlib import Path
from estafeta_postfix.supervisor import Program, Supervisor
async def main():
    supervisor = Supervisor()
    await supervisor.start(Program("sleeper", ("sleep", "60")))
    Path({str(tmp_path)!r}, "pid").write_text(str(supervisor.pid("sleeper")) + chr(10))
    await asyncio.sleep(60)
asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    give_up = time.monotonic() + 10
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n")):
        assert time.monotonic() < give_up
        time.sleep(0.01)
    time.sleep(0.2)  # until the child has asked the kernel
    child = int((tmp_path / "pid").read_text())
    assert alive(child)
    parent.kill()
    parent.wait()
    while alive(child):
        assert time.monotonic() < give_up
        time.sleep(0.01)


def test_a_socket_is_held_while_its_child_is_away(tmp_path: Path) -> None:
    """Whoever connects meanwhile waits and is served by the next child."""
    serve = (
        "import os, socket\n"
        "assert os.environ['LISTEN_PID'] == str(os.getpid()) and os.environ['LISTEN_FDS'] == '1'\n"
        "taken, _ = socket.socket(fileno=3).accept()\n"
        "taken.sendall(b'served')\n"
    )

    def ask() -> bytes:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(20)
            client.connect(str(tmp_path / "socket"))
            return client.recv(100)

    async def scenario(supervisor: Supervisor) -> None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        await supervisor.start(Program("server", (sys.executable, "-c", serve), listener=listener))
        for _ in range(3):  # each child ends behind its one client
            assert await asyncio.to_thread(ask) == b"served"
        listener.close()

    run(scenario)
