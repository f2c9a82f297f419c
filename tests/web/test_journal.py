"""The spool: on the disk, in order, whole lines only."""

import errno
import os
import resource
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from estafeta_web.spool import CHUNK, Spool
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estafeta_core.store.rows import TokenEvent


def event(number: int, **data: str) -> TokenEvent:
    return TokenEvent(number, "click", 1000 + number, 7, number % 2 == 0, data)


def everything(spool: Spool) -> list[TokenEvent]:
    found: list[TokenEvent] = []
    while spool.backlog:
        events, length = spool.read()
        found += events
        spool.advance(length)
    return found


def test_events_come_back_in_order_and_the_file_is_emptied(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    events = [event(number, target_link_url="https://example.com/ñ\u2028\n") for number in range(5)]
    spool.append(events[:2])
    spool.append(events[2:])
    assert spool.backlog == (tmp_path / "spool").stat().st_size > 0
    assert everything(spool) == events
    assert (tmp_path / "spool").stat().st_size == 0
    spool.append(events[:1])
    assert everything(spool) == events[:1]
    spool.close()


def test_h7_what_an_event_shows_of_earlier_ones_comes_back_with_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    burst = replace(event(3), scanned=(1, 2), data={"automated": "burst"})
    spool.append([burst])
    assert everything(spool) == [burst]
    spool.close()


def test_a_line_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    text = b'[1,"click",1001,7,false,{}]'
    (tmp_path / "spool").write_bytes(b"%08x %s\n" % (zlib.crc32(text), text))
    spool = Spool(tmp_path / "spool")
    spool.open()
    assert everything(spool) == [event(1)]
    spool.close()


def test_what_was_appended_is_there_for_the_next_process(tmp_path: Path) -> None:
    first = Spool(tmp_path / "spool")
    first.append([event(1), event(2)])
    first.read()
    first.close()
    second = Spool(tmp_path / "spool")
    second.open()
    assert everything(second) == [event(1), event(2)]
    second.close()


def test_what_is_appended_while_reading_is_read_afterwards(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.append([event(1)])
    events, length = spool.read()
    spool.append([event(2)])
    spool.advance(length)
    assert events == [event(1)]
    assert everything(spool) == [event(2)]
    spool.close()


def test_more_than_a_chunk_is_read_in_pieces(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    events = [event(number, target_link_url="x" * 4096) for number in range(200)]
    spool.append(events)
    assert spool.backlog > 2 * CHUNK
    assert everything(spool) == events
    spool.close()


def test_a_torn_last_line_is_cut_off_wherever_it_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    spool = Spool(path)
    spool.append([event(1)])
    whole = path.stat().st_size
    spool.append([event(2)])
    spool.close()
    data = path.read_bytes()
    for end in range(whole, len(data)):
        path.write_bytes(data[:end])
        torn = Spool(path)
        torn.append([event(3)])
        assert everything(torn) == [event(1), event(3)]
        torn.close()


def test_a_damaged_line_is_left_out_and_the_rest_is_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "spool"
    spool = Spool(path)
    spool.append([event(1), event(2), event(3)])
    spool.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"\0" * (len(lines[1]) - 1) + b"\n" + lines[2])
    spool = Spool(path)
    spool.open()
    assert everything(spool) == [event(1), event(3)]
    assert "damaged line" in caplog.text
    spool.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100, deadline=None)
@given(st.binary(max_size=2000))
def test_a_file_of_anything_raises_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "spool").write_bytes(data)
    spool = Spool(tmp_path / "spool")
    spool.open()
    assert everything(spool) == []
    spool.close()


def test_a_second_process_is_refused_the_same_file(tmp_path: Path) -> None:
    first, second = Spool(tmp_path / "spool"), Spool(tmp_path / "spool")
    first.append([event(1)])
    with pytest.raises(BlockingIOError):
        second.append([event(2)])
    first.close()
    second.append([event(2)])
    assert everything(second) == [event(1), event(2)]
    second.close()


def test_k3_a_write_that_fails_leaves_nothing_behind_and_the_next_one_works(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.append([event(1)])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (spool.backlog + 50, limits[1]))
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
            spool.append([event(2, target_link_url="x" * 100)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert spool.backlog == (tmp_path / "spool").stat().st_size
    spool.append([event(3)])
    assert everything(spool) == [event(1), event(3)]
    spool.close()


def test_a_spool_whose_folder_comes_later_opens_later(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "later" / "spool")
    with pytest.raises(FileNotFoundError):
        spool.open()
    assert spool.read() == ([], 0)
    (tmp_path / "later").mkdir()
    spool.append([event(1)])
    assert everything(spool) == [event(1)]
    spool.close()
