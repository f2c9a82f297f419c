import asyncio
import socket

from estafeta_policy.connection import Connection

BLOCK = b"x" * 65536


class Echo(Connection):
    """Answers each read with a block, whether or not anybody takes it."""

    def __init__(self) -> None:
        self.read = 0

    def data_received(self, data: bytes) -> None:
        self.read += 1
        self.transport.write(BLOCK)


def test_a_peer_that_takes_no_answers_is_not_read_from() -> None:
    async def flood() -> tuple[int, int]:
        ours, theirs = socket.socketpair(socket.AF_UNIX)
        loop = asyncio.get_running_loop()
        _, echo = await loop.create_connection(Echo, sock=ours)
        theirs.setblocking(False)
        for _ in range(500):
            try:
                theirs.send(b"y")
            except BlockingIOError:
                break
            await asyncio.sleep(0)
        stopped = echo.read
        for _ in range(20_000):
            try:
                theirs.recv(1 << 20)
            except BlockingIOError:
                await asyncio.sleep(0.001)
                if echo.transport.get_write_buffer_size() == 0 and echo.read > stopped:
                    break
        echo.transport.close()
        theirs.close()
        return stopped, echo.read

    stopped, at_last = asyncio.run(flood())
    assert stopped < 20  # a socket's buffer and the transport's high-water mark hold a few blocks
    assert at_last > stopped
