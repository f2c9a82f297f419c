"""The daemon as a process, with a store of its own."""

import asyncio
import grp
import logging
import os
import smtplib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from estafeta_core.links import Links
from estafeta_core.store import Store, open_store
from estafeta_core.store.rows import Message
from estafeta_postfix.mail_intake import daemon
from estafeta_postfix.mail_intake.daemon import AWAY, TAKEN, Taker
from estafeta_postfix.mail_intake.intake import Intake
from estafeta_postfix.mail_intake.kept import Kept
from estafeta_testing.returned import LINKS, notice
from estafeta_testing.stored import make_rows
from estafeta_testing.tenants import NOTICED

GROUP = grp.getgrgid(os.getgid()).gr_name
RECEIVED = "Received: from x (y)\r\n\tby mx.example.com (Postfix) with ESMTP id 4jd20S5vWhzJM7v\r\n"


class Process:
    """The folder of a configuration, and the process that serves it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "estafeta.yaml"
        self.key = folder / "link.key"
        self.socket = folder / "run" / "intake.sock"
        for name in ("run", "accounts.d", "state"):
            (folder / name).mkdir()
        self.key.write_bytes(b"k" * 64)
        self.links = Links([b"k" * 64], "https://click.example.com", "bounce.example.com")
        self.config.write_text(
            "hostname: mx.example.com\nbase_url: https://click.example.com\n"
            "bounce_domain: bounce.example.com\nstore_timeout: 0.5\n"
            f"signing_keys: [link.key]\nrun_dir: run\nstate_dir: state\nsocket_group: {GROUP}\n"
            f"store: sqlite:///{folder}/estafeta.db\n"
            "listeners: {submission: {dialects: [sparkpost], port: 2500}}\n"
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "subprocess.Popen[bytes]":
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "estafeta_postfix", "--config", str(self.config), "serve", "intake"]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log)
        self.wait(lambda: "serving" in self.log())
        return self.process

    def wait(self, look: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + 20
        while not look():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def log(self) -> str:
        """Return what the process has logged."""
        return (self.folder / "log").read_text()

    def message(self) -> Message:
        """Record a message to one recipient and return the copy."""
        rows = make_rows()
        with closing(open_store(f"sqlite:///{self.folder}/estafeta.db")) as store:
            store.record(rows)
        assert isinstance(rows[1], Message)
        return rows[1]

    def send(self, recipient: str, raw: bytes) -> tuple[int, bytes]:
        """Hand a message over as lmtp(8) would; return the answer to it."""
        with smtplib.LMTP(str(self.socket)) as client:
            client.ehlo()
            client.docmd("MAIL", "FROM:<>")
            client.docmd("RCPT", f"TO:<{recipient}>")
            return client.data(raw)

    def bounces(self) -> int:
        """Return how many bounces are in the store."""
        with closing(sqlite3.connect(self.folder / "estafeta.db")) as connection:
            sql = "SELECT count(*) FROM events WHERE type = 'out_of_band'"
            return int(connection.execute(sql).fetchone()[0])

    @contextmanager
    def locked_store(self) -> Iterator[None]:
        """Have another process's transaction stand in the way of every write."""
        connection = sqlite3.connect(self.folder / "estafeta.db", isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
        connection.close()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Process]:
    made = Process(tmp_path)
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()


def test_a_bounce_is_durable_before_its_answer_and_worth_one_line(running: Process) -> None:
    running.start()
    message = running.message()
    address = running.links.bounce_address(message.message_id)
    assert running.send(address, notice(head=RECEIVED)) == (250, b"2.0.0 Ok")
    assert running.bounces() == 1
    [_serving, line] = running.log().splitlines()
    told = f"out-of-band bounce of message {message.message_id}, class 10, status 5.1.1, suppressed"
    assert line.endswith(f": info: 4jd20S5vWhzJM7v: to=<{address}>: {told}")


def test_while_the_store_is_away_postfix_is_told_to_come_again(running: Process) -> None:
    running.start()
    address = running.links.bounce_address(running.message().message_id)
    with running.locked_store():
        assert running.send(address, notice())[0] == 451
    assert running.bounces() == 0
    for _ in range(2):  # the answer to the first may be lost
        assert running.send(address, notice())[0] == 250
    assert running.bounces() == 1


def test_what_cannot_be_kept_for_people_is_not_taken(running: Process) -> None:
    running.start()
    (running.folder / "state" / "intake").write_text("in the way")
    assert running.send("postmaster@bounce.example.com", b"Subject: x\r\n\r\n")[0] == 451
    (running.folder / "state" / "intake").unlink()
    assert running.send("postmaster@bounce.example.com", b"Subject: x\r\n\r\n")[0] == 250
    assert len(list((running.folder / "state" / "intake" / "new").iterdir())) == 1


@pytest.mark.parametrize("raw", [b"", b"\0\xff", b"Content-Type: multipart/report; boundary=x\r\n" * 2000])
def test_no_content_is_refused_or_deferred(running: Process, raw: bytes) -> None:
    running.start()
    for local_part in ("b+x", "fbl", "unsubscribe", "abuse", "unknown", ""):
        assert running.send(f"{local_part}@bounce.example.com", raw)[0] == 250


def test_a_key_that_is_taken_away_opens_nothing_any_more(running: Process) -> None:
    running.start()
    address = running.links.bounce_address(running.message().message_id)
    running.key.write_bytes(b"n" * 64)
    time.sleep(NOTICED)
    assert running.send(address, notice())[0] == 250
    assert running.bounces() == 0
    assert "ignored: no token of ours" in running.log()


def test_sigterm_ends_it_with_status_0_and_its_socket_is_postfixs_alone(running: Process) -> None:
    process = running.start()
    assert running.socket.stat().st_mode & 0o777 == 0o660
    process.terminate()
    assert process.wait(20) == 0


def test_a_second_one_does_not_take_the_socket_away(running: Process) -> None:
    running.start()
    assert daemon.run_intake(running.config) == 1


@pytest.mark.parametrize("text", ["hostname: 5\n", ""])
def test_a_configuration_that_cannot_be_used_is_an_exit_status(running: Process, text: str) -> None:
    running.config.write_text(text)
    assert daemon.run_intake(running.config) == 1


def test_what_a_bug_cannot_read_is_kept_and_does_not_come_again(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    intake = Intake(store, LINKS, "mx.example.com")
    del intake.links
    taker = Taker(intake, store, Kept(tmp_path / "intake"), patience=5)
    raw = notice(head=RECEIVED)
    with caplog.at_level(logging.INFO):
        answers = asyncio.run(taker.take("", ["b+t@bounce.example.com", "postmaster@x"], raw))
    assert answers == [TAKEN, TAKEN]
    kept = [path.read_bytes() for path in (tmp_path / "intake" / "new").iterdir()]
    assert sum(raw in content for content in kept) == 2
    assert "4jd20S5vWhzJM7v: cannot be read, kept for the operator" in caplog.text


def test_what_cannot_be_kept_after_a_bug_comes_again(store: Store, tmp_path: Path) -> None:
    intake = Intake(store, LINKS, "mx.example.com")
    del intake.links
    (tmp_path / "intake").write_text("in the way")
    taker = Taker(intake, store, Kept(tmp_path / "intake"), patience=5)
    assert asyncio.run(taker.take("", ["b+t@bounce.example.com"], notice())) == [AWAY]
