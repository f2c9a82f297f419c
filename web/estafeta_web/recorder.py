"""Makes an event durable before its answer leaves: in the store, or in the spool while there is none.

While the store answers, the wait is one group commit. When it does not within PATIENCE,
or refuses, the event goes to the spool, and so does everything after it until the spool
has been read back, in order. An event that reached both counts once: its id is given
before it is written anywhere. An unsubscribe brings its suppression along, here and when
it is read back.

Lives in one asyncio loop. The spool's file is touched by one thread of its own, so a
slow disk never stops the loop.
"""

import asyncio
import contextlib
import functools
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from estafeta_core.events import LINK_UNSUBSCRIBE, LIST_UNSUBSCRIBE
from estafeta_core.store import RowsRefused, Store, StoreUnavailable
from estafeta_core.store.rows import Automated, Row, TokenEvent, Unsubscribed
from estafeta_web.automated import BURST
from estafeta_web.metrics import Metrics
from estafeta_web.spool import Spool

PATIENCE = 0.5  # seconds for the store; a recipient's answer is due within one second
REPLAY_PATIENCE = 10.0  # seconds for a batch that is read back
RETRY = 0.5  # seconds between attempts to reach the store

# SparkPost's names for where a suppression comes from.
SOURCES = {LIST_UNSUBSCRIBE: "List Unsubscribe", LINK_UNSUBSCRIBE: "Unsubscribe Link"}

log = logging.getLogger(__name__)
T = TypeVar("T")


def rows_of(event: TokenEvent) -> list[Row]:
    """Return what the store keeps of `event`."""
    source = SOURCES.get(event.type)
    if source is not None:
        return [event, Unsubscribed(event.id, source, event.timestamp)]
    return [event, *(Automated(event_id, BURST) for event_id in event.scanned)]


class Recorder:
    """Takes events, and keeps what it took."""

    def __init__(self, store: Store, spool: Spool, metrics: Metrics) -> None:
        self._store = store
        self._spool = spool
        self._metrics = metrics
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._gathered: list[tuple[TokenEvent, asyncio.Future[bool]]] = []
        self._writing: set[asyncio.Task[None]] = set()
        self._pending: list[tuple[TokenEvent, asyncio.Future[bool]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self._spooled = asyncio.Event()
        self._replaying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the spool and begin to read back what an earlier process left in it."""
        try:
            await self._on_disk(self._spool.open)
        except OSError as error:
            log.error("the spool cannot be opened, tried again when it is needed: %s", error)
        self._replaying = asyncio.create_task(self._replay())

    async def stop(self) -> None:
        """Finish writing; what the store has not taken stays in the spool for the next process."""
        if self._replaying is not None:
            self._replaying.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._replaying
        if self._flushing is not None:
            await self._flushing
        await self._on_disk(self._spool.close)
        self._disk.shutdown()

    @property
    def backlog(self) -> int:
        """Bytes in the spool that the store does not have yet."""
        return self._spool.backlog

    async def record(self, event: TokenEvent) -> bool:
        """Return whether `event` is durable; takes PATIENCE and a write to the disk at most."""
        kept = "lost"
        try:
            if not self.backlog and await self._gather(event):
                kept = "store"
            elif await self._to_spool(event):
                kept = "spool"
        except Exception:  # a bug must not cost recipients their answer
            log.exception("event %d could not be recorded", event.event_id)
        self._metrics.events.labels(event.type, kept).inc()
        return kept != "lost"

    def _gather(self, event: TokenEvent) -> asyncio.Future[bool]:
        """Have `event` written together with all that come in the same turn of the loop."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[bool] = loop.create_future()
        if not self._gathered:
            loop.call_soon(self._write_gathered)
        self._gathered.append((event, done))
        return done

    def _write_gathered(self) -> None:
        batch, self._gathered = self._gathered, []
        task = asyncio.create_task(self._write(batch))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, batch: list[tuple[TokenEvent, asyncio.Future[bool]]]) -> None:
        """Write a batch and tell those who wait whether the store has it; each alone where it is refused."""
        kept = False
        try:
            kept = await self._to_store([row for event, _ in batch for row in rows_of(event)], PATIENCE)
        except RowsRefused as error:
            if len(batch) > 1:
                await asyncio.gather(*(self._write([one]) for one in batch))
            elif not batch[0][1].done():
                batch[0][1].set_exception(error)
        finally:  # whatever happens, nobody waits for ever
            for _, done in batch:
                if not done.done():
                    done.set_result(kept)

    async def store_answers(self) -> bool:
        """Return whether the store can be written to now."""
        return await self._to_store([], PATIENCE)

    async def _to_store(self, rows: Sequence[Row], patience: float) -> bool:
        try:
            await asyncio.wait_for(asyncio.wrap_future(self._store.submit(rows)), patience)
        except (TimeoutError, StoreUnavailable) as error:
            if isinstance(error, RowsRefused):
                raise
            return False
        return True

    async def _to_spool(self, event: TokenEvent) -> bool:
        """Append `event` together with all others that come while the disk is busy."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._pending.append((event, done))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        return await done

    async def _flush(self) -> None:
        try:
            while self._pending:
                batch, self._pending = self._pending, []
                await self._append(batch)
        finally:
            self._flushing = None

    async def _append(self, batch: list[tuple[TokenEvent, asyncio.Future[bool]]]) -> None:
        """Append a batch and tell those who wait whether it is on the disk."""
        kept = False
        try:
            await self._on_disk(functools.partial(self._spool.append, [event for event, _ in batch]))
            kept = True
        except OSError as error:
            log.error("%d events are lost, neither store nor spool takes them: %s", len(batch), error)
        finally:
            for _, done in batch:
                if not done.done():
                    done.set_result(kept)
        self._spooled.set()

    async def _replay(self) -> None:
        """Bring the spool into the store, for as long as the process lives."""
        while True:
            if not self.backlog:
                self._spooled.clear()
                await self._spooled.wait()
                continue
            try:
                done = await self._replay_some()
            except Exception:  # a bug here may delay the spool, never end its reading
                log.exception("reading back the spool failed, tried again")
                done = False
            if not done:
                await asyncio.sleep(RETRY)

    async def _replay_some(self) -> bool:
        events, length = await self._on_disk(self._spool.read)
        rows = [row for event in events for row in rows_of(event)]
        try:
            if not await self._to_store(rows, REPLAY_PATIENCE):
                return False
        except RowsRefused:
            if not await self._replay_apart(events):
                return False
        await self._on_disk(functools.partial(self._spool.advance, length))
        if not self.backlog:
            log.info("the store has everything from the spool")
        return True

    async def _replay_apart(self, events: list[TokenEvent]) -> bool:
        """Write each event by itself, leaving out what the store will never take."""
        for event in events:
            try:
                if not await self._to_store(rows_of(event), REPLAY_PATIENCE):
                    return False
            except RowsRefused as error:
                log.error("event %d in the spool is left out: %s", event.event_id, error)
        return True

    async def _on_disk(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)
