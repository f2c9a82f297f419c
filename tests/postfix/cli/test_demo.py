import subprocess
import sys
from pathlib import Path

import pytest


def test_the_demonstration_succeeds_and_shows_what_it_did() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "estafeta_postfix", "demo"],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout
    assert done.stdout.count("✓") >= 20
    assert "Everything was as it should be" in done.stdout


@pytest.mark.parametrize("text", ["", "[]", '{"web": "http://localhost:8025"}'])
def test_a_file_that_describes_nothing_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "running.json"
    file.write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "estafeta_postfix", "demo", "--running", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{file} is not the line that `estafeta sandbox --json` prints" in done.stderr
