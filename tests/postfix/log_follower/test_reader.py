import os
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from estafeta_core.store.rows import LogPosition
from estafeta_postfix.log_follower.reader import CHUNK, GRACE, LogReader


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Log:
    """A log with its reader, as the follower uses them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.position: LogPosition | None = None
        self.reader = LogReader(path, None, clock=self.clock)

    def write(self, text: bytes, path: Path | None = None) -> None:
        with (path or self.path).open("ab") as file:
            file.write(text)

    def lines(self) -> list[bytes]:
        """Read whatever is there, waiting out the grace after a rename."""
        found: list[bytes] = []
        for _ in range(6):
            while (chunk := self.reader.read()) is not None:
                found += chunk.lines
                self.position = chunk.position
            self.clock.now += GRACE
        return found

    def restart(self) -> None:
        self.reader.close()
        self.reader = LogReader(self.path, self.position, clock=self.clock)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    made = Log(tmp_path / "mail.log")
    yield made
    made.reader.close()


def test_a_log_that_does_not_exist_yet_is_waited_for(log: Log) -> None:
    assert log.lines() == []
    log.write(b"one\n")
    assert log.lines() == [b"one"]


def test_a_line_counts_when_it_is_whole(log: Log) -> None:
    log.write(b"one\ntw")
    assert log.lines() == [b"one"]
    log.write(b"o")
    assert log.lines() == []
    log.write(b"\nthree\n")
    assert log.lines() == [b"two", b"three"]


def test_a_restart_goes_on_where_the_last_whole_line_ended(log: Log) -> None:
    log.write(b"one\ntwo\nthr")
    assert log.lines() == [b"one", b"two"]
    log.restart()
    log.write(b"ee\n")
    assert log.lines() == [b"three"]
    log.restart()
    assert log.lines() == []


def test_a_renamed_log_is_read_to_its_end_first(log: Log) -> None:
    log.write(b"one\n")
    assert log.lines() == [b"one"]
    old = log.path.with_name("mail.log.1")
    log.path.rename(old)
    log.write(b"two\n", old)
    assert log.lines() == [b"two"]
    log.write(b"four\n")
    log.write(b"three\n", old)  # a writer that has not been told yet
    assert log.lines() == [b"three", b"four"]


def test_a_rename_while_nobody_read_loses_nothing(log: Log) -> None:
    log.write(b"one\n")
    log.lines()
    log.write(b"two\n")
    log.path.rename(log.path.with_name("mail.log.1"))
    log.write(b"three\n")
    log.restart()
    assert log.lines() == [b"two", b"three"]


def test_two_renames_while_nobody_read_lose_nothing(log: Log) -> None:
    log.write(b"one\n")
    log.lines()
    log.write(b"two\n")
    log.path.rename(log.path.with_name("mail.log.2"))
    os.utime(log.path.with_name("mail.log.2"), (1000, 1000))
    log.write(b"three\n")
    log.path.rename(log.path.with_name("mail.log.1"))
    os.utime(log.path.with_name("mail.log.1"), (2000, 2000))
    log.write(b"four\n")
    log.restart()
    assert log.lines() == [b"two", b"three", b"four"]


def test_a_truncated_log_begins_anew(log: Log) -> None:
    log.write(b"one\ntwo\n")
    assert log.lines() == [b"one", b"two"]
    shutil.copy(log.path, log.path.with_name("mail.log.1"))
    os.truncate(log.path, 0)
    log.write(b"three\n")
    assert log.lines() == [b"three"]


@pytest.mark.parametrize("after", [b"x\n", b"much longer than what was there before\nand more\n"])
def test_a_log_truncated_while_nobody_read_begins_anew(log: Log, after: bytes) -> None:
    log.write(b"one\ntwo\n")
    log.lines()
    os.truncate(log.path, 0)
    log.write(after)
    log.restart()
    assert log.lines() == after.splitlines()


def test_a_log_whose_predecessor_is_gone_is_read_from_its_start(log: Log) -> None:
    log.write(b"one\n")
    log.lines()
    log.reader.close()
    log.position = LogPosition(str(log.path), 999_999_999, 4)
    log.restart()
    assert log.lines() == [b"one"]


def test_more_than_a_chunk_is_read_in_pieces(log: Log) -> None:
    lines = [b"%06d" % number + b"x" * 90 for number in range(3 * CHUNK // 97)]
    log.write(b"".join(line + b"\n" for line in lines))
    chunk = log.reader.read()
    assert chunk is not None
    assert 0 < len(chunk.lines) < len(lines)
    assert chunk.lines + log.lines() == lines


def test_a_line_longer_than_a_chunk_does_not_stop_the_reader(log: Log) -> None:
    log.write(b"x" * (2 * CHUNK + 5) + b"\nnext\n")
    assert log.lines()[-1] == b"next"


def test_looks_that_find_little_take_little_memory(log: Log) -> None:
    """The worker looks ten times a second, for months."""
    log.write(b"one\n")
    assert log.lines() == [b"one"]
    log.write(b"two\n")
    tracemalloc.start()
    try:
        assert log.lines() == [b"two"]
        assert tracemalloc.get_traced_memory()[1] < CHUNK // 8
    finally:
        tracemalloc.stop()


def test_a_compressed_file_is_never_opened(log: Log) -> None:
    log.write(b"one\n")
    log.lines()
    log.path.with_name("mail.log.2.gz").write_bytes(b"two\n")
    log.path.rename(log.path.with_name("mail.log.1"))
    log.write(b"three\n")
    assert log.lines() == [b"three"]
