"""The writing end of the journal: on the disk, in order, and never taken back."""

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core import journal as lines
from estafeta_web import journal as module
from estafeta_web.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "web-journal")
    yield made
    made.close()


def contents(journal: Journal) -> list[bytes]:
    """Return what is written in each file, room left out."""
    return [file.read_bytes().rstrip(b"\0") for file in lines.files(journal.path)]


def test_lines_are_appended_in_order(journal: Journal) -> None:
    journal.append(b"1\n2\n")
    journal.append(b"3\n")
    assert contents(journal) == [b"1\n2\n3\n"]
    assert journal.path.stat().st_mode & 0o007 == 0


def test_what_a_predecessor_left_is_put_aside(journal: Journal) -> None:
    journal.append(b"1\n")
    journal.append(b"2\n3")  # it was killed in the middle
    journal.close()
    journal.append(b"4\n")
    assert contents(journal) == [b"1\n2\n3", b"4\n"]


def test_a_predecessor_that_left_nothing_leaves_no_file(journal: Journal) -> None:
    for _ in range(3):
        journal.open()
        journal.turn_over()
        journal.close()
    assert contents(journal) == [b""]


def test_a_full_file_is_put_aside(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FULL", 5)
    for line in (b"12\n", b"34\n", b"56\n", b"78\n", b"90\n"):
        journal.append(line)
    assert contents(journal) == [b"12\n34\n", b"56\n78\n", b"90\n"]


def test_lines_are_kept_though_no_other_file_can_be_begun(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FULL", 5)
    journal.append(b"1\n")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limit[1]))  # no file can be opened
    try:
        journal.append(b"2345\n")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    journal.append(b"6\n")
    assert contents(journal) == [b"1\n2345\n", b"6\n"]


def test_a_file_is_put_aside_when_asked_for_unless_it_is_empty(journal: Journal) -> None:
    journal.append(b"1\n")
    for _ in range(2):
        journal.turn_over()
    journal.append(b"2\n")
    assert contents(journal) == [b"1\n", b"2\n"]


def test_room_is_made_ahead_and_taken_away_with_the_last_line(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROOM", 10)
    sizes = []
    for line in (b"1\n", b"234567\n", b"8\n", b"9" * 20 + b"\n"):
        journal.append(line)
        sizes.append(journal.path.stat().st_size)
    assert sizes == [10, 10, 19, 32]
    assert contents(journal) == [b"1\n234567\n8\n" + b"9" * 20 + b"\n"]
    journal.append(b"0\n")
    journal.turn_over()
    assert lines.files(journal.path)[0].stat().st_size == 34


def test_a_second_process_is_refused_the_same_file(journal: Journal) -> None:
    journal.append(b"1\n")
    second = Journal(journal.path)
    with pytest.raises(BlockingIOError):
        second.append(b"2\n")
    assert contents(journal) == [b"1\n"]
    journal.close()
    second.append(b"2\n")
    assert contents(journal) == [b"1\n", b"2\n"]
    second.close()


def test_k3_after_a_write_that_failed_another_file_is_begun(journal: Journal) -> None:
    journal.append(b"1\n")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            journal.append(b"x" * 100 + b"\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.append(b"3\n")
    assert contents(journal) == [b"1\n" + b"x" * 8, b"3\n"]


def test_a_journal_whose_folder_comes_later_opens_later(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "later" / "web-journal")
    with pytest.raises(FileNotFoundError):
        journal.open()
    (tmp_path / "later").mkdir()
    journal.append(b"1\n")
    assert contents(journal) == [b"1\n"]
    journal.close()
