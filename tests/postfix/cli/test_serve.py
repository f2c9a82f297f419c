import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from estafeta_core import sockets
from estafeta_postfix import ports

COMMAND = [sys.executable, "-m", "estafeta_postfix"]


@pytest.fixture
def here(config: Path) -> Path:
    """The configuration with a group and a port that any test machine has."""
    text = (
        config.read_text() + f"socket_group: root\nweb: {{port: {ports.take(1)[0]}}}\nmilter_processes: 1\n"
    )
    config.write_text(text)
    (config.parent / "run").mkdir()
    (config.parent / "state").mkdir()
    return config


def test_all_daemons_run_under_one_supervisor_until_it_is_told_to_stop(here: Path) -> None:
    process = subprocess.Popen([*COMMAND, "--config", str(here), "serve", "all"], stderr=subprocess.DEVNULL)
    try:
        run_dir = here.parent / "run"
        wanted = [path(run_dir) for path in (sockets.sasl, sockets.policy, sockets.milter)]
        give_up = time.monotonic() + 20
        while not all(path.exists() for path in wanted):
            assert time.monotonic() < give_up
            time.sleep(0.05)
        process.send_signal(signal.SIGHUP)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 5
        process.terminate()
        assert process.wait(20) == 0
        assert not any(os.path.exists(f"/proc/{pid}") for pid in children)  # noqa: PTH110
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("role", ["policy", "milter", "web", "worker"])
def test_a_daemon_without_usable_configuration_ends_with_an_error(role: str, config: Path) -> None:
    config.write_text("hostname: x\n")
    command = [*COMMAND, "--config", str(config), "serve", role]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode in (1, 2)
    assert "estafeta.yaml:1" in done.stderr
    assert "Traceback" not in done.stderr
