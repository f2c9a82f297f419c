"""The recorder: what it says is durable is in the journal or in the store."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from estafeta_core import journal
from estafeta_core.store import Store, open_store
from estafeta_core.store.rows import Message, TokenEvent
from estafeta_testing.journals import catch_up
from estafeta_testing.stored import IDS, make_rows
from estafeta_web import recorder as module
from estafeta_web.journal import Journal
from estafeta_web.metrics import Metrics
from estafeta_web.recorder import Recorder

Work = Callable[[Recorder, Message], Awaitable[None]]


def run(folder: Path, work: Work, metrics: Metrics | None = None) -> list[int]:
    """Do `work` with a recorder; return the ids of what recipients did, once the journal has been read."""
    store = open_store(f"sqlite:///{folder}/estafeta.db", timeout=5)
    rows = make_rows()
    store.record(rows)
    message = rows[1]
    assert isinstance(message, Message)

    async def main() -> None:
        recorder = Recorder(store, Journal(folder / journal.NAME), metrics or Metrics())
        await recorder.start()
        await work(recorder, message)
        await recorder.stop()

    asyncio.run(main())
    catch_up(folder, store)
    found = ids(store)
    store.close()
    return found


def ids(store: Store) -> list[int]:
    return [each.event.event_id for each in store.events(types=["open", "list_unsubscribe"], limit=10_000)]


def opened(message: Message) -> bytes:
    return journal.line_of(TokenEvent(IDS.next(), "open", 5, message.message_id, False))


def left(message: Message) -> TokenEvent:
    return TokenEvent(IDS.next(), "list_unsubscribe", 5, message.message_id, False)


def lock(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / "estafeta.db", isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    return connection


def test_what_is_kept_is_on_the_disk_whatever_the_store_does(tmp_path: Path) -> None:
    async def work(recorder: Recorder, message: Message) -> None:
        held = lock(tmp_path)
        assert all(await asyncio.gather(*(recorder.keep(opened(message), "open") for _ in range(200))))
        assert (tmp_path / journal.NAME).read_bytes().count(b"\n") == 200
        assert recorder.waiting() == len((tmp_path / journal.NAME).read_bytes().rstrip(b"\0"))
        held.close()

    metrics = Metrics()
    found = run(tmp_path, work, metrics)
    assert len(found) == len(set(found)) == 200
    assert b'estafeta_web_events_total{kept="journal",type="open"} 200.0' in metrics.exposition()


def test_what_comes_together_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[int] = []
    append = Journal.append

    def spy(self: Journal, lines: bytes) -> None:
        writes.append(lines.count(b"\n"))
        append(self, lines)

    monkeypatch.setattr(Journal, "append", spy)

    async def work(recorder: Recorder, message: Message) -> None:
        for number in (50, 1, 30):
            await asyncio.gather(*(recorder.keep(opened(message), "open") for _ in range(number)))

    assert len(run(tmp_path, work)) == 81
    assert writes == [50, 1, 30]


def test_an_unsubscribe_is_in_the_store_before_it_is_called_done(tmp_path: Path) -> None:
    async def work(recorder: Recorder, message: Message) -> None:
        assert await recorder.unsubscribe(left(message))
        assert recorder.waiting() == 0
        assert recorder._store.is_suppressed("acme", None, [message.rcpt_to], ["non_transactional"])

    metrics = Metrics()
    assert len(run(tmp_path, work, metrics)) == 1
    assert b'{kept="store",type="list_unsubscribe"} 1.0' in metrics.exposition()


def test_h12_an_unsubscribe_goes_to_the_journal_while_the_store_does_not_answer(tmp_path: Path) -> None:
    async def work(recorder: Recorder, message: Message) -> None:
        held = lock(tmp_path)
        assert await recorder.unsubscribe(left(message))
        assert recorder.waiting() > 0
        held.close()

    metrics = Metrics()
    assert len(run(tmp_path, work, metrics)) == 1
    assert b'{kept="journal",type="list_unsubscribe"} 1.0' in metrics.exposition()


def test_an_unsubscribe_given_up_by_the_wait_but_written_by_the_store_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.0)

    async def work(recorder: Recorder, message: Message) -> None:
        assert await recorder.unsubscribe(left(message))

    assert len(run(tmp_path, work)) == 1


def test_an_unsubscribe_the_store_refuses_is_reported_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(recorder: Recorder, message: Message) -> None:
        refused = TokenEvent(2**63, "list_unsubscribe", 5, message.message_id, False)
        assert not await recorder.unsubscribe(refused)
        assert await recorder.unsubscribe(left(message))

    metrics = Metrics()
    assert len(run(tmp_path, work, metrics)) == 1
    assert b'{kept="lost",type="list_unsubscribe"} 1.0' in metrics.exposition()
    assert "the store refuses it" in caplog.text


def test_k3_what_the_disk_does_not_take_is_reported_lost_and_the_next_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(recorder: Recorder, message: Message) -> None:
        recorder._journal.close()
        recorder._journal.path = tmp_path / "missing" / journal.NAME
        lost = await asyncio.gather(*(recorder.keep(opened(message), "open") for _ in range(3)))
        assert lost == [False] * 3
        recorder._journal.path = tmp_path / journal.NAME
        assert await recorder.keep(opened(message), "open")

    metrics = Metrics()
    assert len(run(tmp_path, work, metrics)) == 1
    assert b'{kept="lost",type="open"} 3.0' in metrics.exposition()
    assert "3 events are lost" in caplog.text


def test_a_bug_in_one_answer_costs_nobody_else_theirs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def work(recorder: Recorder, message: Message) -> None:
        def fail(durable: bool) -> None:
            raise RuntimeError(f"durable: {durable}")

        recorder.add(opened(message), "open", fail)
        assert await recorder.keep(opened(message), "open")

    assert len(run(tmp_path, work)) == 2
    assert "durable: True" in caplog.text


def test_a_file_is_put_aside_when_it_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGE", 0.05)

    async def work(recorder: Recorder, message: Message) -> None:
        await recorder.keep(opened(message), "open")
        async with asyncio.timeout(5):
            while len(journal.files(tmp_path / journal.NAME)) < 2:  # noqa: ASYNC110 - another thread's
                await asyncio.sleep(0.01)
        await recorder.keep(opened(message), "open")

    assert len(run(tmp_path, work)) == 2
    assert len(journal.files(tmp_path / journal.NAME)) == 1  # what has been read is removed
