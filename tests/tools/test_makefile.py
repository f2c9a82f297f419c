"""The Makefile as a person meets it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def make(*argv: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    # Under `make test` the variables of that make would reach this one and change what it prints.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    argv = ("make", "--no-print-directory", *argv)
    return subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("target", ["demo", "test", "sandbox", "check", "bench"])
def test_bare_make_lists_the_command_and_runs_nothing(target: str) -> None:
    done = make()
    assert done.returncode == 0
    assert [line.split()[1] for line in done.stdout.splitlines()].count(target) == 1


def test_a_second_run_has_nothing_to_install(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy2(ROOT / name, tmp_path)
    (tmp_path / "tools" / "venv.sh").write_text("#!/bin/sh\nmkdir -p .venv\necho installed\n")
    assert make(".venv/.ready", cwd=tmp_path).stdout == "installed\n"
    assert "installed" not in make(".venv/.ready", cwd=tmp_path).stdout
    (tmp_path / "tools" / "lock" / "venv.txt").touch()
    assert make(".venv/.ready", cwd=tmp_path).stdout == "installed\n"


def test_an_unfit_python_is_named_before_anything_is_made(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    old = tmp_path / "python3.9"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    argv = [str(tmp_path / "tools" / "venv.sh")]
    env = {**os.environ, "PYTHON": str(old)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"{old} is not" in done.stderr
    assert not (tmp_path / ".venv").exists()
