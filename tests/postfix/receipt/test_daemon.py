"""The proxy as a process, before a listener of the test's own."""

import asyncio
import grp
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from estafeta_core.config.load import load_config
from estafeta_core.sockets import SocketError
from estafeta_core.tickets import LISTENER
from estafeta_postfix.receipt import daemon
from estafeta_testing.behind import SILENCE, Behind

GROUP = grp.getgrgid(os.getgid()).gr_name
MESSAGE = (
    b"EHLO mx\r\n",
    b"MAIL FROM:<a@example.com>\r\n",
    b"RCPT TO:<b@example.net>\r\n",
    b"DATA\r\n",
    b"Subject: x\r\n\r\nbody\r\n.\r\n",
)


class Proxy:
    """The folder of a configuration, and the process that serves it."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "estafeta.yaml"
        self.socket = folder / "run" / "receipt.sock"
        self.log = folder / "log"
        self.behind = Behind(folder / "queue" / "public" / LISTENER)
        for name in ("run", "accounts.d", "queue/public"):
            (folder / name).mkdir(parents=True)
        (folder / "link.key").write_bytes(b"k" * 64)
        self.config.write_text(
            "hostname: mx.example.com\nbase_url: https://click.example.com\n"
            "bounce_domain: bounce.example.com\n"
            f"signing_keys: [link.key]\nrun_dir: run\nsocket_group: {GROUP}\nqueue_directory: queue\n"
            f"store: sqlite:///{folder}/estafeta.db\n"
            "listeners: {teenvio: {dialects: [teenvio], port: 2500, receipt: true}}\n"
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it, and wait until it listens."""
        with self.log.open("wb") as log:
            command = [
                sys.executable,
                "-m",
                "estafeta_postfix",
                "--config",
                str(self.config),
                "serve",
                "receipt",
            ]
            self.process = subprocess.Popen(command, stderr=log)
        deadline = time.monotonic() + 20
        while b"serving" not in self.log.read_bytes():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return self.process

    def connect(self) -> socket.socket:
        """Return a connection that has been greeted."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(20)
        try:
            connection.connect(str(self.socket))
        except OSError:
            connection.close()
            raise
        assert connection.recv(1000) == b"220 mx.example.com ESMTP\r\n"
        return connection


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    made = Proxy(tmp_path)
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()


def send(connection: socket.socket) -> bytes:
    """Send a message and return the reply to its final dot."""
    reply = b""
    for piece in MESSAGE:
        connection.sendall(piece)
        reply = connection.recv(1000)
    return reply


def with_listener(behind: Behind, work: Callable[[], None]) -> None:
    """Run `work` in a thread while the listener answers."""

    async def run() -> None:
        async with behind.running():
            await asyncio.to_thread(work)

    asyncio.run(run())


def test_it_hands_messages_on_and_no_command_is_worth_a_line_of_the_log(proxy: Proxy) -> None:
    proxy.start()

    def work() -> None:
        with proxy.connect() as connection:
            assert send(connection) == b"250 OK\r\n", "the listener has queued what the store does not know"

    with_listener(proxy.behind, work)
    assert len(proxy.behind.messages) == 1
    assert proxy.log.read_text().count("\n") == 1


def test_its_socket_is_for_postfix_alone(proxy: Proxy) -> None:
    proxy.start()
    assert proxy.socket.stat().st_mode & 0o777 == 0o660


def test_sighup_changes_nothing(proxy: Proxy) -> None:
    process = proxy.start()
    process.send_signal(signal.SIGHUP)

    def work() -> None:
        with proxy.connect() as connection:
            assert send(connection) == b"250 OK\r\n"

    with_listener(proxy.behind, work)
    assert process.poll() is None


def test_sigterm_lets_the_message_in_hand_come_to_its_end(proxy: Proxy) -> None:
    process = proxy.start()

    def work() -> None:
        with proxy.connect() as connection:
            for piece in MESSAGE[:-1]:
                connection.sendall(piece)
                connection.recv(1000)
            process.terminate()
            time.sleep(0.3)
            assert process.poll() is None
            with pytest.raises(OSError, match=r"refused|No such file"):
                proxy.connect()
            connection.sendall(MESSAGE[-1])
            assert connection.recv(1000) == b"250 OK\r\n"
        assert process.wait(10) == 0

    with_listener(proxy.behind, work)
    assert len(proxy.behind.messages) == 1


def test_sigterm_does_not_wait_for_ever(proxy: Proxy) -> None:
    proxy.behind.answers[b"."] = SILENCE
    process = proxy.start()

    def work() -> None:
        with proxy.connect() as connection:
            for piece in MESSAGE[:-1]:
                connection.sendall(piece)
                connection.recv(1000)
            connection.sendall(MESSAGE[-1])
            begun = time.monotonic()
            process.terminate()
            assert process.wait(20) == 0
            assert time.monotonic() - begun < 10

    with_listener(proxy.behind, work)


def test_a_second_one_does_not_take_the_socket_away(proxy: Proxy) -> None:
    proxy.start()
    assert daemon.run_receipt(proxy.config) == 1


def test_a_path_that_no_socket_can_have_is_said_at_the_start(proxy: Proxy) -> None:
    text = proxy.config.read_text().replace("queue_directory: queue", f"queue_directory: /{'q' * 90}")
    proxy.config.write_text(text)
    with pytest.raises(SocketError, match="choose a shorter queue_directory"):
        daemon.listener_socket(load_config(proxy.config))


def test_a_configuration_that_cannot_be_used_is_an_exit_status(
    proxy: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    proxy.config.write_text("hostname: 5\n")
    assert daemon.run_receipt(proxy.config) == 1
