"""Numbers counted in one process are read in another, and outlive whoever counted them."""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core import board
from estafeta_core.board import Board, Number, Sheet, sheets


class Declared:
    """A board with one metric of each kind."""

    def __init__(self) -> None:
        self.board = Board()
        self.asked = self.board.counter("asked", "Questions.")
        self.logins = self.board.counters("logins", "Logins.", "outcome", ("yes", "no"))
        self.cells = self.board.table("cells", "Pairs.", ("row", "column"), ("a", "b"), ("x", "y"))
        self.waiting = self.board.gauge("waiting", "Waiting.")
        self.seconds = self.board.histogram("seconds", "Time.", (0.1, 1.0))

    def sheets(self, run_dir: Path, damaged: list[Path] | None = None) -> list[Sheet]:
        return list(sheets(run_dir, self.board, (damaged if damaged is not None else []).append))


@pytest.fixture
def declared() -> Iterator[Declared]:
    made = Declared()
    yield made
    made.board.close()


def place(number: Number) -> int:
    return number._place


def test_what_one_process_counts_another_one_reads(declared: Declared, tmp_path: Path) -> None:
    declared.board.open(tmp_path, "milter")
    declared.asked.add(3)
    declared.logins["no"].add()
    declared.cells["b", "x"].add(7)
    declared.waiting.set(2.5)
    for seconds in (0.1, 0.5, 9.0):
        declared.seconds.observe(seconds)
    other = Declared()
    (sheet,) = other.sheets(tmp_path)
    assert (sheet.role, sheet.alive) == ("milter", True)
    assert list(sheet.cells) == [3, 0, 1, 0, 0, 7, 0, 2.5, 1, 1, 1, 9.6]


def test_each_process_of_a_role_has_a_file_of_its_own(tmp_path: Path) -> None:
    one, two = Declared(), Declared()
    one.board.open(tmp_path, "milter")
    two.board.open(tmp_path, "milter")
    one.asked.add()
    two.asked.add(10)
    assert [sheet.cells[0] for sheet in one.sheets(tmp_path)] == [1, 10]
    one.board.close()
    two.board.close()


def test_a_new_process_goes_on_from_what_the_one_before_counted_and_files_stay_few(tmp_path: Path) -> None:
    for _ in range(5):
        made = Declared()
        made.board.open(tmp_path, "policy")
        made.asked.add()
        made.waiting.add()
        made.board.close()
    assert [path.name for path in (tmp_path / "metrics").iterdir()] == ["policy-0"]
    reader = Declared()
    (sheet,) = reader.sheets(tmp_path)
    assert (sheet.alive, sheet.cells[0], sheet.cells[place(reader.waiting)]) == (False, 5, 1)


def test_a_process_that_is_killed_has_lost_nothing_and_forked_children_share_no_file(tmp_path: Path) -> None:
    parent = Declared()
    parent.board.open(tmp_path, "milter")
    parent.asked.add()
    ready, tell = os.pipe()
    child = os.fork()
    if not child:
        parent.asked.add(100)  # before it has a file of its own: for nobody
        parent.board.open(tmp_path, "milter")
        parent.asked.add(5)
        os.write(tell, b"x")
        time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    assert [(sheet.alive, sheet.cells[0]) for sheet in parent.sheets(tmp_path)] == [(True, 1), (True, 5)]
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert [(sheet.alive, sheet.cells[0]) for sheet in parent.sheets(tmp_path)] == [(True, 1), (False, 5)]
    parent.board.close()


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 4096, b"\xff" * 128], ids=len)
def test_a_damaged_file_is_left_out_and_begun_anew_by_whoever_takes_it(
    content: bytes, declared: Declared, tmp_path: Path
) -> None:
    path = tmp_path / "metrics" / "web-0"
    path.parent.mkdir()
    path.write_bytes(content)
    damaged: list[Path] = []
    assert declared.sheets(tmp_path, damaged) == []
    assert damaged == [path]
    declared.board.open(tmp_path, "web")
    declared.asked.add()
    assert [list(sheet.cells)[:2] for sheet in declared.sheets(tmp_path)] == [[1, 0]]


def test_what_is_no_file_is_left_out_too(declared: Declared, tmp_path: Path) -> None:
    (tmp_path / "metrics" / "web-0").mkdir(parents=True)
    (tmp_path / "metrics" / "web-1").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "metrics" / "web-2")
    damaged: list[Path] = []
    assert declared.sheets(tmp_path, damaged) == []
    assert len(damaged) == 3


def test_a_version_that_counts_other_things_begins_the_file_anew(declared: Declared, tmp_path: Path) -> None:
    declared.board.open(tmp_path, "web")
    declared.asked.add(9)
    declared.board.close()
    newer = Declared()
    newer.board.counter("more", "More.")
    assert newer.sheets(tmp_path) == []
    newer.board.open(tmp_path, "web")
    assert [sheet.cells[0] for sheet in newer.sheets(tmp_path)] == [0]
    newer.board.close()


def test_a_folder_that_cannot_be_written_costs_the_metrics_and_nothing_else(
    declared: Declared, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "metrics").write_text("a file stands here")
    with caplog.at_level(logging.WARNING):
        declared.board.open(tmp_path, "web")
    assert "what this process counts is not shown" in caplog.text
    declared.asked.add()
    assert declared.asked.value == 1


def test_roles_do_not_get_more_files_than_there_are_slots(
    declared: Declared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(board, "SLOTS", 1)
    declared.board.open(tmp_path, "web")
    second = Declared()
    second.board.open(tmp_path, "web")
    assert "1 processes of the role web hold a file already" in caplog.text


def test_threads_that_count_at_once_lose_nothing(declared: Declared, tmp_path: Path) -> None:
    declared.board.open(tmp_path, "milter")

    def count() -> None:
        for _ in range(20_000):
            declared.asked.add()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert declared.asked.value == 80_000
