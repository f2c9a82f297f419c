import os
from pathlib import Path

import pytest

from estafeta_postfix.install.parts import Ours
from estafeta_postfix.install.records import BACKUPS, RecordError, Records, State

STATE = State(Ours("a = b\n"), Ours("x unix\n", hook=True), {"t.reject_footer": "text\n"})


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path, Path("/etc/postfix"))


def test_a_change_that_is_going_on_is_remembered_until_its_end(records: Records) -> None:
    with records.locked():
        assert records.interrupted() is None
        records.begin(STATE)
        assert records.interrupted() == STATE
        records.end()
        assert records.interrupted() is None


def test_the_manifest_says_what_is_ours(records: Records) -> None:
    with records.locked():
        records.install(STATE, [{"path": "/etc/postfix/estafeta"}])
        assert records.files() == [{"path": "/etc/postfix/estafeta"}]
        records.uninstall()
        assert records.files() == []


def test_only_one_at_a_time_works_on_an_instance(records: Records, tmp_path: Path) -> None:
    with (
        records.locked(),
        pytest.raises(RecordError, match="another"),
        Records(tmp_path, Path("/etc/postfix")).locked(),
    ):
        pass
    with records.locked(), Records(tmp_path, Path("/etc/postfix-out")).locked():
        pass


def test_nobody_else_may_look_into_the_records(records: Records) -> None:
    with records.locked():
        kept = records.back_up({"main.cf": b"secret = \xff\n"})
        records.begin(STATE)
    assert (kept / "main.cf").read_bytes() == b"secret = \xff\n"
    modes = {path.stat().st_mode & 0o077 for path in records.folder.rglob("*") if path.is_dir()}
    assert modes | {records.folder.stat().st_mode & 0o077} == {0}
    assert (records.folder / "journal.json").stat().st_mode & 0o777 == 0o600


def test_old_backups_go(records: Records) -> None:
    with records.locked():
        kept = [records.back_up({"main.cf": b""}) for _ in range(BACKUPS + 3)]
    assert [path.exists() for path in kept] == [False] * 3 + [True] * BACKUPS


def test_a_folder_that_another_user_has_put_there_is_not_written_to(records: Records, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "postfix").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordError, match="remove it"), records.locked():
        pass
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_not_trusted(records: Records, tmp_path: Path) -> None:
    (tmp_path / "postfix").mkdir()
    os.chown(tmp_path / "postfix", 65534, 65534)
    with pytest.raises(RecordError, match="remove it"), records.locked():
        pass


def test_without_a_state_dir_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is not there"), Records(tmp_path / "no", Path("/c")).locked():
        pass


def test_a_journal_that_cannot_be_read_is_named(records: Records) -> None:
    with records.locked():
        (records.folder / "journal.json").write_text("{")
        with pytest.raises(RecordError, match=r"journal\.json"):
            records.interrupted()
