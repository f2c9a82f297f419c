"""Lines of the journal: what is written is read, and nothing else."""

import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from estafeta_core import journal
from estafeta_core.store.rows import Automated, LogPosition, TokenEvent, Unsubscribed

BURST = TokenEvent(3, "click", 1003, 7, True, {"target_link_url": 'https://e.x/ñ\u2028\n"'}, (1, 2))
LEFT = TokenEvent(4, "list_unsubscribe", 1004, 7, False, {"user_agent": "Mail"})


@pytest.mark.parametrize("event", [BURST, LEFT, TokenEvent(1, "open", 0, 0, False)])
def test_an_event_comes_back_from_its_line(event: TokenEvent) -> None:
    line = journal.line_of(event)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert journal.read(line[:-1]) == event


def test_a_line_that_is_torn_or_damaged_anywhere_is_none() -> None:
    line = journal.line_of(BURST)[:-1]
    for place in range(len(line)):
        assert journal.read(line[:place]) is None
        assert journal.read(line[:place] + b"\0" + line[place + 1 :]) is None


@pytest.mark.parametrize(
    "values",
    [
        b"{}",
        b"[]",
        b"[" * 100_000,
        b'[1,"click",5,7,false,{}]',
        b'[9223372036854775808,"click",5,7,false,{},[]]',
        b'[1,"click",5,18446744073709551615,false,{},[]]',
        b'[1,"click",5,7,false,{},[-1]]',
        b'[1,"click",5,7,false,{},["1"]]',
        b'[1,"click",true,7,false,{},[]]',
        b'[1,"click",5,7,false,[],[]]',
        b'[1,"delivery",5,7,false,{},[]]',
        b'[1,["click"],5,7,false,{},[]]',
        b'[1,"\xff",5,7,false,{},[]]',
    ],
)
def test_what_the_store_could_never_take_is_none(values: bytes) -> None:
    assert journal.read(b"%08x %b" % (zlib.crc32(values), values)) is None


@given(st.binary(max_size=300))
def test_anything_else_is_none(text: bytes) -> None:
    assert journal.read(text) is None


def test_an_unsubscribe_brings_its_suppression_and_a_burst_its_earlier_clicks() -> None:
    assert journal.rows(LEFT) == [LEFT, Unsubscribed(7, "List Unsubscribe", 1004)]
    assert journal.rows(BURST) == [BURST, Automated(1, "burst"), Automated(2, "burst")]


def test_what_waits_is_all_that_lies_behind_the_position(tmp_path: Path) -> None:
    path = tmp_path / "web-journal"
    assert journal.waiting(path, None) == 0
    files = [tmp_path / "web-journal.1", tmp_path / "web-journal.2", path]
    for file, size in zip(files, (100, 20, 3), strict=True):
        file.write_bytes(b"x" * size)
    assert journal.files(path) == files
    assert journal.waiting(path, None) == 123
    inodes = [file.stat().st_ino for file in files]
    for inode, offset, waiting in zip(inodes, (40, 20, 1), (83, 3, 2), strict=True):
        assert journal.waiting(path, LogPosition(str(path), inode, offset)) == waiting
    assert journal.waiting(path, LogPosition(str(path), 0, 50)) == 123
    with path.open("ab") as opened:
        opened.write(bytes(journal.ROOM - 1))
    assert journal.waiting(path, None) == 123
