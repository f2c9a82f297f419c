from pathlib import Path

import pytest

from estafeta_postfix.files import sync, write_bytes, write_text


def test_a_text_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert write_text(path, "one\n", 0o640)
    assert not write_text(path, "one\n", 0o640)
    assert write_text(path, "two\n", 0o640)
    assert path.read_text() == "two\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_permissions_are_set_whether_or_not_the_content_changes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"x", 0o600)
    assert path.stat().st_mode & 0o777 == 0o600
    write_bytes(path, b"x", 0o644)
    assert path.stat().st_mode & 0o777 == 0o644


def test_whoever_has_the_old_file_open_keeps_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old", 0o600)
    with path.open("rb") as reader:
        write_bytes(path, b"new", 0o600)
        assert reader.read() == b"old"


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "target"
    folder.mkdir()
    with pytest.raises(OSError, match="target"):
        write_bytes(folder, b"x", 0o600)  # a folder cannot be replaced by a file
    assert [entry.name for entry in tmp_path.iterdir()] == ["target"]


def test_the_names_in_a_folder_are_brought_to_disk_and_no_file_is_taken_for_one(tmp_path: Path) -> None:
    sync(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        sync(tmp_path / "file")
