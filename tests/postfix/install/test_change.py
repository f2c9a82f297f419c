"""Without a running Postfix; with one: tests/integration/test_install.py."""

import os
from pathlib import Path

import pytest

from estafeta_core.config.schema import Config
from estafeta_postfix.install.change import Installation, InstallError
from estafeta_postfix.install.parts import with_ours
from estafeta_postfix.install.records import State

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Postfix's files are root's")

MAIN = "compatibility_level = 3.6\nmilter_default_action = accept"  # the last line has no end


@pytest.fixture
def installation(config: Config, tmp_path: Path) -> Installation:
    directory = tmp_path / "conf"
    directory.mkdir()
    config.state_dir.mkdir()
    shipped = Path("/usr/share/postfix/master.cf.dist").read_text()
    (directory / "main.cf").write_text(f"{MAIN}\nqueue_directory = {tmp_path}/queue\nmaillog_file =")
    (directory / "master.cf").write_text(shipped)
    return Installation(config, directory)


def texts(installation: Installation) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in installation.directory.rglob("*") if path.is_file()}


def half_installed(installation: Installation) -> None:
    """Leave behind what a run leaves that is killed between main.cf and master.cf."""
    look = installation.look()
    with installation.records.locked():
        installation.records.begin(look.current)
    path = installation.directory / "main.cf"
    path.write_text(with_ours(path.read_text(), look.wanted.main_cf))


def test_a_look_changes_nothing_and_shows_what_would(installation: Installation) -> None:
    before = texts(installation)
    look = installation.look()
    difference = installation.difference(look)
    assert "+qmgr_message_recipient_minimum = 5000\n" in difference
    assert "+  -o cleanup_service_name=estafeta-requeue\n" in difference
    assert "\\ No newline at end of file" in difference
    assert look.current == State()
    assert texts(installation) == before
    assert not installation.records.folder.exists()


def test_with_a_hindrance_nothing_is_written(installation: Installation) -> None:
    before = texts(installation)
    with pytest.raises(InstallError) as raised:
        installation.install(print)
    assert "does `estafeta serve sasl` run" in str(raised.value)
    assert "Postfix does not run" in str(raised.value)
    assert texts(installation) == before


def test_what_was_interrupted_is_undone_where_it_cannot_be_completed(installation: Installation) -> None:
    before = texts(installation)
    half_installed(installation)
    assert texts(installation) != before
    with pytest.raises(InstallError, match="does not run"):
        installation.install(print)
    assert texts(installation) == before
    assert installation.records.interrupted() is None


def test_what_was_interrupted_is_told_and_can_be_taken_out(installation: Installation) -> None:
    before = texts(installation)
    half_installed(installation)
    wrong = installation.wrong(installation.look())
    assert "interrupted" in wrong[0]
    assert installation.uninstall(print)
    assert texts(installation) == before
    assert not installation.uninstall(print)


def test_what_a_killed_run_has_not_yet_renamed_goes_and_an_editors_file_stays(
    installation: Installation,
) -> None:
    before = texts(installation)
    half_installed(installation)
    (installation.directory / ".main.cf.a1b2c3_x").write_text("half")
    (installation.directory / ".main.cf.swp").write_text("an editor's")
    installation.uninstall(print)
    assert texts(installation) == {**before, ".main.cf.swp": b"an editor's"}


def test_a_link_stays_a_link_and_a_mode_a_mode(installation: Installation, tmp_path: Path) -> None:
    main_cf = installation.directory / "main.cf"
    real = main_cf.rename(tmp_path / "kept.cf")
    real.chmod(0o640)
    main_cf.symlink_to(real)
    half_installed(installation)
    installation.uninstall(print)
    assert main_cf.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_directory_without_main_cf_is_named(config: Config, tmp_path: Path) -> None:
    with pytest.raises(InstallError, match=r"main\.cf: No such file"):
        Installation(config, tmp_path).look()
