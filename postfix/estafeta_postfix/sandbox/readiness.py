"""Waiting until the parts of a sandbox answer, each asked as its clients would ask it.

Raises NotReadyError when a part keeps dying or does not answer in time, with what it logged last.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path

ANSWER_TIMEOUT = 30.0  # seconds: a cold start on a busy machine takes about five
LOOK_EVERY = 0.02
DEATHS = 3  # in a row: a daemon that cannot run says so at once

Probe = Callable[[], Coroutine[object, object, bool]]


class NotReadyError(Exception):
    """A part does not answer; the text says which and why."""


def tail(log: Path, lines: int = 5) -> str:
    """Return the last lines of a log, or nothing when there is none."""
    try:
        return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


async def wait(what: str, probe: Probe, deaths: Callable[[], int], log: Path) -> None:
    """Ask `probe` until it says yes."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + ANSWER_TIMEOUT
    while not await probe():
        if deaths() >= DEATHS:
            raise NotReadyError(f"{what} does not start:\n{tail(log)}")
        if loop.time() > give_up:
            raise NotReadyError(f"{what} does not answer after {ANSWER_TIMEOUT:.0f} s:\n{tail(log)}")
        await asyncio.sleep(LOOK_EVERY)


def unix_socket(path: Path) -> Probe:
    """Ask whether somebody accepts connections at `path`."""

    async def probe() -> bool:
        with contextlib.suppress(OSError):
            _reader, writer = await asyncio.open_unix_connection(str(path))
            writer.close()
            return True
        return False

    return probe


def smtp_banner(host: str, port: int, *, tls: bool, first: bytes = b"") -> Probe:
    """Ask whether an SMTP server greets; with `tls` from the start, whether it takes the connection.

    `first` is what it wants to hear before that.
    """

    async def probe() -> bool:
        with contextlib.suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(first)
                return tls or (await asyncio.wait_for(reader.readline(), 5.0)).startswith(b"220")
            finally:
                writer.close()
        return False

    return probe


def http(host: str, port: int, path: str) -> Probe:
    """Ask whether a page answers 200."""

    async def probe() -> bool:
        with contextlib.suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                status = await asyncio.wait_for(reader.readline(), 5.0)
                return status.split()[1:2] == [b"200"]
            finally:
                writer.close()
        return False

    return probe
