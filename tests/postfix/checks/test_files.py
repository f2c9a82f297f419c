import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from estafeta_postfix.checks.files import look
from estafeta_postfix.checks.setup import Setup

from .conftest import known

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")

Look = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def told(setup: Setup, tmp_path: Path) -> Look:
    """Return what is found where everything belongs to a user of the daemons' own."""
    for name in ("run", "state"):
        (tmp_path / name).mkdir()
    (tmp_path / "mail.log").write_text("")
    (tmp_path / "estafeta.db").write_text("")
    (tmp_path / "estafeta.db").chmod(0o640)
    for path in (tmp_path, *tmp_path.rglob("*")):
        shutil.chown(path, "nobody")
    for folder in (tmp_path, *tmp_path.parents):
        if folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | 0o011)
    return lambda: [(each.code, Path(each.subject).name) for each in look(Setup(setup.path))]


def test_what_belongs_to_the_daemons_is_right(told: Look) -> None:
    assert told() == []


@pytest.mark.parametrize("name", ["link.key", "estafeta.yaml", "acme.yaml", "run", "estafeta.db"])
def test_b17_what_is_closed_to_the_daemons_is_named(told: Look, tmp_path: Path, name: str) -> None:
    (path,) = tmp_path.rglob(name)
    shutil.chown(path, "root", "root")
    path.chmod(0o700)
    assert told() == [("file-closed", name)]


def test_a_folder_on_the_way_counts(told: Look, tmp_path: Path) -> None:
    shutil.chown(tmp_path / "accounts.d", "root", "root")
    (tmp_path / "accounts.d").chmod(0o700)
    assert told() == [("file-closed", "acme.yaml")]


def test_keys_that_others_can_read_or_guess_are_told(told: Look, tmp_path: Path) -> None:
    (tmp_path / "link.key").chmod(0o644)
    assert told() == [("signing-key-readable", "link.key")]
    (tmp_path / "link.key").chmod(0o600)
    (tmp_path / "link.key").write_text("a" * 64)
    assert told() == [("signing-key-weak", "link.key")]


def test_a_store_that_others_can_read_is_told(told: Look, tmp_path: Path) -> None:
    (tmp_path / "estafeta.db").chmod(0o644)
    assert told() == [("store-readable", "estafeta.db")]


def test_folders_that_are_not_there_are_told_where_something_runs(setup: Setup) -> None:
    known(setup, idle=True)
    assert list(look(setup)) == []
    known(setup, idle=False)
    assert [(each.code, each.severity) for each in look(setup)] == [("folder-missing", "error")] * 2


def test_the_folder_that_hosts_share_has_to_be_mounted(told: Look, setup: Setup) -> None:
    setup.path.write_text(setup.path.read_text() + "hosting: {shared: true}\n")
    assert told() == [("hosted-not-mounted", "hosted")]
