"""A listener behind the receipt proxy that answers as a test tells it to, on a socket of its own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

EHLO = b"250-mx.example.com\r\n250-PIPELINING\r\n250-XFORWARD NAME ADDR\r\n250 SMTPUTF8\r\n"
QUEUED = b"250 2.0.0 Ok: queued as 4Xq\r\n"
CLOSE = b""  # the answer of one that closes the connection
LINE = 1 << 30  # bytes; some messages are one
SILENCE = b"\0"  # the answer of one that gives none


@dataclass
class Behind:
    """A listener: what it was told, and what it answers to the first word of a line."""

    path: Path
    said: list[bytes] = field(default_factory=list)  # command lines
    messages: list[bytes] = field(default_factory=list)  # as they came, stuffed dots and all
    answers: dict[bytes, bytes] = field(default_factory=dict)
    come: int = 0  # connections
    gone: int = 0  # those of them that have ended

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Listen."""
        server = await asyncio.start_unix_server(self._serve, str(self.path), limit=LINE)
        try:
            yield
        finally:
            server.close()
            await until(lambda: self.gone == self.come)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.come += 1
        try:
            if not self._answer(writer, b"BANNER", b"220 mx.example.com ESMTP\r\n"):
                return
            while line := await reader.readline():
                self.said.append(line.removesuffix(b"\r\n"))
                verb = line.split()[0].upper()
                default = {b"EHLO": EHLO, b"DATA": b"354 go ahead\r\n"}.get(verb, b"250 2.1.0 Ok\r\n")
                if not self._answer(writer, verb, default):
                    return
                if verb == b"DATA" and self.answers.get(verb, default).startswith(b"354"):
                    self.messages.append(await _content(reader))
                    if not self._answer(writer, b".", QUEUED):
                        return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.gone += 1
            writer.close()

    def _answer(self, writer: asyncio.StreamWriter, verb: bytes, default: bytes) -> bool:
        answer = self.answers.get(verb, default)
        if answer not in (CLOSE, SILENCE):
            writer.write(answer)
        return answer != CLOSE


async def _content(reader: asyncio.StreamReader) -> bytes:
    """Return the message up to the line with the final dot."""
    content = b""
    while (line := await reader.readuntil(b"\r\n")) != b".\r\n":
        content += line
    return content


async def until(true: Callable[[], object]) -> None:
    """Wait until `true` says so."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for may be anything
            await asyncio.sleep(0.01)
