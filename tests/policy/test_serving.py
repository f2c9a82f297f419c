import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from estafeta_policy import serving


class Greeting(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"hello")
        transport.close()


async def hello(path: Path) -> bytes:
    reader, writer = await asyncio.open_unix_connection(str(path))
    said = await reader.read()
    writer.close()
    return said


@pytest.fixture
def own(tmp_path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(tmp_path / "own.sock"))
    return made


def test_it_answers_reloads_and_ends_when_nothing_is_in_hand(own: socket.socket, tmp_path: Path) -> None:
    reloads = []

    async def run() -> None:
        idle = asyncio.Event()
        running = asyncio.create_task(
            serving.until_told(own, Greeting, idle, drain=20, reload=lambda: reloads.append(1))
        )
        await asyncio.sleep(0.05)
        assert await hello(tmp_path / "own.sock") == b"hello"
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.1)
        assert not running.done()  # something is in hand
        with pytest.raises(OSError, match="refused"):
            await hello(tmp_path / "own.sock")
        idle.set()
        await asyncio.wait_for(running, 5)

    asyncio.run(run())
    assert reloads == [1]


def test_it_waits_for_what_is_in_hand_no_longer_than_it_may(own: socket.socket) -> None:
    async def run() -> None:
        running = asyncio.create_task(
            serving.until_told(own, Greeting, asyncio.Event(), drain=0.1, reload=lambda: None)
        )
        await asyncio.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.wait_for(running, 5)

    asyncio.run(run())
