"""Makes an event durable before its answer leaves: in the journal, or for an unsubscribe in the store.

What recipients do is appended to the journal, and the worker brings it from there into the store. While one
batch of lines reaches the disk, the next is gathered; everybody in a batch waits for the same write. An
unsubscribe is written to the store itself, with its suppression, so that it counts for the next message; when
the store does not take it within PATIENCE it goes to the journal as well. An event that reached both counts
once: its id is given before it is written anywhere.

Lives in one asyncio loop. The journal's file is touched by one thread of its own, so a slow disk never stops
the loop.
"""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from estafeta_core import journal
from estafeta_core.store import RowsRefused, Store, StoreUnavailable
from estafeta_core.store.rows import Row, TokenEvent
from estafeta_web.journal import Journal
from estafeta_web.metrics import Metrics

PATIENCE = 0.5  # seconds for the store; a recipient's answer is due within one second
# Seconds of rest between two writes, unless MANY lines wait for the next: each costs hand-overs between
# threads and a turn of the disk, and many small ones take longer than few large ones for everybody.
REST = 0.002
MANY = 32
AGE = 600.0  # seconds after which a file is put aside, full or not, and removed: it holds addresses

log = logging.getLogger(__name__)

# A line, the type of its event, and who waits to be told whether it is durable.
_Waiting = tuple[bytes, str, Callable[[bool], None]]


class Recorder:
    """Takes events, and keeps what it took."""

    def __init__(self, store: Store, file: Journal, metrics: Metrics, name: str | None = None) -> None:
        """Take the journal, and the `name` that the store knows it by, if that is not its path."""
        self._name = name or str(file.path)
        self._store = store
        self._journal = file
        self._metrics = metrics
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._gathered: list[_Waiting] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self._writing = False
        self._rested = 0.0
        self._soon: asyncio.Handle | None = None
        self._turning: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the journal."""
        try:
            await self._on_disk(self._journal.open)
        except OSError as error:
            log.error("the journal cannot be opened, tried again when it is needed: %s", error)
        self._turning = asyncio.create_task(self._turn_over())

    async def stop(self) -> None:
        """Finish writing; what the store has not yet is the worker's."""
        if self._turning is not None:
            self._turning.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._turning
        await self._idle.wait()
        await self._on_disk(self._journal.close)
        self._disk.shutdown()

    def waiting(self) -> int:
        """Return how many bytes of the journal the store has not; StoreUnavailable, OSError."""
        return journal.waiting(self._journal.path, self._store.log_position(self._name))

    async def store_answers(self) -> bool:
        """Return whether the store can be written to now."""
        return await self._to_store([])

    async def unsubscribe(self, event: TokenEvent) -> bool:
        """Return whether `event` is durable; takes PATIENCE and a write to the disk at most."""
        try:
            if await self._to_store(journal.rows(event)):
                self._metrics.events.labels(event.type, "store").inc()
                return True
        except RowsRefused as error:
            log.error("event %d is lost, the store refuses it: %s", event.event_id, error)
            self._metrics.events.labels(event.type, "lost").inc()
            return False
        return await self.keep(journal.line_of(event), event.type)

    async def keep(self, line: bytes, kind: str) -> bool:
        """Return whether the line of an event of this kind is on the disk."""
        kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.add(line, kind, lambda durable: None if kept.done() else kept.set_result(durable))
        return await kept

    def add(self, line: bytes, kind: str, done: Callable[[bool], None]) -> None:
        """Have a line written, and `done` called with whether it is on the disk."""
        self._gathered.append((line, kind, done))
        if self._writing:
            return
        if self._soon is None:
            self._write_soon()
        elif len(self._gathered) == MANY:
            self._soon.cancel()
            self._soon = asyncio.get_running_loop().call_soon(self._write)

    def _write_soon(self) -> None:
        """Write what is gathered until then: at the end of this turn of the loop, or after the rest."""
        self._idle.clear()
        loop = asyncio.get_running_loop()
        self._soon = loop.call_later(max(0.0, self._rested - loop.time()), self._write)

    def _write(self) -> None:
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        self._writing = True
        batch, self._gathered = self._gathered, []
        self._disk.submit(self._append, batch, asyncio.get_running_loop())

    def _append(self, batch: list[_Waiting], loop: asyncio.AbstractEventLoop) -> None:
        """Write a batch, in the disk's thread, and tell the loop: once for all who wait."""
        durable = False
        try:
            self._journal.append(b"".join([line for line, _, _ in batch]))
            durable = True
        except OSError as error:
            log.error("%d events are lost, the journal cannot be written: %s", len(batch), error)
        except Exception:  # a bug costs the record and nobody his answer
            log.exception("%d events are lost by a bug", len(batch))
        loop.call_soon_threadsafe(self._written, batch, durable)

    def _written(self, batch: list[_Waiting], durable: bool) -> None:
        self._writing = False
        self._rested = asyncio.get_running_loop().time() + REST
        if len(self._gathered) >= MANY:
            self._write()
        elif self._gathered:
            self._write_soon()
        else:
            self._idle.set()
        kept = "journal" if durable else "lost"
        for kind, number in Counter([kind for _, kind, _ in batch]).items():
            self._metrics.events.labels(kind, kept).inc(number)
        for _, _, done in batch:
            try:
                done(durable)
            except Exception:  # a bug must not cost the others their answer
                log.exception("a request could not be answered")

    async def _turn_over(self) -> None:
        while True:
            await asyncio.sleep(AGE)
            try:
                await self._on_disk(self._journal.turn_over)
            except OSError as error:
                log.error("the journal cannot be put aside, tried again: %s", error)

    async def _to_store(self, rows: list[Row]) -> bool:
        try:
            await asyncio.wait_for(asyncio.wrap_future(self._store.submit(rows)), PATIENCE)
        except (TimeoutError, StoreUnavailable) as error:
            if isinstance(error, RowsRefused):
                raise
            return False
        return True

    async def _on_disk(self, work: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._disk, work)
