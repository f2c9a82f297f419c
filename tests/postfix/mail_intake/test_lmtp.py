"""LMTP as lmtp(8) speaks it, over a real socket."""

import asyncio
import smtplib
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from estafeta_postfix.mail_intake.lmtp import Conversation
from estafeta_testing.smtp import stuffed

Taken = tuple[str, list[str], bytes]


class Server:
    """A server in a thread of its own, which keeps what it takes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken: list[Taken] = []
        self.pause = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)
        self._ready = threading.Event()
        self._thread.start()
        self._ready.wait(10)

    async def take(self, sender: str, recipients: list[str], raw: bytes) -> list[str]:
        await asyncio.sleep(self.pause)
        if b"fault" in raw:
            raise ValueError
        self.taken.append((sender, recipients, raw))
        return [f"250 2.0.0 {number}" for number, _ in enumerate(recipients)]

    def _run(self) -> None:
        async def serve() -> None:
            server = await self._loop.create_unix_server(
                lambda: Conversation(self.take, "mx"), str(self.path)
            )
            self._stop = asyncio.Event()
            self._ready.set()
            await self._stop.wait()
            server.close()

        self._loop.run_until_complete(serve())
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()

    def close(self) -> None:
        """Stop it."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    def send(self, raw: bytes, mail: str = "FROM:<>", recipients: Sequence[str] = ("x@y",)) -> list[bytes]:
        """Hand a message over; return the answer for each recipient."""
        with smtplib.LMTP(str(self.path), timeout=20) as client:
            client.command_encoding = "utf-8"
            client.ehlo()
            assert client.docmd("MAIL", mail)[0] == 250
            for recipient in recipients:
                assert client.docmd("RCPT", f"TO:<{recipient}>")[0] == 250
            assert client.docmd("DATA")[0] == 354
            client.send(stuffed(raw))
            return [client.getreply()[1] for _ in recipients]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "lmtp.sock")
    yield made
    made.close()


def test_a_message_is_taken_byte_for_byte(server: Server) -> None:
    raw = b"Subject: x\r\n\r\n.dot\xff\0\r\n" + b"y" * 1_000_000 + b"\r\n"
    answers = server.send(raw, "FROM:<> SIZE=10 BODY=8BITMIME", ["b+t@bounce.example.com"])
    assert answers == [b"2.0.0 0"]
    assert server.taken == [("", ["b+t@bounce.example.com"], raw)]


def test_each_recipient_has_an_answer(server: Server) -> None:
    assert server.send(b"x\r\n", recipients=["a@b", "c@d", "e@f"]) == [b"2.0.0 0", b"2.0.0 1", b"2.0.0 2"]


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ('<"a b\\">"@c.example>', '"a b\\">"@c.example'),
        ("<ü@example.net> SMTPUTF8", "ü@example.net"),
        ("<a..b@-x->", "a..b@-x-"),
        (" <MAILER-DAEMON>", "MAILER-DAEMON"),
    ],
)
def test_every_address_is_taken_as_it_is_written(server: Server, path: str, address: str) -> None:
    server.send(b"x\r\n", f"FROM:{path}")
    assert [taken[0] for taken in server.taken] == [address]


def test_what_postfix_needs_is_announced(server: Server) -> None:
    with smtplib.LMTP(str(server.path), timeout=20) as client:
        client.ehlo()
        assert client.has_extn("8BITMIME")
        assert client.has_extn("SMTPUTF8")


def test_messages_in_hand_do_not_keep_others_waiting(server: Server) -> None:
    server.pause = 2.0
    begun = time.monotonic()
    threads = [threading.Thread(target=server.send, args=(b"x\r\n",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(server.taken) == 8
    assert time.monotonic() - begun < 8.0


def test_a_fault_of_ours_is_never_a_refusal(server: Server) -> None:
    assert server.send(b"fault\r\n") == [b"4.3.0 Internal error, try again later"]
    assert server.send(b"x\r\n") == [b"2.0.0 0"]
