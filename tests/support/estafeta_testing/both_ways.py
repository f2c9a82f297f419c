"""The web service without a socket: what its connections answer to bytes, the short way and without it."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from uvicorn.server import ServerState

from estafeta_core import journal
from estafeta_core.store import open_store
from estafeta_testing.site import serving
from estafeta_web import short_way
from estafeta_web.app import make_app
from estafeta_web.connection import Connection
from estafeta_web.daemon import Server
from estafeta_web.journal import Journal
from estafeta_web.recorder import Recorder
from estafeta_web.service import Service
from estafeta_web.short_way import ShortWay
from estafeta_web.tracking import Tracking

PROXY = "192.0.2.1"  # where all requests come from; it is trusted

# The answers, whether the connection has ended, and the events.
Outcome = tuple[bytes, bool, list[tuple[Any, ...]]]


class Client(asyncio.Transport):
    """The other end of a connection: what it has been sent, and whether it is still there."""

    def __init__(self) -> None:
        super().__init__({"peername": (PROXY, 5), "sockname": ("192.0.2.2", 80)})
        self.received = b""
        self.closing = False
        self.paused = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Take what is sent, until the end."""
        if not self.closing:
            self.received += data

    def close(self) -> None:
        """Note the end."""
        self.closing = True

    def is_closing(self) -> bool:
        """Return whether this is the end."""
        return self.closing

    def pause_reading(self) -> None:
        """Send nothing more."""
        self.paused = True

    def resume_reading(self) -> None:
        """Send what there is."""
        self.paused = False

    def get_write_buffer_size(self) -> int:
        """Return 0: all is taken at once."""
        return 0


class BothWays:
    """One service, asked the same with the short way and without it."""

    def __init__(self, service: Service, folder: Path) -> None:
        self._service = service
        self._folder = folder
        self._numbers = itertools.count()
        self._config = Server(make_app(service)).config
        self._config.load()
        self._fed = 0

    @contextlib.asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Connection, Client, Journal]]:
        """Yield a new connection and its other end, and the journal of what is asked there."""
        file = Journal(self._folder / f"journal-{next(self._numbers)}")
        recorder = Recorder(self._service.store, file, self._service.metrics)
        self._service.recorder, self._service.tracking = recorder, Tracking()
        await recorder.start()
        state, client = ServerState(), Client()
        connection = Connection(self._config, state, {})
        connection.connection_made(client)
        yield connection, client, file
        connection.connection_lost(None)
        for task in tuple(state.tasks):
            task.cancel()
        await asyncio.gather(*state.tasks, return_exceptions=True)
        await recorder.stop()

    async def settled(self, connection: Connection, client: Client) -> None:
        """Wait until all that can be answered is: what is left over waits for bytes that do not come."""
        quiet = 0
        while quiet < 3:
            before = len(client.received), connection._answer, client.paused
            for _ in range(8):
                await asyncio.sleep(0)
            await self._service.recorder._idle.wait()
            quiet = quiet + 1 if before == (len(client.received), connection._answer, client.paused) else 0

    def differ(self, wire: bytes, *cuts: int) -> str:
        """Return how the two ways differ where bytes arrive cut in pieces; nothing where they do not.

        The short way takes one request after the other; without it, they are given one after the other.
        """
        ends: set[int] = set()
        find = ShortWay.answer

        def spy(way: ShortWay, asked: short_way.Request, host: str) -> object:
            answer = find(way, asked, host)
            if answer is not None:
                ends.add(self._fed - len(asked.rest))
            return answer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ShortWay, "answer", spy)
            short = asyncio.run(self._came_of(wire, set(cuts), set()))
            patch.setattr(short_way, "plain", lambda data: None)
            long = asyncio.run(self._came_of(wire, set(cuts), ends))
        return "" if short == long else f"{wire!r} {cuts}\n  short: {short}\n  long: {long}"

    async def _came_of(self, wire: bytes, cuts: set[int], ends: set[int]) -> Outcome:
        """Return what comes of bytes; at an end they go on when all before it is answered."""
        async with self.connected() as (connection, client, file):
            self._fed = 0
            for end in sorted({*cuts, *ends, len(wire)}):
                while client.paused and not client.closing:
                    await self.settled(connection, client)
                piece, self._fed = wire[self._fed : end], end
                if piece and not client.closing:
                    connection.data_received(piece)
                if end in ends:
                    await self.settled(connection, client)
            await self.settled(connection, client)
        events = map(journal.read, file.path.read_bytes().split(b"\n")[:-1])
        return client.received, client.closing, [(e.type, e.id, e.shared, e.data) for e in events if e]


@contextlib.contextmanager
def both_ways(folder: Path) -> Iterator[BothWays]:
    """Make a service whose journal is in `folder`."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setattr("estafeta_web.journal.ROOM", 0)
        patch.setattr("estafeta_web.recorder.REST", 0.0)
        store = stack.enter_context(contextlib.closing(open_store(f"sqlite:///{folder}/e.db", timeout=5)))
        site = stack.enter_context(serving(folder, store, [f"{PROXY}/32"]))
        yield BothWays(site.service, folder)
