"""The recorder: every event it took is in the store once, whatever happened in between."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from estafeta_web.spool import Spool

from estafeta_core.store import RowsRefused, Store, open_store
from estafeta_core.store.rows import Message, TokenEvent
from estafeta_testing.stored import IDS, make_rows
from estafeta_web import recorder as module
from estafeta_web.metrics import Metrics
from estafeta_web.recorder import Recorder

Work = Callable[[Recorder, Store, Message], Awaitable[None]]


def run(folder: Path, work: Work, metrics: Metrics | None = None) -> list[int]:
    """Do `work` with a recorder, and return the ids of all opens in the store afterwards."""
    store = open_store(f"sqlite:///{folder}/estafeta.db", timeout=5)
    rows = make_rows()
    store.record(rows)
    message = rows[1]
    assert isinstance(message, Message)

    async def main() -> None:
        recorder = Recorder(store, Spool(folder / "spool"), metrics or Metrics())
        await recorder.start()
        await work(recorder, store, message)
        await recorder.stop()

    asyncio.run(main())
    found = [each.event.event_id for each in store.events(types=["open"], limit=10_000)]
    store.close()
    return found


def event(message: Message) -> TokenEvent:
    return TokenEvent(IDS.next(), "open", 5, message.message_id, False)


async def until_empty(recorder: Recorder) -> None:
    async with asyncio.timeout(10):
        while recorder.backlog:  # noqa: ASYNC110 - what is watched is another thread's
            await asyncio.sleep(0.01)


def lock(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "estafeta.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    return connection


def test_an_event_goes_straight_to_a_store_that_answers(tmp_path: Path) -> None:
    async def work(recorder: Recorder, store: Store, message: Message) -> None:
        assert await recorder.record(event(message))
        assert recorder.backlog == 0

    metrics = Metrics()
    assert len(run(tmp_path, work, metrics)) == 1
    assert b'estafeta_web_events_total{kept="store",type="open"} 1.0' in metrics.exposition()


def test_h12_events_during_a_fault_are_in_the_store_once_when_it_is_over(tmp_path: Path) -> None:
    async def work(recorder: Recorder, store: Store, message: Message) -> None:
        held = lock(tmp_path)
        assert all(await asyncio.gather(*(recorder.record(event(message)) for _ in range(200))))
        assert recorder.backlog > 0
        held.execute("ROLLBACK")
        held.close()
        assert all(await asyncio.gather(*(recorder.record(event(message)) for _ in range(50))))
        await until_empty(recorder)

    metrics = Metrics()
    found = run(tmp_path, work, metrics)
    assert len(found) == len(set(found)) == 250
    assert b'kept="lost"' not in metrics.exposition()
    assert b'kept="spool"' in metrics.exposition()


def test_h12_events_come_out_of_the_spool_in_the_order_they_came(tmp_path: Path) -> None:
    order: list[int] = []

    async def work(recorder: Recorder, store: Store, message: Message) -> None:
        submit = store.submit

        def spy(rows):  # type: ignore[no-untyped-def] # stands in for a method
            order.extend(row.event_id for row in rows)
            return submit(rows)

        store.submit = spy  # type: ignore[method-assign] # a store of this test alone
        held = lock(tmp_path)
        events = [event(message) for _ in range(20)]
        for each in events:
            await recorder.record(each)
        held.execute("ROLLBACK")
        held.close()
        await until_empty(recorder)
        assert list(dict.fromkeys(order)) == [each.event_id for each in events]

    assert len(run(tmp_path, work)) == 20


def test_what_a_killed_process_left_in_the_spool_is_read_back_once(tmp_path: Path) -> None:
    left: list[TokenEvent] = []

    async def leave(recorder: Recorder, store: Store, message: Message) -> None:
        left.extend(event(message) for _ in range(10))
        assert await recorder.record(left[0])  # this one reached the store as well
        spool = Spool(tmp_path / "left")
        spool.append(left)
        spool.close()

    assert len(run(tmp_path, leave)) == 1
    (tmp_path / "left").rename(tmp_path / "spool")

    async def read_back(recorder: Recorder, store: Store, message: Message) -> None:
        await until_empty(recorder)

    assert sorted(run(tmp_path, read_back)) == sorted(each.event_id for each in left)


def test_an_event_the_store_never_takes_does_not_stop_the_spool(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(recorder: Recorder, store: Store, message: Message) -> None:
        held = lock(tmp_path)
        await recorder.record(event(message))
        await recorder.record(TokenEvent(2**63, "open", 5, message.message_id, False))
        await recorder.record(event(message))
        held.execute("ROLLBACK")
        held.close()
        await until_empty(recorder)

    assert len(run(tmp_path, work)) == 2
    assert "is left out" in caplog.text


def test_a_bug_or_a_refusal_loses_one_event_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(recorder: Recorder, store: Store, message: Message) -> None:
        def refuse(rows: object) -> None:
            raise RowsRefused("never")

        with monkeypatch.context() as patched:
            patched.setattr(store, "submit", refuse)
            assert not await recorder.record(event(message))
        assert await recorder.record(event(message))

    metrics = Metrics()
    assert len(run(tmp_path, work, metrics)) == 1
    assert b'estafeta_web_events_total{kept="lost",type="open"} 1.0' in metrics.exposition()
    assert "could not be recorded" in caplog.text


def test_where_neither_store_nor_spool_takes_it_an_event_is_reported_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(recorder: Recorder, store: Store, message: Message) -> None:
        recorder._spool.close()
        recorder._spool._path = tmp_path / "missing" / "spool"
        held = lock(tmp_path)
        answers = await asyncio.gather(*(recorder.record(event(message)) for _ in range(3)))
        assert answers == [False] * 3
        held.execute("ROLLBACK")
        held.close()
        assert await recorder.record(event(message))

    assert len(run(tmp_path, work)) == 1
    assert "neither store nor spool" in caplog.text


def test_an_event_given_up_by_the_wait_but_written_by_the_store_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)

    async def work(recorder: Recorder, store: Store, message: Message) -> None:
        for _ in range(50):
            assert await recorder.record(event(message))
        await until_empty(recorder)

    found = run(tmp_path, work)
    assert len(found) == len(set(found)) == 50


def test_events_of_one_moment_are_written_together_and_one_refused_alone_is_lost(
    tmp_path: Path,
) -> None:
    async def work(recorder: Recorder, store: Store, message: Message) -> None:
        written = []
        submit = store.submit
        store.submit = lambda rows: (written.append(len(rows)), submit(rows))[1]  # type: ignore[method-assign, func-returns-value]
        assert await asyncio.gather(*(recorder.record(event(message)) for _ in range(50))) == [True] * 50
        assert written == [50]
        bad = TokenEvent(IDS.next(), "open", 5, message.message_id, False, {"n": float("nan")})
        answers = await asyncio.gather(*map(recorder.record, (event(message), bad, event(message))))
        assert answers == [True, False, True]

    assert len(run(tmp_path, work)) == 52
