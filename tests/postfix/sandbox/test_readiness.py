import asyncio
import socket
from pathlib import Path

import pytest

from estafeta_postfix.sandbox import readiness


async def never() -> bool:
    return False


def test_a_part_that_keeps_dying_is_told_with_its_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("".join(f"line {number}\n" for number in range(20)))
    with pytest.raises(readiness.NotReadyError, match=r"milter does not start:\nline 15\n"):
        asyncio.run(readiness.wait("milter", never, lambda: readiness.DEATHS, log))


def test_a_part_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "ANSWER_TIMEOUT", 0.1)
    with pytest.raises(readiness.NotReadyError, match="does not answer"):
        asyncio.run(readiness.wait("web", never, lambda: 0, tmp_path / "no-log"))


def test_a_unix_socket_answers_when_somebody_listens(tmp_path: Path) -> None:
    path = tmp_path / "s"
    probe = readiness.unix_socket(path)
    assert not asyncio.run(probe())
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert not asyncio.run(probe())
        listener.listen()
        assert asyncio.run(probe())


@pytest.mark.parametrize(
    ("greeting", "expected"), [(b"220 mx ESMTP\r\n", True), (b"421 busy\r\n", False), (b"", False)]
)
def test_an_smtp_server_answers_when_it_greets(greeting: bytes, expected: bool) -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        writer.close()

    async def scenario() -> bool:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            return await readiness.smtp_banner("127.0.0.1", server.sockets[0].getsockname()[1], tls=False)()

    assert asyncio.run(scenario()) is expected


def test_an_smtp_server_behind_a_proxy_greets_who_says_what_it_waits_for() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx ESMTP\r\n" if await reader.readexactly(5) == b"PROXY" else b"421 who?\r\n")
        writer.close()

    async def scenario() -> bool:
        async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await readiness.smtp_banner("127.0.0.1", port, tls=False, first=b"PROXY")()

    assert asyncio.run(scenario())


@pytest.mark.parametrize(
    ("status", "expected"), [(b"HTTP/1.1 200 OK\r\n", True), (b"HTTP/1.1 503 no\r\n", False), (b"", False)]
)
def test_the_web_service_answers_when_it_is_healthy(status: bytes, expected: bool) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readline()).startswith(b"GET /healthz ")
        writer.write(status + b"\r\n")
        writer.close()

    async def scenario() -> bool:
        async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
            return await readiness.http("127.0.0.1", server.sockets[0].getsockname()[1], "/healthz")()

    assert asyncio.run(scenario()) is expected


def test_nobody_there_is_no_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        assert not asyncio.run(readiness.smtp_banner("127.0.0.1", port, tls=True)())
        assert not asyncio.run(readiness.http("127.0.0.1", port, "/healthz")())
