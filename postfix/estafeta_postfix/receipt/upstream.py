"""The listener behind the proxy, as its client: commands and a message out, replies in (RFC 5321).

One connection carries one message. Every wait ends: after `REPLY` seconds, or when the other side goes.

Raises OSError (ConnectionError, TimeoutError) when no reply can be had; the connection is then useless.
"""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

# The milter behind the listener is given 45 seconds for a message; the public smtpd waits longer than this
# for us, and its client for a minute.
REPLY = 50.0
_LINES = 1000  # of one reply; Postfix writes a dozen to EHLO and one to all else
_LINE = re.compile(rb"([2-5]\d\d)(?:([ -]).*)?", re.DOTALL)


def stuffed(content: bytes) -> bytes:
    """Return a message as DATA carries it (RFC 5321 section 4.5.2); a line ends in CRLF and nothing else."""
    doubled = content.replace(b"\r\n.", b"\r\n..")
    return b"." + doubled if doubled.startswith(b".") else doubled


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply: its code, and its lines as they came, without their ends."""

    code: int
    lines: tuple[bytes, ...]

    def __bytes__(self) -> bytes:
        return b"\r\n".join(self.lines)


class Upstream:
    """One connection to the listener."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._waiting = False  # for a reply

    @classmethod
    async def connect(cls, path: Path) -> Self:
        """Return a connection to the socket at `path` that has been greeted."""
        async with asyncio.timeout(REPLY):
            connection = cls(*await asyncio.open_unix_connection(str(path)))
            try:
                greeting = await connection._reply()
                if greeting.code != 220:
                    raise ConnectionError(f"greeted with {bytes(greeting)!r}")
            except BaseException:
                connection.close()
                raise
            return connection

    async def command(self, line: bytes) -> Reply:
        """Send one command and return the reply."""
        return await self._exchange(line + b"\r\n")

    async def content(self, content: bytes) -> Reply:
        """Send a message, whose last line has its end, and return the reply to the final dot."""
        return await self._exchange(stuffed(content) + b".\r\n")

    async def _exchange(self, data: bytes) -> Reply:
        async with asyncio.timeout(REPLY):
            self._waiting = True
            self._writer.write(data)
            await self._writer.drain()
            reply = await self._reply()
            self._waiting = False
            return reply

    async def _reply(self) -> Reply:
        lines: list[bytes] = []
        while len(lines) < _LINES:
            try:
                line = await self._reader.readuntil(b"\r\n")
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
                raise ConnectionError(f"no reply: {error}") from None
            lines.append(line.removesuffix(b"\r\n"))
            match = _LINE.fullmatch(lines[-1])
            if match is None:
                break
            if match[2] != b"-":
                return Reply(int(match[1]), tuple(lines))
        raise ConnectionError(f"not a reply: {lines[-1]!r}")

    def close(self) -> None:
        """Take leave, or go at once from what is under way: nothing that is still to be sent is sent then.

        So a message whose final dot has not left is gone, as it must be when nobody waits for its answer.
        """
        if self._waiting:
            self._writer.transport.abort()
        else:
            self._writer.write(b"QUIT\r\n")
            self._writer.close()
