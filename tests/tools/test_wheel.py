"""The wheel, installed with pipx as on a developer's machine."""

import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from estafeta_core.secrets import KEY_LENGTH

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def estafeta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the command that `pipx install` has made of the wheel and PyPI's newest dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    python = [sys.executable, "-m"]
    build = [
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        f"--wheel-dir={folder}",
        str(ROOT),
    ]
    subprocess.run([*python, *build], check=True, timeout=120)
    [wheel] = folder.glob("estafeta-*-py3-none-any.whl")
    environment = {**os.environ, "PIPX_HOME": str(folder / "home"), "PIPX_BIN_DIR": str(folder / "bin")}
    environment |= {"PIPX_MAN_DIR": str(folder / "man"), "PIPX_COMPLETION_DIR": str(folder / "completions")}
    installed = subprocess.run(
        [*python, "pipx", "install", str(wheel)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert installed.returncode == 0, installed.stdout + installed.stderr
    return folder / "bin" / "estafeta"


def said(*command: str | Path, status: int = 0) -> str:
    """Return what a command says, run with nothing of this environment's; its exit status is checked."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60, cwd="/"
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def test_it_is_one_command_with_everything_in_it(estafeta: Path, tmp_path: Path) -> None:
    assert "0.1.0" in said(estafeta, "--version")
    assert "--accounts" in said(estafeta, "sandbox", "--help")
    own = (estafeta, "--config", tmp_path / "estafeta.yaml")
    assert "cannot be read" in said(*own, "check", status=1)
    for name in ("accounts.d", "keys"):
        (tmp_path / name).mkdir()
    (tmp_path / "keys" / "link-2026.key").write_text("0" * 64)
    sample = resources.files("estafeta_postfix") / "samples" / "estafeta.yaml"
    (tmp_path / "estafeta.yaml").write_text(sample.read_text())
    said(*own, "account", "create", "acme", "--dialect", "sparkpost", "--domain", "acme.example")
    assert len(said(*own, "key", "create", "acme/main").strip()) == KEY_LENGTH
