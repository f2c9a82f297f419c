import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "estafeta_postfix", "sandbox"]


def test_a_mistake_in_a_persons_configuration_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("hostname: x\nlisteners: {a: {port: 1}}\n")
    done = subprocess.run(
        [*COMMAND, "--config", str(tmp_path / "own.yaml")],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith(f"estafeta: {tmp_path}/own.yaml:")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgres://me@127.0.0.1/mail", "must be postgresql://host/database"),
        ("postgresql:///mail?hots=/run", "is no postgresql://"),
    ],
)
def test_a_mistake_in_the_url_of_a_store_is_told_in_one_line(url: str, told: str) -> None:
    done = subprocess.run([*COMMAND, "--store", url], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert told in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start Postfix")
def test_a_server_that_is_not_there_is_told_without_a_traceback() -> None:
    done = subprocess.run(
        [*COMMAND, "--store", "postgresql://me@127.0.0.1:1/mail"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert "127.0.0.1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_whoever_is_not_root_is_told_so() -> None:
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--clear-groups", *COMMAND],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env={"PATH": os.environ["PATH"], "HOME": "/"},
    )
    if "Permission denied" in done.stderr or "No module named" in done.stderr:
        pytest.skip("the interpreter or the sources are in a folder that is root's own")
    assert done.returncode == 2
    assert "root" in done.stderr
