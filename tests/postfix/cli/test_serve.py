import os
import re
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from estafeta_core import sockets
from estafeta_postfix import ports

COMMAND = [sys.executable, "-m", "estafeta_postfix"]


@pytest.fixture
def web_port() -> int:
    return ports.take(1)[0]


@pytest.fixture
def here(config: Path, web_port: int) -> Path:
    """The configuration with a group and a port that any test machine has."""
    text = config.read_text() + f"socket_group: root\nweb: {{port: {web_port}}}\nmilter_processes: 1\n"
    config.write_text(text)
    (config.parent / "run").mkdir()
    (config.parent / "state").mkdir()
    return config


def answers(port: int) -> bool:
    """Whether the web service does; by then it has its signals too."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def test_all_daemons_run_under_one_supervisor_until_it_is_told_to_stop(here: Path, web_port: int) -> None:
    log = here.parent / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen([*COMMAND, "--config", str(here), "serve", "all"], stderr=errors)
    try:
        run_dir = here.parent / "run"
        wanted = [path(run_dir) for path in (sockets.sasl, sockets.policy, sockets.milter)]
        give_up = time.monotonic() + 20
        # A SIGHUP before a process has its handlers would end it, as it ends any program.
        while not (
            all(path.exists() for path in wanted)
            and answers(web_port)
            and all(word in log.read_text() for word in ("following", "intake.sock"))
        ):
            assert time.monotonic() < give_up
            time.sleep(0.05)
        process.send_signal(signal.SIGHUP)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 6
        process.terminate()
        assert process.wait(20) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in children)
        assert "starting it again" not in log.read_text()
    finally:
        process.kill()
        process.wait()


def test_a_daemon_that_dies_is_started_again_and_the_log_says_so(here: Path, web_port: int) -> None:
    log = here.parent / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen([*COMMAND, "--config", str(here), "serve", "all"], stderr=errors)
    try:
        give_up = time.monotonic() + 20
        while not (found := re.search(r"estafeta/web\[(\d+)\]: info: serving", log.read_text())):
            assert time.monotonic() < give_up
            time.sleep(0.05)
        os.kill(int(found[1]), signal.SIGKILL)
        said = f"estafeta/serve[{process.pid}]: error: web ended with status -9, starting it again"
        while said not in log.read_text() or not answers(web_port):
            assert time.monotonic() < give_up
            time.sleep(0.05)
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("role", ["policy", "milter", "web", "worker"])
def test_a_daemon_without_usable_configuration_ends_with_an_error(role: str, config: Path) -> None:
    config.write_text("hostname: x\n")
    command = [*COMMAND, "--config", str(config), "serve", role]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode in (1, 2)
    assert "estafeta.yaml:1" in done.stderr
    assert "Traceback" not in done.stderr
