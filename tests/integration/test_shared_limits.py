"""Two hosts whose policy daemons count limits on one Redis, asked in Postfix's own protocol."""

import contextlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from estafeta_core import board, metrics
from estafeta_testing.milter_site import Site
from estafeta_testing.redis_server import RedisServer, redis_server

PATIENCE = 20.0  # seconds for what takes well under one on an idle machine
DUNNO = "DUNNO"
PATIENT = 4.0  # the longest time-out: a loaded machine must not make a server that works look away
LIMITED = re.compile(r"451 4\.7\.1 Per-(minute|hour|day) rate limit exceeded\. Retry after \d+ seconds\.")
UNCOUNTED = "451 4.3.5 Recipients cannot be counted now, try again later"


class Session:
    """One smtpd that asks the policy daemon of its host."""

    def __init__(self, place: Path, number: int, credential: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(PATIENCE)
        try:
            self._socket.connect(str(place))
        except OSError:
            self._socket.close()
            raise
        self._request = (
            "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=127.0.0.1\n"
            f"client_port={4000 + number}\nsender=news@acme.example\nrecipient=r@example.net\n"
            f"sasl_username=acme/{credential}\ninstance={number}.0\npolicy_context=submission\n\n"
        ).encode()

    def rcpt(self) -> str:
        """Return the action for one more RCPT TO."""
        self._socket.sendall(self._request)
        reply = b""
        while not reply.endswith(b"\n\n"):
            data = self._socket.recv(4096)
            assert data, "the daemon closed the connection"
            reply += data
        return reply.decode().removeprefix("action=").strip()

    def close(self) -> None:
        self._socket.close()


class Host:
    """A host's files, and its policy daemon."""

    def __init__(self, folder: Path, store: str, away: str, timeout: float) -> None:
        folder.mkdir()
        self._site = Site(folder)
        self._site.configure(f"limits: {{store: '{store}', hosts: 2, away: {away}, timeout: {timeout}}}\n")
        self._sessions: list[Session] = []

    def limits(self, credential: str) -> None:
        self._site.account(main=f", limits: {credential}")

    def start(self) -> None:
        with self._site.log.open("ab") as log:
            command = [sys.executable, "-m", "estafeta_postfix", "--config", str(self._site.config)]
            self.process = subprocess.Popen([*command, "serve", "policy"], stderr=log)

    @property
    def log(self) -> str:
        return self._site.log.read_text()

    def session(self, credential: str = "main") -> Session:
        """Return a session as soon as the daemon takes one."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                made = Session(self._site.folder / "run" / "policy.sock", len(self._sessions), credential)
            except OSError:
                assert time.monotonic() < deadline, self.log
                time.sleep(0.02)
            else:
                self._sessions.append(made)
                return made

    def counted(self, outcome: str) -> float:
        """Return how many decisions the daemon made without the server."""
        (sheet,) = board.sheets(self._site.folder / "run", metrics.BOARD, damaged=lambda _: None)
        return sheet.cells[metrics.LIMITS_AWAY[outcome]._place]

    def end(self) -> None:
        for session in self._sessions:
            session.close()
        self.process.send_signal(signal.SIGTERM)
        try:
            assert self.process.wait(PATIENCE) == 0
        finally:
            self.process.kill()
        assert "Traceback" not in self.log


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as running:
        yield running


@contextlib.contextmanager
def two_hosts(
    tmp_path: Path, server: RedisServer, limits: str, *, away: str = "share", timeout: float = PATIENT
) -> Iterator[tuple[Host, Host]]:
    hosts = tuple(Host(tmp_path / name, server.url, away, timeout) for name in ("one", "two"))
    for host in hosts:
        host.limits(limits)
        host.start()
    try:
        yield hosts[0], hosts[1]
    finally:
        for host in hosts:
            host.end()


def until(answer: Callable[[], str], wanted: Callable[[str], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not wanted(last := answer()):
        assert time.monotonic() < deadline, last
        time.sleep(0.05)


def test_g4_of_two_hundred_attempts_at_twenty_sessions_on_two_hosts_exactly_a_hundred_pass(
    tmp_path: Path, server: RedisServer
) -> None:
    with two_hosts(tmp_path, server, "{per_hour: 100, per_day: 150}") as hosts:
        sessions = [host.session() for host in hosts for _ in range(10)]
        with ThreadPoolExecutor(len(sessions)) as threads:
            replies = list(threads.map(lambda session: [session.rcpt() for _ in range(10)], sessions))
        said = [reply for of_session in replies for reply in of_session]
        assert said.count(DUNNO) == 100
        assert all(LIMITED.fullmatch(reply) for reply in said if reply != DUNNO)
        assert [host.counted("share") for host in hosts] == [0, 0]


def test_a_killed_server_leaves_each_host_its_share(tmp_path: Path, server: RedisServer) -> None:
    with two_hosts(tmp_path, server, "{per_hour: 20}") as hosts:
        sessions = [host.session() for host in hosts]
        assert [session.rcpt() for session in sessions] == [DUNNO, DUNNO]
        server.kill()
        for host, session in zip(hosts, sessions, strict=True):
            said = [session.rcpt() for _ in range(25)]
            assert said.count(DUNNO) == 10
            assert all(LIMITED.fullmatch(reply) for reply in said if reply != DUNNO)
            assert host.counted("share") == 25
        server.start()
        for session in sessions:  # of what is used up here the server knows nothing
            until(session.rcpt, DUNNO.__eq__)
        said = [session.rcpt() for _ in range(10) for session in sessions]
        assert said.count(DUNNO) == 18, "both hosts count on one server again, which began at zero"
        for host in hosts:
            assert host.log.count("is away") == host.log.count("answers again") == 1


def test_g3_while_a_server_stands_still(tmp_path: Path, server: RedisServer) -> None:
    with two_hosts(tmp_path, server, "{per_hour: 1000}", away="defer") as (host, _):
        limited, free = host.session(), host.session("sender")
        assert [limited.rcpt(), free.rcpt()] == [DUNNO, DUNNO]
        with server.held(), ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(limited.rcpt)
            assert {free.rcpt() for _ in range(50)} == {DUNNO}
            assert not waiting.done(), "nobody else waits while it does"
            assert waiting.result() == UNCOUNTED
            assert limited.rcpt() == UNCOUNTED
        until(limited.rcpt, DUNNO.__eq__)
        assert host.counted("defer") >= 2
        assert host.log.count("is away") == 1


def test_a_daemon_that_is_told_to_end_answers_what_it_was_asked(tmp_path: Path, server: RedisServer) -> None:
    with two_hosts(tmp_path, server, "{per_hour: 1000}", timeout=1.0) as (host, _), server.held():
        limited = host.session()
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(limited.rcpt)
            time.sleep(0.2)
            host.process.send_signal(signal.SIGTERM)
            assert waiting.result() == DUNNO
        assert host.process.wait(PATIENCE) == 0
