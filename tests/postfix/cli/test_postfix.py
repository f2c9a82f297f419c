import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from estafeta_postfix.cli.postfix import command
from estafeta_postfix.install.server import default_directory

Run = Callable[..., Result]


@pytest.fixture
def directory(config: Path) -> Path:
    """An instance whose listener's port has no certificate."""
    folder = config.parent / "conf"
    folder.mkdir()
    (folder / "main.cf").write_text(f"compatibility_level = 3.6\nqueue_directory = {config.parent}/queue\n")
    (folder / "master.cf").write_bytes(Path("/usr/share/postfix/master.cf.dist").read_bytes())
    return folder


def test_diff_shows_what_install_would_change_and_what_stands_in_the_way(run: Run, directory: Path) -> None:
    ran = run("postfix", "diff", "--config-directory", str(directory))
    assert ran.exit_code == 1
    assert f"+++ {directory}/master.cf" in ran.stdout
    assert "hindrance: listeners.a uses TLS, and main.cf names no certificate" in ran.stderr


def test_status_says_that_nothing_is_installed(run: Run, directory: Path) -> None:
    ran = run("postfix", "status", "--config-directory", str(directory), "--json")
    assert ran.exit_code == 1
    assert json.loads(ran.stdout)["wrong"] == ["not installed"]


def test_an_instance_that_cannot_be_read_is_one_line(run: Run, tmp_path: Path) -> None:
    ran = run("postfix", "diff", "--config-directory", str(tmp_path))
    assert "main.cf: No such file or directory" in str(ran.exception)


def test_the_verbs_are_these() -> None:
    assert list(command.commands) == ["diff", "install", "uninstall", "status"]
    assert default_directory().is_absolute()
