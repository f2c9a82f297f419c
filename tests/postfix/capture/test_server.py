import asyncio
import smtplib
import subprocess
import sys
import time
from pathlib import Path

from estafeta_postfix import ports
from estafeta_postfix.capture import server
from estafeta_postfix.capture.outbox import PEERS, Outbox
from estafeta_postfix.capture.server import serve


def test_an_ordinary_client_delivers_several_messages_in_one_session(tmp_path: Path) -> None:
    def send(port: int) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
            client.sendmail("s@example.org", ["a@example.com"], b"Subject: 1\r\n\r\n.\r\n..\r\n")
            client.sendmail(
                "s@example.org", ["b@example.com"], b"Subject: 2\r\n\r\n" + b"x" * 500_000 + b"\r\n"
            )
            assert client.has_extn("8bitmime")
            assert client.has_extn("smtputf8")
            assert client.has_extn("pipelining")

    async def scenario() -> None:
        async with await serve(Outbox(tmp_path), "127.0.0.1", 0) as server:
            await asyncio.to_thread(send, server.sockets[0].getsockname()[1])

    asyncio.run(scenario())
    first, second = (path.read_bytes() for path in sorted((tmp_path / "new").iterdir()))
    assert first.endswith(b"\r\nSubject: 1\r\n\r\n.\r\n..\r\n")
    assert len(second) > 500_000
    assert (tmp_path / PEERS).read_text().count(" 127.0.0.1 ") == 2


def test_by_itself_it_is_a_program(tmp_path: Path) -> None:
    port, intake = ports.take(2)
    command = [sys.executable, "-m", server.__name__, str(tmp_path), str(port), str(intake), "bounce.example"]
    with subprocess.Popen(command) as process:
        try:
            with _greeted(port) as client:
                client.sendmail("s@example.org", ["a@example.com"], b"Subject: 1\r\n\r\n")
        finally:
            process.terminate()
    [kept] = (tmp_path / "new").iterdir()
    assert kept.read_bytes().startswith(b"Return-Path: <s@example.org>\r\nDelivered-To: a@example.com\r\n")


def _greeted(port: int) -> smtplib.SMTP:
    for _ in range(600):
        try:
            return smtplib.SMTP("127.0.0.1", port, timeout=10)
        except ConnectionRefusedError:
            time.sleep(0.1)
    raise AssertionError("it does not answer")
