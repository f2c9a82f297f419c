"""The SMTP client: sessions kept open, each sending one message after the other, in one thread.

Every contender is driven by this same client, which costs about a tenth of a
millisecond a message: MAIL, RCPT and DATA go in one packet (RFC 2920), as every
contender announces PIPELINING. A reply other than the one expected ends the run.
"""

import base64
import selectors
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.messages import numbered


class UnexpectedReplyError(Exception):
    """A server refused something; the text is its reply."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where to send, and as whom; without a user name nobody logs in."""

    port: int
    username: str = ""
    password: str = ""
    sender: str = "bench@acme.example"


class _Session:
    """One connection: what has been sent is answered before the next is sent."""

    def __init__(self, server: Server, template: bytes, first: int, count: int) -> None:
        self._script = _conversation(server, template, first, count)
        self._awaited, self._next = next(self._script)
        self._buffer = b""
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=30)

    def readable(self) -> bool:
        """Take in what has come and send what follows it; whether the session goes on."""
        data = self.socket.recv(65536)
        if not data:
            raise UnexpectedReplyError("the server closed the connection")
        self._buffer += data
        while self._answered():
            if not self._next:
                return False
            self.socket.sendall(self._next)
            self._awaited, self._next = next(self._script)
        return True

    def _answered(self) -> bool:
        """Whether every awaited reply has come; they are taken off the buffer."""
        lines = self._buffer.split(b"\r\n")
        final = [line for line in lines[:-1] if line[3:4] != b"-"]
        for line, code in zip(final, self._awaited, strict=False):
            if not line.startswith(code):
                raise UnexpectedReplyError(line.decode("ascii", "replace"))
        if len(final) < len(self._awaited):
            return False
        self._buffer = b""
        return True


def _conversation(
    server: Server, template: bytes, first: int, count: int
) -> Iterator[tuple[tuple[bytes, ...], bytes]]:
    """Yield (codes awaited, what to send once they have come); an empty text ends."""
    yield (b"220",), b"EHLO bench.example\r\n"
    if server.username:
        plain = base64.b64encode(f"\0{server.username}\0{server.password}".encode())
        yield (b"250",), b"AUTH PLAIN " + plain + b"\r\n"
        awaited: tuple[bytes, ...] = (b"235",)
    else:
        awaited = (b"250",)
    for number in range(first, first + count):
        envelope = b"MAIL FROM:<%b>\r\nRCPT TO:<r%d@dest.example>\r\nDATA\r\n"
        yield awaited, envelope % (server.sender.encode(), number)
        yield (b"250", b"250", b"354"), numbered(template, number) + b".\r\n"
        awaited = (b"250",)
    yield awaited, b"QUIT\r\n"
    yield (b"221",), b""


def send(
    server: Server, template: bytes, *, messages: int, sessions: int = 20, per_session: int = 100
) -> float:
    """Send `messages` over `sessions` connections at a time; return the seconds it took.

    A connection carries at most 100 messages, as SparkPost asks of its clients; then another begins.
    """
    per_session = max(1, min(per_session, messages // sessions))  # as many connections as were asked for
    starts = list(range(0, messages, per_session))
    share = [min(per_session, messages - start) for start in starts]
    waiting = list(zip(starts, share, strict=True))
    selector = selectors.DefaultSelector()
    began = time.perf_counter()
    open_sessions = 0
    while waiting or open_sessions:
        while waiting and open_sessions < sessions:
            first, count = waiting.pop()
            session = _Session(server, template, first, count)
            selector.register(session.socket, selectors.EVENT_READ, session)
            open_sessions += 1
        for key, _ in selector.select(30):
            if not key.data.readable():
                selector.unregister(key.fileobj)
                key.data.socket.close()
                open_sessions -= 1
    return time.perf_counter() - began
